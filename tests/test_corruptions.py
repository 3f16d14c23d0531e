"""The corruptions of ``faces-1``: each is what it is called, and as strong as when records were published."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fer_bench.corruptions import CORRUPTIONS, PROTOCOL, SEVERITIES, corrupted
from fer_bench.datasets.prepared import Prepared

NAMES = list(CORRUPTIONS)
PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(8, 60), st.integers(8, 60)))


@pytest.fixture
def face(prepared_root: Path) -> np.ndarray:
    return np.asarray(Prepared.load(prepared_root / "datasets" / "fer2013").images[0])


@given(image=PICTURES, name=st.sampled_from(NAMES), severity=st.integers(1, SEVERITIES), image_id=st.text(max_size=5))
def test_a_corruption_returns_a_picture_of_the_same_size_and_leaves_the_given_one(image, name, severity, image_id):
    before = image.copy()
    made = corrupted(image, name, severity, image_id)
    assert (made.shape, made.dtype) == (image.shape, np.uint8)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(made, corrupted(image, name, severity, image_id))


@given(image=PICTURES, name=st.sampled_from(NAMES))
def test_severity_0_is_the_picture_as_it_is(image, name):
    np.testing.assert_array_equal(corrupted(image, name, 0, "a"), image)


@pytest.mark.parametrize("name", NAMES)
def test_every_severity_changes_a_face_more_than_the_one_before(face, name):
    away = [np.abs(corrupted(face, name, severity, "a").astype(int) - face).mean() for severity in range(6)]
    assert away == sorted(away)
    assert len(set(away)) == 6


@pytest.mark.parametrize("name", ["noise", "motion-blur", "rotation", "shift"])
def test_what_is_drawn_depends_on_the_image(face, name):
    drawn = {corrupted(face, name, 3, f"image {number}").tobytes() for number in range(8)}
    assert len(drawn) >= 2


def test_a_severity_changes_the_strength_and_not_the_draw(face):
    changes = [corrupted(face, "noise", severity, "a").astype(int) - face for severity in (1, 2)]
    inside = (face > 100) & (face < 150)
    # The same draw, twice as strong; rounded to whole levels.
    np.testing.assert_allclose(changes[1][inside], 2 * changes[0][inside], atol=1.5)


def test_the_strengths_are_what_they_are_called(face):
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))
    np.testing.assert_array_equal(corrupted(ramp, "dark", 2, "a"), np.rint(ramp * 0.4))
    low = corrupted(ramp, "low-contrast", 1, "a")
    assert np.ptp(low) == pytest.approx(0.4 * np.ptp(ramp), abs=1)
    assert low.mean() == pytest.approx(ramp.mean(), abs=0.5)
    half = corrupted(face, "lower-covered", 5, "a")
    np.testing.assert_array_equal(half[:24], face[:24])
    assert set(half[24:].ravel()) == {round(float(face.mean()))}
    tenth = corrupted(face, "upper-covered", 1, "a")
    np.testing.assert_array_equal(tenth[5:], face[5:])
    assert set(tenth[:5].ravel()) == {round(float(face.mean()))}


# The strengths of faces-1 as published, each measured in what it makes of a picture: records are compared by them.

SIDE = 200


def edge_variance(name: str, severity: int) -> float:
    """Return the variance across and down, added, of what a blur makes of a point, from that of two edges; pixels²."""
    edge = np.zeros((SIDE, SIDE), np.uint8)
    edge[:, SIDE // 2 :] = 255
    across = corrupted(edge, name, severity, "a")[SIDE // 2].astype(float)
    down = corrupted(edge.T.copy(), name, severity, "a")[:, SIDE // 2].astype(float)
    place = np.arange(SIDE - 1)
    weights = [np.diff(profile) / 255 for profile in (across, down)]
    return sum(float(each @ place**2 - (each @ place) ** 2) for each in weights)


def spot_moved(name: str, severity: int, right: int) -> tuple[float, float]:
    """Return how far down and right of the middle a spot lies that was so far right of it; pixels."""
    middle = SIDE // 2
    spot = np.zeros((SIDE + 1, SIDE + 1), np.uint8)
    spot[middle - 2 : middle + 3, middle + right - 2 : middle + right + 3] = 255
    made = corrupted(spot, name, severity, "a").astype(float)
    down, across = np.indices(made.shape)
    return float((made * down).sum() / made.sum()) - middle, float((made * across).sum() / made.sum()) - middle


def slope(name: str, severity: int) -> float:
    """Return how much a gray level more of a picture makes afterwards."""
    ramp = np.tile(np.arange(256, dtype=np.uint8), (SIDE, 1))
    return float(np.polyfit(ramp.ravel(), corrupted(ramp, name, severity, "a").ravel(), 1)[0])


def nearest(name: str, severity: int, made: Callable[[np.ndarray, int], np.ndarray], choices: range) -> int:
    """Return the choice whose picture is nearest to the corrupted one."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)
    worse = corrupted(noise, name, severity, "a").astype(int)
    away = {choice: np.abs(made(noise, choice) - worse).mean() for choice in choices}
    return min(away, key=away.__getitem__)


