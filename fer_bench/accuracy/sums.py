"""Scores as functions of sums over images: counts of true and predicted classes, and gaps of calibration.

What an image adds to the sums is its tally. The sums of a bootstrap sample are then a weighted sum of tallies, those of
a jackknife the total less one, and every score is computed from many sums at once. The scores are those of
``fer_bench.metrics`` and scikit-learn; a score whose denominator is 0 is nan.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_bench.accuracy.answers import Answers
from fer_bench.accuracy.intervals import Array, Statistic

BINS = 15
"""Equal-width bins of the confidence, in which calibration is measured; as in C. Guo et al., ICML 2017."""


def tally(answers: Answers, units: NDArray[np.intp], classes: int) -> Array:
    """Return what each unit adds to the sums.

    Args:
        answers: of one run, to n images.
        units: the unit of each image, counted from 0, shape (n,): the image itself, or its subject.
        classes: number of classes.

    Returns:
        float64, shape (units, classes * classes + BINS): images of each true and predicted class, row by row; then
        for each bin of confidence the correct answers less the confidences.
    """
    width = classes * classes + BINS
    size = int(units.max()) + 1
    right = answers.labels == answers.predictions
    # A bin holds its upper edge, as scikit-learn's calibration_curve has it.
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], answers.confidences)
    cells = np.bincount(units * width + answers.labels * classes + answers.predictions, minlength=size * width)
    gaps = np.bincount(
        units * width + classes * classes + bins, weights=right - answers.confidences, minlength=size * width
    )
    added: Array = np.add(cells, gaps, dtype=np.float64).reshape(size, width)
    return added


def accuracy(sums: Array) -> Array:
    """Return correct / images."""
    counts = matrices(sums)
    return _ratio(_diagonal(counts).sum(axis=-1), counts.sum(axis=(-2, -1)))


def balanced_accuracy(sums: Array) -> Array:
    """Return the mean recall of the classes that have images."""
    counts = matrices(sums)
    return _mean_of_defined(_ratio(_diagonal(counts), counts.sum(axis=-1)))


def macro_f1(sums: Array) -> Array:
    """Return the mean F1 of the classes that have images or predictions."""
    counts = matrices(sums)
    return _mean_of_defined(_ratio(2 * _diagonal(counts), counts.sum(axis=-1) + counts.sum(axis=-2)))


def kappa(sums: Array) -> Array:
    """Return Cohen's kappa of labels and answers: agreement beyond that of chance, 1 where all is right."""
    counts = matrices(sums)
    n = counts.sum(axis=(-2, -1))
    observed = _ratio(_diagonal(counts).sum(axis=-1), n)
    chance = _ratio((counts.sum(axis=-1) * counts.sum(axis=-2)).sum(axis=-1), n * n)
    return _ratio(observed - chance, 1 - chance)


def calibration_error(sums: Array) -> Array:
    """Return the expected calibration error over :data:`BINS` equal-width bins.

    The mean over images of |accuracy - mean confidence| of the image's bin; the confidence is the highest probability.
    """
    return _ratio(np.abs(sums[..., -BINS:]).sum(axis=-1), matrices(sums).sum(axis=(-2, -1)))


def f1_of(index: int) -> Statistic:
    """Return the statistic that is the F1 of one class."""

    def statistic(sums: Array) -> Array:
        counts = matrices(sums)
        return _ratio(
            2 * counts[..., index, index], counts[..., index, :].sum(axis=-1) + counts[..., :, index].sum(axis=-1)
        )

    return statistic


def ratio_of(top: ArrayLike, bottom: ArrayLike) -> Statistic:
    """Return the statistic that is the sum of some columns over the sum of others.

    Args:
        top: indices of columns.
        bottom: indices of columns.
    """
    above, below = np.asarray(top), np.asarray(bottom)

    def statistic(sums: Array) -> Array:
        return _ratio(sums[..., above].sum(axis=-1), sums[..., below].sum(axis=-1))

    return statistic


def matrices(sums: Array) -> Array:
    """Return the confusion matrices within the sums, shape (..., classes, classes), rows true."""
    classes = math.isqrt(sums.shape[-1] - BINS)
    return sums[..., : classes * classes].reshape(*sums.shape[:-1], classes, classes)


def _diagonal(counts: Array) -> Array:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(top: Array, bottom: Array) -> Array:
    shape = np.broadcast_shapes(np.shape(top), np.shape(bottom))
    result = np.full(shape, np.nan)
    np.divide(top, bottom, out=result, where=np.abs(bottom) > 1e-12)
    return result


def _mean_of_defined(scores: Array) -> Array:
    defined = np.isfinite(scores)
    return _ratio(np.where(defined, scores, 0.0).sum(axis=-1), defined.sum(axis=-1).astype(np.float64))
