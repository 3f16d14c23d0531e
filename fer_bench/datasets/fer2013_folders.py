"""FER-2013 as a folder of pictures a class: the edition whose file names keep the official parts, and re-uploads."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench.datasets.card import Choice, Flaw, Reading, Sample
from fer_bench.datasets.fer2013_tables import PARTS, SIDE
from fer_bench.datasets.folder import Folder, below, first_entries, is_picture, is_utf8, is_visible, shown, stem_of
from fer_bench.emotions import EMOTIONS, index_of_name
from fer_bench.errors import FerBenchError, number_of

USUAL = {
    "train": ("Training",),
    "val": ("PublicTest",),
    "valid": ("PublicTest",),
    "validation": ("PublicTest",),
    "test": ("PublicTest", "PrivateTest"),
}
"""The folders that are read, any case, with the parts that usually lie in each."""
TEST = "Test"
"""The part PublicTest and PrivateTest together, where the file names do not tell them apart."""


@dataclass(frozen=True)
class _ClassFolder:
    split: str
    """Name of the folder it lies in, one of :data:`USUAL` but for its case."""
    name: str
    label: int

    @property
    def usual(self) -> str:
        """Key of :data:`USUAL`."""
        return self.split.lower()

    def __str__(self) -> str:
        return f"{self.split}/{self.name}"


def recognise(path: Path) -> str | None:
    """Recognise class folders of pictures named by their official part, such as ``Training_10002154.jpg``."""
    found = _first_pictures(path)
    parts = {_part(name) for names in found.values() for name in names}
    named = [f"{part}_..." for part in PARTS if part in parts]
    return f"{_folders(found)} of pictures named {', '.join(named)}" if named else None


def recognise_renamed(path: Path) -> str | None:
    """Recognise folders of the seven classes only, with pictures of FER-2013's size and of any other names."""
    found = _first_pictures(path)
    splits = {split.lower() for split, _ in found}
    pictures = [f"{split}/{folder}/{name}" for (split, folder), names in found.items() for name in names]
    if "train" not in splits or len(splits) < 2 or any(index_of_name(folder) is None for _, folder in found):
        return None
    if any(_part(Path(picture).name) for picture in pictures) or _size(Folder(path), pictures[0]) != (SIDE, SIDE):
        return None
    return f"{_folders(found)} of {SIDE} x {SIDE} pictures such as {shown(pictures[0])}"


def read(path: Path, choice: Choice) -> Reading:
    """Read class folders of pictures whose names say the official part, whatever folder they lie in.

    Raises:
        FerBenchError: a folder is of no class or cannot be listed.
    """
    del choice
    folder = Folder(path)
    places, notes = _class_folders(folder), list[str]()
    return Reading(_named(folder, places, notes), _label_map(places), notes)


def read_renamed(path: Path, choice: Choice) -> Reading:
    """Read class folders of pictures whose names say nothing: the folder ``train`` and all others, the test part.

    Raises:
        FerBenchError: a folder is of no class or cannot be listed.
    """
    del choice
    folder = Folder(path)
    places = _class_folders(folder)
    notes = [f"the file names do not say the official part: PublicTest and PrivateTest together are the part {TEST}"]
    return Reading(_renamed(folder, places, notes), _label_map(places), notes)


def _first_pictures(path: Path) -> dict[tuple[str, str], list[str]]:
    """Return the sorted names of the first pictures of each folder inside each folder that may be read."""
    found = {
        (split, name): _names(below(path, f"{split}/{name}"), pictures=True)
        for split in _splits(_names(path))
        for name in _names(below(path, split))
    }
    return {place: names for place, names in found.items() if names}


def _splits(folders: Sequence[str]) -> list[str]:
    """Return those of the folders' names that may be read, in the order of :data:`USUAL`."""
    return [name for split in USUAL for name in folders if name.lower() == split]


