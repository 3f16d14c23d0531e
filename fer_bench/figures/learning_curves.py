"""Learning curves: loss and accuracy over the epochs, all models of a dataset (the paper's Figures 5 to 7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_bench.figures.style import TRAINING, VALIDATION, WIDTH, bands, canvas, legend, panel_title, plain_log
from fer_bench.figures.values import Drawing, Model, dataset_title, drawable, made_from, marked, models_of, rounded
from fer_bench.records import Epoch
from fer_bench.selection import Block, Evidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREFIX = "learning-curves-"
_MOST = 4
"""Models side by side."""
_LOG_LOSS = 10.0
"""Loss from which the axis is logarithmic: batch norm's early validation losses would flatten all other curves."""
Series = tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run, a value an epoch."""

    seed: int
    loss: Series
    """Nats, on the augmented training images; ``None`` where not finite."""
    val_loss: Series
    accuracy: Series
    """Percent."""
    val_accuracy: Series
    kept: int
    """Epoch, from 1, whose weights were kept."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The runs of one model."""

    model: Model
    runs: tuple[Run, ...]


@dataclass(frozen=True, kw_only=True)
class LearningCurves(Drawing):
    """Two panels a model: loss above, accuracy below."""

    models: tuple[Curves, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        rows = bands(self.models, _MOST)
        columns = len(rows[0])
        size = (min(WIDTH, 0.7 + 2.16 * columns), 0.6 + 3.3 * len(rows))
        figure, axes = canvas(self, (2 * len(rows), columns), size, share_y=True)
        for number, row in enumerate(rows):
            for column, curves in enumerate(row):
                self._panels(axes[2 * number : 2 * number + 2, column], curves)
            for axis in axes[2 * number : 2 * number + 2, len(row) :].flat:
                axis.remove()
            axes[2 * number, 0].set_ylabel("Cross-entropy (nats)")
            axes[2 * number + 1, 0].set_ylabel("Accuracy (%)")
        legend(
            figure,
            [
                ("training (augmented)", {"color": TRAINING, "linestyle": "-"}),
                ("validation", {"color": VALIDATION, "linestyle": "--"}),
                ("weights kept", {"color": "black", "linestyle": "", "marker": "D", "markersize": 4}),
            ],
        )
        return figure

    def _panels(self, axes: Any, curves: Curves) -> None:
        from matplotlib.ticker import MaxNLocator

        loss, accuracy = axes
        loss.set_title(panel_title(curves.model.title))
        for run in curves.runs:
            for axis, training, validation in (
                (loss, run.loss, run.val_loss),
                (accuracy, run.accuracy, run.val_accuracy),
            ):
                for values, colour, style in ((training, TRAINING, "-"), (validation, VALIDATION, "--")):
                    shown = [float("nan") if value is None else value for value in values]
                    # A single epoch has no line to see.
                    marker = "." if len(shown) == 1 else ""
                    axis.plot(range(1, len(shown) + 1), shown, color=colour, linestyle=style, marker=marker)
            best = run.val_accuracy[run.kept - 1]
            if best is not None:
                accuracy.plot(run.kept, best, "D", color="black", markersize=4)
        accuracy.set_xlabel("Epoch")
        accuracy.set_ylim(0, 100)
        for axis in axes:
            # Of a single epoch, one tick; two would be fractions of epochs.
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        loss.tick_params(labelbottom=False)
        if self._highest > _LOG_LOSS:
            plain_log(loss, "y")

    @property
    def _highest(self) -> float:
        values = [value for curves in self.models for run in curves.runs for value in (*run.loss, *run.val_loss)]
        return max((value for value in values if value is not None), default=0.0)


def learning_curves(evidence: Evidence) -> Iterator[LearningCurves]:
    """Yield a figure for each training dataset with a run."""
    for dataset, block in evidence.blocks.items():
        found = tuple(
            Curves(model=model, runs=runs) for model in models_of(evidence) if (runs := _runs(block, model.name))
        )
        if found:
            yield LearningCurves(
                name=PREFIX + dataset,
                title=marked(evidence, f"Learning curves, {dataset_title(dataset)}"),
                caption=f"Learning curves on {dataset_title(dataset)}: loss (as the paper's Figures 5 to 7) and "
                "accuracy over the epochs, a line a run; the diamond marks the epoch whose weights were kept, that of "
                f"the highest validation accuracy. {made_from(block)}",
                models=found,
            )


def of_one_run(title: str, history: Sequence[Epoch]) -> LearningCurves:
    """Return the figure of a run at work; the epoch with the highest validation accuracy so far is marked."""
    best = max(range(len(history)), key=lambda number: history[number].val_accuracy)
    curves = Curves(model=Model(name="", title="", place=0), runs=(_run(0, history, best),))
    return LearningCurves(name=PREFIX + "run", title=title, caption="", models=(curves,))


def _runs(block: Block, model: str) -> tuple[Run, ...]:
    return tuple(_run(record.seed, record.history, record.best_epoch) for record in block.trained(model))


def _run(seed: int, history: Sequence[Epoch], best: int) -> Run:
    return Run(
        seed=seed,
        loss=tuple(drawable(epoch.loss) for epoch in history),
        val_loss=tuple(drawable(epoch.val_loss) for epoch in history),
        accuracy=tuple(rounded(100 * epoch.accuracy) for epoch in history),
        val_accuracy=tuple(rounded(100 * epoch.val_accuracy) for epoch in history),
        kept=best + 1,
    )
