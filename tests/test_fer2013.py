"""FER-2013 in every layout: every class is a shade of gray here, so a swapped label order shows in the pixels."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_bench.datasets.card import Choice, Flaw, Layout, Reading, Sample
from fer_bench.datasets.fer2013 import CARD
from fer_bench.datasets.fer2013_tables import majority
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.pixel_text import parse
from fer_bench.datasets.recognition import recognise
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.datasets.synthetic.layouts import synthesize
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError

# Written out from the challenge's description, not taken from the code under test.
CODES = {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6}
SHADES = {name: 20 + 30 * index for index, name in enumerate(EMOTIONS)}
ROWS = [
    (emotion, part)
    for part, count in (("Training", 3), ("PublicTest", 1), ("PrivateTest", 2))  # As many to train as to test.
    for emotion in EMOTIONS
    for _ in range(count)
]
"""Emotion and part of each row, in the order of fer2013.csv."""
SPLIT_OF = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
VOTED = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
AS_VOTED = dict(zip(EMOTIONS, ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"), strict=True))


def put(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def save(path: Path, shade: int, side: int = 48) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((side, side), shade, np.uint8))


def pixels(emotion: str) -> str:
    return " ".join([str(SHADES[emotion])] * 48 * 48)


def table(rows: list[tuple[str, str]]) -> str:
    return "".join(["emotion,pixels,Usage\n", *(f"{CODES[name]},{pixels(name)},{part}\n" for name, part in rows)])


def whole(root: Path) -> None:
    put(root / "fer2013.csv", table(ROWS))


def icml(root: Path) -> None:
    lines = [f"{CODES[name]},{part},{pixels(name)}" for name, part in ROWS]
    put(root / "icml_face_data.csv", "\r\n".join(["emotion, Usage, pixels", *lines]))


def split_tables(root: Path, names: tuple[str, str, str] = ("train.csv", "val.csv", "test.csv")) -> None:
    for name, part in zip(names, SPLIT_OF, strict=True):
        put(root / name, table([row for row in ROWS if row[1] == part]))


def folders(root: Path) -> None:
    synonyms = {"angry": "Anger", "happy": "happiness", "surprise": "surprised"}
    for number, (emotion, part) in enumerate(ROWS):
        folder = root / SPLIT_OF[part] / synonyms.get(emotion, emotion)
        save(folder / f"{part}_{10_000_000 + number}.jpg", SHADES[emotion])
        put(folder / "Thumbs.db", "no picture")
        put(folder / f"._{part}_{number}.jpg", "what macOS leaves in archives")


def renamed(root: Path) -> None:
    for split in ("train", "test"):
        for emotion in EMOTIONS:
            for number in range(3):
                save(root / split / emotion / f"im{number}.png", SHADES[emotion])


TREES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "fer2013.csv": ("csv", whole),
    "icml_face_data.csv": ("csv", icml),
    "split tables": ("split-csv", split_tables),
    "folders": ("folders", folders),
    "renamed": ("folders-renamed", renamed),
}


def layout(name: str) -> Layout:
    return {one.name: one for one in CARD.layouts}[name]


def recognised(path: Path) -> list[str]:
    return [one.name for one in CARD.layouts if one.recognise(path) is not None]


def reading(name: str, path: Path, protocol: str = "original") -> tuple[list[Sample | Flaw], Reading]:
    result = layout(name).read(path, Choice(protocol, "none"))
    return list(result.samples), result


def samples(name: str, path: Path, protocol: str = "original") -> list[Sample]:
    found, _ = reading(name, path, protocol)
    assert not [item for item in found if isinstance(item, Flaw)]
    return [item for item in found if isinstance(item, Sample)]


def flaws(name: str, path: Path, protocol: str = "original") -> list[Flaw]:
    return [item for item in reading(name, path, protocol)[0] if isinstance(item, Flaw)]


def image(root: Path, sample: Sample) -> NDArray[np.uint8]:
    if sample.pixels is None:
        return np.asarray(cv2.imread(str(root / sample.source), cv2.IMREAD_GRAYSCALE), np.uint8)
    (result,) = parse([sample.pixels.text], sample.pixels.side)
    assert isinstance(result, np.ndarray)
    return result


# Every layout.


@pytest.mark.parametrize("tree", TREES)
def test_every_picture_gets_the_class_that_it_shows(tmp_path: Path, tree: str) -> None:
    name, build = TREES[tree]
    build(tmp_path)
    found, result = reading(name, tmp_path)
    for sample in found:
        assert isinstance(sample, Sample)
        shown = image(tmp_path, sample)
        assert shown.shape == (48, 48)
        assert np.abs(shown.astype(int) - SHADES[EMOTIONS[sample.label]]).max() <= 2
    assert len(found) == len(ROWS)
    assert len({sample.id for sample in found if isinstance(sample, Sample)}) == len(ROWS)
    assert sorted(result.label_map.values()) == sorted(EMOTIONS)


@pytest.mark.parametrize("tree", TREES)
def test_exactly_one_layout_recognises_it(tmp_path: Path, tree: str) -> None:
    name, build = TREES[tree]
    build(tmp_path)
    assert recognised(tmp_path) == [name]
    assert recognised(tmp_path.parent) == []


@pytest.mark.parametrize("tree", TREES)
def test_every_picture_is_of_its_official_part(tmp_path: Path, tree: str) -> None:
    name, build = TREES[tree]
    build(tmp_path)
    found = samples(name, tmp_path)
    parts = {part: sum(row[1] == part for row in ROWS) for part in SPLIT_OF}
    if name == "folders-renamed":
        parts = {"Training": parts["Training"], "Test": parts["PublicTest"] + parts["PrivateTest"]}
    assert {part: sum(sample.part == part for sample in found) for part in parts} == parts
    assert all(sample.split == ("train" if sample.part == "Training" else "test") for sample in found)


@pytest.mark.parametrize("tree", TREES)
def test_reading_twice_gives_the_same_order(tmp_path: Path, tree: str) -> None:
    name, build = TREES[tree]
    build(tmp_path)
    assert samples(name, tmp_path) == samples(name, tmp_path)


def test_an_empty_folder_a_missing_path_and_another_file_are_none_of_them(tmp_path: Path) -> None:
    put(tmp_path / "notes" / "readme.txt", "emotion,pixels,Usage")
    for path in (tmp_path, tmp_path / "no such", tmp_path / "notes", tmp_path / "notes" / "readme.txt"):
        assert recognised(path) == []


def raf_db(root: Path) -> None:
    save(root / "basic/Image/aligned/train_00001_aligned.jpg", 9)
    put(root / "basic/EmoLabel/list_patition_label.txt", "train_00001.jpg 5\n")


def raf_db_numbered(root: Path) -> None:
    for split in ("train", "test"):
        for code in range(1, 8):
            save(root / split / str(code) / f"{split}_0000{code}_aligned.jpg", 9, 100)
        put(root / f"{split}_labels.csv", f"image,label\n{split}_00001_aligned.jpg,1\n")


def affectnet_classes(root: Path) -> None:
    for split in ("train", "val", "test"):
        for emotion in EMOTIONS:
            save(root / split / emotion / "image0000006.jpg", 9, 96)


def affectnet_small(root: Path) -> None:
    for split in ("train", "val"):
        for emotion in (*EMOTIONS, "contempt"):
            save(root / split / emotion / "6.jpg", 9)


def affectnet_tables(root: Path) -> None:
    for name in ("training.csv", "validation.csv"):
        put(root / name, "subDirectory_filePath,face_x,expression\n1/2.jpg,3,4\n")


def ck_plus_48(root: Path) -> None:
    for name in ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"):
        save(root / name / "S010_004_00000017.png", 9)


def ck_extended(root: Path) -> None:
    put(root / "ckextended.csv", f"emotion,pixels,Usage\n7,{pixels('fear')},Training\n")


@pytest.mark.parametrize(
    "build",
    [raf_db, raf_db_numbered, affectnet_classes, affectnet_small, affectnet_tables, ck_plus_48, ck_extended],
)
def test_other_datasets_are_not_taken_for_it(tmp_path: Path, build: Callable[[Path], None]) -> None:
    build(tmp_path)
    for place in (tmp_path, *tmp_path.rglob("*")):
        assert recognised(place) == []


# One table.


def test_both_names_of_the_table_give_the_same_rows(tmp_path: Path) -> None:
    whole(tmp_path / "a")
    icml(tmp_path / "b")
    a, b = (samples("csv", tmp_path / name) for name in "ab")
    assert [(s.id, s.label, s.part) for s in a] == [(s.id, s.label, s.part) for s in b]
    assert (a[0].id, a[-1].id) == ("row0000000", f"row{len(ROWS) - 1:07d}")
    assert (a[0].source, b[0].source) == ("fer2013.csv:2", "icml_face_data.csv:2")


def test_where_both_names_are_there_one_is_read_and_a_note_says_so(tmp_path: Path) -> None:
    whole(tmp_path)
    icml(tmp_path)
    found, result = reading("csv", tmp_path)
    assert len(found) == len(ROWS)
    assert result.notes == ["fer2013.csv was read; icml_face_data.csv beside it, usually the same table, was not"]


def test_a_table_of_any_name_may_be_named_itself(tmp_path: Path) -> None:
    put(tmp_path / "My Faces.CSV", table(ROWS))
    assert recognised(tmp_path) == []
    assert layout("csv").recognise(tmp_path / "My Faces.CSV") == (
        "the table My Faces.CSV with the columns emotion, pixels and Usage"
    )
    assert samples("csv", tmp_path / "My Faces.CSV")[0].source == "My Faces.CSV:2"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("fer2013.csv", "emotion,pixels\n0,1\n"),
        ("fer2013.csv", ""),
        ("fer2013new.csv", f"Usage,Image name,{','.join(VOTED)}\n"),
        ("ck.csv", table(ROWS)),
        ("fer2013.txt", table(ROWS)),
    ],
)
def test_another_table_is_not_taken_for_it(tmp_path: Path, name: str, content: str) -> None:
    put(tmp_path / name, content)
    assert recognised(tmp_path / name) == []
    assert recognised(tmp_path) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("fraction", ["", ".0"])
def test_the_way_in_which_a_table_was_saved_does_not_matter(
    tmp_path: Path, encoding: str, end: str, quote: str, fraction: str
) -> None:
    """As a spreadsheet or pandas writes it: an index, 3.0 for 3, quotation marks, a byte-order mark, blank lines."""
    whole(tmp_path / "a")
    lines = [f"{i},{CODES[e]}{fraction},{quote}{pixels(e)}{quote},{quote}{p}{quote}" for i, (e, p) in enumerate(ROWS)]
    lines.insert(3, "")
    put(tmp_path / "b" / "fer2013.csv", end.join([",emotion,pixels,Usage", *lines, ""]), encoding)
    assert recognised(tmp_path / "b") == ["csv"]
    a, b = (samples("csv", tmp_path / name) for name in "ab")
    assert [(s.id, s.label, s.part, s.pixels) for s in a] == [(s.id, s.label, s.part, s.pixels) for s in b]
    assert (b[0].source, b[-1].source) == ("fer2013.csv:2", f"fer2013.csv:{len(ROWS) + 2}")


def test_which_of_two_columns_of_one_name_counts_is_not_guessed(tmp_path: Path) -> None:
    put(tmp_path / "fer2013.csv", "emotion,Emotion,pixels,Usage\n0,3,1 2,Training\n")
    with pytest.raises(FerBenchError, match=r"fer2013.csv: 2 columns of its first line are named emotion; keep"):
        samples("csv", tmp_path)


@pytest.mark.parametrize("mark", ["\ufeff", ""], ids=["mark", "no-mark"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_table_in_utf_16_is_named_as_such(tmp_path: Path, encoding: str, mark: str) -> None:
    put(tmp_path / "fer2013.csv", mark + table(ROWS).replace("\n", "\r\n"), encoding)
    assert recognised(tmp_path) == ["csv"]
    with pytest.raises(FerBenchError, match=r"fer2013.csv: is UTF-16, .*; save it as UTF-8"):
        samples("csv", tmp_path)


def test_a_table_whose_lines_end_in_cr_alone_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_bytes(table(ROWS).replace("\n", "\r").encode())
    assert recognised(tmp_path) == ["csv"]
    with pytest.raises(FerBenchError, match=r"fer2013.csv: its lines end in CR alone, .*; save it with Unix"):
        samples("csv", tmp_path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("7,1 2,Training", Flaw("fer2013.csv:3", "emotion '7', expected a code from 0 to 6", part="Training")),
        (",1 2,Training", Flaw("fer2013.csv:3", "emotion '', expected a code from 0 to 6", part="Training")),
        ("٣,1 2,Training", Flaw("fer2013.csv:3", "emotion '٣', expected a code from 0 to 6", part="Training")),
        (
            "3,1 2,Test",
            Flaw("fer2013.csv:3", "Usage 'Test', expected Training, PublicTest, PrivateTest", label=3),
        ),
        ("3,1 2", Flaw("fer2013.csv:3", "2 cells, fewer than the header names")),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: str, expected: Flaw) -> None:
    good = f"3,{pixels('happy')},Training"
    put(tmp_path / "fer2013.csv", "\n".join(["emotion,pixels,Usage", good, line, good, ""]))
    first, flaw, last = reading("csv", tmp_path)[0]
    assert flaw == expected
    # The rows after it keep their numbers.
    assert [sample.id for sample in (first, last) if isinstance(sample, Sample)] == ["row0000000", "row0000002"]


def test_a_table_that_begins_with_bad_rows_only_is_refused_at_once(tmp_path: Path) -> None:
    good, bad = f"3,{pixels('happy')},Training", "9,1 2 3,Training"
    path = tmp_path / "fer2013.csv"
    put(path, "\n".join(["emotion,pixels,Usage", *[bad] * 19, good, bad]))
    found, _ = reading("csv", tmp_path)
    assert [isinstance(item, Flaw) for item in found] == [True] * 19 + [False, True]
    put(path, "\n".join(["emotion,pixels,Usage", *[bad] * 20, *[good] * 20]))
    with pytest.raises(FerBenchError, match=r"fer2013.csv: none of its first 20 rows .*at fer2013.csv:2: emotion '9'"):
        reading("csv", tmp_path)


@pytest.mark.parametrize("content", ["emotion,pixels\n0,1\n", "", "\n\n"])
def test_a_table_without_its_header_is_refused(tmp_path: Path, content: str) -> None:
    put(tmp_path / "fer2013.csv", content)
    with pytest.raises(FerBenchError, match=r"neither fer2013\.csv nor icml_face_data\.csv with the columns emotion"):
        layout("csv").read(tmp_path, Choice("original", "none"))


def test_a_row_that_never_ends_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "fer2013.csv", 'emotion,pixels,Usage\n0,"' + "1 " * 200_000)
    with pytest.raises(FerBenchError, match=r"fer2013.csv:2: the quotation marks"):
        reading("csv", tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_a_table_outside_the_folder_is_not_followed(tmp_path: Path) -> None:
    whole(tmp_path / "elsewhere")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "fer2013.csv").symlink_to(tmp_path / "elsewhere" / "fer2013.csv")
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        reading("csv", tmp_path / "here")


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_a_link_to_a_table_may_be_named_itself(tmp_path: Path) -> None:
    """As in a cache of Hugging Face, where the file's own name is a digest."""
    whole(tmp_path / "blobs")
    (tmp_path / "blobs/fer2013.csv").rename(tmp_path / "blobs/3f2a9c")
    (tmp_path / "snap").mkdir()
    link = tmp_path / "snap/fer2013.csv"
    link.symlink_to("../blobs/3f2a9c")
    found = recognise(CARD, link)
    assert (found.root, found.layout.name, found.above) == (link, "csv", False)
    assert samples("csv", found.root)[0].source == "fer2013.csv:2"
    with pytest.raises(FerBenchError, match=r"leads out of .*; name the real folder with --source, or copy the files"):
        reading("csv", tmp_path / "snap")


