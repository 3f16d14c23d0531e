"""The layout of a dataset of one's own: a folder of pictures a class, as its card (``folder_card.py``) describes it."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fer_bench.datasets.card import LEFT_OUT, Choice, Flaw, Reading, Sample
from fer_bench.datasets.folder import Folder, below, is_utf8, listed, shown, stem_of
from fer_bench.emotions import EMOTIONS, index_of_name
from fer_bench.errors import FerBenchError, number_of

CLASSES = ", ".join(EMOTIONS)


@dataclass(frozen=True)
class ClassFolders:
    """The layout that a card describes."""

    parts: Mapping[str, Literal["train", "test"]]
    nested: bool
    """The parts are folders; otherwise the one part is the source itself."""
    labels: Mapping[str, str]
    """Folder names as the card writes them, to class names or :data:`LEFT_OUT`."""
    pattern: re.Pattern[str] | None

    def protocol(self) -> str:
        """Return the sentence that describes the protocol."""
        left_out = ", ".join(name for name, label in self.labels.items() if label == LEFT_OUT)
        return f"Every picture by the name of its class folder; {'left out: ' + left_out if left_out else 'all taken'}."

    def description(self) -> str:
        """Return the layout in one line."""
        where = " and ".join(f"{part}/" for part in self.parts) + ", each with " if self.nested else ""
        return f"{where}a folder a class ({', '.join(self.labels) or CLASSES}) of pictures"

    def tree(self) -> str:
        """Return the layout as an example."""
        names = list(self.labels) or list(EMOTIONS)
        lines = [f"{'  ' * self.nested}{name}/NAME.jpg" for name in names]
        return (
            "\n".join(line for part in self.parts for line in [f"{part}/", *lines]) if self.nested else "\n".join(lines)
        )

    def recognise(self, path: Path) -> str | None:
        """Return what is there of the layout; ``None`` where a part, or all of its classes, are missing."""
        if not path.is_dir():
            return None
        found = []
        names = sorted(entry.name for entry in path.iterdir()) if self.nested else []
        for part in self.parts:
            top = next((name for name in _same(part, names) if (path / name).is_dir()), None) if self.nested else ""
            if top is None:
                return None
            place = below(path, top)
            known = sum(self._label(entry.name) is not None and entry.is_dir() for entry in place.iterdir())
            if not known:
                return None
            classes = number_of(known, "class folder")
            found.append(f"{top}/ with {classes}" if self.nested else classes)
        return " and ".join(found)

    def read(self, path: Path, choice: Choice) -> Reading:
        """Return the pictures, part by part and class by class."""
        label_map: dict[str, str] = {}
        notes: list[str] = []
        return Reading(self._samples(Folder(path), label_map, notes), label_map, notes)

    def _label(self, folder: str) -> str | None:
        label = next((label for name, label in self.labels.items() if normal(name) == normal(folder)), None)
        index = index_of_name(folder)
        return label if label is not None or index is None else EMOTIONS[index]

    def _samples(self, folder: Folder, label_map: dict[str, str], notes: list[str]) -> Iterator[Sample | Flaw]:
        tops = self._tops(folder)
        if self.nested and (others := [name for name in folder.folders() if name not in tops.values()]):
            notes.append(f"Folders that [splits] does not name were not read: {listed(others)}.")
        for part, split in self.parts.items():
            top = tops[part]
            folder.require_no_stray(top)
            folder.require_folders(top, lambda name: self._label(name) not in (None, LEFT_OUT))
            for name in folder.folders(top):
                place = f"{top}/{name}" if top else name
                label = self._label(name)
                if label is None:
                    raise FerBenchError(
                        f"{folder.root / top / shown(name)}: its class is unknown; say in the card's [labels] which of "
                        f'{CLASSES} it is, or "{LEFT_OUT}"'
                    )
                label_map[name] = label
                if label == LEFT_OUT:
                    left_out = len(folder.pictures(place))
                    notes.append(f"{place}/ was left out, as the card says (pictures: {left_out:,}).")
                else:
                    yield from self._class(folder, place, part, split, EMOTIONS.index(label), notes)
        present = {normal(name) for name in label_map}
        absent = sorted(name for name in self.labels if normal(name) not in present)
        if absent:
            notes.append(f"[labels] names folders that are not there: {listed(absent)}.")

    def _tops(self, folder: Folder) -> dict[str, str]:
        """Return the folder of each part as the disk spells it.

        Raises:
            FerBenchError: a part has none, or two.
        """
        if not self.nested:
            return dict.fromkeys(self.parts, "")
        tops = {}
        for part in self.parts:
            found = list(_same(part, folder.folders()))
            if len(found) != 1:
                what = f"{' and '.join(map(shown, found))} are" if found else "no folder is"
                raise FerBenchError(f"{folder.root}: {what} {part!r} of the card's [splits], expected one: rename it")
            tops[part] = found[0]
        return tops

    def _class(
        self, folder: Folder, place: str, part: str, split: Literal["train", "test"], label: int, notes: list[str]
    ) -> Iterator[Sample | Flaw]:
        pictures = folder.of_class(place, notes)
        if not pictures:
            notes.append(f"{place}/ holds no pictures.")
        stems: dict[str, str] = {}
        for name in pictures:
            source, stem = f"{place}/{name}", stem_of(name)
            first = stems.setdefault(stem, name)
            group = self._group(name) if self.pattern else ""
            reason = ""
            if not is_utf8(name):
                reason = "the file name is not UTF-8; rename it"
            elif first != name:
                reason = f"named as {shown(first)} is but for the ending; rename one of them"
            elif group is None:
                reason = "the pattern of [groups] does not find a subject in the file name"
            if reason:
                yield Flaw(shown(source), reason, part=part, label=label)
            else:
                yield Sample(f"{place}/{stem}", split, label, source, part, group or "")

    def _group(self, name: str) -> str | None:
        """Return the subject of a picture, ``None`` where the pattern finds none."""
        match = self.pattern.search(name) if self.pattern else None
        return (match[1] or None) if match else None


def _same(name: str, folders: Iterable[str]) -> Iterator[str]:
    """Yield the folders of a name that a card gives."""
    return (folder for folder in folders if normal(folder) == normal(name))


def normal(name: str) -> str:
    """Return a folder's name in the form in which names are compared."""
    # macOS stores an accent as a character of its own, editors write the composed letter. Any case, as everywhere.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
