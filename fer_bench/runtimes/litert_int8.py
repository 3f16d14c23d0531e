"""LiteRT with 8-bit weights and activations; images go in and probabilities come out as float32."""

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
    """Return the call of the model's 8-bit LiteRT file, quantised by ``sample_images``; see :attr:`Runtime.prepare`."""
    require("litert-int8", "litert", "ai_edge_litert")
    return open_litert(converted(model, "litert-int8", folder, sample_images), threads)


RUNTIME = Runtime("litert-int8", batches=True, missing=_missing, prepare=prepare)
