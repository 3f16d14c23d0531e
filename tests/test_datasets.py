"""Readers and the decoder: every class is a shade of gray here, so a swapped label order shows in the pixels."""

import io
import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_bench.datasets import dataset_card, dataset_cards
from fer_bench.datasets.affectnet import expression
from fer_bench.datasets.card import DatasetCard, Sample
from fer_bench.datasets.ck_plus import face_box
from fer_bench.datasets.decoding import CHUNK, decode, decoded, resize, square, worker_count
from fer_bench.datasets.fer2013 import parse_row
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.store import Prepared, prepare
from fer_bench.datasets.synthetic.layouts import LAYOUTS, synthesize
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError

SHADES = {name: 20 + 35 * index for index, name in enumerate(EMOTIONS)} | {"contempt": 1}
EACH = 5
"""Training images a class: the fewest that split into training and validation."""

# Written out from the datasets' documentation, not taken from the code under test.
FER2013_CODES = {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6}
RAF_DB_CODES = {"surprise": 1, "fear": 2, "disgust": 3, "happy": 4, "sad": 5, "angry": 6, "neutral": 7}
AFFECTNET_CODES = {
    "neutral": 0,
    "happy": 1,
    "sad": 2,
    "surprise": 3,
    "fear": 4,
    "disgust": 5,
    "angry": 6,
    "contempt": 7,
}
CK_PLUS_CODES = {"angry": 1, "contempt": 2, "disgust": 3, "fear": 4, "happy": 5, "sad": 6, "surprise": 7}


