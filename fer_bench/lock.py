"""One writer a workspace: who holds it, waiting for it, and clearing away what a killed one left."""

import errno
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_bench.errors import FerBenchError
from fer_bench.files import lives, read_json, remove_unfinished, write_json
from fer_bench.log import NAME as LOG
from fer_bench.log import command_line
from fer_bench.messages import say, warn
from fer_bench.typed_json import build
from fer_bench.workspace import FOLDERS

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK = ".lock"
"""Held by who writes to a workspace, or to the folder of a training run."""
HOLDER = ".lock-holder"
"""Says who holds a workspace; a killed process leaves it."""
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""What a file system without locks answers."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk answers."""


@dataclass(frozen=True)
class Holder:
    """Who holds a workspace, as it says itself in ``.lock-holder``."""

    pid: int
    host: str
    command: str
    since: str
    """Local time."""

    def __str__(self) -> str:
        place = "" if self.host == platform.node() else f" on host {self.host}"
        return f"process {self.pid}{place}, {self.command}, since {self.since}"


def is_workspace(folder: Path) -> bool:
    """Return whether a folder is a workspace. A file of its lock's name alone may be of any other program."""
    try:
        return (folder / LOCK).is_file() and any((folder / name).exists() for name in (HOLDER, LOG, *FOLDERS))
    except PermissionError:  # Whoever lists the folder says so.
        return False


