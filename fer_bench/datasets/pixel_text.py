"""Pictures written as numbers in CSV tables: the tables' rows, and the numbers' arrays, many at a time."""

import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.utf16 import REASON, utf_16_of
from fer_bench.errors import FerBenchError, number_of

_PEEK = 4096
"""Bytes of a table that are read for its header."""
_BUFFER = 1 << 18
"""Bytes that are read from a table at once."""
_LONGEST = 1 << 26
"""Bytes of a line: a file of one endless line would fill the memory. A row of FER-2013 has 9,000 at most."""
_BATCH = 3 << 14
"""Characters parsed at once: whatever is made of them stays in the processor's cache."""
_SPACE, _ZERO = 32, 48
_VALUES = {str(value): value for value in range(256)}


def header(table: Path) -> list[str]:
    """Return the names in a table's first line, without the spaces around them; any file is taken.

    Raises:
        OSError: the file cannot be read.
    """
    with table.open("rb") as stream:
        start = stream.readline(_PEEK)
    # Of a table in UTF-16, or with lines that end in CR alone, the names are told too, so that it is taken for a table:
    # rows then says what is wrong.
    utf_16 = utf_16_of(start)
    text = start.decode(utf_16, "ignore").removeprefix("\ufeff") if utf_16 else start.decode("utf-8-sig", "replace")
    line = text.rstrip("\r\n").partition("\r")[0]
    return [name.strip() for name in line.replace('"', "").split(",")]


def rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line on which each row of a table begins, from 1, and the row's cells.

    The header is the first row. Blank lines are skipped, a byte-order mark of UTF-8 is dropped. Bytes that are not
    UTF-8 come as lone surrogates, so that they spoil their own cell only.

    Raises:
        FerBenchError: the file cannot be read, is UTF-16, has an enormous line, or its quotation marks leave open where
            cells and rows end.
    """
    number = 1
    try:
        # Lines of 8,000 characters: as bytes from a large buffer in a third of the time that text takes.
        with table.open("rb", buffering=_BUFFER) as stream:
            lines = _lines(stream, table)
            for line in lines:
                text, taken = line.rstrip("\r\n"), 1
                if number == 1:
                    if utf_16_of(text[:_PEEK].encode("utf-8", "surrogateescape")):
                        raise FerBenchError(f"{table}: {REASON}")
                    text = text.removeprefix("\ufeff")
                    if "\r" in text:
                        raise FerBenchError(
                            f"{table}: its lines end in CR alone, as old Mac programs write them; save it "
                            "with Unix or Windows line endings"
                        )
                cells = _cells(text)
                if cells is None:
                    reader = csv.reader(itertools.chain([text + "\n"], lines), strict=True)
                    cells, taken = next(reader), reader.line_num
                if len(cells) > 1 or cells[0].strip():
                    yield number, cells
                number += taken
    except csv.Error as error:
        raise FerBenchError(
            f"{table}:{number}: the quotation marks of this row are not closed ({error}); the table is "
            "damaged: unpack or download it again"
        ) from error
    except OSError as error:
        raise FerBenchError(f"{table}: not readable as a table ({error.strerror or error})") from error


def _lines(stream: BinaryIO, table: Path) -> Iterator[str]:
    while line := stream.readline(_LONGEST):
        if len(line) == _LONGEST:
            raise FerBenchError(
                f"{table}: a line of {_LONGEST:,} bytes or more; it is no table, or a damaged one: unpack or download "
                "it again"
            )
        yield line.decode("utf-8", "surrogateescape")


def places(table: Path, names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return which of a table's columns the wanted ones are; all are there.

    Raises:
        FerBenchError: one is there twice, and which of the two counts is not known.
    """
    for name in wanted:
        if names.count(name) > 1:
            raise FerBenchError(
                f"{table}: {names.count(name)} columns of its first line are named {name}; keep the dataset's own one"
            )
    return [names.index(name) for name in wanted]


