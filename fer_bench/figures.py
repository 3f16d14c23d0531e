"""Figures of the chosen records: learning curves, confusion matrices, latency, accuracy against FLOPs.

Colour-blind safe (Okabe and Ito's palette; cividis) and told apart by line style or marker too, so that they survive
a black-and-white print. matplotlib is imported on the first call only.
"""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fer_bench import metrics, paper
from fer_bench.emotions import EMOTIONS
from fer_bench.files import replacing
from fer_bench.records import Epoch
from fer_bench.selection import CROSS_TEST, Block, Evidence
from fer_bench.tables.accuracy import accuracies
from fer_bench.tables.complexity import runtimes, seconds
from fer_bench.tables.matrices import total_counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"mobilenetv2": "#D55E00", "clcm": "#0072B2", "shufflenetv2": "#009E73"}
"""Okabe and Ito's vermilion, blue and bluish green."""
MARKERS = {"mobilenetv2": "o", "clcm": "s", "shufflenetv2": "^"}
_TRAINING, _VALIDATION = "#0072B2", "#D55E00"
_CURVES, _CONFUSION, _LATENCY, _TRADE_OFF = "learning-curves-", "confusion-", "latency", "accuracy-gflops"
LOG_LOSS = 10.0
"""Loss from which the axis is logarithmic: batch norm's early validation losses would flatten all other curves."""
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # outlines that journals accept
    "savefig.dpi": 150,
}


def write_figures(evidence: Evidence, folder: Path) -> list[Path]:
    """Draw every figure that the records allow, each as PNG (150 dpi) and PDF, and return the files.

    A figure without data is not drawn, and one that an earlier call left in ``folder`` is removed. The files carry
    no dates: the same records give the same bytes on the same machine and matplotlib.
    """
    import matplotlib as mpl

    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
    written: list[Path] = []
    for name, draw in _drawings(evidence):
        with mpl.rc_context(STYLE):
            figure = draw()
            for ending, fields in metadata.items():
                path = folder / f"{name}.{ending}"
                with replacing(path) as temporary:
                    figure.savefig(temporary, format=ending, metadata=fields)
                written.append(path)
    for path in sorted(folder.glob("*.p[nd][gf]")):
        if path.name.startswith((_CURVES, _CONFUSION, f"{_LATENCY}.", f"{_TRADE_OFF}.")) and path not in written:
            path.unlink()
    return written


def describe(path: Path) -> str:
    """Return what a file of :func:`write_figures` shows, as plain text."""
    name, titles = path.stem, paper.DATASET_TITLES
    if name.startswith(_CURVES):
        return f"Learning curves of the models trained on {titles[name.removeprefix(_CURVES)]}"
    if name.startswith(_CONFUSION):
        trained, _, tested = name.removeprefix(_CONFUSION).partition("-on-")
        return f"Confusion matrices: trained on {titles[trained]}, tested on {titles[tested]}"
    return {_LATENCY: "Inference time of one image", _TRADE_OFF: "Accuracy against GFLOPs"}[name]


def _drawings(evidence: Evidence) -> Iterator[tuple[str, Callable[[], "Figure"]]]:
    for dataset, block in evidence.blocks.items():
        if any(record.history for record in block.trains if record.model in paper.MODELS):
            yield _CURVES + dataset, partial(_learning_curves, evidence, block)
        for target in (dataset, CROSS_TEST):
            if any(record.target == target and record.model in paper.MODELS for record in block.evals):
                yield f"{_CONFUSION}{dataset}-on-{target}", partial(_confusion, evidence, block, target)
    timed = [r for r in runtimes(evidence) if any(seconds(evidence, model, r) for model in paper.MODELS)]
    if timed:
        yield _LATENCY, partial(_latency, evidence, timed)
    if any(_scores(evidence, cross=cross) for cross in (False, True)):
        yield _TRADE_OFF, partial(_accuracy_gflops, evidence)


