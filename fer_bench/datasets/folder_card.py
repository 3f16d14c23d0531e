"""A dataset of one's own without code: pictures in a folder per class, described by a small TOML file.

.. code-block:: toml

    name = "my-faces"            # letters, digits, - and _
    title = "My faces"           # optional, as are licence, access, files and citation
    size = [96, 96]              # optional; height and width of the prepared images, [224, 224] by default

    [splits]                     # optional; without it the class folders lie in the source itself, all of them test
    train = "train"
    validation = "test"

    [labels]                     # optional; the usual English names need no line
    joie = "happy"
    mepris = "left out"

    [counts]                     # optional; images per class that each folder must have, in the paper's order
    train = [10, 10, 10, 10, 10, 10, 10]
    validation = [5, 5, 5, 5, 5, 5, 5]

    [groups]                     # optional; the part of a file name that says who is on the picture
    pattern = "^(S\\\\d+)_"
"""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fer_bench.datasets import dataset_cards
from fer_bench.datasets.card import LEFT_OUT, Choice, DatasetCard, Flaw, Layout, Protocol, Reading, Sample
from fer_bench.datasets.folder import Folder, is_picture, is_utf8, shown, stem_of
from fer_bench.emotions import EMOTIONS, index_of_name
from fer_bench.errors import FerBenchError

LAYOUT = "class-folders"
PROTOCOL = "folders"
MAX_SIDE = 224

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ALL_TEST: dict[str, Literal["train", "test"]] = {"test": "test"}
_CLASSES = ", ".join(EMOTIONS)
_MOST = 10**9
_SHOWN = 12
"""Folders named in a note."""


def load_card(path: Path) -> DatasetCard:
    """Read the card of a folder-per-class dataset from a TOML file (its keys: see the module).

    The card has one protocol, ``folders``, and one layout, ``class-folders``, whose parts are the folders of
    ``[splits]`` (``test`` without it). It is trainable where one of them is of the training set.

    Raises:
        FerBenchError: the file is unreadable or not TOML, a key is unknown or missing, a value is not what it must be,
            or the name belongs to a known dataset.
    """
    content = _content(path)
    texts = {key: _text(content, key, path) for key in ("title", "licence", "access", "files", "citation")}
    parts = _splits(content, path)
    folders = _ClassFolders(
        parts=parts or _ALL_TEST,
        nested=bool(parts),
        labels=_labels(content, path),
        pattern=_pattern(content, path),
    )
    name = _name(content, path)
    unstated = f"not stated in {path.name}"
    return DatasetCard(
        name=name,
        title=texts["title"] or name,
        size=_size(content, path),
        trainable="train" in folders.parts.values(),
        protocols=(Protocol(PROTOCOL, 1, folders.protocol(), _counts(content, folders.parts, path)),),
        label_map=folders.labels or {emotion: emotion for emotion in EMOTIONS},
        layouts=(Layout(LAYOUT, folders.description(), folders.tree(), folders.recognise, folders.read, (PROTOCOL,)),),
        licence=texts["licence"] or unstated,
        access=texts["access"] or unstated,
        files=texts["files"] or unstated,
        citation=texts["citation"] or unstated,
    )


