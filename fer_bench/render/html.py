"""Tables to HTML, for the report's page."""

import html

from fer_bench.render.text import cell_text, heading, laid_out, matrix_heading, matrix_rows, overall, plain, reading
from fer_bench.tables.values import Column, Grid, Row, Table


def escape(text: str) -> str:
    """Return ``text`` so that HTML shows it as it is, in an attribute too."""
    return html.escape(plain(text))


def bold(text: str) -> str:
    """Return escaped text in bold."""
    return f"<strong>{text}</strong>"


def grid_to_html(columns: tuple[Column, ...], rows: tuple[Row, ...]) -> str:
    """Return rows under their columns as a table that scrolls sideways within the page."""
    header = [escape(heading(column)) for column in columns]
    body = [[cell_text(cell, escape=escape, bold=bold) for cell in row] for row in rows]
    # "unsafehtml" is tabulate's html without its escaping: the cells are escaped already, and hold <strong>.
    return f'<div class="scroll">\n{laid_out(columns, header, body, "unsafehtml")}\n</div>'


def to_html(table: Table, *, level: int = 1) -> str:
    """Return a table with its heading of ``level`` (1 to 5) and its notes."""
    parts = [f'<h{level} id="{table.name}">{escape(table.heading)}</h{level}>']
    for block in table.blocks:
        if isinstance(block, Grid):
            if block.title:
                parts.append(f"<h{level + 1}>{escape(block.title)}</h{level + 1}>")
            if reading(block):
                parts.append(f"<p>{escape(reading(block))}</p>")
            parts.append(grid_to_html(block.columns, block.rows))
            continue
        for matrix in block.matrices:
            beside = "" if matrix.published is None else "; published in parentheses"
            parts.append(f"<h{level + 1}>{escape(matrix_heading(block, matrix))}</h{level + 1}>")
            parts.append(f"<p>{escape(overall(matrix))}{beside}</p>")
            parts.append(grid_to_html(*matrix_rows(matrix, block.classes)))
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in table.notes)
    parts.append(f'<ul class="notes">\n{notes}\n</ul>')
    return "\n".join(parts)
