"""What a training run in progress has reached, read from its folder: no Keras, no weights, nothing held up."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_bench.errors import FerBenchError
from fer_bench.records import Epoch
from fer_bench.workspace import Workspace

STATE = "checkpoint.npz"
"""Written after every epoch (``fer_bench.checkpoint``); its last array is text."""
LOCK = ".lock"


@dataclass(frozen=True)
class Reached:
    """What a checkpoint says."""

    identity: str
    """Fingerprint of the dataset, backend, start weights; a run of another identity starts over."""
    history: tuple[Epoch, ...]

    def is_of(self, fingerprint: str, backend: str) -> bool:
        """Return whether a run on this dataset and backend would go on from here."""
        return self.identity.split(" ")[:2] == [fingerprint, backend]


def reached(folder: Path) -> Reached | None:
    """Return what the checkpoint in a run's folder says, ``None`` where there is none.

    Raises:
        FerBenchError: it is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        # An array is read when it is asked for: the text is, the weights are not.
        with np.load(path, allow_pickle=False) as content:
            found = json.loads(content[f"arr_{len(content.files) - 1}"].tobytes())
        return Reached(str(found["identity"]), tuple(Epoch(**epoch) for epoch in found["history"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise FerBenchError(
            f"{path}: damaged checkpoint ({error}); delete the folder {path.parent} to start over"
        ) from error


def is_running(folder: Path) -> bool | None:
    """Return whether a process holds the lock of the run in a folder; ``None`` where the run has none of its own."""
    path = folder / LOCK
    return _held(path) if path.is_file() else None


def holder(workspace: Workspace) -> str | None:
    """Return which process writes to a workspace, for people; ``None`` where nobody does."""
    # Whoever holds the workspace says so: without that the lock is not touched, and nobody is kept from it.
    try:
        text = (workspace.root / ".lock-holder").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return _who(text) if _held(workspace.root / LOCK) else None


def _who(text: str) -> str:
    """Return what a holder says of itself: its number, or an object that tells more."""
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return f"process {text}"
    return f"process {told.get('pid', 'unknown')}" + "".join(
        f", {word}{told[key]}" for key, word in (("host", "on "), ("command", ""), ("since", "since ")) if key in told
    )


def _held(path: Path) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except NotImplementedError:  # A file system without locks: nobody can hold one.
        return False
