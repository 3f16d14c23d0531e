"""The variance of a score over several seeds, split into that of training and that of the test set.

All seeds of a model answer the same images, so the spread between their scores holds the seed's effect and only that
part of the sampling error that the runs do not share. With the scores T of S runs, and the jackknife's estimate of the
sampling variance V of one run and of the covariance C of two runs on the same images (both means over the runs; the
units that are left out one at a time are images, or subjects with all of theirs):

- between seeds: the sample variance of T over the runs; it estimates seed + V - C;
- seed: that, less V - C; where chance makes it negative, no effect of the seed can be told from the sample's;
- sample: V;
- variance of the mean over seeds: between / S + C, or V - C for between where that is larger, since a few seeds may
  lie close together by chance: intervals are too wide rather than too narrow. Degrees of freedom after Welch and
  Satterthwaite from S - 1 and units - 1 (Guide to the expression of uncertainty in measurement, annex G.4).

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
    def of_runs(self) -> tuple[float, int]:
        """Variance of the mean over runs that more runs would lower, and its degrees of freedom."""
        return max(self.between, self.sample - self.shared) / self.runs, self.runs - 1

    @property
    def seed_share(self) -> float:
        """Fraction of a single run's variance that the seed makes; nan where nothing varies."""
        seed = max(self.seed, 0.0)
        return seed / (seed + self.sample) if seed + self.sample > 0 else math.nan

    def between_interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of the standard deviation between seeds, for normally distributed scores."""
        from scipy.stats import chi2

        free = self.runs - 1
        ends = chi2.ppf([(1 + level) / 2, (1 - level) / 2], free)
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
    variance, free = _sum_of([found.of_runs, (found.shared, found.units - 1)])
    reach = _quantile(free, level) * math.sqrt(variance)
    return Estimate(value=found.mean, low=found.mean - reach, high=found.mean + reach, method=METHOD)


def difference_over_seeds(a: Spread, b: Spread, common: Array, level: float = LEVEL) -> tuple[Estimate, float]:
    """Return the difference of two models' means over seeds, a minus b, and its two-sided p-value.

    The runs of the two models are taken as independent but for the images that they share, also where the seeds have
    the same numbers.

    Args:
        a: of the first model.
        b: of the second.
        common: the sampling covariances of their runs, shape (runs of a, runs of b).
        level: confidence level.
    """
    from scipy.stats import t

    shared = max(a.shared + b.shared - 2 * float(common.mean()), 0.0)
    variance, free = _sum_of([a.of_runs, b.of_runs, (shared, a.units - 1)])
    difference = a.mean - b.mean
    reach = _quantile(free, level) * math.sqrt(variance)
    estimate = Estimate(value=difference, low=difference - reach, high=difference + reach, method=METHOD)
    if variance <= 0:
        return estimate, 1.0 if difference == 0 else 0.0
    return estimate, float(2 * t.sf(abs(difference) / math.sqrt(variance), free))


def _sum_of(parts: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Return the sum of variances and its degrees of freedom after Welch and Satterthwaite."""
    variance = sum(part for part, _ in parts)
    squares = sum(part * part / free for part, free in parts if free > 0)
    return variance, (variance * variance / squares if squares > 0 else math.inf)


def _quantile(free: float, level: float) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, free))
