"""The picture of a drawn face: light and camera."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from fer_bench.datasets.synthetic.anatomy import Muscles
from fer_bench.datasets.synthetic.face import Identity, Unit
from fer_bench.datasets.synthetic.paint import CIRCLE, Painter
from fer_bench.datasets.synthetic.view import View


@dataclass(frozen=True)
class Face:
    """A rendered face."""

    image: NDArray[np.uint8]
    """(size, size, 3) BGR, or (size, size) gray."""
    landmarks: NDArray[np.float32]
    """(68, 2), x and y in pixels, in the order of iBUG 300-W and CK+; moved onto the border where they lie outside."""


def render(identity: Identity, aus: Mapping[Unit, float], view: View, size: int, *, gray: bool = False) -> Face:
    """Draw a face at twice its size or more and reduce it by area. The same arguments give the same pixels.

    Args:
        identity: who.
        aus: action units and intensities, see :func:`~fer_bench.datasets.synthetic.face.action_units`.
        view: pose, light, camera.
        size: side of the square picture, pixels.
        gray: photograph in gray, at a third of the camera's cost.
    """
    painter = Painter(identity, Muscles(aus), view, size * max(2, math.ceil(128 / size)))
    painter.paint()
    image = cv2.resize(painter.pixels, (size, size), interpolation=cv2.INTER_AREA)
    if gray:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    landmarks = painter.landmarks() * (size / painter.side)
    return Face(_photograph(image, _light(painter), view), np.clip(landmarks, 0, size - 1).astype(np.float32))


_SHADE = 30
"""Pixels of a face unit in the light's picture; light is soft, so it is stretched to any size."""
_SPOT = CIRCLE[::2]


def _light(painter: Painter) -> NDArray[np.float32]:
    """Return factors on the paint, (n, n): soft shadows of the features and the light's direction."""
    muscles, points, view, who = painter.muscles, painter.points, painter.view, painter.identity
    side_pixels = round(_SHADE / view.scale)
    shade = np.ones((side_pixels, side_pixels), np.float32)
    ratio = side_pixels / painter.side

    chin = float(painter.curves["chin ball"][6, 1])
    # Centre, half axes, height over the head, factor.
    spots = [
        (0.0, 0.0, 0.05, 0.3, 0.15, 1.12),
        (0.0, 0.40, 0.16, 0.05, 0.0, 0.82),
        (0.0, chin - 0.06, 0.2, 0.05, 0.0, 0.84),
    ]
    if who.beard == "stubble":
        spots.insert(0, (0.0, 0.78, 0.62, 0.36, 0.0, 0.8))
    for side in (-1, 1):
        brow = max(muscles.side(4, side), muscles.side(9, side))
        cheek = max(muscles.side(6, side), 0.8 * muscles.side(12, side))
        spots.append((side * 0.36, -0.22, 0.26, 0.16, 0.0, 0.88 - 0.1 * brow))
        spots.append((side * 0.48, 0.18 - 0.03 * cheek, 0.2, 0.15, 0.0, 1.08 + 0.12 * cheek))
        spots.append((side * 0.15, 0.12, 0.05, 0.2, 0.1, 0.88))
    x, y, width, height, relief, level = np.array(spots).T
    outline = np.empty((len(spots), len(_SPOT), 3))
    outline[..., 0] = x[:, None] + width[:, None] * _SPOT[:, 0]
    outline[..., 1] = y[:, None] + height[:, None] * _SPOT[:, 1]
    outline[..., 2] = relief[:, None]
    pixels = np.rint(painter.surface(outline.reshape(-1, 3)) * (16 * ratio)).astype(np.int32)
    for polygon, factor in zip(pixels.reshape(len(spots), -1, 2), level.tolist(), strict=True):
        cv2.fillPoly(shade, [polygon], factor, cv2.LINE_8, 4)
    rim = np.rint(points["head"] * (16 * ratio)).astype(np.int32)
    cv2.polylines(shade, [rim], True, 0.8, 4, cv2.LINE_8, 4)
    for side, sign in ((-1, "-"), (1, "+")):
        fold = np.rint(points[f"cheek fold{sign}"] * (16 * ratio)).astype(np.int32)
        cv2.polylines(shade, [fold], False, 1 - 0.5 * min(painter.fold(side), 1.0), 2, cv2.LINE_8, 4)
    soft = cv2.GaussianBlur(shade, (0, 0), 1.8)
    middle = 0.5 * (points["bridge"][1] + points["head"].mean(axis=0)) * ratio
    ramps = np.clip((np.arange(side_pixels, dtype=np.float32) - middle[:, None]) / (0.95 * _SHADE), -1, 1)
    angle = math.radians(view.light_angle)
    across, down = ramps * np.array([[math.cos(angle)], [math.sin(angle)]]) * view.light_strength
    return np.asarray(np.clip(soft + across[None] + down[:, None], 0.12, 1.6), dtype=np.float32)


def _photograph(image: MatLike, shading: NDArray[np.float32], view: View) -> NDArray[np.uint8]:
    size = image.shape[0]
    shade = cv2.resize(shading, (size, size), interpolation=cv2.INTER_LINEAR)
    lit = cv2.multiply(image, _like(shade, image), dtype=cv2.CV_8U)
    sigma = view.blur * size
    if sigma > 0.2:
        lit = cv2.GaussianBlur(lit, (0, 0), sigma)
    levels = np.linspace(0, 1, 256) ** view.gamma * view.brightness
    levels = (levels - 0.5) * view.contrast + 0.5
    lit = cv2.LUT(lit, (np.clip(levels, 0, 1) * 255).astype(np.uint8))
    grain = np.random.default_rng(view.grain_seed).standard_normal((size, size), dtype=np.float32) * view.noise
    return np.asarray(cv2.add(lit, _like(grain, image), dtype=cv2.CV_8U), dtype=np.uint8)


def _like(plane: MatLike, image: MatLike) -> MatLike:
    """Return a plane, (n, n), with as many equal channels as ``image``."""
    return plane if image.ndim == 2 else cv2.merge((plane, plane, plane))
