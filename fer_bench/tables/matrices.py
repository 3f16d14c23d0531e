"""Tables 8 and 9: confusion matrices in percent of the true class."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics, paper
from fer_bench.emotions import EMOTIONS
from fer_bench.selection import CROSS_TEST, Evidence
from fer_bench.tables.accuracy import accuracies
from fer_bench.tables.notes import dataset_notes
from fer_bench.tables.values import Matrices, Matrix, Missing, Number, Table, Value, matrix_cells, mean_of

_Published = Mapping[str, Mapping[str, paper.Matrix]]
_CLASSES = tuple(name.capitalize() for name in EMOTIONS)
_READING = "Rows: true class; columns: predicted class; percent of the true class. Several runs: counts added up."


def table8(evidence: Evidence) -> Table:
    """Table 8: the three models on each own test set; a block a dataset, models side by side."""
    blocks = [
        Matrices(
            paper.DATASET_TITLES[dataset],
            _CLASSES,
            tuple(
                _matrix(evidence, dataset, model, dataset, paper.MODEL_TITLES[model], paper.TABLE8, paper.TABLE4)
                for model in paper.MODELS
            ),
        )
        for dataset in paper.TRAINED_ON
    ]
    title = "Confusion matrices on the original test sets of FER-2013, RAF-DB and AffectNet (%)"
    return Table(8, title, evidence.synthetic, tuple(blocks), _notes(evidence, ""))


def table9(evidence: Evidence) -> Table:
    """Table 9: the models on CK+; a block a model, training datasets side by side, both in the paper's order."""
    blocks = []
    for model in paper.TABLE9_MODEL_ORDER:
        matrices = []
        for dataset in paper.TABLE9_TRAINED_ON_ORDER:
            title = f"trained on {paper.DATASET_TITLES[dataset]}"
            matrices.append(_matrix(evidence, dataset, model, CROSS_TEST, title, paper.TABLE9, paper.TABLE5))
        blocks.append(Matrices(paper.MODEL_TITLES[model], _CLASSES, tuple(matrices)))
    title = "Confusion matrices on CK+ (%)"
    return Table(9, title, evidence.synthetic, tuple(blocks), _notes(evidence, CROSS_TEST))


def _matrix(
    evidence: Evidence,
    dataset: str,
    model: str,
    target: str,
    title: str,
    published: _Published,
    published_accuracy: Mapping[str, Mapping[str, int]],
) -> Matrix:
    counts = total_counts(evidence, dataset, model, target)
    size = len(EMOTIONS)
    measured: tuple[tuple[Value, ...], ...] = ((Missing(),) * size,) * size
    if counts is not None:
        measured = matrix_cells(metrics.row_percentages(counts))
    accuracy = mean_of(accuracies(evidence, dataset, model, target), decimals=1, scale=100)
    if evidence.synthetic:
        return Matrix(title, measured, accuracy, None, Missing())
    printed = matrix_cells(np.asarray(published[dataset][model], dtype=np.float64))
    return Matrix(title, measured, accuracy, printed, Number(value=published_accuracy[dataset][model], decimals=0))


def total_counts(evidence: Evidence, dataset: str, model: str, target: str) -> NDArray[np.int64] | None:
    """Return the confusion matrix of counts added up over the seeds, int64 (7, 7); ``None`` without records."""
    block = evidence.blocks.get(dataset)
    tested = block.tested(model, target) if block else ()
    if not tested:
        return None
    total: NDArray[np.int64] = np.array([record.confusion_matrix for record in tested], dtype=np.int64).sum(axis=0)
    return total


def _notes(evidence: Evidence, target: str) -> tuple[str, ...]:
    beside = [] if evidence.synthetic else ["The published matrices are as printed, with rounding and misprints."]
    return (_READING, *beside, *dataset_notes(evidence, [target]))
