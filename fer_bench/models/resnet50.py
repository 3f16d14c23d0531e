"""ResNet-50 (He et al., CVPR 2016), of the literature in the paper's Table 11, with the usual head.

Behind the input that its ImageNet weights expect: BGR, 0 to 255, less ImageNet's mean.
"""

from functools import partial

from fer_bench.models.canonical import with_head
from fer_bench.models.card import ModelCard
from fer_bench.models.scaling import as_caffe

APPLICATION = "ResNet50"

CARD = ModelCard(
    name="resnet50",
    title="ResNet-50",
    build=partial(with_head, APPLICATION, name="resnet50", scaling=as_caffe),
    reference="He et al., Deep Residual Learning for Image Recognition, CVPR 2016; 7-way head on the pooled features",
    trainable_parameters=23_548_935,
    non_trainable_parameters=53_120,
    imagenet_application=APPLICATION,
    min_image_size=32,
)
