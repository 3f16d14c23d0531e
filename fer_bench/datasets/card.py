"""What a dataset declares about itself, and what its readers yield."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

Split = Literal["train", "val", "test"]

LEFT_OUT = "left out"
"""Stands in a label map for what is none of the seven classes."""


@dataclass(frozen=True, slots=True)
class PixelText:
    """A gray picture written as text, as in the CSV editions: parsed by the decoder, many rows at a time."""

    text: str
    """Whole numbers from 0 to 255 separated by white space, row by row."""
    side: int
    """Height and width that the numbers must fill."""


class FaceBox(NamedTuple):
    """A face found within its picture, in pixels; a box that reaches well beyond belongs to another picture."""

    left: float
    top: float
    right: float
    bottom: float


class LooseFaceBox(FaceBox):
    """A face box that may reach beyond its picture: it is cut off there with a remark, and refused only if many do."""


class FaceCrop(NamedTuple):
    """A crop that is larger than the face that was found: the crop may reach beyond its picture, the face may not."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels."""
    face: FaceBox


class Sample(NamedTuple):
    """One labelled image as a reader found it, before decoding.

    A tuple, since a frozen data class takes four times as long to make, for every file of a dataset.
    """

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
    """Group of images that should not be separated, such as the subject; empty where unknown."""
    box: tuple[float, float, float, float] | FaceCrop | None = None
    """Face crop: left, top, right, bottom in pixels of the source; ``None`` takes the whole picture.

    The part beyond the picture is cut off, but a :class:`FaceBox` that reaches well beyond is a flaw, as is the face of
    a :class:`FaceCrop`.
    """
    pixels: PixelText | None = None
    """The picture where the source is a table of pixels; ``None`` where it is a picture file."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Further columns of the sample table, name and value, such as ``("gender", "female")``."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One image that a reader or the decoder could not use, and why; the store decides what to do about it."""

    source: str
    """As :attr:`Sample.source`."""
    reason: str
    """What was found and what was expected, in one line without the name of the file."""
    missing: bool = False
    """The file is listed, or belongs to another one, but is absent: the copy is partial, not damaged."""
    part: str = ""
    """The official part where it is known."""
    label: int | None = None
    """Class index where it is known."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The user's choice among what a card offers."""

    protocol: str
    """Name of one of the card's protocols that the layout offers."""
    crop: str
    """One of the layout's crops."""


@dataclass(frozen=True)
class Reading:
    """What a layout's reader found. ``notes`` and ``label_map`` are complete once ``samples`` has been exhausted."""

    samples: Iterable[Sample | Flaw]
    """Read once, lazily where the dataset may be large."""
    label_map: dict[str, str] = field(default_factory=dict)
    """The codes or folder names that were met, each with the class it was read as, or :data:`LEFT_OUT`."""
    notes: list[str] = field(default_factory=list)
    """Anything that a person should know about this copy, one sentence each."""


@dataclass(frozen=True)
class Protocol:
    """Which images of a dataset are taken, with which labels: named and versioned, since results depend on it."""

    name: str
    version: int
    """Raised whenever the same files would give other images or labels."""
    description: str
    """One sentence, the treatment of neutral and contempt included."""
    counts: Mapping[str, tuple[int, ...]] | None
    """Official images per class (paper's order) of each part; ``None`` where nobody has published them."""


@dataclass(frozen=True)
class Layout:
    """One way in which people hold a dataset on disk."""

    name: str
    description: str
    """What the folder looks like in one line, for messages."""
    tree: str
    """The same as an example, several lines, for ``fer-bench datasets NAME``."""
    recognise: Callable[[Path], str | None]
    """Returns the evidence by which a folder (or file) is recognised, ``None`` where it is not this layout.

    Looks at names and a few first bytes only; takes any folder, and raises nothing but ``OSError``.
    """
    read: Callable[[Path, Choice], Reading]
    """Takes what ``recognise`` accepted. Raises :class:`~fer_bench.errors.FerBenchError` where the copy as a whole
    cannot be read; single images that cannot are :class:`Flaw`."""
    protocols: tuple[str, ...]
    """Names of the card's protocols that this layout can give, the default first."""
    crops: tuple[str, ...] = ("none",)
    """Ways to crop, the default first; ``("none",)`` where pictures are faces already."""
    counts: Mapping[str, tuple[int, ...]] | None = None
    """Expected images where the layout's parts differ from the protocol's."""
    official: bool = True
    """``False`` for re-uploads: taken only where ``--layout`` names them, and marked as not the official split."""
    doubts: Callable[[Path], list[str]] | None = None
    """For a path that no layout recognises: returns sentences about files that have this layout's names, but not the
    form that it needs. Raises nothing but ``OSError``."""
    names_subjects: bool | None = None
    """Whether :attr:`Sample.group` names the subject; ``None`` where the card does not say."""
    native: tuple[tuple[int, int], ...] = ()
    """Heights and widths, pixels, in which the pictures of this layout are published; another size gives a remark.
    Empty where any size may occur, or none is known."""


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
    protocols: tuple[Protocol, ...]
    """The default first."""
    label_map: Mapping[str, str]
    """The dataset's own codes to class names, for people to check."""
    layouts: tuple[Layout, ...]
    licence: str
    access: str
    """Who grants access, and how to ask."""
    files: str
    """Which files to ask for, or to download."""
    citation: str
    split_by: Literal["id", "pixels"] = "id"
    """What fixes the order in which the validation images are drawn: the ids where they are the same in every
    layout, the pixels where the layouts name their images differently."""

    @property
    def counts(self) -> Mapping[str, tuple[int, ...]]:
        """Official images per class of each part under the default protocol; empty where unpublished."""
        return self.protocols[0].counts or {}

    def protocol(self, name: str) -> Protocol:
        """Return a protocol by name.

        Raises:
            KeyError: the card has none of that name.
        """
        return {protocol.name: protocol for protocol in self.protocols}[name]

    def names_subjects(self, layout: str = "") -> bool | None:
        """Return whether a layout names subjects; without one, what all layouts agree on. ``None``: not known."""
        said = {known.names_subjects for known in self.layouts if layout in ("", known.name)}
        return said.pop() if len(said) == 1 else None
