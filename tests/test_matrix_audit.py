"""Which rows of a printed matrix are possible: against brute force, and through the command."""

import itertools
import json
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from fer_bench.cli import auditing
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.matrix_audit import rounded_rows
from fer_bench.matrix_audit.audit import audit_matrix
from fer_bench.matrix_audit.printed import (
    MOST_IMAGES,
    Printed,
    PrintedMatrix,
    parse_percentage,
    parse_supports,
    read_matrix,
)
from fer_bench.matrix_audit.rounded_rows import Rounding, cell_counts, possible_supports, row_roundings

DECIMAL = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.TRUNCATED: ROUND_DOWN,
    Rounding.UP: ROUND_CEILING,
}
RAF_DB = (162, 160, 74, 1185, 680, 478, 329)
SHUFFLENETV2_ON_RAF_DB = """\
,angry,disgust,fear,happy,neutral,sad,surprise
angry,68,10,1,7,5,5,4
disgust,6,44,1,14,18,13,4
fear,5,3,54,11,7,11,9
happy,1,1,0,91,4,2,1
neutral,1,2,1,6,76,10,3
sad,1,3,1,7,12,75,1
surprise,2,1,4,4,10,2,77
"""


def printed(count, support, decimals, rounding):
    """Round a percentage as a person with exact decimals would; in units of the last digit."""
    with_more = Decimal(100 * 10**decimals * count) / Decimal(support)
    return int(with_more.quantize(Decimal(1), rounding=DECIMAL[rounding]))


def compositions(total, parts):
    """Return every way to share ``total`` images among ``parts`` cells."""
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in compositions(total - first, parts - 1)]


def apportioned(counts, support):
    """Return every outcome of the method of largest remainders (ties may go either way)."""
    floors = [100 * n // support for n in counts]
    remainders = [Fraction(100 * n, support) - floor for n, floor in zip(counts, floors, strict=True)]
    raised = 100 - sum(floors)
    outcomes = set()
    for chosen in itertools.combinations(range(len(counts)), raised):
        kept = [remainders[i] for i in range(len(counts)) if i not in chosen]
        if not chosen or not kept or min(remainders[i] for i in chosen) >= max(kept):
            outcomes.add(tuple(floor + (i in chosen) for i, floor in enumerate(floors)))
    return outcomes


supports = st.integers(1, 2000)
rows_of_counts = st.lists(st.integers(0, 400), min_size=2, max_size=7).filter(any)


@given(rows_of_counts, st.integers(0, 3), st.sampled_from(sorted(DECIMAL)))
def test_what_real_counts_print_is_possible_under_their_rounding(counts, decimals, rounding):
    support = sum(counts)
    cells = [printed(n, support, decimals, rounding) for n in counts]

    ways = row_roundings(cells, support, decimals)

    assert {rounding, Rounding.MIXED} <= set(ways)
    assert (Rounding.NEAREST in ways) or rounding in (Rounding.TRUNCATED, Rounding.UP)
    for index, count in enumerate(counts):
        low, high = cell_counts(cells, index, support, decimals, rounding)
        assert low <= count <= high


@given(st.lists(st.lists(st.integers(0, 300), min_size=4, max_size=4).filter(any), min_size=4, max_size=4))
def test_the_true_overall_accuracy_lies_in_the_interval(counts):
    sums = [sum(row) for row in counts]
    cells = tuple(tuple(printed(n, total, 0, Rounding.HALF_UP) for n in row) for row, total in zip(counts, sums))  # noqa: B905
    right = sum(counts[i][i] for i in range(4))

    audit = audit_matrix(PrintedMatrix(("a", "b", "c", "d"), cells, 0), sums)

    assert all(row.feasible and not row.alone for row in audit.rows)
    low, high = audit.percent(audit.correct)
    assert low <= 100 * right / sum(sums) <= high
    assert audit.admits(Printed(printed(right, sum(sums), 1, Rounding.HALF_UP), 1))
    assert audit.correct_if_adjusted[0] <= audit.correct[0] <= audit.correct[1] <= audit.correct_if_adjusted[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 24), st.tuples(st.integers(0, 100), st.integers(0, 60), st.integers(0, 60)))
