"""One-way ANOVA with Tukey's HSD over inference times: samples, or their summary, to results.

Source: paper, section V-E and Table 7. Both assume independent observations and equal variances. Repeated calls in
one process are not independent, and the paper's standard deviations differ threefold: a small p-value says that
two means differ within this measuring session, not that they would on another machine or day.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_bench.errors import FerBenchError
from fer_bench.records import Origin, PairDifference, StatisticsRecord


@dataclass(frozen=True, kw_only=True)
class AnovaResult:
    """One-way ANOVA of a measurement over models, and Tukey's HSD of every pair."""

    models: tuple[str, ...]
    """In the order given."""
    alpha: float
    """Family-wise significance level of the pairs."""
    n: dict[str, int]
    mean: dict[str, float]
    """In the unit of the samples (seconds for inference times), as ``sd``, ``difference`` and ``ci``."""
    sd: dict[str, float]
    """Sample standard deviation (n - 1)."""
    f: float
    p: float
    df: tuple[int, int]
    """Degrees of freedom: between, within."""
    pairs: tuple[PairDifference, ...]
    """Every ordered pair, grouped by ``a`` in the order of ``models``, as in Table 7. The p-values come from a
    numerical integral that is good to about 1e-11: below that they say no more than "very small"."""


def anova_tukey(samples: Mapping[str, Sequence[float]], *, alpha: float = 0.05) -> AnovaResult:
    """Compare the means of the samples of two or more models.

    Args:
        samples: at least two finite values of each model; the order of the models is kept.
        alpha: family-wise significance level: a pair is significant where its adjusted p-value is below it, and
            the confidence intervals hold simultaneously with 1 - alpha.

    Raises:
        FerBenchError: fewer than two models, fewer than two values or a non-finite value of a model, no variance
            in any model, alpha outside (0, 1).
    """
    arrays = {model: np.asarray(values, dtype=np.float64) for model, values in samples.items()}
    for model, values in arrays.items():
        if values.ndim != 1:
            raise FerBenchError(f"samples of {model} have the shape {values.shape}; expected a list of numbers")
        if not np.isfinite(values).all():
            raise FerBenchError(f"samples of {model} hold a value that is not finite; measure again")
    n = {model: int(values.size) for model, values in arrays.items()}
    _check(n, alpha)
    mean = {model: float(values.mean()) for model, values in arrays.items()}
    # Equal values have a standard deviation of exactly 0, which the rounding of their mean would hide.
    sd = {model: float(values.std(ddof=1)) if np.ptp(values) > 0 else 0.0 for model, values in arrays.items()}
    _check_spread(mean, sd)

    from scipy.stats import tukey_hsd
    from statsmodels.stats.oneway import anova_oneway

    groups = list(arrays.values())
    f_and_p = _f_and_p(anova_oneway(groups, use_var="equal"))
    # scipy keeps the order of the groups; statsmodels' pairwise_tukeyhsd sorts them by name, which flips signs.
    tukey = tukey_hsd(*groups)
    interval = tukey.confidence_interval(1 - alpha)

    def compare(a: int, b: int) -> tuple[float, float, float, float]:
        return tukey.statistic[a, b], interval.low[a, b], interval.high[a, b], tukey.pvalue[a, b]

    return _result(n, mean, sd, alpha, f_and_p, compare)


def anova_tukey_from_summary(
    means: Mapping[str, float], sds: Mapping[str, float], ns: Mapping[str, int], *, alpha: float = 0.05
) -> AnovaResult:
    """Compare means of which only the summary is known; exact, equal to :func:`anova_tukey` on the samples.

    Unequal sample sizes are compared by Tukey and Kramer's rule.

    Args:
        means: mean of each model; the order of the models is kept.
        sds: sample standard deviation (n - 1) of each model.
        ns: number of values of each model.
        alpha: as in :func:`anova_tukey`.

    Raises:
        FerBenchError: as in :func:`anova_tukey`, or the three do not name the same models, or a negative
            standard deviation.
    """
    for what, values in (("standard deviations", sds), ("sample sizes", ns)):
        if set(values) != set(means):
            raise FerBenchError(
                f"means of {', '.join(means)} but {what} of {', '.join(values)}; expected the same models"
            )
    n = {model: int(ns[model]) for model in means}
    mean = {model: float(value) for model, value in means.items()}
    sd = {model: float(sds[model]) for model in means}
    _check(n, alpha)
    _check_spread(mean, sd)

    from scipy.stats import studentized_range
    from statsmodels.stats.oneway import anova_generic

    size = np.array(list(n.values()), dtype=np.float64)
    centre = np.array(list(mean.values()))
    variance = np.array(list(sd.values())) ** 2
    f_and_p = _f_and_p(anova_generic(centre, variance, size, use_var="equal"))
    groups, within = len(n), sum(n.values()) - len(n)
    pooled = float((size - 1) @ variance) / within
    critical = float(studentized_range.ppf(1 - alpha, groups, within))

    def compare(a: int, b: int) -> tuple[float, float, float, float]:
        difference = float(centre[a] - centre[b])
        error = math.sqrt(pooled / 2 * (1 / size[a] + 1 / size[b]))
        p = float(studentized_range.sf(abs(difference) / error, groups, within))
        return difference, difference - critical * error, difference + critical * error, p

    return _result(n, mean, sd, alpha, f_and_p, compare)