def _panels(
    evidence: Evidence,
    title: str,
    shape: tuple[int, int],
    size: tuple[float, float],
    *,
    share_y: Literal["none", "all", "row"] = "none",
) -> tuple["Figure", Any]:
    """Return a figure and its axes, an array of ``shape``; the title says where the records are synthetic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    title = f"{title} (synthetic faces, demo)" if evidence.synthetic else title
    # About eleven characters an inch at this size: a figure of one panel is too narrow for a long title.
    figure.suptitle(textwrap.fill(title, int(11 * size[0])), fontsize=11)
    axes: Any = figure.subplots(*shape, squeeze=False, sharey=share_y)
    return figure, axes


def _learning_curves(evidence: Evidence, block: Block) -> "Figure":
    """Draw loss and accuracy over the epochs, models side by side (the paper's Figures 5 to 7 show the loss)."""
    models = [m for m in paper.MODELS if any(record.history for record in block.trained(m))]
    title = f"Learning curves, {paper.DATASET_TITLES[block.dataset]}"
    figure, axes = _panels(evidence, title, (2, len(models)), (0.6 + 2.6 * len(models), 4.8), share_y="row")
    highest = max(max(epoch.loss, epoch.val_loss) for record in block.trains for epoch in record.history)
    for column, model in enumerate(models):
        loss, accuracy = axes[:, column]
        loss.set_title(paper.MODEL_TITLES[model])
        for record in block.trained(model):
            draw_history(loss, accuracy, record.history, record.best_epoch)
        if highest > LOG_LOSS:
            loss.set_yscale("log")
        loss.tick_params(labelbottom=False)
    axes[0, 0].set_ylabel("Cross-entropy (nats)")
    axes[1, 0].set_ylabel("Accuracy (%)")
    curve_legend(figure)
    return figure


def draw_history(loss: "Axes", accuracy: "Axes", history: Sequence[Epoch], best: int) -> None:
    """Draw a run's losses (nats) and accuracies (percent) over its epochs; ``best``, counted from 0, is marked."""
    from matplotlib.ticker import MaxNLocator

    epochs = np.arange(1, len(history) + 1)
    for axis, fields, scale in ((loss, ("loss", "val_loss"), 1), (accuracy, ("accuracy", "val_accuracy"), 100)):
        for field, colour, style in zip(fields, (_TRAINING, _VALIDATION), ("-", "--"), strict=True):
            values = [getattr(epoch, field) * scale for epoch in history]
            # A single epoch has no line to see.
            marker = "." if len(epochs) == 1 else ""
            axis.plot(epochs, values, color=colour, linestyle=style, linewidth=1.2, marker=marker)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    accuracy.plot(best + 1, history[best].val_accuracy * 100, "D", color="black", markersize=4)
    accuracy.set_xlabel("Epoch")
    accuracy.set_ylim(0, 100)


def curve_legend(figure: "Figure") -> None:
    """Say below the panels what the lines of :func:`draw_history` are."""
    _legend(
        figure,
        [
            ("training (augmented)", {"color": _TRAINING, "linestyle": "-"}),
            ("validation", {"color": _VALIDATION, "linestyle": "--"}),
            ("weights kept", {"color": "black", "linestyle": "", "marker": "D", "markersize": 4}),
        ],
    )


def _confusion(evidence: Evidence, block: Block, target: str) -> "Figure":
    """Draw the confusion matrices in percent of the true class, models side by side."""
    found = {model: total_counts(evidence, block.dataset, model, target) for model in paper.MODELS}
    matrices = {model: metrics.row_percentages(counts) for model, counts in found.items() if counts is not None}
    titles = paper.DATASET_TITLES
    own = target == block.dataset
    title = f"{titles[target]} test set" if own else f"Trained on {titles[block.dataset]}, tested on {titles[target]}"
    figure, axes = _panels(evidence, title, (1, len(matrices)), (1.4 + 3.1 * len(matrices), 3.6))
    names = [name.capitalize() for name in EMOTIONS]
    image: Any = None
    for axis, (model, percent) in zip(axes[0], matrices.items(), strict=True):
        image = axis.imshow(percent, cmap="cividis", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(percent):
            shown = "–" if np.isnan(value) else f"{value:.0f}"
            # cividis is dark up to about half of its range.
            axis.text(
                column, row, shown, ha="center", va="center", fontsize=8, color="white" if value < 50 else "black"
            )
        axis.set_title(paper.MODEL_TITLES[model])
        axis.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(len(names)), names if axis is axes[0, 0] else [])
        axis.grid(visible=False)
        axis.set_xlabel("Predicted")
    axes[0, 0].set_ylabel("True")
    figure.colorbar(image, ax=list(axes[0]), label="% of the true class", shrink=0.85)
    return figure


def _latency(evidence: Evidence, timed: Sequence[str]) -> "Figure":
    """Draw every timed call with box and mean, a panel a runtime, milliseconds."""
    figure, axes = _panels(evidence, "Inference time of one image", (1, len(timed)), (0.6 + 3.2 * len(timed), 3.6))
    jitter = np.random.default_rng(0)
    for axis, runtime in zip(axes[0], timed, strict=True):
        models = [model for model in paper.MODELS if seconds(evidence, model, runtime)]
        times = [1000 * np.asarray(seconds(evidence, model, runtime)) for model in models]
        for position, (model, values) in enumerate(zip(models, times, strict=True), start=1):
            spread = position + jitter.uniform(-0.16, 0.16, values.size)
            axis.plot(spread, values, MARKERS[model], color=COLOURS[model], markersize=3, alpha=0.45, linewidth=0)
        axis.boxplot(
            times,
            tick_labels=[paper.MODEL_TITLES[model] for model in models],
            widths=0.5,
            showfliers=False,
            showmeans=True,
            medianprops={"color": "black"},
            meanprops={"marker": "D", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 5},
        )
        axis.set_title(f"{runtime} (N = {', '.join(dict.fromkeys(str(values.size) for values in times))})")
        axis.set_ylim(bottom=0)
        axis.grid(visible=False, axis="x")
    axes[0, 0].set_ylabel("Time (ms); diamond: mean")
    return figure


def _scores(evidence: Evidence, *, cross: bool) -> dict[tuple[str, str], list[float]]:
    """Return the accuracies, percent, one a seed, of every profiled model on its own test set or on CK+."""
    profiles = evidence.latency.profiles if evidence.latency else {}
    profiles = {model: profile for model, profile in profiles.items() if model in paper.MODELS}
    found = {
        (dataset, model): [
            100 * score for score in accuracies(evidence, dataset, model, CROSS_TEST if cross else dataset)
        ]
        for dataset in evidence.blocks
        for model in profiles
    }
    return {key: scores for key, scores in found.items() if scores}


def _accuracy_gflops(evidence: Evidence) -> "Figure":
    """Draw the mean accuracy (bar: standard deviation over seeds) against GFLOPs.

    A column a training dataset, a row a kind of test set: own, CK+.
    """
    profiles = evidence.latency.profiles if evidence.latency else {}
    gflops = {m: profile.flops_paper_rule / 1e9 for m, profile in profiles.items() if m in paper.MODELS}
    found = {cross: scores for cross in (False, True) if (scores := _scores(evidence, cross=cross))}
    datasets = [
        dataset for dataset in evidence.blocks if any((dataset, m) in s for s in found.values() for m in gflops)
    ]
    shape = (len(found), len(datasets))
    size = (1.0 + 2.8 * len(datasets), 1.0 + 2.5 * len(found))
    figure, axes = _panels(evidence, "Accuracy against GFLOPs", shape, size, share_y="row")
    for row, (cross, scores) in zip(axes, found.items(), strict=True):
        values = [value for seeds in scores.values() for value in seeds]
        for axis, dataset in zip(row, datasets, strict=True):
            axis.set_title(f"{paper.DATASET_TITLES[dataset]}{', tested on CK+' if cross else ''}")
            for model, x in gflops.items():
                if (dataset, model) in scores:
                    _point(axis, model, x, scores[dataset, model])
            axis.set_xlim(0, 1.25 * max(gflops.values()))
            axis.set_ylim(max(0, min(values) - 5), min(100, max(values) + 5))
        row[0].set_ylabel("Accuracy (%)")
    for axis in axes[-1]:
        axis.set_xlabel("GFLOPs (paper's rule)")
    styles = {m: {"color": COLOURS[m], "marker": MARKERS[m], "linestyle": ""} for m in gflops}
    _legend(figure, [(paper.MODEL_TITLES[model], style) for model, style in styles.items()])
    return figure


def _point(axis: "Axes", model: str, gflops: float, scores: Sequence[float]) -> None:
    deviation = np.std(scores, ddof=1) if len(scores) > 1 else None
    # MobileNetV2 and CLCM have nearly the same FLOPs: let what lies below show through.
    axis.errorbar(
        gflops,
        np.mean(scores),
        deviation,
        fmt=MARKERS[model],
        color=COLOURS[model],
        markersize=8,
        capsize=3,
        alpha=0.75,
    )


def _legend(figure: "Figure", entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Put a legend below the panels."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=label, **style) for label, style in entries]
    inches_each = 1.7
    columns = max(1, int(figure.get_size_inches()[0] / inches_each))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))
