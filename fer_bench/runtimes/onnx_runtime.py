"""ONNX Runtime on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.packages import missing, require
from fer_bench.export.sessions import open_onnx
from fer_bench.runtimes.converted import converted
from fer_bench.runtimes.runtime import Runtime

_PACKAGES = ("onnx", "onnxruntime", "tf2onnx")


def _missing() -> str:
    return missing("onnx", *_PACKAGES)


def load(threads: int) -> None:
    """Import ONNX Runtime; every session has threads of its own."""
    import onnxruntime  # noqa: F401


def convert(model: Any, folder: Path, sample_images: NDArray[np.float32]) -> Path:
    """Return the model's ONNX file; see :meth:`Runtime.source`."""
    require("onnxruntime", "onnx", *_PACKAGES)
    return converted(model, "onnx", folder)


RUNTIME = Runtime("onnxruntime", batches=True, missing=_missing, load=load, open=open_onnx, convert=convert)
