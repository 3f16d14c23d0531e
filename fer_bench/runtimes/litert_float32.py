"""LiteRT (TensorFlow Lite) in float32, with its XNNPACK kernels."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.packages import missing, require
from fer_bench.export.sessions import Call, open_litert
from fer_bench.runtimes.converted import converted
from fer_bench.runtimes.runtime import Runtime


def _missing() -> str:
    return missing("litert", "ai_edge_litert")


def prepare(model: Any, folder: Path, threads: int, sample_images: NDArray[np.float32]) -> Call:
    """Return the call of the model's LiteRT file; see :attr:`Runtime.prepare`."""
    require("litert-float32", "litert", "ai_edge_litert")
    return open_litert(converted(model, "litert", folder), threads)


RUNTIME = Runtime("litert-float32", batches=True, missing=_missing, prepare=prepare)
