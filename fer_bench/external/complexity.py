"""Parameters and FLOPs of an ONNX graph, from its weights and shapes.

The rule is the paper's (:data:`fer_bench.profiling.complexity.PAPER_RULE`), applied to the graph as the file has it:
where an exporter folded a batch norm into the convolution before it, the bias that remains counts. That makes 0.7 %
more of MobileNetV2 and 1.5 % of the mini-Xception of O. Arriaga et al. (2017), whose layers have few channels.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fer_bench.external.model import Tensor
from fer_bench.external.onnx_file import tensors

PARAMETERS = "all values of its floating-point and 8-bit weights, batch-norm statistics included"

_FREE = """
    Abs Add And ArgMax ArgMin BatchNormalization Cast Ceil Celu Clip Concat Constant ConstantOfShape DepthToSpace
    DequantizeLinear Div Dropout Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu
    GlobalMaxPool Greater GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN
    LayerNormalization LeakyRelu Less Log LpNormalization Max Min Mish Mul Neg Not Or PRelu Pad Pow QuantizeLinear
    Range Reciprocal ReduceL2 ReduceMax ReduceMin ReduceProd ReduceSum Relu Reshape Resize Round Selu Shape Sigmoid
    Sign Size Slice Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh ThresholdedRelu Tile Transpose
    Unsqueeze Upsample Where
    """.split()  # noqa: SIM905
"""Operations that the rule does not count."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a graph costs."""

    parameters: int
    weight_bytes: int
    flops_paper_rule: int | None
    uncounted: str
    """Why FLOPs are ``None``; empty where they are not."""


def cost(model: Any, image: Tensor) -> Cost:
    """Return the cost of one image through a model.

    Args:
        model: ``onnx.ModelProto`` with its weights; it is not changed.
        image: its input.
    """
    import numpy as np
    import onnx

    parameters = size = 0
    for tensor in tensors(model):
        try:
            dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        except (KeyError, TypeError):
            continue
        # Scalars are constants of the arithmetic, integers shapes and axes.
        if tensor.dims and (dtype.kind in "fV" or (dtype.itemsize == 1 and dtype.kind in "iu")):
            parameters += math.prod(tensor.dims)
            size += math.prod(tensor.dims) * dtype.itemsize
    try:
        flops: int | None = _flops(model, image)
        why = ""
    except _UncountedError as error:
        flops, why = None, str(error)
    except (IndexError, ValueError, TypeError):  # Nobody has checked the graph: anything may be missing from a node.
        flops, why = None, "the graph is malformed"
    return Cost(parameters=parameters, weight_bytes=size, flops_paper_rule=flops, uncounted=why)


class _UncountedError(Exception):
    pass


@dataclass(frozen=True)
class _Graph:
    """A graph with the shapes of all its tensors."""

    shapes: Mapping[str, tuple[int, ...]]
    weights: frozenset[str]
    made_by: Mapping[str, str]
    """Operation by the tensor that it gives."""

    def shape(self, node: Any, name: str) -> tuple[int, ...]:
        if name not in self.shapes:
            raise _UncountedError(f"the shape of {name!r} at {node.op_type} does not follow from the file")
        return self.shapes[name]

    def values(self, node: Any, name: str) -> int:
        return math.prod(self.shape(node, name))