WILD = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters='",\r\n'), max_size=12)


@given(
    WILD | st.sampled_from("0123456"),
    WILD | st.sampled_from(list(SPLIT_OF)),
    st.just(b"") | st.binary(max_size=3).filter(lambda tail: not set(tail) & set(b'",\r\n')),
)
@settings(max_examples=200, deadline=None)
def test_a_wild_row_is_read_as_it_says_or_flawed(
    tmp_path_factory: pytest.TempPathFactory, emotion: str, usage: str, tail: bytes
) -> None:
    root = tmp_path_factory.getbasetemp() / "wild"
    root.mkdir(exist_ok=True)
    (root / "fer2013.csv").write_bytes(b"emotion,pixels,Usage\n" + f"{emotion},1 2 3,{usage}".encode() + tail)
    (item,) = reading("csv", root)[0]
    part = (usage.encode() + tail).decode(errors="replace").strip()
    if emotion.strip() in set("0123456") and part in SPLIT_OF:
        assert isinstance(item, Sample)
        assert (CODES[EMOTIONS[item.label]], item.part) == (int(emotion.strip()), part)
    else:
        assert isinstance(item, Flaw)
        assert item.reason.isprintable()


# A table a part.


@pytest.mark.parametrize("val", ["val.csv", "valid.csv", "validation.csv"])
def test_split_tables_give_the_rows_of_the_whole_table(tmp_path: Path, val: str) -> None:
    whole(tmp_path / "whole")
    split_tables(tmp_path / "split", ("train.csv", val, "test.csv"))
    a, b = samples("csv", tmp_path / "whole"), samples("split-csv", tmp_path / "split")
    assert [(s.id, s.label, s.part, s.pixels) for s in a] == [(s.id, s.label, s.part, s.pixels) for s in b]
    assert {s.source.split(":")[0] for s in b} == {"train.csv", val, "test.csv"}
    (note,) = reading("split-csv", tmp_path / "split")[1].notes
    assert f"train.csv, {val}, test.csv" in note


