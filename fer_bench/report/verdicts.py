"""What the tables say about the published values, counted."""

from collections import Counter
from collections.abc import Iterator, Sequence

from fer_bench.report.document import Element, Heading, Paragraph
from fer_bench.tables.values import Cell, Column, Grid, Number, Row, Table, Text

COLUMN = "verdict"
"""Name of the columns that are counted, in whatever case."""
_ORDER = ("exact", "consistent", "differs", "inconclusive", "not comparable", "not run")
"""Of the verdicts that are known; others follow as they come."""


def verdicts(tables: Sequence[Table]) -> list[Element]:
    """Return how often each verdict stands in each table; nothing where no table has a column of verdicts."""
    counts = {table.number: Counter(_found(table)) for table in tables}
    counts = {number: found for number, found in counts.items() if found}
    if not counts:
        return []
    total: Counter[str] = sum(counts.values(), Counter())
    names = [*(name for name in _ORDER if name in total), *(name for name in total if name not in _ORDER)]
    listed = ", ".join(f"{total[name]} {name}" for name in names)
    columns = (Column("Verdict", text=True), *(Column(f"Table {number}") for number in counts), Column("All"))
    rows: list[Row] = []
    for name in names:
        cells: list[Cell] = [Number(value=found[name], decimals=0) for found in counts.values()]
        rows.append((Text(name), *cells, Number(value=total[name], decimals=0)))
    *before, last = map(str, counts)
    where = f"Tables {', '.join(before)} and {last}" if before else f"Table {last}"
    text = f"{total.total()} published values ({where}): {listed}. The tables' notes say what that means."
    return [Heading(3, "Verdicts"), Paragraph(text), Grid("", columns, tuple(rows))]


def _found(table: Table) -> Iterator[str]:
    for block in table.blocks:
        if not isinstance(block, Grid):
            continue
        places = [place for place, column in enumerate(block.columns) if column.title.lower() == COLUMN]
        for row in block.rows:
            cells = (row[place] for place in places)
            yield from (cell.text for cell in cells if isinstance(cell, Text) and cell.text)
