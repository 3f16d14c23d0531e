"""Export: a file appears only where it answers as Keras does, with what its user must know."""

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny_network import build_tiny
from typer import Typer
from typer.testing import CliRunner

from fer_bench import augmentation, cli, models
from fer_bench.cli import exporting as command
from fer_bench.datasets.decoding import resize
from fer_bench.datasets.prepared import Prepared
from fer_bench.emotions import EMOTIONS
from fer_bench.environment import describe
from fer_bench.errors import FerBenchError
from fer_bench.evaluation import save_test
from fer_bench.export import convert, exporting, parity, recall, worker
from fer_bench.export.contract import preprocessing
from fer_bench.files import sha256_of
from fer_bench.grid import Cell
from fer_bench.models.card import ModelCard
from fer_bench.network import Network
from fer_bench.recipe import Augmentation, Recipe
from fer_bench.records import TrainRecord
from fer_bench.training.run import train
from fer_bench.workspace import Workspace

RECIPE = Recipe(
    name="test",
    image_size=64,
    epochs=6,
    batch_size=16,
    learning_rate=1e-2,
    batch_norm_momentum=0.8,
    augmentation=Augmentation(rotation=3.0, shear=0.0, zoom=0.05, width_shift=0.02, height_shift=0.02),
)
CELL = Cell("tiny", "fer2013", RECIPE, 0)
PACKAGES = {"litert": "ai_edge_litert", "litert-int8": "ai_edge_litert", "onnx": "onnxruntime"}


@dataclass(frozen=True)
class Trained:
    workspace: Workspace
    run: TrainRecord
    prepared: Prepared

    def export(self, target, out, **options):
        return exporting.export_run(self.workspace, CELL, self.run, self.prepared, target, out, **options)


@pytest.fixture(scope="module")
def trained(configured, prepared_root, tmp_path_factory):
    """A workspace with the model ``tiny`` trained on synthetic faces."""
    import shutil

    workspace = Workspace(tmp_path_factory.mktemp("trained"))
    shutil.copytree(prepared_root / "datasets" / "fer2013", workspace.prepared("fer2013"))
    prepared = Prepared.load(workspace.prepared("fer2013"))
    card = ModelCard("tiny", "Tiny", build_tiny, "tests", trainable_parameters=2_363, non_trainable_parameters=184)
    with pytest.MonkeyPatch.context() as patch:
        models.model_cards.cache_clear()
        patch.setitem(models._BUILT_IN, "tiny", card)
        run = train(CELL, prepared, Network("tiny", RECIPE), workspace)
        yield Trained(workspace, run, prepared)
    models.model_cards.cache_clear()


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def answers(n=200, spread=3.0, seed=0):
    return softmax(spread * np.random.default_rng(seed).normal(size=(n, 7)))


# The comparison


def test_the_same_answers_agree():
    found = parity.compare(answers(), answers())
    assert (found.images, found.top1_agreement, found.decided_disagreements) == (200, 1.0, 0)
    assert (found.max_difference, found.explained) == (0.0, 1.0)
    assert parity.failures(found, int8=False) == parity.failures(found, int8=True) == []


@given(
    arrays(np.float32, (20, 7), elements=st.floats(-5, 5, width=32)),
    arrays(np.float32, (1, 7), elements=st.floats(-5, 5, width=32)),
)
def test_a_file_that_always_answers_the_same_never_passes(logits, constant):
    reference = softmax(logits)
    found = parity.compare(reference, np.repeat(softmax(constant), 20, axis=0))
    for int8 in (False, True):
        assert parity.unprovable(reference) or parity.failures(found, int8=int8)


@given(st.floats(1e-6, 1e-1), st.integers(0, 100))
def test_float_answers_pass_up_to_a_thousandth_and_no_further(difference, seed):
    reference = answers(seed=seed)
    other = reference.copy()
    other[3, 2] += difference
    found = parity.compare(reference, other)
    assert found.max_difference == pytest.approx(difference, rel=1e-3, abs=1e-7)
    if abs(difference - 1e-3) > 1e-6:
        assert bool(parity.failures(found, int8=False)) == (difference > 1e-3)


