"""Tests between two models that answered the same images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_bench.accuracy.intervals import Estimate, newcombe_paired

MCNEMAR = "McNemar's exact test"
BY_SUBJECT = "exact permutation test by subject"


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """One run of a model against one run of another on the same images."""

    only_a: int
    """Images that only the first answered right."""
    only_b: int
    difference: float
    """Accuracy of the first less that of the second, a fraction."""
    test: str
    p: float
    """Two-sided, not adjusted."""


def compare_runs(
    right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], units: NDArray[np.intp], *, clustered: bool
) -> PairedTest:
    """Test whether two runs are right equally often on the same images.

    Args:
        right_a: whether the first run's answers are right, shape (n,).
        right_b: the second run's.
        units: the subject of each image, counted from 0, shape (n,).
        clustered: whether images of one subject belong together; then the models are swapped a subject at a time.
    """
    only_a = int(np.count_nonzero(right_a & ~right_b))
    only_b = int(np.count_nonzero(right_b & ~right_a))
    if clustered:
        differences = np.bincount(units, weights=right_a.astype(float) - right_b).round().astype(np.int64)
        test, p = BY_SUBJECT, swap_test(differences)
    else:
        test, p = MCNEMAR, mcnemar(only_a, only_b)
    return PairedTest(only_a=only_a, only_b=only_b, difference=(only_a - only_b) / len(right_a), test=test, p=p)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of McNemar's exact test; 1 where the two are never told apart.

    Args:
        only_a: images that only the first model answered right.
        only_b: images that only the second did.
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    return float(test([[0, only_a], [only_b, 0]], exact=True).pvalue)


def swap_test(differences: NDArray[np.int64]) -> float:
    """Return the two-sided p-value of the paired permutation test clustered by subject.

    Where two models are equally good, swapping their names for all images of a subject changes nothing: each
    subject's difference keeps its size and has either sign with probability one half. The distribution of the sum
    over all subjects is computed exactly, subject by subject, for any number of subjects: nothing is drawn. With one
    image a subject it is McNemar's exact test.

    Args:
        differences: for each subject the images that only the first model answered right, less those that only the
            second did, shape (subjects,).
    """
    sizes = np.abs(differences[differences != 0])
    distribution = np.ones(1)
    for size in sizes:
        wider = np.zeros(len(distribution) + 2 * int(size))
        wider[: len(distribution)] += distribution / 2
        wider[2 * int(size) :] += distribution / 2
        distribution = wider
    sums = np.arange(len(distribution)) - int(sizes.sum())
    return min(1.0, float(distribution[np.abs(sums) >= abs(int(differences.sum()))].sum()))


def difference_of_runs(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> Estimate:
    """Return the difference of accuracy of two runs on independent images with Newcombe's paired interval."""
    both, neither = int(np.count_nonzero(right_a & right_b)), int(np.count_nonzero(~right_a & ~right_b))
    only_a, only_b = int(np.count_nonzero(right_a & ~right_b)), int(np.count_nonzero(right_b & ~right_a))
    low, high = newcombe_paired(both, only_a, only_b, neither)
    return Estimate(value=(only_a - only_b) / len(right_a), low=low, high=high, method="Newcombe, paired")
