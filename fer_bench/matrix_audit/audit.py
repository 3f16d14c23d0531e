"""Which rows of a printed confusion matrix are possible, and which overall accuracies the matrix admits.

For any matrix of rounded percentages; the arithmetic of a row is in :mod:`fer_bench.matrix_audit.rounded_rows`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fer_bench.errors import FerBenchError, number_of
from fer_bench.matrix_audit.printed import MOST_IMAGES, Printed, PrintedMatrix
from fer_bench.matrix_audit.rounded_rows import Rounding, cell_counts, count_bounds, overlap, row_roundings


@dataclass(frozen=True)
class RowAudit:
    """What a printed row can come from."""

    name: str
    """Class."""
    cells: tuple[int, ...]
    """Printed values."""
    support: int
    """Images of the class."""
    roundings: tuple[Rounding, ...]
    """Every rounding under which the row is possible."""
    diagonal: tuple[int, int]
    """Fewest and most images on the diagonal under the rounding of the table."""
    adjusted: tuple[int, int]
    """The same where the row may also have been adjusted to sum to 100."""
    alone: bool
    """The row is not possible under the rounding of the table: :attr:`diagonal` is what the diagonal cell alone
    allows, or the numbers of images on either side of it where it allows none."""
    reason: str
    """Why the row is possible or not, with the numbers; a sentence without its full stop."""

    @property
    def feasible(self) -> bool:
        """Possible when rounded to the nearest, whatever happens to ties."""
        return Rounding.NEAREST in self.roundings


@dataclass(frozen=True)
class MatrixAudit:
    """What a printed matrix can come from."""

    rows: tuple[RowAudit, ...]
    rounding: Rounding
    """Of the table: to the nearest, unless not every row is possible so, but is when truncated or rounded up."""
    total: int
    """Images of all classes."""

    @property
    def correct(self) -> tuple[int, int]:
        """Fewest and most images on the whole diagonal."""
        return sum(row.diagonal[0] for row in self.rows), sum(row.diagonal[1] for row in self.rows)

    @property
    def correct_if_adjusted(self) -> tuple[int, int]:
        """The same where each row may also have been adjusted to sum to 100."""
        return sum(row.adjusted[0] for row in self.rows), sum(row.adjusted[1] for row in self.rows)

    def percent(self, correct: tuple[int, int]) -> tuple[float, float]:
        """Return numbers of images as overall accuracies, percent."""
        return 100 * correct[0] / self.total, 100 * correct[1] / self.total

    def needed(self, overall: Printed) -> tuple[int, int]:
        """Return the fewest and most correct images that are printed, to the nearest, as this overall accuracy."""
        return count_bounds(overall.value, self.total, overall.decimals, Rounding.NEAREST)

    def admits(self, overall: Printed) -> bool:
        """Tell whether an overall accuracy, rounded to the nearest, can come from this matrix."""
        return overlap(self.needed(overall), self.correct)


def audit_matrix(matrix: PrintedMatrix, supports: Sequence[int]) -> MatrixAudit:
    """Audit a matrix whose classes have known numbers of images.

    Raises:
        FerBenchError: not one support, from 1 to :data:`~fer_bench.matrix_audit.printed.MOST_IMAGES`, for each class.
    """
    if len(supports) != len(matrix.classes):
        raise FerBenchError(
            f"{number_of(len(supports), 'support')} for {len(matrix.classes)} classes ({', '.join(matrix.classes)}); "
            "expected the number of images of each class, in this order"
        )
    for name, support in zip(matrix.classes, supports, strict=True):
        if not 1 <= support <= MOST_IMAGES:
            raise FerBenchError(f"{name} has a support of {support} images; expected 1 to {MOST_IMAGES:,}")
    allowed = [row_roundings(row, n, matrix.decimals) for row, n in zip(matrix.cells, supports, strict=True)]
    whole_table = (Rounding.NEAREST, Rounding.TRUNCATED, Rounding.UP)
    table = next((way for way in whole_table if all(way in ways for ways in allowed)), Rounding.NEAREST)
    rows = tuple(_audit_row(matrix, index, supports[index], ways, table) for index, ways in enumerate(allowed))
    return MatrixAudit(rows, table, sum(supports))


def _audit_row(
    matrix: PrintedMatrix, index: int, support: int, ways: tuple[Rounding, ...], table: Rounding
) -> RowAudit:
    cells, decimals = matrix.cells[index], matrix.decimals
    found = cell_counts(cells, index, support, decimals, table)
    adjusted = cell_counts(cells, index, support, decimals, Rounding.ADJUSTED)
    diagonal = found or _alone(cells[index], support, decimals, table)
    either = [counts for counts in (found, adjusted) if counts is not None] or [diagonal]
    if_adjusted = min(low for low, _ in either), max(high for _, high in either)
    if Rounding.NEAREST in ways:
        span = f"{diagonal[0]:,}" if diagonal[0] == diagonal[1] else f"{diagonal[0]:,} to {diagonal[1]:,}"
        reason = f"possible, with {span} of {number_of(support, 'image')} on the diagonal"
        if Rounding.HALF_UP not in ways or Rounding.HALF_EVEN not in ways:
            named = [way for way in (Rounding.HALF_UP, Rounding.HALF_EVEN) if way in ways]
            reason += f", if ties are rounded {named[0] if named else 'now up, now down'}"
    else:
        reason = _why_not(matrix, index, support) + _still_possible(ways)
    return RowAudit(matrix.classes[index], cells, support, ways, diagonal, if_adjusted, found is None, reason)


def _alone(cell: int, support: int, decimals: int, table: Rounding) -> tuple[int, int]:
    low, high = count_bounds(cell, support, decimals, table)
    if low > high:
        low, high = count_bounds(cell, support, decimals, Rounding.MIXED)
    # Where not even that leaves a number, the ends have crossed: they are the numbers on either side of the cell.
    return min(low, high), max(low, high)


def _why_not(matrix: PrintedMatrix, index: int, support: int) -> str:
    cells, decimals = matrix.cells[index], matrix.decimals
    bounds = [count_bounds(cell, support, decimals, Rounding.NEAREST) for cell in cells]
    empty = dict.fromkeys(cell for cell, (low, high) in zip(cells, bounds, strict=True) if low > high)
    if empty:
        return f"no number of {support:,} images is {', nor '.join(_missed(c, support, decimals) for c in empty)}"
    fewest, most = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    need = f"at least {fewest:,}" if fewest > support else f"at most {most:,}"
    total = Printed(sum(cells), decimals)
    changes = one_cell_changes(matrix, index, support)
    offer = f" (possible with one other cell: {'; '.join(changes)})" if changes else ""
    return f"the cells sum to {total} % and stand for {need} images, but the class has {support:,}{offer}"


def _missed(cell: int, support: int, decimals: int) -> str:
    whole = 100 * 10**decimals
    below = cell * support // whole
    around = [
        f"{n:,} {'is' if n == 1 else 'are'} {100 * n / support:.{decimals + 3}f} %"
        for n in (below, below + 1)
        if n <= support
    ]
    return f"{Printed(cell, decimals)} % ({', '.join(around)})"


def _still_possible(ways: tuple[Rounding, ...]) -> str:
    named = [str(way) for way in (Rounding.TRUNCATED, Rounding.UP, Rounding.ADJUSTED) if way in ways]
    if named:
        return f"; possible if {', or '.join(named)}"
    return "; possible only if its cells were rounded in different ways" if Rounding.MIXED in ways else ""


def one_cell_changes(matrix: PrintedMatrix, index: int, support: int) -> list[str]:
    """Return which other value of one cell, the rest as printed, would make a row possible, e.g. ``happy 99``.

    Rounded half up; empty where no single cell would do.
    """
    cells, decimals = matrix.cells[index], matrix.decimals
    bounds = [count_bounds(cell, support, decimals, Rounding.NEAREST) for cell in cells]
    fewest, most = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    empty = sum(low > high for low, high in bounds)
    whole, changes = 100 * 10**decimals, []
    for name, own in zip(matrix.classes, bounds, strict=True):
        low, high = max(support - (most - own[1]), 0), support - (fewest - own[0])
        if low > high or empty > (own[0] > own[1]):  # No number is any of the other cells.
            continue
        ends = [Printed((2 * whole * n + support) // (2 * support), decimals) for n in (low, high)]
        changes.append(f"{name} {ends[0]}" if ends[0] == ends[1] else f"{name} {ends[0]} to {ends[1]}")
    return changes
