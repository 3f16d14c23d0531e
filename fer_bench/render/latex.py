"""Tables to LaTeX with booktabs, and one document of them all.

A file ``tableNN.tex`` needs ``booktabs``, ``graphicx`` and, with pdfLaTeX, the T1 font encoding; ``all.tex`` is a
whole document with that preamble.
"""

import re
from collections.abc import Sequence
from itertools import groupby

from tabulate import DataRow, TableFormat

from fer_bench.render.text import GENERATED, cell_text, laid_out, plain
from fer_bench.tables.values import Column, Grid, Matrices, Row, Table, Text, Value

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

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "–": "--",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
}
_WIDE = 8
"""Columns from which a tabular is scaled to the width of the text."""


def escape(text: str) -> str:
    """Return ``text`` so that LaTeX prints it as it is; a character that T1 fonts lack prints as its code."""
    # Two hyphens, commas or apostrophes in a row would become one character.
    apart = re.sub(r"([-,'])(?=\1)", "\\1\x00", plain(text))
    return "".join(
        "{}" if c == "\x00" else _SPECIAL.get(c) or (c if ord(c) <= 0x17F else f"[U+{ord(c):04X}]") for c in apart
    )


def bold(text: str) -> str:
    """Return escaped text in bold, mathematical signs too."""
    return rf"\textbf{{{text}}}"


def to_latex(table: Table) -> str:
    """Return a floating table over the width of the page, without a line end after the last line."""
    parts = [
        f"% {GENERATED}",
        r"\begin{table*}[htbp]",
        r"\centering",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{tab:fer-bench-{table.slug or f'{table.number:02d}'}}}",
        r"\par\smallskip",
        r"\small",
    ]
    grids = [block for block in table.blocks if isinstance(block, Grid)]
    tabulars = [_stacked(list(group)) for _, group in groupby(grids, key=lambda grid: grid.columns)]
    tabulars += [_matrices(block) for block in table.blocks if isinstance(block, Matrices)]
    parts.append("\n\\par\\medskip\n".join(tabulars))
    parts.append(r"\par\medskip")
    notes = "\n".join(rf"{escape(note)}\par" for note in table.notes)
    parts.append(f"\\begin{{minipage}}{{\\textwidth}}\\footnotesize\n{notes}\n\\end{{minipage}}")
    parts.append(r"\end{table*}")
    return "\n".join(parts)


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
        "\\usepackage[utf8]{inputenc}\n"
        "\\usepackage{textcomp}\n"
        "\\usepackage[margin=18mm]{geometry}\n"
        "\\usepackage{booktabs}\n"
        "\\usepackage{graphicx}\n"
        "\\begin{document}\n"
        f"\\setcounter{{table}}{{{first - 1}}}\n"
        f"{inputs}\n"
        "\\end{document}"
    )


def _stacked(grids: list[Grid]) -> str:
    """Return grids of the same columns below one another, each under its title, as in the paper's Table 4."""
    columns = grids[0].columns
    lines = _header(columns)
    for grid in grids:
        lines += _titled(grid.title, len(columns))
        lines.append(_body(columns, grid.rows))
    return _tabular("".join("l" if column.text else "r" for column in columns), lines)


def _matrices(block: Matrices) -> str:
    """Return confusion matrices side by side, the measured ones above the published ones."""
    columns = [Column("True", text=True)]
    for matrix in block.matrices:
        columns += [Column(name, group=f"{block.title}, {matrix.title}") for name in block.classes]
    lines = _header(tuple(columns))
    measured = [matrix.measured for matrix in block.matrices]
    lines += [*_titled("Measured", len(columns)), _body(tuple(columns), _side_by_side(block.classes, measured))]
    published = [matrix.published for matrix in block.matrices if matrix.published is not None]
    if published:
        lines += [*_titled("Published", len(columns)), _body(tuple(columns), _side_by_side(block.classes, published))]
    # Twenty-two columns: less space between them leaves more for the digits.
    return "{\\setlength{\\tabcolsep}{3pt}%\n" + _tabular("l" + "r" * (len(columns) - 1), lines) + "}"


def _side_by_side(classes: tuple[str, ...], matrices: Sequence[tuple[tuple[Value, ...], ...]]) -> tuple[Row, ...]:
    return tuple((Text(name), *(value for matrix in matrices for value in matrix[i])) for i, name in enumerate(classes))


def _header(columns: tuple[Column, ...]) -> list[str]:
    """Return the rows of column names; names of groups stand above, with a rule over their columns."""
    names = " & ".join(escape(column.title) for column in columns) + r" \\"
    if not any(column.group for column in columns):
        return [names]
    above, rules, start = [], [], 1
    for group, members in groupby(columns, key=lambda column: column.group):
        width = len(list(members))
        above.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(group)}}}" if group else " & " * (width - 1))
        if group:
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return [" & ".join(above) + r" \\", "".join(rules), names]


def _titled(title: str, width: int) -> list[str]:
    if not title:
        return [r"\midrule"]
    return [r"\midrule", rf"\multicolumn{{{width}}}{{l}}{{{bold(escape(title))}}} \\", r"\midrule"]


def _body(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> str:
    cells = [[cell_text(cell, escape=_number_or_text, bold=bold) for cell in row] for row in rows]
    return laid_out(columns, [], cells, _ROWS_ONLY)


def _number_or_text(text: str) -> str:
    """Return escaped text; a leading hyphen is a number's minus."""
    return "$-$" + escape(text[1:]) if text[:1] == "-" and text[1:2].isdigit() else escape(text)


def _tabular(alignment: str, lines: list[str]) -> str:
    body = "\n".join([rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", *lines, r"\bottomrule", r"\end{tabular}"])
    return f"\\resizebox{{\\textwidth}}{{!}}{{%\n{body}}}" if len(alignment) >= _WIDE else body
