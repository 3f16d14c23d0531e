"""Where everything lies that commands write: every path of a workspace, from its root folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fer_bench.files import expanded

ENVIRONMENT_VARIABLE = "FER_BENCH_WORKSPACE"
DEFAULT_ROOT = Path("workspace")


def default_root() -> Path:
    """Return the folder of the workspace where none is named: that of the environment variable, or ``workspace``."""
    return expanded(os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_ROOT)


FOLDERS = (
    *("audits", "contact-sheets", "curves", "datasets", "explanations", "exports", "external", "records"),
    *("reports", "runs", "studies", "tables", "tensorboard", "weights"),
)
"""Folders below a workspace's root that commands write to; whatever else is there is the user's, and left alone."""


@dataclass(frozen=True)
class Results:
    """Where records are read, and where tables, figures and report made from them go.

    A workspace has its own; :data:`PUBLISHED` is that of the repository.
    """

    records: Path
    tables: Path
    reports: Path

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.reports / "figures"

    @property
    def selection(self) -> Path:
        """File in which the user chooses the records of a table's block where several could fill it."""
        return self.records.parent / "selection.toml"


PUBLISHED = Results(records=Path("reports/records"), tables=Path("tables"), reports=Path("reports"))
"""The committed, published state, relative to the checkout."""


@dataclass(frozen=True)
class Workspace:
    """Everything that a run produces lies under ``root``."""

    root: Path

    @property
    def option(self) -> list[str]:
        """The words that select this workspace in a command shown to the user; none where it is the default."""
        if self.root == DEFAULT_ROOT and ENVIRONMENT_VARIABLE not in os.environ:
            return []
        return ["--workspace", str(self.root)]

    @property
    def results(self) -> Results:
        """The workspace's own records, tables and report, apart from the published ones."""
        return Results(self.root / "records", self.root / "tables", self.root / "reports")

    def raw(self, dataset: str) -> Path:
        """Folder of the synthetic files that ``run-all`` makes, before they are prepared; the user's own files are read
        where they are."""
        return self.root / "raw" / dataset

    @property
    def datasets(self) -> Path:
        """Folder of the prepared datasets."""
        return self.root / "datasets"

    def prepared(self, dataset: str) -> Path:
        """Folder of a prepared dataset (see ``datasets/store.py``)."""
        return self.datasets / dataset

    def audit(self, dataset: str) -> Path:
        """Table of a dataset's duplicates."""
        return self.root / "audits" / f"{dataset}.csv"

    def contact_sheet(self, dataset: str) -> Path:
        """Picture of some of a dataset's images; never among the published files."""
        return self.root / "contact-sheets" / f"{dataset}.png"

    def explanations(self, dataset: str) -> Path:
        """Folder of the pictures of what models look at in a dataset's images; never among the published files."""
        return self.root / "explanations" / dataset

    @property
    def runs(self) -> Path:
        """Folder of the training runs in progress."""
        return self.root / "runs"

    def run(self, cell_id: str) -> Path:
        """Folder of a training run in progress: its checkpoint and best weights so far."""
        return self.runs / cell_id

    def weights(self, cell_id: str) -> Path:
        """Weights file of a finished training run."""
        return self.root / "weights" / f"{cell_id}.weights.h5"

    def state(self, cell_id: str) -> Path:
        """State at the end of a finished training run, where it was kept for a longer one to go on from."""
        return self.root / "weights" / f"{cell_id}.state.npz"

    def curve(self, cell_id: str) -> Path:
        """Picture of a run's learning curve, kept up to date while it trains."""
        return self.root / "curves" / f"{cell_id}.png"

    def tensorboard(self, cell_id: str) -> Path:
        """Folder of a run's logs for TensorBoard; ``tensorboard --logdir`` takes the one above."""
        return self.root / "tensorboard" / cell_id

    def external(self, name: str) -> Path:
        """Folder of a model that came from elsewhere as a file (see :mod:`fer_bench.external`)."""
        return self.root / "external" / name

    @property
    def tasks(self) -> Path:
        """Folder of a cluster's tasks, each with a lock of its own and links to the folders here (``cluster.py``)."""
        return self.root / "tasks"

    @property
    def studies(self) -> "Workspace":
        """What ``tune`` and ``ablate`` train: apart, so that no table and no cross-test takes it for a result."""
        return Workspace(self.root / "studies")

    @contextmanager
    def lock(self, *, wait: bool = False) -> Iterator[None]:
        """Hold the workspace for writing; a second process is told who holds it, or waits. See :mod:`fer_bench.lock`.

        Raises:
            FerBenchError: another process holds the lock, and this one does not wait.
        """
        from fer_bench.lock import held

        with held(self.root, wait=wait):
            yield
