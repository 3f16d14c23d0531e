"""Boards, as tables, in the forms in which people take them away: Markdown, LaTeX, CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fer_bench import render
from fer_bench.render import markdown
from fer_bench.tables.values import Table


def slug(*parts: str) -> str:
    """Return a board's name for labels in LaTeX: ``leaderboard-`` and the parts, other characters as hyphens."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in "-".join(("leaderboard", *parts)))


def to_markdown(tables: Sequence[Table], reading: Sequence[str]) -> str:
    """Return all boards under a heading each, without a line end after the last line; ``reading`` once, at the end."""
    parts = ["# Leaderboard", *(render.to_markdown(table, level=2) for table in tables), "## How to read it"]
    return "\n\n".join([*parts, "\n".join(f"- {markdown.escape(note)}" for note in reading)])


def to_latex(tables: Sequence[Table], reading: Sequence[str]) -> str:
    """Return each board as floats that stand alone, ``reading`` among their notes; the packages are the tables'."""
    return "\n\n".join(render.to_latex(_alone(table, reading)) for table in tables)


def _alone(table: Table, reading: Sequence[str]) -> Table:
    return replace(table, title=f"Leaderboard. {table.title}", notes=(*table.notes, *reading))


def to_csv(lines: Sequence[Mapping[str, object]]) -> str:
    """Return lines of the same keys as CSV; ``None`` is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()