def test_another_first_answer_counts_only_where_keras_is_decided():
    reference = answers()
    reference[0] = (0.5004, 0.4996, 0, 0, 0, 0, 0)
    reference[1] = (0.5010, 0.4990, 0, 0, 0, 0, 0)
    other = reference.copy()
    other[:2] = (0.4999, 0.5001, 0, 0, 0, 0, 0)
    found = parity.compare(reference, other)
    assert found.top1_agreement == 0.99
    assert found.decided_disagreements == 1


def test_an_answer_that_is_not_a_number_is_no_agreement():
    broken = answers()
    broken[7, 3] = np.nan
    for int8 in (False, True):
        assert parity.failures(parity.compare(answers(), broken), int8=int8)


def test_keras_answers_that_hardly_vary_prove_nothing():
    assert "hardly vary" in parity.unprovable(answers(spread=1e-4))
    assert "hardly vary" in parity.unprovable(answers(n=1))
    assert parity.unprovable(answers(spread=1e-2)) == ""


def test_an_8_bit_file_may_lose_five_points_and_no_more():
    assert parity.accuracy_failures(0.80, 0.75) == []
    assert parity.accuracy_failures(0.70, 0.75) == []
    assert "74.9%" in parity.accuracy_failures(0.80, 0.749)[0]


def test_an_8_bit_file_must_give_nine_tenths_of_the_first_answers():
    reference = answers()
    other = reference.copy()
    other[:19] = np.roll(other[:19], 1, axis=1)
    assert parity.failures(parity.compare(reference, other), int8=True) == []
    other[:21] = np.roll(reference[:21], 1, axis=1)
    assert "89.5%" in parity.failures(parity.compare(reference, other), int8=True)[0]


# Recall of each class, in 8 bits

FER2013_TEST = (958, 111, 1024, 1774, 1233, 1247, 831)
"""Images of each class in the test set of FER-2013's folders."""


