"""MobileNetV2 (Sandler et al., CVPR 2018), as the paper used it and as it is usually used.

The paper's count of 3,511,879 trainable parameters (Table 6) is that of Keras' MobileNetV2 *with its 1000-way top
kept* and a 7-way softmax layer on those 1000 outputs. Whether the top kept its softmax, Keras' default, the count does
not tell and the paper does not say. The usual head sits on the pooled features.
"""

from functools import partial
from typing import Any, Literal

from fer_bench.models.card import Backbone, Head, ModelCard

APPLICATION = "MobileNetV2"
BACKBONE = Backbone(layers=154, stages=(9, 27, 54, 116, 154))
"""All layers up to ``out_relu``; stages end where the feature map halves (at 224: 112, 56, 28, 14 and 7 pixels)."""


def build_paper(
    image_size: int, classes: int, *, name: str = "mobilenetv2", top: Literal["softmax"] | None = "softmax"
) -> Any:
    """MobileNetV2 with its 1000-way top, and Dense(classes, softmax) on the 1000 probabilities (Table 6).

    Without a softmax of the ``top`` the 1000 outputs are linear: what it costs under the 7-way layer.
    """
    import keras

    base = keras.applications.MobileNetV2(
        input_shape=(image_size, image_size, 3), weights=None, classifier_activation=top
    )
    outputs = keras.layers.Dense(classes, activation="softmax", name="emotions")(base.output)
    return keras.Model(base.input, outputs, name=name)


def build_canonical(image_size: int, classes: int) -> Any:
    """MobileNetV2 without its top, global average pooling, Dense(classes, softmax)."""
    import keras

    base = keras.applications.MobileNetV2(
        input_shape=(image_size, image_size, 3), weights=None, include_top=False, pooling="avg"
    )
    outputs = keras.layers.Dense(classes, activation="softmax", name="emotions")(base.output)
    return keras.Model(base.input, outputs, name="mobilenetv2-canonical")


_REFERENCE = "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018"

PAPER = ModelCard(
    name="mobilenetv2",
    title="MobileNetV2",
    build=build_paper,
    reference=f"{_REFERENCE}; the paper's parameter count: 1000-way top kept, with its softmax, under the 7-way layer",
    trainable_parameters=3_511_879,
    non_trainable_parameters=34_112,
    paper_trainable_parameters=3_511_879,
    imagenet_application=APPLICATION,
    backbone=BACKBONE,
    heads=(
        Head("7-way on the 1000-way softmax (the paper's parameter count)", "mobilenetv2"),
        Head("7-way on the 1000 outputs, linear (the same count)", "mobilenetv2-linear"),
        Head("7-way on the pooled features", "mobilenetv2-canonical"),
    ),
)

LINEAR = ModelCard(
    name="mobilenetv2-linear",
    title="MobileNetV2 (linear 1000-way)",
    build=partial(build_paper, name="mobilenetv2-linear", top=None),
    reference=f"{_REFERENCE}; the same parameter count, without the softmax of the 1000-way top",
    trainable_parameters=3_511_879,
    non_trainable_parameters=34_112,
    imagenet_application=APPLICATION,
    backbone=BACKBONE,
)

CANONICAL = ModelCard(
    name="mobilenetv2-canonical",
    title="MobileNetV2 (usual head)",
    build=build_canonical,
    reference=f"{_REFERENCE}; 7-way head on the pooled features",
    trainable_parameters=2_232_839,
    non_trainable_parameters=34_112,
    imagenet_application=APPLICATION,
    backbone=BACKBONE,
)
