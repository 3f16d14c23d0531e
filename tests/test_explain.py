"""``fer-bench explain``: figures that stay in the workspace, and numbers that need no figure."""

import dataclasses
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tiny_network import build_tiny
from typer.testing import CliRunner

from fer_bench import models
from fer_bench.cli import app
from fer_bench.datasets.prepared import Prepared
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.explain import document as documents
from fer_bench.explain import explanation, figures
from fer_bench.explain.document import notes, to_json
from fer_bench.explain.explanation import Explanation, drawn, explain
from fer_bench.explain.place import place
from fer_bench.grid import Cell
from fer_bench.models.card import ModelCard
from fer_bench.network import Network
from fer_bench.presets import load_recipe
from fer_bench.records import TrainRecord
from fer_bench.training.run import train
from fer_bench.workspace import Workspace

RECIPE = """
image_size = 32
epochs = 3
batch_size = 16
learning_rate = 1e-2
batch_norm_momentum = 0.8
pretrained = []
"""
NAMES = ("tiny", "tiny-2")
EACH = 4


def build_other(image_size: int, classes: int):
    """Build ``tiny`` with global max pooling, so that two models answer differently."""
    import keras

    tiny = build_tiny(image_size, classes)
    x = keras.layers.GlobalMaxPooling2D()(tiny.get_layer("bn_2").output)
    outputs = keras.layers.Dense(classes, activation="softmax", name="emotions")(x)
    return keras.Model(tiny.input, outputs, name="tiny-2")


@dataclass(frozen=True)
class Trained:
    workspace: Workspace
    recipe: str
    runs: list[tuple[Cell, TrainRecord]]
    prepared: Prepared
    predicted: list[np.ndarray]
    """Each model's probabilities for every row."""

    def command(self, *more: str):
        arguments = [
            "explain",
            "--dataset",
            "fer2013",
            "--recipe",
            self.recipe,
            "--workspace",
            str(self.workspace.root),
        ]
        if "--model" not in more:
            more = ("--model", "tiny", "--model", "tiny-2", *more)
        return CliRunner().invoke(app, [*arguments, *more], terminal_width=200)

    def json(self, *more: str):
        result = self.command("--json", *more)
        assert result.exit_code == 0, result.exception
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def trained(configured, prepared_root, tmp_path_factory):
    """Two models trained on synthetic faces."""
    import shutil

    workspace = Workspace(tmp_path_factory.mktemp("explained"))
    for name in ("fer2013", "ck-plus"):
        shutil.copytree(prepared_root / "datasets" / name, workspace.prepared(name))
    prepared = Prepared.load(workspace.prepared("fer2013"))
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE)
    recipe = load_recipe(str(path))
    with pytest.MonkeyPatch.context() as patch:
        runs, predicted = [], []
        for name, build in zip(NAMES, (build_tiny, build_other), strict=True):
            patch.setitem(models._BUILT_IN, name, ModelCard(name, name.capitalize(), build, "tests", 2_363, 184))
            models.model_cards.cache_clear()
            cell, network = Cell(name, "fer2013", recipe, 0), Network(name, recipe)
            runs.append((cell, train(cell, prepared, network, workspace)))
            predicted.append(network.predict(prepared.at_size(32), np.arange(len(prepared.ids))))
        yield Trained(workspace, str(path), runs, prepared, predicted)
    models.model_cards.cache_clear()


PROGRESS: list[tuple[str, int, int]] = []


@pytest.fixture(scope="module")
def explained(trained) -> Explanation:
    return explain(
        trained.workspace,
        trained.runs,
        trained.prepared,
        each=EACH,
        on_progress=lambda *progress: PROGRESS.append(progress),
    )


@pytest.fixture(scope="module")
def document(trained):
    """What the command prints for both models."""
    return trained.json("--mean-images", str(EACH))


def test_one_test_image_of_each_class_with_every_models_answer(trained, explained):
    data = trained.prepared
    assert [sample.true for sample in explained.samples] == list(range(7))
    for sample in explained.samples:
        row = data.ids.tolist().index(sample.id)
        assert (data.splits[row], data.labels[row]) == ("test", sample.true)
        assert sample.picture.shape == (32, 32)
        # As the network gets it: the area-averaged copy.
        np.testing.assert_array_equal(sample.picture, data.at_size(32)[row])
        for answer, predicted in zip(sample.answers, trained.predicted, strict=True):
            np.testing.assert_allclose(answer.probabilities, predicted[row], atol=1e-5)
            assert answer.explained == answer.predicted
            assert answer.heat.shape == (32, 32)
            assert 0 <= answer.heat.min() <= answer.heat.max() <= 1
            assert answer.place == place(answer.heat)


