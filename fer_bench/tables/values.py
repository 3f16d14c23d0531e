"""What a table holds: values with their meaning, not text. ``fer_bench.render`` turns them into text."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_bench.errors import FerBenchError


@dataclass(frozen=True)
class Text:
    """Plain text; the renderer escapes it."""

    text: str


@dataclass(frozen=True)
class Missing:
    """No record tells: printed as an en dash, never guessed."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """A finite number in the unit of its column.

    Raises:
        FerBenchError: the value or the standard deviation is not finite.
    """

    value: float
    decimals: int
    """Digits after the point."""
    sd: float | None = None
    """Sample standard deviation, printed after ±."""
    signed: bool = False
    """Print a plus sign too: for differences."""
    thousands: bool = False
    """Separate thousands by a comma."""
    star: bool = False
    """Marked as significant."""
    best: bool = False
    """Best of its column within its block: bold."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or not math.isfinite(self.sd or 0.0):
            raise FerBenchError(f"a record gives the value {self.value} ± {self.sd}; expected finite numbers")


Value = Number | Missing


@dataclass(frozen=True)
class Pair:
    """A measured value with the published one, printed as ``measured (published)``."""

    measured: Value
    published: Value


@dataclass(frozen=True, kw_only=True)
class Range:
    """An interval in the unit of its column, printed as ``61.2 to 64.1``."""

    low: float
    high: float
    decimals: int


Cell = Text | Number | Missing | Pair | Range
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """A column and, where several columns belong together, the name above them."""

    title: str
    group: str = ""
    text: bool = False
    """Left-aligned words instead of right-aligned numbers."""
    wrap: bool = False
    """Words that may be broken into lines where the page is narrow."""


@dataclass(frozen=True)
class Grid:
    """Rows under columns; consecutive grids with the same columns are stacked, as in the paper's Table 4."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    beyond: int = 0
    """How many of the last rows are beyond the paper: ruled off where the markup can."""


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix in percent of the true class, and the published one where there is one to compare."""

    title: str
    measured: tuple[tuple[Value, ...], ...]
    """Rows true, columns predicted, in the order of the classes."""
    accuracy: Value
    """Overall, percent."""
    published: tuple[tuple[Value, ...], ...] | None
    """``None`` beside synthetic results."""
    published_accuracy: Value


@dataclass(frozen=True)
class Matrices:
    """Confusion matrices that the paper prints side by side."""

    title: str
    classes: tuple[str, ...]
    matrices: tuple[Matrix, ...]


@dataclass(frozen=True)
class Table:
    """A table filled from records: one of the paper's, or one that the paper does not have."""

    number: int
    """As in the paper; 0 for a table that the paper does not have."""
    title: str
    synthetic: bool
    blocks: tuple[Grid | Matrices, ...]
    notes: tuple[str, ...]
    """Where the values come from and how to read them, as plain text."""
    slug: str = ""
    """Name of a table without a number, in file names and labels."""

    @property
    def name(self) -> str:
        """File name without its ending, e.g. ``table04``."""
        return self.slug or f"table{self.number:02d}"

    @property
    def heading(self) -> str:
        """The caption after the number, where there is one."""
        return f"Table {self.number}. {self.caption}" if self.number else self.caption

    @property
    def caption(self) -> str:
        """The title, which says so where the results are synthetic."""
        return f"{self.title} (synthetic faces, demo)" if self.synthetic else self.title


def mean_of(values: Sequence[float], *, decimals: int, scale: float = 1.0) -> Value:
    """Return the mean of one value a seed with the sample standard deviation (n - 1), times ``scale``.

    One value has no deviation; none, or any nan (a class without images), gives :class:`Missing`.
    """
    array = np.asarray(values, dtype=np.float64) * scale
    if array.size == 0 or np.isnan(array).any():
        return Missing()
    sd = float(array.std(ddof=1)) if array.size > 1 else None
    return Number(value=float(array.mean()), decimals=decimals, sd=sd)


def difference(measured: Value, published: float, *, decimals: int) -> Value:
    """Return measured minus published, :class:`Missing` where nothing was measured."""
    if isinstance(measured, Missing):
        return measured
    return Number(value=measured.value - published, decimals=decimals, signed=True)


def matrix_cells(matrix: NDArray[np.float64]) -> tuple[tuple[Value, ...], ...]:
    """Return percentages as cells without decimals; nan, the row of a class without images, is missing."""
    return tuple(
        tuple(Missing() if math.isnan(value) else Number(value=float(value), decimals=0) for value in row)
        for row in matrix
    )


def mark_best(
    rows: Sequence[Row], column: int, *, lowest: bool = False, never: Collection[int] = ()
) -> tuple[Row, ...]:
    """Return the rows with the best number of a column marked, equals as printed too.

    Of a :class:`Pair` the measured value counts. A column with fewer than two different numbers has no best one. Rows
    in ``never``, by their place, count but are not marked: no second is called the best in their stead.
    """
    numbers = [_measured(row[column]) for row in rows]
    printed = [round(n.value, n.decimals) for n in numbers if n is not None]
    if len(set(printed)) < 2:
        return tuple(rows)
    best = min(printed) if lowest else max(printed)
    return tuple(
        row if n is None or i in never or round(n.value, n.decimals) != best else _with_best(row, column)
        for i, (row, n) in enumerate(zip(rows, numbers, strict=True))
    )


def best_of(cells: Sequence[Cell], *, never: Collection[int] = ()) -> tuple[Cell, ...]:
    """Return the cells of one row with the highest number marked, as :func:`mark_best` does in a column."""
    return tuple(cell for (cell,) in mark_best([(cell,) for cell in cells], 0, never=never))


def _measured(cell: Cell) -> Number | None:
    value = cell.measured if isinstance(cell, Pair) else cell
    return value if isinstance(value, Number) else None


def _with_best(row: Row, column: int) -> Row:
    cell = row[column]
    if isinstance(cell, Pair) and isinstance(cell.measured, Number):
        cell = replace(cell, measured=replace(cell.measured, best=True))
    elif isinstance(cell, Number):
        cell = replace(cell, best=True)
    return (*row[:column], cell, *row[column + 1 :])
