"""From pairs of which one is shown to be better to the range of ranks that each may have. Pure.

"Not told apart" is no equivalence: A may not be told apart from B, nor B from C, while A is shown to be better than C.
Groups of ties, or a tie that is passed on from neighbour to neighbour, would call A and C equal. So no tie is passed
on: of n models, the rank of one lies between 1 + the number shown to be better and n - the number shown to be worse.
Holm's correction makes it likely, 1 - alpha, that none of the pairwise decisions is wrong; then all these ranges hold
the true ranks at once. "Better" is passed on: where A is shown to be better than B, and B than C, A is better than C
whenever no decision is wrong, also where no test tells A from C.

Source: M. Mogstad, J. P. Romano, A. M. Shaikh, D. Wilhelm, "Inference for ranks with applications", Review of Economic
Studies 91 (2024), doi:10.1093/restud/rdad006, who pass nothing on, and correct one-sided tests in both directions.
Here the tests are two-sided, as those of ``fer-bench compare``, and a significant difference is read with its sign.
That Holm's method controls such errors of sign too is proven for independent tests (J. P. Shaffer, Annals of
Statistics 8 (1980), 1342-1347; H. Finner, Annals of Statistics 27 (1999), 274-289); for tests on the same images it
is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, order=True)
class RankRange:
    """The ranks that a model may have, both ends included; 1 is best."""

    low: int
    high: int

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


def rank_ranges(models: int, better: Iterable[tuple[int, int]]) -> list[RankRange]:
    """Return the range of ranks of each model.

    Args:
        models: how many there are; they are counted from 0.
        better: pairs (a, b) of which a is shown to be better than b.

    Raises:
        ValueError: a model that is better than itself, in however many steps.
    """
    beats = np.zeros((models, models), dtype=bool)
    for a, b in better:
        beats[a, b] = True
    for middle in range(models):
        beats |= np.outer(beats[:, middle], beats[middle])
    if beats.diagonal().any():
        raise ValueError("models of which each is better than the next, and the last than the first")
    above, below = beats.sum(axis=0), beats.sum(axis=1)
    return [RankRange(1 + int(up), models - int(down)) for up, down in zip(above, below, strict=True)]
