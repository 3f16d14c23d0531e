"""Holding back what native libraries print, past ``sys.stderr``, to the file descriptor."""

import contextlib
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

_ALONE = threading.RLock()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drop what is written to stderr, and Python's warnings, within the block; what is raised goes through.

    The descriptor is the whole process': threads enter one after the other, or the last to leave would put back the
    nothing that it had found. What other threads write meanwhile is lost too.
    """
    if getattr(sys, "stderr", None) is None:  # In a service, or under pythonw: what is written is lost anyway.
        yield
        return
    with _ALONE:
        sys.stderr.flush()
        kept = os.dup(2)
        with Path(os.devnull).open("wb") as nowhere, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            os.dup2(nowhere.fileno(), 2)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(kept, 2)
                os.close(kept)
