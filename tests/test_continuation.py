"""Longer training goes on where a shorter run of the same training ended, and nowhere else."""

import dataclasses
import functools
import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_bench import records
from fer_bench.cleaning import leftovers, remove
from fer_bench.datasets import dataset_card
from fer_bench.datasets.prepared import Prepared
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.distributed.mirror import files_of, write
from fer_bench.errors import FerBenchError
from fer_bench.grid import Cell
from fer_bench.network import Network
from fer_bench.recipe import Augmentation, Recipe
from fer_bench.records import TrainRecord
from fer_bench.status import CellStatus, grid_status
from fer_bench.training import checkpoint, continuation
from fer_bench.training.run import train
from fer_bench.workspace import Workspace

SHORT = Recipe(
    name="short",
    image_size=32,
    epochs=2,
    batch_size=16,
    learning_rate=3e-3,
    batch_norm_momentum=0.8,
    augmentation=Augmentation(rotation=3, shear=0, zoom=0.05, width_shift=0.02, height_shift=0.02),
)
LONG = dataclasses.replace(SHORT, name="long", epochs=4)
CELL = Cell("tiny", "fer2013", SHORT, 0)
LONGER = dataclasses.replace(CELL, recipe=LONG)
COSINE = dataclasses.replace(SHORT, schedule="cosine")


@pytest.fixture
def dataset(workspace):
    return Prepared.load(workspace.prepared("fer2013"))


@functools.cache
def compiled(recipe: Recipe) -> Network:
    return Network("tiny", recipe)


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture
def shorter(workspace, dataset, tiny_model, trained_once) -> TrainRecord:
    """CELL as it was trained once, in this test's workspace."""
    if not any(trained_once.iterdir()):
        train(CELL, dataset, compiled(SHORT), Workspace(trained_once))
    shutil.copytree(trained_once, workspace.root, dirs_exist_ok=True)
    return records.load_all(workspace.results.records, TrainRecord)[0]


def steps_of(cell, dataset, workspace) -> tuple[TrainRecord, int]:
    """Train a cell, and return its record and the number of steps that were trained."""
    steps = []
    run = train(cell, dataset, compiled(cell.recipe), workspace, on_step=lambda: steps.append(1))
    return run, len(steps)


def timeless(run: TrainRecord) -> list[object]:
    return [dataclasses.replace(epoch, seconds=0) for epoch in run.history]


def test_a_longer_training_is_that_of_one_go(workspace, dataset, shorter, tmp_path, capsys):
    in_one_go, all_steps = steps_of(LONGER, dataset, Workspace(tmp_path / "anew"))
    expected = [np.asarray(weight).copy() for weight in compiled(LONG).core.weights]
    assert continuation.epochs_left(workspace, LONGER, dataset.fingerprint) == 2
    longer, steps = steps_of(LONGER, dataset, workspace)
    assert steps == all_steps / 2
    assert f"{LONGER.id}: goes on after the 2 epochs of {SHORT.id}" in capsys.readouterr().err
    assert longer.history[:2] == shorter.history
    assert timeless(longer) == timeless(in_one_go)
    assert (longer.weights_sha256, longer.start) == (in_one_go.weights_sha256, in_one_go.start)
    for ours, theirs in zip(compiled(LONG).core.weights, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not workspace.run(LONGER.id).exists()
    # It can itself be gone on from, and the shorter run is what it was.
    assert workspace.state(LONGER.id).is_file()
    assert train(CELL, dataset, compiled(SHORT), workspace) == shorter


def test_a_kill_before_the_first_new_epoch_costs_nothing(workspace, dataset, shorter, tmp_path, monkeypatch):
    in_one_go = train(LONGER, dataset, compiled(LONG), Workspace(tmp_path / "anew"))
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Checkpoint, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            train(LONGER, dataset, compiled(LONG), workspace)
    longer = train(LONGER, dataset, compiled(LONG), workspace)
    assert timeless(longer) == timeless(in_one_go)
    assert longer.weights_sha256 == in_one_go.weights_sha256


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_shorter_runs_best_weights_stay_the_best_where_more_epochs_do_not_help(
    workspace, dataset, shorter, monkeypatch
):
    monkeypatch.setattr("fer_bench.training.run.scores", lambda *_: (9.0, 0.0))
    longer = train(LONGER, dataset, compiled(LONG), workspace)
    assert longer.best_epoch == shorter.best_epoch
    assert longer.weights_sha256 == shorter.weights_sha256
    assert len(longer.history) == 4


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(LONG, learning_rate=1e-3),
        dataclasses.replace(LONG, schedule="cosine"),
        dataclasses.replace(LONG, augmentation=dataclasses.replace(LONG.augmentation, rotation=4)),
        dataclasses.replace(LONG, epochs=1),
    ],
    ids=["rate", "schedule", "augmentation", "fewer epochs"],
)
def test_another_training_begins_anew(other, workspace, dataset, shorter, capsys):
    assert continuation.shorter(workspace, dataclasses.replace(CELL, recipe=other)) is None
    assert continuation.shorter(workspace, LONGER) == (shorter, workspace)
    assert continuation.shorter(workspace, dataclasses.replace(LONGER, seed=1)) is None
    assert continuation.shorter(workspace, dataclasses.replace(LONGER, dataset="raf-db")) is None