def graded(counts, accuracy=0.66, seed=0):
    """Return labels, and answers of a model that is right as often as ``accuracy`` in every class."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(7), counts)
    scores = rng.gumbel(size=(len(labels), 7))
    scores[np.arange(len(labels)), labels] += np.log(6 * accuracy / (1 - accuracy))
    return labels, softmax(2 * scores)


def class_complaints(labels, reference, other):
    found = recall.by_class(labels, reference.argmax(axis=1), other.argmax(axis=1), EMOTIONS)
    return recall.recall_failures(found)


def test_a_rare_class_that_is_gone_in_8_bits_is_noticed():
    """1.5 % of the images: agreement, variance and overall accuracy all pass."""
    labels, reference = graded(FER2013_TEST)
    gone = reference.copy()
    gone[:, EMOTIONS.index("disgust")] = 0
    found = parity.compare(reference, gone)
    assert parity.failures(found, int8=True) == []
    right, left = ((table.argmax(axis=1) == labels).mean() for table in (reference, gone))
    assert right - left < 0.02
    assert parity.accuracy_failures(right, left) == []
    complaints = class_complaints(labels, reference, gone)
    assert len(complaints) == 2
    assert "its mean per-class recall is" in complaints[0]
    assert "it recognises 0.0% of the 111 images of disgust, more than 10 points below" in complaints[1]


def test_a_class_that_lost_a_part_fails_alone():
    """Twelve points of one class are less than two of the mean."""
    labels, reference = graded(FER2013_TEST)
    other = reference.copy()
    sad = np.flatnonzero((labels == 5) & (reference.argmax(axis=1) == 5))[: round(0.12 * 1247)]
    other[sad] = np.roll(other[sad], 1, axis=1)
    (complaint,) = class_complaints(labels, reference, other)
    assert "of sad, more than 10 points below" in complaint
    kept = reference.copy()
    kept[sad[: round(0.09 * 1247)]] = other[sad[: round(0.09 * 1247)]]
    assert class_complaints(labels, reference, kept) == []


@given(st.integers(0, 1000), st.lists(st.integers(0, 60), min_size=7, max_size=7).filter(sum))
def test_what_a_few_images_lose_by_chance_is_no_complaint(seed, counts):
    labels, reference = graded(counts, seed=seed)
    rng = np.random.default_rng(seed + 1)
    other = reference.copy()
    # In every class at most two answers change for the better and no more for the worse, but one in one class.
    unlucky = rng.integers(7)
    for own in range(7):
        right = (labels == own) & (reference.argmax(axis=1) == own)
        gained = rng.permutation(np.flatnonzero((labels == own) & ~right))[: rng.integers(0, 3)]
        lost = rng.permutation(np.flatnonzero(right))[: rng.integers(0, len(gained) + 1) + (own == unlucky)]
        other[gained], other[lost] = np.eye(7)[own], np.eye(7)[(own + 1) % 7]
    assert class_complaints(labels, reference, other) == []


def test_classes_without_images_have_no_recall():
    found = recall.by_class(np.array([0, 0]), np.array([0, 1]), np.array([1, 1]), EMOTIONS)
    assert recall.recall_content(found) == {
        "mean_recall": {"float": 0.5, "int8": 0.0},
        "recall": {"angry": {"images": 2, "float": 0.5, "int8": 0.0}},
    }
    assert recall.recall_failures(found) == []


# The contract


def as_told(step, image, size):
    """Follow a step of the contract that resizes uint8 images, written down without a look at the code."""
    import cv2

    height, width = size
    assert f"resize to {height} x {width}" in step
    if "divide both sides by the largest whole number" in step:
        for number in range(224, 1, -1):
            left = [side // number for side in image.shape if side % number == 0]
            if len(left) == 2 and left[0] >= height and left[1] >= width:
                image = cv2.resize(image, (left[1], left[0]), interpolation=cv2.INTER_AREA)
                break
    smaller = (min(image.shape[1], width), min(image.shape[0], height))
    image = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


@pytest.mark.parametrize("shape", [(150, 200), (91, 37), (37, 91), (30, 20), (48, 48), (96, 144), (200, 49)])
def test_the_contract_alone_brings_a_picture_to_the_size_of_the_training_images(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    (step,) = [step for step in preprocessing((48, 48), 48)["steps"] if step.startswith("resize")]
    np.testing.assert_array_equal(as_told(step, picture, (48, 48)), resize(picture, (48, 48)))


@pytest.mark.parametrize(("size", "resize"), [(64, "bilinear"), (48, "none"), (32, "area"), (20, "area")])
def test_the_contract_alone_gives_what_the_network_sees(trained, size, resize):
    import cv2

    told = preprocessing((48, 48), size)
    assert told["resize"] == resize
    rows = trained.prepared.indices("test")[:16]
    stored = np.asarray(trained.prepared.images[rows])
    seen = np.asarray(
        augmentation.network_input(
            trained.prepared.at_size(size)[rows], augmentation.identity_matrices(len(rows)), size
        )
    )
    assert seen.shape == (16, *told["image_size"], 3)
    for image, expected in zip(stored, seen, strict=True):
        target = tuple(reversed(told["image_size"]))
        if told["resize"] == "bilinear":
            image = cv2.resize(image.astype(np.float32), target, interpolation=cv2.INTER_LINEAR)
        elif told["resize"] == "area":
            image = as_told(told["steps"][2], image, target)
        made = np.repeat((image / np.float32(127.5) - 1)[..., None], 3, axis=-1)
        np.testing.assert_allclose(made, expected, atol=1e-4)
    assert told["value_range"] == [-1.0, 1.0]
    assert [f"resize to {size} x {size}" in " ".join(told["steps"]), size == 48].count(True) >= 1


def test_images_are_averaged_where_either_side_shrinks():
    told = {size: preprocessing((64, 200), size)["resize"] for size in (48, 96, 200)}
    assert told == {48: "area", 96: "area", 200: "bilinear"}


def test_the_sizes_of_the_contract_are_the_datasets(trained):
    content = exporting.contract(trained.run, trained.prepared, "onnx")
    assert content["preprocessing"]["stored_size"] == [48, 48]
    assert content["input"] == {"name": "image", "dtype": "float32", "layout": "NHWC", "shape": [None, 64, 64, 3]}
    assert content["output"]["shape"] == [None, 7]


# Exporting


@pytest.mark.slow
@pytest.mark.parametrize("target", convert.TARGETS)
def test_a_trained_model_is_exported_with_its_contract_and_parity(target, trained, tmp_path):
    pytest.importorskip(PACKAGES[target])
    out = tmp_path / "new" / f"tiny{convert.SUFFIXES[target]}"
    content = trained.export(target, out, images=50)
    assert content == json.loads(out.with_name(f"{out.name}.json").read_text())
    assert sorted(path.name for path in out.parent.iterdir()) == [out.name, f"{out.name}.json"]
    assert (content["file"], content["bytes"], content["file_sha256"]) == (
        out.name,
        out.stat().st_size,
        sha256_of(out),
    )
    assert content["class_names"] == list(EMOTIONS)
    assert content["origin"] == "synthetic"
    assert (content["recipe"], content["seed"]) == (RECIPE.id, 0)
    assert content["weights_sha256"] == trained.run.weights_sha256
    assert content["dataset_fingerprint"] == trained.prepared.fingerprint
    assert {"fer-bench", "keras", "numpy"} < set(content["versions"])
    found = content["parity"]
    assert (found["images"], found["test_images"]) == (50, 70)
    if target == "litert-int8":
        assert found["top1_agreement"] >= 0.9
        assert content["accuracy"]["test_images"] == 70
        assert abs(content["accuracy"]["float"] - content["accuracy"]["int8"]) <= 0.05
        assert list(content["accuracy"]["recall"]) == list(EMOTIONS)
    else:
        assert found["max_difference"] < 1e-4
        assert found["explained"] > 0.9999
        assert "accuracy" not in content


def test_an_onnx_file_carries_its_contract_and_an_open_batch(trained, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    content = trained.export("onnx", tmp_path / "tiny.onnx", images=0)
    assert content["parity"]["images"] == 70
    model = onnx.load(tmp_path / "tiny.onnx")
    told = {item.key: item.value for item in model.metadata_props}
    assert json.loads(told["fer_bench.class_names"]) == list(EMOTIONS)
    assert json.loads(told["fer_bench.preprocessing"]) == content["preprocessing"]
    assert told["fer_bench.weights_sha256"] == trained.run.weights_sha256
    (image,) = model.graph.input
    assert image.name == "image"
    sides = [side.dim_param or side.dim_value for side in image.type.tensor_type.shape.dim]
    assert sides == ["batch", 64, 64, 3]


def zeroed(model, target, path, samples=None):
    """Convert a copy of the model whose weights are all zero: what an unfrozen function gives."""
    import keras

    empty = keras.models.clone_model(model)
    for weight in empty.weights:
        weight.assign(np.zeros(weight.shape, dtype=weight.dtype))
    convert.convert(empty, target, path, samples)


@pytest.mark.slow
@pytest.mark.parametrize("target", convert.TARGETS)
def test_a_file_without_weights_is_caught_and_not_left_behind(target, trained, tmp_path, monkeypatch):
    pytest.importorskip(PACKAGES[target])
    monkeypatch.setattr(exporting, "convert", zeroed)
    out = tmp_path / f"tiny{convert.SUFFIXES[target]}"
    out.write_bytes(b"older")
    with pytest.raises(FerBenchError, match="not written, because it does not answer as Keras does"):
        trained.export(target, out)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == b"older"


def test_parity_is_not_called_proven_where_keras_answers_the_same_everywhere(trained, tmp_path, monkeypatch):
    network = Network("tiny", RECIPE)
    network.load_weights(trained.workspace.weights(CELL.id), trained.run.weights_sha256)
    network.core.get_layer("emotions").set_weights([np.zeros((16, 7)), np.zeros(7)])
    workspace = Workspace(tmp_path)
    network.save_weights(workspace.weights(CELL.id))
    run = replace(trained.run, weights_sha256=network.digest())
    monkeypatch.setattr(exporting, "convert", lambda *_: pytest.fail("converted before it was clear"))
    with pytest.raises(FerBenchError, match="hardly vary over 70 test images"):
        exporting.export_run(workspace, CELL, run, trained.prepared, "onnx", tmp_path / "out" / "tiny.onnx")
    assert not (tmp_path / "out").exists()


def test_8_bit_ranges_come_from_training_images_only(trained, tmp_path, monkeypatch):
    class StoppedError(Exception):
        pass

    taken = []

    def take(model, target, path, samples=None):
        taken.append(samples)
        raise StoppedError

    monkeypatch.setattr(exporting, "convert", take)
    monkeypatch.setattr(exporting, "REPRESENTATIVE", 40)
    for _ in range(2):
        with pytest.raises(StoppedError):
            trained.export("litert-int8", tmp_path / "tiny.tflite")
    assert list(tmp_path.iterdir()) == []
    first, second = taken
    assert first.shape == (40, 64, 64, 3)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, second)
    assert first.min() >= -1
    assert first.max() <= 1

    def seen(split):
        rows = trained.prepared.indices(split)
        matrices = augmentation.identity_matrices(len(rows))
        return np.asarray(augmentation.network_input(trained.prepared.images[rows], matrices, 64)).reshape(
            len(rows), -1
        )

    def distance(images):
        return np.abs(first.reshape(40, 1, -1) - images[None]).max(axis=2).min(axis=1)

    assert (distance(seen("train")) < 1e-5).all()
    assert (distance(seen("test")) > 1e-2).all()


@pytest.mark.parametrize("target", convert.TARGETS)
def test_a_missing_package_is_named_before_anything_is_loaded(target, monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES[target], None)
    extra = "onnx" if target == "onnx" else "litert"
    package = PACKAGES[target].replace("_", "-")
    with pytest.raises(FerBenchError, match=rf"needs the packages? .*{package}.*: pip install 'fer-bench\[{extra}\]'"):
        exporting.check_target(target, None)


@pytest.mark.parametrize(
    ("target", "out", "words"),
    [
        ("onnx", "model.tflite", "ends in .onnx"),
        ("litert", "model", "ends in .tflite"),
    ],
)
def test_what_cannot_be_written_is_refused_first(target, out, words, tmp_path):
    with pytest.raises(FerBenchError, match=words):
        exporting.check_target(target, tmp_path / out)


@pytest.mark.parametrize("name", ["model.onnx", "model.onnx.json"])
def test_a_folder_in_the_way_is_refused_first(name, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(FerBenchError, match=rf"{name} is a folder.*name another"):
        exporting.check_target("onnx", tmp_path / "model.onnx")


def same_answers(trained, monkeypatch):
    """Replace conversion and runtime: the file answers as Keras does."""
    network = Network("tiny", RECIPE)
    network.load_weights(trained.workspace.weights(CELL.id), trained.run.weights_sha256)
    monkeypatch.setattr(exporting, "convert", lambda model, target, path, samples=None: path.write_bytes(b"newer"))
    monkeypatch.setattr(exporting, "open_litert", lambda path, threads: lambda batch: np.asarray(network.core(batch)))


def test_an_8_bit_file_that_lost_a_class_is_not_written(trained, tmp_path, monkeypatch):
    """The limits of agreement and overall accuracy, and how few images there are, are put out of the way."""
    same_answers(trained, monkeypatch)
    whole = exporting.open_litert(tmp_path, 1)
    for limit, value in (("MIN_AGREEMENT_INT8", 0), ("MIN_EXPLAINED_INT8", 0), ("MAX_LOSS_INT8", 1)):
        monkeypatch.setattr(parity, limit, value)
    monkeypatch.setattr(recall, "SIGNIFICANCE", len(EMOTIONS) + 1)
    out = tmp_path / "tiny.tflite"
    content = trained.export("litert-int8", out)
    told = content["accuracy"]
    assert told["mean_recall"]["float"] == pytest.approx(np.mean([one["float"] for one in told["recall"].values()]))
    assert sum(one["images"] * one["float"] for one in told["recall"].values()) == pytest.approx(70 * told["float"])
    assert all(one["int8"] == one["float"] for one in told["recall"].values())
    best = max(EMOTIONS, key=lambda name: told["recall"][name]["float"] * told["recall"][name]["images"])

    def without(batch):
        found = whole(batch).copy()
        found[:, EMOTIONS.index(best)] = 0
        return found

    monkeypatch.setattr(exporting, "open_litert", lambda path, threads: without)
    with pytest.raises(FerBenchError, match=f"it recognises 0.0% of the .* images of {best}"):
        trained.export("litert-int8", tmp_path / "other.tflite")
    assert not (tmp_path / "other.tflite").exists()


def rolled(trained, workspace, run):
    """Store a test of a run in which seven of the 70 images that it recognises are called otherwise."""
    network = Network("tiny", RECIPE)
    network.load_weights(trained.workspace.weights(CELL.id), trained.run.weights_sha256)
    found = network.predict(trained.prepared.at_size(64), trained.prepared.indices("test"))
    right = np.flatnonzero(found.argmax(axis=1) == trained.prepared.labels[trained.prepared.indices("test")])[:7]
    assert len(right) == 7
    found[right] = np.roll(found[right], 1, axis=1)
    return save_test(workspace, run, run.weights_sha256, trained.prepared, found, describe())


def test_the_float_accuracy_of_a_run_in_bfloat16_is_that_of_float32(trained, tmp_path, monkeypatch):
    same_answers(trained, monkeypatch)
    workspace = Workspace(tmp_path)
    cell = replace(CELL, recipe=replace(RECIPE, precision="mixed_bfloat16"))
    run = replace(trained.run, recipe=cell.recipe.id, recipe_content=cell.recipe.content())
    workspace.weights(cell.id).parent.mkdir(parents=True)
    workspace.weights(cell.id).write_bytes(trained.workspace.weights(CELL.id).read_bytes())

    def export(target):
        return exporting.export_run(workspace, cell, run, trained.prepared, target, tmp_path / "tiny.tflite", images=0)

    untested = export("litert-int8")
    assert untested["training_precision"] == "mixed_bfloat16"
    assert "stored_answers" not in untested
    told = rolled(trained, workspace, run)
    assert told.accuracy == pytest.approx(untested["accuracy"]["float"] - 0.1)
    for target in ("litert-int8", "litert"):
        content = export(target)
        assert content.get("accuracy") == (untested["accuracy"] if target == "litert-int8" else None)
        assert content["stored_answers"] == {
            "images": 70,
            "top1_agreement": 0.9,
            "stored_accuracy": told.accuracy,
            "float32_accuracy": untested["accuracy"]["float"],
        }
        assert content == json.loads(exporting.sidecar(tmp_path / "tiny.tflite").read_text())


def test_what_a_run_in_float32_answered_when_tested_is_taken(trained, tmp_path, monkeypatch):
    same_answers(trained, monkeypatch)
    workspace = Workspace(tmp_path)
    workspace.weights(CELL.id).parent.mkdir(parents=True)
    workspace.weights(CELL.id).write_bytes(trained.workspace.weights(CELL.id).read_bytes())
    told = rolled(trained, workspace, trained.run)
    content = exporting.export_run(
        workspace, CELL, trained.run, trained.prepared, "litert-int8", tmp_path / "tiny.tflite"
    )
    assert content["accuracy"]["float"] == told.accuracy
    assert content["accuracy"]["int8"] > told.accuracy
    assert content["training_precision"] == "float32"
    assert "stored_answers" not in content


def test_the_command_says_what_8_bits_and_float32_change(capsys):
    recall_of = {"angry": {"images": 90, "float": 0.5, "int8": 0.6}, "sad": {"images": 80, "float": 0.5, "int8": 0.4}}
    content = {
        "bytes": 3_000_000,
        "model": "tiny",
        "origin": "real",
        "dataset": "fer2013",
        "parity": {"images": 20, "test_images": 70, "top1_agreement": 0.98, "max_difference": 0.02},
        "accuracy": {"test_images": 70, "float": 0.661, "int8": 0.652, "recall": recall_of},
        "training_precision": "mixed_bfloat16",
        "stored_answers": {
            "images": 20,
            "top1_agreement": 0.95,
            "stored_accuracy": 0.64,
            "float32_accuracy": 0.65,
        },
    }
    command._print(Path("a.tflite"), Path("a.tflite.json"), content)
    told = capsys.readouterr().out
    assert "65.2% in 8 bits, 66.1% in float; recall falls most for sad, to 40.0% of 80 images from 50.0%" in told
    assert "the first answer of its test in mixed_bfloat16 for 95.0%, accuracy 65.0% against 64.0%" in told
    del content["stored_answers"], recall_of["sad"]
    command._print(Path("a.tflite"), Path("a.tflite.json"), content)
    told = capsys.readouterr().out
    assert "no class is recognised less often" in told
    assert "not known before fer-bench evaluate" in told


def test_a_file_never_stands_beside_the_description_of_another(trained, tmp_path, monkeypatch):
    """Whichever of the two renames a kill comes before."""
    same_answers(trained, monkeypatch)
    out = tmp_path / "tiny.tflite"
    beside = exporting.sidecar(out)
    renamed = Path.replace
    for stop in (out, beside):
        out.write_bytes(b"older")
        beside.write_text("of the older")

        def killed(path, target, stop=stop):
            if target == stop:
                raise KeyboardInterrupt
            return renamed(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                trained.export("litert", out)
        assert out.read_bytes() == (b"older" if stop == out else b"newer")
        assert not beside.exists()
        assert list(tmp_path.iterdir()) == [out]
    content = trained.export("litert", out)
    assert json.loads(beside.read_text()) == json.loads(json.dumps(content))
    assert content["file_sha256"] == sha256_of(out)


# On other backends


@pytest.fixture
def varied(configured):
    """A tiny network whose answers differ from image to image."""
    import keras

    keras.utils.set_random_seed(3)
    model = build_tiny(32, 7)
    kernel, _ = model.get_layer("emotions").get_weights()
    model.get_layer("emotions").set_weights([5 * kernel, np.zeros(7)])
    return model


def patches(n):
    """Gray images of different contrast, so that the answers vary."""
    rng = np.random.default_rng(0)
    gray = rng.uniform(-1, 1, (n, 8, 8, 1)) * rng.uniform(0.1, 1, (n, 1, 1, 1))
    return np.repeat(np.kron(gray, np.ones((1, 4, 4, 1))), 3, axis=-1).astype(np.float32)


@pytest.mark.slow
def test_another_backend_hands_the_work_to_a_tensorflow_process(varied, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    from fer_bench.export.sessions import open_onnx

    monkeypatch.setattr(convert.backend, "configure", lambda: "jax")
    monkeypatch.setattr(convert, "write", lambda *_: pytest.fail("written in this process"))
    # What lies in the current folder is none of its business.
    (tmp_path / "calendar.py").write_text("raise RuntimeError('mine')")
    monkeypatch.chdir(tmp_path)
    convert.convert(varied, "onnx", tmp_path / "model.onnx")
    images = patches(8)
    expected = np.asarray(varied(images, training=False))
    assert expected.std(axis=0).max() > 1e-2
    np.testing.assert_allclose(open_onnx(tmp_path / "model.onnx", 1)(images), expected, atol=1e-5)


@pytest.mark.parametrize("target", ["litert", "onnx"])
def test_an_operation_that_the_format_lacks_is_named(target, configured, tmp_path):
    import keras

    pytest.importorskip("tf2onnx")
    image = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.ops.erfinv(image))
    odd = keras.Model(image, keras.layers.Dense(7, activation="softmax")(x), name="odd")
    with pytest.raises(FerBenchError, match=f"odd: cannot be converted to {target} .*Erfinv") as raised:
        convert.convert(odd, target, tmp_path / f"odd{convert.SUFFIXES[target]}")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 250


def test_the_converters_print_nothing(varied, tmp_path, capfd):
    pytest.importorskip("ai_edge_litert")
    from fer_bench.export.sessions import open_litert

    capfd.readouterr()
    convert.convert(varied, "litert-int8", tmp_path / "model.tflite", patches(8))
    open_litert(tmp_path / "model.tflite", 1)(patches(1))
    assert capfd.readouterr() == ("", "")


def test_the_worker_says_which_layers_it_cannot_read(configured, tmp_path):
    import keras

    class Unknown(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    image = keras.Input((8, 8, 3))
    keras.Model(image, Unknown()(image)).save(tmp_path / "model.keras")
    with pytest.raises(FerBenchError, match="register_keras_serializable"):
        worker.main(str(tmp_path / "model.keras"), "onnx", str(tmp_path / "model.onnx"))


@pytest.mark.slow
def test_a_failure_of_the_process_is_told_in_one_line(varied, tmp_path, monkeypatch):
    monkeypatch.setattr(convert.backend, "configure", lambda: "torch")
    with pytest.raises(FerBenchError, match="no sample images") as raised:
        convert.convert(varied, "litert-int8", tmp_path / "model.tflite")
    assert "\n" not in str(raised.value)


# The command


@pytest.fixture
def app():
    application = Typer()
    application.callback()(lambda: None)
    application.command()(command.export)
    return application


def arguments(trained, tmp_path, *more):
    recipe = tmp_path / "test.toml"
    recipe.write_text(
        "image_size = 64\nepochs = 6\nbatch_size = 16\nlearning_rate = 1e-2\nbatch_norm_momentum = 0.8\n"
        "pretrained = []\n[augmentation]\nrotation = 3\nshear = 0\nzoom = 0.05\nwidth_shift = 0.02\n"
        "height_shift = 0.02\n"
    )
    place = ["--recipe", str(recipe), "--workspace", str(trained.workspace.root)]
    return ["export", "--model", "tiny", "--dataset", "fer2013", *place, *more]


def test_where_no_file_can_be_written_none_is_made(trained, tmp_path, app, monkeypatch):
    monkeypatch.setattr(exporting, "check_target", lambda target, out: None)  # Of packages that may not be there.
    monkeypatch.setattr(exporting, "export_run", None)
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)  # A workspace that is only read.
    refused = CliRunner().invoke(app, arguments(trained, tmp_path, "--to", "onnx"))
    assert "no file can be written there; name one elsewhere with --out" in str(refused.exception)


@pytest.mark.slow
def test_the_command_writes_into_the_workspace_and_prints_the_figures(trained, tmp_path, app):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    result = CliRunner().invoke(app, arguments(trained, tmp_path, "--to", "onnx", "--images", "20"))
    assert result.exception is None, result.exception
    path = trained.workspace.root / "exports" / f"{CELL.id}.onnx"
    assert path.is_file()
    assert str(path) in result.stdout
    assert "20 of 70 test images" in result.stdout
    assert "synthetic fer2013" in result.stdout

    result = CliRunner().invoke(
        app, arguments(trained, tmp_path, "--to", "onnx", "--json", "--out", str(tmp_path / "a.onnx"))
    )
    content = json.loads(result.stdout)
    assert content.pop("path") == str(tmp_path / "a.onnx")
    assert content == json.loads((tmp_path / "a.onnx.json").read_text())


def test_a_run_that_was_not_trained_is_named(trained, tmp_path, app):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    result = CliRunner().invoke(app, arguments(trained, tmp_path, "--to", "onnx", "--seed", "5"))
    assert isinstance(result.exception, FerBenchError)
    assert "run fer-bench train --model tiny" in str(result.exception)


@pytest.mark.slow
def test_a_failed_check_ends_with_2_and_no_file(trained, tmp_path, app, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    monkeypatch.setattr(exporting, "convert", zeroed)
    monkeypatch.setattr(cli, "app", app)
    out = tmp_path / "broken.onnx"
    monkeypatch.setattr(sys, "argv", ["fer-bench", *arguments(trained, tmp_path, "--to", "onnx", "--out", str(out))])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert f"fer-bench: {out}: not written" in capsys.readouterr().err
    assert not out.exists()
    assert not exporting.sidecar(out).exists()
