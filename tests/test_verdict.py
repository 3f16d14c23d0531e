"""Whether a measured accuracy agrees with the published one, and what makes it not comparable."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import record_factory as make
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench import paper, records
from fer_bench.presets import PRESETS
from fer_bench.records import Start, TrainRecord
from fer_bench.selection import select
from fer_bench.tables import build_tables
from fer_bench.tables.accuracy import table4
from fer_bench.tables.protocol import test_images as official_test_images
from fer_bench.tables.protocol import training_images
from fer_bench.tables.values import Grid, Missing, Range, Text
from fer_bench.tables.verdict import Judgement, compare, judge, prediction_interval


def judged(
    folder: Path,
    percents: list[float],
    *,
    model: str = "clcm",
    dataset: str = "fer2013",
    target: str = "",
    published: int = 63,
    **changes: object,
) -> Judgement:
    results = make.results_in(folder)
    for seed, percent in enumerate(percents):
        run = make.train_record(model, dataset, seed=seed)
        records.save(results.records, replace(run, **changes))
        matrix = make.near(target or dataset, percent)
        make.save_eval(results, make.eval_record(model, dataset, target or dataset, seed=seed, matrix=matrix))
    return judge(select(results), dataset, model, target or dataset, published)


def test_the_interval_holds_a_new_run_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    held = 0
    for _ in range(4000):
        *seen, new = generator.normal(63, 0.4, 4)
        interval = prediction_interval(seen)
        assert interval is not None
        held += interval[0] <= new <= interval[1]
    assert held / 4000 == pytest.approx(0.95, abs=0.01)


@given(
    values=st.lists(st.floats(0, 100), min_size=3, max_size=8).filter(lambda v: len(set(v)) > 1),
    published=st.integers(0, 100),
)
@settings(max_examples=200, deadline=None)
def test_a_verdict_follows_from_the_interval(values: list[float], published: int) -> None:
    interval = prediction_interval(values)
    assert interval is not None
    low, high = interval
    assert low <= np.mean(values) + 1e-9
    assert high >= np.mean(values) - 1e-9
    verdict = compare(interval, published)
    if low <= published <= high:
        assert verdict == ("inconclusive" if (high - low) / 2 > 2 else "consistent")
    elif published < low - 0.51 or published > high + 0.51:
        assert verdict == "differs"


def test_runs_that_agree_differ_by_chance_no_more_often_than_the_note_says() -> None:
    generator = np.random.default_rng(5)
    for spread in (0.3, 1.2, 3.0):
        found = []
        for _ in range(3000):
            *seen, published = generator.normal(63, spread, 4)
            found.append(compare(prediction_interval(seen), round(published)))
        assert found.count("differs") / 3000 < 0.06


def test_rounding_counts_for_the_paper() -> None:
    assert compare((63.5, 64.5), 63) == "consistent"
    assert compare((63.6, 64.5), 63) == "differs"
    assert compare((60.0, 62.4), 63) == "differs"
    assert compare((61.5, 62.5), 63) == "consistent"
    assert compare((61.5, 62.5), 62) == "consistent"
    assert compare((61.5, 62.4), 63) == "differs"
    assert compare((60.0, 64.1), 63) == "inconclusive"
    assert compare((61.0, 65.0), 63) == "consistent"
    assert compare((36.0, 46.0), 58) == "differs"
    assert compare(None, 63) == "inconclusive"


def test_three_runs_by_the_papers_protocol(tmp_path: Path) -> None:
    found = judged(tmp_path / "a", [62.9, 63.2, 63.4])
    assert found.verdict == "consistent"
    assert found.departures == ()
    assert found.interval is not None
    assert found.interval[0] < 63 < found.interval[1]
    assert judged(tmp_path / "b", [65.1, 65.3, 65.2]).verdict == "differs"
    assert judged(tmp_path / "c", [60.0, 63.0, 66.0]).verdict == "inconclusive"
    assert judged(tmp_path / "d", [63.0, 63.1]).verdict == "inconclusive"


def test_equal_runs_promise_no_equal_one(tmp_path: Path) -> None:
    """As of a network that always gives one answer, until a seed comes that gets away from it."""
    for place, published in enumerate((25, 58)):
        found = judged(tmp_path / str(place), [24.7] * 3, model="mobilenetv2", published=published)
        assert (found.verdict, found.interval, found.departures) == ("inconclusive", None, ())
    told = "FER-2013: the 3 runs of MobileNetV2 are equally accurate, which does not tell how far a new one may lie"
    tables = build_tables(select(make.results_in(tmp_path / "0")))
    assert [any(note.startswith(told) for note in tables[number - 1].notes) for number in (4, 5)] == [True, False]


def test_an_interval_is_shown_within_0_and_100_percent(tmp_path: Path) -> None:
    for place, (percents, published) in enumerate((([97.0, 98.5, 100.0], 99), ([0.0, 1.5, 3.0], 1))):
        runs = prediction_interval(percents)
        shown = judged(tmp_path / str(place), percents, published=published).interval
        assert runs is not None
        assert shown is not None
        assert runs[0] < 0 or runs[1] > 100
        assert shown == pytest.approx((max(runs[0], 0), min(runs[1], 100)), abs=0.05)
        assert 0 <= shown[0] < shown[1] <= 100


def test_without_runs(tmp_path: Path) -> None:
    assert judge(select(make.results_in(tmp_path)), "raf-db", "clcm", "raf-db", 84).verdict == "not run"
    assert judged(tmp_path, [], published=63).verdict == "not run"


def content(**changes: object) -> dict[str, object]:
    """As an older version wrote it, without a field: the ids of these records are made up, not its hash."""
    known = PRESETS["paper"].content()
    del known["precision"]
    return {**known, **changes}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"recipe_content": content(epochs=10)}, "epochs 10 (paper: 100)"),
        ({"recipe_content": content(image_size=96)}, "image size 96 (paper: 224)"),
        ({"recipe_content": content(schedule="cosine")}, "schedule cosine (recipe paper: constant)"),
        ({"recipe_content": content(batch_norm_momentum=0.99)}, "momentum 0.99 (recipe paper: the model's own)"),
        ({"recipe_content": content(augmentation={"rotation": 15.0})}, "augmentation rotation 15 (recipe paper: 10)"),
        ({"recipe_content": content(mixup=0.2)}, "mixup 0.2 (recipe paper: none)"),
        ({"start": Start(kind="random")}, "random start, the paper's pre-trained"),
        ({"n_train": 20_000, "n_val": 5_000}, "25,000 training images (paper: 28,709)"),
        ({"n_train": 28_000, "n_val": 709}, "709 of 28,709 training images for validation (paper: 20%)"),
    ],
)
def test_what_is_not_comparable_says_why(tmp_path: Path, changes: dict[str, object], expected: str) -> None:
    found = judged(tmp_path, [62.9, 63.2, 63.4], **changes)
    assert found.verdict == "not comparable"
    assert any(expected in text for text in found.departures)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ()),
        # Neither says the paper: how faces were cropped, and in which of the official layouts it had them.
        ({"layout": "split-csv", "crop": "box"}, ()),
        (
            {"protocol": "ferplus-majority"},
            ("FER-2013 by protocol ferplus-majority, version 1 (default: original, version 1)",),
        ),
        ({"protocol_version": 9}, ("FER-2013 by protocol original, version 9 (default: original, version 1)",)),
        # A re-upload that has the official totals.
        (
            {"layout": "folders-renamed", "official_split": False, "complete": None},
            ("FER-2013 from a re-upload, layout folders-renamed, not the official split",),
        ),
    ],
)
def test_other_labels_and_re_uploads_are_not_comparable(
    tmp_path: Path, changes: dict[str, object], expected: tuple[str, ...]
) -> None:
    found = judged(tmp_path / "trained", [62.9, 63.2, 63.4], prepared=(make.preparation("fer2013", **changes),))
    assert found.departures == expected
    assert found.verdict == ("not comparable" if expected else "consistent")
    results = make.results_in(tmp_path / "tested")
    records.save(results.records, make.train_record("clcm", "fer2013"))
    tested = make.eval_record("clcm", "fer2013", "fer2013", matrix=make.near("fer2013", 63))
    make.save_eval(results, replace(tested, target_prepared=make.preparation("fer2013", **changes)))
    evidence = select(results)
    assert judge(evidence, "fer2013", "clcm", "fer2013", 63).departures == expected
    # Nor are its images called the paper's, whatever their number.
    said = "FER-2013 is tested on the paper's 7,178 images" in " ".join(table4(evidence).notes)
    assert said is not bool(expected)


def test_the_start_of_the_two_baselines_is_the_recipes_choice(tmp_path: Path) -> None:
    for number, start in enumerate((Start(kind="random"), Start(kind="imagenet", source="keras"))):
        found = judged(tmp_path / str(number), [58.0, 58.1, 58.2], model="mobilenetv2", published=58, start=start)
        assert found.verdict == "consistent"
    starts = content(pretrained=["clcm", "mobilenetv2"])
    assert judged(tmp_path / "2", [63.0, 63.1, 63.2], recipe_content=starts).verdict == "consistent"


def test_one_run_of_clcm_from_random_weights_is_enough_to_be_no_run_of_the_papers(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for seed, kind in enumerate(("imagenet", "random", "imagenet")):
        train = replace(make.train_record("clcm", "fer2013", seed=seed), start=Start(kind=kind, source="keras"))
        records.save(results.records, train)
        test = make.eval_record("clcm", "fer2013", "fer2013", seed=seed, matrix=make.near("fer2013", 63 + 0.1 * seed))
        make.save_eval(results, test)
    found = judge(select(results), "fer2013", "clcm", "fer2013", 63)
    assert found.departures == ("random start, the paper's pre-trained",)
    assert found.verdict == "not comparable"


def test_another_test_set_is_another_split(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    records.save(results.records, make.train_record("clcm", "fer2013"))
    make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("private", 20)))
    # As many images as the paper's, but not of the same classes: FER+ labels, for instance.
    shifted = [list(row) for row in make.near("ck-plus", 70)]
    shifted[0][0] -= 1
    shifted[1][1] += 1
    make.save_eval(results, make.eval_record("clcm", "fer2013", "ck-plus", matrix=shifted))
    evidence = select(results)
    own = judge(evidence, "fer2013", "clcm", "fer2013", 63)
    assert own.departures == ("3,589 FER-2013 test images (paper: 7,178)",)
    cross = judge(evidence, "fer2013", "clcm", "ck-plus", 71)
    assert cross.verdict == "not comparable"
    assert cross.departures[0].startswith("CK+ test images per class 44, 60, 25")


def test_a_test_without_its_training_record_is_not_compared(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for seed in range(3):
        make.save_eval(
            results, make.eval_record("clcm", "fer2013", "fer2013", seed=seed, matrix=make.near("fer2013", 63))
        )
    found = judge(select(results), "fer2013", "clcm", "fer2013", 63)
    assert found.verdict == "not comparable"
    assert "no training record of seed 0, 1, 2" in found.departures[0]


def test_official_counts_are_the_papers() -> None:
    assert [training_images(dataset) for dataset in paper.TRAINED_ON] == [28_709, 12_271, 283_901]
    for dataset, counts in make.SUPPORT.items():
        assert official_test_images(dataset) == counts


def test_an_older_record_lacks_fields_that_came_later(tmp_path: Path) -> None:
    old = {key: value for key, value in content().items() if key not in ("schedule", "dropout", "warmup_epochs")}
    assert judged(tmp_path, [62.9, 63.2, 63.4], recipe_content=old).verdict == "consistent"


def test_table_4_shows_verdict_interval_and_reasons(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for model, percents in (("clcm", [62.9, 63.2, 63.4]), ("shufflenetv2", [60.0])):
        for seed, percent in enumerate(percents):
            run: TrainRecord = make.train_record(model, "fer2013", seed=seed)
            records.save(results.records, run)
            matrix = make.near("fer2013", percent)
            make.save_eval(results, make.eval_record(model, "fer2013", "fer2013", seed=seed, matrix=matrix))
    table = build_tables(select(results))[3]
    block = table.blocks[0]
    assert isinstance(block, Grid)
    titles = [column.title for column in block.columns]
    shown = {row[0]: dict(zip(titles, row, strict=True)) for row in block.rows}
    clcm, shuffle, mobile = (shown[Text(name)] for name in ("CLCM", "ShuffleNetV2", "MobileNetV2"))
    assert clcm["Verdict"] == Text("consistent")
    assert isinstance(clcm["New run (95 %)"], Range)
    assert shuffle["Verdict"] == Text("inconclusive")
    assert shuffle["New run (95 %)"] == Missing()
    assert mobile["Verdict"] == Text("not run")
    assert not any("not comparable with the paper:" in note for note in table.notes)
    other = make.train_record("shufflenetv2", "fer2013")
    records.save(results.records, replace(other, recipe_content=content(epochs=7)))
    notes = build_tables(select(results))[3].notes
    assert "FER-2013, not comparable with the paper: ShuffleNetV2: epochs 7 (paper: 100)." in notes