def _cells(line: str) -> list[str] | None:
    """Split a line where that needs no parser: no quotation marks, or none around anything but a plain cell.

    A parser that goes from character to character takes longer for a row than everything else together.
    """
    if '"' in line:
        pieces = line.split('"')
        between, quoted = pieces[2:-1:2], pieces[1::2]
        plain = (
            len(pieces) % 2 == 1
            and pieces[0][-1:] in ("", ",")
            and pieces[-1][:1] in ("", ",")
            and all(piece[:1] == "," == piece[-1:] for piece in between)
            and not any("," in piece for piece in quoted)
        )
        if not plain:
            return None
        line = "".join(pieces)
    return line.split(",")


def parse(texts: Sequence[str], side: int) -> list[NDArray[np.uint8] | str]:
    """Turn texts of whole numbers into square pictures.

    A text is ``side * side`` numbers from 0 to 255 in plain digits (leading zeros are fine, signs are not),
    separated by any white space, row by row.

    Args:
        texts: one a picture.
        side: height and width, pixels.

    Returns:
        For each text its picture, uint8, (``side``, ``side``), or in one line why it is none.
    """
    results: list[NDArray[np.uint8] | str] = []
    # At most three digits and a separator a pixel.
    count = max(1, _BATCH // (4 * side * side))
    for start in range(0, len(texts), count):
        results += _parse_batch(texts[start : start + count], side)
    return results


def _parse_batch(texts: Sequence[str], side: int) -> list[NDArray[np.uint8] | str]:
    pictures = _parse_normal(texts, side)
    if pictures is None:
        pictures = _parse_normal([" ".join(text.split()) for text in texts], side)
    if pictures is None:
        return [_parse_carefully(text, side) for text in texts]
    return list(pictures)


def _parse_normal(texts: Sequence[str], side: int) -> NDArray[np.uint8] | None:
    """Parse texts of the usual form: numbers of at most three digits, spaces between them, none at the end.

    Returns:
        uint8, (texts, ``side``, ``side``); ``None`` where any text is of another form or no picture.
    """
    if not all(text.isascii() for text in texts):
        return None
    characters = np.frombuffer(f"{' '.join(texts)} ".encode("ascii"), np.uint8)
    digits = characters - np.uint8(_ZERO)  # Wraps around for what comes before "0".
    is_digit = digits < 10
    last = np.flatnonzero(is_digit[:-1] > is_digit[1:])
    if len(last) != len(texts) * side * side:
        return None
    if np.count_nonzero(characters == _SPACE) != len(characters) - np.count_nonzero(is_digit):
        return None
    # No text lends a number to its neighbour.
    ends = np.cumsum([len(text) + 1 for text in texts]) - 2
    if np.any(last[side * side - 1 :: side * side] != ends):
        return None
    is_third = is_digit[2:] & is_digit[1:-1] & is_digit[:-2]
    if np.any(is_third[1:] & is_third[:-1]):
        return None
    # The value of the number so far, at every digit: cheaper than looking up the digits of each number.
    digits *= is_digit.view(np.uint8)
    hundreds = digits[:-2] * is_third.view(np.uint8)
    if hundreds.max(initial=0) > 2:
        return None
    hundreds *= np.uint8(100)
    values = digits.copy()
    values[1:] += digits[:-1] * np.uint8(10)
    values[2:] += hundreds
    if np.any(values[2:] < hundreds):  # Above 255, and so wrapped around.
        return None
    return values[last].reshape(len(texts), side, side)


def _parse_carefully(text: str, side: int) -> NDArray[np.uint8] | str:
    numbers = text.split()
    if len(numbers) != side * side:
        return f"{number_of(len(numbers), 'pixel')}, expected {side * side} ({side} x {side})"
    values = bytearray()
    for number in numbers:
        value = _VALUES.get(number.lstrip("0") or "0")
        if value is None:
            return f"pixel {number[:20]!r}, expected a whole number from 0 to 255"
        values.append(value)
    return np.frombuffer(values, np.uint8).reshape(side, side)
