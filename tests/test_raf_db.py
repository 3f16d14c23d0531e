"""RAF-DB: every class is a shade of gray here, so a swapped label order shows in the pixels."""

import contextlib
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench.datasets import raf_db_folders, raf_db_official
from fer_bench.datasets.card import Choice, Flaw, Layout, Reading, Sample
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.raf_db import CARD
from fer_bench.datasets.raf_db_official import face_box, read_attributes
from fer_bench.datasets.side_by_side import decoded
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.datasets.synthetic.layouts import synthesize
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError

SHADES = {name: 20 + 30 * index for index, name in enumerate(EMOTIONS)}
# Written out from the dataset's read-me, not taken from the code under test.
CODES = {"surprise": 1, "fear": 2, "disgust": 3, "happy": 4, "sad": 5, "angry": 6, "neutral": 7}
IMAGES = [
    (f"{part}_{number:0{width}d}", emotion)
    for part, width, count in (("train", 5, 3), ("test", 4, 1))
    for number, (emotion, _) in enumerate(itertools.product(EMOTIONS, range(count)), start=1)
]
LIST = "basic/EmoLabel/list_patition_label.txt"


def save(path: Path, emotion: str, side: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((side, side), SHADES[emotion], np.uint8))


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def put_list(root: Path) -> None:
    put(root / LIST, "".join(f"{name}.jpg {CODES[emotion]}\n" for name, emotion in reversed(IMAGES)))


def put_attributes(root: Path, name: str, values: str) -> None:
    points = "\n".join("12.5\t40.25" for _ in range(5))
    put(root / f"basic/Annotation/manual/{name}_manu_attri.txt", f"{points}\n{values}\n")


def aligned(root: Path) -> None:
    put_list(root)
    for name, emotion in IMAGES:
        save(root / f"basic/Image/aligned/{name}_aligned.jpg", emotion)


def original(root: Path) -> None:
    put_list(root)
    for number, (name, emotion) in enumerate(IMAGES):
        save(root / f"basic/Image/original/{name}.jpg", emotion, 150)
        box = f"{number} 10.5 {number + 60} 90.25\n"
        put(root / f"basic/Annotation/boundingbox/{name}_boundingbox.txt", box)


def class_folders(root: Path) -> None:
    for part in ("train", "test"):
        own = [(name, CODES[emotion], emotion) for name, emotion in IMAGES if name.startswith(part)]
        for name, code, emotion in own:
            save(root / f"DATASET/{part}/{code}/{name}_aligned.jpg", emotion)
        rows = [f"{name}_aligned.jpg,{code}" for name, code, _ in own]
        put(root / f"{part}_labels.csv", "\n".join(["image,label", *rows, ""]))


BUILD = {"aligned": aligned, "original": original, "class-folders": class_folders}


def layout(name: str) -> Layout:
    return next(found for found in CARD.layouts if found.name == name)


def reading(name: str, root: Path, crop: str | None = None) -> Reading:
    found = layout(name)
    return found.read(root, Choice("basic", crop or found.crops[0]))


def split(found: Reading) -> tuple[list[Sample], list[Flaw]]:
    every = list(found.samples)
    return [one for one in every if isinstance(one, Sample)], [one for one in every if isinstance(one, Flaw)]


def read(name: str, root: Path, crop: str | None = None) -> tuple[list[Sample], list[Flaw]]:
    return split(reading(name, root, crop))


def recognised(root: Path) -> list[str]:
    return [found.name for found in CARD.layouts if found.recognise(root) is not None]


@pytest.mark.parametrize("name", BUILD)
def test_every_picture_gets_the_class_that_it_shows(tmp_path: Path, name: str) -> None:
    BUILD[name](tmp_path)
    assert recognised(tmp_path) == [name]
    found = reading(name, tmp_path)
    samples, flaws = split(found)
    assert flaws == []
    for sample in samples:
        shown = cv2.imread(str(tmp_path / sample.source), cv2.IMREAD_GRAYSCALE)
        assert abs(int(shown[50, 50]) - SHADES[EMOTIONS[sample.label]]) <= 2, sample
    assert found.label_map == {str(code): emotion for emotion, code in CODES.items()}
    assert found.notes == []


