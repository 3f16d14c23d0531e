import itertools
from collections import Counter

import numpy as np
import pytest
from conftest import built

from fer_bench import backend, paper
from fer_bench.errors import FerBenchError
from fer_bench.models import model_card, model_cards
from fer_bench.profiling.complexity import complexity
from fer_bench.profiling.graph import read_graph
from fer_bench.profiling.operations import COSTS, FREE, LAYERS_ONLY, Cost, costs


@pytest.fixture(scope="module")
def keras():
    backend.configure()
    import keras

    return keras


def _counted(model) -> list[tuple[str, Cost]]:
    """Return every operation that the paper's rule counts, with its layer's name, from input to output."""
    return [(step.name, cost) for step in read_graph(model).steps for cost in costs(step) if cost.paper]


# The paper's rule

OURS = {"mobilenetv2": 627_415_498, "clcm": 625_180_842, "shufflenetv2": 983_249_946}
PUBLISHED = {"mobilenetv2": 601_631_306, "clcm": 599_396_458, "shufflenetv2": 974_342_138}


@pytest.mark.parametrize("name", paper.MODELS)
def test_paper_models_give_the_published_figures(keras, name: str) -> None:
    assert complexity(built(name, 224)).flops_paper_rule == PUBLISHED[name]


@pytest.mark.parametrize("name", model_cards())
def test_every_registered_model_can_be_counted(keras, name: str) -> None:
    counted = _counted(built(name))
    assert all(cost.paper > 0 for _, cost in counted)
    assert Counter(cost.op for _, cost in counted)["Softmax"] >= 1


def test_a_small_model_by_hand(keras) -> None:
    layers = keras.layers
    inputs = keras.Input((9, 8, 4))
    x = layers.Conv2D(6, (3, 2), strides=2, padding="same", groups=2, activation="relu", name="conv")(inputs)
    x = layers.ZeroPadding2D(((1, 0), (0, 1)))(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False, name="depthwise")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.Add()([x, x])
    x = layers.MaxPooling2D((2, 3), strides=1, padding="same", name="max")(x)
    x = layers.AveragePooling2D(2, name="average")(x)
    x = layers.GlobalAveragePooling2D(name="global")(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(5, activation="softmax", name="dense")(x)
    counted = [(layer, cost.op, cost.paper) for layer, cost in _counted(keras.Model(inputs, outputs))]
    assert counted == [
        # 5 x 4 x 6 outputs, each from 3 x 2 taps in the 2 channels of its group
        ("conv", "Conv2D", 2 * (3 * 2 * 2) * (5 * 4 * 6)),
        ("conv", "BiasAdd", 5 * 4 * 6),
        # padded to 6 x 5, valid: 4 x 3 x 12 outputs
        ("depthwise", "DepthwiseConv2dNative", 2 * (3 * 3) * (4 * 3 * 12)),
        ("max", "MaxPool", (2 * 3) * (4 * 3 * 12)),
        ("average", "AvgPool", (2 * 2) * (2 * 1 * 12)),
        ("global", "Mean", 2 * 1 * 12),
        ("dense", "MatMul", 2 * 12 * 5),
        ("dense", "BiasAdd", 5),
        ("dense", "Softmax", 5 * 5),
    ]


def test_activation_and_softmax_layers_count_like_the_fused_ones(keras) -> None:
    inputs = keras.Input((6,))
    fused = keras.layers.Dense(4, activation="softmax")(inputs)
    logits = keras.layers.Dense(4)(inputs)
    variants = (fused, keras.layers.Activation("softmax")(logits), keras.layers.Softmax()(logits))
    counted = [complexity(keras.Model(inputs, outputs)).flops_paper_rule for outputs in variants]
    assert counted == [2 * 6 * 4 + 4 + 5 * 4] * 3
    relu = keras.layers.Activation("relu")(logits)
    assert complexity(keras.Model(inputs, relu)).flops_paper_rule == 2 * 6 * 4 + 4


def test_a_model_within_a_model_counts_at_every_call(keras) -> None:
    part = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, name="inner")], name="part")
    shared = keras.layers.Dense(6, use_bias=False, name="shared")
    inputs = keras.Input((6,))
    model = keras.Model(inputs, part(shared(part(shared(inputs)))))
    assert [(layer, cost.op) for layer, cost in _counted(model)] == [
        ("shared", "MatMul"),
        ("part/inner", "MatMul"),
        ("part/inner", "BiasAdd"),
    ] * 2
    assert complexity(model).flops_paper_rule == 2 * (2 * 36 + 2 * 36 + 6)
    assert complexity(part).flops_paper_rule == 2 * 36 + 6


