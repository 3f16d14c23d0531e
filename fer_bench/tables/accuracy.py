"""Tables 4, 5, 10 and 11: overall accuracy and accuracy per class."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics, paper
from fer_bench.emotions import EMOTIONS
from fer_bench.selection import CROSS_TEST, Evidence
from fer_bench.tables.notes import dataset_notes
from fer_bench.tables.values import (
    Cell,
    Column,
    Grid,
    Missing,
    Number,
    Pair,
    Row,
    Table,
    Text,
    Value,
    difference,
    mark_best,
    mean_of,
)

SEEDS_NOTE = "Several runs (seeds): mean ± sample standard deviation."


def table4(evidence: Evidence) -> Table:
    """Table 4: overall accuracy on the original test sets, percent, beside the published one."""
    return _overall(
        evidence,
        number=4,
        title="Overall accuracy on the original test sets of FER-2013, RAF-DB and AffectNet (%)",
        target="",
        published=paper.TABLE4,
    )


def table5(evidence: Evidence) -> Table:
    """Table 5: overall accuracy on CK+, percent, by training dataset, beside the published one."""
    return _overall(
        evidence,
        number=5,
        title="Overall accuracy on CK+ (%) of the models trained on FER-2013, RAF-DB and AffectNet",
        target=CROSS_TEST,
        published=paper.TABLE5,
    )


def accuracies(evidence: Evidence, dataset: str, model: str, target: str) -> list[float]:
    """Return the overall accuracies, fractions, of a model trained on ``dataset``: one a seed, maybe none."""
    block = evidence.blocks.get(dataset)
    tested = block.tested(model, target) if block else ()
    return [metrics.accuracy(record.confusion_matrix) for record in tested]


def _overall(
    evidence: Evidence, *, number: int, title: str, target: str, published: Mapping[str, Mapping[str, int]]
) -> Table:
    """Lay out Table 4 or 5; an empty ``target`` means each training dataset's own test set."""
    columns = [Column("Method", text=True), Column("Measured")]
    if not evidence.synthetic:
        columns += [Column("Published"), Column("Difference (points)")]
    columns.append(Column("Runs"))
    blocks = []
    for dataset in paper.TRAINED_ON:
        rows: list[Row] = []
        for model in paper.MODELS:
            scores = accuracies(evidence, dataset, model, target or dataset)
            measured = mean_of(scores, decimals=1, scale=100)
            row: list[Cell] = [Text(paper.MODEL_TITLES[model]), measured]
            if not evidence.synthetic:
                printed = published[dataset][model]
                row += [Number(value=printed, decimals=0), difference(measured, printed, decimals=1)]
            rows.append((*row, Number(value=len(scores), decimals=0)))
        best = mark_best(rows, 1)
        if not evidence.synthetic:
            best = mark_best(best, 2)
        blocks.append(Grid(paper.DATASET_TITLES[dataset], tuple(columns), best))
    notes = [SEEDS_NOTE, *dataset_notes(evidence, [target])]
    return Table(number, title, evidence.synthetic, tuple(blocks), tuple(notes))


def table10(evidence: Evidence) -> Table:
    """Table 10: accuracy per class (recall, fraction) on the own test sets; published ones in parentheses."""
    cells: list[list[Cell]] = []
    columns = [Column("Emotion", text=True)]
    for dataset in paper.TRAINED_ON:
        group = []
        for model in paper.MODELS:
            columns.append(Column(paper.MODEL_TITLES[model], group=paper.DATASET_TITLES[dataset]))
            group.append(_recalls(evidence, dataset, model))
        # Best of the three models in each class: a row of the block is what mark_best takes as a column.
        for class_index in range(len(EMOTIONS)):
            marked = mark_best([(values[class_index],) for values in group], 0)
            for values, (cell,) in zip(group, marked, strict=True):
                values[class_index] = cell
        cells += group
    rows = [(Text(name.capitalize()), *(values[i] for values in cells)) for i, name in enumerate(EMOTIONS)]
    notes = [SEEDS_NOTE, *dataset_notes(evidence)]
    if not evidence.synthetic:
        notes.insert(0, "Measured; published in parentheses.")
    title = "Accuracy per class on the original test sets of FER-2013, RAF-DB and AffectNet"
    return Table(10, title, evidence.synthetic, (Grid("", tuple(columns), tuple(rows)),), tuple(notes))


def _recalls(evidence: Evidence, dataset: str, model: str) -> list[Cell]:
    block = evidence.blocks.get(dataset)
    tested = block.tested(model, dataset) if block else ()
    recalls: Sequence[NDArray[np.float64]] = [metrics.recall_per_class(record.confusion_matrix) for record in tested]
    measured: list[Value] = [mean_of([float(r[i]) for r in recalls], decimals=2) for i in range(len(EMOTIONS))]
    if evidence.synthetic:
        return list(measured)
    printed = paper.TABLE10[dataset][model]
    return [Pair(value, Number(value=printed[i], decimals=2)) for i, value in enumerate(measured)]


def table11(evidence: Evidence) -> Table:
    """Table 11: overall accuracy (fraction) beside the literature, in the paper's order.

    Beside synthetic results the literature is left out.
    """
    blocks = [
        Grid(paper.DATASET_TITLES[dataset], *(_models_only if evidence.synthetic else _literature)(evidence, dataset))
        for dataset in paper.TRAINED_ON
    ]
    notes = [SEEDS_NOTE, *dataset_notes(evidence)]
    title = "Overall accuracy of the three models"
    if not evidence.synthetic:
        title = "Overall accuracy beside models from the literature"
        notes.insert(0, "Published: as the paper's Table 11 prints it; reference numbers are the paper's.")
    return Table(11, title, evidence.synthetic, tuple(blocks), tuple(notes))


def _models_only(evidence: Evidence, dataset: str) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    rows = [
        (Text(paper.MODEL_TITLES[model]), mean_of(accuracies(evidence, dataset, model, dataset), decimals=2))
        for model in paper.MODELS
    ]
    return (Column("Method", text=True), Column("Measured")), mark_best(rows, 1)


def _literature(evidence: Evidence, dataset: str) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    rows: list[Row] = []
    for entry in paper.TABLE11[dataset]:
        measured: Cell = Text("")
        remark = "protocol may differ"
        if entry.model is not None:
            measured = mean_of(accuracies(evidence, dataset, entry.model, dataset), decimals=2)
            remark = "not measured" if isinstance(measured, Missing) else "measured here"
        method = Text(f"{entry.method} {entry.citation}".strip())
        rows.append((method, Number(value=entry.accuracy, decimals=2), measured, Text(remark)))
    columns = (Column("Method", text=True), Column("Published"), Column("Measured"), Column("Remark", text=True))
    return columns, mark_best(mark_best(rows, 1), 2)
