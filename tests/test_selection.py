"""Which records form a table, and what is refused."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import record_factory as make

from fer_bench import records
from fer_bench.errors import FerBenchError
from fer_bench.figures import build_figures
from fer_bench.figures.transfer import TransferMatrix
from fer_bench.records import Origin
from fer_bench.selection import select
from fer_bench.workspace import Results


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return make.results_in(tmp_path)


def test_no_records_select_nothing(results: Results) -> None:
    evidence = select(results)
    assert not evidence.blocks
    assert evidence.latency is None
    assert not evidence.elsewhere
    assert not evidence.synthetic


def test_one_group_of_records_needs_no_selection(results: Results) -> None:
    make.save_partial(results)
    evidence = select(results)
    assert list(evidence.blocks) == ["fer2013", "raf-db"]
    assert evidence.blocks["fer2013"].seeds("clcm") == (0, 1)
    assert [r.seed for r in evidence.blocks["fer2013"].tested("clcm", "ck-plus")] == [0, 1]
    assert evidence.latency is not None
    assert list(evidence.latency.statistics) == ["keras-predict"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_place_of_the_selection_is_not_waited_for(results: Results) -> None:
    results.selection.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(results.selection)
    with pytest.raises(FerBenchError, match=r"selection\.toml: not a file"):
        select(results)


def test_other_models_and_targets_are_there(results: Results) -> None:
    make.save_run(results, "clcm", "fer2013")
    other = replace(make.eval_record("clcm", "fer2013", "raf-db"), model="mobilenetv2-canonical")
    make.save_eval(results, other)
    make.save_eval(results, make.eval_record("clcm", "fer2013", "raf-db"))
    assert {(r.model, r.target) for r in select(results).blocks["fer2013"].evals} == {
        ("clcm", "fer2013"),
        ("clcm", "ck-plus"),
        ("clcm", "raf-db"),
        ("mobilenetv2-canonical", "raf-db"),
    }
    drawn = next(drawing for drawing in build_figures(select(results)) if isinstance(drawing, TransferMatrix))
    cells = {(cell.trained_on, cell.tested_on) for grid in drawn.models for cell in grid.cells}
    assert cells == {("fer2013", "fer2013"), ("fer2013", "raf-db"), ("fer2013", "ck-plus")}


def test_models_beyond_the_paper_follow_its_own(results: Results) -> None:
    models = ("shufflenetv2-canonical", "clcm", "my-net", "mobilenetv2")
    for model in models:
        make.save_run(results, model, "fer2013")
        records.save(results.records, make.profile_record(model))
    make.save_run(results, "their-net", "raf-db")
    evidence = select(results)
    expected = ("mobilenetv2", "clcm", "my-net", "shufflenetv2-canonical")
    assert evidence.blocks["fer2013"].models == expected
    assert evidence.latency is not None
    assert tuple(evidence.latency.profiles) == expected
    assert evidence.beyond_the_paper("fer2013") == ("my-net", "shufflenetv2-canonical")
    assert evidence.beyond_the_paper("fer2013", "raf-db", "affectnet") == (
        "my-net",
        "shufflenetv2-canonical",
        "their-net",
    )


def test_another_recipe_of_a_model_beyond_the_paper_is_not_mixed_in(results: Results) -> None:
    make.save_run(results, "clcm", "fer2013")
    make.save_run(results, "my-net", "fer2013", recipe="short-89abcdef")
    with pytest.raises(FerBenchError, match=r"short-89abcdef, backend tensorflow, dataset .*: my-net"):
        select(results)
    results.selection.write_text('[fer2013]\nrecipe = "paper-0123abcd"\n', encoding="utf-8")
    assert select(results).blocks["fer2013"].models == ("clcm",)


def test_two_recipes_are_refused_with_the_lines_to_write(results: Results) -> None:
    make.save_run(results, "clcm", "fer2013")
    make.save_run(results, "mobilenetv2", "fer2013", recipe="short-89abcdef")
    with pytest.raises(FerBenchError, match="2 groups of records") as caught:
        select(results)
    message = str(caught.value)
    assert "recipe paper-0123abcd, backend tensorflow" in message
    assert f"write into {results.selection}" in message
    # What the message says to write does what it says.
    for recipe, model in (("paper-0123abcd", "clcm"), ("short-89abcdef", "mobilenetv2")):
        block = f'[fer2013]\nrecipe = "{recipe}"'
        assert block in re.sub(r"^ +", "", message, flags=re.MULTILINE)
        results.selection.write_text(block + "\n", encoding="utf-8")
        assert {r.model for r in select(results).blocks["fer2013"].evals} == {model}


@pytest.mark.parametrize(
    ("recipe", "needed"), [("short-89abcdef", ["recipe"]), ("paper-0123abcd", ["recipe", "backend"])]
)
def test_the_lines_to_write_are_no_more_than_needed(results: Results, recipe: str, needed: list[str]) -> None:
    make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013"))
    other = make.eval_record("mobilenetv2", "fer2013", "fer2013", recipe=recipe)
    make.save_eval(results, replace(other, backend="jax", dataset_fingerprint="f" * 64))
    with pytest.raises(FerBenchError) as caught:
        select(results)
    assert re.findall(r"^ *(\w+) = ", str(caught.value), flags=re.MULTILINE) == 2 * needed


def test_a_selection_that_notepad_saved_is_read(results: Results) -> None:
    """With a mark of UTF-8 before the first line, which a recipe's TOML may have too."""
    for model, recipe in (("clcm", "paper-0123abcd"), ("mobilenetv2", "short-89abcdef")):
        make.save_run(results, model, "fer2013", recipe=recipe)
    results.selection.write_text('[fer2013]\r\nrecipe = "short-89abcdef"\r\n', encoding="utf-8-sig")
    assert select(results).blocks["fer2013"].models == ("mobilenetv2",)


