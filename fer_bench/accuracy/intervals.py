"""Confidence intervals of proportions, of their differences, and of anything that can be resampled. Pure numpy."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Confidence level of every interval where nothing else is said."""
RESAMPLES = 5_000
"""Of every bootstrap: the ends of a 95 % interval then vary with the draw by about a hundredth of its width."""

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]
"""Takes sums, shape (..., columns), and returns a score of each, shape (...)."""

_BATCH = 2_000_000
"""Draws held in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A score with its interval; ``nan`` where there is none."""

    value: float
    low: float
    high: float
    method: str
    """How the interval was found, in a few words."""

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def as_json(self, key: str = "value") -> dict[str, Any]:
        """Return the value under ``key``, the ends as ``ci`` and the method; ``None`` for what is not known."""
        ends = [self.low, self.high] if self.known else None
        return {key: number_or_none(self.value), "ci": ends, "method": self.method}


def number_or_none(value: float) -> float | None:
    """Return a number as JSON has it: ``None`` for one that is not finite."""
    return value if math.isfinite(value) else None


def wilson(correct: float, n: int) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion of independent trials; nan without trials.

    The same as ``statsmodels.stats.proportion.proportion_confint(method="wilson")``, without its import, so that
    tables can use it. Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212.
    """
    if n == 0:
        return math.nan, math.nan
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    p, share = correct / n, z * z / n
    centre = (p + share / 2) / (1 + share)
    half = z / (1 + share) * math.sqrt((p * (1 - p) + share / 4) / n)
    # Rounding must not leave 0 or 1 outside where every trial went the same way.
    return (0.0 if correct == 0 else centre - half), (1.0 if correct == n else centre + half)


def newcombe_paired(both: int, only_a: int, only_b: int, neither: int) -> tuple[float, float]:
    """Return Newcombe's interval of the difference of two proportions over the same independent images, a minus b.

    Method 10 of R. G. Newcombe, Statistics in Medicine 17 (1998), 2635-2650: Wilson's intervals of both proportions,
    combined with their correlation. nan without images.
    """
    n = both + only_a + only_b + neither
    if n == 0:
        return math.nan, math.nan
    a, b = both + only_a, both + only_b
    (low_a, high_a), (low_b, high_b) = wilson(a, n), wilson(b, n)
    product = both * neither - only_a * only_b
    corrected = max(product - n / 2, 0) if product > 0 else product
    margins = a * (n - a) * b * (n - b)
    correlation = corrected / math.sqrt(margins) if margins else 0.0

    def reach(first: float, second: float) -> float:
        return math.sqrt(max(first * first - 2 * correlation * first * second + second * second, 0.0))

    difference = (only_a - only_b) / n
    below = reach(a / n - low_a, high_b - b / n)
    above = reach(high_a - a / n, b / n - low_b)
    return max(difference - below, -1.0), min(difference + above, 1.0)


def newcombe_independent(a: int, n_a: int, b: int, n_b: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Newcombe's interval of the difference of two independent proportions, a / n_a minus b / n_b.

    Method 10 of R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, by statsmodels.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(a, n_a, b, n_b, method="newcomb", compare="diff", alpha=1 - level)
    return float(low), float(high)


def resampled_sums(tallies: Array, *, resamples: int = RESAMPLES, seed: int = 0) -> Array:
    """Draw units with replacement and add up what they count, many times.

    Args:
        tallies: what each unit (an image, or a subject with all images) adds to each sum, shape (units, columns).
        resamples: number of bootstrap samples.
        seed: the same seed, units and order give the same samples.

    Returns:
        Sums of each bootstrap sample, float64, shape (resamples, columns).
    """
    units = len(tallies)
    generator = np.random.default_rng(seed)
    sums = np.empty((resamples, tallies.shape[1]))
    batch = max(1, _BATCH // units)
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        drawn = generator.integers(0, units, (size, units)) + units * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units)
        sums[start : start + size] = times.astype(np.float64) @ tallies
    return sums


def bca(value: float, replicates: Array, left_out: Array, level: float = LEVEL) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval.

    As ``scipy.stats.bootstrap(method="BCa")`` computes it, from replicates that many scores can share. Source:
    B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), section 14.3.

    Args:
        value: the score of the sample.
        replicates: scores of bootstrap samples; nan (a class without images) is left out.
        left_out: scores with one unit left out each (jackknife); nan is left out.
        level: confidence level.

    Returns:
        The ends, always with ``value`` between them; nan where the replicates do not vary, which says nothing.
    """
    from scipy.special import ndtr, ndtri

    replicates = replicates[np.isfinite(replicates)]
    if not math.isfinite(value) or replicates.size < 2 or np.ptp(replicates) < 1e-12:
        return math.nan, math.nan
    # Sums of the same images in another order differ in the last digits: such replicates are ties, not below.
    slack = 1e-12
    below = np.count_nonzero(replicates < value - slack) + np.count_nonzero(replicates <= value + slack)
    share = below / (2 * replicates.size)
    rest = 0.5 / replicates.size
    bias = float(ndtri(min(max(share, rest), 1 - rest)))
    distances = left_out[np.isfinite(left_out)]
    distances = distances.mean() - distances if distances.size else np.zeros(1)
    spread = float((distances**2).sum())
    acceleration = float((distances**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + float(ndtri(tail))
        ends.append(float(ndtr(bias + z / (1 - acceleration * z))))
    low, high = np.quantile(replicates, ends)
    return min(float(low), value), max(float(high), value)
