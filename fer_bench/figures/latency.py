"""Distributions of the inference times: every timed call, by runtime, model and process."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_bench.figures.style import WIDTH, bands, canvas, label_below, legend, look, panel_title, plain_log
from fer_bench.figures.values import Drawing, Model, marked, mean, models_of, rounded
from fer_bench.records import LatencySample
from fer_bench.render.text import plain
from fer_bench.selection import Evidence, Latency
from fer_bench.tables.complexity import runtimes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "latency"
_MOST = 2
_LOG = 8.0
"""Largest time over the smallest from which the axis is logarithmic."""
_ROOM = 0.8
"""Share of a model's row that its calls and its box take."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """The calls of one model in one runtime, milliseconds."""

    model: Model
    processes: tuple[tuple[float, ...], ...]
    """A tuple a process, in the order measured."""
    mean: float
    p5: float
    q1: float
    median: float
    q3: float
    p95: float


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A panel."""

    name: str
    times: tuple[Times, ...]


@dataclass(frozen=True, kw_only=True)
class LatencyFigure(Drawing):
    """A panel a runtime, a row a model; a model that a runtime did not time is missing there."""

    models: tuple[Model, ...]
    runtimes: tuple[Runtime, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        rows = bands(self.runtimes, _MOST)
        columns = len(rows[0])
        panel = 0.55 + 0.42 * len(self.models)
        size = (min(WIDTH, 1.3 + 3.0 * columns), 0.7 + panel * len(rows))
        figure, axes = canvas(self, (len(rows), columns), size, share_y=True)
        for number, row in enumerate(rows):
            for axis, runtime in zip(axes[number], row, strict=False):
                self._panel(axis, runtime)
            for axis in axes[number, len(row) :]:
                axis.remove()
            axes[number, 0].set_yticks(range(len(self.models)), [panel_title(model.title) for model in self.models])
            # The first model on top.
            axes[number, 0].set_ylim(len(self.models) - 0.5, -0.5)
        label_below(axes, list(map(len, rows)), "Time of one image (ms)")
        legend(
            figure,
            [
                (
                    "one call (a band a process, first call on top)",
                    {"marker": ".", "color": "#333333", "linestyle": ""},
                ),
                ("median", {"color": "black", "linewidth": 1.6, "marker": "|", "linestyle": ""}),
                ("quartiles, 5 % and 95 %", {"color": "black", "linewidth": 0.8}),
                (
                    "mean",
                    {
                        "marker": "D",
                        "markerfacecolor": "white",
                        "markeredgecolor": "black",
                        "linestyle": "",
                        "markersize": 5,
                    },
                ),
            ],
        )
        return figure

    def _panel(self, axis: "Axes", runtime: Runtime) -> None:
        from matplotlib.ticker import MaxNLocator

        found = {times.model.name: times for times in runtime.times}
        calls = [value for times in runtime.times for process in times.processes for value in process]
        log = min(calls) > 0 and max(calls) / min(calls) > _LOG
        axis.set_title(f"{runtime.name} ({_sizes(runtime.times)}{', log scale' if log else ''})")
        if log:
            plain_log(axis, "x")
        else:
            axis.set_xlim(0, 1.04 * max(calls))
            axis.xaxis.set_major_locator(MaxNLocator(5))
        for row, model in enumerate(self.models):
            if model.name in found:
                _draw_times(axis, row, found[model.name])
            else:
                axis.text(0.02, row, "–", transform=axis.get_yaxis_transform(), va="center")
        axis.grid(visible=False, axis="y")
        axis.tick_params(axis="y", length=0)


def _draw_times(axis: "Axes", row: int, times: Times) -> None:
    from matplotlib.patches import Rectangle

    style = look(times.model)
    small: Any = {"color": style.colour, "markersize": 2.2, "markeredgewidth": 0, "alpha": 0.7}
    band = _ROOM / len(times.processes)
    for number, process in enumerate(times.processes):
        top = row - _ROOM / 2 + number * band
        # Time runs downwards within a band, so that a drift shows as a slope.
        heights = [top + band * (0.08 + 0.84 * (place + 0.5) / len(process)) for place in range(len(process))]
        axis.plot(process, heights, marker=style.marker, linestyle="", **small)
    half = _ROOM / 2
    box = (times.q1, row - half), times.q3 - times.q1, 2 * half
    axis.add_patch(Rectangle(*box, facecolor="none", edgecolor="black", linewidth=0.8, zorder=3))
    for start, end in ((times.p5, times.q1), (times.q3, times.p95)):
        axis.plot([start, end], [row, row], color="black", linewidth=0.8)
    axis.plot([times.median] * 2, [row - half, row + half], color="black", linewidth=1.6)
    axis.plot(times.mean, row, "D", markerfacecolor="white", markeredgecolor="black", markersize=4.5, zorder=4)


def latency(evidence: Evidence) -> Iterator[LatencyFigure]:
    """Yield the figure where there are timed calls."""
    measured = evidence.latency
    if measured is None:
        return
    models = [
        model
        for model in models_of(evidence)
        if model.name in measured.profiles and any(measured.profiles[model.name].latency.values())
    ]
    panels = tuple(
        Runtime(name=plain(runtime), times=times)
        for runtime in runtimes(evidence)
        if (times := tuple(_times(measured, models, runtime)))
    )
    if panels:
        yield LatencyFigure(
            name=NAME,
            title=marked(evidence, "Inference time of one image"),
            caption="Inference time of one image by runtime: every timed call, with median, quartiles, 5 % and 95 %, "
            "and mean. Calls of one process are not independent; each process has a band of its own. "
            f"Session {plain(measured.session)}, backend {plain(measured.backend)}, input {measured.image_size} × "
            f"{measured.image_size} × 3.",
            models=tuple(models),
            runtimes=panels,
        )


def _times(measured: Latency, models: Iterable[Model], runtime: str) -> Iterator[Times]:
    for model in models:
        samples = measured.profiles[model.name].latency.get(runtime, ())
        if samples:
            yield _summary(model, samples)


def _summary(model: Model, samples: Iterable[LatencySample]) -> Times:
    processes: dict[int, list[float]] = {}
    for sample in sorted(samples, key=lambda sample: (sample.process, sample.order)):
        processes.setdefault(sample.process, []).append(1000 * sample.seconds)
    calls = [value for process in processes.values() for value in process]
    # Every fifth percent, linear between neighbours; a single call has no spread.
    cuts = statistics.quantiles(calls, n=20, method="inclusive") if len(calls) > 1 else calls * 19
    return Times(
        model=model,
        processes=tuple(tuple(map(rounded, process)) for process in processes.values()),
        mean=rounded(mean(calls)),
        p5=rounded(cuts[0]),
        q1=rounded(cuts[4]),
        median=rounded(cuts[9]),
        q3=rounded(cuts[14]),
        p95=rounded(cuts[18]),
    )


def _sizes(times: Iterable[Times]) -> str:
    """Return how many calls, e.g. ``50 calls`` or ``5 × 50 calls``."""
    found = dict.fromkeys(
        (f"{len(item.processes)} × " if len(item.processes) > 1 else "")
        + "/".join(dict.fromkeys(str(len(process)) for process in item.processes))
        for item in times
    )
    return f"{', '.join(found)} calls"
