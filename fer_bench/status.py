"""How far the grid of training runs is, and how long the rest will take: from files alone, without Keras."""

import shlex
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fer_bench import paper, records
from fer_bench.checkpoint import Reached, is_running, reached
from fer_bench.datasets.joined import SEPARATOR, joined_fingerprint, parts_of
from fer_bench.datasets.prepared import prepared_names, read_manifest
from fer_bench.errors import FerBenchError
from fer_bench.grid import Cell, cell_of, cells, check_network
from fer_bench.lock import Holder, holder
from fer_bench.lookup import require_trainable
from fer_bench.presets import PRESETS
from fer_bench.recipe import Recipe
from fer_bench.records import Epoch, EvalRecord, TrainRecord
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
    """Trained so far, on this state of the dataset."""
    backend: str
    """The backend of Keras that trained them, the only one to test or continue the run; empty where there are none."""
    untested: tuple[str, ...]
    """Test sets that it has not been tested on, of a trained one."""
    seconds_left: float | None
    """Of training; 0 for a trained one, ``None`` where nothing comparable has been measured."""
    rough: bool
    """Whether the time is scaled from another dataset or model."""


@dataclass(frozen=True)
class LeftOut:
    """A model that no run by a recipe can be of."""

    model: str
    recipe: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """The whole grid."""

    cells: tuple[CellStatus, ...]
    left_out: tuple[LeftOut, ...]
    """What is not in the grid, though its models and recipes are."""
    holder: Holder | None
    """Which process writes to the workspace, whatever it does there; ``None`` where none does."""

    def count(self, state: State) -> int:
        """Return how many runs are in a state."""
        return sum(item.state == state for item in self.cells)

    @property
    def seconds_left(self) -> float | None:
        """Of training, one run after the other; ``None`` where that of any run is unknown."""
        left = [item.seconds_left for item in self.cells]
        return None if None in left else sum(value for value in left if value is not None)


@dataclass(frozen=True)
class _Data:
    """The prepared datasets by their manifests; every question is answered for several joined ones too."""

    manifests: Mapping[str, dict[str, Any]]

    @property
    def trainable(self) -> list[str]:
        """Names of those with a training set."""
        return [name for name in self.manifests if self.images(name)]

    @property
    def test_only(self) -> list[str]:
        """Names of the others."""
        return [name for name in self.manifests if not self.images(name)]

    def are_joined(self, name: str) -> bool:
        """Return whether a name is that of several, in their order, all with a training set."""
        parts = name.split(SEPARATOR)
        known = len(parts) > 1 and len(set(parts)) == len(parts) and set(parts) <= set(self.trainable)
        return known and SEPARATOR.join(parts_of(name)) == name

    def fingerprint(self, name: str) -> str:
        """Return the fingerprint as records keep it."""
        prints = [(part, str(self.manifests[part]["fingerprint"])) for part in parts_of(name)]
        return joined_fingerprint(prints) if len(prints) > 1 else prints[0][1]

    def images(self, name: str) -> int:
        """Return the images that an epoch goes through, validation included; 0 for a test set alone."""
        splits = [self.manifests[part]["counts"]["splits"] for part in parts_of(name)]
        return sum(sum(one.get(split, ())) for one in splits if "train" in one for split in ("train", "val"))


@dataclass(frozen=True)
class _Measured:
    """Seconds an epoch of one run, and of how many images."""

    model: str
    dataset: str
    recipe: str
    images: int
    seconds: float


