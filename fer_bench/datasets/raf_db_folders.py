"""RAF-DB (basic part) as others pass it on: a folder per class, with the official split, codes and file names."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fer_bench.datasets.card import Choice, Flaw, Reading, Sample
from fer_bench.datasets.folder import Folder, below, holds
from fer_bench.datasets.pixel_text import places
from fer_bench.datasets.raf_db_official import ALIGNED_NAME, LABELS, Part
from fer_bench.emotions import EMOTIONS, code_of
from fer_bench.errors import FerBenchError, number_of

PARTS: tuple[Part, ...] = ("train", "test")
_PREFIXES = ("", "DATASET/")
_COLUMNS = ("image", "label")


def _prefix(path: Path) -> str | None:
    """Return the way to the folder of ``train`` and ``test``."""
    for prefix in _PREFIXES:
        for part in PARTS:
            # First, since inspect asks this of every folder in and below a large one.
            there = below(path, f"{prefix}{part}").is_dir()
            if there and any(holds(below(path, f"{prefix}{part}/{code}"), ALIGNED_NAME) for code in LABELS):
                return prefix
    return None


def _tables(path: Path, prefix: str) -> dict[str, str]:
    """Return the label table of each part that has one: beside ``train`` or beside ``DATASET``."""
    places = [(part, f"{place}{part}_labels.csv") for part in PARTS for place in dict.fromkeys(("", prefix))]
    return {part: table for part, table in places if below(path, table).is_file()}


def recognise_class_folders(path: Path) -> str | None:
    """Recognise the layout ``class-folders`` by class folders 1 to 7 that hold pictures with the official names."""
    prefix = _prefix(path)
    if prefix is None:
        return None
    parts = " and ".join(f"{prefix}{part}/" for part in PARTS if below(path, prefix + part).is_dir())
    tables = ", ".join(_tables(path, prefix).values())
    return f"{parts} with class folders 1 to 7 of pictures named train_00001_aligned.jpg" + (
        f", and {tables}" if tables else ""
    )


def read_class_folders(path: Path, choice: Choice) -> Reading:
    """Read the layout ``class-folders``; where the label tables are there, each must agree with the folders."""
    prefix = _prefix(path)
    if prefix is None:
        raise FerBenchError(
            f"{path}: no class folders 1 to 7 of pictures named train_00001_aligned.jpg in train/ or test/"
        )
    folder, tables = Folder(path), _tables(path, prefix)
    notes: list[str] = []
    label_map: dict[str, str] = {}
    for part in PARTS:
        place = prefix + part
        if not folder.has(place):
            notes.append(f"{place}/ is not in this copy")
        elif part not in tables:
            notes.append(f"{part}_labels.csv is not in this copy: the class folders alone give the labels")
    return Reading(_samples(folder, prefix, tables, label_map, notes), label_map, notes)


def _samples(
    folder: Folder, prefix: str, tables: dict[str, str], label_map: dict[str, str], notes: list[str]
) -> Iterator[Sample | Flaw]:
    for part in PARTS:
        place = prefix + part
        if not folder.has(place):
            continue
        listed = _Listed()
        if part in tables:
            yield from _rows(folder, tables[part], part, listed)
        yield from _part(folder, place, part, tables.get(part, ""), listed, label_map, notes)


@dataclass
class _Listed:
    """The rows of a label table."""

    labels: dict[str, str] = field(default_factory=dict)
    """The cell of each picture's name."""
    lines: dict[str, int] = field(default_factory=dict)
    unused: set[str] = field(default_factory=set)


def _rows(folder: Folder, table: str, part: Part, listed: _Listed) -> Iterator[Flaw]:
    reader = csv.reader(io.StringIO(folder.text(table), newline=""))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if any(name not in header for name in _COLUMNS):
            raise FerBenchError(
                f"{folder.root / table}: the first line is {','.join(header)[:60]!r}, expected the columns "
                f"{' and '.join(_COLUMNS)}; take the table of the same download, or move it away"
            )
        columns = places(folder.root / table, header, _COLUMNS)
        for row in reader:
            if not row:
                continue
            where = f"{table}:{reader.line_num}"
            if len(row) <= max(columns):
                yield Flaw(where, f"{number_of(len(row), 'cell')}, fewer than the header names", part=part)
                continue
            name, label = (row[column].strip() for column in columns)
            if name in listed.labels:
                reason = f"{name[:60]!r} is named a second time, first in line {listed.lines[name]}"
                yield Flaw(where, reason, part=part)
                continue
            listed.labels[name], listed.lines[name] = code_of(label), reader.line_num
    except csv.Error as error:
        raise FerBenchError(f"{folder.root / table}: not readable as a CSV table ({error})") from error
    listed.unused.update(listed.labels)


def _part(
    folder: Folder,
    place: str,
    part: Part,
    table: str,
    listed: _Listed,
    label_map: dict[str, str],
    notes: list[str],
) -> Iterator[Sample | Flaw]:
    for picture, codes in sorted(_codes(folder, place, label_map, notes).items()):
        listed.unused.discard(picture)
        for code in codes:
            source = f"{place}/{code}/{picture}"
            match = ALIGNED_NAME.fullmatch(picture)
            reason = _contradiction(picture, code, codes, table, listed)
            if match is None or match[2] != part:
                yield Flaw(source, f"expected a picture named {part}_NUMBER_aligned.jpg", part=part, label=LABELS[code])
            elif reason:
                yield Flaw(source, reason, part=part)
            else:
                yield Sample(match[1], part, LABELS[code], source, part)
    for name in sorted(listed.unused):
        if "/" in name:
            # Raises where the name leads out of the folder.
            folder.path(f"{place}/{name}")
        reason = f"{name[:60]!r} is in none of the class folders of {place}/"
        label = LABELS.get(listed.labels[name])
        yield Flaw(f"{table}:{listed.lines[name]}", reason, missing=True, part=part, label=label)


def _codes(folder: Folder, place: str, label_map: dict[str, str], notes: list[str]) -> dict[str, list[str]]:
    """Return the class folders that each picture's name is in.

    Raises:
        FerBenchError: a folder is none of the classes, or a picture lies outside them.
    """
    found: dict[str, list[str]] = {}
    for code in folder.folders(place):
        if code not in LABELS:
            raise FerBenchError(
                f"{folder.root / place / code}: not a class folder; expected {', '.join(LABELS)}, the codes of RAF-DB: "
                "rename it or move it away"
            )
        label_map[code] = EMOTIONS[LABELS[code]]
        for picture in folder.of_class(f"{place}/{code}", notes):
            found.setdefault(picture, []).append(code)
    folder.require_no_stray(place)
    folder.require_folders(place, LABELS.__contains__)
    return found


def _contradiction(picture: str, code: str, codes: list[str], table: str, listed: _Listed) -> str:
    """Return what speaks against the class that the folder ``code`` gives to a picture, empty where nothing does."""
    folder_says = f"folder {code} means {EMOTIONS[LABELS[code]]}"
    if table:
        if picture not in listed.labels:
            return f"{folder_says}, but {table} does not name the picture"
        label = listed.labels[picture]
        if label != code:
            meaning = f" ({EMOTIONS[LABELS[label]]})" if label in LABELS else ""
            return f"{folder_says}, but {table}:{listed.lines[picture]} says label {label[:20]!r}{meaning}"
    elif len(codes) > 1:
        others = ", ".join(other for other in codes if other != code)
        return f"{folder_says}, but the picture is also in folder {others}"
    return ""