def test_every_layout_has_the_same_ids_in_the_same_order(tmp_path: Path) -> None:
    found = {}
    for name, build in BUILD.items():
        build(tmp_path / name)
        samples, _ = read(name, tmp_path / name)
        found[name] = [(sample.id, sample.split, sample.part, sample.label) for sample in samples]
    assert found["aligned"] == found["original"] == found["class-folders"]
    assert [row[0] for row in found["aligned"]] == [name for name, _ in IMAGES]
    assert {row[1] for row in found["aligned"]} == {"train", "test"}


def test_the_card_has_the_official_counts() -> None:
    assert {part: sum(counts) for part, counts in CARD.counts.items()} == {"train": 12271, "test": 3068}
    assert dict(CARD.label_map) == {str(code): emotion for emotion, code in CODES.items()}
    assert all(found.official and found.tree for found in CARD.layouts)


@pytest.mark.parametrize("name", BUILD)
def test_synthetic_files_are_read_as_what_was_drawn(tmp_path: Path, name: str) -> None:
    marker = synthesize("raf-db", tmp_path / "raw", train=14, test=7, layout=name)
    assert recognised(tmp_path / "raw") == [name]
    samples, flaws = read(name, tmp_path / "raw")
    assert flaws == []
    for part, counts in marker["counts"].items():
        labels = [sample.label for sample in samples if sample.part == part]
        assert [labels.count(label) for label in range(7)] == counts
    if name != "class-folders":
        assert all(value for sample in samples for _, value in sample.attributes)
        assert {dict(sample.attributes)["gender"] for sample in samples} == {"male", "female"}


# The official layouts.


@pytest.mark.parametrize("name", ["aligned", "original"])
def test_the_inner_folder_may_be_named(tmp_path: Path, name: str) -> None:
    BUILD[name](tmp_path)
    (outer, _), (inner, _) = read(name, tmp_path), read(name, tmp_path / "basic")
    assert layout(name).recognise(tmp_path / "basic") is not None
    assert [sample.id for sample in outer] == [sample.id for sample in inner]
    assert (tmp_path / outer[0].source).samefile(tmp_path / "basic" / inner[0].source)


@pytest.mark.parametrize("name", ["aligned", "original"])
def test_archives_may_be_unpacked_into_folders_of_their_own_names(tmp_path: Path, name: str) -> None:
    flat, nested = tmp_path / "flat", tmp_path / "nested"
    for root in (flat, nested):
        BUILD[name](root)
        for image, _ in IMAGES:
            put_attributes(root, image, "0 1 2")
    for place in ("Image/aligned", "Image/original", "Annotation/boundingbox", "Annotation/manual"):
        folder = nested / "basic" / place
        if folder.is_dir():
            folder.rename(tmp_path / "inner")
            folder.mkdir()
            (tmp_path / "inner").rename(folder / folder.name)
    assert recognised(nested) == [name]
    assert f"Image/{name}/ with pictures" in str(layout(name).recognise(nested))
    (samples, flaws), (wanted, _) = read(name, nested), read(name, flat)
    assert flaws == []
    assert samples == wanted
    folder = Folder(nested)
    assert all(f"/Image/{name}/{name}/" in str(folder.path(sample.source)) for sample in samples)
    assert all(folder.path(sample.source).is_file() for sample in samples)


def test_the_original_pictures_give_way_where_the_aligned_ones_are_there(tmp_path: Path) -> None:
    original(tmp_path)
    alone = layout("original").recognise(tmp_path)
    assert alone is not None
    assert not alone.startswith("also ")
    aligned(tmp_path)
    assert layout("original").recognise(tmp_path) == f"also {alone}"
    assert str(layout("aligned").recognise(tmp_path)).startswith(LIST)


