"""Near duplicates: one picture twice, up to re-encoding, brightness and contrast, a small shift, crop or resize.

Aligned faces of different people look alike, so a perceptual hash alone joins strangers, and joined pairs chain into
giant groups. Two stages therefore (issue 3, item 5):

1. A perceptual hash proposes pairs: the :data:`FREQUENCIES` lowest frequencies of the discrete cosine transform of a
   32 x 32 area average, as in pHash, but centred on the data set's mean and kept as numbers. Cut to their signs, they
   propose about a hundred times as many pairs where 98% of the copies are to be found (FER-2013).
2. Every proposed pair is verified: the inner part of one picture is looked for in the other, at a few scales, by the
   normalised correlation of what remains above the low frequencies that all faces share.

The thresholds were chosen on FER-2013 by looking at pairs.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.decoding import one_opencv_thread, resize
from fer_bench.datasets.pictures import opencv
from fer_bench.environment import cores

SIDE = 48
"""Height and width of the small pictures, pixels."""
FREQUENCIES = 40
"""Numbers in a hash."""
SIMILAR = 0.66
"""Least correlation of two hashes whose pictures are compared."""
NEIGHBOURS = 16
"""Where a block of pairs is crowded with similar hashes, at most so many of each picture are compared, the best."""
MARGIN = 6
"""Rows and columns left out on each side of the inner part: the largest shift that is looked for, small pixels."""
SCALES = (0.9, 0.95, 1.05, 1.1)
"""Sizes of the other picture that are tried after its own."""
HOPELESS = 0.3
"""Correlation at its own size under which no other size is tried."""
SAME = 0.82
"""Least correlation of two pictures that are the same."""
BAND = (0.7, 1.7)
"""Standard deviations of the two Gaussians whose difference is the detail compared, small pixels."""
FLAT = 1.0
"""Standard deviation of what remains, gray levels, under which a picture shows nothing that could be compared."""

METHOD = {
    "small_picture": SIDE,
    "hash_frequencies": FREQUENCIES,
    "least_hash_correlation": SIMILAR,
    "most_neighbours": NEIGHBOURS,
    "largest_shift": MARGIN / SIDE,
    "scales": (1.0, *SCALES),
    "band": BAND,
    "flat_below": FLAT,
    "least_correlation": SAME,
}
"""Every parameter by name; shift and smoothing as shares of the side."""

_ROWS, _COLUMNS = 512, 2048
"""Hashes multiplied at a time: what fits a core's cache."""
_PRIOR = 500
"""Pictures of no face in particular that the statistics of the hashes start from: a small set is hardly centred."""


class Sketches(NamedTuple):
    """What is kept of the pictures to compare them: 1.3 kB each."""

    frequencies: NDArray[np.float32]
    """Amplitudes of the lowest frequencies but 0; (n, FREQUENCIES)."""
    details: NDArray[np.uint8]
    """Small pictures above the low frequencies, 32 gray levels a standard deviation around 128; (n, SIDE, SIDE)."""
    flat: NDArray[np.bool_]
    """Nothing in it can be compared, (n,)."""

    @classmethod
    def empty(cls, n: int) -> "Sketches":
        """Return room for ``n`` pictures."""
        return cls(np.empty((n, FREQUENCIES), np.float32), np.empty((n, SIDE, SIDE), np.uint8), np.empty(n, np.bool_))

    def draw(self, rows: slice, images: NDArray[np.uint8]) -> None:
        """Fill ``rows`` from ``images``, uint8, (rows, height, width)."""
        cv2 = opencv()
        small = np.stack([resize(image, (SIDE, SIDE)) for image in images]).astype(np.float32)
        self.frequencies[rows] = small.reshape(len(small), -1) @ _cosines()
        fine, coarse = (np.stack([cv2.GaussianBlur(picture, (0, 0), sigma) for picture in small]) for sigma in BAND)
        details = fine - coarse
        spread = details.std(axis=(1, 2), keepdims=True)
        self.flat[rows] = spread[:, 0, 0] < FLAT
        self.details[rows] = np.clip(np.rint(128 + details * (32 / np.maximum(spread, FLAT))), 0, 255)


@contextlib.contextmanager
def one_library_thread() -> Iterator[None]:
    """Keep OpenCV's and numpy's calls single-threaded inside the block: a pool's threads are the parallelism.

    Threads of the pool and of the linear algebra library together wait for each other most of the time.
    """
    from threadpoolctl import threadpool_limits  # a part of scikit-learn's installation

    with one_opencv_thread(), threadpool_limits(1, user_api="blas"):
        yield


