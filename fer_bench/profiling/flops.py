"""FLOPs by the rule that the paper's figures follow (Table 6), counted from the graph of a Keras model.

The published GFLOPs are what TensorFlow's profiler printed up to version 2.12 on the frozen inference graph at batch
1: convolutions, matrix products, biases, pooling and softmax, a multiply-add counted as two; batch norm, residual
additions, ReLU, padding and moves of data count nothing. Newer profilers count the last two groups differently and
need TensorFlow. Here the same counts follow from the layers' shapes, on every Keras backend.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fer_bench.errors import FerBenchError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerFlops:
    """One counted operation of one layer."""

    layer: str
    """Name of the layer, behind those of the models that contain it: ``backbone/Conv1``."""
    op: str
    """TensorFlow's name of the operation: ``Conv2D``, ``DepthwiseConv2dNative``, ``MatMul``, ``BiasAdd`` ..."""
    flops: int


def flops_paper_rule(model: Any) -> int:
    """Return the FLOPs of one inference at batch 1 (see :func:`layer_flops`)."""
    return sum(item.flops for item in layer_flops(model))


def layer_flops(model: Any) -> list[LayerFlops]:
    """Return every counted operation of a functional or sequential ``keras.Model``, from input to output.

    A layer or model that is called several times counts each time. Axis 0 of every tensor is taken to be the batch.

    Raises:
        FerBenchError: the model is not functional, a layer or its activation is neither counted nor known to count
            nothing, or a counted layer's shape is not fixed.
    """
    return list(_walk(model, ""))


def _walk(model: Any, prefix: str) -> Iterator[LayerFlops]:
    import keras

    if isinstance(model, keras.Sequential):
        if not model.built:
            raise FerBenchError(f"model {prefix + model.name!r} has no input shape yet: begin it with keras.Input")
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if not isinstance(model, keras.Function):
        raise FerBenchError(
            f"model {prefix + model.name!r} ({type(model).__name__}) is not a functional Keras model: "
            "its graph cannot be read, so its FLOPs cannot be counted"
        )
    nodes_by_depth = model._nodes_by_depth  # what keras' own summary() walks; there is no public way
    for depth in sorted(nodes_by_depth, reverse=True):
        for node in nodes_by_depth[depth]:
            if node.is_input:
                continue
            if isinstance(node.operation, keras.Model | keras.Function):
                yield from _walk(node.operation, f"{prefix}{node.operation.name}/")
                continue
            for op, flops in _count(node, prefix + node.operation.name):
                yield LayerFlops(prefix + node.operation.name, op, flops)


def _count(node: Any, name: str) -> list[tuple[str, int]]:
    layer = node.operation
    kind = type(layer).__name__
    # Only Keras' own classes are known by their names: another package's Conv2D may compute something else.
    known = type(layer).__module__.partition(".")[0] == "keras"
    if known and kind in UNCOUNTED:
        return []
    if not known or kind not in COUNTED:
        raise FerBenchError(
            f"layer {name!r} has the type {type(layer).__module__}.{kind}, which the FLOPs rule does not know; add it "
            "to COUNTED or UNCOUNTED in fer_bench/profiling/flops.py"
        )
    return COUNTED[kind](layer, _shape(node.input_tensors, name), _shape(node.output_tensors, name), name)


def _shape(tensors: Sequence[Any], name: str) -> Shape:
    """Return the shape of the only tensor without its batch axis."""
    (tensor,) = tensors
    shape = tuple(tensor.shape[1:])
    if None in shape:
        raise FerBenchError(
            f"layer {name!r} has a tensor of the shape {tuple(tensor.shape)}: give the model a fixed input size"
        )
    return shape


# What one operation counts, as registered in tensorflow/python/profiler/internal/flops_registry.py and
# tensorflow/python/ops/nn_ops.py; the tests compare operation by operation with the profiler itself.


def _convolution(layer: Any, inputs: Shape, outputs: Shape, name: str) -> list[tuple[str, int]]:
    # kernel: height, width, input channels of one group, filters
    taps = math.prod(layer.kernel.shape[:3])
    return [("Conv2D", 2 * taps * math.prod(outputs)), *_bias_and_activation(layer, outputs, name)]


def _depthwise(layer: Any, inputs: Shape, outputs: Shape, name: str) -> list[tuple[str, int]]:
    taps = math.prod(layer.kernel.shape[:2])
    return [("DepthwiseConv2dNative", 2 * taps * math.prod(outputs)), *_bias_and_activation(layer, outputs, name)]


def _dense(layer: Any, inputs: Shape, outputs: Shape, name: str) -> list[tuple[str, int]]:
    return [("MatMul", 2 * inputs[-1] * math.prod(outputs)), *_bias_and_activation(layer, outputs, name)]


def _bias_and_activation(layer: Any, outputs: Shape, name: str) -> list[tuple[str, int]]:
    bias = [("BiasAdd", math.prod(outputs))] if layer.use_bias else []
    return bias + _activation(layer, outputs, outputs, name)


def _activation(layer: Any, inputs: Shape, outputs: Shape, name: str) -> list[tuple[str, int]]:
    function = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if function in UNCOUNTED_ACTIVATIONS:
        return []
    if function != "softmax":
        raise FerBenchError(
            f"layer {name!r} has the activation {function!r}, which the FLOPs rule does not know; known are softmax, "
            f"{', '.join(sorted(UNCOUNTED_ACTIVATIONS))} (fer_bench/profiling/flops.py)"
        )
    return _softmax(layer, inputs, outputs, name)


def _softmax(layer: Any, inputs: Shape, outputs: Shape, name: str) -> list[tuple[str, int]]:
    return [("Softmax", 5 * math.prod(inputs))]


def _max_pool(layer: Any, inputs: Shape, outputs: Shape, name: str) -> list[tuple[str, int]]:
    return [("MaxPool", math.prod(layer.pool_size) * math.prod(outputs))]


def _average_pool(layer: Any, inputs: Shape, outputs: Shape, name: str) -> list[tuple[str, int]]:
    return [("AvgPool", math.prod(layer.pool_size) * math.prod(outputs))]


def _mean(layer: Any, inputs: Shape, outputs: Shape, name: str) -> list[tuple[str, int]]:
    # One addition an input except the first of each output, and one division an output.
    return [("Mean", math.prod(inputs))]


COUNTED: dict[str, Callable[[Any, Shape, Shape, str], list[tuple[str, int]]]] = {
    "Activation": _activation,
    "AveragePooling2D": _average_pool,
    "Conv2D": _convolution,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "GlobalAveragePooling2D": _mean,
    "MaxPooling2D": _max_pool,
    "Softmax": _softmax,
}
"""Keras layers and operations that count, by class name."""

UNCOUNTED: frozenset[str] = frozenset(
    {
        "Add",  # residual additions: AddV2 had no count up to TensorFlow 2.12
        "BatchNormalization",  # nor had fused batch norm
        "GlobalMaxPooling2D",  # the operation Max has none
        "ReLU",
        "Relu",
        "Relu6",
        # absent at inference
        "Dropout",
        "SpatialDropout2D",
        # moves of data
        "Concatenate",
        "Cropping2D",
        "Flatten",
        "GetItem",
        "Identity",
        "Pad",
        "Permute",
        "Reshape",
        "Split",
        "Transpose",
        "ZeroPadding2D",
    }
)
"""Keras layers and operations that count nothing, by class name."""

UNCOUNTED_ACTIVATIONS: frozenset[str] = frozenset({"linear", "relu", "relu6"})
