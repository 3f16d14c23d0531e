"""CK+'s landmarks, 68 points a frame, and the face crop that they give without a detector.

The paper does not say whether it cropped CK+; this crop is fer-bench's choice.
"""

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import FaceBox, FaceCrop

POINTS = 68
MARGIN = 0.25
"""What the face crop adds on every side of the landmarks, as a fraction of the longer side of their box."""
LIFT = 0.10
"""How far the crop moves up, the same fraction: the points end at the eyebrows, below the forehead."""


def read_points(data: bytes) -> NDArray[np.float64]:
    """Read a landmarks file: a line for each point, x and y.

    Returns:
        float64, (68, 2), in pixels of the frame.

    Raises:
        ValueError: it holds anything else; the message says what was expected.
    """
    rows = [line.split() for line in data.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    try:
        points = np.array(rows, dtype=np.float64)
    except ValueError:
        points = np.empty(0)
    if points.shape != (POINTS, 2) or not np.isfinite(points).all():
        raise ValueError(f"expected {POINTS} lines of two numbers, x and y")
    return points


def face_box(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return the square around landmarks, with its margin: left, top, right, bottom in pixels.

    It may reach beyond the picture; the decoder clips it.

    Args:
        points: float, (n, 2): x and y of each landmark in pixels.
    """
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    side = max(right - left, bottom - top)
    half = side * (0.5 + MARGIN)
    x, y = (left + right) / 2, (top + bottom) / 2 - LIFT * side
    return float(x - half), float(y - half), float(x + half), float(y + half)


def face_crop(points: NDArray[np.float64]) -> FaceCrop:
    """Return the crop of :func:`face_box` with what the landmarks themselves span, by which resized frames show.

    Args:
        points: float, (n, 2): x and y of each landmark in pixels.
    """
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return FaceCrop(face_box(points), FaceBox(left, top, right, bottom))
