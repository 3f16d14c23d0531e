import dataclasses
import gc
import time
from collections import Counter

import numpy as np
import pytest

from fer_bench import backend, profiling, records
from fer_bench.errors import FerBenchError
from fer_bench.models import PAPER_MODELS, model_card, model_cards
from fer_bench.models.card import ModelCard
from fer_bench.profiling import profile_models
from fer_bench.profiling.flops import flops_paper_rule, layer_flops
from fer_bench.profiling.latency import measure


@pytest.fixture(scope="module")
def keras():
    backend.configure()
    import keras

    return keras


# FLOPs

PUBLISHED = {"mobilenetv2": 601_631_306, "clcm": 599_396_458, "shufflenetv2": 974_342_138}


@pytest.mark.parametrize("name", PAPER_MODELS)
def test_paper_models_give_the_published_figures(keras, name: str) -> None:
    assert flops_paper_rule(model_card(name).build(224, 7)) == PUBLISHED[name]


@pytest.mark.parametrize("name", model_cards())
def test_every_registered_model_can_be_counted(keras, name: str) -> None:
    counted = layer_flops(model_card(name).build(64, 7))
    assert all(item.flops > 0 for item in counted)
    assert Counter(item.op for item in counted)["Softmax"] >= 1


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
    counted = [(item.layer, item.op, item.flops) for item in layer_flops(keras.Model(inputs, outputs))]
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
    assert {flops_paper_rule(keras.Model(inputs, outputs)) for outputs in variants} == {2 * 6 * 4 + 4 + 5 * 4}
    relu = keras.layers.Activation("relu")(logits)
    assert flops_paper_rule(keras.Model(inputs, relu)) == 2 * 6 * 4 + 4


def test_a_model_within_a_model_counts_at_every_call(keras) -> None:
    part = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, name="inner")], name="part")
    shared = keras.layers.Dense(6, use_bias=False, name="shared")
    inputs = keras.Input((6,))
    model = keras.Model(inputs, part(shared(part(shared(inputs)))))
    assert [(item.layer, item.op) for item in layer_flops(model)] == [
        ("shared", "MatMul"),
        ("part/inner", "MatMul"),
        ("part/inner", "BiasAdd"),
    ] * 2
    assert flops_paper_rule(model) == 2 * (2 * 36 + 2 * 36 + 6)
    assert flops_paper_rule(part) == 2 * 36 + 6


def test_an_unknown_layer_is_refused_by_name_and_type(keras) -> None:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Multiply(name="gate")([inputs, inputs]))
    with pytest.raises(FerBenchError, match=r"'gate'.*Multiply"):
        flops_paper_rule(model)


def test_a_foreign_layer_with_a_known_name_is_refused(keras) -> None:
    class Dropout(keras.layers.Layer):
        def call(self, x):
            return x @ keras.ops.transpose(x)

    inputs = keras.Input((6,), batch_size=6)
    with pytest.raises(FerBenchError, match=r"'mine'.*Dropout"):
        flops_paper_rule(keras.Model(inputs, Dropout(name="mine")(inputs)))


def test_an_unknown_activation_is_refused(keras) -> None:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="gelu", name="odd")(inputs))
    with pytest.raises(FerBenchError, match=r"'odd'.*'gelu'"):
        flops_paper_rule(model)


def test_a_model_of_any_input_size_is_refused(keras) -> None:
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3, name="conv")(inputs))
    with pytest.raises(FerBenchError, match=r"'conv'.*fixed input size"):
        flops_paper_rule(model)


def test_a_model_without_a_graph_is_refused(keras) -> None:
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(FerBenchError, match="not a functional"):
        flops_paper_rule(Subclassed())
    with pytest.raises(FerBenchError, match=r"keras\.Input"):
        flops_paper_rule(keras.Sequential([keras.layers.Dense(2)]))