def test_an_unknown_layer_is_refused_by_name_and_type(keras) -> None:
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, keras.layers.LSTM(3, name="memory")(inputs))
    with pytest.raises(FerBenchError, match=r"'memory.*LSTM"):
        complexity(model)
    model = keras.Model(inputs, keras.ops.cumsum(inputs, axis=1))
    with pytest.raises(FerBenchError, match=r"'cumsum.*Cumsum"):
        complexity(model)


def test_a_mean_over_an_axis_is_not_the_layer_of_the_same_name(keras) -> None:
    inputs = keras.Input((5, 4, 6))
    model = keras.Model(inputs, keras.ops.average(inputs, axis=1))
    with pytest.raises(FerBenchError, match=r"'average.*keras.*Average, which the FLOPs rules do not know"):
        complexity(model)
    assert complexity(keras.Model(inputs, keras.layers.Average()([inputs, inputs]))).flops == 2 * 5 * 4 * 6


SAME_NAME = {
    "Add": (lambda k, x: k.layers.Add()([x, x]), lambda k, x: k.ops.add(x, x)),
    "Concatenate": (lambda k, x: k.layers.Concatenate()([x, x]), lambda k, x: k.ops.concatenate([x, x])),
    "Maximum": (lambda k, x: k.layers.Maximum()([x, x]), lambda k, x: k.ops.maximum(x, x)),
    "Minimum": (lambda k, x: k.layers.Minimum()([x, x]), lambda k, x: k.ops.minimum(x, x)),
    "Multiply": (lambda k, x: k.layers.Multiply()([x, x]), lambda k, x: k.ops.multiply(x, x)),
    "ReLU": (lambda k, x: k.layers.ReLU(6.0)(x), lambda k, x: k.activations.relu(x, max_value=6.0)),
    "Reshape": (lambda k, x: k.layers.Reshape((120,))(x), lambda k, x: k.ops.reshape(x, (-1, 120))),
    "Softmax": (lambda k, x: k.layers.Softmax()(x), lambda k, x: k.ops.softmax(x)),
    "Subtract": (lambda k, x: k.layers.Subtract()([x, x]), lambda k, x: k.ops.subtract(x, x)),
}
"""A layer of Keras and an operation whose classes have the same name and compute the same."""


def _kinds(operation) -> set[type]:
    return {operation}.union(*map(_kinds, operation.__subclasses__()))


def test_other_layers_and_operations_of_one_name_cost_the_same(keras) -> None:
    """All clashes in Keras: another one, of a new version, must be looked at before its figures are believed."""
    kinds = [kind for kind in _kinds(keras.Operation) if kind.__module__.partition(".")[0] == "keras"]
    layers = {kind.__name__ for kind in kinds if issubclass(kind, keras.layers.Layer)}
    operations = {kind.__name__ for kind in kinds if not issubclass(kind, keras.layers.Layer)}
    assert layers & operations & {*COSTS, *FREE} <= {*SAME_NAME, *LAYERS_ONLY}
    inputs = keras.Input((5, 4, 6))
    for name, ways in SAME_NAME.items():
        graphs = [keras.Model(inputs, way(keras, inputs)) for way in ways]
        counted = [[type(step.operation).__name__ for step in read_graph(graph).steps] for graph in graphs]
        assert counted == [[name], [name]]
        assert len({(found.flops, found.flops_paper_rule) for found in map(complexity, graphs)}) == 1, name


def test_a_layer_that_is_not_written_in_keras_operations_is_refused(keras) -> None:
    class Dropout(keras.layers.Layer):
        def call(self, x):
            if isinstance(x, keras.KerasTensor) and getattr(self, "seen", False):
                raise TypeError("numbers only")
            self.seen = True
            return x

    inputs = keras.Input((6,))
    model = keras.Model(inputs, Dropout(name="mine")(inputs))
    with pytest.raises(FerBenchError, match=r"'mine'.*Dropout.*numbers only"):
        complexity(model)