def test_split_tables_need_no_usage(tmp_path: Path) -> None:
    split_tables(tmp_path / "a")
    split_tables(tmp_path / "b")
    for path in (tmp_path / "b").iterdir():
        lines = path.read_text(encoding="utf-8").splitlines()
        put(path, "\n".join(line.rpartition(",")[0] for line in lines))
    a, b = (samples("split-csv", tmp_path / name) for name in "ab")
    assert a == b


def test_the_competitions_own_folder_is_one_table(tmp_path: Path) -> None:
    icml(tmp_path)
    put(tmp_path / "train.csv", f'emotion,pixels\n0,"{pixels("angry")}"\n')
    put(tmp_path / "test.csv", f'pixels\n"{pixels("angry")}"\n')
    put(tmp_path / "example_submission.csv", "Id,Prediction\n1,0\n")
    assert recognised(tmp_path) == ["csv"]
    (tmp_path / "icml_face_data.csv").unlink()
    assert recognised(tmp_path) == []


def test_a_test_table_alone_or_a_training_table_alone_is_not_enough(tmp_path: Path) -> None:
    split_tables(tmp_path)
    (tmp_path / "val.csv").unlink()
    assert recognised(tmp_path) == ["split-csv"]
    assert {s.part for s in samples("split-csv", tmp_path)} == {"Training", "PrivateTest"}
    (tmp_path / "test.csv").unlink()
    assert recognised(tmp_path) == []


