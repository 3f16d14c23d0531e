"""Tables to GitHub's Markdown."""

import re

from fer_bench.render.text import cell_text, heading, laid_out, matrix_heading, matrix_rows, overall, plain, reading
from fer_bench.tables.values import Column, Grid, Matrices, Row, Table


def escape(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is, in a table's cell too."""
    text = re.sub(r"([\\`*_|<>~&])", r"\\\1", plain(text))
    # Brackets alone are harmless ("[70]"); followed by a parenthesis they would make a link.
    return text.replace("](", "]\\(")


def bold(text: str) -> str:
    """Return escaped text in bold."""
    return f"**{text}**"


def grid_to_markdown(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> str:
    """Return rows under their columns as a Markdown table."""
    header = [escape(heading(column)) for column in columns]
    body = [[cell_text(cell, escape=escape, bold=bold) for cell in row] for row in rows]
    return laid_out(columns, header, body, "github")


def to_markdown(table: Table, *, level: int = 1) -> str:
    """Return a table with its heading of ``level`` and its notes, without a line end after the last line."""
    parts = [f"{'#' * level} {escape(table.heading)}"]
    for block in table.blocks:
        if isinstance(block, Grid):
            if block.title:
                parts.append(bold(escape(block.title)))
            if reading(block):
                parts.append(reading(block))
            parts.append(grid_to_markdown(block.columns, block.rows))
        else:
            parts += _matrices(block)
    parts.append("\n".join(f"- {escape(note)}" for note in table.notes))
    return "\n\n".join(parts)


def _matrices(block: Matrices) -> list[str]:
    parts = []
    for matrix in block.matrices:
        beside = "" if matrix.published is None else "; published in parentheses"
        parts.append(f"{bold(escape(matrix_heading(block, matrix)))}: {escape(overall(matrix))}{beside}")
        parts.append(grid_to_markdown(*matrix_rows(matrix, block.classes)))
    return parts
