"""Rows of tables and numbers of pictures: the fast ways agree with the plain ones on whatever comes."""

import csv
import io
import itertools
import re
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fer_bench.datasets import pixel_text
from fer_bench.datasets.pixel_text import header, parse, rows
from fer_bench.errors import FerBenchError


def a_folder(factory):
    """A folder for every example; in the common one a table would be found by whoever looks one folder up."""
    folder = factory.getbasetemp() / "pixel-text"
    folder.mkdir(exist_ok=True)
    return folder


def plainly(text: str, side: int) -> list[int] | str:
    """What a text is, number by number."""
    numbers = text.split()
    if len(numbers) != side * side:
        found = "1 pixel" if len(numbers) == 1 else f"{len(numbers):,} pixels"
        return f"{found}, expected {side * side} ({side} x {side})"
    for number in numbers:
        if not re.fullmatch("0*([0-9]{1,2}|1[0-9][0-9]|2[0-4][0-9]|25[0-5])", number):
            return f"pixel {number[:20]!r}, expected a whole number from 0 to 255"
    return [int(number) for number in numbers]


def compare(texts: list[str], side: int) -> None:
    results = parse(texts, side)
    assert len(results) == len(texts)
    for text, result in zip(texts, results, strict=True):
        expected = plainly(text, side)
        if isinstance(result, str):
            assert result == expected
            assert "\n" not in result
        else:
            assert result.shape == (side, side)
            assert result.dtype == np.uint8
            assert result.ravel().tolist() == expected


NUMBERS = st.integers(0, 255).map(str)
ODD = (
    st.integers(-3, 400).map(str)
    | st.sampled_from(["007", "0255", "00256", "+5", "1_0", "٣", "²", "1.0", "1e2", "0x1", "-0", "nan", "", "9" * 30])
    | st.text(max_size=3)
)
SPACES = st.sampled_from(["  ", "\n", "\t", "\r\n", " \t ", "\x0b", "\x1c", "\u00a0", "\u3000", ""])


@st.composite
def wild_texts(draw: st.DrawFn) -> str:
    """Four numbers or so; most texts are unusual in one way at most."""
    count = draw(st.sampled_from([4, 4, 4, 4, 3, 5, 0]))
    numbers = draw(st.lists(NUMBERS, min_size=count, max_size=count))
    gaps = [" "] * max(0, count - 1)
    kind = draw(st.sampled_from(["usual", "number", "space", "edges", "all"]))
    if kind in ("number", "all") and numbers:
        numbers[draw(st.integers(0, count - 1))] = draw(ODD)
    if kind in ("space", "all") and gaps:
        gaps[draw(st.integers(0, count - 2))] = draw(SPACES)
    text = "".join(part for pair in zip(numbers, [*gaps, ""], strict=False) for part in pair)
    return draw(SPACES) + text + draw(SPACES) if kind in ("edges", "all") else text


@given(st.lists(wild_texts(), max_size=8))
@settings(max_examples=300, deadline=None)
@example(["1 2 3", "4 5 6 7 8"])  # As many numbers as two pictures have, and unusual nowhere.
@example(["1 2 3 ", " 4 5 6 7"])
@example(["", " 1 2 3 4"])
@example(["255 255 255 255", "256 0 0 0"])
@example(["299 300 999 1000"])
@example(["0001 1 1 1"])
def test_any_texts_give_what_they_give_number_by_number(texts: list[str]) -> None:
    compare(texts, 2)


@given(st.lists(st.text(alphabet="0129 \n", max_size=12), max_size=6), st.sampled_from([1, 2]))
@settings(max_examples=300, deadline=None)
def test_digits_and_spaces_in_any_order_too(texts: list[str], side: int) -> None:
    compare(texts, side)


def test_every_value_is_read_in_every_place() -> None:
    texts = [" ".join(str((start + step) % 256) for step in range(48 * 48)) for start in range(256)]
    images = parse(texts, 48)
    for start, image in enumerate(images):
        assert isinstance(image, np.ndarray)
        np.testing.assert_array_equal(image.ravel(), (np.arange(48 * 48) + start).astype(np.uint8))


