"""Effect sizes: how large the differences are, whether significant or not."""

import itertools
import math

from fer_bench.anova_result import AnovaResult, EffectSize, PairEffect
from fer_bench.statistics.summary import Summary


def effect_size(summary: Summary, result: AnovaResult) -> EffectSize:
    """Return eta squared, omega squared and Hedges' g of every pair.

    Source: L. V. Hedges, "Distribution theory for Glass's estimator of effect size", Journal of Educational
    Statistics 6 (1981) 107-128, with his approximation 1 - 3 / (4 df - 1) of the correction.
    """
    between, within = result.df
    # Sums of squares in units of the mean square within.
    ss_between = between * result.f
    total = ss_between + within
    pairs = []
    for a, b in itertools.permutations(summary.models, 2):
        df = summary.n[a] + summary.n[b] - 2
        pooled = ((summary.n[a] - 1) * summary.sd[a] ** 2 + (summary.n[b] - 1) * summary.sd[b] ** 2) / df
        g = None
        if pooled > 0:
            g = (summary.mean[a] - summary.mean[b]) / math.sqrt(pooled) * (1 - 3 / (4 * df - 1))
        pairs.append(PairEffect(a=a, b=b, hedges_g=g))
    return EffectSize(
        eta_squared=ss_between / total,
        omega_squared=max(0.0, between * (result.f - 1) / (total + 1)),
        pairs=tuple(pairs),
    )
