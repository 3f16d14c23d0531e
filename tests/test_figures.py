"""Figures: which are drawn, what they say, and that the same records give the same bytes."""

from dataclasses import replace
from pathlib import Path

import pytest
import record_factory as make
from matplotlib.figure import Figure

from fer_bench import records
from fer_bench.figures import _drawings, describe, write_figures
from fer_bench.selection import select


def test_nothing_is_drawn_without_records(tmp_path: Path) -> None:
    assert write_figures(select(make.results_in(tmp_path)), tmp_path / "figures") == []


def test_only_figures_with_data_are_drawn_and_stale_ones_go(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    make.save_eval(results, make.eval_record("clcm", "raf-db", "raf-db"))
    results.figures.mkdir(parents=True)
    for name in ("latency.png", "learning-curves-fer2013.pdf", "mine.png", "latency-notes.png"):
        (results.figures / name).write_bytes(b"old")
    written = write_figures(select(results), results.figures)
    assert [path.name for path in written] == ["confusion-raf-db-on-raf-db.png", "confusion-raf-db-on-raf-db.pdf"]
    names = {path.name for path in results.figures.iterdir()}
    assert names == {*(path.name for path in written), "mine.png", "latency-notes.png"}
    assert written[0].read_bytes().startswith(b"\x89PNG")
    assert written[1].read_bytes().startswith(b"%PDF")
    assert describe(written[0]) == "Confusion matrices: trained on RAF-DB, tested on RAF-DB"


@pytest.mark.parametrize("origin", ["real", "synthetic"])
def test_every_figure_says_where_it_is_synthetic(tmp_path: Path, origin: str) -> None:
    results = make.results_in(tmp_path)
    make.save_partial(results, origin=origin)
    drawn = dict(_drawings(select(results)))
    assert set(drawn) == {
        "learning-curves-fer2013",
        "learning-curves-raf-db",
        "confusion-fer2013-on-fer2013",
        "confusion-fer2013-on-ck-plus",
        "confusion-raf-db-on-raf-db",
        "latency",
        "accuracy-gflops",
    }
    for name, draw in drawn.items():
        figure = draw()
        assert isinstance(figure, Figure)
        title = figure.get_suptitle().replace("\n", " ")
        assert title.endswith("(synthetic faces, demo)") == (origin == "synthetic"), name
        assert describe(Path(f"{name}.png"))


def test_learning_curves_show_every_epoch_of_every_run(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for seed in (0, 1):
        records.save(results.records, make.train_record("clcm", "fer2013", seed=seed))
    run = make.train_record("shufflenetv2", "fer2013")
    records.save(results.records, replace(run, history=run.history[:1], best_epoch=0))
    figure = dict(_drawings(select(results)))["learning-curves-fer2013"]()
    loss = figure.axes[0]
    assert [axis.get_title() for axis in figure.axes[:2]] == ["CLCM", "ShuffleNetV2"]
    assert len(loss.lines) == 4
    first = make.train_record("clcm", "fer2013").history
    assert list(loss.lines[0].get_ydata()) == [epoch.loss for epoch in first]
    assert list(loss.lines[1].get_ydata()) == [epoch.val_loss for epoch in first]
    assert list(loss.lines[0].get_xdata()) == list(range(1, 13))


def test_a_huge_validation_loss_does_not_flatten_the_rest(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    run = make.train_record("clcm", "fer2013")
    records.save(results.records, replace(run, history=(replace(run.history[0], val_loss=90.0), *run.history[1:])))
    figure = dict(_drawings(select(results)))["learning-curves-fer2013"]()
    assert figure.axes[0].get_yscale() == "log"


def test_a_class_without_images_is_drawn_as_missing(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    matrix = [[0] * 7, *([10 if i == j else 0 for j in range(7)] for i in range(1, 7))]
    make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013", matrix=matrix))
    figure = dict(_drawings(select(results)))["confusion-fer2013-on-fer2013"]()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[:7] == ["–"] * 7
    assert texts[7:14] == ["0", "100", "0", "0", "0", "0", "0"]


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    records.save(results.records, make.profile_record("clcm"))
    evidence = select(results)
    first = {path.name: path.read_bytes() for path in write_figures(evidence, tmp_path / "a")}
    second = {path.name: path.read_bytes() for path in write_figures(evidence, tmp_path / "b")}
    assert first == second
    assert set(first) == {"latency.png", "latency.pdf"}
    assert all(
        b"CreationDate" not in content and b"matplotlib.org" not in content.lower() for content in first.values()
    )