def test_a_usage_that_contradicts_its_table_is_refused(tmp_path: Path) -> None:
    split_tables(tmp_path)
    put(tmp_path / "test.csv", table([("happy", "PrivateTest"), ("sad", "PublicTest")]))
    with pytest.raises(FerBenchError, match=r"^test.csv:3: Usage PublicTest, but .* must be of PrivateTest"):
        reading("split-csv", tmp_path)


def test_two_tables_of_one_part_are_refused(tmp_path: Path) -> None:
    split_tables(tmp_path)
    split_tables(tmp_path, ("train.csv", "validation.csv", "test.csv"))
    with pytest.raises(FerBenchError, match=r"val.csv and validation.csv are both the part PublicTest"):
        reading("split-csv", tmp_path)


# The votes of FER+.


@pytest.mark.parametrize(
    ("votes", "winner"),
    [
        ((4, 0, 0, 1, 3, 2, 0, 0, 0, 0), None),  # 4 of 9.
        ((6, 0, 1, 1, 0, 0, 0, 0, 2, 0), "neutral"),
        ((5, 0, 0, 3, 1, 0, 0, 0, 1, 0), "neutral"),  # 5 of 8: single votes do not count.
        ((4, 0, 0, 4, 1, 0, 0, 0, 1, 0), None),
        ((0, 5, 5, 0, 0, 0, 0, 0, 0, 0), None),
        ((0, 0, 6, 0, 0, 0, 4, 0, 0, 0), "surprise"),
        ((1, 0, 1, 2, 0, 0, 5, 0, 1, 0), "fear"),
        ((3, 0, 0, 0, 0, 0, 0, 5, 1, 1), "contempt"),
        ((2, 2, 3, 1, 0, 1, 1, 0, 0, 0), None),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0, 10), "NF"),
        ((1, 1, 1, 1, 1, 1, 1, 1, 1, 1), None),
    ],
)
def test_more_than_half_of_the_votes_that_count_decide(votes: tuple[int, ...], winner: str | None) -> None:
    index = majority(votes)
    assert (None if index is None else VOTED[index]) == winner


def votes_line(part: str, name: str, **votes: int) -> str:
    return ",".join([part, name, *(str(votes.get(column, 0)) for column in VOTED)])


