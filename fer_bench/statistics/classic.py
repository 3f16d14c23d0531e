"""One-way ANOVA with Tukey's HSD, probably the form of the paper's Table 7, which does not name its post-hoc test."""

import math
from collections.abc import Mapping, Sequence

from fer_bench.anova_result import ALPHA, AnovaResult
from fer_bench.errors import FerBenchError
from fer_bench.statistics.studentized import critical
from fer_bench.statistics.summary import Summary, arrays_of, both_ways, summary_of


def anova_tukey(samples: Mapping[str, Sequence[float]], *, alpha: float = ALPHA) -> AnovaResult:
    """Compare the means of the samples of two or more models.

    Args:
        samples: at least two finite values of each model; the order of the models is kept.
        alpha: family-wise significance level: a pair is significant where its adjusted p-value is below it, and
            the confidence intervals hold simultaneously with 1 - alpha.

    Raises:
        FerBenchError: fewer than two models, fewer than two values or a non-finite value of a model, no variance
            in any model, alpha outside (0, 1).
    """
    return of_summary(summary_of(arrays_of(samples), alpha), alpha)


def of_summary(summary: Summary, alpha: float) -> AnovaResult:
    """Return the result of a checked summary; unequal sample sizes are compared by Tukey and Kramer's rule.

    Equal to ``scipy.stats.tukey_hsd`` on the samples, which takes no summary and whose search of the interval takes
    three times as long. statsmodels' ``pairwise_tukeyhsd`` sorts the models by name, which flips signs.
    """
    from scipy.stats import studentized_range
    from statsmodels.stats.oneway import anova_generic

    size, centre, variance = summary.size, summary.centre, summary.variance
    anova = anova_generic(centre, variance, size, use_var="equal")
    f = float(anova.statistic)
    if not math.isfinite(f):
        raise FerBenchError(
            f"the F-statistic is {f}: the values are too large, or vary too little within the models, to be compared"
        )
    groups, within = len(size), int(size.sum()) - len(size)
    pooled = float((size - 1) @ variance) / within

    def compare(a: int, b: int) -> tuple[float, float, float, float]:
        difference = float(centre[a] - centre[b])
        error = math.sqrt(pooled / 2 * (1 / size[a] + 1 / size[b]))
        p = float(studentized_range.sf(abs(difference) / error, groups, within))
        reach = critical(alpha, groups, within) * error
        return difference, difference - reach, difference + reach, p

    return AnovaResult(
        models=summary.models,
        alpha=alpha,
        n=summary.n,
        mean=summary.mean,
        sd=summary.sd,
        f=f,
        p=float(anova.pvalue),
        df=(groups - 1, within),
        pairs=both_ways(summary.models, alpha, compare),
    )