def to_record(result: AnovaResult, *, runtime: str, origin: Origin, inputs: Mapping[str, str]) -> StatisticsRecord:
    """Return the record of an analysis of inference times in seconds.

    Args:
        result: the analysis.
        runtime: the key of ``ProfileRecord.latency`` that the samples come from, e.g. ``keras-predict``.
        origin: ``synthetic`` where any of the profiles is.
        inputs: SHA-256 of each model's ProfileRecord file.

    Raises:
        FerBenchError: ``inputs`` does not name exactly the models of the result.
    """
    if set(inputs) != set(result.models):
        raise FerBenchError(
            f"statistics of {', '.join(result.models)} with profiles of {', '.join(inputs) or 'no model'}; "
            "expected one profile for each model"
        )
    return StatisticsRecord(
        analysis="anova",
        origin=origin,
        runtime=runtime,
        models=result.models,
        inputs=dict(inputs),
        alpha=result.alpha,
        n=dict(result.n),
        mean=dict(result.mean),
        sd=dict(result.sd),
        f=result.f,
        p=result.p,
        df=result.df,
        pairs=result.pairs,
    )


def _check(n: Mapping[str, int], alpha: float) -> None:
    if not 0 < alpha < 1:
        raise FerBenchError(f"alpha = {alpha}; expected a number between 0 and 1, such as 0.05")
    if len(n) < 2:
        raise FerBenchError(f"ANOVA needs at least two models, found {', '.join(n) or 'none'}; profile another")
    for model, size in n.items():
        if size < 2:
            raise FerBenchError(f"{model} has a sample size of {size}; ANOVA needs at least two values of each model")


def _check_spread(mean: Mapping[str, float], sd: Mapping[str, float]) -> None:
    for model in mean:
        if not (math.isfinite(mean[model]) and math.isfinite(sd[model]) and sd[model] >= 0):
            raise FerBenchError(
                f"{model} has the mean {mean[model]} and the standard deviation {sd[model]}; "
                "expected finite numbers, the standard deviation at least 0"
            )
    # Squared, because the F-test divides by the variance: it must not underflow.
    if not any(value * value > 0 for value in sd.values()):
        raise FerBenchError(
            f"the values of {', '.join(sd)} do not vary within any model; the F-test needs some variance: "
            "measure more finely, or more often"
        )


def _f_and_p(anova: Any) -> tuple[float, float]:
    f, p = float(anova.statistic), float(anova.pvalue)
    if not math.isfinite(f):
        raise FerBenchError(
            f"the F-statistic is {f}: the values are too large, or vary too little within the models, to be compared"
        )
    return f, p


def _result(
    n: dict[str, int],
    mean: dict[str, float],
    sd: dict[str, float],
    alpha: float,
    f_and_p: tuple[float, float],
    compare: Callable[[int, int], tuple[float, float, float, float]],
) -> AnovaResult:
    """Lay out the pairs; ``compare`` returns difference, interval's ends and p-value of groups a and b."""
    models = tuple(n)
    pairs = []
    for a, b in itertools.permutations(range(len(models)), 2):
        difference, low, high, p = map(float, compare(a, b))
        pairs.append(
            PairDifference(a=models[a], b=models[b], difference=difference, ci=(low, high), p=p, significant=p < alpha)
        )
    return AnovaResult(
        models=models,
        alpha=alpha,
        n=n,
        mean=mean,
        sd=sd,
        f=f_and_p[0],
        p=f_and_p[1],
        df=(len(n) - 1, sum(n.values()) - len(n)),
        pairs=tuple(pairs),
    )
