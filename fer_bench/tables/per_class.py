"""Table 10: accuracy per class."""

from collections.abc import Collection, Sequence

from fer_bench import metrics, paper
from fer_bench.emotions import EMOTIONS
from fer_bench.models import model_title
from fer_bench.records import Counts
from fer_bench.selection import Evidence
from fer_bench.selection.parts import DATASET as FER2013
from fer_bench.tables.accuracy import PRIVATE, private_note, tested_beyond
from fer_bench.tables.chance import is_above
from fer_bench.tables.notes import SEEDS_NOTE, dataset_notes
from fer_bench.tables.values import Cell, Column, Grid, Number, Pair, Table, Text, Value, best_of, mean_of

RECALL_NOTE = "Accuracy of a class is its recall: the fraction of its images that are answered right."


def table10(evidence: Evidence) -> Table:
    """Table 10: accuracy per class (recall, fraction) on the own test sets; published ones in parentheses."""
    grids = [_grid("", [_group(evidence, dataset, paper.MODELS) for dataset in paper.TRAINED_ON])]
    beyond = [(dataset, tested_beyond(evidence, dataset, dataset)) for dataset in paper.TRAINED_ON]
    grids += [
        _grid(f"{paper.DATASET_TITLES[dataset]}, beyond the paper", [_group(evidence, dataset, models, grouped=False)])
        for dataset, models in beyond
        if models
    ]
    notes = [RECALL_NOTE, SEEDS_NOTE]
    private = _private(evidence)
    if private is not None:
        grids.append(private)
        notes.append(private_note(evidence))
    notes += dataset_notes(evidence)
    title = "Accuracy per class on the original test sets of FER-2013, RAF-DB and AffectNet"
    return Table(10, title, evidence.synthetic, tuple(grids), tuple(notes))


_Columns = list[tuple[Column, list[Cell]]]


def _group(evidence: Evidence, dataset: str, models: Sequence[str], *, grouped: bool = True) -> _Columns:
    """Return a column for each model, the best model of each class marked."""
    columns: _Columns = []
    never: list[int] = []
    for model in models:
        tested = [record.confusion_matrix for record in evidence.tested(dataset, model, dataset)]
        cells: list[Cell] = list(_recalls(tested))
        printed = paper.TABLE10[dataset].get(model)
        if printed is not None and not evidence.synthetic:
            published = [Number(value=value, decimals=2) for value in printed]
            cells = [Pair(*both) for both in zip(_recalls(tested), published, strict=True)]
        if not is_above(tested):
            never.append(len(columns))
        columns.append((Column(model_title(model), group=paper.DATASET_TITLES[dataset] if grouped else ""), cells))
    return _marked(columns, never)


def _private(evidence: Evidence) -> Grid | None:
    """Return the columns of FER-2013's standard test set, ``None`` where no model is known to be tested on it."""
    columns: _Columns = []
    never: list[int] = []
    for model in evidence.models(FER2013):
        matrices = evidence.tested_privately(model)
        if matrices:
            if not is_above(matrices):
                never.append(len(columns))
            columns.append((Column(model_title(model)), list(_recalls(matrices))))
    return _grid(f"FER-2013, {PRIVATE} alone (3,589 images)", [_marked(columns, never)]) if columns else None


def _recalls(matrices: Sequence[Counts]) -> list[Value]:
    recalls = [metrics.recall_per_class(matrix) for matrix in matrices]
    return [mean_of([float(found[i]) for found in recalls], decimals=2) for i in range(len(EMOTIONS))]


def _marked(columns: _Columns, never: Collection[int]) -> _Columns:
    """Return the columns with the best of each class marked, but for those in ``never``: a model that always answers
    one class is right on all of it."""
    marked = [best_of(row, never=never) for row in zip(*(cells for _, cells in columns), strict=True)]
    return [(column, list(cells)) for (column, _), cells in zip(columns, zip(*marked, strict=True), strict=True)]


def _grid(title: str, groups: Sequence[_Columns]) -> Grid:
    columns = [column for group in groups for column in group]
    rows = tuple((Text(name.capitalize()), *(cells[i] for _, cells in columns)) for i, name in enumerate(EMOTIONS))
    return Grid(title, (Column("Emotion", text=True), *(column for column, _ in columns)), rows)