@dataclass(frozen=True)
class _ClassFolders:
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
        return f"{where}a folder a class ({', '.join(self.labels) or _CLASSES}) of pictures"

    def tree(self) -> str:
        """Return the layout as an example."""
        names = list(self.labels) or list(EMOTIONS)
        lines = [f"{'  ' * self.nested}{name}/NAME.jpg" for name in names]
        return (
            "\n".join(line for part in self.parts for line in [f"{part}/", *lines]) if self.nested else "\n".join(lines)
        )

    def recognise(self, path: Path) -> str | None:
        """Return what is there of the layout; ``None`` where a part, or all of its classes, are missing."""
        found = []
        for part in self.parts:
            place = path / part if self.nested else path
            if not place.is_dir():
                return None
            known = sum(self._label(entry.name) is not None and entry.is_dir() for entry in place.iterdir())
            if not known:
                return None
            found.append(f"{part}/ with {known} class folders" if self.nested else f"{known} class folders")
        return " and ".join(found)

    def read(self, path: Path, choice: Choice) -> Reading:
        """Return the pictures, part by part and class by class."""
        label_map: dict[str, str] = {}
        notes: list[str] = []
        return Reading(self._samples(Folder(path), label_map, notes), label_map, notes)

    def _label(self, folder: str) -> str | None:
        label = next((label for name, label in self.labels.items() if _normal(name) == _normal(folder)), None)
        index = index_of_name(folder)
        return label if label is not None or index is None else EMOTIONS[index]

    def _samples(self, folder: Folder, label_map: dict[str, str], notes: list[str]) -> Iterator[Sample | Flaw]:
        if self.nested and (others := [shown(name) for name in folder.folders() if name not in self.parts]):
            notes.append(f"Folders that [splits] does not name were not read: {_listed(others)}.")
        for part, split in self.parts.items():
            top = part if self.nested else ""
            stray = folder.pictures(top)
            if stray:
                raise FerBenchError(
                    f"{folder.root / top / shown(stray[0])}: a picture outside the class folders ({len(stray)} such); "
                    "its class cannot be known: move it to its class folder or away"
                )
            for name in folder.folders(top):
                place = f"{top}/{name}" if top else name
                label = self._label(name)
                if label is None:
                    raise FerBenchError(
                        f"{folder.root / top / shown(name)}: its class is unknown; say in the card's [labels] which of "
                        f'{_CLASSES} it is, or "{LEFT_OUT}"'
                    )
                label_map[name] = label
                if label == LEFT_OUT:
                    left_out = len(folder.pictures(place))
                    notes.append(f"{place}/ was left out, as the card says (pictures: {left_out:,}).")
                else:
                    yield from self._class(folder, place, part, split, EMOTIONS.index(label), notes)
        present = {_normal(name) for name in label_map}
        absent = sorted(name for name in self.labels if _normal(name) not in present)
        if absent:
            notes.append(f"[labels] names folders that are not there: {_listed(absent)}.")

    def _class(
        self, folder: Folder, place: str, part: str, split: Literal["train", "test"], label: int, notes: list[str]
    ) -> Iterator[Sample | Flaw]:
        below, files = folder.listed(place)
        if below:
            raise FerBenchError(
                f"{folder.root / place / shown(below[0])}: a folder inside a class folder ({len(below)} such); the "
                f"pictures must lie in {place}/ itself: move them there, or the folder away"
            )
        pictures = [name for name in files if is_picture(name)]
        if len(pictures) < len(files):
            others = [shown(name) for name in sorted({*files} - {*pictures})]
            notes.append(f"{place}/ holds files that are no pictures by their ending, not read: {_listed(others)}.")
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


def _normal(name: str) -> str:
    # macOS stores an accent as a character of its own, editors write the composed letter. Any case, as everywhere.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


_KEYS = ("name", "title", "size", "licence", "access", "files", "citation", "splits", "labels", "counts", "groups")


