"""Runtimes that open a file converted from the Keras model: LiteRT, ONNX Runtime and OpenVINO, on the CPU."""

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export import Target
from fer_bench.export.packages import Extra, missing, require
from fer_bench.export.sessions import open_litert, open_onnx, open_openvino
from fer_bench.runtimes.converted import converted
from fer_bench.runtimes.runtime import Open, Runtime


def _load(module: str, threads: int) -> None:
    """Import the runtime; each of its sessions has threads of its own."""
    importlib.import_module(module)


def _convert(
    needed: Callable[[], None], target: Target, model: Any, folder: Path, sample_images: NDArray[np.float32]
) -> Path:
    """Return the model's file; only 8-bit files are made by samples. See :meth:`Runtime.source`."""
    needed()
    return converted(model, target, folder, sample_images if target == "litert-int8" else None)


def _exported(name: str, target: Target, module: str, open_file: Open, extra: Extra, *packages: str) -> Runtime:
    return Runtime(
        name,
        missing=partial(missing, extra, *packages),
        load=partial(_load, module),
        open=open_file,
        convert=partial(_convert, partial(require, name, extra, *packages), target),
    )


_LITERT = "ai_edge_litert"

RUNTIMES = (
    _exported("litert-float32", "litert", f"{_LITERT}.interpreter", open_litert, "litert", _LITERT),
    _exported("litert-int8", "litert-int8", f"{_LITERT}.interpreter", open_litert, "litert", _LITERT),
    _exported("onnxruntime", "onnx", "onnxruntime", open_onnx, "onnx", "onnx", "onnxruntime", "tf2onnx"),
    _exported("openvino", "litert", "openvino", open_openvino, "openvino", "openvino"),
)
