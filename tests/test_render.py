"""Tables as text: golden files, escaping, the check."""

import json
import locale
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import record_factory as make
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench import metrics, paper, records
from fer_bench.errors import FerBenchError
from fer_bench.render import check_tables, to_html, to_json, to_latex, to_markdown, write_tables
from fer_bench.render.latex_text import escape as latex_escape
from fer_bench.render.markdown import escape as markdown_escape
from fer_bench.render.text import number_text
from fer_bench.selection import select
from fer_bench.tables import Table, build_tables
from fer_bench.tables.values import Column, Grid, Matrices, Matrix, Missing, Number, Pair, Range, Text, matrix_cells
from fer_bench.workspace import Results

GOLDEN = Path(__file__).parent / "golden"
"""Written anew by running these tests with UPDATE_GOLDEN=1: read the diff before committing it."""
ORIGINS = ("real", "synthetic", "grid")
"""An unfinished benchmark, the same of synthetic faces, and a whole one with models beyond the paper."""
FILES = 2 * 11 + 1


def records_of(folder: Path, origin: str) -> Results:
    results = make.results_in(folder)
    if origin == "grid":
        make.save_grid(results, models=(*paper.MODELS, "mobilenetv2-canonical", "my-net"))
    else:
        make.save_partial(results, origin=origin)
    return results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Results]:
    return {origin: records_of(tmp_path_factory.mktemp(origin), origin) for origin in ORIGINS}


@pytest.fixture(scope="module")
def tables(results: dict[str, Results]) -> dict[str, list[Table]]:
    return {origin: build_tables(select(found)) for origin, found in results.items()}


def one(*rows: tuple[object, ...], title: str = "A title") -> Table:
    columns = tuple(Column(f"Column {i}", text=i == 0) for i in range(len(rows[0])))
    return Table(4, title, False, (Grid("Block", columns, rows),), ("A note.",))


@pytest.mark.parametrize("origin", ORIGINS)
def test_golden_texts(tables: dict[str, list[Table]], origin: str, tmp_path: Path) -> None:
    folder = GOLDEN / origin
    if os.environ.get("UPDATE_GOLDEN"):
        write_tables(tables[origin], folder)
    write_tables(tables[origin], tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in folder.iterdir())
    assert len(names) == FILES
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_same_records_made_elsewhere_and_later_give_the_same_bytes(tmp_path: Path) -> None:
    texts = []
    for day in ("2024-05-01", "2025-11-30"):
        results = make.results_in(tmp_path / day)
        record = make.eval_record("clcm", "fer2013", "fer2013")
        make.save_eval(results, replace(record, environment=make.environment(f"{day}T00:00:00Z")))
        folder = tmp_path / f"{day}-tables"
        texts.append([path.read_bytes() for path in write_tables(build_tables(select(results)), folder)])
    assert texts[0] == texts[1]


def test_independent_of_the_locale(tables: dict[str, list[Table]]) -> None:
    before = [to_markdown(table) for table in tables["real"]]
    german = next((name for name in ("de_DE.UTF-8", "de_DE.utf8", "German_Germany.1252") if _set(name)), None)
    if german is None:
        pytest.skip("no German locale on this machine")
    try:
        assert [to_markdown(table) for table in tables["real"]] == before
    finally:
        locale.setlocale(locale.LC_ALL, "C")


def _set(name: str) -> bool:
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    return True


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Number(value=63.25, decimals=1), "63.2"),
        (Number(value=-0.04, decimals=1), "0.0"),
        (Number(value=-0.04, decimals=1, signed=True), "0.0"),
        (Number(value=1.26, decimals=1, signed=True), "+1.3"),
        (Number(value=3511879, decimals=0, thousands=True), "3,511,879"),
        (Number(value=-0.00821, decimals=4, star=True), "-0.0082*"),
        (Number(value=0.0584, decimals=4, sd=0.0035), "0.0584 ± 0.0035"),
    ],
)
def test_numbers(number: Number, text: str) -> None:
    assert number_text(number) == text


def test_markdown_of_a_cell_cannot_break_the_table() -> None:
    wild = "a|b *c* _d_ `e` <script>x</script> [f](http://g) \\ \n\n# h"
    text = to_markdown(one((Text(wild), Number(value=1, decimals=0, best=True))))
    row = next(line for line in text.splitlines() if line.startswith("| a"))
    assert row.count("|") - row.count("\\|") == 3
    assert "<script>" not in row.replace("\\<", "")
    assert "](" not in row
    assert "**1**" in row
    assert len([line for line in text.splitlines() if line.startswith("#")]) == 1


