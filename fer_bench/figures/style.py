"""How all figures look: sizes of a journal's page, colours that colour-blind readers tell apart, canvases, legends.

Okabe and Ito's palette, and a marker and a hatch beside each colour, so that a black-and-white print loses nothing.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from fer_bench.figures.values import Drawing, Model

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Marker = str | tuple[int, int, int]
WIDTH = 7.16
"""Inches: the text width of a two-column page (IEEE), so that figures are printed at their size."""
GREY = "#595959"
"""Of everything that is quoted, not measured here."""
TRAINING, VALIDATION = "#0072B2", "#D55E00"

_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000", "#999999")
"""Okabe and Ito's, the paper's three models first; their yellow vanishes on paper and is grey here."""
_STARS = ((4, 1, 0), (6, 1, 0), (3, 1, 0))
"""With four, six and three rays: corners, 1 for a star, angle."""
_MARKERS: tuple[Marker, ...] = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*", "p", "d", "8", *_STARS)
_HATCHES = (
    "",
    "////",
    "....",
    "xxxx",
    "\\\\\\\\",
    "----",
    "++++",
    "oooo",
    "||||",
    "//..",
    "xx..",
    "--..",
    "**",
    "++..",
    "//--",
    "xxoo",
    "||--",
)
_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8,
    "text.parse_math": False,  # names come from outside and may hold a dollar
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.1,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,  # outlines that journals accept
    "savefig.dpi": 200,
}

_T = TypeVar("_T")


@dataclass(frozen=True)
class Look:
    """How a model's values are drawn."""

    colour: str
    marker: Marker
    hatch: str


def look(model: Model) -> Look:
    """Return a model's look by its place; 136 places pass before colour and marker repeat together."""
    return Look(
        _COLOURS[model.place % len(_COLOURS)],
        _MARKERS[model.place % len(_MARKERS)],
        _HATCHES[model.place % len(_HATCHES)],
    )


@contextmanager
def styled() -> Iterator[None]:
    """Draw by matplotlib's defaults and this style, whatever the user has configured."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def bands(items: Sequence[_T], most: int) -> list[Sequence[_T]]:
    """Return the items in rows of at most ``most``, as even as can be."""
    rows = math.ceil(len(items) / most)
    size = math.ceil(len(items) / rows) if rows else 1
    return [items[start : start + size] for start in range(0, len(items), size)]


def label_below(axes: Any, panels: Sequence[int], text: str) -> None:
    """Label the horizontal axis of the lowest panel of every column; ``panels`` says how many each row has."""
    for column in range(max(panels)):
        lowest = max(row for row, count in enumerate(panels) if count > column)
        axes[lowest, column].set_xlabel(text)


def canvas(
    drawing: Drawing,
    shape: tuple[int, int],
    size: tuple[float, float],
    *,
    share_y: bool = False,
) -> tuple["Figure", Any]:
    """Return a figure with its title and an array of axes.

    Args:
        drawing: whose title stands above.
        shape: rows and columns of panels.
        size: width and height, inches.
        share_y: whether the panels of a row share their vertical axis.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    # About fifteen characters an inch at this size: a figure of one panel is too narrow for a long title.
    figure.suptitle(textwrap.fill(drawing.title, int(14 * size[0])), fontsize=9)
    axes: Any = figure.subplots(*shape, squeeze=False, sharey="row" if share_y else "none")
    return figure, axes


def panel_title(title: str) -> str:
    """Return a model's title for a narrow place: what stands in parentheses goes below, and long names are broken."""
    return "\n".join(textwrap.fill(line, 24) for line in title.replace(" (", "\n(", 1).split("\n"))


def legend(figure: "Figure", entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Put a legend of markers and lines below the panels."""
    from matplotlib.lines import Line2D

    below(figure, [Line2D([], [], label=label, **style) for label, style in entries])


def below(figure: "Figure", handles: Sequence[Any]) -> None:
    """Put ready handles into a legend below the panels, in as many rows as the width needs.

    The figure grows with the rows, from the fourth on: the panels would shrink to nothing.
    """
    inches_a_character, inches_a_handle, inches_a_row, rows_included = 0.062, 0.5, 0.15, 3
    widest = inches_a_handle + inches_a_character * max(len(handle.get_label()) for handle in handles)
    columns = max(1, int(figure.get_size_inches()[0] / widest))
    # Even rows: five entries in two rows are three and two, not four and one.
    rows = math.ceil(len(handles) / columns)
    columns = math.ceil(len(handles) / rows)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + inches_a_row * max(0, rows - rows_included))
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns)


def marker_style(model: Model) -> dict[str, Any]:
    """Return what draws a model's measured point."""
    found = look(model)
    return {
        "marker": found.marker,
        "color": found.colour,
        "markeredgecolor": "black",
        "markeredgewidth": 0.5,
        "markersize": 7,
        "linestyle": "",
    }


def plain_log(axis: "Axes", which: str) -> None:
    """Make an axis logarithmic, labelled by plain numbers at 1, 2 and 5 times the powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if which == "x":
        axis.set_xscale("log")
    else:
        axis.set_yscale("log")
    side = axis.xaxis if which == "x" else axis.yaxis
    side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    side.set_minor_formatter(NullFormatter())
