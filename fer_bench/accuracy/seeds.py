"""The variance of a score over several seeds, split into that of training and that of the test set.

All seeds of a model answer the same images, so the spread between their scores holds the seed's effect and only that
part of the sampling error that the runs do not share. With the scores T of S runs, and the jackknife's estimate of the
sampling variance V of one run and of the covariance C of two runs on the same images (both means over the runs; the
units that are left out one at a time are images, or subjects with all of theirs):

- between seeds: the sample variance of T over the runs; it estimates seed + V - C;
- seed: that, less V - C; where chance makes it negative, no effect of the seed can be told from the sample's;
- sample: V;
- variance of the mean over seeds: between / S + C, or V - C for between where that is larger, since a few seeds may
  lie close together by chance.

Intervals give each of the two parts its own quantile of t, with S - 1 degrees of freedom (those of Welch for the seeds
of two models) and with units - 1, and add the squares (Banerjee, Sankhya 22, 1960, pages 357 and 358). Degrees of
freedom for the sum, after Satterthwaite, grow with every pair of seeds that chance puts close together: simulated with
two seeds and 7,178 images, 95 % intervals held the mean 88 times in 100, and equal models were told apart 11 times at
the level of 5 %. These: 97 and 7 times at worst (tests/benchmarks/seed_intervals.py).

For accuracy and independent images this is the analysis of variance of images x seeds. With few seeds its first part is
poorly known: the 95 % interval of a standard deviation reaches from half to six times the estimate with three seeds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fer_bench.accuracy.intervals import LEVEL, Array, Estimate
from fer_bench.errors import FerBenchError

METHOD = "t over seeds and sample"
NOTHING = 1e-9
"""Standard deviation, and half the width of an interval, below which there is nothing but rounding."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Where the variance of one run's score comes from. Variances, in squares of the score's unit."""

    runs: int
    units: int
    mean: float
    between: float
    """Sample variance of the scores over the seeds."""
    sample: float
    """Sampling variance of one run's score: other images of the same kind."""
    shared: float
    """The part of ``sample`` that all runs share, since they answer the same images; not below 0."""

    @property
    def seed(self) -> float:
        """Variance of training: other seeds, the same images. Negative where the sample explains more than is seen."""
        return self.between - (self.sample - self.shared)

    @property
    def of_runs(self) -> tuple[float, float]:
        """Variance of the mean over runs that more runs would lower, and its degrees of freedom."""
        return max(self.between, self.sample - self.shared) / self.runs, self.runs - 1

    @property
    def seed_share(self) -> float:
        """Fraction of a single run's variance that the seed makes; nan where nothing varies."""
        seed = max(self.seed, 0.0)
        return seed / (seed + self.sample) if seed + self.sample > 0 else math.nan

    def between_interval(self) -> tuple[float, float]:
        """Return the interval of the standard deviation between seeds, for normally distributed scores.

        nan where all seeds score the same, which says nothing of how far others would.
        """
        from scipy.stats import chi2

        if self.between < NOTHING**2:
            return math.nan, math.nan
        free = self.runs - 1
        ends = chi2.ppf([(1 + LEVEL) / 2, (1 - LEVEL) / 2], free)
        low, high = (math.sqrt(free * self.between / float(end)) for end in ends)
        return low, high


def spread(scores: Array, influences: Array) -> Spread:
    """Split the variance of a score.

    Args:
        scores: of each run, shape (runs,), at least 2.
        influences: the mean of the jackknife's scores less each of them, shape (units, runs).

    Raises:
        FerBenchError: fewer than two runs.
    """
    runs, units = len(scores), len(influences)
    if runs < 2:
        raise FerBenchError(f"{runs} seed: the variance between seeds needs at least two; train with another --seed")
    covariance = sampling_covariance(influences, influences)
    own = float(np.trace(covariance))
    return Spread(
        runs=runs,
        units=units,
        mean=float(scores.mean()),
        between=float(scores.var(ddof=1)),
        sample=own / runs,
        shared=max((float(covariance.sum()) - own) / (runs * (runs - 1)), 0.0),
    )


def sampling_covariance(a: Array, b: Array) -> Array:
    """Return the jackknife's covariances of the scores of two sets of runs on the same images, (runs, runs)."""
    units = len(a)
    product: Array = (units - 1) / units * (a.T @ b)
    return product


def mean_over_seeds(found: Spread, level: float = LEVEL) -> Estimate:
    """Return the mean score over seeds; its interval holds for other seeds and other images."""
    return _estimate(found.mean, _reach([found.of_runs, (found.shared, found.units - 1)], 1 - level))


