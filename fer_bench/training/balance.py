"""Classes of different size: what an epoch shows of each, and how much an image counts.

FER-2013 has 7,215 happy and 436 disgust training images. Accuracy, by which the best epoch is chosen, is that of the
frequent classes; the paper leaves the matter to future work. Validation and test are never balanced.

- ``class-weight``: every image once; its loss counts n / (classes x images of its class), which is 1 on average;
  the training loss in the record is the weighted one.
- ``oversample``: each class as often as the largest: every image equally often, what then lacks drawn anew each epoch.
- ``undersample``: each class as often as the smallest, drawn anew each epoch.
"""

import numpy as np
from numpy.typing import NDArray

from fer_bench.recipe import Balance


def epoch_rows(
    rows: NDArray[np.intp], labels: NDArray[np.integer], balance: Balance, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Return the rows of one epoch in a random order.

    Args:
        rows: of the training images, (n,).
        labels: their class indices, (n,).
        balance: see the module's text.
        generator: of the order and the draws.

    Returns:
        (``epoch_size(labels, balance)``,).
    """
    if balance in ("none", "class-weight"):
        return rows[generator.permutation(len(rows))]
    classes = [rows[labels == label] for label in np.unique(labels)]
    size = epoch_size(labels, balance) // len(classes)
    chosen = [
        part
        for own in classes
        for part in (np.tile(own, size // len(own)), generator.permutation(own)[: size % len(own)])
    ]
    return generator.permutation(np.concatenate(chosen))


def epoch_size(labels: NDArray[np.integer], balance: Balance) -> int:
    """Return the number of images that an epoch shows; a class without images stays out."""
    if balance in ("none", "class-weight"):
        return len(labels)
    counts = np.unique(labels, return_counts=True)[1]
    return int(len(counts) * (counts.max() if balance == "oversample" else counts.min()))


def class_weights(labels: NDArray[np.integer], classes: int) -> NDArray[np.float32]:
    """Return how much an image of each class counts, (classes,); 0 for a class without images."""
    counts = np.bincount(labels, minlength=classes)
    weights = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0).astype(np.float32)