def _content(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FerBenchError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:  # tomllib's own and UnicodeDecodeError are ValueErrors.
        raise FerBenchError(f"{path}: not TOML ({error})") from error
    for key in content:
        if key not in _KEYS:
            raise _wrong(path, key, "is no key of a dataset's card", ", ".join(_KEYS))
    return content


def _wrong(path: Path, key: str, found: str, expected: str) -> FerBenchError:
    return FerBenchError(f"{path}: {shown(key[:80])} {found}; expected {expected}")


def _found(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits.
        return "is an enormous number"
    return f"is {text[:80]}{'...' if len(text) > 80 else ''}"


def _text(content: dict[str, Any], key: str, path: Path) -> str:
    value = content.get(key, "")
    if not isinstance(value, str) or not value.replace("\n", "").isprintable():
        raise _wrong(path, key, _found(value), "a text in quotes, without control characters")
    return value.strip()


def _name(content: dict[str, Any], path: Path) -> str:
    name = content.get("name")
    # Two underscores separate the parts of the names of records.
    if not isinstance(name, str) or not _NAME.fullmatch(name) or "__" in name:
        found = "is missing" if name is None else _found(name)
        raise _wrong(path, "name", found, "a short name in quotes of letters, digits, - and single _, such as my-faces")
    if name.lower() in {known.lower() for known in dataset_cards()}:
        raise _wrong(path, "name", _found(name), "a name that no known dataset has")
    return name


def _size(content: dict[str, Any], path: Path) -> tuple[int, int]:
    value = content.get("size", [MAX_SIDE, MAX_SIDE])
    if not _are_numbers(value, 2, lambda side: 1 <= side <= MAX_SIDE):
        raise _wrong(path, "size", _found(value), f"height and width from 1 to {MAX_SIDE}, such as [96, 96]")
    return value[0], value[1]


def _are_numbers(value: Any, n: int, valid: Callable[[int], bool]) -> bool:
    return isinstance(value, list) and len(value) == n and all(type(item) is int and valid(item) for item in value)


def _table(content: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise _wrong(path, key, _found(value), f"a table [{key}]")
    return value


def _splits(content: dict[str, Any], path: Path) -> dict[str, Literal["train", "test"]]:
    table = _table(content, "splits", path)
    if "splits" in content and not table:
        raise _wrong(path, "[splits]", "is empty", 'a line such as train = "train" for each folder, or no [splits]')
    splits: dict[str, Literal["train", "test"]] = {}
    for folder, split in table.items():
        _require_folder(folder, "splits", path)
        if split not in ("train", "test"):
            raise _wrong(path, f"[splits] {folder}", _found(split), '"train" or "test"')
        splits[folder] = "train" if split == "train" else "test"
    return splits


def _require_folder(name: str, table: str, path: Path) -> None:
    # The folder's own listing hides those that begin with a dot.
    if not name.isprintable() or name.startswith(".") or re.search(r"[/\\:]", name) or name in ("", "__MACOSX"):
        raise _wrong(path, f"[{table}]", f"names {name[:80]!r}", "the name of a folder, without / \\ : and not hidden")


def _labels(content: dict[str, Any], path: Path) -> dict[str, str]:
    labels: dict[str, str] = {}
    for folder, label in _table(content, "labels", path).items():
        _require_folder(folder, "labels", path)
        if label not in (*EMOTIONS, LEFT_OUT):
            raise _wrong(path, f"[labels] {folder}", _found(label), f'one of {_CLASSES}, or "{LEFT_OUT}"')
        if _normal(folder) in map(_normal, labels):
            raise _wrong(path, f"[labels] {folder}", "is there twice, in another case or other accents", "one line")
        labels[folder] = label
    return labels


def _counts(
    content: dict[str, Any], parts: Mapping[str, Literal["train", "test"]], path: Path
) -> dict[str, tuple[int, ...]] | None:
    table = _table(content, "counts", path)
    if not table:
        return None
    for part in (*table, *parts):
        if part not in table or part not in parts:
            found = "is missing" if part in parts else "is no folder of [splits]"
            raise _wrong(path, f"[counts] {part}", found, f"a line for each of {', '.join(parts)}")
    for part, value in table.items():
        if not _are_numbers(value, len(EMOTIONS), lambda count: 0 <= count <= _MOST):
            raise _wrong(path, f"[counts] {part}", _found(value), f"{len(EMOTIONS)} numbers of images: {_CLASSES}")
    return {part: tuple(table[part]) for part in parts}


def _pattern(content: dict[str, Any], path: Path) -> re.Pattern[str] | None:
    table = _table(content, "groups", path)
    if "groups" not in content:
        return None
    value = table.get("pattern")
    if set(table) != {"pattern"} or not isinstance(value, str):
        raise _wrong(path, "[groups]", _found(table), 'one line such as pattern = "^(S\\\\d+)_"')
    try:
        pattern = re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise _wrong(path, "[groups] pattern", f"{_found(value)} ({error})", "a regular expression") from error
    if pattern.groups != 1:
        raise _wrong(path, "[groups] pattern", f"has {pattern.groups} groups", "one, around the subject: ^(S\\d+)_")
    return pattern
