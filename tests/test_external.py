"""External models: an ONNX file is read with suspicion, and then evaluated and shown like any other, marked."""

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from external_factory import BRIGHTNESS, FERPLUS, shaded, write_onnx  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402
from record_factory import eval_record, profile_record  # noqa: E402

from fer_bench.cli import app  # noqa: E402
from fer_bench.datasets.prepared import Prepared  # noqa: E402
from fer_bench.emotions import EMOTIONS  # noqa: E402
from fer_bench.errors import FerBenchError  # noqa: E402
from fer_bench.export.sessions import onnx_session  # noqa: E402
from fer_bench.external.adding import Told, add_onnx  # noqa: E402
from fer_bench.external.alike import alike  # noqa: E402
from fer_bench.external.complexity import cost  # noqa: E402
from fer_bench.external.model import MODEL, Tensor, external_names, load_external  # noqa: E402
from fer_bench.external.onnx_file import read_onnx  # noqa: E402
from fer_bench.external.predicting import are_probabilities, fed, open_call, probabilities  # noqa: E402
from fer_bench.external.testing import test_external as run_test  # noqa: E402
from fer_bench.files import sha256_of  # noqa: E402
from fer_bench.records import EvalRecord, ProfileRecord, RobustnessRecord, load_all, save  # noqa: E402
from fer_bench.selection import select  # noqa: E402
from fer_bench.tables import build_tables  # noqa: E402
from fer_bench.workspace import Workspace  # noqa: E402

PLAIN = Told(labels=",".join(EMOTIONS), values="0..255")


def added(tmp_path, told=PLAIN, **how):
    place = Workspace(tmp_path / "workspace")
    return place, add_onnx(place, write_onnx(tmp_path / "file.onnx", **how), "their-net", told, replace=True)


def answered(place, model, pictures):
    return open_call(model, place.external(model.name) / MODEL, 1)(fed(model, pictures))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, {"values": "0..255"}),
        ({"channels": 3, "scale": 1 / 255}, {"values": "0..1"}),
        ({"channels": 3, "layout": "NHWC", "scale": 1 / 127.5, "offset": -1.0, "batch": 1}, {"values": "-1..1"}),
        ({"scale": 1 / (255 * 0.25), "offset": -2.0}, {"values": None, "mean": "0.5", "std": "0.25"}),
        ({"channels": 3, "scale": 1 / 51, "offset": -1.0}, {"values": None, "mean": "0.2", "std": "0.2,0.2,0.2"}),
        ({"uint8": True}, {"values": None}),
        ({"size": "side"}, {"size": "12x18"}),
        ({"softmax": False}, {}),
        ({"labels": FERPLUS}, {"labels": ",".join(FERPLUS)}),
        ({"labels": FERPLUS, "softmax": False}, {"labels": ",".join(FERPLUS)}),
    ],
)
def test_every_way_to_feed_a_file_gives_its_answers_in_our_order(tmp_path, how, told):
    place, model = added(tmp_path, dataclasses.replace(PLAIN, **told), **how)
    pictures, labels = shaded()
    found = answered(place, model, pictures)
    assert (found.dtype, found.shape) == (np.float32, (14, 7))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found.argmax(axis=1), labels)
    np.testing.assert_allclose(
        found, np.concatenate([answered(place, model, one[None]) for one in pictures]), atol=1e-6
    )


def test_each_channel_has_its_own_mean_and_deviation(tmp_path):
    """ImageNet's, which most published files want."""
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    told = dataclasses.replace(PLAIN, values=None, mean="0.485,0.456,0.406", std="0.229, 0.224, 0.225")
    _, model = added(tmp_path, told, channels=3)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    expected = (np.repeat(pictures[:, None] / 255, 3, axis=1) - np.reshape(mean, (3, 1, 1))) / np.reshape(
        std, (3, 1, 1)
    )
    np.testing.assert_allclose(fed(model, pictures), expected, atol=1e-5)


def test_what_the_file_tells_is_read(tmp_path):
    _, model = added(
        tmp_path, dataclasses.replace(PLAIN, labels=",".join(FERPLUS), trained_on=" FER+ "), labels=FERPLUS
    )
    assert model.image == Tensor(
        name="image", layout="NCHW", height=16, width=16, channels=1, dtype="float32", fixed_batch=False
    )
    assert model.labels == ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
    assert (model.scores, model.trained_on, model.source) == (False, "FER+", "file.onnx")
    assert model.sha256 == sha256_of(tmp_path / "file.onnx")
    assert model.parameters == 8 + 8 + 1 + 1
    # the mean of 256 values, 8 outputs of a weight and a bias, a softmax over 8
    assert model.flops_paper_rule == 256 + 8 * 2 + 8 + 8 * 5


