"""The layers of a model, whatever contains them."""

from collections.abc import Iterator
from typing import Any

from fer_bench.models.scaling import NAME as SCALING


def every_layer(model: Any) -> Iterator[Any]:
    """Yield the layers of a built ``keras.Model``, those within its layers and within models in it too."""
    yield from model._flatten_layers(include_self=False)  # Keras' own walk; ``layers`` has only the outermost.


def dropouts(model: Any) -> Iterator[Any]:
    """Yield the layers of a built ``keras.Model`` that drop features at random, of whatever kind.

    A dropout with a noise shape is left out: it drops whole branches (stochastic depth, as in EfficientNet).
    """
    import keras

    kinds = (keras.layers.Dropout, keras.layers.AlphaDropout, keras.layers.GaussianDropout)
    for layer in every_layer(model):
        if isinstance(layer, kinds) and not getattr(layer, "noise_shape", None):
            yield layer


def compute_in(model: Any, precision: str) -> None:
    """Let the layers of a built ``keras.Model`` compute in a Keras dtype policy, in place; weights stay as they are.

    Dense layers keep float32: they are the logits and their softmax, and cost next to nothing. So does whatever gives
    the logits in a model without one, such as a convolution with its pooling and softmax: in bfloat16, of two or three
    digits, answers would tie. And so does the scaling of the input, whose values of up to 255 bfloat16 would round to
    whole gray levels.
    """
    import keras

    kept = {id(layer) for layer in _last(model)}
    for layer in every_layer(model):
        if not isinstance(layer, keras.layers.Dense) and layer.name != SCALING and id(layer) not in kept:
            layer.dtype_policy = precision


def _last(model: Any) -> list[Any]:
    """Return the last layer with weights, with those within it, and all layers behind it."""
    import keras

    at = max((number for number, layer in enumerate(model.layers) if layer.weights), default=0)
    last, *behind = model.layers[at:]
    within = _last(last) if isinstance(last, keras.Model) and last.layers else last._flatten_layers()
    return [*within, *(layer for outer in behind for layer in outer._flatten_layers())]
