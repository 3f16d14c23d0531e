"""FLOPs of one inference at batch 1, by two rules, counted from the graph of a Keras model on any backend.

Ours (:data:`RULE`) counts every operation of the graph as it stands. That of the paper's figures (Table 6,
:data:`PAPER_RULE`) is what TensorFlow's profiler printed up to version 2.12 on the frozen inference graph, where
fused batch norm, ``AddV2`` and ReLU had no registered count; newer profilers count the first two, and need TensorFlow.
"""

from dataclasses import dataclass
from typing import Any

from fer_bench.profiling.graph import read_graph
from fer_bench.profiling.operations import costs

RULE = (
    "a multiply-add counts 2, for every tap of a kernel, also over the padding; a bias 1 a value; batch norm 2 a value "
    "(at inference a scale and a shift, not folded into the convolution before it); an addition or another "
    "element-wise operation 1 a value and further operand; ReLU 1, ReLU6 2, sigmoid 4, softmax 5 a value; a pooling "
    "window of k values k - 1 (max) or k (average); exp, root and comparison 1 each; dropout, padding, reshaping, "
    "concatenation and other moves of data nothing"
)
"""Our rule, for people."""

PAPER_RULE = (
    "Conv2D, DepthwiseConv2dNative, MatMul (a multiply-add counts 2), BiasAdd, MaxPool, AvgPool, Mean and Softmax "
    "(5 a value) of the frozen inference graph; everything else, as batch norm, additions and ReLU, nothing"
)
"""The rule that gives the published GFLOPs, for people."""


@dataclass(frozen=True)
class LayerFlops:
    """One counted operation of one layer."""

    layer: str
    """Name of the layer, behind those of the models that contain it: ``backbone/Conv1``."""
    op: str
    """TensorFlow's name of the operation: ``Conv2D``, ``DepthwiseConv2dNative``, ``MatMul``, ``BiasAdd`` ..."""
    flops: int


def flops(model: Any) -> int:
    """Return the FLOPs of one inference at batch 1 by our rule (see :data:`RULE`).

    Raises:
        FerBenchError: as :func:`layer_flops`.
    """
    found = [cost for step in read_graph(model).steps for cost in costs(step)]
    return sum(2 * cost.multiply_adds + cost.others for cost in found)


def flops_paper_rule(model: Any) -> int:
    """Return the FLOPs of one inference at batch 1 by the rule of the paper's figures (see :data:`PAPER_RULE`).

    Raises:
        FerBenchError: as :func:`layer_flops`.
    """
    return sum(item.flops for item in layer_flops(model))


def layer_flops(model: Any) -> list[LayerFlops]:
    """Return every operation that the paper's rule counts, from input to output.

    A layer or model that is called several times counts each time. Axis 0 of every tensor is taken to be the batch.

    Raises:
        FerBenchError: the model is not functional, a layer or its activation is not known, or a shape is not fixed.
    """
    return [
        LayerFlops(step.name, cost.op, cost.paper)
        for step in read_graph(model).steps
        for cost in costs(step)
        if cost.paper
    ]