@contextmanager
def held(root: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a workspace for writing.

    The system lets go of the lock however the process ends. On NFS that works across hosts where the mount has locks
    (not ``nolock`` or ``local_lock=flock``); without them only processes of one host see each other, and the next one
    warns of a holder on another host that has not said goodbye.

    Args:
        root: folder of the workspace; made where it is absent, and removed again where the block then raises before
            anything is in it, such as where its name is mistyped.
        wait: wait until another process lets go, instead of raising.

    Raises:
        FerBenchError: another process holds the lock, the file system has none, or a folder is a link to none.
    """
    from filelock import Timeout

    absent = [folder for folder in (root, *root.parents) if not folder.exists()]
    _make(root)
    for folder in (root / name for name in FOLDERS):
        # A cluster's task has a link to the studies, of which there may be none.
        if folder.name != "studies":
            _require_target(folder)
    told = root / HOLDER
    try:
        lock = acquired(root / LOCK, 0)
    except Timeout:
        if not wait:
            raise FerBenchError(
                f"{root}: another fer-bench ({_who(told)}) is writing to this workspace; "
                "wait for it (most commands have --wait), stop it, or choose another with --workspace"
            ) from None
        say(f"{root}: waiting for another fer-bench ({_who(told)}); Ctrl-C ends the waiting")
        lock = _awaited(root)
    try:
        _warn_of_another_host(root, told)
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        try:
            write_json(told, asdict(Holder(os.getpid(), platform.node(), command_line(), since)))
        except OSError as error:
            if error.errno not in _NO_ROOM:  # On a full disk clean has to make room; what writes more fails itself.
                raise
        remove_unfinished(root, FOLDERS)
        yield
    except BaseException as error:
        if absent and _is_bare(root):
            _unmake(absent)
        elif isinstance(error, KeyboardInterrupt):
            say(f"{root}: finished work and complete epochs are kept there")
        raise
    finally:
        remove_unfinished(root, FOLDERS)  # What a worker that was stopped because another one failed was writing.
        told.unlink(missing_ok=True)
        lock.release()


def _make(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _require_target(root)
        raise FerBenchError(f"{root}: cannot be made a workspace ({error.strerror}); name a folder") from error


def _require_target(folder: Path) -> None:
    """Refuse a link to a folder that is not there: results of hours could not be saved, or would hide below a mount.

    Raises:
        FerBenchError: it is one.
    """
    if folder.is_symlink() and not folder.exists():
        raise FerBenchError(
            f"{folder}: a link to {folder.readlink()}, which is not there; mount its disk, or make that folder"
        )


def _awaited(root: Path) -> "BaseFileLock":
    """Return the lock of a workspace when its holder lets go, who may have made the folder and remove it again."""
    while True:
        try:
            return acquired(root / LOCK, -1)
        except FileNotFoundError:
            _make(root)


def _is_bare(root: Path) -> bool:
    """Return whether there is nothing in a workspace but what its holder, and empty folders, leave there."""
    own = (LOCK, HOLDER, LOG)
    try:
        return all(path.name in own or (path.name in FOLDERS and not any(path.iterdir())) for path in root.iterdir())
    except OSError:
        return False


def _unmake(folders: Sequence[Path]) -> None:
    """Remove a bare workspace that this process has made and still holds, and the folders above it that it made too."""
    root = folders[0]
    with suppress(OSError):  # Windows keeps the open file of the lock.
        for path in root.iterdir():
            path.rmdir() if path.is_dir() else path.unlink()
        for folder in folders:
            folder.rmdir()


def mark(root: Path) -> str:
    """Return what the holder of a workspace says there of itself; empty where nobody holds it.

    No two holders say the same: who finds it in a folder sees that very workspace, on whatever machine.
    """
    try:
        return (root / HOLDER).read_text(encoding="utf-8")
    except OSError:
        return ""


def acquired(path: Path, timeout: float) -> "BaseFileLock":
    """Return the lock of a file, held; to be released by the caller, or by the system when the process ends.

    Args:
        path: of the file, which is made where it is absent.
        timeout: seconds to wait for another process that holds it; negative without end.

    Raises:
        filelock.Timeout: it still does.
        FerBenchError: the file system has no locks, or a link is in the file's place.
    """
    from filelock import FileLock

    # filelock's own way out, a file that stands for a lock, stays locked for ever where its process is killed.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=timeout, poll_interval=0.2)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FerBenchError(f"{path}: a link, where fer-bench keeps the file of its lock; remove it") from error
        if error.errno not in _NO_LOCKS:
            raise
        raise FerBenchError(
            f"{path.parent}: this file system has no locks ({error.strerror}), so that two processes could spoil each "
            "other's work; choose another folder with --workspace"
        ) from error
    return lock


def is_held(path: Path) -> bool | None:
    """Return whether a process holds the lock of a file, without waiting; ``None`` where that cannot be told.

    It is taken for a moment where it is free. Nobody holds one that is absent, or on a file system without locks.
    """
    from filelock import Timeout

    if not path.is_file():
        return False
    try:
        acquired(path, 0).release()
    except Timeout:
        return True
    except OSError:  # Another user's, say.
        return None
    except FerBenchError:
        return False
    return False


def holder(root: Path) -> Holder | None:
    """Return who writes to a workspace, as it says itself; ``None`` where nobody does, or has not said so yet.

    The name that a killed process left is told by its process id, so that the lock is not touched, and nobody is kept
    from it by the question.
    """
    told = _read(root / HOLDER)
    if told is None or (told.host == platform.node() and not lives(told.pid)):
        return None
    return None if is_held(root / LOCK) is False else told


def _read(told: Path) -> Holder | None:
    try:
        return build(Holder, read_json(told), str(told))
    except FerBenchError:
        return None


def _who(told: Path) -> str:
    """Return who holds the lock; what a killed process left there does not count."""
    for _ in range(10):
        found = _read(told)
        if found is not None and (found.host != platform.node() or lives(found.pid)):
            return str(found)
        time.sleep(0.1)  # It has the lock and has not said so yet.
    return "it does not say which process"


def _warn_of_another_host(root: Path, told: Path) -> None:
    last = _read(told)
    if last is not None and last.host != platform.node():
        warn(
            f"{root}: {last} was the last here and has not ended properly; if it still runs, this file system's "
            "locks do not reach across hosts: stop one of the two"
        )