def test_brute_force_agrees_on_small_classes(support, cells):
    for rounding in DECIMAL:
        found = [
            counts
            for counts in compositions(support, 3)
            if all(printed(n, support, 0, rounding) == cell for n, cell in zip(counts, cells, strict=True))
        ]
        assert (rounding in row_roundings(cells, support, 0)) == bool(found)
        for index in range(3):
            expected = (min(c[index] for c in found), max(c[index] for c in found)) if found else None
            assert cell_counts(cells, index, support, 0, rounding) == expected


@pytest.mark.parametrize("support", [3, 7, 12, 13, 40])
def test_brute_force_agrees_on_rows_adjusted_to_sum_to_100(support):
    made = {}
    for counts in compositions(support, 3):
        for cells in apportioned(counts, support):
            made.setdefault(cells, []).append(counts)
    near = {
        (a + da, b + db, 100 - a - da - b - db)
        for a, b, _ in made
        for da, db in itertools.product((-1, 0, 1), repeat=2)
        if min(a + da, b + db, 100 - a - da - b - db) >= 0
    }

    for cells in near:
        found = made.get(cells, [])
        expected = (min(c[0] for c in found), max(c[0] for c in found)) if found else None
        assert cell_counts(cells, 0, support, 0, Rounding.ADJUSTED) == expected


@settings(max_examples=30, deadline=None)
@given(st.tuples(st.integers(0, 100), st.integers(0, 60), st.integers(0, 60)), st.integers(1, 400))
def test_the_search_for_supports_agrees_with_the_audit_of_one(cells, support):
    assert (support in possible_supports(cells, 0)) == (Rounding.NEAREST in row_roundings(cells, support, 0))


def test_equal_cells_are_looked_at_once_and_count_as_often_as_they_are_there(monkeypatch):
    """A matrix of 400 classes took minutes: 100,000 numbers of images for each of its 160,000 cells."""
    looked_at = []
    bounds = rounded_rows._bounds

    def counted(cell, *arguments):
        looked_at.append(cell)
        return bounds(cell, *arguments)

    monkeypatch.setattr(rounded_rows, "_bounds", counted)
    many = possible_supports((60, *[1] * 40, *[0] * 359), 0, 1000)
    assert looked_at == [60, 1, 0]
    # Every one of 40 cells is 0.5 to 1.5 %, and 59.5 to 60.5 % are on the diagonal.
    assert 100 in many
    assert 1000 in many
    assert 66 not in many
    for cells in ((33, 33, 33), (50, 25, 25), (20, 20, 20, 20, 20), (0, 1, 1, 49, 49)):
        for support in (3, 4, 7, 100, 333):
            expected = Rounding.NEAREST in row_roundings(cells, support, 0)
            assert (support in possible_supports(cells, 0, 400)) == expected
    # Largest remainders: 100 of 3 equal parts are 34, 33, 33, whichever has the one more.
    assert [cell_counts((34, 33, 33), i, 3, 0, Rounding.ADJUSTED) for i in range(3)] == [(1, 1)] * 3
    assert cell_counts((34, 34, 32), 0, 3, 0, Rounding.ADJUSTED) is None


def test_a_tie_that_only_one_rule_gives_names_the_rule():
    # 1 of 8 is 12.5 %, 7 of 8 are 87.5 %.
    matrix = PrintedMatrix(("a", "b"), ((88, 13), (12, 88)), 0)

    up, even = audit_matrix(matrix, (8, 8)).rows

    assert up.roundings[:2] == (Rounding.NEAREST, Rounding.HALF_UP)
    assert Rounding.HALF_EVEN not in up.roundings
    assert up.reason.endswith("if ties are rounded half up")
    assert Rounding.HALF_EVEN in even.roundings
    assert even.reason.endswith("if ties are rounded half even")


