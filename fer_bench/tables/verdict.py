"""Whether a measured overall accuracy agrees with the published one.

The paper's value is one run, rounded to whole percent. It is compared with the 95 % prediction interval of one new run,
which several seeds of the same protocol give: mean ± t(0.975, n - 1) · s · √(1 + 1/n), for normally distributed runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fer_bench.selection import Evidence
from fer_bench.tables.protocol import departures

Verdict = Literal["consistent", "differs", "inconclusive", "not comparable", "not run"]

LEVEL = 0.95
ROUNDING = 0.5
"""Points by which a published value may be off."""
LEAST_SEEDS = 3
WIDEST = 2.0
"""Largest half-width, points, with which anything is said."""

EXPLANATION = (
    f"Verdict: differs where the published value, ±{ROUNDING:g} for its rounding, lies outside the 95 % prediction "
    f"interval of one new run (from at least {LEAST_SEEDS} seeds); consistent where it lies within one that reaches at "
    f"most {WIDEST:g} points to either side; inconclusive within a wider one or with fewer seeds; not comparable with "
    "another recipe, split or start than the paper's. Of results that agree, up to one in twenty differs by chance."
)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict on one overall accuracy and what it rests on."""

    verdict: Verdict
    interval: tuple[float, float] | None
    """Of one new run, percent, within 0 to 100; ``None`` where there is none."""
    departures: tuple[str, ...]
    """How the runs depart from what the paper states; empty where they do not."""


def judge(evidence: Evidence, dataset: str, model: str, target: str, published: float) -> Judgement:
    """Compare the runs of a model with the paper's.

    Args:
        evidence: the chosen records.
        dataset: trained on.
        model: one of the paper's.
        target: tested on: ``dataset`` itself or CK+.
        published: overall accuracy, whole percent.
    """
    tested = evidence.tested(dataset, model, target)
    if not tested:
        return Judgement(verdict="not run", interval=None, departures=())
    interval = prediction_interval([100 * record.accuracy for record in tested])
    found = tuple(departures(evidence.blocks[dataset], model, target))
    verdict: Verdict = "not comparable" if found else compare(interval, published)
    shown = None if interval is None else (max(interval[0], 0.0), min(interval[1], 100.0))
    return Judgement(verdict=verdict, interval=shown, departures=found)


def compare(interval: tuple[float, float] | None, published: float) -> Verdict:
    """Return the verdict on runs by the paper's own protocol; ``interval`` as of :func:`prediction_interval`."""
    if interval is None:
        return "inconclusive"
    low, high = interval
    # A bound that arithmetic puts a hair beside the rounded value's end is that end.
    near = 1e-9
    # First, whatever the width: a difference judged only where seeds lie close together would be one by chance more
    # often than the level says.
    if not low - ROUNDING - near <= published <= high + ROUNDING + near:
        return "differs"
    return "consistent" if (high - low) / 2 <= WIDEST else "inconclusive"


def prediction_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the interval in which one new run lies with a probability of 95 %.

    ``None`` for fewer than three runs, and for equal ones, such as of a network that always gives one answer: they do
    not tell how far a run may lie from them.
    """
    if len(values) < LEAST_SEEDS or len(set(values)) == 1:
        return None
    # The one function rather than scipy.stats, whose import takes longer than all tables may.
    from scipy.special import stdtrit

    array = np.asarray(values, dtype=np.float64)
    quantile = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2))
    reach = quantile * float(array.std(ddof=1)) * math.sqrt(1 + 1 / len(values))
    return float(array.mean()) - reach, float(array.mean()) + reach
