"""Complexity of a model, layer by layer: parameters, FLOPs by both rules, memory of the activations.

Everything follows from the Keras graph, on any backend, without running the model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_bench.network import count_parameters
from fer_bench.profiling.graph import Graph, Step, read_graph
from fer_bench.profiling.operations import ALIASES, costs

VALUE_BYTES = 4
"""Bytes of one activation, float32."""

RULE = (
    "a multiply-add counts 2, for every tap of a kernel, also over the padding; a bias 1 a value; batch norm 2 a value "
    "(at inference a scale and a shift, not folded into the convolution before it); an addition or another "
    "element-wise operation 1 a value and further operand; ReLU 1, ReLU6 2, sigmoid 4, softmax 5 a value; a pooling "
    "window of k values k - 1 (max) or k (average); exp, root and comparison 1 each; dropout, padding, reshaping, "
    "concatenation and other moves of data nothing"
)
"""Our rule of the FLOPs, for people: every operation of the graph as it stands."""

PAPER_RULE = (
    "Conv2D, DepthwiseConv2dNative, MatMul (a multiply-add counts 2), BiasAdd, MaxPool, AvgPool, Mean and Softmax "
    "(5 a value) of the frozen inference graph; everything else, as batch norm, additions and ReLU, nothing"
)
"""The rule that gives the published GFLOPs (Table 6), for people.

It is what TensorFlow's profiler printed up to version 2.12 on the frozen inference graph, where fused batch norm,
``AddV2`` and ReLU had no registered count; newer profilers count the first two, and need TensorFlow.
"""

PEAK_RULE = (
    "the largest sum of the tensors alive at once, batch 1, float32, when the layers run one after the other in Keras' "
    "order: a tensor lives from the layer that writes it to the last that reads it; nothing is computed in place, "
    "reshaping and dropout write nothing; weights and a runtime's scratch memory are not in it"
)
"""How the peak of the activations is computed, for people."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One call of one layer."""

    name: str
    """After the names of the models that contain it: ``backbone/Conv1``."""
    kind: str
    """Its class in Keras."""
    output_shape: tuple[int, ...]
    """Without the batch axis; of the first output where there are several; empty where there is none."""
    parameters: int
    """Trainable or not; 0 where an earlier layer or call has the same weights."""
    multiply_adds: int
    flops: int
    flops_paper_rule: int
    activation_bytes: int
    """Bytes of the outputs; 0 where they are an input in another shape."""
    alive_bytes: int
    """Bytes of all tensors alive while the layer runs."""


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """What a model costs."""

    layers: tuple[Layer, ...]
    trainable_parameters: int
    non_trainable_parameters: int
    weight_bytes: int
    """Bytes of all parameters, in the data types of the model."""
    peak_activation_bytes: int
    """See :data:`PEAK_RULE`."""
    multiply_adds: int
    flops: int
    """See :data:`RULE`."""
    flops_paper_rule: int
    """See :data:`PAPER_RULE`."""


def complexity(model: Any) -> Complexity:
    """Return the complexity of a built functional or sequential ``keras.Model``.

    Raises:
        FerBenchError: the model is not functional, a layer or its activation is not known, or a shape is not fixed.
    """
    graph = read_graph(model)
    alive = _alive(graph)
    counted: set[int] = set()
    layers = tuple(_layer(step, size, counted) for step, size in zip(graph.steps, alive, strict=True))
    trainable, others = count_parameters(model)
    return Complexity(
        layers=layers,
        trainable_parameters=trainable,
        non_trainable_parameters=others,
        weight_bytes=weight_bytes(model),
        peak_activation_bytes=max(alive, default=0),
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        flops=sum(layer.flops for layer in layers),
        flops_paper_rule=sum(layer.flops_paper_rule for layer in layers),
    )


def weight_bytes(model: Any) -> int:
    """Return the bytes of all parameters of a built ``keras.Model``, in the data types of the model."""
    weights = (*model.trainable_weights, *model.non_trainable_weights)
    return sum(math.prod(weight.shape) * _itemsize(weight.dtype) for weight in weights)


def _layer(step: Step, alive_bytes: int, counted: set[int]) -> Layer:
    """Describe one step; ``counted`` holds the weights that earlier steps have counted."""
    weights = [weight for weight in getattr(step.operation, "weights", ()) if id(weight) not in counted]
    counted.update(map(id, weights))
    found = costs(step)
    multiply_adds = sum(cost.multiply_adds for cost in found)
    kind = type(step.operation).__name__
    return Layer(
        name=step.name,
        kind=kind,
        output_shape=step.outputs[0].shape if step.outputs else (),
        parameters=sum(math.prod(weight.shape) for weight in weights),
        multiply_adds=multiply_adds,
        flops=2 * multiply_adds + sum(cost.others for cost in found),
        flops_paper_rule=sum(cost.paper for cost in found),
        activation_bytes=0 if kind in ALIASES else sum(VALUE_BYTES * math.prod(out.shape) for out in step.outputs),
        alive_bytes=alive_bytes,
    )


def _alive(graph: Graph) -> Sequence[int]:
    """Return the bytes of the tensors alive during each step."""
    end = len(graph.steps)
    stored = {tensor.number: tensor.number for tensor in graph.inputs}
    size = {tensor.number: VALUE_BYTES * math.prod(tensor.shape) for tensor in graph.inputs}
    first = dict.fromkeys(size, 0)
    last = dict.fromkeys(size, 0)
    for position, step in enumerate(graph.steps):
        for tensor in step.inputs:
            last[stored[tensor.number]] = position
        for tensor in step.outputs:
            if type(step.operation).__name__ in ALIASES:
                stored[tensor.number] = stored[step.inputs[0].number]
                continue
            stored[tensor.number] = tensor.number
            size[tensor.number] = VALUE_BYTES * math.prod(tensor.shape)
            first[tensor.number] = last[tensor.number] = position
    for tensor in graph.outputs:
        last[stored[tensor.number]] = end - 1
    change = [0] * (end + 1)
    for number, bytes_ in size.items():
        change[first[number]] += bytes_
        change[last[number] + 1] -= bytes_
    return [int(total) for total in np.cumsum(change[:end])]


def _itemsize(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
