"""The Kruskal-Wallis test with Dunn's test: they compare ranks, so that a few extreme values do not decide.

Source: O. J. Dunn, "Multiple comparisons using rank sums", Technometrics 6 (1964) 241-252, with the correction for
ties of Kruskal and Wallis (1952).
"""

import itertools
import math
from collections.abc import Mapping

import numpy as np

from fer_bench.anova_result import KruskalWallis, RankPair
from fer_bench.p_values import holm
from fer_bench.statistics.summary import Floats


def kruskal_dunn(arrays: Mapping[str, Floats], alpha: float) -> tuple[KruskalWallis, tuple[RankPair, ...]]:
    """Return both tests; at least two values of the samples must differ."""
    from scipy.stats import kruskal, norm, rankdata

    models = list(arrays)
    size = [values.size for values in arrays.values()]
    total = sum(size)
    ranks = rankdata(np.concatenate(list(arrays.values())))
    mean_rank = [float(part.mean()) for part in np.split(ranks, np.cumsum(size)[:-1])]
    test = kruskal(*arrays.values())
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    variance = total * (total + 1) / 12 - float((ties**3 - ties).sum()) / (12 * (total - 1))
    z = {
        (a, b): (mean_rank[a] - mean_rank[b]) / math.sqrt(variance * (1 / size[a] + 1 / size[b]))
        for a, b in itertools.combinations(range(len(models)), 2)
    }
    adjusted = dict(zip(z, holm([2 * float(norm.sf(abs(value))) for value in z.values()]), strict=True))
    pairs = []
    for a, b in itertools.permutations(range(len(models)), 2):
        key = (min(a, b), max(a, b))
        pairs.append(
            RankPair(
                a=models[a],
                b=models[b],
                difference=mean_rank[a] - mean_rank[b],
                z=z[key] if a < b else 0.0 - z[key],
                p=adjusted[key],
                significant=adjusted[key] < alpha,
            )
        )
    result = KruskalWallis(
        h=float(test.statistic),
        p=float(test.pvalue),
        df=len(models) - 1,
        mean_rank=dict(zip(models, mean_rank, strict=True)),
    )
    return result, tuple(pairs)
