"""How far the grid of training runs is: the state of every run, from files alone, without Keras."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fer_bench import paper, records
from fer_bench.datasets.joined import in_order, parts_of
from fer_bench.datasets.manifests import Manifests
from fer_bench.epoch_times import EpochTime, expected_seconds
from fer_bench.errors import FerBenchError
from fer_bench.grid import Cell, cell_of_run, cells, check_network, has_predictions
from fer_bench.lock import Holder, holder
from fer_bench.lookup import require_models, require_trainable
from fer_bench.presets import PRESETS, of_id
from fer_bench.recipe import Recipe
from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.training import continuation
from fer_bench.training.checkpoint import Reached, reached
from fer_bench.training.run_folder import is_running
from fer_bench.workspace import Workspace

State = Literal["done", "untested", "running", "interrupted", "missing", "damaged"]
STATES: tuple[State, ...] = ("done", "untested", "running", "interrupted", "missing", "damaged")


@dataclass(frozen=True, kw_only=True)
class CellStatus:
    """One training run with its tests."""

    cell: Cell
    state: State
    """``done``: trained and tested on every prepared test set; ``untested``: trained, a test is missing; ``running``
    and ``interrupted``: with a checkpoint; ``damaged``: its checkpoint cannot be read."""
    epochs: int
    """Trained so far, on this state of the dataset: its own, or those of the shorter run that it goes on from."""
    goes_on_from: str
    """Id of the recipe of that shorter run, of one that has not begun; empty where there is none."""
    backend: str
    """The backend of Keras that trained them, the only one to test or continue the run; empty where there are none."""
    untested: tuple[str, ...]
    """Test sets that it has not been tested on, of a trained one."""
    seconds_left: float | None
    """Of training; 0 for a trained one, ``None`` where no comparable epoch has been trained yet."""
    rough: bool
    """Whether ``seconds_left`` is scaled from epochs of another dataset, copy of it or model."""


@dataclass(frozen=True)
class LeftOut:
    """A model that can never be trained by a recipe, such as one whose smallest input is larger than its images."""

    model: str
    recipe: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """The whole grid."""

    cells: tuple[CellStatus, ...]
    left_out: tuple[LeftOut, ...]
    """Pairs of model and recipe that the grid would have, but of which no run can be."""
    not_shown: tuple[str, ...]
    """Ids of runs that have been begun by recipes whose content is not known here: the user has their files."""
    holder: Holder | None
    """The process that writes to the workspace now, whatever it does there; ``None`` where there is none."""

    def count(self, state: State) -> int:
        """Return how many runs are in a state."""
        return sum(item.state == state for item in self.cells)

    @property
    def seconds_left(self) -> float | None:
        """Of training, one run after the other; ``None`` where that of any run is unknown."""
        left = [item.seconds_left for item in self.cells]
        return None if None in left else sum(value for value in left if value is not None)


def grid_status(
    workspace: Workspace,
    *,
    models: Sequence[str],
    datasets: Sequence[str],
    recipe: Recipe | None,
    seeds: Sequence[int],
) -> Status:
    """Return the state of every run of a grid.

    Args:
        workspace: whose files are read.
        models: ``()`` for the paper's and every other one of which there is a run.
        datasets: trained on, several joined by ``+``; ``()`` for all that are prepared with a training set, and the
            runs on several.
        recipe: ``None`` for every recipe that the workspace knows runs of, or the preset ``paper`` where there is none;
            one that no preset gives becomes known with its first finished run.
        seeds: ``()`` for all of which there is a run of the recipe, or 0.

    Raises:
        FerBenchError: an unreadable record or manifest; a model that is unknown and has no run; no dataset to train
            on, or one that is unknown, not prepared or a test set only; or models and recipes of which no run can be.
    """
    runs = records.load_all(workspace.results.records, TrainRecord)
    tests = records.load_all(workspace.results.records, EvalRecord)
    begun = _begun(workspace)
    # What has been trained is told also where the package of the model is gone.
    with_runs = {run.model for run in runs} | {model for model, _, _, _ in begun}
    require_models(workspace, [name for name in models if name not in with_runs])
    data = Manifests.of(workspace)
    chosen = list(dict.fromkeys(map(in_order, datasets)))
    _require_prepared(workspace, data, [part for name in chosen for part in parts_of(name)])
    wanted: list[Cell] = []
    left_out: list[LeftOut] = []
    recipes = [recipe] if recipe else _recipes(runs, begun)
    for one in recipes:
        own = {(run.model, run.dataset, run.seed) for run in runs if run.recipe == one.id}
        own |= {(model, dataset, seed) for model, dataset, name, seed in begun if name == one.id}
        has_runs = {model for model, _, _ in own}
        names = list(dict.fromkeys(models or (*paper.MODELS, *sorted(has_runs))))
        impossible = {item.model: item for item in _impossible(set(names) - has_runs, one)}
        left_out += [impossible[name] for name in names if name in impossible]
        names = [name for name in names if name not in impossible]
        numbers = set(seeds) or {seed for _, _, seed in own} or {0}
        wanted += cells(names, chosen or data.trainable, one, sorted(numbers))
        if not chosen:
            # Which datasets are joined is the user's choice: what has been begun shows, and no more is missing.
            wanted += (
                Cell(model, dataset, one, seed)
                for model, dataset, seed in sorted(own)
                if model in names and seed in numbers and data.are_joined(dataset)
            )
    if not wanted:
        raise FerBenchError(left_out[0].reason)
    states = {cell.id: _checkpoint(workspace.run(cell.id)) for cell in wanted}
    at_work = holder(workspace.root)
    shorter = _shorter(workspace, wanted, data)
    known = _Known(
        workspace=workspace,
        data=data,
        runs=runs,
        tests=tests,
        shorter=shorter,
        epoch_times=_epoch_times(runs, states, shorter, wanted, data),
        at_work=at_work is not None,
    )
    found = tuple(_status(cell, states[cell.id], known) for cell in wanted)
    shown = {one.id for one in recipes}
    not_shown = tuple(
        records.cell_id(model, dataset, name, seed)
        for model, dataset, name, seed in begun
        if recipe is None and name not in shown
        if model in (models or (model,)) and dataset in (chosen or (dataset,)) and seed in (seeds or (seed,))
    )
    return Status(cells=found, left_out=tuple(left_out), not_shown=not_shown, holder=at_work)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What has been read of a workspace, to tell the state of its runs."""

    workspace: Workspace
    data: Manifests
    runs: Sequence[TrainRecord]
    tests: Sequence[EvalRecord]
    shorter: Mapping[str, TrainRecord]
    """Finished runs that others, by their ids, can go on from."""
    epoch_times: Sequence[EpochTime]
    at_work: bool
    """Whether a process writes to the workspace."""