@pytest.mark.parametrize(
    ("how", "told", "message"),
    [
        ({}, {"values": None}, "the file cannot tell which values of pixels it takes; give --values"),
        ({}, {"mean": "0.5"}, "--mean and --std must be given together"),
        ({}, {"mean": "0.5", "std": "0.5"}, "exclude each other"),
        ({}, {"values": None, "mean": "0.5", "std": "0"}, "expected numbers above 0"),
        ({}, {"values": None, "mean": "128", "std": "64"}, "--mean 128: expected a mean of pixels in 0 to 1; if"),
        ({}, {"values": None, "mean": "0.5,0.5", "std": "1"}, "--mean 0.5,0.5: expected one number, or 1"),
        ({"uint8": True}, {"values": "0..1"}, "the input is uint8"),
        ({}, {"size": "48"}, "--size 48 contradicts the file, which says 16"),
        ({"size": "side"}, {}, "the file does not settle --size; add that option"),
        ({"size": "side"}, {"size": "0"}, "--size 0: expected pixels"),
        ({"size": 5000}, {}, "the input is 5000 x 5000; expected at most 4096 pixels a side"),
        ({}, {"channels": 3}, "--channels 3 contradicts the file, which says 1"),
        ({}, {"layout": "NHWC"}, "--layout NHWC contradicts the file, whose input is (?, 1, 16, 16)"),
        ({"size": 3, "channels": 3}, {}, "does not tell where the channels are; give --layout"),
        ({"batch": 8}, {}, "the input takes batches of 8"),
        ({}, {"output": "other"}, "no output 'other'; found 'emotions' (?, 7)"),
        ({}, {"labels": ",".join((*EMOTIONS, "contempt"))}, "the output 'emotions' is (?, 7); --labels names 8"),
        ({"outputs": 9}, {"labels": ",".join((*EMOTIONS, "contempt", "-"))}, "and there are 9 labels"),
        ({}, {"labels": ",".join(EMOTIONS[:6])}, "no output is surprise"),
        ({}, {"labels": ",".join((*EMOTIONS[:6], "suprise"))}, "'suprise' is none of angry"),
        ({}, {"labels": ",".join((*EMOTIONS, "anger"))}, "angry twice"),
    ],
)
def test_what_is_missing_or_contradicts_the_file_is_refused(tmp_path, how, told, message):
    with pytest.raises(FerBenchError, match=re.escape(message)):
        added(tmp_path, dataclasses.replace(PLAIN, **told), **how)
    assert external_names(Workspace(tmp_path / "workspace")) == []
    assert not (tmp_path / "workspace/external").exists()


@pytest.mark.parametrize(("name", "message"), [("absent.onnx", "no such file"), ("", "not a file")])
def test_what_is_no_file_is_refused(tmp_path, name, message):
    with pytest.raises(FerBenchError, match=f"{message}; expected an ONNX model"):
        add_onnx(Workspace(tmp_path / "workspace"), tmp_path / name, "their-net", PLAIN, replace=False)


def test_a_profile_of_another_file_keeps_the_name(tmp_path):
    place, model = added(tmp_path)
    path = save(place.results.records, dataclasses.replace(profile_record("their-net"), external=model.external))
    with pytest.raises(FerBenchError, match=re.escape(f"{path}: a result of another model under the name 'their-net'")):
        added(tmp_path, dataclasses.replace(PLAIN, values="0..1"))
    with pytest.raises(FerBenchError, match="a result of another model"):
        added(tmp_path, softmax=False)
    _, again = added(tmp_path)
    assert again == model


