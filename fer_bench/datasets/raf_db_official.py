"""RAF-DB (basic part) as its authors give it out: a label list, aligned pictures, whole photographs, annotations.

Names, codes and annotations as in the read-me of the official archive.
"""

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fer_bench.datasets.card import Choice, Flaw, LooseFaceBox, Reading, Sample
from fer_bench.datasets.folder import Folder, below, holds, is_picture
from fer_bench.emotions import ANGRY, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE, code_of
from fer_bench.errors import FerBenchError, number_of

LABELS = {"1": SURPRISE, "2": FEAR, "3": DISGUST, "4": HAPPY, "5": SAD, "6": ANGRY, "7": NEUTRAL}
"""Class index of each code."""
LISTS = ("EmoLabel/list_patition_label.txt", "EmoLabel/list_partition_label.txt")
"""Spelled in the first way in the archive, in both ways in its read-me."""
ALIGNED, ORIGINAL = "Image/aligned", "Image/original"
BOXES = "Annotation/boundingbox"
MANUAL = "Annotation/manual"
"""Five landmarks, gender, race and age group of each image."""
ATTRIBUTES = {
    "gender": ("male", "female", "unsure"),
    "race": ("caucasian", "african-american", "asian"),
    "age": ("0-3", "4-19", "20-39", "40-69", "70+"),
}
"""Values of each attribute in the order of their codes, which begin at 0."""
ALIGNED_NAME = re.compile(r"((train|test)_\d+)_aligned\.jpg")
ORIGINAL_NAME = re.compile(r"((train|test)_\d+)\.jpg")
"""Also the names in the label list."""
_NUMBERED = re.compile(r"(?:train|test)_\d+(?=[_.])")
"""How the names of both begin, whatever was made of their ends."""

_PREFIXES = ("", "basic/")
_UNKNOWN = tuple((name, "") for name in ATTRIBUTES)
_VALUES = {name: {str(code).encode(): value for code, value in enumerate(names)} for name, names in ATTRIBUTES.items()}
_FIELDS = 5 * 2 + len(ATTRIBUTES)

Part = Literal["train", "test"]


@dataclass(frozen=True)
class _Copy:
    """What of the official files is in a folder."""

    prefix: str
    """From the folder that was named to the basic part, so that a sample's source is found from the former."""
    label_list: str | None
    aligned: bool
    """Whether the aligned pictures are there."""
    original: bool

    def evidence(self, pictures: str) -> str:
        found = [self.prefix + self.label_list] if self.label_list else []
        if pictures == ALIGNED and self.aligned:
            found.append(f"{self.prefix}{ALIGNED}/ with pictures named train_00001_aligned.jpg")
        if pictures == ORIGINAL:
            found.append(f"{self.prefix}{ORIGINAL}/ with pictures named train_00001.jpg")
        return " and ".join(found)


def _look(path: Path) -> _Copy | None:
    for prefix in _PREFIXES:
        base = below(path, prefix)
        # The compound part has files of the same names, with other classes behind the same codes.
        if base.name.lower() == "compound" or not base.is_dir():
            continue
        label_list = next((name for name in LISTS if below(base, name).is_file()), None)
        aligned, original = holds(below(base, ALIGNED), ALIGNED_NAME), holds(below(base, ORIGINAL), ORIGINAL_NAME)
        if label_list or aligned or original:
            return _Copy(prefix, label_list, aligned, original)
    return None


def recognise_aligned(path: Path) -> str | None:
    """Recognise the layout ``aligned`` by the label list or the pictures; half of it is enough for its message."""
    copy = _look(path)
    if copy is None or not (copy.aligned or not copy.original):
        return None
    return copy.evidence(ALIGNED)


def recognise_original(path: Path) -> str | None:
    """Recognise the layout ``original``; its evidence begins with "also " where the aligned pictures are there too."""
    copy = _look(path)
    if copy is None or not copy.original:
        return None
    return ("also " if copy.aligned else "") + copy.evidence(ORIGINAL)


def read_aligned(path: Path, choice: Choice) -> Reading:
    """Read the layout ``aligned``; its only crop is ``none``."""
    return _read(path, ALIGNED, "_aligned", boxes=False)


def read_original(path: Path, choice: Choice) -> Reading:
    """Read the layout ``original``, cropped to the face by ``Annotation/boundingbox`` or whole."""
    return _read(path, ORIGINAL, "", boxes=choice.crop == "box")


