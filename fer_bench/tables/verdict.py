"""Whether a measured overall accuracy agrees with the published one (issue 6).

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
    f"Verdict: consistent where the published value, ±{ROUNDING:g} for its rounding, lies in the 95 % prediction "
    f"interval of one new run (from at least {LEAST_SEEDS} seeds, half-width at most {WIDEST:g} points); differs where "
    "it lies outside; inconclusive with fewer seeds or a wider interval; not comparable with another recipe, split or "
    "start than the paper's."
)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict on one overall accuracy and what it rests on."""

    verdict: Verdict
    interval: tuple[float, float] | None
    """Of one new run, percent, within 0 to 100; ``None`` with fewer than three seeds."""
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
    block = evidence.blocks.get(dataset)
    tested = block.tested(model, target) if block else ()
    if block is None or not tested:
        return Judgement(verdict="not run", interval=None, departures=())
    interval = prediction_interval([100 * record.accuracy for record in tested])
    found = tuple(departures(block, model, target))
    verdict: Verdict = "not comparable" if found else compare(interval, published)
    shown = None if interval is None else (max(interval[0], 0.0), min(interval[1], 100.0))
    return Judgement(verdict=verdict, interval=shown, departures=found)


def compare(interval: tuple[float, float] | None, published: float) -> Verdict:
    """Return the verdict on runs by the paper's own protocol; ``interval`` as of :func:`prediction_interval`."""
    if interval is None or (interval[1] - interval[0]) / 2 > WIDEST:
        return "inconclusive"
    low, high = interval
    # A bound that arithmetic puts a hair beside the rounded value's end is that end.
    near = 1e-9
    return "consistent" if low - ROUNDING - near <= published <= high + ROUNDING + near else "differs"


def prediction_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the interval in which one new run lies with a probability of 95 %; ``None`` for fewer than three runs."""
    if len(values) < LEAST_SEEDS:
        return None
    array = np.asarray(values, dtype=np.float64)
    reach = t_quantile(len(values) - 1) * float(array.std(ddof=1)) * math.sqrt(1 + 1 / len(values))
    return float(array.mean()) - reach, float(array.mean()) + reach


def t_quantile(freedom: int, level: float = LEVEL) -> float:
    """Return t with P(|T| <= t) = ``level`` for Student's distribution of a whole number of degrees of freedom.

    As ``scipy.stats.t.ppf``, whose import takes longer than all tables may: the finite sums 26.7.3 and 26.7.4 of
    Abramowitz and Stegun, Handbook of Mathematical Functions, solved by bisection.
    """
    low, high = 0.0, 1.0
    while _within(high, freedom) < level:
        low, high = high, 2 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    """Return P(|T| <= t)."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= (k - 1) / k * cosine * cosine
        total += term
    inner = math.sin(angle) * total
    return 2 / math.pi * (angle + inner) if odd else inner
