"""The side of a cell: what a Ray task does, in a process of its own on any machine of the cluster."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fer_bench
from fer_bench import lock, progress
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
    progress.report_to(
        lambda text: ray.get(desk.tell.remote(Event("say", number, text))),
        lambda text: ray.get(desk.tell.remote(Event("detail", number, text))),
    )
    attempt = ray.get(desk.begin.remote(number))
    try:
        if fer_bench.__version__ != home.version:
            raise FerBenchError(
                f"a machine of the cluster has fer-bench {fer_bench.__version__}, this one {home.version}; "
                "install the same on all"
            )
        with _placed(number, attempt, work, home, desk) as placed:
            placed()
    except (FerBenchError, OSError) as error:
        cause = getattr(error, "cause", error)  # Ray wraps what the actor raised.
        return (storage_message(cause) if isinstance(cause, OSError) else None) or str(cause)
    return ""


@contextlib.contextmanager
def _placed(number: int, attempt: int, work: CellWork, home: Home, desk: Any) -> Iterator[CellWork]:
    """Yield the work as it is to be done here: in the workspace, or in a folder that is mirrored to it."""
    import ray

    with tempfile.TemporaryDirectory(prefix="fer-bench-") as scratch:
        weights = work.weights
        if weights is not None and Path(weights).is_absolute():
            # The command's file, also where this machine has one of that path: it may be another.
            copy = Path(scratch, "start", Path(weights).name)
            copy.parent.mkdir()
            copy.write_bytes(ray.get(desk.weights.remote(Path(weights))))
            weights = str(copy)
        if home.mark and lock.mark(home.root) == home.mark:
            yield work.elsewhere(Workspace(home.root), weights=weights)
            return
        root, size = Path(scratch, "workspace"), work.cell.recipe.image_size
        shipped = {name: ray.get(ray.get(desk.dataset.remote(name, size))[0]) for name in work.needs}
        mirror = Mirror(
            root,
            ray.get(desk.files.remote(work.cell)),
            lambda written, gone: ray.get(desk.keep.remote(number, attempt, written, gone)),
        )
        yield work.elsewhere(Workspace(root), weights=weights, datasets=shipped, after_epoch=mirror.sync)
        mirror.sync()
