"""AffectNet's older edition: whole pictures in numbered folders, labels and face boxes in two tables."""

import codecs
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fer_bench.datasets.affectnet_codes import CODES, OTHER, PARTS, Labelling
from fer_bench.datasets.card import Choice, FaceBox, Flaw, Reading, Sample
from fer_bench.datasets.folder import Folder, first_entries, is_utf8, stem_of
from fer_bench.datasets.pixel_text import places, rows
from fer_bench.datasets.utf16 import utf_16_of
from fer_bench.emotions import code_of
from fer_bench.errors import FerBenchError, number_of

TABLES = {"training.csv": "train_set", "validation.csv": "val_set"}
"""The part of each table, named as in the newer edition."""
COLUMNS = (
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks", "expression",
    "valence", "arousal",
)  # fmt: skip
"""In the official order; copies of validation.csv without the header line are about."""
IMAGES = "Manually_Annotated_Images"

_PATH, _BOX, _EXPRESSION = COLUMNS[0], COLUMNS[1:5], "expression"
_CODES = {str(code): code for code in (*range(len(CODES)), *OTHER)}
_ROW = re.compile(rb'"?\d+/[^",/]+\.\w+"?,')
"""How a row begins."""
_LONGEST = 200
"""Characters of a file name, well below what file systems take."""


@dataclass(frozen=True)
class _Copy:
    """Where the parts of a copy are, relative to the folder that was named."""

    images: str
    tables: list[str]

    def evidence(self) -> str:
        return f"{self.images}/ with numbered folders, and {' and '.join(self.tables)} with the column {_PATH}"


def _look(path: Path) -> _Copy | None:
    """Find pictures and tables in ``path`` and its folders named ``Manually_Annotated...``, also one in the other."""
    outer = _annotated_folders(path)
    holders = [*outer, *(f"{name}/{inner}" for name in outer for inner in _annotated_folders(path / name))]
    # Aligned or cropped copies of the pictures may lie beside them.
    images = [name for name in holders if _has_numbered(path / name)]
    named = [name for name in images if name.rpartition("/")[2].lower() == IMAGES.lower()]
    tables = [
        f"{holder}/{table}".lstrip("/")
        for table in TABLES
        for holder in ("", *holders)
        if (path / holder / table).is_file()
    ]
    chosen = named if len(named) == 1 else images
    known = len(chosen) == 1 and any(_begins_well(path / table) for table in tables)
    return _Copy(chosen[0], tables) if known else None


