"""What each Keras layer and operation costs at inference: the tables behind both FLOPs rules.

A cost follows from shapes alone, so it is the same on every backend. :mod:`fer_bench.profiling.complexity` states the
two rules in words.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.profiling.graph import Step


@dataclass(frozen=True)
class Cost:
    """One operation of one step, for one image."""

    op: str
    """TensorFlow's name of the operation: ``Conv2D``, ``DepthwiseConv2dNative``, ``MatMul``, ``BiasAdd`` ..."""
    multiply_adds: int = 0
    others: int = 0
    """Operations that are not part of a multiply-add."""
    paper: int = 0
    """FLOPs by the rule of the paper's figures."""


def costs(step: "Step") -> list[Cost]:
    """Return what a step costs.

    Raises:
        FerBenchError: its activation or a setting of it is not known.
    """
    kind = type(step.operation).__name__
    return [] if kind in FREE or not is_known(step.operation) else COSTS[kind](step)


def is_known(operation: Any) -> bool:
    """Return whether the tables hold this operation.

    Only Keras' own classes are known by their names: another package's Conv2D may compute something else. So may an
    operation of Keras that is named like one of its layers (:data:`LAYERS_ONLY`).
    """
    import keras

    name = type(operation).__name__
    own = type(operation).__module__.partition(".")[0] == "keras"
    meant = name not in LAYERS_ONLY or isinstance(operation, keras.layers.Layer)
    return own and meant and (name in COSTS or name in FREE)


def _values(step: "Step") -> int:
    """Return how many values the only output has."""
    (output,) = step.outputs
    return math.prod(output.shape)


def _input_values(step: "Step") -> int:
    return math.prod(step.inputs[0].shape)


def _convolution(step: "Step") -> list[Cost]:
    # kernel: height, width, input channels of one group, filters
    return [*_multiplied("Conv2D", math.prod(step.operation.kernel.shape[:3]) * _values(step)), *_end(step)]


def _depthwise(step: "Step") -> list[Cost]:
    taps = math.prod(step.operation.kernel.shape[:2])
    return [*_multiplied("DepthwiseConv2dNative", taps * _values(step)), *_end(step)]


def _separable(step: "Step") -> list[Cost]:
    layer, outputs = step.operation, _values(step)
    height, width, channels, multiplier = layer.depthwise_kernel.shape
    between = outputs // layer.filters * channels * multiplier
    return [
        *_multiplied("DepthwiseConv2dNative", height * width * between),
        *_multiplied("Conv2D", channels * multiplier * outputs),
        *_end(step),
    ]


def _dense(step: "Step") -> list[Cost]:
    return [*_multiplied("MatMul", step.inputs[0].shape[-1] * _values(step)), *_end(step)]


def _matmul(step: "Step") -> list[Cost]:
    return _multiplied("MatMul", step.operands[0].shape[-1] * _values(step))


def _multiplied(op: str, count: int) -> list[Cost]:
    return [Cost(op, multiply_adds=count, paper=2 * count)]


def _end(step: "Step") -> list[Cost]:
    """Return the cost of bias and activation."""
    values = _values(step)
    bias = [Cost("BiasAdd", others=values, paper=values)] if step.operation.use_bias else []
    return bias + _activation(step)


def _activation(step: "Step") -> list[Cost]:
    function = step.operation.activation
    name = getattr(function, "__name__", type(function).__name__)
    if name == "softmax":
        return _softmax(step)
    if name not in ACTIVATIONS:
        raise FerBenchError(
            f"layer {step.name!r} has the activation {name!r}, which the FLOPs rules do not know; known are softmax, "
            f"{', '.join(sorted(ACTIVATIONS))} (fer_bench/profiling/operations.py)"
        )
    return [Cost(name, others=ACTIVATIONS[name] * _values(step))] if ACTIVATIONS[name] else []


ACTIVATIONS: dict[str, int] = {
    "linear": 0,
    "relu": 1,
    "tanh": 1,
    "relu6": 2,
    "leaky_relu": 2,
    "sigmoid": 4,  # negated, exponential, plus 1, reciprocal
    "hard_sigmoid": 4,  # plus 3, relu6, by 6
    "silu": 5,
    "hard_silu": 5,
    "gelu": 5,  # x / √2, erf, plus 1, by x, by 1/2
}
"""Operations per value; a comparison, a square root, exp, erf and tanh count one each, like an addition."""


def _softmax(step: "Step") -> list[Cost]:
    # maximum, subtraction, exponential, sum, division: five per value
    count = 5 * _values(step)
    return [Cost("Softmax", others=count, paper=count)]


