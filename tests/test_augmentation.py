"""The one warp."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench import backend
from fer_bench.augmentation import identity_matrices, network_input, random_matrices, warp
from fer_bench.recipe import Augmentation

pytestmark = pytest.mark.usefixtures("configured")

NOTHING = Augmentation(rotation=0, shear=0, zoom=0, width_shift=0, height_shift=0, horizontal_flip=False)


@pytest.fixture(params=["as configured", "as compiled by XLA"])
def way(request, monkeypatch):
    """The two ways to warp: on a CPU with TensorFlow one kernel, everywhere else operations of Keras."""
    if request.param == "as compiled by XLA":
        monkeypatch.setattr(backend, "jit_compile", lambda: True)


def pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width), dtype=np.uint8)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("stored", "size"), [(48, 224), (48, 48), (100, 224), (48, 96)])
def test_without_augmentation_it_is_opencvs_resize(stored, size):
    images = pictures(2, stored, stored)
    ours = np.asarray(warp(images, identity_matrices(2), size))
    for image, result in zip(images, ours, strict=True):
        expected = cv2.resize(image.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(result, expected, atol=0.01)


@pytest.mark.usefixtures("way")
def test_an_augmented_image_is_opencvs_affine_warp():
    images = pictures(8, 60, 60)
    matrices = random_matrices(Augmentation(), 8, np.random.default_rng(1))
    ours = np.asarray(warp(images, matrices, 60))
    # From [-1, 1] to pixels and back: x = (u + 1) * 30 - 0.5.
    to_pixels = np.array([[30, 0, 29.5], [0, 30, 29.5], [0, 0, 1]])
    for image, matrix, result in zip(images, matrices, ours, strict=True):
        inverse = (to_pixels @ np.vstack([matrix, [0, 0, 1]]) @ np.linalg.inv(to_pixels))[:2]
        expected = cv2.warpAffine(
            image.astype(np.float32),
            inverse,
            (60, 60),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        # OpenCV rounds places to 1/32 of a pixel; on noise that is worth some levels.
        assert np.abs(result - expected).mean() < 3
        assert np.corrcoef(result.ravel(), expected.ravel())[0, 1] > 0.997


@pytest.mark.usefixtures("way")
def test_a_flip_mirrors():
    images = pictures(1, 32, 32)
    mirrored = identity_matrices(1).copy()
    mirrored[:, 0, 0] = -1
    np.testing.assert_allclose(np.asarray(warp(images, mirrored, 32))[0], images[0, :, ::-1], atol=1e-3)


@pytest.mark.usefixtures("way")
def test_a_shift_is_a_fraction_of_the_picture():
    images = pictures(1, 40, 40)
    matrices = identity_matrices(1).copy()
    matrices[:, 0, 2] = 2 * 0.1
    np.testing.assert_allclose(np.asarray(warp(images, matrices, 40))[0, :, :36], images[0, :, 4:], atol=1e-3)


def test_magnitudes_stay_within_the_recipe():
    draws = random_matrices(Augmentation(), 4000, np.random.default_rng(0)).astype(np.float64)
    assert draws.dtype == np.float64
    assert np.abs(draws[:, :, 2]).max() <= 2 * 0.1
    assert np.abs(draws[:, :, 2]).max() > 2 * 0.1 * 0.99
    scale = np.hypot(draws[:, 1, 0], draws[:, 1, 1])
    assert 0.9 <= scale.min() < 0.901
    assert 1.099 < scale.max() <= 1.1
    turned = np.rad2deg(np.arctan2(draws[:, 1, 0], draws[:, 1, 1]))
    assert 9.9 < np.abs(turned).max() <= 10.0001
    assert 0.45 < (np.linalg.det(draws[:, :, :2]) < 0).mean() < 0.55


def test_a_rotation_turns_and_distorts_nothing():
    draws = random_matrices(dataclasses.replace(NOTHING, rotation=30.0), 200, np.random.default_rng(0))[:, :, :2]
    np.testing.assert_allclose(draws @ draws.transpose(0, 2, 1), np.broadcast_to(np.eye(2), (200, 2, 2)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(draws), 1, atol=1e-6)


def test_zoom_shear_and_rotation_are_found_again_in_what_they_make_together():
    draws = random_matrices(Augmentation(), 4000, np.random.default_rng(0)).astype(np.float64)
    angle = np.arctan2(draws[:, 1, 0], draws[:, 1, 1])
    # Turned back, what is left is flip, zoom and shear: an upper triangle.
    back = np.stack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 2, 2)
    left = draws[:, :, :2] @ back
    np.testing.assert_allclose(left[:, 1, 0], 0, atol=1e-6)
    zoom = np.abs(left[:, 0, 0])
    assert 0.9 - 1e-6 <= zoom.min() < 0.901
    assert 1.099 < zoom.max() <= 1.1 + 1e-6
    slant = np.rad2deg(np.arctan(left[:, 0, 1] / left[:, 0, 0]))
    assert 4.99 < np.abs(slant).max() <= 5.0001
    parts = np.corrcoef([angle, slant, zoom, left[:, 1, 1], draws[:, 0, 2], draws[:, 1, 2]])
    assert np.abs(parts - np.eye(6)).max() < 0.1


def reach(matrices: np.ndarray) -> np.ndarray:
    """Return how far each element of the matrices gets from the identity, (2, 3)."""
    return np.abs(matrices - identity_matrices(1)).max(axis=0)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("rotation", 10.0, [[1 - np.cos(0.1745329), np.sin(0.1745329), 0], [np.sin(0.1745329), 0.0151922, 0]]),
        ("shear", 5.0, [[0, np.tan(0.0872665), 0], [0, 0, 0]]),
        ("zoom", 0.1, [[0.1, 0, 0], [0, 0.1, 0]]),
        # A shift of the whole width is 2.
        ("width_shift", 0.1, [[0, 0, 0.2], [0, 0, 0]]),
        ("height_shift", 0.2, [[0, 0, 0], [0, 0, 0.4]]),
        ("horizontal_flip", True, [[2, 0, 0], [0, 0, 0]]),
    ],
)
def test_each_kind_alone_reaches_its_magnitude_and_moves_nothing_else(field, value, expected):
    draws = random_matrices(dataclasses.replace(NOTHING, **{field: value}), 4000, np.random.default_rng(0))
    np.testing.assert_allclose(reach(draws), expected, rtol=0.003)
    # Evenly to both sides.
    mean = np.abs((draws - identity_matrices(1)).mean(axis=0))
    assert (mean < 0.06 * np.array(expected) + 0.01).all() or field == "horizontal_flip"


def test_the_two_axes_are_drawn_apart():
    draws = random_matrices(
        dataclasses.replace(NOTHING, zoom=0.1, width_shift=0.1, height_shift=0.1), 4000, np.random.default_rng(0)
    )
    values = np.stack([draws[:, 0, 0], draws[:, 1, 1], draws[:, 0, 2], draws[:, 1, 2]])
    assert np.abs(np.corrcoef(values) - np.eye(4)).max() < 0.1


def test_no_augmentation_is_the_identity():
    draws = random_matrices(NOTHING, 5, np.random.default_rng(0))
    np.testing.assert_array_equal(draws, identity_matrices(5))


def test_the_same_generator_draws_the_same():
    first, second = (random_matrices(Augmentation(), 9, np.random.default_rng([1, 2, 3])) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@settings(max_examples=25, deadline=None)
@given(level=st.integers(0, 255), height=st.integers(2, 40), width=st.integers(2, 40), seed=st.integers(0, 99))
def test_a_flat_picture_stays_flat_and_spans_minus_one_to_one(level, height, width, seed):
    images = np.full((3, height, width), level, np.uint8)
    matrices = random_matrices(Augmentation(rotation=180, zoom=0.9), 3, np.random.default_rng(seed))
    result = np.asarray(network_input(images, matrices, 16))
    assert result.shape == (3, 16, 16, 3)
    np.testing.assert_allclose(result, level / 127.5 - 1, atol=1e-5)
