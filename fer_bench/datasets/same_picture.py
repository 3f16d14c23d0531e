"""Whether two small pictures show the same: the inner part of one is looked for in the other.

By the normalised correlation of their fine detail, at a few sizes (:func:`_decided`). Many pairs are compared at once
by Fourier transforms (:func:`_fast`); where a correlation comes near to a threshold, OpenCV's ``matchTemplate`` decides
(:func:`_exact`), so that all answers are those of the latter.
"""

import functools
from collections.abc import Callable

import numpy as np
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

Correlations = NDArray[np.floating]
Highest = Callable[[NDArray[np.intp], float], Correlations]
"""Takes some of the pairs, by number, and a zoom; returns of each the highest correlation of the first picture's inner
part, over its places in the second picture at that size."""

_INNER = SIDE - 2 * MARGIN
_PLACES = 2 * MARGIN + 1
"""Of the inner part in a picture, down and across."""
_FAINT = 4
"""Standard deviation, gray levels, under which single precision is not enough for the spread of a place."""
_NEAR = 1e-3
"""How near to a threshold a correlation in single precision decides nothing."""


def inner_part(details: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what is looked for of pictures' detail, (..., SIDE, SIDE)."""
    return details[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def are_same(details: NDArray[np.uint8], pairs: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return of each pair of pictures whether the inner part of the first is found in the second, (pairs,).

    Args:
        details: fine detail of all pictures, (n, SIDE, SIDE).
        pairs: rows of ``details``, (pairs, 2); faster where they share pictures.
    """
    same, unsure = _decided(len(pairs), _fast(details, pairs))
    left = np.flatnonzero(unsure)
    same[left], _ = _decided(len(left), _exact(details, pairs[left]))
    return same


def _decided(count: int, highest: Highest) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of some pairs are the same, and which correlations were not known or came near to a threshold."""
    same, unsure = np.zeros((2, count), np.bool_)

    def settle(rows: NDArray[np.intp], found: Correlations, least: float) -> NDArray[np.bool_]:
        """Note which of ``rows`` are the same; return which of them may be so at another size."""
        same[rows] = found >= SAME
        near = np.minimum(np.abs(found - SAME), np.abs(found - least)) < _NEAR
        unsure[rows] |= near | ~np.isfinite(found)
        return (found >= least) & (found < SAME)

    rows = np.arange(count)
    rows = rows[settle(rows, highest(rows, 1), HOPELESS)]
    if len(rows):
        smaller, larger, smallest, largest = ZOOMS
        below, above = highest(rows, smaller), highest(rows, larger)
        unsure[rows] |= np.abs(below - above) < _NEAR
        further = settle(rows, np.maximum(below, above), DOUBTFUL)
        for zoom, better in ((smallest, below > above), (largest, below <= above)):
            chosen = rows[further & better]
            if len(chosen):
                settle(chosen, highest(chosen, zoom), SAME)
    return same, unsure


def _exact(details: NDArray[np.uint8], pairs: NDArray[np.intp]) -> Highest:
    """Return OpenCV's correlations, pair by pair."""
    cv2 = opencv()

    def highest(rows: NDArray[np.intp], zoom: float) -> Correlations:
        inner = inner_part(details)
        found = [
            cv2.matchTemplate(_sized(details[second], zoom), inner[first], cv2.TM_CCOEFF_NORMED).max()
            for first, second in pairs[rows]
        ]
        return np.array(found, np.float64)  # To be compared with the thresholds as they are, not in single precision.

    return highest


def _fast(details: NDArray[np.uint8], pairs: NDArray[np.intp]) -> Highest:
    """Return correlations by Fourier transforms in single precision; NaN where some place of a picture is too flat."""
    from scipy.fft import rfft2

    first, templates = np.unique(pairs[:, 0], return_inverse=True)
    second, others = np.unique(pairs[:, 1], return_inverse=True)
    wanted, pictures = _spectra(inner_part(details)[first]), details[second]
    down, across = _inverse()

    def highest(rows: NDArray[np.intp], zoom: float) -> Correlations:
        some, places = np.unique(others[rows], return_inverse=True)
        sized = pictures[some] if zoom == 1 else np.stack([_sized(picture, zoom) for picture in pictures[some]])
        centred = sized.astype(np.float32) - 128
        products = rfft2(centred)[places]
        products *= wanted[templates[rows]]
        # Only the places that are looked at, not the whole inverse transform.
        half = np.matmul(down, products).view(np.float32)
        correlations = (half.reshape(-1, half.shape[-1]) @ across).reshape(-1, _PLACES, _PLACES)
        correlations *= _scales(centred)[places]
        return np.asarray(correlations.max(axis=(1, 2)), np.float32)

    return highest


def _sized(picture: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    if zoom == 1:
        return picture
    cv2 = opencv()
    return np.asarray(cv2.warpAffine(picture, _zoomed(zoom), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@functools.cache
def _zoomed(zoom: float) -> NDArray[np.float64]:
    moved = (1 - zoom) * (SIDE - 1) / 2
    return np.array([[zoom, 0, moved], [0, zoom, moved]])


def _spectra(inner: NDArray[np.uint8]) -> NDArray[np.complex64]:
    """Return the conjugate spectra of centred inner parts of length 1, (n, SIDE, SIDE // 2 + 1)."""
    from scipy.fft import rfft2

    units = inner.astype(np.float32)
    units -= units.mean(axis=(1, 2), keepdims=True)
    units /= np.sqrt(np.einsum("nyx,nyx->n", units, units))[:, None, None]
    return np.asarray(np.conj(rfft2(units, (SIDE, SIDE))), np.complex64)


@functools.cache
def _inverse() -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Return the matrices of the inverse transform at the first places.

    Returns:
        Down, (_PLACES, SIDE), and across, from real and imaginary parts in turn, (SIDE + 2, _PLACES).
    """
    angles = 2 * np.pi / SIDE * np.outer(np.arange(_PLACES), np.arange(SIDE))
    counted = np.full(SIDE // 2 + 1, 2.0)
    counted[[0, -1]] = 1
    half = angles[:, : SIDE // 2 + 1].T
    across = np.stack([np.cos(half), -np.sin(half)], axis=1) * counted[:, None, None]
    return (
        np.asarray(np.exp(1j * angles) / SIDE, np.complex64),
        np.asarray(across.reshape(-1, _PLACES) / SIDE, np.float32),
    )


@functools.cache
def _window() -> NDArray[np.float32]:
    """Return the matrix that sums over the extent of the inner part at each place, (_PLACES, SIDE)."""
    return np.asarray(sum(np.eye(_PLACES, SIDE, shift) for shift in range(_INNER)), np.float32)


def _scales(centred: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one over the spread of each place of the inner part in pictures, (n, _PLACES, _PLACES); NaN where flat."""
    window = _window()
    sums, squares = (window @ values @ window.T for values in (centred, centred**2))
    energy = squares - sums**2 / _INNER**2
    return np.asarray(np.where(energy > (_FAINT * _INNER) ** 2, energy, np.nan) ** -0.5, np.float32)