def test_another_packages_layer_is_entered(keras) -> None:
    class Shuffle(keras.layers.Layer):
        def call(self, x):
            _, height, width, channels = x.shape
            x = keras.ops.reshape(x, (-1, height, width, 2, channels // 2))
            return keras.ops.reshape(keras.ops.transpose(x, (0, 1, 2, 4, 3)), (-1, height, width, channels))

    class Gate(keras.layers.Layer):
        def __init__(self, units, **settings):
            super().__init__(**settings)
            self.dense = keras.layers.Dense(units, activation="sigmoid", name="inner")

        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), name="scale")
            self.dense.build((shape[0], shape[-1]))

        def call(self, x):
            pooled = keras.ops.mean(x, axis=(1, 2), keepdims=True)
            return x * self.dense(pooled) * self.scale

    inputs = keras.Input((5, 4, 6))
    model = keras.Model(inputs, Gate(6, name="gate")(Shuffle(name="shuffle")(inputs)))
    values = 5 * 4 * 6
    # mean, dense with bias and sigmoid, two products
    found = complexity(model)
    assert found.flops == values + (2 * 36 + 6 + 4 * 6) + 2 * values
    assert found.flops_paper_rule == values + 2 * 36 + 6
    layers = {layer.name: layer for layer in found.layers}
    assert layers["gate/inner"].parameters == 6 * 6 + 6
    assert layers["gate"].parameters == 6
    assert layers["shuffle"].parameters == layers["shuffle"].flops == 0


def test_an_unknown_activation_is_refused(keras) -> None:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softsign", name="odd")(inputs))
    with pytest.raises(FerBenchError, match=r"'odd'.*'softsign'"):
        complexity(model)


def test_a_model_of_any_input_size_is_refused(keras) -> None:
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs), name="any")
    with pytest.raises(FerBenchError, match=r"'any'.*fixed input size"):
        complexity(model)


def test_a_model_without_a_graph_is_refused(keras) -> None:
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(FerBenchError, match="not a functional"):
        complexity(Subclassed())
    with pytest.raises(FerBenchError, match=r"keras\.Input"):
        complexity(keras.Sequential([keras.layers.Dense(2)]))


