"""What libpng and libjpeg print about a picture, without its name: taken from stderr, to be said with it."""

import contextlib
import functools
import os
import re
import tempfile
import threading
from collections.abc import Iterator

_STDERR = 2
_MOST = 3
"""Lines that are told of one picture; a damaged one may have thousands."""
_THEIRS = re.compile(
    rb"(libpng (?:warning|error): [^\n]*|(?:Corrupt JPEG data|Premature end of JPEG file|Invalid SOS parameters"
    rb"|Warning: unknown JFIF|Unknown Adobe color transform|Inconsistent progression sequence)[^\n]*)\n?"
)
"""All that libpng prints, and the warnings of libjpeg (jerror.h)."""


@contextlib.contextmanager
def overheard() -> Iterator[list[str]]:
    """Yield a list that holds, after the block, the lines that libpng and libjpeg printed on stderr meanwhile.

    Whatever else was printed there is printed when the block ends. Beside other threads, as in ``predict``, the list
    stays empty and the lines go where they go: stderr is the whole process's, and to take it from a thread that starts
    a process or asks for the terminal's width, or to decode one picture at a time, would cost more than a nameless
    line.
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
            printed = os.read(ear, size)
            os.ftruncate(ear, 0)
            os.lseek(ear, 0, os.SEEK_SET)
            lines = dict.fromkeys(line.decode("utf-8", "replace").strip() for line in _THEIRS.findall(printed))
            said += list(lines)[:_MOST]
            if others := _THEIRS.sub(b"", printed):
                os.write(_STDERR, others)


@functools.cache
def _ear(process: int) -> int:
    """Return the descriptor of a temporary file; one a process, as forked ones would share the place in it."""
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
