"""FER-2013 as tables of pixels, whole or one a part, with the challenge's labels or those of FER+."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from fer_bench.datasets.card import LEFT_OUT, Choice, Flaw, PixelText, Reading, Sample
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.pixel_text import header, places, rows
from fer_bench.emotions import ANGRY, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE, code_of, index_of_name
from fer_bench.errors import FerBenchError, number_of

SIDE = 48
CODES = (ANGRY, DISGUST, FEAR, HAPPY, SAD, SURPRISE, NEUTRAL)
"""Class index of each code of the ``emotion`` column."""
PARTS: dict[str, Literal["train", "test"]] = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
"""The official parts and the split each belongs to: the paper's matrices fit both test parts together."""
ORIGINAL, FERPLUS = "original", "ferplus-majority"
"""Protocols: the labels of the challenge, or those that the majority of FER+'s ten taggers gave."""
WHOLE = ("fer2013.csv", "icml_face_data.csv")
"""The same rows in the same order under two names; the first that is there is read."""
PART_OF = {
    "train.csv": "Training",
    "val.csv": "PublicTest",
    "valid.csv": "PublicTest",
    "validation.csv": "PublicTest",
    "test.csv": "PrivateTest",
}
"""The part in each table of the split edition, in the order in which the whole table holds the parts."""
VOTES = "fer2013new.csv"
VOTED = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
"""The columns of votes; NF: not a face."""

_LABELS = {str(code): index for code, index in enumerate(CODES)}
_IMAGE = re.compile(r"fer([0-9]{7})\.png")
_COUNT = re.compile(r"[0-9]{1,4}")
_FIRST = 20
"""Where all of so many first rows are flawed, the table is another one."""

_Row = TypeVar("_Row")


def recognise_whole(path: Path) -> str | None:
    """Recognise one table of all parts: a file with its columns, or a folder that holds it under its usual name."""
    table = _whole(path)
    return None if table is None else f"the table {table.name} with the columns emotion, pixels and Usage"


def recognise_split(path: Path) -> str | None:
    """Recognise a folder with tables of the training part and at least one test part, all of them with labels."""
    names = _split(path)
    if "train.csv" not in names or len({PART_OF[name] for name in names}) < 2:
        return None
    # The competition's own test.csv has no labels; icml_face_data.csv beside it has them all.
    if not all(_has_columns(path / name, "emotion", "pixels") for name in names):
        return None
    return f"the tables {', '.join(names)} with the columns emotion and pixels"


def read_whole(path: Path, choice: Choice) -> Reading:
    """Read one table of all parts.

    Raises:
        FerBenchError: it is no table of FER-2013, or FER+ was chosen and its votes are not there or not of this table.
    """
    table = _whole(path)
    if table is None:
        raise FerBenchError(f"{path}: holds neither {' nor '.join(WHOLE)} with the columns emotion, pixels and Usage")
    others = [name for name in WHOLE if name != table.name and (table.parent / name).is_file()]
    notes = [f"{table.name} was read; {name} beside it, usually the same table, was not" for name in others]
    folder = Folder(table.parent, named=table.name if path.is_file() else "")
    return _read(folder, {table.name: ""}, choice, notes)


def read_split(path: Path, choice: Choice) -> Reading:
    """Read a table a part.

    Raises:
        FerBenchError: two tables are of one part, a row is of another part than its table, or as :func:`read_whole`.
    """
    names = _split(path)
    for first, second in itertools.pairwise(names):
        if PART_OF[first] == PART_OF[second]:
            raise FerBenchError(
                f"{path}: {first} and {second} are both the part {PART_OF[first]}; keep one of them here"
            )
    note = f"ids number the rows of {', '.join(names)} in this order: those of fer2013.csv where each kept its order"
    return _read(Folder(path), {name: PART_OF[name] for name in names}, choice, [note])


def _whole(path: Path) -> Path | None:
    if path.is_file():
        # CK+ goes around as a table of these columns, ckextended.csv, which has a code 7 for contempt.
        named = path.suffix.lower() == ".csv" and not path.name.lower().startswith("ck")
        tables = [path] if named else []
    else:
        tables = [path / name for name in WHOLE if (path / name).is_file()]
    return next((table for table in tables if _has_columns(table, "emotion", "pixels", "usage")), None)