def _profiler_totals(model) -> dict[str, int]:
    """Return TensorFlow's own count by type of operation, on the frozen inference graph at batch 1."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    spec = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    graph = convert_variables_to_constants_v2(function).graph
    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    node = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    totals = {}
    while node.children:  # the "op" view is a chain: each type of operation holds the rest
        (node,) = node.children
        totals[node.name] = node.float_ops
    return totals


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PAPER_MODELS, "shufflenetv2-maxpool", "shufflenetv2-canonical"])
def test_counts_agree_with_the_profiler_op_by_op(keras, name: str) -> None:
    if backend.name() != "tensorflow":
        pytest.skip("TensorFlow's profiler needs the TensorFlow backend")
    model = model_card(name).build(96, 7)
    ours: Counter[str] = Counter()
    for item in layer_flops(model):
        ours[item.op] += item.flops
    theirs = _profiler_totals(model)
    rule = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BiasAdd", "MaxPool", "Mean", "Softmax", "AvgPool")
    assert dict(ours) == {op: theirs[op] for op in rule if theirs.get(op)}


# Latency


class Recorder:
    """Calls that note who was called with what, and whether the garbage collector was on."""

    def __init__(self, *names: str) -> None:
        self.log: list[tuple[str, tuple[int, ...], float, bool]] = []
        self.calls = {name: self._make(name) for name in names}

    def _make(self, name):
        def call(batch) -> None:
            self.log.append((name, batch.shape, float(batch.flat[0]), gc.isenabled()))

        return call


def _images(count: int, size: int = 4) -> np.ndarray:
    return np.arange(count, dtype=np.float32).repeat(size * size * 3).reshape(count, size, size, 3)


def test_models_take_turns_in_random_order() -> None:
    recorder = Recorder("a", "b", "c")
    samples = measure(recorder.calls, _images(1), runs=20, warmup=2)
    assert [name for name, *_ in recorder.log[:6]] == ["a", "a", "b", "b", "c", "c"]
    timed = [name for name, *_ in recorder.log[6:]]
    assert len(timed) == 3 * 20
    blocks = [tuple(timed[i : i + 3]) for i in range(0, 60, 3)]
    assert all(sorted(block) == ["a", "b", "c"] for block in blocks)
    assert len(set(blocks)) > 1
    # The stored orders are those of the calls, each once.
    stored = sorted((sample.order, name) for name, taken in samples.items() for sample in taken)
    assert stored == list(enumerate(timed))
    assert {name: len(taken) for name, taken in samples.items()} == {"a": 20, "b": 20, "c": 20}


def test_the_order_follows_from_the_seed() -> None:
    orders = []
    for seed in (1, 1, 2):
        recorder = Recorder("a", "b", "c")
        measure(recorder.calls, _images(1), runs=10, warmup=0, seed=seed)
        orders.append([name for name, *_ in recorder.log])
    assert orders[0] == orders[1] != orders[2]


def test_every_call_of_a_block_gets_the_same_single_image() -> None:
    recorder = Recorder("a", "b")
    measure(recorder.calls, _images(3), runs=7, warmup=0)
    assert {shape for _, shape, *_ in recorder.log} == {(1, 4, 4, 3)}
    assert [first for *_, first, _ in recorder.log] == [float(run % 3) for run in range(7) for _ in "ab"]


def test_the_garbage_collector_rests_while_timing_and_comes_back() -> None:
    recorder = Recorder("a", "b")
    measure(recorder.calls, _images(1), runs=3, warmup=1)
    assert [enabled for *_, enabled in recorder.log] == [True] * 2 + [False] * 6
    assert gc.isenabled()

    def fail(batch) -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        measure({"a": fail}, _images(1), runs=1, warmup=0)
    assert gc.isenabled()


def test_times_are_seconds_of_the_call() -> None:
    calls = {"slow": lambda batch: time.sleep(0.02), "fast": lambda batch: None}
    samples = measure(calls, _images(1), runs=3, warmup=0)
    assert all(sample.seconds >= 0.02 for sample in samples["slow"])
    # Only the fastest: the machine may be busy.
    assert 0 <= min(sample.seconds for sample in samples["fast"]) < 0.02


def test_progress_tells_of_every_step() -> None:
    told = []
    measure(Recorder("a", "b").calls, _images(1), runs=3, warmup=1, progress=lambda *step: told.append(step))
    assert told == [("warming up", 1, 2), ("warming up", 2, 2), *(("timing", done, 3) for done in (1, 2, 3))]


@pytest.mark.parametrize(
    ("images", "runs", "message"),
    [
        (_images(1)[0], 1, "images"),
        (_images(1).astype(np.float64), 1, "float32"),
        (_images(0), 1, "images"),
        (_images(1), 0, "runs = 0"),
    ],
)
def test_what_cannot_be_timed_is_refused(images, runs: int, message: str) -> None:
    with pytest.raises(FerBenchError, match=message):
        measure(Recorder("a").calls, images, runs=runs)


# The whole profile


def _tiny_card(keras, built: list, **changes) -> ModelCard:
    def build(image_size: int, classes: int):
        inputs = keras.Input((image_size, image_size, 3))
        x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(inputs))
        outputs = keras.layers.Dense(classes, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
        built.append(keras.Model(inputs, outputs))
        return built[-1]

    card = ModelCard(
        name="tiny",
        title="Tiny",
        build=build,
        reference="test",
        trainable_parameters=(3 * 3 * 3 * 4 + 4) + 2 * 4 + (4 * 7 + 7),
        non_trainable_parameters=2 * 4,
    )
    return dataclasses.replace(card, **changes)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch):
    """Replace the registry by some cards."""

    def replace(*cards: ModelCard) -> None:
        monkeypatch.setattr(profiling, "model_card", {card.name: card for card in cards}.__getitem__)

    return replace


def test_profile_of_a_real_model(keras, tmp_path) -> None:
    told = []
    name = "shufflenetv2-canonical"
    (record,) = profile_models(
        [name], image_size=32, runs=3, warmup=1, origin="synthetic", progress=lambda *step: told.append(step)
    )
    card = model_card(name)
    assert (record.model, record.origin, record.image_size, record.classes) == (name, "synthetic", 32, 7)
    assert record.backend == backend.name()
    assert record.trainable_parameters == card.trainable_parameters
    assert record.non_trainable_parameters == card.non_trainable_parameters
    assert record.flops_paper_rule == flops_paper_rule(card.build(32, 7))
    assert set(record.latency) == {"keras-predict", "keras-call"}
    assert all(len(taken) == 3 and all(s.seconds > 0 for s in taken) for taken in record.latency.values())
    assert sorted(s.order for taken in record.latency.values() for s in taken) == list(range(6))
    assert [step for step, *_ in told] == ["building", "warming up", "warming up", "timing", "timing", "timing"]
    assert records.load(records.save(tmp_path, record), records.ProfileRecord) == record


def test_models_of_one_session_take_turns_and_share_its_name(keras, use) -> None:
    built = []
    use(_tiny_card(keras, built), _tiny_card(keras, built, name="twin"))
    first, second = profile_models(["twin", "tiny"], image_size=16, runs=4, warmup=2)
    assert (first.model, second.model) == ("twin", "tiny")
    assert first.session == second.session
    assert first.warmup == 2
    orders = [s.order for record in (first, second) for taken in record.latency.values() for s in taken]
    assert sorted(orders) == list(range(4 * 4))
    (alone,) = profile_models(["tiny"], image_size=16, runs=1, warmup=1)
    assert alone.session != first.session
    # The weights follow from the seed alone, not from what was built before.
    for a, b in zip(built[0].get_weights(), built[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_parameters_that_differ_from_the_card_are_refused(keras, use) -> None:
    use(_tiny_card(keras, [], trainable_parameters=154))
    with pytest.raises(FerBenchError, match=r"'tiny' has 155 trainable and 8 other.*154 and 8"):
        profile_models(["tiny"], image_size=16, runs=1, warmup=1)
    # The card speaks of seven classes only.
    (record,) = profile_models(["tiny"], image_size=16, classes=3, runs=1, warmup=1)
    assert record.trainable_parameters == 155 - 4 * 5


def test_outputs_that_are_not_finite_are_refused(keras, use) -> None:
    card = _tiny_card(keras, [])

    def build(image_size: int, classes: int):
        model = card.build(image_size, classes)
        model.layers[-1].bias.assign([np.nan] * classes)
        return model

    use(dataclasses.replace(card, build=build))
    with pytest.raises(FerBenchError, match="finite"):
        profile_models(["tiny"], image_size=16, runs=1, warmup=1)


def test_outputs_of_another_shape_are_refused(keras, use) -> None:
    card = _tiny_card(keras, [])
    use(dataclasses.replace(card, build=lambda image_size, classes: card.build(image_size, classes + 1)))
    with pytest.raises(FerBenchError, match=r"keras-predict; expected 5 finite"):
        profile_models(["tiny"], image_size=16, classes=5, runs=1, warmup=1)


def test_own_images_are_used_and_checked(keras, use, monkeypatch: pytest.MonkeyPatch) -> None:
    use(_tiny_card(keras, []))
    seen = set()

    def spy(model):
        def call(batch):
            seen.add(float(batch.flat[0]))
            return np.asarray(model.predict(batch, verbose=0))

        return call

    monkeypatch.setitem(profiling.RUNTIMES, "keras-call", spy)
    profile_models(["tiny"], image_size=16, runs=3, warmup=1, images=_images(2, 16))
    assert seen == {0.0, 1.0}
    with pytest.raises(FerBenchError, match=r"\(2, 8, 8, 3\)"):
        profile_models(["tiny"], image_size=16, images=_images(2, 8))


def test_a_name_twice_or_unknown_and_no_warmup_are_refused() -> None:
    with pytest.raises(FerBenchError, match="only once"):
        profile_models(["clcm", "clcm"])
    with pytest.raises(FerBenchError, match="'clmc'"):
        profile_models(["clmc"])
    with pytest.raises(FerBenchError, match="warmup = 0"):
        profile_models(["clcm"], warmup=0)
    with pytest.raises(FerBenchError, match="name at least one"):
        profile_models([])