def test_reasons_give_the_numbers():
    matrix = PrintedMatrix(("a", "b"), ((100, 1), (2, 98)), 0)

    first, second = audit_matrix(matrix, (69, 69)).rows

    assert first.reason == (
        "the cells sum to 101 % and stand for at least 70 images, but the class has 69 "
        "(possible with one other cell: a 99; b 0)"
    )
    assert second.reason == (
        "no number of 69 images is 2 % (1 is 1.449 %, 2 are 2.899 %), nor 98 % (67 are 97.101 %, 68 are 98.551 %); "
        "possible only if its cells were rounded in different ways"
    )


def test_a_truncated_table_is_recognised():
    counts = ((2, 1), (1, 6))
    cells = tuple(tuple(100 * n // sum(row) for n in row) for row in counts)
    audit = audit_matrix(PrintedMatrix(("a", "b"), cells, 0), (3, 7))

    assert cells == ((66, 33), (14, 85))
    assert audit.rounding is Rounding.TRUNCATED
    assert not audit.rows[0].feasible
    assert audit.rows[0].reason.endswith("possible if truncated")
    assert audit.correct == (8, 8)


def test_an_impossible_row_counts_by_its_diagonal_cell_alone():
    audit = audit_matrix(PrintedMatrix(("a", "b"), ((50, 60), (0, 100)), 0), (10, 10))

    assert [row.alone for row in audit.rows] == [True, False]
    assert audit.correct == (15, 15)
    assert audit.percent(audit.correct) == (75.0, 75.0)


def test_a_diagonal_cell_that_no_number_of_images_gives_lies_between_two():
    """1 of 3 images is 33 %, 2 are 67 %."""
    audit = audit_matrix(PrintedMatrix(("a", "b"), ((50, 50), (10, 90)), 0), (3, 100))

    assert audit.rows[0].diagonal == audit.rows[0].adjusted == (1, 2)
    assert audit.correct == audit.correct_if_adjusted == (91, 92)
    assert [overall for overall in range(101) if audit.admits(Printed(overall, 0))] == [88, 89]


@given(st.integers(0, 100), st.integers(1, 60))
def test_whatever_is_printed_the_fewest_images_are_no_more_than_the_most(cell, support):
    audit = audit_matrix(PrintedMatrix(("a", "b"), ((cell, 100 - cell), (0, 100)), 0), (support, 1))

    for low, high in (audit.rows[0].diagonal, audit.rows[0].adjusted):
        assert 0 <= low <= high <= support
        # Within a percent of what is printed, or the next number of images.
        assert 100 * low <= support * (cell + 1)
        assert 100 * high >= support * (cell - 1)
        assert high - low <= max(1, support * 2 / 100)


def test_supports_that_do_not_belong_to_the_classes_are_refused():
    matrix = PrintedMatrix(("a", "b"), ((100, 0), (0, 100)), 0)

    with pytest.raises(FerBenchError, match=r"3 supports for 2 classes \(a, b\)"):
        audit_matrix(matrix, (1, 2, 3))
    with pytest.raises(FerBenchError, match="b has a support of 0"):
        audit_matrix(matrix, (1, 0))


@pytest.mark.parametrize("text", ["", "1,,2", "1,x", "-3,4", "0,4", "1.5", f"{MOST_IMAGES + 1}", "1e3", "٣"])
def test_supports_that_are_no_numbers_of_images_are_refused(text):
    with pytest.raises(FerBenchError, match="--supports holds"):
        parse_supports(text)


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "+1", "1e2", "nan", "inf", "1_0", "100.1", "101", "64 %", "٣", "0.1234567"]
)
def test_what_is_no_percentage_is_refused(text):
    with pytest.raises(FerBenchError, match="percentage"):
        parse_percentage(text)


def test_percentages_keep_the_digits_they_were_typed_with():
    assert parse_percentage("63") == Printed(63, 0)
    assert parse_percentage(" 71.20 ") == Printed(7120, 2)
    assert str(Printed(7105, 2)) == "71.05"