def _require_prepared(workspace: Workspace, data: Manifests, names: Sequence[str]) -> None:
    """Refuse datasets of which one cannot be trained on here, and a workspace without any that can."""
    for name in names:
        require_trainable(workspace, name)
    unprepared = [name for name in names if name not in data.trainable]
    if unprepared or not data.trainable:
        name = unprepared[0] if unprepared else "NAME"
        command = ["fer-bench", "prepare", name, "--source", "PATH", *workspace.option]
        raise FerBenchError(
            f"{workspace.root}: {f'{name} is not' if unprepared else 'no dataset to train on is'} prepared; run "
            f"{shlex.join(command)}"
        )


def _begun(workspace: Workspace) -> list[tuple[str, str, str, int]]:
    """Return model, dataset, recipe id and seed of every run that has a folder, which names them (``Cell.id``)."""
    names = sorted(path.name for path in workspace.runs.iterdir()) if workspace.runs.is_dir() else []
    return [run for name in names if (run := records.parsed_cell_id(name)) is not None]


def _recipes(runs: Sequence[TrainRecord], begun: Sequence[tuple[str, str, str, int]]) -> list[Recipe]:
    """Return the recipes of finished runs, and of begun ones where a preset gives it; ``paper`` where there is none."""
    found = {run.recipe: cell_of_run(run).recipe for run in runs}
    for model, _, name, _ in begun:
        given = None if name in found else of_id(name, model)
        if given is not None:
            found[name] = given
    return list(found.values()) or [PRESETS["paper"]]


