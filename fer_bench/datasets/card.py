"""What a dataset declares about itself, and what its readers yield."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image as a reader found it, before decoding."""

    id: str
    """Unique within the dataset; the same in every layout that allows it."""
    split: Literal["train", "test"]
    label: int
    """Index into :data:`fer_bench.emotions.EMOTIONS`."""
    source: str
    """Path of the file relative to the dataset folder (``fer2013.csv:17`` for line 17 of a table)."""
    part: str
    """The official part it belongs to, e.g. ``Training``, ``PublicTest``, ``PrivateTest``."""
    group: str = ""
    """What images must not be separated from, such as the subject; empty where unknown."""
    box: tuple[float, float, float, float] | None = None
    """Face crop: left, top, right, bottom in pixels of the source; ``None`` takes the whole picture."""
    pixels: NDArray[np.uint8] | None = None
    """The gray image where the source is a table of pixels; ``None`` where it is a picture file."""


@dataclass(frozen=True)
class Reading:
    """What a layout's reader found: its samples, and anything a person should know about it."""

    samples: Iterable[Sample]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """One way in which people hold a dataset on disk."""

    name: str
    description: str
    """What the folder looks like, for ``fer-bench datasets NAME`` and error messages."""
    recognise: Callable[[Path], str | None]
    """Returns the evidence by which a folder is recognised, ``None`` where it is not this layout."""
    read: Callable[[Path, str], Reading]
    """Takes the folder and the crop (one of the card's ``crops``)."""


@dataclass(frozen=True)
class DatasetCard:
    """Everything that is known about a dataset without its files."""

    name: str
    """On the command line and in file names."""
    title: str
    """In tables."""
    size: tuple[int, int]
    """Height and width of the prepared images, pixels (native resolution, at most 224)."""
    trainable: bool
    """Has a training set; ``False`` for CK+, a test set only."""
    counts: Mapping[str, tuple[int, ...]]
    """Official images per class (paper's order) of each part: see ``Sample.part``."""
    label_map: Mapping[str, str]
    """The dataset's own codes to class names, for people to check."""
    layouts: tuple[Layout, ...]
    crops: tuple[str, ...]
    """Ways to crop, the default first; ``("none",)`` where pictures are faces already."""
    licence: str
    access: str
    """Who grants access, and which files to ask for."""
    citation: str