def test_the_mean_heat_is_the_mean_of_the_maps_of_that_many_images_of_the_class(trained, explained):
    data = trained.prepared
    for model in explained.models:
        assert model.grid == (8, 8)
        assert [mean.images for mean in model.means] == [EACH] * 7
        assert all(0 <= mean.right <= EACH for mean in model.means)
    rows = drawn(data, 0)[3][:EACH]
    assert (data.labels[rows] == 3).all()
    alone = explain(trained.workspace, trained.runs[:1], data, ids=[str(name) for name in data.ids[rows]], each=0)
    assert alone.models[0].means == ()
    answers = [sample.answers[0] for sample in alone.samples]
    mean = explained.models[0].means[3]
    np.testing.assert_allclose(mean.heat, np.mean([answer.heat for answer in answers], axis=0), atol=1e-5)
    assert mean.right == sum(answer.predicted == 3 for answer in answers)
    assert mean.cold == sum(answer.place is None for answer in answers)


def test_progress_goes_through_every_image_of_every_model(explained):
    assert PROGRESS[0] == ("tiny", 0, 2 * 7 * EACH)
    assert PROGRESS[-1] == ("tiny-2", 2 * 7 * EACH, 2 * 7 * EACH)
    assert [done for _, done, _ in PROGRESS] == sorted(done for _, done, _ in PROGRESS)


def test_the_command_tells_all_that_the_pictures_show_and_the_same_again(trained, explained, document):
    faces, mean_heat = (Path(document["figures"][name]) for name in ("faces", "mean_heat"))
    again = to_json(explained, faces, mean_heat)
    for model, other in zip(document["models"], again["models"], strict=True):
        assert model.pop("layer").startswith(("re_lu", "bn"))  # Keras counts some names up within a process
        other.pop("layer")
    assert document == again
    assert (document["target"], document["origin"], document["of"]) == ("fer2013", "synthetic", "predicted")
    assert [sample["true"] for sample in document["samples"]] == list(EMOTIONS)
    for sample in document["samples"]:
        assert [answer["model"] for answer in sample["answers"]] == list(NAMES)
        for answer in sample["answers"]:
            assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
            assert answer["predicted"] == max(answer["probabilities"], key=answer["probabilities"].get)
            lies = answer["heat"]
            if lies is not None:
                assert lies["upper"] + lies["middle"] + lies["lower"] == pytest.approx(1)
    for (_, run), model in zip(trained.runs, document["models"], strict=True):
        assert (model["model"], model["weights_sha256"]) == (run.model, run.weights_sha256)
        assert [mean["class"] for mean in model["mean_heat"]] == list(EMOTIONS)
        assert {mean["images"] for mean in model["mean_heat"]} == {EACH}
    assert document["notes"] == []


def test_pictures_stay_in_the_workspace_and_come_out_the_same(trained, explained, document, tmp_path):
    folder = trained.workspace.root / "explanations" / "fer2013"
    stem = f"tiny+tiny-2__fer2013__{trained.runs[0][0].recipe.id}__s0"
    paths = [folder / f"{stem}__faces.png", folder / f"{stem}__{EACH}-images__mean-heat.png"]
    assert [document["figures"]["faces"], document["figures"]["mean_heat"]] == [str(path) for path in paths]
    figures.write_faces(explained, tmp_path / "faces.png")
    figures.write_mean_heat(explained, tmp_path / "mean-heat.png")
    for path, again in zip(paths, ("faces.png", "mean-heat.png"), strict=True):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.read_bytes() == (tmp_path / again).read_bytes()
    assert not trained.workspace.results.reports.exists()


def test_chosen_images_of_another_dataset_and_the_evidence_of_their_true_class(trained):
    data = Prepared.load(trained.workspace.prepared("ck-plus"))
    rows = data.indices("test")[[5, 2]]
    ids = [str(name) for name in data.ids[rows]]
    chosen = (
        "--model",
        "tiny",
        "--on",
        "ck-plus",
        "--of",
        "true",
        "--mean-images",
        "0",
        "--id",
        ids[0],
        "--id",
        ids[1],
    )
    found = trained.json(*chosen)
    assert (found["target"], found["of"], found["figures"]["mean_heat"]) == ("ck-plus", "true", None)
    assert "/explanations/ck-plus/tiny__fer2013__" in found["figures"]["faces"]
    assert found["models"][0]["mean_heat"] == []
    assert [sample["id"] for sample in found["samples"]] == ids
    for sample, label in zip(found["samples"], data.labels[rows], strict=True):
        assert sample["true"] == EMOTIONS[label] == sample["answers"][0]["explained"]


def test_no_picture_takes_the_place_of_one_of_other_images_or_evidence(trained, monkeypatch):
    """Only the images that fer-bench would choose, its number of them and the predicted class have the plain names."""
    monkeypatch.setattr(explanation, "explain", lambda *_arguments, **_options: None)
    for name in ("write_faces", "write_mean_heat"):
        monkeypatch.setattr(figures, name, lambda _found, _path: None)
    monkeypatch.setattr(documents, "to_json", lambda _, *paths: [path.name.partition("__s0__")[2] for path in paths])
    plain = ["faces.png", "mean-heat.png"]
    assert trained.json("--model", "tiny") == plain
    assert trained.json("--model", "tiny", "--draw-seed", "3") == ["draw3__faces.png", "draw3__mean-heat.png"]
    assert trained.json("--model", "tiny", "--of", "true") == ["true__faces.png", "true__mean-heat.png"]
    assert trained.json("--model", "tiny", "--mean-images", "7") == ["faces.png", "7-images__mean-heat.png"]
    some, other = (trained.json("--model", "tiny", "--id", "a", "--id", last) for last in ("b", "c"))
    assert some[1:] == other[1:] == ["mean-heat.png"]
    assert len({*some, *other, *plain}) == 4


