"""Work on one cell of the grid that another machine can do."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from fer_bench.datasets.prepared import Prepared
from fer_bench.grid import Cell
from fer_bench.stages import Networks
from fer_bench.watching import Watch
from fer_bench.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class CellWork(ABC):
    """Work on one cell: picklable and small, since datasets go by name. Called, it is done in this process.

    It writes below ``workspace`` only, and to no file that work on another cell writes.
    """

    workspace: Workspace
    """Where its files go, and where the datasets lie."""
    cell: Cell
    networks: Networks
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
