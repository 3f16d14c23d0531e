"""Accuracy against what it costs, as values: GFLOPs, parameters, inference time, and the Pareto front.

The paper argues this trade-off in words (section VI). The front goes through what was measured here, by one protocol.
What the paper and its literature state stands beside it, marked as quoted, and is on no front.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_bench import paper
from fer_bench.accuracy.intervals import wilson
from fer_bench.figures.values import (
    Drawing,
    Model,
    made_from,
    marked,
    mean,
    models_of,
    rounded,
    targets_of,
    test_set,
    tested_on,
)
from fer_bench.render.text import plain
from fer_bench.selection import CROSS_TEST, Block, Evidence
from fer_bench.tables.complexity import PAPER_RUNTIME, runtimes, seconds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREFIX = "trade-off-"
_ROUNDED_WEIGHTS = "litert-int8"
"""Its accuracy is another than the one measured, so that its time does not belong beside it."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A model measured here."""

    model: Model
    cost: float
    """In the unit of the panel."""
    accuracy: float
    """Percent, the mean of the runs."""
    low: float
    high: float
    """Wilson's 95 % interval over the test images."""
    runs: tuple[float, ...]
    """Accuracy of each run, percent."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """The paper's own value for one of its models (Tables 4 to 6)."""

    model: Model
    cost: float
    accuracy: float
    """Percent."""


