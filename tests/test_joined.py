"""Several datasets trained on together."""

import dataclasses
import json
import re

import numpy as np
import pytest
from study_fakes import replace_training
from test_options import MINI, run
from test_runner import job, records
from test_training import CELL, RECIPE
from typer.testing import CliRunner

from fer_bench import stages
from fer_bench.cli import app
from fer_bench.cli.testing import with_test_images
from fer_bench.datasets.joined import Joined, JoinedImages, joined_fingerprint, parts_of
from fer_bench.datasets.prepared import Prepared
from fer_bench.errors import FerBenchError
from fer_bench.lookup import open_training
from fer_bench.network import Network
from fer_bench.records import TrainRecord, load_all, path_of, save
from fer_bench.run_all import runner
from fer_bench.run_all.runner import run_all
from fer_bench.training.run import train
from fer_bench.workspace import Workspace


@pytest.fixture
def joined(workspace):
    return open_training(workspace, "raf-db+fer2013")


def test_the_order_of_the_names_is_the_registrys():
    assert parts_of("raf-db+fer2013") == parts_of("fer2013+raf-db") == ("fer2013", "raf-db")
    assert parts_of("my-faces+affectnet") == ("affectnet", "my-faces")
    for name in ("fer2013+", "+", "", "fer2013+fer2013"):
        with pytest.raises(FerBenchError, match="expected one name, or different ones"):
            parts_of(name)


def test_parts_are_put_together_and_the_tests_left_out(joined, workspace):
    fer2013, raf_db = (Prepared.load(workspace.prepared(name)) for name in ("fer2013", "raf-db"))
    assert joined.dataset == "fer2013+raf-db"
    for split in ("train", "val"):
        rows = joined.indices(split)
        assert len(rows) == len(fer2013.indices(split)) + len(raf_db.indices(split))
        expected = [*fer2013.labels[fer2013.indices(split)], *raf_db.labels[raf_db.indices(split)]]
        assert joined.labels[rows].tolist() == expected
    assert len(joined.indices("test")) == 0
    assert len(joined.labels) == len(fer2013.labels) + len(raf_db.labels)


def test_the_fingerprint_is_that_of_both(joined, workspace):
    assert re.fullmatch("[0-9a-f]{64}", joined.fingerprint)
    assert joined.fingerprint == open_training(workspace, "fer2013+raf-db").fingerprint
    other = dataclasses.replace(joined.parts[1], manifest={**joined.parts[1].manifest, "fingerprint": "0" * 64})
    assert Joined((joined.parts[0], other)).fingerprint != joined.fingerprint
    parts = [(part.dataset, part.fingerprint) for part in joined.parts]
    assert joined_fingerprint(parts) == joined.fingerprint != joined_fingerprint(parts[::-1])


@pytest.mark.parametrize("size", [32, 64, 120])
def test_images_are_those_of_the_parts_at_one_size(joined, size):
    images = joined.at_size(size)
    assert isinstance(images, JoinedImages)
    assert len(images) == len(joined.labels)
    first = len(joined.parts[0].labels)
    rows = np.array([3, first + 2, 0, first, len(images) - 1, 3])
    gathered = images[rows]
    assert (gathered.shape, gathered.dtype) == ((6, size, size), np.uint8)
    assert np.array_equal(gathered[0], gathered[5])
    import cv2

    for image, row in zip(gathered, rows, strict=True):
        part = joined.parts[int(row >= first)]
        stored = np.asarray(part.at_size(size)[row - first * (row >= first)])
        assert np.array_equal(image, cv2.resize(stored, (size, size), interpolation=cv2.INTER_LINEAR))


def test_the_maps_are_not_copied(joined):
    images = joined.at_size(120)
    assert all(isinstance(part, np.memmap) for part in images.parts)
    assert [part.shape[1] for part in images.parts] == [48, 100]
    assert joined.at_size(120)[np.array([], int)].shape == (0, 120, 120)