def face(emotion: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.full(size, SHADES[emotion], np.uint8)


def save(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def row(emotion: str) -> dict[str, str]:
    return {"emotion": str(FER2013_CODES[emotion]), "pixels": " ".join([str(SHADES[emotion])] * 48 * 48)}


def fer2013_rows() -> list[dict[str, str]]:
    parts = [("Training", EACH), ("PublicTest", 1), ("PrivateTest", 2)]
    return [row(emotion) | {"Usage": part} for part, count in parts for _ in range(count) for emotion in EMOTIONS]


def fer2013_csv(root: Path) -> None:
    rows = fer2013_rows()
    lines = [",".join(cells[name] for name in ("emotion", "pixels", "Usage")) for cells in rows]
    put(root / "fer2013.csv", "\n".join(["emotion,pixels,Usage", *lines, ""]))


def icml_csv(root: Path) -> None:
    lines = [",".join(cells[name] for name in ("emotion", "Usage", "pixels")) for cells in fer2013_rows()]
    put(root / "icml_face_data.csv", "\r\n".join(["emotion, Usage, pixels", *lines]))


def fer2013_folders(root: Path) -> None:
    synonyms = {"angry": "Anger", "happy": "happiness", "surprise": "surprised"}
    for index, emotion in enumerate(EMOTIONS):
        name = synonyms.get(emotion, emotion)
        for number in range(EACH):
            save(root / f"train/{name}/Training_{index}{number}.jpg", face(emotion, (48, 48)))
        save(root / f"test/{name}/PublicTest_{index}.jpg", face(emotion, (48, 48)))
        save(root / f"test/{name}/PrivateTest_{index}.jpg", face(emotion, (48, 48)))
        put(root / f"test/{name}/Thumbs.db", "no picture")
        put(root / f"train/{name}/.DS_Store", "no picture")
        put(root / f"train/{name}/._Training_{index}0.jpg", "what macOS leaves in archives")


def raf_db(root: Path) -> None:
    lines = []
    for part, count in (("train", EACH), ("test", 1)):
        for number, (emotion, _) in enumerate(itertools.product(EMOTIONS, range(count)), start=1):
            save(root / f"basic/Image/aligned/{part}_{number:05d}_aligned.jpg", face(emotion, (100, 100)))
            lines.append(f"{part}_{number:05d}.jpg {RAF_DB_CODES[emotion]}")
    put(root / "basic/EmoLabel/list_patition_label.txt", "\n".join(lines) + "\n")


def affectnet(root: Path) -> None:
    for folder, count in (("train_set", EACH), ("val_set", 1)):
        for number, (emotion, _) in enumerate(itertools.product([*EMOTIONS, "contempt"], range(count))):
            save(root / f"{folder}/images/{number}.jpg", face(emotion, (224, 224)))
            annotations = root / folder / "annotations"
            annotations.mkdir(exist_ok=True)
            # Both kinds of content are about: a number, and its text.
            code = AFFECTNET_CODES[emotion]
            np.save(annotations / f"{number}_exp.npy", np.array(str(code) if number % 2 else code))
            np.save(annotations / f"{number}_val.npy", np.array(0.5))


def ck_plus(root: Path) -> None:
    """One subject an emotion; the second sequence is unlabelled; frames go from neutral to the peak."""
    for index, emotion in enumerate(CK_PLUS_CODES):
        subject = f"S{index:03d}"
        for sequence in ("001", "002"):
            for number, shown in enumerate(("neutral", "contempt", emotion), start=1):
                stem = f"{subject}/{sequence}/{subject}_{sequence}_{number:08d}"
                save(root / f"cohn-kanade-images/{stem}.png", face(shown, (490, 640)))
                points = np.stack([np.linspace(200, 400, 68), np.linspace(150, 350, 68)], axis=1)
                lines = "\n".join(f"   {x:.7e}   {y:.7e}" for x, y in points)
                put(root / f"Landmarks/{stem}_landmarks.txt", lines + "\n")
        put(root / f"cohn-kanade-images/{subject}/001/.DS_Store", "")
        put(root / f"Emotion/{subject}/001/{subject}_001_00000003_emotion.txt", f"   {CK_PLUS_CODES[emotion]:.7e}\n")


TREES: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "fer2013": ("fer2013", "csv", fer2013_csv),
    "icml": ("fer2013", "csv", icml_csv),
    "folders": ("fer2013", "folders", fer2013_folders),
    "aligned": ("raf-db", "aligned", raf_db),
    "npy": ("affectnet", "npy", affectnet),
    "sequences": ("ck-plus", "sequences", ck_plus),
}


def prepared(dataset: str, root: Path, crop: str | None = None) -> Prepared:
    return prepare(dataset_card(dataset), root, root.parent / "prepared" / dataset, crop=crop, allow_incomplete=True)


def read(dataset: str, layout: str, root: Path, crop: str = "none") -> list[Sample]:
    found = next(found for found in dataset_card(dataset).layouts if found.name == layout)
    return list(found.read(root, crop).samples)


# The cards.


def test_cards_come_in_the_papers_order() -> None:
    assert list(dataset_cards()) == ["fer2013", "raf-db", "affectnet", "ck-plus"]


def test_an_unknown_dataset_names_the_known_ones() -> None:
    with pytest.raises(FerBenchError, match="'jaffe'; known: fer2013, raf-db, affectnet, ck-plus"):
        dataset_card("jaffe")


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [("fer2013", 28709, 7178), ("raf-db", 12271, 3068), ("affectnet", 283901, 3500), ("ck-plus", 0, 432)],
)
def test_official_totals(name: str, train: int, test: int) -> None:
    totals = {part: sum(counts) for part, counts in dataset_card(name).counts.items()}
    training = sum(total for part, total in totals.items() if part.lower().startswith("train"))
    assert (training, sum(totals.values()) - training) == (train, test)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("fer2013", FER2013_CODES),
        ("raf-db", RAF_DB_CODES),
        ("affectnet", AFFECTNET_CODES),
        ("ck-plus", {"neutral": 0} | CK_PLUS_CODES),
    ],
)
def test_cards_show_the_label_codes(name: str, codes: dict[str, int]) -> None:
    assert dict(dataset_card(name).label_map) == {str(code): emotion for emotion, code in codes.items()}


