"""CK+'s readers: every class is a shade of gray here, so a swapped label order shows in the pixels."""

import dataclasses
import functools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_bench.datasets.card import LEFT_OUT, Choice, Flaw, Layout, Reading, Sample
from fer_bench.datasets.ck_plus import CARD, face_box
from fer_bench.datasets.ck_plus_landmarks import read_points
from fer_bench.datasets.ck_plus_sequences import emotion_code
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.recognition import recognise
from fer_bench.datasets.side_by_side import decoded
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError

SHADES = {name: 20 + 35 * index for index, name in enumerate(EMOTIONS)} | {"contempt": 1}
LAYOUTS = {layout.name: layout for layout in CARD.layouts}
PROTOCOLS = [(layout.name, protocol) for layout in CARD.layouts for protocol in layout.protocols]
WAYS = [
    (layout.name, protocol, crop) for layout in CARD.layouts for protocol in layout.protocols for crop in layout.crops
]

# Written out from the dataset's documentation, not taken from the code under test.
CODES = {"angry": 1, "contempt": 2, "disgust": 3, "fear": 4, "happy": 5, "sad": 6, "surprise": 7}
FOLDERS = {
    "angry": "anger",
    "contempt": "contempt",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "sad": "sadness",
    "surprise": "surprise",
}
EXTENDED = {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6, "contempt": 7}
SIX = [1, 1, 1, 1, 0, 1, 1]
POINTS = "".join(f"   {20 + 20 * n / 67:.7e}   {15 + 20 * n / 67:.7e}\n" for n in range(68))
"""From (20, 15) to (40, 35), as the landmark files write them."""


@functools.cache
def encoded(emotion: str, size: tuple[int, int], ending: str) -> bytes:
    return bytes(cv2.imencode(ending, np.full(size, SHADES[emotion], np.uint8))[1].tobytes())


def save(path: Path, emotion: str, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(emotion, size, path.suffix))


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def frame(root: Path, subject: str, sequence: str, number: int, emotion: str) -> None:
    below = f"{subject}/{sequence}/{subject}_{sequence}_{number:08d}"
    save(root / f"cohn-kanade-images/{below}.png", emotion, (49, 64))
    put(root / f"Landmarks/{below}_landmarks.txt", POINTS)


def sequences(root: Path) -> None:
    """One subject an emotion: a labelled sequence and an unlabelled one, from neutral over a false shade to the end."""
    for index, emotion in enumerate(CODES):
        subject = f"S{index:03d}"
        for sequence, peaks in (("002", 0), ("001", 3)):
            for number, shown in enumerate(["neutral", "contempt", *[emotion] * peaks], start=1):
                frame(root, subject, sequence, number, shown)
        put(root / f"cohn-kanade-images/{subject}/001/.DS_Store", "")
        put(root / f"Emotion/{subject}/001/{subject}_001_00000005_emotion.txt", f"   {CODES[emotion]:.7e}\n")
        (root / f"Emotion/{subject}/002").mkdir()


def ck48(root: Path) -> None:
    for index, (emotion, folder) in enumerate(FOLDERS.items()):
        for number in (3, 4, 5):
            save(root / f"CK+48/{folder}/S{index:03d}_001_{number:08d}.png", emotion, (48, 48))
        put(root / f"CK+48/{folder}/Thumbs.db", "no picture")


def row(emotion: str, usage: str = "Training") -> str:
    return f"{EXTENDED[emotion]},{' '.join([str(SHADES[emotion])] * 48 * 48)},{usage}"


def ckextended(root: Path) -> None:
    usages = ["Training", "PublicTest", "PrivateTest", "Training"]
    rows = [row(emotion, usages[index % 4]) for index, emotion in enumerate(EXTENDED)]
    put(root / "ckextended.csv", "\n".join(["emotion,pixels,Usage", *rows, ""]))


TREES: dict[str, Callable[[Path], None]] = {"sequences": sequences, "ck48": ck48, "ckextended": ckextended}


def reading(
    layout: str, root: Path, protocol: str = "", crop: str = "none"
) -> tuple[list[Sample], list[Flaw], Reading]:
    found = LAYOUTS[layout]
    result = found.read(root, Choice(protocol or found.protocols[0], crop))
    items = list(result.samples)
    samples = [item for item in items if isinstance(item, Sample)]
    return samples, [item for item in items if isinstance(item, Flaw)], result


def pictures(root: Path, samples: list[Sample]) -> NDArray[np.uint8]:
    folder = Folder(root if root.is_dir() else root.parent)
    return np.concatenate([chunk.images for chunk in decoded(folder, samples, (32, 32))])


