"""CK+ at 48 x 48 pixels: the two editions that others made of it and that people pass on.

CK+48: the faces of the last three frames of each labelled sequence in a folder a class, 981 pictures. ckextended.csv:
920 rows in the format of FER-2013, 920 = 593 + 327: a neutral picture of each sequence, and one of the emotion of each
labelled one.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from fer_bench.datasets.card import LEFT_OUT, Choice, Flaw, PixelText, Reading, Sample
from fer_bench.datasets.fer2013_tables import CODES
from fer_bench.datasets.folder import Folder, below, first_entries, shown
from fer_bench.datasets.pixel_text import header, places, rows
from fer_bench.emotions import CONTEMPT, EMOTIONS, NEUTRAL, code_of, index_of_name
from fer_bench.errors import FerBenchError, number_of

SIDE = 48
CLASS_FOLDERS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""Of CK+48."""
LAST_THREE = "last-three"
CONTEMPT_CODE = 7
TABLE = "ckextended"

_ENLARGED = f"the pictures are {SIDE} x {SIDE} pixels, and are enlarged to 224 x 224"
_PICTURE = re.compile(r"(S[0-9]+)_[0-9]+_[0-9]+\.[A-Za-z]+")
_TABLE = re.compile(rf"{TABLE}.*\.csv", re.IGNORECASE)
_CODES = {str(code): index for code, index in enumerate(CODES)} | {str(CONTEMPT_CODE): None}
"""Class index of each code of ckextended.csv: those of FER-2013, and one more."""
_COLUMNS = {"emotion", "pixels"}


def recognise_folders(path: Path) -> str | None:
    """Recognise CK+48, or the folder that holds it, by its class folders and the names of pictures in them."""
    root = _root(path)
    if root is None:
        return None
    folders = _class_folders(below(path, root))
    picture = next(filter(None, (_picture(below(path, f"{root}/{name}")) for name in folders)))
    where = f"{root}/ with " if root else ""
    return f"{where}{number_of(len(folders), 'class folder')} of pictures named like {picture}"


def read_folders(path: Path, choice: Choice) -> Reading:
    """Read CK+48; its one protocol is ``last-three``.

    Raises:
        FerBenchError: a folder is none of the classes.
    """
    label_map: dict[str, str] = {}
    notes = [_ENLARGED, "the faces were cropped by whoever made this edition"]
    return Reading(_pictures(Folder(path), _root(path) or "", label_map, notes), label_map, notes)


def recognise_table(path: Path) -> str | None:
    """Recognise ckextended.csv, or the folder that holds it, by name and header."""
    for table in _tables(path):
        columns = header(table)
        if _has_columns(columns):
            return f"the table {table.name} with the columns {', '.join(map(shown, columns))}"
    return None


def doubts_of_table(path: Path) -> list[str]:
    """Return why a table of ckextended.csv's name is not recognised, such as another separator."""
    return [
        f"{table.name}: its first line holds: {_names(columns)}; expected emotion, pixels and Usage, commas between "
        "them"
        for table, columns in ((table, header(table)) for table in _tables(path))
        if not _has_columns(columns)
    ]


def _has_columns(names: list[str]) -> bool:
    return {name.lower() for name in names} >= _COLUMNS


def _names(columns: list[str]) -> str:
    return ", ".join(shown(name[:40]) for name in columns[:10]) or "none"


def read_table(path: Path, choice: Choice) -> Reading:
    """Read ckextended.csv; its one protocol is ``ckextended``. A bad row is a flaw.

    Raises:
        FerBenchError: there are several such tables, or the table is not one of CSV with these columns.
    """
    tables = _tables(path)
    if len(tables) != 1:
        found = ", ".join(table.name for table in tables) or "none"
        raise FerBenchError(f"{path}: expected one table {TABLE}*.csv, found {found}; name the file with --source")
    label_map: dict[str, str] = {}
    notes = [
        _ENLARGED,
        "the column Usage is ignored: CK+ is a test set here, and all rows belong to it",
        "whose face a row shows is not known, so the images have no groups",
    ]
    name = tables[0].name
    table = Folder(tables[0].parent, named=name if path.is_file() else "").path(name)
    return Reading(_rows(table, label_map, notes), label_map, notes)


# CK+48


