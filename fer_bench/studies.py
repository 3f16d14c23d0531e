"""Runs that answer a question about the protocol (``tune``, ``ablate``).

They are cells like any other, resumable and done once. They lie apart in the workspace, so that no table, cross-test or
publication takes a trial for a result; only the run of the recipe as it was given is the workspace's own. ``train``
takes a trial over where it is asked for that very cell, and a study takes a run that ``train`` has made.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fer_bench import backend, grid, stages
from fer_bench.cellwork import CellWork
from fer_bench.datasets.joined import TrainingData, join, parts, parts_of
from fer_bench.errors import DivergedError, FerBenchError
from fer_bench.files import read_json, write_json
from fer_bench.grid import Cell
from fer_bench.lookup import open_training
from fer_bench.recipe import Recipe
from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.timetable import Stage
from fer_bench.training import continuation
from fer_bench.training.watching import UNWATCHED, Watch
from fer_bench.workers import Work
from fer_bench.workspace import Workspace

_TESTS_COST = 0.1
"""Of testing, against training."""


def shortened(recipe: Recipe, epochs: int | None) -> Recipe:
    """Return the recipe with so many epochs, which its name tells; ``None`` leaves it as it is."""
    if epochs is None or epochs == recipe.epochs:
        return recipe
    return dataclasses.replace(recipe, name=f"{recipe.name}+{epochs}epochs", epochs=epochs)


@dataclass(frozen=True)
class Study:
    """Where the runs of a study are, and what they have in common."""

    place: Workspace
    dataset: TrainingData
    models: Sequence[str]
    """Whose runs by the recipe as it was given are the workspace's own."""
    given: Recipe
    """The user's."""
    seeds: Sequence[int]
    weights: str | None
    epochs: int | None = None
    """Of each run, where the recipe's are too many: then no run is one that ``train`` would make."""
    networks: stages.Networks = field(default_factory=stages.Networks)
    watch: Watch = UNWATCHED

    def __post_init__(self) -> None:
        if not self.dataset.trainable:
            raise FerBenchError(f"{self.dataset.dataset} is a test set only; name a dataset to train on")

    @property
    def recipe(self) -> Recipe:
        """What the runs vary."""
        return shortened(self.given, self.epochs)

    def cells(self, model: str, recipe: Recipe) -> list[Cell]:
        """Return the cells of one variant, one a seed."""
        return [Cell(model, self.dataset.dataset, recipe, seed) for seed in self.seeds]

    def home(self, cell: Cell) -> Workspace:
        """Return the workspace of a cell's files: the user's also where ``train`` has made that very run there."""
        own = cell.model in self.models and cell.recipe.id == self.given.id
        return self.place if own or self._made(cell) else self.place.studies

    def _made(self, cell: Cell) -> bool:
        run = grid.recorded(self.place, cell)
        if run is None or grid.recorded(self.place.studies, cell) is not None:
            return False
        return run.dataset_fingerprint == self.dataset.fingerprint and not grid.mismatch(run, cell, self.weights)

    def trained(self, cell: Cell) -> TrainRecord | None:
        """Return the record of a cell that has been trained.

        Raises:
            FerBenchError: on another backend or from other weights.
        """
        return grid.trained(self.home(cell), cell, self.dataset.fingerprint, self.weights)

    def epochs_left(self, cell: Cell) -> int:
        """Return how many epochs of a cell that has no record are to be trained."""
        return continuation.epochs_left(self.home(cell), cell, self.dataset.fingerprint)

    def train(self, cell: Cell) -> TrainRecord:
        """Train a cell, or return its record where that has been done."""
        return stages.train_cell(
            self.home(cell), cell, self.dataset, self.networks, weights=self.weights, watch=self.watch
        )

    def test(self, cell: Cell, run: TrainRecord) -> list[EvalRecord]:
        """Test a trained cell on the test set of each dataset that it was trained on."""
        return [stages.test_run(self.home(cell), run, cell, on, self.networks) for on in parts(self.dataset)]

    def tested(self, cell: Cell, run: TrainRecord) -> bool:
        """Return whether :meth:`test` has been done."""
        return all(grid.evaluated(self.home(cell), run, on) is not None for on in parts(self.dataset))

    def diverged(self, cell: Cell) -> str:
        """Return why there is no run of a cell whose loss became no number, and where that is noted; else nothing.

        Raises:
            FerBenchError: the note is no longer one.
        """
        path = self._note(cell)
        if not path.is_file():
            return ""
        note = read_json(path)
        if not isinstance(note, dict) or not isinstance(note.get("reason"), str):
            raise FerBenchError(f"{path}: not a note of why a run ended; delete it to try that run again")
        # Relative, as this gets into generated files, which hold no path of a machine.
        place = path.relative_to(self.place.root)
        return f"{note['reason']} (noted in {place} of the workspace; delete that file to try again)"

    def train_or_note(self, cell: Cell) -> None:
        """Train a cell; note a loss that became no number, which the same run would only give again."""
        try:
            self.train(cell)
        except DivergedError as error:
            write_json(self._note(cell), {"reason": str(error)})

    def _note(self, cell: Cell) -> Path:
        """Return the file of a cell's note, whose name tells all that its loss follows from."""
        start = grid.start_id(self.weights)[:12] if cell.model in cell.recipe.pretrained else "random"
        name = f"{cell.id}.{self.dataset.fingerprint[:12]}.{backend.name()}.{start}.json"
        return self.place.studies.root / "diverged" / name


@dataclass(frozen=True, kw_only=True)
class StudyRun(CellWork):
    """A cell of a study to be trained, and to be tested where that is asked for."""

    models: tuple[str, ...]
    given: Recipe
    epochs: int | None
    tested: bool

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the datasets that it reads."""
        return parts_of(self.cell.dataset)

    def __call__(self) -> None:
        """Train the cell, or note that its loss became no number; test it where that is asked for."""
        study = Study(
            self.workspace,
            join([self.datasets[name] for name in self.needs])
            if self.datasets
            else open_training(self.workspace, self.cell.dataset),
            self.models,
            self.given,
            (self.cell.seed,),
            self.weights,
            self.epochs,
            self.networks,
            self.watch,
        )
        study.train_or_note(self.cell)
        run = study.trained(self.cell) if self.tested else None
        if run is not None:
            study.test(self.cell, run)


def missing_work(study: Study, cells: Sequence[Cell], *, tested: bool = False) -> list[Work]:
    """Return what of the cells is to be trained; those that are done or have diverged are left out.

    Args:
        study: that they are of.
        cells: what is wanted.
        tested: whether they are to be tested, too.
    """
    return [
        (
            Stage(
                f"{cell.model}, {cell.recipe.name}, seed {cell.seed}",
                stages.COMPILE_SECONDS + _training_seconds(study, cell, run),
            ),
            StudyRun(
                workspace=study.place,
                cell=cell,
                models=tuple(study.models),
                given=study.given,
                epochs=study.epochs,
                tested=tested,
                networks=study.networks,
                weights=study.weights,
                watch=study.watch,
            ),
        )
        for cell, run in ((cell, study.trained(cell)) for cell in cells)
        if (not study.diverged(cell) if run is None else tested and not study.tested(cell, run))
    ]


def _training_seconds(study: Study, cell: Cell, run: TrainRecord | None) -> float:
    """Return how long the rest of a cell is expected to take: what is missing of its epochs, and its tests."""
    epochs = cell.recipe.epochs * _TESTS_COST + (study.epochs_left(cell) if run is None else 0)
    return stages.training_seconds(round(len(study.dataset.indices("train")) * epochs), cell.recipe)