def _read(path: Path, pictures: str, suffix: str, boxes: bool) -> Reading:
    copy = _look(path)
    if copy is None or copy.label_list is None:
        raise FerBenchError(
            f"{path / (copy.prefix if copy else '')}: the label list {LISTS[0]} is not there; unpack EmoLabel of "
            "RAF-DB's basic part here"
        )
    folder = Folder(path)
    for needed in (pictures, BOXES) if boxes else (pictures,):
        if not folder.path(copy.prefix + needed).is_dir():
            otherwise = ", or prepare whole photographs with --crop none" if needed == BOXES else ""
            raise FerBenchError(
                f"{path / copy.prefix / needed}: no such folder; unpack {needed.rpartition('/')[2]}.zip of RAF-DB's "
                f"basic part there{otherwise}"
            )
    reader = _Reader(
        folder=folder,
        prefix=copy.prefix,
        label_list=copy.label_list,
        pictures=pictures,
        suffix=suffix,
        boxes=boxes,
        notes=_told_twice(folder, copy.prefix, copy.label_list),
    )
    return Reading(reader.samples(), reader.label_map, reader.notes)


def _told_twice(folder: Folder, prefix: str, label_list: str) -> list[str]:
    """Return a note where the label list is there under its other name too.

    Raises:
        FerBenchError: and says something else there.
    """
    others = [name for name in LISTS if name != label_list and folder.path(prefix + name).is_file()]
    for name in others:
        if folder.text(prefix + name).split() != folder.text(prefix + label_list).split():
            raise FerBenchError(
                f"{folder.path(prefix + label_list)} and {Path(name).name} beside it are both RAF-DB's label list, and "
                "differ; keep the one that belongs to these pictures"
            )
    read = Path(label_list).name
    return [f"{read} was read; {Path(name).name}, the same list under another name, was not" for name in others]


@dataclass(frozen=True)
class _Line:
    """A line of the label list that names a picture."""

    number: int
    part: Part
    label: int