def test_the_compound_part_is_not_taken_for_the_basic_one(tmp_path: Path) -> None:
    aligned(tmp_path)
    (tmp_path / "basic").rename(tmp_path / "compound")
    assert recognised(tmp_path) == []
    assert recognised(tmp_path / "compound") == []


def test_a_folder_without_its_parts_is_not_searched_for_every_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """inspect asks of every folder in and below the one that is named, be they thousands."""
    asked: list[Path] = []

    def below(root: Path, relative: str) -> Path:
        asked.append(root / relative)
        return root / relative

    for module in (raf_db_folders, raf_db_official):
        monkeypatch.setattr(module, "below", below)
    assert recognised(tmp_path) == []
    assert len(asked) <= 2 * 6 + 4


def test_the_list_may_be_spelled_as_in_the_read_me(tmp_path: Path) -> None:
    aligned(tmp_path)
    (tmp_path / LIST).rename((tmp_path / LIST).with_name("list_partition_label.txt"))
    assert recognised(tmp_path) == ["aligned"]
    assert len(read("aligned", tmp_path)[0]) == len(IMAGES)


def test_two_lists_must_say_the_same(tmp_path: Path) -> None:
    aligned(tmp_path)
    other = (tmp_path / LIST).with_name("list_partition_label.txt")
    text = (tmp_path / LIST).read_text()
    other.write_bytes(text.replace("\n", "\r\n").encode())
    [note] = reading("aligned", tmp_path).notes
    assert note.endswith("list_partition_label.txt, the same list under another name, was not")
    put(other, text.replace("jpg 6", "jpg 2"))
    with pytest.raises(FerBenchError, match=r"list_patition_label.txt and list_partition_label.txt .* differ"):
        read("aligned", tmp_path)


@pytest.mark.parametrize(
    ("name", "missing", "message"),
    [
        ("aligned", "EmoLabel", "label list EmoLabel/list_patition_label.txt is not there"),
        ("aligned", "Image/aligned", "Image/aligned: no such folder; unpack aligned.zip"),
        ("original", "EmoLabel", "label list EmoLabel/list_patition_label.txt is not there"),
        ("original", "Annotation/boundingbox", "unpack boundingbox.zip .* --crop none"),
    ],
)
def test_a_missing_half_is_recognised_and_named(tmp_path: Path, name: str, missing: str, message: str) -> None:
    BUILD[name](tmp_path)
    (tmp_path / "basic" / missing).rename(tmp_path / "elsewhere")
    assert recognised(tmp_path) == [name]
    with pytest.raises(FerBenchError, match=message):
        read(name, tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("train_00002.jpg 8", "label '8' of train_00002.jpg, expected a code from 1 to 7"),
        ("train_00002.jpg", "'train_00002.jpg', expected a file name and a label"),
        ("happy_00001.jpg 4", "'happy_00001.jpg 4', expected"),
        ("train_00001.jpg 5", "train_00001.jpg is named a second time, first in line 1"),
    ],
)
def test_a_bad_line_of_the_list_is_named_and_the_rest_is_read(tmp_path: Path, line: str, reason: str) -> None:
    save(tmp_path / "basic/Image/aligned/train_00001_aligned.jpg", "happy")
    put(tmp_path / LIST, f"train_00001.jpg 4\n\n{line}\n")
    samples, flaws = read("aligned", tmp_path)
    assert [sample.id for sample in samples] == ["train_00001"]
    assert [(flaw.source, flaw.missing) for flaw in flaws] == [(f"{LIST}:3", False)]
    assert flaws[0].reason.startswith(reason)


@pytest.mark.parametrize("name", ["aligned", "class-folders"])
def test_codes_may_be_fractions_as_pandas_writes_them(tmp_path: Path, name: str) -> None:
    BUILD[name](tmp_path)
    plain = read(name, tmp_path)
    for table in [*tmp_path.rglob("*_label.txt"), *tmp_path.glob("*_labels.csv")]:
        table.write_text(re.sub(r"(?<=[ ,])(\d)$", r"\1.0", table.read_text(), flags=re.MULTILINE))
        assert "jpg 6.0" in table.read_text().replace(",", " ")
    assert read(name, tmp_path) == plain


