"""Tables 4, 5 and 11: overall accuracy."""

from collections.abc import Mapping, Sequence

from fer_bench import metrics, paper
from fer_bench.selection import CROSS_TEST, Evidence
from fer_bench.selection.parts import DATASET as FER2013
from fer_bench.tables.chance import are_above, is_above
from fer_bench.tables.notes import (
    BEYOND_NOTE,
    SEEDS_NOTE,
    alike_notes,
    dataset_notes,
    departure_notes,
    method,
)
from fer_bench.tables.preparations import choices, deviations
from fer_bench.tables.protocol import test_images
from fer_bench.tables.values import (
    Cell,
    Column,
    Grid,
    Missing,
    Number,
    Range,
    Row,
    Table,
    Text,
    Value,
    difference,
    mark_best,
    mean_of,
)
from fer_bench.tables.verdict import EXPLANATION, judge

PRIVATE = "PrivateTest"
"""Heading of FER-2013's standard test set, 3,589 images."""
PRIVATE_NOTE = (
    "FER-2013 is tested on the paper's 7,178 images (PublicTest and PrivateTest); PrivateTest: the same models on the "
    "standard 3,589 images alone, which nothing published by the paper stands beside."
)
OTHER_TEST_NOTE = (
    "Not every test on FER-2013 here is one on the paper's 7,178 images and labels (PublicTest and PrivateTest); "
    "PrivateTest: the same models on the standard 3,589 images alone, where the tests hold all of them."
)
OPEN_NOTE = (
    "The paper leaves open, and fer-bench's recipe chose: the magnitudes of the augmentation, which training images "
    "validate, the start of MobileNetV2 and ShuffleNetV2 (CLCM's is a pre-trained MobileNetV2; that it is ImageNet's "
    "is not said), and what is Keras' default: float32, a constant learning rate, each model's own batch-norm "
    "momentum, no weights of classes, no label smoothing, no weight decay."
)
CROSS_NOTE = (
    "Nor does it say which neutral frames of CK+ it took (fer-bench's choice: Table 1) and how faces were cropped: a "
    "verdict 'differs' may be due to that."
)


ELSEWHERE = "Other or unknown training data"
"""Title of the block of external models."""


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
    return [record.accuracy for record in evidence.tested(dataset, model, target)]


def private_accuracies(evidence: Evidence, model: str) -> list[float]:
    """Return the accuracies, fractions, of a model trained on FER-2013 on PrivateTest alone: one a seed, maybe none."""
    return [metrics.accuracy(matrix) for matrix in evidence.tested_privately(model)]


def private_note(evidence: Evidence) -> str:
    """Return what FER-2013 is tested on, and what the column PrivateTest holds."""
    tested = [record for model in evidence.models(FER2013) for record in evidence.tested(FER2013, model, FER2013)]
    official = test_images(FER2013)
    same = all(tuple(map(sum, record.confusion_matrix)) == official for record in tested)
    copies = [record.target_prepared for record in tested if record.target_prepared is not None]
    same = same and not any(text for copy in copies for text in deviations(copy))
    return PRIVATE_NOTE if same else OTHER_TEST_NOTE


def tested_beyond(evidence: Evidence, dataset: str, target: str) -> list[str]:
    """Return the models besides the paper's three that were trained on ``dataset`` and tested on ``target``."""
    return [m for m in evidence.beyond_the_paper(dataset) if accuracies(evidence, dataset, m, target)]


def _overall(
    evidence: Evidence, *, number: int, title: str, target: str, published: Mapping[str, Mapping[str, int]]
) -> Table:
    """Lay out Table 4 or 5; an empty ``target`` means each training dataset's own test set."""
    blocks = [_block(evidence, dataset, target or dataset, published[dataset]) for dataset in paper.TRAINED_ON]
    notes = [SEEDS_NOTE]
    if not evidence.synthetic:
        notes += [EXPLANATION, OPEN_NOTE]
        notes.append(CROSS_NOTE if target else private_note(evidence))
        notes += [*departure_notes(evidence, target, published), *alike_notes(evidence, target, published)]
    outside = _elsewhere(evidence, target)
    blocks += [outside] if outside else []
    if told := choices(record.target_prepared for record in evidence.elsewhere if record.target == target):
        notes.append(f"{ELSEWHERE}: tested on {paper.DATASET_TITLES[target]}{told}.")
    if any(block.beyond for block in blocks):
        notes.append(BEYOND_NOTE)
    notes += dataset_notes(evidence, [target])
    return Table(number, title, evidence.synthetic, tuple(blocks), tuple(notes))


def _elsewhere(evidence: Evidence, target: str) -> Grid | None:
    """Return the rows of external models whose training dataset is none of the blocks', ``None`` without any."""
    tested = [record for record in evidence.elsewhere if record.target == target]
    if not tested:
        return None
    empty: list[Cell] = [] if evidence.synthetic else [Missing(), Missing(), Missing(), Missing()]
    rows: list[Row] = [
        (
            method(record.model),
            mean_of([record.accuracy], decimals=1, scale=100),
            *empty,
            Number(value=1, decimals=0),
        )
        for record in tested
    ]
    columns = _columns(compared=not evidence.synthetic)
    never = [i for i, record in enumerate(tested) if not are_above([record])]
    return Grid(ELSEWHERE, tuple(columns), mark_best(rows, 1, never=never), beyond=len(rows))


def _not_above(evidence: Evidence, dataset: str, target: str, models: Sequence[str | None]) -> list[int]:
    """Return the rows of models that are not above the most frequent class: by row, ``None`` for other rows."""
    return [i for i, model in enumerate(models) if model and not are_above(evidence.tested(dataset, model, target))]


