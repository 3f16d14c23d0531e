"""AffectNet as others pass it on: a folder per class. Not the official split, so it is read only where it is named."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from fer_bench.datasets.affectnet_codes import CODES, CONTEMPT_CODE, Labelling
from fer_bench.datasets.card import Choice, Flaw, Reading, Sample
from fer_bench.datasets.folder import Folder, below, first_entries, is_utf8
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


def _named_code(name: str) -> int | None:
    """Return the code of a class folder's name, ``None`` where it is no name of a class."""
    if name.strip().lower() == CONTEMPT:
        return CONTEMPT_CODE
    label = index_of_name(name)
    return None if label is None else CODES.index(label)


def recognise_class_folders(path: Path) -> str | None:
    """Recognise the layout ``class-folders`` by parts with folders named by AffectNet's codes or by emotions."""
    found, named = [], False
    for part in _first_folders(path):
        if part.lower() not in PARTS:
            continue
        names = _first_folders(below(path, part))
        numbers = [name for name in names if name in _NUMBERS]
        emotions = [name for name in names if _named_code(name) is not None]
        # Folders 1 to 7 are RAF-DB's and 0 to 6 fit FER-2013, whose codes mean other classes.
        classes = numbers if {"0", str(CONTEMPT_CODE)} <= {*numbers} else emotions
        if len(classes) > 1 and not any(
            _OTHERS.fullmatch(entry.name) for entry in first_entries(below(path, f"{part}/{classes[0]}"))
        ):
            found.append(f"{part}/ with class folders {classes[0]} to {classes[-1]}")
            named = named or classes is emotions
    doubt = "; such folders may be of any dataset: see prepare --card" if named else ""
    return " and ".join(found) + doubt if found else None


def doubts_of_class_folders(path: Path) -> list[str]:
    """Return that numbers which fit AffectNet's codes and FER-2013's are not guessed."""
    numbers = {
        name for part in _first_folders(path) if part.lower() in PARTS for name in _first_folders(below(path, part))
    }
    if "0" not in numbers or str(CONTEMPT_CODE) in numbers:
        return []
    return [
        "Class folders 0 to 6 may be numbered as AffectNet's are (0 neutral) or FER-2013's (0 angry): name them by "
        "emotion, or describe them with --card"
    ]


def _first_folders(path: Path) -> list[str]:
    return sorted(entry.name for entry in first_entries(path) if entry.is_dir()) if path.is_dir() else []


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
    for code, why in ((0, "which begin at 0 (neutral)"), (CONTEMPT_CODE, "since FER-2013's are 0 to 6 as well")):
        if numbers and not any(name.endswith(f"/{code}") for name in numbers):
            raise FerBenchError(
                f"{path}: no class folder {code}, so {numbers[0]} is not surely numbered by AffectNet's codes, {why}; "
                "rename the folders to emotions, or describe them with --card"
            )
    labelling.notes.append("a re-upload: its split and its labels are not checked against the official ones")
    if numbers:
        labelling.notes.append("the numbers of the class folders were read as AffectNet's own codes")
    return Reading(_samples(folder, codes, labelling), labelling.label_map, labelling.notes)


def _class_folders(folder: Folder, part: str) -> dict[str, int]:
    """Return the code of each class folder of a part."""
    folder.require_no_stray(part)
    folder.require_folders(part, lambda name: name in _NUMBERS or _named_code(name) is not None)
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
            pictures = folder.of_class(f"{part}/{name}", labelling.notes)
            if not pictures:
                labelling.notes.append(f"{part}/{name}/ holds no pictures")
            for picture in pictures:
                source = f"{part}/{name}/{picture}"
                if not is_utf8(source):
                    yield Flaw(source, "the file's name is not UTF-8", part=part)
                    continue
                label = labelling.label(code, part, name)
                if label is not None:
                    # With the class folder and the ending: nothing says that names are unique.
                    yield Sample(source, PARTS[part.lower()], label, source, part)
    labelling.finish()