def test_same_recipe_on_two_states_of_a_dataset_names_the_fingerprint(results: Results) -> None:
    make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013"))
    other = replace(make.eval_record("mobilenetv2", "fer2013", "fer2013"), dataset_fingerprint="f" * 64)
    make.save_eval(results, other)
    with pytest.raises(FerBenchError, match=f'fingerprint = "{"f" * 64}"'):
        select(results)
    results.selection.write_text(f'[fer2013]\nfingerprint = "{"f" * 12}"\n', encoding="utf-8")
    assert {r.model for r in select(results).blocks["fer2013"].evals} == {"mobilenetv2"}


def test_two_backends_are_not_mixed(results: Results) -> None:
    make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013"))
    other = replace(make.eval_record("mobilenetv2", "fer2013", "fer2013"), backend="jax")
    make.save_eval(results, other)
    with pytest.raises(FerBenchError, match='backend = "jax"'):
        select(results)
    for backend, model in (("jax", "mobilenetv2"), ("tensorflow", "clcm")):
        results.selection.write_text(f'[fer2013]\nbackend = "{backend}"\n', encoding="utf-8")
        assert select(results).blocks["fer2013"].models == (model,)


def test_two_states_of_a_test_set_are_not_mixed(results: Results) -> None:
    make.save_eval(results, make.eval_record("clcm", "fer2013", "ck-plus"))
    other = replace(make.eval_record("mobilenetv2", "fer2013", "ck-plus"), target_fingerprint="e" * 64)
    make.save_eval(results, other)
    with pytest.raises(FerBenchError, match="2 different states of ck-plus"):
        select(results)
    results.selection.write_text(f'[fer2013]\ntargets = {{ ck-plus = "{"e" * 64}" }}\n', encoding="utf-8")
    assert {r.model for r in select(results).blocks["fer2013"].evals} == {"mobilenetv2"}


def test_two_states_of_a_test_set_that_figures_alone_show_are_not_mixed(results: Results) -> None:
    for seed, state in ((0, "d" * 64), (1, "e" * 64)):
        make.save_run(results, "clcm", "fer2013", seed=seed)
        test = make.eval_record("clcm", "fer2013", "raf-db", seed=seed)
        make.save_eval(results, replace(test, target_fingerprint=state))
    with pytest.raises(FerBenchError, match="2 different states of raf-db"):
        select(results)
    results.selection.write_text(f'[fer2013]\ntargets = {{ raf-db = "{"e" * 12}" }}\n', encoding="utf-8")
    block = select(results).blocks["fer2013"]
    assert [test.seed for test in block.tested("clcm", "raf-db")] == [1]
    assert len(block.tested("clcm", "fer2013")) == 2


def test_a_run_in_progress_does_not_compete_with_evaluated_ones(results: Results) -> None:
    make.save_run(results, "clcm", "fer2013")
    records.save(results.records, make.train_record("clcm", "fer2013", recipe="next-89abcdef"))
    assert select(results).blocks["fer2013"].recipe == make.RECIPE


