"""The synthetic faces: repeatable, laid out and labelled as the real datasets, neither trivial nor hopeless."""

import csv
import errno
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

from fer_bench.datasets.synthetic import (
    LAYOUTS,
    MARKER,
    action_units,
    draw_identity,
    draw_view,
    render,
    synthesize,
)
from fer_bench.emotions import CONTEMPT, EMOTIONS
from fer_bench.errors import FerBenchError

# The label codes as the datasets publish them.
FER2013 = {0: "angry", 1: "disgust", 2: "fear", 3: "happy", 4: "sad", 5: "surprise", 6: "neutral"}
RAF_DB = {1: "surprise", 2: "fear", 3: "disgust", 4: "happy", 5: "sad", 6: "angry", 7: "neutral"}
AFFECTNET = {
    0: "neutral", 1: "happy", 2: "sad", 3: "surprise", 4: "fear", 5: "disgust", 6: "angry", 7: "contempt",
}  # fmt: skip
CK_PLUS = {
    0: "neutral", 1: "angry", 2: "contempt", 3: "disgust", 4: "fear", 5: "happy", 6: "sad", 7: "surprise",
}  # fmt: skip

CK48 = {
    "anger": "angry", "disgust": "disgust", "fear": "fear", "happy": "happy", "sadness": "sad", "surprise": "surprise",
}  # fmt: skip
FERPLUS = {
    "anger": "angry", "disgust": "disgust", "fear": "fear", "happiness": "happy", "neutral": "neutral",
    "sadness": "sad", "surprise": "surprise",
}  # fmt: skip

Made = dict[str, Path]
Faces = Iterator[tuple[np.ndarray, str]]
"""Gray 48 x 48 pictures of the test set and what they show."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Each dataset in its default layout; sizes leave the classes unequal, so that a swap of labels shows in counts."""
    root = tmp_path_factory.mktemp("synthetic")
    sizes = {"fer2013": (490, 352), "raf-db": (283, 212), "affectnet": (283, 212), "ck-plus": (0, 8)}
    for dataset, (train, test) in sizes.items():
        synthesize(dataset, root / dataset, train=train, test=test)
    return {dataset: root / dataset for dataset in sizes}


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def small_gray(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return cv2.resize(image, (48, 48), interpolation=cv2.INTER_AREA)


def load_fer(folder: Path, split: str) -> tuple[np.ndarray, list[str]]:
    files = sorted((folder / split).glob("*/*.jpg"))
    return np.stack([small_gray(file) for file in files]), [file.parent.name for file in files]


def load_raf(folder: Path, split: str) -> tuple[np.ndarray, list[str]]:
    rows = [line.split() for line in (folder / "basic/EmoLabel/list_patition_label.txt").read_text().splitlines()]
    rows = [row for row in rows if row[0].startswith(split)]
    files = [folder / "basic/Image/aligned" / name.replace(".jpg", "_aligned.jpg") for name, _ in rows]
    return np.stack([small_gray(file) for file in files]), [RAF_DB[int(code)] for _, code in rows]


def load_affectnet(folder: Path, split: str) -> tuple[np.ndarray, list[str]]:
    part = folder / {"train": "train_set", "test": "val_set"}[split]
    files = sorted((part / "images").glob("*.jpg"))
    labels = [AFFECTNET[int(np.load(part / "annotations" / f"{file.stem}_exp.npy"))] for file in files]
    keep = [index for index, label in enumerate(labels) if label != "contempt"]
    return np.stack([small_gray(files[index]) for index in keep]), [labels[index] for index in keep]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="ascii", newline="") as stream:
        return list(csv.DictReader(stream))


def pixels(row: dict[str, str]) -> np.ndarray:
    return np.array(row["pixels"].split(), np.uint8).reshape(48, 48)


def cropped(path: Path, edges: list[float]) -> np.ndarray:
    left, top, right, bottom = map(round, edges)
    face = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[top:bottom, left:right]
    return cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)


LOADERS = {"fer2013": load_fer, "raf-db": load_raf, "affectnet": load_affectnet}


