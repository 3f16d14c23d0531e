"""Runs of several recipes on the same corrupted pictures, a row each: what a recipe or a start makes of a network."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_bench.figures.style import WIDTH, canvas
from fer_bench.figures.values import Drawing, Model, marked, mean, models_of, rounded, tested_on
from fer_bench.render.text import plain
from fer_bench.robustness.summary import Robustness, RobustnessBlock, robustness_blocks, told_apart
from fer_bench.selection import Evidence
from fer_bench.tables.notes import start_kinds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREFIX = "corrupted-runs-"
CLEAN, MEAN = "as they are", "mean of these"
_MOST = 40
"""Rows of a page."""
_DARK = 0.55
"""Part of the scale from which a cell is dark and its digits are white."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The runs of one model by one recipe."""

    model: Model
    recipe: str
    """Empty for an external model."""
    start: str
    """``random`` or ``ImageNet``; empty where no training record tells it."""
    accuracies: tuple[float, ...]
    """Percent, the mean of the runs, by column."""
    trained_on: tuple[str, ...]
    """Columns of the corruptions that its training images had."""


@dataclass(frozen=True, kw_only=True)
class CorruptedRuns(Drawing):
    """A row for each model and recipe, those of one start together, the best mean first."""

    columns: tuple[str, ...]
    """As they are, each corruption, and their mean."""
    rows: tuple[Kept, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        figure, axes = canvas(self, (1, 1), (WIDTH, 1.5 + 0.27 * len(self.rows)))
        axis = axes[0, 0]
        values = [row.accuracies for row in self.rows]
        low, high = min(map(min, values)), max(map(max, values))
        axis.imshow(values, cmap="Blues", aspect="auto", vmin=low, vmax=high)
        for place, row in enumerate(self.rows):
            for column, (name, value) in enumerate(zip(self.columns, row.accuracies, strict=True)):
                dark = value - low > _DARK * (high - low)
                text = f"{value:.1f}{'*' if name in row.trained_on else ''}"
                weight = "bold" if name in (CLEAN, MEAN) else "normal"
                colour = "white" if dark else "black"
                axis.text(column, place, text, ha="center", va="center", color=colour, fontsize=6.5, weight=weight)
        axis.set_xticks(range(len(self.columns)), self.columns, rotation=35, ha="left", rotation_mode="anchor")
        axis.xaxis.tick_top()
        axis.set_yticks(range(len(self.rows)), [_label(row) for row in self.rows], linespacing=0.95)
        axis.grid(visible=False)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        return figure


def corrupted_runs(evidence: Evidence) -> Iterator[CorruptedRuns]:
    """Yield a figure for each training dataset and test set that several recipes were tested on."""
    known = {model.name: model for model in models_of(evidence, others=True)}
    trains = [run for block in evidence.blocks.values() for run in block.trains]
    trains += [run for other in evidence.others for run in other.trains]
    starts = {run.cell_id: run.start.kind for run in trains}
    groups: dict[tuple[str, ...], list[RobustnessBlock]] = {}
    for block in robustness_blocks(evidence.robustness):
        first = block.first
        same = (block.dataset, block.target, first.backend, first.dataset_fingerprint, first.target_fingerprint)
        groups.setdefault((*same, first.protocol), []).append(block)
    several = [found for found in groups.values() if len(found) > 1]
    for found in several:
        dataset, target = found[0].dataset, found[0].target
        names = found[0].first.corruptions
        # An external model stands in every block, and once here.
        rows = {(row.model.name, row.recipe): row for row in _rows(found, names, known, starts)}.values()
        best = sorted(rows, key=lambda row: (-row.accuracies[-1], row.model.place, row.recipe))[:_MOST]
        what = "every recipe" if len(rows) <= _MOST else f"the {_MOST} best of {len(rows)} rows"
        alike = [one[0].first for one in several if (one[0].dataset, one[0].target) == (dataset, target)]
        apart = told_apart(found[0].first, alike)
        trained = " * trained on: some of the training images had this corruption."
        yield CorruptedRuns(
            name=PREFIX + "-".join([dataset, "on", target, *apart]),
            title=marked(
                evidence,
                ", ".join([f"Accuracy (%) on corrupted pictures, {what}", tested_on(dataset, target), *apart]),
            ),
            caption="Accuracy of each model by each recipe, with its start, percent: on the test images as they are, "
            "and under each corruption, the mean of its severities (and of the seeds). Rows of different recipes "
            "differ in more than the model: fer-bench compare --corrupted gives intervals."
            + (trained if any(row.trained_on for row in best) else ""),
            columns=(CLEAN, *names, MEAN),
            rows=tuple(sorted(best, key=lambda row: row.start)),
        )


def _rows(
    found: Iterable[RobustnessBlock], names: tuple[str, ...], known: Mapping[str, Model], starts: Mapping[str, str]
) -> Iterator[Kept]:
    for block in found:
        for one in block.models:
            kinds = {starts[run.cell_id] for run in one.runs if run.cell_id in starts}
            yield Kept(
                model=known[one.first.model],
                recipe="" if one.first.external else plain(one.first.recipe),
                start=start_kinds(kinds),
                accuracies=_accuracies(one, names),
                trained_on=one.first.trained_on,
            )


def _accuracies(one: Robustness, names: tuple[str, ...]) -> tuple[float, ...]:
    columns: list[list[float]] = [one.clean, *(one.under(name) for name in names), one.corrupted]
    return tuple(rounded(100 * mean(column)) for column in columns)


def _label(row: Kept) -> str:
    return textwrap.fill(", ".join(filter(None, (row.model.title, row.recipe, row.start))), 34)
