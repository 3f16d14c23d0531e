"""What a command says on stderr while it works, above any bar.

:func:`say` is not shown with ``--quiet``, :func:`detail` only with ``--verbose``, :func:`warn` always (see
:mod:`fer_bench.verbosity`). What is said goes to the workspace's log in any case (see :mod:`fer_bench.log`).
"""

import sys
import threading
from collections.abc import Callable
from typing import Literal

from tqdm import tqdm

from fer_bench.errors import harmless
from fer_bench.verbosity import level

Kind = Literal["say", "detail", "warn"]
"""The function by which something is told."""

_listener: Callable[[Kind, str], None] | None = None
_log: Callable[[str], None] | None = None


def say(text: str) -> None:
    """Print how work goes to stderr, above any bar; not with ``--quiet``."""
    tell("say", text)


def detail(text: str) -> None:
    """Print to stderr what is of use where something is looked into: with ``--verbose`` only."""
    tell("detail", text)


def warn(text: str) -> None:
    """Print to stderr what the user should know even with ``--quiet``."""
    tell("warn", text)


def tell(kind: Kind, text: str) -> None:
    """Do what the function named ``kind`` does."""
    if _listener is not None:
        _listener(kind, text)
        return
    text = harmless(text)
    if kind == "warn" or level() == "verbose" or (kind == "say" and level() != "quiet"):
        tqdm.write(text, file=sys.stderr)
    if _log is not None:
        _log(text)


def print_line(text: str) -> None:
    """Print one line to stdout, above any bar that shares its terminal."""
    tqdm.write(text, file=sys.stdout)


def report_to(listener: Callable[[Kind, str], None]) -> None:
    """Draw no bars in this process, and print nothing that it tells: ``listener``, of another process, takes it."""
    global _listener
    _listener = listener
    # Not tqdm's own, which spans processes: of that Python warns where a worker is stopped.
    tqdm.set_lock(threading.RLock())


def log_to(log: Callable[[str], None] | None) -> None:
    """Give all that is said from now on, shown or not, to ``log``; ``None`` ends it."""
    global _log
    _log = log


def has_listener() -> bool:
    """Return whether another process takes what this one says, see :func:`report_to`."""
    return _listener is not None
