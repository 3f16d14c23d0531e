"""Tables to LaTeX with booktabs, and one document of them all.

A file ``tableNN.tex`` needs ``booktabs``, ``tabularx``, ``graphicx`` and, with pdfLaTeX, the T1 font encoding;
``all.tex`` is a whole document with that preamble. A table that does not fit a page of A4 goes on over several, under
one number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tabulate import DataRow, TableFormat

from fer_bench.render.latex_text import bold, escape, number_or_text
from fer_bench.render.text import GENERATED, cell_text, laid_out
from fer_bench.tables.values import Column, Grid, Matrices, Pair, Row, Table, Text, Value

_ROWS_ONLY = TableFormat(
    lineabove=None,
    linebelowheader=None,
    linebetweenrows=None,
    linebelow=None,
    headerrow=DataRow("", " & ", r" \\"),
    datarow=DataRow("", " & ", r" \\"),
    padding=0,
    with_header_hide=None,
)
"""tabulate's booktabs style escapes its cells and knows no joined columns: the rules are written here instead."""

# Heights are estimates, in points: LaTeX alone knows them, and a float that is too high runs off the page.
_PAGE = 690.0
"""Of a float that fits a page of A4 with margins of 18 mm, with something to spare."""
_LINE = 10.5
"""Of a row of a tabular."""
_RULE = 4.5
"""Of a rule with the space around it."""
_UPRIGHT = 36.0
"""Of the row of class names that are turned by 90 degrees."""
_NOTE = 10.0
"""Of a line of notes."""
_NOTE_WIDTH = 115
"""Characters in a line of notes."""
_CENTRED = r">{\centering\arraybackslash}p{34mm}"
_WIDE = 8
"""Number of columns from which on the space between them is reduced, to leave more for the digits."""


@dataclass(frozen=True)
class _Part:
    """What stays together on a page: a whole tabular, some rows of one, or notes."""

    text: str
    height: float
    """Estimated, in points."""
    columns: tuple[Column, ...] | None = None
    """Of rows: parts with the same columns that follow each other share a tabular; ``None`` for anything else."""


def to_latex(table: Table) -> str:
    """Return floating tables over the width of the page, without a line end after the last line.

    One float where everything fits a page, several under the same number otherwise.
    """
    caption = escape(table.caption)
    floats = []
    parts = [part for block in table.blocks for part in _parts(block)]
    for number, page in enumerate(_pages([*parts, *_notes(table.notes)])):
        lines = [r"\begin{table*}[htbp]", r"\centering"]
        if number == 0:
            lines += [rf"\caption{{{caption}}}", rf"\label{{tab:fer-bench-{table.slug or f'{table.number:02d}'}}}"]
        else:
            lines += [r"\addtocounter{table}{-1}", rf"\caption{{{caption} (continued)}}"]
        lines += [r"\par\smallskip", r"\small", "\n\\par\\medskip\n".join(_texts(page))]
        floats.append("\n".join([*lines, r"\end{table*}"]))
    return f"% {GENERATED}\n" + "\n\n".join(floats)


def all_tex(tables: Sequence[Table]) -> str:
    """Return a document that inputs every table's file, to be compiled within their folder.

    The counter makes the numbers the paper's.
    """
    first = min(table.number for table in tables)
    inputs = "\n".join(f"\\input{{{table.name}}}\n\\clearpage" for table in tables)
    return (
        f"% {GENERATED}\n"
        "% Compile in this folder: pdflatex all.tex\n"
        "\\documentclass[a4paper]{article}\n"
        "\\usepackage[T1]{fontenc}\n"
        "\\IfFileExists{lmodern.sty}{\\usepackage{lmodern}}{}\n"
        "\\usepackage[utf8]{inputenc}\n"
        "\\usepackage{textcomp}\n"
        "\\usepackage[margin=18mm]{geometry}\n"
        "\\usepackage{booktabs}\n"
        "\\usepackage{tabularx}\n"
        "\\usepackage{graphicx}\n"
        "\\makeatletter\\setlength{\\@fptop}{0pt}\\makeatother\n"
        "\\begin{document}\n"
        f"\\setcounter{{table}}{{{first - 1}}}\n"
        f"{inputs}\n"
        "\\end{document}"
    )


