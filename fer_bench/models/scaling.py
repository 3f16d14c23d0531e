"""From the network's input, RGB in [-1, 1], to what the ImageNet weights of an application were trained on.

Plain Keras layers without weights, so that a model with its scaling can be saved, exported and counted on any backend.
They stay float32 under mixed precision.
"""

from typing import Any

# As keras.applications.imagenet_utils.preprocess_input has them.
TORCH_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's RGB values, scaled to [0, 1]."""
TORCH_STD = (0.229, 0.224, 0.225)
"""Standard deviation of the same."""
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
"""Mean of ImageNet's BGR values, 0 to 255."""
NAME = "input_scaling"
"""Of the layer that scales."""


def as_torch(x: Any) -> Any:
    """Scale to [0, 1], subtract ImageNet's mean and divide by its standard deviation, channel by channel, RGB."""
    moments = list(zip(TORCH_MEAN, TORCH_STD, strict=True))
    return _scaled(x, [0.5 / std for _, std in moments], [(0.5 - mean) / std for mean, std in moments])


def as_caffe(x: Any) -> Any:
    """Scale to 0 to 255, change the channels to BGR and subtract ImageNet's mean."""
    import keras

    red, green, blue = keras.ops.split(x, 3, axis=-1)
    x = keras.layers.Concatenate(name="bgr")([blue, green, red])
    return _scaled(x, 127.5, [127.5 - mean for mean in CAFFE_MEAN_BGR])


def _scaled(x: Any, scale: float | list[float], offset: float | list[float]) -> Any:
    import keras

    return keras.layers.Rescaling(scale, offset, name=NAME, dtype="float32")(x)
