"""``fer-bench status``, ``grid`` and ``clean`` as a user meets them, on workspaces made by hand."""

import dataclasses
import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import record_factory as make
import typer
from advice import follow
from typer.testing import CliRunner

from fer_bench import cluster, grid, records
from fer_bench.cli import app
from fer_bench.cli.options import seeds_of
from fer_bench.datasets.joined import joined_fingerprint
from fer_bench.epoch_times import EpochTime, expected_seconds
from fer_bench.errors import FerBenchError
from fer_bench.files import unfinished
from fer_bench.lock import Holder
from fer_bench.lookup import cell_of, trained_on
from fer_bench.presets import PRESETS, load_recipe
from fer_bench.run_all import run_datasets
from fer_bench.training import run_folder
from fer_bench.training.checkpoint import Checkpoint, Progress, Reached, identity, reached
from fer_bench.workspace import Workspace

PAPER = PRESETS["paper"]
TRAIN, VAL = 80, 20
BOTH = "fer2013+raf-db"


def run(*arguments, text=""):
    """Run a command; return what it prints."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


@pytest.fixture
def place(tmp_path):
    """A workspace with FER-2013, RAF-DB of twice as many images, and CK+, of which only the manifests matter here."""
    place = Workspace(tmp_path / "workspace")
    for name, times in (("fer2013", 1), ("raf-db", 2), ("ck-plus", 0)):
        splits = {"test": [1] * 7}
        if times:
            splits |= {"train": [TRAIN * times, *[0] * 6], "val": [VAL * times, *[0] * 6]}
        folder = place.prepared(name)
        folder.mkdir(parents=True)
        fingerprint = make.digest(f"real {name}")
        manifest = {"schema": 2, "dataset": name, "title": name, "origin": "real", "n": 0, "size": [48, 48]}
        manifest |= {"fingerprint": fingerprint, "counts": {"splits": splits, "parts": {}}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return place


def fingerprint_of(dataset):
    parts = [(name, make.digest(f"real {name}")) for name in dataset.split("+")]
    return joined_fingerprint(parts) if len(parts) > 1 else parts[0][1]


def trained(place, model, dataset, *, seed=0, seconds=10.0, targets=(), recipe=PAPER):
    """Write a finished run whose epochs took so long, and its tests."""
    record = make.train_record(model, dataset, seed=seed, recipe=recipe.id)
    record = replace(record, dataset_fingerprint=fingerprint_of(dataset))
    history = tuple(replace(epoch, seconds=seconds) for epoch in record.history)
    # The first epoch compiles.
    history = (replace(history[0], seconds=1000.0), *history[1:])
    content = recipe.content()
    times = sum({"fer2013": 1, "raf-db": 2}[part] for part in dataset.split("+"))
    record = replace(record, recipe_content=content, history=history, n_train=TRAIN * times, n_val=VAL * times)
    records.save(place.results.records, record)
    place.weights(record.cell_id).parent.mkdir(parents=True, exist_ok=True)
    place.weights(record.cell_id).write_bytes(b"weights")
    for target in targets:
        make.save_eval(place.results, make.eval_record(model, dataset, target, seed=seed, recipe=recipe.id))
    return record


def begun(place, cell_id, *, epochs=3, seconds=10.0, dataset="fer2013", backend="tensorflow"):
    """Write a checkpoint as training leaves it."""
    epoch = replace(make.train_record("clcm", "fer2013").history[0], seconds=seconds)
    network = SimpleNamespace(state=lambda: [np.zeros(3), np.ones((2, 2))], core=SimpleNamespace(variables=[None]))
    folder = place.run(cell_id)
    folder.mkdir(parents=True)
    progress = Progress(records.Start(kind="random"), [epoch] * epochs, best_epoch=0)
    Checkpoint(folder, identity(fingerprint_of(dataset), backend, "None")).save(network, progress)
    return folder


def state(place, *options):
    return json.loads(run("status", "-w", place.root, "--json", *options))


def runs(found):
    return {(item["model"], item["dataset"], item["seed"]): item for item in found["runs"]}


def test_an_empty_workspace_has_the_papers_grid_to_do(place):
    found = state(place)
    assert len(found["runs"]) == 6
    assert found["counts"]["missing"] == 6
    assert {item["recipe"] for item in found["runs"]} == {PAPER.id}
    assert found["seconds_left"] is None
    assert "the time left is unknown" in run("status", "-w", place.root)


def test_what_is_done_and_what_is_not_tested(place):
    trained(place, "clcm", "fer2013", targets=("fer2013", "ck-plus"))
    trained(place, "shufflenetv2", "fer2013", targets=("fer2013",))
    found = runs(state(place))
    assert found["clcm", "fer2013", 0]["state"] == "done"
    assert found["shufflenetv2", "fer2013", 0]["state"] == "untested"
    assert found["shufflenetv2", "fer2013", 0]["untested"] == ["ck-plus"]
    assert found["mobilenetv2", "raf-db", 0]["state"] == "missing"
    assert "untested on ck-plus" in run("status", "-w", place.root)


def test_the_time_left_comes_from_measured_epochs_of_the_closest_run(place):
    trained(place, "clcm", "fer2013", seconds=10.0)
    found = runs(state(place))
    assert found["clcm", "fer2013", 0]["seconds_left"] == 0
    # Twice the images.
    assert found["clcm", "raf-db", 0]["seconds_left"] == pytest.approx(100 * 20.0)
    assert found["clcm", "raf-db", 0]["rough"] is True
    assert found["mobilenetv2", "fer2013", 0]["seconds_left"] == pytest.approx(100 * 10.0)
    total = state(place)["seconds_left"]
    assert total == pytest.approx(100 * (20 + 2 * 10 + 2 * 20))
    trained(place, "clcm", "raf-db", seed=1, seconds=7.0)
    found = runs(state(place, "--seed", "0"))
    assert found["clcm", "raf-db", 0]["seconds_left"] == pytest.approx(700.0)
    assert found["clcm", "raf-db", 0]["rough"] is False
    assert "~" in run("status", "-w", place.root)


def test_the_time_left_is_scaled_from_a_copy_of_another_size(place):
    record = trained(place, "clcm", "fer2013", seconds=1.0)
    small = replace(record, dataset_fingerprint=make.digest("a part of it"), n_train=TRAIN // 10, n_val=VAL // 10)
    records.save(place.results.records, small)
    found = runs(state(place))["clcm", "fer2013", 0]
    assert (found["seconds_left"], found["rough"]) == (pytest.approx(100 * 10.0), True)
    # A checkpoint does not say how many images it was trained on.
    begun(place, f"mobilenetv2__fer2013__{PAPER.id}__s0", seconds=1.0, dataset="raf-db")
    assert runs(state(place))["mobilenetv2", "fer2013", 0]["seconds_left"] == pytest.approx(100 * 10.0)


def test_the_first_epoch_which_compiles_tells_no_time_where_there_is_another():
    epoch = make.train_record("clcm", "fer2013").history[0]
    history = [replace(epoch, seconds=seconds) for seconds in (60.0, 2.0)]
    times = [EpochTime.of("clcm", "fer2013", PAPER.id, 100, part).seconds for part in (history[:1], history)]
    assert times == [60.0, 2.0]


def test_an_epoch_in_which_the_machine_slept_tells_no_time():
    epoch = make.train_record("clcm", "fer2013").history[0]
    history = [replace(epoch, seconds=seconds) for seconds in (60.0, 2.0, 9000.0, 4.0)]
    assert EpochTime.of("clcm", "fer2013", PAPER.id, 100, history).seconds == 4.0


def test_the_time_of_an_epoch_is_told_from_the_most_alike_runs():
    cell = cell_of("clcm", "fer2013", "paper", 0, None)
    same, smaller, elsewhere, other_model, other_recipe = (
        EpochTime("clcm", "fer2013", PAPER.id, 100, 10.0),
        EpochTime("clcm", "fer2013", PAPER.id, 50, 6.0),
        EpochTime("clcm", "raf-db", PAPER.id, 100, 30.0),
        EpochTime("mobilenetv2", "fer2013", PAPER.id, 200, 80.0),
        EpochTime("clcm", "fer2013", PRESETS["demo"].id, 100, 1.0),
    )
    everything = [other_recipe, other_model, elsewhere, smaller, same]
    assert expected_seconds(cell, 100, everything) == (10.0, False)
    # Of 100 images 12 and 30 seconds.
    assert expected_seconds(cell, 100, everything[:4]) == (21.0, True)
    # One as large by another name: nothing was measured on this dataset.
    assert expected_seconds(cell, 100, everything[:3]) == (30.0, True)
    assert expected_seconds(cell, 100, everything[:2]) == (40.0, True)
    assert expected_seconds(cell, 100, everything[:1]) == (None, True)


def test_a_checkpoint_is_interrupted_or_running_as_the_lock_tells(place):
    begun(place, f"clcm__fer2013__{PAPER.id}__s0", epochs=30, seconds=4.0)
    found = runs(state(place))["clcm", "fer2013", 0]
    assert (found["state"], found["epochs"], found["of_epochs"]) == ("interrupted", 30, 100)
    assert found["seconds_left"] == pytest.approx(70 * 4.0)
    with place.lock():
        assert runs(state(place))["clcm", "fer2013", 0]["state"] == "running"
        assert f"at work here: process {os.getpid()}, " in run("status", "-w", place.root)
        assert state(place)["holder"]["pid"] == os.getpid()
        told = dataclasses.asdict(Holder(7, "node3", "fer-bench train", "2024-01-01 00:00:00"))
        (place.root / ".lock-holder").write_text(json.dumps(told))
        assert state(place)["holder"] == told
        assert "process 7 on host node3, fer-bench train, since 2024" in run("status", "-w", place.root)
    # A holder that was killed leaves its name and no lock.
    (place.root / ".lock-holder").write_text(json.dumps(told))
    assert state(place)["holder"] is None
    assert runs(state(place))["clcm", "fer2013", 0]["state"] == "interrupted"


def test_a_run_is_known_on_a_dataset_whose_name_ends_with_an_underscore(place):
    folder = place.prepared("fer2013").rename(place.prepared("faces_"))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"dataset": "faces_"}))
    begun(place, f"clcm__faces___{PRESETS['demo'].id}__s3", epochs=2)
    (place.runs / f"clcm__raf-db__{PAPER.id}__s\u00b2").mkdir()  # A digit, but no number.
    found = state(place)
    assert runs(found)["clcm", "faces_", 3]["state"] == "interrupted"
    assert found["not_shown"] == []


def test_a_runs_own_lock_tells_better(place):
    from filelock import FileLock

    folders = [begun(place, f"{model}__fer2013__{PAPER.id}__s0") for model in ("clcm", "mobilenetv2")]
    (folders[1] / ".lock").touch()
    with place.lock(), FileLock(folders[0] / ".lock"):
        found = runs(state(place))
    assert found["clcm", "fer2013", 0]["state"] == "running"
    assert found["mobilenetv2", "fer2013", 0]["state"] == "interrupted"
    # Before its first epoch ends a run has nothing but its lock.
    place.run(f"clcm__raf-db__{PAPER.id}__s0").mkdir()
    with place.lock(), FileLock(place.run(f"clcm__raf-db__{PAPER.id}__s0") / ".lock"):
        assert runs(state(place))["clcm", "raf-db", 0]["state"] == "running"
        assert "shows after its first epoch" not in run("status", "-w", place.root)


def test_runs_on_another_state_of_the_dataset_do_not_count(place):
    record = trained(place, "clcm", "fer2013", targets=("fer2013", "ck-plus"))
    records.save(place.results.records, replace(record, dataset_fingerprint="0" * 64))
    assert runs(state(place))["clcm", "fer2013", 0]["state"] == "missing"


def test_tests_of_other_weights_or_another_state_of_the_test_set_do_not_count(place):
    def untested():
        return runs(state(place))["clcm", "fer2013", 0]["untested"]

    trained(place, "clcm", "fer2013", targets=("fer2013", "ck-plus"))
    assert untested() == []
    older = make.eval_record("clcm", "fer2013", "ck-plus", recipe=PAPER.id)
    make.save_eval(place.results, replace(older, target_fingerprint=make.digest("ck-plus as it was")))
    assert untested() == ["ck-plus"]
    make.save_eval(place.results, replace(older, weights_sha256=make.digest("trained before")))
    assert untested() == ["ck-plus"]


def test_a_test_whose_predictions_are_gone_is_to_be_made_again(place):
    trained(place, "clcm", "fer2013", targets=("fer2013", "ck-plus"))
    folder = place.results.records / "eval"
    [gone], [other] = (list(folder.glob(f"clcm__fer2013__{target}__*.npz")) for target in ("fer2013", "ck-plus"))
    gone.unlink()
    found = runs(state(place))["clcm", "fer2013", 0]
    assert (found["state"], found["untested"]) == ("untested", ["fer2013"])
    other.write_bytes(b"of another test")
    assert runs(state(place))["clcm", "fer2013", 0]["untested"] == ["fer2013", "ck-plus"]


def test_only_a_result_of_the_very_same_things_is_taken_for_done(place, monkeypatch):
    record = trained(place, "clcm", "fer2013", targets=("ck-plus",))
    cell = cell_of("clcm", "fer2013", "paper", 0, None)
    own, target = fingerprint_of("fer2013"), SimpleNamespace(dataset="ck-plus", fingerprint=fingerprint_of("ck-plus"))
    [path] = (place.results.records / "eval").glob("clcm__fer2013__ck-plus__*.npz")
    assert grid.trained(place, cell, own) == record
    test = grid.evaluated(place, record, target)
    assert (test.target, test.weights_sha256) == ("ck-plus", record.weights_sha256)
    assert grid.trained(place, cell, make.digest("prepared anew")) is None
    for other in ({"weights_sha256": make.digest("trained anew")}, {"backend": "torch"}):
        assert grid.evaluated(place, replace(record, **other), target) is None
    again = SimpleNamespace(dataset="ck-plus", fingerprint=make.digest("prepared anew"))
    assert grid.evaluated(place, record, again) is None
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    assert grid.evaluated(place, record, target) is None
    path.unlink()
    assert grid.evaluated(place, record, target) is None
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(FerBenchError, match="was trained on tensorflow, this command is on torch"):
        grid.trained(place, cell, own)
    monkeypatch.undo()
    with pytest.raises(FerBenchError, match=r"was trained from the ImageNet weights mobilenet_v2\.h5 .*, not from "):
        grid.trained(place, cell, own, "imagenet")
    place.weights(record.cell_id).unlink()
    assert grid.trained(place, cell, own) is None


def test_runs_on_another_backend_count_and_are_named(place, monkeypatch):
    trained(place, "clcm", "fer2013", targets=("fer2013", "ck-plus"))
    begun(place, f"shufflenetv2__fer2013__{PAPER.id}__s0", backend="torch")
    for now, other in (("tensorflow", "torch"), ("torch", "tensorflow")):
        monkeypatch.setenv("KERAS_BACKEND", now)
        found = runs(state(place))
        done, interrupted = found["clcm", "fer2013", 0], found["shufflenetv2", "fer2013", 0]
        assert (done["state"], done["backend"]) == ("done", "tensorflow")
        assert (interrupted["state"], interrupted["backend"], interrupted["epochs"]) == ("interrupted", "torch", 3)
        said = run("status", "--workspace", str(place.root))
        assert f"1 of them trained on {other}: set KERAS_BACKEND={other} to test or continue those" in said
        assert f"KERAS_BACKEND={now}" not in said


def test_a_run_without_its_weights_is_missing(place):
    record = trained(place, "clcm", "fer2013")
    place.weights(record.cell_id).unlink()
    assert runs(state(place))["clcm", "fer2013", 0]["state"] == "missing"


def test_a_damaged_checkpoint_is_told(place):
    folder = begun(place, f"clcm__fer2013__{PAPER.id}__s0")
    (folder / "checkpoint.npz").write_bytes(b"PK\x03\x04 half")
    assert runs(state(place))["clcm", "fer2013", 0]["state"] == "damaged"


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": "0123"},
        {"identity": 3},
        {"best_epoch": 12},
        {"best_epoch": None},
        {"history": [{"loss": "low"}]},
        {"history": [3]},
        {"start": {"kind": "imagenet", "source": 5}},
        {"environments": 1},
    ],
)
def test_the_text_of_a_checkpoint_is_read_as_untrusted(changes, place):
    path = begun(place, f"clcm__fer2013__{PAPER.id}__s0") / "checkpoint.npz"
    with np.load(path) as found:
        *arrays, text = found.values()
    content = json.dumps(json.loads(text.tobytes()) | changes)
    np.savez(path, *arrays, np.frombuffer(content.encode(), np.uint8))
    assert runs(state(place))["clcm", "fer2013", 0]["state"] == "damaged"
    with pytest.raises(FerBenchError, match=r"checkpoint\.npz: damaged checkpoint \("):
        reached(path.parent)


@pytest.mark.parametrize("arrays", [[np.zeros(2)], [np.zeros(3), np.zeros(3)], []])
def test_best_weights_of_another_network_are_a_damaged_checkpoint(arrays, tmp_path):
    np.savez(tmp_path / "best-0001.npz", *arrays)
    network = SimpleNamespace(name="tiny", core=SimpleNamespace(variables=[np.zeros(3)]))
    with pytest.raises(FerBenchError, match=r"best-0001\.npz: damaged checkpoint \(another shape or number"):
        Checkpoint(tmp_path, identity("0123", "tensorflow", "None")).load_best(network, 1)


def test_what_training_writes_is_what_is_read(place):
    history = list(make.train_record("clcm", "fer2013").history)
    network = SimpleNamespace(state=lambda: [np.zeros(3), np.ones(2)], core=SimpleNamespace(variables=[None]))
    folder = place.run("clcm__fer2013__paper__s0")
    own = identity("0123", "tensorflow", "None")
    Checkpoint(folder, own).save(network, Progress(records.Start(kind="random"), history, best_epoch=11))
    found = reached(folder)
    assert found == Reached(own, tuple(history))
    assert found.is_of("0123", "tensorflow")
    assert not found.is_of("0123", "torch")
    assert not found.is_of("012", "tensorflow")


def test_datasets_that_are_joined_are_known(place):
    assert {(item["dataset"], item["state"]) for item in state(place, "-d", "raf-db+fer2013")["runs"]} == {
        (BOTH, "missing")
    }
    with pytest.raises(FerBenchError, match=r"ck-plus is a test set only; leave it out here"):
        run("status", "-w", place.root, "-d", "fer2013+ck-plus")
    trained(place, "clcm", BOTH, seconds=30.0, targets=("fer2013",))
    begun(place, f"mobilenetv2__{BOTH}__{PAPER.id}__s0", epochs=10, seconds=9.0, dataset=BOTH)
    (place.root / "runs" / f"clcm__fer2013+affectnet__{PAPER.id}__s0").mkdir()
    (place.root / "runs" / f"clcm__fer2013+__{PAPER.id}__s0").mkdir()
    found = runs(state(place))
    # No more than has been begun: which datasets are joined is the user's choice.
    assert {key for key in found if "+" in key[1]} == {("clcm", BOTH, 0), ("mobilenetv2", BOTH, 0)}
    assert len(found) == 6 + 2
    assert found["clcm", BOTH, 0]["state"] == "untested"
    assert found["clcm", BOTH, 0]["untested"] == ["raf-db", "ck-plus"]
    assert (found["mobilenetv2", BOTH, 0]["state"], found["mobilenetv2", BOTH, 0]["epochs"]) == ("interrupted", 10)
    assert found["mobilenetv2", BOTH, 0]["seconds_left"] == pytest.approx(90 * 9.0)
    # A third of the images.
    assert found["mobilenetv2", "fer2013", 0]["seconds_left"] == pytest.approx(100 * 3.0)
    assert [words[3:6] for words in commands(place, "-d", BOTH, "-m", "shufflenetv2")] == [
        ["shufflenetv2", "--dataset", BOTH]
    ]
    with pytest.raises(FerBenchError, match=r"--weights imagenet: the recipe .paper. starts clcm .* none of shuffle"):
        commands(place, "--weights", "imagenet", "-d", BOTH, "-m", "shufflenetv2")
    assert len(commands(place, "--weights", "imagenet")) == 6 + 1
    begun(place, f"clcm__{BOTH}__{PAPER.id}__s0", dataset=BOTH)
    left = json.loads(run("clean", "-w", place.root, "--json"))["leftovers"]
    assert [Path(item["path"]).name for item in left] == [f"clcm__{BOTH}__{PAPER.id}__s0"]


def test_a_dataset_put_aside_under_another_name_is_no_second_one(place):
    shutil.copytree(place.prepared("raf-db"), place.datasets / "mine")
    told = rf"{place.datasets / 'mine'}: holds the prepared dataset raf-db, in a folder of another name; .* rename it"
    for command in (("status",), ("audit", "mine"), ("cross-test", "--on", "mine"), ("datasets", "mine")):
        with pytest.raises(FerBenchError, match=told):
            run(*command, "-w", place.root)
    with pytest.raises(FerBenchError, match=told):
        run_datasets.load(place, synthetic=False)
    assert re.search(r"^mine .*cannot be read", run("datasets", "-w", place.root), re.MULTILINE)
    (place.datasets / "mine").rename(place.root.parent / "mine")
    shutil.rmtree(place.prepared("raf-db"))
    place.prepared("raf-db").symlink_to(place.root.parent / "mine")  # Whatever the name of the folder behind a link.
    assert ("clcm", "raf-db", 0) in runs(state(place))


def test_a_disk_of_its_own_may_be_mounted_for_the_datasets(place, monkeypatch):
    (place.datasets / "lost+found").mkdir()
    real = Path.is_file

    def is_file(path):
        if "lost+found" in path.parts:  # As for everybody but root.
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert len(state(place)["runs"]) == 6
    run("datasets", "-w", place.root)
    run("clean", "-w", place.root, "--yes")


@pytest.mark.parametrize("name", ["fer2013/", "./fer2013", "../datasets/fer2013"])
def test_a_path_is_no_name_of_a_dataset(place, name):
    """Its list of duplicates went to audits/fer2013/.csv, or to the folder of the datasets."""
    for command in (("audit", name), ("show", name), ("status", "-d", name)):
        with pytest.raises(FerBenchError, match=rf"unknown dataset '{name}'; known: fer2013"):
            run(*command, "-w", place.root)


def test_the_grid_is_what_the_options_or_the_runs_say(place):
    demo = PRESETS["demo"]
    begun(place, f"clcm__fer2013__{demo.id}__s3")
    found = state(place)
    assert {(item["recipe"], item["seed"]) for item in found["runs"]} == {(demo.id, 3)}
    found = state(place, "--recipe", "paper", "--seed", 1, "--seed", 2, "--model", "clcm", "--dataset", "raf-db")
    assert [(item["id"]) for item in found["runs"]] == [f"clcm__raf-db__{PAPER.id}__s{seed}" for seed in (1, 2)]
    with pytest.raises(FerBenchError, match=r"no model 'resnet'"):
        run("status", "-w", place.root, "--model", "resnet")
    with pytest.raises(FerBenchError, match=r"no dataset to train on is prepared"):
        run("status", "-w", place.root / "elsewhere")


def test_a_begun_run_shows_where_a_preset_gives_its_recipe_and_is_named_where_none_does(place):
    given = (PAPER.from_random(), PAPER.starting("mobilenetv2", pretrained=True), load_recipe("paper+oversample"))
    for recipe in given:
        begun(place, f"mobilenetv2__fer2013__{recipe.id}__s0")
    own = begun(place, "clcm__fer2013__mine-12345678__s0").name
    found = state(place)
    interrupted = {item["recipe"] for item in found["runs"] if item["state"] == "interrupted"}
    assert interrupted == {recipe.id for recipe in given}
    assert found["not_shown"] == [own]
    assert f"begun, but not shown, since no finished run tells their recipe: {own}; " in run("status", "-w", place.root)
    for options in (("--recipe", "paper"), ("-m", "mobilenetv2"), ("-d", "raf-db"), ("--seed", 1)):
        assert state(place, *options)["not_shown"] == []
    mine = dataclasses.replace(PAPER, name="mine", epochs=50)
    trained(place, "clcm", "raf-db", recipe=mine)
    begun(place, f"clcm__fer2013__{mine.id}__s0")
    assert state(place)["not_shown"] == [own]


@pytest.mark.parametrize("command", ["status", "grid"])
def test_a_dataset_that_no_run_is_trained_on_is_told_with_what_helps(command, place, synthetic_root):
    options = (command, "-w", place.root, *(("--weights", "random") if command == "grid" else ()))
    with pytest.raises(FerBenchError, match=r"unknown dataset 'nope'; known: fer2013, raf-db, affectnet, ck-plus"):
        run(*options, "-d", "nope")
    with pytest.raises(
        FerBenchError,
        match=r"ck-plus is a test set only; leave it out here; models trained on other datasets",
    ):
        run(*options, "-d", "fer2013", "-d", "ck-plus")
    with pytest.raises(FerBenchError, match="affectnet is not prepared; run fer-bench prepare affectnet") as told:
        run(*options, "-d", "affectnet")
    follow(str(told.value).replace("PATH", str(synthetic_root / "affectnet")))
    run(*options, "-d", "affectnet")
    shutil.rmtree(place.prepared("ck-plus"))  # Its card tells it too.
    with pytest.raises(FerBenchError, match="ck-plus is a test set only"):
        run(*options, "-d", "ck-plus")


def test_a_model_that_a_recipe_cannot_be_of_is_left_out_and_told(place):
    frozen = PAPER.changed(freeze_layers=0)
    trained(place, "clcm", "fer2013", recipe=frozen)
    found = state(place)
    assert {item["model"] for item in found["runs"]} == {"clcm", "mobilenetv2"}
    assert found["counts"]["missing"] == 3
    assert [(item["model"], item["recipe"]) for item in found["left_out"]] == [("shufflenetv2", frozen.id)]
    assert f"left out, no run by {frozen.id} can be of it: shufflenetv2: no backbone is" in run(
        "status", "-w", place.root
    )
    with pytest.raises(FerBenchError, match="shufflenetv2: no backbone is known"):
        state(place, "-m", "shufflenetv2", "--recipe", "paper+freeze0")
    assert state(place, "--recipe", "paper")["left_out"] == []
    # What the refusal of the three names can be trained.
    options = ("--recipe", "paper+freeze0", "--weights", "random", "-d", "raf-db")
    with pytest.raises(FerBenchError, match="name other models with --model, such as mobilenetv2, clcm, ") as told:
        commands(place, *options)
    others = str(told.value).rpartition("such as ")[2].split(", ")
    assert [words[3] for words in commands(place, *options, *(f"--model={name}" for name in others))] == others


def test_the_runs_of_a_model_whose_package_is_gone_are_shown(place):
    record = replace(trained(place, "clcm", "fer2013"), model="gone")
    records.save(place.results.records, record)
    place.weights(record.cell_id).write_bytes(b"weights")
    begun(place, f"going__fer2013__{PAPER.id}__s0")
    shown = state(place, "-m", "gone", "-m", "going", "-d", "fer2013")["runs"]
    assert [(item["model"], item["state"]) for item in shown] == [("gone", "untested"), ("going", "interrupted")]
    with pytest.raises(FerBenchError, match="no model 'gone'"):
        commands(place, "-m", "gone")  # Nobody can train it.


def test_a_recipe_is_known_by_the_id_of_its_runs(place, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "paper"\nimage_size = 48\nlearning_rate = 5e-4\n[augmentation]\nrotation = 15\n')
    mine = load_recipe(str(path)).from_random().changed(freeze_layers=0)
    run_of_it = trained(place, "clcm", "fer2013", seed=3, recipe=mine)
    path.unlink()
    found = state(place, "--recipe", mine.id)
    assert {(item["recipe"], item["seed"]) for item in found["runs"]} == {(mine.id, 3)}
    assert runs(found)["clcm", "fer2013", 3]["state"] == "untested"
    prepared = SimpleNamespace(dataset="fer2013", fingerprint=fingerprint_of("fer2013"), trainable=True)
    cell, record = trained_on(place, "clcm", prepared, mine.id, 3, None)
    assert (cell.recipe, record) == (mine, run_of_it)
    with pytest.raises(FerBenchError) as told:
        trained_on(place, "clcm", prepared, mine.id, 4, None)
    assert str(told.value) == (
        f"clcm has not been trained on this fer2013 with recipe {mine.id} and seed 4, but with {mine.id} (seed 3); "
        "name one that is there, or train it by the recipe's name or file"
    )
    with pytest.raises(FerBenchError, match=r"no recipe 'mine-00000000': .* or the id of a recipe that .* has runs of"):
        run("status", "-w", place.root, "--recipe", "mine-00000000")


def test_nobody_is_sent_to_train_on_a_test_set(place):
    trained(place, "clcm", "fer2013")
    prepared = SimpleNamespace(dataset="ck-plus", fingerprint=fingerprint_of("ck-plus"), trainable=False)
    with pytest.raises(FerBenchError, match=r"ck-plus is a test set only, .* name the dataset that clcm was") as told:
        trained_on(place, "clcm", prepared, "paper", 0, None)
    assert f"; fer-bench cross-test --on ck-plus --workspace {place.root} tests it" in str(told.value)


@pytest.mark.parametrize("command", ["status", "grid --weights random", "clean --json", "synthesize ck-plus --test 7"])
def test_no_keras_is_needed(place, command, tmp_path):
    trained(place, "clcm", "fer2013")
    begun(place, f"shufflenetv2__fer2013__{PAPER.id}__s0")
    code = (
        "import sys; sys.argv = ['fer-bench', *sys.argv[1:]]\n"
        "from fer_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-c", code, *command.split()),
            *([str(tmp_path / "faces")] if command.startswith("synthesize") else ["-w", str(place.root)]),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "" or command.startswith("synthesize"), "nothing but a progress bar"
    assert "Traceback" not in done.stderr
    assert not set(done.stdout.rpartition("MODULES")[2].split()) & {"keras", "tensorflow", "torch", "jax", "scipy"}


def commands(place, *options):
    return [shlex.split(line) for line in run("grid", "-w", place.root, *options).splitlines()]


def test_the_missing_runs_are_plain_train_commands(place):
    trained(place, "mobilenetv2", "fer2013")
    found = commands(place, "--weights", "imagenet")
    assert len(found) == 5
    assert found[0][:2] == ["fer-bench", "train"]
    train = typer.main.get_command(app).commands["train"]
    for words in found:
        parsed = train.make_context("train", words[2:]).params
        assert parsed["workspace"] == place.root
        # Only the model that the recipe starts from ImageNet is given weights: elsewhere they would change the recipe.
        assert parsed["weights"] == ("imagenet" if parsed["model"] == "clcm" else None)
    assert len(commands(place, "--weights", "imagenet", "--all")) == 6
    two = commands(place, "--weights", "imagenet", "--model", "clcm", "--seed", 0, "--seed", 1)
    assert len(two) == 4
    assert commands(place, "--weights", "imagenet", "--model", "clcm", "--seeds", 2) == two
    # Two tasks of one run would write the same files.
    twice = ["--model", "clcm", "-m", "clcm", "-d", "fer2013", "-d", "fer2013", "-s", 0, "-s", 0]
    assert len(commands(place, "--weights", "imagenet", *twice)) == 1


def test_a_random_start_is_one_recipe_for_every_command(place, monkeypatch):
    """What the tasks train, ``run-all`` with the same recipe and weights finds trained."""
    jobs = []
    monkeypatch.setattr("fer_bench.run_all.runner.run_all", lambda place, job: jobs.append(job))
    run("run-all", "-w", place.root, "--recipe", "paper", "--weights", "random")
    lines = run("grid", "-w", place.root, "--weights", "random", "--format", "jsonl").splitlines()
    told = [json.loads(line) for line in lines]
    train = typer.main.get_command(app).commands["train"]
    for task in told:
        options = train.make_context("train", task["command"][2:]).params
        cell = cell_of(options["model"], options["dataset"], options["recipe"], options["seed"], options["weights"])
        assert cell.id == task["id"]
    assert {task["recipe"] for task in told} == {jobs[0].recipe.id} == {PAPER.from_random().id}


def test_json_lines_are_in_ascii_which_any_encoding_of_stdout_holds():
    task = cluster.Task(grid.Cell("clcm", "fer2013", PAPER, 0), ("fer-bench", "train"))
    line = cluster.to_jsonl([task], Path("/Füße"), Path("/"))
    assert line.isascii()
    assert json.loads(line)["command"][-2].endswith("Füße")


def test_a_random_start_is_another_recipe(place):
    trained(place, "clcm", "fer2013", recipe=PAPER.starting("clcm", pretrained=False))
    found = commands(place, "--weights", "random", "--model", "clcm")
    assert [words[5] for words in found] == ["raf-db"]
    assert len(commands(place, "--weights", "imagenet", "--model", "clcm")) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), r"give --weights imagenet"),
        (("--recipe", "fast"), r"no recipe 'fast'"),
        (("--model", "mobilenetv2", "--dataset", "fer2013"), r"every run of this grid is trained"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(place, options, message):
    trained(place, "mobilenetv2", "fer2013")
    with pytest.raises(FerBenchError, match=message):
        run("grid", "-w", place.root, *options)


def test_json_lines_hold_the_command_and_what_it_trains(place):
    lines = [
        json.loads(line)
        for line in run("grid", "-w", place.root, "--weights", "random", "--format", "jsonl").splitlines()
    ]
    assert len(lines) == 6
    assert lines[0]["command"][:4] == ["fer-bench", "train", "--model", "mobilenetv2"]
    assert lines[0]["command"][-3:] == ["--workspace", str(place.root.absolute()), "--wait"]
    assert lines[0]["folder"] == str(Path.cwd())
    assert lines[0]["id"] == f"mobilenetv2__fer2013__{PAPER.from_random().id}__s0"


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_slurm_tasks_train_their_seeds_and_the_script_says_how_all_are_tested(place):
    options = ("--weights", "random", "--model", "clcm", "--seed", 2, "--seed", 5)
    script = run("grid", "-w", place.root, *options, "--format", "slurm")
    seeds = re.findall(r"^  \d\) fer-bench train .*--dataset ([\w-]+) .*--seed (\d)", script, re.MULTILINE)
    assert sorted(seeds) == [(name, seed) for name in ("fer2013", "raf-db") for seed in ("2", "5")]
    tests = re.findall(r"^#   (.*)$", script, re.MULTILINE)
    assert tests == [
        *(
            f"fer-bench evaluate --model clcm --dataset {name} --recipe paper --weights random --seeds 2,5 "
            f"--workspace {place.root}"
            for name in ("fer2013", "raf-db")
        ),
        f"fer-bench cross-test --workspace {place.root}",
    ]


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
@pytest.mark.parametrize(("options", "seed"), [((), 0), (("--seed", 1), 1), (("--seed", 9), 9)])
def test_what_a_script_of_one_seed_trains_is_what_it_says_to_test(place, options, seed):
    common = ("--weights", "random", "--model", "clcm", "--dataset", "fer2013", *options)
    script = run("grid", "-w", place.root, *common, "--format", "slurm")
    [trains] = re.findall(r"^  0\) fer-bench (train .*) --workspace", script, re.MULTILINE)
    tests = re.findall(r"^#   fer-bench (evaluate .*)$", script, re.MULTILINE)
    given = []
    for words in map(shlex.split, (trains, *tests)):
        command = typer.main.get_command(app).commands[words[0]]
        context = command.make_context(words[0], words[1:])
        given.append(seeds_of(context, [context.params["seed"]], context.params["seeds"]))
    assert given == [[seed], [seed]]


def test_a_slurm_task_trains_its_cell_with_a_lock_of_its_own(place, tmp_path, monkeypatch):
    here = tmp_path / "my recipes"
    here.mkdir()
    (here / "mine.toml").write_text('base = "paper"\n')
    monkeypatch.chdir(here)
    script = run("grid", "-w", place.root, "--recipe", "mine.toml", "--weights", "random", "--format", "slurm")
    monkeypatch.undo()
    assert "#SBATCH --array=0-5\n" in script
    (tmp_path / "job.sh").write_text(script)
    stub = tmp_path / "bin" / "fer-bench"
    stub.parent.mkdir()
    (place.root / "studies").mkdir()
    (place.root / "studies" / "run.txt").touch()
    # Does what training does to a workspace: takes its lock, reads a dataset and a study's run, writes a record.
    stub.write_text(
        '#!/bin/sh\nfor own; do :; done\ntest -f "$own/datasets/fer2013/manifest.json" || exit 3\n'
        'test -f mine.toml && test -f "$own/studies/run.txt" || exit 4\n'
        'touch "$own/.lock" "$own/fer-bench.log" "$own/fer-bench.log.1"\n'
        'echo "$@" > "$own/records/$SLURM_ARRAY_TASK_ID.txt"\n'
    )
    stub.chmod(0o755)
    for task in (0, 5, 5):
        environment = {
            **os.environ,
            "PATH": f"{stub.parent}:{os.environ['PATH']}",
            "SLURM_ARRAY_JOB_ID": "17",
            "SLURM_ARRAY_TASK_ID": str(task),
        }
        subprocess.run(["bash", tmp_path / "job.sh"], env=environment, check=True)
    assert not (place.root / ".lock").exists()
    written = {path.name: path.read_text().split() for path in place.results.records.iterdir()}
    assert set(written) == {"0.txt", "5.txt"}
    assert written["5.txt"][:5] == ["train", "--model", "shufflenetv2", "--dataset", "raf-db"]
    assert Path(written["5.txt"][-1]) == place.root.absolute() / "tasks" / "17-5"
    # What the tasks leave goes an hour later, where nobody holds its lock; the files that its links lead to stay.
    assert "nothing to remove" in run("clean", "-w", place.root)
    for folder in (place.root / "tasks").iterdir():
        os.utime(folder, (time.time() - 7200,) * 2)
    (place.root / "tasks" / "17-0" / "curves").mkdir()
    os.utime(place.root / "tasks" / "17-0", (time.time() - 7200,) * 2)
    with Workspace(place.root / "tasks" / "17-5").lock():
        os.utime(place.root / "tasks" / "17-5", (time.time() - 7200,) * 2)
        assert "nothing to remove" in run("clean", "-w", place.root)
    (place.root / "tasks" / "17-5" / ".lock-holder").write_text("{}")  # Of a task whose time ran out.
    os.utime(place.root / "tasks" / "17-5", (time.time() - 7200,) * 2)
    [task] = json.loads(run("clean", "-w", place.root, "--json", "--yes"))["leftovers"]
    assert (task["kind"], Path(task["path"]).name) == ("task", "17-5")
    assert [path.name for path in (place.root / "tasks").iterdir()] == ["17-0"]
    assert {path.name for path in place.results.records.iterdir()} == set(written)
    assert (place.prepared("fer2013") / "manifest.json").is_file()


@pytest.fixture
def full(place):
    """A workspace with something of everything."""
    record = trained(place, "clcm", "fer2013", targets=("fer2013",))
    begun(place, record.cell_id)
    begun(place, f"shufflenetv2__fer2013__{PAPER.id}__s0")
    for model in ("clcm", "shufflenetv2"):
        begun(place.studies, f"{model}__fer2013__{PAPER.id}__s1")
    trained(place.studies, "clcm", "fer2013", seed=1)
    for name in ("scaled-48-0123456789ab.npy", "scaled-48.npy"):  # The second as earlier versions named it.
        (place.prepared("fer2013") / name).write_bytes(b"x" * 1000)
    (place.datasets / ".affectnet.former").mkdir()
    (place.results.records / "eval" / ".my-notes").write_bytes(b"mine")
    for name, marker in (("fer2013", True), ("raf-db", False), ("affectnet", True)):
        place.raw(name).mkdir(parents=True)
        (place.raw(name) / "a.jpg").write_bytes(b"x" * 100)
        if marker:
            (place.raw(name) / "fer-bench-synthetic.json").write_text('{"synthetic": true}')
    (place.root / "exports").mkdir()
    (place.root / "exports" / "clcm.onnx").write_bytes(b"model")
    return place


def files(place):
    return {
        str(path.relative_to(place.root))
        for path in place.root.rglob("*")
        if path.is_file() and not path.name.startswith((".lock", "fer-bench.log"))
    }


GONE = {
    "runs/clcm",
    "studies/runs/clcm",
    "datasets/fer2013/scaled-48-0123456789ab.npy",
    "datasets/fer2013/scaled-48.npy",
    "raw/fer2013/",
}


def test_clean_removes_what_can_be_made_again_and_nothing_else(full):
    before = files(full)
    shown = json.loads(run("clean", "-w", full.root, "--json"))
    assert files(full) == before
    assert shown["removed"] is False
    assert shown["bytes"] == sum(item["bytes"] for item in shown["leftovers"])
    run("clean", "-w", full.root, "--yes")
    removed = before - files(full)
    assert all(any(name.startswith(gone) for gone in GONE) for name in removed)
    assert all(any(name.startswith(gone) for name in removed) for gone in GONE)
    assert (full.datasets / ".affectnet.former").exists()
    assert "nothing to remove" in run("clean", "-w", full.root)


@pytest.mark.parametrize("command", ["audit", "show"])
def test_a_workspace_that_is_only_read_is_told_before_the_images_are(command, place, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    # Its images are none: what opens them says so.
    with pytest.raises(FerBenchError, match="no file can be written there; name one elsewhere with --out") as raised:
        run(command, "fer2013", "-w", place.root)
    assert str(raised.value).startswith(f"{place.root}: ")


def test_clean_makes_room_on_a_disk_that_has_none(full, monkeypatch):
    def no_room(*_, **options):
        raise OSError(errno.ENOSPC, "No space left on device", options["dir"])

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", no_room)  # Every file that fer-bench writes begins there.
        assert "freed" in run("clean", "-w", full.root, "--yes")
    assert "nothing to remove" in run("clean", "-w", full.root)


KILLED = """
import os, signal, sys
from pathlib import Path
from fer_bench.datasets import dataset_card
from fer_bench.datasets.store import prepare
from fer_bench.datasets.synthetic import synthesize
from fer_bench.files import replacing
from fer_bench.workspace import Workspace

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

