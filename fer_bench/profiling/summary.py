"""The figures of a series of timed calls, and signs that it cannot be trusted. Pure: arrays in, numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2_000
CONFIDENCE = 0.95
_PARTS = 500
SMALLEST_MODES = 40
"""Values below which :func:`two_modes` says nothing."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A series of times, in the unit of the series."""

    n: int
    mean: float
    sd: float
    """Sample standard deviation (n - 1), what the paper prints after ±; not a number for one value."""
    median: float
    median_ci: tuple[float, float]
    """95 % percentile-bootstrap interval of the median, over these calls as if they were independent."""
    p95: float
    p99: float
    """Linear between neighbours: below about a hundred values little more than their maximum."""


def summarise(seconds: ArrayLike, *, seed: int = 0) -> Summary:
    """Return the summary of at least one finite time.

    Args:
        seconds: one-dimensional.
        seed: of the bootstrap.
    """
    values = np.asarray(seconds, np.float64)
    p95, p99 = np.percentile(values, (95, 99))
    return Summary(
        n=int(values.size),
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if values.size > 1 else float("nan"),
        median=float(np.median(values)),
        median_ci=_median_interval(values, seed),
        p95=float(p95),
        p99=float(p99),
    )


def _median_interval(values: NDArray[np.float64], seed: int) -> tuple[float, float]:
    if np.ptp(values) == 0:  # also one value, of which scipy makes no bootstrap
        return float(values[0]), float(values[0])
    from scipy.stats import bootstrap

    interval = bootstrap(
        (values,),
        np.median,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class Drift:
    """A trend of a series over its order."""

    relative: float
    """Theil-Sen slope times the length of the run, as a fraction of the median."""
    p: float
    """Of Spearman's rank correlation with the order, two-sided."""


def drift(seconds: Sequence[float]) -> Drift:
    """Return the trend of at least two times in the order taken; 0 where they are all equal."""
    values = np.asarray(seconds, np.float64)
    if np.ptp(values) == 0:
        return Drift(0.0, 1.0)
    from scipy.stats import spearmanr, theilslopes

    position = np.arange(values.size)
    # Every pair has a slope: to save memory, a long series is replaced by the medians of equal parts.
    parts = min(values.size, _PARTS)
    centres = [np.median(part) for part in np.array_split(values, parts)]
    places = [np.mean(part) for part in np.array_split(position, parts)]
    slope = float(theilslopes(centres, places).slope)
    return Drift(slope * (values.size - 1) / float(np.median(values)), float(spearmanr(position, values).pvalue))


def autocorrelation(seconds: Sequence[float]) -> float:
    """Return the lag-1 autocorrelation of the ranks of at least two times; 0 where they are all equal.

    Ranks, because a single call that an interruption made ten times as long would hide any other pattern.
    """
    if np.ptp(np.asarray(seconds)) == 0:
        return 0.0
    from scipy.stats import rankdata

    ranks = rankdata(seconds)
    ranks -= ranks.mean()
    return float(ranks[1:] @ ranks[:-1] / (ranks @ ranks))


def effective_size(n: int, correlation: float) -> float:
    """Return how many independent values say as much about the mean as ``n`` with this lag-1 autocorrelation."""
    return n * (1 - correlation) / (1 + correlation)


@dataclass(frozen=True)
class Modes:
    """Two groups that a series falls into."""

    low: float
    """Median of the faster group."""
    high: float
    share: float
    """Fraction of the values that are in the slower group."""


def two_modes(seconds: Sequence[float]) -> Modes | None:
    """Return the two groups that a series falls into, or ``None`` where it looks like one.

    The logarithms are cut where the variance between the two sides is largest (Otsu), with at least a tenth of the
    values on each side. The range between the medians of the sides is divided into thirds: there is a valley where the
    middle third holds fewer than a quarter of the values of each other third. This is a criterion for a warning, not a
    test: in simulations of 50 values it took one normal, log-normal, exponential or uniform group for two in fewer than
    1 % of the cases, and saw two equal normal groups six standard deviations apart in 85 %. Of fewer than 40 values it
    says nothing.
    """
    values = np.sort(np.asarray(seconds, np.float64))
    n = values.size
    if n < SMALLEST_MODES or values[0] <= 0 or values[0] == values[-1]:
        return None
    logs = np.log(values)
    left = np.arange(1, n)
    sums = np.cumsum(logs)[:-1]
    between = (sums / left - (logs.sum() - sums) / (n - left)) ** 2 * left * (n - left)
    least = int(np.ceil(n / 10))
    cut = least + int(np.argmax(between[least - 1 : n - least]))
    low, high = float(np.median(logs[:cut])), float(np.median(logs[cut:]))
    first, middle, last = np.histogram(logs, np.linspace(low, high, 4))[0] if high > low else (0, 0, 0)
    if 4 * middle >= min(first, last):
        return None
    slower = float((logs > (low + high) / 2).mean())  # The cut gives a group of fewer than a tenth some fast ones, too.
    return Modes(float(np.exp(low)), float(np.exp(high)), slower)


def anova_p(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return the p-values of one-way ANOVAs of two groups, row by row.

    Args:
        a: (experiments, runs).
        b: of the same shape.

    Returns:
        (experiments,); 1 where nothing varies.
    """
    from scipy.stats import f_oneway

    with np.errstate(all="ignore"):
        return np.nan_to_num(np.asarray(f_oneway(a, b, axis=1).pvalue, np.float64), nan=1.0)


def repeated_measures_p(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return the p-values of repeated-measures ANOVAs of two treatments in blocks, row by row (F is t squared).

    Args:
        a: (experiments, blocks).
        b: of the same shape; the same column is the same block.

    Returns:
        (experiments,); 1 where nothing varies.
    """
    from scipy.stats import ttest_rel

    with np.errstate(all="ignore"):
        return np.nan_to_num(np.asarray(ttest_rel(a, b, axis=1).pvalue, np.float64), nan=1.0)
