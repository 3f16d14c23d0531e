"""What a runtime is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.sessions import Call

Prepare = Callable[[Any, Path, int, NDArray[np.float32]], Call]


def nothing_missing() -> str:
    """Say that a runtime needs no package beyond those that fer-bench always brings."""
    return ""


@dataclass(frozen=True)
class Runtime:
    """One way to run a Keras model."""

    name: str
    """In records and on the command line."""
    batches: bool
    """Whether it computes a batch at once; where it does not, a call takes its images one after the other."""
    missing: Callable[[], str]
    """``missing()`` returns what to install, as the rest of a sentence; empty where nothing is missing."""
    prepare: Prepare
    """``prepare(model, folder, threads, sample_images)`` returns the call of a built ``keras.Model``, with its
    weights as they are now.

    ``folder`` is where converted files are kept: one made from the same layers, weights and samples is used again.
    ``threads`` is how many threads compute a call. ``sample_images`` is float32 (n, height, width, 3) in [-1, 1],
    images like those to come; integer runtimes choose their ranges by them. Raises FerBenchError where a package is
    missing, the model cannot be converted, or the threads can no longer be set."""
