"""The search: every setting once, resumable, chosen on validation, the winner a recipe."""

import json
import math
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from study_fakes import InterruptionError, Trained, replace_training
from typer.testing import CliRunner

from fer_bench import grid, records
from fer_bench.cli import app
from fer_bench.datasets.prepared import Prepared
from fer_bench.errors import FerBenchError
from fer_bench.grid import Cell
from fer_bench.presets import PRESETS, load_recipe
from fer_bench.records import TrainRecord
from fer_bench.tuning import PAPER_GRID, Setting, Space, search


@pytest.fixture
def trained(monkeypatch) -> Trained:
    return replace_training(monkeypatch)


def tune(workspace, *more: str, models=("clcm",), dataset="fer2013", weights="random"):
    arguments = ["tune", *(f"--model={model}" for model in models), "-d", dataset, "--weights", weights]
    arguments += ["-w", str(workspace.root), "--jobs", "1", *more]  # Other processes know none of the fakes.
    return CliRunner().invoke(app, arguments, catch_exceptions=False, terminal_width=200)


def tuned(workspace, *more: str, **options) -> dict:
    return json.loads(tune(workspace, *more, "--json", **options).stdout)


def test_the_grid_is_the_papers():
    settings = list(PAPER_GRID.grid())
    assert len(set(settings)) == 12
    assert {s.batch_size for s in settings} == {32, 64, 128}
    assert {s.learning_rate for s in settings} == {1e-3, 1e-4}
    assert {s.optimizer for s in settings} == {"adam", "sgd"}


def test_a_setting_changes_the_recipes_name_unless_it_is_the_recipes_own():
    paper = PRESETS["paper"]
    assert Setting(64, 1e-4, "adam").applied(paper) is paper
    other = Setting(32, 1e-3, "sgd").applied(paper)
    assert other.name == "paper+b32+lr0.001+sgd"
    assert (other.batch_size, other.learning_rate, other.optimizer, other.epochs) == (32, 1e-3, "sgd", 100)
    with pytest.raises(FerBenchError, match="batch_size = 1"):
        Setting(1, 1e-3, "sgd").applied(paper)
    with pytest.raises(FerBenchError, match="optimizer 'rmsprop'"):
        Space((32,), (1e-3,), ("rmsprop",))


def test_the_best_setting_becomes_a_recipe_that_train_and_evaluate_know(workspace, trained):
    found = tuned(workspace)
    assert len(trained) == len(found["trials"]) == 12
    best = found["winners"]["clcm"]
    assert (best["batch_size"], best["learning_rate"], best["optimizer"]) == (64, 1e-3, "adam")
    assert [t["val_accuracy"] for t in found["trials"]] == sorted(
        (t["val_accuracy"] for t in found["trials"]), reverse=True
    )
    assert best["loss_rise"] == pytest.approx(9.9)
    assert found["shared"] == {}
    recipe = load_recipe(found["files"]["clcm"])
    assert recipe.id == best["recipe"]
    assert recipe.epochs == 100
    # It was trained by this very recipe, among the studies, until somebody trains it (see test_training).
    cell = Cell("clcm", "fer2013", recipe, 0)
    assert grid.trained(workspace, cell, found["dataset_fingerprint"]) is None
    assert grid.trained(workspace.studies, cell, found["dataset_fingerprint"]) is not None


def test_the_best_of_a_search_on_any_preset_is_the_recipe_that_was_trained(workspace, trained):
    for preset in PRESETS:
        found = tuned(workspace, "-r", preset, "--balance", "oversample", "--learning-rates", "3e-4")
        assert load_recipe(found["files"]["clcm"]).id == found["winners"]["clcm"]["recipe"]


def test_another_search_on_the_same_recipe_overwrites_no_winner(workspace, trained):
    first = tuned(workspace)["files"]["clcm"]
    best = Path(first).read_text()
    for options in (("--optimizers", "sgd"), ("--seeds", "2"), ("--epochs", "2")):
        assert tuned(workspace, *options)["files"]["clcm"] != first
    assert Path(first).read_text() == best
    assert tuned(workspace)["files"]["clcm"] == first


@pytest.mark.parametrize("option", ["--trials", "--draw-seed"])
def test_what_only_a_random_search_has_is_refused_of_a_grid(workspace, trained, option):
    with pytest.raises(FerBenchError, match=f"{option} applies only with --search random"):
        tune(workspace, option, "5")
    assert not trained


def test_trials_stay_apart_from_the_results_but_for_the_recipe_as_it_was_given(workspace, trained):
    tuned(workspace)
    given = PRESETS["paper"].starting("clcm", pretrained=False)
    names = {run.recipe for run in records.load_all(workspace.results.records, TrainRecord)}
    assert names == {given.id}
    assert len(records.load_all(workspace.studies.results.records, TrainRecord)) == 11