def put_votes(path: Path, lines: list[str]) -> None:
    put(path, "\n".join([f"Usage,Image name,{','.join(VOTED)}", *lines, ""]))


def agreeing() -> list[str]:
    return [votes_line(part, f"fer{i:07d}.png", **{AS_VOTED[emotion]: 10}) for i, (emotion, part) in enumerate(ROWS)]


@pytest.mark.parametrize(("tree", "name"), [(whole, "csv"), (icml, "csv"), (split_tables, "split-csv")])
def test_votes_replace_the_labels_row_by_row(tmp_path: Path, tree: Callable[[Path], None], name: str) -> None:
    tree(tmp_path)
    lines = agreeing()
    lines[0] = votes_line("Training", "fer0000000.png", sadness=6, anger=4)
    # As in the real file: of two rows without a face, one takes a number and the other one does not.
    lines[1] = votes_line("Training", "", NF=10)
    lines[2] = votes_line("Training", "fer0000001.png", happiness=9, contempt=1)
    lines[3] = votes_line("Training", "", NF=10)
    lines[4] = votes_line("Training", "fer0000003.png", contempt=7, neutral=3)
    lines[5] = votes_line("Training", "fer0000005.png", neutral=5, sadness=5)
    lines[6] = votes_line("Training", "fer0000006.png", unknown=8, fear=2)
    lines[7] = votes_line("Training", "fer0000007.png", NF=8, fear=2)
    put_votes(tmp_path / "fer2013new.csv", lines)
    found, result = reading(name, tmp_path, "ferplus-majority")
    before = samples(name, tmp_path)
    assert recognised(tmp_path) == [name]
    after = {item.id: item for item in found if isinstance(item, Sample)}
    assert len(after) == len(found) == len(ROWS) - 6
    assert [EMOTIONS[after[f"row{row:07d}"].label] for row in (0, 2)] == ["sad", "happy"]
    for sample in before[8:]:
        assert after[sample.id] == sample
    assert (after["row0000000"].source, after["row0000000"].pixels) == (before[0].source, before[0].pixels)
    assert result.label_map == {AS_VOTED[emotion]: emotion for emotion in EMOTIONS} | {
        "contempt": "left out",
        "unknown": "left out",
        "NF": "left out",
    }
    assert result.notes[-1] == (
        "the votes of FER+ leave out 6 images (1 voted NF, 1 voted contempt, 1 voted unknown, 1 without a majority, "
        "2 without an image name (no face))"
    )


def test_the_votes_are_needed_only_for_their_protocol(tmp_path: Path) -> None:
    whole(tmp_path)
    assert len(samples("csv", tmp_path)) == len(ROWS)
    with pytest.raises(FerBenchError, match=r"fer2013new.csv: no such file, but the protocol ferplus-majority"):
        layout("csv").read(tmp_path, Choice("ferplus-majority", "none"))


def test_votes_beside_a_table_that_was_named_itself_are_found(tmp_path: Path) -> None:
    put(tmp_path / "faces.csv", table(ROWS))
    put_votes(tmp_path / "fer2013new.csv", agreeing())
    assert len(samples("csv", tmp_path / "faces.csv", "ferplus-majority")) == len(ROWS)


FIRST_TEST = next(row for row, (_, part) in enumerate(ROWS) if part == "PublicTest")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda lines: [*lines[1:], lines[-1]],
            r"fer2013new.csv:2: Image name 'fer0000001.png' for fer2013.csv:2, expected fer0000000.png to fer0000000.p",
        ),
        (
            lambda lines: [lines[1], lines[0], *lines[2:]],
            r"fer2013new.csv:2: Image name 'fer0000001.png' for fer2013.csv:2",
        ),
        (
            lambda lines: [lines[0], lines[0], *lines[2:]],
            r"fer2013new.csv:3: Image name 'fer0000000.png' for fer2013.csv:3, expected fer0000001.png",
        ),
        (
            lambda lines: [lines[0].replace("fer0000000.png", "Training_1.jpg"), *lines[1:]],
            r"fer2013new.csv:2: Image name 'Training_1.jpg' for fer2013.csv:2",
        ),
        (
            lambda lines: [line.replace("PublicTest", "PrivateTest") for line in lines],
            rf"fer2013new.csv:{FIRST_TEST + 2}: Usage 'PrivateTest', but fer2013.csv:{FIRST_TEST + 2} is PublicTest",
        ),
        (
            lambda lines: lines[:-1],
            rf"has no line for fer2013.csv:{len(ROWS) + 1}; .* fer2013.csv:{len(ROWS)} and fer2013new.csv:{len(ROWS)};",
        ),
        (
            lambda lines: [*lines, lines[-1]],
            rf"more than the table \(fer2013new.csv:{len(ROWS) + 2}\); .* are fer2013.csv:{len(ROWS) + 1} and fer",
        ),
    ],
)
def test_votes_that_are_not_of_the_table_are_refused(
    tmp_path: Path, change: Callable[[list[str]], list[str]], message: str
) -> None:
    whole(tmp_path)
    put_votes(tmp_path / "fer2013new.csv", change(agreeing()))
    with pytest.raises(FerBenchError, match=message):
        reading("csv", tmp_path, "ferplus-majority")


