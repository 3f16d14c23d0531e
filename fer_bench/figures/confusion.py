"""Confusion matrices as heat maps: measured, and below them the published ones of Tables 8 and 9."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics, paper
from fer_bench.emotions import EMOTIONS
from fer_bench.figures.style import WIDTH, canvas, label_below, panel_title
from fer_bench.figures.values import (
    Drawing,
    Model,
    drawable,
    made_from,
    marked,
    mean,
    models_of,
    rounded,
    targets_of,
    test_set,
    tested_on,
)
from fer_bench.selection import CROSS_TEST, Block, Evidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PREFIX = "confusion-"
_MOST = 3
"""Models side by side: more leave no room for the digits."""
_DARK = 55
"""Percent from which the cell is dark and its digits are white."""
Percent = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A confusion matrix in percent of the true class."""

    source: Literal["measured", "published"]
    accuracy: float
    """Overall, percent: the mean of the runs."""
    percent: Percent
    """Rows true, columns predicted; ``None`` in the row of a class without images."""


@dataclass(frozen=True, kw_only=True)
class Heat:
    """The matrices of one model."""

    model: Model
    measured: Matrix
    published: Matrix | None


@dataclass(frozen=True, kw_only=True)
class Confusion(Drawing):
    """The matrices of all models on one test set, models side by side."""

    classes: tuple[str, ...]
    models: tuple[Heat, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        rows: list[list[tuple[Model, Matrix]]] = []
        # Full rows, the paper's three first: even ones would put its published matrices into two rows.
        for band in (self.models[start : start + _MOST] for start in range(0, len(self.models), _MOST)):
            rows.append([(heat.model, heat.measured) for heat in band])
            published = [(heat.model, heat.published) for heat in band if heat.published is not None]
            rows += [published] if published else []
        columns = max(map(len, rows))
        size = (min(WIDTH, 1.3 + 1.96 * columns), 0.9 + 2.2 * len(rows))
        figure, axes = canvas(self, (len(rows), columns), size)
        image: Any = None
        for number, row in enumerate(rows):
            for column, (model, matrix) in enumerate(row):
                image = self._panel(axes[number, column], model, matrix)
                if column == 0:
                    axes[number, column].set_yticks(range(len(self.classes)), self.classes)
                else:
                    axes[number, column].set_yticks([])
            for axis in axes[number, len(row) :]:
                axis.remove()
            axes[number, 0].set_ylabel("True")
        label_below(axes, list(map(len, rows)), "Predicted")
        bar = figure.colorbar(image, ax=list(figure.axes), label="% of the true class", aspect=14 * len(rows), pad=0.02)
        bar.outline.set_linewidth(0.6)
        return figure

    def _panel(self, axis: "Axes", model: Model, matrix: Matrix) -> Any:
        percent: NDArray[np.float64] = np.array(matrix.percent, dtype=np.float64)  # None becomes nan
        image = axis.imshow(percent, cmap="Blues", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(percent):
            shown = "–" if np.isnan(value) else f"{value:.0f}"
            colour = "white" if value >= _DARK else "black"
            axis.text(column, row, shown, ha="center", va="center", fontsize=6.5, color=colour)
        published = matrix.source == "published"
        decimals = 0 if published else 1
        words = f"published, {matrix.accuracy:.{decimals}f} %" if published else f"{matrix.accuracy:.{decimals}f} %"
        axis.set_title(f"{panel_title(model.title)}: {words}", fontsize=7.5, style="italic" if published else "normal")
        axis.set_xticks(range(len(self.classes)), self.classes, rotation=45, ha="right", rotation_mode="anchor")
        axis.tick_params(labelsize=6.5, length=2)
        axis.grid(visible=False)
        for spine in axis.spines.values():
            spine.set_visible(True)
        return image


def confusion(evidence: Evidence) -> Iterator[Confusion]:
    """Yield a figure for each training dataset and test set with an evaluation."""
    for dataset, block in evidence.blocks.items():
        for target in targets_of(block):
            found = tuple(
                Heat(
                    model=model,
                    measured=matrix,
                    published=None if evidence.synthetic else _published(model.name, dataset, target),
                )
                for model in models_of(evidence)
                if (matrix := _measured(block, model.name, target)) is not None
            )
            beside = " Below, in italics: the published matrices." if any(heat.published for heat in found) else ""
            yield Confusion(
                name=f"{PREFIX}{dataset}-on-{target}",
                title=marked(evidence, f"Confusion matrices, {tested_on(dataset, target)}"),
                caption=f"Confusion matrices on the {test_set(target)}: rows true, columns predicted, percent "
                f"of the true class; above each the overall accuracy. Several runs: counts added up.{beside} "
                f"{made_from(block)}",
                classes=tuple(name.capitalize() for name in EMOTIONS),
                models=found,
            )


def _measured(block: Block, model: str, target: str) -> Matrix | None:
    tested = block.tested(model, target)
    if not tested:
        return None
    counts = np.array([record.confusion_matrix for record in tested], dtype=np.int64).sum(axis=0)
    return Matrix(
        source="measured",
        accuracy=rounded(100 * mean([record.accuracy for record in tested])),
        percent=tuple(tuple(map(drawable, map(float, row))) for row in metrics.row_percentages(counts)),
    )


def _published(model: str, dataset: str, target: str) -> Matrix | None:
    printed = {dataset: paper.TABLE8, CROSS_TEST: paper.TABLE9}.get(target, {}).get(dataset, {}).get(model)
    if printed is None:
        return None
    percent = tuple(tuple(map(float, row)) for row in printed)
    return Matrix(source="published", accuracy=float(paper.accuracies(dataset, target)[model]), percent=percent)