def grid_status(
    workspace: Workspace,
    *,
    models: Sequence[str] = (),
    datasets: Sequence[str] = (),
    recipe: Recipe | None = None,
    seeds: Sequence[int] = (),
) -> Status:
    """Return the state of every run of a grid.

    Args:
        workspace: whose files are read.
        models: ``()`` for the paper's and every other one of which there is a run.
        datasets: trained on, several joined by ``+``; ``()`` for all that are prepared with a training set, and the
            runs on several.
        recipe: ``None`` for every recipe that the workspace knows runs of, or the preset ``paper`` where there is none;
            one that is no preset becomes known with its first finished run.
        seeds: ``()`` for all of which there is a run of the recipe, or 0.

    Raises:
        FerBenchError: an unreadable record or manifest; no dataset to train on, or one that is unknown, not prepared or
            a test set only; or models and recipes of which no run can be.
    """
    manifests = {name: read_manifest(workspace.prepared(name)) for name in prepared_names(workspace.datasets)}
    data = _Data({name: manifest for name, manifest in manifests.items() if manifest is not None})
    chosen = list(dict.fromkeys(SEPARATOR.join(parts_of(name)) for name in datasets))
    wanted_parts = [part for name in chosen for part in parts_of(name)]
    for part in wanted_parts:
        require_trainable(workspace, part)
    unprepared = [part for part in wanted_parts if part not in data.trainable]
    if unprepared or not data.trainable:
        name = unprepared[0] if unprepared else "NAME"
        command = ["fer-bench", "prepare", name, "--source", "PATH", *workspace.option]
        raise FerBenchError(
            f"{workspace.root}: {f'{name} is not' if unprepared else 'no dataset to train on is'} prepared; run "
            f"{shlex.join(command)}"
        )
    runs = records.load_all(workspace.results.records, TrainRecord)
    tests = records.load_all(workspace.results.records, EvalRecord)
    begun = _begun(workspace)
    recipes = [recipe] if recipe else list(_recipes(runs, begun).values())
    wanted: list[Cell] = []
    left_out: list[LeftOut] = []
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
    known = _Known(
        workspace=workspace,
        data=data,
        runs=runs,
        tests=tests,
        measured=_measured(runs, states, wanted, data),
        at_work=at_work is not None,
    )
    found = tuple(_status(cell, states[cell.id], known) for cell in wanted)
    return Status(cells=found, left_out=tuple(left_out), holder=at_work)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is known of a workspace."""

    workspace: Workspace
    data: _Data
    runs: Sequence[TrainRecord]
    tests: Sequence[EvalRecord]
    measured: Sequence[_Measured]
    at_work: bool
    """Whether a process writes to the workspace."""


def _begun(workspace: Workspace) -> list[tuple[str, str, str, int]]:
    """Return model, dataset, recipe id and seed of every run that has a folder."""
    folder = workspace.run("any").parent
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        parts = path.name.split("__")
        if len(parts) == 4 and parts[3][:1] == "s" and parts[3][1:].isdigit():
            found.append((parts[0], parts[1], parts[2], int(parts[3][1:])))
    return found


def _recipes(runs: Sequence[TrainRecord], begun: Sequence[tuple[str, str, str, int]]) -> dict[str, Recipe]:
    """Return the recipes of finished runs, and of begun ones where it is a preset; ``paper`` where there is none."""
    found = {run.recipe: cell_of(run).recipe for run in runs}
    presets = {preset.id: preset for preset in PRESETS.values()}
    found |= {name: presets[name] for _, _, name, _ in begun if name in presets}
    return found or {PRESETS["paper"].id: PRESETS["paper"]}


def _impossible(models: Iterable[str], recipe: Recipe) -> list[LeftOut]:
    """Return those of the models that can never be trained by a recipe."""
    found = []
    for model in models:
        try:
            check_network(model, recipe)
        except FerBenchError as error:
            found.append(LeftOut(model, recipe.id, str(error)))
    return found


def _checkpoint(folder: Path) -> Reached | FerBenchError | None:
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
            seconds_left=0.0,
            rough=False,
        )
    begun = state if isinstance(state, Reached) and state.is_of(fingerprint, state.backend) else None
    epochs = len(begun.history) if begun else 0
    locked = is_running(known.workspace.run(cell.id))
    found: State = "missing"
    if isinstance(state, FerBenchError):
        found = "damaged"
    elif locked or (begun and locked is None and known.at_work):
        found = "running"
    elif begun:
        found = "interrupted"
    seconds, rough = _epoch_seconds(cell, known.data.images(cell.dataset), known.measured)
    left = None if seconds is None else seconds * (cell.recipe.epochs - epochs)
    return CellStatus(
        cell=cell,
        state=found,
        epochs=epochs,
        backend=begun.backend if begun else "",
        untested=(),
        seconds_left=left,
        rough=rough,
    )


def _untested(run: TrainRecord, known: _Known) -> tuple[str, ...]:
    """Return the prepared test sets, as they are now, that a run has not been tested on."""
    done = {
        (test.target, test.target_fingerprint)
        for test in known.tests
        if test.cell_id == run.cell_id and test.weights_sha256 == run.weights_sha256
    }
    wanted = (*parts_of(run.dataset), *known.data.test_only)
    return tuple(name for name in wanted if (name, known.data.fingerprint(name)) not in done)


def _measured(
    runs: Sequence[TrainRecord],
    states: Mapping[str, Reached | FerBenchError | None],
    wanted: Sequence[Cell],
    data: _Data,
) -> list[_Measured]:
    """Return what epochs took. The median leaves out the first, which compiles, and a pause."""
    found = [
        _Measured(run.model, run.dataset, run.recipe, run.n_train + run.n_val, _median(run.history)) for run in runs
    ]
    for cell in wanted:
        state = states[cell.id]
        if isinstance(state, Reached) and state.history:
            images = data.images(cell.dataset)
            found.append(_Measured(cell.model, cell.dataset, cell.recipe.id, images, _median(state.history)))
    return found


def _median(history: Sequence[Epoch]) -> float:
    return statistics.median(epoch.seconds for epoch in history)


def _epoch_seconds(cell: Cell, images: int, measured: Sequence[_Measured]) -> tuple[float | None, bool]:
    """Return the seconds of an epoch, and whether they are scaled from another dataset or model.

    The closest that has been measured counts: the same model, dataset and recipe; else the model and recipe on another
    dataset, or other models by the recipe, by the number of images.
    """
    alike = [item for item in measured if item.recipe == cell.recipe.id]
    same_model = [item for item in alike if item.model == cell.model]
    same = [item.seconds for item in same_model if item.dataset == cell.dataset]
    if same:
        return statistics.median(same), False
    scaled = [item.seconds / item.images for item in same_model or alike if item.images]
    return (statistics.median(scaled) * images, True) if scaled else (None, True)
