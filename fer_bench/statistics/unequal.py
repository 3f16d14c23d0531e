"""Welch's ANOVA with the Games-Howell test: means compared where the variances may differ.

Both need sizes, means and variances only, so that a published summary is enough. Sources: B. L. Welch, "On the
comparison of several mean values", Biometrika 38 (1951) 330-336, as in statsmodels; P. A. Games and J. F. Howell,
"Pairwise multiple comparison procedures with unequal N's and/or variances", Journal of Educational Statistics 1
(1976) 113-125.
"""

import math

from fer_bench.anova_result import PairDifference, WelchAnova
from fer_bench.errors import FerBenchError
from fer_bench.statistics.studentized import critical
from fer_bench.statistics.summary import Summary, both_ways


def welch(summary: Summary) -> WelchAnova:
    """Return Welch's ANOVA.

    Raises:
        FerBenchError: a model does not vary, or varies too little for the weights.
    """
    from statsmodels.stats.oneway import anova_generic

    check_variances(summary)
    found = anova_generic(summary.centre, summary.variance, summary.size, use_var="unequal")
    f, p, df = float(found.statistic), float(found.pvalue), tuple(map(float, found.df))
    if not all(map(math.isfinite, (f, p, *df))):
        raise FerBenchError(f"Welch's F-statistic is {f}: the variances differ too much to weigh the models by them")
    return WelchAnova(f=f, p=p, df=(df[0], df[1]))


def games_howell(summary: Summary, alpha: float) -> tuple[PairDifference, ...]:
    """Return the Games-Howell test of every pair.

    Equal to ``scipy.stats.tukey_hsd(..., equal_var=False)`` on the samples, which takes no summary. Each pair has its
    own standard error and Welch's degrees of freedom; the studentized range is that of all models.

    Raises:
        FerBenchError: a model does not vary.
    """
    from scipy.stats import studentized_range

    check_variances(summary)
    size, centre = summary.size, summary.centre
    spread = summary.variance / size

    def compare(a: int, b: int) -> tuple[float, float, float, float]:
        difference = float(centre[a] - centre[b])
        both = float(spread[a] + spread[b])
        # By shares, since the square of a small variance underflows.
        share = float(spread[a]) / both
        freedom = 1 / (share**2 / (size[a] - 1) + (1 - share) ** 2 / (size[b] - 1))
        error = math.sqrt(both / 2)
        reach = critical(alpha, len(size), freedom) * error
        p = float(studentized_range.sf(abs(difference) / error, len(size), freedom))
        return difference, difference - reach, difference + reach, p

    return both_ways(summary.models, alpha, compare)


def check_variances(summary: Summary) -> None:
    """Refuse a model whose variance is 0: its mean would weigh infinitely much."""
    constant = [model for model, variance in zip(summary.models, summary.variance, strict=True) if variance <= 0]
    if constant:
        raise FerBenchError(
            f"the values of {', '.join(constant)} do not vary, and each model is weighed by its variance"
        )