def gradients(images: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients over 8 x 8 cells."""
    features = []
    for image in images.astype(np.float32):
        size, angle = cv2.cartToPolar(cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1))
        bins = (angle / np.pi % 1 * 9).astype(int) % 9
        cells = np.stack([np.where(bins == k, size / (size.mean() + 1e-3), 0) for k in range(9)], axis=-1)
        cells = cv2.resize(cells, (8, 8), interpolation=cv2.INTER_AREA)
        features.append((cells / (np.linalg.norm(cells, axis=-1, keepdims=True) + 1)).ravel())
    return np.stack(features)


def counts_of(labels: list[str]) -> list[int]:
    return [Counter(labels)[emotion] for emotion in EMOTIONS]


def marker(folder: Path) -> dict[str, Any]:
    return json.loads((folder / MARKER).read_text())


# Difficulty


@pytest.mark.parametrize("dataset", LOADERS)
def test_raw_pixels_say_little_and_shapes_say_much(made: Made, dataset: str) -> None:
    images, labels = LOADERS[dataset](made[dataset], "train")
    test_images, truth = LOADERS[dataset](made[dataset], "test")
    flat = [each.reshape(len(each), -1).astype(float) for each in (images, test_images)]
    centroid = NearestCentroid().fit(flat[0], labels).score(flat[1], truth)
    shapes = LogisticRegression(C=0.3, max_iter=300).fit(gradients(images), labels).score(gradients(test_images), truth)
    assert centroid < 0.35
    assert shapes > 0.75
    assert shapes > centroid + 0.4


@pytest.fixture(scope="module")
def fer2013_model(made: Made) -> LogisticRegression:
    images, labels = load_fer(made["fer2013"], "train")
    return LogisticRegression(C=0.3, max_iter=300).fit(gradients(images), labels)


@pytest.mark.parametrize("dataset", ["raf-db", "affectnet"])
def test_classes_mean_the_same_in_every_dataset(made: Made, fer2013_model: LogisticRegression, dataset: str) -> None:
    test_images, truth = LOADERS[dataset](made[dataset], "test")
    predicted = fer2013_model.predict(gradients(test_images))
    for emotion in EMOTIONS:
        mine = predicted[np.array(truth) == emotion]
        assert Counter(mine.tolist()).most_common(1)[0][0] == emotion


# Repeatability


@dataclass(frozen=True)
class Small:
    """A small set of a layout, and what drawing it said."""

    dataset: str
    layout: str
    folder: Path
    returned: dict[str, Any]
    progress: list[tuple[int, int]]


def draw_small(dataset: str, layout: str, folder: Path, seed: int) -> Small:
    calls: list[tuple[int, int]] = []
    returned = synthesize(
        dataset,
        folder,
        train=8,
        test=7,
        seed=seed,
        layout=layout,
        progress=lambda done, total: calls.append((done, total)),
    )
    return Small(dataset, layout, folder, returned, calls)


EVERY_LAYOUT = [(dataset, layout) for dataset, layouts in LAYOUTS.items() for layout in layouts]


@pytest.fixture(scope="module", params=EVERY_LAYOUT, ids="-".join)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Small:
    return draw_small(*request.param, tmp_path_factory.mktemp("small"), 4)


def test_the_seed_alone_decides_the_bytes(tmp_path: Path, small: Small) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    def drawn(name: str, seed: int) -> dict[str, bytes]:
        return files(draw_small(small.dataset, small.layout, tmp_path / name, seed).folder)

    first = files(small.folder)
    assert first == drawn("again", 4)
    other = drawn("other", 5)
    # RAF-DB's label tables are the same for every seed: they hold names and codes.
    pictures = [name for name in first if name.endswith((".jpg", ".png", ".csv")) and "_labels" not in name]
    assert pictures
    assert not any(first[name] == other.get(name) for name in pictures)


def test_a_folder_says_which_layout_it_is_and_how_many_pictures_count(small: Small) -> None:
    assert marker(small.folder) == small.returned
    assert (small.returned["dataset"], small.returned["layout"]) == (small.dataset, small.layout)
    by_protocol = small.returned["counts_by_protocol"]
    assert small.returned["counts"] in by_protocol.values()
    total = len(small.progress)
    assert small.progress == [(done, total) for done in range(1, total + 1)]
    # What has none of the seven labels, and frames that no protocol takes, are outside the counts.
    assert all(0 < sum(map(sum, parts.values())) <= total for parts in by_protocol.values())


def test_a_larger_set_begins_with_the_smaller(tmp_path: Path) -> None:
    for name, train in (("small", 7), ("large", 14)):
        synthesize("raf-db", tmp_path / name, train=train, test=7)
    files = list((tmp_path / "small" / "basic").rglob("*.jpg"))
    assert len(files) == 14
    for file in files:
        assert file.read_bytes() == (tmp_path / "large" / file.relative_to(tmp_path / "small")).read_bytes()


# Layouts


def test_fer2013_folders(made: Made) -> None:
    folder = made["fer2013"]
    found: dict[str, list[str]] = {"Training": [], "PublicTest": [], "PrivateTest": []}
    for file in folder.glob("*/*/*.jpg"):
        usage = re.fullmatch(r"(Training|PublicTest|PrivateTest)_\d{8}\.jpg", file.name)
        assert usage
        assert file.parent.parent.name == ("train" if usage[1] == "Training" else "test")
        found[usage[1]].append(file.parent.name)
        image = read(file)
        assert image.shape == (48, 48)
        assert image.dtype == np.uint8
    assert {usage: counts_of(labels) for usage, labels in found.items()} == marker(folder)["counts"]
    assert sum(marker(folder)["counts"]["Training"]) == 490
    assert len(found["PublicTest"]) == len(found["PrivateTest"]) == 176


def test_fer2013_csv_holds_the_folders_pictures_with_its_own_codes(tmp_path: Path) -> None:
    for layout in ("folders", "csv"):
        synthesize("fer2013", tmp_path / layout, train=23, test=14, layout=layout)
    lines = (tmp_path / "csv" / "fer2013.csv").read_text().splitlines()
    assert lines[0] == "emotion,pixels,Usage"
    rows = [line.split(",") for line in lines[1:]]
    assert [usage for _, _, usage in rows] == ["Training"] * 23 + ["PublicTest"] * 7 + ["PrivateTest"] * 7
    for number, (code, pixels, usage) in enumerate(rows):
        values = np.array(pixels.split(), dtype=float).reshape(48, 48)
        split = "train" if usage == "Training" else "test"
        file = tmp_path / "folders" / split / FER2013[int(code)] / f"{usage}_{10_000_000 + number}.jpg"
        assert np.abs(read(file) - values).mean() < 4
    assert marker(tmp_path / "csv")["counts"] == marker(tmp_path / "folders")["counts"]


def test_raf_db(made: Made) -> None:
    folder = made["raf-db"]
    for split, digits in (("train", 5), ("test", 4)):
        _, labels = load_raf(folder, split)
        assert counts_of(labels) == marker(folder)["counts"][split]
        for number in range(1, len(labels) + 1):
            name = f"{split}_{number:0{digits}d}"
            assert read(folder / f"basic/Image/aligned/{name}_aligned.jpg").shape == (100, 100, 3)
            lines = (folder / f"basic/Annotation/manual/{name}_manu_attri.txt").read_text().splitlines()
            points = np.array([line.split("\t") for line in lines[:5]], dtype=float)
            assert (points > 0).all()
            assert (points < 100).all()
            eye, other_eye, nose, mouth, _ = points
            assert eye[0] < nose[0] < other_eye[0]
            assert eye[1] < nose[1] < mouth[1]
            gender, race, age = map(int, lines[5:])
            assert gender in range(3)
            assert race in range(3)
            assert age in range(5)
    assert len(list((folder / "basic/Image/aligned").iterdir())) == 283 + 212


def test_affectnet(made: Made) -> None:
    folder = made["affectnet"]
    sizes: Counter[int] = Counter()
    for part, total in (("train_set", 283), ("val_set", 212)):
        labels = []
        for file in (folder / part / "images").iterdir():
            height, width, channels = read(file).shape
            assert (height, channels) == (width, 3)
            sizes[height] += 1
            exp, val, aro, lnd = (
                np.load(folder / part / "annotations" / f"{file.stem}_{kind}.npy")
                for kind in ("exp", "val", "aro", "lnd")
            )
            assert exp.shape == ()
            assert exp.dtype.kind == "U"
            labels.append(AFFECTNET[int(exp)])
            assert abs(float(val)) <= 1
            assert abs(float(aro)) <= 1
            assert lnd.shape == (136,)
            assert lnd.min() >= 0
            assert lnd.max() <= height - 1
        assert counts_of(labels) == marker(folder)["counts"][part]
        assert len(labels) - total == labels.count("contempt") > 0
    assert sizes.most_common(1)[0][0] == 224
    assert len(sizes) > 10
    assert min(sizes) >= 160
    assert max(sizes) <= 400


def ck_points(path: Path) -> np.ndarray:
    lines = path.read_text().splitlines()
    assert all(re.fullmatch(r"(   \d\.\d{7}e[+-]\d\d){2}", line) for line in lines)
    return np.array([line.split() for line in lines], dtype=float)


def test_ck_plus(made: Made) -> None:
    folder = made["ck-plus"]
    labels, shapes, unlabelled = [], set(), 0
    smile, gape, wrinkle, lopsided = {}, {}, {}, {}
    for sequence in (folder / "cohn-kanade-images").glob("S*/*"):
        below = sequence.relative_to(folder / "cohn-kanade-images")
        frames = sorted(sequence.iterdir())
        assert 4 <= len(frames) <= 8
        shapes |= {read(frame).shape for frame in (frames[0], frames[-1])}
        points = [ck_points(folder / "Landmarks" / below / f"{frame.stem}_landmarks.txt") for frame in frames]
        for each in points:
            assert each.shape == (68, 2)
            assert (each >= 0).all()
            assert (each <= (639, 489)).all()
        written = list((folder / "Emotion" / below).iterdir())
        if not written:
            unlabelled += 1
            continue
        assert [file.name for file in written] == [f"{frames[-1].stem}_emotion.txt"]
        text = written[0].read_text()
        assert re.fullmatch(r"   \d\.0000000e\+00\n", text)
        emotion = CK_PLUS[int(float(text))]
        labels.append(emotion)
        # The sequence starts at rest: what changed tells whether the label is the face's.
        change = points[-1] - points[0]
        smile[emotion] = change[[62, 66], 1].mean() - change[[48, 54], 1].mean()
        gape[emotion] = change[66, 1] - change[62, 1]
        wrinkle[emotion] = change[[39, 42], 1].mean() - change[31:36, 1].mean()
        lopsided[emotion] = abs(change[48, 1] - change[54, 1])
    assert max(smile, key=smile.__getitem__) == "happy"
    assert min(smile, key=smile.__getitem__) in ("sad", "disgust")
    assert max(gape, key=gape.__getitem__) == "surprise"
    assert max(wrinkle, key=wrinkle.__getitem__) == "disgust"
    assert max(lopsided, key=lopsided.__getitem__) == "contempt"
    subjects = {path.name for path in (folder / "cohn-kanade-images").iterdir()}
    counts = marker(folder)["counts"]
    assert counts_of(labels) == counts["peak"] == [2, 2, 1, 1, 0, 1, 1]
    assert marker(folder)["counts_by_protocol"] == {
        "paper-432": counts,
        "peak-309": {"peak": counts["peak"]},
        "last-three": {"last-three": [3 * count for count in counts["peak"]]},
    }
    assert counts["neutral"] == [0, 0, 0, 0, len(subjects), 0, 0]
    assert labels.count("contempt") > 0
    assert unlabelled > 0
    assert shapes == {(490, 640), (490, 640, 3)}


# Further layouts


def split_csv_faces(folder: Path) -> Faces:
    for row in table(folder / "test.csv"):
        yield pixels(row), FER2013[int(row["emotion"])]


def renamed_faces(folder: Path) -> Faces:
    for file in sorted((folder / "test").glob("*/im*.png")):
        yield small_gray(file), file.parent.name


def raf_original_faces(folder: Path) -> Faces:
    base = folder / "basic"
    for line in (base / "EmoLabel/list_patition_label.txt").read_text().splitlines():
        name, code = line.split()
        if name.startswith("test"):
            box = (base / f"Annotation/boundingbox/{Path(name).stem}_boundingbox.txt").read_text()
            yield cropped(base / "Image/original" / name, [float(edge) for edge in box.split()]), RAF_DB[int(code)]


def raf_folder_faces(folder: Path) -> Faces:
    for file in sorted((folder / "DATASET/test").glob("*/*.jpg")):
        yield small_gray(file), RAF_DB[int(file.parent.name)]


def affectnet_table_faces(folder: Path) -> Faces:
    for row in table(folder / "validation.csv"):
        if int(row["expression"]) < 7:
            left, top, width, height = (int(row[f"face_{name}"]) for name in ("x", "y", "width", "height"))
            file = folder / "Manually_Annotated_Images" / row["subDirectory_filePath"]
            yield cropped(file, [left, top, left + width, top + height]), AFFECTNET[int(row["expression"])]


def affectnet_folder_faces(folder: Path) -> Faces:
    for file in sorted((folder / "val").glob("[0-6]/*.jpg")):
        yield small_gray(file), AFFECTNET[int(file.parent.name)]


def ck48_faces(folder: Path) -> Faces:
    for name, emotion in CK48.items():
        for file in sorted((folder / "CK+48" / name).glob("*.png"))[2::3]:
            yield small_gray(file), emotion


def ckextended_faces(folder: Path) -> Faces:
    for row in table(folder / "ckextended.csv"):
        if row["emotion"] != "7":
            yield pixels(row), FER2013[int(row["emotion"])]


@pytest.mark.parametrize(
    ("dataset", "layout", "faces"),
    [
        ("fer2013", "split-csv", split_csv_faces),
        ("fer2013", "folders-renamed", renamed_faces),
        ("raf-db", "original", raf_original_faces),
        ("raf-db", "class-folders", raf_folder_faces),
        ("affectnet", "manual-csv", affectnet_table_faces),
        ("affectnet", "class-folders", affectnet_folder_faces),
        ("ck-plus", "ck48", ck48_faces),
        ("ck-plus", "ckextended", ckextended_faces),
    ],
)
def test_classes_mean_the_same_in_every_layout(
    tmp_path: Path, fer2013_model: LogisticRegression, dataset: str, layout: str, faces: Callable[[Path], Faces]
) -> None:
    synthesize(dataset, tmp_path / "made", train=7, test=48 if dataset == "ck-plus" else 70, layout=layout)
    images, truth = zip(*faces(tmp_path / "made"), strict=True)
    predicted = fer2013_model.predict(gradients(np.stack(images)))
    for emotion in set(truth):
        mine = predicted[np.array(truth) == emotion]
        assert Counter(mine.tolist()).most_common(1)[0][0] == emotion
    assert len(set(truth)) == (6 if layout == "ck48" else 7)


def test_fer2013_split_tables_hold_the_rows_of_the_whole_one(tmp_path: Path) -> None:
    for layout in ("csv", "split-csv"):
        synthesize("fer2013", tmp_path / layout, train=23, test=15, layout=layout)
    parts = [table(tmp_path / "split-csv" / f"{name}.csv") for name in ("train", "val", "test")]
    assert [len(part) for part in parts] == [23, 8, 7]
    assert [row for part in parts for row in part] == table(tmp_path / "csv" / "fer2013.csv")
    assert marker(tmp_path / "csv")["counts"] == marker(tmp_path / "split-csv")["counts"]


def test_fer2013_renamed_pictures_are_those_of_the_table(tmp_path: Path) -> None:
    for layout in ("csv", "folders-renamed"):
        synthesize("fer2013", tmp_path / layout, train=23, test=15, layout=layout)
    folder = tmp_path / "folders-renamed"
    expected = Counter(
        ("train" if row["Usage"] == "Training" else "test", FER2013[int(row["emotion"])], pixels(row).tobytes())
        for row in table(tmp_path / "csv" / "fer2013.csv")
    )
    found = Counter((file.parts[-3], file.parts[-2], read(file).tobytes()) for file in folder.glob("*/*/im*.png"))
    assert found == expected
    counts = {"Training": [4, 4, 3, 3, 3, 3, 3], "Test": [3, 2, 2, 2, 2, 2, 2]}
    assert marker(folder)["counts"] == counts
    assert marker(folder)["counts_by_protocol"] == {"original": counts}
    assert (folder / "train" / "angry" / "im0.png").is_file()


def test_ferplus_votes_stand_beside_the_table_row_by_row(tmp_path: Path) -> None:
    synthesize("fer2013", tmp_path / "made", train=100, test=20, layout="csv")
    rows, votes = (table(tmp_path / "made" / name) for name in ("fer2013.csv", "fer2013new.csv"))
    assert [row["Usage"] for row in votes] == [row["Usage"] for row in rows]
    agreeing, odd = 0, Counter[str]()
    for number, (row, vote) in enumerate(zip(rows, votes, strict=True)):
        assert list(vote)[:2] == ["Usage", "Image name"]
        assert vote["Image name"] == ("" if vote["NF"] == "10" else f"fer{number:07d}.png")
        numbers = {name: int(text) for name, text in list(vote.items())[2:]}
        assert len(numbers) == 10
        assert sum(numbers.values()) == 10
        most = max(numbers.values())
        first = [name for name, count in numbers.items() if count == most]
        if most <= 5:
            odd["no majority"] += 1
            assert len(first) > 1
        elif first[0] in ("NF", "contempt", "unknown"):
            odd[first[0]] += 1
        elif FERPLUS[first[0]] == FER2013[int(row["emotion"])]:
            agreeing += 1
        else:
            odd["another"] += 1
    assert set(odd) == {"no majority", "NF", "contempt", "unknown", "another"}
    assert agreeing > 0.8 * len(rows)


def test_raf_db_originals_hold_the_face_somewhere_in_a_larger_picture(tmp_path: Path) -> None:
    for layout in ("aligned", "original"):
        synthesize("raf-db", tmp_path / layout, train=14, test=7, layout=layout)
    base, other = (tmp_path / layout / "basic" for layout in ("original", "aligned"))
    labels = "EmoLabel/list_patition_label.txt"
    assert (base / labels).read_bytes() == (other / labels).read_bytes()
    files = sorted((base / "Image/original").iterdir())
    shapes, places = set(), set()
    for file in files:
        height, width, _ = read(file).shape
        edges = (base / f"Annotation/boundingbox/{file.stem}_boundingbox.txt").read_text().split()
        left, top, right, bottom = map(float, edges)
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert right - left < 0.7 * min(width, height)
        lines, aligned = (
            (place / f"Annotation/manual/{file.stem}_manu_attri.txt").read_text().splitlines()
            for place in (base, other)
        )
        # The same person at the same place of the crop, whose size differs.
        points = np.array([line.split() for line in lines[:5]], dtype=float)
        expected = np.array([line.split() for line in aligned[:5]], dtype=float) / 100
        assert np.abs((points - (left, top)) / (right - left) - expected).max() < 0.02
        assert lines[5:] == aligned[5:]
        shapes.add((height, width))
        places.add((left, top))
    assert len(files) == len(list((other / "Image/aligned").iterdir())) == len(shapes) == len(places) == 21
    assert all(300 <= side <= 600 for shape in shapes for side in shape)


def test_raf_db_class_folders_hold_the_aligned_pictures_and_their_labels(tmp_path: Path) -> None:
    for layout in ("aligned", "class-folders"):
        synthesize("raf-db", tmp_path / layout, train=16, test=9, layout=layout)
    folder, aligned = tmp_path / "class-folders", tmp_path / "aligned" / "basic"
    listed = dict(line.split() for line in (aligned / "EmoLabel/list_patition_label.txt").read_text().splitlines())
    for split, total in (("train", 16), ("test", 9)):
        rows = table(folder / f"{split}_labels.csv")
        assert len(rows) == len(list((folder / "DATASET" / split).glob("*/*"))) == total
        for row in rows:
            assert listed[row["image"].replace("_aligned", "")] == row["label"]
            picture = folder / "DATASET" / split / row["label"] / row["image"]
            assert picture.read_bytes() == (aligned / "Image/aligned" / row["image"]).read_bytes()
    assert marker(folder)["counts"] == marker(tmp_path / "aligned")["counts"]


def test_affectnet_tables_list_every_picture_and_every_code(tmp_path: Path) -> None:
    synthesize("affectnet", tmp_path, train=16, test=9, layout="manual-csv")
    listed = []
    for name, part in (("training", "train_set"), ("validation", "val_set")):
        rows = table(tmp_path / f"{name}.csv")
        for row in rows:
            assert re.fullmatch(r"\d+/[0-9a-f]{56}\.jpg", row["subDirectory_filePath"])
            file = tmp_path / "Manually_Annotated_Images" / row["subDirectory_filePath"]
            height, width, _ = read(file).shape
            left, top, face_width, face_height = (int(row[f"face_{key}"]) for key in ("x", "y", "width", "height"))
            assert 0 <= left < left + face_width <= width
            assert 0 <= top < top + face_height <= height
            points = np.array(row["facial_landmarks"].split(";"), dtype=float).reshape(68, 2)
            inside = (points > (left, top)) & (points < (left + face_width, top + face_height))
            assert inside[27:].all()
            rated = int(row["expression"]) < 8
            assert all(-1 <= float(row[key]) <= 1 if rated else float(row[key]) == -2 for key in ("valence", "arousal"))
        codes = Counter(int(row["expression"]) for row in rows)
        assert [codes[code] for code in (7, 8, 9, 10)] == [2] * 4
        assert counts_of([AFFECTNET[code] for code in codes.elements() if code < 7]) == marker(tmp_path)["counts"][part]
        # Real tables are not sorted by class.
        assert [row["expression"] for row in rows] != sorted(row["expression"] for row in rows)
        listed += [row["subDirectory_filePath"] for row in rows]
    pictures = [file.relative_to(tmp_path / "Manually_Annotated_Images") for file in tmp_path.rglob("*.jpg")]
    assert sorted(listed) == sorted(map(str, pictures))


def test_affectnet_class_folders_hold_the_pictures_of_the_array_edition(tmp_path: Path) -> None:
    for layout in ("npy", "class-folders"):
        synthesize("affectnet", tmp_path / layout, train=9, test=8, layout=layout)
    folder, npy = tmp_path / "class-folders", tmp_path / "npy"
    for part, official in (("train", "train_set"), ("val", "val_set")):
        found = {(f.read_bytes(), f.parent.name) for f in (folder / part).glob("[0-7]/*.jpg")}
        expected = {
            (f.read_bytes(), np.load(npy / official / "annotations" / f"{f.stem}_exp.npy").item())
            for f in (npy / official / "images").iterdir()
        }
        assert found == expected
        assert marker(folder)["counts"][part] == marker(npy)["counts"][official]
    assert marker(folder)["counts_by_protocol"] == {"seven": marker(folder)["counts"]}


def test_ck48_holds_the_last_three_frames_of_each_labelled_sequence(made: Made, tmp_path: Path) -> None:
    synthesize("ck-plus", tmp_path, train=0, test=8, layout="ck48")
    whole = made["ck-plus"]
    expected = set()
    for file in (whole / "Emotion").rglob("*_emotion.txt"):
        emotion = CK_PLUS[int(float(file.read_text()))]
        frames = sorted((whole / "cohn-kanade-images" / file.parent.relative_to(whole / "Emotion")).iterdir())
        expected |= {(emotion, frame.name) for frame in frames[-3:]}
    names = CK48 | {"contempt": "contempt"}
    found = {(names[file.parent.name], file.name) for file in (tmp_path / "CK+48").glob("*/*")}
    assert found == expected
    assert {read(file).shape for file in (tmp_path / "CK+48").glob("*/*")} == {(48, 48)}
    by_protocol = marker(tmp_path)["counts_by_protocol"]
    assert by_protocol == {"last-three": marker(whole)["counts_by_protocol"]["last-three"]}
    assert by_protocol["last-three"]["last-three"] == counts_of([emotion for emotion, _ in found])


def test_ckextended_holds_first_frames_as_neutral_and_peaks(made: Made, tmp_path: Path) -> None:
    synthesize("ck-plus", tmp_path, train=0, test=8, layout="ckextended")
    whole = made["ck-plus"]
    rows = table(tmp_path / "ckextended.csv")
    codes = FER2013 | {7: "contempt"}
    labels = Counter(codes[int(row["emotion"])] for row in rows)
    peaks = [CK_PLUS[int(float(file.read_text()))] for file in (whole / "Emotion").rglob("*_emotion.txt")]
    assert labels == Counter(peaks) + Counter(neutral=len(list((whole / "cohn-kanade-images").glob("*/*"))))
    assert {row["Usage"] for row in rows} == {"Training", "PublicTest", "PrivateTest"}
    assert all(pixels(row).std() > 10 for row in rows)
    assert marker(tmp_path)["counts_by_protocol"] == {
        "ckextended": {"ckextended": [labels[emotion] for emotion in EMOTIONS]}
    }


def test_marker_says_what_was_made(tmp_path: Path) -> None:
    returned = synthesize("fer2013", tmp_path / "made", train=7, test=14, seed=3)
    counts = {part: [1] * 7 for part in ("Training", "PublicTest", "PrivateTest")}
    assert returned == {
        "synthetic": True,
        "dataset": "fer2013",
        "layout": "folders",
        "seed": 3,
        "version": 1,
        "counts": counts,
        "counts_by_protocol": {"original": counts},
    }
    assert marker(tmp_path / "made") == returned


# What can go wrong


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        assert total == 700 + 70
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize("fer2013", tmp_path / "made", train=700, test=70, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


DRAW = """
import sys, time
from pathlib import Path
from fer_bench.datasets.synthetic import synthesize

def stop(done, total):
    print("drawing", flush=True)
    time.sleep(600)

synthesize("fer2013", Path(sys.argv[1]), train=7, test=7, progress=stop)
"""


def test_what_a_killed_process_left_is_cleared_away_and_what_another_draws_is_not(tmp_path: Path) -> None:
    foreign = tmp_path / ".unfinished-of-mine-faces"
    foreign.mkdir()
    killed, alive = (
        subprocess.Popen([sys.executable, "-c", DRAW, str(tmp_path / "faces")], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    )
    try:
        for process in (killed, alive):
            assert process.stdout is not None
            assert process.stdout.readline() == "drawing\n"
        assert len(list(tmp_path.iterdir())) == 3
        killed.kill()
        killed.wait()
        synthesize("fer2013", tmp_path / "faces", train=7, test=7)
        left = [path for path in tmp_path.iterdir() if path not in (foreign, tmp_path / "faces")]
        assert [f"-{alive.pid}-" in path.name for path in left] == [True]
        assert list(left[0].rglob("*.jpg"))
    finally:
        for process in (killed, alive):
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
    assert not list((tmp_path / "faces").rglob(".*"))


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    synthesize("fer2013", tmp_path / "made", train=7, test=7, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 14) for done in range(1, 15)]


def test_a_folder_with_content_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("work")
    with pytest.raises(FerBenchError, match="not an empty folder"):
        synthesize("fer2013", tmp_path / "mine", train=7, test=7)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FerBenchError, match="no folder can be made"):
        synthesize("fer2013", tmp_path / "file" / "made", train=7, test=7)


def test_what_cannot_be_replaced_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = partial(synthesize, "fer2013", train=7, test=7)
    with pytest.raises(FerBenchError, match="the current folder cannot be replaced by a new one; name a new folder in"):
        made(Path(), progress=pytest.fail)
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path / "disk")
    with pytest.raises(FerBenchError, match="disk: the place of a mounted disk cannot be replaced"):
        made(tmp_path / "disk", progress=pytest.fail)
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


def test_a_link_to_an_empty_folder_or_to_none_stays_and_leads_to_the_faces(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("there", "not-yet"):
        link = tmp_path / f"to-{name}"
        link.symlink_to(name)
        synthesize("fer2013", link, train=7, test=7)
        assert link.is_symlink()
        assert (tmp_path / name / MARKER).is_file()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    synthesize("fer2013", tmp_path / "empty", train=7, test=7)
    assert (tmp_path / "empty" / MARKER).is_file()


@pytest.mark.parametrize(
    ("dataset", "changes", "message"),
    [
        ("fer2014", {}, "expected one of fer2013, raf-db"),
        ("raf-db", {"layout": "csv"}, "expected one of aligned"),
        ("fer2013", {"train": 6}, "6 train images"),
        ("ck-plus", {"test": 0}, "0 test images"),
        ("fer2013", {"seed": -1}, "negative"),
    ],
)
def test_impossible_requests_are_refused(tmp_path: Path, dataset: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FerBenchError, match=message):
        synthesize(dataset, tmp_path / "made", **{"train": 7, "test": 7, **changes})
    assert list(tmp_path.iterdir()) == []


# Faces


def landmarks(units: dict[int | str, float], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return render(draw_identity(rng), units, draw_view(rng, "laboratory"), 400).landmarks


def height(points: np.ndarray, index: int | list[int]) -> float:
    return -float(np.mean(points[index, 1]))


@pytest.mark.parametrize("seed", range(3))
def test_action_units_move_what_they_name(seed: int) -> None:
    rest = landmarks({}, seed)

    def change(units: dict[int | str, float], index: int | list[int]) -> float:
        return height(landmarks(units, seed), index) - height(rest, index)

    assert change({1: 1.0}, [21, 22]) > 2
    assert change({2: 1.0}, [18, 19, 24, 25]) > 2
    assert change({4: 1.0}, [21, 22]) < -2
    assert change({5: 1.0}, [37, 38, 43, 44]) > 1
    assert change({7: 1.0}, [37, 38, 43, 44]) < -1
    assert change({12: 1.0}, [48, 54]) > 2
    assert change({15: 1.0}, [48, 54]) < -2
    assert change({25: 1.0, 26: 1.0}, 66) < -5
    assert change({25: 1.0, 26: 1.0}, 8) < -2
    wide = landmarks({20: 1.0}, seed)
    assert wide[54, 0] - wide[48, 0] > rest[54, 0] - rest[48, 0] + 5


def test_one_sided_units_move_the_persons_own_side() -> None:
    rest, left = landmarks({}), landmarks({"L12": 1.0})
    # The person's left is at the right of the picture.
    assert height(left, 54) > height(rest, 54) + 2
    assert height(left, 48) == pytest.approx(height(rest, 48), abs=0.1)


def test_landmarks_follow_the_68_point_order() -> None:
    points = landmarks({})
    x, y = points.T
    assert points.dtype == np.float32
    assert (np.diff(x[1:16]) > 0).all()
    assert y[8] == y.max()
    assert (np.diff(x[17:27]) > 0).all()
    assert (np.diff(y[27:31]) > 0).all()
    assert (np.diff(x[31:36]) > 0).all()
    for eye in (36, 42):
        assert x[eye] < x[eye + 1] < x[eye + 2] < x[eye + 3]
        assert max(y[eye + 1], y[eye + 2]) < min(y[eye + 4], y[eye + 5])
        assert x[eye + 4] > x[eye + 5]
    assert (np.diff(x[48:55]) > 0).all()
    assert (np.diff(x[54:60]) < 0).all()
    assert (np.diff(x[60:65]) > 0).all()
    assert (np.diff(x[64:68]) < 0).all()
    assert y[17:27].max() < y[36:48].min() < y[30] < y[48:68].min()


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**31),
    units=st.dictionaries(
        st.sampled_from([1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43, 61, 64, "L12", "R2"]),
        st.floats(0, 1),
    ),
    size=st.integers(32, 160),
)
def test_any_combination_of_units_gives_a_picture(seed: int, units: dict[int | str, float], size: int) -> None:
    rng = np.random.default_rng(seed)
    identity, view = draw_identity(rng), draw_view(rng)
    face = render(identity, units, view, size)
    assert face.image.shape == (size, size, 3)
    assert face.image.dtype == np.uint8
    assert face.image.std() > 3
    assert ((face.landmarks >= 0) & (face.landmarks <= size - 1)).all()
    assert np.array_equal(face.image, render(identity, units, view, size).image)
    assert render(identity, units, view, size, gray=True).image.shape == (size, size)


@pytest.mark.parametrize("emotion", [*EMOTIONS, CONTEMPT])
def test_expressions_of_one_emotion_differ(emotion: str) -> None:
    rng = np.random.default_rng(0)
    shown = [action_units(emotion, rng) for _ in range(20)]
    assert len({tuple(sorted(map(str, units))) for units in shown}) > 5
    assert all(0 <= value <= 1 for units in shown for value in units.values())


def test_no_intensity_is_a_relaxed_face() -> None:
    units = action_units("surprise", np.random.default_rng(0), intensity=0.0)
    assert all(value == 0 for unit, value in units.items() if unit not in (43, 61, 62, 63, 64))


def test_a_full_disk_names_the_file_that_did_not_fit(tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as told:
        synthesize("fer2013", tmp_path / "raw", train=7, test=7, layout="folders")
    assert str(told.value.filename).endswith(".jpg")