def _profiler_totals(model, *, frozen: bool) -> dict[str, int]:
    """Return TensorFlow's own count by type of operation, on the inference graph at batch 1."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    spec = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    graph = convert_variables_to_constants_v2(function).graph if frozen else function.graph
    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    node = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    totals = {}
    while node.children:  # the "op" view is a chain: each type of operation holds the rest
        (node,) = node.children
        totals[node.name] = node.float_ops
    return totals


OP_BY_OP = (
    *paper.MODELS,
    "shufflenetv2-maxpool",
    "shufflenetv2-canonical",
    "efficientnetb0",
    "densenet121",
    "resnet50",
    "inceptionv3",
)
"""Those with an operation of their own."""


@pytest.mark.slow
@pytest.mark.parametrize("name", OP_BY_OP)
def test_counts_agree_with_the_profiler_op_by_op(keras, name: str) -> None:
    if backend.name() != "tensorflow":
        pytest.skip("TensorFlow's profiler needs the TensorFlow backend")
    model = built(name)
    ours: Counter[str] = Counter()
    for _, cost in _counted(model):
        ours[cost.op] += cost.paper
    # The paper's models as the rule says; freezing a graph takes seconds and changes no count.
    theirs = _profiler_totals(model, frozen=name in paper.MODELS)
    rule = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BiasAdd", "MaxPool", "Mean", "Softmax", "AvgPool")
    assert dict(ours) == {op: theirs[op] for op in rule if theirs.get(op)}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*(name for name in model_cards() if name not in OP_BY_OP), "MobileNetV3Small"])
def test_our_multiply_adds_agree_with_the_profiler(keras, name: str) -> None:
    if backend.name() != "tensorflow":
        pytest.skip("TensorFlow's profiler needs the TensorFlow backend")
    if name in model_cards():
        model = built(name)
    else:
        model = getattr(keras.applications, name)(input_shape=(64, 64, 3), weights=None)
    theirs = _profiler_totals(model, frozen=False)
    assert 2 * complexity(model).multiply_adds == sum(
        theirs.get(op, 0) for op in ("Conv2D", "DepthwiseConv2dNative", "MatMul")
    )


# Our rule


@pytest.mark.parametrize(
    ("name", "last", "billions"),
    [
        # `_ops` in torchvision's metadata of its own weights (torchvision/models/mobilenetv2.py, shufflenetv2.py):
        # multiply-adds that PyTorch's hooks counted on its own networks, with the 1000-way layer.
        ("mobilenetv2-canonical", 1280, 0.301),
        ("shufflenetv2-canonical", 1024, 0.145),
        ("shufflenetv2-canonical-1.5x", 1024, 0.296),
        ("shufflenetv2-canonical-2.0x", 2048, 0.583),
    ],
)
def test_our_multiply_adds_are_those_that_torchvision_publishes(keras, name: str, last: int, billions: float) -> None:
    found = complexity(built(name, 224)).multiply_adds
    assert round((found + (1000 - 7) * last) / 1e9, 3) == billions


def _taps(size: int, kernel: int, stride: int, padding: str) -> int:
    """Count the taps of a kernel over one axis by walking over it, those on the padding too."""
    span = -(-size // stride) if padding == "same" else (size - kernel) // stride + 1
    return sum(1 for _ in itertools.product(range(span), range(kernel)))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_multiply_adds_of_convolutions_by_walking_over_them(keras, padding: str, stride: int, groups: int) -> None:
    layers = keras.layers
    inputs = keras.Input((7, 9, 4))
    settings = {"strides": stride, "padding": padding, "use_bias": False}
    taps = _taps(7, 3, stride, padding) * _taps(9, 3, stride, padding)
    plain = keras.Model(inputs, layers.Conv2D(6, 3, groups=groups, **settings)(inputs))
    assert complexity(plain).multiply_adds == taps * 4 * 6 // groups
    depthwise = keras.Model(inputs, layers.DepthwiseConv2D(3, depth_multiplier=2, **settings)(inputs))
    assert complexity(depthwise).multiply_adds == taps * 4 * 2
    separable = keras.Model(inputs, layers.SeparableConv2D(6, 3, depth_multiplier=2, **settings)(inputs))
    assert complexity(separable).multiply_adds == taps * 4 * 2 + taps // 9 * 4 * 2 * 6


def test_our_rule_by_hand(keras) -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 1, use_bias=False, name="conv")(inputs)
    x = layers.ReLU(6.0, name="relu6")(layers.BatchNormalization(name="bn")(x))
    x = layers.Add(name="add")([x, x, x])
    x = layers.MaxPooling2D(2, name="max")(x)
    x = layers.AveragePooling2D(2, name="average")(x)
    x = layers.GlobalAveragePooling2D(name="global")(layers.ReLU(name="relu")(x))
    outputs = layers.Dense(5, activation="softmax", name="dense")(layers.Dropout(0.5)(x))
    found = complexity(keras.Model(inputs, outputs))
    values, half, quarter = 8 * 8 * 4, 4 * 4 * 4, 2 * 2 * 4
    assert {layer.name: layer.flops for layer in found.layers if layer.flops} == {
        "conv": 2 * 3 * values,
        "bn": 2 * values,
        "relu6": 2 * values,
        "add": 2 * values,
        "max": 3 * half,
        "average": 4 * quarter,
        "relu": quarter,
        "global": quarter,
        "dense": 2 * 4 * 5 + 5 + 5 * 5,
    }
    assert found.flops == sum(layer.flops for layer in found.layers)


@pytest.mark.parametrize("name", model_cards())
def test_the_layers_add_up_to_the_model(keras, name: str) -> None:
    card = model_card(name)
    found = complexity(built(name))
    assert found.trainable_parameters == card.trainable_parameters
    assert found.non_trainable_parameters == card.non_trainable_parameters
    total = card.trainable_parameters + card.non_trainable_parameters
    assert sum(layer.parameters for layer in found.layers) == total
    assert found.weight_bytes == 4 * total
    # Ours counts the paper's operations and more; pooling windows alone count one less.
    assert 1 < found.flops / found.flops_paper_rule < 1.1


def test_the_paper_models_by_our_rule(keras) -> None:
    assert {name: complexity(built(name, 224)).flops for name in paper.MODELS} == OURS


# An operation is one of: + - x / maximum, minimum (one a value), an erf, a square root, an exponential, a tanh.
WRITTEN_OUT = {
    # relu6 of x + 3, by 6: 1 + 2 + 1
    "hard_sigmoid": lambda k, x: k.ops.minimum(k.ops.maximum(x + 3.0, 0.0), 6.0) / 6.0,
    # x times that
    "hard_silu": lambda k, x: x * (k.ops.minimum(k.ops.maximum(x + 3.0, 0.0), 6.0) / 6.0),
    "leaky_relu": lambda k, x: k.ops.maximum(x, x * 0.2),
    "relu": lambda k, x: k.ops.maximum(x, 0.0),
    "relu6": lambda k, x: k.ops.minimum(k.ops.maximum(x, 0.0), 6.0),
    # tanh(x / 2) / 2 + 1 / 2
    "sigmoid": lambda k, x: k.ops.tanh(x / 2.0) / 2.0 + 0.5,
    "silu": lambda k, x: x * (k.ops.tanh(x / 2.0) / 2.0 + 0.5),
}


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_an_activation_costs_what_it_costs_written_out(keras, name: str) -> None:
    inputs = keras.Input((5, 4, 6))
    written = WRITTEN_OUT[name](keras, inputs)
    ways = [keras.layers.Activation(name)(inputs)]
    if name != "leaky_relu":  # As an operation it is not known.
        ways.append(getattr(keras.ops, name)(inputs))
    long, *short = (keras.Model(inputs, output) for output in (written, *ways))
    numbers = np.linspace(-8, 8, 5 * 4 * 6, dtype=np.float32).reshape(1, 5, 4, 6)
    for model in short:
        np.testing.assert_allclose(np.asarray(model(numbers)), np.asarray(long(numbers)), atol=1e-5)
        assert complexity(model).flops == complexity(long).flops
        assert complexity(model).flops_paper_rule == 0


def test_gelu_and_tanh_by_hand(keras) -> None:
    inputs = keras.Input((5, 4, 6))
    # x / sqrt(2), erf, plus 1, by x, by a half; tanh alone
    for name, operations in (("gelu", 5), ("tanh", 1)):
        for way in (keras.layers.Activation(name), getattr(keras.ops, name)):
            assert complexity(keras.Model(inputs, way(inputs))).flops == operations * 5 * 4 * 6, name


def test_other_layers_by_hand(keras) -> None:
    layers, values = keras.layers, 5 * 4 * 6
    inputs = keras.Input((5, 4, 6))
    expected = {
        # less the mean, by the deviation; mean and variance are known
        layers.BatchNormalization(): 2 * values,
        layers.Normalization(mean=[0.0] * 6, variance=[1.0] * 6): 2 * values,
        layers.Rescaling(1 / 127.5, offset=-1): 2 * values,
        # mean, less the mean, square, mean of the squares, by the deviation, by gamma, plus beta
        layers.LayerNormalization(): 7 * values,
        # the product with the slope, the comparison
        layers.LeakyReLU(0.1): 2 * values,
        layers.PReLU(): 2 * values,
        layers.ReLU(): values,
        layers.ReLU(6.0): 2 * values,
        layers.ReLU(negative_slope=0.1): 2 * values,
        layers.ReLU(6.0, negative_slope=0.1): 3 * values,
        # the largest of 20 values takes 19 comparisons
        layers.GlobalMaxPooling2D(): 19 * 6,
        layers.MaxPooling2D((5, 2)): (10 - 1) * (1 * 2 * 6),
        layers.AveragePooling2D((5, 2)): 10 * (1 * 2 * 6),
        layers.GlobalAveragePooling2D(): 20 * 6,
    }
    assert {layer.name: complexity(keras.Model(inputs, layer(inputs))).flops for layer in expected} == {
        layer.name: count for layer, count in expected.items()
    }


def test_arithmetic_by_hand(keras) -> None:
    ops, values = keras.ops, 5 * 4 * 6
    inputs, other, square = keras.Input((5, 4, 6)), keras.Input((5, 4, 6)), keras.Input((5, 6, 3))
    expected = [
        (inputs + other, values),
        (inputs - other, values),
        (inputs * other, values),
        (inputs / other, values),
        (ops.divide(inputs, other), values),
        (ops.divide(inputs, 2.0), values),
        (ops.maximum(inputs, other), values),
        (ops.minimum(inputs, 1.0), values),
        (keras.layers.Multiply()([inputs, other, inputs]), 2 * values),
        # two additions and a division
        (keras.layers.Average()([inputs, other, inputs]), 3 * values),
        (ops.sqrt(inputs), values),
        (ops.square(inputs), values),
        # of 6 values each: 5 additions or comparisons, for the mean a division more
        (ops.sum(inputs, axis=-1), 5 * 20),
        (ops.max(inputs, axis=-1), 5 * 20),
        (ops.mean(inputs, axis=-1), 6 * 20),
        # five times 4 x 3 values, each of 6 products
        (ops.matmul(inputs, square), 2 * 6 * (5 * 4 * 3)),
    ]
    counted = [complexity(keras.Model([inputs, other, square], output)).flops for output, _ in expected]
    assert counted == [count for _, count in expected]


def test_shared_weights_are_counted_once_and_calls_each_time(keras) -> None:
    inputs = keras.Input((6,))
    shared = keras.layers.Dense(6, use_bias=False, name="shared")
    found = complexity(keras.Model(inputs, shared(shared(inputs))))
    assert [(layer.parameters, layer.flops) for layer in found.layers] == [(36, 72), (0, 72)]


@pytest.mark.parametrize(("dtype", "size"), [("bfloat16", 2), ("float16", 2), ("float32", 4), ("float64", 8)])
def test_weights_take_the_bytes_of_their_type(keras, dtype: str, size: int) -> None:
    inputs = keras.Input((6,), dtype=dtype)
    found = complexity(keras.Model(inputs, keras.layers.Dense(3, dtype=dtype)(inputs)))
    assert (found.trainable_parameters, found.weight_bytes) == (6 * 3 + 3, size * (6 * 3 + 3))


# Activations


def test_peak_of_a_branch_by_hand(keras) -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 4))  # 1,024 bytes
    left = layers.Conv2D(2, 1, name="left")(inputs)  # 512
    right = layers.Conv2D(2, 1, name="right")(inputs)  # 512
    both = layers.Add(name="both")([left, right])  # 512
    outputs = layers.Dense(1, name="dense")(layers.Dropout(0.5)(layers.Flatten()(both)))
    found = complexity(keras.Model(inputs, outputs))
    alive = {layer.name: layer.alive_bytes for layer in found.layers}
    assert sorted([alive["left"], alive["right"]]) == [1024 + 512, 1024 + 512 + 512]
    assert alive["both"] == 3 * 512
    # Flatten and Dropout hold nothing of their own.
    assert alive["dense"] == 512 + 4
    assert found.peak_activation_bytes == 2048
    written = [layer.activation_bytes for layer in found.layers if layer.name not in ("left", "right")]
    # The sum, the same under another shape, the same in inference, one value.
    assert written == [512, 0, 0, 4]


@pytest.mark.parametrize("kind", ["Flatten", "Dropout"])
def test_another_shape_of_a_tensor_takes_no_memory(keras, kind: str) -> None:
    inputs = keras.Input((64,) if kind == "Dropout" else (4, 4, 4))
    same = keras.layers.Dropout(0.5)(inputs) if kind == "Dropout" else keras.layers.Flatten()(inputs)
    found = complexity(keras.Model(inputs, keras.layers.Dense(2)(same)))
    assert [layer.alive_bytes for layer in found.layers] == [4 * 64, 4 * (64 + 2)]
    assert found.peak_activation_bytes == 4 * (64 + 2)


def test_peak_within_a_model_in_a_model(keras) -> None:
    part_input = keras.Input((4,))
    part = keras.Model(part_input, keras.layers.Dense(4, name="b")(keras.layers.Dense(100, name="a")(part_input)))
    inputs = keras.Input((4,))
    x = keras.layers.Dense(4, name="first")(inputs)
    # `first` is needed again after the part, and so is alive all the while.
    found = complexity(keras.Model(inputs, keras.layers.Add()([part(x), x])))
    assert found.peak_activation_bytes == 4 * (4 + 100 + 4)


def test_several_outputs_live_to_the_end(keras) -> None:
    inputs = keras.Input((4,))
    early = keras.layers.Dense(1000, name="early")(inputs)
    late = keras.layers.Dense(4, name="late")(keras.layers.Dense(4, name="middle")(inputs))
    found = complexity(keras.Model(inputs, [early, late]))
    assert found.layers[-1].alive_bytes == 4 * (1000 + 4 + 4)


def test_the_peak_of_clcm_is_where_its_widest_layer_is_padded(keras) -> None:
    found = complexity(built("clcm", 224))
    (widest,) = [layer for layer in found.layers if layer.name == "block_1_pad"]
    assert found.peak_activation_bytes == widest.alive_bytes == 4 * 96 * (112**2 + 113**2)
