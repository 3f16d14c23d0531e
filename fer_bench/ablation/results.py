"""Train and test every variant, and lay out what was found; the choice is made on validation images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fer_bench import metrics
from fer_bench.ablation.variants import Variant
from fer_bench.datasets.joined import TrainingData, parts
from fer_bench.grid import Cell
from fer_bench.models import model_card
from fer_bench.recipe import Recipe
from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.studies import Study, missing_work
from fer_bench.tables.notes import SEEDS_NOTE, SHORT, seed_words, start_of
from fer_bench.tables.values import Cell as TableCell
from fer_bench.tables.values import Column, Grid, Missing, Number, Row, Table, Text, mark_best, mean_of
from fer_bench.workers import Executor, work_through

Kind = Literal["freezing", "head"]
_FIRST_COLUMN: dict[Kind, str] = {"freezing": "Frozen layers", "head": "Head"}


@dataclass(frozen=True)
class Result:
    """What was found of a variant."""

    variant: Variant
    runs: tuple[TrainRecord, ...]
    """One a seed; none where a loss became no number."""
    tests: tuple[tuple[EvalRecord, ...], ...]
    """By run, one for each dataset that it was trained on."""
    reason: str = ""
    """Why there are no runs."""

    @property
    def val_accuracies(self) -> list[float]:
        """Highest validation accuracy of each run, fractions."""
        return [run.best.val_accuracy for run in self.runs]


def ablate(study: Study, variants: Sequence[Variant], executor: Executor | None = None) -> list[Result]:
    """Train and test every variant with every seed; what has been done is read from its record.

    In order in this process, or as the executor does it.

    Raises:
        FerBenchError: what training or testing raises; a loss that becomes no number is a result.
    """
    cells = [study.cells(variant.model, variant.recipe) for variant in variants]
    work_through((), [missing_work(study, [cell for own in cells for cell in own], tested=True)], executor)
    return [_result(study, variant, own) for variant, own in zip(variants, cells, strict=True)]


def _result(study: Study, variant: Variant, cells: Sequence[Cell]) -> Result:
    found = [(cell, study.trained(cell)) for cell in cells]
    runs = [(cell, run) for cell, run in found if run is not None]
    if len(runs) < len(found):
        return Result(variant, (), (), next(filter(None, map(study.diverged, cells))))
    # All has been done: this only reads the records.
    tests = tuple(tuple(study.test(cell, run)) for cell, run in runs)
    return Result(variant, tuple(run for _, run in runs), tests)


def chosen(results: Sequence[Result]) -> Result | None:
    """Return the result with the highest mean validation accuracy, the first of equals; ``None`` without runs."""
    return next(iter(_highest(results)), None)


def _highest(results: Sequence[Result]) -> list[Result]:
    """Return those with the highest mean validation accuracy: several where it is the same."""
    means = {i: sum(result.val_accuracies) / len(result.runs) for i, result in enumerate(results) if result.runs}
    # The same accuracies in another order of seeds need not give the same sum to the last bit.
    return [results[i] for i, mean in means.items() if math.isclose(mean, max(means.values()), abs_tol=1e-12)]


def to_table(results: Sequence[Result], *, kind: Kind, model: str, dataset: TrainingData, recipe: Recipe) -> Table:
    """Return the ablation as a table.

    Args:
        results: in the order of the rows.
        kind: what the variants differ in.
        model: whose ablation it is.
        dataset: trained on.
        recipe: what the variants have in common.
    """
    targets = parts(dataset)
    columns = [Column(_FIRST_COLUMN[kind], text=True), Column("Trainable parameters"), Column("Validation")]
    for part in targets:
        group = f"Test, {part.title}" if len(targets) > 1 else "Test"
        columns += [Column("overall", group=group), Column("balanced accuracy", group=group)]
    columns.append(Column("Runs"))
    rows = mark_best([_row(result, len(targets)) for result in results], 2)
    notes = [SEEDS_NOTE, "Validation: the best epoch's accuracy, by which epochs and variants are chosen."]
    notes += _choice(results)
    notes += [f"{result.variant.title}: no runs. {result.reason}." for result in results if not result.runs]
    notes += _protocol(results, dataset, recipe)
    return Table(
        number=0,
        title=f"{model_card(model).title} on {dataset.title}: accuracy (%) by {_FIRST_COLUMN[kind].lower()}",
        synthetic=dataset.origin == "synthetic",
        blocks=(Grid("", tuple(columns), rows),),
        notes=tuple(notes),
        # The label in LaTeX: of another model, dataset or protocol it is another one, for papers with several of them.
        slug=f"ablation-{kind}-{model}-{dataset.dataset}-{recipe.id}",
    )


def _choice(results: Sequence[Result]) -> list[str]:
    """Return what the validation images say, a tie included; nothing without runs."""
    highest = _highest(results)
    if not highest:
        return []
    note = f"Chosen on validation: {highest[0].variant.title}"
    if len(highest) > 1:
        note += f", the first of {len(highest)} that are equal there ({', '.join(r.variant.title for r in highest)})"
    return [f"{note}. Test accuracies are reported, never chosen by."]


def _protocol(results: Sequence[Result], dataset: TrainingData, recipe: Recipe) -> list[str]:
    """Return by what recipe, on what images and from what weights the runs are; the images only where there are any."""
    runs = [run for result in results for run in result.runs]
    seeds = [seed_words(sorted({run.seed for run in runs}))] if runs else []
    told = [f"{recipe.image_size} px", f"{recipe.epochs} epoch{'' if recipe.epochs == 1 else 's'}", *seeds]
    notes = [f"Recipe {recipe.id}, but for what the rows name: {', '.join(told)}."]
    if runs:
        first = runs[0]
        starts = " / ".join(dict.fromkeys(start_of(run.start) for run in runs))
        notes.append(
            f"{first.n_train:,} training and {first.n_val:,} validation images of {dataset.dataset} "
            f"(fingerprint {first.dataset_fingerprint[:SHORT]}); start: {starts}; backend {first.backend}."
        )
    return notes


def _row(result: Result, targets: int) -> Row:
    cells: list[TableCell] = [Text(result.variant.title)]
    if not result.runs:
        return (*cells, *[Missing()] * (2 + 2 * targets), Number(value=0, decimals=0))
    cells.append(Number(value=result.runs[0].trainable_parameters, decimals=0, thousands=True))
    cells.append(mean_of(result.val_accuracies, decimals=1, scale=100))
    for tests in zip(*result.tests, strict=True):
        cells.append(mean_of([test.accuracy for test in tests], decimals=1, scale=100))
        cells.append(
            mean_of([metrics.balanced_accuracy(test.confusion_matrix) for test in tests], decimals=1, scale=100)
        )
    return (*cells, Number(value=len(result.runs), decimals=0))


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return the variants with their runs as plain data; accuracies are fractions."""
    best = chosen(results)
    return [
        {
            "title": result.variant.title,
            "model": result.variant.model,
            "recipe": result.variant.recipe.id,
            "freeze_layers": result.variant.recipe.freeze_layers,
            "trainable_parameters": result.runs[0].trainable_parameters if result.runs else None,
            "chosen": result is best,
            "diverged": result.reason,
            "runs": [
                {
                    "seed": run.seed,
                    "best_epoch": run.best_epoch + 1,
                    "val_accuracy": run.best.val_accuracy,
                    "test_accuracy": {test.target: test.accuracy for test in tests},
                    "test_mean_of_classes": {
                        test.target: metrics.balanced_accuracy(test.confusion_matrix) for test in tests
                    },
                }
                for run, tests in zip(result.runs, result.tests, strict=True)
            ],
        }
        for result in results
    ]
