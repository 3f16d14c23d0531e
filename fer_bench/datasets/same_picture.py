"""Whether two small pictures show the same: the inner part of one is looked for in the other (issue 3, item 5).

By the normalised correlation of their fine detail, at a few sizes. A group of pictures that are all looked for in the
same one is compared by matrix products, in a tenth of the time that OpenCV's ``matchTemplate`` takes pair by pair; what
comes near to a threshold is decided by the latter, so that the answers are the same.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from fer_bench.datasets.pictures import opencv

SIDE = 48
"""Height and width of the small pictures, pixels."""
MARGIN = 6
"""Rows and columns left out on each side of the inner part: the largest shift that is looked for, small pixels."""
ZOOMS = (0.95, 1.05, 0.9, 1.1)
"""Sizes of the other picture that are tried after its own; the last two only beyond the better one of the first two."""
HOPELESS, DOUBTFUL = 0.3, 0.5
"""Correlations at its own size and at the first two others under which no further one is tried."""
SAME = 0.82
"""Least correlation of two pictures that are the same."""

_INNER = SIDE - 2 * MARGIN
_PLACES = 2 * MARGIN + 1
"""Of the inner part in a picture, down and across."""
_WORTH = 4
"""Pictures to look for in one from which on matrix products are faster."""
_NEAR = 1e-3
"""How near to a threshold a correlation in single precision decides nothing."""

Comparison = Callable[[NDArray[np.intp], int], NDArray[np.bool_]]


def _sized(picture: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    if zoom == 1:
        return picture
    cv2 = opencv()
    moved = (1 - zoom) * (SIDE - 1) / 2
    matrix = np.array([[zoom, 0, moved], [0, zoom, moved]])
    return np.asarray(cv2.warpAffine(picture, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def is_same(inner: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Return whether an inner part, (SIDE - 2 * MARGIN,) * 2, is found in the detail of a picture, (SIDE, SIDE)."""
    cv2 = opencv()

    def correlation(zoom: float) -> float:
        return float(cv2.matchTemplate(_sized(other, zoom), inner, cv2.TM_CCOEFF_NORMED).max())

    at_own_size = correlation(1)
    if at_own_size >= SAME or at_own_size < HOPELESS:
        return at_own_size >= SAME
    smaller, larger, smallest, largest = ZOOMS
    below, above = correlation(smaller), correlation(larger)
    if max(below, above) >= SAME or max(below, above) < DOUBTFUL:
        return max(below, above) >= SAME
    return correlation(smallest if below > above else largest) >= SAME


def are_same(inner: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return :func:`is_same` of each of many inner parts, (n, height, width), and one picture, (SIDE, SIDE)."""
    if len(inner) < _WORTH:
        return np.array([is_same(one, other) for one in inner], np.bool_)
    units = _units(inner)
    same = np.zeros(len(inner), np.bool_)
    unsure = np.zeros(len(inner), np.bool_)

    def decide(rows: NDArray[np.intp], found: NDArray[np.float32], least: float) -> NDArray[np.intp]:
        """Note which of ``rows`` are the same, and return those that may be so at another size."""
        same[rows] = found >= SAME
        near = np.minimum(np.abs(found - SAME), np.abs(found - least)) < _NEAR
        unsure[rows] |= near | ~np.isfinite(found)
        return rows[(found >= least) & (found < SAME)]

    rows = np.arange(len(inner))
    left = decide(rows, _highest(units, other), HOPELESS)
    if len(left):
        smaller, larger, smallest, largest = ZOOMS
        below, above = (_highest(units[left], _sized(other, zoom)) for zoom in (smaller, larger))
        unsure[left] |= np.abs(below - above) < _NEAR
        best = np.maximum(below, above)
        beyond = (best >= DOUBTFUL) & (best < SAME)
        decide(left, best, DOUBTFUL)
        for zoom, chosen in ((smallest, beyond & (below > above)), (largest, beyond & (below <= above))):
            if chosen.any():
                decide(left[chosen], _highest(units[left[chosen]], _sized(other, zoom)), SAME)
    for row in np.flatnonzero(unsure):
        same[row] = is_same(inner[row], other)
    return same


def _units(inner: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return centred inner parts of length 1, (n, pixels)."""
    units = inner.reshape(len(inner), -1).astype(np.float32)
    units -= units.mean(axis=1, keepdims=True)
    units /= np.sqrt(np.einsum("ij,ij->i", units, units))[:, None]
    return units


def _highest(units: NDArray[np.float32], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the highest correlation of each unit with any place of a picture, (n,); NaN where one is too flat."""
    cv2 = opencv()
    total, squares = cv2.integral2(other)
    sums, energy = (
        table[_INNER:, _INNER:] - table[:-_INNER, _INNER:] - table[_INNER:, :-_INNER] + table[:-_INNER, :-_INNER]
        for table in (total.astype(np.float64), squares)
    )
    energy -= sums**2 / _INNER**2
    # Rows of the picture cut at each place across, one place after the other: whatever the place down, the pixels of
    # an inner part then lie side by side.
    cut = np.ascontiguousarray(sliding_window_view(other.astype(np.float32) - 128, _INNER, axis=1).transpose(1, 0, 2))
    across, _, pixel = cut.strides
    windows = as_strided(cut, (_PLACES, _PLACES, _INNER**2), (_INNER * pixel, across, pixel), writeable=False)
    scale = np.where(energy > _INNER**2, energy, np.nan) ** -0.5
    return np.asarray((np.matmul(windows, units.T) * scale[:, :, None].astype(np.float32)).max(axis=(0, 1)))
