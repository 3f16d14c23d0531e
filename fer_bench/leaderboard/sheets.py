"""A board as a sheet, columns, rows and notes, and sheets as Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fer_bench.render import latex, markdown
from fer_bench.render.text import cell_text
from fer_bench.tables.values import Column, Row


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One board, ready to be written."""

    title: str
    label: str
    """Of the float in LaTeX, after ``tab:leaderboard-``."""
    columns: tuple[Column, ...]
    """Words first, then numbers."""
    rows: tuple[Row, ...]
    verdict: str
    """One sentence."""
    notes: tuple[str, ...]
    """On this board."""
    reading: tuple[str, ...]
    """How to read a board of this kind; the same for all."""


def to_markdown(sheets: Sequence[Sheet]) -> str:
    """Return all sheets under a heading each, without a line end after the last line."""
    parts = ["# Leaderboard"]
    for sheet in sheets:
        parts.append(f"## {markdown.escape(sheet.title)}")
        parts.append(markdown.grid_to_markdown(sheet.columns, sheet.rows))
        parts.append(markdown.escape(sheet.verdict))
        parts.append("\n".join(f"- {markdown.escape(note)}" for note in sheet.notes))
    parts.append("## How to read it")
    parts.append("\n".join(f"- {markdown.escape(note)}" for note in sheets[0].reading))
    return "\n\n".join(parts)


def to_latex(sheets: Sequence[Sheet]) -> str:
    """Return a float over the width of the page for each sheet; needs booktabs and graphicx, as the tables do."""
    return "\n\n".join("\n".join(_float(sheet)) for sheet in sheets)


def _float(sheet: Sheet) -> list[str]:
    label = "".join(c if c.isascii() and c.isalnum() else "-" for c in sheet.label)
    return [
        r"\begin{table*}[htbp]",
        r"\centering",
        rf"\caption{{Leaderboard. {latex.escape(sheet.title)}}}",
        rf"\label{{tab:leaderboard-{label}}}",
        r"\par\smallskip",
        r"\small",
        *_tabular(sheet),
        r"\par\medskip",
        # Sloppy: the id of a recipe within a note has no place to break.
        r"\begin{minipage}{\textwidth}\footnotesize\sloppy",
        *(rf"{latex.escape(note)}\par" for note in (sheet.verdict, *sheet.notes, *sheet.reading)),
        r"\end{minipage}",
        r"\end{table*}",
    ]


def _tabular(sheet: Sheet) -> list[str]:
    """Return the rows under their columns, scaled down where they are wider than the text."""
    cells = [[cell_text(cell, escape=latex.escape, bold=latex.bold) for cell in row] for row in sheet.rows]
    return [
        r"{\setlength{\tabcolsep}{4pt}%",
        r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{''.join('l' if column.text else 'r' for column in sheet.columns)}}}",
        r"\toprule",
        " & ".join(latex.escape(column.title) for column in sheet.columns) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in cells),
        r"\bottomrule",
        r"\end{tabular}}}",
    ]


def to_csv(lines: Sequence[Mapping[str, object]]) -> str:
    """Return lines of the same keys as CSV; ``None`` is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()
