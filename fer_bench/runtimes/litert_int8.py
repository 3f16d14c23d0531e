"""LiteRT with 8-bit weights and activations; images go in and probabilities come out as float32."""

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
    """Return the model's 8-bit LiteRT file, quantised by ``sample_images``; see :meth:`Runtime.source`."""
    require("litert-int8", "litert", "ai_edge_litert")
    return converted(model, "litert-int8", folder, sample_images)


RUNTIME = Runtime("litert-int8", batches=True, missing=_missing, load=load, open=open_litert, convert=convert)
