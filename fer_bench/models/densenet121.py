"""DenseNet121 (Huang et al., CVPR 2017), of the literature in the paper's Table 11, with the usual head."""

from typing import Any

from fer_bench.models.canonical import with_head
from fer_bench.models.card import ModelCard
from fer_bench.models.pretrained import copy_imagenet
from fer_bench.models.scaling import as_torch

APPLICATION = "DenseNet121"


def build(image_size: int, classes: int) -> Any:
    """Build DenseNet121 behind the input that its ImageNet weights expect: ImageNet's mean 0 and deviation 1."""
    return with_head(APPLICATION, image_size, classes, "densenet121", as_torch)


def load_imagenet(model: Any, weights: str) -> None:
    """Copy ImageNet weights into the layers of DenseNet121 (see :func:`copy_imagenet`)."""
    copy_imagenet(model, APPLICATION, weights)


CARD = ModelCard(
    name="densenet121",
    title="DenseNet121",
    build=build,
    reference="Huang et al., Densely Connected Convolutional Networks, CVPR 2017; 7-way head on the pooled features",
    trainable_parameters=6_961_031,
    non_trainable_parameters=83_648,
    imagenet_application=APPLICATION,
    load_imagenet=load_imagenet,
    min_image_size=32,
)