def test_a_claim_that_is_taken_back_leaves_the_records_and_tables(workspace, tmp_path, capsys):
    file = write_onnx(tmp_path / "file.onnx")
    model = add_onnx(workspace, file, "their-net", dataclasses.replace(PLAIN, trained_on="RAF-DB"))
    test = run_test(workspace, model, Prepared.load(workspace.prepared("fer2013")))
    profile = dataclasses.replace(
        profile_record("their-net", origin="synthetic"),
        external=dataclasses.replace(model.external, parameters="all of them"),
    )
    save(workspace.results.records, profile)
    save(workspace.results.records, profile_record("clcm", origin="synthetic"))
    capsys.readouterr()
    told = dataclasses.replace(PLAIN, trained_on="FER-2013, test images too")
    again = add_onnx(workspace, file, "their-net", told, replace=True)
    assert (
        "corrected in 2 of its records; run fer-bench anova where it was timed, fer-bench tables"
        in capsys.readouterr().err
    )
    (now,) = load_all(workspace.results.records, EvalRecord)
    assert now == dataclasses.replace(test, external=again.external)
    profiles = {record.model: record.external for record in load_all(workspace.results.records, ProfileRecord)}
    assert profiles == {
        "clcm": None,
        "their-net": dataclasses.replace(again.external, parameters="all of them"),
    }
    tables = {table.number: table for table in build_tables(select(workspace.results))}
    notes = " ".join(note for table in tables.values() for note in table.notes)
    assert "trained on FER-2013, test images too, its author says" in notes
    assert "RAF-DB, its author says" not in notes
    assert run_test(workspace, again, Prepared.load(workspace.prepared("fer2013"))) == now
    add_onnx(workspace, file, "their-net", told, replace=True)
    assert "corrected" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["clcm", "../up", "a__b", "Net", ""])
def test_a_name_that_cannot_be_used_is_refused(tmp_path, name):
    file = write_onnx(tmp_path / "file.onnx")
    with pytest.raises(FerBenchError, match="--name"):
        add_onnx(Workspace(tmp_path / "workspace"), file, name, PLAIN)


@given(content=st.binary(max_size=400))
def test_whatever_is_no_onnx_file_is_one_message(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("junk") / "junk.onnx"
    path.write_bytes(content)
    with pytest.raises(FerBenchError, match=r"junk\.onnx"):
        read_onnx(path)


def test_names_of_a_file_cannot_steer_the_terminal(tmp_path):
    path = write_onnx(tmp_path / "file.onnx")
    model = onnx.load(str(path))
    escape = "\x1b]0;owned\x07"
    model.graph.output[0].name = model.graph.node[-1].output[0] = escape
    model.graph.output.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 7]))
    onnx.save(model, str(path))
    place = Workspace(tmp_path / "workspace")
    with pytest.raises(FerBenchError, match="several outputs") as raised:
        add_onnx(place, path, "sly-net", PLAIN)
    assert str(raised.value).isprintable()
    model.graph.node.append(helper.make_node(escape, ["means"], ["unused"], name=escape))
    onnx.save(model, str(path))
    with pytest.raises(FerBenchError, match="ONNX Runtime cannot take the file") as raised:
        add_onnx(place, path, "sly-net", dataclasses.replace(PLAIN, output=escape))
    assert str(raised.value).isprintable()
    image = Tensor(name="image", layout="NCHW", height=16, width=16, channels=1, dtype="float32", fixed_batch=False)
    assert cost(model, image).uncounted == f"the rule does not know {escape!r}"


def test_a_file_that_answers_every_face_alike_is_refused(tmp_path):
    nodes = [helper.make_node("Mul", ["scores", "zero"], ["emotions"])]
    path = write_onnx(tmp_path / "file.onnx", softmax=False)
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "scores"
    model.graph.node.extend(nodes)
    model.graph.initializer.append(helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]))
    onnx.save(model, str(path))
    with pytest.raises(FerBenchError, match="gives different faces the same answer"):
        add_onnx(Workspace(tmp_path / "workspace"), path, "dead-net", PLAIN)


def test_a_file_whose_output_has_no_rows_is_refused(tmp_path):
    path = write_onnx(tmp_path / "file.onnx", softmax=False)
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "scores"
    model.graph.node.append(helper.make_node("Slice", ["scores", "zero", "zero", "zero"], ["emotions"]))
    model.graph.initializer.append(helper.make_tensor("zero", TensorProto.INT64, [1], [0]))
    onnx.save(model, str(path))
    with pytest.raises(FerBenchError, match=r"is \(0, 7\), and there are 7 labels; expected \(images, 7\)"):
        add_onnx(Workspace(tmp_path / "workspace"), path, "empty-net", PLAIN)


