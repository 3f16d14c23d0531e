"""AffectNet as others pass it on: a folder per class. Not the official split, so it is read only where it is named."""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from fer_bench.datasets.affectnet_codes import CODES, CONTEMPT_CODE, Labelling
from fer_bench.datasets.card import Choice, Flaw, Reading, Sample
from fer_bench.datasets.folder import Folder, is_utf8
from fer_bench.emotions import CONTEMPT, EMOTIONS, index_of_name
from fer_bench.errors import FerBenchError

PARTS: dict[str, Literal["train", "test"]] = {
    "train": "train",
    "val": "test",
    "valid": "test",
    "validation": "test",
    "test": "test",
}
"""Split of each part by the name of its folder, any case; a validation set is a test set here, as in the paper."""

_NUMBERS = {str(code): code for code in range(CONTEMPT_CODE + 1)}
_OTHERS = re.compile(r"(train|test)_\d+(_aligned)?\.jpg|(Training|PublicTest|PrivateTest)_\d+\..+")
"""How RAF-DB and FER-2013 name their pictures."""
_LOOKED_AT = 1000
"""Entries of a folder by which it is recognised."""


def _named_code(name: str) -> int | None:
    """Return the code of a class folder's name, ``None`` where it is no name of a class."""
    if name.strip().lower() == CONTEMPT:
        return CONTEMPT_CODE
    label = index_of_name(name)
    return None if label is None else CODES.index(label)


def recognise_class_folders(path: Path) -> str | None:
    """Recognise the layout ``class-folders`` by parts with folders named by AffectNet's codes or by emotions."""
    found = []
    for part in _first_folders(path):
        if part.lower() not in PARTS:
            continue
        names = _first_folders(path / part)
        numbers = [name for name in names if name in _NUMBERS]
        emotions = [name for name in names if _named_code(name) is not None]
        # Folders 1 to 7 are RAF-DB's, whose codes mean other classes.
        classes = numbers if "0" in numbers else emotions
        if len(classes) > 1 and not any(_OTHERS.fullmatch(name) for name in _first_names(path / part / classes[0])):
            found.append(f"{part}/ with class folders {classes[0]} to {classes[-1]}")
    return " and ".join(found) or None


def _first_names(path: Path) -> list[str]:
    with os.scandir(path) as entries:
        return [entry.name for entry in itertools.islice(entries, _LOOKED_AT)]


def _first_folders(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in itertools.islice(entries, _LOOKED_AT) if entry.is_dir())


def read_class_folders(path: Path, choice: Choice) -> Reading:
    """Read the layout ``class-folders``: all folders are numbers, or all are names of emotions."""
    folder, labelling = Folder(path), Labelling()
    parts = [part for part in folder.folders() if part.lower() in PARTS]
    codes = {part: _class_folders(folder, part) for part in parts}
    numbers = [f"{part}/{name}" for part, names in codes.items() for name in names if name in _NUMBERS]
    others = [f"{part}/{name}" for part, names in codes.items() for name in names if name not in _NUMBERS]
    if not numbers and not others:
        raise FerBenchError(f"{path}: no class folders in {', '.join(PARTS)}")
    if numbers and others:
        raise FerBenchError(
            f"{path}: {numbers[0]} is named by a number and {others[0]} by an emotion; name all class folders in the "
            "same way"
        )
    if numbers and not any(name.endswith("/0") for name in numbers):
        raise FerBenchError(
            f"{path}: no class folder 0, so {numbers[0]} is not numbered by AffectNet's codes, which begin at 0 "
            "(neutral); rename the folders to emotions"
        )
    labelling.notes.append("a re-upload: its split and its labels are not checked against the official ones")
    if numbers:
        labelling.notes.append("the numbers of the class folders were read as AffectNet's own codes")
    return Reading(_samples(folder, codes, labelling), labelling.label_map, labelling.notes)


def _class_folders(folder: Folder, part: str) -> dict[str, int]:
    """Return the code of each class folder of a part."""
    stray = folder.pictures(part)
    if stray:
        raise FerBenchError(
            f"{folder.root / part / stray[0]}: a picture outside the class folders ({len(stray)} such); its class "
            "cannot be known: move it to its class folder or away"
        )
    codes = {}
    for name in folder.folders(part):
        code = _NUMBERS.get(name, _named_code(name))
        if code is None:
            raise FerBenchError(
                f"{folder.root / part / name}: not a class folder; expected 0 to {CONTEMPT_CODE}, or "
                f"{', '.join(EMOTIONS)}, {CONTEMPT} or their usual synonyms: rename it or move it away"
            )
        codes[name] = code
    return codes


def _samples(folder: Folder, codes: dict[str, dict[str, int]], labelling: Labelling) -> Iterator[Sample | Flaw]:
    for part in sorted(codes, key=lambda part: (PARTS[part.lower()] == "test", part)):
        for name, code in codes[part].items():
            for picture in folder.pictures(f"{part}/{name}"):
                source = f"{part}/{name}/{picture}"
                if not is_utf8(source):
                    yield Flaw(source, "the file's name is not UTF-8", part=part)
                    continue
                label = labelling.label(code, part, name)
                if label is not None:
                    # With the class folder and the ending: nothing says that names are unique.
                    yield Sample(source, PARTS[part.lower()], label, source, part)
    labelling.finish()