def _names(path: Path, *, pictures: bool = False) -> list[str]:
    """Return the sorted names of the pictures among a folder's first entries, or of all folders in it."""
    if not path.is_dir():
        return []
    if pictures:
        # Of all of these: which few come first is up to the file system, and the evidence would tell it.
        return sorted(entry.name for entry in first_entries(path) if is_picture(entry.name))
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if is_visible(entry.name) and entry.is_dir())


def _folders(found: dict[tuple[str, str], list[str]]) -> str:
    splits = " and ".join(f"{split}/" for split in dict.fromkeys(split for split, _ in found))
    classes = {index_of_name(name) for _, name in found} - {None}
    return f"{splits} with {number_of(len(classes), 'class folder')}"


def _part(picture: str) -> str | None:
    part, separator, _ = picture.partition("_")
    return part if separator and part in PARTS else None


def _size(folder: Folder, picture: str) -> tuple[int, ...]:
    from fer_bench.datasets.pictures import decode

    try:
        return decode(folder.read(picture), picture).image.shape
    except (FerBenchError, ValueError):
        return ()


def _class_folders(folder: Folder) -> list[_ClassFolder]:
    places = []
    for split in _splits(folder.folders()):
        folder.require_folders(split, lambda name: index_of_name(name) is not None)
        for name in folder.folders(split):
            label = index_of_name(name)
            if label is None:
                raise FerBenchError(
                    f"{folder.root / split / shown(name)}: not a class folder; expected {', '.join(EMOTIONS)} or "
                    "their usual synonyms: rename it or move it away"
                )
            places.append(_ClassFolder(split, name, label))
    return places


def _label_map(places: Sequence[_ClassFolder]) -> dict[str, str]:
    return {place.name: EMOTIONS[place.label] for place in places}


def _pictures(
    folder: Folder, places: Sequence[_ClassFolder], notes: list[str]
) -> Iterator[tuple[_ClassFolder, str] | Flaw]:
    """Yield the name of every picture with its class folder, and a flaw for each that has none or a bad name."""
    for split in dict.fromkeys(place.split for place in places):
        for name in folder.pictures(split):
            reason = "it lies outside the class folders, so its class is unknown; move it to the right one or away"
            yield Flaw(f"{split}/{name}", reason, part=_part(name) or "")
    for place in places:
        for name in folder.of_class(str(place), notes):
            if is_utf8(name):
                yield place, name
            else:
                yield Flaw(f"{place}/{name}", "its name is not UTF-8; rename it", label=place.label)


def _named(folder: Folder, places: Sequence[_ClassFolder], notes: list[str]) -> Iterator[Sample | Flaw]:
    moved: Counter[tuple[str, str]] = Counter()
    for found in _pictures(folder, places, notes):
        if isinstance(found, Flaw):
            yield found
            continue
        place, name = found
        part = _part(name)
        if part is None:
            begin = ", ".join(f"{part}_" for part in PARTS)
            reason = f"its name begins with none of {begin}, so its official part is unknown"
            yield Flaw(f"{place}/{name}", reason, label=place.label)
            continue
        if part not in USUAL[place.usual]:
            moved[part, place.split] += 1
        # With the class: two names of the official set occur in two classes each.
        id_ = f"{EMOTIONS[place.label]}/{stem_of(name)}"
        yield Sample(id_, PARTS[part], place.label, f"{place}/{name}", part)
    for (part, split), count in moved.items():
        notes.append(f"pictures in {split}/ that were read as {part}, as their names say: {count:,}")


def _renamed(folder: Folder, places: Sequence[_ClassFolder], notes: list[str]) -> Iterator[Sample | Flaw]:
    for found in _pictures(folder, places, notes):
        if isinstance(found, Flaw):
            yield found
            continue
        place, name = found
        id_ = f"{place.usual}/{EMOTIONS[place.label]}/{stem_of(name)}"
        if place.usual == "train":
            yield Sample(id_, "train", place.label, f"{place}/{name}", "Training")
        else:
            yield Sample(id_, "test", place.label, f"{place}/{name}", TEST)