def _annotated_folders(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    return sorted(
        entry.name
        for entry in first_entries(path)
        if entry.name.lower().startswith("manually_annotated") and entry.is_dir()
    )


def _has_numbered(path: Path) -> bool:
    return any(entry.name.isdecimal() and entry.is_dir() for entry in first_entries(path))


def _begins_well(table: Path) -> bool:
    with table.open("rb") as stream:
        start = stream.read(512).removeprefix(codecs.BOM_UTF8)
    if utf_16 := utf_16_of(start):  # Recognised, so that reading it says what is wrong.
        start = start.decode(utf_16, "ignore").removeprefix("\ufeff").encode()
    return _PATH.encode() in start or _ROW.match(start) is not None


def recognise_manual_csv(path: Path) -> str | None:
    """Recognise the layout ``manual-csv`` by its numbered picture folders and the first line of its tables."""
    copy = _look(path)
    return None if copy is None else copy.evidence()


def read_manual_csv(path: Path, choice: Choice) -> Reading:
    """Read the layout ``manual-csv``, cropped by the tables' face boxes or whole."""
    copy = _look(path)
    if copy is None:
        raise FerBenchError(f"{path}: holds no {IMAGES}/ with numbered folders beside {' and '.join(TABLES)}")
    folder, labelling = Folder(path), Labelling()
    places: dict[str, str] = {}
    for table in copy.tables:
        name = table.rpartition("/")[2]
        if name in places:
            raise FerBenchError(f"{path}: {places[name]} and {table} are both there; keep one of the two")
        places[name] = table
    labelling.notes += [f"{name} is not in this copy" for name in TABLES if name not in places]
    return Reading(
        _samples(folder, copy.images, places, choice.crop == "box", labelling), labelling.label_map, labelling.notes
    )


def _samples(
    folder: Folder, images: str, places: dict[str, str], boxes: bool, labelling: Labelling
) -> Iterator[Sample | Flaw]:
    pictures = _Pictures(folder, images)
    for name, part in TABLES.items():
        if name in places:
            yield from _Table(folder, places[name], part, boxes, pictures, labelling).samples()
    labelling.finish()


@dataclass
class _Pictures:
    """The pictures that no row has named yet; each folder is listed once, when a row first names it."""

    folder: Folder
    images: str
    _unused: dict[str, set[str]] = field(default_factory=dict)
    _twins: dict[str, bool] = field(default_factory=dict)
    """Ids that several pictures have, whose names differ in the ending, and whether a row has named one of them."""

    def take(self, relative: str) -> Literal["taken", "missing", "again", "twin"]:
        """Take a picture, and return what came of it; ``again`` where another row has it, ``twin`` where its id."""
        parent, _, name = relative.rpartition("/")
        if parent not in self._unused:
            place = f"{self.images}/{parent}"
            names = self.folder.files(place) if self.folder.path(place).is_dir() else []
            self._unused[parent] = set(names)
            ids = Counter(stem_of(f"{parent}/{name}") for name in names)
            self._twins |= {id_: False for id_, count in ids.items() if count > 1}
        if name in self._unused[parent]:
            self._unused[parent].remove(name)
            id_ = stem_of(relative)
            if self._twins.get(id_):
                return "twin"
            if id_ in self._twins:
                self._twins[id_] = True
            return "taken"
        return "again" if self.folder.has(f"{self.images}/{relative}") else "missing"


@dataclass(frozen=True)
class _Table:
    folder: Folder
    table: str
    part: str
    boxes: bool
    pictures: _Pictures
    labelling: Labelling

    def samples(self) -> Iterator[Sample | Flaw]:
        path = self.folder.path(self.table)
        found = rows(path)
        first = next(found, (1, []))
        columns, is_row = self._columns(first[1], path)
        place, code = columns[_PATH], columns[_EXPRESSION]
        box = [columns[name] for name in _BOX] if self.boxes else []
        width = max(place, code, *box)
        for line, row in itertools.chain([first], found) if is_row else found:
            if any("\n" in cell for cell in row):
                # No cell has one. What follows would be taken for parts of this row.
                last = line + sum(cell.count("\n") for cell in row)
                reason = f"a quotation mark joins it with all rows up to line {last:,}; expected a row a line"
                yield Flaw(f"{self.table}:{line}", reason, part=self.part)
            elif len(row) > width:
                taken = self._row(row, place, code, box, line)
                if taken is not None:
                    yield taken
            else:
                yield Flaw(
                    f"{self.table}:{line}",
                    f"{number_of(len(row), 'cell')}, fewer than the header names",
                    part=self.part,
                )

    def _columns(self, first: list[str], path: Path) -> tuple[dict[str, int], bool]:
        """Return the number of each needed column, and whether the first line is a row already."""
        names = [name.strip() for name in first]
        is_row = len(names) == len(COLUMNS) and _code(names[COLUMNS.index(_EXPRESSION)]) is not None
        if is_row:
            self.labelling.notes.append(
                f"{self.table} has no header line: its columns were taken in the official order, {', '.join(COLUMNS)}"
            )
            names = list(COLUMNS)
        needed = (_PATH, *(_BOX if self.boxes else ()), _EXPRESSION)
        missing = [name for name in needed if name not in names]
        if missing:
            found = ", ".join(name[:40] for name in names[:10]) or "none"
            raise FerBenchError(
                f"{path}: no column {', '.join(missing)} in its first line (found: {found}), commas between them; take "
                "the table from Manually_Annotated_file_lists.zip again"
            )
        return dict(zip(needed, places(path, names, needed), strict=True)), is_row

    def _expected_path(self) -> str:
        return f"expected one in {self.pictures.images}/ with / between folder and name, such as 1/0a1b2c3d.jpg"

    def _row(self, row: list[str], place: int, code_column: int, box: list[int], line: int) -> Sample | Flaw | None:
        where, part = f"{self.table}:{line}", self.part
        code = _code(row[code_column])
        if code is None:
            return Flaw(
                where, f"expression {row[code_column][:20]!r}, expected a code from 0 to {max(OTHER)}", part=part
            )
        if code in OTHER:
            self.labelling.label(code, part)
            return None
        relative, label = row[place].strip(), CODES[code]
        if not is_utf8(relative):
            return Flaw(where, "the picture's name is not UTF-8", part=part, label=label)
        steps = relative.split("/")
        if ".." in steps or relative.startswith("/"):
            raise FerBenchError(
                f"{self.folder.root / self.table}:{line}: {relative[:80]!r} leads out of the dataset folder; refusing "
                f"to follow it: {self._expected_path()}"
            )
        odd = not relative.isprintable() or "\\" in relative or max(map(len, steps)) > _LONGEST
        if odd or "" in steps or "." in steps:
            reason = f"{relative[:80]!r} is no path of a picture, {self._expected_path()}"
            return Flaw(where, reason, part=part, label=label)
        source = f"{self.pictures.images}/{relative}"
        outcome = self.pictures.take(relative)
        if outcome == "again":
            return Flaw(where, f"{relative} is named by an earlier row too", part=part, label=label)
        if outcome == "twin":
            reason = f"{relative} is named as an earlier row's picture is but for the ending; rename one of them"
            return Flaw(where, reason, part=part, label=label)
        if outcome == "missing":
            return Flaw(source, f"no such picture, but {where} names it", missing=True, part=part, label=label)
        face = None
        if box:
            face = _face_box([row[column] for column in box])
            if face is None:
                cells = ", ".join(row[column].strip()[:20] for column in box)
                reason = f"face box ({cells}), expected left, top, width and height; --crop none takes whole pictures"
                return Flaw(where, reason, part=part, label=label)
        self.labelling.label(code, part)
        return Sample(stem_of(relative), PARTS[part], label, source, part, box=face)


def _code(cell: str) -> int | None:
    return _CODES.get(code_of(cell))


def _face_box(cells: list[str]) -> FaceBox | None:
    """Return the box, ``None`` where the cells are none."""
    try:
        left, top, width, height = map(float, cells)
    except ValueError:
        return None
    if not all(map(math.isfinite, (left, top, width, height))) or width <= 0 or height <= 0:
        return None
    return FaceBox(left, top, left + width, top + height)
