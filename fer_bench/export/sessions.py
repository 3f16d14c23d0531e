"""Converted files, opened: one function a format, each pinned to a number of threads and to float32 outputs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.packages import require
from fer_bench.export.silence import silence

Call = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Float32 images (n, height, width, 3) in [-1, 1] to float32 probabilities (n, classes)."""


def open_litert(path: Path, threads: int) -> Call:
    """Return the call of a LiteRT file. The last two batch sizes have an interpreter each, kept ready.

    Not all of them: an interpreter for 64 images of 224 x 224 pixels holds a gigabyte.

    Raises:
        FerBenchError: the package is missing.
    """
    require("LiteRT", "litert", "ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    content = path.read_bytes()
    ready: dict[int, tuple[Any, int, int]] = {}

    def prepared(shape: tuple[int, ...]) -> tuple[Any, int, int]:
        with silence():  # "INFO: Created TensorFlow Lite XNNPACK delegate for CPU."
            interpreter = Interpreter(model_content=content, num_threads=threads)
            (image,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
            interpreter.resize_tensor_input(image["index"], shape, strict=True)
            interpreter.allocate_tensors()
        return interpreter, image["index"], answer["index"]

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(batch) not in ready:
            if len(ready) == 2:
                del ready[next(iter(ready))]
            ready[len(batch)] = prepared(batch.shape)
        interpreter, image, answer = ready[len(batch)]
        interpreter.set_tensor(image, batch)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(answer), np.float32)

    return call


def open_onnx(path: Path, threads: int) -> Call:
    """Return the call of an ONNX file in ONNX Runtime, on the CPU.

    Raises:
        FerBenchError: the package is missing.
    """
    session = onnx_session(path.read_bytes(), threads)
    name = session.get_inputs()[0].name

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {name: batch})[0], np.float32)

    return call


def onnx_session(content: bytes, threads: int) -> Any:
    """Return an ``onnxruntime.InferenceSession`` over a model's bytes, on the CPU.

    Raises:
        FerBenchError: the package is missing.
    """
    require("ONNX Runtime", "onnx", "onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Its threads would go on spinning after a call, on the cores that the next model is timed on: with several models
    # taking turns on two cores, one call took 25 ms instead of 10.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # It would look for weights that lie in other files, which no file that comes here has, in the current folder.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    # What it would print besides its error is the same, names from the file as they are; so nothing but the fatal.
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def open_openvino(path: Path, threads: int) -> Call:
    """Return the call of a LiteRT or ONNX file in OpenVINO, on the CPU, in float32 (it takes bfloat16 unless told).

    Read by the runtime itself: OpenVINO's ``convert_model`` would report its use to Intel. Every batch size met is
    compiled once.

    Raises:
        FerBenchError: the package is missing.
    """
    require("OpenVINO", "openvino", "openvino")
    import openvino

    core = openvino.Core()
    network = core.read_model(path)
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": "1",
    }
    ready: dict[int, Any] = {}

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(batch) not in ready:
            fixed = network.clone()
            fixed.reshape(list(batch.shape))
            ready[len(batch)] = core.compile_model(fixed, "CPU", settings)
        compiled = ready[len(batch)]
        return np.array(compiled([batch])[compiled.output(0)], np.float32)

    return call