def test_a_file_whose_answer_depends_on_the_batch_is_refused(tmp_path):
    """Such as one that was exported in training mode, with batch statistics."""
    path = write_onnx(tmp_path / "file.onnx", softmax=False)
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "scores"
    model.graph.node.append(helper.make_node("ReduceMean", ["scores"], ["middle"], axes=[0], keepdims=1))
    model.graph.node.append(helper.make_node("Mul", ["middle", "small"], ["shift"]))
    model.graph.node.append(helper.make_node("Sub", ["scores", "shift"], ["emotions"]))
    model.graph.initializer.append(helper.make_tensor("small", TensorProto.FLOAT, [1], [0.1]))
    onnx.save(model, str(path))
    with pytest.raises(FerBenchError, match="the answer to an image depends on the others of its batch, by up to"):
        add_onnx(Workspace(tmp_path / "workspace"), path, "batch-net", PLAIN)


@pytest.mark.parametrize("batch", ["batch", 1])
def test_a_file_that_answers_an_image_by_chance_is_refused(tmp_path, batch):
    """Dropout that was left on when the model was exported."""
    path = write_onnx(tmp_path / "file.onnx", softmax=False, batch=batch)
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "scores"
    model.graph.node.append(helper.make_node("Dropout", ["scores", "rate", "on"], ["emotions"], seed=3))
    model.graph.initializer.append(helper.make_tensor("rate", TensorProto.FLOAT, [], [0.5]))
    model.graph.initializer.append(helper.make_tensor("on", TensorProto.BOOL, [], [True]))
    onnx.save(model, str(path))
    with pytest.raises(FerBenchError, match="the same image another answer each time, by up to"):
        add_onnx(Workspace(tmp_path / "workspace"), path, "chance-net", PLAIN)


def test_a_batch_norm_in_training_mode_is_refused(tmp_path):
    """With one image a batch no answer shows that it normalises by the batch."""
    path = write_onnx(tmp_path / "file.onnx", batch=1)
    model = onnx.load(str(path))
    model.graph.node[0].input[0] = "normal"
    names = ["gamma", "beta", "mean", "variance"]
    node = helper.make_node("BatchNormalization", ["image", *names], ["normal", "new_mean", "new_var"], training_mode=1)
    model.graph.node.insert(0, node)
    for name, value in zip(names, (1.0, 0.0, 0.0, 1.0), strict=True):
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [1], [value]))
    onnx.save(model, str(path))
    with pytest.raises(FerBenchError, match=r"file.onnx: exported in training mode: .* after model.eval\(\)"):
        add_onnx(Workspace(tmp_path / "workspace"), path, "training-net", PLAIN)


def test_weights_beside_the_file_are_taken_in(tmp_path):
    path = write_onnx(tmp_path / "file.onnx")
    onnx.save(onnx.load(str(path)), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    place = Workspace(tmp_path / "workspace")
    model = add_onnx(place, path, "split-net", PLAIN)
    (tmp_path / "weights.bin").unlink()
    pictures, labels = shaded()
    np.testing.assert_array_equal(answered(place, model, pictures).argmax(axis=1), labels)


def test_weights_beside_the_file_that_one_file_cannot_hold_are_refused_unread(tmp_path):
    path = write_onnx(tmp_path / "file.onnx")
    onnx.save(onnx.load(str(path)), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    model = onnx.load(str(path), load_external_data=False)
    with (tmp_path / "weights.bin").open("r+b") as file:
        file.truncate(2**31)  # Takes no place on disk.
    del next(item for item in model.graph.initializer if item.name == "weights").external_data[1:]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(FerBenchError, match="more than 2 GB, the most that one ONNX file holds"):
        add_onnx(Workspace(tmp_path / "workspace"), path, "large-net", PLAIN)


def test_weights_of_a_function_are_never_followed_either(tmp_path):
    path = write_onnx(tmp_path / "file.onnx")
    model = onnx.load(str(path))
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret.bin")
    function = model.functions.add(name="f", domain="theirs", attribute_proto=[helper.make_attribute("w", tensor)])
    function.opset_import.extend(model.opset_import)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(FerBenchError, match=r"'w' lie in '../secret\.bin', outside its folder"):
        read_onnx(path)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "link.bin", "missing.bin", ""])
