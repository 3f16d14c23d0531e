"""AffectNet: every class is a shade of gray here, so a swapped label order shows in the pixels."""

import csv
import dataclasses
import io
import itertools
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench.datasets.affectnet import CARD
from fer_bench.datasets.affectnet_npy import expression
from fer_bench.datasets.card import LEFT_OUT, Choice, Flaw, Layout, Reading, Sample
from fer_bench.datasets.recognition import recognise
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.datasets.synthetic.layouts import synthesize
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError

# Written out from the dataset's documentation, not taken from the code under test.
CODES = {"neutral": 0, "happy": 1, "sad": 2, "surprise": 3, "fear": 4, "disgust": 5, "angry": 6, "contempt": 7}
OLDER_CODES = CODES | {"none": 8, "uncertain": 9, "no face": 10}
SHADES = {name: 20 + 20 * index for index, name in enumerate(OLDER_CODES)}
HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"


def save(path: Path, emotion: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((40, 40), SHADES[emotion], np.uint8))


def put(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding, newline="")


def annotate(root: Path, part: str, number: int, code: object) -> None:
    annotations = root / part / "annotations"
    annotations.mkdir(parents=True, exist_ok=True)
    np.save(annotations / f"{number}_exp.npy", np.array(code))
    np.save(annotations / f"{number}_val.npy", np.array(0.5))


def npy(root: Path) -> None:
    for part, count in (("train_set", 5), ("val_set", 1)):
        for number, (emotion, _) in enumerate(itertools.product(CODES, range(count))):
            save(root / f"{part}/images/{number}.jpg", emotion)
            # Both kinds of content are about: a number, and its text.
            annotate(root, part, number, str(CODES[emotion]) if number % 2 else CODES[emotion])


def row(number: int, emotion: str) -> str:
    box = "NULL,NULL,NULL,NULL" if emotion in ("none", "no face") else f"{number},2,20,30"
    landmarks = ";".join(["12.5"] * 136)
    return f"{number % 3}/face{number:03d}.jpg,{box},{landmarks},{OLDER_CODES[emotion]},-2,-2"


def manual_csv(root: Path, images: str = "Manually_Annotated_Images", tables: str = "", *, header: bool = True) -> None:
    number = 0
    for table, count in (("training.csv", 5), ("validation.csv", 1)):
        lines = [HEADER] if header or table == "training.csv" else []
        for emotion, _ in itertools.product(OLDER_CODES, range(count)):
            save(root / images / f"{number % 3}/face{number:03d}.jpg", emotion)
            lines.append(row(number, emotion))
            number += 1
        put(root / tables / table, "\r\n".join([*lines, ""]))


def class_folders(root: Path) -> None:
    for part in ("train", "val"):
        for (emotion, code), number in itertools.product(CODES.items(), range(2)):
            save(root / f"{part}/{code}/image{number}.jpg", emotion)


BUILD = {"npy": npy, "manual-csv": manual_csv, "class-folders": class_folders}


def layout(name: str) -> Layout:
    return next(found for found in CARD.layouts if found.name == name)


def reading(name: str, root: Path, crop: str | None = None) -> Reading:
    found = layout(name)
    return found.read(root, Choice("seven", crop or found.crops[0]))


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
    samples, flaws = read(name, tmp_path)
    assert flaws == []
    for sample in samples:
        shown = cv2.imread(str(tmp_path / sample.source), cv2.IMREAD_GRAYSCALE)
        assert abs(int(shown[20, 20]) - SHADES[EMOTIONS[sample.label]]) <= 2, sample
    train, test = (2, 2) if name == "class-folders" else (5, 1)
    for part, count in (("train", train), ("test", test)):
        labels = [sample.label for sample in samples if sample.split == part]
        assert [labels.count(label) for label in range(7)] == [count] * 7
    assert len({sample.id for sample in samples}) == len(samples)
    assert [sample.id for sample in read(name, tmp_path)[0]] == [sample.id for sample in samples]


def test_the_card_has_the_official_counts() -> None:
    assert {part: sum(counts) for part, counts in CARD.counts.items()} == {"train_set": 283901, "val_set": 3500}
    assert dict(CARD.label_map) == {str(code): name for name, code in OLDER_CODES.items()}
    assert {found.name: found.official for found in CARD.layouts} == {
        "npy": True,
        "manual-csv": True,
        "class-folders": False,
    }


