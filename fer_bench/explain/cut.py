"""A network cut in two at its last convolutional feature map."""

import math
from dataclasses import dataclass
from typing import Any

from fer_bench.errors import FerBenchError
from fer_bench.profiling.graph import functional, nodes


@dataclass(frozen=True)
class Parts:
    """The two parts of a network."""

    inputs: Any
    """Keras tensors that the network begins with."""
    tensor: Any
    """The feature map, a Keras tensor (None, height, width, channels)."""
    layer: str
    """Name of the layer that makes it."""
    rest: Any
    """The ``keras.Model`` from the feature map to the input of the softmax, or to that of ``dense``."""
    dense: Any | None
    """The dense layer that has the softmax."""

    def head(self, features: Any) -> Any:
        """Return the logits (n, classes) of feature maps (n, height, width, channels), in inference mode."""
        from keras import ops

        x = self.rest(features, training=False)
        if self.dense is None:
            return x
        logits = ops.matmul(x, self.dense.kernel)
        return logits + self.dense.bias if self.dense.use_bias else logits


def cut(model: Any, name: str) -> Parts:
    """Cut a functional ``keras.Model`` that ends in a softmax at the map that its last global pooling takes.

    Models within the model are entered. Messages call it ``name``.

    Raises:
        FerBenchError: see :class:`fer_bench.explain.gradcam.GradCam`.
    """
    import keras

    model = functional(model, name)
    if any(isinstance(operation, keras.Model | keras.Function) for operation in model.operations):
        fresh = [keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype) for tensor in model.inputs]
        model = keras.Model(fresh, _inlined(model, fresh), name=model.name)
    steps = list(nodes(model))
    (answer,) = model.outputs
    logits, dense = _before_softmax(steps, answer, name)
    tensor, layer = _last_map(steps, model.inputs[0].shape[1:3], name)
    if id(logits) not in _reached(steps, tensor):
        raise FerBenchError(
            f"model {name!r}: its answer does not depend on the feature map of {layer!r} alone; Grad-CAM needs "
            "one map that everything goes through"
        )
    return Parts(model.inputs, tensor, layer, keras.Model(tensor, logits), dense)


def _inlined(model: Any, given: list[Any]) -> list[Any]:
    """Call a model on Keras tensors layer by layer, those of the models within it too."""
    import keras

    known = dict(zip(map(id, model.inputs), given, strict=True))
    for step in nodes(model):
        if not all(id(tensor) in known for tensor in step.input_tensors):
            continue
        if isinstance(step.operation, keras.Model | keras.Function):
            inner = functional(step.operation, step.operation.name)
            outputs = _inlined(inner, [known[id(tensor)] for tensor in step.input_tensors])
        else:
            args, kwargs = step.arguments.fill_in(known)
            outputs = keras.tree.flatten(step.operation(*args, **kwargs))
        known.update(zip(map(id, step.output_tensors), outputs, strict=True))
    return [known[id(tensor)] for tensor in model.outputs]


def _reached(steps: list[Any], tensor: Any) -> set[int]:
    """Return the ``id`` of every Keras tensor that follows from this one alone."""
    known = {id(tensor)}
    for step in steps:
        if all(id(own) in known for own in step.input_tensors):
            known.update(map(id, step.output_tensors))
    return known


def _before_softmax(steps: list[Any], answer: Any, name: str) -> tuple[Any, Any | None]:
    """Return the tensor that the logits are, or are made from by the dense layer that is returned with it."""
    import keras

    last = _producer(steps, answer)
    operation = last.operation if last else None
    softmax = isinstance(operation, keras.layers.Softmax) or (
        getattr(operation, "activation", None) is keras.activations.softmax
    )
    if last is not None and softmax:
        if isinstance(operation, keras.layers.Dense):
            return last.input_tensors[0], operation
        if isinstance(operation, keras.layers.Softmax | keras.layers.Activation):
            return last.input_tensors[0], None
    kind = "" if isinstance(operation, keras.layers.Layer) else ", which is no layer"
    raise FerBenchError(
        f"model {name!r} ends in {type(operation).__name__}{kind}; Grad-CAM needs the logits, so a Dense, Activation "
        "or Softmax layer with a softmax must come last"
    )


def _last_map(steps: list[Any], size: tuple[int, int], name: str) -> tuple[Any, str]:
    """Return the last feature map with more than one place, the input of a pooling, and the name of its layer."""
    leaving = [
        step for step in steps if any(map(_is_map, step.input_tensors)) and not any(map(_is_map, step.output_tensors))
    ]
    tensor = next(filter(_is_map, leaving[-1].input_tensors)) if leaving else None
    while tensor is not None and _places(tensor) == 1:
        tensor = _unpooled(steps, tensor)  # as in MobileNetV3, whose last convolutions come after the pooling
    maker = None if tensor is None else _producer(steps, tensor)
    if not any(map(_convolves, steps)):
        raise FerBenchError(f"model {name!r}: no convolutional feature map, so Grad-CAM has nothing to show")
    if tensor is None or maker is None or not _has_convolution(steps, tensor):
        raise FerBenchError(
            f"model {name!r}: no convolutional feature map with more than one place at {size[0]} x {size[1]} pixels; "
            "Grad-CAM has nothing to show. Train it on larger images (image_size in the recipe)"
        )
    height, width = tensor.shape[1:3]
    if size[0] == size[1] and height != width:  # Such as (channels, height, width), or heads of attention.
        raise FerBenchError(
            f"model {name!r}: what {maker.operation.name!r} makes of square pictures is {height} x {width}, so these "
            "are no places in them; Grad-CAM needs a feature map (height, width, channels)"
        )
    return tensor, maker.operation.name


def _unpooled(steps: list[Any], tensor: Any) -> Any | None:
    """Return what a tensor of one place is made from; ``None`` where a convolution came down to that place."""
    step = _producer(steps, tensor)
    if step is None or len(step.input_tensors) != 1:
        return None
    (before,) = step.input_tensors
    convolved = _places(before) > 1 and bool(getattr(step.operation, "weights", None))
    return None if convolved else before


def _places(tensor: Any) -> int:
    """Return how many places a feature map has; 1 for a vector."""
    return math.prod(tensor.shape[1:3]) if _is_map(tensor) else 1


def _is_map(tensor: Any) -> bool:
    return len(tensor.shape) == 4


def _producer(steps: list[Any], tensor: Any) -> Any | None:
    return next((step for step in steps if any(own is tensor for own in step.output_tensors)), None)


def _convolves(step: Any) -> bool:
    """Return whether a step is a layer with a kernel of four axes."""
    return any(len(weight.shape) == 4 for weight in getattr(step.operation, "weights", ()))


def _has_convolution(steps: list[Any], tensor: Any) -> bool:
    """Return whether a convolution comes before this tensor."""
    pending, seen = [tensor], set()
    while pending:
        step = _producer(steps, pending.pop())
        if step is None or id(step) in seen:
            continue
        seen.add(id(step))
        if _convolves(step):
            return True
        pending += step.input_tensors
    return False