def test_another_draw_gives_other_images_and_the_same_draw_the_same(trained):
    first, same, other = (drawn(trained.prepared, draw) for draw in (0, 0, 1))
    for label, order in enumerate(first):
        np.testing.assert_array_equal(order, same[label])
        own = (trained.prepared.labels == label) & (trained.prepared.splits == "test")
        np.testing.assert_array_equal(np.sort(order), np.flatnonzero(own))
    assert any(order[0] != others[0] for order, others in zip(first, other, strict=True))


def test_as_text_it_says_where_the_heat_lies_and_where_the_pictures_are(trained):
    output = " ".join(trained.command("--model", "tiny", "--mean-images", "2").stdout.split())
    assert "synthetic faces" in output
    assert "mean heat, no faces: " in output
    assert "upper / middle /" in output


def test_titles_say_synthetic_and_the_mean_shows_no_picture(explained):
    faces, mean = figures._faces(explained), figures._mean_heat(explained)
    for figure in (faces, mean):
        assert "synthetic faces" in figure.get_suptitle()
    pictures = [sample.picture for sample in explained.samples]
    columns = 1 + 2 * len(NAMES)  # the picture; the picture again with heat over it
    assert sum(len(axis.images) for axis in faces.axes) == 7 * columns
    shown = [np.asarray(image.get_array()) for axis in mean.axes for image in axis.images]
    assert len(shown) == 7 * len(NAMES)
    heat = [of_class.heat for model in explained.models for of_class in model.means]
    assert all(any(np.array_equal(array, of_class) for of_class in heat) for array in shown)
    assert not any(np.array_equal(array, picture) for array in shown for picture in pictures)
    verdict = faces.axes[1].get_xlabel()
    answer = explained.samples[0].answers[0]
    assert verdict.startswith(f"{EMOTIONS[answer.predicted]} {max(answer.probabilities):.0%}")


def test_a_coarse_map_is_told(explained):
    (first, second) = explained.models
    coarse = dataclasses.replace(explained, models=(dataclasses.replace(first, grid=(2, 2)), second))
    (note,) = notes(coarse)
    assert note.startswith("tiny: its feature map has 2 x 2 places at this image size; thirds of a face cannot")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--id", "nobody"), r"fer2013 has no image 'nobody'; expected an id of .*samples\.csv, such as '"),
        (("--model", "tiny", "--model", "tiny"), "a model is named twice"),
        (("--model", "resnet"), "no model 'resnet'"),
        (("--model", "clcm"), "clcm has not been trained on this fer2013"),
        (("--on", "raf-db"), "not prepared"),
        (("--on", ""), "unknown dataset ''"),
        (("--seed", "3"), "has not been trained"),
    ],
)
def test_bad_input_gives_one_message(trained, more, words):
    result = trained.command(*more)
    assert isinstance(result.exception, FerBenchError)
    assert re.search(words, str(result.exception))


def test_the_pictures_go_where_they_are_wanted(trained, document, tmp_path):
    drawn = trained.json("--mean-images", str(EACH), "--out", str(tmp_path / "pictures"))["figures"]
    for kind, path in drawn.items():
        assert Path(path).parent == tmp_path / "pictures"
        assert Path(path).read_bytes() == Path(document["figures"][kind]).read_bytes()


def test_where_no_picture_can_be_written_none_is_computed(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(explanation, "explain", None)
    (tmp_path / "taken").touch()
    refused = trained.command("--out", str(tmp_path / "taken"))
    assert str(refused.exception) == f"--out {tmp_path / 'taken'}: a file, expected a folder; name another"
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # A workspace that is only read.
    refused = trained.command()
    assert "no file can be written there; name one elsewhere with --out" in str(refused.exception)


def test_evidence_is_of_the_predicted_or_the_true_class(trained):
    refused = trained.command("--of", "best")
    assert refused.exit_code == 2
    assert "'predicted'" in refused.stderr
    assert "'true'" in refused.stderr


def test_training_images_are_refused(trained):
    row = trained.prepared.indices("train")[0]
    name = str(trained.prepared.ids[row])
    with pytest.raises(FerBenchError, match=rf"image '{name}' is in the split 'train'; expected a test image"):
        explain(trained.workspace, trained.runs, trained.prepared, ids=[name])
    test = str(trained.prepared.ids[trained.prepared.indices("test")[0]])
    with pytest.raises(FerBenchError, match="named twice"):
        explain(trained.workspace, trained.runs, trained.prepared, ids=[test, test])


def test_real_and_synthetic_are_never_mixed(trained):
    runs = [(cell, dataclasses.replace(run, origin="real")) for cell, run in trained.runs]
    with pytest.raises(FerBenchError, match="never mixed"):
        explain(trained.workspace, runs, trained.prepared)
