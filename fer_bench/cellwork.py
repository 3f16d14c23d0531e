"""Work on one cell of the grid that another machine can do."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from fer_bench.datasets.prepared import Prepared
from fer_bench.grid import Cell
from fer_bench.workspace import Workspace


@runtime_checkable
class CellWork(Protocol):
    """Work on one cell: picklable and small, since datasets go by name. Called, it is done in this process.

    It writes below ``workspace`` only, and to no file that work on another cell writes.
    """

    @property
    def workspace(self) -> Workspace:
        """Where its files go, and where the datasets lie."""

    @property
    def cell(self) -> Cell:
        """What it works on."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the prepared datasets that it reads."""

    @property
    def weights(self) -> str | None:
        """``imagenet`` or the path of a weights file."""

    def __call__(self) -> object:
        """Do it; what has been done before stays, and a run that was interrupted continues."""

    def elsewhere(
        self,
        workspace: Workspace,
        *,
        weights: str | None,
        datasets: Mapping[str, Prepared] | None = None,
        after_epoch: Callable[[], None] | None = None,
    ) -> "CellWork":
        """Return the same work with other places.

        Args:
            workspace: where the files go.
            weights: path of the same weights file, or as it was.
            datasets: those that it needs; ``None`` where they lie in the workspace.
            after_epoch: called after each epoch, when its checkpoint is written.
        """
