"""A runtime that holds known amounts of memory, in a module of its own: fresh processes import little with it."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_bench.errors import FerBenchError
from fer_bench.runtimes import Runtime

MB = 10**6
_library = []
"""What the runtime holds from its import on."""


def filled(megabytes: int) -> np.ndarray:
    return np.ones(megabytes * MB, np.uint8)


def load(threads: int) -> None:
    _library.append(filled(100))


def load_and_free(threads: int) -> None:
    """Need 150 MB for the import alone."""
    filled(150)


def load_beside_keras(threads: int) -> None:
    """Hold 400 MB where Keras has been imported."""
    _library.append(filled(400 if "keras" in sys.modules or "tensorflow" in sys.modules else 1))


def convert(folder: Path) -> Path:
    """Hold 300 MB from the conversion on, and leave a file that takes 50 MB."""
    _library.append(filled(300))
    path = folder / "model.fake"
    path.write_text("50")
    return path


def open_file(path: Path):
    held = filled(int(path.read_text()))
    return lambda batch: np.full((len(batch), 7), held[0] / 7, np.float32)


def hold(megabytes: int):
    held = filled(megabytes)
    return lambda batch: held


def need_briefly(megabytes: int):
    return lambda batch: filled(megabytes).sum()


def exit_at_once():
    os._exit(3)


def refuse():
    raise FerBenchError("the file is of no use")


@dataclass(frozen=True)
class FakeRuntime(Runtime):
    import_: Callable[[int], None] = load

    def missing(self) -> str:
        return ""

    def load(self, threads: int) -> None:
        self.import_(threads)

    def source(self, model, folder: Path, sample_images) -> Path:
        return convert(folder)

    def open(self, source: Path, threads: int):
        return open_file(source)


FAKE = FakeRuntime("fake")
