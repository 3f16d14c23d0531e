"""Work on cells of the grid: in this process, in another one, or on another machine."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from fer_bench import grid, stages
from fer_bench.datasets.joined import TrainingData, join, parts_of
from fer_bench.datasets.prepared import Prepared
from fer_bench.errors import DivergedError
from fer_bench.grid import Cell
from fer_bench.messages import say, warn
from fer_bench.records import TrainRecord
from fer_bench.timetable import Stage
from fer_bench.training.continuation import epochs_left
from fer_bench.training.watching import Watch
from fer_bench.workers import Executor, Work, work_through
from fer_bench.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class CellWork(ABC):
    """Work on one cell that another machine can do: picklable and small, since datasets go by name.

    Called, it is done in this process. It writes below ``workspace`` only, and to no file that work on another cell
    writes.
    """

    workspace: Workspace
    """Where its files go, and where the datasets lie."""
    cell: Cell
    networks: stages.Networks
    weights: str | None
    """``imagenet`` or the path of a weights file."""
    watch: Watch
    datasets: Mapping[str, Prepared] | None = None
    """At hand; ``None`` for those of the workspace."""

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]:
        """Names of the prepared datasets that it reads."""

    @abstractmethod
    def __call__(self) -> None:
        """Do it; what has been done before stays, and a run that was interrupted continues."""

    def elsewhere(
        self,
        workspace: Workspace,
        *,
        weights: str | None,
        datasets: Mapping[str, Prepared] | None = None,
        after_epoch: Callable[[], None] | None = None,
    ) -> Self:
        """Return the same work with other places.

        Args:
            workspace: where the files go.
            weights: path of the same weights file, or as it was.
            datasets: those that it needs; ``None`` where they lie in the workspace.
            after_epoch: called after each epoch, when its checkpoint is written.
        """
        watch = dataclasses.replace(self.watch, after_epoch=after_epoch)
        return dataclasses.replace(self, workspace=workspace, weights=weights, datasets=datasets, watch=watch)


@dataclass(frozen=True, kw_only=True)
class CellRun(CellWork):
    """A cell to be trained, then tested on some datasets."""

    targets: tuple[str, ...] = ()
    """Names of the datasets that it is tested on."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the datasets that it reads."""
        return tuple(dict.fromkeys((*parts_of(self.cell.dataset), *self.targets)))

    def __call__(self) -> None:
        """Train the cell, then test it; a loss that became no number is told, and the other cells go on."""
        datasets = self.datasets or {name: Prepared.load(self.workspace.prepared(name)) for name in self.needs}
        dataset = join([datasets[name] for name in parts_of(self.cell.dataset)])
        try:
            run = stages.train_cell(
                self.workspace, self.cell, dataset, self.networks, weights=self.weights, watch=self.watch
            )
        except DivergedError as error:
            warn(f"{self.cell.model} on {self.cell.dataset}, seed {self.cell.seed}: {error}")
            return
        tests = [
            stages.test_run(self.workspace, run, self.cell, datasets[target], self.networks) for target in self.targets
        ]
        scores = [f"{test.target} {test.accuracy:.1%}" for test in tests] or [f"validation {run.best.val_accuracy:.1%}"]
        say(f"    {self.cell.model} on {self.cell.dataset}: {', '.join(scores)}")


def train_cells(
    workspace: Workspace,
    cells: Sequence[Cell],
    dataset: TrainingData,
    networks: stages.Networks,
    *,
    weights: str | None,
    watch: Watch,
    executor: Executor | None,
) -> list[TrainRecord]:
    """Train cells of one dataset, and return their records; of several, those are left out that diverged.

    Args:
        workspace: where the files go.
        cells: one, or several with different seeds.
        dataset: that of the cells.
        networks: compiled for their model and recipe.
        weights: ``imagenet`` or the path of a weights file, for models that the recipe starts from them.
        watch: of each run.
        executor: what trains several that are missing; ``None`` trains them in order in this process.

    Raises:
        DivergedError: the loss of the only cell became no number.
        FerBenchError: as :func:`fer_bench.training.run.train`.
    """
    missing = [cell for cell in cells if grid.trained(workspace, cell, dataset.fingerprint, weights) is None]
    if executor is None or len(missing) < 2:
        runs = []
        for cell in cells:
            try:
                runs.append(stages.train_cell(workspace, cell, dataset, networks, weights=weights, watch=watch))
            except DivergedError as error:
                if len(cells) == 1:
                    raise
                warn(f"seed {cell.seed}: {error}")
        return runs
    images = len(dataset.indices("train"))
    works: list[Work] = []
    for cell in cells:
        left = epochs_left(workspace, cell, dataset.fingerprint) if cell in missing else 0
        seconds = stages.COMPILE_SECONDS + stages.training_seconds(images * left, cell.recipe)
        stage = Stage(f"train {cell.model} on {cell.dataset}, seed {cell.seed}", seconds)
        works.append((stage, CellRun(workspace=workspace, cell=cell, networks=networks, weights=weights, watch=watch)))
    work_through((), [works], executor)
    found = [grid.trained(workspace, cell, dataset.fingerprint, weights) for cell in cells]
    return [run for run in found if run is not None]