def near_pairs(
    sketches: Sketches, rows: NDArray[np.intp], progress: Callable[[int], object] | None = None
) -> NDArray[np.intp]:
    """Return the pairs of pictures that are the same one.

    Args:
        sketches: of n pictures.
        rows: the pictures to compare, ascending, one of each set of equal ones.
        progress: called with a number that grows to n.

    Returns:
        Rows of ``sketches``, the smaller one first, (pairs, 2). Flat pictures are in none.
    """
    pictures = rows[~sketches.flat[rows]]
    codes = _hashes(sketches.frequencies[pictures])
    same = _verification(sketches.details)

    def compare(top: int) -> NDArray[np.intp]:
        pairs = pictures[_similar(codes, top)]
        return pairs[same(pairs)]

    found = [np.empty((0, 2), np.intp)]
    with one_library_thread(), ThreadPoolExecutor(cores()) as pool:
        try:
            for done, pairs in enumerate(pool.map(compare, range(0, len(codes), _ROWS)), 1):
                found.append(pairs)
                if progress:
                    left = max(0.0, 1 - done * _ROWS / len(codes))
                    progress(round((1 - left**2) * len(sketches.flat)))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return np.concatenate(found)


def _cosines() -> NDArray[np.float32]:
    """Return the cosine patterns of the lowest frequencies but 0, (SIDE * SIDE, FREQUENCIES)."""
    steps = np.arange(SIDE)
    waves = (
        np.cos(np.pi / SIDE * np.outer(steps, steps + 0.5)) / np.where(steps, np.sqrt(SIDE / 2), np.sqrt(SIDE))[:, None]
    )
    down, across = (axis.ravel() for axis in np.indices((SIDE, SIDE)))
    lowest = np.lexsort((down, down**2 + across**2))[1 : FREQUENCIES + 1]
    patterns = waves[down[lowest], :, None] * waves[across[lowest], None, :]
    return patterns.reshape(FREQUENCIES, -1).T.astype(np.float32)


def _hashes(frequencies: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return unit vectors: centred on the data set's mean and whitened by its covariance, (n, FREQUENCIES).

    Both are drawn towards no mean and equal spread by :data:`_PRIOR`, so that two pictures alone are not centred
    on the point between them.
    """
    unit = _unit(frequencies)
    weight = len(unit) + _PRIOR
    unit -= unit.sum(axis=0) / np.float32(weight)
    covariance = (unit.T @ unit + np.eye(FREQUENCIES) * (_PRIOR / FREQUENCIES)) / weight
    return _unit(unit @ np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))


def _similar(codes: NDArray[np.float32], top: int) -> NDArray[np.intp]:
    """Return the pairs of similar hashes of which the smaller row is one of _ROWS from ``top``, (pairs, 2)."""
    proposed = []
    for left in range(top, len(codes), _COLUMNS):
        scores = codes[top : top + _ROWS] @ codes[left : left + _COLUMNS].T
        if left == top:
            scores[np.tri(*scores.shape, dtype=np.bool_)] = -1
        hit = np.flatnonzero(scores.max(axis=1) >= SIMILAR)
        rows, columns = np.nonzero(scores[hit] >= SIMILAR)
        rows = hit[rows]
        if len(rows) > NEIGHBOURS * _ROWS:
            kept = _best(rows, columns, scores[rows, columns])
            rows, columns = rows[kept], columns[kept]
        proposed.append(np.stack([rows + top, columns + left], axis=1))
    return np.concatenate(proposed)


def _best(rows: NDArray[np.intp], columns: NDArray[np.intp], scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which pairs are among the NEIGHBOURS best of either picture, so that none is left alone."""
    kept = np.zeros(len(rows), np.bool_)
    for pictures in (rows, columns):
        order = np.lexsort((-scores, pictures))
        ordered = pictures[order]
        kept[order[np.arange(len(order)) - np.searchsorted(ordered, ordered) < NEIGHBOURS]] = True
    return kept


def _verification(details: NDArray[np.uint8]) -> Callable[[NDArray[np.intp]], NDArray[np.bool_]]:
    """Return the verification of pairs of rows: (pairs, 2) to (pairs,)."""
    cv2 = opencv()
    middle = (SIDE - 1) / 2
    zooms = [np.array([[scale, 0, (1 - scale) * middle], [0, scale, (1 - scale) * middle]]) for scale in SCALES]

    def correlation(inner: NDArray[np.uint8], other: NDArray[Any]) -> float:
        return float(cv2.matchTemplate(other, inner, cv2.TM_CCOEFF_NORMED).max())

    def same(first: int, second: int) -> bool:
        inner, other = details[first, MARGIN:-MARGIN, MARGIN:-MARGIN], details[second]
        at_own_size = correlation(inner, other)
        if at_own_size >= SAME or at_own_size < HOPELESS:
            return at_own_size >= SAME
        zoomed = (cv2.warpAffine(other, zoom, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE) for zoom in zooms)
        return any(correlation(inner, picture) >= SAME for picture in zoomed)

    return lambda pairs: np.array([same(*pair) for pair in pairs.tolist()], np.bool_)