def test_latex_escapes_every_special_character() -> None:
    assert latex_escape("50% & a_b #1 $x$ {y} ~^\\ <|>") == (
        r"50\% \& a\_b \#1 \$x\$ \{y\} \textasciitilde{}\textasciicircum{}\textbackslash{} "
        r"\textless{}\textbar{}\textgreater{}"
    )
    assert latex_escape("a--b, paper's") == "a-{}-b, paper's"
    assert latex_escape("1 ± 2 × – é 漢") == r"1 $\pm$ 2 $\times$ -- é [U+6F22]"


def test_what_begins_a_row_is_no_argument_of_the_row_before() -> None:
    text = to_latex(one((Text("a"), Missing()), (Text("* b"), Missing()), (Text("[c]"), Missing())))
    assert "{}* b &" in text
    assert "{}[c] &" in text


def test_latex_minus_is_a_minus() -> None:
    text = to_latex(one((Text("x"), Number(value=-0.5, decimals=1, star=True), Text("semi-automatic"))))
    assert "$-$0.5*" in text
    assert "semi-automatic" in text
    text = to_latex(one((Text("x"), Range(low=-1.5, high=-0.5, decimals=1), Text("5 to 6"))))
    assert "$-$1.5 to $-$0.5" in text


def test_html_is_escaped() -> None:
    text = to_html(one((Text('<img src=x onerror="alert(1)">'), Missing()), title="<b>"))
    assert "<img" not in text
    assert "<b>" not in text
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in text


@pytest.mark.parametrize("origin", ORIGINS)
def test_json_holds_what_is_printed_unrounded(tables: dict[str, list[Table]], origin: str) -> None:
    def printed(cell: object) -> str:
        if cell is None:
            return "–"
        if isinstance(cell, str):
            return cell
        assert isinstance(cell, dict)
        if "measured" in cell:
            return f"{printed(cell['measured'])} ({printed(cell['published'])})"
        if "low" in cell:
            return f"{cell['low']:.{cell['decimals']}f} to {cell['high']:.{cell['decimals']}f}"
        text = f"{cell['value']:z.{cell['decimals']}f}"
        text += f" ± {cell['sd']:.{cell['decimals']}f}" if cell["sd"] is not None else ""
        text += "*" if cell["star"] else ""
        return f"**{text}**" if cell["best"] else text

    def bare(text: str) -> str:
        return re.sub(r"[+,\\†]", "", text).strip()

    rows = 0
    for table in tables[origin]:
        content = json.loads(json.dumps(to_json(table), allow_nan=False))
        markdown = to_markdown(table).splitlines()
        lines = [[bare(cell) for cell in line.strip("|").split("|")] for line in markdown if line.startswith("|")]
        for block in content["blocks"]:
            for row in block.get("rows", ()):
                assert [bare(printed(cell)) for cell in row] in lines
                rows += 1
            for matrix in block.get("matrices", ()):
                assert len(matrix["measured"]) == len(block["classes"]) == 7
        assert content["synthetic"] == (origin == "synthetic" and table.number > 3)
    assert rows > 60


def test_what_does_not_print_is_replaced() -> None:
    assert markdown_escape("a\x00b\u202ec\td") == "a\ufffdb\ufffdc d"


def test_check_is_silent_where_nothing_changed(tables: dict[str, list[Table]], tmp_path: Path) -> None:
    write_tables(tables["real"], tmp_path)
    assert check_tables(tables["real"], tmp_path) == ""


