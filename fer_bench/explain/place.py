"""Where in a picture heat lies, as numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Place:
    """Where the heat of one map lies. A dataset's faces fill their pictures, so thirds of these are thirds of faces."""

    upper: float
    """Fraction of the heat in the upper third of the picture: forehead, brows, eyes."""
    middle: float
    """In the middle third: cheeks, nose."""
    lower: float
    """In the lower third: mouth, chin."""
    x: float
    """Centre of mass from the left edge, fraction of the width."""
    y: float
    """From the top edge, fraction of the height."""


def place(heat: NDArray[np.float32]) -> Place | None:
    """Return where the heat of a map (height, width), not negative, lies; ``None`` where there is none.

    A row that a border between thirds runs through counts to both by its parts.
    """
    total = float(heat.sum(dtype=np.float64))
    if total <= 0:
        return None
    rows = heat.sum(axis=1, dtype=np.float64) / total
    columns = heat.sum(axis=0, dtype=np.float64) / total
    upper, middle, lower = (float(rows @ _shares(len(rows), third)) for third in range(3))
    return Place(upper, middle, lower, float(columns @ _centres(len(columns))), float(rows @ _centres(len(rows))))


def enlarged(heat: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return a map (height, width) bilinearly at (size, size), edge values repeated, in [0, 1] as before."""
    import cv2

    return np.clip(cv2.resize(heat, (size, size), interpolation=cv2.INTER_LINEAR), 0, 1).astype(np.float32)


def _centres(count: int) -> NDArray[np.float64]:
    return (np.arange(count) + 0.5) / count


def _shares(count: int, third: int) -> NDArray[np.float64]:
    """Return which part of each of ``count`` equal rows lies in a third."""
    edges = np.clip(np.arange(count + 1) * 3 / count - third, 0, 1)
    return np.diff(edges) * count / 3
