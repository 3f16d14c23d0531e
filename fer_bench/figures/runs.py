"""Every run on one test set, a dot each: what the tables show beside what they leave out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_bench import metrics
from fer_bench.figures.style import WIDTH, canvas, marker_style
from fer_bench.figures.values import Drawing, Model, marked, mean, models_of, rounded, targets_of, tested_on
from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.render.text import plain
from fer_bench.selection import Evidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREFIX = "runs-"
_MOST = 40
"""Rows of a page."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The runs of one model by one recipe; percent."""

    model: Model
    recipe: str
    start: str
    """``random``, ``ImageNet`` or both; empty for an external model."""
    accuracies: tuple[float, ...]
    """In the order of the seeds."""
    mean: float


@dataclass(frozen=True, kw_only=True)
class AllRuns(Drawing):
    """A row for each model and recipe, the best mean first."""

    rows: tuple[Runs, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        figure, axes = canvas(self, (1, 1), (WIDTH, 0.85 + 0.21 * len(self.rows)))
        axis = axes[0, 0]
        for place, row in enumerate(self.rows):
            dot: dict[str, Any] = {**marker_style(row.model), "markersize": 5}
            axis.plot(row.accuracies, [place] * len(row.accuracies), alpha=0.85, clip_on=False, **dot)
            if len(row.accuracies) > 1:
                axis.plot([row.mean] * 2, [place - 0.33, place + 0.33], color="black", linewidth=1.2)
        axis.set_yticks(range(len(self.rows)), [_label(row) for row in self.rows])
        axis.set_ylim(len(self.rows) - 0.4, -0.6)
        axis.set_xlabel("Accuracy (%)")
        return figure


def runs(evidence: Evidence) -> Iterator[AllRuns]:
    """Yield a figure for each training dataset and test set of which the tables do not show every run."""
    known = {model.name: model for model in models_of(evidence, others=True)}
    for dataset in dict.fromkeys(other.dataset for other in evidence.others):
        block = evidence.blocks.get(dataset)
        others = [other for other in evidence.others if other.dataset == dataset]
        shown = targets_of(block) if block else []
        for target in dict.fromkeys((*shown, *(name for other in others for name in other.targets))):
            rows = [_row(known[other.model], other.recipe, _on(other.evals, target), other.trains) for other in others]
            if block:
                rows += [
                    _row(known[model], block.recipe, block.tested(model, target), block.trained(model))
                    for model in block.models
                ]
            found = sorted(
                (row for row in rows if row is not None), key=lambda row: (-row.mean, row.model.place, row.recipe)
            )
            if len(found) < 2:
                continue
            left_out = f" The {_MOST} best of {len(found)} rows." if len(found) > _MOST else ""
            yield AllRuns(
                name=f"{PREFIX}{dataset}-on-{target}",
                title=marked(evidence, f"Every run, {tested_on(dataset, target)}"),
                caption="Accuracy of every run, with its recipe and its start: a mark is a run (seed), a line the mean "
                "of several. Rows of different recipes differ in more than the model, and runs of one seed each by "
                f"chance as well: fer-bench compare gives intervals.{left_out}",
                rows=tuple(found[:_MOST]),
            )


def _on(tests: tuple[EvalRecord, ...], target: str) -> tuple[EvalRecord, ...]:
    return tuple(test for test in tests if test.target == target)


def _row(model: Model, recipe: str, tests: tuple[EvalRecord, ...], trains: tuple[TrainRecord, ...]) -> Runs | None:
    if not tests:
        return None
    starts = {"random" if run.start.kind == "random" else "ImageNet" for run in trains}
    accuracies = [100 * metrics.accuracy(test.confusion_matrix) for test in tests]
    return Runs(
        model=model,
        recipe=plain(recipe),
        start=" and ".join(sorted(starts)),
        accuracies=tuple(map(rounded, accuracies)),
        mean=rounded(mean(accuracies)),
    )


def _label(row: Runs) -> str:
    return ", ".join(filter(None, (row.model.title, row.recipe, row.start)))
