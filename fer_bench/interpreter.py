"""Python processes that are started to answer a question, and import what this one does."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ANSWER = "fer-bench answers: "
"""Begins each line that counts, JSON behind it; libraries print what they like before and after."""


@dataclass(frozen=True)
class Ended:
    """What a process left that has ended."""

    code: int
    printed: str
    last_words: str
    """Last line on stderr, where a reason stands; empty where it said nothing."""

    @property
    def answers(self) -> list[Any]:
        """What stands behind :data:`ANSWER`, line by line."""
        lines = self.printed.splitlines()
        return [json.loads(line.removeprefix(ANSWER)) for line in lines if line.startswith(ANSWER)]


def run(*words: str, variables: Mapping[str, str] | None = None, timeout: float | None = None) -> Ended:
    """Run a process to its end; it finds its modules where this one does.

    It takes none from the current folder, which Python would put first: a ``random.py`` that lies there would come
    before the library's.

    Args:
        words: behind ``python``, such as ``-m`` and a module.
        variables: of the environment, beside this process's.
        timeout: seconds.

    Raises:
        subprocess.TimeoutExpired: it was ended after ``timeout``.
    """
    path = os.pathsep.join(place or "." for place in sys.path)
    done = subprocess.run(
        [sys.executable, "-P", *words],
        env={**os.environ, "PYTHONPATH": path, **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, "".join(done.stderr.strip().splitlines()[-1:]))
