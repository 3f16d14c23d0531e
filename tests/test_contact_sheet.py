"""The contact sheet: what it shows is what the network gets, and it can be read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from fer_bench.augmentation import IDENTITY, network_input, warp
from fer_bench.contact_sheet import draw
from fer_bench.datasets.prepared import Prepared
from fer_bench.emotions import EMOTIONS, NEUTRAL
from fer_bench.recipe import Augmentation

STILL = Augmentation(rotation=0, shear=0, zoom=0, width_shift=0, height_shift=0, horizontal_flip=False)


def prepared(
    folder: Path,
    counts: Sequence[int],
    *,
    side: int = 48,
    width: int | None = None,
    test_only: bool = False,
    origin: str = "real",
    ids: Sequence[str] | None = None,
    **manifest: Any,
) -> Prepared:
    """Return a dataset of noise with ``counts`` images a class for training, and one test image a class."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.repeat(np.arange(7), counts).astype(np.uint8)
    splits = np.full(len(labels), "test" if test_only else "train")
    if not test_only:
        labels, splits = np.append(labels, np.arange(7, dtype=np.uint8)), np.append(splits, ["test"] * 7)
    n = len(labels)
    images = np.lib.format.open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=(n, side, width or side))
    images[:] = np.random.default_rng(0).integers(0, 256, images.shape)
    names = np.array(ids if ids is not None else [f"picture{row:04d}" for row in range(n)])
    empty = np.full(n, "")
    content = {"dataset": "fer2013", "title": "FER-2013", "origin": origin, "fingerprint": "f" * 64, **manifest}
    return Prepared(
        folder=folder,
        images=images,
        labels=labels,
        splits=splits,
        ids=names,
        parts=empty,
        groups=empty,
        attributes={},
        manifest=content,
    )


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[Text]:
    """Every text of the figures drawn in the test, where it was laid out."""
    found: list[Text] = []
    save = Figure.savefig

    def keep(figure: Figure, *args: Any, **options: Any) -> None:
        save(figure, *args, **options)
        found.extend(figure.texts)

    monkeypatch.setattr(Figure, "savefig", keep)
    return found


def words(texts: list[Text]) -> list[str]:
    return [text.get_text() for text in texts]


