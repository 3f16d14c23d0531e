"""The folder of a training run in progress: its lock, the files that training writes there, and their removal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_bench.errors import FerBenchError
from fer_bench.files import UNFINISHED
from fer_bench.lock import LOCK, acquired, is_held
from fer_bench.training.checkpoint import BEST, STATE

_PATIENCE = 120.0
"""Seconds to wait for a process that outlives its killed parent, or for NFS to give up the locks of a machine that died
(its lease is usually 90)."""


def is_running(folder: Path) -> bool | None:
    """Return whether a process works on the run in a folder; ``None`` where there is no lock file, or its state cannot
    be read."""
    path = folder / LOCK
    return is_held(path) if path.is_file() else None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder; a process that outlives its killed parent may still work there for a moment.

    The folder is created, and removed again if nothing was written to it.

    Raises:
        FerBenchError: another process does not let go of it, or the file system has no locks.
    """
    from filelock import Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = acquired(folder / LOCK, _PATIENCE)
    except Timeout:
        raise FerBenchError(f"{folder}: a process of an earlier command still works on this run; stop it") from None
    try:
        yield
    finally:
        lock.release()
        if [path.name for path in folder.iterdir()] == [LOCK]:  # Nothing came of it.
            remove(folder)


def own_files(folder: Path) -> list[Path]:
    """Return only the files that training has written to a run's folder, in the order in which to delete them.

    The state comes first: a state without its best weights would be a damaged checkpoint.
    """
    patterns = (STATE, BEST, f"{UNFINISHED}*", LOCK)
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def remove(folder: Path, *, strict: bool = False) -> None:
    """Delete the checkpoint of a run, and its folder where nothing else is in it.

    Args:
        folder: of the run; need not exist.
        strict: raise where something cannot be deleted; otherwise it stays, since the run's results are safe.

    Raises:
        OSError: only where ``strict``.
    """
    try:
        for path in own_files(folder):
            path.unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError:
        if strict:
            raise
