"""One writer a workspace: who holds it, waiting for it, and clearing away what a killed one left."""

import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from fer_bench.errors import FerBenchError
from fer_bench.files import remove_unfinished, write_json
from fer_bench.progress import say

_ONLY_OURS = ("records", "runs", "weights", "datasets")
"""Folders of a workspace that nobody writes to without its lock."""
_RENDERED = ("tables", "reports", "audits", "contact-sheets")
"""Folders that commands such as ``fer-bench tables --local`` write to without the lock: what is recent there stays."""
_HOUR = 3600.0


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


@contextmanager
def held(root: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a workspace for writing.

    The system lets go of the lock however the process ends. On NFS that works across hosts where the mount has locks
    (not ``nolock`` or ``local_lock=flock``); without them only processes of one host see each other, and the next one
    warns of a holder on another host that has not said goodbye.

    Args:
        root: folder of the workspace; made where it is absent.
        wait: wait until another process lets go, instead of raising.

    Raises:
        FerBenchError: another process holds the lock, or the file system has none.
    """
    from filelock import FileLock, Timeout

    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / ".lock")
    told = root / ".lock-holder"
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise FerBenchError(
                    f"{root}: another fer-bench ({_who(told)}) is writing to this workspace; "
                    "wait for it (most commands have --wait), stop it, or choose another with --workspace"
                ) from None
            say(f"{root}: waiting for another fer-bench ({_who(told)}); Ctrl-C ends the waiting")
            lock.acquire(timeout=-1, poll_interval=0.5)
    except NotImplementedError as error:  # filelock's word for a file system without locks
        raise FerBenchError(
            f"{root}: this file system has no locks, so that two processes could spoil each other's work; "
            "choose another folder with --workspace"
        ) from error
    try:
        _warn_of_another_host(root, told)
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        write_json(told, asdict(Holder(os.getpid(), platform.node(), _command(), since)))
        _clear_away(root)
        yield
    except KeyboardInterrupt:
        say(f"{root}: finished work and complete epochs are kept there")
        raise
    finally:
        _clear_away(root)  # What a worker that was stopped because another one failed was writing.
        told.unlink(missing_ok=True)
        lock.release()


def mark(root: Path) -> str:
    """Return what the holder of a workspace says there of itself; empty where nobody holds it.

    No two holders say the same: who finds it in a folder sees that very workspace, on whatever machine.
    """
    try:
        return (root / ".lock-holder").read_text(encoding="utf-8")
    except OSError:
        return ""


def _command() -> str:
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else "python"


def _read(told: Path) -> Holder | None:
    try:
        return Holder(**json.loads(told.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _who(told: Path) -> str:
    """Return who holds the lock; what a killed process left there does not count."""
    for _ in range(10):
        holder = _read(told)
        if holder is not None and (holder.host != platform.node() or _lives(holder.pid)):
            return str(holder)
        time.sleep(0.1)  # It has the lock and has not said so yet.
    return "it does not say which process"


def _lives(pid: int) -> bool:
    if sys.platform == "win32":  # Where signal 0 is Ctrl-C.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _warn_of_another_host(root: Path, told: Path) -> None:
    last = _read(told)
    if last is not None and last.host != platform.node():
        say(
            f"{root}: {last} was the last here and has not ended properly; if it still runs, this file system's "
            "locks do not reach across hosts: stop one of the two"
        )


def _clear_away(root: Path) -> None:
    """Remove the temporary files of killed processes."""
    for name in _ONLY_OURS:
        remove_unfinished(root / name)
    for name in _RENDERED:
        remove_unfinished(root / name, older_than=_HOUR)
