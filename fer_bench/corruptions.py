"""Ways in which a picture of a face is worse than those of a test set, in five severities each; numpy and OpenCV.

Lengths are fractions of a picture's side, so that 48 and 224 pixels are treated alike; noise and JPEG work on stored
pixels. What a test picture gets depends on its id and the corruption alone: every model sees the same pictures, and
from one severity to the next only the strength changes, not the draw. Training pictures are made worse by chance, where
a recipe says so.
"""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.decoding import one_opencv_thread, resize
from fer_bench.datasets.pictures import opencv

PROTOCOL = "faces-1"
"""Name of this set of corruptions, in every record: another set, or other strengths, must have another one. Then
recipes that train on corruptions need a field for it, too: their ids do not know the strengths."""
SEVERITIES = 5

Picture = NDArray[np.uint8]
_Corrupt = Callable[[Picture, float, np.random.Generator], Picture]


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One way to make a picture worse."""

    corrupt: _Corrupt
    """Takes a picture (height, width), a strength and a source of chance; returns a picture of the same size."""
    strengths: tuple[float, float, float, float, float]
    """By severity, from 1 to 5."""
    about: str
    """What it is and what the strengths mean, in a few words."""


def corrupted(image: Picture, name: str, severity: int, image_id: str) -> Picture:
    """Return a picture made worse.

    Args:
        image: uint8 (height, width).
        name: one of :data:`CORRUPTIONS`.
        severity: 1 to :data:`SEVERITIES`; 0 returns the picture as it is.
        image_id: of the picture; with ``name`` it decides the draw.
    """
    if severity == 0:
        return image
    chance = np.random.default_rng([zlib.crc32(image_id.encode()), zlib.crc32(name.encode())])
    return _corrupt(image, name, severity, chance)


def corrupted_by_chance(
    images: NDArray[np.uint8], names: Sequence[str], share: float, chance: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a batch of which some images are made worse, each by one of ``names`` with any severity.

    Args:
        images: uint8 (batch, height, width); not changed.
        names: of :data:`CORRUPTIONS`, equally likely, as are the severities.
        share: with what probability an image is made worse.
        chance: decides which, and how.
    """
    worse = images.copy()
    with one_opencv_thread():
        for row in np.flatnonzero(chance.random(len(images)) < share):
            name, severity = names[int(chance.integers(len(names)))], int(chance.integers(1, SEVERITIES + 1))
            worse[row] = _corrupt(images[row], name, severity, chance)
    return worse


def _corrupt(image: Picture, name: str, severity: int, chance: np.random.Generator) -> Picture:
    chosen = CORRUPTIONS[name]
    return chosen.corrupt(image, chosen.strengths[severity - 1], chance)


def _noise(image: Picture, strength: float, chance: np.random.Generator) -> Picture:
    return _levels(image + chance.normal(0.0, 255 * strength, image.shape))


def _blur(image: Picture, strength: float, _: np.random.Generator) -> Picture:
    sigma = strength * min(image.shape)
    return np.asarray(opencv().GaussianBlur(image, (0, 0), sigma, borderType=_replicate()), np.uint8)


def _motion_blur(image: Picture, strength: float, chance: np.random.Generator) -> Picture:
    cv2 = opencv()
    half, angle = strength * min(image.shape) / 2, chance.uniform(0, math.pi)
    reach = math.ceil(half)
    # Drawn four times as fine as the pixels, so that no angle gets a shorter line than another.
    fine = 4
    canvas = np.zeros((fine * (2 * reach + 1),) * 2, np.float32)
    middle = (len(canvas) - 1) / 2
    ends = [
        (round(middle + s * fine * half * math.cos(angle)), round(middle + s * fine * half * math.sin(angle)))
        for s in (-1, 1)
    ]
    cv2.line(canvas, ends[0], ends[1], 1.0, thickness=fine)
    kernel = cv2.resize(canvas, (2 * reach + 1,) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=_replicate()), np.uint8)


def _low_resolution(image: Picture, strength: float, _: np.random.Generator) -> Picture:
    height, width = image.shape
    small = resize(image, (max(1, round(height * strength)), max(1, round(width * strength))))
    return resize(small, (height, width))


def _jpeg(image: Picture, strength: float, _: np.random.Generator) -> Picture:
    cv2 = opencv()
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(strength)])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _dark(image: Picture, strength: float, _: np.random.Generator) -> Picture:
    return _levels(image * strength)