def test_a_list_of_another_form_is_refused(tmp_path: Path) -> None:
    aligned(tmp_path)
    put(tmp_path / LIST, "image,label\ntrain_00001.jpg 4\n")
    with pytest.raises(FerBenchError, match=r"list_patition_label.txt:1: 'image,label', expected a file name and"):
        read("aligned", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("name", "text"), [("aligned", LIST), ("class-folders", "test_labels.csv")])
def test_labels_in_utf_16_are_named_as_such(tmp_path: Path, name: str, text: str, encoding: str) -> None:
    BUILD[name](tmp_path)
    (tmp_path / text).write_text((tmp_path / text).read_text(encoding="utf-8"), encoding=encoding)
    with pytest.raises(FerBenchError, match=rf"{text}: is UTF-16, .*; save it as UTF-8"):
        read(name, tmp_path)


@pytest.mark.parametrize(("name", "text"), [("aligned", LIST), ("class-folders", "test_labels.csv")])
def test_labels_that_are_not_utf_8_are_named_as_such(tmp_path: Path, name: str, text: str) -> None:
    BUILD[name](tmp_path)
    (tmp_path / text).write_bytes(b"fr\xf6hlich.jpg 4\n" + (tmp_path / text).read_bytes())
    with pytest.raises(FerBenchError, match=rf"{text}: is not UTF-8 \(byte 3 is 0xf6\); save it as UTF-8"):
        read(name, tmp_path)


def test_a_list_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_bench.datasets.folder._LARGEST", 1 << 21)
    aligned(tmp_path)
    with (tmp_path / LIST).open("r+b") as stream:
        stream.truncate((1 << 21) + 1)
    with pytest.raises(
        FerBenchError, match=r"list_patition_label.txt: not readable as text \(more than 2,097,152 bytes"
    ):
        read("aligned", tmp_path)


def test_a_line_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    aligned(tmp_path)
    put(tmp_path / LIST, "train_00001.jpg 4\n../../../../etc/passwd 4\n")
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        read("aligned", tmp_path)


def test_a_missing_picture_is_a_flaw_with_its_part_and_class(tmp_path: Path) -> None:
    aligned(tmp_path)
    (tmp_path / "basic/Image/aligned/test_0004_aligned.jpg").unlink()
    save(tmp_path / "basic/Image/aligned/train_09999_aligned.jpg", "sad")
    found = reading("aligned", tmp_path)
    samples, flaws = split(found)
    assert len(samples) == len(IMAGES) - 1
    [flaw] = flaws
    assert (flaw.source, flaw.part) == ("basic/Image/aligned/test_0004_aligned.jpg", "test")
    assert flaw.missing
    assert flaw.label == EMOTIONS.index(dict(IMAGES)["test_0004"])
    assert found.notes == [
        "not in the label list and left out: 1 picture of basic/Image/aligned/, the first is train_09999_aligned.jpg"
    ]


@pytest.mark.parametrize(
    ("name", "there"),
    [("aligned", "test_0004.jpg"), ("aligned", "test_0004_aligned.JPG"), ("original", "test_0004.png")],
)
def test_a_picture_under_another_name_than_the_layouts_is_told(tmp_path: Path, name: str, there: str) -> None:
    BUILD[name](tmp_path)
    [picture] = tmp_path.glob("basic/Image/*/test_0004*")
    picture.rename(picture.with_name(there))
    found = reading(name, tmp_path)
    _, [flaw] = split(found)
    assert flaw.missing
    assert (
        f"names it; {there} is there: rename it where it is that picture, or move it to its own folder" in flaw.reason
    )
    assert found.notes == [
        f"not in the label list and left out: 1 picture of basic/Image/{name}/, the first is {there}"
    ]


