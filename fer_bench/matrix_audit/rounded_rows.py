"""The whole numbers of images that a printed row of rounded percentages can come from, exactly.

A row of a class with N images is possible where whole numbers of images n_j >= 0 add up to N and each 100 n_j / N,
rounded, is the printed cell. A cell allows a range of whole numbers, and the cells depend on each other through their
sum alone, so the row is possible where no range is empty and N lies between the sums of their ends. All arithmetic is
on integers; printed values are in units of the last printed digit (64 for 64 %, 645 for 64.5 %).
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

SEARCHED = 100_000
"""Largest class that :func:`possible_supports` looks at, unless told otherwise."""

_Images = TypeVar("_Images", int, NDArray[np.int64])


class Rounding(StrEnum):
    """How the cells of a row were rounded."""

    NEAREST = "to the nearest, ties either way"
    """Half up, half even, half down, or whatever binary fractions make of a tie."""
    HALF_UP = "half up"
    HALF_EVEN = "half even"
    TRUNCATED = "truncated"
    UP = "rounded up"
    ADJUSTED = "adjusted to sum to 100"
    """Largest remainders: all cells truncated, then those with the largest remainders raised until the row sums to
    100. The same as one threshold between down and up for the whole row, anywhere instead of at a half."""
    MIXED = "each cell up or down"
    """No way to round: any mixture within a row, each cell off by less than a unit."""


WAYS = tuple(way for way in Rounding if way is not Rounding.MIXED)
"""The conventions that somebody may have used."""


def overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Tell whether two ranges have a whole number in common."""
    return max(a[0], b[0]) <= min(a[1], b[1])


def count_bounds(printed: int, support: int, decimals: int, rounding: Rounding) -> tuple[int, int]:
    """Return the fewest and most of ``support`` images whose percentage is printed so; the first is larger if none.

    A cell of an adjusted row may be off by almost a unit, as in a mixed one.
    """
    low, high = _bounds(printed, support, 100 * 10**decimals, rounding)
    return max(low, 0), min(high, support)


def _bounds(printed: int, support: _Images, whole: int, rounding: Rounding) -> tuple[_Images, _Images]:
    """Return the ends of whole * n / support = printed, before the cut to 0 <= n <= support."""
    if rounding is Rounding.TRUNCATED:
        return _at_least(support * printed, whole), _below(support * (printed + 1), whole)
    if rounding is Rounding.UP:
        return _above(support * (printed - 1), whole), support * printed // whole
    if rounding in (Rounding.ADJUSTED, Rounding.MIXED):
        return _above(support * (printed - 1), whole), _below(support * (printed + 1), whole)
    bottom, top, twice = support * (2 * printed - 1), support * (2 * printed + 1), 2 * whole
    if rounding is Rounding.NEAREST or (rounding is Rounding.HALF_EVEN and printed % 2 == 0):
        return _at_least(bottom, twice), top // twice
    if rounding is Rounding.HALF_EVEN:
        return _above(bottom, twice), _below(top, twice)
    return _at_least(bottom, twice), _below(top, twice)


def _at_least(numerator: _Images, denominator: int) -> _Images:
    return -(-numerator // denominator)


def _above(numerator: _Images, denominator: int) -> _Images:
    return numerator // denominator + 1


def _below(numerator: _Images, denominator: int) -> _Images:
    return -(-numerator // denominator) - 1


def cell_counts(
    cells: Sequence[int], index: int, support: int, decimals: int, rounding: Rounding
) -> tuple[int, int] | None:
    """Return the fewest and most images in cell ``index`` of a printed row; ``None`` where the row is not possible."""
    if rounding is Rounding.ADJUSTED:
        return _adjusted_counts(cells, index, support, 100 * 10**decimals)
    bounds = [count_bounds(cell, support, decimals, rounding) for cell in cells]
    fewest, most = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    if any(low > high for low, high in bounds) or not fewest <= support <= most:
        return None
    low, high = bounds[index]
    return max(low, support - (most - high)), min(high, support - (fewest - low))


def _adjusted_counts(cells: Sequence[int], index: int, support: int, whole: int) -> tuple[int, int] | None:
    if sum(cells) != whole:
        return None
    # Remainders are multiples of 1 / support: no other threshold needs a look. A remainder at it may go either way.
    threshold = np.arange(support + 1, dtype=np.int64)
    fewest, most = np.zeros_like(threshold), np.zeros_like(threshold)
    possible = np.ones(threshold.shape, dtype=np.bool_)
    here = fewest, most
    for cell, times in Counter(cells).items():
        low = np.maximum(_at_least(support * (cell - 1) + threshold, whole), 0)
        high = np.minimum((support * cell + threshold) // whole, support)
        possible &= low <= high
        fewest, most = fewest + times * low, most + times * high
        if cell == cells[index]:
            here = low, high
    possible &= (fewest <= support) & (support <= most)
    if not possible.any():
        return None
    low, high = np.maximum(here[0], support - (most - here[1])), np.minimum(here[1], support - (fewest - here[0]))
    return int(low[possible].min()), int(high[possible].max())


def row_roundings(cells: Sequence[int], support: int, decimals: int) -> tuple[Rounding, ...]:
    """Return every rounding under which a printed row can come from ``support`` images."""
    return tuple(way for way in Rounding if cell_counts(cells, 0, support, decimals, way) is not None)


def possible_supports(cells: Sequence[int], decimals: int, most_images: int = SEARCHED) -> NDArray[np.int64]:
    """Return the numbers of images, from 1 to ``most_images``, that a printed row can come from; int64, ascending.

    Rounded to the nearest, ties either way.
    """
    images = np.arange(1, most_images + 1, dtype=np.int64)
    fewest, most = np.zeros_like(images), np.zeros_like(images)
    possible = np.ones(images.shape, dtype=np.bool_)
    for cell, times in Counter(cells).items():  # Of hundreds of classes most have the same few cells, such as 0.
        low, high = _bounds(cell, images, 100 * 10**decimals, Rounding.NEAREST)
        low, high = np.maximum(low, 0), np.minimum(high, images)
        possible &= low <= high
        fewest += times * low
        most += times * high
    return images[possible & (fewest <= images) & (images <= most)]
