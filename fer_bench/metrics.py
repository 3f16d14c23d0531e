"""Scores from confusion matrices of counts: rows are the true classes, columns the predicted ones.

Pure numpy. Every function takes a square matrix of non-negative integers (an array or a record's nested tuples)
and returns fractions in [0, 1] as float64. A score whose denominator is 0 is nan, never 0: a class without images
has no recall, a class that was never predicted no precision.

Raises:
    FerBenchError: the matrix is not square, not of integers or has a negative count.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_bench.errors import FerBenchError


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Count the images of each true and predicted class.

    Args:
        labels: true class indices, integers in [0, classes), shape (n,).
        predictions: predicted class indices, the same shape.
        classes: number of classes, at least 1.

    Returns:
        Counts, int64, shape (classes, classes); rows true, columns predicted.

    Raises:
        FerBenchError: another shape or type, different lengths, or an index out of range.
    """
    if classes < 1:
        raise FerBenchError(f"confusion matrix of {classes} classes; expected at least 1")
    true = _indices(labels, classes, "labels")
    predicted = _indices(predictions, classes, "predictions")
    if true.shape != predicted.shape:
        raise FerBenchError(
            f"{true.size} labels and {predicted.size} predictions; expected one prediction for each label"
        )
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def accuracy(matrix: ArrayLike) -> float:
    """Return correct / all images ("overall accuracy", paper, section IV-C); nan without images."""
    counts = _counts(matrix)
    return float(_ratio(np.trace(counts), counts.sum()))


def recall_per_class(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return correct / images of the class, shape (classes,): the paper's "accuracy per class" (Table 10)."""
    counts = _counts(matrix)
    return _ratio(np.diagonal(counts), counts.sum(axis=1))


def f1_per_class(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return 2 correct / (images + predictions of the class), shape (classes,).

    A class with images that is never right has 0; only one without images and predictions has nan.
    """
    counts = _counts(matrix)
    return _ratio(2 * np.diagonal(counts), counts.sum(axis=1) + counts.sum(axis=0))


def macro_f1(matrix: ArrayLike) -> float:
    """Return the mean F1 of the classes that have images or predictions (as scikit-learn's); nan without images."""
    return _mean_of_defined(f1_per_class(matrix))


def balanced_accuracy(matrix: ArrayLike) -> float:
    """Return the mean recall of the classes that have images; nan without images."""
    return _mean_of_defined(recall_per_class(matrix))


def row_percentages(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return each count in percent of its row, as in Tables 8 and 9, unrounded; shape (classes, classes).

    The row of a class without images is nan.
    """
    counts = _counts(matrix)
    return 100 * _ratio(counts, counts.sum(axis=1, keepdims=True))


def _counts(matrix: ArrayLike) -> NDArray[np.int64]:
    try:
        counts = np.asarray(matrix)
    except ValueError as error:  # rows of different lengths
        raise FerBenchError("confusion matrix has rows of different lengths; expected a square") from error
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise FerBenchError(f"confusion matrix of shape {counts.shape}; expected a square of classes x classes")
    if not np.issubdtype(counts.dtype, np.integer):
        raise FerBenchError(f"confusion matrix of {counts.dtype}; expected counts, whole numbers of images")
    if counts.min() < 0:
        raise FerBenchError(f"confusion matrix has the negative count {counts.min()}; expected counts of images")
    return counts.astype(np.int64)


def _indices(values: ArrayLike, classes: int, what: str) -> NDArray[np.int64]:
    indices = np.asarray(values)
    if indices.ndim != 1:
        raise FerBenchError(f"{what} of shape {indices.shape}; expected one dimension")
    if indices.size == 0:
        return np.zeros(0, dtype=np.int64)
    if not np.issubdtype(indices.dtype, np.integer):
        raise FerBenchError(f"{what} of {indices.dtype}; expected class indices, integers from 0 to {classes - 1}")
    if indices.min() < 0 or indices.max() >= classes:
        raise FerBenchError(
            f"{what} from {indices.min()} to {indices.max()}; expected class indices from 0 to {classes - 1}"
        )
    return indices.astype(np.int64)


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    top, bottom = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    result = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=result, where=bottom != 0)
    return result


def _mean_of_defined(scores: NDArray[np.float64]) -> float:
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if defined.size else float("nan")