def _pages(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Return the parts in pages, as many on each as fit; the last page is never the notes alone if that can be helped.

    The first part of a tabular on a page also takes the height of its head: names of columns and rules.
    """
    pages: list[list[_Part]] = []
    filled = math.inf
    for part in parts:
        above = pages[-1][-1].columns if pages else None
        head = 0.0 if part.columns is None or part.columns == above else 2 * _LINE + 3 * _RULE
        if filled + head + part.height > _PAGE:
            pages.append([])
            filled, head = 0.0, 2 * _LINE + 3 * _RULE
        pages[-1].append(part)
        filled += head + part.height
    if len(pages) > 1 and len(pages[-1]) == 1 and len(pages[-2]) > 1:
        # Notes alone on a page belong to no table that a reader sees.
        moved = pages[-2][-1]
        if moved.height + pages[-1][0].height + 2 * _LINE + 3 * _RULE <= _PAGE:
            pages[-1].insert(0, pages[-2].pop())
    return pages


def _texts(page: Sequence[_Part]) -> list[str]:
    """Return the parts of a page, rows of the same columns in one tabular, as in the paper's Table 4."""
    texts: list[str] = []
    for columns, group in groupby(page, key=lambda part: part.columns):
        found = [part.text for part in group]
        if columns is None:
            texts += found
        else:
            texts.append(_tabular(columns, [*_header(columns, [escape(c.title) for c in columns]), *found]))
    return texts


def _notes(notes: Sequence[str]) -> list[_Part]:
    """Return the notes: one part, or several of at most a third of a page where a page would not hold them."""
    lines = [math.ceil(len(note) / _NOTE_WIDTH) for note in notes]
    if _NOTE * sum(lines) + _RULE <= _PAGE:
        return [_note_part(notes)]
    groups: list[list[str]] = []
    filled = math.inf
    for note, height in zip(notes, lines, strict=True):
        if _NOTE * (filled + height) > _PAGE / 3:
            groups.append([])
            filled = 0
        groups[-1].append(note)
        filled += height
    return [_note_part(group) for group in groups]


def _note_part(notes: Sequence[str]) -> _Part:
    lines = sum(math.ceil(len(note) / _NOTE_WIDTH) for note in notes)
    text = "\n".join(rf"{escape(note)}\par" for note in notes)
    # Sloppy: the id of a recipe within a note has no place to break.
    text = f"\\begin{{minipage}}{{\\textwidth}}\\footnotesize\\sloppy\n{text}\n\\end{{minipage}}"
    return _Part(text, _NOTE * lines + _RULE)


def _parts(block: Grid | Matrices) -> list[_Part]:
    return _sections(block) if isinstance(block, Grid) else [_matrices(block)]


def _sections(grid: Grid) -> list[_Part]:
    """Return the rows of a grid under its title; pairs as the measured values, then the published ones."""
    columns = grid.columns
    if any(isinstance(cell, Pair) for row in grid.rows for cell in row):
        measured = tuple(tuple(cell.measured if isinstance(cell, Pair) else cell for cell in row) for row in grid.rows)
        published = tuple(
            tuple(cell.published if isinstance(cell, Pair) else cell for cell in row) for row in grid.rows
        )
        titles = [f"{grid.title}, {name}" if grid.title else name.capitalize() for name in ("measured", "published")]
        return [
            section
            for title, rows in zip(titles, (measured, published), strict=True)
            for section in _sections(replace(grid, title=title, rows=rows))
        ]
    broken = 2 if any(column.wrap for column in columns) else 1
    most = int((_PAGE - 3 * _LINE - 6 * _RULE) / (broken * _LINE))
    if len(grid.rows) > most:
        return [section for piece in _pieces(grid, most) for section in _sections(piece)]
    papers, beyond = grid.rows[: len(grid.rows) - grid.beyond], grid.rows[len(grid.rows) - grid.beyond :]
    lines = [*_titled(grid.title, len(columns)), *[_body(columns, papers)] * bool(papers)]
    if beyond:
        lines += [*[r"\midrule"] * bool(papers), _body(columns, beyond)]
    rows = bool(grid.title) + broken * len(grid.rows)
    return [_Part("\n".join(lines), _LINE * rows + 3 * _RULE, columns)]


def _pieces(grid: Grid, most: int) -> list[Grid]:
    """Return a grid in pieces of at most ``most`` rows, each with the title; what is beyond the paper stays so."""
    papers, end = len(grid.rows) - grid.beyond, len(grid.rows)
    return [
        replace(
            grid,
            title=f"{grid.title} (continued)" if start and grid.title else grid.title,
            rows=grid.rows[start : start + most],
            beyond=max(0, min(start + most, end) - max(start, papers)),
        )
        for start in range(0, end, most)
    ]


def _matrices(block: Matrices) -> _Part:
    """Return confusion matrices side by side, the measured ones above the published ones."""
    size, count = len(block.classes), len(block.matrices)
    columns = (Column("True", text=True), *(Column(name) for _ in block.matrices for name in block.classes))
    # A name as wide as seven numbers, and upright names of classes: three matrices fit the page.
    names = [rf"\multicolumn{{{size}}}{{{_CENTRED}}}{{{escape(matrix.title)}}}" for matrix in block.matrices]
    rules = "".join(rf"\cmidrule{{{2 + size * i}-{1 + size * (i + 1)}}}" for i in range(count))
    upright = " & ".join(rf"\rotatebox{{90}}{{{escape(name)}}}" for name in block.classes)
    lines = [
        rf"\multicolumn{{{len(columns)}}}{{l}}{{{bold(escape(block.title))}}} \\",
        r"\midrule",
        " & ".join(["", *names]) + r" \\",
        rules,
        " & ".join([escape(columns[0].title), *[upright] * count]) + r" \\",
    ]
    measured = [matrix.measured for matrix in block.matrices]
    lines += [*_titled("Measured", len(columns)), _body(columns, _side_by_side(block.classes, measured))]
    published = [matrix.published for matrix in block.matrices if matrix.published is not None]
    if published:
        lines += [*_titled("Published", len(columns)), _body(columns, _side_by_side(block.classes, published))]
    rows = (1 + size) * (2 if published else 1) + 3
    alignment = "l" + (r"@{\hspace{9pt}}" + "r" * size) * count
    return _Part(_fitted(alignment, lines, 3), _LINE * rows + _UPRIGHT + 7 * _RULE)


def _side_by_side(classes: tuple[str, ...], matrices: Sequence[tuple[tuple[Value, ...], ...]]) -> tuple[Row, ...]:
    return tuple((Text(name), *(value for matrix in matrices for value in matrix[i])) for i, name in enumerate(classes))


def _header(columns: tuple[Column, ...], names: Sequence[str]) -> list[str]:
    """Return the rows of column names; names of groups stand above, with a rule over their columns."""
    line = " & ".join(names) + r" \\"
    if not any(column.group for column in columns):
        return [line]
    above, rules, start = [], [], 1
    for group, members in groupby(columns, key=lambda column: column.group):
        width = len(list(members))
        above.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(group)}}}" if group else " & " * (width - 1))
        if group:
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return [" & ".join(above) + r" \\", "".join(rules), line]


