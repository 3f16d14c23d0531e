"""The face detector of ``predict`` for the page: the same network as ONNX, and the numbers that go with it."""

from typing import Any, NamedTuple

from fer_bench.errors import FerBenchError
from fer_bench.export.packages import require
from fer_bench.export.silence import silence
from fer_bench.files import scratch
from fer_bench.prediction import faces


class WebFaceFinder(NamedTuple):
    """What the page needs to find faces."""

    model: bytes
    """ONNX: float32 (1, 128, 128, 3) in [-1, 1] to boxes (1, 896, 16) and scores (1, 896, 1)."""
    settings: dict[str, Any]
    """JSON-ready: names of the outputs, anchors, limits, and how the square lies around a box."""


def web_face_finder() -> WebFaceFinder:
    """Return the detector, converted.

    Raises:
        FerBenchError: a package is missing, or its weights cannot be converted.
    """
    faces.require_detector()
    require("the face detector in the page", "onnx", "onnx", "tf2onnx")
    import tf2onnx

    with scratch() as folder:
        source, target = folder / "faces.tflite", folder / "faces.onnx"
        source.write_bytes(faces.weights())
        try:
            with silence():
                graph, _ = tf2onnx.convert.from_tflite(str(source), output_path=str(target))
        except Exception as error:  # The converter raises whatever it raises.
            raise FerBenchError(
                f"the face detector cannot be converted to ONNX ({error}); --no-crop leaves it out"
            ) from error
        model = target.read_bytes()
    outputs = {int(output.type.tensor_type.shape.dim[2].dim_value): output.name for output in graph.graph.output}
    settings = {
        "side": faces.SIDE,
        "boxes": outputs[16],
        "scores": outputs[1],
        "anchors": faces.anchors().tolist(),
        "min_score": faces.MIN_SCORE,
        "min_score_part": faces.MIN_SCORE_PART,
        "max_overlap": faces.MAX_OVERLAP,
        "crop_scale": faces.CROP_SCALE,
        "up": faces.UP,
    }
    return WebFaceFinder(model, settings)
