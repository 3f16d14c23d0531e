"""Predict with a really trained model, and with the files that it was exported to."""

import csv
import gc
import io
import json
import os
import re
import subprocess
import sys
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
from trained_tiny import Trained, trained_tiny
from typer.testing import CliRunner

import fer_bench
from fer_bench.cli import app
from fer_bench.emotions import EMOTIONS
from fer_bench.files import sha256_of
from fer_bench.verbosity import set_level

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _level():
    yield
    set_level("normal")


@pytest.fixture(scope="module")
def trained(configured, tmp_path_factory):
    with trained_tiny(tmp_path_factory.mktemp("predict")) as found:
        yield found


@pytest.fixture(scope="module")
def onnx(trained: Trained) -> Path:
    pytest.importorskip("tf2onnx")
    return trained.export("onnx", trained.workspace.root / "exports" / "tiny.onnx")


def invoke(*arguments, stdin=""):
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)], input=stdin)
    # What the command line tells in one message, and with exit code 2; never a traceback.
    assert (result.exit_code == 0) == (result.exception is None)
    assert isinstance(result.exception, fer_bench.FerBenchError | None), result.exc_info
    return result.exit_code, result.stdout, result.stderr + (str(result.exception) if result.exception else "")


def probabilities(answers):
    return np.array([list(answer.probabilities.values()) for answer in answers], np.float32)


def test_a_trained_model_answers_as_evaluate_does(trained):
    root, recipe = trained.workspace.root, str(trained.recipe)
    loaded = fer_bench.load_model("tiny", dataset="fer2013", recipe=recipe, workspace=root)
    answers = list(loaded.predict(trained.test_pictures, crop=False))
    np.testing.assert_array_equal(probabilities(answers).astype(np.float16), trained.kept)
    assert [answer.label for answer in answers] == [EMOTIONS[label] for label in trained.kept.argmax(axis=1)]
    assert (loaded.name, loaded.dataset, loaded.origin, loaded.size) == ("tiny", "fer2013", "synthetic", (48, 48))


def test_files_may_be_named_by_paths(trained, tmp_path):
    weights = tmp_path / "imagenet.weights.h5"
    run = {"dataset": "fer2013", "recipe": trained.recipe, "workspace": trained.workspace.root}
    assert fer_bench.load_model("tiny", **run).name == "tiny"
    with pytest.raises(fer_bench.FerBenchError, match="has not been trained on this fer2013"):
        fer_bench.load_model("tiny", **run, weights=weights)


def test_a_model_that_was_not_trained_is_an_error(trained):
    with pytest.raises(fer_bench.FerBenchError, match="has not been trained on this fer2013"):
        fer_bench.load_model("tiny", dataset="fer2013", workspace=trained.workspace.root)
    with pytest.raises(fer_bench.FerBenchError, match="name the dataset"):
        fer_bench.load_model("tiny", workspace=trained.workspace.root)


@pytest.mark.parametrize(
    ("target", "name", "package"), [("onnx", "t.onnx", "tf2onnx"), ("litert", "t.tflite", "ai_edge_litert")]
)
def test_an_exported_file_answers_as_the_model_does(trained, target, name, package, tmp_path):
    pytest.importorskip(package)
    loaded = fer_bench.load_model(trained.export(target, tmp_path / name))
    answers = probabilities(loaded.predict(trained.test_pictures, crop=False))
    np.testing.assert_allclose(answers, trained.kept.astype(np.float32), atol=1e-3)
    assert (loaded.name, loaded.dataset, loaded.origin, loaded.classes) == ("tiny", "fer2013", "synthetic", EMOTIONS)