def test_listing_the_datasets_imports_nothing_heavy() -> None:
    code = (
        "import sys; from fer_bench.datasets import dataset_cards; dataset_cards();"
        "print([m for m in ('cv2', 'sklearn', 'scipy', 'keras', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def with_entry_points(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)


def test_other_packages_add_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    card = dataclasses.replace(dataset_card("fer2013"), name="jaffe")
    monkeypatch.setattr("fer_bench.datasets.fer2013.OTHER", card, raising=False)
    with_entry_points(monkeypatch, EntryPoint("jaffe", "fer_bench.datasets.fer2013:OTHER", "fer_bench.datasets"))
    assert list(dataset_cards())[-1] == "jaffe"
    assert dataset_card("jaffe") is card


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("fer_bench.datasets.fer2013:CARD", "takes the name 'fer2013', which is in use"),
        ("fer_bench.datasets.fer2013:SIDE", "is a int, expected a fer_bench DatasetCard"),
        ("no_such_package:CARD", "cannot be loaded: No module named 'no_such_package'"),
    ],
)
def test_a_broken_entry_point_is_named(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    with_entry_points(monkeypatch, EntryPoint("mine", value, "fer_bench.datasets"))
    with pytest.raises(FerBenchError, match=message):
        dataset_cards()
    assert isinstance(dataset_card("fer2013"), DatasetCard)


# Label orders, end to end: from the raw files to the prepared array.


@pytest.mark.parametrize("tree", TREES)
def test_every_picture_gets_the_class_that_it_shows(tmp_path: Path, tree: str) -> None:
    dataset, layout, build = TREES[tree]
    build(tmp_path / "raw")
    result = prepared(dataset, tmp_path / "raw")
    assert result.manifest["layout"] == layout
    shown = np.array([SHADES[name] for name in EMOTIONS])[result.labels]
    assert np.abs(result.images[:, 8:-8, 8:-8].astype(int) - shown[:, None, None]).max() <= 2
    counts = result.manifest["counts"]
    if dataset == "ck-plus":
        assert counts["parts"] == {"neutral": [0, 0, 0, 0, 7, 0, 0], "peak": [1, 1, 1, 1, 0, 1, 1]}
        assert counts["splits"] == {"test": [1, 1, 1, 1, 7, 1, 1]}
    else:
        assert counts["splits"]["train"] == [4] * 7
        assert counts["splits"]["val"] == [1] * 7
        assert set(counts["parts"]) == set(dataset_card(dataset).counts)


@pytest.mark.parametrize(("dataset", "layout"), [(name, layout) for name in LAYOUTS for layout in LAYOUTS[name]])
def test_synthetic_files_are_read_as_what_was_drawn(tmp_path: Path, dataset: str, layout: str) -> None:
    marker = synthesize(dataset, tmp_path / "raw", train=35, test=14, layout=layout)
    result = prepare(dataset_card(dataset), tmp_path / "raw", tmp_path / "out")
    assert (result.origin, result.manifest["layout"], result.manifest["complete"]) == ("synthetic", layout, True)
    assert result.manifest["counts"]["parts"] == {part: n for part, n in marker["counts"].items() if sum(n)}
    if dataset == "ck-plus":
        assert len(result.labels) == 14 + len(set(result.groups))
        return
    # Training picture i shows class i modulo 7; its number is at the end of its id.
    first = {"folders": 10_000_000, "aligned": 1}.get(layout, 0)
    training = np.concatenate([result.indices("train"), result.indices("val")])
    numbers = [int(re.findall(r"[0-9]+$", result.ids[row])[0]) - first for row in training]
    assert sorted(numbers) == list(range(35))
    assert [int(result.labels[row]) for row in training] == [number % 7 for number in numbers]


@pytest.mark.parametrize("tree", TREES)
def test_reading_twice_gives_the_same_unique_ids(tmp_path: Path, tree: str) -> None:
    dataset, layout, build = TREES[tree]
    build(tmp_path)
    first = [sample.id for sample in read(dataset, layout, tmp_path)]
    assert first == [sample.id for sample in read(dataset, layout, tmp_path)]
    assert len(first) == len(set(first))


def test_both_names_of_the_fer2013_table_give_the_same_rows(tmp_path: Path) -> None:
    fer2013_csv(tmp_path / "a")
    icml_csv(tmp_path / "b")
    a, b = (read("fer2013", "csv", tmp_path / name) for name in "ab")
    assert [(s.id, s.label, s.part) for s in a] == [(s.id, s.label, s.part) for s in b]
    assert a[0].id == "fer0000000"
    assert a[0].source == "fer2013.csv:2"


# FER-2013.


@given(st.sampled_from(EMOTIONS), st.binary(min_size=2304, max_size=2304), st.sampled_from([" ", "  ", "\n", " \t"]))
@settings(max_examples=30, deadline=None)
def test_a_row_is_read_back(emotion: str, pixels: bytes, space: str) -> None:
    label, part, image = parse_row(f" {FER2013_CODES[emotion]}", space.join(map(str, pixels)), "PublicTest ")
    assert (EMOTIONS[label], part) == (emotion, "PublicTest")
    assert image.shape == (48, 48)
    assert image.tobytes() == pixels


@given(
    st.text(max_size=4) | st.sampled_from("0123456"),
    st.integers(2303, 2305),
    st.integers(-1, 256).map(str) | st.text(max_size=5),
    st.text(max_size=12) | st.just("Training"),
)
@settings(max_examples=200, deadline=None)
def test_a_wild_row_is_read_or_refused(emotion: str, count: int, pixel: str, usage: str) -> None:
    pixels = " ".join(["17"] * (count - 1) + [pixel])
    try:
        label, part, image = parse_row(emotion, pixels, usage)
    except ValueError:
        return
    assert FER2013_CODES[EMOTIONS[label]] == int(emotion)
    assert part == usage.strip()
    assert image.ravel().tolist() == [int(value) for value in pixels.split()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emotion": "7"}, "fer2013.csv:3: emotion '7', expected a code from 0 to 6"),
        ({"pixels": "1 2 3"}, "fer2013.csv:3: 3 pixels, expected 2304"),
        ({"pixels": " ".join(["256"] * 2304)}, "fer2013.csv:3: pixel '256', expected a whole number from 0 to 255"),
        ({"pixels": " ".join(["1.5"] * 2304)}, "pixel '1.5'"),
        ({"Usage": "Test"}, "fer2013.csv:3: Usage 'Test', expected Training, PublicTest, PrivateTest"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, change: dict[str, str], message: str) -> None:
    good = row("happy") | {"Usage": "Training"}
    lines = [",".join(cells.values()) for cells in (good, good | change)]
    put(tmp_path / "fer2013.csv", "\n".join(["emotion,pixels,Usage", *lines]))
    with pytest.raises(FerBenchError, match=message):
        read("fer2013", "csv", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("emotion,pixels\n0,1\n", "no column Usage in its first line"),
        ("", "found: none"),
        ("emotion,pixels,Usage\n0,1\n", "fer2013.csv:2: 2 cells, fewer than the header"),
        ('emotion,pixels,Usage\n0,"' + "1 " * 200_000, "not readable as a CSV table"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    put(tmp_path / "fer2013.csv", content)
    with pytest.raises(FerBenchError, match=message):
        read("fer2013", "csv", tmp_path)


def test_a_table_may_be_named_itself(tmp_path: Path) -> None:
    fer2013_csv(tmp_path)
    icml_csv(tmp_path)
    assert prepared("fer2013", tmp_path / "icml_face_data.csv").manifest["evidence"] == "the table icml_face_data.csv"


@pytest.mark.parametrize(
    ("stray", "message"),
    [
        ("train/ahegao/Training_1.jpg", "ahegao: not a class folder"),
        ("test/PublicTest_1.jpg", "outside the class folders"),
        ("test/happy/Training_1.jpg", "a test picture's name starts with PublicTest_ or PrivateTest_"),
        ("train/happy/im0.png", "a train picture's name starts with Training_"),
    ],
)
def test_a_picture_without_a_sure_class_or_part_is_refused(tmp_path: Path, stray: str, message: str) -> None:
    fer2013_folders(tmp_path)
    save(tmp_path / stray, face("happy", (48, 48)))
    with pytest.raises(FerBenchError, match=message):
        read("fer2013", "folders", tmp_path)


def test_a_name_may_occur_in_two_classes(tmp_path: Path) -> None:
    """As two names of the real training set do."""
    fer2013_folders(tmp_path / "raw")
    for name in ("fear", "sad"):
        save(tmp_path / f"raw/train/{name}/Training_8475486.jpg", face(name, (48, 48)))
    ids = prepared("fer2013", tmp_path / "raw").ids
    assert {"fear/Training_8475486", "sad/Training_8475486"} <= set(ids)


# RAF-DB.


def test_raf_db_is_found_from_the_inner_folder(tmp_path: Path) -> None:
    raf_db(tmp_path)
    outer, inner = read("raf-db", "aligned", tmp_path), read("raf-db", "aligned", tmp_path / "basic")
    assert [s.id for s in outer] == [s.id for s in inner]
    assert (tmp_path / outer[0].source).samefile(tmp_path / "basic" / inner[0].source)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train_00001.jpg 8", "list_patition_label.txt:2: label '8', expected a code from 1 to 7"),
        ("train_00001.jpg", "expected a file name and a label"),
        ("happy_00001.jpg 4", "file name 'happy_00001.jpg'"),
        ("train_99999.jpg 4", "train_99999_aligned.jpg: no such picture, but list_patition_label.txt names it"),
        ("../../../../etc/passwd 4", "leads out of the dataset folder"),
        ("/etc/passwd 4", "file name '/etc/passwd'"),
    ],
)
def test_a_bad_line_of_the_raf_db_list_is_refused(tmp_path: Path, line: str, message: str) -> None:
    save(tmp_path / "Image/aligned/train_00001_aligned.jpg", face("happy", (100, 100)))
    put(tmp_path / "EmoLabel/list_patition_label.txt", f"train_00001.jpg 4\n{line}\n")
    with pytest.raises(FerBenchError, match=message):
        read("raf-db", "aligned", tmp_path)


@pytest.mark.parametrize("missing", ["EmoLabel/list_patition_label.txt", "Image/aligned"])
def test_a_missing_half_of_raf_db_is_named(tmp_path: Path, missing: str) -> None:
    raf_db(tmp_path)
    (tmp_path / "basic" / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(FerBenchError, match=missing):
        prepared("raf-db", tmp_path)


# AffectNet.


def test_affectnet_leaves_contempt_out_and_says_so(tmp_path: Path) -> None:
    affectnet(tmp_path / "raw")
    result = prepared("affectnet", tmp_path / "raw")
    assert result.manifest["notes"] == [
        "contempt (code 7) is none of the seven classes and was left out: 5 train_set, 1 val_set images"
    ]
    assert result.manifest["counts"]["parts"] == {"train_set": [5] * 7, "val_set": [1] * 7}


def as_file(value: object, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(value), **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (as_file(8), "0_exp.npy: expression 8, expected a code from 0 to 7"),
        (as_file("happy"), "expression 'happy'"),
        (as_file(1.5), "expression 1.5"),
        (as_file(float("nan")), "expression nan"),
        (as_file([1, 2]), "2 values, expected one"),
        (as_file({"a": 1}, allow_pickle=True), "not a plain numpy file"),
        (b"", "not a numpy file"),
    ],
)
def test_a_bad_affectnet_annotation_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    affectnet(tmp_path)
    (tmp_path / "val_set/annotations/0_exp.npy").write_bytes(content)
    with pytest.raises(FerBenchError, match=message):
        read("affectnet", "npy", tmp_path)


@given(st.binary(max_size=40), st.integers(0, 200), st.integers(0, 255))
@settings(max_examples=200)
def test_any_annotation_bytes_are_read_or_refused(tail: bytes, position: int, byte: int) -> None:
    damaged = bytearray(as_file("3"))
    damaged[position % len(damaged)] = byte
    for content in (bytes(damaged) + tail, tail, as_file(3)[:position]):
        try:
            assert expression(content) in range(8)
        except ValueError:
            continue


@pytest.mark.parametrize("missing", ["images/3.jpg", "annotations/3_exp.npy"])
def test_a_missing_affectnet_file_is_named(tmp_path: Path, missing: str) -> None:
    affectnet(tmp_path)
    (tmp_path / "train_set" / missing).unlink()
    with pytest.raises(FerBenchError, match=Path(missing).name):
        read("affectnet", "npy", tmp_path)


# CK+.


def test_ck_plus_takes_the_peak_and_one_neutral_frame_a_subject(tmp_path: Path) -> None:
    ck_plus(tmp_path)
    for path in (tmp_path / "Emotion/S000/001").iterdir():
        path.unlink()  # S000's sequences are unlabelled now; its neutral frame stays.
    samples = read("ck-plus", "sequences", tmp_path)
    assert [s.source for s in samples if s.group == "S000"] == ["cohn-kanade-images/S000/001/S000_001_00000001.png"]
    assert [s.id for s in samples if s.group == "S003"] == ["S003_001_00000001", "S003_001_00000003"]
    assert [s.part for s in samples if s.group == "S001"] == ["neutral"]  # contempt
    assert {s.split for s in samples} == {"test"}
    notes = dataset_card("ck-plus").layouts[0].read(tmp_path, "none").notes
    assert any("contempt" in note and "1 sequences" in note for note in notes)


def test_ck_plus_unpacked_into_folders_of_the_archives_names(tmp_path: Path) -> None:
    ck_plus(tmp_path / "a")
    (tmp_path / "b/extended-cohn-kanade-images").mkdir(parents=True)
    for old, new in (
        ("cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images"),
        ("Emotion", "Emotion_labels/Emotion"),
        ("Landmarks", "Landmarks/Landmarks"),
    ):
        (tmp_path / "b" / new).parent.mkdir(exist_ok=True)
        (tmp_path / "a" / old).rename(tmp_path / "b" / new)
    assert len(read("ck-plus", "sequences", tmp_path / "b", "landmarks")) == 13


def test_the_face_crop_follows_the_landmarks(tmp_path: Path) -> None:
    ck_plus(tmp_path / "raw")
    frame = np.zeros((490, 640), np.uint8)
    frame[80:380, 150:450] = 200  # exactly the crop of landmarks from (200, 150) to (400, 350)
    for path in (tmp_path / "raw/cohn-kanade-images").rglob("*.png"):
        save(path, frame)
    assert (prepared("ck-plus", tmp_path / "raw").images == 200).all()
    whole = prepared("ck-plus", tmp_path / "raw", crop="none")
    assert whole.manifest["crop"] == "none"
    assert (whole.images[:, 0, 0] == 0).all()


def test_the_face_crop_is_square_and_higher_above() -> None:
    left, top, right, bottom = face_box(np.array([[10.0, 20.0], [110.0, 60.0]]))
    assert right - left == bottom - top == 150
    assert left == 10 - 25
    assert (top + bottom) / 2 == 40 - 10


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("Landmarks/S000/001/S000_001_00000001_landmarks.txt", None, "--crop none"),
        ("Landmarks/S000/001/S000_001_00000001_landmarks.txt", "1 2\n3 4\n", "expected 68 lines of two numbers"),
        ("Landmarks/S000/001/S000_001_00000001_landmarks.txt", "x y\n" * 68, "expected 68 lines of two numbers"),
        ("Landmarks/S000/001/S000_001_00000001_landmarks.txt", "nan 1\n" * 68, "expected 68 lines of two numbers"),
        ("Emotion/S000/001/S000_001_00000003_emotion.txt", "8.0", "expected one emotion code from 0 to 7"),
        ("Emotion/S000/001/S000_001_00000003_emotion.txt", "", "expected one emotion code from 0 to 7"),
        ("Emotion/S000/001/S000_001_00000002_emotion.txt", "1.0", "2 emotion files"),
        ("Emotion/S999/001/S999_001_00000002_emotion.txt", "1.0", "S999/001: no such sequence"),
    ],
)
def test_a_damaged_ck_plus_file_is_named(tmp_path: Path, path: str, content: str | None, message: str) -> None:
    ck_plus(tmp_path)
    if content is None:
        (tmp_path / path).unlink()
    else:
        put(tmp_path / path, content)
    with pytest.raises(FerBenchError, match=message):
        read("ck-plus", "sequences", tmp_path, "landmarks")