def difference_over_seeds(a: Spread, b: Spread, common: Array, level: float = LEVEL) -> tuple[Estimate, float]:
    """Return the difference of two models' means over seeds, a minus b, and its two-sided p-value.

    The runs of the two models are taken as independent but for the images that they share, also where the seeds have
    the same numbers. The p-value is 1 less the level of the interval that ends at 0.

    Args:
        a: of the first model.
        b: of the second.
        common: the sampling covariances of their runs, shape (runs of a, runs of b).
        level: confidence level.
    """
    parts = [_welch([a.of_runs, b.of_runs]), _of_images(a, b, common)]
    difference = a.mean - b.mean
    return _estimate(difference, _reach(parts, 1 - level)), _p_value(parts, abs(difference))


def difference_by_seed(
    scores: tuple[Array, Array], influences: tuple[Array, Array], level: float = LEVEL
) -> tuple[Estimate, float]:
    """Return the difference of two models' means over seeds, taken seed by seed, and its two-sided p-value.

    Runs of the same seed see the images in the same order and with the same augmentation, and start from the same
    weights where the network is the same. What they share leaves their difference, so this is the narrower form where
    the scores of two models rise and fall together, and the wider one, with half the degrees of freedom, where they do
    not. It takes nothing for granted of how the two models' runs depend on each other; pairs of runs are independent.

    Args:
        scores: of the runs of both models, the same seeds in the same order, shape (runs,) each, at least 2.
        influences: of both models, as in :func:`spread`.
        level: confidence level.

    Raises:
        FerBenchError: fewer than two seeds.
    """
    found = spread(scores[0] - scores[1], influences[0] - influences[1])
    parts = [found.of_runs, (found.shared, found.units - 1)]
    return _estimate(found.mean, _reach(parts, 1 - level)), _p_value(parts, abs(found.mean))


def foreseen_reach(a: Spread, b: Spread, common: Array, runs: int) -> float:
    """Return half the width that the interval of :func:`difference_over_seeds` would have with other numbers of seeds.

    It is a forecast: seeds to come are taken to vary as the present ones do, and a few of these tell that roughly.

    Args:
        a: of the first model.
        b: of the second.
        common: the sampling covariances of their runs, shape (runs of a, runs of b).
        runs: number of seeds of each model, at least 2.
    """
    of_runs = [(variance * spread.runs / runs, runs - 1) for spread in (a, b) for variance, _ in [spread.of_runs]]
    return _reach([_welch(of_runs), _of_images(a, b, common)], 1 - LEVEL)


def _estimate(value: float, reach: float) -> Estimate:
    """Return a value with what it reaches to either side; nan where nothing varies, which says nothing."""
    reach = math.nan if reach < NOTHING else reach
    return Estimate(value=value, low=value - reach, high=value + reach, method=METHOD)


def _of_images(a: Spread, b: Spread, common: Array) -> tuple[float, float]:
    """Return the variance of the difference that no number of runs lowers, and its degrees of freedom."""
    return max(a.shared + b.shared - 2 * float(common.mean()), 0.0), a.units - 1


def _welch(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the sum of variances and its degrees of freedom after Welch and Satterthwaite."""
    variance = sum(part for part, _ in parts)
    squares = sum(part * part / free for part, free in parts)
    return variance, (variance * variance / squares if squares > 0 else math.inf)


def _reach(parts: Sequence[tuple[float, float]], p: float) -> float:
    """Return half the width of the 1 - p confidence interval of a sum of independent parts (Banerjee 1960).

    Args:
        parts: variance and degrees of freedom of each part.
        p: probability that the interval leaves out.
    """
    from scipy.stats import t

    return math.sqrt(sum(part * float(t.isf(p / 2, free)) ** 2 for part, free in parts if part > 0))


def _p_value(parts: Sequence[tuple[float, float]], distance: float) -> float:
    """Return the two-sided p-value: the ``p`` for which :func:`_reach` equals the distance from 0.

    0.0 below 1e-60, where scipy's quantiles of t are no longer finite.
    """
    from scipy.optimize import brentq

    if distance == 0:
        return 1.0
    if _reach(parts, 1e-60) <= distance:
        return 0.0
    digits = brentq(lambda digits: _reach(parts, 10**-digits) - distance, 0.0, 60.0, xtol=1e-12)
    return float(10**-digits)
