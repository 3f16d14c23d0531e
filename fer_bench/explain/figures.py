"""Figures of an explanation: heat over faces, and the mean heat, in which there is no face."""

import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.contact_sheet import in_font, shortened
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import number_of
from fer_bench.explain.explanation import Answer, Explanation, MeanHeat
from fer_bench.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = "inferno"
_OPAQUE = 0.7
"""Opacity of the hottest place; the coldest lets the picture through."""
_RIGHT, _WRONG = "black", "#D55E00"  # Okabe and Ito's vermilion
_STYLE: Any = {"font.family": "DejaVu Sans", "font.size": 8, "savefig.dpi": 150}


def write_faces(found: Explanation, path: Path) -> None:
    """Draw every sample in a row: the picture as the network gets it, and each model's heat over it (PNG).

    It shows faces: those of real persons must not be published unless the dataset's licence allows it.
    """
    _write(partial(_faces, found), path)


def write_mean_heat(found: Explanation, path: Path) -> None:
    """Draw the mean heat of each class and model (PNG), all by one scale. No face is in it.

    Dashed lines part the thirds, a cross marks the centre of mass.
    """
    _write(partial(_mean_heat, found), path)


def _write(draw: "Callable[[], Figure]", path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), replacing(path) as temporary:
        draw().savefig(temporary, format="png", metadata={"Software": None})


def _faces(found: Explanation) -> "Figure":
    columns = ["picture", *(model.title for model in found.models)]
    figure, axes = _grid(found, len(found.samples), columns, "heat of Grad-CAM over test images", margin=1.4)
    for row, sample in zip(axes, found.samples, strict=True):
        _picture(row[0], sample.picture)
        _name(row[0], EMOTIONS[sample.true], in_font(shortened(sample.id)))
        for axis, answer in zip(row[1:], sample.answers, strict=True):
            _picture(axis, sample.picture)
            _overlay(axis, answer.heat)
            text, colour = _verdict(answer, sample.true)
            axis.set_xlabel(text, color=colour, fontsize=7, labelpad=2)
    _bar(figure, axes, 1.0, f"heat: evidence for the {found.of} class, each map by its largest value")
    return figure


def _mean_heat(found: Explanation) -> "Figure":
    present = [label for label in range(len(EMOTIONS)) if found.models[0].means[label].images]
    columns = [model.title for model in found.models]
    figure, axes = _grid(found, len(present), columns, "mean heat of Grad-CAM over test images", margin=0.8)
    highest = max(float(model.means[label].heat.max()) for model in found.models for label in present) or 1.0
    for row, label in zip(axes, present, strict=True):
        _name(row[0], EMOTIONS[label], number_of(found.models[0].means[label].images, "image"))
        for axis, model in zip(row, found.models, strict=True):
            _mean(axis, model.means[label], highest)
    below = "below each: upper / middle / lower third, right answers"
    _bar(figure, axes, highest, f"mean heat: evidence for the {found.of} class\n{below}")
    return figure


def _grid(
    found: Explanation, rows: int, columns: list[str], what: str, *, margin: float
) -> "tuple[Figure, NDArray[Any]]":
    """Return a figure and its axes, (rows, columns); ``margin`` inches are left of them for the names of the rows."""
    from matplotlib.figure import Figure

    width = margin + 1.45 * len(columns)
    figure = Figure(figsize=(width, 1.1 + 1.65 * rows), layout="constrained")
    synthetic = " (synthetic faces)" if found.origin == "synthetic" else ""
    # About twelve characters an inch at this size.
    title = textwrap.fill(f"{found.title}{synthetic}: {what}", int(12 * width))
    figure.suptitle(title, fontsize=10, parse_math=False)
    axes: NDArray[Any] = figure.subplots(rows, len(columns), squeeze=False)
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(name, fontsize=9, parse_math=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    return figure, axes


def _picture(axis: "Axes", picture: NDArray[np.uint8]) -> None:
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest", extent=(0, 1, 1, 0))


def _overlay(axis: "Axes", heat: NDArray[np.float32]) -> None:
    from matplotlib import colormaps

    coloured = colormaps[_COLOURS](heat)
    coloured[..., 3] = _OPAQUE * heat
    axis.imshow(coloured, interpolation="bilinear", extent=(0, 1, 1, 0))


def _verdict(answer: Answer, true: int) -> tuple[str, str]:
    """Return what a model says, with whose evidence is shown where that is another class, and the colour."""
    text = f"{EMOTIONS[answer.predicted]} {answer.probabilities[answer.predicted]:.0%}"
    if answer.explained != answer.predicted:
        text += f"\nheat of {EMOTIONS[answer.explained]} {answer.probabilities[answer.explained]:.0%}"
    if answer.place is None:
        text += "\nno heat"
    return text, _RIGHT if answer.predicted == true else _WRONG


def _mean(axis: "Axes", mean: MeanHeat, highest: float) -> None:
    axis.imshow(mean.heat, cmap=_COLOURS, vmin=0, vmax=highest, interpolation="bilinear", extent=(0, 1, 1, 0))
    for border in (1 / 3, 2 / 3):
        axis.axhline(border, color="white", linewidth=0.7, linestyle=(0, (4, 3)))
    found = mean.place
    if found is None:
        axis.set_xlabel("no heat" if mean.images else "no images", fontsize=7, labelpad=2)
        return
    axis.plot(found.x, found.y, "+", color="white", markersize=7, markeredgewidth=2.2)
    axis.plot(found.x, found.y, "+", color="black", markersize=6, markeredgewidth=0.9)
    thirds = " / ".join(f"{100 * part:.0f}" for part in (found.upper, found.middle, found.lower))
    axis.set_xlabel(f"{thirds} %, {mean.right} right", fontsize=7, labelpad=2)


def _name(axis: "Axes", name: str, below: str) -> None:
    """Write the class, and something in small print, to the left of a row."""
    axis.set_ylabel(f"{name}\n", fontsize=9, fontweight="bold", rotation=0, ha="right", va="center")
    axis.text(
        -0.08,
        0.42,
        below,
        fontsize=6,
        color="#555555",
        ha="right",
        va="top",
        transform=axis.transAxes,
        parse_math=False,
    )


def _bar(figure: "Figure", axes: NDArray[Any], highest: float, label: str) -> None:
    from matplotlib import cm, colors

    scale = cm.ScalarMappable(colors.Normalize(0, highest), _COLOURS)
    figure.colorbar(scale, ax=axes.ravel().tolist(), location="bottom", shrink=0.9, aspect=40, label=label, pad=0.02)
