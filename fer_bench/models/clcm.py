"""CLCM, the custom lightweight CNN of the paper (section III-A-3, Figure 3)."""

from typing import Any

from fer_bench.models.card import ModelCard
from fer_bench.models.mobilenetv2 import APPLICATION, load_imagenet

FROZEN_LAYERS = 10
"""Frozen layers of the backbone: input, Conv1 with BN and ReLU, the whole expanded_conv block and block_1_expand.
The text says "the first Bottleneck Residual Block"; only these ten give the published 2,393,191."""


def build(image_size: int, classes: int) -> Any:
    """MobileNetV2 without top, average pooling, Dense 128 and 64 (ReLU, Dropout 0.5 each), Dense(classes, softmax).

    The batch-norm layers among the first ten are frozen too: Keras runs a frozen batch norm in inference mode, so
    neither their weights nor their moving statistics change.
    """
    import keras

    base = keras.applications.MobileNetV2(
        input_shape=(image_size, image_size, 3), weights=None, include_top=False, pooling="avg"
    )
    for layer in base.layers[:FROZEN_LAYERS]:
        layer.trainable = False
    x = base.output
    for units in (128, 64):
        x = keras.layers.Dense(units, activation="relu", name=f"dense_{units}")(x)
        x = keras.layers.Dropout(0.5, name=f"dropout_{units}")(x)
    outputs = keras.layers.Dense(classes, activation="softmax", name="emotions")(x)
    return keras.Model(base.input, outputs, name="clcm")


PAPER = ModelCard(
    name="clcm",
    title="CLCM",
    build=build,
    reference="Gursesli et al., Facial Emotion Recognition (FER) Through Custom Lightweight CNN Model, "
    "IEEE Access 2024, section III-A-3",
    trainable_parameters=2_393_191,
    non_trainable_parameters=37_472,
    paper_trainable_parameters=2_393_191,
    imagenet_application=APPLICATION,
    load_imagenet=load_imagenet,
)