def _low_contrast(image: Picture, strength: float, _: np.random.Generator) -> Picture:
    mean = image.mean()
    return _levels(mean + strength * (image - mean))


def _rotation(image: Picture, strength: float, chance: np.random.Generator) -> Picture:
    height, width = image.shape
    degrees = strength * chance.choice((-1, 1))
    return _warped(image, opencv().getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0))


def _shift(image: Picture, strength: float, chance: np.random.Generator) -> Picture:
    angle, length = chance.uniform(0, 2 * math.pi), strength * min(image.shape)
    return _warped(image, np.array([[1, 0, length * math.cos(angle)], [0, 1, length * math.sin(angle)]]))


def _upper_covered(image: Picture, strength: float, _: np.random.Generator) -> Picture:
    return _covered(image, slice(0, round(strength * len(image))))


def _lower_covered(image: Picture, strength: float, _: np.random.Generator) -> Picture:
    return _covered(image, slice(len(image) - round(strength * len(image)), None))


def _covered(image: Picture, rows: slice) -> Picture:
    """Return a picture with rows in its own mean gray: darkness and contrast are corruptions of their own."""
    covered = image.copy()
    covered[rows] = round(float(image.mean()))
    return covered


def _warped(image: Picture, matrix: NDArray[Any]) -> Picture:
    height, width = image.shape
    flags = opencv().INTER_LINEAR
    return np.asarray(
        opencv().warpAffine(image, matrix, (width, height), flags=flags, borderMode=_replicate()), np.uint8
    )


def _replicate() -> int:
    """Return OpenCV's border of the nearest pixel: the training's augmentation fills in the same way."""
    border: int = opencv().BORDER_REPLICATE
    return border


def _levels(image: NDArray[np.floating[Any]]) -> Picture:
    levels: Picture = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return levels


CORRUPTIONS: Mapping[str, Corruption] = {
    "noise": Corruption(
        corrupt=_noise,
        strengths=(0.03, 0.06, 0.09, 0.13, 0.18),
        about="Gaussian noise of each pixel; its standard deviation as a fraction of white",
    ),
    "blur": Corruption(
        corrupt=_blur,
        strengths=(0.01, 0.015, 0.02, 0.03, 0.04),
        about="out of focus: a Gaussian; its standard deviation as a fraction of the side",
    ),
    "motion-blur": Corruption(
        corrupt=_motion_blur,
        strengths=(0.06, 0.1, 0.15, 0.2, 0.3),
        about="a moving head or camera: a line in any direction; its length as a fraction of the side",
    ),
    "low-resolution": Corruption(
        corrupt=_low_resolution,
        strengths=(2 / 3, 1 / 2, 1 / 3, 1 / 4, 1 / 6),
        about="a small face, enlarged; the fraction of the side's pixels that is left",
    ),
    "jpeg": Corruption(
        corrupt=_jpeg,
        strengths=(25, 18, 15, 10, 7),
        about="strong compression; the JPEG quality",
    ),
    "dark": Corruption(
        corrupt=_dark,
        strengths=(0.6, 0.4, 0.25, 0.15, 0.08),
        about="too little light; the fraction of the brightness that is left, in whole gray levels",
    ),
    "low-contrast": Corruption(
        corrupt=_low_contrast,
        strengths=(0.4, 0.3, 0.2, 0.1, 0.05),
        about="haze or a bad screen; the fraction of the contrast that is left",
    ),
    "rotation": Corruption(
        corrupt=_rotation,
        strengths=(10, 20, 30, 40, 50),
        about="a tilted head, to either side; degrees",
    ),
    "shift": Corruption(
        corrupt=_shift,
        strengths=(0.05, 0.1, 0.15, 0.2, 0.25),
        about="an inexact crop, off in any direction; the distance as a fraction of the side",
    ),
    "upper-covered": Corruption(
        corrupt=_upper_covered,
        strengths=(0.1, 0.2, 0.3, 0.4, 0.5),
        about="a hat, then glasses: the upper part in plain gray; its height as a fraction",
    ),
    "lower-covered": Corruption(
        corrupt=_lower_covered,
        strengths=(0.1, 0.2, 0.3, 0.4, 0.5),
        about="a scarf or a mask: the lower part in plain gray; its height as a fraction",
    ),
}
"""By name, in the order of the tables."""