what, place = sys.argv[1], Workspace(Path(sys.argv[2]))
if what == "write":
    with replacing(place.results.records / "eval" / "half.json"):
        die()
elif what == "synthesize":
    synthesize("raf-db", place.raw("raf-db"), train=7, test=7, progress=die)
else:
    synthesize("raf-db", place.root.parent / "faces", train=35, test=7)
    prepare(dataset_card("raf-db"), place.root.parent / "faces", place.prepared("raf-db"), progress=die)
"""


def test_clean_removes_what_killed_commands_left(place):
    before = files(place)
    for what in ("write", "synthesize", "prepare"):
        done = subprocess.run([sys.executable, "-c", KILLED, what, str(place.root)], check=False)
        assert done.returncode == -signal.SIGKILL
    assert len(files(place) - before) >= 3
    found = json.loads(run("clean", "-w", place.root, "--json"))["leftovers"]
    # The file is gone by then: whoever holds the workspace removes it.
    assert {(item["kind"], Path(item["path"]).parent) for item in found} == {
        ("temporary", place.datasets),
        ("temporary", place.root / "raw"),
    }
    run("clean", "-w", place.root, "--yes")
    assert files(place) == before
    assert not list(place.root.rglob(".unfinished-*"))


def test_what_is_being_drawn_and_hidden_folders_of_the_user_stay(place):
    raw = place.raw("any").parent
    alive = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        drawn = raw / f"{unfinished()}faces".replace(f"-{os.getpid()}-", f"-{alive.pid}-")
        for folder in (drawn, raw / ".git", place.datasets / ".git", place.datasets / "mine.partial"):
            folder.mkdir(parents=True)
            (folder / "HEAD").write_text("mine")
        before = files(place)
        assert "nothing to remove" in run("clean", "-w", place.root, "--yes")
        assert files(place) == before
    finally:
        alive.communicate(b"\n")
    run("clean", "-w", place.root, "--yes")
    assert before - files(place) == {str((drawn / "HEAD").relative_to(place.root))}


def test_a_dataset_that_was_replaced_goes_and_one_that_was_not_yet_stays(place):
    for name in ("fer2013", "affectnet"):
        (place.datasets / f".{name}.former").mkdir()
        (place.datasets / f".{name}.former" / "images.npy").write_bytes(b"x" * 1000)
    shown = run("clean", "-w", place.root, "--yes")
    assert f"{place.datasets / '.affectnet.former'}: stays, the only copy" in shown
    assert shown.count("stays, the only copy") == 1
    assert [path.name for path in place.datasets.glob(".*.former")] == [".affectnet.former"]


def test_what_was_left_beside_a_dataset_on_another_disk_is_found(place, tmp_path):
    disk = tmp_path / "disk"
    for name in ("fer2013", "affectnet"):
        for ending in (".partial", ".unpacked", ".former", ".mine"):
            (disk / f".{name}{ending}").mkdir(parents=True)
        (place.datasets / f"{name}-link").symlink_to(disk / name)
    place.prepared("fer2013").rename(disk / "fer2013")
    for name in ("fer2013", "affectnet"):
        (place.datasets / f"{name}-link").rename(place.prepared(name))
    for name in (".fer2013.partial", ".affectnet.partial"):
        (disk / name / "images.npy").write_bytes(b"x" * 1000)
    assert "nothing to remove" in run("clean", "-w", place.root, "--yes"), "another workspace may be at work there"
    for path in disk.rglob("*"):
        os.utime(path, (time.time() - 4000,) * 2)
    (disk / ".fer2013.partial" / "images.npy").touch()
    shown = run("clean", "-w", place.root, "--yes")
    assert (disk / ".fer2013.unpacked").is_dir(), "read meanwhile"
    os.utime(disk / ".fer2013.partial" / "images.npy", (time.time() - 4000,) * 2)
    run("clean", "-w", place.root, "--yes")
    assert shown.count("stays, the only copy") == 1
    assert f"{disk / '.affectnet.former'}: stays, the only copy" in shown
    left = {path.name for path in disk.iterdir()}
    assert left == {"fer2013", ".fer2013.mine", ".affectnet.mine", ".affectnet.former"}
    assert place.prepared("fer2013").is_symlink()


def test_clean_asks(full):
    before = files(full)
    assert "Remove them?" in run("clean", "-w", full.root, text="n\n")
    assert files(full) == before
    assert "freed" in run("clean", "-w", full.root, text="y\n")
    assert files(full) < before


def test_records_go_only_on_request(full):
    for model in ("mobilenetv2", "clcm"):
        records.save(full.results.records, make.profile_record(model))
    make.save_statistics(full.results)
    run("clean", "-w", full.root, "--yes")
    kept = files(full)
    run("clean", "-w", full.root, "--yes", "--records")
    gone = {str(Path(name).parent) for name in kept - files(full)}
    assert gone == {"records/train", "records/eval", "records/profile", "records/statistics", "weights"}
    assert not list(full.results.records.rglob("*.json"))
    assert "exports/clcm.onnx" in files(full)


def test_the_users_own_files_stay_beside_records_weights_and_checkpoints(full):
    before = files(full)
    [finished] = [path for path in full.root.glob("runs/clcm__*") if path.is_dir()]
    own = [
        finished / "notes.txt",
        full.weights("my best model"),
        full.weights("mine__of__three__s1"),
        full.weights("a__copy__clcm__fer2013__paper-0123abcd__s0"),
        full.results.records / "eval" / "notes.json",
        full.results.records / "eval" / "my-predictions.npz",
        full.results.records / "train" / "old.json",
    ]
    for path in own:
        path.write_text('{"kind": "eval", "schema": 0}')
    own.remove(full.results.records / "train" / "old.json")  # A training record that is damaged is told.
    with pytest.raises(FerBenchError, match=r"old\.json: not a train record"):
        run("clean", "-w", full.root, "--yes")
    (full.results.records / "train" / "old.json").unlink()
    run("clean", "-w", full.root, "--yes")
    assert [path.name for path in finished.iterdir()] == ["notes.txt"]
    run("clean", "-w", full.root, "--yes", "--records")
    assert all(path.is_file() for path in own)
    assert not [name for name in files(full) & before if name.startswith(("weights/", "records/train/"))]
    assert "nothing to remove" in run("clean", "-w", full.root, "--records")


def test_a_finished_run_leaves_the_users_notes_in_its_folder(place):
    folder = begun(place, f"clcm__fer2013__{PAPER.id}__s0")
    (folder / "notes.txt").write_text("mine")
    run_folder.remove(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    run_folder.remove(folder)
    assert not folder.exists()
    run_folder.remove(folder)


def test_what_cannot_be_removed_is_told(full, monkeypatch):
    real = Path.unlink

    def refused(path, missing_ok=False):
        if path.name == "checkpoint.npz":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(FerBenchError, match=r"clcm__fer2013__.*: cannot be removed \(Permission denied\)"):
        run("clean", "-w", full.root, "--yes")
    result = CliRunner().invoke(app, ["clean", "-w", str(full.root), "--yes", "--json"])
    assert isinstance(result.exception, FerBenchError)
    assert result.stdout == ""  # Not "removed": true.


def test_no_record_leads_clean_out_of_the_records(full):
    mine = full.root / "mine.npz"
    mine.write_bytes(b"mine")
    [path] = (full.results.records / "eval").glob("*.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(told | {"predictions": "../../mine.npz"}), encoding="utf-8")
    run("clean", "-w", full.root, "--yes", "--records")
    assert not path.exists()
    assert mine.read_bytes() == b"mine"


def test_a_run_on_another_disk_is_let_go_and_nothing_there_is_touched(place, tmp_path):
    record = trained(place, "clcm", "fer2013")
    folder = begun(place, record.cell_id)
    elsewhere = tmp_path / "other disk"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    before = {path.name for path in elsewhere.iterdir()}
    run("clean", "-w", place.root, "--yes")
    assert not folder.is_symlink()
    assert {path.name for path in elsewhere.iterdir()} == before


def test_a_finished_run_that_trains_anew_on_other_data_keeps_its_checkpoint(place):
    record = trained(place, "clcm", "fer2013")
    begun(place, record.cell_id, dataset="fer2013 prepared anew")
    assert json.loads(run("clean", "-w", place.root, "--json"))["leftovers"] == []


def test_a_finished_run_whose_weights_are_gone_keeps_its_checkpoint(place):
    record = trained(place, "clcm", "fer2013")
    folder = begun(place, record.cell_id)
    place.weights(record.cell_id).unlink()
    before = files(place)
    assert "nothing to remove" in run("clean", "-w", place.root, "--yes")
    assert files(place) == before
    assert reached(folder) is not None, "training goes on from there"


def test_clean_leaves_a_workspace_alone_that_is_at_work(full):
    with full.lock(), pytest.raises(FerBenchError, match="is writing to this workspace"):
        run("clean", "-w", full.root, "--yes")
    with pytest.raises(FerBenchError, match="no such workspace"):
        run("clean", "-w", full.root / "elsewhere")


def test_clean_removes_a_link_and_not_what_it_leads_to(place, tmp_path):
    mine = tmp_path / "mine.npy"
    mine.write_bytes(b"mine")
    (place.prepared("fer2013") / "scaled-48.npy").symlink_to(mine)
    folder = tmp_path / "my-faces"
    folder.mkdir()
    (folder / "fer-bench-synthetic.json").write_text('{"synthetic": true}')
    place.raw("fer2013").parent.mkdir()
    place.raw("fer2013").symlink_to(folder)
    run("clean", "-w", place.root, "--yes")
    assert mine.read_bytes() == b"mine"
    assert (folder / "fer-bench-synthetic.json").exists()
    assert place.raw("fer2013").is_symlink(), "the user's own, not made by fer-bench"
