"""Inception-V3 (Szegedy et al., CVPR 2016), of the literature in the paper's Table 11, with the usual head."""

from typing import Any

from fer_bench.models.canonical import with_head
from fer_bench.models.card import ModelCard
from fer_bench.models.pretrained import copy_imagenet

APPLICATION = "InceptionV3"


def build(image_size: int, classes: int) -> Any:
    """Build Inception-V3; its ImageNet weights expect the network's own input, [-1, 1]."""
    return with_head(APPLICATION, image_size, classes, "inceptionv3")


def load_imagenet(model: Any, weights: str) -> None:
    """Copy ImageNet weights into the layers of Inception-V3 (see :func:`copy_imagenet`)."""
    copy_imagenet(model, APPLICATION, weights)


CARD = ModelCard(
    name="inceptionv3",
    title="Inception-V3",
    build=build,
    reference="Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016; "
    "7-way head on the pooled features",
    trainable_parameters=21_782_695,
    non_trainable_parameters=34_432,
    imagenet_application=APPLICATION,
    load_imagenet=load_imagenet,
    min_image_size=75,
)