def counts(items: list[Sample] | list[Flaw]) -> dict[str, list[int]]:
    result: dict[str, list[int]] = {}
    for item in items:
        assert item.label is not None
        result.setdefault(item.part, [0] * 7)[item.label] += 1
    return result


# The card.


def test_the_official_counts_of_the_protocols() -> None:
    six = (45, 59, 25, 69, 0, 28, 83)
    assert {protocol.name: protocol.counts for protocol in CARD.protocols} == {
        "paper-432": {"peak": six, "neutral": (0, 0, 0, 0, 123, 0, 0)},
        "peak-309": {"peak": six},
        "last-three": {"last-three": (135, 177, 75, 207, 0, 84, 249)},
        "ckextended": {"ckextended": (45, 59, 25, 69, 593, 28, 83)},
    }
    totals = [sum(map(sum, (protocol.counts or {}).values())) for protocol in CARD.protocols]
    assert totals == [432, 309, 927, 902]


def test_every_protocol_says_what_becomes_of_contempt_and_neutral() -> None:
    for protocol in CARD.protocols:
        assert "contempt" in protocol.description
        assert "neutral" in protocol.description
    assert "The paper does not say where its neutral images come from" in CARD.protocols[0].description


def test_the_card_shows_the_codes_of_the_emotion_files() -> None:
    assert CARD.label_map == {"0": "neutral"} | {str(code): emotion for emotion, code in CODES.items()}


# Every layout.


@pytest.mark.parametrize(("layout", "protocol", "crop"), WAYS)
def test_every_picture_gets_the_class_that_it_shows(tmp_path: Path, layout: str, protocol: str, crop: str) -> None:
    TREES[layout](tmp_path)
    samples, flaws, result = reading(layout, tmp_path, protocol, crop)
    assert flaws == []
    shown = pictures(tmp_path, samples)
    assert len(shown) == len(samples)
    expected = np.array([SHADES[EMOTIONS[sample.label]] for sample in samples])
    assert (shown == expected[:, None, None]).all()
    assert (
        counts(samples)
        == {
            "paper-432": {"peak": SIX, "neutral": [0, 0, 0, 0, 7, 0, 0]},
            "peak-309": {"peak": SIX},
            "last-three": {"last-three": [3 * n for n in SIX]},
            "ckextended": {"ckextended": [1] * 7},
        }[protocol]
    )
    assert {sample.split for sample in samples} == {"test"}
    assert len({sample.id for sample in samples}) == len(samples)
    assert (
        result.label_map
        == {
            "sequences": {str(code): emotion for emotion, code in CODES.items()} | {"2": LEFT_OUT},
            "ck48": {folder: emotion for emotion, folder in FOLDERS.items()} | {"contempt": LEFT_OUT},
            "ckextended": {str(code): emotion for emotion, code in EXTENDED.items()} | {"7": LEFT_OUT},
        }[layout]
    )
    assert any("contempt" in note and "left out: " in note for note in result.notes)


@pytest.mark.parametrize("tree", TREES)
def test_exactly_one_layout_recognises_a_copy(tmp_path: Path, tree: str) -> None:
    TREES[tree](tmp_path)
    found = {name: evidence for name, layout in LAYOUTS.items() if (evidence := layout.recognise(tmp_path))}
    assert found == {
        tree: {
            "sequences": "cohn-kanade-images/ and Emotion/ with a folder for each subject, such as S005",
            "ck48": "CK+48/ with 7 class folders of pictures named like S000_001_00000003.png",
            "ckextended": "the table ckextended.csv with the columns emotion, pixels, Usage",
        }[tree]
    }


@pytest.mark.parametrize("layout", CARD.layouts, ids=lambda layout: layout.name)
def test_what_is_not_there_is_not_recognised(tmp_path: Path, layout: Layout) -> None:
    put(tmp_path / "fer2013.csv", "emotion,pixels,Usage\n")
    put(tmp_path / "ckextended.txt", "emotion,pixels,Usage\n")
    put(tmp_path / "ckextended_paper.csv", "model,accuracy\n")
    put(tmp_path / "Emotion/happy/0.txt", "")
    save(tmp_path / "anger/im0.png", "angry", (48, 48))
    save(tmp_path / "happy/Training_10002154.png", "happy", (48, 48))
    for place in (tmp_path, tmp_path / "fer2013.csv", tmp_path / "ckextended.txt", tmp_path / "no such folder"):
        assert layout.recognise(place) is None