def test_weights_elsewhere_are_never_followed(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    path = write_onnx(folder / "file.onnx")
    model = onnx.load(str(path))
    (tmp_path / "secret.bin").write_bytes(model.graph.initializer[0].raw_data)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(FerBenchError, match=r"outside its folder|not beside it"):
        add_onnx(Workspace(tmp_path / "workspace"), path, "sly-net", PLAIN)


def test_flops_of_an_unknown_operation_are_not_known(tmp_path):
    path = write_onnx(tmp_path / "file.onnx")
    model = onnx.load(str(path))
    model.graph.node.append(helper.make_node("Det", ["means"], ["unused"]))
    image = Tensor(name="image", layout="NCHW", height=16, width=16, channels=1, dtype="float32", fixed_batch=False)
    found = cost(model, image)
    assert (found.flops_paper_rule, found.uncounted) == (None, "the rule does not know 'Det'")
    assert found.parameters == 7 + 7 + 1 + 1


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Conv", [], ["unused"]),
        helper.make_node("Constant", [], [], value_float=1.0),
        helper.make_node("MaxPool", ["means"], ["unused"], kernel_shape=2),
        helper.make_node("Softmax", ["scores"], []),
    ],
    ids=lambda node: node.op_type,
)
def test_a_malformed_node_costs_the_flops_alone(tmp_path, node):
    model = onnx.load(str(write_onnx(tmp_path / "file.onnx")))
    model.graph.node.append(node)
    image = Tensor(name="image", layout="NCHW", height=16, width=16, channels=1, dtype="float32", fixed_batch=False)
    found = cost(model, image)
    assert found.flops_paper_rule is None
    assert found.uncounted in ("the graph is malformed", "the shapes do not follow from the file")
    assert found.parameters == 7 + 7 + 1 + 1


@given(
    arrays(np.float64, (4, 8), elements=st.floats(-30, 30)),
    st.permutations([*EMOTIONS, "contempt"]),
)
def test_dropping_a_class_before_or_after_softmax_is_the_same(tmp_path_factory, scores, labels):
    model = _model(labels)
    whole = np.exp(scores - scores.max(axis=1, keepdims=True))
    whole /= whole.sum(axis=1, keepdims=True)
    before = probabilities(dataclasses.replace(model, scores=True), scores)
    after = probabilities(dataclasses.replace(model, scores=False), whole)
    np.testing.assert_allclose(before, after, atol=1e-5)
    np.testing.assert_allclose(before.sum(axis=1), 1, rtol=1e-5)
    order = [list(labels).index(emotion) for emotion in EMOTIONS]
    highest = scores[:, order].argmax(axis=1)
    np.testing.assert_allclose(before[np.arange(4), highest], before.max(axis=1), rtol=1e-5)


def _model(labels):
    from fer_bench.external.model import ExternalModel

    image = Tensor(name="image", layout="NCHW", height=8, width=8, channels=1, dtype="float32", fixed_batch=False)
    return ExternalModel(
        name="n",
        sha256="0" * 64,
        source="n.onnx",
        labels=tuple(labels),
        image=image,
        scale=(1.0,),
        offset=(0.0,),
        output="o",
        scores=True,
        parameters=1,
        weight_bytes=4,
        flops_paper_rule=None,
        uncounted="",
    )


@given(arrays(np.float64, (4, 8), elements=st.floats(-30, 30)))
def test_probabilities_are_told_from_scores_also_where_they_are_quantised(scores):
    whole = np.exp(scores - scores.max(axis=1, keepdims=True))
    whole /= whole.sum(axis=1, keepdims=True)
    assert are_probabilities(whole)
    assert are_probabilities(np.minimum(np.rint(whole * 256), 255) / 256)
    assert not are_probabilities(np.abs(scores) + 0.2)


def test_an_answer_without_the_seven_is_undecided():
    answers = np.zeros((1, 8))
    answers[0, 7] = 1
    np.testing.assert_allclose(
        probabilities(dataclasses.replace(_model([*EMOTIONS, "contempt"]), scores=False), answers), 1 / 7
    )


def test_a_file_of_the_first_onnx_versions_lists_its_weights_as_inputs(tmp_path):
    path = write_onnx(tmp_path / "file.onnx")
    model = onnx.load(str(path))
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    model.ir_version = 3
    onnx.save(model, str(path))
    assert [port.name for port in read_onnx(path).inputs] == ["image"]
    place = Workspace(tmp_path / "workspace")
    found = add_onnx(place, path, "old-net", PLAIN)
    assert found.parameters == 16
    pictures, labels = shaded()
    np.testing.assert_array_equal(answered(place, found, pictures).argmax(axis=1), labels)


