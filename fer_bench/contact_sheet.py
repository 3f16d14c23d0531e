"""The contact sheet: a few images of each class, before and after augmentation, as the network will see them.

Pixels are drawn one to one, or enlarged by a whole factor where the network's input is small, from 0 black to 255
white: nothing is interpolated again and no contrast is stretched.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend
from fer_bench.augmentation import identity_matrices, random_matrices, warp
from fer_bench.corruptions import corrupted_by_chance
from fer_bench.datasets.card import Split
from fer_bench.datasets.decoding import resize
from fer_bench.datasets.prepared import Prepared
from fer_bench.datasets.scaled import is_averaged
from fer_bench.emotions import EMOTIONS
from fer_bench.files import replacing
from fer_bench.recipe import Augmentation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AUGMENTED = 2
"""Augmented versions of each sample."""
_HEADS = ("as stored", "augmented", "augmented")
_MOST_A_LINE = 5
"""Samples; more are spread evenly over further lines of their class."""
_SMALLEST_CELL = 96
"""Pixels: smaller network inputs are enlarged by a whole factor."""

# Lengths in inches; a picture is one inch wide and high, whatever its pixels.
_MARGIN, _LABELS, _HEAD = 0.12, 0.95, 0.17
_BETWEEN_VERSIONS, _BETWEEN_SAMPLES = 0.03, 0.14
_LINE, _EMPTY_LINE, _BETWEEN_CLASSES = 1.17, 0.3, 0.07

# Points; with inches a character of the font's average width.
_TITLE, _CAPTION, _CLASS, _SMALL = 11.0, 7.5, 9.0, 6.0
_WIDTH_OF_A_POINT = 0.0083
_FONT = "DejaVu Sans"  # comes with matplotlib: the same on every machine
_GRAY = "#555555"
_HAIRLINE = 190


@dataclass(frozen=True)
class _Class:
    """What is shown of a class."""

    name: str
    total: int
    """Images of the class in the split."""
    ids: list[str]
    pictures: NDArray[np.uint8]
    """(samples, 3, size, size): as stored and augmented."""

    def height(self, a_line: int) -> float:
        """Return inches where ``a_line`` samples stand side by side."""
        lines = math.ceil(len(self.ids) / a_line)
        return (lines * _LINE if lines else _EMPTY_LINE) + _BETWEEN_CLASSES


def draw(
    prepared: Prepared,
    augmentation: Augmentation,
    image_size: int,
    path: Path,
    *,
    each: int = 4,
    seed: int = 0,
) -> None:
    """Write the contact sheet of a prepared dataset as PNG; the same arguments give the same picture.

    A row a class: samples of the training split (of the test split where there is no training set), each as stored
    at the network's size, which is what reaches the network in validation and test, and beside it two versions
    augmented as in training. A class without images has a row that says so.

    Args:
        prepared: the dataset.
        augmentation: what is done to training images by chance.
        image_size: height and width of the network's input, pixels.
        path: of the picture; written whole or not at all.
        each: samples a class, at least 1; fewer where the class has fewer.
        seed: of the choice of samples and of what is done to them.
    """
    backend.configure()
    split: Split = "train" if prepared.indices("train").size else "test"
    classes = list(_classes(prepared, split, augmentation, image_size, each, seed))
    synthetic = " (synthetic faces)" if prepared.origin == "synthetic" else ""
    title = f"{prepared.title}{synthetic}, {split} split: what the network sees"
    caption = _caption(prepared, split, augmentation, image_size, seed)
    figure = _Sheet(classes, title, caption, image_size).figure()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=figure.dpi, metadata={"Software": None})


def _classes(
    prepared: Prepared, split: Split, augmentation: Augmentation, size: int, each: int, seed: int
) -> Iterator[_Class]:
    members = prepared.indices(split)
    labels = prepared.labels[members]
    for label, name in enumerate(EMOTIONS):
        own = members[labels == label]
        generator = np.random.default_rng([seed, label])
        rows = np.sort(generator.choice(own, min(each, len(own)), replace=False))
        pictures = _versions(prepared, rows, augmentation, size, generator)
        yield _Class(name, len(own), prepared.ids[rows].tolist(), pictures)


def _versions(
    prepared: Prepared, rows: NDArray[np.intp], augmentation: Augmentation, size: int, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the rows as stored and augmented, uint8 (rows, 3, size, size)."""
    from keras import ops

    if not rows.size:
        return np.empty((0, 1 + AUGMENTED, size, size), np.uint8)
    images = prepared.images[rows]
    if is_averaged(images.shape[1:], size):
        # As Prepared.at_size does, which would write a copy of the whole dataset.
        images = np.stack([resize(image, (size, size)) for image in images])
    matrices = [identity_matrices(len(rows))]
    matrices += [random_matrices(augmentation, len(rows), generator) for _ in range(AUGMENTED)]
    versions = [images] * (1 + AUGMENTED)
    if augmentation.corruptions:
        names, share = augmentation.corruptions, augmentation.corrupted
        versions[1:] = [corrupted_by_chance(images, names, share, generator) for _ in range(AUGMENTED)]
    pictures = np.stack(versions, axis=1).reshape(-1, *images.shape[1:])
    warped = warp(pictures, np.stack(matrices, axis=1).reshape(-1, 2, 3), size)
    pixels: NDArray[np.uint8] = np.rint(ops.convert_to_numpy(warped)).astype(np.uint8)
    return pixels.reshape(len(rows), 1 + AUGMENTED, size, size)