def write(folder, text):
    path = folder / "matrix.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_classes_may_have_numbers_as_names(tmp_path):
    assert read_matrix(write(tmp_path, "1,2\n1,90,10\n2,5,95\n")) == PrintedMatrix(("1", "2"), ((90, 10), (5, 95)), 0)


@pytest.mark.parametrize("header", ["a,b", ",a,b", "true class,a,b", "\ufeffa,b"])
def test_a_matrix_is_read_with_and_without_a_corner(tmp_path, header):
    path = write(tmp_path, f"{header}\r\n\r\na, 90 ,10\r\nb,0.5,99.5\r\n")

    assert read_matrix(path, 1) == PrintedMatrix(("a", "b"), ((900, 100), (5, 995)), 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 lines; expected a header"),
        ("a,b\n", "1 line; expected a header"),
        ("a,b\na,90,10\n", "2 cells over 1 row; expected a square"),
        ("a,b\na,90,10\nc,10,90\n", "line 3: the row begins with 'c', the header has 'b'"),
        ("a,b\nb,90,10\na,10,90\n", "line 2: the row begins with 'b', the header has 'a'"),
        ("a,a\na,90,10\na,10,90\n", "expected a different name each"),
        ("90,10\n10,90\n", "the first line holds numbers; expected a header of class names"),
        ("90,10,0\n10,90,0\n0,0,100\n", "the first line holds numbers; expected a header of class names"),
        ("a,b\na,90,10\nb,10\n", "line 3: 1 number after 'b'; expected one for each of 2"),
        ("a,b\na,90,10\nb,ten,90\n", "line 3: 'ten' is no percentage"),
        ("a,b\na,90,-10\nb,10,90\n", "line 2: '-10' is no percentage"),
        ("a,b\na,90,110\nb,10,90\n", "line 2: 110 % is more than 100"),
        ("a,b\na,90,9.5\nb,10,90\n", "line 2: 9.5 has 1 digit after the point, more than --decimals 0"),
        ("a,b\na,1,0\nb,0,1\n", "look like fractions"),
        (b"a,b\na,90,\xff\n", "not readable as CSV"),
        (";a;b\na;90,5;9,5\nb;10,0;90,0\n", "separated by semicolons; expected commas, and points in numbers"),
        ("a\tb\na\t90\t10\nb\t10\t90\n", "separated by tabs"),
    ],
)
def test_a_bad_file_is_named_with_its_line_and_what_was_found(tmp_path, text, message):
    path = write(tmp_path, text)

    with pytest.raises(FerBenchError) as raised:
        read_matrix(path)

    assert str(raised.value).startswith(str(path))
    assert message in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FerBenchError, match=r"none\.csv: cannot be read \(No such file"):
        read_matrix(tmp_path / "none.csv")


@given(st.text(alphabet='ab,.-0159\n"', max_size=60))
def test_wild_text_gives_a_matrix_or_one_clear_error(tmp_path_factory, text):
    path = write(tmp_path_factory.mktemp("wild"), text)
    try:
        matrix = read_matrix(path)
    except FerBenchError:
        return
    assert all(len(row) == len(matrix.classes) == len(matrix.cells) for row in matrix.cells)


def run(*arguments):
    app = typer.Typer()
    app.command()(auditing.audit_matrix)
    return CliRunner().invoke(app, [*map(str, arguments)])


def raf_db(folder):
    return write(folder, SHUFFLENETV2_ON_RAF_DB), "--supports", ",".join(map(str, RAF_DB))


def test_the_command_gives_rows_and_interval_as_json(tmp_path):
    result = run(*raf_db(tmp_path), "--overall", "80", "--json")

    assert result.exit_code == 0
    content = json.loads(result.stdout)
    assert [row["class"] for row in content["rows"]] == list(EMOTIONS)
    assert [row["sum"] for row in content["rows"]] == [100, 100, 100, 100, 99, 100, 100]
    assert all(row["feasible"] and row["reason"] for row in content["rows"])
    assert [round(end, 2) for end in content["overall_interval"]] == [78.75, 79.5]
    assert content["overall_feasible"] is False