def test_batches_of_any_size_take_few_litert_interpreters(trained, tmp_path, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    from ai_edge_litert import interpreter

    path, made, alive = trained.export("litert", tmp_path / "t.tflite"), [], weakref.WeakSet()

    class Counted(interpreter.Interpreter):
        def __init__(self, *arguments, **options):
            made.append(1)
            alive.add(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(interpreter, "Interpreter", Counted)
    answered = fer_bench.load_model(path).probabilities
    images = np.stack([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in trained.test_pictures[:64]])
    expected = answered(images)
    for count in range(1, 65):
        found = answered(images[:count])
        assert found.shape == (count, len(EMOTIONS))
        np.testing.assert_allclose(found, expected[:count], atol=1e-5)
    gc.collect()
    assert len(made) <= 8, "64 images twice, and each power of two below once"
    assert len(alive) <= 2


def test_an_exported_file_must_be_the_one_that_its_json_describes(onnx, tmp_path):
    path = tmp_path / "copy.onnx"
    with pytest.raises(fer_bench.FerBenchError, match=r"copy\.onnx: no such file"):
        fer_bench.load_model(path)
    path.write_bytes(onnx.read_bytes())
    with pytest.raises(fer_bench.FerBenchError, match=r"copy\.onnx\.json: no such file"):
        fer_bench.load_model(path)
    about = json.loads(Path(f"{onnx}.json").read_text())
    for damaged in (
        {},
        [],
        {**about, "schema": 2},
        {**about, "preprocessing": {}},
        {**about, "class_names": [1, 2, 3]},
        {**about, "class_names": "happy"},
        {**about, "class_names": [*EMOTIONS[:-1], EMOTIONS[0]]},
        {**about, "class_names": [*EMOTIONS[:-1], ""]},
        {**about, "class_names": [*EMOTIONS[:-1], "sad\x1b[31m"]},
        {**about, "model": "tiny\x1b]0;title\x07"},
        {**about, "preprocessing": {**about["preprocessing"], "stored_size": [True, True]}},
        {**about, "preprocessing": {**about["preprocessing"], "image_size": [48.0, 48.0]}},
        {**about, "preprocessing": {**about["preprocessing"], "image_size": [48, 64]}},
    ):
        Path(f"{path}.json").write_text(json.dumps(damaged))
        with pytest.raises(fer_bench.FerBenchError, match="not what fer-bench export writes") as refused:
            fer_bench.load_model(path)
        assert str(refused.value).isprintable()
    Path(f"{path}.json").write_text(json.dumps(about))
    assert fer_bench.load_model(path).name == "tiny"
    path.write_bytes(onnx.read_bytes() + b"x")
    with pytest.raises(fer_bench.FerBenchError, match="SHA-256"):
        fer_bench.load_model(path)
    with pytest.raises(fer_bench.FerBenchError, match="leave dataset out"):
        fer_bench.load_model(path, dataset="fer2013")
    for given in ({"recipe": "paper"}, {"seed": 0}, {"weights": "random"}):
        words = f"says itself how it was trained; leave {next(iter(given))} out"
        with pytest.raises(fer_bench.FerBenchError, match=words):
            fer_bench.load_model(path, **given)


@pytest.mark.parametrize(
    ("target", "name", "package", "runtime"),
    [("onnx", "t.onnx", "tf2onnx", "ONNX Runtime"), ("litert", "t.tflite", "ai_edge_litert", "LiteRT")],
)
def test_a_json_that_was_edited_for_another_file_is_refused(trained, target, name, package, runtime, tmp_path):
    pytest.importorskip(package)
    path = trained.export(target, tmp_path / name)
    beside = Path(f"{path}.json")
    about = json.loads(beside.read_text())

    def refused(words, **changes):
        beside.write_text(json.dumps({**about, **changes}))
        with pytest.raises(fer_bench.FerBenchError, match=rf"^{re.escape(str(path))}: {words}.*export the model again"):
            fer_bench.load_model(path)

    refused(r"its answer to 1 images is \(1, 7\), expected \(1, 6\)", class_names=EMOTIONS[:6])
    refused(r"its answer to 1 images is \(1, 7\), expected \(1, 8\)", class_names=[*EMOTIONS, "contempt"])
    preprocessing = {**about["preprocessing"], "image_size": [77, 77]}
    refused(f"{runtime} cannot run the file on images of 77 x 77 pixels", preprocessing=preprocessing)
    path.write_bytes(b"garbage")
    refused(f"{runtime} cannot", file_sha256=sha256_of(path))


def test_an_exported_file_needs_no_tensorflow(onnx, trained):
    code = (
        "import sys, fer_bench\n"
        "print([a.label for a in fer_bench.load_model(sys.argv[1]).predict(sys.argv[2:], crop=False)])\n"
        "assert not {'tensorflow', 'keras', 'tf2onnx'} & set(sys.modules)\n"
    )
    pictures = [str(path) for path in trained.test_pictures[:3]]
    result = subprocess.run(
        [sys.executable, "-c", code, str(onnx), *pictures], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == str([EMOTIONS[label] for label in trained.kept[:3].argmax(axis=1)])


def test_the_command_prints_an_answer_a_line(trained, onnx):
    folder = trained.raw / "test" / "happy"
    code, out, err = invoke("--model", onnx, "--no-crop", "--json", folder)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0, err
    assert "synthetic faces: its answers to photographs mean nothing" in err
    assert [row["picture"] for row in rows] == [str(path) for path in sorted(folder.iterdir())]
    assert {row["trained_on"] for row in rows} == {"synthetic"}
    code, out, _ = invoke("--model", onnx, "--no-crop", "--csv", "-", stdin="\n".join(row["picture"] for row in rows))
    table = list(csv.DictReader(io.StringIO(out)))
    assert [row["label"] for row in table] == [row["label"] for row in rows]
    assert [float(row["happy"]) for row in table] == [row["probabilities"]["happy"] for row in rows]
    assert {row["trained_on"] for row in table} == {"synthetic"}
    code, out, _ = invoke("--model", onnx, "--no-crop", folder)
    assert [line.split()[0] for line in out.splitlines()[1:]] == [row["label"] for row in rows]


def test_the_command_says_which_pictures_are_bad_and_answers_the_others(trained, onnx, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8")
    code, out, err = invoke("--model", onnx, "--no-crop", tmp_path / "bad.jpg", trained.test_pictures[0])
    assert code != 0
    assert "bad.jpg: the JPEG is cut short" in err
    assert "1 of 2 pictures could not be read" in err
    assert [line.rpartition(" ")[2] for line in out.splitlines()[1:]] == [str(trained.test_pictures[0])]
    assert "1 of 1 picture could not be read" in invoke("--model", onnx, "--no-crop", tmp_path / "bad.jpg")[2]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is Unicode")
def test_paths_on_standard_input_need_not_be_utf8(trained, onnx, tmp_path):
    folder = os.fsencode(tmp_path)
    for name in (b"caf\xe9.png", "café.png".encode()):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(trained.test_pictures[0].read_bytes())
    lines = b"".join(folder + b"/" + name + b"\r\n" for name in (b"caf\xe9.png", "café.png".encode(), b"no\xff.png"))
    code, out, err = invoke("--model", onnx, "--no-crop", "--json", "-", stdin=lines)
    assert code != 0
    first, second, third = map(json.loads, out.splitlines())
    assert first["picture"] == f"{tmp_path}/caf\\udce9.png"
    assert second["picture"] == f"{tmp_path}/café.png"
    assert first["label"] == second["label"] in EMOTIONS
    assert (third["label"], third["reason"]) == (None, "no such file")
    assert "no\\udcff.png: no such file" in err


def test_quiet_hides_no_bad_picture_and_no_warning(trained, onnx, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8")
    code, _, err = invoke("--quiet", "--model", onnx, "--no-crop", tmp_path / "bad.jpg", trained.test_pictures[0])
    assert code != 0
    assert "bad.jpg: the JPEG is cut short" in err
    assert "synthetic faces: its answers to photographs mean nothing" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--json", "--csv"], "exclude each other"),
        (["--no-crop", "--crop-scale", "2"], "exclude each other"),
        (["--no-crop", "--dataset", "fer2013"], "leave dataset out"),
        (["--no-crop", "--recipe", "paper", "--seed", "0"], "leave recipe and seed out"),
        (["--no-crop", "--weights", "random"], "leave weights out"),
    ],
)
def test_options_that_contradict_each_other_are_refused(onnx, trained, options, words):
    code, out, err = invoke("--model", onnx, *options, trained.test_pictures[0])
    assert code != 0
    assert words in err
    assert not out