def invoke(place, *arguments):
    return CliRunner().invoke(app, [*arguments, "--workspace", str(place.root)], terminal_width=200)


def test_it_is_tested_shown_and_ranked_as_what_it_is(workspace, tmp_path):
    file = write_onnx(tmp_path / "file.onnx", FERPLUS)
    labels = ("--labels", ",".join(FERPLUS), "--values", "0..255")
    result = invoke(workspace, "add-onnx", str(file), "--name", "their-net", *labels, "--trained-on", "FER+ | votes")
    assert result.exit_code == 0, result.output
    assert "contempt" in result.output
    again = invoke(workspace, "add-onnx", str(file), "--name", "their-net", *labels)
    assert "there is a model of that name" in str(again.exception)

    assert invoke(workspace, "evaluate", "--model", "their-net", "--dataset", "fer2013").exit_code == 0
    crossed = invoke(workspace, "cross-test", "--on", "ck-plus", "--json")
    assert crossed.exit_code == 0, crossed.output
    (record,) = json.loads(crossed.stdout)
    model = load_external(workspace, "their-net")
    assert (record["dataset"], record["dataset_fingerprint"], record["origin"]) == ("external", "", "synthetic")
    assert record["external"]["sha256"] == record["weights_sha256"] == model.sha256
    tests = load_all(workspace.results.records, EvalRecord)
    target = Prepared.load(workspace.prepared("fer2013"))
    rows = target.indices("test")
    expected = answered(workspace, model, target.images[rows]).argmax(axis=1)
    (own,) = [test for test in tests if test.target == "fer2013"]
    assert own.accuracy == float((expected == target.labels[rows]).mean())
    assert run_test(workspace, model, target) == own  # it is not done again

    worse = invoke(workspace, "robustness", "--model", "their-net", "--dataset", "fer2013")
    assert worse.exit_code == 0, worse.exception
    assert "their-net †" in worse.stdout
    (corrupted,) = load_all(workspace.results.records, RobustnessRecord)
    assert (corrupted.confusion_matrix, corrupted.external) == (own.confusion_matrix, model.external)
    dark = [sum(row[0] for row in matrix) for matrix in corrupted.results[5].confusion_matrices]
    assert dark == sorted(dark)  # The darker, the more are answered by what it knows as the darkest.

    tables = {table.number: table for table in build_tables(select(workspace.results))}
    for number in (0, 4, 5, 8, 9, 10, 11):
        note = next(note for note in tables[number].notes if note.startswith("† their-net"))
        assert "trained on FER+ | votes, its author says" in note
        assert "were not checked" in note
        assert "contempt" in note
        assert f"sha256 {model.sha256[:12]}" in note
        assert "their-net" in repr(tables[number].blocks)
    rendered = invoke(workspace, "tables", "--local")
    assert rendered.exit_code == 0, rendered.exception
    assert invoke(workspace, "report", "--local").exit_code == 0
    text = (workspace.results.tables / "table05.md").read_text(encoding="utf-8")
    assert re.search(r"^\| their-net †", text, re.MULTILINE)
    assert "Other or unknown training data" in text
    board = invoke(workspace, "leaderboard", "--records", str(workspace.results.records), "--json")
    assert board.exit_code == 0, board.exception
    found = json.loads(board.stdout)["boards"]
    assert {(item["dataset"], item["target"]) for item in found} == {("external", "fer2013"), ("external", "ck-plus")}
    assert all(item["standings"][0]["external"]["sha256"] == model.sha256 for item in found)
    assert any("were not checked" in note for note in found[0]["notes"])

    changed = invoke(workspace, "add-onnx", str(file), "--name", "their-net", *labels[:3], "0..1", "--replace")
    assert "a result of another model under the name 'their-net'" in str(changed.exception)
    (workspace.external("their-net") / MODEL).write_bytes(b"other")
    with pytest.raises(FerBenchError, match="not the file that was added"):
        load_external(workspace, "their-net")


def shades(tmp_path):
    """Return a workspace with the dataset ``shades``, of pictures whose brightness tells their class."""
    cv2 = pytest.importorskip("cv2")
    place = Workspace(tmp_path / "workspace")
    for emotion, level in BRIGHTNESS.items():
        (tmp_path / "faces" / emotion).mkdir(parents=True)
        for number in range(30):
            picture = np.full((24, 24), level, np.uint8)
            picture[0, number % 24] = number  # no picture twice
            assert cv2.imwrite(str(tmp_path / "faces" / emotion / f"{number}.png"), picture)
    (tmp_path / "shades.toml").write_text('name = "shades"\nsize = [24, 24]\n')
    prepared = invoke(place, "prepare", "--card", str(tmp_path / "shades.toml"), "--source", str(tmp_path / "faces"))
    assert prepared.exit_code == 0, prepared.exception
    return place


