"""OpenVINO on the CPU, in float32; it reads the LiteRT file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.packages import missing, require
from fer_bench.export.sessions import Call, open_openvino
from fer_bench.runtimes.converted import converted
from fer_bench.runtimes.runtime import Runtime


def _missing() -> str:
    return missing("openvino", "openvino")


def prepare(model: Any, folder: Path, threads: int, sample_images: NDArray[np.float32]) -> Call:
    """Return the call of the model compiled by OpenVINO; see :attr:`Runtime.prepare`."""
    require("openvino", "openvino", "openvino")
    return open_openvino(converted(model, "litert", folder), threads)


RUNTIME = Runtime("openvino", batches=True, missing=_missing, prepare=prepare)