def test_a_bad_text_does_not_spoil_its_neighbours() -> None:
    good = " ".join(["200"] * 2304)
    results = parse([good, "1 2 3", good, good.replace("200", "300", 1), good], 48)
    assert results[1] == "3 pixels, expected 2304 (48 x 48)"
    assert results[3] == "pixel '300', expected a whole number from 0 to 255"
    for index in (0, 2, 4):
        assert np.all(np.asarray(results[index]) == 200)


def test_pictures_can_be_written_to() -> None:
    """As arrays of a decoder can: none is a view of read-only bytes."""
    for text in ("1 2 3 4", "1  2 3 0004"):
        (image,) = parse([text], 2)
        assert isinstance(image, np.ndarray)
        image[0, 0] = 9
        assert image.tolist() == [[9, 2], [3, 4]]


def test_no_texts_give_no_pictures() -> None:
    assert parse([], 48) == []


# Rows of a table.

CELLS = st.text(alphabet=st.characters(exclude_characters="\r\n\0\ufeff", exclude_categories=["Cs"]), max_size=8)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_whatever_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    table: list[list[str]],
    end: str,
    quoting: Literal[0, 1],
    encoding: str,
    ended: bool,
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows(table)
    path = a_folder(tmp_path_factory) / "table.csv"
    path.write_bytes((text.getvalue() if ended else text.getvalue().removesuffix(end)).encode(encoding))
    assert list(rows(path)) == list(enumerate(table, start=1))


@given(st.text(alphabet='",a \n', max_size=20))
@settings(max_examples=500, deadline=None)
@example('a,"b"\n')
@example('"a""b",\n')
@example('"a"b"c"\n')
@example('a"b",c\n')
@example('"a",b"c"\n')
@example('"a"b,"c"\n')
@example('"a",b"\n')
@example('"a,b",c\n')
@example('"a\n,"b","c"\n')
def test_any_quotation_marks_are_read_as_the_csv_module_reads_them(
    tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    path = a_folder(tmp_path_factory) / "table.csv"
    path.write_text(content, encoding="utf-8", newline="")
    expected = []
    try:
        for row in csv.reader(io.StringIO(content, newline=""), strict=True):
            expected.append(row)
    except csv.Error:
        with pytest.raises(FerBenchError, match="quotation marks"):
            list(rows(path))
        return
    assert [cells for _, cells in rows(path)] == [row for row in expected if len(row) > 1 or "".join(row).strip()]


def test_a_row_has_the_number_of_the_line_on_which_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('a,b\n\n1,"x\ny\nz"\n  \n2,w\n', encoding="utf-8")
    assert list(rows(path)) == [(1, ["a", "b"]), (3, ["1", "x\ny\nz"]), (7, ["2", "w"])]


def test_bytes_that_are_not_utf8_spoil_their_own_cell_only(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,b\n1,\xff\n2,w\n")
    (_, first), (_, second), (_, third) = rows(path)
    assert (first, second[0], third) == (["a", "b"], "1", ["2", "w"])


@pytest.mark.parametrize("content", ['a,b\n1,2\n3,"4', 'a,b\n1,2\n"3"4,5\n', 'a,b\n1,2\n3,"' + "1 " * 200_000])
def test_open_quotation_marks_are_an_error_with_the_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FerBenchError, match=r"table\.csv:3: the quotation marks of this row"):
        list(rows(path))


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_text, "_LONGEST", 1000)
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,b\n" + b"1" * 998 + b"\n" + bytes(5000))
    found = rows(path)
    assert [number for number, _ in itertools.islice(found, 2)] == [1, 2]
    with pytest.raises(FerBenchError, match=r"table\.csv: a line of 1,000 bytes or more; it is no table"):
        next(found)


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FerBenchError, match=r"table\.csv: not readable as a table \(No such file"):
        list(rows(tmp_path / "table.csv"))


@given(st.binary(max_size=200) | st.binary(max_size=20).map(lambda data: data * 1000))
@settings(max_examples=100, deadline=None)
def test_any_file_has_a_header(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = a_folder(tmp_path_factory) / "any"
    path.write_bytes(content)
    assert all(name == name.strip() for name in header(path))


def test_names_of_a_header_come_without_mark_and_spaces(tmp_path: Path) -> None:
    path = tmp_path / "icml_face_data.csv"
    path.write_bytes(b"\xef\xbb\xbfemotion, Usage, pixels\r\n0,Training,1 2 3\r\n")
    assert header(path) == ["emotion", "Usage", "pixels"]