def of_fewer_pixels(image: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def by_pillow(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def rows_covered(name: str, severity: int) -> int:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    return int((corrupted(noise, name, severity, "a") != noise).any(axis=1).sum())


MEASURED: dict[str, Callable[[str, int], float]] = {
    "noise": lambda *made: corrupted(np.full((SIDE, SIDE), 128, np.uint8), *made, "a").std() / 255,
    "blur": lambda *made: np.sqrt(edge_variance(*made) / 2) / SIDE,
    # That of a line is its length squared over 12, and that of its width, a pixel, the same; its ends are round.
    "motion-blur": lambda *made: (np.sqrt(12 * edge_variance(*made) - 1) - 0.75) / SIDE,
    "low-resolution": lambda *made: nearest(*made, of_fewer_pixels, range(1, 48)) / 48,
    "jpeg": lambda *made: nearest(*made, by_pillow, range(1, 41)),
    "dark": slope,
    "low-contrast": slope,
    "rotation": lambda *made: np.degrees(abs(np.arctan2(*spot_moved(*made, 60)))),
    "shift": lambda *made: np.hypot(*spot_moved(*made, 0)) / (SIDE + 1),
    "upper-covered": lambda *made: rows_covered(*made) / SIDE,
    "lower-covered": lambda *made: rows_covered(*made) / SIDE,
}
FACES_1 = {
    "noise": (0.03, 0.06, 0.09, 0.13, 0.18),
    "blur": (0.01, 0.015, 0.02, 0.03, 0.04),
    "motion-blur": (0.06, 0.1, 0.15, 0.2, 0.3),
    "low-resolution": (32 / 48, 24 / 48, 16 / 48, 12 / 48, 8 / 48),
    "jpeg": (25, 18, 15, 10, 7),
    "dark": (0.6, 0.4, 0.25, 0.15, 0.08),
    "low-contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "rotation": (10, 20, 30, 40, 50),
    "shift": (0.05, 0.1, 0.15, 0.2, 0.25),
    "upper-covered": (0.1, 0.2, 0.3, 0.4, 0.5),
    "lower-covered": (0.1, 0.2, 0.3, 0.4, 0.5),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_as_much_worse_as_faces_1_says(name):
    assert (PROTOCOL, SEVERITIES) == ("faces-1", 5)
    measured = [MEASURED[name](name, severity) for severity in range(1, SEVERITIES + 1)]
    assert measured == pytest.approx(FACES_1[name], rel=0.02, abs=0.3 / SIDE if name == "motion-blur" else 0)


CHANGES = {
    "noise": (6.26, 12.51, 18.76, 26.94, 36.61),
    "blur": (0.37, 1.02, 1.72, 3.15, 4.24),
    "motion-blur": (1.96, 3.33, 4.87, 5.65, 5.54),
    "low-resolution": (1.33, 1.91, 3.19, 4.63, 5.70),
    "jpeg": (2.64, 3.34, 3.81, 5.13, 6.81),
    "dark": (53.78, 80.70, 100.86, 114.30, 123.73),
    "low-contrast": (23.55, 27.47, 31.40, 35.32, 37.27),
    "rotation": (10.77, 16.50, 23.10, 29.86, 36.66),
    "shift": (6.70, 10.95, 11.63, 10.28, 10.43),
    "upper-covered": (3.91, 7.84, 11.86, 15.81, 19.71),
    "lower-covered": (4.21, 8.14, 11.91, 15.70, 19.53),
}
"""Mean change of a pixel, gray levels, by severity, of the picture below, as when records were published."""


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_changes_as_it_did_when_records_were_published(name):
    down, across = np.mgrid[:60, :48] / 60
    coarse = 70 * np.cos(np.pi * (across + 0.3 * down)) + 20 * np.sin(np.pi * down)
    fine = 14 * np.sin(14 * np.pi * across + 1) * np.sin(10 * np.pi * down)
    picture = np.rint(128 + coarse + fine).astype(np.uint8)
    made = [corrupted(picture, name, severity, "a").astype(int) for severity in range(1, SEVERITIES + 1)]
    # Another version of a library may round, or compress, a little differently.
    assert [np.abs(each - picture).mean() for each in made] == pytest.approx(CHANGES[name], rel=0.02, abs=0.02)