def gray(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert (picture == picture[..., :1]).all()
    return np.ascontiguousarray(picture[..., 0])


def places(sheet: np.ndarray, picture: np.ndarray, tolerance: int = 0) -> list[tuple[int, int]]:
    """Return where a picture of noise stands in the sheet: (left, top)."""
    height, width = picture.shape
    # Computed in single precision, and of a corner: it only proposes places.
    near = np.argwhere(cv2.matchTemplate(sheet, picture[:24, :24], cv2.TM_SQDIFF_NORMED) < 0.01).tolist()
    wanted = picture.astype(int)
    # Near the end of the sheet there may be no room for a whole picture.
    windows = [(x, y, sheet[y : y + height, x : x + width]) for y, x in near]
    return [(x, y) for x, y, w in windows if w.shape == picture.shape and np.abs(w - wanted).max() <= tolerance]


@pytest.mark.parametrize(
    ("side", "width", "size", "zoom"),
    [(100, None, 100, 1), (48, None, 48, 2), (48, None, 120, 1), (224, None, 100, 1), (64, 200, 100, 1)],
)
def test_pixels_are_those_of_the_network(
    configured: str, tmp_path: Path, side: int, width: int | None, size: int, zoom: int
) -> None:
    dataset = prepared(tmp_path / "data", [1] * 7, side=side, width=width)
    draw(dataset, STILL, size, tmp_path / "sheet.png")
    sheet = gray(tmp_path / "sheet.png")
    matrices = np.broadcast_to(IDENTITY, (len(dataset.labels), 2, 3))
    seen = np.asarray(network_input(np.array(dataset.at_size(size)), matrices, size))[..., 0]
    tops = []
    for row in range(7):
        pixels = np.rint((seen[row] + 1) * 127.5).astype(np.uint8)
        # Where pixels are interpolated, a half may be rounded either way.
        found = places(sheet, np.kron(pixels, np.ones((zoom, zoom), np.uint8)), tolerance=int(size > side))
        # As stored, and twice by a warp that changes nothing.
        assert len(found) == 3
        assert len({top for _, top in found}) == 1
        assert found[1][0] - found[0][0] == found[2][0] - found[1][0] > size * zoom
        tops.append(found[0][1])
    assert tops == sorted(tops)
    # Test images are not shown where there are training images.
    assert (
        places(sheet, np.kron(np.rint((seen[9] + 1) * 127.5).astype(np.uint8), np.ones((zoom, zoom), np.uint8))) == []
    )


def test_the_warp_is_drawn_from_the_recipe(configured: str, tmp_path: Path) -> None:
    dataset = prepared(tmp_path / "data", [1] * 7, side=100)
    mirror = Augmentation(rotation=0, shear=0, zoom=0, width_shift=0, height_shift=0)
    draw(dataset, mirror, 100, tmp_path / "sheet.png")
    sheet = gray(tmp_path / "sheet.png")
    kept = [len(places(sheet, np.array(dataset.images[row]))) for row in range(7)]
    turned = [len(places(sheet, np.array(dataset.images[row][:, ::-1]))) for row in range(7)]
    assert [a + b for a, b in zip(kept, turned, strict=True)] == [3] * 7
    assert min(kept) >= 1
    assert 0 < sum(turned) < 14


def test_the_seed_alone_decides_the_picture(configured: str, tmp_path: Path) -> None:
    dataset = prepared(tmp_path / "data", [9] * 7)
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        draw(dataset, Augmentation(), 48, tmp_path / f"{name}.png", seed=seed)
    first, again, other = ((tmp_path / f"{name}.png").read_bytes() for name in ("first", "again", "other"))
    assert first == again != other
    assert not list((tmp_path / "data").glob("scaled-*"))


def test_no_copy_of_the_dataset_is_made_for_a_smaller_network(configured: str, tmp_path: Path) -> None:
    draw(prepared(tmp_path / "data", [2] * 7), STILL, 32, tmp_path / "sheet.png")
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["images.npy"]


def test_corruptions_of_training_images_are_drawn_and_named(configured: str, tmp_path: Path, texts: list[Text]) -> None:
    dataset = prepared(tmp_path / "data", [1] * 7, side=100)
    covered = replace(STILL, corruptions=("lower-covered",), corrupted=1.0)
    draw(dataset, covered, 100, tmp_path / "sheet.png")
    sheet = gray(tmp_path / "sheet.png")
    for row in range(7):
        picture = np.array(dataset.images[row])
        assert len(places(sheet, picture)) == 1, "as stored"
        assert len(places(sheet, picture[:50])) == 3, "the upper half is left in the augmented ones"
    assert "100 % of them under one of lower-covered" in " ".join(words(texts))


def test_texts_say_what_is_shown(configured: str, tmp_path: Path, texts: list[Text]) -> None:
    dataset = prepared(
        tmp_path / "data",
        [1200, 2, 3, 4, 5, 6, 1],
        side=16,
        origin="synthetic",
        crop="landmarks",
        protocol={"name": "original", "version": 1, "description": "Everything."},
    )
    draw(dataset, Augmentation(), 16, tmp_path / "sheet.png", each=3, seed=11)
    found = words(texts)
    head = " ".join(found[:4])
    for part in (
        "FER-2013 (synthetic faces), train split",
        "protocol original",
        "crop landmarks",
        "16 × 16",
        "seed 11",
    ):
        assert part in head
    for emotion, count in zip(
        EMOTIONS, ("1,200 images", *(f"{n} images" for n in range(2, 7)), "1 image"), strict=True
    ):
        assert found[found.index(emotion) + 1] == count
    rows = [int(text.removeprefix("picture")) for text in found if text.startswith("picture")]
    assert rows == sorted(set(rows))
    assert len(rows) == 3 + 2 + 3 + 3 + 3 + 3 + 1
    assert (dataset.splits[rows] == "train").all()


def test_real_data_are_not_called_synthetic_and_a_test_set_is_named(
    configured: str, tmp_path: Path, texts: list[Text]
) -> None:
    draw(prepared(tmp_path / "data", [2] * 7, test_only=True), Augmentation(), 48, tmp_path / "sheet.png")
    head = " ".join(words(texts)[:3])
    assert "FER-2013, test split" in head
    assert "no training set" in head
    assert "synthetic" not in head


def test_a_class_without_images_says_so(configured: str, tmp_path: Path, texts: list[Text]) -> None:
    counts = [2] * 7
    counts[NEUTRAL] = 0
    draw(prepared(tmp_path / "data", counts, test_only=True), Augmentation(), 48, tmp_path / "sheet.png")
    found = words(texts)
    assert found[found.index("neutral") + 1] == "no images"
    assert found.count("no images") == 1


LONG = "a-very-long-folder/" * 10 + "portrait.jpg"
STRANGE = "脸/$x_1$\n\udcff.png"


@pytest.mark.parametrize(("each", "size"), [(1, 48), (4, 100), (7, 48)])
def test_nothing_overlaps_or_leaves_the_sheet(
    configured: str, tmp_path: Path, texts: list[Text], each: int, size: int
) -> None:
    counts = [12, 0, 1, 5, 12, 12, 12]
    names = [(LONG if row % 2 else STRANGE) + str(row) for row in range(sum(counts))]
    dataset = prepared(
        tmp_path / "data", counts, test_only=True, origin="synthetic", ids=names, crop="none", protocol="original"
    )
    draw(dataset, STILL, size, tmp_path / "sheet.png", each=each)
    height, width = (sheet := gray(tmp_path / "sheet.png")).shape
    boxes = [text.get_window_extent() for text in texts]
    for number, box in enumerate(boxes):
        assert 0 < box.x0 < box.x1 < width
        assert 0 < box.y0 < box.y1 < height
        assert not any(box.overlaps(other) for other in boxes[:number]), words(texts)[number]
    side = size * -(-96 // size)
    pictures = [place for row in range(12) for place in places(sheet, shown(dataset, row, size))]
    assert len(pictures) == 3 * min(each, 12)
    for left, top in pictures:
        assert 0 <= left <= width - side
        assert 0 <= top <= height - side
        edges = Bbox.from_extents(left, height - top - side, left + side, height - top)
        assert not any(box.overlaps(edges) for box in boxes)


def shown(dataset: Prepared, row: int, size: int) -> np.ndarray:
    pixels = np.rint(np.asarray(warp(np.array(dataset.images[row : row + 1]), IDENTITY[None], size))[0])
    zoom = -(-96 // size)
    return np.kron(pixels.astype(np.uint8), np.ones((zoom, zoom), np.uint8))


def test_a_failure_leaves_the_old_picture(configured: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sheet.png").write_bytes(b"old")

    def fail(_: Figure, path: Path, **options: Any) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="no space"):
        draw(prepared(tmp_path / "data", [1] * 7), STILL, 48, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes() == b"old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data", "sheet.png"]