def _caption(prepared: Prepared, split: Split, augmentation: Augmentation, size: int, seed: int) -> str:
    height, width = prepared.images.shape[1:]
    parts = [f"Input {size} × {size} pixels, stored {height} × {width}"]
    protocol = prepared.manifest.get("protocol")
    if protocol:
        parts.append(f"protocol {protocol['name'] if isinstance(protocol, dict) else protocol}")
    if prepared.manifest.get("crop"):
        parts.append(f"crop {prepared.manifest['crop']}")
    a = augmentation
    warps = [
        f"rotation ±{a.rotation:g}°",
        f"shear ±{a.shear:g}°",
        f"zoom ±{100 * a.zoom:g} %",
        f"shift ±{100 * a.width_shift:g} % across and ±{100 * a.height_shift:g} % down",
    ]
    if a.horizontal_flip:
        warps.append("mirrored half the time")
    if a.corruptions:
        warps.append(f"{100 * a.corrupted:g} % of them under one of {', '.join(a.corruptions)}")
    sentences = [", ".join(parts), f"Augmentation of training images: {', '.join(warps)}", f"Drawn with seed {seed}"]
    if split == "test":
        sentences.append("There is no training set: these images reach the network as stored")
    return ". ".join(sentences) + "."


class _Sheet:
    """Where everything lies: pixels from the left and from the top."""

    def __init__(self, classes: Sequence[_Class], title: str, caption: str, size: int) -> None:
        self._classes = classes
        most = max(1, *(len(shown.ids) for shown in classes))
        self._a_line = math.ceil(most / math.ceil(most / _MOST_A_LINE))
        self._zoom = math.ceil(_SMALLEST_CELL / size)
        self._dpi = size * self._zoom
        # Whole pixels, so that columns stand equally far apart.
        self._first = self._pixels(_MARGIN + _LABELS) / self._dpi
        self._step = 1 + self._pixels(_BETWEEN_VERSIONS) / self._dpi
        self._stride = len(_HEADS) * self._step + self._pixels(_BETWEEN_SAMPLES - _BETWEEN_VERSIONS) / self._dpi
        across = _LABELS + self._a_line * self._stride - _BETWEEN_SAMPLES
        self._title = textwrap.wrap(title, int(across / (_TITLE * _WIDTH_OF_A_POINT)))
        self._caption = textwrap.wrap(caption, int(across / (_CAPTION * _WIDTH_OF_A_POINT)))
        self._top = _MARGIN + _heights(self._title, _TITLE) + _heights(self._caption, _CAPTION) + 0.08 + _HEAD
        down = self._top + sum(shown.height(self._a_line) for shown in classes) - _BETWEEN_CLASSES + _MARGIN
        self._canvas = np.full((self._pixels(down), self._pixels(across + 2 * _MARGIN)), 255, np.uint8)

    def _pixels(self, inches: float) -> int:
        return round(inches * self._dpi)

    def figure(self) -> "Figure":
        from matplotlib.figure import Figure

        height, width = self._canvas.shape
        # Half a pixel more, so that the size in inches gives these whole numbers again.
        figure = Figure(((width + 0.5) / self._dpi, (height + 0.5) / self._dpi), dpi=self._dpi)
        self._write_head(figure)
        top = self._top
        for shown in self._classes:
            self._put_class(figure, shown, top)
            top += shown.height(self._a_line)
        # Three equal channels: matplotlib's gray colour map is one level off for one value in ten.
        figure.figimage(np.repeat(self._canvas[..., None], 3, axis=-1), origin="upper")
        return figure

    def _write_head(self, figure: "Figure") -> None:
        top = _MARGIN
        for lines, points, colour in ((self._title, _TITLE, "black"), (self._caption, _CAPTION, _GRAY)):
            for number, line in enumerate(lines):
                self._write(figure, _MARGIN, top + _heights(lines[:number], points), line, points, colour, "top")
            top += _heights(lines, points)
        for sample in range(self._a_line):
            for version, head in enumerate(_HEADS):
                left = self._left(sample, version) + 0.5
                self._write(figure, left, self._top - 0.05, head, _SMALL, _GRAY, "bottom", ha="center")

    def _put_class(self, figure: "Figure", shown: _Class, top: float) -> None:
        middle = top + (0.5 if shown.ids else _EMPTY_LINE / 2)
        self._write(figure, _MARGIN, middle - 0.02, shown.name, _CLASS, "black", "bottom", fontweight="bold")
        count = f"{shown.total:,} image{'s' * (shown.total != 1)}" if shown.total else "no images"
        self._write(figure, _MARGIN, middle + 0.02, count, 7.0, _GRAY, "top")
        for number, (name, versions) in enumerate(zip(shown.ids, shown.pictures, strict=True)):
            line, sample = divmod(number, self._a_line)
            for version, picture in enumerate(versions):
                self._put(picture, self._left(sample, version), top + line * _LINE)
            self._write(figure, self._left(sample, 0), top + line * _LINE + 1.02, shortened(name), _SMALL, _GRAY, "top")

    def _left(self, sample: int, version: int) -> float:
        return self._first + sample * self._stride + version * self._step

    def _put(self, picture: NDArray[np.uint8], left: float, top: float) -> None:
        large = np.kron(picture, np.ones((self._zoom, self._zoom), np.uint8))
        x, y = self._pixels(left), self._pixels(top)
        # A hairline, since a bright picture would run into the paper.
        edge, side = max(1, self._dpi // 96), large.shape[0]
        self._canvas[y - edge : y + side + edge, x - edge : x + side + edge] = _HAIRLINE
        self._canvas[y : y + side, x : x + side] = large

    def _write(
        self,
        figure: "Figure",
        left: float,
        top: float,
        text: str,
        points: float,
        colour: str,
        va: str,
        ha: str = "left",
        fontweight: str = "normal",
    ) -> None:
        from matplotlib.transforms import IdentityTransform

        figure.text(
            left * self._dpi,
            self._canvas.shape[0] - top * self._dpi,
            in_font(text),
            transform=IdentityTransform(),
            fontfamily=_FONT,
            fontsize=points,
            fontweight=fontweight,
            color=colour,
            va=va,
            ha=ha,
            parse_math=False,
        )


def _heights(lines: Sequence[str], points: float) -> float:
    return len(lines) * 1.45 * points / 72


def shortened(name: str) -> str:
    """Return an id that fits below a sample; its end tells most."""
    longest = int(3 / (_SMALL * _WIDTH_OF_A_POINT))
    return name if len(name) <= longest else f"…{name[1 - longest :]}"


@cache
def _glyphs() -> dict[int, Any]:
    from matplotlib.font_manager import findfont, get_font

    return dict(get_font(findfont(_FONT)).get_charmap())


def in_font(text: str) -> str:
    """Return text with a replacement for every character that the font lacks: ids may be any file's name."""
    return "".join(c if ord(c) in _glyphs() else "\N{REPLACEMENT CHARACTER}" for c in text)