@given(st.text(max_size=60) | st.from_regex(r"((train|test)_[0-9]{5}(_aligned)?\.jpg|[./]{1,6}) [0-9x]{0,2}"))
@settings(deadline=None, max_examples=100)
def test_any_line_of_the_list_is_read_or_refused(line: str) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        save(root / "basic/Image/aligned/train_00001_aligned.jpg", "happy")
        put(root / LIST, f"train_00001.jpg 4\n{line}\n")
        try:
            samples, flaws = read("aligned", root)
        except FerBenchError:
            assert "/" in line
            return
        assert [sample.id for sample in samples] == ["train_00001"]
        assert flaws or not line.strip()


# Face boxes.


def test_photographs_are_cropped_by_their_boxes_or_whole(tmp_path: Path) -> None:
    original(tmp_path)
    samples, _ = read("original", tmp_path, "box")
    assert samples[7].box == (7, 10.5, 67, 90.25)
    (tmp_path / "basic/Annotation").rename(tmp_path / "elsewhere")
    samples, flaws = read("original", tmp_path, "none")
    assert flaws == []
    assert {sample.box for sample in samples} == {None}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such face box"),
        ("", "0 fields, expected four numbers: left, top, right, bottom"),
        ("1 2 3", "3 fields, expected four numbers"),
        ("1 2 3 x", "4 fields, expected four numbers"),
        ("nan 2 3 4", "face box nan 2 3 4, expected left, top, right, bottom"),
        ("60 10 50 40", "face box 60 10 50 40, expected left, top, right, bottom"),
    ],
)
def test_a_photograph_without_a_usable_box_is_a_flaw(tmp_path: Path, content: str | None, reason: str) -> None:
    original(tmp_path)
    file = "basic/Annotation/boundingbox/train_00001_boundingbox.txt"
    if content is None:
        (tmp_path / file).unlink()
    else:
        put(tmp_path / file, content)
    samples, [flaw] = read("original", tmp_path)
    assert len(samples) == len(IMAGES) - 1
    assert (flaw.source, flaw.part, flaw.label) == (file, "train", EMOTIONS.index(IMAGES[0][1]))
    assert flaw.reason.startswith(reason)
    assert flaw.reason.endswith("--crop none takes whole pictures")
    assert flaw.missing == (content is None)


def test_boxes_beside_photographs_that_are_resized_already_are_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    synthesize("raf-db", raw, train=7, test=7, layout="original")
    for path in (raw / "basic/Image/original").glob("*.jpg"):
        assert cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), None, fx=0.8, fy=0.8))
    for wishes in (Wishes(), Wishes(skip_bad=True, allow_incomplete=True)):
        with pytest.raises(FerBenchError) as error:
            prepare(CARD, raw, tmp_path / "out", wishes)
        assert "of 14 face boxes reach beyond their pictures, such as basic/Image/original/t" in str(error.value)
        assert "look cropped or resized already" in str(error.value)


@pytest.mark.parametrize(
    ("box", "remark"),
    [
        ("-5 10 55 70", ""),
        ("-7 10 53 70", "the face box reaches beyond the picture, and was cut off at its edge"),
        ("100 -9 151 50", "the face box reaches beyond the picture, and was cut off at its edge"),
        ("160 10 220 70", None),
    ],
)
def test_a_box_that_leaves_its_photograph_is_cut_off_there(tmp_path: Path, box: str, remark: str | None) -> None:
    original(tmp_path)
    put(tmp_path / "basic/Annotation/boundingbox/train_00001_boundingbox.txt", box)
    samples, _ = read("original", tmp_path)
    [chunk] = decoded(Folder(tmp_path), samples, (32, 32))
    source = "basic/Image/original/train_00001.jpg"
    assert chunk.remarks == ([(source, remark)] if remark else [])
    reason = "the face box reaches beyond the picture: left 160, top 10, right 220, bottom 70 of 150 x 150 pixels"
    assert [(flaw.source, flaw.reason.split(";")[0]) for flaw in chunk.flaws] == (
        [(source, reason)] if remark is None else []
    )


