"""The command ``anova``: what it prints, what it saves, what its check finds."""

import dataclasses
import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
import record_factory as make
from advice import commands, follow
from typer.testing import CliRunner

from fer_bench import lock, paper, records, session_anova, stages, statistics
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.records import LatencySample
from fer_bench.run_all import rendering
from fer_bench.selection import select
from fer_bench.statistics import analyse_profiles
from fer_bench.tables.differences import table7
from fer_bench.workspace import PUBLISHED, Workspace

_ANALYSED = {}


@pytest.fixture(autouse=True)
def analysed_once(monkeypatch):
    """A model's times are the same in every test, and an analysis takes seconds."""

    def once(profiles, runtime, *, alpha):
        key = tuple(profile.model for profile in profiles), runtime, alpha
        if key not in _ANALYSED:
            _ANALYSED[key] = analyse_profiles(profiles, runtime, alpha=alpha)
        return _ANALYSED[key]

    monkeypatch.setattr(statistics, "analyse_profiles", once)


@pytest.fixture
def place(tmp_path):
    """A workspace with profiles of the three models."""
    place = Workspace(tmp_path / "workspace")
    for model in paper.MODELS:
        records.save(place.results.records, make.profile_record(model))
    return place


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with published profiles, as the current one."""
    monkeypatch.chdir(tmp_path)
    for model in paper.MODELS:
        records.save(PUBLISHED.records, make.profile_record(model))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["anova", *map(str, arguments)])


def test_json_has_every_form(place):
    result = run("--json", "--workspace", place.root)
    content = json.loads(result.stdout)
    assert set(content) >= {
        *("f", "p", "df", "pairs"),
        *("assumptions", "welch", "games_howell", "kruskal", "dunn", "repeated_measures", "effect", "recommended"),
    }
    assert content["df"] == [2, 147]
    assert [pair["a"] for pair in content["pairs"][::2]] == list(paper.MODELS)
    for form in ("pairs", "games_howell", "dunn"):
        assert len(content[form]) == 6
        assert {"a", "b", "difference", "p", "significant"} <= set(content[form][0])
    mean = content["mean"]
    for pair in content["games_howell"]:
        assert pair["difference"] == pytest.approx(mean[pair["a"]] - mean[pair["b"]])
        assert pair["ci"][0] < pair["difference"] < pair["ci"][1]
    assert "process_means" in content["refused"]


def test_text_says_what_to_believe(place):
    result = run("--workspace", place.root)
    assert result.exit_code == 0
    for words in ("Tukey's HSD", "Welch, Games-Howell", "Kruskal-Wallis, Dunn", "repeated measures", "descriptive"):
        assert words in result.stdout
    assert "Not computed, process means: 1 process of a model" in result.stdout
    assert result.stdout.strip().splitlines()[-1].startswith("Believe ")


def test_the_pairs_of_the_form_to_believe_are_shown_with_what_it_takes_for_granted(tmp_path):
    """Five processes that slow all models alike: Tukey's test sees nothing, the differences within a process do."""
    place = Workspace(tmp_path / "workspace")
    for index, model in enumerate(paper.MODELS):
        calls = [
            LatencySample(
                order=3 * i + index,
                seconds=0.05 + 0.01 * (i // 10) + 0.001 * index + 0.0001 * ((3 * index + i // 10) % 4),
                process=i // 10,
            )
            for i in range(50)
        ]
        records.save(
            place.results.records, replace(make.profile_record(model), latency={"keras-predict": tuple(calls)})
        )
    level = ("--alpha", "0.04", "--workspace", place.root)  # Another than that of the times of the other tests.
    content = json.loads(run("--json", *level).stdout)
    assert content["recommended"]["form"] == "repeated_measures"
    result = " ".join(run(*level).stdout.split())
    pairs = {(pair["a"], pair["b"]): pair for pair in content["repeated_measures"]["pairs"]}
    _, believed = result.split("The form to believe: paired t (p by Holm, intervals by Bonferroni, which are wider)")
    believed, _ = believed.split("Assumptions of one-way ANOVA")
    for a, b in (("mobilenetv2", "clcm"), ("mobilenetv2", "shufflenetv2"), ("clcm", "shufflenetv2")):
        low, high = pairs[a, b]["ci"]
        assert f"{a} {b} {pairs[a, b]['difference']:+.4f}* {low:+.4f} to {high:+.4f}" in believed
    told = "take differences as normal, which 5 processes can hardly show or refute"
    least = "give no p below 0.0625 with so few"
    assert told in result
    assert least in result
    [note] = [note for note in table7(select(place.results)).notes if told in note]
    assert least in note


def test_a_workspace_that_is_only_read_tells_what_is_saved_there(place, monkeypatch):
    def read_only(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    saved = run("--workspace", place.root)
    monkeypatch.setattr(lock, "acquired", read_only)
    monkeypatch.setattr(Path, "unlink", read_only)
    monkeypatch.setattr(records, "save", lambda folder, record: read_only(records.path_of(folder, record)))
    again = run("--workspace", place.root)
    assert (again.exit_code, again.stdout) == (0, saved.stdout)
    told = run("--workspace", place.root, "--alpha", "0.01").exception  # Not saved.
    assert (told.errno, told.filename) == (
        errno.EROFS,
        str(place.results.records / "statistics/anova__keras-predict.json"),
    )


def test_the_papers_summary_says_which_forms_need_the_values():
    text = run("--from-summary").stdout
    assert "F(2, 147) = " in text
    assert "Not computed, kruskal: ranks need the single values" in text
    assert "Believe Welch's ANOVA with Games-Howell: the variances differ (ratio 9.6" in text
    content = json.loads(run("--from-summary", "--json").stdout)
    assert content["kruskal"] is None
    assert content["recommended"]["form"] == "welch"


def test_check_is_quiet_after_anova_and_names_what_was_changed(place):
    place_option = ("--workspace", place.root)
    assert run(*place_option, "--alpha", "0.01").exit_code == 0
    assert run("--check", *place_option).exit_code == 0
    path = place.results.records / "statistics" / "anova__keras-predict.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["welch"]["f"] *= 1.001
    path.write_text(json.dumps(content), encoding="utf-8")
    before = path.read_bytes()
    result = run("--check", *place_option)
    assert result.exit_code == 1
    assert "welch.f: " in result.stdout
    assert "statistics are not what the profiles give; run fer-bench anova --workspace" in result.stderr
    assert path.read_bytes() == before


def test_check_advises_a_command_for_each_record_that_is_stale(place):
    place = Workspace(place.root.rename(place.root.with_name("my runs")))
    where = ("--workspace", str(place.root))
    make.save_statistics(place.results)
    made_up = make.save_statistics(place.results, runtime="keras-call")
    records.save(place.results.records, dataclasses.replace(made_up, alpha=0.01))
    result = run("--check", *where)
    assert len(commands(result.stderr)) == 2
    follow(result.stderr)
    assert run("--check", *where).exit_code == 0
    found = records.load_all(place.results.records, records.StatisticsRecord)
    assert {record.runtime: record.alpha for record in found} == {"keras-predict": 0.05, "keras-call": 0.01}
    # Of a runtime that has none yet.
    records.path_of(place.results.records, made_up).unlink()
    missing = run("--check", *where, "--runtime", "keras-call")
    assert commands(missing.stderr) == [["anova", *where, "--runtime", "keras-call"]]


def test_check_sees_that_a_profile_was_measured_again(place):
    run("--workspace", place.root)
    records.save(place.results.records, make.profile_record("clcm", processor="another"))
    result = run("--check", "--workspace", place.root)
    assert result.exit_code == 1
    assert "inputs.clcm" in result.stdout


def test_check_wants_the_statistics_to_be_there(place):
    result = run("--check", "--workspace", place.root)
    assert result.exit_code == 1
    assert "no statistics of keras-predict" in result.stdout


def test_published_profiles_are_analysed_in_their_place(checkout):
    result = run("--check")
    assert result.exit_code == 1
    follow(result.stderr)
    path = checkout / "reports/records/statistics/anova__keras-predict.json"
    content = json.loads(path.read_text())
    # The rounding of another machine: asked again, it changes no file.
    path.write_text(json.dumps(content | {"f": content["f"] * (1 + 1e-14)}))
    before = path.read_bytes()
    assert run("--published", "--json").exit_code == 0
    assert path.read_bytes() == before
    path.write_text(json.dumps(content | {"f": content["f"] * 2}))
    assert run("--published").exit_code == 0
    assert json.loads(path.read_text()) == content
    assert not (checkout / "workspace").exists()
    assert run("--check").exit_code == 0
    # The workspace's own, where they are asked for.
    assert isinstance(run("--check", "--local").exception, FerBenchError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--published", "--workspace", "w"), "name two places"),
        (("--from-summary", "--check"), "leave out --check"),
        (("--from-summary", "--local"), "leave out --check, --local"),
        (("--from-summary", "--paper-models"), "leave out --from-summary and --check"),
        (("--check", "--paper-models"), "leave out --from-summary and --check"),
        (("--check", "--json"), "leave out --json and --alpha"),
        (("--check", "--alpha", "0.01"), "leave out --json and --alpha"),
        (("--from-summary", "--runtime", "keras-call"), "leave out --runtime"),
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments, message):
    result = run(*arguments)
    assert isinstance(result.exception, FerBenchError)
    assert message in str(result.exception)


def test_an_analysis_of_an_earlier_version_is_made_again(place):
    make.save_statistics(place.results)
    record = records.load_all(place.results.records, records.StatisticsRecord)[0]
    records.save(place.results.records, replace(record, recommended=None))
    assert not session_anova.anova_is_fresh(place.results, "keras-predict")
    session_anova.anova(place.results, "keras-predict")
    assert session_anova.anova_is_fresh(place.results, "keras-predict")


def later(model, session):
    record = make.profile_record(model, session=session)
    return replace(record, environment=replace(record.environment, created="2099-01-01T00:00:00Z"))


def test_a_later_profile_of_another_model_leaves_those_before_comparable(place):
    records.save(place.results.records, later("resnet50", "session-2"))
    with pytest.raises(FerBenchError, match=r"'session-2' measured resnet50 alone in keras-predict; profile those"):
        session_anova.anova(place.results, "keras-predict")
    assert not session_anova.anova_is_fresh(place.results, "keras-predict", paper.MODELS)
    assert session_anova.anova(place.results, "keras-predict", models=paper.MODELS)["session"].models == paper.MODELS
    assert session_anova.anova_is_fresh(place.results, "keras-predict", paper.MODELS)


def test_the_session_that_the_selection_names_is_compared(place):
    for model in ("resnet50", "densenet121"):
        records.save(place.results.records, later(model, "session-2"))
    assert set(session_anova.anova(place.results, "keras-predict")["session"].models) == {"resnet50", "densenet121"}
    place.results.selection.write_text('[latency]\nsession = "session-1"\n')
    assert run("--workspace", place.root).exit_code == 0
    [record] = records.load_all(place.results.records, records.StatisticsRecord)
    assert record.models == paper.MODELS
    assert run("--check", "--workspace", place.root).exit_code == 0
    place.results.selection.write_text('[latency]\nsession = "session-9"\n')
    result = run("--workspace", place.root)
    assert "session: 'session-9' is none of the profiles' sessions, session-1, session-2" in str(result.exception)


def test_the_session_of_the_backend_that_the_selection_names_is_compared(place):
    for model in paper.MODELS:
        records.save(place.results.records, replace(later(model, "session-2"), backend="jax"))
    place.results.selection.write_text('[latency]\nbackend = "tensorflow"\n')
    assert {record.session for record in session_anova.compared_session(place.results)} == {"session-1"}
    session_anova.anova(place.results, "keras-predict")
    assert select(place.results).latency.statistics  # As the tables choose.
    place.results.selection.write_text('[latency]\nbackend = "torch"\n')
    with pytest.raises(FerBenchError, match=r"selection.toml: \[latency\] backend: no profile is on 'torch'"):
        session_anova.compared_session(place.results)


def test_a_mistyped_workspace_is_not_made(tmp_path):
    assert "no such workspace" in str(run("--workspace", tmp_path / "typo").exception)
    assert not (tmp_path / "typo").exists()


@pytest.fixture
def wider(place):
    """A workspace with a session of the three models and two others."""
    for model in ("resnet50", "densenet121"):
        records.save(place.results.records, make.profile_record(model))
    return place


def saved(place):
    return {record.family: record for record in records.load_all(place.results.records, records.StatisticsRecord)}


def test_the_papers_models_are_compared_alone_whatever_else_was_measured(place):
    alone = session_anova.anova(place.results, "keras-predict")
    assert set(alone) == set(saved(place)) == {"session"}
    assert not session_anova.stale_statistics(place.results, "keras-predict")
    for model in ("resnet50", "densenet121"):
        records.save(place.results.records, make.profile_record(model))
    assert not session_anova.anova_is_fresh(place.results, "keras-predict")
    found = session_anova.anova(place.results, "keras-predict")
    assert found == saved(place)
    assert session_anova.anova_is_fresh(place.results, "keras-predict")
    assert len(found["session"].models) == 5
    # The family of ten pairs has wider intervals and larger p-values for the same differences.
    assert replace(found["paper"], family="session") == alone["session"]
    [ours] = [pair for pair in found["session"].pairs if (pair.a, pair.b) == ("mobilenetv2", "clcm")]
    [papers] = [pair for pair in found["paper"].pairs if (pair.a, pair.b) == ("mobilenetv2", "clcm")]
    assert ours.difference == papers.difference
    assert ours.ci[1] - ours.ci[0] > papers.ci[1] - papers.ci[0]


def test_the_command_shows_either_family(wider):
    where = ("--workspace", wider.root)
    text = run(*where).stdout
    assert "resnet50" in text
    assert text.strip().splitlines()[-1] == "The paper's models alone, as in their rows of Table 7: --paper-models."
    text = run("--paper-models", *where).stdout
    assert "resnet50" not in text
    assert text.strip().splitlines()[-1].startswith("Believe ")
    assert json.loads(run("--json", *where).stdout)["df"] == [4, 245]
    assert json.loads(run("--paper-models", "--json", *where).stdout)["df"] == [2, 147]


def test_damaged_statistics_are_made_again(wider):
    session_anova.anova(wider.results, "keras-predict")
    before = saved(wider)
    for path in (wider.results.records / "statistics").iterdir():
        path.write_text("{")
    assert session_anova.anova(wider.results, "keras-predict") == before == saved(wider)


def test_without_two_of_the_papers_models_there_is_nothing_of_the_paper_to_show(tmp_path):
    place = Workspace(tmp_path)
    for model in ("clcm", "resnet50", "densenet121"):
        records.save(place.results.records, make.profile_record(model))
    found = run("--paper-models", "--workspace", place.root)
    assert "the session has fewer than two in keras-predict: it measured clcm, densenet121" in str(found.exception)
    assert set(saved(place)) == {"session"}


def test_check_sees_a_family_that_is_missing_or_too_many(wider):
    where = ("--workspace", wider.root)
    make.save_statistics(wider.results)
    run(*where)
    assert run("--check", *where).exit_code == 0
    path = wider.results.records / "statistics/anova__keras-predict__paper.json"
    path.unlink()
    assert not session_anova.anova_is_fresh(wider.results, "keras-predict")
    missing = run("--check", *where)
    assert "no statistics of keras-predict over the paper's models alone beside the profiles" in missing.stdout
    follow(missing.stderr)
    assert path.exists()
    for model in ("resnet50", "densenet121"):
        records.path_of(wider.results.records, make.profile_record(model)).unlink()
    one_more = run("--check", *where)
    assert f"{path}: over the paper's models alone, which the profiles do not give beside all models" in one_more.stdout
    follow(one_more.stderr)
    assert set(saved(wider)) == {"session"}
    assert run("--check", *where).exit_code == 0


def test_of_few_processes_the_table_says_that_it_holds_the_first_alone(place):
    session_anova.anova(place.results, "keras-predict")
    notes = " ".join(table7(select(place.results)).notes)
    assert "keras-predict: the first process of each model alone is compared; 1 process of a model; the test" in notes
    assert "a star holds for that process, not for others" in notes


def test_the_interval_bears_its_level(place):
    assert "99.9 % interval" in run("--alpha", "0.001", "--workspace", place.root).stdout


def test_a_profile_takes_the_statistics_of_those_that_it_replaces_with_it(place, monkeypatch, capsys):
    for runtime in ("keras-predict", "keras-call"):
        session_anova.anova(place.results, runtime)
    again = [later(model, "session-2") for model in paper.MODELS]
    again = [replace(record, latency={"keras-predict": record.latency["keras-predict"]}) for record in again]
    monkeypatch.setattr("fer_bench.profiling.profile_models", lambda *_, **__: again)
    stages.profile(place, paper.MODELS, "real")
    assert records.load_all(place.results.records, records.StatisticsRecord) == []
    assert "anova__keras-call.json: removed, it was of profiles before these" in capsys.readouterr().err
    session_anova.anova(place.results, "keras-predict")
    rendering.render(place.results)


def test_a_copied_profile_is_told(place):
    path = records.path_of(place.results.records, make.profile_record("clcm"))
    path.with_name("clcm__copy.json").write_bytes(path.read_bytes())
    with pytest.raises(FerBenchError, match=r"clcm__copy\.json: holds the record clcm__tensorflow; a copy"):
        session_anova.anova(place.results, "keras-predict")
