"""Small ONNX files for tests, made by hand: what they answer is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fer_bench.emotions import EMOTIONS

BRIGHTNESS = {emotion: 20 + 30 * place for place, emotion in enumerate(EMOTIONS)}
"""Gray level by which the files of this module know an emotion."""
FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""The order of a well-known file, contempt last."""
_ALIASES = {"happiness": "happy", "sadness": "sad", "anger": "angry"}


def write_onnx(
    path: Path,
    labels: Sequence[str] = EMOTIONS,
    *,
    channels: int = 1,
    layout: str = "NCHW",
    size: int | str = 16,
    batch: int | str = "batch",
    scale: float = 1.0,
    offset: float = 0.0,
    softmax: bool = True,
    uint8: bool = False,
    outputs: int | None = None,
    extra: Sequence[onnx.NodeProto] = (),
) -> Path:
    """Write a model that answers the emotion whose brightness is nearest to the mean of a picture.

    Args:
        path: of the file.
        labels: in the order of its outputs; ``contempt`` is nearest to nothing.
        channels: 1 or 3.
        layout: NCHW or NHWC.
        size: height and width, or a name for an open one.
        batch: a number, or a name for an open one.
        scale: a pixel is expected as pixel · scale + offset.
        offset: see ``scale``.
        softmax: end in one.
        uint8: take pixels as they are.
        outputs: declared number of outputs.
        extra: nodes before the last.
    """
    levels = np.array([BRIGHTNESS.get(_ALIASES.get(label, label), 2_000) for label in labels], np.float32)
    centre, spread = 125.0, 60.0
    # -(m - c)^2 without its m^2, which is the same for all classes, in units of `spread`.
    wanted = (levels - centre) / spread
    weights = np.repeat(2 * wanted[None], channels, axis=0) / channels
    nodes = []
    first = "image"
    if uint8:
        nodes.append(helper.make_node("Cast", [first], ["float"], to=TensorProto.FLOAT))
        first = "float"
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", [first], ["nchw"], perm=[0, 3, 1, 2]))
        first = "nchw"
    nodes += [
        helper.make_node("GlobalAveragePool", [first], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Sub", ["flat", "offset"], ["shifted"]),
        helper.make_node("Div", ["shifted", "scale"], ["units"]),
        helper.make_node("Gemm", ["units", "weights", "bias"], ["scores" if softmax else "emotions"]),
        *extra,
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["scores"], ["emotions"], axis=1))
    shape = [batch, channels, size, size] if layout == "NCHW" else [batch, size, size, channels]
    initialisers = {
        "weights": 8 * weights,
        "bias": -8 * wanted**2,
        "offset": np.array([offset + scale * centre], np.float32),
        "scale": np.array([scale * spread], np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "faces",
        [helper.make_tensor_value_info("image", TensorProto.UINT8 if uint8 else TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("emotions", TensorProto.FLOAT, [batch, outputs or len(labels)])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in initialisers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def shaded(n: int = 14) -> tuple[np.ndarray, np.ndarray]:
    """Return uint8 pictures (n, 20, 20) whose brightness tells the class, and their labels."""
    labels = np.arange(n) % len(EMOTIONS)
    levels = np.array([BRIGHTNESS[EMOTIONS[label]] for label in labels], np.uint8)
    return np.repeat(np.repeat(levels[:, None, None], 20, axis=1), 20, axis=2), labels