@given(st.binary(max_size=60) | st.from_regex(rb"([-0-9.einfa]{1,6}[ \t\n]){3,5}", fullmatch=True))
@settings(deadline=None)
def test_any_box_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        left, top, right, bottom = face_box(content)
    except ValueError:
        return
    assert left < right
    assert top < bottom


# Attributes.


@pytest.mark.parametrize("separator", ["\n", " ", "\t"])
def test_attributes_are_kept_with_their_names(tmp_path: Path, separator: str) -> None:
    aligned(tmp_path)
    for name, _ in IMAGES:
        put_attributes(tmp_path, name, separator.join("012"))
    put_attributes(tmp_path, "train_00002", separator.join("124"))
    found = reading("aligned", tmp_path)
    samples, _ = split(found)
    assert samples[0].attributes == (("gender", "male"), ("race", "african-american"), ("age", "20-39"))
    assert samples[1].attributes == (("gender", "female"), ("race", "asian"), ("age", "70+"))
    assert found.notes == []


def test_an_image_without_attributes_is_taken_and_noted(tmp_path: Path) -> None:
    aligned(tmp_path)
    for name, _ in IMAGES:
        put_attributes(tmp_path, name, "2\n0\n0")
    put_attributes(tmp_path, "train_00003", "0\n3\n0")
    (tmp_path / "basic/Annotation/manual/test_0001_manu_attri.txt").unlink()
    found = reading("aligned", tmp_path)
    samples, flaws = split(found)
    assert flaws == []
    unknown = [sample.id for sample in samples if sample.attributes == (("gender", ""), ("race", ""), ("age", ""))]
    assert unknown == ["train_00003", "test_0001"]
    assert found.notes == [
        "gender, race, age are unknown for 2 images, whose annotation file is missing or not of the expected form, "
        "the first is basic/Annotation/manual/train_00003_manu_attri.txt"
    ]


def test_unlisted_pictures_are_noted_whatever_their_names(tmp_path: Path) -> None:
    synthesize("raf-db", tmp_path / "raw", train=70, test=14)
    (tmp_path / "raw/basic/Image/aligned" / os.fsdecode(b"\xe4.jpg")).touch()
    notes = prepare(CARD, tmp_path / "raw", tmp_path / "out").manifest["notes"]
    assert any(note.endswith("of basic/Image/aligned/, the first is \\xe4.jpg") for note in notes)


def test_a_copy_without_the_annotations_has_no_attributes(tmp_path: Path) -> None:
    aligned(tmp_path)
    samples, _ = read("aligned", tmp_path)
    assert {sample.attributes for sample in samples} == {()}


@given(st.lists(st.sampled_from([b"0", b"1", b"2", b"4", b"5", b"-1", b"1.5", b"x", b"\xff"]), max_size=14))
@settings(deadline=None)
def test_any_attribute_file_is_read_or_refused(fields: list[bytes]) -> None:
    gender, race, age = fields[-3:] if len(fields) == 13 else (b"", b"", b"")
    content = b"\n".join(fields)
    if gender in (b"0", b"1", b"2") and race in (b"0", b"1", b"2") and age in (b"0", b"1", b"2", b"4"):
        assert dict(read_attributes(content)) == {
            "gender": ("male", "female", "unsure")[int(gender)],
            "race": ("caucasian", "african-american", "asian")[int(race)],
            "age": ("0-3", "4-19", "20-39", "40-69", "70+")[int(age)],
        }
    else:
        with pytest.raises(ValueError, match="expected"):
            read_attributes(content)


# Class folders.


def test_tables_beside_the_parts_are_found_too(tmp_path: Path) -> None:
    class_folders(tmp_path)
    (tmp_path / "train_labels.csv").rename(tmp_path / "DATASET/train_labels.csv")
    (tmp_path / "test_labels.csv").rename(tmp_path / "DATASET/test_labels.csv")
    evidence = layout("class-folders").recognise(tmp_path)
    assert evidence == (
        "DATASET/train/ and DATASET/test/ with class folders 1 to 7 of pictures named train_00001_aligned.jpg, and "
        "DATASET/train_labels.csv, DATASET/test_labels.csv"
    )
    assert reading("class-folders", tmp_path).notes == []
    samples, flaws = read("class-folders", tmp_path / "DATASET")
    assert flaws == []
    assert samples[0].source.startswith("train/")