@pytest.mark.parametrize("name", BUILD)
def test_synthetic_files_are_read_as_what_was_drawn(tmp_path: Path, name: str) -> None:
    marker = synthesize("affectnet", tmp_path / "raw", train=14, test=7, layout=name)
    assert recognised(tmp_path / "raw") == [name]
    samples, flaws = read(name, tmp_path / "raw")
    assert flaws == []
    parts = {sample.part for sample in samples}
    assert len(parts) == 2
    for part, counts in marker["counts"].items():
        wanted = part if part in parts else {"train_set": "train", "val_set": "val"}[part]
        labels = [sample.label for sample in samples if sample.part == wanted]
        assert [labels.count(label) for label in range(7)] == counts


# The edition with array files.


def test_contempt_is_left_out_and_a_note_says_so(tmp_path: Path) -> None:
    npy(tmp_path)
    found = reading("npy", tmp_path)
    split(found)
    assert found.notes == [
        "contempt (code 7) is none of the seven classes and was left out: 5 train_set, 1 val_set images"
    ]
    assert found.label_map == {
        str(code): LEFT_OUT if emotion == "contempt" else emotion for emotion, code in CODES.items()
    }


def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    npy(tmp_path)
    numbers = [int(sample.id.rpartition("/")[2]) for sample in read("npy", tmp_path)[0] if sample.part == "train_set"]
    assert numbers == list(range(35))


@pytest.mark.parametrize(
    ("missing", "source", "label", "reason"),
    [
        (
            "images/3.jpg",
            "train_set/images/3.jpg",
            EMOTIONS.index("neutral"),
            "no such picture, but its annotation train_set/annotations/3_exp.npy is there",
        ),
        (
            "annotations/3_exp.npy",
            "train_set/images/3.jpg",
            None,
            "its annotation train_set/annotations/3_exp.npy is not there",
        ),
    ],
)
def test_a_missing_half_of_an_image_is_a_flaw(
    tmp_path: Path, missing: str, source: str, label: int | None, reason: str
) -> None:
    npy(tmp_path)
    (tmp_path / "train_set" / missing).unlink()
    samples, flaws = read("npy", tmp_path)
    assert flaws == [Flaw(source, reason, missing=True, part="train_set", label=label)]
    assert len(samples) == 41


def test_contempt_pictures_that_a_copy_lacks_are_not_missed(tmp_path: Path) -> None:
    npy(tmp_path)
    for number in range(35, 40):
        (tmp_path / f"train_set/images/{number}.jpg").unlink()
    found = reading("npy", tmp_path)
    _, flaws = split(found)
    assert flaws == []
    assert "5 train_set" in found.notes[0]


def test_two_pictures_do_not_share_an_annotation(tmp_path: Path) -> None:
    npy(tmp_path)
    save(tmp_path / "val_set/images/0.png", "happy")
    samples, [flaw] = read("npy", tmp_path)
    assert flaw.source == "val_set/images/0.png"
    assert flaw.reason == "another picture has the annotation 0_exp.npy; keep one of the two"
    assert "val_set/images/0.jpg" in [sample.source for sample in samples]


@pytest.mark.parametrize("part", ["train_set", "val_set"])
def test_one_part_alone_is_read_and_noted(tmp_path: Path, part: str) -> None:
    npy(tmp_path)
    (tmp_path / part).rename(tmp_path / "elsewhere")
    assert recognised(tmp_path) == ["npy"]
    found = reading("npy", tmp_path)
    samples, flaws = split(found)
    assert flaws == []
    assert f"{part}/ is not in this copy" in found.notes
    assert part not in {sample.part for sample in samples}


@pytest.mark.parametrize("folder", ["images", "annotations"])
def test_a_part_without_one_of_its_folders_is_refused(tmp_path: Path, folder: str) -> None:
    npy(tmp_path)
    (tmp_path / "val_set" / folder).rename(tmp_path / "elsewhere")
    with pytest.raises(FerBenchError, match=f"val_set/{folder}: cannot be listed"):
        read("npy", tmp_path)


def test_names_that_are_not_utf8_are_flaws(tmp_path: Path) -> None:
    npy(tmp_path)
    try:
        (tmp_path / "val_set/images/0.jpg").rename(tmp_path / "val_set/images/a\udcff.jpg")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    _, flaws = read("npy", tmp_path)
    assert ("val_set/images/a\udcff.jpg", "the file's name is not UTF-8") in [(one.source, one.reason) for one in flaws]