def test_seeds_can_be_chosen(results: Results) -> None:
    make.save_partial(results)
    results.selection.write_text("[fer2013]\nseeds = [1]\n", encoding="utf-8")
    evidence = select(results)
    block = evidence.blocks["fer2013"]
    assert {(r.model, r.seed) for r in block.evals} == {("clcm", 1)}
    assert [(r.model, r.seed) for r in block.trains] == [("clcm", 1)]
    assert {(r.model, r.seed) for other in evidence.others for r in other.trains} == {
        ("mobilenetv2", 0),
        ("clcm", 0),
        ("shufflenetv2", 0),
    }
    # Those that are not tested yet may be chosen already.
    for seed in (2, 10):
        records.save(results.records, make.train_record("clcm", "fer2013", seed=seed))
    results.selection.write_text("[fer2013]\nseeds = [10, 1, 2]\n", encoding="utf-8")
    assert [r.seed for r in select(results).blocks["fer2013"].trained("clcm")] == [1, 2, 10]
    results.selection.write_text("[fer2013]\nseeds = [0]\n", encoding="utf-8")
    (left_out,) = select(results).others
    assert [r.seed for r in left_out.trains] == [1, 2, 10]
    results.selection.write_text("[fer2013]\nseeds = [0, 5]\n", encoding="utf-8")
    with pytest.raises(FerBenchError, match="no record of 5"):
        select(results)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[fer2013]\nrecipe = "gone-00000000"', "matches no record"),
        ('[affectnet]\nrecipe = "paper-0123abcd"', "matches no record"),
        ('[latency]\nsession = "gone"', "matches no record"),
        ('[fer-2013]\nrecipe = "x"', r"unknown \[fer-2013\]"),
        ('[fer2013]\nmodel = "clcm"', "unknown key 'model'"),
        ("[fer2013]\nseeds = [true]", "a list of whole numbers"),
        ("[fer2013]\nseeds = []", "a list of whole numbers"),
        ("[fer2013]\nrecipe = 3", "a recipe id in quotes"),
        ('fer2013 = "paper"', "expected a table"),
        ('[fer2013]\ntargets = { raf-db = "0" }', "'raf-db', expected 'fer2013' or 'ck-plus'"),
        ('[fer2013]\ntargets = { ck-plus = "zz" }', "matches no record"),
        ("[fer2013]\ntargets = { ck-plus = 3 }", "test sets with fingerprints"),
        ("[fer2013", "not readable as TOML"),
        ('origin = "made up"', "expected"),
        ('origin = "synthetic"', "matches no record"),
    ],
)
def test_a_wrong_selection_is_refused(results: Results, content: str, message: str) -> None:
    make.save_partial(results)
    results.selection.write_text(content + "\n", encoding="utf-8")
    with pytest.raises(FerBenchError, match=message) as caught:
        select(results)
    assert str(results.selection) in str(caught.value)


def test_real_and_synthetic_are_never_mixed(results: Results) -> None:
    make.save_run(results, "clcm", "fer2013")
    make.save_run(results, "clcm", "raf-db", origin="synthetic")
    records.save(results.records, make.profile_record("clcm"))
    records.save(results.records, make.profile_record("mobilenetv2", origin="synthetic"))
    with pytest.raises(FerBenchError, match="real and synthetic"):
        select(results)
    for origin, dataset, model in (("synthetic", "raf-db", "mobilenetv2"), ("real", "fer2013", "clcm")):
        results.selection.write_text(f'origin = "{origin}"\n', encoding="utf-8")
        evidence = select(results)
        assert evidence.synthetic == (origin == "synthetic")
        assert list(evidence.blocks) == [dataset]
        assert {r.origin for block in evidence.blocks.values() for r in (*block.trains, *block.evals)} == {origin}
        assert evidence.latency is not None
        assert list(evidence.latency.profiles) == [model]


def test_runs_that_no_table_shows_do_not_decide_between_real_and_synthetic(results: Results) -> None:
    joined = "fer2013+raf-db"
    records.save(results.records, make.train_record("clcm", joined, origin="synthetic"))
    for target in ("fer2013", "ck-plus"):
        make.save_eval(results, make.eval_record("clcm", joined, target, origin="synthetic"))
    make.save_run(results, "clcm", "fer2013")
    evidence = select(results)
    assert (evidence.origin, list(evidence.blocks), evidence.others) == ("real", ["fer2013"], ())


@pytest.mark.parametrize("origin", ["real", "synthetic"])
def test_so_they_do_where_there_is_nothing_else(results: Results, origin: Origin) -> None:
    records.save(results.records, make.train_record("clcm", "fer2013+raf-db", origin=origin))
    evidence = select(results)
    assert evidence.origin == origin
    assert [other.dataset for other in evidence.others] == ["fer2013+raf-db"]


def test_times_beside_synthetic_faces_alone_are_called_so(results: Results) -> None:
    records.save(results.records, make.profile_record("clcm", origin="synthetic"))
    evidence = select(results)
    assert (evidence.synthetic, list(evidence.profiles)) == (True, ["clcm"])
    make.save_run(results, "clcm", "fer2013")
    with pytest.raises(FerBenchError, match="real and synthetic records lie together"):
        select(results)


