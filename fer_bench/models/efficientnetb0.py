"""EfficientNet-B0 (Tan and Le, ICML 2019), of the literature in the paper's Table 11, with the usual head.

Keras scales the input within the network: by 1 / 255, then by a layer that holds mean and variance as weights. With
random weights it leaves the latter at 0 and 1; with ImageNet weights it reads them from the file, where the variance
is the standard deviation, and adds a third layer that makes up for that. Besides, the values that it computes with
stay behind in an export to ONNX. Here one plain scaling stands for all three, whatever the start.
"""

from typing import Any

from fer_bench.models.canonical import with_head
from fer_bench.models.card import ModelCard
from fer_bench.models.scaling import NAME, as_torch

APPLICATION = "EfficientNetB0"


def build(image_size: int, classes: int) -> Any:
    """Build EfficientNet-B0 behind what its ImageNet weights expect in the end: ImageNet's mean 0 and deviation 1."""
    import keras

    model = with_head(APPLICATION, image_size, classes, "efficientnetb0", as_torch)
    return keras.models.clone_model(model, clone_function=_without_own_scaling)


def _without_own_scaling(layer: Any) -> Any:
    import keras

    if isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization) and layer.name != NAME:
        return keras.layers.Identity(name=layer.name)
    return layer.__class__.from_config(layer.get_config())


CARD = ModelCard(
    name="efficientnetb0",
    title="EfficientNet-B0",
    build=build,
    reference="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019; "
    "7-way head on the pooled features",
    trainable_parameters=4_016_515,
    non_trainable_parameters=42_016,
    imagenet_application=APPLICATION,
    min_image_size=32,
)