@pytest.mark.parametrize(("layout", "protocol"), PROTOCOLS)
def test_the_order_does_not_depend_on_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, protocol: str
) -> None:
    TREES[layout](tmp_path)
    first = reading(layout, tmp_path, protocol)[0]
    scandir = os.scandir

    class Reversed:
        def __init__(self, path: Path) -> None:
            self.entries = sorted(scandir(path), key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr("os.scandir", Reversed)
    assert reading(layout, tmp_path, protocol)[0] == first


@pytest.mark.parametrize(
    ("layout", "link"),
    [
        ("sequences", "cohn-kanade-images"),
        ("sequences", "cohn-kanade-images/S000/001"),
        ("sequences", "Emotion/S000"),
        ("sequences", "Emotion/S000/001/S000_001_00000005_emotion.txt"),
        ("sequences", "Landmarks/S000/001"),
        ("sequences", "Landmarks/S000/001/S000_001_00000005_landmarks.txt"),
        ("ck48", "CK+48/anger"),
        ("ckextended", "ckextended.csv"),
    ],
)
def test_a_link_out_of_the_copy_is_refused(tmp_path: Path, layout: str, link: str) -> None:
    root, elsewhere = tmp_path / "raw", tmp_path / "elsewhere"
    TREES[layout](root)
    (root / link).rename(elsewhere)
    (root / link).symlink_to(elsewhere)
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        reading(layout, root, crop=LAYOUTS[layout].crops[0])


# The official sequences.


def test_the_neutral_frame_is_the_first_of_the_first_sequence_labelled_or_not(tmp_path: Path) -> None:
    sequences(tmp_path)
    frame(tmp_path, "S003", "000", 1, "neutral")  # One unlabelled frame, before the labelled sequence.
    (tmp_path / "Emotion/S004/001/S004_001_00000005_emotion.txt").unlink()
    samples, flaws, _ = reading("sequences", tmp_path)
    assert flaws == []
    assert [s.id for s in samples if s.group == "S003"] == ["S003_000_00000001", "S003_001_00000005"]
    assert [s.source for s in samples if s.group == "S004"] == ["cohn-kanade-images/S004/001/S004_001_00000001.png"]
    assert [s.part for s in samples if s.group == "S001"] == ["neutral"]  # Contempt.


def test_ck48_gives_the_same_images_names_and_subjects_as_the_sequences(tmp_path: Path) -> None:
    sequences(tmp_path / "a")
    ck48(tmp_path / "b")
    official, copy = (
        {(s.id, s.label, s.group, s.part) for s in reading(layout, tmp_path / name, "last-three")[0]}
        for layout, name in (("sequences", "a"), ("ck48", "b"))
    )
    assert official == copy
    assert ("S003_001_00000004", EMOTIONS.index("fear"), "S003", "last-three") in official


def test_archives_unpacked_into_folders_of_their_names(tmp_path: Path) -> None:
    sequences(tmp_path / "a")
    side_by_side = reading("sequences", tmp_path / "a", crop="landmarks")[0]
    for old, new in (
        ("cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images"),
        ("Emotion", "Emotion_labels/Emotion"),
        ("Landmarks", "Landmarks/Landmarks"),
    ):
        (tmp_path / "b" / new).parent.mkdir(parents=True)
        (tmp_path / "a" / old).rename(tmp_path / "b" / new)
    samples, flaws, _ = reading("sequences", tmp_path / "b", crop="landmarks")
    assert flaws == []
    assert [(s.id, s.label, s.box) for s in samples] == [(s.id, s.label, s.box) for s in side_by_side]
    recognise = LAYOUTS["sequences"].recognise
    assert recognise(tmp_path / "b") is not None
    # The whole is one folder higher.
    assert recognise(tmp_path / "b/extended-cohn-kanade-images") is None
    assert recognise(tmp_path / "b/Emotion_labels") is None


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("cohn-kanade-images", r"cohn-kanade-images: no such folder; unpack extended-cohn-kanade-images\.zip"),
        ("Emotion", r"Emotion: no such folder; unpack Emotion_labels\.zip"),
        ("Landmarks", r"Landmarks: no such folder; unpack Landmarks\.zip .* --crop none"),
    ],
)
def test_a_missing_archive_is_named(tmp_path: Path, folder: str, message: str) -> None:
    sequences(tmp_path)
    (tmp_path / folder).rename(tmp_path / "away")
    assert LAYOUTS["sequences"].recognise(tmp_path) is not None
    with pytest.raises(FerBenchError, match=message):
        reading("sequences", tmp_path, crop="landmarks")


def test_a_folder_without_subjects_is_no_folder_of_ck_plus(tmp_path: Path) -> None:
    sequences(tmp_path)
    (tmp_path / "Emotion").rename(tmp_path / "away")
    put(tmp_path / "Emotion/labels/notes.txt", "another copy")
    with pytest.raises(FerBenchError, match=r"Emotion: holds no folder of a subject, such as S005; unpack Emotion_"):
        reading("sequences", tmp_path, crop="none")