@dataclass(frozen=True, kw_only=True)
class _Reader:
    folder: Folder
    prefix: str
    label_list: str
    pictures: str
    suffix: str
    """Between an image's name and ``.jpg`` in the names of the pictures."""
    boxes: bool
    """Whether faces are cut out; whole pictures are taken otherwise."""
    notes: list[str] = field(default_factory=list)
    label_map: dict[str, str] = field(default_factory=dict)

    def samples(self) -> Iterator[Sample | Flaw]:
        listed: dict[str, _Line] = {}
        yield from self._lines(listed)
        present = set(self.folder.files(self.prefix + self.pictures))
        others = self._otherwise_named(present)
        manual = self.prefix + MANUAL
        annotated = self.folder.path(manual).is_dir()
        without: list[str] = []
        # The order of every layout: train_00001 ... test_0001 ...
        for name in sorted(listed, key=lambda name: (listed[name].part == "test", name)):
            line = listed[name]
            picture = f"{name}{self.suffix}.jpg"
            source = f"{self.prefix}{self.pictures}/{picture}"
            if picture not in present:
                reason = f"no such picture, but line {line.number} of {Path(self.label_list).name} names it"
                if other := others.get(name):
                    reason += f"; {other} is there: rename it where it is that picture, or move it to its own folder"
                yield Flaw(source, reason, missing=True, part=line.part, label=line.label)
                continue
            present.remove(picture)
            box = self._box(f"{self.prefix}{BOXES}/{name}_boundingbox.txt", name, line) if self.boxes else None
            if isinstance(box, Flaw):
                yield box
                continue
            attributes: tuple[tuple[str, str], ...] = ()
            if annotated:
                file = f"{manual}/{name}_manu_attri.txt"
                attributes = self._attributes(file)
                if attributes is _UNKNOWN:
                    without.append(file)
            yield Sample(name, line.part, line.label, source, line.part, box=box, attributes=attributes)
        if without:
            self.notes.append(
                f"{', '.join(ATTRIBUTES)} are unknown for {number_of(len(without), 'image')}, whose annotation file is "
                f"missing or not of the expected form, the first is {without[0]}"
            )
        unlisted = sorted(filter(is_picture, present))
        if unlisted:
            self.notes.append(
                f"not in the label list and left out: {number_of(len(unlisted), 'picture')} of "
                f"{self.prefix}{self.pictures}/, the first is {unlisted[0]}"
            )

    def _otherwise_named(self, present: set[str]) -> dict[str, str]:
        """Return the pictures whose names say an image's, but not as this layout names it, by the image's name."""
        matches = ((_NUMBERED.match(name), name) for name in sorted(filter(is_picture, present)))
        named = {match[0]: name for match, name in matches if match is not None}
        return {image: name for image, name in named.items() if name != f"{image}{self.suffix}.jpg"}

    def _lines(self, listed: dict[str, _Line]) -> Iterator[Flaw]:
        """Fill ``listed`` with the line of each image's name, and yield what is no such line."""
        table = self.prefix + self.label_list
        well_formed = False
        for number, line in enumerate(self.folder.text(table).splitlines(), start=1):
            fields = line.split()
            if not fields:
                continue
            where = f"{table}:{number}"
            match = ORIGINAL_NAME.fullmatch(fields[0])
            if len(fields) != 2 or match is None:
                if not well_formed:
                    raise FerBenchError(
                        f"{self.folder.root / table}:{number}: {line.strip()[:60]!r}, expected a file name and a "
                        "label, such as train_00001.jpg 5; take the list of the official archive"
                    )
                if "/" in fields[0]:
                    # Raises where the name leads out of the folder.
                    self.folder.path(f"{self.prefix}{self.pictures}/{fields[0]}")
                yield Flaw(where, f"{line.strip()[:60]!r}, expected a file name and a label, such as train_00001.jpg 5")
                continue
            well_formed = True
            name, code = match[1], code_of(fields[1])
            part: Part = "train" if match[2] == "train" else "test"
            if code not in LABELS:
                expected = "expected a code from 1 to 7 (more are in the compound part, which is not read)"
                yield Flaw(where, f"label {fields[1][:20]!r} of {fields[0]}, {expected}", part=part)
            elif name in listed:
                yield Flaw(where, f"{fields[0]} is named a second time, first in line {listed[name].number}", part=part)
            else:
                self.label_map[code] = EMOTIONS[LABELS[code]]
                listed[name] = _Line(number, part, LABELS[code])

    def _box(self, file: str, name: str, line: _Line) -> LooseFaceBox | Flaw:
        try:
            # Loose, since nothing is known of how far the official boxes of tight photographs reach.
            return LooseFaceBox(*face_box(self.folder.read(file)))
        except FileNotFoundError:
            reason, missing = f"no such face box, but the label list names {name}.jpg", True
        except (OSError, ValueError) as error:
            reason, missing = str(getattr(error, "strerror", None) or error), False
        return Flaw(file, f"{reason}; --crop none takes whole pictures", missing, line.part, line.label)

    def _attributes(self, file: str) -> tuple[tuple[str, str], ...]:
        try:
            return read_attributes(self.folder.read(file))
        except (OSError, ValueError):
            return _UNKNOWN


def face_box(content: bytes) -> tuple[float, float, float, float]:
    """Return the face box that a file of ``Annotation/boundingbox`` holds: left, top, right, bottom in pixels.

    Raises:
        ValueError: the file holds no four finite numbers in that order.
    """
    fields = content.split()
    try:
        left, top, right, bottom = map(float, fields)
    except ValueError:
        raise ValueError(
            f"{number_of(len(fields), 'field')}, expected four numbers: left, top, right, bottom"
        ) from None
    if not all(map(math.isfinite, (left, top, right, bottom))) or left >= right or top >= bottom:
        raise ValueError(f"face box {left:g} {top:g} {right:g} {bottom:g}, expected left, top, right, bottom")
    return left, top, right, bottom


def read_attributes(content: bytes) -> tuple[tuple[str, str], ...]:
    """Return the attributes that a file of ``Annotation/manual`` holds, name and value.

    Args:
        content: x and y of five landmarks, then the codes of gender, race and age, separated by white space.

    Raises:
        ValueError: the file holds something else.
    """
    fields = content.split()
    if len(fields) != _FIELDS:
        raise ValueError(f"{number_of(len(fields), 'field')}, expected {_FIELDS}")
    return _values(*fields[-len(ATTRIBUTES) :])


@functools.lru_cache(maxsize=128)
def _values(*codes: bytes) -> tuple[tuple[str, str], ...]:
    # Cached, so that 15,339 images share a few tuples.
    values = []
    for (name, known), code in zip(_VALUES.items(), codes, strict=True):
        if code not in known:
            raise ValueError(f"{name} {code[:20]!r}, expected a code from 0 to {len(known) - 1}")
        values.append((name, known[code]))
    return tuple(values)
