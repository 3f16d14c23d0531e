"""Tables 8 and 9: confusion matrices in percent of the true class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from fer_bench import metrics, paper
from fer_bench.emotions import EMOTIONS
from fer_bench.models import model_title
from fer_bench.records import Counts
from fer_bench.selection import CROSS_TEST, Evidence
from fer_bench.selection.parts import DATASET as FER2013
from fer_bench.tables.accuracy import PRIVATE, private_note, tested_beyond
from fer_bench.tables.notes import dataset_notes
from fer_bench.tables.values import Matrices, Matrix, Missing, Number, Table, Value, matrix_cells, mean_of

_Item = TypeVar("_Item")
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
                _matrix(evidence, dataset, model, dataset, model_title(model), paper.TABLE8) for model in paper.MODELS
            ),
        )
        for dataset in paper.TRAINED_ON
    ]
    for dataset in paper.TRAINED_ON:
        for models in _in_threes(tested_beyond(evidence, dataset, dataset)):
            blocks.append(
                Matrices(
                    f"{paper.DATASET_TITLES[dataset]}, beyond the paper",
                    _CLASSES,
                    tuple(
                        _measured(model_title(model), _tested(evidence, dataset, model, dataset)) for model in models
                    ),
                )
            )
    private = _private(evidence)
    title = "Confusion matrices on the original test sets of FER-2013, RAF-DB and AffectNet (%)"
    notes = _notes(evidence, "")
    if private:
        notes = (notes[0], private_note(evidence), *notes[1:])
    return Table(8, title, evidence.synthetic, (*blocks, *private), notes)


def table9(evidence: Evidence) -> Table:
    """Table 9: the models on CK+; a block a model, training datasets side by side, both in the paper's order."""
    blocks = []
    for model in paper.TABLE9_MODEL_ORDER:
        matrices = []
        for dataset in paper.TABLE9_TRAINED_ON_ORDER:
            title = f"trained on {paper.DATASET_TITLES[dataset]}"
            matrices.append(_matrix(evidence, dataset, model, CROSS_TEST, title, paper.TABLE9))
        blocks.append(Matrices(model_title(model), _CLASSES, tuple(matrices)))
    for model in evidence.beyond_the_paper(*paper.TRAINED_ON):
        matrices = [
            _measured(f"trained on {paper.DATASET_TITLES[dataset]}", tested)
            for dataset in paper.TABLE9_TRAINED_ON_ORDER
            if (tested := _tested(evidence, dataset, model, CROSS_TEST))
        ]
        if matrices:
            blocks.append(Matrices(f"{model_title(model)}, beyond the paper", _CLASSES, tuple(matrices)))
    blocks += [
        Matrices("Other or unknown training data, beyond the paper", _CLASSES, tuple(some))
        for some in _in_threes(
            [
                _measured(model_title(record.model), [record.confusion_matrix])
                for record in evidence.elsewhere
                if record.target == CROSS_TEST
            ]
        )
    ]
    title = "Confusion matrices on CK+ (%)"
    return Table(9, title, evidence.synthetic, tuple(blocks), _notes(evidence, CROSS_TEST))


def _matrix(evidence: Evidence, dataset: str, model: str, target: str, title: str, published: _Published) -> Matrix:
    alone = _measured(title, _tested(evidence, dataset, model, target))
    if evidence.synthetic:
        return alone
    printed = matrix_cells(np.asarray(published[dataset][model], dtype=np.float64))
    accuracy = Number(value=paper.accuracies(dataset, target)[model], decimals=0)
    return replace(alone, published=printed, published_accuracy=accuracy)


def _tested(evidence: Evidence, dataset: str, model: str, target: str) -> list[Counts]:
    return [record.confusion_matrix for record in evidence.tested(dataset, model, target)]


def _measured(title: str, tested: Sequence[Counts]) -> Matrix:
    """Return the tests of a model, one a seed, as one matrix without a published one; missing cells without any."""
    size = len(EMOTIONS)
    cells: tuple[tuple[Value, ...], ...] = ((Missing(),) * size,) * size
    if tested:
        cells = matrix_cells(metrics.row_percentages(np.array(tested, dtype=np.int64).sum(axis=0)))
    accuracy = mean_of([metrics.accuracy(counts) for counts in tested], decimals=1, scale=100)
    return Matrix(title, cells, accuracy, None, Missing())


def _private(evidence: Evidence) -> list[Matrices]:
    """Return the matrices on FER-2013's standard test set, of the models that are known to be tested on it."""
    matrices = [
        _measured(model_title(model), tested)
        for model in evidence.models(FER2013)
        if (tested := evidence.tested_privately(model))
    ]
    return [Matrices(f"FER-2013 {PRIVATE}", _CLASSES, tuple(three)) for three in _in_threes(matrices)]


def _in_threes(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yield as many as fit side by side at a time."""
    return (items[start : start + 3] for start in range(0, len(items), 3))


def _notes(evidence: Evidence, target: str) -> tuple[str, ...]:
    beside = [] if evidence.synthetic else ["The published matrices are as printed, with rounding and misprints."]
    return (_READING, *beside, *dataset_notes(evidence, [target]))
