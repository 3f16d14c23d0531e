"""The side of a cell: what a Ray task does, in a process of its own on any machine of the cluster."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fer_bench
from fer_bench import files, lock, messages
from fer_bench.cellwork import CellWork
from fer_bench.distributed.mirror import Mirror
from fer_bench.errors import FerBenchError, storage_message
from fer_bench.workers import Event
from fer_bench.workspace import Workspace


@dataclass(frozen=True)
class Home:
    """What every task has to know of the command."""

    root: Path
    """Of the workspace, absolute."""
    mark: str
    """Tells the workspace (see :func:`fer_bench.lock.mark`)."""
    version: str
    """Of fer-bench."""
    environment: Mapping[str, str]
    """Variables that Keras and its backend read."""


def work_on(number: int, work: CellWork, home: Home, desk: Any) -> str:
    """Do one piece of work; return the message of an error, empty where there is none.

    Keras and its backend must not have been imported in this process.

    Args:
        number: of the work, in what is told.
        work: what to do.
        home: where its files belong.
        desk: handle of the actor :class:`fer_bench.distributed.desk.Desk`.
    """
    import ray

    os.environ.update(home.environment)
    with files.scratch() as folder:
        scratch = _Scratch(folder, home.root, work.weights)
        messages.report_to(lambda kind, text: ray.get(desk.tell.remote(Event(kind, number, scratch.at_home(text)))))
        attempt = ray.get(desk.begin.remote(number))
        try:
            if fer_bench.__version__ != home.version:
                raise FerBenchError(
                    f"a machine of the cluster has fer-bench {fer_bench.__version__}, this one {home.version}; "
                    "install the same on all"
                )
            with _placed(number, attempt, work, home, desk, scratch) as placed:
                placed()
        except (FerBenchError, OSError) as error:
            cause = getattr(error, "cause", error)  # Ray wraps what the actor raised.
            message = (storage_message(cause) if isinstance(cause, OSError) else None) or str(cause)
            return scratch.at_home(message)
    return ""


@dataclass(frozen=True)
class _Scratch:
    """A folder for as long as the task runs: nobody finds its files later, so what is said names those at home."""

    folder: Path
    home: Path
    """Root of the command's workspace."""
    weights: str | None
    """Of the work, as the command names them."""

    @property
    def root(self) -> Path:
        """Of a workspace in it."""
        return self.folder / "workspace"

    @property
    def start(self) -> Path | None:
        """Where the weights file to start from goes; ``None`` where the work has none."""
        if self.weights is None or not Path(self.weights).is_absolute():
            return None
        return self.folder / "start" / Path(self.weights).name

    def at_home(self, text: str) -> str:
        """Return what is said with the paths that the user knows."""
        if self.start is not None:
            text = text.replace(str(self.start), str(self.weights))
        return text.replace(str(self.root), str(self.home))


@contextlib.contextmanager
def _placed(number: int, attempt: int, work: CellWork, home: Home, desk: Any, scratch: _Scratch) -> Iterator[CellWork]:
    """Yield the work as it is to be done here: in the workspace, or in a folder that is mirrored to it."""
    import ray

    weights, start = work.weights, scratch.start
    if weights is not None and start is not None:
        # The command's file, also where this machine has one of that path: it may be another.
        start.parent.mkdir()
        start.write_bytes(ray.get(desk.weights.remote(Path(weights))))
        weights = str(start)
    if home.mark and lock.mark(home.root) == home.mark:
        yield work.elsewhere(Workspace(home.root), weights=weights)
        return
    size = work.cell.recipe.image_size
    shipped = {name: ray.get(ray.get(desk.dataset.remote(name, size))[0]) for name in work.needs}
    mirror = Mirror(
        scratch.root,
        ray.get(desk.files.remote(work.cell)),
        lambda written, gone: ray.get(desk.keep.remote(number, attempt, written, gone)),
    )
    yield work.elsewhere(Workspace(scratch.root), weights=weights, datasets=shipped, after_epoch=mirror.sync)
    mirror.sync()
