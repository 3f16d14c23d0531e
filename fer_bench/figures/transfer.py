"""The full matrix: accuracy of every model by what it was trained on and what it was tested on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_bench import paper
from fer_bench.figures.style import WIDTH, bands, canvas, label_below, panel_title
from fer_bench.figures.values import Drawing, Model, dataset_title, marked, mean, models_of, rounded, targets_of
from fer_bench.selection import Evidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "trained-on-tested-on"
_MOST = 3
_DARK = 60


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One model on one test set."""

    trained_on: str
    tested_on: str
    accuracy: float
    """Percent, the mean of the runs."""
    runs: int
    published: float | None
    """Percent, the paper's Table 4 or 5."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All tests of one model; a pair that is not in it was not run."""

    model: Model
    cells: tuple[Transfer, ...]


@dataclass(frozen=True, kw_only=True)
class TransferMatrix(Drawing):
    """A panel a model: rows trained on, columns tested on."""

    trained_on: tuple[str, ...]
    tested_on: tuple[str, ...]
    models: tuple[Grid, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        rows = bands(self.models, _MOST)
        columns = len(rows[0])
        panel = 0.34 * len(self.trained_on) + 0.75
        figure, axes = canvas(self, (len(rows), columns), (min(WIDTH, 1.5 + 1.9 * columns), 0.5 + panel * len(rows)))
        image: Any = None
        for number, row in enumerate(rows):
            for column, grid in enumerate(row):
                image = self._panel(axes[number, column], grid)
                axes[number, column].set_yticks([])
            axes[number, 0].set_yticks(range(len(self.trained_on)), list(map(dataset_title, self.trained_on)))
            for axis in axes[number, len(row) :]:
                axis.remove()
            axes[number, 0].set_ylabel("Trained on")
        label_below(axes, list(map(len, rows)), "Tested on")
        bar = figure.colorbar(image, ax=list(figure.axes), label="Accuracy (%)", pad=0.02)
        bar.outline.set_linewidth(0.6)
        return figure

    def _panel(self, axis: "Axes", grid: Grid) -> Any:
        values = np.full((len(self.trained_on), len(self.tested_on)), np.nan)
        for cell in grid.cells:
            values[self.trained_on.index(cell.trained_on), self.tested_on.index(cell.tested_on)] = cell.accuracy
        image = axis.imshow(values, cmap="Blues", vmin=0, vmax=100, aspect="auto")
        found = {(cell.trained_on, cell.tested_on): cell for cell in grid.cells}
        for row, trained in enumerate(self.trained_on):
            for column, tested in enumerate(self.tested_on):
                shown = found.get((trained, tested))
                text = "–"
                if shown is not None:
                    text = f"{shown.accuracy:.1f}" + ("" if shown.published is None else f"\n({shown.published:.0f})")
                dark = shown is not None and shown.accuracy >= _DARK
                axis.text(column, row, text, ha="center", va="center", fontsize=6.5, color="white" if dark else "black")
        axis.set_title(panel_title(grid.model.title))
        titles = [dataset_title(name) for name in self.tested_on]
        axis.set_xticks(range(len(titles)), titles, rotation=30, ha="right", rotation_mode="anchor")
        axis.tick_params(length=2)
        axis.grid(visible=False)
        for spine in axis.spines.values():
            spine.set_visible(True)
        return image


def transfer(evidence: Evidence) -> Iterator[TransferMatrix]:
    """Yield the figure where there is more than one training or one test set."""
    found = {model.name: tuple(_cells(evidence, model.name)) for model in models_of(evidence)}
    cells = [cell for some in found.values() for cell in some]
    # In the order of the blocks and of their test sets.
    trained = tuple(dict.fromkeys(cell.trained_on for cell in cells))
    tested_sets = {cell.tested_on for cell in cells}
    known = [*paper.DATASET_TITLES, *sorted(tested_sets - set(paper.DATASET_TITLES))]
    tested = tuple(name for name in known if name in tested_sets)
    if len(trained) < 2 and len(tested) < 2:
        return
    own = [record for block in evidence.blocks.values() for record in block.evals if record.external is None]
    states = {(record.target, record.target_fingerprint) for record in own}
    several = [dataset_title(name) for name in tested if sum(target == name for target, _ in states) > 1]
    apart = f" Rows were tested on different states of {', '.join(several)}: other images or labels." if several else ""
    published = any(cell.published is not None for cell in cells)
    beside = " In parentheses: the paper's Tables 4 and 5." if published else ""
    yield TransferMatrix(
        name=NAME,
        title=marked(evidence, "Accuracy (%) by training dataset and test set"),
        caption="Overall accuracy in percent, the mean over the runs, of every model by what it was trained on (rows) "
        f"and tested on (columns); – was not run.{apart}{beside}",
        trained_on=trained,
        tested_on=tested,
        models=tuple(Grid(model=model, cells=found[model.name]) for model in models_of(evidence) if found[model.name]),
    )


def _cells(evidence: Evidence, model: str) -> Iterator[Transfer]:
    for dataset, block in evidence.blocks.items():
        for target in targets_of(block):
            # What an external model was trained on nobody has checked.
            tested = [record for record in block.tested(model, target) if record.external is None]
            if tested:
                yield Transfer(
                    trained_on=dataset,
                    tested_on=target,
                    accuracy=rounded(100 * mean([record.accuracy for record in tested])),
                    runs=len(tested),
                    published=None if evidence.synthetic else _published(model, dataset, target),
                )


def _published(model: str, dataset: str, target: str) -> float | None:
    printed = paper.accuracies(dataset, target).get(model)
    return None if printed is None else float(printed)
