"""Records of external models, right of the records: shown beside fer-bench's own on the same images, and marked."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from record_factory import (
    digest,
    environment,
    eval_record,
    preparation,
    profile_record,
    results_in,
    save_eval,
    save_partial,
    save_run,
    train_record,
)

from fer_bench import records, session_anova
from fer_bench.errors import FerBenchError
from fer_bench.figures import build_figures
from fer_bench.figures.transfer import NAME
from fer_bench.leaderboard.contests import contests
from fer_bench.leaderboard.document import table as board_table
from fer_bench.leaderboard.gathering import Wanted, gather, profiles
from fer_bench.leaderboard.latency import rank_times, sessions
from fer_bench.leaderboard.latency_document import table as time_table
from fer_bench.leaderboard.places import find_places
from fer_bench.leaderboard.ranking import rank
from fer_bench.publish import publish, unshown
from fer_bench.records import EvalRecord, External, LatencySample, ProfileRecord
from fer_bench.report.summary import beside_chance, summary
from fer_bench.selection import select
from fer_bench.tables import build_tables
from fer_bench.tables.values import Grid, Missing, Number
from fer_bench.workspace import Results


def external(trained_on: str = "") -> External:
    labels = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
    return External(sha256=digest("file"), labels=labels, input="64 × 64 × 1, NCHW", trained_on=trained_on)


def external_eval(target: str, trained_on: str = "", *, model: str = "their-net") -> EvalRecord:
    return dataclasses.replace(
        eval_record(model, "external", target),
        recipe="onnx-0123abcd",
        backend="onnxruntime",
        dataset_fingerprint="",
        weights_sha256=digest("file"),
        predictions=f"{model}__external__{target}__onnx-0123abcd__s0.npz",
        external=external(trained_on),
    )


def external_profile(model: str = "their-net") -> ProfileRecord:
    times = tuple(LatencySample(order=1000 + i, seconds=0.004 + 0.0001 * (i % 7)) for i in range(50))
    return dataclasses.replace(
        profile_record(model), image_size=64, latency={"onnxruntime": times}, flops_paper_rule=None, external=external()
    )


def timed_in_onnxruntime(results: Results) -> None:
    for record in records.load_all(results.records, ProfileRecord):
        records.save(
            results.records,
            dataclasses.replace(record, latency={**record.latency, "onnxruntime": record.latency["keras-call"]}),
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Results:
    results = results_in(tmp_path_factory.mktemp("made"))
    save_partial(results)
    (results.records / "statistics/anova__keras-predict.json").unlink()
    for target in ("fer2013", "affectnet", "ck-plus"):
        save_eval(results, external_eval(target, "AffectNet-8"))
    timed_in_onnxruntime(results)
    records.save(results.records, external_profile())
    session_anova.anova(results, "keras-predict")
    session_anova.anova(results, "onnxruntime")
    return results


@pytest.fixture
def mixed(made: Results, tmp_path: Path) -> Results:
    shutil.copytree(made.records, tmp_path / "mixed/records")
    return results_in(tmp_path / "mixed")


def rows_of(block: Grid) -> dict[str, tuple]:
    return {row[0].text: row for row in block.rows}


def test_its_rows_stand_beside_those_of_the_same_images(mixed: Results) -> None:
    evidence = select(mixed)
    tables = {table.number: table for table in build_tables(evidence)}
    fer, _, affect = tables[4].blocks
    assert isinstance(rows_of(fer)["their-net †"][1], Number)
    assert isinstance(rows_of(affect)["their-net †"][1], Number)
    assert fer.beyond == affect.beyond == 1
    # No runs of fer-bench's own on AffectNet: the paper's rows are missing, not invented.
    assert all(isinstance(row[1], Missing) for row in affect.rows[:-1])
    assert "AffectNet: no runs of fer-bench's own; tested on 3,500 AffectNet images" in " ".join(tables[4].notes)
    *blocks, other = tables[5].blocks
    assert [row[0].text for row in other.rows] == ["their-net †"]
    assert all("their-net" not in repr(block) for block in blocks)
    assert not any("their-net" in note and "seed" in note for note in tables[4].notes)
    assert evidence.blocks["fer2013"].seeds("their-net") == ()


def test_its_parameters_and_flops_are_counted_otherwise_and_never_the_best(mixed: Results) -> None:
    told = dataclasses.replace(external(), parameters="all values")
    small = dataclasses.replace(external_profile(), trainable_parameters=1, flops_paper_rule=1, external=told)
    records.save(mixed.records, small)
    (mixed.records / "statistics/anova__onnxruntime.json").unlink()
    table = next(table for table in build_tables(select(mixed)) if table.number == 6)
    grid = table.blocks[0]
    assert isinstance(grid, Grid)
    for column in (1, 2):
        best = {name for name, row in rows_of(grid).items() if isinstance(row[column], Number) and row[column].best}
        assert best == {"CLCM"}
    note = next(note for note in table.notes if note.startswith("† their-net"))
    assert "Parameters: all values. GFLOPs: biases of folded batch norms counted, up to 1.5 % more where tried." in note


def test_on_ck_plus_it_goes_where_its_author_says(tmp_path: Path) -> None:
    results = results_in(tmp_path)
    save_partial(results)
    save_eval(results, external_eval("ck-plus", "FER-2013"))
    table = build_tables(select(results))[4]
    assert "their-net †" in rows_of(table.blocks[0])
    assert len(table.blocks) == 3
    # On the test set of another of the paper's datasets it stands beside those of the same images only.
    save_eval(results, external_eval("raf-db", "FER-2013"))
    blocks = select(results).blocks
    assert [test.target for test in blocks["fer2013"].external()] == ["ck-plus"]
    assert [test.target for test in blocks["raf-db"].external()] == ["raf-db"]


def test_on_another_ck_plus_a_note_says_so(mixed: Results) -> None:
    record = dataclasses.replace(
        external_eval("ck-plus", "AffectNet-8"), target_prepared=preparation("ck-plus", protocol="last-three")
    )
    save_eval(mixed, record)
    notes = build_tables(select(mixed))[4].notes
    assert "Other or unknown training data: tested on CK+ (protocol last-three, version 1)." in notes


def test_its_complexity_and_times_stand_beside_ours(mixed: Results) -> None:
    tables = {table.number: table for table in build_tables(select(mixed))}
    complexity, *times = tables[6].blocks
    row = rows_of(complexity)["their-net †"]
    assert row[1].value == 1_000_000
    assert isinstance(row[2], Missing)  # FLOPs are not known
    assert isinstance(row[3], Missing)  # and it is not timed in Keras
    onnx = next(block for block in times if "onnxruntime" in block.title)
    assert rows_of(onnx)["their-net †"][2].value == 50
    assert any(note.startswith("† their-net: external ONNX model") for note in tables[6].notes)
    pairs = next(block for block in tables[7].blocks if "onnxruntime" in block.title)
    assert [(row[0].text, row[1].text) for row in pairs.rows if row[0].text == "their-net †"] == [
        ("their-net †", "MobileNetV2"),
        ("their-net †", "CLCM"),
        ("their-net †", "ShuffleNetV2"),
    ]
    keras = next(block for block in tables[7].blocks if "keras-predict" in block.title)
    assert len(keras.rows) == 6
    assert session_anova.anova_is_fresh(mixed, "keras-predict")
    assert session_anova.anova_is_fresh(mixed, "onnxruntime")


def test_figures_and_report_say_what_it_is(mixed: Results) -> None:
    evidence = select(mixed)
    drawings = build_figures(evidence)
    told = [drawing.caption for drawing in drawings if "their-net" in repr(drawing) and "-on-" in drawing.name]
    assert told
    assert all("their training data and protocol their authors' and not checked: their-net" in text for text in told)
    transfer = next(drawing for drawing in drawings if drawing.name == NAME)
    assert all(cell.trained_on != "affectnet" for grid in transfer.models for cell in grid.cells)
    assert "trained on AffectNet-8, its author says" in repr(summary(evidence))
    chance = next(item for item in beside_chance(evidence) if isinstance(item, Grid))
    assert "their-net †" in {row[2].text for row in chance.rows}


def test_alone_on_two_test_sets_it_makes_no_matrix_of_what_was_trained(tmp_path: Path) -> None:
    results = results_in(tmp_path)
    for target in ("fer2013", "raf-db"):
        save_eval(results, external_eval(target))
    names = [drawing.name for drawing in build_figures(select(results))]
    assert "confusion-raf-db-on-raf-db" in names
    assert NAME not in names
    # Nor a column of nothing but dashes, beside a model of our own.
    save_run(results, "clcm", "fer2013")
    transfer = next(drawing for drawing in build_figures(select(results)) if drawing.name == NAME)
    assert transfer.tested_on == ("fer2013", "ck-plus")


def test_it_is_ranked_with_those_of_the_same_images(mixed: Results) -> None:
    places = find_places([mixed.records])
    found = {(one.dataset, one.target): one for one in contests(gather(places, Wanted()))}
    assert {contender.model for contender in found["fer2013", "fer2013"].contenders} >= {"their-net", "clcm"}
    assert {contender.model for contender in found["fer2013", "ck-plus"].contenders} >= {"their-net", "clcm"}
    assert found["external", "affectnet"].contenders[0].model == "their-net"
    alone = board_table(rank(found["external", "affectnet"], [], profiles(places)))
    assert any("test set" in note for note in alone.notes)
    assert not any("training set" in note for note in alone.notes), "which is its author's, and has no fingerprint"
    board = board_table(rank(found["fer2013", "fer2013"], [], profiles(places)))
    (row,) = (row for row in board.blocks[0].rows if row[1].text == "their-net †")
    assert row[-2].value == 1_000_000
    assert any("were not checked" in note for note in board.notes)
    # Choosing a recipe or a training dataset chooses among fer-bench's own.
    assert any(run.record.external for run in gather(places, Wanted(recipes=("paper",), datasets=("fer2013",))))
    (session,) = sessions(places, Wanted())
    times = time_table(rank_times(session, "onnxruntime"))
    assert "their-net †" in {row[1].text for row in times.blocks[0].rows}
    assert any("were not checked" in note for note in times.notes)
    assert "input 224 × 224 × 3" in times.notes[1]


def test_two_files_under_one_name_are_not_mixed(mixed: Results) -> None:
    other = external_eval("fer2013")
    stem = "their-net__external__fer2013__onnx-ffffffff__s0.npz"
    save_eval(mixed, dataclasses.replace(other, recipe="onnx-ffffffff", predictions=stem))
    with pytest.raises(FerBenchError, match="the external model their-net is another one"):
        select(mixed)


@pytest.mark.parametrize("change", [{"sha256": digest("other")}, {"input": "48 × 48 × 1, NCHW"}])
def test_a_profile_of_another_file_is_not_mixed_with_its_tests(mixed: Results, change: dict[str, str]) -> None:
    profile = external_profile()
    records.save(mixed.records, dataclasses.replace(profile, external=dataclasses.replace(external(), **change)))
    with pytest.raises(FerBenchError, match=r"profile/their-net__.* is another one in eval/"):
        select(mixed)


def test_another_state_of_the_test_set_is_not_mixed(mixed: Results) -> None:
    save_eval(mixed, dataclasses.replace(external_eval("fer2013"), target_fingerprint=digest("other")))
    with pytest.raises(FerBenchError, match="tested on 2 different states of fer2013"):
        select(mixed)


def test_two_of_unknown_training_data_on_two_states_of_ck_plus_are_not_mixed(tmp_path: Path) -> None:
    results = results_in(tmp_path)
    save_eval(results, external_eval("ck-plus"))
    save_eval(results, external_eval("ck-plus", model="other-net"))
    assert len(select(results).elsewhere) == 2
    other = dataclasses.replace(external_eval("ck-plus", model="other-net"), target_fingerprint="e" * 64)
    save_eval(results, other)
    with pytest.raises(FerBenchError, match=r"external models: .* on 2 different states of ck-plus"):
        select(results)


def test_it_can_be_published(mixed: Results, tmp_path: Path) -> None:
    destination = results_in(tmp_path / "published")
    written = {path.name for path in publish(mixed, destination)}
    assert "their-net__external__fer2013__onnx-0123abcd__s0.json" in written
    assert select(destination).blocks["fer2013"].external("fer2013")


def test_times_of_it_alone_take_no_table_and_stop_no_publishing(mixed: Results, tmp_path: Path) -> None:
    alone = results_in(tmp_path / "alone")
    timed = external_profile()
    for model in ("their-net", "other-net"):
        profile = dataclasses.replace(timed, model=model, session="later")
        if model == "other-net":
            profile = dataclasses.replace(profile, external=dataclasses.replace(external(), sha256=digest("other")))
        records.save(alone.records, profile)
    session_anova.anova(alone, "onnxruntime")
    (mixed.records / "profile" / "their-net__tensorflow.json").unlink()
    for path in (mixed.records / "statistics").glob("*onnxruntime*"):
        path.unlink()
    session_anova.anova(mixed, "onnxruntime")
    shown = select(mixed).latency
    assert {path.parent.name for path in publish(alone, mixed)} == {"profile"}
    assert select(mixed).latency == shown
    (line,) = unshown(alone, mixed)
    assert line.endswith("to show them, profile these external models together with fer-bench's own")


@pytest.mark.parametrize("change", [{"dataset": "fer2013"}, {"weights_sha256": digest("other")}])
def test_an_external_record_that_contradicts_itself_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    path = records.save(tmp_path, dataclasses.replace(external_eval("fer2013"), **change))
    with pytest.raises(FerBenchError, match="external, but of dataset"):
        records.load(path, EvalRecord)


def test_older_records_load_and_are_no_external_ones(tmp_path: Path) -> None:
    path = records.save(tmp_path, eval_record("clcm", "fer2013", "fer2013"))
    path.write_text(path.read_text().replace(' "external": null,\n', ""))
    assert '"external"' not in path.read_text()
    assert records.load(path, EvalRecord).external is None
    assert train_record("clcm", "fer2013").environment == environment()
