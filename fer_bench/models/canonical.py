"""The usual way to use an application of Keras: its pooled features under one softmax layer."""

from collections.abc import Callable
from typing import Any


def with_head(
    application: str, image_size: int, classes: int, name: str, scaling: Callable[[Any], Any] | None = None
) -> Any:
    """Return an application without its top, global average pooling, Dense(classes, softmax); random weights.

    Args:
        application: name in ``keras.applications``.
        image_size: height and width of the input, pixels.
        classes: outputs.
        name: of the model.
        scaling: from the network's input, RGB in [-1, 1], to the application's; ``None`` where that is the same.
    """
    import keras

    inputs = keras.Input((image_size, image_size, 3))
    base = getattr(keras.applications, application)(
        input_tensor=scaling(inputs) if scaling else inputs,
        input_shape=(image_size, image_size, 3),
        weights=None,
        include_top=False,
        pooling="avg",
    )
    outputs = keras.layers.Dense(classes, activation="softmax", name="emotions")(base.output)
    return keras.Model(inputs, outputs, name=name)
