"""The prepared store: what it holds, what it refuses, and that it is whole or absent."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_bench.datasets import dataset_card, scaled
from fer_bench.datasets.card import DatasetCard, Flaw, Layout, PixelText, Protocol, Reading, Sample
from fer_bench.datasets.decoding import BEYOND, resize
from fer_bench.datasets.folder import below
from fer_bench.datasets.integrity import require_intact
from fer_bench.datasets.prepared import Prepared, read_manifest, summary
from fer_bench.datasets.proof import Flaws
from fer_bench.datasets.recognition import inspect
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.datasets.synthetic import synthesize
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.files import UNFINISHED
from fer_bench.stages import origin_of
from fer_bench.status import grid_status
from fer_bench.workspace import Workspace

FER2013 = dataset_card("fer2013")
COUNTS = {"Training": [10, 5, 10, 20, 15, 10, 10], "PublicTest": [2] * 7, "PrivateTest": [3] * 7}
CODES = {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6}


def faces() -> list[tuple[str, str, NDArray[np.uint8]]]:
    """Part, class and image of each row."""
    random = np.random.default_rng(3)
    return [
        (part, name, random.integers(0, 256, (48, 48)).astype(np.uint8))
        for part, counts in COUNTS.items()
        for name, count in zip(EMOTIONS, counts, strict=True)
        for _ in range(count)
    ]


def mark(root: Path, dataset: str = "fer2013", counts: dict[str, list[int]] = COUNTS) -> None:
    content = {"synthetic": True, "dataset": dataset, "layout": "csv", "seed": 0, "version": 1, "counts": counts}
    (root / "fer-bench-synthetic.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A small FER-2013 table, marked as synthetic."""
    root = tmp_path / "raw"
    root.mkdir()
    rows = [f"{CODES[name]},{' '.join(map(str, image.ravel()))},{part}" for part, name, image in faces()]
    (root / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]), encoding="utf-8")
    mark(root)
    return root


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# What is stored.


def test_the_store_holds_what_the_table_holds(raw: Path, tmp_path: Path) -> None:
    before = snapshot(raw)
    result = prepare(FER2013, raw, tmp_path / "out")
    images = np.stack([image for _, _, image in faces()])
    assert np.array_equal(result.images, images)
    assert result.images.dtype == np.uint8
    assert isinstance(result.images, np.memmap)
    assert not result.images.flags.writeable
    assert [EMOTIONS[label] for label in result.labels] == [name for _, name, _ in faces()]
    assert result.parts.tolist() == [part for part, _, _ in faces()]
    assert result.ids[:2].tolist() == ["row0000000", "row0000001"]
    assert set(result.groups) == {""}
    assert (result.dataset, result.origin) == ("fer2013", "synthetic")
    assert result.manifest["complete"] is True
    assert result.manifest["counts"]["parts"] == COUNTS
    assert result.manifest["n"] == len(images)
    assert snapshot(raw) == before


def test_the_table_of_samples_is_for_people(raw: Path, tmp_path: Path) -> None:
    prepare(FER2013, raw, tmp_path / "out")
    lines = (tmp_path / "out/samples.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,split,label,part,source,group"
    assert lines[-1] == "row0000114,test,surprise,PrivateTest,fer2013.csv:116,"


def test_loading_gives_what_prepare_gave(raw: Path, tmp_path: Path) -> None:
    made = prepare(FER2013, raw, tmp_path / "out")
    loaded = Prepared.load(tmp_path / "out")
    assert loaded.fingerprint == made.fingerprint
    assert np.array_equal(loaded.images, made.images)
    for split in ("train", "val", "test"):
        assert np.array_equal(loaded.indices(split), made.indices(split))


@pytest.mark.parametrize("odd", ["\r", "\n", "\r\n", '"', ",", "\x85", "\t"])
def test_a_name_of_any_characters_is_stored_and_read_as_it_is(tmp_path: Path, odd: str) -> None:
    # As a file of one's own may have; Python's csv leaves a carriage return bare.
    names, groups = [f"a{odd}{i}" for i in range(35)], [f"{odd}S{i // 7}" for i in range(35)]
    card = card_of(lambda: [own(i, label=i % 7, name=names[i], group=groups[i]) for i in range(35)])
    result = prepare(card, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))
    assert (result.ids.tolist(), result.groups.tolist()) == (names, groups)
    require_intact(result)


def test_progress_reaches_the_total(raw: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    prepare(FER2013, raw, tmp_path / "out", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (115, 115)
    assert calls == sorted(calls)


# Splits.


def test_validation_is_a_fifth_of_the_training_part_in_each_class(raw: Path, tmp_path: Path) -> None:
    result = prepare(FER2013, raw, tmp_path / "out")
    assert result.manifest["counts"]["splits"] == {
        "train": [8, 4, 8, 16, 12, 8, 8],
        "val": [2, 1, 2, 4, 3, 2, 2],
        "test": [5] * 7,
    }
    assert set(result.parts[result.indices("val")]) == {"Training"}
    assert set(result.parts[result.indices("test")]) == {"PublicTest", "PrivateTest"}
    every = np.concatenate([result.indices(split) for split in ("train", "val", "test")])
    assert sorted(every) == list(range(115))


def test_the_split_depends_on_its_seed_alone(raw: Path, tmp_path: Path) -> None:
    first, again, other = (
        prepare(FER2013, raw, tmp_path / name, Wishes(split_seed=seed)) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert np.array_equal(first.splits, again.splits)
    assert not np.array_equal(first.splits, other.splits)
    assert other.manifest["split_seed"] == 1


def test_an_unknown_split_is_refused(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(FerBenchError, match="unknown split 'validation'; expected train, val, test"):
        prepare(FER2013, raw, tmp_path / "out").indices("validation")  # type: ignore[arg-type]


def card_of(samples: Callable[[], list[Sample | Flaw]], **changes: Any) -> DatasetCard:
    protocol = Protocol("all", 1, "Everything.", None)
    layout = Layout("only", "anything", "", lambda path: "a folder", lambda path, choice: Reading(samples()), ("all",))
    card = dataclasses.replace(FER2013, name="mine", size=(2, 2), protocols=(protocol,), layouts=(layout,))
    return dataclasses.replace(card, **changes)


def own(number: int, *, label: int = 0, group: str = "", name: str = "") -> Sample:
    pixels = PixelText(" ".join([str(number % 256)] * 4), 2)
    return Sample(name or f"s{number:03d}", "train", label, f"line {number}", "all", group=group, pixels=pixels)


def test_a_person_is_never_in_training_and_validation(tmp_path: Path) -> None:
    card = card_of(lambda: [own(i, label=i % 7, group=f"subject {i // 14}") for i in range(280)])
    result = prepare(card, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))
    train, val = (set(result.groups[result.indices(split)]) for split in ("train", "val"))
    assert not train & val
    assert len(result.indices("val")) == 56


def test_five_seeds_set_apart_five_different_parts_of_persons(tmp_path: Path) -> None:
    who = [f"subject {int(i**0.5)}" for i in range(256)]  # Of 1, 3, 5 ... 31 images.
    card = card_of(lambda: [own(i, label=i % 7, group=who[i]) for i in range(256)])
    apart: list[str] = []
    for seed in range(5):
        result = prepare(card, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True, split_seed=seed))
        apart += set(result.groups[result.indices("val")])
    assert sorted(apart) == sorted(set(who)), "each person once"


def test_images_of_nobody_known_are_no_person(tmp_path: Path) -> None:
    card = card_of(lambda: [own(i, label=i % 7, group=f"subject {i // 14}" if i < 140 else "") for i in range(280)])
    result = prepare(card, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))
    assert len(result.indices("val")) == 56
    for split in ("train", "val"):
        unknown = result.indices(split) >= 140
        assert 0 < unknown.sum() < len(unknown)


def test_a_person_in_train_and_test_is_noted(tmp_path: Path) -> None:
    def samples() -> list[Sample | Flaw]:
        train = [own(i, label=i % 7, group=f"subject {i // 14}") for i in range(280)]
        return [*train, own(280, group="subject 3")._replace(split="test"), own(281)._replace(split="test")]

    result = prepare(card_of(samples), tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))
    assert result.manifest["notes"] == ["subjects in train and in test: 1, such as 'subject 3'; see fer-bench audit"]