@dataclass(frozen=True, kw_only=True)
class Quoted:
    """A method of the literature, as the paper quotes it."""

    method: str
    cost: float
    accuracy: float | None
    """Percent, Table 11; ``None`` where the paper quotes none on this dataset."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Accuracy against one cost."""

    label: str
    log: bool
    points: tuple[Point, ...]
    front: tuple[str, ...]
    """Models that no other measured one beats in cost and accuracy, cheapest first."""
    published: tuple[Published, ...] = ()
    quoted: tuple[Quoted, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TradeOff(Drawing):
    """Panels of the same accuracies against different costs."""

    panels: tuple[Panel, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        from fer_bench.figures.trade_off_panels import draw

        return draw(self)


@dataclass(frozen=True)
class _Cost:
    """One cost of the models."""

    label: str
    log: bool
    models: Mapping[str, float]
    published: Mapping[str, float]
    literature: Mapping[str, float]


def trade_off(evidence: Evidence) -> Iterator[TradeOff]:
    """Yield a figure for each training dataset and test set with an evaluation of a profiled model."""
    for dataset, block in evidence.blocks.items():
        for target in targets_of(block):
            scores = {
                model: tuple(record.accuracy for record in tested)
                for model in models_of(evidence)
                if (tested := block.tested(model.name, target))
            }
            images = {model: block.tested(model.name, target)[0].n for model in scores}
            panels = tuple(
                panel
                for cost in _costs(evidence)
                if (panel := _panel(evidence, cost, scores, images, dataset, target)).points
            )
            if panels:
                yield TradeOff(
                    name=f"{PREFIX}{dataset}-on-{target}",
                    title=marked(evidence, f"Accuracy against cost, {tested_on(dataset, target)}"),
                    caption=_caption(evidence, block, target, panels, list(scores)),
                    panels=panels,
                )


def front(points: Sequence[Point]) -> tuple[str, ...]:
    """Return the models that no other one beats: none is at most as costly and at least as accurate, one strictly."""

    def beaten(point: Point) -> bool:
        return any(
            other.cost <= point.cost
            and other.accuracy >= point.accuracy
            and (other.cost, other.accuracy) != (point.cost, point.accuracy)
            for other in points
        )

    kept = sorted((point for point in points if not beaten(point)), key=lambda point: (point.cost, point.model.place))
    return tuple(point.model.name for point in kept)


def _panel(
    evidence: Evidence,
    cost: _Cost,
    scores: Mapping[Model, Sequence[float]],
    images: Mapping[Model, int],
    dataset: str,
    target: str,
) -> Panel:
    points = tuple(
        _point(model, cost.models[model.name], values, images[model])
        for model, values in scores.items()
        if model.name in cost.models
    )
    if evidence.synthetic or not points:
        return Panel(label=cost.label, log=cost.log, points=points, front=front(points))
    accuracies = paper.accuracies(dataset, target)
    listed = {entry.method: 100 * entry.accuracy for entry in paper.TABLE11.get(dataset, ()) if entry.model is None}
    known = listed if target == dataset else {}
    return Panel(
        label=cost.label,
        log=cost.log,
        points=points,
        front=front(points),
        published=tuple(
            Published(model=model, cost=cost.published[model.name], accuracy=float(accuracies[model.name]))
            for model in scores
            if model.name in cost.published and model.name in accuracies
        ),
        quoted=tuple(
            Quoted(method=method, cost=value, accuracy=rounded(known[method]) if method in known else None)
            for method, value in cost.literature.items()
        ),
    )


def _point(model: Model, cost: float, scores: Sequence[float], images: int) -> Point:
    accuracy = mean(scores)
    low, high = wilson(accuracy * images, images)
    return Point(
        model=model,
        cost=rounded(cost),
        accuracy=rounded(100 * accuracy),
        low=rounded(100 * low),
        high=rounded(100 * high),
        runs=tuple(rounded(100 * score) for score in scores),
    )


def _costs(evidence: Evidence) -> Iterator[_Cost]:
    profiles = evidence.profiles
    quoted = paper.COMPLEXITY_LITERATURE
    yield _Cost(
        "GFLOPs (the paper's rule)",
        False,
        {
            name: counted / 1e9
            for name, profile in profiles.items()
            if (counted := profile.flops_paper_rule) is not None
        },
        {name: row.gflops for name, row in paper.TABLE6.items()},
        {entry.method: entry.gflops for entry in quoted if entry.gflops is not None},
    )
    parameters = {entry.method: entry.parameters_millions for entry in quoted if entry.parameters_millions is not None}
    yield _Cost(
        "Trainable parameters (million)",
        True,
        {name: profile.trainable_parameters / 1e6 for name, profile in profiles.items()},
        {name: rounded(row.trainable_parameters / 1e6) for name, row in paper.TABLE6.items()},
        paper.PARAMETERS_LITERATURE | parameters,
    )
    # The paper's times are of another machine: only the order and the ratio of times compare, so none is drawn.
    for runtime in _shown_runtimes(evidence):
        times = {
            name: 1000 * statistics.median(found) for name in profiles if (found := seconds(evidence, name, runtime))
        }
        yield _Cost(f"Median time of one image, {plain(runtime)} (ms)", False, times, {}, {})


def _shown_runtimes(evidence: Evidence) -> list[str]:
    """Return the paper's runtime, and of the others the fastest one that times the most models."""
    found = {}
    for runtime in runtimes(evidence):
        timed = [times for model in evidence.profiles if (times := seconds(evidence, model, runtime))]
        medians = [statistics.median(times) for times in timed]
        if medians and runtime != _ROUNDED_WEIGHTS:
            found[runtime] = (-len(medians), mean(medians))
    others = sorted((runtime for runtime in found if runtime != PAPER_RUNTIME), key=lambda runtime: found[runtime])
    return [*(runtime for runtime in (PAPER_RUNTIME,) if runtime in found), *others[:1]]


def _caption(evidence: Evidence, block: Block, target: str, panels: Sequence[Panel], tested: Sequence[Model]) -> str:
    parts = [
        f"Accuracy on the {test_set(target)} against GFLOPs, trainable parameters and inference time. "
        "Bars: 95 % interval over the test images (Wilson); ticks: single runs. Line: the Pareto front, the measured "
        "models that no other one beats in both.",
    ]
    if target == CROSS_TEST:
        parts.append("Several images show the same person, so that the intervals are too narrow.")
    if any(panel.published for panel in panels):
        parts.append("Hollow: the paper's Tables 4 to 6.")
    quoted = [item.accuracy for panel in panels for item in panel.quoted]
    if any(accuracy is not None for accuracy in quoted):
        parts.append(
            "Grey crosses: literature as the paper's Table 11 and section VI quote it, whose protocol and way of "
            "counting may differ; marks at the foot: complexity quoted without an accuracy here."
        )
    elif quoted:
        parts.append(
            "Marks at the foot: complexity of the literature as section VI quotes it, without an accuracy here; the "
            "way of counting may differ."
        )
    sizes = {record.recipe_content["image_size"] for record in block.trains}
    if evidence.latency and sizes - {evidence.latency.image_size}:
        trained = " and ".join(f"{size} × {size}" for size in sorted(sizes))
        costed = evidence.latency.image_size
        parts.append(
            f"GFLOPs and times are those at {costed} × {costed}; the accuracies are those of networks trained at "
            f"{trained}, whose costs there are others."
        )
    drawn = {point.model for panel in panels for point in panel.points}
    absent = [model.title for model in tested if model not in drawn]
    if absent:
        parts.append(f"Without a profile and not drawn: {', '.join(absent)}.")
    return " ".join([*parts, made_from(block)])
