"""Repeated measures: models compared within the blocks in which they took turns.

A busy moment of the machine, or an unlucky process, slows all models of a block alike and cancels out in their
differences. Sources: S. W. Greenhouse and S. Geisser, "On methods in the analysis of profile data",
Psychometrika 24 (1959) 95-112; the sums of squares are those of statsmodels' AnovaRM, whose design matrix would grow
with the square of the calls.
"""

import itertools
import math
from collections.abc import Mapping

import numpy as np

from fer_bench.anova_result import Outcome, PairDifference, RepeatedMeasures, Replicate
from fer_bench.errors import FerBenchError
from fer_bench.p_values import holm
from fer_bench.statistics.assumptions import ljung_box
from fer_bench.statistics.summary import Floats, both_ways

_ROUNDING = 1e-12
"""Fraction of the largest value by which equal differences may vary, since decimals and means are rounded."""


def repeated_measures(arrays: Mapping[str, Floats], alpha: float, block: Replicate) -> RepeatedMeasures:
    """Return the ANOVA of models within blocks.

    Args:
        arrays: the values of each model; those at the same position are one block, the blocks in the order taken.
        alpha: family-wise significance level.
        block: what a block is.

    Raises:
        FerBenchError: the models have different numbers of values, or differences within blocks do not vary.
    """
    from scipy.stats import f as f_distribution

    sizes = {model: values.size for model, values in arrays.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} of {model}" for model, size in sizes.items())
        raise FerBenchError(f"{found}: a block needs one value of every model")
    models = list(arrays)
    values = np.stack(list(arrays.values()), axis=1)
    blocks, groups = values.shape
    centred = values - values.mean()
    of_block, of_model = centred.mean(axis=1), centred.mean(axis=0)
    rest = centred - of_block[:, None] - of_model
    df = (groups - 1, (groups - 1) * (blocks - 1))
    pairs = _pairs(models, values, alpha)
    # The rows of ``rest`` add up to 0, so this is the doubly centred covariance matrix of the models.
    covariance = np.cov(rest, rowvar=False)
    with np.errstate(divide="ignore", invalid="ignore"):  # Squares of very small numbers are 0.
        error = (rest**2).sum() / df[1]
        f = float(blocks * (of_model**2).sum() / df[0] / error)
        f_of_blocks = float(groups * (of_block**2).sum() / (blocks - 1) / error)
        epsilon = min(1.0, float(np.trace(covariance) ** 2 / (df[0] * (covariance**2).sum()))) if groups > 2 else 1.0
    if not all(map(math.isfinite, (f, f_of_blocks, epsilon))):
        raise FerBenchError(f"the F-statistic within blocks is {f}: the values are too large or vary too little")
    return RepeatedMeasures(
        block=block,
        blocks=blocks,
        f=f,
        p=float(f_distribution.sf(f, *df)),
        df=df,
        epsilon=epsilon,
        p_corrected=float(f_distribution.sf(f, epsilon * df[0], epsilon * df[1])),
        block_effect=Outcome(statistic=f_of_blocks, p=float(f_distribution.sf(f_of_blocks, blocks - 1, df[1]))),
        ljung_box_p=_serial(values),
        pairs=pairs,
    )


def _pairs(models: list[str], values: Floats, alpha: float) -> tuple[PairDifference, ...]:
    from scipy.stats import ttest_rel

    unordered = list(itertools.combinations(range(len(models)), 2))
    for a, b in unordered:
        if np.ptp(values[:, a] - values[:, b]) <= _ROUNDING * np.abs(values).max():
            raise FerBenchError(f"the differences of {models[a]} and {models[b]} within blocks do not vary")
    tests = {(a, b): ttest_rel(values[:, a], values[:, b]) for a, b in unordered}
    adjusted = dict(zip(unordered, holm([float(test.pvalue) for test in tests.values()]), strict=True))

    def compare(a: int, b: int) -> tuple[float, float, float, float]:
        interval = tests[a, b].confidence_interval(1 - alpha / len(unordered))
        difference = float(values[:, a].mean() - values[:, b].mean())
        return difference, float(interval.low), float(interval.high), adjusted[a, b]

    return both_ways(models, alpha, compare)


def _serial(values: Floats) -> float | None:
    found = [ljung_box(values[:, a] - values[:, b]) for a, b in itertools.combinations(range(values.shape[1]), 2)]
    p = [test.p for _, test in filter(None, found)]
    return min(holm(p)) if p else None