def _not_above_privately(evidence: Evidence, models: Sequence[str | None]) -> list[int]:
    """Return the same on FER-2013's PrivateTest alone."""
    return [i for i, model in enumerate(models) if model and not is_above(evidence.tested_privately(model))]


def _columns(*, compared: bool) -> list[Column]:
    columns = [Column("Method", text=True), Column("Measured")]
    if compared:
        columns += [Column("Published"), Column("Difference (points)"), Column("New run (95 %)")]
        columns.append(Column("Verdict", text=True))
    columns.append(Column("Runs"))
    return columns


def _block(evidence: Evidence, dataset: str, target: str, published: Mapping[str, int]) -> Grid:
    """Lay out the rows of a training dataset: the paper's models, then those beyond it."""
    compared = not evidence.synthetic
    private = compared and target == FER2013
    columns = _columns(compared=compared)
    if private:
        columns.append(Column(PRIVATE))
    others = tested_beyond(evidence, dataset, target)
    rows: list[Row] = []
    models = [*paper.MODELS, *others]
    for model in models:
        scores = accuracies(evidence, dataset, model, target)
        measured = mean_of(scores, decimals=1, scale=100)
        row: list[Cell] = [method(model), measured]
        if compared:
            row += _beside(evidence, dataset, model, target, measured, published.get(model))
        row.append(Number(value=len(scores), decimals=0))
        if private:
            row.append(mean_of(private_accuracies(evidence, model), decimals=1, scale=100))
        rows.append(tuple(row))
    best = mark_best(rows, 1, never=_not_above(evidence, dataset, target, models))
    if compared:
        best = mark_best(best, 2)
    if private:
        best = mark_best(best, len(columns) - 1, never=_not_above_privately(evidence, models))
    return Grid(paper.DATASET_TITLES[dataset], tuple(columns), best, beyond=len(others))


def _beside(
    evidence: Evidence, dataset: str, model: str, target: str, measured: Value, printed: int | None
) -> list[Cell]:
    """Return published value, difference, interval and verdict; all missing for a model beyond the paper."""
    if printed is None:
        return [Missing(), Missing(), Missing(), Missing()]
    found = judge(evidence, dataset, model, target, printed)
    interval: Cell = Missing()
    if found.interval is not None:
        interval = Range(low=found.interval[0], high=found.interval[1], decimals=1)
    gap = difference(measured, printed, decimals=1)
    return [Number(value=printed, decimals=0), gap, interval, Text(found.verdict)]


def table11(evidence: Evidence) -> Table:
    """Table 11: overall accuracy (fraction) beside the literature, in the paper's order.

    Beside synthetic results the literature is left out.
    """
    blocks = [(_models_only if evidence.synthetic else _literature)(evidence, dataset) for dataset in paper.TRAINED_ON]
    notes = [SEEDS_NOTE]
    title = "Overall accuracy of the three models"
    if not evidence.synthetic:
        title = "Overall accuracy beside models from the literature"
        notes = [
            "Published: as the paper's Table 11 prints it; reference numbers are the paper's. The literature's "
            "protocols may differ from the paper's and from one another. Verdicts are those of Table 4.",
            private_note(evidence),
            SEEDS_NOTE,
        ]
    if any(block.beyond for block in blocks):
        notes.append(BEYOND_NOTE)
    notes += dataset_notes(evidence)
    return Table(11, title, evidence.synthetic, tuple(blocks), tuple(notes))


def _models_only(evidence: Evidence, dataset: str) -> Grid:
    others = tested_beyond(evidence, dataset, dataset)
    models = [*paper.MODELS, *others]
    rows: list[Row] = [
        (method(model), mean_of(accuracies(evidence, dataset, model, dataset), decimals=2)) for model in models
    ]
    columns = (Column("Method", text=True), Column("Measured"))
    best = mark_best(rows, 1, never=_not_above(evidence, dataset, dataset, models))
    return Grid(paper.DATASET_TITLES[dataset], columns, best, beyond=len(others))


def _literature(evidence: Evidence, dataset: str) -> Grid:
    private = dataset == FER2013
    columns = [Column("Method", text=True), Column("Published"), Column("Measured")]
    columns += [Column(PRIVATE)] if private else []
    columns.append(Column("Remark", text=True))
    rows: list[Row] = []
    for entry in paper.TABLE11[dataset]:
        name = Text(f"{entry.method} {entry.citation}".strip())
        published = Number(value=entry.accuracy, decimals=2)
        if entry.model is None:
            rows.append((name, published, *(Text(""),) * (2 if private else 1), Text("protocol may differ")))
            continue
        verdict = judge(evidence, dataset, entry.model, dataset, paper.TABLE4[dataset][entry.model]).verdict
        rows.append((name, published, *_measured(evidence, dataset, entry.model, private), Text(verdict)))
    others = tested_beyond(evidence, dataset, dataset)
    for model in others:
        remark = Text("beyond the paper")
        rows.append((method(model), Missing(), *_measured(evidence, dataset, model, private), remark))
    models = [*(entry.model for entry in paper.TABLE11[dataset]), *others]
    best = mark_best(mark_best(rows, 1), 2, never=_not_above(evidence, dataset, dataset, models))
    if private:
        best = mark_best(best, 3, never=_not_above_privately(evidence, models))
    return Grid(paper.DATASET_TITLES[dataset], tuple(columns), best, beyond=len(others))


def _measured(evidence: Evidence, dataset: str, model: str, private: bool) -> list[Value]:
    values = [mean_of(accuracies(evidence, dataset, model, dataset), decimals=2)]
    return [*values, mean_of(private_accuracies(evidence, model), decimals=2)] if private else values
