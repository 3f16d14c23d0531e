"""Accuracy per class (recall) as bars: the paper's Table 10, with intervals."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_bench import paper
from fer_bench.accuracy.intervals import wilson
from fer_bench.emotions import EMOTIONS
from fer_bench.figures.style import WIDTH, bands, below, canvas, look
from fer_bench.figures.values import (
    Drawing,
    Model,
    made_from,
    marked,
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

PREFIX = "per-class-"
_MOST = 10
"""Models in a panel: bars of more are too narrow to tell apart."""
_PUBLISHED: dict[str, Any] = {
    "marker": "D",
    "markersize": 3.4,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
    "markeredgewidth": 0.7,
    "linestyle": "",
}


@dataclass(frozen=True, kw_only=True)
class Recall:
    """One class; percent."""

    images: int
    """Of the class in the test set."""
    value: float | None
    """Mean of the runs; ``None`` for a class without images."""
    low: float | None
    high: float | None
    published: float | None


@dataclass(frozen=True, kw_only=True)
class Bars:
    """The classes of one model."""

    model: Model
    recalls: tuple[Recall, ...]


@dataclass(frozen=True, kw_only=True)
class PerClass(Drawing):
    """Groups of bars: a group a class, a bar a model; many models in several panels, one below the other."""

    classes: tuple[str, ...]
    models: tuple[Bars, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        rows = bands(self.models, _MOST)
        figure, axes = canvas(self, (len(rows), 1), (WIDTH, 0.7 + 1.9 * len(rows)))
        handles: list[Any] = []
        for axis, row in zip(axes[:, 0], rows, strict=True):
            width = 0.82 / len(row)
            for number, bars in enumerate(row):
                style = look(bars.model)
                fill: dict[str, Any] = {"facecolor": style.colour, "hatch": style.hatch, "edgecolor": "white"}
                handles.append(Patch(label=bars.model.title, **fill))
                for place, recall in enumerate(bars.recalls):
                    x = place + (number - (len(row) - 1) / 2) * width
                    _bar(axis, x, 0.9 * width, recall, fill)
            images = [recall.images for recall in row[0].recalls]
            labels = [f"{name}\nn = {n:,}" for name, n in zip(self.classes, images, strict=True)]
            axis.set_xticks(range(len(self.classes)), labels)
            axis.set_xlim(-0.55, len(self.classes) - 0.45)
            axis.set_ylim(0, 100)
            axis.set_ylabel("Recall (%)")
            axis.grid(visible=False, axis="x")
        if any(recall.published is not None for bars in self.models for recall in bars.recalls):
            handles.append(Line2D([], [], label="published", **_PUBLISHED))
        below(figure, handles)
        return figure


def _bar(axis: "Axes", x: float, width: float, recall: Recall, fill: dict[str, Any]) -> None:
    if recall.value is None or recall.low is None or recall.high is None:
        axis.text(x, 1, "–", ha="center", va="bottom")
        return
    axis.bar(x, recall.value, width, linewidth=0, **fill)
    ends = [[max(0.0, recall.value - recall.low)], [max(0.0, recall.high - recall.value)]]
    axis.errorbar(x, recall.value, ends, fmt="none", ecolor="black", elinewidth=0.7, capsize=1.5)
    if recall.published is not None:
        axis.plot(x, recall.published, clip_on=False, zorder=3, **_PUBLISHED)


def per_class(evidence: Evidence) -> Iterator[PerClass]:
    """Yield a figure for each training dataset and test set with an evaluation."""
    for dataset, block in evidence.blocks.items():
        for target in targets_of(block):
            models = tuple(
                Bars(model=model, recalls=recalls)
                for model in models_of(evidence)
                if (recalls := _recalls(block, model.name, target, synthetic=evidence.synthetic))
            )
            caption = (
                f"Recall of each class on the {test_set(target)}, n images each, mean over the runs; bars: 95 % "
                "interval over the images (Wilson)"
            )
            if target == CROSS_TEST:
                caption += ", too narrow where images show the same persons"
            if any(recall.published is not None for bars in models for recall in bars.recalls):
                caption += f"; white diamonds: the paper's {'Table 10' if target == dataset else 'Table 9'}"
            yield PerClass(
                name=f"{PREFIX}{dataset}-on-{target}",
                title=marked(evidence, f"Accuracy per class, {tested_on(dataset, target)}"),
                caption=f"{caption}. {made_from(block)}",
                classes=tuple(name.capitalize() for name in EMOTIONS),
                models=models,
            )


def _recalls(block: Block, model: str, target: str, *, synthetic: bool) -> tuple[Recall, ...]:
    tested = block.tested(model, target)
    if not tested:
        return ()
    counts = np.array([record.confusion_matrix for record in tested], dtype=np.int64).sum(axis=0)
    found = []
    for i in range(len(EMOTIONS)):
        answers = int(counts[i].sum())
        images = answers // len(tested)
        if images == 0:
            found.append(Recall(images=0, value=None, low=None, high=None, published=None))
            continue
        # Runs share their images: the interval is that of one run with the mean of the right answers.
        low, high = wilson(int(counts[i, i]) / len(tested), images)
        found.append(
            Recall(
                images=images,
                value=rounded(100 * int(counts[i, i]) / answers),
                low=rounded(100 * low),
                high=rounded(100 * high),
                published=None if synthetic else _published(block.dataset, model, target, i),
            )
        )
    return tuple(found)


def _published(dataset: str, model: str, target: str, place: int) -> float | None:
    if target == dataset and model in paper.TABLE10.get(dataset, {}):
        return rounded(100 * paper.TABLE10[dataset][model][place])
    if target == CROSS_TEST and model in paper.TABLE9.get(dataset, {}):
        return float(paper.TABLE9[dataset][model][place][place])
    return None