def test_a_damaged_line_of_votes_or_row_costs_its_own_image_only(tmp_path: Path) -> None:
    whole(tmp_path)
    content = (tmp_path / "fer2013.csv").read_text(encoding="utf-8").splitlines()
    content[3] = "8" + content[3][1:]
    put(tmp_path / "fer2013.csv", "\n".join(content))
    lines = agreeing()
    lines[0] = lines[0].replace("10", "ten")
    lines[1] = "Training,fer0000001.png,10"
    put_votes(tmp_path / "fer2013new.csv", lines)
    assert flaws("csv", tmp_path, "ferplus-majority") == [
        Flaw("fer2013new.csv:2", "votes 'ten', expected a whole number", part="Training"),
        Flaw("fer2013new.csv:3", "3 cells, fewer than the header names"),
        Flaw("fer2013.csv:4", "emotion '8', expected a code from 0 to 6", part="Training"),
    ]
    assert len(reading("csv", tmp_path, "ferplus-majority")[0]) == len(ROWS)


def test_votes_without_their_columns_are_refused(tmp_path: Path) -> None:
    whole(tmp_path)
    put(tmp_path / "fer2013new.csv", "Usage,Image name,neutral,happiness\nTraining,fer0000000.png,10,0\n")
    with pytest.raises(FerBenchError, match=r"fer2013new.csv: no column surprise, sadness, .* in its first line"):
        reading("csv", tmp_path, "ferplus-majority")


# Folders.


def test_ids_of_pictures_are_their_class_and_name(tmp_path: Path) -> None:
    folders(tmp_path)
    found = samples("folders", tmp_path)
    assert next(s.id for s in found if s.source.startswith("train/Anger/")) == "angry/Training_10000000"
    assert [s.source for s in found] == [s.source for s in sorted(found, key=lambda s: (s.split == "test", s.source))]


def test_the_label_map_shows_the_folders_as_they_are_named(tmp_path: Path) -> None:
    folders(tmp_path)
    label_map = reading("folders", tmp_path)[1].label_map
    assert (label_map["Anger"], label_map["happiness"], label_map["fear"]) == ("angry", "happy", "fear")


def test_the_evidence_says_what_the_pictures_are_named(tmp_path: Path) -> None:
    folders(tmp_path)
    assert layout("folders").recognise(tmp_path) == (
        "train/ and test/ with 7 class folders of pictures named Training_..., PublicTest_..., PrivateTest_..."
    )


def test_the_evidence_does_not_depend_on_the_order_in_which_the_file_system_lists(
    synthetic_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, unnamed, scandir = synthetic_root / "fer2013", tmp_path / "renamed", os.scandir
    for picture in named.glob("t*/*/*.jpg"):
        copy = unnamed / picture.relative_to(named)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, copy.with_name(f"im{picture.stem.rpartition('_')[2]}.jpg"))
    told = []
    for reverse in (False, True):

        @contextlib.contextmanager
        def listed(path: Path, reverse: bool = reverse) -> Iterator[Iterator[os.DirEntry[str]]]:
            yield iter(sorted(scandir(path), key=lambda entry: entry.name, reverse=reverse))

        monkeypatch.setattr("os.scandir", listed)
        told.append((layout("folders").recognise(named), layout("folders-renamed").recognise(unnamed)))
    assert told[0] == told[1]
    assert str(told[0][0]).endswith("of pictures named Training_..., PublicTest_..., PrivateTest_...")
    assert "48 x 48 pictures such as train/angry/im" in str(told[0][1])


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_the_public_test_may_have_a_folder_of_its_own(tmp_path: Path, name: str) -> None:
    folders(tmp_path / "a")
    folders(tmp_path / "b")
    for picture in sorted((tmp_path / "b/test").rglob("PublicTest_*")):
        (tmp_path / "b" / name / picture.parent.name).mkdir(parents=True, exist_ok=True)
        picture.rename(tmp_path / "b" / name / picture.parent.name / picture.name)
    assert recognised(tmp_path / "b") == ["folders"]
    a, b = (samples("folders", tmp_path / root) for root in "ab")
    assert {(s.id, s.split, s.label, s.part) for s in a} == {(s.id, s.split, s.label, s.part) for s in b}
    assert reading("folders", tmp_path / "b")[1].notes == []


def test_the_name_decides_where_a_picture_was_moved_and_a_note_says_so(tmp_path: Path) -> None:
    folders(tmp_path)
    (tmp_path / "val/fear").mkdir(parents=True)
    moved = sorted((tmp_path / "train/fear").glob("Training_*"))[0]
    moved.rename(tmp_path / "val/fear" / moved.name)
    found, result = reading("folders", tmp_path)
    (sample,) = (s for s in found if isinstance(s, Sample) and s.source.startswith("val/"))
    assert (sample.split, sample.part, sample.id) == ("train", "Training", f"fear/{moved.stem}")
    assert result.notes == ["pictures in val/ that were read as Training, as their names say: 1"]


@pytest.mark.parametrize("name", ["folders", "folders-renamed"])
def test_no_picture_is_lost_without_a_word(tmp_path: Path, name: str) -> None:
    """Neither by its ending nor in a folder within its class's."""
    (folders if name == "folders" else renamed)(tmp_path)
    before = samples(name, tmp_path)
    first = tmp_path / before[0].source
    first.rename(first.with_suffix(".jfif"))
    (first.parent / "face.avif").touch()
    found, result = reading(name, tmp_path)
    assert [sample.id for sample in found] == [sample.id for sample in before]
    place = first.parent.relative_to(tmp_path).as_posix()
    assert f"{place}/ holds files that are no pictures by their ending, not read: face.avif." in result.notes
    (first.parent / "more").mkdir()
    with pytest.raises(FerBenchError, match=f"{place}/more: a folder inside a class folder"):
        samples(name, tmp_path)


