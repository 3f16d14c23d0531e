"""DenseNet121 (Huang et al., CVPR 2017), of the literature in the paper's Table 11, with the usual head.

Behind the input that its ImageNet weights expect: ImageNet's mean 0 and deviation 1.
"""

from functools import partial

from fer_bench.models.canonical import with_head
from fer_bench.models.card import ModelCard
from fer_bench.models.scaling import as_torch

APPLICATION = "DenseNet121"

CARD = ModelCard(
    name="densenet121",
    title="DenseNet121",
    build=partial(with_head, APPLICATION, name="densenet121", scaling=as_torch),
    reference="Huang et al., Densely Connected Convolutional Networks, CVPR 2017; 7-way head on the pooled features",
    trainable_parameters=6_961_031,
    non_trainable_parameters=83_648,
    imagenet_application=APPLICATION,
    min_image_size=32,
)
