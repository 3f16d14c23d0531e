"""Drawing of the trade-off: measured points, the front, and what is quoted."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fer_bench.figures.style import GREY, WIDTH, bands, canvas, legend, look, marker_style, plain_log
from fer_bench.figures.trade_off import Panel, TradeOff

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ONE_ROW = 3
"""Panels that fit side by side; more stand in two rows."""
_HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markersize": 6, "markeredgewidth": 1.0, "linestyle": ""}
_CROSS: dict[str, Any] = {"marker": "x", "color": GREY, "markersize": 5, "markeredgewidth": 1.0, "linestyle": ""}
_FOOT = 0.33
"""Share of a panel's height that upright names take."""
_FRONT: dict[str, Any] = {"color": "black", "linewidth": 0.9, "linestyle": (0, (4, 2)), "zorder": 1.5}


def draw(drawing: TradeOff) -> "Figure":
    """Return the figure."""
    panels = drawing.panels
    rows = bands(panels, _ONE_ROW if len(panels) <= _ONE_ROW else 2)
    columns = len(rows[0])
    size = (max(3.5, WIDTH * min(1.0, columns / 2)), 0.9 + 2.35 * len(rows))
    figure, axes = canvas(drawing, (len(rows), columns), size, share_y=True)
    for number, row in enumerate(rows):
        for axis, panel in zip(axes[number], row, strict=False):
            low, high = _limits(row)
            axis.set_ylim(low, high)
            if low < 0:  # The room for names at the foot is below any accuracy.
                axis.set_yticks([tick for tick in axis.get_yticks() if 0 <= tick <= high])
            _draw_panel(axis, panel)
        for axis in axes[number, len(row) :]:
            axis.remove()
        axes[number, 0].set_ylabel("Accuracy (%)")
    legend(figure, _entries(panels))
    return figure


def _limits(panels: Sequence[Panel]) -> tuple[float, float]:
    values = [value for panel in panels for point in panel.points for value in (point.low, point.high, *point.runs)]
    values += [item.accuracy for panel in panels for item in panel.published]
    values += [item.accuracy for panel in panels for item in panel.quoted if item.accuracy is not None]
    least, most = min(values), max(values)
    margin = max(2.0, 0.08 * (most - least))
    if any(item.accuracy is None for panel in panels for item in panel.quoted):
        # Room at the foot for the names of what is quoted without an accuracy.
        return least - margin - _FOOT / (1 - _FOOT) * (most - least + 2 * margin), min(100.0, most + margin)
    return max(0.0, least - margin), min(100.0, most + margin)


def _draw_panel(axis: "Axes", panel: Panel) -> None:
    costs = [point.cost for point in panel.points]
    costs += [item.cost for item in panel.published] + [item.cost for item in panel.quoted]
    if panel.log:
        plain_log(axis, "x")
        axis.set_xlim(min(costs) / 1.35, max(costs) * 1.35)
    else:
        axis.set_xlim(0, 1.12 * max(costs))
    # Of a third of the page's width, longer labels would be cut off.
    axis.set_xlabel(textwrap.fill(panel.label, int(13.5 * _width(axis)), break_on_hyphens=False))
    _draw_front(axis, panel)
    _draw_foot(axis, panel)
    for quoted in panel.quoted:
        if quoted.accuracy is not None:
            axis.plot(quoted.cost, quoted.accuracy, **_CROSS)
            # Inside the panel, whichever half the cross is in.
            position = axis.transAxes.inverted().transform(axis.transData.transform((quoted.cost, quoted.accuracy)))
            side = ("left", 4) if position[0] < 0.6 else ("right", -4)
            axis.annotate(
                quoted.method,
                (quoted.cost, quoted.accuracy),
                xytext=(side[1], 0),
                textcoords="offset points",
                fontsize=6,
                color=GREY,
                ha=side[0],
                va="center",
                path_effects=_halo(),
            )
    for item in panel.published:
        style = look(item.model)
        axis.plot(item.cost, item.accuracy, marker=style.marker, markeredgecolor=style.colour, **_HOLLOW)
    for point in panel.points:
        style = look(point.model)
        ends = [[max(0.0, point.accuracy - point.low)], [max(0.0, point.high - point.accuracy)]]
        axis.errorbar(point.cost, point.accuracy, ends, fmt="none", ecolor=style.colour, elinewidth=1.0, capsize=2)
        if len(point.runs) > 1:
            ticks = [point.cost] * len(point.runs)
            axis.plot(ticks, point.runs, "_", color=style.colour, markersize=9, markeredgewidth=0.8)
        # Models of nearly the same cost: let what lies below show through.
        axis.plot(point.cost, point.accuracy, alpha=0.85, **marker_style(point.model))


def _width(axis: "Axes") -> float:
    """Return the width of a panel's column, inches."""
    columns = axis.get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
    return float(axis.figure.bbox.width / axis.figure.dpi) / columns


def _draw_foot(axis: "Axes", panel: Panel) -> None:
    """Mark what is quoted without an accuracy at the foot of a panel, names upright, those of neighbours in lines."""
    foot = axis.get_xaxis_transform()
    # Of a line of small text, as a share of the panel without its labels.
    line = 0.11 / (_width(axis) - 0.4)
    groups: list[list[tuple[float, str]]] = []
    for item in sorted((item for item in panel.quoted if item.accuracy is None), key=lambda item: item.cost):
        axis.plot([item.cost] * 2, [0, 0.04], color=GREY, linewidth=1.0, transform=foot)
        place = float(axis.transAxes.inverted().transform(axis.transData.transform((item.cost, 0)))[0])
        if not groups or place - groups[-1][-1][0] > line:
            groups.append([])
        groups[-1].append((place, item.method))
    for group in groups:
        middle = (group[0][0] + group[-1][0]) / 2
        names = "\n".join(name for _, name in group)
        text = axis.text(middle, 0.055, names, rotation=90, fontsize=6, color=GREY, transform=axis.transAxes)
        text.set(ha="center", multialignment="left", path_effects=_halo())


def _halo() -> list[Any]:
    """Return what keeps small text readable where a line runs behind it."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=1.8, foreground="white")]


def _draw_front(axis: "Axes", panel: Panel) -> None:
    found = {point.model.name: point for point in panel.points}
    corners = [found[name] for name in panel.front]
    # From the foot up to the cheapest, and on from the most accurate: all that lies below and right of it is beaten.
    axis.step(
        [corners[0].cost, *(point.cost for point in corners), axis.get_xlim()[1]],
        [axis.get_ylim()[0], *(point.accuracy for point in corners), corners[-1].accuracy],
        where="post",
        **_FRONT,
    )


def _entries(panels: Sequence[Panel]) -> list[tuple[str, dict[str, Any]]]:
    models = {point.model.name: point.model for panel in panels for point in panel.points}
    ordered = sorted(models.values(), key=lambda model: model.place)
    entries = [(model.title, marker_style(model)) for model in ordered]
    entries.append(("Pareto front", {key: value for key, value in _FRONT.items() if key != "zorder"}))
    if any(panel.published for panel in panels):
        entries.append(("the paper's value (hollow)", {"marker": "o", "color": GREY, **_HOLLOW}))
    if any(item.accuracy is not None for panel in panels for item in panel.quoted):
        entries.append(("literature, quoted", _CROSS))
    if any(item.accuracy is None for panel in panels for item in panel.quoted):
        entries.append(("complexity quoted, no accuracy", {"marker": "|", "color": GREY, "linestyle": ""}))
    return entries
