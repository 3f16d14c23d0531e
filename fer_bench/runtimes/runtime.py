"""What a runtime is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.sessions import Call


@dataclass(frozen=True)
class Runtime(ABC):
    """One way to run a Keras model; can be sent to another process."""

    name: str
    """In records and on the command line."""

    @abstractmethod
    def missing(self) -> str:
        """Return what to install, as the rest of a sentence; empty where nothing is missing."""

    @abstractmethod
    def load(self, threads: int) -> None:
        """Import the runtime, and set the threads where they are those of the whole process: what a fresh process does
        before it opens a model."""

    @abstractmethod
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

    @abstractmethod
    def open(self, source: Any, threads: int) -> Call:
        """Return the call of what :meth:`source` gave, with the weights as they are now.

        Needs no Keras where the source is a file.

        Args:
            source: from :meth:`source`.
            threads: how many compute a call.

        Raises:
            FerBenchError: a package is missing, or the threads can no longer be set.
        """
