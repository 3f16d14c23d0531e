"""Near duplicates: one picture twice, up to re-encoding, brightness and contrast, a small shift, crop or resize.

Faces of different people look alike, so a perceptual hash alone joins strangers, and joined pairs chain into giant
groups. Two stages therefore:

1. A perceptual hash proposes pairs: the :data:`FREQUENCIES` lowest frequencies of the discrete cosine transform of a
   small picture, as in pHash, but kept as numbers, centred and whitened over the data set. Cut to their signs, such
   frequencies have to propose more than fifty times as many pairs to have 98% of the copies among them (FER-2013).
2. Each proposed pair is verified: the inner part of one small picture is looked for in the other, at a few sizes, by
   the normalised correlation of their fine detail (a difference of Gaussians), which faces do not share.

The thresholds were set on FER-2013 by looking at pairs: of those that correlate by 0.74 to 0.8 some three in a hundred
show different pictures, from 0.82 on none of 396. Of planted copies at least 98 in a hundred are found after JPEG at
quality 30, another brightness, half the resolution, a shift or crop of 4%; nine in ten after JPEG at quality 10; four
in five after a shift or crop of 6%. Mirrored and turned pictures are not looked for.

Pictures of one person in one pose and light, as frames of a video, may count as the same one: one pair in fourteen of
drawn faces that differ by their expression alone. Whole bodies in front of a plain ground differ by little at this
size, even those of different people: crop to the face.

Across datasets, inner parts are compared as well (:data:`RIM`): of FER-2013's pictures, enlarged to 100 x 100 as JPEG,
87 in a hundred are found with 12% of their side cut off somewhere, 66 without. Of the pairs found so between two halves
of FER-2013 that hold no copies by the audit of one dataset, 150 were looked at, and all show the same picture.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.decoding import one_opencv_thread, resize
from fer_bench.datasets.pictures import opencv
from fer_bench.datasets.same_picture import MARGIN, SAME, SIDE, ZOOMS, are_same
from fer_bench.environment import cores
from fer_bench.progress import unheard

FREQUENCIES = 40
"""Numbers in a hash."""
SIMILAR = 0.66
"""Least correlation of two hashes whose pictures are compared."""
NEIGHBOURS = 16
"""A picture is compared with at most so many of those after it in the data set: the ones of the nearest hashes."""
BAND = (0.7, 1.7)
"""Standard deviations of the two Gaussians whose difference is the detail compared, small pixels."""
FLAT = 1.0
"""Standard deviation of the inner part's detail, gray levels, under which a picture is only ever an exact copy."""

RIM = 1 / 12
"""Of a picture's side, left out all around for its inner part: across datasets, which cut faces more or less closely,
that is compared, too."""

METHOD = {
    "small_picture": SIDE,
    "hash_frequencies": FREQUENCIES,
    "least_hash_correlation": SIMILAR,
    "most_neighbours": NEIGHBOURS,
    "largest_shift": MARGIN / SIDE,
    "scales": (1.0, *ZOOMS),
    "band": BAND,
    "flat_below": FLAT,
    "least_correlation": SAME,
}
"""Every parameter by name; the shift as a share of the side."""

_ROWS, _COLUMNS = 512, 1024
"""Hashes multiplied at a time: what fits a core's cache."""
_PAIRS = 256
"""Compared at a time."""
_PRIOR = 500
"""Pictures of no face in particular that the statistics of the hashes start from: a small set is hardly centred."""


class Sketches(NamedTuple):
    """What is kept of the pictures to compare them: 2.5 kB each."""

    frequencies: NDArray[np.float32]
    """Amplitudes of the lowest frequencies but 0; (n, FREQUENCIES)."""
    details: NDArray[np.uint8]
    """Fine detail around 128, 32 gray levels a standard deviation of the inner part; (n, SIDE, SIDE)."""
    flat: NDArray[np.bool_]
    """Whether the inner part shows nothing that could be compared, (n,)."""

    @classmethod
    def empty(cls, n: int) -> "Sketches":
        """Return room for ``n`` pictures."""
        return cls(np.empty((n, FREQUENCIES), np.float32), np.empty((n, SIDE, SIDE), np.uint8), np.empty(n, np.bool_))

    def after(self, start: int) -> "Sketches":
        """Return a view of the pictures from ``start`` on."""
        return Sketches(self.frequencies[start:], self.details[start:], self.flat[start:])

    def draw(self, rows: slice, images: NDArray[np.uint8]) -> None:
        """Fill ``rows`` from ``images``, uint8, (rows, height, width)."""
        cv2 = opencv()
        small = np.stack([resize(image, (SIDE, SIDE)) for image in images]).astype(np.float32)
        self.frequencies[rows] = small.reshape(len(small), -1) @ _cosines()
        fine, coarse = (np.stack([cv2.GaussianBlur(picture, (0, 0), sigma) for picture in small]) for sigma in BAND)
        details = fine - coarse
        spread = details[:, MARGIN:-MARGIN, MARGIN:-MARGIN].std(axis=(1, 2), keepdims=True)
        self.flat[rows] = spread[:, 0, 0] < FLAT
        self.details[rows] = np.clip(np.rint(128 + details * (32 / np.maximum(spread, FLAT))), 0, 255)