def _class(folder: str) -> int | None:
    """Return the class index of a folder's name, ``None`` for contempt.

    Raises:
        KeyError: it is none of the seven folders.
    """
    name = folder.lower()
    index = index_of_name(name)
    if name not in CLASS_FOLDERS and index in (None, NEUTRAL):
        raise KeyError(folder)
    return index


def _root(path: Path) -> str | None:
    """Return where the class folders are below ``path``: ``""``, ``"CK+48"``, or ``None`` where there are none."""
    for root in ("", "CK+48"):
        folders = _class_folders(below(path, root))
        if any(_picture(below(path, f"{root}/{name}")) for name in folders):
            return root
    return None


def _class_folders(path: Path) -> list[str]:
    """Return the names of the class folders as they are written, in the order of :data:`CLASS_FOLDERS`."""
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        found = [entry.name for entry in entries if entry.name.lower() in CLASS_FOLDERS and entry.is_dir()]
    return sorted(found, key=lambda name: (CLASS_FOLDERS.index(name.lower()), name))


def _picture(path: Path) -> str | None:
    """Return the name of the first picture in a folder that is named as CK+'s frames are."""
    names = (entry.name for entry in first_entries(path))
    return min(filter(_PICTURE.fullmatch, names), default=None)


def _pictures(folder: Folder, root: str, label_map: dict[str, str], notes: list[str]) -> Iterator[Sample | Flaw]:
    before = f"{root}/" if root else ""
    contempt = 0
    for picture in folder.pictures(root):
        yield Flaw(before + picture, "outside the class folders, so its class cannot be known")
    for name in folder.folders(root):
        try:
            label = _class(name)
        except KeyError:
            raise FerBenchError(
                f"{folder.root / root / shown(name)}: not a class folder of CK+48 ({', '.join(CLASS_FOLDERS)}); "
                "move it away"
            ) from None
        pictures = folder.of_class(before + name, notes)
        label_map[name] = LEFT_OUT if label is None else EMOTIONS[label]
        if label is None:
            contempt += len(pictures)
            continue
        for picture in pictures:
            source, match = f"{before}{name}/{picture}", _PICTURE.fullmatch(picture)
            if match is None:
                reason = "expected a name such as S010_004_00000017.png: subject, sequence and frame"
                yield Flaw(source, reason, part=LAST_THREE, label=label)
            else:
                yield Sample(Path(picture).stem, "test", label, source, LAST_THREE, group=match[1])
    if contempt:
        notes.append(f"{CONTEMPT} is none of the seven classes and was left out: {number_of(contempt, 'picture')}")


# ckextended.csv


def _tables(path: Path) -> list[Path]:
    """Return the table that ``path`` is, or those that lie in it."""
    if path.is_file():
        return [path] if _TABLE.fullmatch(path.name) else []
    if not path.is_dir():
        return []
    names = {entry.name for entry in first_entries(path) if _TABLE.fullmatch(entry.name)}
    # In a folder of very many files it may not be among the first.
    return [path / name for name in sorted(names) or [f"{TABLE}.csv"] if (path / name).is_file()]


def _rows(table: Path, label_map: dict[str, str], notes: list[str]) -> Iterator[Sample | Flaw]:
    lines = rows(table)
    columns = [name.strip().lower() for name in next(lines, (1, []))[1]]
    if not _has_columns(columns):
        raise FerBenchError(
            f"{table}: expected the columns emotion, pixels and Usage in its first line, found {_names(columns)}"
        )
    emotion, pixels = places(table, columns, ("emotion", "pixels"))
    contempt = 0
    for index, (number, row) in enumerate(lines):
        where = f"{table.name}:{number}"
        if len(row) <= max(emotion, pixels):
            yield Flaw(where, f"{number_of(len(row), 'cell')}, the first line has {len(columns)}", part=TABLE)
            continue
        code = code_of(row[emotion])
        if code not in _CODES:
            found = row[emotion].strip()[:20]
            yield Flaw(where, f"emotion {found!r}, expected a code from 0 to {CONTEMPT_CODE}", part=TABLE)
            continue
        label = _CODES[code]
        label_map[code] = LEFT_OUT if label is None else EMOTIONS[label]
        if label is None:
            contempt += 1
        else:
            yield Sample(f"{TABLE}{index:04d}", "test", label, where, TABLE, pixels=PixelText(row[pixels], SIDE))
    if contempt:
        left_out = number_of(contempt, "row")
        notes.append(f"{CONTEMPT} (code {CONTEMPT_CODE}) is none of the seven classes and was left out: {left_out}")