def test_a_class_that_is_tested_and_not_trained_is_noted(tmp_path: Path) -> None:
    def samples() -> list[Sample | Flaw]:
        return [
            *(own(i, label=i % 6) for i in range(60)),
            *(own(60 + i, label=i)._replace(split="test") for i in range(7)),
        ]

    result = prepare(card_of(samples), tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))
    note = "no training images of surprise, of which there are test images: no model can learn that"
    assert result.manifest["notes"] == [note]


def test_too_few_images_to_split_is_said(tmp_path: Path) -> None:
    card = card_of(lambda: [own(i, label=i % 7) for i in range(14)])
    with pytest.raises(FerBenchError, match=r"14 training images cannot be split .* at least 5 images of each class"):
        prepare(card, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))
    one_fear = card_of(lambda: [own(i, label=2 if i == 0 else i % 2) for i in range(41)])
    with pytest.raises(FerBenchError, match=r"41 training images cannot be split .* by class: fear has 1; at least 5"):
        prepare(one_fear, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))


def test_too_few_subjects_to_split_are_said(tmp_path: Path) -> None:
    card = card_of(lambda: [own(i, label=i % 7, group=f"subject {i % 4}") for i in range(280)])
    with pytest.raises(FerBenchError, match=r"280 training images of 4 subjects cannot .* at least 5 subjects"):
        prepare(card, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))
    few = card_of(lambda: [own(i, label=i % 7, group=f"subject {i}") for i in range(28)])
    with pytest.raises(FerBenchError, match=r"at most 4 images of a class .* 5 images of a class"):
        prepare(few, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))


def test_a_validation_part_that_is_not_as_it_should_be_is_noted(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    def samples() -> list[Sample | Flaw]:
        who = ["one" if i < 210 else f"subject {i % 9}" for i in range(280)]
        return [own(i, label=6 if i < 2 else i % 6, group=who[i]) for i in range(280)]

    result = prepare(card_of(samples), tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))
    share = len(result.indices("val")) / 280
    assert f"the validation part is {share:.1%} of the training images, not 20%" in result.manifest["notes"][0]
    assert result.manifest["notes"][1].endswith("part has no image of surprise")
    assert not recwarn.list


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([own(1, name="a"), own(2, name="a")], "line 2 and line 1 are both the image 'a'"),
        ([own(1, label=7)], "line 1: the reader gave it label 7"),
        ([own(1, label=-1)], "line 1: the reader gave it label -1"),
        ([], "holds no images"),
    ],
)
def test_a_reader_that_contradicts_itself_is_refused(tmp_path: Path, samples: list[Sample], message: str) -> None:
    with pytest.raises(FerBenchError, match=message):
        prepare(card_of(lambda: samples), tmp_path, tmp_path / "out", Wishes(allow_incomplete=True))


# The fingerprint.


def test_the_fingerprint_follows_the_content_and_not_the_place(raw: Path, tmp_path: Path) -> None:
    first = prepare(FER2013, raw, tmp_path / "out")
    shutil.copytree(raw, tmp_path / "elsewhere/deep/raw")
    moved = prepare(FER2013, tmp_path / "elsewhere/deep/raw", tmp_path / "other/out")
    assert moved.fingerprint == first.fingerprint
    assert len(first.fingerprint) == 64
    table = (raw / "fer2013.csv").read_text(encoding="utf-8")
    position = table.rindex(",")
    for changed in (
        table[: position - 1] + str((int(table[position - 1]) + 1) % 10) + table[position:],  # one pixel
        table[:-11] + "PublicTest",  # a part
    ):
        (raw / "fer2013.csv").write_text(changed, encoding="utf-8")
        result = prepare(FER2013, raw, tmp_path / "out", Wishes(allow_incomplete=True))
        assert result.fingerprint != first.fingerprint
    (raw / "fer2013.csv").write_text(table, encoding="utf-8")
    assert prepare(FER2013, raw, tmp_path / "out").fingerprint == first.fingerprint
    assert prepare(FER2013, raw, tmp_path / "out", Wishes(split_seed=1)).fingerprint != first.fingerprint


# Counts.


def test_a_mismatch_shows_found_expected_and_difference(raw: Path, tmp_path: Path) -> None:
    mark(raw, counts=COUNTS | {"PublicTest": [2, 2, 2, 4, 2, 2, 1]})
    with pytest.raises(FerBenchError) as caught:
        prepare(FER2013, raw, tmp_path / "out")
    lines = [line.split() for line in str(caught.value).splitlines()]
    assert ["PublicTest", "found", "expected", "difference"] in lines
    assert ["happy", "2", "4", "-2"] in lines
    assert ["surprise", "2", "1", "+1"] in lines
    assert ["angry", "2", "2"] in lines
    assert ["total", "14", "15", "-1"] in lines
    assert "Training" not in str(caught.value)
    assert "--allow-incomplete" in str(caught.value)
    assert not (tmp_path / "out").exists()
    result = prepare(FER2013, raw, tmp_path / "out", Wishes(allow_incomplete=True))
    assert result.manifest["complete"] is False
    assert result.manifest["counts"]["parts"] == COUNTS


@pytest.mark.parametrize("images", [7, 0])
def test_a_mismatch_says_what_the_reader_passed_over(tmp_path: Path, images: int) -> None:
    """It is mostly what is lacking: a folder of another name, pictures of an unknown kind."""
    reading = Reading([own(i, label=i) for i in range(images)], {}, ["fear/ holds files that are no pictures: a.avif."])
    layout = dataclasses.replace(card_of(list).layouts[0], official=True, read=lambda path, choice: reading)
    card = card_of(list, protocols=(Protocol("all", 1, "", {"all": (1, 1, 2, 1, 1, 1, 1)}),), layouts=(layout,))
    with pytest.raises(FerBenchError, match=r"\nNote: fear/ holds files that are no pictures: a.avif."):
        prepare(card, tmp_path, tmp_path / "out")


