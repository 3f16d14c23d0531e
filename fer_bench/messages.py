"""What a command says on stderr while it works, above any bar.

:func:`say` is not shown with ``--quiet``, :func:`detail` only with ``--verbose``, :func:`warn` always (see
:mod:`fer_bench.verbosity`). What is said goes to the workspace's log in any case (see :mod:`fer_bench.log`).
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tqdm import tqdm

from fer_bench.errors import harmless
from fer_bench.verbosity import level


@dataclass(frozen=True)
class _Listeners:
    """What takes what this process has to tell; see :func:`report_to`."""

    say: Callable[[str], None]
    detail: Callable[[str], None]
    warn: Callable[[str], None]


_listeners: _Listeners | None = None
_log: Callable[[str], None] | None = None


def say(text: str) -> None:
    """Print how work goes to stderr, above any bar; not with ``--quiet``."""
    if _listeners is not None:
        _listeners.say(text)
    else:
        _tell(text, shown=level() != "quiet")


def detail(text: str) -> None:
    """Print to stderr what is of use where something is looked into: with ``--verbose`` only."""
    if _listeners is not None:
        _listeners.detail(text)
    else:
        _tell(text, shown=level() == "verbose")


def warn(text: str) -> None:
    """Print to stderr what the user should know even with ``--quiet``."""
    if _listeners is not None:
        _listeners.warn(text)
    else:
        _tell(text, shown=True)


def _tell(text: str, *, shown: bool) -> None:
    text = harmless(text)
    if shown:
        tqdm.write(text, file=sys.stderr)
    if _log is not None:
        _log(text)


def print_line(text: str) -> None:
    """Print one line to stdout, above any bar that shares its terminal."""
    tqdm.write(text, file=sys.stdout)


def report_to(says: Callable[[str], None], details: Callable[[str], None], warnings: Callable[[str], None]) -> None:
    """Draw no bars in this process, and print nothing that it says: for workers of another process.

    Args:
        says: takes what :func:`say` would print.
        details: takes what :func:`detail` would print.
        warnings: takes what :func:`warn` would print.
    """
    global _listeners
    _listeners = _Listeners(says, details, warnings)
    # Not tqdm's own, which spans processes: of that Python warns where a worker is stopped.
    tqdm.set_lock(threading.RLock())


def log_to(log: Callable[[str], None] | None) -> None:
    """Give all that is said from now on, shown or not, to ``log``; ``None`` ends it."""
    global _log
    _log = log


def has_listener() -> bool:
    """Return whether another process takes what this one says, see :func:`report_to`."""
    return _listeners is not None