def test_ck_plus_without_landmarks_can_be_read_uncropped(tmp_path: Path) -> None:
    ck_plus(tmp_path)
    (tmp_path / "Landmarks").rename(tmp_path / "elsewhere")
    assert len(read("ck-plus", "sequences", tmp_path, "none")) == 13


def test_ck_plus_with_one_frame_left_of_a_sequence_is_refused(tmp_path: Path) -> None:
    ck_plus(tmp_path)
    for number in (1, 2):
        (tmp_path / f"cohn-kanade-images/S000/001/S000_001_{number:08d}.png").unlink()
    with pytest.raises(FerBenchError, match="S000/001: 1 frames, expected at least 2"):
        read("ck-plus", "sequences", tmp_path)


# Paths.


@pytest.mark.parametrize("link", ["train/fear/Training_1.jpg", "train/fear", "train"])
def test_a_link_out_of_the_dataset_is_refused(tmp_path: Path, link: str) -> None:
    fer2013_folders(tmp_path / "raw")
    fer2013_folders(tmp_path / "elsewhere")
    save(tmp_path / "elsewhere/train/fear/Training_1.jpg", face("fear", (48, 48)))
    path = tmp_path / "raw" / link
    if path.exists():
        path.rename(tmp_path / "away")
    path.symlink_to(tmp_path / "elsewhere" / link)
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        prepared("fer2013", tmp_path / "raw")


