"""Inception-V3 (Szegedy et al., CVPR 2016), of the literature in the paper's Table 11, with the usual head.

Its ImageNet weights expect the network's own input, [-1, 1].
"""

from functools import partial

from fer_bench.models.canonical import with_head
from fer_bench.models.card import ModelCard

APPLICATION = "InceptionV3"

CARD = ModelCard(
    name="inceptionv3",
    title="Inception-V3",
    build=partial(with_head, APPLICATION, name="inceptionv3"),
    reference="Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016; "
    "7-way head on the pooled features",
    trainable_parameters=21_782_695,
    non_trainable_parameters=34_432,
    imagenet_application=APPLICATION,
    min_image_size=75,
)
