"""ShuffleNetV2 (Ma et al., ECCV 2018): the paper's doubled variant, and the reference network.

The paper's count of 3,997,795 (Table 6) is that of a network at the reference's 1.0x widths in which *each branch*
of a unit has the full stage width, so that stages put out 232, 464 and 928 channels instead of 116, 232 and 464;
with biases in the units' convolutions and no batch norm in the stem and the last convolution. Its pooling is only
called "Global Pooling": average and max give the same parameters and GFLOPs to the published digits.
"""

from typing import Any, Literal

from fer_bench.models.card import ModelCard

UNITS = (4, 8, 4)
"""Units per stage: one that halves the resolution, and the rest."""


def _shuffle(x: Any) -> Any:
    """Interleave the two halves of the channels (channel shuffle with two groups)."""
    from keras import ops

    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height, width, 2, channels // 2))
    return ops.reshape(ops.transpose(x, (0, 1, 2, 4, 3)), (-1, height, width, channels))


def build_paper(image_size: int, classes: int, pooling: Literal["average", "max"] = "average") -> Any:
    """Build the paper's network: branch widths 116, 232, 464, biased convolutions, global pooling, Dense softmax."""
    import keras
    from keras import layers, ops

    def convolution(x: Any, width: int) -> Any:
        x = layers.Conv2D(width, 1, padding="same")(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    def depthwise(x: Any, stride: int) -> Any:
        return layers.BatchNormalization()(layers.DepthwiseConv2D(3, stride, padding="same")(x))

    def unit(x: Any, width: int, stride: int) -> Any:
        if stride == 2:
            other = convolution(depthwise(x, 2), width)
        else:
            other, x = ops.split(x, 2, axis=-1)
        x = convolution(depthwise(convolution(x, width), stride), width)
        return _shuffle(layers.Concatenate()([x, other]))

    inputs = keras.Input((image_size, image_size, 3))
    x = layers.Conv2D(24, 3, 2, padding="same", use_bias=False, activation="relu")(inputs)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for width, units in zip((116, 232, 464), UNITS, strict=True):
        for position in range(units):
            x = unit(x, width, stride=2 if position == 0 else 1)
    x = layers.Conv2D(1024, 1, padding="same", activation="relu")(x)
    pool = layers.GlobalAveragePooling2D() if pooling == "average" else layers.GlobalMaxPooling2D()
    outputs = layers.Dense(classes, activation="softmax", name="emotions")(pool(x))
    return keras.Model(inputs, outputs, name="shufflenetv2")


def build_paper_max(image_size: int, classes: int) -> Any:
    """Build the paper's network with global max pooling, as a public Keras port has it."""
    return build_paper(image_size, classes, pooling="max")


def _reference(image_size: int, classes: int, widths: tuple[int, int, int], last: int, name: str) -> Any:
    """Build the network of Ma et al., Table 5: stage outputs ``widths``, no biases, a batch norm after every one.

    Padding is one pixel on every side, as in the original, where Keras' "same" pads a strided layer on one only.
    """
    import keras
    from keras import layers, ops

    def convolution(x: Any, width: int, size: int = 1, stride: int = 1) -> Any:
        if size > 1:
            x = layers.ZeroPadding2D(size // 2)(x)
        x = layers.Conv2D(width, size, stride, use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    def depthwise(x: Any, stride: int) -> Any:
        x = layers.DepthwiseConv2D(3, stride, use_bias=False)(layers.ZeroPadding2D(1)(x))
        return layers.BatchNormalization()(x)

    def unit(x: Any, width: int, stride: int) -> Any:
        if stride == 2:
            other = convolution(depthwise(x, 2), width // 2)
        else:
            other, x = ops.split(x, 2, axis=-1)
        x = convolution(depthwise(convolution(x, width // 2), stride), width // 2)
        return _shuffle(layers.Concatenate()([other, x]))

    inputs = keras.Input((image_size, image_size, 3))
    x = convolution(inputs, 24, size=3, stride=2)
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for width, units in zip(widths, UNITS, strict=True):
        for position in range(units):
            x = unit(x, width, stride=2 if position == 0 else 1)
    x = layers.GlobalAveragePooling2D()(convolution(x, last))
    outputs = layers.Dense(classes, activation="softmax", name="emotions")(x)
    return keras.Model(inputs, outputs, name=name)


def build_reference_10(image_size: int, classes: int) -> Any:
    """Build the reference network at 1.0x."""
    return _reference(image_size, classes, (116, 232, 464), 1024, "shufflenetv2-canonical")


def build_reference_15(image_size: int, classes: int) -> Any:
    """Build the reference network at 1.5x."""
    return _reference(image_size, classes, (176, 352, 704), 1024, "shufflenetv2-canonical-1.5x")


def build_reference_20(image_size: int, classes: int) -> Any:
    """Build the reference network at 2.0x."""
    return _reference(image_size, classes, (244, 488, 976), 2048, "shufflenetv2-canonical-2.0x")


_REFERENCE = "Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, ECCV 2018"

PAPER = ModelCard(
    name="shufflenetv2",
    title="ShuffleNetV2",
    build=build_paper,
    reference=f"{_REFERENCE}; the paper's variant: 1.0x widths with doubled branches, average pooling",
    trainable_parameters=3_997_795,
    non_trainable_parameters=28_120,
    paper_trainable_parameters=3_997_795,
)

PAPER_MAX_POOLING = ModelCard(
    name="shufflenetv2-maxpool",
    title="ShuffleNetV2 (max pooling)",
    build=build_paper_max,
    reference=f"{_REFERENCE}; the paper's variant with global max pooling",
    trainable_parameters=3_997_795,
    non_trainable_parameters=28_120,
)

CANONICAL = ModelCard(
    name="shufflenetv2-canonical",
    title="ShuffleNetV2 1.0x (reference)",
    build=build_reference_10,
    reference=f"{_REFERENCE}, 1.0x",
    trainable_parameters=1_260_779,
    non_trainable_parameters=16_180,
)

CANONICAL_15 = ModelCard(
    name="shufflenetv2-canonical-1.5x",
    title="ShuffleNetV2 1.5x (reference)",
    build=build_reference_15,
    reference=f"{_REFERENCE}, 1.5x",
    trainable_parameters=2_485_799,
    non_trainable_parameters=23_440,
)

CANONICAL_20 = ModelCard(
    name="shufflenetv2-canonical-2.0x",
    title="ShuffleNetV2 2.0x (reference)",
    build=build_reference_20,
    reference=f"{_REFERENCE}, 2.0x",
    trainable_parameters=5_359_339,
    non_trainable_parameters=33_716,
)