def test_an_interrupted_search_goes_on_and_a_finished_one_trains_nothing(workspace, trained):
    trained.interrupt_after = 5
    with pytest.raises(InterruptionError):
        tune(workspace)
    trained.interrupt_after = None
    whole = tuned(workspace)
    assert len(trained) == len({cell.id for cell in trained}) == 12
    assert tuned(workspace) == whole
    assert len(trained) == 12


def test_the_best_of_each_model_stands_beside_the_best_shared(workspace, trained):
    found = tuned(workspace, "--epochs", "2", models=("clcm", "shufflenetv2"))
    assert found["winners"]["clcm"]["optimizer"] == "adam"
    assert found["winners"]["shufflenetv2"]["optimizer"] == "sgd"
    assert {trial["optimizer"] for trial in found["shared"].values()} == {"adam"}
    assert found["shared"]["clcm"]["below_own_best"] == 0
    assert found["shared"]["shufflenetv2"]["below_own_best"] == pytest.approx(0.02)
    assert found["epochs"] == 2
    for name, path in found["files"].items():
        recipe = load_recipe(path)
        assert recipe.epochs == 100, "trials may be short, the recipe is not"
        assert recipe.optimizer == ("sgd" if name == "shufflenetv2" else "adam")
    assert not (workspace.root / "records").exists(), "a shortened run is none of the workspace's own"
    text = tune(workspace, "--epochs", "2", models=("clcm", "shufflenetv2")).stdout
    assert "synthetic" in text
    assert "the best setting that they share" in text


def test_one_setting_of_one_epoch_is_told_in_the_singular(workspace, trained):
    alone = ("--epochs", "1", "--batch-sizes", "64", "--learning-rates", "1e-3", "--optimizers", "adam")
    assert "fer2013 (synthetic faces), 1 epoch: best epoch" in tune(workspace, *alone).stdout
    recipe = Path(tuned(workspace, *alone)["files"]["clcm"]).read_text()
    assert "Best of 1 setting for clcm" in recipe
    assert "in 1 epoch." in recipe


def test_several_seeds_are_averaged(workspace, trained):
    found = tuned(workspace, "--seeds", "2", "--batch-sizes", "64", "--optimizers", "adam")
    assert len(trained) == 4
    best = found["winners"]["clcm"]
    assert [run["seed"] for run in best["seeds"]] == [0, 1]
    assert best["val_accuracy"] == pytest.approx(sum(run["val_accuracy"] for run in best["seeds"]) / 2)


def test_a_diverged_setting_is_noted_once_a_backend_and_never_wins(workspace, trained, monkeypatch):
    options = ("--learning-rates", "0.5,1e-4", "--batch-sizes", "32", "--optimizers", "sgd")
    found = tuned(workspace, *options)
    [failed] = [trial for trial in found["trials"] if trial["diverged"]]
    assert failed["val_accuracy"] is None
    assert "loss became nan" in failed["diverged"]
    assert found["winners"]["clcm"]["learning_rate"] == 1e-4
    assert tuned(workspace, *options) == found
    assert len(trained) == 2
    assert "diverged" in tune(workspace, *options).stdout
    [note] = (workspace.studies.root / "diverged").iterdir()
    told = f"noted in {note.relative_to(workspace.root)} of the workspace; delete that file to try again"
    assert told in " ".join(tune(workspace, *options).stdout.split())
    with monkeypatch.context() as other:  # Another backend computes otherwise: it is tried there too.
        other.setenv("KERAS_BACKEND", "jax")
        with pytest.raises(FerBenchError, match="every setting diverged"):
            tune(workspace, "--learning-rates", "0.5", "--batch-sizes", "32", "--optimizers", "sgd")
        assert len(trained) == 3
        with pytest.raises(FerBenchError, match="was trained on tensorflow, this command is on jax"):
            tune(workspace, *options)
    with pytest.raises(FerBenchError, match="every setting diverged"):
        tune(workspace, "--learning-rates", "0.5", "--batch-sizes", "32")


