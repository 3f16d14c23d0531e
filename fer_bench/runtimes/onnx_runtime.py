"""ONNX Runtime on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.packages import missing, require
from fer_bench.export.sessions import Call, open_onnx
from fer_bench.runtimes.converted import converted
from fer_bench.runtimes.runtime import Runtime

_PACKAGES = ("onnx", "onnxruntime", "tf2onnx")


def _missing() -> str:
    return missing("onnx", *_PACKAGES)


def prepare(model: Any, folder: Path, threads: int, sample_images: NDArray[np.float32]) -> Call:
    """Return the call of the model's ONNX file; see :attr:`Runtime.prepare`."""
    require("onnxruntime", "onnx", *_PACKAGES)
    return open_onnx(converted(model, "onnx", folder), threads)


RUNTIME = Runtime("onnxruntime", batches=True, missing=_missing, prepare=prepare)
