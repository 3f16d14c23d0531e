"""What the C libraries of decoders print about a picture, without its name: taken from stderr, to be said with it."""

import contextlib
import functools
import os
import tempfile
import threading
from collections.abc import Iterator

_STDERR = 2
_LONGEST = 200
"""Characters that are told of one picture."""


@contextlib.contextmanager
def overheard() -> Iterator[list[str]]:
    """Yield a list that holds, after the block, the lines that were printed on the descriptor of stderr meanwhile.

    Where other threads run it stays empty, and what is printed is left where it goes: it might be theirs.
    """
    said: list[str] = []
    if threading.active_count() > 1:
        yield said
        return
    try:
        ear, own = _ear(os.getpid()), os.dup(_STDERR)
    except OSError:  # No stderr, or no room for a temporary file.
        yield said
        return
    try:
        os.dup2(ear, _STDERR)
        yield said
    finally:
        os.dup2(own, _STDERR)
        os.close(own)
        if size := os.lseek(ear, 0, os.SEEK_CUR):
            os.lseek(ear, 0, os.SEEK_SET)
            text = os.read(ear, min(size, _LONGEST)).decode("utf-8", "replace")
            os.ftruncate(ear, 0)
            os.lseek(ear, 0, os.SEEK_SET)
            said += dict.fromkeys(filter(None, map(str.strip, text.splitlines())))


@functools.cache
def _ear(process: int) -> int:
    """Return the descriptor of a temporary file; one a process, as forked ones would share the place in it."""
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