def test_a_link_within_the_dataset_is_followed(tmp_path: Path) -> None:
    fer2013_folders(tmp_path / "raw")
    (tmp_path / "raw/train/fear/Training_1.jpg").symlink_to(tmp_path / "raw/test/fear/PublicTest_2.jpg")
    assert "fear/Training_1" in prepared("fer2013", tmp_path / "raw").ids


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/passwd", "/x", "..", "a\\..\\..\\..\\x/../../..", "a\0", "a" * 999]
)
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "root/a").mkdir(parents=True)
    with pytest.raises(FerBenchError):
        Folder(tmp_path / "root").path(name)


# The decoder.


def jpeg(image: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())


def test_the_exif_orientation_is_applied() -> None:
    upright = np.zeros((40, 20), np.uint8)
    upright[:20] = 255
    lying = jpeg(np.rot90(upright))  # "rotate by 90 degrees clockwise to show"
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    tagged = lying[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + lying[2:]
    assert decode(lying, "a.jpg").shape == (20, 40)
    shown = decode(tagged, "b.jpg")
    assert shown.shape == (40, 20)
    assert shown[:15].min() > 240
    assert shown[25:].max() < 15


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"a\.jpg: the picture file is empty \(0 bytes\)"),
        (jpeg(np.zeros((64, 64), np.uint8))[:200], r"a\.jpg: the JPEG is cut short"),
        (b"<html>404</html>", r"a\.jpg: cannot be decoded as a picture \(16 bytes, starts with the bytes 3c 68 74 6d"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(FerBenchError, match=message):
        decode(data, "a.jpg")


def test_colour_becomes_gray_by_luminance() -> None:
    blue, green = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    blue[..., 0], green[..., 1] = 255, 255
    shades = [decode(bytes(cv2.imencode(".png", image)[1].tobytes()), "a.png")[0, 0] for image in (blue, green)]
    assert np.abs(np.array(shades, int) - [29, 150]).max() <= 1


coordinates = st.floats(-50, 250)


@given(coordinates, coordinates, coordinates, coordinates, st.integers(1, 200), st.integers(1, 200))
@settings(deadline=None)
def test_a_face_box_becomes_as_square_as_the_picture_allows(
    x0: float, x1: float, y0: float, y1: float, height: int, width: int
) -> None:
    box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    try:
        left, top, right, bottom = square(box, height, width)
    except ValueError:
        assert box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height or x0 == x1 or y0 == y1
        return
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left <= max(box[0], 0)
    assert right >= min(box[2], width)
    assert top <= max(box[1], 0)
    assert bottom >= min(box[3], height)
    if right - left != bottom - top:
        assert right - left == width or bottom - top == height


def test_shrinking_averages_areas_and_growing_interpolates() -> None:
    chequers = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((2, 2))).astype(np.uint8) * 200
    assert (resize(chequers, (4, 4)) == 100).all()
    ramp = resize(np.array([[0, 100]], np.uint8), (1, 4))
    assert ramp.tolist() == [[0, 25, 75, 100]]


def test_images_come_in_order_and_few_at_a_time(tmp_path: Path) -> None:
    taken = 0

    def samples() -> Iterator[Sample]:
        nonlocal taken
        for number in range(4000):
            taken += 1
            pixels = np.full((4, 4), number % 256, np.uint8)
            yield Sample(str(number), "test", 0, "table", "part", pixels=pixels)

    threads = cv2.getNumThreads()
    ahead = 0
    for number, (sample, image) in enumerate(decoded(Folder(tmp_path), samples(), (4, 4))):
        assert sample.id == str(number)
        assert image[0, 0] == number % 256
        ahead = max(ahead, taken - number)
    assert taken == 4000
    assert ahead <= 2 * worker_count() * CHUNK
    assert cv2.getNumThreads() == threads


def test_a_box_outside_the_picture_names_the_picture(tmp_path: Path) -> None:
    save(tmp_path / "a.png", face("happy", (50, 50)))
    sample = Sample("a", "test", 0, "a.png", "part", box=(60, 60, 90, 90))
    with pytest.raises(FerBenchError, match=r"a\.png: face box .* holds nothing of the picture, 50 x 50"):
        list(decoded(Folder(tmp_path), [sample], (4, 4)))
