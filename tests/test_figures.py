"""Figures: which are drawn, and that the pictures show what the records hold."""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import evidence_factory as given_
import numpy as np
import pytest
import record_factory as make
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from statsmodels.stats.proportion import proportion_confint

from fer_bench import metrics, paper
from fer_bench.figures import Drawing, build_figures
from fer_bench.figures.files import values
from fer_bench.figures.style import bands, look, styled
from fer_bench.figures.trade_off import Point, front
from fer_bench.figures.values import Model, models_of
from fer_bench.models import built_in_cards
from fer_bench.selection import Evidence, OtherRuns

EVERY = (*paper.MODELS, *given_.CANONICAL)


def figures(evidence: Evidence) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in build_figures(evidence)}


def drawn(drawing: Drawing) -> Figure:
    with styled():
        return drawing.draw()


def panels(figure: Figure) -> list[Axes]:
    """Return the axes of the panels, without colour bars."""
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]


def quoted(value: Any) -> Iterator[Any]:
    """Yield whatever a figure's values hold of the paper or the literature; empty or null where there is none."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("published", "quoted"):
                yield item
            else:
                yield from quoted(item)
    elif isinstance(value, list):
        for item in value:
            yield from quoted(item)


def shown_texts(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.texts]


def test_nothing_is_drawn_without_records() -> None:
    assert build_figures(given_.evidence(profiles=())) == []


def test_a_dataset_without_cross_test_and_profile_gives_what_it_can() -> None:
    only = given_.evidence(given_.block("fer2013", targets=("",)), profiles=())
    assert list(figures(only)) == [
        "learning-curves-fer2013",
        "confusion-fer2013-on-fer2013",
        "per-class-fer2013-on-fer2013",
    ]
    assert list(figures(given_.evidence())) == ["latency"]


@pytest.mark.parametrize("origin", ["real", "synthetic"])
def test_every_figure_says_where_it_is_synthetic(origin: Any) -> None:
    block = given_.block("affectnet", EVERY, origin=origin)
    found = figures(given_.evidence(block, profiles=[given_.profile(m, origin=origin) for m in EVERY], origin=origin))
    assert len(found) == 1 + 3 * 2 + 2
    for name, drawing in found.items():
        figure = drawn(drawing)
        assert figure.get_suptitle().replace("\n", " ") == drawing.title
        assert drawing.title.endswith("(synthetic faces, demo)") == (origin == "synthetic"), name
        # Nothing published and nothing of the literature stands beside synthetic results.
        beside = [*quoted(values(drawing))]
        if origin == "synthetic":
            assert not any(beside), name
            assert "FaceChannel" not in json.dumps(values(drawing))
            assert "paper's Table" not in drawing.caption
        else:
            assert any(beside) != name.startswith(("learning-curves", "latency")), name
        width, height = figure.get_size_inches()
        assert width <= 7.16, name
        assert height <= 9.5, name


def test_models_beyond_the_paper_are_drawn_after_its_three() -> None:
    found = figures(given_.evidence(given_.block("fer2013", EVERY), profiles=[given_.profile(m) for m in EVERY]))
    titles = ["MobileNetV2", "CLCM", "ShuffleNetV2", "MobileNetV2 (usual head)", "ShuffleNetV2 1.0x (reference)"]
    assert [model.title for model in found["latency"].models] == titles  # type: ignore[attr-defined]
    for name in ("learning-curves-fer2013", "confusion-fer2013-on-ck-plus", "per-class-fer2013-on-fer2013"):
        assert [item.model.title for item in found[name].models] == titles  # type: ignore[attr-defined]
    gflops = found["trade-off-fer2013-on-fer2013"].panels[0]  # type: ignore[attr-defined]
    assert [point.model.title for point in gflops.points] == titles


def test_a_model_looks_the_same_whatever_else_was_run() -> None:
    every = {m.name: look(m) for m in models_of(given_.evidence(given_.block("fer2013", (*EVERY, "net-a", "net-b"))))}
    one = models_of(given_.evidence(given_.block("fer2013", ("shufflenetv2-canonical",)), profiles=()))
    assert look(one[0]) == every["shufflenetv2-canonical"]
    built_in = [look(Model(name=name, title="", place=i)) for i, name in enumerate(built_in_cards())]
    assert len({(item.colour, item.marker) for item in built_in}) == len(built_in)
    assert len({item.marker for item in built_in}) == len(built_in), "a black-and-white print has markers only"
    assert len({item.hatch for item in built_in}) == len(built_in)
    assert len(set(every.values())) == len(every)


def test_the_papers_models_differ_in_brightness_or_shape_when_printed_grey() -> None:
    looks = [look(Model(name=name, title="", place=i)) for i, name in enumerate(paper.MODELS)]
    greys = [float(np.dot(to_rgba(item.colour)[:3], (0.299, 0.587, 0.114))) for item in looks]
    assert len({(round(grey, 1), item.marker) for grey, item in zip(greys, looks, strict=True)}) == 3


@given(st.integers(1, 30), st.integers(1, 5))
def test_bands_are_even_and_keep_the_order(items: int, most: int) -> None:
    rows = bands(range(items), most)
    assert [item for row in rows for item in row] == list(range(items))
    assert max(map(len, rows)) <= most
    assert len(rows) == math.ceil(items / most)


# Learning curves


def test_learning_curves_show_every_epoch_of_every_run() -> None:
    block = given_.block("fer2013", ("clcm",), seeds=(0, 1))
    short = given_.train("shufflenetv2", "fer2013")
    short = replace(short, history=short.history[:1], best_epoch=0)
    evidence = given_.evidence(replace(block, trains=(*block.trains, short)))
    figure = drawn(figures(evidence)["learning-curves-fer2013"])
    loss, _, accuracy, single = figure.axes
    assert [axis.get_title() for axis in figure.axes[:2]] == ["CLCM", "ShuffleNetV2"]
    history = make.train_record("clcm", "fer2013").history
    assert len(loss.lines) == 4
    assert list(loss.lines[0].get_xdata()) == list(range(1, 13))
    assert list(loss.lines[0].get_ydata()) == pytest.approx([epoch.loss for epoch in history], rel=1e-5)
    assert list(loss.lines[1].get_ydata()) == pytest.approx([epoch.val_loss for epoch in history], rel=1e-5)
    best = max(range(12), key=lambda i: history[i].val_accuracy)
    diamond = accuracy.lines[2]
    assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == (
        best + 1,
        pytest.approx(100 * history[best].val_accuracy, rel=1e-5),
    )
    assert [line.get_marker() for line in single.lines] == [".", ".", "D"]
    assert accuracy.get_ylim() == (0, 100)


def test_a_single_epoch_has_one_tick() -> None:
    block = given_.block("fer2013", ("clcm",))
    trains = tuple(replace(run, history=run.history[:1], best_epoch=0) for run in block.trains)
    figure = drawn(figures(given_.evidence(replace(block, trains=trains)))["learning-curves-fer2013"])
    low, high = panels(figure)[1].get_xlim()
    assert [tick for tick in panels(figure)[1].get_xticks() if low <= tick <= high] == [1]


def test_a_huge_validation_loss_does_not_flatten_the_rest_and_a_lost_one_is_a_gap() -> None:
    block = given_.block("fer2013", ("clcm",))
    run = block.trains[0]
    history = (replace(run.history[0], val_loss=90.0), replace(run.history[1], val_loss=math.inf), *run.history[2:])
    evidence = given_.evidence(replace(block, trains=(replace(run, history=history),)))
    found = figures(evidence)["learning-curves-fer2013"]
    assert values(found)["models"][0]["runs"][0]["val_loss"][:2] == [90.0, None]
    loss = drawn(found).axes[0]
    assert loss.get_yscale() == "log"
    assert math.isnan(loss.lines[1].get_ydata()[1])
    assert all("$" not in label.get_text() for label in loss.get_yticklabels())


# Confusion matrices


def test_confusion_matrices_stand_above_the_published_ones() -> None:
    evidence = given_.evidence(given_.block("fer2013", EVERY))
    figure = drawn(figures(evidence)["confusion-fer2013-on-fer2013"])
    titles = [axis.get_title() for axis in panels(figure)]
    accuracy = 100 * make.eval_record("mobilenetv2", "fer2013", "fer2013").accuracy
    assert titles[0] == f"MobileNetV2: {accuracy:.1f} %"
    assert titles[3:6] == [f"{paper.MODEL_TITLES[m]}: published, {paper.TABLE4['fer2013'][m]} %" for m in paper.MODELS]
    assert [axis.get_xlabel() for axis in panels(figure)] == [""] * 5 + ["Predicted"] * 3
    assert len(titles) == 8, "the two models beyond the paper have no published matrix"
    expected = metrics.row_percentages(make.counts("fer2013", "mobilenetv2", 0))
    assert shown_texts(panels(figure)[0]) == [f"{value:.0f}" for value in expected.flat]
    assert shown_texts(panels(figure)[4]) == [str(cell) for row in paper.TABLE8["fer2013"]["clcm"] for cell in row]


@pytest.mark.parametrize(("models", "rows"), [(1, 2), (2, 2), (3, 2), (4, 3), (5, 3), (6, 3)])
def test_confusion_matrices_fit_a_page(models: int, rows: int) -> None:
    names = (*EVERY, "net-a")[:models]
    figure = drawn(figures(given_.evidence(given_.block("fer2013", names)))["confusion-fer2013-on-fer2013"])
    width, height = figure.get_size_inches()
    assert width <= 7.16
    assert height == pytest.approx(0.9 + 2.2 * rows)
    lowest = {axis.get_subplotspec().colspan.start: axis for axis in panels(figure)}  # type: ignore[union-attr]
    assert [axis.get_xlabel() for axis in lowest.values()] == ["Predicted"] * min(models, 3)


def test_a_class_without_images_is_drawn_as_missing() -> None:
    matrix = [[0] * 7, *([10 if i == j else 0 for j in range(7)] for i in range(1, 7))]
    block = given_.block("fer2013", ("clcm",))
    record = make.eval_record("clcm", "fer2013", "fer2013", matrix=matrix)
    evidence = given_.evidence(replace(block, evals=(record,)))
    texts = shown_texts(panels(drawn(figures(evidence)["confusion-fer2013-on-fer2013"]))[0])
    assert texts[:7] == ["–"] * 7
    assert texts[7:14] == ["0", "100", "0", "0", "0", "0", "0"]
    bars = panels(drawn(figures(evidence)["per-class-fer2013-on-fer2013"]))[0]
    assert shown_texts(bars) == ["–"]
    assert len(bars.patches) == 6


# Accuracy per class


def test_bars_are_the_recalls_with_their_intervals() -> None:
    evidence = given_.evidence(given_.block("fer2013", seeds=(0, 1)))
    found = figures(evidence)["per-class-fer2013-on-fer2013"]
    axis = panels(drawn(found))[0]
    assert len(axis.patches) == 21
    totals = [np.array(make.counts("fer2013", model, 0)) + make.counts("fer2013", model, 1) for model in paper.MODELS]
    expected = [100 * total[i, i] / total[i].sum() for total in totals for i in range(7)]
    assert [bar.get_height() for bar in axis.patches] == pytest.approx(expected, rel=1e-5)  # type: ignore[attr-defined]
    fear = found.models[1].recalls[2]  # type: ignore[attr-defined]
    assert fear.images == 1024
    low, high = proportion_confint(totals[1][2, 2] / 2, 1024, method="wilson")
    assert (fear.low, fear.high) == pytest.approx((100 * low, 100 * high), rel=1e-5)
    assert fear.published == 100 * paper.TABLE10["fer2013"]["clcm"][2]
    cross = figures(evidence)["per-class-fer2013-on-ck-plus"]
    assert cross.models[1].recalls[2].published == paper.TABLE9["fer2013"]["clcm"][2][2]  # type: ignore[attr-defined]
    assert "too narrow" in cross.caption


def test_many_models_stand_in_panels_that_the_legend_leaves_their_height() -> None:
    names = (*paper.MODELS, *(f"net-{i:02d}" for i in range(27)))
    found = figures(given_.evidence(given_.block("fer2013", names, targets=("",)), profiles=()))
    figure = drawn(found["per-class-fer2013-on-fer2013"])
    figure.draw_without_rendering()
    axes = panels(figure)
    assert [len(axis.patches) for axis in axes] == [70] * 3
    heights = [axis.get_position().height * figure.get_size_inches()[1] for axis in axes]
    assert min(heights) > 1, "inches; all in one panel, the legend left them a seventh of one"


# Trade-off


def points(costs: Sequence[tuple[float, float]]) -> list[Point]:
    return [
        Point(model=Model(name=str(i), title="", place=i), cost=cost, accuracy=accuracy, low=0, high=100, runs=())
        for i, (cost, accuracy) in enumerate(costs)
    ]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=12))
def test_the_front_holds_exactly_what_nothing_beats(costs: list[tuple[int, int]]) -> None:
    kept = set(front(points(costs)))
    for i, (cost, accuracy) in enumerate(costs):
        beaten = any(c <= cost and a >= accuracy and (c < cost or a > accuracy) for c, a in costs)
        assert (str(i) in kept) is not beaten


def test_the_front_of_three_models_by_hand() -> None:
    assert front(points([(0.60, 58), (0.59, 63), (0.97, 65), (0.97, 60)])) == ("1", "2")


@pytest.mark.parametrize(("size", "said"), [(48, True), (224, False)])
def test_the_trade_off_says_where_networks_were_trained_at_another_size(size: int, said: bool) -> None:
    block = given_.block("fer2013", ("clcm",))
    trains = tuple(
        replace(record, recipe_content={**record.recipe_content, "image_size": size}) for record in block.trains
    )
    evidence = given_.evidence(replace(block, trains=trains), profiles=[given_.profile("clcm")])
    caption = figures(evidence)["trade-off-fer2013-on-fer2013"].caption
    assert ("networks trained at 48 × 48" in caption) is said


def test_the_trade_off_shows_costs_accuracies_front_and_what_is_quoted() -> None:
    runtimes = {"keras-predict": 0.05, "litert-int8": 0.002, "onnxruntime": 0.005, "litert-float32": 0.006}
    profiles = [given_.profile(model, runtimes=runtimes) for model in EVERY]
    evidence = given_.evidence(given_.block("fer2013", EVERY, seeds=(0, 1, 2)), profiles=profiles)
    found = figures(evidence)["trade-off-fer2013-on-fer2013"]
    gflops, parameters, predict, fastest = found.panels  # type: ignore[attr-defined]
    assert "keras-predict" in predict.label
    # int8 is the fastest, but its accuracy is not the one measured.
    assert "onnxruntime" in fastest.label
    assert [point.cost for point in parameters.points] == pytest.approx(
        [3.511879, 2.393191, 3.997795, 2.232839, 1.260779], rel=1e-5
    )
    assert predict.points[0].cost == pytest.approx(
        1000 * float(np.median([sample.seconds for sample in profiles[0].latency["keras-predict"]])), rel=1e-5
    )
    clcm = gflops.points[1]
    scores = [make.eval_record("clcm", "fer2013", "fer2013", seed=seed).accuracy for seed in (0, 1, 2)]
    assert clcm.runs == pytest.approx([100 * score for score in scores], rel=1e-5)
    assert clcm.accuracy == pytest.approx(100 * sum(scores) / 3, rel=1e-5)
    assert clcm.low < clcm.accuracy < clcm.high
    assert {(item.model.name, item.cost, item.accuracy) for item in gflops.published} == {
        ("mobilenetv2", 0.6016, 58),
        ("clcm", 0.5994, 63),
        ("shufflenetv2", 0.9743, 65),
    }
    quoted = {item.method: (item.cost, item.accuracy) for item in parameters.quoted}
    assert quoted["Inception-V3"] == (24, 65)
    assert quoted["EfficientNet-B0"] == (4, 63)
    assert quoted["CERN"] == (1.45, None)
    # Times of the paper's machine are not drawn beside ours.
    assert not predict.published
    assert not predict.quoted

    axis = panels(drawn(found))[1]
    assert axis.get_xscale() == "log"
    drawn_points = {tuple(line.get_xydata()[0]) for line in axis.lines if len(line.get_xydata()) == 1}
    for point in parameters.points:
        assert (point.cost, point.accuracy) in drawn_points
    assert (24.0, 65.0) in drawn_points
    assert (2.39319, 63.0) in drawn_points
    steps = next(line for line in axis.lines if line.get_drawstyle() == "steps-post")
    corners = {point.model.name: (point.cost, point.accuracy) for point in parameters.points}
    assert [tuple(corner) for corner in steps.get_xydata()[1:-1]] == [corners[name] for name in parameters.front]
    assert "Inception-V3" in shown_texts(axis)


def test_the_trade_off_on_ck_plus_quotes_no_accuracy_of_other_datasets() -> None:
    found = figures(given_.evidence(given_.block("raf-db")))["trade-off-raf-db-on-ck-plus"]
    parameters = found.panels[1]  # type: ignore[attr-defined]
    assert {item.accuracy for item in parameters.quoted} == {None}
    assert {(item.model.name, item.accuracy) for item in parameters.published} == {
        (model, float(value)) for model, value in paper.TABLE5["raf-db"].items()
    }
    assert "same person" in found.caption
    assert "Marks at the foot" in found.caption
    assert "crosses" not in found.caption


def test_three_panels_side_by_side_cut_off_no_label_and_hide_no_name() -> None:
    profiles = [given_.profile(model, runtimes={"keras-predict": 0.05}) for model in paper.MODELS]
    figure = drawn(figures(given_.evidence(given_.block("fer2013"), profiles=profiles))["trade-off-fer2013-on-ck-plus"])
    figure.draw_without_rendering()
    axes = panels(figure)
    assert len(axes) == 3
    for axis in axes:
        label = axis.xaxis.label.get_window_extent()
        assert 0 <= label.x0 < label.x1 <= figure.bbox.width
        names = sorted((text.get_window_extent() for text in axis.texts), key=lambda box: box.x0)
        assert all(one.x1 <= other.x0 for one, other in itertools.pairwise(names))
    assert "Inception-V3\nResNet-50" in shown_texts(axes[1])


def test_no_axis_shows_an_accuracy_below_0() -> None:
    block = given_.block("fer2013", targets=("",))
    low = tuple(
        make.eval_record(record.model, "fer2013", "fer2013", matrix=make.near("fer2013", percent))
        for record, percent in zip(block.evals, (14, 66, 67), strict=True)
    )
    figure = drawn(figures(given_.evidence(replace(block, evals=low)))["trade-off-fer2013-on-fer2013"])
    figure.draw_without_rendering()
    assert panels(figure)[0].get_ylim()[0] < 0
    ticks = panels(figure)[0].get_yticks().tolist()
    assert min(ticks) == 0
    assert len(ticks) > 2


def test_captions_name_only_what_is_drawn() -> None:
    block = given_.block("fer2013", given_.CANONICAL)
    found = figures(given_.evidence(block, profiles=[given_.profile(model) for model in given_.CANONICAL]))
    assert "Hollow" not in found["trade-off-fer2013-on-fer2013"].caption
    assert "Grey crosses" in found["trade-off-fer2013-on-fer2013"].caption
    assert "parentheses" not in found["trained-on-tested-on"].caption


def test_a_model_without_a_profile_is_named_as_not_drawn() -> None:
    evidence = given_.evidence(given_.block("fer2013"), profiles=[given_.profile("clcm")])
    found = figures(evidence)["trade-off-fer2013-on-fer2013"]
    assert [point.model.name for point in found.panels[0].points] == ["clcm"]  # type: ignore[attr-defined]
    assert "Without a profile and not drawn: MobileNetV2, ShuffleNetV2." in found.caption
    drawn(found)


# Trained on x tested on


def test_the_full_matrix_shows_what_was_run_and_a_dash_elsewhere() -> None:
    alone = given_.block("fer2013", ("clcm",), targets=("",))
    assert "trained-on-tested-on" not in figures(given_.evidence(alone))
    other = given_.block("raf-db", ("clcm", "shufflenetv2-canonical"))
    found = figures(given_.evidence(alone, other))["trained-on-tested-on"]
    axes = panels(drawn(found))
    assert [axis.get_title() for axis in axes] == ["CLCM", "ShuffleNetV2 1.0x\n(reference)"]
    assert [label.get_text() for label in axes[0].get_xticklabels()] == ["FER-2013", "RAF-DB", "CK+"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["FER-2013", "RAF-DB"]
    scores = {
        (dataset, target): f"{100 * make.eval_record('clcm', dataset, target).accuracy:.1f}"
        for dataset, target in (("fer2013", "fer2013"), ("raf-db", "raf-db"), ("raf-db", "ck-plus"))
    }
    assert shown_texts(axes[0]) == [
        f"{scores['fer2013', 'fer2013']}\n(63)",
        "–",
        "–",
        "–",
        f"{scores['raf-db', 'raf-db']}\n(84)",
        f"{scores['raf-db', 'ck-plus']}\n(78)",
    ]
    assert shown_texts(axes[1])[:3] == ["–"] * 3
    assert "(" not in shown_texts(axes[1])[4], "the paper has no such model"


def test_rows_on_two_states_of_a_test_set_are_not_passed_off_as_one() -> None:
    fer, raf = given_.block("fer2013", ("clcm",)), given_.block("raf-db", ("clcm",))
    assert "different states" not in figures(given_.evidence(fer, raf))["trained-on-tested-on"].caption
    other = tuple(replace(r, target_fingerprint="e" * 64) if r.target == "ck-plus" else r for r in raf.evals)
    found = figures(given_.evidence(fer, replace(raf, evals=other)))["trained-on-tested-on"]
    assert "Rows were tested on different states of CK+: other images or labels." in found.caption


# Inference times


def test_every_call_of_every_process_is_drawn() -> None:
    runtimes = {"keras-predict": 0.06, "keras-call": 0.012, "litert-float32": 0.006, "onnxruntime": 0.005}
    profiles = [given_.profile(model, runtimes=runtimes, processes=5, calls=20) for model in EVERY]
    del profiles[0].latency["onnxruntime"]
    found = figures(given_.evidence(profiles=profiles))["latency"]
    axes = panels(drawn(found))
    assert [axis.get_title() for axis in axes] == [
        f"{name} (5 × 20 calls)" for name in ("keras-predict", "keras-call", "litert-float32", "onnxruntime")
    ]
    calls = sorted(
        x
        for line in axes[0].lines
        if len(line.get_xdata()) == 20
        for x in line.get_xdata()  # type: ignore[union-attr]
    )
    expected = sorted(1000 * s.seconds for record in profiles for s in record.latency["keras-predict"])
    assert calls == pytest.approx(expected, rel=1e-5)
    times = found.runtimes[0].times[0]  # type: ignore[attr-defined]
    one = [1000 * sample.seconds for sample in profiles[0].latency["keras-predict"]]
    assert (times.p5, times.q1, times.median, times.q3, times.p95) == pytest.approx(
        np.percentile(one, (5, 25, 50, 75, 95)), rel=1e-5
    )
    assert times.mean == pytest.approx(np.mean(one), rel=1e-5)
    assert len(times.processes) == 5
    assert shown_texts(axes[-1]) == ["–"], "MobileNetV2 was not timed in this runtime"


def test_a_single_call_and_an_outlier_are_drawn() -> None:
    single = given_.profile("clcm", calls=1)
    slow = given_.profile("mobilenetv2")
    samples = slow.latency["keras-predict"]
    slow = replace(slow, latency={"keras-predict": (replace(samples[0], seconds=3.0), *samples[1:])})
    axis = panels(drawn(figures(given_.evidence(profiles=[slow, single]))["latency"]))[0]
    assert axis.get_xscale() == "log"
    assert axis.get_xlim()[1] >= 3000


def test_names_from_outside_are_drawn_as_they_are() -> None:
    record = given_.profile("my$net$", runtimes={"keras-predict": 0.05, "a$b\n$c": 0.01})
    found = figures(given_.evidence(given_.block("fer2013", ("my$net$",)), profiles=[record]))
    axes = panels(drawn(found["latency"]))
    assert axes[1].get_title().startswith("a$b $c (")
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["my$net$"]
    assert not any(
        text.get_parse_math() for text in drawn(found["per-class-fer2013-on-fer2013"]).legends[0].get_texts()
    )
    axes[0].figure.draw_without_rendering()  # type: ignore[union-attr]


def other_runs(model: str, recipe: str, seeds: Sequence[int], targets: Sequence[str] = ("fer2013",)) -> OtherRuns:
    own = [replace(given_.train(model, "fer2013", seed), recipe=recipe) for seed in seeds]
    tested = [given_.evaluated(model, "fer2013", target, seed) for target in targets for seed in seeds]
    return OtherRuns(
        model=model,
        dataset="fer2013",
        recipe=recipe,
        backend="tensorflow",
        fingerprint=own[0].dataset_fingerprint,
        trains=tuple(own),
        evals=tuple(replace(test, recipe=recipe) for test in tested),
    )


def test_long_names_are_broken_and_cover_no_other() -> None:
    names = ("clcm", *(f"university-of-somewhere-mobilevit-small-{i}" for i in range(2)))
    found = figures(given_.evidence(given_.block("fer2013", names)))
    for name in ("learning-curves-fer2013", "confusion-fer2013-on-fer2013", "trained-on-tested-on"):
        figure = drawn(found[name])
        figure.draw_without_rendering()
        titles = [axis.title.get_window_extent() for axis in panels(figure)[:3]]
        assert all(one.x1 <= other.x0 for one, other in itertools.pairwise(titles)), name
    others = tuple(other_runs(model, f"a-recipe-with-a-long-name-{i}", (0,)) for i, model in enumerate(names))
    figure = drawn(figures(replace(given_.evidence(profiles=()), others=others))["runs-fer2013-on-fer2013"])
    figure.draw_without_rendering()
    (axis,) = panels(figure)
    labels = [label.get_window_extent() for label in axis.get_yticklabels()]
    assert axis.get_window_extent().width > figure.bbox.width / 2
    assert all(one.y0 >= other.y1 for one, other in itertools.pairwise(labels))


def test_every_run_is_a_mark_where_the_tables_do_not_show_all() -> None:
    block = given_.block("fer2013", seeds=(0, 1))
    assert not [name for name in figures(given_.evidence(block, profiles=())) if name.startswith("runs-")]
    others = (
        other_runs("clcm", "cpu48-1", (0, 1, 2)),
        other_runs("efficientnetb0", "cpu48-1", (0,), ("fer2013", "ck-plus")),
    )
    found = figures(replace(given_.evidence(block, profiles=()), others=others))
    assert [name for name in found if name.startswith("runs-")] == [
        "runs-fer2013-on-fer2013",
        "runs-fer2013-on-ck-plus",
    ]
    drawing = found["runs-fer2013-on-fer2013"]
    rows = drawing.rows  # type: ignore[attr-defined]
    assert [row.mean for row in rows] == sorted((row.mean for row in rows), reverse=True)
    assert sorted((row.model.name, row.recipe, len(row.accuracies)) for row in rows) == [
        ("clcm", "cpu48-1", 3),
        ("clcm", make.RECIPE, 2),
        ("efficientnetb0", "cpu48-1", 1),
        ("mobilenetv2", make.RECIPE, 2),
        ("shufflenetv2", make.RECIPE, 2),
    ]
    expected = [100 * metrics.accuracy(test.confusion_matrix) for test in others[0].evals]
    [own] = [row for row in rows if (row.model.name, row.recipe) == ("clcm", "cpu48-1")]
    assert own.accuracies == pytest.approx(expected, rel=1e-5)
    assert own.mean == pytest.approx(sum(expected) / 3, rel=1e-5)
    assert own.beside == "ImageNet"
    # A model that only other runs have looks as it does elsewhere.
    assert {row.model.place for row in rows if row.model.name == "efficientnetb0"} == {
        list(dict.fromkeys((*paper.MODELS, *built_in_cards()))).index("efficientnetb0")
    }
    [axis] = panels(drawn(drawing))
    assert [text.get_text() for text in axis.get_yticklabels()][rows.index(own)] == "CLCM, cpu48-1, ImageNet"
    marks = [line for line in axis.lines if line.get_marker() != "None"]
    assert [len(line.get_xdata()) for line in marks] == [len(row.accuracies) for row in rows]


def test_rows_that_would_read_the_same_name_what_tells_them_apart() -> None:
    one, other = other_runs("clcm", "cpu48-1", (0,)), other_runs("clcm", "cpu48-1", (1,))

    def beside(changed: OtherRuns) -> list[str]:
        found = figures(replace(given_.evidence(profiles=()), others=(one, changed)))
        return sorted(row.beside for row in found["runs-fer2013-on-fer2013"].rows)  # type: ignore[attr-defined]

    on_jax = tuple(replace(test, backend="jax") for test in other.evals)
    assert beside(replace(other, backend="jax", evals=on_jax)) == ["ImageNet, jax", "ImageNet, tensorflow"]
    elsewhere = tuple(replace(test, dataset_fingerprint="f" * 64, target_fingerprint="f" * 64) for test in other.evals)
    state = one.evals[0].dataset_fingerprint[:12]
    assert beside(replace(other, fingerprint="f" * 64, evals=elsewhere)) == sorted(
        [f"ImageNet, tensorflow, dataset {'f' * 12}", f"ImageNet, tensorflow, dataset {state}"]
    )


def test_more_runs_than_a_page_holds_are_the_best_of_them() -> None:
    others = tuple(other_runs("clcm", f"cpu48-{number}", (number,)) for number in range(45))
    found = figures(replace(given_.evidence(profiles=()), others=others))
    drawing = found["runs-fer2013-on-fer2013"]
    assert len(drawing.rows) == 40  # type: ignore[attr-defined]
    assert drawing.title == "Runs, the 40 best of 45 rows, FER-2013 test set"
    assert drawing.caption.startswith("Accuracy of runs, the 40 best of 45 rows, ")
    assert drawn(drawing).get_size_inches()[1] <= 9.5
