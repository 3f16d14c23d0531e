"""How much a command says beside its answer: ``--quiet`` and ``--verbose``, one policy for all.

What a command was asked for goes to stdout, always; everything else to stderr:

- ``quiet``: warnings and errors;
- ``normal``: also progress, as bars on a terminal and lines elsewhere;
- ``verbose``: also each epoch, what is kept of earlier runs, and the traceback of an error.
"""

from typing import Literal

Level = Literal["quiet", "normal", "verbose"]

_level: Level = "normal"


def set_level(level: Level) -> None:
    """Choose how much this process says from now on."""
    global _level
    _level = level


def level() -> Level:
    """Return how much this process says."""
    return _level
