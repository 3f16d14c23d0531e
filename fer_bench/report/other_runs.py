"""The runs that no table shows."""

from collections.abc import Iterator, Sequence

from fer_bench import metrics, paper
from fer_bench.models import model_title
from fer_bench.presets import PRESETS
from fer_bench.recipe import flat, shown
from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.report.document import Bullets, Element, Heading, Paragraph
from fer_bench.selection import Evidence, OtherRuns
from fer_bench.tables.notes import SHORT, one_answer, start_kinds, start_of
from fer_bench.tables.preparations import choices
from fer_bench.tables.values import Cell, Column, Grid, Missing, Number, Row, Text, mean_of

OTHER_RUNS = "Other runs"
"""Title of the section."""


def other_runs(evidence: Evidence) -> list[Element]:
    """Return a row for every model, recipe and test set that the tables leave out; empty where they show all."""
    if not evidence.others:
        return []
    columns = [Column(name, text=True) for name in ("Trained on", "Tested on", "Recipe", "Model", "Start")]
    columns += [Column(name) for name in ("Runs", "Validation (%)", "Test (%)", "Balanced accuracy (%)")]
    columns.append(Column("Remark", text=True))
    rows = [row for other in evidence.others for row in _rows(other, evidence.others)]
    return [
        Heading(2, OTHER_RUNS),
        Paragraph(
            "Runs that no table shows: by another recipe, on another backend or state of the dataset, with seeds that "
            "selection.toml leaves out, or on datasets that the paper does not train on. Several runs (seeds): mean ± "
            "sample standard deviation. Validation: of the epoch that is tested. Balanced accuracy: every class counts "
            "the same. Runs of different recipes differ in more than the model; fer-bench compare MODEL@RECIPE "
            "MODEL@RECIPE gives intervals and tests of those on one backend (of published ones with --published)."
        ),
        Grid("", tuple(columns), tuple(rows)),
        Bullets(tuple(_recipes(evidence))),
    ]


def _rows(other: OtherRuns, others: Sequence[OtherRuns]) -> Iterator[Row]:
    """Yield a row for each test set, and for each state of it: their images are not the same."""
    starts = start_kinds(record.start.kind for record in other.trains)
    head: tuple[Cell, ...] = (Text(other.recipe), Text(model_title(other.model)), Text(starts))
    tests: dict[tuple[str, str], list[EvalRecord]] = {
        (target, state): [r for r in other.evals if (r.target, r.target_fingerprint) == (target, state)]
        for target in other.targets
        for state in sorted({r.target_fingerprint for r in other.evals if r.target == target})
    }
    for (target, state), tested in tests.items() or [(("", ""), [])]:
        seeds = {record.seed for record in tested}
        trained = [record for record in other.trains if not tested or record.seed in seeds]
        balanced = [metrics.balanced_accuracy(record.confusion_matrix) for record in tested]
        remarks = [one_answer(tested), *_beside(other, others)]
        if sum(name == target for name, _ in tests) > 1:
            remarks.append(f"test set {state[:SHORT]}")
        yield (
            Text(_title(other.dataset)),
            Text(_title(target)) if target else Missing(),
            *head,
            Number(value=len(trained), decimals=0),
            mean_of([record.best.val_accuracy for record in trained], decimals=1, scale=100),
            mean_of([record.accuracy for record in tested], decimals=1, scale=100),
            mean_of(balanced, decimals=1, scale=100),
            Text("; ".join(filter(None, remarks))),
        )


def _beside(other: OtherRuns, others: Sequence[OtherRuns]) -> Iterator[str]:
    """Yield what tells runs from those of the same model by the same recipe, whose rows would read alike."""
    own = other.dataset, other.model, other.recipe
    alike = [one for one in others if (one.dataset, one.model, one.recipe) == own]
    if len({one.backend for one in alike}) > 1:
        yield f"backend {other.backend}"
    if len({one.fingerprint for one in alike}) > 1:
        yield f"dataset {other.fingerprint[:SHORT]}"


def _title(dataset: str) -> str:
    return paper.DATASET_TITLES.get(dataset, dataset)


def _recipes(evidence: Evidence) -> Iterator[str]:
    """Yield what each of the recipes changes in the paper's protocol, and what its runs have in common."""
    standard = flat(PRESETS["paper"].content())
    groups: dict[tuple[str, str, str], list[TrainRecord]] = {}
    for other in evidence.others:
        groups.setdefault((other.recipe, other.backend, other.fingerprint), []).extend(other.trains)
    for (recipe, backend, fingerprint), trains in groups.items():
        content = flat(trains[0].recipe_content)
        changed = [f"{name} {shown(value)}" for name, value in content.items() if value != standard.get(name)]
        weights = sorted({start_of(record.start) for record in trains if record.start.kind != "random"})
        yield (
            f"{recipe}: {'; '.join(changed) or 'nothing else'}; all else as in the preset paper. Backend {backend}, "
            f"dataset {fingerprint[:SHORT]}{''.join(f', {start}' for start in weights)}.{_prepared(trains)}"
        )


def _prepared(trains: list[TrainRecord]) -> str:
    """Return a sentence on each training dataset that was not prepared as by default; empty without any."""
    copies = [one for record in trains for one in record.prepared]
    told = [
        f"{_title(dataset)}{words}"
        for dataset in dict.fromkeys(one.dataset for one in copies)
        if (words := choices(one for one in copies if one.dataset == dataset))
    ]
    return f" Prepared: {', '.join(told)}." if told else ""