def test_whole_frames_need_no_landmarks(tmp_path: Path) -> None:
    sequences(tmp_path)
    (tmp_path / "Landmarks").rename(tmp_path / "away")
    samples, flaws, result = reading("sequences", tmp_path, crop="none")
    assert (len(samples), flaws) == (13, [])
    assert "whole frames are taken, background included; the paper does not say whether it cropped CK+" in result.notes


def test_the_crop_of_a_frame_follows_its_landmarks(tmp_path: Path) -> None:
    sequences(tmp_path)
    image = np.zeros((49, 64), np.uint8)
    image[8:38, 15:45] = 200  # Exactly the crop of landmarks from (20, 15) to (40, 35).
    for path in (tmp_path / "cohn-kanade-images").rglob("*.png"):
        assert cv2.imwrite(str(path), image)
    samples, _, result = reading("sequences", tmp_path, crop="landmarks")
    assert (pictures(tmp_path, samples) == 200).all()
    assert any("cropped to a square around the landmarks; the paper does not say" in note for note in result.notes)


@pytest.mark.parametrize("wishes", [Wishes(allow_incomplete=True), Wishes(allow_incomplete=True, skip_bad=True)])
@pytest.mark.parametrize("size", [(22, 22), (32, 25)])
def test_landmarks_beside_frames_that_are_resized_already_are_refused(
    tmp_path: Path, size: tuple[int, int], wishes: Wishes
) -> None:
    raw = tmp_path / "raw"
    sequences(raw)
    for path in (raw / "cohn-kanade-images").rglob("*.png"):
        assert cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), size))
    with pytest.raises(FerBenchError) as error:
        prepare(CARD, raw, tmp_path / "out", wishes)
    found = f"left 20, top 15, right 40, bottom 35 of {size[0]} x {size[1]} pixels"
    assert f"1.png: the face box reaches beyond the picture: {found}" in str(error.value)
    assert "look cropped or resized already" in str(error.value)
    assert "--crop none" in str(error.value)
    whole = prepare(CARD, raw, tmp_path / "out", dataclasses.replace(wishes, crop="none"))
    assert len(whole.ids) == 13