def test_of_several_the_longest_is_gone_on_from(workspace, dataset, shorter):
    three = dataclasses.replace(CELL, recipe=dataclasses.replace(SHORT, name="three", epochs=3))
    longer = train(three, dataset, compiled(three.recipe), workspace.studies)
    assert continuation.shorter(workspace, LONGER) == (longer, workspace.studies)
    _, steps = steps_of(LONGER, dataset, workspace)
    assert steps == 7  # One epoch of 112 images.


def test_status_counts_the_epochs_of_the_shorter_run(workspace, shorter):
    def state() -> CellStatus:
        one = {"models": ["tiny"], "datasets": ["fer2013"], "recipe": LONG, "seeds": [0]}
        [found] = grid_status(workspace, **one).cells
        return found

    found = state()
    assert (found.state, found.epochs, found.goes_on_from, found.backend) == ("missing", 2, SHORT.id, shorter.backend)
    assert found.seconds_left == pytest.approx(2 * shorter.history[1].seconds)
    assert not found.rough
    replaced = dataclasses.replace(shorter, dataset_fingerprint="0" * 32)
    records.save(workspace.results.records, replaced)
    assert (state().epochs, state().goes_on_from, state().seconds_left) == (0, "", None)


def test_a_schedule_that_falls_to_the_end_keeps_nothing(workspace, dataset, tiny_model):
    cell = dataclasses.replace(CELL, recipe=COSINE)
    train(cell, dataset, compiled(COSINE), workspace)
    assert not workspace.state(cell.id).exists()
    assert not workspace.run(cell.id).exists()


def test_a_shorter_run_on_other_data_is_not_gone_on_from(workspace, synthetic_root, shorter, capsys):
    source, place = synthetic_root / "fer2013", workspace.prepared("fer2013")
    other = prepare(dataset_card("fer2013"), source, place, Wishes(split_seed=1))
    assert other.fingerprint != shorter.dataset_fingerprint
    assert continuation.epochs_left(workspace, LONGER, other.fingerprint) == 4
    longer, steps = steps_of(LONGER, other, workspace)
    assert steps == 28
    assert longer.dataset_fingerprint == other.fingerprint
    told = capsys.readouterr().err
    assert f"does not go on from {SHORT.id}, which had another dataset, backend or start" in told


def test_a_shorter_run_of_another_backend_saves_no_epochs(workspace, dataset, shorter):
    other = next(name for name in ("torch", "jax") if name != shorter.backend)
    records.save(workspace.results.records, dataclasses.replace(shorter, backend=other))
    assert continuation.epochs_left(workspace, LONGER, dataset.fingerprint) == 4


def test_the_state_of_a_replaced_run_is_not_taken_for_its_successors(workspace, dataset, shorter):
    other = dataclasses.replace(shorter, history=tuple(dataclasses.replace(e, loss=0.5) for e in shorter.history))
    records.save(workspace.results.records, other)
    _, steps = steps_of(LONGER, dataset, workspace)
    assert steps == 28


def test_a_damaged_state_is_named_and_the_weights_are_not_to_be_deleted(workspace, dataset, shorter):
    path = workspace.state(CELL.id)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(FerBenchError, match=r"__s0\.state\.npz: damaged checkpoint \(.*\); delete it to start over"):
        train(LONGER, dataset, compiled(LONG), workspace)
    path.unlink()
    _, steps = steps_of(LONGER, dataset, workspace)
    assert steps == 28


def test_clean_offers_what_was_kept(workspace, shorter):
    found = [item for item in leftovers(workspace, with_records=False) if item.path == workspace.state(CELL.id)]
    assert [item.kind for item in found] == ["checkpoint"]
    remove(found)
    assert continuation.shorter(workspace, LONGER) is None
    assert workspace.weights(CELL.id).is_file()


def test_another_machine_gets_what_it_can_go_on_from(workspace, dataset, shorter, tmp_path):
    there = Workspace(tmp_path / "there")
    write(there.root, files_of(workspace, LONGER), [])
    longer, steps = steps_of(LONGER, dataset, there)
    assert steps == 14
    assert longer.history[:2] == shorter.history
    # Once it is trained, or has begun, it needs the shorter run no more.
    assert not [name for name in files_of(there, LONGER) if SHORT.id in name]
