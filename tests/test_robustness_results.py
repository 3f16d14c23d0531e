"""Tests on worse pictures in tables, figures and comparisons."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import record_factory as make
import scipy.stats
from typer.testing import CliRunner

from fer_bench import metrics, records
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.figures import build_figures
from fer_bench.publish import publish
from fer_bench.records import External, RobustnessRecord
from fer_bench.render import check_tables, write_tables
from fer_bench.robustness.summary import Robustness, difference, interval, robustness_blocks, untrained
from fer_bench.selection import select
from fer_bench.tables import build_tables
from fer_bench.tables.values import Number


def test_intervals_are_students_and_by_subject_where_the_test_set_names_them():
    stats = pytest.importorskip("statsmodels.stats.weightstats")
    alone = Robustness((make.robustness_record("clcm", "fer2013", "ck-plus"),))
    low, high = stats.DescrStatsW(alone.image_under(alone.first.corruptions)).tconfint_mean()
    found = interval(alone)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.value == pytest.approx(alone.corrupted[0])
    people = tuple(number // 24 for number in range(432))
    grouped = Robustness((make.robustness_record("clcm", "fer2013", "ck-plus", subjects=people),))
    import statsmodels.api as sm

    fitted = sm.OLS(grouped.image_under(grouped.first.corruptions), np.ones(432)).fit()
    robust = fitted.get_robustcov_results("cluster", groups=np.array(people), use_t=True)
    assert interval(grouped).low == pytest.approx(robust.conf_int()[0][0], abs=1e-9)
    assert interval(grouped).high - interval(grouped).low > 1.5 * (high - low)


def test_models_are_compared_image_by_image():
    a, b = (Robustness((make.robustness_record(name, "fer2013", "fer2013"),)) for name in ("clcm", "mobilenetv2"))
    there, back = difference(a, b), difference(b, a)
    assert there.corrupted.value == pytest.approx(a.corrupted[0] - b.corrupted[0])
    assert there.lost.value == pytest.approx(a.lost[0] - b.lost[0])
    assert (there.lost.low, there.lost.high) == pytest.approx((-back.lost.high, -back.lost.low))
    both = Robustness((*a.runs, make.robustness_record("clcm", "fer2013", "fer2013", seed=1)))
    assert interval(both).value == pytest.approx(np.mean(both.corrupted))
    (run,) = b.runs
    others = [
        make.robustness_record("mobilenetv2", "raf-db", "raf-db"),
        dataclasses.replace(run, target_fingerprint="f" * 64),
        dataclasses.replace(run, protocol="faces-0"),
    ]
    for other in others:
        with pytest.raises(FerBenchError, match="these are other pictures"):
            difference(a, Robustness((other,)))


def save(results, model: str, **more) -> RobustnessRecord:
    made = make.robustness_record(model, "fer2013", "fer2013", **more)
    records.save(results.records, made)
    return made


def test_table_and_figure_hold_the_records_and_go_with_them(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    assert len(build_tables(select(results))) == 11
    made = [save(results, "clcm"), save(results, "clcm", seed=1), save(results, "mobilenetv2")]
    evidence = select(results)
    table = build_tables(evidence)[-1]
    assert (table.name, table.number) == ("robustness", 0)
    grid, differences = table.blocks
    assert [column.title for column in grid.columns] == ["Pictures", "MobileNetV2", "CLCM"]
    rows = {row[0].text: row[1:] for row in grid.rows}
    clcm = [100 * metrics.accuracy(record.results[1].confusion_matrices[0]) for record in made[:2]]
    cell = rows["blur"][1]
    assert isinstance(cell, Number)
    assert (cell.value, cell.sd) == (pytest.approx(np.mean(clcm)), pytest.approx(np.std(clcm, ddof=1)))
    assert rows["lost, points"][0].value == pytest.approx(
        rows["as they are"][0].value - rows["mean of the corruptions"][0].value
    )
    ((_, *shown),) = differences.rows  # MobileNetV2 is right more often: CLCM less that.
    expected = difference(Robustness(tuple(made[:2])), Robustness((made[2],)))
    assert [shown[0].value, shown[2].value, shown[4].value] == pytest.approx(
        [100 * one.value for one in (expected.clean, expected.corrupted, expected.lost)]
    )
    assert (shown[5].low, shown[5].high) == pytest.approx((100 * expected.lost.low, 100 * expected.lost.high))
    (drawing,) = [one for one in build_figures(evidence) if one.name.startswith("robustness-")]
    assert drawing.name == f"robustness-fer2013-on-fer2013-{make.RECIPE}"
    assert [panel.corruption for panel in drawing.panels] == ["noise", "blur", "mean of these"]
    clean = 100 * right_answers(made[:2]).mean()
    assert drawing.panels[1].lines[1].accuracies[:2] == pytest.approx((clean, np.mean(clcm)), abs=1e-3)
    assert drawing.chance == pytest.approx(100 * 1774 / 7178, abs=1e-3)  # Always happy.
    assert drawing.caption.endswith("Lines are means over the seeds.")
    assert [cell.best for cell in rows["as they are"]] == [True, False]
    note = "The corruptions, with their strengths from severity 1 to 5: noise: "
    assert any(one.startswith(note) for one in table.notes)
    records.save(results.records, dataclasses.replace(made[2], protocol="faces-0"))  # Whose strengths nobody knows now.
    assert not any(one.startswith(note) for one in build_tables(select(results))[-1].notes)
    write_tables(build_tables(evidence), results.tables)
    assert (results.tables / "robustness.md").is_file()
    for record in made:
        records.path_of(results.records, record).unlink()
    left = build_tables(select(results))
    assert "stale: no such table" in check_tables(left, results.tables)
    write_tables(left, results.tables)
    assert not list(results.tables.glob("robustness.*"))


def test_a_model_that_always_gives_one_answer_is_best_of_nothing(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    save(results, "clcm")
    support = make.SUPPORT["fer2013"]
    happy = tuple(tuple(images if answer == 3 else 0 for answer in range(7)) for images in support)
    right = "".join(("1" if label == 3 else "0") * images for label, images in enumerate(support))
    constant = make.robustness_record("mobilenetv2", "fer2013", "fer2013")
    worse = [
        dataclasses.replace(result, confusion_matrices=(happy,) * 5, right=right.replace("1", "5"))
        for result in constant.results
    ]
    constant = dataclasses.replace(constant, confusion_matrix=happy, right=right, results=tuple(worse))
    records.save(results.records, constant)
    rows = {row[0].text: row[1:] for row in build_tables(select(results))[-1].blocks[0].rows}
    other, clcm = rows["blur"]
    assert other.value > clcm.value
    assert [cell.best for cell in rows["blur"]] == [False, False]
    assert [cell.best for cell in rows["as they are"]] == [False, True]


def test_runs_stand_in_the_order_of_their_seeds(tmp_path: Path):
    results = make.results_in(tmp_path)
    for seed in (10, 2):  # Not that of their files' names, ...s10.json and ...s2.json.
        make.save_run(results, "clcm", "fer2013", seed=seed)
        save(results, "clcm", seed=seed)
    (note,) = [note for note in build_tables(select(results))[-1].notes if "CLCM seed" in note]
    assert "CLCM seed 2, 10;" in note


def test_corruptions_of_the_training_images_are_marked_and_a_mean_leaves_them_out(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    made = [save(results, model, trained_on=("noise",)) for model in ("clcm", "mobilenetv2")]
    evidence = select(results)
    table = build_tables(evidence)[-1]
    grid, differences = table.blocks
    rows = {row[0].text: row[1:] for row in grid.rows}
    assert list(rows)[1:3] == ["noise, trained on", "blur"]
    assert [cell.value for cell in rows["mean of those not trained on"]] == [cell.value for cell in rows["blur"]]
    for cell, record in zip(rows["its 95 % interval"], reversed(made), strict=True):  # The last row of that name.
        values = 100 * right_answers([record], "blur")
        assert_mean({"value": values.mean(), "low": cell.low, "high": cell.high}, values)
    assert "but for the corruptions marked so" in table.notes[0]
    assert [column.group for column in differences.columns[1::2]] == [
        "as they are", "mean of the corruptions", "mean of those not trained on", "lost",
    ]  # fmt: skip
    ((_, *shown),) = differences.rows  # CLCM has the higher mean here.
    clcm, other = (Robustness((one,)) for one in made)
    assert shown[4].value == pytest.approx(100 * difference(other, clcm).under["blur"].value)
    (drawing,) = [one for one in build_figures(evidence) if one.name.startswith("robustness-")]
    assert "Some training images had noise, none another corruption" in drawing.caption
    assert [panel.corruption for panel in drawing.panels] == ["noise, trained on", "blur", "mean of these"]
    # A model by a recipe without any shares no block with it, and says so.
    assert untrained((clcm, Robustness((save(results, "shufflenetv2"),)))) == ("blur",)
    assert untrained((Robustness((save(results, "shufflenetv2"),)),)) == ()


def test_runs_of_several_recipes_are_drawn_together(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    made = [save(results, model) for model in ("clcm", "shufflenetv2")]

    def drawn():
        return [one for one in build_figures(select(results)) if one.name.startswith("corrupted-runs-")]

    assert drawn() == [], "one recipe has its curves"
    run = make.train_record("clcm", "fer2013", recipe="worse-89abcdef")
    records.save(results.records, run)
    other = make.robustness_record("clcm", "fer2013", "fer2013", recipe=run.recipe, seed=3, trained_on=("noise",))
    made.append(dataclasses.replace(other, seed=0, weights_sha256=run.weights_sha256))
    for change in ({"target_fingerprint": "f" * 64}, {"protocol": "faces-0"}):
        records.save(results.records, dataclasses.replace(made[-1], **change))
        assert drawn() == [], "these are other pictures"
    records.save(results.records, made[-1])
    (drawing,) = drawn()
    assert drawing.name == "corrupted-runs-fer2013-on-fer2013"
    assert drawing.columns == ("as they are", "noise", "blur", "mean of these")
    rows = {(row.model.name, row.recipe): row for row in drawing.rows}
    assert set(rows) == {("clcm", make.RECIPE), ("shufflenetv2", make.RECIPE), ("clcm", "worse-89abcdef")}
    for record in made:
        row, one = rows[record.model, record.recipe], Robustness((record,))
        shown = [one.clean[0], one.under("noise")[0], one.under("blur")[0], one.corrupted[0]]
        assert row.accuracies == pytest.approx([100 * value for value in shown], abs=1e-3)
        assert row.trained_on == record.trained_on
        assert row.start == ("random" if record.model == "shufflenetv2" else "ImageNet")
    assert [row.start for row in drawing.rows] == ["ImageNet", "ImageNet", "random"]
    best = sorted((made[0], made[2]), key=lambda one: -right_answers([one], "noise", "blur").mean())
    assert [row.recipe for row in drawing.rows[:2]] == [one.recipe for one in best]
    assert "* trained on" in drawing.caption
    assert "but for the corruptions marked so" in build_tables(select(results))[-1].notes[0]
    figure = drawing.draw()
    assert sum(text.get_text().endswith("*") for text in figure.axes[0].texts) == 1


def compared(folder: Path, *more: str):
    return CliRunner().invoke(app, ["compare", *more, "--workspace", str(folder)], terminal_width=200)


def save_tested(
    results, recipe: str, seed: int = 0, trained_on: tuple[str, ...] = (), model: str = "clcm"
) -> RobustnessRecord:
    """Write a run, its test, and its test on worse pictures: the mildest noise changes no answer."""
    records.save(results.records, make.train_record(model, "fer2013", recipe=recipe, seed=seed))
    answers = seed + 3 if trained_on else seed  # Those of another seed, or recipes would not differ.
    made = make.robustness_record(model, "fer2013", "fer2013", recipe=recipe, seed=answers, trained_on=trained_on)
    test = make.eval_record(model, "fer2013", "fer2013", recipe=recipe, seed=seed, matrix=made.confusion_matrix)
    make.save_eval(results, test)
    noise, blur = made.results
    milder = dataclasses.replace(
        noise,
        confusion_matrices=(made.confusion_matrix, *noise.confusion_matrices[1:]),
        right="".join("5" if worse == "5" else right for right, worse in zip(made.right, noise.right, strict=True)),
    )
    made = dataclasses.replace(
        made,
        seed=seed,
        weights_sha256=test.weights_sha256,
        target_fingerprint=test.target_fingerprint,
        results=(milder, blur),
    )
    records.save(results.records, made)
    return made


def right_answers(runs: list[RobustnessRecord], *corruptions: str) -> np.ndarray:
    """Return how often each image was answered right, a fraction, the mean of runs: as it is, or under corruptions."""
    found = [[int(digit) for digit in run.right] for run in runs]
    if corruptions:
        results = [result for run in runs for result in run.results if result.corruption in corruptions]
        found = [[int(digit) / 5 for digit in result.right] for result in results]
    return np.mean(found, axis=0)


def assert_mean(told: dict, values: np.ndarray) -> None:
    low, high = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert [told[key] for key in ("value", "low", "high")] == pytest.approx([values.mean(), low, high])


def test_compare_tells_what_the_answers_of_all_seeds_give(tmp_path: Path):
    results = make.results_in(tmp_path)
    a = [save_tested(results, "paper-0123abcd", seed) for seed in (0, 1)]
    b = [save_tested(results, "worse-89abcdef", seed, ("noise",)) for seed in (0, 1)]
    result = compared(tmp_path, "clcm@paper", "clcm@worse", "--dataset", "fer2013", "--corrupted", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    for model, runs in zip(told["models"], (a, b), strict=True):
        assert model["seeds"] == [0, 1]
        clean = [right_answers([run]).mean() for run in runs]
        worse = [right_answers([run], "noise", "blur").mean() for run in runs]
        assert model["accuracy"] == pytest.approx(clean)
        assert model["lost"] == pytest.approx(np.subtract(clean, worse))
        mildest, *others = model["accuracy_under"]["noise"]
        assert mildest == pytest.approx(np.mean(clean))
        assert (mildest + sum(others)) / 5 == pytest.approx(right_answers(runs, "noise").mean())
        assert_mean(model["mean_under_corruptions"], right_answers(runs, "noise", "blur"))
        assert_mean(model["mean_under_those_not_trained_on"], right_answers(runs, "blur"))
    (pair,) = told["differences"]
    assert (pair["first"], pair["second"]) == ("clcm@paper", "clcm@worse")
    clean, worse, blurred = (
        right_answers(a, *names) - right_answers(b, *names) for names in ((), ("noise", "blur"), ("blur",))
    )
    assert_mean(pair["clean"], clean)
    assert_mean(pair["corrupted"], worse)
    assert_mean(pair["lost"], clean - worse)
    assert_mean(pair["under"]["blur"], blurred)
    assert_mean(pair["untrained"], blurred)


def test_compare_prints_what_it_tells_as_json(tmp_path: Path):
    results, words = make.results_in(tmp_path), ["--dataset", "fer2013", "--corrupted"]
    for seed in (0, 1):
        save_tested(results, "paper-0123abcd", seed)
        save_tested(results, "worse-89abcdef", seed, ("noise",))
        save_tested(results, "paper-0123abcd", seed, model="mobilenetv2")

    def found(*models: str) -> tuple[dict, dict[str, list[str]]]:
        lines = compared(tmp_path, *models, *words).stdout.splitlines()
        cells = [re.split(" {2,}", line.strip()) for line in lines]
        return json.loads(compared(tmp_path, *models, *words, "--json").stdout), {row[0]: row[1:] for row in cells}

    def printed(told: dict, sign: str = "") -> str:
        value, low, high = (f"{100 * told[key]:{sign}z.1f}" for key in ("value", "low", "high"))
        return f"{value} ({low} to {high})"

    def row(key: str, told: dict, mark: str = "") -> list[str]:
        values = [model[key] if key in model else model["accuracy_under"][key] for model in told["models"]]
        marks = [mark if model["trained_on"] else "" for model in told["models"]]
        return [f"{100 * np.mean(some):.1f}{star}" for some, star in zip(values, marks, strict=True)]

    told, rows = found("clcm@paper", "clcm@worse")
    (pair,) = told["differences"]
    assert rows["as they are"] == [*row("accuracy", told), printed(pair["clean"], "+")]
    assert rows["noise"] == [*row("noise", told, "*"), printed(pair["under"]["noise"], "+")]
    assert rows["blur"] == [*row("blur", told), printed(pair["under"]["blur"], "+")]
    for name, mean, key in (
        ("mean of these", "mean_under_corruptions", "corrupted"),
        ("mean of those not trained on", "mean_under_those_not_trained_on", "untrained"),
    ):
        assert rows[name] == [*(printed(model[mean]) for model in told["models"]), printed(pair[key], "+")]
    assert rows["lost"] == [*row("lost", told), printed(pair["lost"], "+")]
    told, rows = found("clcm@paper", "clcm@worse", "mobilenetv2@paper")
    assert rows["lost"] == row("lost", told)
    for pair in told["differences"]:
        parts = [printed(pair[key], "+") for key in ("clean", "corrupted", "untrained", "lost")]
        assert rows[f"{pair['first']} - {pair['second']}"] == parts


def test_compare_takes_two_recipes_on_worse_pictures(tmp_path: Path):
    results = make.results_in(tmp_path)
    made = [save_tested(results, "paper-0123abcd"), save_tested(results, "worse-89abcdef", trained_on=("noise",))]
    words = ("clcm@paper", "clcm@worse", "--dataset", "fer2013", "--corrupted")
    result = compared(tmp_path, *words)
    assert result.exit_code == 0, result.output
    lines = {line.split("  ")[0]: line.split() for line in result.stdout.splitlines() if line}
    found = difference(*(Robustness((one,)) for one in made), ["blur"])
    assert lines["pictures"][1:] == ["clcm@paper", "clcm@worse", "clcm@paper", "-", "clcm@worse"]
    assert lines["noise"][2].endswith("*")
    assert not lines["blur"][2].endswith("*")
    assert f"{100 * found.under['blur'].value:+.1f}" in lines["blur"]
    assert "* trained on" in result.stdout
    result = compared(tmp_path, *words, "--json")
    told = json.loads(result.stdout)
    (pair,) = told["differences"]
    assert (pair["first"], pair["second"], told["not_trained_on"]) == ("clcm@paper", "clcm@worse", ["blur"])
    assert pair["untrained"]["value"] == pytest.approx(found.under["blur"].value)
    make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013", recipe="paper-0123abcd", seed=1))
    assert "Seeds left out, since not every model has them: 1." in compared(tmp_path, *words).stdout
    refused = compared(tmp_path, *words, "--by", "age")
    assert "give one" in str(refused.exception)
    records.save(results.records, dataclasses.replace(made[1], results=made[1].results[:1]))
    refused = compared(tmp_path, *words)
    assert isinstance(refused.exception, FerBenchError)
    again = f"run fer-bench robustness --model clcm --dataset fer2013 --recipe {made[1].recipe} --seed 0"
    assert "not finished" in str(refused.exception)
    assert again in str(refused.exception)
    records.save(results.records, dataclasses.replace(made[1], protocol="faces-0"))
    assert "by other corruptions (faces-0) than those of now" in str(compared(tmp_path, *words).exception)
    records.save(results.records, dataclasses.replace(made[1], weights_sha256="0" * 64))
    assert "of other weights" in str(compared(tmp_path, *words).exception)
    for record in made:  # The same pictures, but not those of evaluate.
        records.save(results.records, dataclasses.replace(record, target_fingerprint="0" * 64))
    assert str(compared(tmp_path, *words).exception).count("another state of fer2013, than evaluate's") == 2
    for record in made:
        records.path_of(results.records, record).unlink()
    told = str(compared(tmp_path, *words).exception).splitlines()
    assert [
        (record.recipe in line, "no test on worse pictures" in line) for record, line in zip(made, told, strict=True)
    ] == [(True, True)] * 2


def test_what_was_not_tested_on_worse_pictures_is_named_with_the_command_for_it(tmp_path: Path):
    results, models = make.results_in(tmp_path), ("clcm", "mobilenetv2")
    for model in models:
        make.save_run(results, model, "fer2013", seed=1)
    told = str(compared(tmp_path, *models, "--dataset", "fer2013", "--on", "ck-plus", "--corrupted").exception)
    for model, line in zip(models, told.splitlines(), strict=True):
        command = f"--model {model} --dataset fer2013 --on ck-plus --recipe {make.RECIPE} --seed 1"
        assert line.endswith(f"run fer-bench robustness {command} --workspace {tmp_path}")
    for model in ("a-net", "their-net"):
        test = dataclasses.replace(make.eval_record(model, "external", "ck-plus"), dataset_fingerprint="")
        origin = External(sha256=test.weights_sha256, labels=("angry",), input="48 x 48")
        make.save_eval(results, dataclasses.replace(test, external=origin))
    told = str(compared(tmp_path, "a-net", "their-net", "--on", "ck-plus", "--corrupted").exception)
    assert told.endswith(f"run fer-bench robustness --model their-net --dataset ck-plus --workspace {tmp_path}")


def test_recipes_and_states_of_a_dataset_never_share_a_block():
    one = make.robustness_record("clcm", "fer2013", "fer2013")
    others = [
        dataclasses.replace(one, recipe="cpu48-0123abcd"),
        dataclasses.replace(one, backend="jax"),
        dataclasses.replace(one, target_fingerprint="f" * 64),
        dataclasses.replace(one, dataset_fingerprint="f" * 64),
        dataclasses.replace(one, protocol="faces-2"),
        dataclasses.replace(one, target="ck-plus"),
    ]
    assert len(robustness_blocks([one, *others])) == 1 + len(others)


@pytest.mark.parametrize("field", ["dataset_fingerprint", "target_fingerprint", "protocol"])
def test_blocks_of_one_recipe_say_what_tells_them_apart(field: str):
    one, other = (make.robustness_record(model, "fer2013", "fer2013") for model in ("clcm", "shufflenetv2"))
    other = dataclasses.replace(other, **{field: "f" * 64})
    apart = {block.first.model: block.apart for block in robustness_blocks([one, other])}
    short = 64 if field == "protocol" else 12
    assert apart == {"clcm": (getattr(one, field)[:short],), "shufflenetv2": ("f" * short,)}


def test_titles_and_files_of_one_recipe_on_two_backends_say_which(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    for recipe in (make.RECIPE, "cpu48-0123abcd"):
        for model, backend in (("clcm", "jax"), ("shufflenetv2", "tensorflow")):
            run = dataclasses.replace(make.train_record(model, "fer2013", recipe=recipe), backend=backend)
            made = dataclasses.replace(save(results, model, recipe=recipe), backend=backend)
            records.save(results.records, run)
            records.save(results.records, made)
    evidence = select(results)
    drawn = [one for one in build_figures(evidence) if "fer2013-on-fer2013" in one.name and "corrupted" in one.title]
    ends = {f"{recipe}-{backend}" for recipe in (make.RECIPE, "cpu48-0123abcd") for backend in ("jax", "tensorflow")}
    curves, runs = "robustness-fer2013-on-fer2013", "corrupted-runs-fer2013-on-fer2013"
    assert {one.name for one in drawn} == {*(f"{curves}-{end}" for end in ends), f"{runs}-jax", f"{runs}-tensorflow"}
    assert len({one.title for one in drawn}) == len(drawn)
    titles = [block.title for block in build_tables(evidence)[-1].blocks]
    assert sorted(titles)[:2] == [f"FER-2013 test set, recipe cpu48-0123abcd, {name}" for name in ("jax", "tensorflow")]
    assert len(set(titles)) == len(titles)


def external(target: str) -> RobustnessRecord:
    made = make.robustness_record("their-net", "fer2013", target)
    origin = External(sha256=make.digest("file"), labels=("angry",), input="48 x 48", trained_on="FER+")
    return dataclasses.replace(
        made,
        dataset="external",
        dataset_fingerprint="",
        external=origin,
        weights_sha256=origin.sha256,
        backend="onnxruntime",
    )


def test_external_models_stand_beside_all_that_saw_the_same_pictures(tmp_path: Path):
    own = make.robustness_record("clcm", "fer2013", "fer2013")
    other = dataclasses.replace(own, recipe="cpu48-0123abcd")
    theirs = [external("fer2013"), external("ck-plus"), dataclasses.replace(external("raf-db"), model="a-net")]
    found = robustness_blocks([own, other, *theirs])
    named = [(block.dataset, block.target, [one.first.model for one in block.models]) for block in found]
    assert named == [
        ("fer2013", "fer2013", ["clcm", "their-net"]),
        ("fer2013", "fer2013", ["clcm", "their-net"]),
        ("external", "ck-plus", ["their-net"]),
        ("external", "raf-db", ["a-net"]),
    ]
    results = make.results_in(tmp_path)
    make.save_partial(results)
    records.save(results.records, own)
    for target in ("fer2013", "ck-plus"):
        records.save(results.records, external(target))
    evidence = select(results)
    table = build_tables(evidence)[-1]
    assert [block.title for block in table.blocks] == [
        f"FER-2013 test set, recipe {make.RECIPE}",
        f"FER-2013 test set, recipe {make.RECIPE}: less CLCM",
        "CK+ test set, external models",
    ]
    assert [column.title for column in table.blocks[0].columns] == ["Pictures", "CLCM", "their-net †"]
    assert sum(note.startswith("† their-net: external ONNX model") for note in table.notes) == 1
    drawn = [one for one in build_figures(evidence) if one.name.startswith("robustness-")]
    assert [one.name for one in drawn] == [
        f"robustness-fer2013-on-fer2013-{make.RECIPE}",
        "robustness-external-on-ck-plus",
    ]


def test_two_files_under_one_name_are_not_mixed(tmp_path: Path):
    results = make.results_in(tmp_path)
    records.save(results.records, external("ck-plus"))
    records.save(results.records, dataclasses.replace(external("fer2013"), recipe="onnx-ffffffff"))
    with pytest.raises(FerBenchError, match="the external model their-net is another one in robustness/"):
        select(results)


def test_a_test_on_synthetic_faces_stands_in_no_table_of_real_ones(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    shown = save(results, "clcm")
    records.save(results.records, dataclasses.replace(external("ck-plus"), origin="synthetic"))
    assert select(results).robustness == (shown,)
    # Where there is nothing else, tables hold it and say what it is.
    alone = make.results_in(tmp_path / "alone")
    records.save(alone.records, dataclasses.replace(external("ck-plus"), origin="synthetic"))
    table = build_tables(select(alone))[-1]
    assert (table.name, table.synthetic) == ("robustness", True)


def test_only_finished_tests_are_published(tmp_path: Path):
    source, published = make.results_in(tmp_path / "workspace"), make.results_in(tmp_path / "reports")
    make.save_partial(source)
    whole = save(source, "clcm")
    begun = dataclasses.replace(save(source, "mobilenetv2"), results=whole.results[:1])
    records.save(source.records, begun)
    assert select(source).robustness == (whole,)
    publish(source, published)
    assert records.load_all(published.records, RobustnessRecord) == [whole]
