"""ResNet-50 (He et al., CVPR 2016), of the literature in the paper's Table 11, with the usual head."""

from typing import Any

from fer_bench.models.canonical import with_head
from fer_bench.models.card import ModelCard
from fer_bench.models.pretrained import copy_imagenet
from fer_bench.models.scaling import as_caffe

APPLICATION = "ResNet50"


def build(image_size: int, classes: int) -> Any:
    """Build ResNet-50 behind the input that its ImageNet weights expect: BGR, 0 to 255, less ImageNet's mean."""
    return with_head(APPLICATION, image_size, classes, "resnet50", as_caffe)


def load_imagenet(model: Any, weights: str) -> None:
    """Copy ImageNet weights into the layers of ResNet-50 (see :func:`copy_imagenet`)."""
    copy_imagenet(model, APPLICATION, weights)


CARD = ModelCard(
    name="resnet50",
    title="ResNet-50",
    build=build,
    reference="He et al., Deep Residual Learning for Image Recognition, CVPR 2016; 7-way head on the pooled features",
    trainable_parameters=23_548_935,
    non_trainable_parameters=53_120,
    imagenet_application=APPLICATION,
    load_imagenet=load_imagenet,
    min_image_size=32,
)
