"""The canvas of a synthetic face: where the points of a posed head lie on it, and the brushes."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.synthetic.anatomy import Muscles, anatomy
from fer_bench.datasets.synthetic.face import Array, Identity
from fer_bench.datasets.synthetic.view import View

Colour = Sequence[float]
"""Blue, green, red; 0 to 255."""


def _fixed(points: Array) -> NDArray[np.int32]:
    """Return pixels in OpenCV's fixed point with four fractional bits."""
    return np.rint(points * 16).astype(np.int32)


class Canvas:
    """A canvas for one face in its pose; lengths are in face units until they meet the pixels."""

    def __init__(self, identity: Identity, muscles: Muscles, view: View, side: int) -> None:
        self.identity, self.muscles, self.view, self.side = identity, muscles, view, side
        self.unit = view.scale * side
        yaw, pitch, roll = math.radians(view.yaw), math.radians(view.pitch), math.radians(view.roll)
        self._sin_yaw, self._cos_yaw = math.sin(yaw), math.cos(yaw)
        self._sin_pitch, self._cos_pitch = math.sin(pitch), math.cos(pitch)
        cosine, sine = math.cos(roll) * self.unit, math.sin(roll) * self.unit
        self._turn = np.array([[cosine, sine], [-sine, cosine]])
        # Features move over the head when it turns; the picture follows them, as a face detector does.
        follow = np.array([0.7 * self._sin_yaw, 0.06 + 0.75 * self._sin_pitch])
        self._offset = np.array(view.centre) * side - follow @ self._turn
        self.curves = anatomy(identity, muscles)
        self.points = self._project()
        self.pixels = np.empty((side, side, 3), np.uint8)

    # Geometry

    def surface(self, points: Array) -> Array:
        """Return canvas pixels, (n, 2), of points on the front of the head, (n, 3): x, y, height over the surface."""
        x, y = points[:, 0], points[:, 1]
        z = 0.85 * np.sqrt(np.maximum(1 - (x / 0.95) ** 2 - (y / 1.35) ** 2, 0.02)) + points[:, 2]
        turned = np.empty((len(points), 2))
        turned[:, 0] = x * self._cos_yaw + z * self._sin_yaw
        turned[:, 1] = y * self._cos_pitch + (z * self._cos_yaw - x * self._sin_yaw) * self._sin_pitch
        return np.asarray(turned @ self._turn + self._offset)

    def outline(self, points: Array) -> Array:
        """Return canvas pixels of points on the silhouette, (n, 2), where only the chin follows a turn of the head."""
        moved = points + np.maximum(points[:, 1:], 0) * (0.3 * self._sin_yaw, 0.25 * self._sin_pitch)
        return np.asarray(moved @ self._turn + self._offset)

    def _project(self) -> dict[str, Array]:
        # All curves in one array: a call of numpy costs more than its arithmetic here.
        points = {name: self.outline(self.curves[name][:, :2]) for name in ("head", "jaw")}
        front = [name for name in self.curves if name not in points]
        pixels = self.surface(np.concatenate([self.curves[name] for name in front]))
        start = 0
        for name in front:
            end = start + len(self.curves[name])
            points[name] = pixels[start:end]
            start = end
        return points

    def landmarks(self) -> Array:
        """Return the 68 points, (68, 2), in canvas pixels."""
        p = self.points
        eyes = [np.concatenate((p[f"lid top{s}"][::4], p[f"lid bottom{s}"][8:3:-4])) for s in "-+"]
        outer = (p["lip upper out"][::2], p["lip lower out"][10:1:-2])
        inner = (p["lip upper in"][::3], p["lip lower in"][9:2:-3])
        return np.concatenate(
            (p["jaw"], p["brow-"][::-2], p["brow+"][::2], p["bridge"], p["nose base"], *eyes, *outer, *inner)
        )

    # Brushes

    def fill(self, points: Array, colour: Colour) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.pixels, [_fixed(points)], tuple(colour), cv2.LINE_AA, 4)

    def between(self, first: Array, second: Array, colour: Colour) -> None:
        """Fill the area between two lines that run the same way."""
        self.fill(np.concatenate((first, second[::-1])), colour)

    def stroke(self, points: Array, colour: Colour, width: float, *, closed: bool = False) -> None:
        """Draw a line."""
        self.strokes(points[None], colour, width, closed=closed)

    def strokes(self, lines: Array, colour: Colour, width: float, *, closed: bool = False) -> None:
        """Draw lines of equal length, (lines, n, 2)."""
        thickness = max(1, round(width * self.unit))
        cv2.polylines(self.pixels, list(_fixed(lines)), closed, tuple(colour), thickness, cv2.LINE_AA, 4)

    def disc(self, centre: Array, radius: float, colour: Colour) -> None:
        """Fill a circle around a canvas point."""
        x, y = _fixed(centre).reshape(2).tolist()
        cv2.circle(self.pixels, (x, y), max(round(radius * self.unit * 16), 8), tuple(colour), -1, cv2.LINE_AA, 4)
