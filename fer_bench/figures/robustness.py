"""Accuracy on corrupted pictures by severity, a panel a corruption."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_bench.figures.style import WIDTH, canvas, legend, look
from fer_bench.figures.values import Drawing, Model, marked, mean, models_of, rounded, test_set, tested_on
from fer_bench.records import EXTERNAL
from fer_bench.render.text import plain
from fer_bench.robustness.summary import Robustness, RobustnessBlock, robustness_blocks
from fer_bench.selection import Evidence
from fer_bench.tables.chance import level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PREFIX = "robustness-"
_ACROSS = 4
MEAN = "mean of these"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A model's accuracies, percent: of the pictures as they are, then by severity."""

    model: Model
    accuracies: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One corruption."""

    corruption: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class RobustnessCurves(Drawing):
    """A panel a corruption, and one of their mean."""

    panels: tuple[Panel, ...]
    chance: float
    """Accuracy of always answering the most frequent class, percent."""

    def draw(self) -> "Figure":
        """Return the figure."""
        rows = -(-len(self.panels) // _ACROSS)
        figure, axes = canvas(self, (rows, _ACROSS), (WIDTH, 0.9 + 1.45 * rows), share_y=True)
        values = [value for panel in self.panels for line in panel.lines for value in line.accuracies]
        top = 10 * (int(max(*values, self.chance)) // 10 + 1)
        for place, axis in enumerate(axes.flat):
            if place < len(self.panels):
                self._panel(axis, self.panels[place])
                axis.set_ylim(0, top)
                if place + _ACROSS >= len(self.panels):
                    axis.set_xlabel("Severity")
            else:
                axis.remove()
        for row in axes:
            row[0].set_ylabel("Accuracy (%)")
        entries = [(line.model.title, {**_style(line.model), "markersize": 4}) for line in self.panels[0].lines]
        legend(figure, [*entries, ("most frequent class", {"color": "black", "linestyle": ":"})])
        return figure

    def _panel(self, axis: "Axes", panel: Panel) -> None:
        for line in panel.lines:
            axis.plot(range(len(line.accuracies)), line.accuracies, **_style(line.model), markersize=3)
        axis.axhline(self.chance, color="black", linestyle=":", linewidth=0.8)
        axis.set_xticks(range(len(panel.lines[0].accuracies)))
        axis.set_title(panel.corruption, fontweight="bold" if panel.corruption == MEAN else "normal")


def robustness(evidence: Evidence) -> Iterator[RobustnessCurves]:
    """Yield a figure for each recipe and test set."""
    known = {model.name: model for model in models_of(evidence, others=True)}
    for block in robustness_blocks(evidence.robustness):
        first = block.first
        names = first.corruptions
        parts = [block.dataset, "on", block.target, *([block.recipe] if block.recipe else [])]
        seeds = max(len(one.runs) for one in block.models)
        yield RobustnessCurves(
            name=PREFIX + "-".join([*parts, *block.apart]),
            title=marked(evidence, f"Accuracy on corrupted pictures, {_about(block)}"),
            caption="Accuracy by corruption and severity; 0 is the test set as it is. The last panel is the mean of "
            f"the others. {_training(block)}; all saw the same pictures."
            + (" Lines are means over the seeds." if seeds > 1 else ""),
            panels=(
                *(_panel(block.marked(name), block, known, [name]) for name in names),
                _panel(MEAN, block, known, names),
            ),
            chance=rounded(100 * level(first.confusion_matrix)),
        )


def _about(block: RobustnessBlock) -> str:
    if block.dataset == EXTERNAL:
        return ", ".join([test_set(block.target), "external models", *block.apart])
    about = tested_on(block.dataset, block.target)
    return ", ".join([about, f"recipe {plain(block.recipe)}", *block.apart])


def _training(block: RobustnessBlock) -> str:
    if not block.trained_on:
        return "Models were not trained for it"
    return f"Some training images had {', '.join(block.trained_on)}, none another corruption"


def _style(model: Model) -> dict[str, Any]:
    found = look(model)
    return {"color": found.colour, "marker": found.marker, "linestyle": "-"}


def _panel(title: str, block: RobustnessBlock, known: Mapping[str, Model], names: Sequence[str]) -> Panel:
    return Panel(
        corruption=title,
        lines=tuple(Line(model=known[one.first.model], accuracies=_accuracies(one, names)) for one in block.models),
    )


def _accuracies(one: Robustness, names: Sequence[str]) -> tuple[float, ...]:
    by_severity = [mean(column) for column in zip(*(one.by_severity(name) for name in names), strict=True)]
    return tuple(rounded(100 * value) for value in (mean(one.clean), *by_severity))