def _relu_layer(step: "Step") -> list[Cost]:
    layer = step.operation
    each = 1 + (layer.max_value is not None) + (float(layer.negative_slope) != 0)
    return [Cost("Relu", others=each * _values(step))]


def _a_value(op: str, count: int) -> Callable[["Step"], list[Cost]]:
    """Return a cost of ``count`` operations per output value, which the paper's rule does not count."""
    return lambda step: [Cost(op, others=count * _values(step))]


def _elementwise(op: str) -> Callable[["Step"], list[Cost]]:
    """Return a cost of one operation per value for each operand after the first; the second may be a constant."""
    return lambda step: [Cost(op, others=(max(len(step.inputs), 2) - 1) * _values(step))]


def _average(step: "Step") -> list[Cost]:
    # k - 1 additions and a multiplication by 1 / k
    return [Cost("Average", others=len(step.inputs) * _values(step))]


def _max_pool(step: "Step") -> list[Cost]:
    window, values = math.prod(step.operation.pool_size), _values(step)
    return [Cost("MaxPool", others=(window - 1) * values, paper=window * values)]


def _average_pool(step: "Step") -> list[Cost]:
    count = math.prod(step.operation.pool_size) * _values(step)
    return [Cost("AvgPool", others=count, paper=count)]


def _mean(step: "Step") -> list[Cost]:
    # One addition an input except the first of each output, and one division an output.
    count = _input_values(step)
    return [Cost("Mean", others=count, paper=count)]


def _reduction(op: str) -> Callable[["Step"], list[Cost]]:
    return lambda step: [Cost(op, others=_input_values(step) - _values(step))]


COSTS: dict[str, Callable[["Step"], list[Cost]]] = {
    # layers
    "Activation": _activation,
    "Average": _average,
    "AveragePooling2D": _average_pool,
    "BatchNormalization": _a_value("FusedBatchNorm", 2),
    "Conv2D": _convolution,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "GlobalAveragePooling2D": _mean,
    "GlobalMaxPooling2D": _reduction("Max"),
    "LayerNormalization": _a_value("LayerNorm", 7),
    "LeakyReLU": _a_value("LeakyRelu", 2),
    "MaxPooling2D": _max_pool,
    "Normalization": _a_value("Normalization", 2),
    "PReLU": _a_value("Prelu", 2),
    "ReLU": _relu_layer,
    "Rescaling": _a_value("Rescaling", 2),
    "SeparableConv2D": _separable,
    "Softmax": _softmax,
    # layers and operations of the same name
    "Add": _elementwise("Add"),
    "Maximum": _elementwise("Maximum"),
    "Minimum": _elementwise("Minimum"),
    "Multiply": _elementwise("Mul"),
    "Subtract": _elementwise("Sub"),
    # operations
    "Divide": _elementwise("Div"),
    "Gelu": _a_value("gelu", ACTIVATIONS["gelu"]),
    "HardSigmoid": _a_value("hard_sigmoid", ACTIVATIONS["hard_sigmoid"]),
    "HardSilu": _a_value("hard_silu", ACTIVATIONS["hard_silu"]),
    "Matmul": _matmul,
    "Max": _reduction("Max"),
    "Mean": _mean,
    "Relu": _a_value("Relu", 1),
    "Relu6": _a_value("Relu6", 2),
    "Sigmoid": _a_value("sigmoid", ACTIVATIONS["sigmoid"]),
    "Silu": _a_value("silu", ACTIVATIONS["silu"]),
    "Sqrt": _a_value("Sqrt", 1),
    "Square": _a_value("Square", 1),
    "Sum": _reduction("Sum"),
    "Tanh": _a_value("tanh", ACTIVATIONS["tanh"]),
    "TrueDivide": _elementwise("Div"),
}
"""Keras layers and operations that cost something, by class name."""

LAYERS_ONLY: frozenset[str] = frozenset({"Average"})
"""Names known as layers only: ``keras.ops.average`` takes the mean, weighted or not, over an axis of one tensor. Other
layers and operations with the same name compute the same."""

ALIASES: frozenset[str] = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "SpatialDropout2D"})
"""Layers whose output is their input in another shape, without memory of its own."""

FREE: frozenset[str] = ALIASES | {
    # moves of data
    "BroadcastTo",
    "Concatenate",
    "Cropping2D",
    "ExpandDims",
    "Flip",
    "GetItem",
    "Pad",
    "Permute",
    "Repeat",
    "Split",
    "Squeeze",
    "Stack",
    "Swapaxes",
    "Tile",
    "Transpose",
    "ZeroPadding2D",
}
"""Layers and operations that cost nothing, by class name."""