def _titled(title: str, width: int) -> list[str]:
    if not title:
        return [r"\midrule"]
    return [r"\midrule", rf"\multicolumn{{{width}}}{{l}}{{{bold(escape(title))}}} \\", r"\midrule"]


def _body(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> str:
    cells = [[cell_text(cell, escape=number_or_text, bold=bold) for cell in row] for row in rows]
    return laid_out(columns, [], cells, _ROWS_ONLY)


def _tabular(columns: Sequence[Column], lines: Sequence[str]) -> str:
    """Return a tabular no wider than the text: words are broken where they may be, or else everything is scaled."""
    alignment = "".join(_alignment(column) for column in columns)
    if any(column.wrap for column in columns):
        body = "\n".join([r"\toprule", *lines, r"\bottomrule"])
        return f"\\begin{{tabularx}}{{\\textwidth}}{{{alignment}}}\n{body}\n\\end{{tabularx}}"
    return _fitted(alignment, lines, 4 if len(columns) >= _WIDE else None)


def _fitted(alignment: str, lines: Sequence[str], space: int | None) -> str:
    """Return a tabular, scaled down where it is wider than the text; ``space`` is points beside each column."""
    body = "\n".join([rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", *lines, r"\bottomrule", r"\end{tabular}"])
    text = f"\\resizebox{{\\ifdim\\width>\\textwidth\\textwidth\\else\\width\\fi}}{{!}}{{%\n{body}}}"
    return text if space is None else f"{{\\setlength{{\\tabcolsep}}{{{space}pt}}%\n{text}}}"


def _alignment(column: Column) -> str:
    if column.wrap:
        return r">{\raggedright\arraybackslash}X"
    return "l" if column.text else "r"
