"""EfficientNet-B0 (Tan and Le, ICML 2019), of the literature in the paper's Table 11, with the usual head.

Keras scales the input within the network: by 1 / 255, then by a layer that holds mean and variance as weights. With
random weights it leaves the latter at 0 and 1; with ImageNet weights it reads them from the file, where the variance
is the standard deviation, and adds a third layer that makes up for that. Here the layer holds ImageNet's mean and
variance whatever the start, so that one network has one scaling.
"""

from typing import Any

import numpy as np

from fer_bench.models.canonical import with_head
from fer_bench.models.card import ModelCard
from fer_bench.models.pretrained import copy_imagenet
from fer_bench.models.scaling import TORCH_MEAN, TORCH_STD, as_bytes

APPLICATION = "EfficientNetB0"


def build(image_size: int, classes: int) -> Any:
    """Build EfficientNet-B0 behind the input that it expects: RGB, 0 to 255."""
    model = with_head(APPLICATION, image_size, classes, "efficientnetb0", as_bytes)
    _normalise(model)
    return model


def load_imagenet(model: Any, weights: str) -> None:
    """Copy ImageNet weights into the layers of EfficientNet-B0 (see :func:`copy_imagenet`)."""
    copy_imagenet(model, APPLICATION, weights)
    _normalise(model)


def _normalise(model: Any) -> None:
    """Give the normalisation within the network ImageNet's mean and variance."""
    import keras

    (layer,) = [layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)]
    values = {
        "0": np.array(TORCH_MEAN),
        "1": np.square(TORCH_STD),
        "2": np.array(0),
    }  # the last counts what it has seen
    layer.load_own_variables(values)  # set_weights would leave the constants that the layer computes with


CARD = ModelCard(
    name="efficientnetb0",
    title="EfficientNet-B0",
    build=build,
    reference="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019; "
    "7-way head on the pooled features",
    trainable_parameters=4_016_515,
    non_trainable_parameters=42_023,
    imagenet_application=APPLICATION,
    load_imagenet=load_imagenet,
    min_image_size=32,
)
