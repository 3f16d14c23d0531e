"""Tests of what one-way ANOVA and Tukey's HSD assume: equal variances, normal residuals, independent values."""

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fer_bench.anova_result import Assumptions, Autocorrelation, Outcome
from fer_bench.statistics.summary import Floats, Summary

MINIMUM_SERIES = 10
"""Fewest values that are tested for serial correlation."""
_SHAPIRO = range(3, 5001)
"""Numbers of values for which Shapiro and Wilk's p-value holds."""


def assumptions(
    arrays: Mapping[str, Floats], summary: Summary, alpha: float, block_effect: Outcome | None
) -> Assumptions:
    """Test the assumptions on samples in the order taken.

    Args:
        arrays: the samples.
        summary: of the samples.
        alpha: an assumption is rejected where a p-value, Holm-adjusted over the tests of it, is below this.
        block_effect: the F-test of the blocks, where the values were taken in blocks.
    """
    groups = list(arrays.values())
    brown_forsythe = _levene(groups, "median")
    residuals = _shapiro(_residuals(groups))
    normality = {model: test for model, values in arrays.items() if (test := _shapiro(values))}
    series = {model: found for model, values in arrays.items() if (found := _autocorrelation(values, alpha))}
    dependence = [item.ljung_box for item in series.values()] + ([block_effect] if block_effect else [])
    return Assumptions(
        variance_ratio=_ratio(summary),
        levene=_levene(groups, "mean"),
        brown_forsythe=brown_forsythe,
        bartlett=_bartlett(summary),
        residuals=residuals,
        normality=normality,
        autocorrelation=series,
        equal_variances=None if brown_forsythe is None else brown_forsythe.p >= alpha,
        normal=None if residuals is None else residuals.p >= alpha,
        independent=_none_rejected(dependence, alpha),
    )


def assumptions_of_summary(summary: Summary, alpha: float) -> Assumptions:
    """Test what a summary allows: equal variances, by Bartlett's test."""
    bartlett = _bartlett(summary)
    return Assumptions(
        variance_ratio=_ratio(summary),
        levene=None,
        brown_forsythe=None,
        bartlett=bartlett,
        residuals=None,
        normality={},
        autocorrelation={},
        equal_variances=None if bartlett is None else bartlett.p >= alpha,
        normal=None,
        independent=None,
    )


def ljung_box(values: Floats) -> tuple[int, Outcome] | None:
    """Return the lags and the Ljung-Box test of a series in the order taken; ``None`` where it is too short."""
    from statsmodels.stats.diagnostic import acorr_ljungbox

    if values.size < MINIMUM_SERIES or np.ptp(values) == 0:
        return None
    lags = min(10, values.size // 5)
    found = acorr_ljungbox(values, lags=[lags]).iloc[0]
    test = _outcome(found["lb_stat"], found["lb_pvalue"])
    return (lags, test) if test else None


def _autocorrelation(values: Floats, alpha: float) -> Autocorrelation | None:
    from scipy.stats import norm

    test = ljung_box(values)
    if test is None:
        return None
    centred = values - values.mean()
    lag1 = float(centred[1:] @ centred[:-1] / (centred @ centred))
    # Bartlett's standard error of the first autocorrelation, as statsmodels' acf has it.
    half = float(norm.isf(alpha / 2)) / math.sqrt(values.size)
    return Autocorrelation(lag1=lag1, ci=(lag1 - half, lag1 + half), lags=test[0], ljung_box=test[1])


def _ratio(summary: Summary) -> float | None:
    variance = summary.variance
    return float(variance.max() / variance.min()) if variance.min() > 0 else None


def _levene(groups: list[Floats], center: str) -> Outcome | None:
    from scipy.stats import levene

    with np.errstate(all="ignore"):
        return _outcome(*levene(*groups, center=center))


def _bartlett(summary: Summary) -> Outcome | None:
    """Return Bartlett's test; it depends on sizes and variances alone, so made-up samples with these serve."""
    from scipy.stats import bartlett

    if summary.variance.min() <= 0:
        return None
    shapes = [np.arange(size, dtype=np.float64) for size in summary.n.values()]
    scaled = [sd * shape / shape.std(ddof=1) for sd, shape in zip(summary.sd.values(), shapes, strict=True)]
    return _outcome(*bartlett(*scaled))


def _residuals(groups: list[Floats]) -> Floats:
    """Return deviations from the means in standard deviations, so that unequal variances do not look like tails."""
    varied = [values for values in groups if values.size >= _SHAPIRO.start and np.ptp(values) > 0]
    return np.concatenate([(values - values.mean()) / values.std(ddof=1) for values in varied] or [np.empty(0)])


def _shapiro(values: Floats) -> Outcome | None:
    from scipy.stats import shapiro

    if values.size not in _SHAPIRO or np.ptp(values) == 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a range that is mere rounding error: p then means nothing
        return _outcome(*shapiro(values))


def _outcome(statistic: Any, p: Any) -> Outcome | None:
    found = Outcome(statistic=float(statistic), p=float(p))
    return found if math.isfinite(found.statistic) and math.isfinite(found.p) else None


def _none_rejected(tests: Iterable[Outcome], alpha: float) -> bool | None:
    """Return whether no test rejects; Holm's smallest adjusted p-value is the smallest times their number."""
    p = [test.p for test in tests]
    return min(p) * len(p) >= alpha if p else None