def test_a_noted_divergence_is_of_its_own_starting_weights(workspace, trained, tmp_path):
    options = ("--learning-rates", "0.5", "--batch-sizes", "32", "--optimizers", "sgd")
    for number, name in enumerate(("mine", "other", "mine"), start=1):
        weights = tmp_path / f"{name}.weights.h5"
        weights.write_text(name)
        with pytest.raises(FerBenchError, match="every setting diverged"):
            tune(workspace, *options, weights=str(weights))
        assert len(trained) == min(number, 2)
    for note in (workspace.studies.root / "diverged").iterdir():
        note.write_text("[]")
    with pytest.raises(FerBenchError, match=r"\.json: not a note of why a run ended; delete it"):
        tune(workspace, *options, weights=str(weights))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--batch-sizes", "32;64"), "--batch-sizes '32;64': expected numbers"),
        (("--learning-rates", "7"), "learning_rate = 7.0 is out of range"),
        (("--optimizers", "adam,lion"), "optimizer 'lion'"),
        (("--recipe", "fast"), "no recipe 'fast'"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_training(workspace, trained, options, words):
    with pytest.raises(FerBenchError, match=words):
        tune(workspace, *options)
    assert trained == []


def test_there_are_two_kinds_of_search(workspace, trained):
    refused = tune(workspace, "--search", "bayes")
    assert refused.exit_code == 2
    assert "'grid'" in refused.stderr
    assert "'random'" in refused.stderr
    assert trained == []


def test_a_test_set_cannot_be_tuned_on(workspace, trained):
    with pytest.raises(FerBenchError, match="test set only"):
        tune(workspace, dataset="ck-plus")


def test_a_random_search_draws_from_the_ranges_and_goes_on_where_it_was(workspace, trained, tmp_path):
    pytest.importorskip("optuna")
    options = ("--search", "random", "--learning-rates", "1e-5,1e-2")
    trained.interrupt_after = 2
    with pytest.raises(InterruptionError):
        tune(workspace, *options, "--trials", "4")
    trained.interrupt_after = None
    found = tuned(workspace, *options, "--trials", "4")
    rates = [trial["learning_rate"] for trial in found["trials"]]
    assert all(1e-5 <= rate <= 1e-2 for rate in rates)
    assert all(rate == float(f"{rate:.3g}") for rate in rates)
    assert len(trained) == len(rates) == 4
    first = [cell.id for cell in trained]
    more = tuned(workspace, *options, "--trials", "6")
    assert len(trained) == 6
    assert {trial["recipe"] for trial in found["trials"]} < {trial["recipe"] for trial in more["trials"]}
    # Fewer would make a worse setting the recipe.
    fewer = tune(workspace, *options, "--trials", "1", "--json")
    assert json.loads(fewer.stdout) == more
    assert "clcm: 6 trials are done, more than --trials 1; all of them count" in fewer.stderr
    assert load_recipe(more["files"]["clcm"]).id == more["winners"]["clcm"]["recipe"]
    # An undisturbed search draws the same.
    shutil.rmtree(workspace.studies.root)
    trained.clear()
    assert tuned(workspace, *options, "--trials", "4") == found
    assert [cell.id for cell in trained] == first
    assert load_recipe(found["files"]["clcm"]).learning_rate == found["winners"]["clcm"]["learning_rate"]


def test_a_foreign_file_in_the_draws_place_is_named(workspace, trained):
    pytest.importorskip("optuna")
    path = workspace.studies.root / "optuna.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(FerBenchError, match=r"optuna\.db: not a store of draws .* move it away"):
        tune(workspace, "--search", "random", "--trials", "1")


@pytest.mark.skipif(sys.platform == "win32", reason="files have no largest size there")
@pytest.mark.parametrize("begun", [False, True])
def test_a_full_disk_is_not_taken_for_a_foreign_file(workspace, trained, monkeypatch, begun):
    pytest.importorskip("optuna")
    import resource
    import signal

    path = workspace.studies.root / "optuna.db"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_up() -> None:
        size = path.stat().st_size if begun else 4096
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    def fill_up_later(study, chosen):
        fill_up()
        return [SimpleNamespace(runs=(), reason="x" * 100_000)]

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        if begun:
            monkeypatch.setattr(search, "_trained", fill_up_later)
        else:
            monkeypatch.setattr(search, "_optuna", lambda real=search._optuna: (real(), fill_up())[0])
        with pytest.raises(FerBenchError, match=r"optuna\.db: the draws cannot be kept there \(.*then the same"):
            tune(workspace, "--search", "random", "--trials", "1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    monkeypatch.undo()
    replace_training(monkeypatch)
    assert len(tuned(workspace, "--search", "random", "--trials", "1")["trials"]) == 1


def test_a_random_search_without_optuna_says_what_to_install(workspace, trained, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(FerBenchError, match=r"pip install 'fer-bench\[tune\]'"):
        tune(workspace, "--search", "random")


@pytest.mark.slow
def test_a_real_search_never_opens_the_test_images(workspace, tiny_model, tmp_path, monkeypatch):
    recipe = tmp_path / "mini.toml"
    recipe.write_text('base = "demo"\nimage_size = 32\nepochs = 1\nwarmup_epochs = 0\n')
    whole = Prepared.indices

    def indices(self, split):
        assert split != "test"
        return whole(self, split)

    monkeypatch.setattr(Prepared, "indices", indices)
    options = ("-r", str(recipe), "--batch-sizes", "16,28", "--optimizers", "adam", "--learning-rates", "1e-3")
    found = tuned(workspace, *options, models=("tiny",))
    assert len(found["trials"]) == 2
    assert all(not math.isnan(trial["val_accuracy"]) for trial in found["trials"])
    assert list(workspace.root.rglob("records/eval")) == []
