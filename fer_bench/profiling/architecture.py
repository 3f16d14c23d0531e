"""The architecture of a built Keras model as a sequence of units: layers and building blocks (paper, Tables 2 and 3).

Nothing is read from layer names. Between two units a single tensor is alive, so whatever branches and joins again is
one unit: residual bottlenecks (joined by an addition), ShuffleNetV2's blocks (joined by a concatenation). A bottleneck
without a residual connection is a chain, known by its shape: a 1x1 convolution that expands (not always there), a
depthwise one, and a 1x1 convolution without activation (Sandler et al., CVPR 2018).
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fer_bench.models.architecture import SCHEMA, Architecture, Unit
from fer_bench.profiling.graph import Graph, Step, Tensor, read_graph

_BEFORE = frozenset({"Pad", "ZeroPadding2D"})
"""What belongs to the layer after it."""
_AFTER = frozenset(
    {
        *("Activation", "BatchNormalization", "Dropout", "Flatten", "GaussianNoise", "Identity", "LayerNormalization"),
        *("LeakyReLU", "PReLU", "Permute", "ReLU", "Relu", "Relu6", "Reshape", "Softmax", "SpatialDropout2D"),
        *("Squeeze", "Transpose"),
    }
)
"""What belongs to the layer before it."""
_ACTIVATIONS = frozenset({"Activation", "LeakyReLU", "PReLU", "ReLU", "Relu", "Relu6"})
_NAMES = {
    "AveragePooling2D": "Average Pooling",
    "DepthwiseConv2D": "Depthwise Conv2D",
    "GlobalAveragePooling2D": "Global Average Pooling",
    "GlobalMaxPooling2D": "Global Max Pooling",
    "MaxPooling2D": "Max Pooling",
}
_POINTWISE, _DEPTHWISE = "Conv2D 1x1", "Depthwise Conv2D"
_BOTTLENECK, _BUILDING = "Bottleneck Block", "Building Block"


@dataclass
class _Piece:
    """The steps between two tensors that all data goes through."""

    layer: str
    steps: list[Step]
    source: Tensor
    target: Tensor

    @property
    def linear(self) -> bool:
        """Whether no activation follows its one convolution."""
        first = next(step for step in self.steps if _kind(step) not in _BEFORE)
        own = getattr(getattr(first.operation, "activation", None), "__name__", "linear")
        return own == "linear" and not any(_kind(step) in _ACTIVATIONS for step in self.steps)


def architecture(name: str, model: Any, image_size: int, classes: int) -> Architecture:
    """Return the units of a built functional or sequential ``keras.Model``, in the order in which they run.

    Raises:
        FerBenchError: the model's graph cannot be read.
    """
    graph = read_graph(model)
    counted: set[int] = set()
    units = tuple(_unit(piece, counted) for piece in _with_bottlenecks(_pieces(graph)))
    return Architecture(model=name, image_size=image_size, classes=classes, units=units)


def to_text(found: Iterable[Architecture]) -> str:
    """Return the text of ``architectures.json``: JSON with one unit per line, so that a change is a short diff."""
    models = []
    for item in found:
        head, _, _ = json.dumps(dataclasses.asdict(dataclasses.replace(item, units=()))).rpartition("[]")
        units = ",\n   ".join(json.dumps(dataclasses.asdict(unit)) for unit in item.units)
        models.append(f" {head}[\n   {units}]}}")
    return f'{{"schema": {SCHEMA}, "models": [\n' + ",\n".join(models) + "\n]}\n"


def _kind(step: Step) -> str:
    return type(step.operation).__name__


def _pieces(graph: Graph) -> list[_Piece]:
    pieces: list[_Piece] = []
    waiting: list[Step] = []
    source = graph.inputs[0]
    for steps, target in _between_cuts(graph):
        (kind, *others) = [_kind(step) for step in steps]
        alone = not others
        if alone and kind in _BEFORE:
            waiting += steps
            continue
        if alone and kind in _AFTER and pieces and not waiting:
            pieces[-1].steps += steps
            # A mere change of shape, such as Flatten, is not shown; the unit's own output is.
            if len(target.shape) == len(pieces[-1].target.shape):
                pieces[-1].target = target
            source = target
            continue
        pieces.append(_Piece(_layer(steps), [*waiting, *steps], source, target))
        waiting, source = [], target
    return pieces


def _between_cuts(graph: Graph) -> list[tuple[list[Step], Tensor]]:
    """Cut the graph after each tensor that is then the only one alive; return the steps of each part and the tensor."""
    last_use = {tensor.number: position for position, step in enumerate(graph.steps) for tensor in step.inputs}
    last_use |= {tensor.number: len(graph.steps) for tensor in graph.outputs}
    alive = {tensor.number for tensor in graph.inputs}
    found: list[tuple[list[Step], Tensor]] = []
    steps: list[Step] = []
    for position, step in enumerate(graph.steps):
        if not step.outputs and found and not steps:
            found[-1][0].append(step)  # stands for the weights of a layer that was entered
            continue
        steps.append(step)
        alive |= {tensor.number for tensor in step.outputs}
        alive = {number for number in alive if last_use.get(number, -1) > position}
        if len(alive) == 1 and step.outputs and step.outputs[0].number in alive:
            found.append((steps, step.outputs[0]))
            steps = []
    if steps:  # several outputs, or an output that is not the last to be made
        found.append((steps, graph.outputs[0]))
    return found


def _layer(steps: Sequence[Step]) -> str:
    kinds = [_kind(step) for step in steps]
    if "Concatenate" in kinds:
        return _BUILDING
    if len(kinds) > 1 and "Add" in kinds:
        return _BOTTLENECK if "DepthwiseConv2D" in kinds else "Residual Block"
    (kind, *others) = kinds
    if others:
        return "Block"
    if kind == "Conv2D" and tuple(steps[0].operation.kernel_size) == (1, 1):
        return _POINTWISE
    return _NAMES.get(kind, kind)


def _with_bottlenecks(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Join the chains that are bottlenecks without a residual connection."""
    joined: list[_Piece] = []
    for piece in pieces:
        joined.append(piece)
        if [item.layer for item in joined[-2:]] != [_DEPTHWISE, _POINTWISE] or not piece.linear:
            continue
        size = 3 if len(joined) > 2 and joined[-3].layer == _POINTWISE and not joined[-3].linear else 2
        parts, joined = joined[-size:], joined[:-size]
        steps = [step for part in parts for step in part.steps]
        joined.append(_Piece(_BOTTLENECK, steps, parts[0].source, piece.target))
    return joined


def _unit(piece: _Piece, counted: set[int]) -> Unit:
    """Describe a piece; ``counted`` holds the weights that earlier pieces have counted."""
    stride = None
    if len(piece.source.shape) == len(piece.target.shape) == 3:
        stride = round(piece.source.shape[0] / piece.target.shape[0])
    parameters = trainable = 0
    for step in piece.steps:
        learnt = {id(weight) for weight in getattr(step.operation, "trainable_weights", ())}
        for weight in getattr(step.operation, "weights", ()):
            if id(weight) not in counted:
                counted.add(id(weight))
                parameters += math.prod(weight.shape)
                trainable += math.prod(weight.shape) * (id(weight) in learnt)
    return Unit(
        layer=piece.layer,
        input=piece.source.shape,
        output=piece.target.shape,
        stride=stride,
        parameters=parameters,
        trainable_parameters=trainable,
    )