def test_a_test_set_or_faces_of_another_origin_cannot_be_joined(joined, workspace):
    with pytest.raises(FerBenchError, match="ck-plus is a test set only"):
        open_training(workspace, "fer2013+ck-plus")
    real = dataclasses.replace(joined.parts[1], manifest={**joined.parts[1].manifest, "origin": "real"})
    with pytest.raises(FerBenchError, match="never mixed"):
        Joined((joined.parts[0], real))
    with pytest.raises(FerBenchError, match="fer-bench prepare raf-db"):
        open_training(Workspace(workspace.root / "elsewhere"), "raf-db+affectnet")


def test_a_model_learns_from_both_and_resumes_bit_for_bit(joined, workspace, tiny_model, tmp_path):
    cell = dataclasses.replace(CELL, dataset="fer2013+raf-db", recipe=dataclasses.replace(RECIPE, epochs=2))
    network = Network("tiny", cell.recipe)
    undisturbed = train(cell, joined, network, Workspace(tmp_path / "undisturbed"))
    assert (undisturbed.n_train, undisturbed.n_val) == (224, 56)
    assert undisturbed.history[-1].loss < undisturbed.history[0].loss
    assert undisturbed.dataset_fingerprint == joined.fingerprint

    class InterruptionError(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptionError

    with pytest.raises(InterruptionError):
        train(cell, joined, network, workspace, on_epoch=interrupt)
    assert train(cell, joined, network, workspace).weights_sha256 == undisturbed.weights_sha256


def _leaves_out_what_cannot_be_tested(workspace, cross):
    """One run is whole; of others the weights, the model or the backend is missing."""
    [whole] = load_all(workspace.results.records, TrainRecord)
    for change in ({"seed": 1}, {"model": "gone"}, {"backend": "jax", "seed": 2}):
        save(workspace.results.records, dataclasses.replace(whole, **change))
    done = run("cross-test", "--on", "ck-plus", "-w", str(workspace.root), "--json")
    assert json.loads(done.stdout) == [cross]
    for told in (
        r"__s1 is left out: .*__s1\.weights\.h5 is missing",
        "no model 'gone' is",
        "KERAS_BACKEND=jax to test",
    ):
        assert re.search(told, done.stderr), done.stderr


def test_it_is_evaluated_on_each_test_set_and_cross_tested_elsewhere(workspace, tiny_model, tmp_path):
    recipe = tmp_path / "mini.toml"
    recipe.write_text(MINI)
    options = ("-m", "tiny", "-r", str(recipe), "--weights", "random", "-w", str(workspace.root))
    trained = json.loads(run("train", *options, "-d", "raf-db+fer2013", "--json").stdout)
    assert trained["dataset"] == "fer2013+raf-db"
    tests = json.loads(run("evaluate", *options, "-d", "fer2013+raf-db", "--json").stdout)
    assert [(test["dataset"], test["target"]) for test in tests] == [
        ("fer2013+raf-db", "fer2013"),
        ("fer2013+raf-db", "raf-db"),
    ]
    [cross] = json.loads(run("cross-test", "--on", "ck-plus", "-w", str(workspace.root), "--json").stdout)
    assert (cross["dataset"], cross["target"]) == ("fer2013+raf-db", "ck-plus")
    with pytest.raises(FerBenchError, match="no trained model that can be tested on raf-db"):
        run("cross-test", "--on", "raf-db", "-w", str(workspace.root))
    _leaves_out_what_cannot_be_tested(workspace, cross)
    # "needs the packages" where the extra is not installed
    with pytest.raises(FerBenchError, match=r"name one here|needs the packages?"):
        run("export", *options, "-d", "fer2013+raf-db", "--to", "onnx")


def test_a_cross_test_can_be_of_some_models_and_recipes_alone(workspace, monkeypatch):
    replace_training(monkeypatch)
    dataset = open_training(workspace, "fer2013")
    for model, epochs in (("clcm", 2), ("clcm", 3), ("shufflenetv2", 2)):
        recipe = dataclasses.replace(CELL.recipe, epochs=epochs)
        cell = dataclasses.replace(CELL, model=model, recipe=recipe)
        stages.train_cell(workspace, cell, dataset, None, weights=None)
    wanted = dataclasses.replace(CELL.recipe, epochs=2).id
    arguments = ["cross-test", "--on", "ck-plus", "-w", str(workspace.root), "--json"]

    def tested(*options):
        result = CliRunner().invoke(app, [*arguments, *options])
        assert result.exception is None, result.exception
        return sorted((record["model"], record["recipe"]) for record in json.loads(result.stdout))

    assert tested("--recipe", wanted) == [("clcm", wanted), ("shufflenetv2", wanted)]
    assert tested("--model", "clcm", "--recipe", wanted) == [("clcm", wanted)]
    assert len(tested("--model", "clcm")) == 2
    assert len(tested()) == 3
    found = CliRunner().invoke(app, [*arguments, "--model", "resnet50"]).exception
    assert isinstance(found, FerBenchError)
    assert "no trained model that can be tested on ck-plus and fits --model resnet50" in str(found)


def test_what_cannot_be_read_keeps_no_other_run_from_being_cross_tested(workspace, monkeypatch):
    replace_training(monkeypatch)
    dataset = open_training(workspace, "fer2013")
    whole, newer, cut = (
        stages.train_cell(workspace, dataclasses.replace(CELL, model="clcm", seed=seed), dataset, None, weights=None)
        for seed in range(3)
    )
    save(workspace.results.records, dataclasses.replace(newer, recipe_content=newer.recipe_content | {"unheard": 1}))
    path_of(workspace.results.records, cut).write_text("{")
    arguments = ["cross-test", "--on", "ck-plus", "-w", str(workspace.root), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert [record["seed"] for record in json.loads(result.stdout)] == [whole.seed]
    assert isinstance(result.exception, FerBenchError)
    first, damaged, unknown = str(result.exception).splitlines()
    assert first == "not tested on ck-plus (the others were):"
    assert "s2.json: not readable as JSON" in damaged
    assert "s1.json: unknown key 'unheard'" in unknown
    path_of(workspace.results.records, whole).write_text("{")
    assert str(CliRunner().invoke(app, arguments).exception).startswith("not tested on ck-plus (no other can be):")


def test_one_of_several_without_test_images_keeps_none_of_the_others_from_being_tested(joined, capsys):
    first, second = joined.parts
    bare = dataclasses.replace(first, splits=np.where(first.splits == "test", "train", first.splits))
    assert with_test_images([bare, second]) == [second]
    assert "fer2013 has no test images; tested on raf-db alone" in capsys.readouterr().err
    with pytest.raises(FerBenchError, match="fer2013: no test images; prepare fer2013 again"):
        with_test_images([bare])


@pytest.mark.parametrize(
    "command", [("predict", "face.png", "--no-crop"), ("export", "--to", "onnx"), ("explain",)], ids=lambda c: c[0]
)
def test_what_takes_one_dataset_says_why(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer_bench.export.exporting.require", lambda *_: None)
    (tmp_path / "face.png").touch()
    with pytest.raises(FerBenchError, match="have no test set and no size of pictures in common"):
        run(*command, "-m", "clcm", "-d", "fer2013+raf-db", "-w", str(tmp_path))


@pytest.mark.slow
def test_run_all_trains_on_what_it_is_told(workspace, tiny_model, monkeypatch):
    # The profile is made in a process of its own, which does not know this test's model.
    monkeypatch.setattr(runner, "_profiling", lambda *_: [])
    run_all(workspace, job("tiny", train_on=["raf-db+fer2013"]))
    found = {(item["dataset"], item["target"]) for item in records(workspace, "eval")}
    assert found == {("fer2013+raf-db", target) for target in ("fer2013", "raf-db", "ck-plus")}
    with pytest.raises(FerBenchError, match="ck-plus is a test set only"):
        run_all(workspace, job("tiny", train_on=["ck-plus"]))
    with pytest.raises(FerBenchError, match="unknown dataset 'jaffe'"):
        run_all(workspace, job("tiny", train_on=["fer2013+jaffe"]))
