"""The permutation of classes that fits a confusion matrix best, and whether it has the shape of a swap of names."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_bench.emotions import EMOTIONS

TIMES = 2.5
"""How many times as often as its own name a moved class must be answered by the other's: geometric mean of the cycle.
The hardest swap in Table 8 of classes with a recall of 0.4 or more, neutral and sad of MobileNetV2, has 2.65."""
LEARNED = 0.40
"""Least balanced accuracy, names put right, of a model whose answers can tell; Table 8 has 0.48 and more."""

CLASSES = len(EMOTIONS)
Counts = NDArray[np.int64]
"""A confusion matrix of counts, (7, 7), rows true."""


@dataclass(frozen=True)
class Finding:
    """What :func:`find_swap` finds."""

    permutation: NDArray[np.intp]
    clear: tuple[int, ...] = ()
    """Moved classes whose own answers show it; none where the permutation has no shape of a swap."""
    objection: str = ""
    """Why there is no swap to be seen, a sentence; empty where there is."""


def best_permutation(counts: Counts) -> NDArray[np.intp]:
    """Return the permutation of the highest accuracy; of equal ones, one that moves the fewest classes."""
    from scipy.optimize import linear_sum_assignment

    size = len(counts)
    chosen: NDArray[np.intp] = linear_sum_assignment(counts * (size + 1) + np.eye(size, dtype=int), maximize=True)[1]
    return chosen


def _cycles(permutation: NDArray[np.intp]) -> list[list[int]]:
    """Return the cycles of length 2 and more, each from its lowest class."""
    found: list[list[int]] = []
    for start in range(len(permutation)):
        if permutation[start] != start and not any(start in cycle for cycle in found):
            cycle = [start]
            while (following := int(permutation[cycle[-1]])) != start:
                cycle.append(following)
            found.append(cycle)
    return found


def find_swap(counts: Counts) -> Finding:
    """Return the best permutation reduced to those of its cycles that have the shape of a swap.

    A moved class is clear where the name it moves to is the most frequent answer to its images. A cycle has the shape
    where

    - more than half of its classes are clear (both, of a pair), so that a class which the model never answers does not
      hide a wrong label map;
    - no other class of it is mostly called by its own name: confusion takes the name of a class that keeps it;
    - its clear classes are answered by the new name :data:`TIMES` times as often as by their own, on the geometric
      mean: the odds ratio of the cycle, which a mere preference of the model for some answers does not change.

    Nothing has it where the model has not learned its classes under the names put right (:data:`LEARNED`). Where no
    cycle has it, the whole best permutation is returned with no clear class and an objection.
    """
    best = best_permutation(counts)
    identity = np.arange(CLASSES)
    images = counts.sum(axis=1)
    rate = counts / np.maximum(images, 1)[:, None]
    recognised = _recognised(counts)
    if recognised < LEARNED:
        return Finding(
            best,
            objection="The model's answers cannot tell: in no order of the class names does it recognise more than "
            f"{100 * recognised:.0f} % of the images of a class on average, and {100 * LEARNED:.0f} % are needed.",
        )
    # Half an image more in every cell, so that a name never given has a ratio.
    smooth = (counts + 0.5) / (images + 0.5 * CLASSES)[:, None]
    most, own, hit = rate.max(axis=1), rate.diagonal(), rate[identity, best]

    permutation = identity.copy()
    clear_classes: list[int] = []
    objections: list[str] = []
    for cycle in _cycles(best):
        clear = [i for i in cycle if images[i] and hit[i] == most[i] > own[i]]
        kept = next((EMOTIONS[i] for i in cycle if images[i] and own[i] == most[i]), None)
        if kept is not None:
            objections.append(f"images labelled {kept} are mostly called {kept}")
        elif 2 * len(clear) <= len(cycle):
            lost = next(i for i in cycle if i not in clear)
            objections.append(f"images labelled {EMOTIONS[lost]} are not mostly called {EMOTIONS[best[lost]]}")
        elif np.exp(np.log(smooth[clear, best[clear]] / smooth[clear, clear]).mean()) < TIMES:
            names = " and ".join(EMOTIONS[i] for i in clear)
            objections.append(f"images labelled {names} are called so nearly as often as by the other name")
        else:
            permutation[cycle] = best[cycle]
            clear_classes += clear
    if not clear_classes:
        change = change_text(counts, best)
        return Finding(
            best,
            objection=f"Another order of the class names would change accuracy from {change}, but {objections[0]}, "
            "as mere confusion does too: a swap of names cannot be told from it."
            if objections
            else "No other order of the class names fits the model's answers better than that of the labels.",
        )
    put_right = rate[images > 0, permutation[images > 0]].mean()
    if put_right < LEARNED:
        return Finding(
            best,
            objection=f"The model's answers cannot tell: it recognises {100 * put_right:.1f} % of the images of a "
            f"class on average with the names put right, and {100 * LEARNED:.0f} % are needed.",
        )
    return Finding(permutation, clear=tuple(sorted(clear_classes)))


def _recognised(counts: Counts) -> float:
    """Return the balanced accuracy under the order of the names that makes it highest; 0 where there are no images."""
    from scipy.optimize import linear_sum_assignment

    if not counts.any():  # Half of a test set of a few images.
        return 0.0
    rate = (counts / np.maximum(counts.sum(axis=1), 1)[:, None])[counts.sum(axis=1) > 0]
    return float(rate[linear_sum_assignment(rate, maximize=True)].mean())


def change_text(counts: Counts, permutation: NDArray[np.intp]) -> str:
    """Return the accuracy with the names as they are and with those of the permutation, for people."""
    correct = (counts.diagonal().sum(), counts[np.arange(CLASSES), permutation].sum())
    return " to ".join(f"{100 * number / counts.sum():.1f} %" for number in correct)
