"""A Keras model as a LiteRT or ONNX file, by Keras' own exporters on TensorFlow, whichever backend runs here.

Not by hand from a concrete function: one that was not frozen becomes a file without weights, and no error is raised.
The batch size stays open in every file.
"""

from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend
from fer_bench.errors import FerBenchError, first_line
from fer_bench.export import Target
from fer_bench.export.packages import require
from fer_bench.export.silence import silence
from fer_bench.files import scratch
from fer_bench.interpreter import run

TARGETS: tuple[Target, ...] = get_args(Target)
SUFFIXES: dict[Target, str] = {"litert": ".tflite", "litert-int8": ".tflite", "onnx": ".onnx"}
"""What the name of a file must end in."""

INPUT = "image"
"""Name of the input in every file."""


def convert(model: Any, target: Target, path: Path, samples: NDArray[np.float32] | None = None) -> None:
    """Write ``model`` to ``path`` in another format; half a file may be left where it fails.

    On JAX and PyTorch the work is done by a process of its own that runs Keras on TensorFlow.

    Args:
        model: a ``keras.Model`` that maps float32 (batch, height, width, 3) to probabilities.
        target: the format.
        path: must end in the target's suffix.
        samples: float32 (n, height, width, 3); ``litert-int8`` chooses the ranges of its integers by them.

    Raises:
        FerBenchError: a package is missing, or the model cannot be converted.
    """
    if target == "onnx":
        require("the conversion to ONNX", "onnx", "onnx", "tf2onnx")
    if backend.configure() == "tensorflow":
        write(model, target, path, samples)
        return
    with scratch() as folder:
        handed_over = folder / "model.keras"
        model.save(handed_over)
        arguments = [str(handed_over), target, str(path)]
        if samples is not None:
            np.save(folder / "samples.npy", samples)
            arguments.append(str(folder / "samples.npy"))
        variables = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}
        ended = run("-m", "fer_bench.export.worker", *arguments, variables=variables)
    if ended.code:
        reason = ended.last_words or f"it ended with {ended.code}"
        raise FerBenchError(f"{model.name}: the TensorFlow process that converts to {target} failed: {reason}")


def write(model: Any, target: Target, path: Path, samples: NDArray[np.float32] | None) -> None:
    """Do the work of :func:`convert` in this process, whose Keras must run on TensorFlow."""
    import keras

    # A model around the model: whatever its input is called or nested in, the file's is one tensor named INPUT.
    image = keras.Input(model.input_shape[1:], dtype="float32", name=INPUT)
    whole = keras.Model(image, model(image), name=model.name)
    signature = [keras.InputSpec(shape=image.shape, dtype="float32", name=INPUT)]
    try:
        with silence():
            if target == "onnx":
                import onnx

                whole.export(str(path), format="onnx", verbose=False, input_signature=signature)
                # An operation that tf2onnx does not know is passed through as it is, without an error.
                onnx.checker.check_model(onnx.load(str(path)))
            else:
                options = _litert_options(target, samples)
                whole.export(str(path), format="litert", verbose=False, input_signature=signature, **options)
    except Exception as error:  # The converters raise whatever they raise, bare Exceptions too.
        raise FerBenchError(f"{model.name}: cannot be converted to {target} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """Return one short line: the converters begin with pages of locations and end their line with the cause."""
    line = first_line(error)
    return line if len(line) <= 160 else f"... {line[-156:]}"


def _litert_options(target: Target, samples: NDArray[np.float32] | None) -> dict[str, Any]:
    """Return settings of TensorFlow's converter: built-in operations only, which every LiteRT runtime has."""
    import tensorflow as tf

    if target == "litert":
        return {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}
    if samples is None or not len(samples):
        raise ValueError("no sample images to choose the ranges of the integers by")
    return {
        "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "representative_dataset": lambda: ([sample[None]] for sample in samples),
    }
