"""The leakage audit: what counts as a copy, across which splits, and what is listed."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_bench.datasets.audit import (
    COLUMNS,
    Copies,
    audit,
    find_copies,
    subject_lines,
    table_rows,
    train_copies_of_test,
    write_csv,
)
from fer_bench.datasets.synthetic import action_units, draw_identity, draw_view, render
from fer_bench.emotions import EMOTIONS

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def faces() -> Images:
    """400 different people, 48 x 48."""
    rng = np.random.default_rng(11)
    return np.stack(
        [
            render(draw_identity(rng), action_units(EMOTIONS[i % 7], rng), draw_view(rng, "wild"), 48, gray=True).image
            for i in range(400)
        ]
    )


@dataclass
class Stand:
    """What the audit takes of a prepared dataset."""

    images: Images
    labels: NDArray[np.uint8]
    splits: NDArray[np.str_]
    groups: NDArray[np.str_]
    dataset: str = "fer2013"
    fingerprint: str = "f" * 64
    ids: NDArray[np.str_] = field(init=False)
    parts: NDArray[np.str_] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = np.array([f"fer{i:07}" for i in range(len(self.images))])
        self.parts = np.where(self.splits == "test", "PublicTest", "Training")

    def sources(self) -> list[str]:
        return [f"fer2013.csv:{i + 2}" for i in range(len(self.images))]


def stand(images: Images, labels: list[int], splits: list[str], groups: list[str] | None = None) -> Stand:
    return Stand(images, np.array(labels, np.uint8), np.array(splits), np.array(groups or [""] * len(images)))


def found(images: Images, labels: list[int] | None = None, splits: list[str] | None = None) -> tuple[Copies, Copies]:
    n = len(images)
    return find_copies([images], np.array(labels or [0] * n, np.uint8), np.array(splits or ["train"] * n))


def figures(copies: Copies) -> tuple[int, int, int, int]:
    return copies.groups, copies.extra_copies, copies.cross_split_groups, copies.conflicting_label_groups


def members(copies: Copies) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(copies.numbers == number).tolist()) for number in range(1, copies.groups + 1)}


# Exact copies.


def test_exact_copies_are_counted_by_group_split_and_label(faces: Images) -> None:
    images = np.stack([faces[i] for i in (0, 1, 0, 2, 1, 0, 3)])
    exact, _ = found(images, [4, 5, 4, 1, 6, 4, 0], ["train", "train", "test", "train", "val", "train", "test"])
    assert figures(exact) == (2, 3, 1, 1)
    assert exact.largest_group == 3
    assert exact.numbers.tolist() == [1, 2, 1, 0, 2, 1, 0]


@pytest.mark.parametrize(("splits", "across"), [(("train", "val"), 0), (("val", "test"), 1), (("test", "test"), 0)])
def test_validation_images_count_as_train(faces: Images, splits: tuple[str, str], across: int) -> None:
    for copies in found(faces[[0, 1, 0]], splits=[splits[0], "train", splits[1]]):
        assert figures(copies) == (1, 1, across, 0)


def test_one_changed_pixel_is_no_exact_copy(faces: Images) -> None:
    changed = faces[0].copy()
    changed[47, 47] ^= 1
    exact, near = found(np.stack([faces[0], changed]))
    assert (exact.groups, near.groups) == (0, 1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 6), st.sampled_from(["train", "val", "test"])),
        min_size=1,
        max_size=40,
    )
)
def test_exact_groups_are_those_of_equal_bytes(rows: list[tuple[int, int, str]]) -> None:
    patterns = np.random.default_rng(0).integers(0, 256, (13, 6, 5)).astype(np.uint8)
    patterns[0], patterns[1], patterns[2] = 0, 255, patterns[3]
    images = np.stack([patterns[pattern] for pattern, _, _ in rows])
    groups: dict[bytes, list[int]] = {}
    for row, image in enumerate(images):
        groups.setdefault(image.tobytes(), []).append(row)
    several = [group for group in groups.values() if len(group) > 1]
    sides = [{rows[row][2] == "test" for row in group} for group in several]
    labels = [{rows[row][1] for row in group} for group in several]

    exact, near = found(images, [label for _, label, _ in rows], [split for _, _, split in rows])
    assert members(exact) == set(map(frozenset, several))
    assert figures(exact) == (
        len(several),
        sum(len(group) - 1 for group in several),
        sum(len(side) == 2 for side in sides),
        sum(len(label) > 1 for label in labels),
    )
    assert all(any(group <= other for other in members(near)) for group in members(exact))


# Near copies.


def jpeg(image: Images, quality: int) -> Images:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def shifted(image: Images, right: int, down: int) -> Images:
    move = np.array([[1, 0, right], [0, 1, down]], np.float64)
    return cv2.warpAffine(image, move, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def cropped(image: Images) -> Images:
    return cv2.resize(image[1:-1, 2:], image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def resized(image: Images) -> Images:
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_CUBIC)


CHANGES = {
    "encoded again": lambda image: jpeg(image, 40),
    "brighter": lambda image: cv2.add(image, 30),
    "less contrast": lambda image: cv2.convertScaleAbs(image, alpha=0.6, beta=20),
    "gamma": lambda image: np.rint(255 * (image / 255) ** 1.5).astype(np.uint8),
    "one pixel to the right": lambda image: shifted(image, 1, 0),
    "two pixels down": lambda image: shifted(image, 0, 2),
    "cropped": cropped,
    "resized": resized,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_a_near_copy(faces: Images, change: str) -> None:
    n = len(faces)
    copies = np.stack([CHANGES[change](faces[i]) for i in range(0, 40, 2)])
    exact, near = found(
        np.concatenate([faces, copies]), [3] * n + [5] * len(copies), ["train"] * n + ["test"] * len(copies)
    )
    assert exact.groups == 0
    assert figures(near) == (20, 20, 20, 20)
    assert members(near) == {frozenset((2 * i, n + i)) for i in range(20)}


def cut(image: Images, share: float, down: float, across: float) -> Images:
    """Cut a share of the side off, so much of it above and so much on the left, and enlarge the rest."""
    side = len(image) - 1
    left, scale = share * side, 1 / (1 - share)
    matrix = np.array([[scale, 0, -scale * left * across], [0, scale, -scale * left * down]])
    return cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


def halved(image: Images) -> Images:
    return cv2.resize(cv2.resize(image, (24, 24), interpolation=cv2.INTER_AREA), image.shape[::-1])


# As near_duplicates says of FER-2013's pictures, where not otherwise noted.
SHARES = {
    "JPEG at quality 30": (lambda image: jpeg(image, 30), 0.98),
    "JPEG at quality 10": (lambda image: jpeg(image, 10), 0.75),  # Nine in ten; drawn faces show less detail.
    "a third of the light": (lambda image: cv2.convertScaleAbs(image, alpha=0.3), 0.98),
    "half the resolution": (halved, 0.98),
    "shifted by 4 %": (lambda image: shifted(image, 2, 0), 0.98),
    "shifted by 4 % both ways": (lambda image: shifted(image, -2, 2), 0.98),
    "shifted by 6 %": (lambda image: shifted(image, 0, 3), 0.8),
    "cropped by 4 %": (lambda image: cut(image, 0.04, 1, 1), 0.98),
    "cropped by 6 %": (lambda image: cut(image, 0.06, 0, 1), 0.8),
    "cropped by 10 % all around": (lambda image: cut(image, 0.1, 0.5, 0.5), 0.9),  # The smallest of METHOD's scales.
}


@pytest.mark.parametrize("change", SHARES)
def test_as_many_copies_are_found_as_is_said_and_nothing_else(faces: Images, change: str) -> None:
    changed, least = SHARES[change]
    n, copies = len(faces), np.stack([changed(face) for face in faces[:100]])
    _, near = found(np.concatenate([faces, copies]))
    both = (near.numbers[:100] == near.numbers[n:]) & (near.numbers[n:] > 0)
    assert both.mean() >= least
    assert members(near) == {frozenset((i, n + i)) for i in np.flatnonzero(both).tolist()}


def test_different_people_are_not_put_together(faces: Images) -> None:
    for copies in found(faces):
        assert (copies.groups, copies.extra_copies, copies.largest_group) == (0, 0, 0)


def test_pictures_of_one_person_at_different_times_are_different_ones() -> None:
    rng = np.random.default_rng(9)
    shown = []
    for _ in range(25):
        who = draw_identity(rng)
        for name in ("happy", "surprise", "angry"):
            shown.append(render(who, action_units(name, rng), draw_view(rng, "wild"), 48, gray=True).image)
    assert found(np.stack(shown))[1].groups == 0


def test_expressions_in_one_pose_and_light_are_seldom_copies_and_never_of_two_people() -> None:
    rng = np.random.default_rng(8)
    shown = []
    for _ in range(20):
        who, view = draw_identity(rng), draw_view(rng, "wild")
        shown += [render(who, action_units(name, rng), view, 48, gray=True).image for name in EMOTIONS[:4]]
    _, near = found(np.stack(shown))
    assert near.extra_copies <= 0.2 * len(shown)
    assert all(len({row // 4 for row in group}) == 1 for group in members(near))


def test_people_before_a_plain_ground_are_told_apart_where_cropped_to_the_face() -> None:
    rng = np.random.default_rng(7)
    shown = []  # Drawn heads are alike: without the crop a third of them are taken for others.
    for number in range(80):
        units, view = action_units(EMOTIONS[number % 7], rng), draw_view(rng, "laboratory")
        face = render(draw_identity(rng), units, view, 160, gray=True)
        middle, half = face.landmarks.mean(axis=0), 0.65 * np.ptp(face.landmarks, axis=0).max()
        left, top = np.maximum(np.rint(middle - half), 0).astype(int)
        right, bottom = np.rint(middle + half).astype(int)
        shown.append(cv2.resize(face.image[top:bottom, left:right], (48, 48), interpolation=cv2.INTER_AREA))
    assert found(np.stack(shown))[1].extra_copies <= 2


def test_near_copies_include_exact_ones_and_join_their_groups(faces: Images) -> None:
    again = jpeg(faces[0], 50)
    images = np.stack([faces[0], faces[1], faces[0], again, again, faces[2], faces[2]])
    exact, near = found(images)
    assert figures(exact)[:2] == (3, 3)
    assert members(near) == {frozenset((0, 2, 3, 4)), frozenset((5, 6))}
    assert (near.extra_copies, near.largest_group) == (4, 4)


@pytest.mark.parametrize("size", [(100, 100), (224, 224), (48, 64), (20, 20)])
def test_pictures_of_any_size_are_compared(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    large = [render(draw_identity(rng), {}, draw_view(rng, "wild"), 224, gray=True).image for _ in range(6)]
    images = [cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA) for image in large]
    images.append(cv2.add(images[4], 25))
    assert members(found(np.stack(images))[1]) == {frozenset((4, 6))}


def test_pictures_without_content_are_only_ever_exact_copies() -> None:
    black, gray = np.zeros((5_000, 48, 48), np.uint8), np.full((2, 48, 48), 90, np.uint8)
    faint = np.random.default_rng(0).integers(100, 102, (3_000, 48, 48)).astype(np.uint8)
    exact, near = found(np.concatenate([black, gray, faint]))
    assert figures(exact) == (2, 5_000, 0, 0)
    assert members(near) == members(exact)


def test_pages_that_differ_only_at_their_edge_are_not_put_together() -> None:
    pages = np.full((2, 48, 48), 250, np.uint8)
    pages[0, :3, :20], pages[1, 40:, 44:] = 0, 0
    assert found(pages)[1].groups == 0


def test_hundreds_of_copies_all_over_the_dataset_are_one_group(faces: Images) -> None:
    rng = np.random.default_rng(1)
    light = rng.integers(-20, 20, (800, 1, 1)) + rng.normal(0, 2, (800, 48, 48))
    images = np.concatenate([faces, np.clip(np.rint(faces[7] + light), 0, 255).astype(np.uint8)])
    order = rng.permutation(len(images))
    _, near = found(images[order])
    assert members(near) == {frozenset(np.flatnonzero((order == 7) | (order >= len(faces))).tolist())}


def test_groups_are_numbered_by_their_first_image(faces: Images) -> None:
    images = np.stack([faces[3], faces[1], faces[2], jpeg(faces[2], 50), jpeg(faces[1], 50), faces[3]])
    exact, near = found(images)
    assert exact.numbers.tolist() == [1, 0, 0, 0, 0, 1]
    assert near.numbers.tolist() == [1, 2, 3, 3, 2, 1]


def test_a_memory_map_is_only_read_and_progress_counts_images_twice(faces: Images, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.concatenate([faces, faces[:1]]))
    before = (tmp_path / "images.npy").read_bytes()
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    seen: list[tuple[int, int]] = []
    exact, _ = find_copies(
        [images], np.zeros(401, np.uint8), np.full(401, "train"), lambda done, total: seen.append((done, total))
    )
    assert exact.groups == 1
    assert np.array_equal(images[400], faces[0])
    assert (tmp_path / "images.npy").read_bytes() == before
    assert {total for _, total in seen} == {802}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (802, 802)


# The whole audit.


def test_subjects_in_two_splits_are_named(faces: Images) -> None:
    splits = ["train", "train", "val", "val", "val", "test", "test", "test"]
    subjects = ["S3", "S1", "S1", "S2", "S4", "S2", "S3", ""]
    result = audit(stand(faces[:8], [0] * 8, splits, subjects))  # type: ignore[arg-type]
    assert result.subjects == 4
    assert result.subjects_in_train_and_test == ("S2", "S3")
    assert result.subjects_in_train_and_val == ("S1",)
    assert result.as_json()["subjects_in_two_splits"] == 2
    assert result.as_json()["subjects_in_two_splits_names"] == ["S2", "S3"]
    assert subject_lines(result) == [
        "Subjects in train and test: 2 of 4: S2, S3",
        "Subjects in training and validation: 1 of 4: S1",
    ]
    clean = audit(stand(faces[:2], [0, 0], ["train", "test"], ["S1", "S2"]))  # type: ignore[arg-type]
    assert subject_lines(clean) == ["No subject of 2 is in two splits"]
    assert subject_lines(audit(stand(faces[:2], [0, 0], ["train", "test"]))) == []  # type: ignore[arg-type]
    crowd = [f"S{n:02}" for n in range(14)]
    crowded = audit(stand(faces[:28], [0] * 28, ["train"] * 14 + ["test"] * 14, crowd * 2))  # type: ignore[arg-type]
    assert subject_lines(crowded)[0].endswith("S10, S11, ...")


def test_the_json_has_the_agreed_keys(faces: Images) -> None:
    images = np.stack([faces[0], faces[1], faces[0], jpeg(faces[1], 50)])
    result = audit(stand(images, [0, 1, 2, 1], ["train", "train", "test", "train"]))  # type: ignore[arg-type]
    content = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert (content["dataset"], content["fingerprint"], content["n"]) == ("fer2013", "f" * 64, 4)
    keys = ("duplicate_groups", "extra_copies", "cross_split_groups", "conflicting_label_groups")
    assert [content[key] for key in keys] == [1, 1, 1, 1]
    assert [content[f"near_{key}"] for key in keys] == [2, 2, 1, 1]
    assert (content["largest_group"], content["near_largest_group"]) == (2, 2)
    assert content["near_method"]["least_correlation"] == 0.82
    assert table_rows(result) == [("exact copies", 1, 1, 1, 1), ("near copies", 2, 2, 1, 1)]


def test_the_list_names_every_copy_by_kind_group_and_row(faces: Images, tmp_path: Path) -> None:
    images = np.stack([faces[0], jpeg(faces[1], 50), faces[5], faces[0], faces[1]])
    dataset = stand(images, [0, 1, 2, 6, 1], ["train", "val", "train", "test", "train"], ["S1", "", "", "S\r2", ""])
    path = tmp_path / "audits" / "fer2013.csv"
    write_csv(path, dataset, audit(dataset))  # type: ignore[arg-type]
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert tuple(header) == COLUMNS
    both = [
        ["fer0000000", "train", "Training", "angry", "fer2013.csv:2", "S1"],
        ["fer0000003", "test", "PublicTest", "surprise", "fer2013.csv:5", "S\r2"],
    ]
    assert rows == [
        ["exact", "1", *both[0]],
        ["exact", "1", *both[1]],
        ["near", "1", *both[0]],
        ["near", "1", *both[1]],
        ["near", "2", "fer0000001", "val", "Training", "disgust", "fer2013.csv:3", ""],
        ["near", "2", "fer0000004", "train", "Training", "disgust", "fer2013.csv:6", ""],
    ]
    first = path.read_bytes()
    write_csv(path, dataset, audit(dataset))  # type: ignore[arg-type]
    assert path.read_bytes() == first
    assert [child.name for child in path.parent.iterdir()] == ["fer2013.csv"]


# Training images to drop.


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 255]), st.booleans()), max_size=30))
def test_train_copies_of_test_are_those_whose_digest_a_test_image_has(rows: list[tuple[int, bool]]) -> None:
    # Digests that differ only in their last bytes, or end in zeros, are different ones all the same.
    digests = np.array([bytes([last] + [0] * 14 + [last]) for last, _ in rows], "V16")
    train = np.array([is_train for _, is_train in rows], np.bool_)
    tested = {last for last, is_train in rows if not is_train}
    expected = [is_train and last in tested for last, is_train in rows]
    assert train_copies_of_test(digests, train).tolist() == expected


def test_half_equal_digests_are_different() -> None:
    digests = np.array([b"a" * 16, b"a" * 8 + b"b" * 8, b"b" * 8 + b"a" * 8, b"a" * 16], "V16")
    train = np.array([True, True, True, False])
    assert train_copies_of_test(digests, train).tolist() == [True, False, False, False]