def test_without_tables_the_folders_decide_and_a_note_says_so(tmp_path: Path) -> None:
    class_folders(tmp_path)
    (tmp_path / "train_labels.csv").unlink()
    found = reading("class-folders", tmp_path)
    samples, flaws = split(found)
    assert flaws == []
    assert len(samples) == len(IMAGES)
    assert found.notes == ["train_labels.csv is not in this copy: the class folders alone give the labels"]


def test_a_folder_and_a_table_that_disagree_are_both_named(tmp_path: Path) -> None:
    class_folders(tmp_path)
    path = tmp_path / "train_labels.csv"
    path.write_text(path.read_text().replace("train_00001_aligned.jpg,6", "train_00001_aligned.jpg,5"))
    samples, [flaw] = read("class-folders", tmp_path)
    assert "train_00001" not in [sample.id for sample in samples]
    assert flaw.source == "DATASET/train/6/train_00001_aligned.jpg"
    assert flaw.reason == "folder 6 means angry, but train_labels.csv:2 says label '5' (sad)"


def test_pictures_that_a_table_and_the_folders_do_not_share_are_flaws(tmp_path: Path) -> None:
    class_folders(tmp_path)
    (tmp_path / "DATASET/test/6/test_0001_aligned.jpg").unlink()
    save(tmp_path / "DATASET/test/5/test_0999_aligned.jpg", "sad")
    samples, flaws = read("class-folders", tmp_path)
    assert len(samples) == len(IMAGES) - 1
    assert [(flaw.source, flaw.reason, flaw.missing) for flaw in flaws] == [
        (
            "DATASET/test/5/test_0999_aligned.jpg",
            "folder 5 means sad, but test_labels.csv does not name the picture",
            False,
        ),
        ("test_labels.csv:2", "'test_0001_aligned.jpg' is in none of the class folders of DATASET/test/", True),
    ]
    assert flaws[1].label == EMOTIONS.index("angry")


def test_a_picture_in_two_class_folders_is_taken_from_neither(tmp_path: Path) -> None:
    class_folders(tmp_path)
    (tmp_path / "train_labels.csv").unlink()
    save(tmp_path / "DATASET/train/4/train_00001_aligned.jpg", "angry")
    samples, flaws = read("class-folders", tmp_path)
    assert "train_00001" not in [sample.id for sample in samples]
    assert [flaw.reason for flaw in flaws] == [
        "folder 4 means happy, but the picture is also in folder 6",
        "folder 6 means angry, but the picture is also in folder 4",
    ]


@pytest.mark.parametrize("name", ["test_0009_aligned.jpg", "face.png", "train_00099.jpg"])
def test_a_picture_without_an_official_name_of_its_part_is_a_flaw(tmp_path: Path, name: str) -> None:
    class_folders(tmp_path)
    save(tmp_path / "DATASET/train/4" / name, "happy")
    _, [flaw] = read("class-folders", tmp_path)
    assert flaw.source == f"DATASET/train/4/{name}"
    assert flaw.reason == "expected a picture named train_NUMBER_aligned.jpg"


def test_no_picture_of_a_class_folder_is_lost_without_a_word(tmp_path: Path) -> None:
    class_folders(tmp_path)
    (tmp_path / "DATASET/train/1/a.avif").touch()
    found = reading("class-folders", tmp_path)
    split(found)
    assert "DATASET/train/1/ holds files that are no pictures by their ending, not read: a.avif." in found.notes
    (tmp_path / "DATASET/train/1/more").mkdir()
    with pytest.raises(FerBenchError, match=r"train/1/more: a folder inside a class folder"):
        read("class-folders", tmp_path)


