"""Checked samples and their summaries: the input of every form of the test."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_bench.anova_result import PairDifference
from fer_bench.errors import FerBenchError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Size, mean and standard deviation of the samples of two or more models, in the order given."""

    n: dict[str, int]
    mean: dict[str, float]
    sd: dict[str, float]
    """Sample standard deviation (n - 1)."""

    @property
    def models(self) -> tuple[str, ...]:
        """In the order given."""
        return tuple(self.n)

    @property
    def size(self) -> Floats:
        """``n`` as float64 (models,)."""
        return np.array(list(self.n.values()), dtype=np.float64)

    @property
    def centre(self) -> Floats:
        """``mean`` as float64 (models,)."""
        return np.array(list(self.mean.values()), dtype=np.float64)

    @property
    def variance(self) -> Floats:
        """``sd`` squared, float64 (models,)."""
        return np.array(list(self.sd.values()), dtype=np.float64) ** 2


def arrays_of(samples: Mapping[str, Sequence[float]]) -> dict[str, Floats]:
    """Return the samples as float64 arrays.

    Raises:
        FerBenchError: a sample is not a list of finite numbers.
    """
    arrays = {model: np.asarray(values, dtype=np.float64) for model, values in samples.items()}
    for model, values in arrays.items():
        if values.ndim != 1:
            raise FerBenchError(f"samples of {model} have the shape {values.shape}; expected a list of numbers")
        if not np.isfinite(values).all():
            raise FerBenchError(f"samples of {model} hold a value that is not finite; measure again")
    return arrays


def summary_of(arrays: Mapping[str, Floats], alpha: float) -> Summary:
    """Check that samples can be compared, and return their summary.

    Raises:
        FerBenchError: fewer than two models, fewer than two values of a model, no variance in any, alpha outside
            (0, 1).
    """
    n = {model: int(values.size) for model, values in arrays.items()}
    _check(n, alpha)
    mean = {model: float(values.mean()) for model, values in arrays.items()}
    # Equal values have a standard deviation of exactly 0, which the rounding of their mean would hide.
    sd = {model: float(values.std(ddof=1)) if np.ptp(values) > 0 else 0.0 for model, values in arrays.items()}
    _check_spread(mean, sd)
    return Summary(n=n, mean=mean, sd=sd)


def given_summary(means: Mapping[str, float], sds: Mapping[str, float], ns: Mapping[str, int], alpha: float) -> Summary:
    """Check a summary that was given as numbers, and return it in the order of ``means``.

    Raises:
        FerBenchError: as in :func:`summary_of`, or the three do not name the same models, or a negative standard
            deviation.
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
    return Summary(n=n, mean=mean, sd=sd)


def both_ways(
    models: Sequence[str], alpha: float, compare: Callable[[int, int], tuple[float, float, float, float]]
) -> tuple[PairDifference, ...]:
    """Return every ordered pair of models, grouped by the first.

    Args:
        models: names.
        alpha: a pair is significant where its p-value is below it.
        compare: takes the positions of two models, the first before the second, and returns difference, both ends
            of its interval, p-value.
    """
    found = {(a, b): tuple(map(float, compare(a, b))) for a, b in itertools.combinations(range(len(models)), 2)}
    pairs = []
    for a, b in itertools.permutations(range(len(models)), 2):
        if a < b:
            difference, low, high, p = found[a, b]
        else:
            difference, high, low, p = found[b, a]
            difference, low, high = 0.0 - difference, 0.0 - low, 0.0 - high
        pairs.append(
            PairDifference(a=models[a], b=models[b], difference=difference, ci=(low, high), p=p, significant=p < alpha)
        )
    return tuple(pairs)


def _check(n: Mapping[str, int], alpha: float) -> None:
    if not 0 < alpha < 1:
        raise FerBenchError(f"alpha = {alpha}; expected a number between 0 and 1, such as 0.05")
    if len(n) < 2:
        raise FerBenchError(f"ANOVA needs at least two models, found {', '.join(n) or 'none'}; profile another")
    for model, size in n.items():
        if size < 2:
            raise FerBenchError(
                f"{model} has a sample size of {size}; ANOVA needs at least two replicates of each model. A replicate "
                "is a process where several were run (fer-bench profile --processes), else one timed call (--runs)"
            )


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
