"""Whether a model does better than always answering the most frequent class of its test set."""

import math
from collections.abc import Sequence

import numpy as np

from fer_bench import metrics
from fer_bench.records import Counts, EvalRecord


def level(matrix: Counts) -> float:
    """Return the accuracy, a fraction, of always answering the most frequent class; rows of the matrix are true."""
    rows = [sum(row) for row in matrix]
    return max(rows) / sum(rows)


def is_above(matrices: Sequence[Counts]) -> bool:
    """Return whether a model, of one matrix a run, is above that level by more than two standard errors of a
    proportion.

    What is not is called best of nothing, and no value of it is bold, were it the highest of all: then there is no
    best. A model that answers every image alike never is above.
    """
    if not matrices or not any(map(any, matrices[0])):
        return False
    chance = level(matrices[0])
    error = math.sqrt(chance * (1 - chance) / sum(map(sum, matrices[0])))
    return float(np.mean([metrics.accuracy(matrix) for matrix in matrices])) > chance + 2 * error


def are_above(tested: Sequence[EvalRecord]) -> bool:
    """Return the same of a model's tests."""
    return is_above([record.confusion_matrix for record in tested])