@pytest.mark.parametrize(
    ("stray", "message"),
    [
        ("DATASET/train/0/train_00001_aligned.jpg", "DATASET/train/0: not a class folder; expected 1, 2, 3"),
        ("DATASET/test/happy/test_0001_aligned.jpg", "DATASET/test/happy: not a class folder"),
        ("DATASET/test/test_0001_aligned.jpg", "a picture outside the class folders"),
    ],
)
def test_an_unknown_class_folder_is_refused(tmp_path: Path, stray: str, message: str) -> None:
    class_folders(tmp_path)
    save(tmp_path / stray, "happy")
    with pytest.raises(FerBenchError, match=message):
        read("class-folders", tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "the first line is '', expected the columns image and label"),
        ("image,label,Label\n", "2 columns of its first line are named label; keep the dataset's own one"),
        ("file,class\na.jpg,1\n", "the first line is 'file,class'"),
        ("image,label\n../../../x,1\n", "leads out of the dataset folder"),
        ('image,label\n"' + "a" * 200_000, "not readable as a CSV table"),
    ],
)
def test_a_damaged_label_table_is_refused(tmp_path: Path, table: str, message: str) -> None:
    class_folders(tmp_path)
    put(tmp_path / "train_labels.csv", table)
    with pytest.raises(FerBenchError, match=message):
        read("class-folders", tmp_path)


def test_odd_rows_of_a_label_table_are_named(tmp_path: Path) -> None:
    class_folders(tmp_path)
    with (tmp_path / "test_labels.csv").open("a") as stream:
        stream.write("test_0001_aligned.jpg,6\ntest_0002_aligned.jpg\n\n")
    samples, flaws = read("class-folders", tmp_path)
    assert len(samples) == len(IMAGES)
    assert [(flaw.source, flaw.reason) for flaw in flaws] == [
        ("test_labels.csv:9", "'test_0001_aligned.jpg' is named a second time, first in line 2"),
        ("test_labels.csv:10", "1 cell, fewer than the header names"),
    ]


def test_hidden_twins_of_the_pictures_hide_no_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS writes them to a disk of Windows, which lists by name: all of them before the first picture."""
    folder = tmp_path / "train" / "4"
    folder.mkdir(parents=True)
    for number in range(60):
        (folder / f"train_{number:05d}_aligned.jpg").touch()
        (folder / f"._train_{number:05d}_aligned.jpg").touch()
    scandir = os.scandir

    @contextlib.contextmanager
    def by_name(path: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(path) as entries:
            yield iter(sorted(entries, key=lambda entry: entry.name))

    monkeypatch.setattr(os, "scandir", by_name)
    layout = next(layout for layout in CARD.layouts if layout.name == "class-folders")
    assert layout.recognise(tmp_path)


def test_other_peoples_class_folders_are_not_recognised(tmp_path: Path) -> None:
    for code in range(1, 8):
        save(tmp_path / f"train/{code}/image000{code}.jpg", "happy")
    assert recognised(tmp_path) == []


def test_a_link_out_of_the_dataset_is_refused(tmp_path: Path) -> None:
    aligned(tmp_path / "raw")
    pictures = tmp_path / "raw/basic/Image/aligned"
    pictures.rename(tmp_path / "elsewhere")
    pictures.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        read("aligned", tmp_path / "raw")


# The size of the pictures.


@pytest.mark.parametrize("name", ["aligned", "class-folders"])
def test_aligned_pictures_of_another_size_than_the_official_one_are_told(tmp_path: Path, name: str) -> None:
    raw = tmp_path / "raw"
    synthesize("raf-db", raw, train=35, test=7, layout=name)
    path = next(raw.rglob("train_00002_aligned.jpg"))
    assert cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (224, 224)))
    manifest = prepare(CARD, raw, tmp_path / "out").manifest
    source, remark = path.relative_to(raw).as_posix(), "not 100 x 100 pixels as given out: resized or cropped since"
    assert manifest["remarks"] == [{"source": source, "remark": remark}]
    assert f"1 picture: {remark} ({source} is the first)" in manifest["notes"]