def _flops(model: Any, image: Tensor) -> int:
    import onnx

    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    weights = {tensor.name: tuple(tensor.dims) for tensor in fixed.graph.initializer}
    for value in fixed.graph.input:
        if value.name == image.name:
            sides = (image.channels, image.height, image.width)
            dims = (1, *(sides if image.layout == "NCHW" else (*sides[1:], sides[0])))
            for dim, length in zip(value.type.tensor_type.shape.dim, dims, strict=True):
                dim.dim_value = length
    for value in (*fixed.graph.output, *fixed.graph.value_info):
        value.type.tensor_type.ClearField("shape")  # They may name an open batch.
    try:
        inferred = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    except Exception as error:  # onnx raises errors of its own, and plain RuntimeError.
        raise _UncountedError("the shapes do not follow from the file") from error
    shapes = dict(weights)
    for value in (*inferred.graph.input, *inferred.graph.output, *inferred.graph.value_info):
        tensor = value.type.tensor_type
        known = [dim.dim_value for dim in tensor.shape.dim if dim.HasField("dim_value")]
        if tensor.HasField("shape") and len(known) == len(tensor.shape.dim):
            shapes[value.name] = tuple(known)
    constants = {node.output[0] for node in inferred.graph.node if node.op_type == "Constant"}
    made_by = {name: node.op_type for node in inferred.graph.node for name in node.output}
    graph = _Graph(shapes, frozenset({*weights, *constants}), made_by)
    return sum(_node_flops(node, graph) for node in inferred.graph.node)


def _node_flops(node: Any, graph: _Graph) -> int:
    if node.domain not in ("", "ai.onnx"):
        raise _UncountedError(f"the rule does not know {f'{node.domain}.{node.op_type}'!r}")
    if node.op_type == "Add":
        return _bias(node, graph)
    if node.op_type in _COUNTED:
        return _COUNTED[node.op_type](node, graph)
    if node.op_type in _FREE:
        return 0
    raise _UncountedError(f"the rule does not know {node.op_type!r}")


def _attribute(node: Any, name: str, default: Any) -> Any:
    import onnx

    return next((onnx.helper.get_attribute_value(item) for item in node.attribute if item.name == name), default)


def _convolution(node: Any, graph: _Graph) -> int:
    # weights: filters, input channels of one group, then the kernel
    taps = math.prod(graph.shape(node, node.input[1])[1:])
    values = graph.values(node, node.output[0])
    return 2 * taps * values + (values if len(node.input) > 2 and node.input[2] else 0)


def _transposed(node: Any, graph: _Graph) -> int:
    # weights: input channels, filters of one group, then the kernel
    taps = math.prod(graph.shape(node, node.input[1])[1:])
    bias = graph.values(node, node.output[0]) if len(node.input) > 2 and node.input[2] else 0
    return 2 * taps * graph.values(node, node.input[0]) + bias


def _gemm(node: Any, graph: _Graph) -> int:
    first = graph.shape(node, node.input[0])
    inner = int(first[0 if _attribute(node, "transA", 0) else 1])
    values = graph.values(node, node.output[0])
    return 2 * inner * values + (values if len(node.input) > 2 and node.input[2] else 0)


def _matmul(node: Any, graph: _Graph) -> int:
    return 2 * int(graph.shape(node, node.input[0])[-1]) * graph.values(node, node.output[0])


def _bias(node: Any, graph: _Graph) -> int:
    """Return the cost of an addition: only that of weights to what a multiplication gave is a bias."""
    products = [name for name in node.input if graph.made_by.get(name) in ("Conv", "ConvTranspose", "MatMul", "Gemm")]
    weights = [name for name in node.input if name in graph.weights]
    if not products or not weights or sum(dim > 1 for dim in graph.shape(node, weights[0])) > 1:
        return 0
    return graph.values(node, node.output[0])


def _pool(node: Any, graph: _Graph) -> int:
    return int(math.prod(_attribute(node, "kernel_shape", ()))) * graph.values(node, node.output[0])


def _mean(node: Any, graph: _Graph) -> int:
    return graph.values(node, node.input[0])


def _softmax(node: Any, graph: _Graph) -> int:
    return 5 * graph.values(node, node.output[0])


_COUNTED: dict[str, Callable[[Any, _Graph], int]] = {
    "AveragePool": _pool,
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "Gemm": _gemm,
    "GlobalAveragePool": _mean,
    "LogSoftmax": _softmax,
    "MatMul": _matmul,
    "MaxPool": _pool,
    "ReduceMean": _mean,
    "Softmax": _softmax,
}
