"""The one way to the published state: what is copied, what is refused."""

import errno
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import record_factory as make
from typer.testing import CliRunner

from fer_bench import publish as module
from fer_bench import records
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.files import sha256_of
from fer_bench.publish import publish, unshown
from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.selection import Evidence, load_selection, select
from fer_bench.workspace import Results, Workspace


@pytest.fixture
def source(tmp_path: Path) -> Results:
    return make.results_in(tmp_path / "workspace")


@pytest.fixture
def published(tmp_path: Path) -> Results:
    return make.results_in(tmp_path / "reports")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_arrives_and_gives_the_same_tables(source: Results, published: Results) -> None:
    make.save_partial(source)
    written = publish(source, published)
    assert files(published.records) == files(source.records)
    assert sorted(written) == sorted(path for path in published.records.rglob("*") if path.is_file())
    assert not published.selection.exists()
    assert select(published) == select(source)
    assert publish(source, published) == written


def test_predictions_come_before_the_records_that_name_them(source: Results, published: Results) -> None:
    make.save_partial(source)
    endings = [path.suffix for path in publish(source, published)]
    assert endings == sorted(endings, reverse=True)
    assert set(endings) == {".npz", ".json"}


def test_a_disk_that_fills_up_leaves_no_half_of_a_published_file(
    source: Results, published: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.save_run(source, "clcm", "fer2013")
    publish(source, published)
    before = files(published.records)
    copy = shutil.copyfile

    def full(path: Path, target: Path, **options: bool) -> None:
        if not Path(target).is_relative_to(published.records):
            copy(path, target, **options)
            return
        Path(target).write_bytes(path.read_bytes()[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        publish(source, published)
    assert files(published.records) == before


def test_synthetic_records_are_refused(source: Results, published: Results) -> None:
    make.save_partial(source)
    records.save(source.records, make.profile_record("clcm", origin="synthetic"))
    with pytest.raises(FerBenchError, match=r"clcm__tensorflow\.json: of synthetic faces"):
        publish(source, published)
    assert not published.records.exists()


def test_a_hand_edited_accuracy_is_refused(source: Results, published: Results) -> None:
    make.save_partial(source)
    path = records.path_of(source.records, make.eval_record("clcm", "raf-db", "raf-db"))
    text = path.read_text(encoding="utf-8")
    start = text.index('"accuracy": ')
    path.write_text(text[:start] + '"accuracy": 0.99' + text[text.index(",", start) :], encoding="utf-8")
    with pytest.raises(FerBenchError, match="is not the matrix's"):
        publish(source, published)


def test_predictions_must_be_there_unchanged_and_fit_the_matrix(source: Results, published: Results) -> None:
    record = make.save_eval(source, make.eval_record("clcm", "raf-db", "raf-db"))
    file = source.records / "eval" / record.predictions
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(FerBenchError, match="are missing"):
        publish(source, published)
    file.write_bytes(content[:-10])
    with pytest.raises(FerBenchError, match="not the predictions"):
        publish(source, published)
    # A record whose checksum fits, but whose matrix is another one.
    other = make.eval_record("mobilenetv2", "raf-db", "raf-db")
    file.write_bytes(content)
    forged = replace(
        record,
        confusion_matrix=other.confusion_matrix,
        accuracy=other.accuracy,
        predictions_sha256=sha256_of(file),
    )
    records.save(source.records, forged)
    with pytest.raises(FerBenchError, match="another confusion matrix"):
        publish(source, published)
    assert not published.records.exists()


@pytest.mark.parametrize("name", ["../clcm.npz", "/etc/passwd", "clcm.txt"])
def test_predictions_elsewhere_are_refused(source: Results, published: Results, name: str) -> None:
    record = make.save_eval(source, make.eval_record("clcm", "raf-db", "raf-db"))
    records.save(source.records, replace(record, predictions=name))
    with pytest.raises(FerBenchError, match=r"expected the name of an \.npz"):
        publish(source, published)


def test_pictures_among_the_predictions_are_refused(source: Results, published: Results) -> None:
    record = make.save_eval(source, make.eval_record("clcm", "raf-db", "raf-db"))
    file = source.records / "eval" / record.predictions
    with np.load(file) as archive:
        arrays = dict(archive)
    np.savez_compressed(file, **arrays, images=np.zeros((3, 48, 48), np.uint8))
    records.save(source.records, replace(record, predictions_sha256=sha256_of(file)))
    with pytest.raises(FerBenchError, match=r"holds ids \(3068,\), images \(3, 48, 48\)"):
        publish(source, published)


def test_too_much_is_refused(source: Results, published: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    make.save_partial(source)
    size = sum(len(content) for content in files(source.records).values())
    monkeypatch.setattr(module, "LIMIT", size - 1)
    with pytest.raises(FerBenchError, match="MB may be published"):
        publish(source, published)
    assert not published.records.exists()
    monkeypatch.setattr(module, "LIMIT", size)
    publish(source, published)


def test_nothing_to_publish_and_publishing_onto_itself(source: Results, published: Results) -> None:
    with pytest.raises(FerBenchError, match="no records to publish"):
        publish(source, published)
    make.save_partial(source)
    with pytest.raises(FerBenchError, match="already the published records"):
        publish(source, source)


def test_a_new_recipe_is_shown_and_the_old_records_stay(source: Results, published: Results, tmp_path: Path) -> None:
    make.save_run(published, "clcm", "fer2013", recipe="short-89abcdef")
    make.save_run(source, "clcm", "fer2013")
    written = publish(source, published)
    assert written[-1] == published.selection
    assert load_selection(published.selection).choices["fer2013"].recipe == make.RECIPE
    assert select(published).blocks["fer2013"].recipe == make.RECIPE
    assert unshown(source, published) == []
    assert len(list((published.records / "eval").glob("*.json"))) == 4

    # What is selected already stays, with what people wrote around it.
    published.selection.write_text('# mine\n[fer2013]\nrecipe = "short-89abcdef"  # why\n', encoding="utf-8")
    other = make.results_in(tmp_path / "other")
    for dataset in ("fer2013", "raf-db"):
        make.save_run(other, "clcm", dataset)
    make.save_run(published, "clcm", "raf-db", recipe="short-89abcdef")
    publish(other, published)
    text = published.selection.read_text(encoding="utf-8")
    assert text == ('# mine\n[fer2013]\nrecipe = "short-89abcdef"  # why\n\n[raf-db]\nrecipe = "paper-0123abcd"\n')
    assert select(published).blocks["fer2013"].recipe == "short-89abcdef"
    (line,) = unshown(other, published)
    assert line == (
        f"{published.selection}: names other runs trained on fer2013, so those by {make.RECIPE} are in no table (the "
        f'report has them under Other runs); to show them, write there: [fer2013] / recipe = "{make.RECIPE}"'
    )


def test_a_run_that_is_not_tested_yet_takes_no_block_and_stops_nothing(source: Results, published: Results) -> None:
    make.save_run(published, "clcm", "fer2013")
    shown = select(published).blocks["fer2013"]
    records.save(source.records, make.train_record("clcm", "fer2013", recipe="next-89abcdef"))
    make.save_run(source, "clcm", "raf-db")
    publish(source, published)
    assert not published.selection.exists()
    evidence = select(published)
    assert evidence.blocks["fer2013"] == shown
    assert [other.recipe for other in evidence.others] == ["next-89abcdef"]
    assert "raf-db" in evidence.blocks
    assert unshown(source, published) == []


def test_what_the_workspace_selects_is_published_with_it(source: Results, published: Results) -> None:
    make.save_partial(source)
    source.selection.write_text("[fer2013]\nseeds = [0]\n", encoding="utf-8")
    publish(source, published)
    assert select(published) == select(source)
    assert select(published).blocks["fer2013"].seeds("clcm") == (0,)


def test_seeds_that_the_published_selection_leaves_out_are_told(source: Results, published: Results) -> None:
    make.save_run(source, "clcm", "fer2013")
    source.selection.write_text("[fer2013]\nseeds = [0]\n", encoding="utf-8")
    publish(source, published)
    assert unshown(source, published) == []
    source.selection.unlink()
    for seed in (1, 2):
        make.save_run(source, "clcm", "fer2013", seed=seed)
    publish(source, published)
    assert select(published).blocks["fer2013"].seeds("clcm") == (0,)
    (line,) = unshown(source, published)
    assert line.startswith(f"{published.selection}: names seeds of fer2013, and 1, 2 not among them, so these are in ")


def test_an_ambiguous_workspace_is_told_what_to_write(source: Results, published: Results) -> None:
    make.save_run(source, "clcm", "fer2013")
    make.save_run(source, "clcm", "fer2013", recipe="short-89abcdef")
    with pytest.raises(FerBenchError, match=f"write into {source.selection}"):
        publish(source, published)
    assert not published.records.exists()


def test_a_new_session_replaces_the_published_latencies(source: Results, published: Results) -> None:
    for model in ("mobilenetv2", "clcm", "shufflenetv2"):
        records.save(published.records, make.profile_record(model, session="old"))
    for model in ("mobilenetv2", "clcm"):
        records.save(source.records, make.profile_record(model, session="new"))
    publish(source, published)
    assert load_selection(published.selection).choices["latency"].session == "new"
    latency = select(published).latency
    assert latency is not None
    assert list(latency.profiles) == ["mobilenetv2", "clcm"]


def test_a_session_that_is_not_shown_leaves_the_published_statistics(source: Results, published: Results) -> None:
    make.save_partial(source)
    publish(source, published)
    published.selection.write_text('[latency]\nsession = "session-1"\n', encoding="utf-8")
    shown = select(published).latency
    other = make.results_in(source.records.parent / "other")
    for model in ("densenet121", "resnet50"):
        records.save(other.records, make.profile_record(model, session="new"))
    make.save_statistics(other)
    written = publish(other, published)
    assert {path.parent.name for path in written} == {"profile"}
    assert select(published).latency == shown
    (line,) = unshown(other, published)
    assert "so those of new are in no table" in line
    told = line.split(f"{published.selection}: ")[1].removesuffix("; then publish again")
    published.selection.write_text("\n".join(told.split(" / ")), encoding="utf-8")
    publish(other, published)
    assert unshown(other, published) == []
    latency = select(published).latency
    assert latency is not None
    assert latency.statistics["keras-predict"].models == ("densenet121", "resnet50")


def test_profiles_that_make_published_statistics_stale_are_refused(source: Results, published: Results) -> None:
    make.save_partial(published)
    before = files(published.records)
    records.save(source.records, make.profile_record("clcm", session="new"))
    with pytest.raises(FerBenchError, match=r"nothing was published; .*fer-bench anova"):
        publish(source, published)
    assert files(published.records) == before
    assert not published.selection.exists()


def test_a_retrained_model_needs_its_cross_test_again(source: Results, published: Results) -> None:
    make.save_run(published, "clcm", "fer2013")
    new = {"weights_sha256": "1" * 64}
    records.save(source.records, replace(make.train_record("clcm", "fer2013"), **new))
    make.save_eval(source, replace(make.eval_record("clcm", "fer2013", "fer2013"), **new))
    before = files(published.records)
    with pytest.raises(FerBenchError, match="made with other weights") as caught:
        publish(source, published)
    assert str(published.records) in str(caught.value)
    assert files(published.records) == before


def test_the_published_file_is_readable_by_this_version(source: Results, published: Results) -> None:
    make.save_partial(source)
    publish(source, published)
    assert records.load_all(published.records, EvalRecord) == records.load_all(source.records, EvalRecord)


def test_what_the_datasets_held_is_published(source: Results, published: Results) -> None:
    prepared = make.preparation("fer2013", layout="split-csv")
    run = replace(make.train_record("clcm", "fer2013"), prepared=(prepared,))
    records.save(source.records, run)
    test = replace(make.eval_record("clcm", "fer2013", "fer2013"), target_prepared=prepared)
    test = make.save_eval(source, test)
    publish(source, published)
    assert records.load_all(published.records, TrainRecord) == [run]
    assert records.load_all(published.records, EvalRecord) == [test]


def test_a_workspace_at_work_is_published_from(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "workspace")
    make.save_run(place.results, "clcm", "fer2013")
    (tmp_path / "checkout").mkdir()
    words = ["publish", "--workspace", str(place.root), "--to", str(tmp_path / "checkout")]
    with place.lock():
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert files(tmp_path / "checkout" / "reports" / "records") == files(place.results.records)


def test_a_test_made_anew_meanwhile_is_not_published_in_part(
    source: Results, published: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make.save_eval(source, make.eval_record("clcm", "raf-db", "raf-db"))
    answers = (source.records / "eval" / record.predictions).read_bytes()

    def select_meanwhile(results: Results) -> Evidence:
        make.save_eval(source, make.eval_record("clcm", "raf-db", "raf-db", matrix=make.near("raf-db", 50)))
        (source.records / "eval" / record.predictions).write_bytes(answers)
        return select(results)

    monkeypatch.setattr(module, "select", select_meanwhile)
    with pytest.raises(FerBenchError, match=r"raf-db__.*\.json: was written anew while it was read; .* try again"):
        publish(source, published)
    assert not published.records.exists()


def test_a_mistyped_checkout_is_not_made_and_another_one_is_named_in_the_command_to_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.save_run(make.results_in(tmp_path / "workspace"), "clcm", "fer2013")
    checkout = tmp_path / "my checkout"
    words = ["publish", "--workspace", str(tmp_path / "workspace"), "--to"]
    with pytest.raises(FerBenchError, match=f"--to {checkout}: no such folder; name an existing checkout"):
        CliRunner().invoke(app, [*words, str(checkout)], catch_exceptions=False)
    assert not checkout.exists()
    checkout.mkdir()
    result = CliRunner().invoke(app, [*words, str(checkout)], catch_exceptions=False)
    assert result.stdout.endswith(
        f"now render them: cd '{checkout}' && fer-bench tables && fer-bench figures && fer-bench report\n"
    )
    monkeypatch.chdir(checkout)
    result = CliRunner().invoke(app, words[:-1], catch_exceptions=False)
    assert result.stdout.endswith("now render them: fer-bench tables && fer-bench figures && fer-bench report\n")
