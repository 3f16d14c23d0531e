"""What an 8-bit file loses class by class: overall accuracy hardly notices a rare class that is gone; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_LOSS_MEAN = 0.05
"""Largest loss of mean per-class recall (balanced accuracy), as a fraction: five points."""
MAX_LOSS_CLASS = 0.10
"""Largest loss of recall of one class, as a fraction: ten points."""
SIGNIFICANCE = 0.01
"""Of the test that a loss is more than its number of images explains, over all classes together (Bonferroni)."""
_STANDARD_ERRORS = 2.58
"""The same for the mean over the classes: 0.5 % on one side of a normal distribution."""


@dataclass(frozen=True, kw_only=True)
class ClassRecall:
    """How the float model and the 8-bit file recognise the test images of one class."""

    name: str
    images: int
    """At least 1."""
    float_right: int
    """Images that the float model recognises."""
    lost: int
    """Images that the float model recognises and the file does not."""
    gained: int
    """The other way round."""

    @property
    def float_recall(self) -> float:
        """A fraction."""
        return self.float_right / self.images

    @property
    def int8_recall(self) -> float:
        """A fraction."""
        return (self.float_right - self.lost + self.gained) / self.images

    @property
    def loss(self) -> float:
        """Of recall, as a fraction; negative where the file recognises more."""
        return (self.lost - self.gained) / self.images


def by_class(
    labels: NDArray[np.integer[Any]],
    reference: NDArray[np.integer[Any]],
    answers: NDArray[np.integer[Any]],
    names: Sequence[str],
) -> list[ClassRecall]:
    """Return the recall of every class that has images, in the order of ``names``.

    Args:
        labels: true class indices (n,).
        reference: first answers of the float model (n,).
        answers: first answers of the file to the same images (n,).
        names: of the classes.
    """
    right, file_right = reference == labels, answers == labels
    return [
        ClassRecall(
            name=name,
            images=int(own.sum()),
            float_right=int((own & right).sum()),
            lost=int((own & right & ~file_right).sum()),
            gained=int((own & ~right & file_right).sum()),
        )
        for index, name in enumerate(names)
        if (own := labels == index).any()
    ]


def recall_failures(classes: Sequence[ClassRecall]) -> list[str]:
    """Return the complaints about recall lost in 8 bits; empty where the file keeps its classes.

    Both limits are of losses that the number of images does not explain, because a class may have very few. Only images
    of which one of the two answers is right and the other wrong tell anything (McNemar): were the file as good as the
    float model, half of them would be losses. A class is judged by the exact binomial test, so that one of which the
    float model recognises fewer than ten images cannot fail alone (0.5^10 < 0.01 / 7); the mean over the classes by
    its standard error from the same images.
    """
    from scipy.stats import binomtest

    found = []
    count = len(classes)
    mean = sum(one.loss for one in classes) / count
    error = math.sqrt(sum((one.lost + one.gained) / one.images**2 for one in classes)) / count
    if round(mean, 9) > MAX_LOSS_MEAN and mean > _STANDARD_ERRORS * error:
        before, after = mean_recall(classes)
        found.append(
            f"its mean per-class recall is {after:.1%}, more than {100 * MAX_LOSS_MEAN:.0f} points below the float "
            f"model's {before:.1%}"
        )
    for one in classes:
        if round(one.loss, 9) <= MAX_LOSS_CLASS:
            continue
        chance = binomtest(one.lost, one.lost + one.gained, 0.5, alternative="greater").pvalue
        if chance < SIGNIFICANCE / count:
            found.append(
                f"it recognises {one.int8_recall:.1%} of the {one.images:,} images of {one.name}, more than "
                f"{100 * MAX_LOSS_CLASS:.0f} points below the float model's {one.float_recall:.1%}"
            )
    return found


def mean_recall(classes: Sequence[ClassRecall]) -> tuple[float, float]:
    """Return the mean per-class recall of the float model and of the file, fractions."""
    count = len(classes)
    return sum(one.float_recall for one in classes) / count, sum(one.int8_recall for one in classes) / count


def recall_content(classes: Sequence[ClassRecall]) -> dict[str, Any]:
    """Return what the contract says of the classes, JSON-ready; one without test images is left out."""
    before, after = mean_recall(classes)
    return {
        "mean_recall": {"float": before, "int8": after},
        "recall": {
            one.name: {"images": one.images, "float": one.float_recall, "int8": one.int8_recall} for one in classes
        },
    }
