"""Printed percentages: numbers with the digits that somebody printed, and matrices of them as CSV files."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench.errors import FerBenchError, number_of

MAX_DECIMALS = 6
"""Digits after the point that a printed percentage may have."""

MOST_IMAGES = 1_000_000
"""Largest number of images of a class."""

# No sign, no exponent: a power of ten in a file must not become a number of a million digits.
_NUMBER = re.compile(rf"([0-9]{{1,3}})(?:\.([0-9]{{1,{MAX_DECIMALS}}}))?")


@dataclass(frozen=True)
class Printed:
    """A printed number: ``value`` in units of its last digit, of which ``decimals`` stand after the point."""

    value: int
    decimals: int

    def __str__(self) -> str:
        whole, rest = divmod(self.value, 10**self.decimals)
        return f"{whole}.{rest:0{self.decimals}d}" if self.decimals else str(whole)


@dataclass(frozen=True)
class PrintedMatrix:
    """A square confusion matrix in percent of the true class: rows true, columns predicted, the same order."""

    classes: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]
    """In units of the last printed digit."""
    decimals: int
    """Digits after the point of every cell."""


def parse_percentage(text: str) -> Printed:
    """Return a percentage with the digits it was typed with.

    Raises:
        FerBenchError: it is not a plain number from 0 to 100.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise FerBenchError(
            f"{text.strip()[:40]!r} is no percentage; expected a number from 0 to 100 such as 63 or 71.2"
        )
    rest = found[2] or ""
    printed = Printed(int(found[1] + rest), len(rest))
    if printed.value > 100 * 10**printed.decimals:
        raise FerBenchError(f"{text.strip()} % is more than 100; expected a percentage")
    return printed


def parse_supports(text: str) -> tuple[int, ...]:
    """Return numbers of images from a list such as ``958,111,1024``.

    Raises:
        FerBenchError: an entry is not a whole number from 1 to :data:`MOST_IMAGES`.
    """
    entries = [entry.strip() for entry in text.split(",")]
    for entry in entries:
        if not re.fullmatch(r"[0-9]{1,12}", entry) or not 1 <= int(entry) <= MOST_IMAGES:
            raise FerBenchError(
                f"--supports holds {entry[:40]!r}; expected the number of images of each class, whole numbers from 1 "
                f"to {MOST_IMAGES:,} separated by commas such as 958,111,1024"
            )
    return tuple(int(entry) for entry in entries)


def read_matrix(path: Path, decimals: int = 0) -> PrintedMatrix:
    """Read a matrix: a header of class names, then one row a class that begins with its name, in the same order.

    The header may have a cell above the names of the rows. Empty lines are skipped.

    Args:
        path: CSV file, comma-separated, UTF-8.
        decimals: digits after the point with which the cells were rounded; ``64`` stands for ``64.0`` where it is 1.

    Raises:
        FerBenchError: the file is not readable as CSV, not square, names its rows otherwise than its columns, or has
            a cell that is no percentage or has more digits.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            lines = [(reader.line_num, [cell.strip() for cell in line]) for line in reader if any(map(str.strip, line))]
    except OSError as error:
        raise FerBenchError(f"{path}: cannot be read ({error.strerror}); expected a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FerBenchError(f"{path}: not readable as CSV ({error}); expected text in UTF-8") from error
    if len(lines) < 2:
        raise FerBenchError(
            f"{path}: {number_of(len(lines), 'line')}; expected a header of class names and one row for each class"
        )
    (_, header), rows = lines[0], lines[1:]
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:  # As spreadsheets write it where numbers have a comma.
            raise FerBenchError(f"{path}: separated by {name}; expected commas, and points in numbers such as 71.2")
    corner = len(header) == len(rows[0][1])
    if corner and all(map(_NUMBER.fullmatch, header)):
        raise FerBenchError(
            f"{path}: the first line holds numbers; expected a header of class names, and each row to begin with its "
            "class's name"
        )
    classes = header[1:] if corner else header
    _check_classes(path, classes, rows)
    cells = tuple(_row(path, number, line, classes, decimals) for number, line in rows)
    if max(map(max, cells)) <= 10**decimals:
        raise FerBenchError(
            f"{path}: no cell is above 1; these look like fractions, not percentages; multiply them by 100"
        )
    return PrintedMatrix(tuple(classes), cells, decimals)


def _check_classes(path: Path, classes: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]) -> None:
    if len(classes) != len(rows):
        raise FerBenchError(
            f"{path}: a header of {number_of(len(classes), 'cell')} over {number_of(len(rows), 'row')}; expected a "
            "square matrix, a header of class names and one row for each of them"
        )
    if "" in classes or len(set(classes)) != len(classes):
        raise FerBenchError(f"{path}: the header is {', '.join(map(repr, classes))}; expected a different name each")
    for name, (number, line) in zip(classes, rows, strict=True):
        if line[0] != name:
            raise FerBenchError(
                f"{path}, line {number}: the row begins with {line[0]!r}, the header has {name!r} there; expected the "
                "same names in the same order"
            )


def _row(path: Path, number: int, line: Sequence[str], classes: Sequence[str], decimals: int) -> tuple[int, ...]:
    if len(line) != len(classes) + 1:
        raise FerBenchError(
            f"{path}, line {number}: {number_of(len(line) - 1, 'number')} after {line[0]!r}; expected one for each of "
            f"{len(classes)} classes"
        )
    cells = []
    for text in line[1:]:
        try:
            printed = parse_percentage(text)
        except FerBenchError as error:
            raise FerBenchError(f"{path}, line {number}: {error}") from None
        if printed.decimals > decimals:
            raise FerBenchError(
                f"{path}, line {number}: {text} has {number_of(printed.decimals, 'digit')} after the point, more than "
                f"--decimals {decimals}; give the digits that every cell was printed with"
            )
        cells.append(printed.value * 10 ** (decimals - printed.decimals))
    return tuple(cells)
