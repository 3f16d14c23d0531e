"""What a runtime is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.sessions import Call

Convert = Callable[[Any, Path, NDArray[np.float32]], Path]
Open = Callable[[Any, int], Call]


def nothing_missing() -> str:
    """Say that a runtime needs no package beyond those that fer-bench always brings."""
    return ""


@dataclass(frozen=True)
class Runtime:
    """One way to run a Keras model."""

    name: str
    """In records and on the command line."""
    missing: Callable[[], str]
    """``missing()`` returns what to install, as the rest of a sentence; empty where nothing is missing."""
    load: Callable[[int], object]
    """``load(threads)`` imports the runtime, and sets the threads where they are those of the whole process: what a
    fresh process does before it opens a model."""
    open: Open
    """``open(source, threads)`` returns the call of what :meth:`source` gave, with the weights as they are now.

    ``threads`` is how many threads compute a call. Needs no Keras where the source is a file. Raises FerBenchError
    where a package is missing or the threads can no longer be set."""
    convert: Convert | None = None
    """``convert(model, folder, sample_images)`` returns the path of a built ``keras.Model``'s file; ``None`` where
    Keras itself computes. See :meth:`source`."""

    def source(self, model: Any, folder: Path, sample_images: NDArray[np.float32]) -> Any:
        """Return what the runtime opens: the path of the model's converted file, or the model itself.

        Args:
            model: a built ``keras.Model``.
            folder: where converted files are kept: one made from the same layers, weights and samples is used again.
            sample_images: float32 (n, height, width, 3) in [-1, 1], images like those to come; integer runtimes choose
                their ranges by them.

        Raises:
            FerBenchError: a package is missing, or the model cannot be converted.
        """
        return model if self.convert is None else self.convert(model, folder, sample_images)