def test_without_the_marker_the_official_counts_hold(raw: Path, tmp_path: Path) -> None:
    (raw / "fer-bench-synthetic.json").unlink()
    with pytest.raises(FerBenchError, match=r"not those of the official FER-2013(.|\n)*happy +20 +7215 +-7195"):
        prepare(FER2013, raw, tmp_path / "out")
    assert prepare(FER2013, raw, tmp_path / "out", Wishes(allow_incomplete=True)).origin == "real"


def test_an_unknown_part_is_a_mismatch(raw: Path, tmp_path: Path) -> None:
    mark(raw, counts={part: counts for part, counts in COUNTS.items() if part != "PrivateTest"})
    with pytest.raises(FerBenchError, match=r"PrivateTest +found +expected(.|\n)*total +21 +0 +\+21"):
        prepare(FER2013, raw, tmp_path / "out")


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ({"synthetic": True, "dataset": "raf-db", "counts": COUNTS}, "are synthetic 'raf-db', not fer2013"),
        ({"synthetic": True, "dataset": "fer2013", "counts": {"Training": [1]}}, "not the marker of synthetic files"),
        ({"dataset": "fer2013", "counts": COUNTS}, "not the marker of synthetic files"),
        ([], "not the marker of synthetic files"),
    ],
)
def test_a_wrong_marker_is_refused(raw: Path, tmp_path: Path, marker: object, message: str) -> None:
    (raw / "fer-bench-synthetic.json").write_text(json.dumps(marker), encoding="utf-8")
    with pytest.raises(FerBenchError, match=message):
        prepare(FER2013, raw, tmp_path / "out", Wishes(allow_incomplete=True))


# Recognising a layout.


def class_folders(root: Path) -> None:
    for part, name, image in faces():
        folder = root / ("train" if part == "Training" else "test") / name
        folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / f"{part}_{len(list(folder.iterdir()))}.png"), image)


def test_one_folder_too_high_or_too_low_is_found(tmp_path: Path) -> None:
    class_folders(tmp_path / "here/data")
    mark(tmp_path / "here/data")
    (tmp_path / "here/another").mkdir()
    names = ("here/data", "here", "here/data/train")
    results = [prepare(FER2013, tmp_path / name, tmp_path / "out") for name in names]
    assert {result.fingerprint for result in results} == {results[0].fingerprint}
    assert {result.origin for result in results} == {"synthetic"}
    above = f"found in {tmp_path / 'here/data'}, above what you named"
    assert [above in result.manifest["notes"] for result in results] == [False, False, True]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("dataset", "parts"),
    [
        ("fer2013", "train test"),
        ("raf-db", "basic basic/Image basic/Image/aligned basic/EmoLabel basic/Annotation/manual"),
        ("affectnet", "train_set train_set/images train_set/annotations val_set"),
        ("ck-plus", "cohn-kanade-images Emotion Landmarks"),
    ],
)
def test_folders_unpacked_into_folders_of_their_names_are_read_as_they_were(
    tmp_path: Path, synthetic_root: Path, prepared_root: Path, dataset: str, parts: str, packed: bool
) -> None:
    root = tmp_path / "here"
    shutil.copytree(synthetic_root / dataset, root)
    for name in sorted(parts.split(), reverse=True):  # Inner folders first.
        folder = root / name
        folder.rename(tmp_path / "inner")
        folder.mkdir()
        (tmp_path / "inner").rename(folder / folder.name)
        for junk in ("Thumbs.db", ".DS_Store", "readme.txt", f"{folder.name}.zip"):
            (folder / junk).write_bytes(b"")
        (folder / "__MACOSX").mkdir()
    source = Path(shutil.make_archive(str(tmp_path / "all"), "zip", root)) if packed else root
    card = dataset_card(dataset)
    result = prepare(card, source, tmp_path / "out")
    plain = Prepared.load(prepared_root / "datasets" / dataset)
    assert result.fingerprint == plain.fingerprint
    assert result.manifest["evidence"] == plain.manifest["evidence"]
    first = parts.split()[0]
    assert f"was read from {first}/{first}/" in " ".join(result.manifest["notes"])
    assert {one.card.name for one in inspect(root)} == {dataset}


@pytest.mark.parametrize("beside", ["other/face.jpg", "face.jpg", "labels.csv"])
def test_a_folder_that_holds_more_than_one_of_its_name_is_itself(tmp_path: Path, beside: str) -> None:
    (tmp_path / "train/train/happy").mkdir(parents=True)
    assert below(tmp_path, "train/happy") == tmp_path / "train/train/happy"
    assert below(tmp_path, "train/train/sad") == tmp_path / "train/train/sad"
    (tmp_path / "train" / beside).parent.mkdir(exist_ok=True)
    (tmp_path / "train" / beside).touch()
    assert below(tmp_path, "train/happy") == tmp_path / "train/happy"


def test_a_link_of_its_folders_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/train").symlink_to(".")
    assert below(tmp_path, "train") == tmp_path / "train"


