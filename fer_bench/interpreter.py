"""Python processes that are started to answer a question, and import what this one does."""

import os
import sys


def python(*words: str) -> list[str]:
    """Return the command of such a process; see :func:`environment`.

    It takes no module from the current folder, which Python would put first: a ``random.py`` that lies there would come
    before the library's.

    Args:
        words: behind ``python``, such as ``-m`` and a module.
    """
    return [sys.executable, "-P", *words]


def environment(**more: str) -> dict[str, str]:
    """Return the environment in which it finds its modules where this process does, with some more variables."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path), **more}