def _impossible(models: Iterable[str], recipe: Recipe) -> list[LeftOut]:
    """Return those of the models that can never be trained by a recipe, and why."""
    found = []
    for model in models:
        try:
            check_network(model, recipe)
        except FerBenchError as error:
            found.append(LeftOut(model, recipe.id, str(error)))
    return found


def _checkpoint(folder: Path) -> Reached | FerBenchError | None:
    """Return what the checkpoint in a run's folder says: the error where it is damaged, ``None`` without one."""
    try:
        return reached(folder)
    except FerBenchError as error:
        return error


def _status(cell: Cell, state: Reached | FerBenchError | None, known: _Known) -> CellStatus:
    fingerprint = known.data.fingerprint(cell.dataset)
    own = (run for run in known.runs if run.cell_id == cell.id and run.dataset_fingerprint == fingerprint)
    run = next(own, None)
    if run is not None and known.workspace.weights(cell.id).is_file():
        untested = _untested(run, known)
        return CellStatus(
            cell=cell,
            state="untested" if untested else "done",
            epochs=len(run.history),
            backend=run.backend,
            untested=untested,
            goes_on_from="",
            seconds_left=0.0,
            rough=False,
        )
    begun = state if isinstance(state, Reached) and state.fingerprint == fingerprint else None
    before = None if begun else known.shorter.get(cell.id)
    former = begun or before
    epochs = len(former.history) if former else 0
    locked = is_running(known.workspace.run(cell.id))
    found: State = "missing"
    if isinstance(state, FerBenchError):
        found = "damaged"
    elif locked or (begun and locked is None and known.at_work):
        found = "running"
    elif begun:
        found = "interrupted"
    seconds, rough = expected_seconds(cell, known.data.images(cell.dataset), known.epoch_times)
    left = None if seconds is None else seconds * (cell.recipe.epochs - epochs)
    return CellStatus(
        cell=cell,
        state=found,
        epochs=epochs,
        backend=former.backend if former else "",
        untested=(),
        goes_on_from=before.recipe if before else "",
        seconds_left=left,
        rough=rough,
    )


def _untested(run: TrainRecord, known: _Known) -> tuple[str, ...]:
    """Return the prepared test sets, as they are now, that a run has not been tested on, or whose answers are gone."""
    done = {
        (test.target, test.target_fingerprint)
        for test in known.tests
        if test.cell_id == run.cell_id and test.weights_sha256 == run.weights_sha256
        if has_predictions(known.workspace, test)
    }
    wanted = (*parts_of(run.dataset), *known.data.test_only)
    return tuple(name for name in wanted if (name, known.data.fingerprint(name)) not in done)


def _shorter(workspace: Workspace, wanted: Sequence[Cell], data: Manifests) -> dict[str, TrainRecord]:
    """Return, by the ids of the runs that can go on from them, finished runs on the same state of the dataset."""
    found = {}
    for cell in wanted:
        before = continuation.shorter(workspace, cell)
        if before is not None and before[0].dataset_fingerprint == data.fingerprint(cell.dataset):
            found[cell.id] = before[0]
    return found


def _epoch_times(
    runs: Sequence[TrainRecord],
    states: Mapping[str, Reached | FerBenchError | None],
    shorter: Mapping[str, TrainRecord],
    wanted: Sequence[Cell],
    data: Manifests,
) -> list[EpochTime]:
    """Return how long epochs took, of finished runs, also as the beginning of longer ones, and of checkpoints."""
    found = [EpochTime.of(run.model, run.dataset, run.recipe, run.n_train + run.n_val, run.history) for run in runs]
    for cell in wanted:
        state, before = states[cell.id], shorter.get(cell.id)
        images = data.images(cell.dataset)
        if before is not None:
            found.append(EpochTime.of(cell.model, cell.dataset, cell.recipe.id, images, before.history))
        # Of a checkpoint on another state of the dataset it is not known how many images that had.
        if isinstance(state, Reached) and state.history and state.fingerprint == data.fingerprint(cell.dataset):
            found.append(EpochTime.of(cell.model, cell.dataset, cell.recipe.id, images, state.history))
    return found
