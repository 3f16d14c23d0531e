"""The graph of a Keras model, as the steps that an inference runs through: read from the model on any backend."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fer_bench.errors import FerBenchError, reason_of
from fer_bench.profiling.operations import is_known

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """One tensor of a graph."""

    number: int
    """The same wherever the tensor appears, also inside a model within the model."""
    shape: Shape
    """Without the batch axis, which is taken to be the first."""


@dataclass(frozen=True)
class Step:
    """One call of one layer or operation."""

    name: str
    """Name of the layer, after those of the models that contain it: ``backbone/Conv1``."""
    operation: Any
    """The ``keras.layers.Layer`` or ``keras.Operation``."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operands: tuple[Any, ...] = ()
    """What the operation was called with by position: Keras tensors, variables, numbers."""


@dataclass(frozen=True)
class Graph:
    """The steps of a model in the order in which Keras runs them, and its inputs and outputs."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    steps: tuple[Step, ...]


def read_graph(model: Any) -> Graph:
    """Return the graph of a functional or sequential ``keras.Model``.

    Models within the model are entered; a layer or model that is called several times gives a step each time. A
    layer of another package is entered too, where its ``call`` is written in Keras layers and ``keras.ops``; a step
    with its name follows, without inputs and outputs, which stands for the layer's own weights.

    Raises:
        FerBenchError: the model is not functional, a size other than the batch is not fixed, or a layer is neither
            known (see :mod:`fer_bench.profiling.operations`) nor can be entered.
    """
    return _Reader().read(model)


class _Reader:
    def __init__(self) -> None:
        self._tensors: dict[int, Tensor] = {}
        """By the ``id`` of the Keras tensor, which is kept alive in ``_kept``."""
        self._kept: list[Any] = []
        self._count = 0

    def read(self, model: Any) -> Graph:
        function = functional(model, model.name)
        for tensor in function.inputs:
            self._tensors[id(tensor)] = self._new(tensor, f"model {model.name!r}")
        inputs = tuple(self._tensors[id(tensor)] for tensor in function.inputs)
        steps = tuple(self._walk(function, ""))
        return Graph(inputs, tuple(self._tensors[id(tensor)] for tensor in function.outputs), steps)

    def _new(self, tensor: Any, whose: str) -> Tensor:
        shape = tuple(tensor.shape[1:])
        if None in shape:
            raise FerBenchError(
                f"{whose} has a tensor of the shape {tuple(tensor.shape)}: give the model a fixed input size"
            )
        self._count += 1
        return Tensor(self._count, shape)

    def _walk(self, function: Any, prefix: str) -> Iterator[Step]:
        import keras

        self._kept.append(function)
        for node in nodes(function):
            if any(id(tensor) not in self._tensors for tensor in node.input_tensors):
                continue  # as Keras does: what the outputs do not need may have no inputs
            operation = node.operation
            name = prefix + operation.name
            if isinstance(operation, keras.Model | keras.Function):
                yield from self._enter(functional(operation, name), node, f"{name}/")
            elif is_known(operation):
                inputs = tuple(self._tensors[id(tensor)] for tensor in node.input_tensors)
                for tensor in node.output_tensors:
                    self._tensors[id(tensor)] = self._new(tensor, f"layer {name!r}")
                outputs = tuple(self._tensors[id(tensor)] for tensor in node.output_tensors)
                yield Step(name, operation, inputs, outputs, tuple(node.arguments.args))
            else:
                yield from self._enter(_opened(node, name), node, f"{name}/")
                yield Step(name, operation, (), ())

    def _enter(self, inner: Any, node: Any, prefix: str) -> Iterator[Step]:
        """Walk a model within the model: its inputs and outputs are those of the node that calls it."""
        for own, given in zip(inner.inputs, node.input_tensors, strict=True):
            self._tensors[id(own)] = self._tensors[id(given)]
        yield from self._walk(inner, prefix)
        for own, given in zip(inner.outputs, node.output_tensors, strict=True):
            self._tensors[id(given)] = self._tensors[id(own)]


def nodes(function: Any) -> Iterator[Any]:
    """Yield the nodes of a functional model in the order in which Keras runs them.

    A node is one call of one layer, model or operation: ``operation``, ``input_tensors``, ``output_tensors``, and
    ``arguments``, whose Keras tensors ``fill_in`` replaces. The model's inputs are no calls and are left out.
    """
    nodes_by_depth = function._nodes_by_depth  # what keras' own summary() walks; there is no public way
    for depth in sorted(nodes_by_depth, reverse=True):
        yield from (node for node in nodes_by_depth[depth] if not node.is_input)


def functional(model: Any, name: str) -> Any:
    """Return a model in a form whose graph can be read.

    Raises:
        FerBenchError: it is not functional, or a sequential one without an input shape; the message says ``name``.
    """
    import keras

    if isinstance(model, keras.Sequential):
        if not model.built:
            raise FerBenchError(f"model {name!r} has no input shape yet: begin it with keras.Input")
        return keras.Model(model.inputs, model.outputs, name=model.name)
    if not isinstance(model, keras.Function):
        raise FerBenchError(
            f"model {name!r} ({type(model).__name__}) is not a functional Keras model: its graph cannot be read"
        )
    return model


def _opened(node: Any, name: str) -> Any:
    """Return the graph of an unknown layer, by calling it on symbolic tensors."""
    import keras

    layer = node.operation
    fresh = {id(tensor): keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype) for tensor in node.input_tensors}
    try:
        args, kwargs = node.arguments.fill_in(fresh)
        outputs = layer.call(*args, **kwargs)
        return keras.Function([fresh[id(tensor)] for tensor in node.input_tensors], outputs)
    except Exception as error:  # Anything may go wrong in another package's layer.
        kind = f"{type(layer).__module__}.{type(layer).__name__}"
        raise FerBenchError(
            f"layer {name!r} has the type {kind}, which the FLOPs rules do not know, and its call cannot be read as "
            f"Keras layers and keras.ops ({reason_of(error)}); write it in "
            "those, or add it to COSTS or FREE in fer_bench/profiling/operations.py"
        ) from error