def _split(path: Path) -> list[str]:
    return [name for name in PART_OF if (path / name).is_file()]


def _has_columns(table: Path, *names: str) -> bool:
    return set(names) <= {name.lower() for name in header(table)}


def _read(folder: Folder, tables: dict[str, str], choice: Choice, notes: list[str]) -> Reading:
    """Read tables, each with the part that all its rows must be of, empty where its column Usage decides."""
    label_map: dict[str, str] = {}
    found = _rows_of(folder, tables)
    if choice.protocol == ORIGINAL:
        return Reading(_original(found, label_map), label_map, notes)
    votes = folder.path(VOTES)
    if not votes.is_file():
        raise FerBenchError(
            f"{votes}: no such file, but the protocol {FERPLUS} takes its labels from it; put the one of "
            "https://github.com/microsoft/FERPlus there, or choose the protocol original"
        )
    return Reading(_voted(found, votes, label_map, notes), label_map, notes)


def _original(found: Iterator[Sample | Flaw], label_map: dict[str, str]) -> Iterator[Sample | Flaw]:
    for row in found:
        if isinstance(row, Sample):
            label_map[str(CODES.index(row.label))] = EMOTIONS[row.label]
        yield row


def _rows_of(folder: Folder, tables: dict[str, str]) -> Iterator[Sample | Flaw]:
    """Yield a sample or a flaw for every row of the tables, in order."""
    index = 0
    for name, own in tables.items():
        table = folder.path(name)
        for row in _promising(_table_rows(table, own, index), table):
            yield row
            index += 1


def _promising(found: Iterator[_Row | Flaw], table: Path) -> Iterator[_Row | Flaw]:
    first = list(itertools.islice(found, _FIRST))
    flaws = [row for row in first if isinstance(row, Flaw)]
    if len(flaws) == _FIRST:
        raise FerBenchError(
            f"{table}: none of its first {_FIRST} rows is as expected (at {flaws[0].source}: {flaws[0].reason}); "
            "it is another table, or a damaged one"
        )
    return itertools.chain(first, found)


def _table_rows(table: Path, own: str, first: int) -> Iterator[Sample | Flaw]:
    found = rows(table)
    names = [name.strip().lower() for name in next(found, (1, []))[1]]
    wanted = ["emotion", "pixels"]
    if not own or "usage" in names:
        wanted.append("usage")
    missing = [name for name in wanted if name not in names]
    if missing:
        raise FerBenchError(
            f"{table}: no column {', '.join(missing)} in its first line (found: "
            f"{', '.join(name[:20] for name in names[:10]) or 'nothing'}); expected the table of the challenge"
        )
    columns = places(table, names, wanted)
    for index, (line, cells) in enumerate(found, first):
        yield _row(cells, columns, own, index, f"{table.name}:{line}")


def _row(cells: list[str], columns: list[int], own: str, index: int, source: str) -> Sample | Flaw:
    if len(cells) <= max(columns):
        return Flaw(source, f"{number_of(len(cells), 'cell')}, fewer than the header names", part=own)
    emotion, pixels, *usage = (cells[column] for column in columns)
    code, part = emotion.strip(), usage[0].strip() if usage else own
    label = _LABELS.get(code_of(code))
    if part not in PARTS:
        return Flaw(source, f"Usage {part[:20]!r}, expected {', '.join(PARTS)}", label=label)
    if own and part != own:
        raise FerBenchError(
            f"{source}: Usage {part}, but the rows of this table must be of {own}; it is not of the official split, "
            "unless all rows are put into one fer2013.csv, whose column Usage then decides"
        )
    if label is None:
        return Flaw(source, f"emotion {code[:20]!r}, expected a code from 0 to {len(CODES) - 1}", part=part)
    # A row's number in the whole table. FER+ numbers differently after the first 59: not every non-face has a number.
    return Sample(f"row{index:07d}", PARTS[part], label, source, part, pixels=PixelText(pixels, SIDE))


