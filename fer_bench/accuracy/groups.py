"""Accuracy by an attribute of the person shown, such as RAF-DB's gender, race and age group, and the largest gap."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_bench.accuracy.intervals import LEVEL, Array, Estimate, newcombe_independent
from fer_bench.accuracy.runs import OneRun, Runs, SeveralSeeds
from fer_bench.accuracy.sums import ratio_of

SMALLEST = 10
"""Images that a group needs to take part in the gap."""


@dataclass(frozen=True, kw_only=True)
class GroupScore:
    """One model's accuracy on the images of one group."""

    value: str
    """Of the attribute."""
    images: int
    accuracy: Estimate
    in_gap: bool
    """``False`` for a group with fewer than :data:`SMALLEST` images."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The largest difference of one model's accuracy between two groups."""

    best: str
    worst: str
    difference: Estimate
    """Never negative. The interval holds for all pairs of groups at once (Bonferroni), since this one was picked."""
    pairs: int
    """Pairs of groups that it was picked from."""


@dataclass(frozen=True, kw_only=True)
class ByGroup:
    """One model's accuracy by group."""

    attribute: str
    groups: tuple[GroupScore, ...]
    """In the alphabetical order of their values."""
    gap: Gap | None
    """``None`` where fewer than two groups are large enough."""
    unknown: int
    """Images without a value, which are in no group."""


def by_group(
    attribute: str,
    values: NDArray[np.str_],
    right: NDArray[np.bool_],
    units: NDArray[np.intp],
    *,
    clustered: bool,
) -> tuple[ByGroup, ...]:
    """Return the accuracy of each model in each group.

    Args:
        attribute: its name.
        values: of each image, shape (n,); empty where unknown.
        right: whether each answer is right, shape (n, models, seeds).
        units: the unit of each image, counted from 0, shape (n,): the image itself, or its subject.
        clustered: whether units are subjects.
    """
    names = [str(name) for name in np.unique(values) if name]
    models, runs = right.shape[1:]
    tallies = _tallies(values, names, right, units)
    found: Runs
    found = OneRun(tallies[:, :, 0], clustered=clustered) if runs == 1 else SeveralSeeds(tallies)
    images = [int(np.count_nonzero(values == name)) for name in names]
    unknown = int(np.count_nonzero(values == ""))
    return tuple(
        ByGroup(
            attribute=attribute,
            groups=tuple(
                GroupScore(
                    value=name,
                    images=images[i],
                    accuracy=found.proportion(model, [2 * i], [2 * i + 1]),
                    in_gap=images[i] >= SMALLEST,
                )
                for i, name in enumerate(names)
            ),
            gap=_gap(found, model, names, images, tallies, independent=runs == 1 and not clustered),
            unknown=unknown,
        )
        for model in range(models)
    )


def _tallies(
    values: NDArray[np.str_], names: Sequence[str], right: NDArray[np.bool_], units: NDArray[np.intp]
) -> Array:
    """Return right answers and images of each group in turn by unit, (units, models, seeds, 2 * groups)."""
    _, models, runs = right.shape
    tallies = np.zeros((int(units.max()) + 1, models, runs, 2 * len(names)))
    for i, name in enumerate(names):
        rows = np.flatnonzero(values == name)
        np.add.at(tallies[..., 2 * i], units[rows], right[rows].astype(np.float64))
        np.add.at(tallies[..., 2 * i + 1], units[rows], 1.0)
    return tallies


def _gap(
    found: Runs, model: int, names: Sequence[str], images: Sequence[int], tallies: Array, *, independent: bool
) -> Gap | None:
    large = [i for i in range(len(names)) if images[i] >= SMALLEST]
    pairs = len(list(itertools.combinations(large, 2)))
    if not pairs:
        return None
    totals = tallies[:, model].sum(axis=0).mean(axis=0)
    order = sorted(large, key=lambda i: float(totals[2 * i] / totals[2 * i + 1]))
    worst, best = order[0], order[-1]
    level = 1 - (1 - LEVEL) / pairs
    over = [ratio_of([2 * i], [2 * i + 1]) for i in (best, worst)]
    if independent:
        (a, of_a), (b, of_b) = ((round(float(totals[2 * i])), images[i]) for i in (best, worst))
        low, high = newcombe_independent(a, of_a, b, of_b, level)
        difference = Estimate(value=a / of_a - b / of_b, low=low, high=high, method="Newcombe")
    else:
        difference = found.score(model, lambda sums: over[0](sums) - over[1](sums), bounds=(-1, 1), level=level)
    return Gap(best=names[best], worst=names[worst], difference=difference, pairs=pairs)
