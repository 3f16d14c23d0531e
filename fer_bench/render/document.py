"""Tables to JSON, for scripts: values unrounded, with what the printed form says by digits, stars and bold type."""

from typing import Any

from fer_bench.tables.values import Cell, Grid, Matrices, Missing, Number, Pair, Range, Table, Text


def to_json(table: Table) -> dict[str, Any]:
    """Return a table as JSON content.

    A cell without a record is ``null``, words are a string, a number is an object: its ``value`` in the unit of its
    column, the ``decimals`` that the printed table shows, the sample standard deviation ``sd`` over seeds or calls
    (``null`` of one value), whether it is ``best`` of its column and has the ``star`` of significance. A measured value
    beside a published one is ``{"measured": ..., "published": ...}``, an interval ``{"low": ..., "high": ...}``.
    """
    return {
        "name": table.name,
        "number": table.number or None,
        "title": table.title,
        "synthetic": table.synthetic,
        "blocks": [_grid(block) if isinstance(block, Grid) else _matrices(block) for block in table.blocks],
        "notes": list(table.notes),
    }


def _grid(grid: Grid) -> dict[str, Any]:
    return {
        "kind": "rows",
        "title": grid.title,
        "columns": [{"group": column.group, "title": column.title} for column in grid.columns],
        "rows": [[_cell(cell) for cell in row] for row in grid.rows],
        "beyond_the_paper": grid.beyond,
    }


def _matrices(block: Matrices) -> dict[str, Any]:
    return {
        "kind": "confusion matrices",
        "title": block.title,
        "classes": list(block.classes),
        "matrices": [
            {
                "title": matrix.title,
                "measured": [[_cell(cell) for cell in row] for row in matrix.measured],
                "accuracy": _cell(matrix.accuracy),
                "published": matrix.published and [[_cell(cell) for cell in row] for row in matrix.published],
                "published_accuracy": _cell(matrix.published_accuracy),
            }
            for matrix in block.matrices
        ],
    }


def _cell(cell: Cell) -> Any:
    if isinstance(cell, Text):
        return cell.text
    if isinstance(cell, Missing):
        return None
    if isinstance(cell, Pair):
        return {"measured": _cell(cell.measured), "published": _cell(cell.published)}
    if isinstance(cell, Range):
        return {"low": cell.low, "high": cell.high, "decimals": cell.decimals}
    return _number(cell)


def _number(number: Number) -> dict[str, Any]:
    return {
        "value": number.value,
        "decimals": number.decimals,
        "sd": number.sd,
        "star": number.star,
        "best": number.best,
    }