@pytest.mark.parametrize(("overall", "feasible"), [("79", True), ("79.5", True), ("79.6", False), ("78.7", True)])
def test_the_overall_accuracy_is_rounded_as_it_was_typed(tmp_path, overall, feasible):
    result = run(*raf_db(tmp_path), "--overall", overall, "--json")

    assert json.loads(result.stdout)["overall_feasible"] is feasible


def test_without_an_overall_accuracy_nothing_is_said_of_it(tmp_path):
    assert json.loads(run(*raf_db(tmp_path), "--json").stdout)["overall_feasible"] is None


def test_the_command_prints_a_table_and_sentences(tmp_path):
    result = run(*raf_db(tmp_path), "--overall", "80")

    assert result.exit_code == 0
    assert "possible, with 514 to 520 of 680 images" in result.stdout
    assert "78.748 to 79.498 % (2,416 to 2,439 of 3,068 images)" in result.stdout
    assert "80 % needs 2,440 to 2,469 correct images: not possible, but possible if rows were adjusted" in result.stdout


def test_a_percentage_that_no_number_of_images_gives_is_said_in_words(tmp_path):
    matrix = tmp_path / "small.csv"
    matrix.write_text("a,b,c\na,100,0,0\nb,0,100,0\nc,0,0,100\n")
    result = run(matrix, "--supports", "25,69,83", "--overall", "71.23")
    assert "No number of 177 images is 71.23 %: not possible." in result.stdout


def test_findings_exit_0_and_strict_exits_1(tmp_path):
    path = write(tmp_path, "a,b\na,100,1\nb,0,100\n")

    assert run(path, "--supports", "69,10").exit_code == 0
    assert run(path, "--supports", "69,10", "--strict").exit_code == 1
    assert run(path, "--supports", "200,10", "--strict").exit_code == 0
    assert run(path, "--supports", "200,10", "--overall", "50", "--strict").exit_code == 1


def test_without_supports_the_possible_ones_are_listed(tmp_path):
    path = write(tmp_path, "a,b,c\na,67,33,0\nb,0,100,50\nc,0,0,100\n")

    result = run(path, "--json")

    first, second, third = json.loads(result.stdout)["rows"]
    assert first["possible_supports"][:4] == [3, 6, 9, 12]
    assert len(first["possible_supports"]) == 20
    assert (second["feasible"], second["possible_supports"]) == (False, [])
    assert third["possible_supports"] == list(range(1, 21))
    assert json.loads(result.stdout)["overall_interval"] is None
    assert run(path, "--strict").exit_code == 1
    assert "possible with 3, 6, 9, 12" in run(path).stdout


def test_an_overall_accuracy_without_supports_is_refused(tmp_path):
    result = run(write(tmp_path, "a,b\na,90,10\nb,10,90\n"), "--overall", "90")

    assert isinstance(result.exception, FerBenchError)
    assert "--overall needs --supports" in str(result.exception)


def test_a_bad_overall_accuracy_names_its_option(tmp_path):
    result = run(*raf_db(tmp_path), "--overall", "80%")

    assert isinstance(result.exception, FerBenchError)
    assert str(result.exception).startswith("--overall '80%' is no percentage")


def test_names_from_the_file_are_printed_as_they_are(tmp_path):
    result = run(write(tmp_path, "[red]a,b\x1b[31m\n[red]a,90,10\nb\x1b[31m,10,90\n"), "--supports", "10,10")

    assert "[red]a" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("command", [auditing.audit_matrix, auditing.audit_paper])
def test_help_ends_with_an_example(command):
    app = typer.Typer()
    app.command()(command)
    example = f"Example: fer-bench {command.__name__.replace('_', '-')}"

    assert command.__doc__.strip().splitlines()[-1].strip().startswith(example)
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0
