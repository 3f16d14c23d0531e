"""The near-duplicate search against its definition, pair by pair."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_bench.datasets import same_picture
from fer_bench.datasets.near_duplicates import METHOD, NEIGHBOURS, SIMILAR, Sketches, hashes, near_pairs
from fer_bench.datasets.same_picture import DOUBTFUL, HOPELESS, SAME, SIDE, ZOOMS, are_same, inner_part

Images = NDArray[np.uint8]


def pictures(rng: np.random.Generator, n: int, blur: float) -> Images:
    """Draw smooth pictures without a pattern, (n, SIDE, SIDE); the larger ``blur``, the more alike their detail."""
    noise = rng.normal(0, 1, (n, SIDE, SIDE)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(one, (0, 0), blur) for one in noise])
    smooth /= np.maximum(smooth.std(axis=(1, 2), keepdims=True), 1e-6)
    return np.clip(np.rint(128 + 40 * smooth), 0, 255).astype(np.uint8)


def altered(rng: np.random.Generator, image: Images, strength: float) -> Images:
    """Move, turn, zoom, light and blur a picture a little, at random: some such are the same, others are not."""
    angle, zoom = rng.normal(0, 4 * strength), 1 + rng.normal(0, 0.06 * strength)
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, zoom)
    matrix[:, 2] += rng.normal(0, 2.5 * strength, 2)
    moved = cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    noisy = moved * (1 + rng.normal(0, 0.2 * strength)) + rng.normal(0, 12 * strength, moved.shape)
    return np.clip(np.rint(noisy + rng.normal(0, 20 * strength)), 0, 255).astype(np.uint8)


def sketched(images: Images) -> Sketches:
    sketches = Sketches.empty(len(images))
    sketches.draw(slice(0, len(images)), images)
    return sketches


def is_same(inner: Images, other: Images) -> bool:
    """Return whether an inner part is found in the detail of a picture: the definition."""

    def correlation(zoom: float) -> float:
        return float(cv2.matchTemplate(same_picture._sized(other, zoom), inner, cv2.TM_CCOEFF_NORMED).max())

    at_own_size = correlation(1)
    if at_own_size >= SAME or at_own_size < HOPELESS:
        return at_own_size >= SAME
    smaller, larger, smallest, largest = ZOOMS
    below, above = correlation(smaller), correlation(larger)
    if max(below, above) >= SAME or max(below, above) < DOUBTFUL:
        return max(below, above) >= SAME
    return correlation(smallest if below > above else largest) >= SAME


def pair_by_pair(sketches: Sketches, rows: NDArray[np.intp]) -> set[tuple[int, int]]:
    """Return the near pairs by their definition: every two hashes compared, then every proposed pair."""
    kept = [int(row) for row in rows if not sketches.flat[row]]
    codes = hashes(sketches.frequencies[kept]).astype(np.float64)
    found = set()
    for place, row in enumerate(kept):
        similarity = codes[place + 1 :] @ codes[place]
        nearest = np.argsort(-similarity, kind="stable")[:NEIGHBOURS]
        for other in nearest[similarity[nearest] >= SIMILAR]:
            second = kept[place + 1 + int(other)]
            if is_same(inner_part(sketches.details[row]), sketches.details[second]):
                found.add((row, second))
    return found


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    clusters=st.lists(st.integers(1, 12), min_size=1, max_size=8),
    strength=st.sampled_from([0.2, 0.5, 1.0]),
    blur=st.sampled_from([0.8, 2.0, 4.0]),
    flat=st.integers(0, 2),
)
def test_near_pairs_are_those_of_comparing_every_two(
    seed: int, clusters: list[int], strength: float, blur: float, flat: int
) -> None:
    rng = np.random.default_rng(seed)
    groups = [
        [image, *(altered(rng, image, strength) for _ in range(size - 1))]
        for image, size in zip(pictures(rng, len(clusters), blur), clusters, strict=True)
    ]
    images = np.stack([*(image for group in groups for image in group), *[np.full((SIDE, SIDE), 7, np.uint8)] * flat])
    sketches = sketched(images[rng.permutation(len(images))])
    rows = np.sort(rng.choice(len(images), rng.integers(1, len(images) + 1), replace=False))
    found = near_pairs(sketches, rows)
    assert set(map(tuple, found.tolist())) == pair_by_pair(sketches, rows)
    assert len(set(map(tuple, found.tolist()))) == len(found)


def test_near_pairs_of_several_blocks_are_those_of_comparing_every_two() -> None:
    rng = np.random.default_rng(3)
    images = pictures(rng, 1300, 1.5)
    for copy in range(1050, 1300):
        images[copy] = altered(rng, images[rng.integers(0, 300)], 0.5)
    sketches, seen = sketched(images[rng.permutation(len(images))]), []
    found = set(map(tuple, near_pairs(sketches, np.arange(len(images)), seen.append).tolist()))
    assert found == pair_by_pair(sketches, np.arange(len(images)))
    assert len(found) > 100
    assert seen == sorted(seen)
    assert seen[-1] == len(images)


def test_progress_gets_to_its_end_where_no_pair_is_proposed() -> None:
    sketches, seen = sketched(np.full((3, SIDE, SIDE), 7, np.uint8)), []
    assert near_pairs(sketches, np.arange(3), seen.append).shape == (0, 2)
    assert seen[-1] == 3


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(4, 40),
    strength=st.floats(0.1, 1.5),
    blur=st.sampled_from([0.8, 2.0, 4.0]),
)
def test_many_pairs_at_once_get_the_answers_of_each_alone(seed: int, n: int, strength: float, blur: float) -> None:
    rng = np.random.default_rng(seed)
    bases = pictures(rng, 2, blur)
    changed = [altered(rng, bases[number % 2], strength) for number in range(n)]
    details = sketched(np.stack([*bases, *changed])).details
    pairs = np.array([(row, base) for base in (0, 1) for row in range(2, n + 2)] + [(0, row) for row in range(2, n)])
    pairs = pairs[rng.permutation(len(pairs))]
    expected = [is_same(inner_part(details[first]), details[second]) for first, second in pairs]
    assert are_same(details, pairs).tolist() == expected


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_with_an_empty_half_gets_the_answers_of_each_alone(level: int) -> None:
    rng = np.random.default_rng(level)
    details = sketched(pictures(rng, 20, 0.8)).details
    details[1:8, :, 24:] = level
    details[8, :10] = level
    details[9] = level
    pairs = np.array([(first, second) for first in range(8) for second in range(10)])
    expected = [is_same(inner_part(details[first]), details[second]) for first, second in pairs]
    assert are_same(details, pairs).tolist() == expected


def test_white_pictures_with_a_few_pixels_a_level_darker_get_the_answers_of_each_alone() -> None:
    strong = pictures(np.random.default_rng(1), 12, 1.0)
    faint = (255 - np.abs(strong.astype(int) - 128) // 90).astype(np.uint8)
    details = np.concatenate([strong, faint])
    pairs = np.array([(first, second) for first in range(24) for second in range(12, 24)])
    expected = [is_same(inner_part(details[first]), details[second]) for first, second in pairs]
    assert are_same(details, pairs).tolist() == expected


def moved(image: Images, zoom: float, right: float, down: float) -> Images:
    """Enlarge a picture around its middle and shift it by so many pixels."""
    middle = (SIDE - 1) / 2
    matrix = np.array([[zoom, 0, middle * (1 - zoom) + right], [0, zoom, middle * (1 - zoom) + down]])
    return cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def test_the_audit_says_how_far_and_how_large_a_picture_is_looked_for() -> None:
    assert METHOD["largest_shift"] == 6 / 48
    assert sorted(METHOD["scales"]) == [0.9, 0.95, 1, 1.05, 1.1]


@pytest.mark.parametrize(
    ("zoom", "right", "down", "found"),
    [
        *((1, right, down, True) for right, down in ((6, 0), (0, -6), (-6, 6))),
        *((1, right, down, False) for right, down in ((8, 0), (0, -8))),
        *((zoom, 0, 0, True) for zoom in (0.9, 0.95, 1.05, 1.1)),
        *((zoom, 0, 0, False) for zoom in (0.8, 1.2)),
        (0.9, 3, -3, True),
        (1.1, -3, 3, True),
    ],
)
def test_a_picture_is_looked_for_as_far_and_as_large_as_the_audit_says(
    zoom: float, right: int, down: int, found: bool
) -> None:
    bases = pictures(np.random.default_rng(6), 40, 1.0)
    details = sketched(np.concatenate([bases, np.stack([moved(base, zoom, right, down) for base in bases])])).details
    same = are_same(details, np.stack([np.arange(40), np.arange(40, 80)], axis=1))
    assert same.mean() >= 0.9 if found else same.mean() <= 0.1


def test_a_correlation_at_the_threshold_is_that_of_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(12)
    bases = pictures(rng, 30, 2.0)
    details = sketched(np.concatenate([bases, np.stack([altered(rng, base, 0.3) for base in bases])])).details
    for row in range(30):
        inner = inner_part(details[row])
        exact = float(cv2.matchTemplate(details[30 + row], inner, cv2.TM_CCOEFF_NORMED).max())
        monkeypatch.setattr(same_picture, "SAME", exact)
        assert are_same(details, np.array([[row, 30 + row]])).tolist() == [True]