@dataclass(frozen=True, slots=True)
class _Ballot:
    source: str
    part: str
    image: str
    """Empty where the taggers saw no face."""
    votes: tuple[int, ...]
    """One number for each of :data:`VOTED`."""


def majority(votes: Sequence[int]) -> int | None:
    """Return which entry has more than half of the votes where single ones do not count; ``None`` where none has.

    The majority mode of the reader that the authors of FER+ published with it (Barsoum et al., ICMI 2016).
    """
    counted = [count if count > 1 else 0 for count in votes]
    most = max(counted)
    return counted.index(most) if 2 * most > sum(counted) else None


def _voted(
    found: Iterator[Sample | Flaw], votes: Path, label_map: dict[str, str], notes: list[str]
) -> Iterator[Sample | Flaw]:
    """Give the rows of the table the labels that the majority voted for, row by row."""
    left_out: Counter[str] = Counter()
    last, number = "", -1
    for index, (row, ballot) in enumerate(itertools.zip_longest(found, _promising(_ballots(votes), votes))):
        if row is None or ballot is None:
            raise FerBenchError(_unequal(votes, row, ballot, last))
        last = f"{row.source} and {ballot.source}"
        if isinstance(ballot, Flaw):
            yield ballot
            continue
        number = _checked_number(ballot, row, index, number, votes)
        if isinstance(row, Flaw):
            yield row
            continue
        winner = majority(ballot.votes)
        if not ballot.image:
            left_out["without an image name (no face)"] += 1
        elif winner is None:
            left_out["without a majority"] += 1
        else:
            label = index_of_name(VOTED[winner])
            label_map[VOTED[winner]] = LEFT_OUT if label is None else EMOTIONS[label]
            if label is None:
                left_out[f"voted {VOTED[winner]}"] += 1
            else:
                yield row._replace(label=label)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(left_out.items()))
    total = number_of(left_out.total(), "image")
    notes.append(f"the votes of FER+ leave out {total} ({reasons or 'every one has a majority'})")


def _unequal(votes: Path, row: Sample | Flaw | None, ballot: _Ballot | Flaw | None, last: str) -> str:
    if row is not None:
        found = f"has no line for {row.source}"
    else:
        found = f"has a line more than the table ({ballot.source if ballot else ''})"
    return f"{votes}: {found}; the last that belong together are {last or 'none'}; both need the same rows in one order"


def _checked_number(ballot: _Ballot, row: Sample | Flaw, index: int, before: int, votes: Path) -> int:
    """Check that a line of votes can be this row's; return the number of its image, ``before`` where it has none."""
    if row.part and ballot.part != row.part:
        raise FerBenchError(
            f"{ballot.source}: Usage {ballot.part[:20]!r}, but {row.source} is {row.part}; {votes} is not of this table"
        )
    if not ballot.image:
        return before
    match = _IMAGE.fullmatch(ballot.image)
    # Images are numbered in the order of the rows, some rows without a face not at all.
    if match is None or not before < int(match[1]) <= index:
        raise FerBenchError(
            f"{ballot.source}: Image name {ballot.image[:20]!r} for {row.source}, expected fer{before + 1:07d}.png to "
            f"fer{index:07d}.png; {votes} is not in the order of the table"
        )
    return int(match[1])


def _ballots(votes: Path) -> Iterator[_Ballot | Flaw]:
    found = rows(votes)
    names = [name.strip() for name in next(found, (1, []))[1]]
    wanted = ["Usage", "Image name", *VOTED]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise FerBenchError(f"{votes}: no column {', '.join(missing)} in its first line; expected the file of FER+")
    columns = places(votes, names, wanted)
    for line, cells in found:
        source = f"{votes.name}:{line}"
        if len(cells) <= max(columns):
            yield Flaw(source, f"{number_of(len(cells), 'cell')}, fewer than the header names")
            continue
        part, image, *counts = (cells[column].strip() for column in columns)
        wrong = next((count for count in counts if not _COUNT.fullmatch(count)), None)
        if wrong is None:
            yield _Ballot(source, part, image, tuple(map(int, counts)))
        else:
            yield Flaw(source, f"votes {wrong[:20]!r}, expected a whole number", part=part if part in PARTS else "")