def test_latencies_of_two_sessions_are_not_mixed(results: Results) -> None:
    for model, session in (("mobilenetv2", "monday"), ("clcm", "monday"), ("shufflenetv2", "tuesday")):
        records.save(results.records, make.profile_record(model, session=session))
    with pytest.raises(FerBenchError, match='session = "tuesday"'):
        select(results)
    results.selection.write_text('[latency]\nsession = "monday"\n', encoding="utf-8")
    latency = select(results).latency
    assert latency is not None
    assert list(latency.profiles) == ["mobilenetv2", "clcm"]


def test_statistics_of_another_session_are_not_shown(results: Results) -> None:
    for model in ("shufflenetv2", "my-net"):
        records.save(results.records, make.profile_record(model, session="tuesday"))
    make.save_statistics(results, runtime="keras-call")
    for model in ("mobilenetv2", "clcm"):
        records.save(results.records, make.profile_record(model, session="monday"))
    for session, runtimes in (("monday", []), ("tuesday", ["keras-call"])):
        results.selection.write_text(f'[latency]\nsession = "{session}"\n', encoding="utf-8")
        latency = select(results).latency
        assert latency is not None
        assert list(latency.statistics) == runtimes


def test_latencies_of_two_machines_under_one_session_name_are_refused(results: Results) -> None:
    records.save(results.records, make.profile_record("clcm"))
    records.save(results.records, make.profile_record("mobilenetv2", processor="Another CPU"))
    with pytest.raises(FerBenchError, match="profile` again"):
        select(results)


@pytest.mark.parametrize("change", [{"image_size": 96}, {"classes": 8}])
def test_latencies_of_other_inputs_or_answers_are_not_mixed(results: Results, change: dict[str, int]) -> None:
    records.save(results.records, make.profile_record("clcm"))
    records.save(results.records, replace(make.profile_record("mobilenetv2"), **change))
    with pytest.raises(FerBenchError, match="measurements that cannot be compared"):
        select(results)


def test_runs_beyond_the_tables_are_apart_by_the_state_of_their_dataset_and_have_their_own_tests(
    results: Results,
) -> None:
    own = "fer2013+raf-db"
    states = {0: "1" * 64, 1: "2" * 64}
    for seed, fingerprint in states.items():
        run = make.train_record("clcm", own, seed=seed)
        records.save(results.records, replace(run, dataset_fingerprint=fingerprint))
        test = replace(make.eval_record("clcm", own, "ck-plus", seed=seed), dataset_fingerprint=fingerprint)
        make.save_eval(results, test)
        older = replace(test, target="raf-db", weights_sha256="0" * 64, predictions=f"{seed}.npz")
        make.save_eval(results, older)
    found = select(results).others
    assert {one.fingerprint: [run.seed for run in one.trains] for one in found} == {states[0]: [0], states[1]: [1]}
    assert [[(test.target, test.seed) for test in one.evals] for one in found] == [[("ck-plus", 0)], [("ck-plus", 1)]]


def test_stale_statistics_are_refused(results: Results) -> None:
    make.save_partial(results)
    select(results)
    profile = make.profile_record("clcm")
    records.save(results.records, replace(profile, warmup=11))
    with pytest.raises(FerBenchError, match="run `fer-bench anova --runtime keras-predict` again"):
        select(results)


def test_a_test_of_older_weights_is_refused(results: Results) -> None:
    make.save_run(results, "clcm", "fer2013")
    run = make.train_record("clcm", "fer2013")
    records.save(results.records, replace(run, weights_sha256="0" * 64))
    with pytest.raises(FerBenchError, match="made with other weights"):
        select(results)


def test_so_it_is_where_the_dataset_was_prepared_anew_before_the_training(results: Results) -> None:
    make.save_run(results, "clcm", "fer2013")
    run = make.train_record("clcm", "fer2013")
    records.save(results.records, replace(run, weights_sha256="0" * 64, dataset_fingerprint="1" * 64))
    with pytest.raises(FerBenchError, match=r"made with other weights than clcm__.*run `fer-bench evaluate`"):
        select(results)


def test_a_copied_record_is_refused(results: Results) -> None:
    make.save_run(results, "clcm", "fer2013")
    path = records.path_of(results.records, make.train_record("clcm", "fer2013"))
    shutil.copy(path, path.with_name("backup.json"))
    with pytest.raises(FerBenchError, match="would count twice"):
        select(results)


def test_other_classes_are_refused(results: Results) -> None:
    record = make.eval_record("clcm", "fer2013", "fer2013")
    make.save_eval(results, replace(record, class_names=tuple(reversed(record.class_names))))
    with pytest.raises(FerBenchError, match="the paper's tables need angry, disgust"):
        select(results)
