"""The registered datasets: their cards, and every layout end to end, from synthetic files to the prepared array."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_bench.datasets import dataset_card, dataset_cards
from fer_bench.datasets.recognition import inspect
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.datasets.synthetic.layouts import LAYOUTS, synthesize
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError

EVERY_LAYOUT = [(name, layout) for name in LAYOUTS for layout in LAYOUTS[name]]

# Written out from the datasets' documentation, not taken from the code under test.
CODES = {
    "fer2013": {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6},
    "raf-db": {"surprise": 1, "fear": 2, "disgust": 3, "happy": 4, "sad": 5, "angry": 6, "neutral": 7},
    "affectnet": {
        "neutral": 0, "happy": 1, "sad": 2, "surprise": 3, "fear": 4, "disgust": 5, "angry": 6, "contempt": 7,
    },
    "ck-plus": {
        "neutral": 0, "angry": 1, "contempt": 2, "disgust": 3, "fear": 4, "happy": 5, "sad": 6, "surprise": 7,
    },
}  # fmt: skip


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


@pytest.mark.parametrize("name", CODES)
def test_cards_show_the_label_codes(name: str) -> None:
    assert {code: emotion for code, emotion in dataset_card(name).label_map.items() if emotion in CODES[name]} == {
        str(code): emotion for emotion, code in CODES[name].items()
    }


@pytest.mark.parametrize("name", list(CODES))
def test_every_card_is_complete_and_every_layout_has_an_example(name: str) -> None:
    card = dataset_card(name)
    for text in (card.licence, card.access, card.files, card.citation, *(layout.tree for layout in card.layouts)):
        assert text.strip()
    protocols = {protocol.name for protocol in card.protocols}
    for layout in card.layouts:
        assert layout.protocols
        assert set(layout.protocols) <= protocols
    assert {layout.name for layout in card.layouts} == set(LAYOUTS[name])


def test_listing_the_datasets_imports_nothing_heavy() -> None:
    code = (
        "import sys; from fer_bench.datasets import dataset_cards; dataset_cards();"
        "print({'cv2', 'PIL', 'sklearn', 'scipy', 'keras', 'tensorflow', 'matplotlib'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


# Every layout, end to end.


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("raw")
    for dataset, layout in EVERY_LAYOUT:
        synthesize(dataset, root / dataset / layout, train=35, test=14, layout=layout)
    return root


@pytest.mark.parametrize(("dataset", "layout"), EVERY_LAYOUT)
def test_inspect_tells_dataset_and_layout_without_being_told(raw: Path, dataset: str, layout: str) -> None:
    found = inspect(raw / dataset / layout)
    official = [candidate for candidate in found if candidate.official]
    wanted = official or found
    assert (dataset, layout) in [(candidate.card.name, candidate.layout.name) for candidate in wanted]
    if official:
        assert len(official) == 1


@pytest.mark.parametrize(("dataset", "layout"), EVERY_LAYOUT)
def test_synthetic_files_are_read_as_what_was_drawn(raw: Path, tmp_path: Path, dataset: str, layout: str) -> None:
    card = dataset_card(dataset)
    official = next(known.official for known in card.layouts if known.name == layout)
    wishes = Wishes(layout=None if official else layout)
    result = prepare(card, raw / dataset / layout, tmp_path / "out", wishes)
    assert (result.origin, result.manifest["layout"], result.manifest["complete"]) == ("synthetic", layout, True)
    assert result.manifest["official_split"] is official
    assert result.trainable is (dataset != "ck-plus")
    assert card.names_subjects(layout) is bool((result.groups != "").any())
    if dataset == "ck-plus":
        return
    # Training picture i shows class i modulo 7.
    training = np.concatenate([result.indices("train"), result.indices("val")])
    assert np.bincount(result.labels[training]).tolist() == [5] * 7
    if layout in ("folders", "csv", "split-csv", "aligned", "original", "npy"):
        first = {"folders": 10_000_000, "aligned": 1, "original": 1}.get(layout, 0)
        numbers = [int(re.findall(r"[0-9]+$", result.ids[row])[0]) - first for row in training]
        assert [int(result.labels[row]) for row in training] == [number % 7 for number in numbers]


@pytest.mark.parametrize(("dataset", "layout"), EVERY_LAYOUT)
def test_what_macos_leaves_beside_pictures_is_neither_picture_nor_class(
    raw: Path, tmp_path: Path, dataset: str, layout: str
) -> None:
    """Beside every file its resource fork, and in every folder ``__MACOSX`` with forks and a copy of a file below."""
    place = tmp_path / dataset
    shutil.copytree(raw / dataset / layout, place)
    for folder in [place, *(path for path in place.rglob("*") if path.is_dir())]:
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        (folder / "__MACOSX").mkdir()
        for path in files:
            for fork in (folder / f"._{path.name}", folder / "__MACOSX" / f"._{path.name}"):
                fork.write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")
        for path in [path for path in sorted(folder.rglob("[!._]*.*")) if path.is_file()][:1]:
            shutil.copy(path, folder / "__MACOSX" / path.name)
    official = next(known.official for known in dataset_card(dataset).layouts if known.name == layout)
    wishes = Wishes(layout=None if official else layout)
    clean, found = (
        prepare(dataset_card(dataset), source, tmp_path / name, wishes)
        for source, name in ((raw / dataset / layout, "clean"), (place, "found"))
    )
    assert found.fingerprint == clean.fingerprint
    for key in ("layout", "evidence", "counts", "label_map", "complete", "skipped", "notes"):
        assert found.manifest[key] == clean.manifest[key]


@pytest.mark.parametrize(("dataset", "layout"), EVERY_LAYOUT)
def test_a_layout_that_is_not_the_official_split_is_taken_only_when_named(
    raw: Path, tmp_path: Path, dataset: str, layout: str
) -> None:
    card = dataset_card(dataset)
    if next(known.official for known in card.layouts if known.name == layout):
        return
    with pytest.raises(FerBenchError, match=f"--layout {layout}"):
        prepare(card, raw / dataset / layout, tmp_path / "out")


@pytest.mark.parametrize(
    ("dataset", "layouts"),
    [("fer2013", ("folders", "csv", "split-csv")), ("raf-db", ("aligned", "class-folders")), ("affectnet", ("npy",))],
)
def test_layouts_of_the_same_pictures_give_the_same_labels_and_split(
    raw: Path, tmp_path: Path, dataset: str, layouts: tuple[str, ...]
) -> None:
    """The lossless layouts of FER-2013 agree to the pixel; its JPEGs are compared by a table made of them."""
    seen = []
    for layout in layouts:
        result = prepare(dataset_card(dataset), raw / dataset / layout, tmp_path / layout)
        if dataset == "fer2013" and layout == "folders":
            source = tmp_path / "fer2013.csv"
            lines = [
                f"{CODES['fer2013'][EMOTIONS[label]]},{' '.join(map(str, image.ravel()))},{part}"
                for image, label, part in zip(result.images, result.labels, result.parts, strict=True)
            ]
            source.write_text("\n".join(["emotion,pixels,Usage", *lines]), encoding="utf-8")
            table = prepare(dataset_card(dataset), source, tmp_path / "table", Wishes(allow_incomplete=True))
            rows = zip(table.images, table.labels, table.splits, table.parts, strict=True)
            assert content(rows) == content(zip(result.images, result.labels, result.splits, result.parts, strict=True))
            continue
        rows = zip(result.images, result.labels, result.splits, result.parts, strict=True)
        seen.append(content(rows))
    assert all(other == seen[0] for other in seen)


def content(rows: "zip[tuple[object, ...]]") -> list[tuple[bytes, int, str, str]]:
    return sorted((bytes(np.asarray(i).tobytes()), int(label), str(s), str(p)) for i, label, s, p in rows)  # type: ignore[call-overload]


@pytest.mark.parametrize("link", ["train/fear/Training_1.jpg", "train/fear", "train"])
def test_a_link_out_of_the_dataset_is_refused(raw: Path, tmp_path: Path, link: str) -> None:
    import shutil

    shutil.copytree(raw / "fer2013/folders", tmp_path / "raw")
    shutil.copytree(raw / "fer2013/folders", tmp_path / "elsewhere")
    first = next((tmp_path / "elsewhere/train/fear").iterdir())
    shutil.copy(first, tmp_path / "elsewhere/train/fear/Training_1.jpg")
    path = tmp_path / "raw" / link
    if path.exists():
        path.rename(tmp_path / "away")
    path.symlink_to(tmp_path / "elsewhere" / link)
    with pytest.raises(FerBenchError, match=r"leads out of the dataset folder|not recognised"):
        prepare(dataset_card("fer2013"), tmp_path / "raw", tmp_path / "out")
    assert not (tmp_path / "out").exists()
