"""The layers of a model, whatever contains them."""

from collections.abc import Iterator
from typing import Any

from fer_bench.models.scaling import NAME as SCALING


def every_layer(model: Any) -> Iterator[Any]:
    """Yield the layers of a built ``keras.Model``, those within its layers and within models in it too."""
    yield from model._flatten_layers(include_self=False)  # Keras' own walk; ``layers`` has only the outermost.


def compute_in(model: Any, precision: str) -> None:
    """Let the layers of a built ``keras.Model`` compute in a Keras dtype policy, in place; weights stay as they are.

    Dense layers keep float32: they are the logits and their softmax, and cost next to nothing. So does the scaling of
    the input, whose values of up to 255 bfloat16 would round to whole gray levels.
    """
    import keras

    for layer in every_layer(model):
        if not isinstance(layer, keras.layers.Dense) and layer.name != SCALING:
            layer.dtype_policy = precision
