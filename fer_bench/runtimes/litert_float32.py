"""LiteRT (TensorFlow Lite) in float32, with its XNNPACK kernels."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.packages import missing, require
from fer_bench.export.sessions import open_litert
from fer_bench.runtimes.converted import converted
from fer_bench.runtimes.runtime import Runtime


def _missing() -> str:
    return missing("litert", "ai_edge_litert")


def load(threads: int) -> None:
    """Import LiteRT; every interpreter has threads of its own."""
    import ai_edge_litert.interpreter  # noqa: F401


def convert(model: Any, folder: Path, sample_images: NDArray[np.float32]) -> Path:
    """Return the model's LiteRT file; see :meth:`Runtime.source`."""
    require("litert-float32", "litert", "ai_edge_litert")
    return converted(model, "litert", folder)


RUNTIME = Runtime("litert-float32", batches=True, missing=_missing, load=load, open=open_litert, convert=convert)
