"""OpenVINO on the CPU, in float32; it reads the LiteRT file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.packages import missing, require
from fer_bench.export.sessions import open_openvino
from fer_bench.runtimes.converted import converted
from fer_bench.runtimes.runtime import Runtime


def _missing() -> str:
    return missing("openvino", "openvino")


def load(threads: int) -> None:
    """Import OpenVINO; every compiled model has threads of its own."""
    import openvino  # noqa: F401


def convert(model: Any, folder: Path, sample_images: NDArray[np.float32]) -> Path:
    """Return the model's LiteRT file; see :meth:`Runtime.source`."""
    require("openvino", "openvino", "openvino")
    return converted(model, "litert", folder)


RUNTIME = Runtime("openvino", batches=True, missing=_missing, load=load, open=open_openvino, convert=convert)
