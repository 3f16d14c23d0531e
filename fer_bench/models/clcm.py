"""CLCM, the custom lightweight CNN of the paper (section III-A-3, Figure 3)."""

import dataclasses
from typing import Any

from fer_bench.models.card import Head, ModelCard
from fer_bench.models.mobilenetv2 import APPLICATION, BACKBONE

FROZEN_LAYERS = 10
"""Frozen layers of the backbone: input, Conv1 with BN and ReLU, the whole expanded_conv block and block_1_expand.
The text says "the first Bottleneck Residual Block"; only these ten give the published 2,393,191."""
DROPOUT = 0.5


def build(image_size: int, classes: int) -> Any:
    """MobileNetV2 without top, average pooling, Dense 128 and 64 (ReLU, Dropout 0.5 each), Dense(classes, softmax).

    The batch-norm layers among the first ten are frozen too: Keras runs a frozen batch norm in inference mode, so
    neither their weights nor their moving statistics change.
    """
    return _build(image_size, classes, (128, 64), "clcm")


def build_one_layer(image_size: int, classes: int) -> Any:
    """CLCM with one hidden layer, Dense 128 (ReLU, Dropout 0.5), in its head."""
    return _build(image_size, classes, (128,), "clcm-128")


def build_plain(image_size: int, classes: int) -> Any:
    """CLCM's frozen backbone with Dense(classes, softmax) on the pooled features."""
    return _build(image_size, classes, (), "clcm-plain")


def _build(image_size: int, classes: int, hidden: tuple[int, ...], name: str) -> Any:
    import keras

    base = keras.applications.MobileNetV2(
        input_shape=(image_size, image_size, 3), weights=None, include_top=False, pooling="avg"
    )
    for layer in base.layers[:FROZEN_LAYERS]:
        layer.trainable = False
    x = base.output
    for units in hidden:
        x = keras.layers.Dense(units, activation="relu", name=f"dense_{units}")(x)
        x = keras.layers.Dropout(DROPOUT, name=f"dropout_{units}")(x)
    outputs = keras.layers.Dense(classes, activation="softmax", name="emotions")(x)
    return keras.Model(base.input, outputs, name=name)


_BACKBONE = dataclasses.replace(BACKBONE, frozen=FROZEN_LAYERS)
_REFERENCE = (
    "Gursesli et al., Facial Emotion Recognition (FER) Through Custom Lightweight CNN Model, IEEE Access 2024, "
    "section III-A-3"
)

PAPER = ModelCard(
    name="clcm",
    title="CLCM",
    build=build,
    reference=_REFERENCE,
    trainable_parameters=2_393_191,
    non_trainable_parameters=37_472,
    paper_trainable_parameters=2_393_191,
    imagenet_application=APPLICATION,
    backbone=_BACKBONE,
    dropout=DROPOUT,
    heads=(
        Head("128-64-7, dropout 0.5 (the paper's)", "clcm", dropout=DROPOUT),
        Head("128-64-7, no dropout", "clcm"),
        Head("128-7, dropout 0.5", "clcm-128", dropout=DROPOUT),
        Head("7-way on the pooled features", "clcm-plain"),
    ),
)

ONE_LAYER = ModelCard(
    name="clcm-128",
    title="CLCM (head 128)",
    build=build_one_layer,
    reference=f"{_REFERENCE}; one hidden layer in the head, for fer-bench ablate head",
    trainable_parameters=2_385_383,
    non_trainable_parameters=37_472,
    imagenet_application=APPLICATION,
    backbone=_BACKBONE,
    dropout=DROPOUT,
)

PLAIN = ModelCard(
    name="clcm-plain",
    title="CLCM (plain head)",
    build=build_plain,
    reference=f"{_REFERENCE}; no hidden layer in the head, for fer-bench ablate head",
    trainable_parameters=2_229_479,
    non_trainable_parameters=37_472,
    imagenet_application=APPLICATION,
    backbone=_BACKBONE,
)