@contextlib.contextmanager
def one_library_thread() -> Iterator[None]:
    """Keep OpenCV's and numpy's calls single-threaded inside the block: a pool's threads are the parallelism.

    Threads of the pool and of the linear algebra library together wait for each other most of the time.
    """
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    with one_opencv_thread(), threadpool_limits(1, user_api="blas"):
        yield


def inner(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a view of images, (m, height, width), without their rims."""
    down, across = (round(side * RIM) for side in images.shape[1:])
    return images[:, down : images.shape[1] - down, across : images.shape[2] - across]


def near_pairs(
    sketches: Sketches,
    rows: NDArray[np.intp],
    progress: Callable[[int], object] = unheard,
    *,
    apart: int | None = None,
) -> NDArray[np.intp]:
    """Return the pairs of pictures that are the same one.

    Args:
        sketches: of n pictures.
        rows: the pictures to compare, ascending, one of each set of equal ones.
        progress: called with a number that grows to n.
        apart: where given, pictures below this row are compared with those from it on, and with no others.

    Returns:
        Rows of ``sketches``, the smaller one first, (pairs, 2). Flat pictures are in none.
    """
    pictures = rows[~sketches.flat[rows]]
    half = len(sketches.flat) / 2
    codes = hashes(sketches.frequencies[pictures])
    border = None if apart is None else int(np.searchsorted(pictures, apart))
    tops = range(0, len(codes) if border is None else border, _ROWS)
    with one_library_thread(), ThreadPoolExecutor(cores()) as pool:
        try:
            proposed = [np.empty((0, 2), np.intp)]
            for done, pairs in enumerate(pool.map(lambda top: _similar(codes, top, border), tops), 1):
                proposed.append(pairs)
                left = 1 - done / len(tops)
                progress(round((1 - left**2) * half))
            pairs = pictures[np.concatenate(proposed)]
            # Those with the same second picture side by side, which is then transformed once.
            pairs = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]
            tasks = [pairs[start : start + _PAIRS] for start in range(0, len(pairs), _PAIRS)]
            same = [np.empty(0, np.bool_)]
            for done, some in enumerate(pool.map(lambda task: are_same(sketches.details, task), tasks), 1):
                same.append(some)
                progress(round(half + half * done / len(tasks)))
            progress(len(sketches.flat))  # Where no pair was proposed, too.
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    found: NDArray[np.intp] = pairs[np.concatenate(same)]
    return found


def _cosines() -> NDArray[np.float32]:
    """Return the cosine patterns of the lowest frequencies but 0, (SIDE * SIDE, FREQUENCIES)."""
    steps = np.arange(SIDE)
    waves = np.cos(np.pi / SIDE * np.outer(steps, steps + 0.5)) * np.sqrt(2 / SIDE)
    waves[0] *= np.sqrt(0.5)
    down, across = np.indices((SIDE, SIDE)).reshape(2, -1)
    lowest = np.lexsort((down, down**2 + across**2))[1 : FREQUENCIES + 1]
    patterns = np.einsum("fy,fx->yxf", waves[down[lowest]], waves[across[lowest]])
    return np.asarray(patterns.reshape(-1, FREQUENCIES), np.float32)


def hashes(frequencies: NDArray[np.float32]) -> NDArray[np.float32]:
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
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _similar(codes: NDArray[np.float32], top: int, border: int | None) -> NDArray[np.intp]:
    """Return, for each of _ROWS rows from ``top``, the most similar of the rows after it, at most NEIGHBOURS.

    Where there is a border, for the rows before it, of those after it.

    Returns:
        The smaller row first, (pairs, 2).
    """
    some = codes[top:border][:_ROWS]
    room = np.empty((_ROWS, _COLUMNS), np.float32)
    least = np.full(len(some), SIMILAR, np.float32)
    rows, columns, similarity = np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32)
    for left in range(top if border is None else border, len(codes), _COLUMNS):
        others = codes[left : left + _COLUMNS]
        scores = np.matmul(some, others.T, out=room[: len(some), : len(others)])
        if left == top:
            scores[np.tri(*scores.shape, dtype=np.bool_)] = -1
        hit = np.flatnonzero(scores.max(axis=1) >= least)
        in_hit, new = np.nonzero(scores[hit] >= least[hit, None])
        rows = np.append(rows, hit[in_hit])
        columns = np.append(columns, new + left)
        similarity = np.append(similarity, scores[hit[in_hit], new])
        if len(rows) > 4 * NEIGHBOURS * _ROWS or left + _COLUMNS >= len(codes):
            order = np.lexsort((columns, -similarity, rows))
            rank = np.arange(len(order)) - np.searchsorted(rows[order], rows[order])
            order, rank = order[rank < NEIGHBOURS], rank[rank < NEIGHBOURS]
            rows, columns, similarity = rows[order], columns[order], similarity[order]
            full = rank == NEIGHBOURS - 1
            least[rows[full]] = similarity[full]
    return np.stack([rows + top, columns], axis=1)
