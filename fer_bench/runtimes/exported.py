"""Runtimes that open a file converted from the Keras model: LiteRT, ONNX Runtime and OpenVINO, on the CPU."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export import Target
from fer_bench.export.packages import Extra, missing, require
from fer_bench.export.sessions import Call, open_litert, open_onnx, open_openvino
from fer_bench.runtimes.converted import converted
from fer_bench.runtimes.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class ExportedRuntime(Runtime):
    """A runtime that opens a file of one format."""

    target: Target
    module: str
    """What :meth:`load` imports."""
    open_file: Callable[[Path, int], Call]
    extra: Extra
    """Of fer-bench; it brings the packages."""
    packages: tuple[str, ...]
    """Top-level modules that it needs, those of the conversion too."""

    def missing(self) -> str:
        """Say what to install of the packages; imports none of them."""
        return missing(self.extra, *self.packages)

    def load(self, threads: int) -> None:
        """Import the module: the threads are told to each session."""
        importlib.import_module(self.module)

    def source(self, model: Any, folder: Path, sample_images: NDArray[np.float32]) -> Path:
        """Return the path of the converted file; only 8-bit ones are made by samples."""
        require(self.name, self.extra, *self.packages)
        return converted(model, self.target, folder, sample_images if self.target == "litert-int8" else None)

    def open(self, source: Path, threads: int) -> Call:
        """Return the call of a converted file."""
        return self.open_file(source, threads)


RUNTIMES = (
    ExportedRuntime(
        "litert-float32",
        target="litert",
        module="ai_edge_litert.interpreter",
        open_file=open_litert,
        extra="litert",
        packages=("ai_edge_litert",),
    ),
    ExportedRuntime(
        "litert-int8",
        target="litert-int8",
        module="ai_edge_litert.interpreter",
        open_file=open_litert,
        extra="litert",
        packages=("ai_edge_litert",),
    ),
    ExportedRuntime(
        "onnxruntime",
        target="onnx",
        module="onnxruntime",
        open_file=open_onnx,
        extra="onnx",
        packages=("onnx", "onnxruntime", "tf2onnx"),
    ),
    ExportedRuntime(
        "openvino",
        target="litert",
        module="openvino",
        open_file=open_openvino,
        extra="openvino",
        packages=("openvino",),
    ),
)