def as_file(value: object, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(value), **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (as_file(8), "expression 8, expected a code from 0 to 7"),
        (as_file("happy"), "expression 'happy', expected"),
        (as_file("9" * 5000), f"expression '{'9' * 39}..., expected"),
        (as_file(1.5), "expression 1.5, expected"),
        (as_file(True), "expression True, expected"),
        (as_file(float("nan")), "expression nan, expected"),
        (as_file([1, 2]), "2 values, expected one expression code"),
        (as_file({"a": 1}, allow_pickle=True), "not a plain numpy file"),
        (b"", "not a numpy file"),
    ],
)
def test_a_bad_annotation_is_a_flaw_of_its_image(tmp_path: Path, content: bytes, reason: str) -> None:
    npy(tmp_path)
    (tmp_path / "val_set/annotations/0_exp.npy").write_bytes(content)
    samples, [flaw] = read("npy", tmp_path)
    assert (flaw.source, flaw.part, flaw.missing) == ("val_set/annotations/0_exp.npy", "val_set", False)
    assert flaw.reason.startswith(reason)
    assert len(samples) == 41


@given(st.binary(max_size=40), st.integers(0, 200), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_any_annotation_bytes_are_read_or_refused(tail: bytes, position: int, byte: int) -> None:
    damaged = bytearray(as_file("3"))
    damaged[position % len(damaged)] = byte
    for content in (bytes(damaged) + tail, tail, as_file(3)[:position]):
        try:
            assert expression(content) in range(8)
        except ValueError:
            continue


def test_an_annotation_that_links_out_of_the_dataset_is_refused(tmp_path: Path) -> None:
    npy(tmp_path / "raw")
    annotation = tmp_path / "raw/val_set/annotations/0_exp.npy"
    annotation.rename(tmp_path / "elsewhere.npy")
    annotation.symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        read("npy", tmp_path / "raw")


# The older edition with tables.


@pytest.mark.parametrize(
    ("images", "tables"),
    [
        ("Manually_Annotated_Images", ""),
        ("Manually_Annotated_Images", "Manually_Annotated_file_lists"),
        ("Manually_Annotated/Manually_Annotated_Images", ""),
        ("Manually_Annotated/Manually_Annotated_Images", "Manually_Annotated"),
        ("Manually_Annotated/Manually_Annotated_Images", "Manually_Annotated_file_lists"),
        ("Manually_Annotated_compressed/Manually_Annotated_Images", "Manually_Annotated_file_lists"),
        ("Manually_Annotated_Images/Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_file_lists"),
    ],
)
def test_nested_folders_of_the_older_edition_are_found(tmp_path: Path, images: str, tables: str) -> None:
    manual_csv(tmp_path, images, tables)
    evidence = layout("manual-csv").recognise(tmp_path)
    lists = [f"{tables}/{name}".lstrip("/") for name in ("training.csv", "validation.csv")]
    assert evidence == (
        f"{images}/ with numbered folders, and {' and '.join(lists)} with the column subDirectory_filePath"
    )
    samples, flaws = read("manual-csv", tmp_path)
    assert flaws == []
    assert len(samples) == 42
    assert samples[0].source == f"{images}/0/face000.jpg"
    assert samples[0].id == "0/face000"


def test_aligned_copies_beside_the_pictures_are_passed_over(tmp_path: Path) -> None:
    manual_csv(tmp_path)
    save(tmp_path / "Manually_Annotated_Images_Align/0/face000.jpg", "sad")
    assert read("manual-csv", tmp_path)[0][0].source == "Manually_Annotated_Images/0/face000.jpg"


def test_what_is_none_of_the_seven_classes_is_left_out_by_name(tmp_path: Path) -> None:
    manual_csv(tmp_path)
    found = reading("manual-csv", tmp_path)
    split(found)
    assert found.notes == [
        f"{name} (code {code}) is none of the seven classes and was left out: 5 train_set, 1 val_set images"
        for name, code in OLDER_CODES.items()
        if code >= 7
    ]
    assert found.label_map == {str(code): LEFT_OUT if code >= 7 else emotion for emotion, code in OLDER_CODES.items()}


def test_files_beside_the_pictures_that_are_none_are_noted(tmp_path: Path) -> None:
    npy(tmp_path)
    (tmp_path / "val_set/images/0.avif").touch()
    found = reading("npy", tmp_path)
    split(found)
    assert "val_set/images/ holds files that are no pictures by their ending, not read: 0.avif." in found.notes


def test_faces_are_cropped_by_the_tables_or_not_at_all(tmp_path: Path) -> None:
    manual_csv(tmp_path)
    boxes = {sample.id: sample.box for sample in read("manual-csv", tmp_path, "box")[0]}
    assert boxes["1/face007"] == (7, 2, 27, 32)
    assert {sample.box for sample in read("manual-csv", tmp_path, "none")[0]} == {None}


@pytest.mark.parametrize("wishes", [Wishes(), Wishes(skip_bad=True, allow_incomplete=True)])
@pytest.mark.parametrize("cropped", [True, False])
def test_boxes_beside_pictures_that_are_cropped_or_resized_already_are_refused(
    tmp_path: Path, cropped: bool, wishes: Wishes
) -> None:
    raw, images = tmp_path / "raw", tmp_path / "raw/Manually_Annotated_Images"
    synthesize("affectnet", raw, train=35, test=14, layout="manual-csv")
    for name in ("training.csv", "validation.csv"):
        for cells in csv.DictReader((raw / name).read_text().splitlines()):
            picture = images / cells["subDirectory_filePath"]
            left, top, width, height = (int(float(cells[f"face_{side}"])) for side in ("x", "y", "width", "height"))
            image = cv2.imread(str(picture))
            image = image[top : top + height, left : left + width] if cropped else cv2.resize(image, (112, 112))
            assert cv2.imwrite(str(picture), image)
    with pytest.raises(FerBenchError) as error:
        prepare(CARD, raw, tmp_path / "out", wishes)
    assert "the face box reaches beyond the picture: left " in str(error.value)
    assert "look cropped or resized already" in str(error.value)
    assert "--crop none" in str(error.value)
    whole = prepare(CARD, raw, tmp_path / "out", dataclasses.replace(wishes, crop="none"))
    assert len(whole.ids) == 49


def test_one_box_of_another_picture_is_a_flaw(tmp_path: Path) -> None:
    synthesize("affectnet", tmp_path / "raw", train=70, test=35, layout="manual-csv")
    table = tmp_path / "raw/training.csv"
    header, *lines = table.read_text().splitlines()
    first = next(index for index, text in enumerate(lines) if text.split(",")[6] in "0123456")
    cells = lines[first].split(",")
    lines[first] = ",".join([cells[0], "-60", *cells[2:]])
    put(table, "\n".join([header, *lines, ""]))
    with pytest.raises(FerBenchError, match=r"1 of 105 images .*\n.*jpg: the face box reaches beyond .* --crop none"):
        prepare(CARD, tmp_path / "raw", tmp_path / "out")
    result = prepare(CARD, tmp_path / "raw", tmp_path / "out", Wishes(skip_bad=True))
    assert len(result.manifest["skipped"]) == 1


def test_a_table_without_a_header_line_is_read_in_the_official_order(tmp_path: Path) -> None:
    manual_csv(tmp_path, header=False)
    found = reading("manual-csv", tmp_path)
    samples, flaws = split(found)
    assert flaws == []
    assert sum(sample.part == "val_set" for sample in samples) == 7
    assert any(note.startswith("validation.csv has no header line") for note in found.notes)


@pytest.mark.parametrize("path", ["1/a.jpg", '"1/a.jpg"'])
def test_a_table_without_a_header_line_may_begin_with_a_byte_order_mark(tmp_path: Path, path: str) -> None:
    save(tmp_path / "Manually_Annotated_Images/1/a.jpg", "happy")
    put(tmp_path / "training.csv", f"{path},1,2,20,30,,1,0,0\n", "utf-8-sig")
    assert recognised(tmp_path) == ["manual-csv"]
    [sample], flaws = read("manual-csv", tmp_path)
    assert (sample.id, flaws) == ("1/a", [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_tables_in_utf_16_are_named_as_such(tmp_path: Path, encoding: str) -> None:
    manual_csv(tmp_path)
    for table in ("training.csv", "validation.csv"):
        put(tmp_path / table, (tmp_path / table).read_text(encoding="utf-8"), encoding)
    assert recognised(tmp_path) == ["manual-csv"]
    with pytest.raises(FerBenchError, match=r"training.csv: is UTF-16, .*; save it as UTF-8"):
        read("manual-csv", tmp_path)


def test_pictures_that_differ_in_the_ending_only_cost_the_second_one(tmp_path: Path) -> None:
    for ending in ("jpg", "png", "JPG"):
        save(tmp_path / f"Manually_Annotated_Images/1/a.{ending}", "happy")
    rows = [f"1/{name},1,2,20,30,,1,0,0" for name in ("a.png", "a.jpg", "a.JPG")]
    put(tmp_path / "training.csv", "\n".join([HEADER, *rows, ""]))
    samples, flaws = read("manual-csv", tmp_path)
    assert [(sample.id, sample.source) for sample in samples] == [("1/a", "Manually_Annotated_Images/1/a.png")]
    assert [flaw.source for flaw in flaws] == ["training.csv:3", "training.csv:4"]
    assert flaws[0].reason.startswith("1/a.jpg is named as an earlier row's picture is but for the ending; rename")


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    save(tmp_path / "Manually_Annotated_Images/7/a.JPG", "fear")
    put(
        tmp_path / "training.csv",
        "expression, subDirectory_filePath ,face_height,face_width,face_y,face_x\n4,7/a.JPG,4,3,2,1\n",
        "utf-8-sig",
    )
    found = reading("manual-csv", tmp_path)
    [sample], _ = split(found)
    assert (sample.id, sample.box, EMOTIONS[sample.label]) == ("7/a", (1, 2, 4, 6), "fear")
    assert found.notes == ["validation.csv is not in this copy"]


def test_codes_may_be_written_as_pandas_writes_a_column_with_an_empty_cell(tmp_path: Path) -> None:
    manual_csv(tmp_path)
    plain = read("manual-csv", tmp_path)
    for table in ("training.csv", "validation.csv"):
        lines = (tmp_path / table).read_text(encoding="utf-8").splitlines()
        lines = [re.sub(r",(\d+),-2,-2$", r",\1.0,-2,-2", line) for line in lines]
        assert lines[-1].endswith("10.0,-2,-2")
        put(tmp_path / table, "\n".join(lines))
    assert read("manual-csv", tmp_path) == plain


@pytest.mark.parametrize(
    ("line", "source", "reason"),
    [
        ("0/face000.jpg,1,2,3,4,,11,0,0", "training.csv:3", "expression '11', expected a code from 0 to 10"),
        ("0/face000.jpg,1,2,3,4,,,0,0", "training.csv:3", "expression '', expected"),
        ("0/face000.jpg,1,2", "training.csv:3", "3 cells, fewer than the header names"),
        ("0/face001.jpg,NULL,NULL,NULL,NULL,,1,0,0", "training.csv:3", "face box (NULL, NULL, NULL, NULL), expected"),
        ("0/face001.jpg,1,2,0,4,,1,0,0", "training.csv:3", "face box (1, 2, 0, 4), expected"),
        ("0/face001.jpg,1,nan,3,4,,1,0,0", "training.csv:3", "face box (1, nan, 3, 4), expected"),
        ("0/face000.jpg,1,2,3,4,,1,0,0", "training.csv:3", "0/face000.jpg is named by an earlier row too"),
        ("0//face001.jpg,1,2,3,4,,1,0,0", "training.csv:3", "'0//face001.jpg' is no path of a picture"),
        ("0/a\0b.jpg,1,2,3,4,,1,0,0", "training.csv:3", "'0/a\\x00b.jpg' is no path of a picture"),
        ("0/" + "x" * 999 + ".jpg,1,2,3,4,,1,0,0", "training.csv:3", "'0/xxx"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_is_read(tmp_path: Path, line: str, source: str, reason: str) -> None:
    for name in ("face000", "face001", "face002"):
        save(tmp_path / f"Manually_Annotated_Images/0/{name}.jpg", "happy")
    put(tmp_path / "training.csv", f"{HEADER}\n{row(0, 'happy')}\n{line}\n0/face002.jpg,1,2,3,4,,1,0,0\n")
    samples, [flaw] = read("manual-csv", tmp_path)
    assert [sample.id for sample in samples] == ["0/face000", "0/face002"]
    assert (flaw.source, flaw.part, flaw.missing) == (source, "train_set", False)
    assert flaw.reason.startswith(reason)


def test_a_quotation_mark_that_swallows_rows_costs_the_row_in_which_it_stands(tmp_path: Path) -> None:
    for name in ("face000", "face001", "face002", "face003"):
        save(tmp_path / f"Manually_Annotated_Images/0/{name}.jpg", "happy")
    # The label of the second row would be that of the third.
    lines = ['0/face001.jpg,1,2,3,4,"5;6,1,0,0', '0/face002.jpg,1,2,3,4,5;6",3,0,0', "0/face003.jpg,1,2,3,4,,1,0,0"]
    put(tmp_path / "training.csv", "\n".join([HEADER, row(0, "happy"), *lines, ""]))
    samples, [flaw] = read("manual-csv", tmp_path)
    assert [sample.id for sample in samples] == ["0/face000", "0/face003"]
    assert (flaw.source, flaw.part) == ("training.csv:3", "train_set")
    assert flaw.reason == "a quotation mark joins it with all rows up to line 4; expected a row a line"


wild_cells = st.text(max_size=30) | st.sampled_from(["0/face000.jpg", "0/face001.jpg", "3", "7", "1.0", "NULL", "-5"])


@given(st.lists(wild_cells, max_size=10).map(",".join))
@settings(deadline=None, max_examples=100)
def test_any_row_is_read_or_refused(line: str) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("face000", "face001"):
            save(root / f"Manually_Annotated_Images/0/{name}.jpg", "happy")
        put(root / "training.csv", f"{HEADER}\n{row(0, 'happy')}\n{line}\n")
        try:
            samples, _ = read("manual-csv", root)
        except FerBenchError:
            assert set(line) & set('."/')  # A path that leads out, or a quotation that does not end.
            return
        assert samples[0].id == "0/face000"
        assert {sample.id for sample in samples} <= {"0/face000", "0/face001"}


def test_a_name_in_a_table_that_is_not_utf8_is_a_flaw(tmp_path: Path) -> None:
    manual_csv(tmp_path)
    with (tmp_path / "validation.csv").open("ab") as stream:
        stream.write(b"0/\xff.jpg,1,2,3,4,,1,0,0\r\n")
    samples, [flaw] = read("manual-csv", tmp_path)
    assert (flaw.source, flaw.reason) == ("validation.csv:13", "the picture's name is not UTF-8")
    assert len(samples) == 42


@pytest.mark.parametrize("place", ["0/face000.jpg", "99/face000.jpg", "face000.jpg"])
def test_a_picture_that_is_named_and_absent_is_a_flaw(tmp_path: Path, place: str) -> None:
    manual_csv(tmp_path)
    (tmp_path / "Manually_Annotated_Images/0/face000.jpg").unlink()
    table = tmp_path / "training.csv"
    table.write_text(table.read_text().replace("0/face000.jpg", place, 1))
    samples, flaws = read("manual-csv", tmp_path)
    source = f"Manually_Annotated_Images/{place}"
    reason = "no such picture, but training.csv:2 names it"
    assert flaws == [Flaw(source, reason, missing=True, part="train_set", label=EMOTIONS.index("neutral"))]
    assert len(samples) == 41


@pytest.mark.parametrize("place", ["../../../etc/passwd", "/etc/passwd", "0/../../secret.jpg"])
def test_a_row_that_leads_out_of_the_folder_is_refused(tmp_path: Path, place: str) -> None:
    manual_csv(tmp_path)
    with (tmp_path / "training.csv").open("a") as stream:
        stream.write(f"{place},1,2,3,4,,1,0,0\n")
    message = (
        r"training.csv:57: .* leads out of the dataset folder.* expected one in Manually_Annotated_Images/ .* 1/0a1"
    )
    with pytest.raises(FerBenchError, match=message):
        read("manual-csv", tmp_path)


@pytest.mark.parametrize("place", [r"0\face000.jpg", r"C:\data\0\face000.jpg", "./0/face000.jpg"])
def test_a_row_with_a_path_of_another_form_says_which_is_expected(tmp_path: Path, place: str) -> None:
    """Not that there is no such picture, which would be an incomplete copy's fault."""
    manual_csv(tmp_path)
    table = tmp_path / "training.csv"
    table.write_text(table.read_text().replace("0/face000.jpg", place, 1))
    _, [flaw] = read("manual-csv", tmp_path)
    assert (flaw.source, flaw.missing, flaw.label) == ("training.csv:2", False, EMOTIONS.index("neutral"))
    assert flaw.reason.endswith(
        "is no path of a picture, expected one in Manually_Annotated_Images/ with / between "
        "folder and name, such as 1/0a1b2c3d.jpg"
    )


def test_a_linked_picture_folder_out_of_the_dataset_is_refused(tmp_path: Path) -> None:
    manual_csv(tmp_path / "raw")
    folder = tmp_path / "raw/Manually_Annotated_Images/2"
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        read("manual-csv", tmp_path / "raw")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a,b,c\n", "no column subDirectory_filePath, face_x, .*, expression in its first line .found: a, b, c"),
        ("", "found: none"),
        (HEADER.replace("expression", "label") + "\n", "no column expression in its first line"),
        (HEADER.replace(",", ";") + "\n", "no column .*found: subDirectory_filePath;face_x;.*, commas between them"),
        (f"{HEADER},expression\n", "validation.csv: 2 columns of its first line are named expression; keep"),
        (f"{HEADER}\r{row(0, 'happy')}\r", "validation.csv: its lines end in CR alone"),
        (HEADER + '\n"' + "x" * 200_000, "validation.csv:2: the quotation marks of this row are not closed"),
    ],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, table: str, message: str) -> None:
    manual_csv(tmp_path)
    put(tmp_path / "validation.csv", table)
    with pytest.raises(FerBenchError, match=message):
        read("manual-csv", tmp_path)


def test_the_same_table_in_two_places_is_refused(tmp_path: Path) -> None:
    manual_csv(tmp_path)
    put(tmp_path / "Manually_Annotated_file_lists/training.csv", HEADER)
    with pytest.raises(FerBenchError, match=r"training.csv and Manually_Annotated_file_lists/training.csv are both"):
        read("manual-csv", tmp_path)


def test_tables_without_their_columns_are_not_recognised(tmp_path: Path) -> None:
    manual_csv(tmp_path)
    for name in ("training.csv", "validation.csv"):
        put(tmp_path / name, "id,target\n1,2\n")
    assert recognised(tmp_path) == []


# Class folders.


def test_a_re_upload_says_what_it_is(tmp_path: Path) -> None:
    class_folders(tmp_path)
    found = reading("class-folders", tmp_path)
    samples, _ = split(found)
    assert {(sample.part, sample.split) for sample in samples} == {("train", "train"), ("val", "test")}
    assert found.notes == [
        "a re-upload: its split and its labels are not checked against the official ones",
        "the numbers of the class folders were read as AffectNet's own codes",
        "contempt (code 7) is none of the seven classes and was left out: 2 train, 2 val images",
    ]
    assert found.label_map["3"] == "surprise"
    assert found.label_map["7"] == LEFT_OUT


def test_a_re_upload_is_held_against_no_official_counts(tmp_path: Path) -> None:
    for part, (emotion, code), number in itertools.product(("train", "val"), CODES.items(), range(5)):
        save(tmp_path / f"raw/{part}/{code}/image{number}.jpg", emotion)
    result = prepare(CARD, tmp_path / "raw", tmp_path / "out", Wishes(layout="class-folders"))
    assert (result.manifest["official_split"], result.manifest["complete"]) == (False, None)
    assert result.manifest["counts"]["expected"] is None
    assert result.manifest["counts"]["parts"] == {"train": [5] * 7, "val": [5] * 7}


@pytest.mark.parametrize("eight", [True, False])
def test_folders_may_be_named_by_emotions(tmp_path: Path, eight: bool) -> None:
    names = {"neutral": "Neutral", "happy": "happiness", "angry": "Anger", "contempt": "Contempt"}
    for emotion in CODES:
        if eight or emotion != "contempt":
            for part in ("train", "valid", "Test"):
                save(tmp_path / f"{part}/{names.get(emotion, emotion)}/0.png", emotion)
    assert recognised(tmp_path) == ["class-folders"]
    found = reading("class-folders", tmp_path)
    samples, flaws = split(found)
    assert flaws == []
    assert [(sample.part, sample.split) for sample in samples[::7]] == [
        ("train", "train"),
        ("Test", "test"),
        ("valid", "test"),
    ]
    for sample in samples:
        shown = cv2.imread(str(tmp_path / sample.source), cv2.IMREAD_GRAYSCALE)
        assert shown[0, 0] == SHADES[EMOTIONS[sample.label]]
    assert found.label_map["Anger"] == "angry"
    assert found.label_map.get("Contempt") == (LEFT_OUT if eight else None)


@pytest.mark.parametrize(
    ("stray", "message"),
    [
        ("train/8/0.jpg", "train/8: not a class folder; expected 0 to 7, or angry, disgust"),
        ("val/ahegao/0.jpg", "val/ahegao: not a class folder"),
        ("val/happy/0.jpg", "train/0 is named by a number and val/happy by an emotion"),
        ("train/0.jpg", "train/0.jpg: a picture outside the class folders"),
    ],
)
def test_a_folder_of_no_sure_class_is_refused(tmp_path: Path, stray: str, message: str) -> None:
    class_folders(tmp_path)
    save(tmp_path / stray, "happy")
    with pytest.raises(FerBenchError, match=message):
        read("class-folders", tmp_path)


def test_a_link_that_leads_nowhere_is_no_class_that_is_missing_without_a_word(tmp_path: Path) -> None:
    class_folders(tmp_path)
    (tmp_path / "train/3").rename(tmp_path / "elsewhere")
    (tmp_path / "train/3").symlink_to("not-mounted")
    with pytest.raises(FerBenchError, match="train/3: no folder, or a link that leads nowhere"):
        read("class-folders", tmp_path)


def test_pictures_below_a_class_folder_are_not_lost_without_a_word(tmp_path: Path) -> None:
    class_folders(tmp_path)
    (tmp_path / "train/1").rename(tmp_path / "more")
    (tmp_path / "train/1").mkdir()
    found = reading("class-folders", tmp_path)
    split(found)
    assert "train/1/ holds no pictures" in found.notes
    (tmp_path / "train/0/a.avif").touch()
    found = reading("class-folders", tmp_path)
    split(found)
    assert "train/0/ holds files that are no pictures by their ending, not read: a.avif." in found.notes
    (tmp_path / "more").rename(tmp_path / "train/1/more")
    with pytest.raises(FerBenchError, match=r"train/1/more: a folder inside a class folder .* move them there"):
        read("class-folders", tmp_path)


def test_numbers_that_do_not_begin_at_zero_are_another_datasets(tmp_path: Path) -> None:
    for code in range(1, 8):
        save(tmp_path / f"train/{code}/image{code}.jpg", "happy")
    assert recognised(tmp_path) == []
    with pytest.raises(FerBenchError, match="no class folder 0, so train/1 is not surely numbered"):
        read("class-folders", tmp_path)


def test_numbers_that_fit_fer2013_as_well_are_not_guessed(tmp_path: Path) -> None:
    for part, code in itertools.product(("train", "test"), range(7)):
        save(tmp_path / f"{part}/{code}/image{code}.jpg", "happy")
    assert recognised(tmp_path) == []
    for forced in (None, "class-folders"):
        with pytest.raises(FerBenchError, match=r"or FER-2013's \(0 angry\): name them by emotion"):
            recognise(CARD, tmp_path, forced)
    with pytest.raises(FerBenchError, match=r"no class folder 7, so test/0 .* rename the folders to emotions.*--card"):
        read("class-folders", tmp_path)


def test_folders_named_by_emotions_may_be_of_any_dataset_and_numbers_0_to_7_are_not(tmp_path: Path) -> None:
    class_folders(tmp_path / "numbers")
    for emotion in CODES:
        save(tmp_path / f"names/train/{emotion}/1.jpg", emotion)
    evidence = [layout("class-folders").recognise(tmp_path / name) or "" for name in ("numbers", "names")]
    assert ["may be of any dataset: see prepare --card" in one for one in evidence] == [False, True]


@pytest.mark.parametrize("name", ["Training_123.jpg", "PrivateTest_5.png", "train_00001_aligned.jpg", "test_0001.jpg"])
def test_pictures_of_other_datasets_are_not_recognised(tmp_path: Path, name: str) -> None:
    for emotion in CODES:
        save(tmp_path / f"train/{emotion}/{name}", emotion)
    assert recognised(tmp_path) == []