def test_frames_of_another_size_than_the_official_ones_are_told(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    sequences(raw)
    frames = sorted((raw / "cohn-kanade-images").rglob("*.png"))
    for number, path in enumerate(frames):
        path.write_bytes(encoded("sad", ((490, 640), (480, 640))[number % 2], ".png"))
    wishes = Wishes(allow_incomplete=True)
    assert prepare(CARD, raw, tmp_path / "out", wishes).manifest["remarks"] == []
    source = "cohn-kanade-images/S000/001/S000_001_00000005.png"
    (raw / source).write_bytes(encoded("sad", (392, 512), ".png"))
    manifest = prepare(CARD, raw, tmp_path / "out", wishes).manifest
    remark = "not 640 x 490 or 640 x 480 pixels as given out: resized or cropped since"
    assert manifest["remarks"] == [{"source": source, "remark": remark}]


@pytest.mark.parametrize(("beyond", "taken"), [(1.9, 13), (2.1, 0)])
def test_landmarks_a_little_outside_the_frame_are_those_of_the_frame(tmp_path: Path, beyond: float, taken: int) -> None:
    """A tenth of the 20 pixels that they span may be; the margin around them reaches far beyond the frame's 49 rows."""
    sequences(tmp_path)
    points = "".join(f"{20 + 20 * n / 67} {29 + beyond + 20 * n / 67}\n" for n in range(68))
    for path in (tmp_path / "Landmarks").rglob("*.txt"):
        put(path, points)
    samples, _, _ = reading("sequences", tmp_path, crop="landmarks")
    [chunk] = decoded(Folder(tmp_path), samples, (32, 32))
    assert (len(chunk.samples), len(chunk.flaws)) == (taken, 13 - taken)


def test_the_face_crop_is_square_and_higher_above() -> None:
    left, top, right, bottom = face_box(np.array([[10.0, 20.0], [110.0, 60.0]]))
    assert right - left == bottom - top == 150
    assert left == 10 - 25
    assert (top + bottom) / 2 == 40 - 10


LANDMARKS = "Landmarks/S000/001/S000_001_00000005_landmarks.txt"
EMOTION = "Emotion/S000/001/S000_001_00000005_emotion.txt"


@pytest.mark.parametrize(
    ("content", "missing", "reason"),
    [
        (None, True, f"no landmarks {LANDMARKS}; whole frames can be had with --crop none"),
        (b"1 2\n3 4\n", False, f"landmarks {LANDMARKS}: expected 68 lines of two numbers, x and y"),
        (b"x y\n" * 68, False, f"landmarks {LANDMARKS}: expected 68 lines of two numbers, x and y"),
        (b"nan 1\n" * 68, False, f"landmarks {LANDMARKS}: expected 68 lines of two numbers, x and y"),
        (b"\xff\xfe" * 68, False, f"landmarks {LANDMARKS}: expected 68 lines of two numbers, x and y"),
    ],
)
def test_a_frame_without_good_landmarks_is_a_flaw_of_its_class(
    tmp_path: Path, content: bytes | None, missing: bool, reason: str
) -> None:
    sequences(tmp_path)
    (tmp_path / LANDMARKS).unlink()
    if content is not None:
        (tmp_path / LANDMARKS).write_bytes(content)
    samples, flaws, _ = reading("sequences", tmp_path, crop="landmarks")
    source = "cohn-kanade-images/S000/001/S000_001_00000005.png"
    assert flaws == [Flaw(source, reason, missing, "peak", EMOTIONS.index("angry"))]
    assert len(samples) == 12


@pytest.mark.parametrize(
    ("content", "protocol", "images"),
    [
        (b"8.0", "paper-432", 1),
        (b"0.0000000e+00", "paper-432", 1),
        (b"", "peak-309", 1),
        (b"1 2", "last-three", 3),
        (b"happy", "last-three", 3),
        (b"\xff\xfe\x00", "paper-432", 1),
    ],
)
def test_a_damaged_emotion_file_is_a_flaw_without_a_class(
    tmp_path: Path, content: bytes, protocol: str, images: int
) -> None:
    sequences(tmp_path)
    expected = len(reading("sequences", tmp_path, protocol)[0])
    (tmp_path / EMOTION).write_bytes(content)
    samples, flaws, _ = reading("sequences", tmp_path, protocol)
    assert [(flaw.source, flaw.label, flaw.missing) for flaw in flaws] == [(EMOTION, None, False)] * images
    assert all("expected a code from 1 to 7; the class of frame" in flaw.reason for flaw in flaws)
    assert len(samples) == expected - images
    assert all(sample.label == EMOTIONS.index("neutral") for sample in samples if sample.group == "S000")


def test_two_emotion_files_of_a_sequence_are_a_flaw(tmp_path: Path) -> None:
    sequences(tmp_path)
    put(tmp_path / "Emotion/S000/001/S000_001_00000004_emotion.txt", "7.0")
    (flaw,) = reading("sequences", tmp_path)[1]
    assert flaw.source == "Emotion/S000/001"
    assert flaw.label is None
    assert flaw.reason.startswith("2 emotion files, not one")


def remove(root: Path, *numbers: int, place: str = "S000/001") -> None:
    for number in numbers:
        (root / f"cohn-kanade-images/{place}/{place.replace('/', '_')}_{number:08d}.png").unlink()


@pytest.mark.parametrize(
    ("protocol", "removed", "ids", "flawed"),
    [
        ("paper-432", [5], ["1"], {"peak": 1}),
        ("paper-432", [1, 2, 3, 4], ["5"], {"neutral": 1}),
        ("paper-432", [1, 2, 3, 4, 5], [], {"neutral": 1, "peak": 1}),
        ("peak-309", [1, 2, 3, 4], ["5"], {}),
        ("peak-309", [4, 5], [], {"peak": 1}),
        ("last-three", [4], ["3", "5"], {"last-three": 1}),
        ("last-three", [5], ["3", "4"], {"last-three": 1}),
        ("last-three", [1, 2, 3, 4], ["5"], {"last-three": 2}),
        ("last-three", [1, 2, 3, 4, 5], [], {"last-three": 3}),
    ],
)
def test_missing_frames_are_missing_images_of_their_class(
    tmp_path: Path, protocol: str, removed: list[int], ids: list[str], flawed: dict[str, int]
) -> None:
    sequences(tmp_path)
    remove(tmp_path, *removed)
    samples, flaws, _ = reading("sequences", tmp_path, protocol)
    assert [s.id.split("_0000000")[-1] for s in samples if s.group == "S000"] == ids
    assert Counter(flaw.part for flaw in flaws) == flawed
    assert all(flaw.missing and flaw.source == "cohn-kanade-images/S000/001" for flaw in flaws)
    assert {flaw.label for flaw in flaws} <= {EMOTIONS.index("angry"), EMOTIONS.index("neutral")}


def test_a_cut_sequence_does_not_pass_a_weaker_frame_for_the_peak(tmp_path: Path) -> None:
    sequences(tmp_path)
    remove(tmp_path, 4, 5)
    (flaw,) = reading("sequences", tmp_path, "peak-309")[1]
    assert flaw.reason == "frame 5 is missing (3 are there), but S000_001_00000005_emotion.txt labels the sequence"


def test_a_labelled_sequence_without_frames_is_missing(tmp_path: Path) -> None:
    sequences(tmp_path)
    put(tmp_path / "Emotion/S999/001/S999_001_00000018_emotion.txt", "   5.0000000e+00")
    put(tmp_path / "Emotion/S999/002/S999_002_00000018_emotion.txt", "   2.0000000e+00")
    (tmp_path / "cohn-kanade-images/S998").mkdir()
    flaws = reading("sequences", tmp_path)[1]
    assert [(f.source, f.missing, f.part, f.label) for f in flaws] == [
        ("cohn-kanade-images/S998", True, "neutral", EMOTIONS.index("neutral")),
        ("cohn-kanade-images/S999/001", True, "peak", EMOTIONS.index("happy")),
    ]


def test_what_is_read_against_expectation_is_noted(tmp_path: Path) -> None:
    sequences(tmp_path)
    frame(tmp_path, "S000", "001", 6, "angry")
    remove(tmp_path, 1, place="S002/001")
    put(tmp_path / "cohn-kanade-images/my notes/readme.txt", "")
    put(tmp_path / "Emotion/S001 (copy)/001/S001_001_00000005_emotion.txt", "3.0")
    save(tmp_path / "cohn-kanade-images/S000/001/S000_001_00000005 (copy).png", "happy", (4, 4))
    save(tmp_path / "cohn-kanade-images/S000/001/S000_001_00000006.tif", "happy", (4, 4))
    samples, flaws, result = reading("sequences", tmp_path)
    assert flaws == []
    peak = next(s for s in samples if (s.group, s.part) == ("S000", "peak"))
    assert peak.source == "cohn-kanade-images/S000/001/S000_001_00000006.png"
    notes = "\n".join(result.notes)
    assert "and not read: 4, such as Emotion/S001 (copy)" in notes
    assert "first frame, taken as neutral, is not number 1: 1, such as S002/001" in notes
    assert "not named after their last frame, which was taken: 1, such as S000/001" in notes


@given(
    st.integers(0, 9), st.sampled_from(["   %d.0000000e+00\n", "%d", "%d.", "%d.0\r\n", "\t%d.000E+000 ", "\ufeff%d.0"])
)
def test_an_emotion_file_is_read_back(code: int, form: str) -> None:
    data = (form % code).encode()
    if 1 <= code <= 7:
        assert emotion_code(data) == code
    else:
        with pytest.raises(ValueError, match="expected a code from 1 to 7"):
            emotion_code(data)


@given(st.binary(max_size=30) | st.text("0123456789.+-e_ \n\t\u0663infa", max_size=12).map(str.encode))
@settings(max_examples=200)
def test_any_emotion_file_is_read_as_its_number_or_refused(data: bytes) -> None:
    try:
        code = emotion_code(data)
    except ValueError:
        return
    assert code in range(1, 8)
    assert float(data.decode("utf-8-sig")) == code


@given(
    st.binary(max_size=60)
    | st.lists(st.tuples(st.text("0123456789.-e", max_size=5), st.just("1")), min_size=67, max_size=69).map(
        lambda rows: "\n".join(map(" ".join, rows)).encode()
    )
)
def test_any_landmarks_are_68_points_or_refused(data: bytes) -> None:
    try:
        points = read_points(data)
    except ValueError:
        return
    assert points.shape == (68, 2)
    assert np.isfinite(points).all()


def test_subjects_in_small_letters_are_not_recognised_and_told(tmp_path: Path) -> None:
    for folder in ("cohn-kanade-images", "Emotion"):
        put(tmp_path / folder / "s005/001/s005_001_00000001.txt", "")
    with pytest.raises(FerBenchError) as error:
        recognise(CARD, tmp_path)
    for folder in ("cohn-kanade-images", "Emotion"):
        assert f"{folder}/ has subjects in small letters, such as s005: write S005" in str(error.value)
    sequences(tmp_path / "right")
    assert LAYOUTS["sequences"].doubts(tmp_path / "right") == []


# CK+48.


def test_ck48_may_be_named_itself(tmp_path: Path) -> None:
    ck48(tmp_path)
    assert LAYOUTS["ck48"].recognise(tmp_path / "CK+48") is not None
    outer, inner = reading("ck48", tmp_path)[0], reading("ck48", tmp_path / "CK+48")[0]
    assert [s.id for s in outer] == [s.id for s in inner]
    assert outer[0].source == "CK+48/" + inner[0].source == "CK+48/anger/S000_001_00000003.png"


def test_ck48_says_that_its_pictures_are_enlarged(tmp_path: Path) -> None:
    ck48(tmp_path)
    assert "the pictures are 48 x 48 pixels, and are enlarged to 224 x 224" in reading("ck48", tmp_path)[2].notes
    assert CARD.size == (224, 224)


def test_pictures_of_ck48_of_another_size_are_told(tmp_path: Path) -> None:
    ck48(tmp_path / "raw")
    save(tmp_path / "raw/CK+48/anger/S000_001_00000003.png", "angry", (64, 64))
    manifest = prepare(CARD, tmp_path / "raw", tmp_path / "out", Wishes(allow_incomplete=True)).manifest
    remark = "not 48 x 48 pixels as given out: resized or cropped since"
    assert manifest["remarks"] == [{"source": "CK+48/anger/S000_001_00000003.png", "remark": remark}]


def test_ck48_may_have_capital_letters(tmp_path: Path) -> None:
    for name in ("plain", "capitals"):
        ck48(tmp_path / name)
    for folder in list((tmp_path / "capitals/CK+48").iterdir()):
        folder.rename(folder.with_name(folder.name.capitalize()))
    plain, capitals = (LAYOUTS["ck48"].recognise(tmp_path / name) for name in ("plain", "capitals"))
    assert plain == capitals is not None
    first, second = (
        [(one.id, one.label) for one in reading("ck48", tmp_path / name)[0]] for name in ("plain", "capitals")
    )
    assert first == second


@pytest.mark.parametrize("folder", ["neutral", "ahegao", "S005"])
def test_a_folder_that_is_no_class_of_ck48_is_refused(tmp_path: Path, folder: str) -> None:
    ck48(tmp_path)
    save(tmp_path / f"CK+48/{folder}/S005_001_00000001.png", "neutral", (48, 48))
    with pytest.raises(FerBenchError, match=f"{folder}: not a class folder of CK\\+48"):
        reading("ck48", tmp_path)


def test_no_picture_of_ck48_is_lost_without_a_word(tmp_path: Path) -> None:
    ck48(tmp_path)
    (tmp_path / "CK+48/fear/a.avif").touch()
    assert "CK+48/fear/ holds files that are no pictures by their ending, not read: a.avif." in (
        reading("ck48", tmp_path)[2].notes
    )
    (tmp_path / "CK+48/fear/more").mkdir()
    with pytest.raises(FerBenchError, match=r"CK\+48/fear/more: a folder inside a class folder"):
        reading("ck48", tmp_path)


def test_a_picture_of_ck48_without_a_sure_class_or_subject_is_a_flaw(tmp_path: Path) -> None:
    ck48(tmp_path)
    save(tmp_path / "CK+48/happy/im0.png", "happy", (48, 48))
    save(tmp_path / "CK+48/S005_001_00000001.png", "happy", (48, 48))
    odd = os.fsencode(tmp_path / "CK+48/sadness") + b"/S005_001_\xff.png"
    Path(os.fsdecode(odd)).write_bytes(b"")
    samples, flaws, _ = reading("ck48", tmp_path)
    assert len(samples) == 18
    assert [(f.source.encode("utf-8", "surrogateescape"), f.label) for f in flaws] == [
        (b"CK+48/S005_001_00000001.png", None),
        (b"CK+48/happy/im0.png", EMOTIONS.index("happy")),
        (b"CK+48/sadness/S005_001_\xff.png", EMOTIONS.index("sad")),
    ]
    assert "expected a name such as S010_004_00000017.png" in flaws[1].reason


# ckextended.csv.


def test_ckextended_may_be_named_itself(tmp_path: Path) -> None:
    ckextended(tmp_path)
    (tmp_path / "ckextended.csv").rename(tmp_path / "CKextended (1).csv")
    table = tmp_path / "CKextended (1).csv"
    assert LAYOUTS["ckextended"].recognise(table) == LAYOUTS["ckextended"].recognise(tmp_path)
    assert reading("ckextended", table)[0] == reading("ckextended", tmp_path)[0]


def test_a_link_to_ckextended_may_be_named_itself(tmp_path: Path) -> None:
    ckextended(tmp_path / "blobs")
    (tmp_path / "snap").mkdir()
    link = tmp_path / "snap/ckextended.csv"
    link.symlink_to("../blobs/ckextended.csv")
    assert reading("ckextended", link)[0]
    with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
        reading("ckextended", tmp_path / "snap")


def test_ckextended_has_one_part_and_no_subjects_and_says_so(tmp_path: Path) -> None:
    ckextended(tmp_path)
    samples, _, result = reading("ckextended", tmp_path)
    assert {(s.part, s.group) for s in samples} == {("ckextended", "")}
    assert [(s.id, s.source) for s in samples][::6] == [
        ("ckextended0000", "ckextended.csv:2"),
        ("ckextended0006", "ckextended.csv:8"),
    ]
    notes = "\n".join(result.notes)
    assert "Usage is ignored" in notes
    assert "no groups" in notes
    assert "enlarged to 224 x 224" in notes
    assert "contempt (code 7) is none of the seven classes and was left out: 1 row" in notes


def test_a_bad_row_of_ckextended_is_a_flaw_with_its_line(tmp_path: Path) -> None:
    pixels = " ".join(["7"] * 48 * 48)
    lines = ["emotion,pixels,Usage", row("happy"), f"8,{pixels},Training", "3", "", f"\udcff,{pixels},x", row("sad")]
    (tmp_path / "ckextended.csv").write_bytes("\r\n".join(lines).encode("utf-8", "surrogateescape"))
    samples, flaws, _ = reading("ckextended", tmp_path)
    assert [(s.id, s.source) for s in samples] == [
        ("ckextended0000", "ckextended.csv:2"),
        ("ckextended0004", "ckextended.csv:7"),
    ]
    assert [(f.source, f.part, f.label, f.missing) for f in flaws] == [
        (f"ckextended.csv:{line}", "ckextended", None, False) for line in (3, 4, 6)
    ]
    assert flaws[0].reason == "emotion '8', expected a code from 0 to 7"
    assert flaws[1].reason == "1 cell, the first line has 3"


@pytest.mark.parametrize("code", ["", "-1", "3.5", "03", "8", "happy", "\u0663", " ", ".0"])
def test_no_other_text_passes_for_a_code_of_ckextended(tmp_path: Path, code: str) -> None:
    put(tmp_path / "ckextended.csv", f"emotion,pixels,Usage\n{code},{'1 ' * 2304},Training\n")
    samples, flaws, _ = reading("ckextended", tmp_path)
    assert samples == []
    assert len(flaws) == 1


def test_codes_of_ckextended_may_be_fractions_as_pandas_writes_them(tmp_path: Path) -> None:
    """As those of FER-2013's tables, which have the same form."""
    for name, fraction in (("plain", ""), ("fractions", ".0")):
        ckextended(tmp_path / name)
        table = tmp_path / name / "ckextended.csv"
        table.write_text(re.sub(r"^(\d),", rf"\1{fraction},", table.read_text(), flags=re.MULTILINE))
    (first, _, plain), (second, flaws, fractions) = (
        reading("ckextended", tmp_path / name) for name in ("plain", "fractions")
    )
    assert [(s.id, s.label) for s in second] == [(s.id, s.label) for s in first] != []
    assert (flaws, fractions.label_map, fractions.notes) == ([], plain.label_map, plain.notes)


def test_the_columns_of_ckextended_may_have_capital_letters(tmp_path: Path) -> None:
    ckextended(tmp_path)
    expected = reading("ckextended", tmp_path)[0]
    table = tmp_path / "ckextended.csv"
    table.write_text(table.read_text().replace("emotion,pixels", "Emotion,Pixels"))
    assert LAYOUTS["ckextended"].recognise(tmp_path) is not None
    assert reading("ckextended", tmp_path)[0] == expected != []


def test_a_table_of_ckextended_with_another_separator_gets_its_reason(tmp_path: Path) -> None:
    put(tmp_path / "ckextended.csv", "emotion;pixels;Usage\n")
    for place in (tmp_path, tmp_path / "ckextended.csv"):
        with pytest.raises(FerBenchError, match=r"ckextended.csv: its first line holds: emotion;pixels;Usage;"):
            recognise(CARD, place)
    ckextended(tmp_path)
    assert LAYOUTS["ckextended"].doubts(tmp_path) == []


def test_the_columns_of_ckextended_are_found_by_name(tmp_path: Path) -> None:
    ckextended(tmp_path)
    expected = reading("ckextended", tmp_path)[0]
    cells = [line.split(",") for line in (tmp_path / "ckextended.csv").read_text().splitlines()]
    put(
        tmp_path / "ckextended.csv",
        "\ufeff" + "\n".join(f"{usage}, {pixels}, {emotion}" for emotion, pixels, usage in cells),
    )
    samples = reading("ckextended", tmp_path)[0]
    assert [(s.id, s.label) for s in samples] == [(s.id, s.label) for s in expected]
    assert (pictures(tmp_path, samples) == pictures(tmp_path, expected)).all()


def test_two_tables_are_not_chosen_between(tmp_path: Path) -> None:
    ckextended(tmp_path)
    put(tmp_path / "ckextended (1).csv", "emotion,pixels,Usage\n")
    with pytest.raises(FerBenchError, match=r"found ckextended \(1\)\.csv, ckextended\.csv; name the file"):
        reading("ckextended", tmp_path)
