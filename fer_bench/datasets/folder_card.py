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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from fer_bench.datasets import card_names
from fer_bench.datasets.card import LEFT_OUT, DatasetCard, Layout, Protocol
from fer_bench.datasets.class_folders import CLASSES, ClassFolders, normal
from fer_bench.datasets.folder import shown
from fer_bench.datasets.utf16 import REASON, utf_16_of
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.records import EXTERNAL

LAYOUT = "class-folders"
PROTOCOL = "folders"
MAX_SIDE = 224

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ALL_TEST: dict[str, Literal["train", "test"]] = {"test": "test"}
_MOST = 10**9


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
    folders = ClassFolders(
        parts=parts or _ALL_TEST,
        nested=bool(parts),
        labels=_labels(content, path),
        pattern=_pattern(content, path),
    )
    name = _name(content, path)
    unstated = f"not stated in {path.name}"
    return DatasetCard(
        name=name,
        title=" ".join(texts["title"].split()) or name,  # One line of a manifest and of tables.
        size=_size(content, path),
        trainable="train" in folders.parts.values(),
        protocols=(Protocol(PROTOCOL, 1, folders.protocol(), _counts(content, folders.parts, path)),),
        label_map=folders.labels or {emotion: emotion for emotion in EMOTIONS},
        layouts=(
            Layout(
                LAYOUT,
                folders.description(),
                folders.tree(),
                folders.recognise,
                folders.read,
                (PROTOCOL,),
                names_subjects=folders.pattern is not None,
            ),
        ),
        licence=texts["licence"] or unstated,
        access=texts["access"] or unstated,
        files=texts["files"] or unstated,
        citation=texts["citation"] or unstated,
    )


_KEYS = ("name", "title", "size", "licence", "access", "files", "citation", "splits", "labels", "counts", "groups")


def _content(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()  # Once: what a shell gives for <(command) can be read no second time.
        if utf_16_of(data):  # As PowerShell writes what is redirected into a file.
            raise FerBenchError(f"{path}: {REASON}")
        content = tomllib.loads(data.decode("utf-8-sig"))
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
    if name.lower() in {known.lower() for known in card_names()}:
        raise _wrong(path, "name", _found(name), "a name that no known dataset has")
    if name.lower() == EXTERNAL:
        raise _wrong(path, "name", _found(name), "another name: records of models that add-onnx adds have it")
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
        if normal(folder) in map(normal, splits):
            raise _wrong(path, f"[splits] {folder}", "is there twice, in another case or other accents", "one line")
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
            raise _wrong(path, f"[labels] {folder}", _found(label), f'one of {CLASSES}, or "{LEFT_OUT}"')
        if normal(folder) in map(normal, labels):
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
            raise _wrong(path, f"[counts] {part}", _found(value), f"{len(EMOTIONS)} numbers of images: {CLASSES}")
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