def test_check_shows_changes_missing_and_stale_files(tables: dict[str, list[Table]], tmp_path: Path) -> None:
    write_tables(tables["real"], tmp_path)
    edited = tmp_path / "table04.md"
    edited.write_text(edited.read_text(encoding="utf-8").replace("| CLCM ", "| CLCM!"), encoding="utf-8")
    (tmp_path / "table05.tex").unlink()
    (tmp_path / "table99.md").write_text("old\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("mine\n", encoding="utf-8")
    (tmp_path / "table06.md").write_bytes((tmp_path / "table06.md").read_bytes().replace(b"\n", b"\r\n"))
    difference = check_tables(tables["real"], tmp_path)
    assert "--- table04.md\n" in difference
    assert "\n-| CLCM!" in difference
    assert "\n+| CLCM " in difference
    assert "--- table05.tex (missing)" in difference
    assert "+++ table99.md (stale: no such table)" in difference
    assert "\n-old" in difference
    assert "--- table06.md" in difference
    assert "README" not in difference
    assert "table10" not in difference
    write_tables(tables["real"], tmp_path)
    assert check_tables(tables["real"], tmp_path) == ""
    assert (tmp_path / "README.md").exists()


def test_check_of_an_absent_folder_shows_every_file(tables: dict[str, list[Table]], tmp_path: Path) -> None:
    assert check_tables(tables["real"], tmp_path / "none").count("(missing)") == FILES


def test_check_of_a_binary_file_says_so(tables: dict[str, list[Table]], tmp_path: Path) -> None:
    write_tables(tables["real"], tmp_path)
    (tmp_path / "table04.md").write_bytes(b"\xff\xfe")
    with pytest.raises(FerBenchError, match=r"table04\.md: not readable"):
        check_tables(tables["real"], tmp_path)


counts = st.integers(0, 10**6)
matrices = st.lists(st.lists(counts, min_size=7, max_size=7), min_size=7, max_size=7)


@given(matrix=matrices)
@settings(max_examples=60, deadline=None)
def test_any_matrix_renders(matrix: list[list[int]]) -> None:
    cells = matrix_cells(metrics.row_percentages(matrix))
    shown = Matrix("CLCM", cells, Missing(), cells, Number(value=63, decimals=0))
    table = Table(8, "Matrices", False, (Matrices("FER-2013", tuple("ABCDEFG"), (shown,) * 3),), ("note",))
    assert to_markdown(table).count("\n| A") == 3
    lines = [line for line in to_latex(table).splitlines() if line.startswith("A ")]
    assert [line.count("&") for line in lines] == [21, 21]
    assert to_html(table).count("<tr>") == 3 * 8


@given(text=st.text(max_size=40), value=st.floats(-1e9, 1e9))
@settings(max_examples=100, deadline=None)
def test_any_text_renders_in_every_form(text: str, value: float) -> None:
    table = one((Text(text), Number(value=value, decimals=2, signed=True)), title=text)
    rows = [line for line in to_markdown(table).splitlines() if line.startswith("|")]
    assert len(rows) == 3
    unescaped = rows[2].replace("\\\\", "").replace("\\|", "")
    assert unescaped.count("|") == 3
    assert to_html(table).count("<td") == 2
    assert to_latex(table).count("\n") == to_latex(one((Text("x"), Missing()))).count("\n")


def compile_all(folder: Path) -> str:
    """Compile ``all.tex`` twice, as references need, and return the log."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        assert done.returncode == 0, done.stdout[-3000:]
    return (folder / "all.log").read_text(encoding="utf-8", errors="replace")


def complaints(log: str) -> list[str]:
    """Return what would be cut or missing in print."""
    signs = ("Overfull", "undefined", "multiply defined", "too large for page", "Missing character", "Rerun to get")
    return [line for line in log.splitlines() if any(sign in line for sign in signs)]


with_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed: the LaTeX of the tables is not compiled here"
)


@with_latex
@pytest.mark.parametrize("origin", ORIGINS)
def test_all_tex_compiles(tables: dict[str, list[Table]], origin: str, tmp_path: Path) -> None:
    write_tables(tables[origin], tmp_path)
    assert complaints(compile_all(tmp_path)) == []


@with_latex
def test_the_committed_tables_compile(tmp_path: Path) -> None:
    for path in (Path(__file__).parent.parent / "tables").glob("*.tex"):
        shutil.copy(path, tmp_path)
    log = compile_all(tmp_path)
    assert complaints(log) == []
    assert all(f"(./table{number:02d}.tex" in log for number in range(1, 12))


@with_latex
def test_any_escaped_text_compiles(tmp_path: Path) -> None:
    """Every printable character of the first code points, and the worst neighbours, within cells and notes."""
    wild = "".join(chr(code) for code in range(32, 0x2200))
    rows = [(Text(wild[start : start + 60]), Number(value=-1.5, decimals=1)) for start in range(0, 420, 60)]
    notes = tuple(wild[start : start + 400] for start in range(0, len(wild), 400))
    write_tables([replace(one(*rows, title="--,,'''`` \\ {} % $ & # _ ~ ^"), notes=notes)], tmp_path)
    compile_all(tmp_path)


def test_a_table_longer_than_a_page_goes_on_under_its_number() -> None:
    grids = tuple(
        Grid(f"Block {i}", (Column("A", text=True), Column("B")), ((Text("x"), Number(value=i, decimals=0)),) * 12)
        for i in range(9)
    )
    text = to_latex(Table(6, "Long", False, grids, ("A note.",)))
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == 3
    assert text.count(r"\label{tab:fer-bench-06}") == 1
    assert text.count(r"\addtocounter{table}{-1}") == text.count("(continued)") == 2
    assert text.count("x & ") == 9 * 12
    # What goes on is a table, not its notes alone.
    notes = tuple("A note that fills a line of the page. " * 3 for _ in range(40))
    last = to_latex(Table(6, "Long", False, grids[:4], notes)).rpartition(r"\begin{table*}")[2]
    assert "x & 3" in last
    assert last.count("A note that fills") == 3 * 40


def test_a_grid_or_notes_longer_than_a_page_are_parted() -> None:
    columns = (Column("A", text=True), Column("B"))
    rows = tuple((Text("x"), Number(value=i, decimals=0)) for i in range(130))
    notes = tuple(f"Note {i} that fills a line of the page. {'And more. ' * 7}" for i in range(90))
    text = to_latex(Table(6, "Long", False, (Grid("Block", columns, rows, beyond=100),), notes))
    floats = text.split(r"\begin{table*}")[1:]
    assert [part.count("x & ") for part in floats if "x & " in part] == [60, 60, 10]
    assert text.count("Block (continued)") == 2
    assert [int(value) for value in re.findall(r"x & +(\d+)", text)] == list(range(130))
    assert floats[0].count("\\midrule") == floats[1].count("\\midrule") + 1, "a rule before what is beyond the paper"
    assert [int(value) for value in re.findall(r"Note (\d+)", text)] == list(range(90))
    for part in floats:
        assert 10.5 * part.count("x & ") + 10 * part.count("Note ") <= 690


def test_latex_prints_pairs_as_two_parts_and_rules_off_what_is_beyond_the_paper() -> None:
    columns = (Column("Method", text=True), Column("Accuracy"))
    pair = Pair(Number(value=0.5, decimals=2), Number(value=0.25, decimals=2))
    text = to_latex(Table(4, "T", False, (Grid("", columns, ((Text("a"), pair),)),), ()))
    assert re.findall(r"Measured|Published|a & 0\.\d\d", text) == ["Measured", "a & 0.50", "Published", "a & 0.25"]
    rows = ((Text("a"), Range(low=-0.04, high=1, decimals=1)), (Text("b"), Missing()))
    lines = to_latex(Table(4, "T", False, (Grid("", columns, rows, beyond=1),), ())).splitlines()
    assert lines[lines.index(r"a & 0.0 to 1.0 \\") + 1 :][:2] == [r"\midrule", r"b & -- \\"]


SAME_BYTES = """
import hashlib, sys
from pathlib import Path
from fer_bench.render import write_tables
from fer_bench.selection import select
from fer_bench.tables import build_tables
from fer_bench.workspace import Results
folder, out = map(Path, sys.argv[1:])
written = write_tables(build_tables(select(Results(folder / "records", out, folder))), out)
print(hashlib.sha256(b"".join(path.read_bytes() for path in written)).hexdigest(), len(written))
"""


def test_the_same_bytes_in_any_locale_time_zone_and_hash_seed(results: dict[str, Results], tmp_path: Path) -> None:
    folder = results["grid"].records.parent
    worlds = (
        {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8"},
        {"PYTHONHASHSEED": "4242", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0"},
    )
    answers = set()
    for number, world in enumerate(worlds):
        command = [sys.executable, "-c", SAME_BYTES, str(folder), str(tmp_path / f"tables-{number}")]
        answers.add(
            subprocess.run(command, env={**os.environ, **world}, capture_output=True, text=True, check=True).stdout
        )
    assert len(answers) == 1
    assert answers.pop().endswith(f" {FILES}\n")


def test_wild_names_in_records_render(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    name = "wei_rd&%$#{}~^-0123abcd"
    record = make.train_record("clcm", "fer2013", recipe=name)
    records.save(results.records, replace(record, start=replace(record.start, source="we|ights<1>.h5")))
    make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013", recipe=name))
    table = build_tables(select(results))[3]
    assert r"wei\_rd\&\%\$\#\{\}\textasciitilde{}\textasciicircum{}-0123abcd" in to_latex(table)
    assert r"we\|ights\<1\>.h5" in to_markdown(table)