@pytest.mark.parametrize(
    ("stray", "expected"),
    [
        (
            "test/PublicTest_1.jpg",
            Flaw(
                "test/PublicTest_1.jpg",
                "it lies outside the class folders, so its class is unknown; move it to the right one or away",
                part="PublicTest",
            ),
        ),
        (
            "train/happy/im0.png",
            Flaw(
                "train/happy/im0.png",
                "its name begins with none of Training_, PublicTest_, PrivateTest_, so its official part is unknown",
                label=3,
            ),
        ),
    ],
)
def test_a_picture_without_a_sure_class_or_part_is_a_flaw(tmp_path: Path, stray: str, expected: Flaw) -> None:
    folders(tmp_path)
    save(tmp_path / stray, 9)
    assert recognised(tmp_path) == ["folders"]
    assert flaws("folders", tmp_path) == [expected]
    assert len(reading("folders", tmp_path)[0]) == len(ROWS) + 1


@pytest.mark.parametrize("name", ["folders", "folders-renamed"])
@pytest.mark.parametrize("folder", ["train/contempt", "test/3", "test/angry copy"])
def test_a_folder_of_no_class_is_refused(tmp_path: Path, name: str, folder: str) -> None:
    folders(tmp_path)
    save(tmp_path / folder / "Training_1.jpg", 9)
    with pytest.raises(FerBenchError, match=f"{folder}: not a class folder; expected angry, disgust"):
        layout(name).read(tmp_path, Choice("original", "none"))


@pytest.mark.parametrize("name", ["folders", "folders-renamed"])
def test_a_link_that_leads_nowhere_is_no_class_that_is_missing_without_a_word(tmp_path: Path, name: str) -> None:
    folders(tmp_path)
    (tmp_path / "train/Happiness").symlink_to("not-mounted")
    with pytest.raises(FerBenchError, match="train/Happiness: no folder, or a link that leads nowhere"):
        layout(name).read(tmp_path, Choice("original", "none"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", ["folders", "folders-renamed"])
def test_a_name_that_is_not_utf8_is_a_flaw(tmp_path: Path, name: str) -> None:
    (folders if name == "folders" else renamed)(tmp_path)
    (tmp_path / "train/fear" / os.fsdecode(b"Training_\xff.jpg")).write_bytes(b"")
    (flaw,) = flaws(name, tmp_path)
    assert (flaw.reason, flaw.label) == ("its name is not UTF-8; rename it", 2)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("fer2013.csv", "emotion;pixels;Usage\n", "fer2013.csv: its first line holds: emotion;pixels;Usage; expected"),
        ("icml_face_data.csv", f"0,{' '.join(['70'] * 2304)},Training\n", "first line holds: 0, 70 70 70 70"),
        ("train.csv", "id,label\n", "train.csv: its first line holds: id, label; expected emotion and pixels"),
        ("fer2013.csv", "label,pixels,Usage\n", "fer2013.csv: its first line holds: label, pixels, Usage; expected"),
        ("fer2013.csv.gz", "\x1f", "fer2013.csv.gz is compressed: unpack it"),
    ],
)
def test_a_table_of_a_known_name_that_is_not_recognised_gets_its_reason(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    put(tmp_path / name, content)
    with pytest.raises(FerBenchError) as error:
        recognise(CARD, tmp_path)
    assert reason in str(error.value)
    if name.startswith("fer2013"):
        with pytest.raises(FerBenchError) as error:
            recognise(CARD, tmp_path / name)
        assert reason in str(error.value)
    (tmp_path / name).unlink()
    with pytest.raises(FerBenchError) as error:
        recognise(CARD, tmp_path)
    assert "first line" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="other systems have no named pipes")
@pytest.mark.parametrize("first", [True, False])
def test_a_named_pipe_is_no_picture_and_nobody_waits_for_it(tmp_path: Path, first: bool) -> None:
    """The first file of a folder is read another way than those after it."""
    name = "Training_0.jpg" if first else "Training_2.jpg"
    (tmp_path / "angry").mkdir()
    save(tmp_path / "angry" / "Training_1.jpg", 9)
    os.mkfifo(tmp_path / "angry" / name)
    folder = Folder(tmp_path)
    for picture in folder.pictures("angry"):
        if picture == name:
            with pytest.raises(OSError, match="a named pipe, which is no file"):
                folder.read(f"angry/{picture}")
        else:
            assert folder.read(f"angry/{picture}")


def test_of_split_tables_only_those_that_are_wrong_are_named(tmp_path: Path) -> None:
    """The competition's own pair, and a copy whose names are capitalised."""
    good = f"emotion,pixels\n0,{' '.join(['70'] * 2304)}\n"
    put(tmp_path / "train.csv", good)
    put(tmp_path / "test.csv", "pixels\n" + " ".join(["70"] * 2304) + "\n")
    with pytest.raises(FerBenchError) as error:
        recognise(CARD, tmp_path)
    assert "test.csv has no labels, as the competition gave it: icml_face_data.csv has them all" in str(error.value)
    assert "train.csv: its first line" not in str(error.value)
    put(tmp_path / "test.csv", good)
    (tmp_path / "train.csv").rename(tmp_path / "Train.csv")
    with pytest.raises(FerBenchError) as error:
        recognise(CARD, tmp_path)
    assert "Train.csv: write its name train.csv" in str(error.value)
    assert "first line" not in str(error.value)


