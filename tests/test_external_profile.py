"""An external model in a measuring session beside one of fer-bench's own."""

import json

import pytest
from typer.testing import CliRunner

from fer_bench.cli import app
from fer_bench.errors import FerBenchError

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from external_factory import write_onnx

from fer_bench import stages
from fer_bench.emotions import EMOTIONS
from fer_bench.external.adding import Told, add_onnx
from fer_bench.external.complexity import cost
from fer_bench.external.model import Tensor
from fer_bench.external.onnx_file import read_onnx
from fer_bench.external.profiling import external_sources
from fer_bench.profiling import Plan, profile_models
from fer_bench.profiling.latency import Steady
from fer_bench.workspace import Workspace

QUICK = Steady(window=1, most=2)


@pytest.fixture
def place(tmp_path) -> Workspace:
    place = Workspace(tmp_path / "workspace")
    told = Told(labels=",".join(EMOTIONS), values="0..255", trained_on="FER-2013")
    add_onnx(place, write_onnx(tmp_path / "file.onnx", size=24, batch=1), "their-net", told)
    return place


def test_it_is_timed_in_turns_with_ours_in_onnxruntime(place, set_threads, tiny_model):
    pytest.importorskip("tf2onnx")
    plan = Plan(runs=3, runtimes=("keras-call", "onnxruntime"), image_size=32, steady=QUICK, end_to_end=True)
    plan = Plan(**{**vars(plan), "throughput": True, "threads": set_threads})
    sources = external_sources(place, ["tiny", "their-net"])
    ours, theirs = profile_models(["tiny", "their-net"], plan, externals=sources)
    assert ours.external is None
    assert set(ours.latency) == {"keras-call", "onnxruntime"}
    assert set(theirs.latency) == set(theirs.end_to_end) == set(theirs.warmups) == {"onnxruntime"}
    assert len(theirs.latency["onnxruntime"]) == 3
    assert theirs.throughput == {}
    assert (theirs.session, theirs.backend) == (ours.session, ours.backend)
    orders = [sample.order for record in (ours, theirs) for taken in record.latency.values() for sample in taken]
    assert sorted(orders) == list(range(9))
    assert (theirs.image_size, theirs.trainable_parameters, theirs.non_trainable_parameters) == (24, 16, 0)
    assert (theirs.flops_paper_rule, theirs.flops, theirs.peak_activation_bytes) == (24 * 24 + 14 + 7 + 35, None, None)
    assert theirs.weight_bytes == 64
    assert theirs.external is not None
    assert theirs.external.trained_on == "FER-2013"
    assert "batch-norm statistics included" in theirs.external.parameters


def test_alone_it_is_timed_too_where_batches_are_asked_for(place, set_threads):
    """It is not timed in batches, which ended the session after everything else had been measured."""
    plan = Plan(runs=2, runtimes=("onnxruntime",), steady=QUICK, throughput=True, threads=set_threads)
    (theirs,) = profile_models(["their-net"], plan, externals=external_sources(place, ["their-net"]))
    assert (len(theirs.latency["onnxruntime"]), theirs.throughput) == (2, {})


def test_without_onnxruntime_in_the_session_it_is_refused(place, configured):
    with pytest.raises(FerBenchError, match="their-net: an external model is timed in onnxruntime only"):
        stages.profile(place, ["their-net"], "real", plan=Plan(runs=2, runtimes=("keras-call",), steady=QUICK))


def test_its_profile_is_printed_and_saved(place, set_threads):
    options = ("--model", "their-net", "--runtime", "onnxruntime", "--runs", "2", "--workspace", str(place.root))
    options += ("--threads", str(set_threads))
    result = CliRunner().invoke(app, ["profile", *options], terminal_width=200)
    assert result.exit_code == 0, result.exception
    assert "† their-net: external ONNX model" in result.output
    assert "Complexity, 7 classes" in result.output  # Its note tells the size of its input, both lengths.
    result = CliRunner().invoke(app, ["profile", *options, "--json"])
    (record,) = json.loads(result.stdout)
    assert record["external"]["input"] == "24 × 24 × 1, NCHW, float32, values 0 to 255"
    unknown = CliRunner().invoke(app, ["profile", "--model", "their-net", "--layers", "--workspace", str(place.root)])
    assert "their-net is an external model (add-onnx)" in str(unknown.exception)


@pytest.mark.slow
def test_the_rule_gives_an_exported_model_what_it_gives_the_keras_one(configured, tmp_path):
    """Without batch norm, which the exporter folds, so that a bias more would count."""
    pytest.importorskip("tf2onnx")
    import keras
    from keras import layers

    from fer_bench.export.convert import convert
    from fer_bench.network import count_parameters
    from fer_bench.profiling.complexity import complexity

    image = keras.Input((32, 32, 3))
    some = {"bias_initializer": "random_normal"}  # the exporter leaves out biases of 0, and keeps equal ones once
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu", **some)(image)
    x = layers.DepthwiseConv2D(3, padding="same", **some)(x)
    x = layers.MaxPooling2D(2)(layers.Conv2D(12, 1, use_bias=False)(x))
    x = layers.Dense(10, activation="relu", **some)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, layers.Dense(7, activation="softmax", **some)(x))
    convert(model, "onnx", tmp_path / "model.onnx")
    read = read_onnx(tmp_path / "model.onnx")
    (port,) = read.inputs
    taken = Tensor(name=port.name, layout="NHWC", height=32, width=32, channels=3, dtype="float32", fixed_batch=False)
    found = cost(read.model, taken)
    assert found.uncounted == ""
    assert found.flops_paper_rule == complexity(model).flops_paper_rule
    assert found.parameters == sum(count_parameters(model))