def test_a_wrong_range_of_values_is_told_and_the_right_one_named(tmp_path):
    place = shades(tmp_path)
    file = str(write_onnx(tmp_path / "file.onnx"))
    options = ("--labels", ",".join(EMOTIONS), "--values")
    assert invoke(place, "add-onnx", file, "--name", "right", *options, "0..255").exit_code == 0
    assert invoke(place, "add-onnx", file, "--name", "wrong", *options, "0..1").exit_code == 0
    right = invoke(place, "evaluate", "--model", "right", "--dataset", "shades", "--json")
    assert (json.loads(right.stdout)[0]["accuracy"], right.stderr) == (1.0, "")
    for command in (("evaluate", "--model", "wrong", "--dataset"), ("cross-test", "--on")):
        told = invoke(place, *command, "shades", "--json")
        (record,) = [record for record in json.loads(told.stdout) if record["model"] == "wrong"]
        n = record["n"]
        assert f"wrong answers angry to {n} of {n} images of shades" in told.stderr
        assert "--values (or --mean and --std) or --labels" in told.stderr
        assert re.search(
            r"With --values 0\.\.255 it would be right for 100% of \d+ of them, and is for 1\d%", told.stderr
        )
        assert "right answers" not in told.stderr
    judged = invoke(place, "doctor", "labels", "--model", "wrong", "--dataset", "shades")
    assert judged.exit_code == 0, judged.exception
    assert "cannot tell" in judged.stdout
    assert "--values" in judged.stderr
    (path,) = (place.results.records / "eval").glob("wrong*.json")
    assert f"remove {path} and use fer-bench add-onnx --replace" in judged.stderr
    path.unlink()
    assert invoke(place, "add-onnx", file, "--name", "wrong", *options, "0..255", "--replace").exit_code == 0


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([[96, 0], [4, 0]], None),  # the test set nearly consists of that class
        ([[50, 0], [45, 5]], ("angry", 95)),
        ([[50, 0], [44, 6]], None),
        ([[0, 0], [100, 0]], ("angry", 100)),
    ],
)
def test_one_answer_for_nearly_all_is_one_that_the_labels_do_not_give(rows, found):
    matrix = np.zeros((7, 7), int)
    matrix[:2, :2] = rows
    assert alike(eval_record("their-net", "external", "ck-plus", matrix=matrix.tolist())) == found


def test_a_right_order_of_labels_scores_and_a_wrong_one_is_told(tmp_path):
    place = shades(tmp_path)
    file = str(write_onnx(tmp_path / "file.onnx", FERPLUS))
    swapped = [*FERPLUS[:4], "disgust", "anger", *FERPLUS[6:]]
    for name, order, accuracy, code in (("right", FERPLUS, 1.0, 0), ("swapped", swapped, 5 / 7, 1)):
        options = ("--name", name, "--labels", ",".join(order), "--values", "0..255")
        assert invoke(place, "add-onnx", file, *options).exit_code == 0
        tested = invoke(place, "evaluate", "--model", name, "--dataset", "shades", "--json")
        assert json.loads(tested.stdout)[0]["accuracy"] == pytest.approx(accuracy)
        judged = invoke(place, "doctor", "labels", "--model", name, "--dataset", "shades")
        assert judged.exit_code == code, judged.output
    assert "angry" in judged.output
    assert "disgust" in judged.output

    listed = json.loads(invoke(place, "models", "--json").stdout)
    assert [item["name"] for item in listed if item["external"]] == ["right", "swapped"]
    assert "external, file.onnx; training data not stated" in invoke(place, "models").output


def test_a_damaged_one_ends_no_list(tmp_path):
    place, _ = added(tmp_path)
    add_onnx(place, tmp_path / "file.onnx", "another", PLAIN)
    with (place.external("another") / MODEL).open("ab") as file:
        file.write(b"x")
    listed = invoke(place, "models", "--json")
    assert listed.exit_code == 0, listed.exception
    assert [item["name"] for item in json.loads(listed.stdout) if item["external"]] == ["their-net"]
    assert f"left out: {place.external('another') / MODEL}: missing, or not the file that was added" in listed.stderr