@pytest.mark.parametrize(("tree", "build"), [("folders", folders), ("folders-renamed", renamed)])
def test_capital_letters_change_nothing(tmp_path: Path, tree: str, build: Callable[[Path], None]) -> None:
    for name in ("plain", "capitals"):
        build(tmp_path / name)
    for split in [path for path in (tmp_path / "capitals").iterdir() if path.is_dir()]:
        split.rename(split.with_name(split.name.capitalize()))
    assert recognised(tmp_path / "capitals") == [tree]
    here, there = samples(tree, tmp_path / "plain"), samples(tree, tmp_path / "capitals")
    assert [one._replace(source=one.source[0].upper() + one.source[1:]) for one in here] == there
    assert reading(tree, tmp_path / "capitals")[1].notes == reading(tree, tmp_path / "plain")[1].notes


def test_a_name_may_occur_in_two_classes(tmp_path: Path) -> None:
    """As two names of the real training set do."""
    folders(tmp_path)
    for emotion in ("fear", "sad"):
        save(tmp_path / "train" / emotion / "Training_8475486.jpg", SHADES[emotion])
    ids = {sample.id for sample in samples("folders", tmp_path)}
    assert {"fear/Training_8475486", "sad/Training_8475486"} <= ids


def test_a_partial_copy_is_still_recognised(tmp_path: Path) -> None:
    save(tmp_path / "test/happy/PrivateTest_1.jpg", SHADES["happy"])
    (tmp_path / "train").mkdir()
    assert recognised(tmp_path) == ["folders"]
    assert [sample.part for sample in samples("folders", tmp_path)] == ["PrivateTest"]


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_a_class_folder_outside_the_dataset_is_not_entered(tmp_path: Path) -> None:
    folders(tmp_path / "here")
    save(tmp_path / "elsewhere/Training_1.jpg", 9)
    (tmp_path / "here/train/Sadness").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        reading("folders", tmp_path / "here")


# Folders whose names have lost the parts.


def test_a_renamed_copy_has_two_parts_and_says_so(tmp_path: Path) -> None:
    renamed(tmp_path)
    found, result = reading("folders-renamed", tmp_path)
    ids = [sample.id for sample in found if isinstance(sample, Sample)]
    assert ids[0] == "train/angry/im0"
    assert len(ids) == len(set(ids)) == len(ROWS)
    assert "PublicTest and PrivateTest together are the part Test" in result.notes[0]


def test_a_renamed_copy_may_call_its_test_set_validation(tmp_path: Path) -> None:
    renamed(tmp_path)
    (tmp_path / "test").rename(tmp_path / "validation")
    assert recognised(tmp_path) == ["folders-renamed"]
    assert {sample.part for sample in samples("folders-renamed", tmp_path)} == {"Training", "Test"}


def test_class_folders_of_damaged_pictures_are_not_taken_for_a_renamed_copy(tmp_path: Path) -> None:
    for split in ("train", "test"):
        put(tmp_path / split / "happy" / "im0.png", "no picture")
    assert recognised(tmp_path) == []


# The card.


def test_the_card_has_the_official_counts() -> None:
    assert {part: sum(counts) for part, counts in CARD.counts.items()} == {
        "Training": 28709,
        "PublicTest": 3589,
        "PrivateTest": 3589,
    }
    counts = layout("folders-renamed").counts
    assert counts is not None
    assert {part: sum(own) for part, own in counts.items()} == {"Training": 28709, "Test": 7178}
    assert counts["Test"] == (958, 111, 1024, 1774, 1233, 1247, 831)


def test_the_card_shows_the_label_codes() -> None:
    assert dict(CARD.label_map) == {str(code): emotion for emotion, code in CODES.items()}


def test_only_tables_offer_the_votes_and_only_renamed_copies_are_unofficial() -> None:
    offered = {one.name: (one.protocols, one.official) for one in CARD.layouts}
    both, one = ("original", "ferplus-majority"), ("original",)
    assert offered == {
        "csv": (both, True),
        "split-csv": (both, True),
        "folders": (one, True),
        "folders-renamed": (one, False),
    }
    assert [protocol.name for protocol in CARD.protocols] == list(both)


@pytest.mark.parametrize("name", ["folders", "folders-renamed"])
def test_pictures_of_another_size_than_the_edition_has_are_told(tmp_path: Path, name: str) -> None:
    raw = tmp_path / "raw"
    synthesize("fer2013", raw, train=35, test=14, layout=name)
    wishes = Wishes(layout=name)
    assert prepare(CARD, raw, tmp_path / "out", wishes).manifest["remarks"] == []
    resized = list((raw / "test").rglob("*.*g"))  # By one of train/ a renamed copy is recognised.
    for path in resized:
        assert cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (224, 224)))
    manifest = prepare(CARD, raw, tmp_path / "out", wishes).manifest
    remark = "not 48 x 48 pixels as given out: resized or cropped since"
    assert {one["source"]: one["remark"] for one in manifest["remarks"]} == {
        path.relative_to(raw).as_posix(): remark for path in resized
    }
    assert any(note.startswith(f"14 pictures: {remark} (test/") for note in manifest["notes"])


def test_a_folder_is_read_through_the_checks_of_the_store(tmp_path: Path) -> None:
    """Every source of a picture is a path that the folder itself gives back."""
    folders(tmp_path)
    folder, found = Folder(tmp_path), samples("folders", tmp_path)
    assert len(found) == len(ROWS)
    assert all(folder.path(sample.source).is_file() for sample in found)