def test_another_folder_beside_a_dataset_is_not_replaced_by_it(tmp_path: Path) -> None:
    class_folders(tmp_path / "data")
    mark(tmp_path / "data")
    class_folders(tmp_path / "data/v2")
    for name in ("train", "test"):
        (tmp_path / "data/v2" / name).rename(tmp_path / "data/v2" / f"other {name}")
    (tmp_path / "data/empty").mkdir()
    for name in ("v2", "empty"):
        with pytest.raises(FerBenchError, match=f"{name}: not recognised as FER-2013"):
            prepare(FER2013, tmp_path / "data" / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_messages_name_the_archive_and_never_the_folder_it_was_unpacked_into(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/notes.txt").touch()
    archive = Path(shutil.make_archive(str(tmp_path / "archive (1)"), "zip", tmp_path, "photos"))
    (tmp_path / "disk").mkdir()
    (tmp_path / "workspace").symlink_to(tmp_path / "disk")
    with pytest.raises(FerBenchError) as caught:
        prepare(FER2013, archive, tmp_path / "workspace/datasets/fer2013")
    message = str(caught.value)
    assert message.startswith(f"{archive}: not recognised as FER-2013")
    assert f"fer-bench inspect '{archive}' tells" in message
    assert "unpacked" not in message


def test_what_one_of_several_archives_lacks_is_to_be_unpacked_with_it(tmp_path: Path, synthetic_root: Path) -> None:
    shutil.copytree(synthetic_root / "ck-plus/cohn-kanade-images", tmp_path / "images/cohn-kanade-images")
    archive = Path(shutil.make_archive(str(tmp_path / "extended-cohn-kanade-images"), "zip", tmp_path / "images"))
    with pytest.raises(FerBenchError) as caught:
        prepare(dataset_card("ck-plus"), archive, tmp_path / "out")
    assert str(caught.value).splitlines() == [
        f"{archive}:/Emotion: no such folder; unpack Emotion_labels.zip of CK+ beside the others",
        "extended-cohn-kanade-images.zip is an archive: unpack both into one folder, and name that with --source",
    ]


@pytest.mark.parametrize("workspace", ["workspace", "my workspace"])
def test_a_folder_in_an_archive_is_not_named_with_source(raw: Path, tmp_path: Path, workspace: str) -> None:
    for name in ("new", "old"):
        shutil.copytree(raw, tmp_path / "twice" / name)
    archive = Path(shutil.make_archive(str(tmp_path / "both"), "zip", tmp_path / "twice"))
    with pytest.raises(FerBenchError, match=r"more than once(.|\n)*unpack the archive first"):
        prepare(FER2013, archive, tmp_path / workspace / "fer2013")


def test_two_layouts_in_one_folder_are_a_question(raw: Path, tmp_path: Path) -> None:
    class_folders(raw)
    with pytest.raises(FerBenchError) as caught:
        prepare(FER2013, raw, tmp_path / "out")
    assert "the table fer2013.csv" in str(caught.value)
    assert "7 class folders of pictures named Training_..., PublicTest_..., PrivateTest_..." in str(caught.value)
    assert "--layout" in str(caught.value)
    for layout in ("csv", "folders"):
        assert prepare(FER2013, raw, tmp_path / "out", Wishes(layout=layout)).manifest["layout"] == layout


def test_a_foreign_folder_is_described_and_told_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "a/b/photos").mkdir(parents=True)
    (tmp_path / "a/b/notes.txt").touch()
    with pytest.raises(FerBenchError) as caught:
        prepare(FER2013, tmp_path / "a/b", tmp_path / "out")
    assert "not recognised as FER-2013: it holds notes.txt, photos/" in str(caught.value)
    assert "fer2013.csv or icml_face_data.csv" in str(caught.value)
    assert "train/ and test/" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "tar"}, "fer2013 has no layout 'tar'; known: csv, "),
        ({"crop": "landmarks"}, "fer2013 in the layout 'csv' has no crop 'landmarks'; known: 'none'$"),
        ({"protocol": "best"}, "fer2013 in the layout 'csv' has no protocol 'best'; known: 'original', "),
    ],
)
def test_an_unknown_choice_names_the_known_ones(
    raw: Path, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(FerBenchError, match=message):
        prepare(FER2013, raw, tmp_path / "out", Wishes(**options))


@pytest.mark.parametrize(
    ("dataset", "layout", "options", "having"),
    [
        ("raf-db", "aligned", {"crop": "box"}, ["original"]),
        ("fer2013", "folders", {"protocol": "ferplus-majority"}, ["csv", "split-csv"]),
    ],
)
def test_what_another_layout_has_is_told_with_that_layout(
    tmp_path: Path, dataset: str, layout: str, options: dict[str, str], having: list[str]
) -> None:
    card, wishes = dataset_card(dataset), Wishes(**options)
    synthesize(dataset, tmp_path / layout, train=35, test=14, seed=0, layout=layout)
    with pytest.raises(FerBenchError, match=rf"has no (crop|protocol) .* in the layout {' or '.join(having)} \(fer-b"):
        prepare(card, tmp_path / layout, tmp_path / "out", wishes)
    synthesize(dataset, tmp_path / "other", train=35, test=14, seed=0, layout=having[0])
    assert prepare(card, tmp_path / "other", tmp_path / "out", wishes).manifest["layout"] == having[0]


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(FerBenchError, match="nowhere: no such file or folder"):
        prepare(FER2013, tmp_path / "nowhere", tmp_path / "out")


# Images that cannot be taken.


def mixed(*flaws: Flaw, good: int = 70) -> Callable[[], list[Sample | Flaw]]:
    return lambda: [own(i, label=i % 7) for i in range(good)] + list(flaws)


BAD = Flaw("line 71", "pixel '300', expected a whole number from 0 to 255", part="all", label=3)
GONE = Flaw("faces/72.png", "no such picture", missing=True, part="all", label=4)
NAMELESS = Flaw("faces/73\udcff.png", "the file name is not UTF-8")


def test_every_bad_image_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(FerBenchError) as caught:
        prepare(card_of(mixed(BAD, GONE, NAMELESS)), tmp_path, tmp_path / "out/mine")
    message = str(caught.value)
    assert message.startswith("3 of 73 images cannot be taken:")
    assert "line 71: pixel '300', expected a whole number from 0 to 255" in message
    assert "faces/72.png: no such picture" in message
    assert "faces/73\\xff.png: the file name is not UTF-8" in message
    assert "--skip-bad" in message
    assert list((tmp_path / "out").iterdir()) == []


def test_skip_bad_goes_on_and_the_manifest_lists_every_one(tmp_path: Path) -> None:
    result = prepare(card_of(mixed(BAD, GONE, NAMELESS)), tmp_path, tmp_path / "out/mine", Wishes(skip_bad=True))
    assert len(result.ids) == 70
    assert [item["source"] for item in result.manifest["skipped"]] == ["line 71", "faces/72.png", "faces/73\\xff.png"]
    assert [item["missing"] for item in result.manifest["skipped"]] == [False, True, False]


def test_a_partial_copy_may_lack_pictures_but_not_have_damaged_ones(tmp_path: Path) -> None:
    partial = Wishes(allow_incomplete=True)
    result = prepare(card_of(mixed(GONE)), tmp_path, tmp_path / "out/mine", partial)
    assert [item["source"] for item in result.manifest["skipped"]] == ["faces/72.png"]
    with pytest.raises(FerBenchError, match="1 of 72 images cannot be taken") as caught:
        prepare(card_of(mixed(GONE, BAD)), tmp_path, tmp_path / "out/mine", partial)
    assert "72.png" not in str(caught.value)
    with pytest.raises(FerBenchError, match="--allow-incomplete"):
        prepare(card_of(mixed(GONE)), tmp_path, tmp_path / "out/mine")


def test_a_copy_of_which_images_were_left_out_is_never_complete(raw: Path, tmp_path: Path) -> None:
    """Counted with the image that was left out, each class has as many as it should."""
    lines = (raw / "fer2013.csv").read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace(" ", " 300 ", 1)
    (raw / "fer2013.csv").write_text("\n".join(lines), encoding="utf-8")
    result = prepare(FER2013, raw, tmp_path / "out", Wishes(skip_bad=True))
    assert (len(result.ids), len(result.manifest["skipped"])) == (114, 1)
    assert result.manifest["complete"] is False
    assert result.preparation.complete is False

    official = (Protocol("all", 1, "", {"all": (10,) * 7}),)
    rows = [own(i, label=i % 7) for i in range(70)]
    layout = dataclasses.replace(card_of(list).layouts[0], official=True)
    for flaws, wishes in (([GONE], Wishes(allow_incomplete=True)), ([GONE], Wishes(skip_bad=True)), ([], Wishes())):
        samples: list[Sample | Flaw] = [*flaws, *(rows[:4] + rows[5:] if flaws else rows)]
        one = dataclasses.replace(layout, read=lambda path, choice, samples=samples: Reading(samples))
        result = prepare(card_of(list, protocols=official, layouts=(one,)), tmp_path, tmp_path / "mine", wishes)
        assert result.manifest["complete"] is (not flaws)


def test_a_copy_with_a_stray_file_that_is_left_out_is_complete(tmp_path: Path) -> None:
    layout = dataclasses.replace(card_of(mixed(NAMELESS)).layouts[0], official=True)
    card = card_of(list, protocols=(Protocol("all", 1, "", {"all": (10,) * 7}),), layouts=(layout,))
    result = prepare(card, tmp_path, tmp_path / "mine", Wishes(skip_bad=True))
    assert (len(result.ids), len(result.manifest["skipped"])) == (70, 1)
    assert result.manifest["complete"] is True


def test_where_no_image_is_left_the_reasons_are_told(tmp_path: Path) -> None:
    everything = Wishes(skip_bad=True, allow_incomplete=True)
    flaws = [dataclasses.replace(BAD, source=f"line {number}") for number in range(30)]
    with pytest.raises(FerBenchError) as caught:
        prepare(card_of(mixed(*flaws, good=0)), tmp_path, tmp_path / "out/mine", everything)
    assert "holds no images of FER-2013\n  line 0: pixel '300', expected a whole number" in str(caught.value)
    assert str(caught.value).endswith("  and 10 more")


def test_flaws_are_not_gone_through_again_for_every_chunk() -> None:
    class Kept(list[Flaw]):
        def __iter__(self) -> Iterator[Flaw]:
            raise AssertionError("every flaw so far was gone through")

    flaws = Flaws(skip_bad=False, allow_incomplete=True, found=Kept())
    for _ in range(3):
        flaws.add([GONE], 100)
    flaws.check(300)
    assert len(flaws.found) == 3


def test_face_boxes_that_were_cut_off_are_refused_where_they_are_many() -> None:
    flaws = Flaws(skip_bad=False, allow_incomplete=False)
    cut_off = [(f"{number}.jpg", f"{BEYOND}, and was cut off at its edge") for number in range(4)]
    flaws.add([], 50, [("a.jpg", "CMYK, made gray"), *cut_off[:3]])
    flaws.check(100)
    flaws.add([], 100, cut_off[3:])
    with pytest.raises(FerBenchError, match=r"4 of 100 face boxes .* such as 0\.jpg: the face box .*\n.*resized"):
        flaws.check(100)


def test_a_hopeless_copy_stops_early(tmp_path: Path) -> None:
    read = 0

    def samples() -> Iterator[Sample | Flaw]:
        nonlocal read
        for number in range(100_000):
            read += 1
            yield own(number, name=str(number)) if number % 10 else Flaw(f"line {number}", "a label of 9")

    with pytest.raises(FerBenchError, match=r"of the first [\d,]+ images cannot be taken(.|\n)*and \d+ more"):
        prepare(card_of(lambda: samples()), tmp_path, tmp_path / "out/mine")  # type: ignore[arg-type, return-value]
    assert read < 10_000


def test_counts_are_those_of_the_images_that_should_be_there(raw: Path, tmp_path: Path) -> None:
    lines = (raw / "fer2013.csv").read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].replace(" ", " 300 ", 1)
    lines[5] = "9" + lines[5][1:]
    (raw / "fer2013.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(FerBenchError, match=r"2 of 115 images cannot be taken:\n.*fer2013\.csv:4: .*\n.*csv:6: .*9"):
        prepare(FER2013, raw, tmp_path / "out")
    result = prepare(FER2013, raw, tmp_path / "out", Wishes(skip_bad=True))
    assert len(result.ids) == 113
    assert result.manifest["complete"] is False
    del lines[10]
    (raw / "fer2013.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(FerBenchError, match="not those of the synthetic FER-2013"):
        prepare(FER2013, raw, tmp_path / "out", Wishes(skip_bad=True))


# Copies.


def test_training_copies_of_test_images_are_dropped_when_asked(raw: Path, tmp_path: Path) -> None:
    lines = (raw / "fer2013.csv").read_text(encoding="utf-8").splitlines()
    pixels = lines[-1].split(",")[1]
    for number in (1, 30):
        emotion, _, part = lines[number].split(",")
        lines[number] = f"{emotion},{pixels},{part}"
    (raw / "fer2013.csv").write_text("\n".join(lines), encoding="utf-8")
    whole = prepare(FER2013, raw, tmp_path / "whole")
    result = prepare(FER2013, raw, tmp_path / "out", Wishes(deduplicate=True))
    assert result.manifest["deduplicated"] == ["row0000000", "row0000029"]
    assert whole.manifest["deduplicated"] is None
    kept = np.ones(115, bool)
    kept[[0, 29]] = False
    assert np.array_equal(result.images, whole.images[kept])
    assert result.ids.tolist() == whole.ids[kept].tolist()
    assert result.manifest["counts"]["found"] == COUNTS
    assert sum(result.manifest["counts"]["parts"]["Training"]) == 78
    assert result.manifest["complete"] is True


def test_what_is_known_of_an_image_stays_with_it_where_others_are_dropped(tmp_path: Path) -> None:
    def samples() -> list[Sample | Flaw]:
        train = [own(i, label=i % 7)._replace(attributes=(("who", f"n{i}"), ("age", f"{i}"))) for i in range(140)]
        test = [own(i, name=f"t{i:03d}")._replace(split="test", attributes=(("age", f"{i}"),)) for i in range(0, 28, 7)]
        return [*test[:2], *train, *test[2:]]

    result = prepare(card_of(samples), tmp_path, tmp_path / "out", Wishes(allow_incomplete=True, deduplicate=True))
    lines = (tmp_path / "out/samples.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,split,label,part,source,group,age,who"
    assert result.manifest["deduplicated"] == ["s000", "s007", "s014", "s021"]
    for row, name in enumerate(result.ids.tolist()):
        number = int(name[1:])
        assert (result.images[row] == number).all()
        assert result.attributes["age"][row] == str(number)
        assert result.attributes["who"][row] == ("" if name[0] == "t" else f"n{number}")
        assert result.labels[row] == number % 7
    # The validation part is drawn from what is left as it would be from that alone.
    plain = card_of(lambda: [one for one in samples() if one.id not in result.manifest["deduplicated"]])  # type: ignore[union-attr]
    for by in ("id", "pixels"):
        cards = [dataclasses.replace(card, split_by=by) for card in (card_of(samples), plain)]
        dropped, alone = (
            prepare(card, tmp_path, tmp_path / "again", Wishes(allow_incomplete=True, deduplicate=True)).splits.tolist()
            for card in cards
        )
        assert dropped == alone


@pytest.mark.parametrize("change", [{"label": 3}, {"id": "renamed"}, {"part": "other"}, {"split": "train"}])
def test_the_fingerprint_follows_label_name_part_and_split_of_every_image(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    def fingerprint(last: Sample) -> str:
        train = [own(i, label=i % 7) for i in range(140)]
        card = card_of(lambda: [*train, last])
        return prepare(card, tmp_path, tmp_path / "out", Wishes(allow_incomplete=True)).fingerprint

    test = own(140, label=2)._replace(split="test")
    assert fingerprint(test) == fingerprint(test)
    assert fingerprint(test._replace(**change)) != fingerprint(test)


def test_dropping_copies_is_part_of_the_fingerprint_even_where_there_are_none(raw: Path, tmp_path: Path) -> None:
    plain = prepare(FER2013, raw, tmp_path / "a")
    result = prepare(FER2013, raw, tmp_path / "b", Wishes(deduplicate=True))
    assert result.manifest["deduplicated"] == []
    assert np.array_equal(result.images, plain.images)
    assert result.fingerprint != plain.fingerprint


# Whole or absent.


def command(raw: Path, workspace: Path) -> list[str]:
    return [sys.executable, "-m", "fer_bench", "prepare", "fer2013", "--source", str(raw), "-w", str(workspace)]


def test_a_full_disk_gets_a_message_and_leaves_nothing(raw: Path, tmp_path: Path) -> None:
    import resource

    result = subprocess.run(
        command(raw, tmp_path / "w"),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert result.returncode == 2
    assert f"fer-bench: {tmp_path}/w/datasets/.fer2013.partial/images.npy: File too large; " in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "w").exists(), "the workspace was new"


def test_names_that_are_not_utf8_end_no_command(raw: Path, tmp_path: Path) -> None:
    """In the options, the lock, the folder above, the table, its rows and notes; for a terminal of UTF-8 only."""
    place = tmp_path / os.fsdecode(b"d\xe4ta")
    raw.rename(place)
    class_folders(tmp_path / "folders")  # OpenCV crashes over such a name.
    mark(tmp_path / "folders")
    (tmp_path / "folders").rename(place / os.fsdecode(b"f\xf6lders"))
    (place / "fer2013.csv").rename(place / os.fsdecode(b"f\xe4r.csv"))
    environment = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}

    def run(*words: object) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "fer_bench", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert (result.returncode, "Traceback" in result.stderr) == (0, False), result.stderr
        return result.stdout

    assert "d\\udce4ta" in run("inspect", place)
    assert [Path(found["path"]) for found in json.loads(run("inspect", place, "--json"))] == [
        place / os.fsdecode(b"f\xf6lders")
    ]
    workspace = tmp_path / os.fsdecode(b"w\xe4")
    run("prepare", "fer2013", "--source", place / os.fsdecode(b"f\xe4r.csv"), "-w", workspace)
    assert ",f\\xe4r.csv:2," in (workspace / "datasets/fer2013/samples.csv").read_text(encoding="utf-8")
    told = run("prepare", "fer2013", "--source", place / os.fsdecode(b"f\xf6lders") / "train", "-w", workspace)
    assert "d\\xe4ta/f\\xf6lders, above what you named" in told


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_store_or_none(raw: Path, tmp_path: Path) -> None:
    place = tmp_path / "w/datasets/fer2013"
    random = np.random.default_rng(5)
    started = time.monotonic()
    subprocess.run(command(raw, tmp_path / "w"), capture_output=True, check=True)
    takes = time.monotonic() - started
    expected = Prepared.load(place).fingerprint
    for _ in range(6):
        shutil.rmtree(place, ignore_errors=True)
        process = subprocess.Popen(command(raw, tmp_path / "w"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(float(random.uniform(0.2, 1.0)) * takes)
        process.kill()
        process.wait()
        if place.exists():
            assert Prepared.load(place).fingerprint == expected
    subprocess.run(command(raw, tmp_path / "w"), capture_output=True, check=True)
    assert Prepared.load(place).fingerprint == expected
    assert [path.name for path in place.parent.iterdir()] == ["fer2013"]


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    class_folders(tmp_path / "raw")
    mark(tmp_path / "raw")
    (tmp_path / "raw/test/sad/PublicTest_0.png").write_bytes(b"")
    with pytest.raises(FerBenchError, match=r"test/sad/PublicTest_0\.png: the picture file is empty"):
        prepare(FER2013, tmp_path / "raw", tmp_path / "out/fer2013")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interruption_keeps_the_former_store(raw: Path, tmp_path: Path) -> None:
    prepare(FER2013, raw, tmp_path / "out/fer2013")
    before = snapshot(tmp_path / "out")

    def interrupt(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(FER2013, raw, tmp_path / "out/fer2013", Wishes(split_seed=1), progress=interrupt)
    assert snapshot(tmp_path / "out") == before


@pytest.mark.parametrize("at", [0, 1])
def test_an_interruption_while_replacing_keeps_the_former_store(
    at: int, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C just after one of the two renames."""
    prepare(FER2013, raw, tmp_path / "out/fer2013")
    real, renamed = Path.rename, []

    def interrupt(path: Path, target: Path) -> None:
        real(path, target)
        renamed.append(path)
        if len(renamed) == at + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepare(FER2013, raw, tmp_path / "out/fer2013", Wishes(split_seed=1))
    assert Prepared.load(tmp_path / "out/fer2013").manifest["split_seed"] == at
    assert not (tmp_path / "out/.fer2013.partial").exists()


def test_what_a_killed_run_left_is_cleared_away(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "out/.fer2013.partial").mkdir(parents=True)
    (tmp_path / "out/.fer2013.partial/images.npy").write_bytes(b"half")
    prepare(FER2013, raw, tmp_path / "out/fer2013")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["fer2013"]


def test_a_run_killed_while_replacing_keeps_the_former_store(raw: Path, tmp_path: Path) -> None:
    before = prepare(FER2013, raw, tmp_path / "out/fer2013").fingerprint
    (tmp_path / "out/fer2013").rename(tmp_path / "out/.fer2013.former")
    mark(raw, counts=COUNTS | {"PublicTest": [0] * 7})
    with pytest.raises(FerBenchError, match="not those of the synthetic FER-2013"):
        prepare(FER2013, raw, tmp_path / "out/fer2013")
    assert Prepared.load(tmp_path / "out/fer2013").fingerprint == before


def test_preparing_again_replaces_everything(raw: Path, tmp_path: Path) -> None:
    prepare(FER2013, raw, tmp_path / "out").at_size(24)
    again = prepare(FER2013, raw, tmp_path / "out", Wishes(split_seed=1))
    assert Prepared.load(tmp_path / "out").fingerprint == again.fingerprint
    assert not list((tmp_path / "out").glob("scaled-*"))


def test_a_smaller_copy_of_replaced_images_is_never_read(raw: Path, tmp_path: Path) -> None:
    """A command without the workspace's lock may hold the images from before, and make their copy afterwards."""
    former = prepare(FER2013, raw, tmp_path / "out")
    header, first, second, *rest = (raw / "fer2013.csv").read_text().splitlines()
    (raw / "fer2013.csv").write_text("\n".join([header, second, first, *rest]))
    prepare(FER2013, raw, tmp_path / "out")
    before = np.array(former.at_size(24))
    np.save(tmp_path / "out/scaled-24.npy", before)  # As earlier versions named it.
    after = Prepared.load(tmp_path / "out").at_size(24)
    assert np.array_equal(after[:2], before[[1, 0]])
    assert not np.array_equal(after, before)


def test_a_link_to_another_disk_stays_and_its_folder_is_replaced(raw: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk/fer"
    (tmp_path / "out").mkdir()
    (tmp_path / "out/fer2013").symlink_to(disk)
    # As versions before left it, which took the link for the folder.
    disk.parent.mkdir()
    (disk.parent / ".fer.former").symlink_to(tmp_path / "elsewhere")
    for seed in (1, 2):
        result = prepare(FER2013, raw, tmp_path / "out/fer2013", Wishes(split_seed=seed))
        assert result.folder == tmp_path / "out/fer2013"
        assert Prepared.load(disk).manifest["split_seed"] == seed
        assert (tmp_path / "out/fer2013").is_symlink()
        assert [path.name for path in disk.parent.iterdir()] == ["fer"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["fer2013"]


def test_a_link_to_itself_is_refused(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "out")
    with pytest.raises(FerBenchError, match="out: a link that leads to itself; move it away"):
        prepare(FER2013, raw, tmp_path / "out")


def test_a_place_where_a_disk_is_mounted_is_refused_before_the_work(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a container that is given a dataset's folder as a volume: the system does not let it be renamed."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path / "disk")
    with pytest.raises(FerBenchError, match=r"out: a disk is mounted at .*disk, .* or make this a link to a folder on"):
        prepare(FER2013, raw, tmp_path / "out", progress=pytest.fail)
    (tmp_path / "out").unlink()
    (tmp_path / "out").symlink_to(tmp_path / "disk/fer2013")
    prepare(FER2013, raw, tmp_path / "out")


def test_a_folder_of_something_else_is_not_replaced(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").touch()
    with pytest.raises(FerBenchError, match="out: holds something that is no prepared dataset"):
        prepare(FER2013, raw, tmp_path / "out")
    assert (tmp_path / "out/thesis.tex").exists()


def test_what_the_user_has_put_into_a_prepared_folder_is_not_removed(raw: Path, tmp_path: Path) -> None:
    before = prepare(FER2013, raw, tmp_path / "out")
    before.at_size(24)
    (tmp_path / "out/.DS_Store").touch()
    (tmp_path / "out/notes.txt").touch()
    with pytest.raises(FerBenchError, match=r"out: is replaced as a whole, but holds .* \(notes.txt\); move that away"):
        prepare(FER2013, raw, tmp_path / "out", progress=pytest.fail)
    (tmp_path / "out/notes.txt").rename(tmp_path / "notes.txt")
    assert prepare(FER2013, raw, tmp_path / "out").fingerprint == before.fingerprint


def test_the_users_own_folder_is_not_replaced(raw: Path) -> None:
    for destination in (raw, raw.parent):
        with pytest.raises(FerBenchError, match="the dataset's own files are in there"):
            prepare(FER2013, raw, destination)
    assert (raw / "fer2013.csv").exists()


def test_a_missing_store_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FerBenchError, match="run: fer-bench prepare raf-db --source PATH"):
        Prepared.load(tmp_path / "datasets/raf-db")
    with pytest.raises(FerBenchError) as found:  # No card of that name is here.
        Prepared.load(tmp_path / "datasets/our-lab")
    advice = f"run: fer-bench prepare --card FILE --source PATH --workspace {tmp_path}"
    assert str(found.value).endswith(advice)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def other_label(path: Path) -> None:
    labels = np.load(path)
    np.save(path, np.roll(labels, 1))


def one_row_less(path: Path) -> None:
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")


def end_cut_off(path: Path) -> None:
    text = path.read_text(encoding="utf-8").rstrip()
    path.write_text(",".join(text.split(",")[:-4]), encoding="utf-8")


def other_split(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(",val,", ",train,", 1), encoding="utf-8")


def other_part(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(",PublicTest,", ",PrivateTest,", 1), encoding="utf-8")


def one_image_less(path: Path) -> None:
    np.save(path, np.load(path)[:-1])


def smaller_images(path: Path) -> None:
    np.save(path, np.load(path)[:, ::2, ::2])


def signed(path: Path) -> None:
    np.save(path, np.load(path).astype(np.int8))


def an_id_twice(path: Path) -> None:
    header, first, second, *others = path.read_text(encoding="utf-8").splitlines(keepends=True)
    second = first.partition(",")[0] + "," + second.partition(",")[2]
    path.write_text("".join([header, first, second, *others]), encoding="utf-8")


def stating_too_much(path: Path) -> None:
    begins = b"{'descr': '|u1', 'fortran_order': False, 'shape': (" + b"4" * 18 + b",)}"
    path.write_bytes(b"\x93NUMPY\1\0" + len(begins).to_bytes(2, "little") + begins)


def not_even_a_header(path: Path) -> None:
    path.write_bytes(b"\x93NUMPY\1\0\1\0{")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("images.npy", cut),
        ("images.npy", one_image_less),
        ("images.npy", smaller_images),
        ("images.npy", signed),
        ("labels.npy", signed),
        ("samples.csv", other_part),
        ("images.npy", Path.unlink),
        ("labels.npy", other_label),
        ("labels.npy", cut),
        ("labels.npy", stating_too_much),
        ("labels.npy", not_even_a_header),
        ("images.npy", stating_too_much),
        ("images.npy", not_even_a_header),
        ("samples.csv", an_id_twice),
        ("samples.csv", a_pipe),
        ("samples.csv", one_row_less),
        ("samples.csv", other_split),
        ("manifest.json", cut),
    ],
)
def test_files_that_disagree_are_noticed(raw: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    prepare(FER2013, raw, tmp_path / "fer2013")
    if name == "manifest.json":
        (tmp_path / "fer2013" / name).write_text('{"schema": 0}', encoding="utf-8")
    else:
        damage(tmp_path / "fer2013" / name)
    with pytest.raises(FerBenchError, match="run: fer-bench prepare fer2013 --source PATH"):
        Prepared.load(tmp_path / "fer2013")


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("labels.npy", signed, r"labels\.npy is int8 \(\d+,\), the manifest says uint8 \(\d+,\)"),
        ("samples.csv", one_row_less, r"samples\.csv has \d+ rows for \d+ images"),
        ("samples.csv", end_cut_off, r"row \d+ of samples\.csv has 2 cells, its header 6"),
    ],
)
def test_the_file_that_disagrees_is_named(
    raw: Path, tmp_path: Path, name: str, damage: Callable[[Path], None], told: str
) -> None:
    prepare(FER2013, raw, tmp_path / "fer2013")
    damage(tmp_path / "fer2013" / name)
    with pytest.raises(FerBenchError, match=told):
        Prepared.load(tmp_path / "fer2013")


def without(*keys: str) -> Callable[[dict[str, Any]], Any]:
    return lambda manifest: {key: value for key, value in manifest.items() if key not in keys}


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda manifest: [1], "not a manifest of schema 2"),
        (lambda manifest: manifest | {"schema": 1}, "not a manifest of schema 2"),
        (lambda manifest: manifest | {"size": None}, "size = None, expected"),
        (lambda manifest: manifest | {"size": [48]}, r"size = \[48\], expected"),
        (lambda manifest: manifest | {"counts": None}, "counts: expected an object"),
        (lambda manifest: manifest | {"counts": {"splits": {"train": 3}, "parts": {}}}, "counts: splits = "),
        (lambda manifest: manifest | {"n": "70"}, "n = '70', expected"),
        (lambda manifest: manifest | {"origin": "unknown"}, "origin = 'unknown', expected"),
        (lambda manifest: manifest | {"protocol": "original"}, "protocol: expected an object"),
        (lambda manifest: manifest | {"label_map": [1]}, r"label_map = \[1\], expected"),
        (lambda manifest: manifest | {"fingerprint": "../../../etc"}, r"fingerprint = '../../../etc', expected 64 hex"),
        (lambda manifest: manifest | {"dataset": "../fer2013"}, r"dataset = '../fer2013', expected a name"),
        (lambda manifest: manifest | {"title": "\x1b[31mred"}, r"title = '\\x1b\[31mred', expected text in one line"),
        (without("origin"), "field 'origin' is missing"),
        (without("fingerprint"), "field 'fingerprint' is missing"),
        (None, "not readable as JSON"),
    ],
)
def test_a_wrong_manifest_is_told_whoever_reads_it(
    raw: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], Any] | None, told: str
) -> None:
    folder = Workspace(tmp_path).prepared("fer2013")
    prepare(FER2013, raw, folder)
    path = folder / "manifest.json"
    if edit is None:
        path.write_bytes(path.read_bytes()[:200])
    else:
        path.write_text(json.dumps(edit(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    again = "; run: fer-bench prepare fer2013 --source PATH"
    readers: list[Callable[[Path], object]] = [Prepared.load, read_manifest, summary]
    for read in readers:
        with pytest.raises(FerBenchError, match=rf"manifest\.json: {told}.*{again}"):
            read(folder)
    with pytest.raises(FerBenchError, match=again):
        grid_status(Workspace(tmp_path), models=(), datasets=(), recipe=None, seeds=())
    with pytest.raises(FerBenchError, match=again):
        origin_of(Workspace(tmp_path))


def test_a_sample_table_without_sources_is_noticed_before_they_are_asked_for(raw: Path, tmp_path: Path) -> None:
    prepare(FER2013, raw, tmp_path / "fer2013")
    path = tmp_path / "fer2013/samples.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("source", "file", 1), encoding="utf-8")
    with pytest.raises(FerBenchError, match=r"samples\.csv has no column source\); run: fer-bench prepare"):
        Prepared.load(tmp_path / "fer2013")


# Smaller sizes.


def test_a_smaller_size_is_the_average_of_areas(raw: Path, tmp_path: Path) -> None:
    result = prepare(FER2013, raw, tmp_path / "out")
    small = result.at_size(24)
    means = result.images.reshape(-1, 24, 2, 24, 2).mean(axis=(2, 4))
    assert small.shape == (115, 24, 24)
    assert small.dtype == np.uint8
    assert np.abs(small - means).max() <= 0.5
    assert np.array_equal(small, np.load(tmp_path / f"out/scaled-24-{result.fingerprint[:12]}.npy"))


def test_the_smaller_copy_is_made_once_and_again_when_damaged(raw: Path, tmp_path: Path) -> None:
    result = prepare(FER2013, raw, tmp_path / "out")
    expected = np.array(result.at_size(20))
    path = tmp_path / f"out/scaled-20-{result.fingerprint[:12]}.npy"
    made = path.stat()
    assert np.array_equal(result.at_size(20), expected)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    cut(path)
    assert np.array_equal(result.at_size(20), expected)
    assert Prepared.load(tmp_path / "out").fingerprint == result.fingerprint


def test_a_smaller_copy_that_was_not_finished_is_never_read(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = prepare(FER2013, raw, tmp_path / "out")
    path = tmp_path / f"out/scaled-20-{result.fingerprint[:12]}.npy"
    before = snapshot(tmp_path / "out")

    def interrupted(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        assert not path.exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(scaled, "resize", interrupted)
        with pytest.raises(KeyboardInterrupt):
            result.at_size(20)
    assert snapshot(tmp_path / "out") == before

    # A kill lets nothing be removed: what it leaves has another name, of full length, with zeros where images shall be.
    stopped = (
        "import os, sys; from pathlib import Path; from fer_bench.datasets import scaled; "
        "from fer_bench.datasets.prepared import Prepared; scaled.resize = lambda *_: os._exit(9); "
        "Prepared.load(Path(sys.argv[1])).at_size(20)"
    )
    assert subprocess.run([sys.executable, "-c", stopped, tmp_path / "out"], check=False).returncode == 9
    left = set(snapshot(tmp_path / "out")) - set(before)
    assert len(left) == 1
    assert left.pop().startswith(UNFINISHED)
    small = Prepared.load(tmp_path / "out").at_size(20)
    assert all(np.array_equal(small[i], resize(result.images[i], (20, 20))) for i in range(115))


PIPE = pytest.param("pipe", marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes"))


@pytest.mark.parametrize("kind", [PIPE, "other shape", "other type", "longer", "text", "zeros", "unsigned"])
def test_what_is_no_smaller_copy_is_made_again(raw: Path, tmp_path: Path, kind: str) -> None:
    result = prepare(FER2013, raw, tmp_path / "out")
    expected = np.array(result.at_size(20))
    path = tmp_path / f"out/scaled-20-{result.fingerprint[:12]}.npy"
    if kind == "pipe":
        path.unlink()
        os.mkfifo(path)
    elif kind == "longer":
        path.write_bytes(path.read_bytes() + b"more")
    elif kind == "text":
        path.write_text("no array")
    elif kind == "zeros":  # As a copy that was broken off leaves it: the right size.
        path.write_bytes(path.read_bytes()[:20_000].ljust(path.stat().st_size, b"\0"))
    elif kind == "unsigned":  # As earlier versions wrote it.
        np.save(path, expected)
    else:
        np.save(path, expected[:-1] if kind == "other shape" else expected.astype(np.int8))
    assert np.array_equal(result.at_size(20), expected)
    assert path.is_file()
    assert np.array_equal(np.load(path), expected)


@pytest.mark.parametrize("size", [48, 96, 224])
def test_no_copy_is_made_at_or_above_the_stored_size(raw: Path, tmp_path: Path, size: int) -> None:
    result = prepare(FER2013, raw, tmp_path / "out")
    assert result.at_size(size) is result.images
    assert not list((tmp_path / "out").glob("scaled-*"))


@pytest.mark.parametrize(("height", "width"), [(64, 200), (200, 64)])
def test_a_copy_is_made_where_either_side_is_larger(raw: Path, tmp_path: Path, height: int, width: int) -> None:
    result = prepare(dataclasses.replace(FER2013, size=(height, width)), raw, tmp_path / "out")
    assert result.at_size(96).shape == (115, 96, 96)
    assert result.at_size(64).shape == (115, 64, 64)
    assert result.at_size(200) is result.images


def test_no_size_below_one(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(FerBenchError, match="image size 0, expected at least 1"):
        prepare(FER2013, raw, tmp_path / "out").at_size(0)