@pytest.mark.parametrize(
    "command",
    [
        "predict -m their-net face.png",
        "predict -m their-net -d fer2013 --no-crop face.png",
        "export -m their-net -d fer2013 -t onnx",
        "explain -m their-net -d fer2013",
        "train -m their-net -d fer2013",
        "run-all -m their-net",
        "status -m their-net",
        "grid -m their-net",
        "profile --layers -m their-net",
        "profile --self-test -m their-net",
        "architecture -m their-net",
        "tune -m clcm -m their-net -d fer2013",
        "ablate freezing -m their-net -d fer2013",
        "ablate head -m their-net -d fer2013",
    ],
)
def test_commands_that_take_only_what_is_trained_say_so(tmp_path, monkeypatch, command):
    place, _ = added(tmp_path)
    monkeypatch.setenv("FER_BENCH_WORKSPACE", str(place.root))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "face.png").touch()
    monkeypatch.setattr("fer_bench.prediction.faces.require_detector", lambda: None)
    result = CliRunner().invoke(app, command.split())
    assert isinstance(result.exception, FerBenchError), result.output
    expected = "their-net is an external model (add-onnx); this command takes models that fer-bench trains"
    assert str(result.exception) == expected


def test_weights_in_the_current_folder_are_not_taken_for_a_files_own(tmp_path, monkeypatch):
    """As an exported file from elsewhere could ask for, whose bytes alone are given to the runtime."""
    model = onnx.load(str(write_onnx(tmp_path / "a.onnx")))
    assert onnx_session(model.SerializeToString(), 1).get_inputs()
    onnx.external_data_helper.convert_model_to_external_data(model, location="secret.bin", size_threshold=0)
    monkeypatch.chdir(tmp_path)
    onnx.save(model, "a.onnx")
    assert (tmp_path / "secret.bin").is_file()
    with pytest.raises(Exception, match=r"[Ee]xternal data"):  # ONNX Runtime has no public class of its errors.
        onnx_session((tmp_path / "a.onnx").read_bytes(), 1)


def test_a_file_whose_names_a_terminal_would_obey_is_not_added(tmp_path):
    model = onnx.load(str(write_onnx(tmp_path / "a.onnx")))
    for names in [node.input for node in model.graph.node]:
        names[:] = ["\x1b[31mimage" if name == "image" else name for name in names]
    model.graph.input[0].name = "\x1b[31mimage"
    onnx.save(model, str(tmp_path / "a.onnx"))
    place = Workspace(tmp_path / "workspace")
    with pytest.raises(FerBenchError, match=r"a\.onnx: image: name = '\\x1b\[31mimage', expected text in one line"):
        add_onnx(place, tmp_path / "a.onnx", "their-net", PLAIN)
    assert external_names(place) == []


def test_the_runtime_prints_nothing_of_a_file_past_the_message(tmp_path, capfd):
    model = onnx.load(str(write_onnx(tmp_path / "a.onnx")))
    weights = next(tensor for tensor in model.graph.initializer if tensor.name == "weights")
    weights.raw_data = weights.raw_data[:-4]
    with pytest.raises(Exception, match=r"weights"):
        onnx_session(model.SerializeToString(), 1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"labels": ["x", *EMOTIONS[1:]]}, "labels are x, .*expected each of the seven classes once"),
        ({"labels": [*EMOTIONS, EMOTIONS[0]]}, "labels are .*expected each of the seven classes once"),
        ({"scale": [1.0, 1.0]}, "scale and offset are not of 1 channels"),
        ({"offset": []}, "scale and offset are not of 1 channels"),
        ({"image": {"height": 0}}, "an image of 0 × 16 × 1; expected sides of 1 to 4096 pixels"),
        ({"labels": None}, "labels = None, expected"),
    ],
)
def test_an_edited_description_of_a_model_is_told(edit, told, tmp_path):
    place, model = added(tmp_path)
    path = place.external(model.name) / "model.json"
    content = json.loads(path.read_text())
    changed = {key: content[key] | to if key == "image" else to for key, to in edit.items()}
    path.write_text(json.dumps(content | changed))
    with pytest.raises(FerBenchError, match=rf"model\.json: {told}.*; run fer-bench add-onnx again with --replace"):
        load_external(place, model.name)
