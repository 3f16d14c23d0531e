"""The audit of the paper finds by itself what is known not to add up."""

import json
import math
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import typer
from advice import follow
from typer.testing import CliRunner

from fer_bench import paper
from fer_bench.cli import auditing, results
from fer_bench.errors import FerBenchError
from fer_bench.paper_audit import Verdict, audit_paper
from fer_bench.paper_audit.claims import Figures, Leads
from fer_bench.paper_audit.document import FILE, check_document, to_json, to_markdown
from fer_bench.paper_audit.findings import listed
from fer_bench.paper_audit.matrices import chance_of_hundred, images_per_class
from fer_bench.workspace import PUBLISHED


@pytest.fixture(scope="module")
def audit():
    return audit_paper()


def found(audit, where, **about):
    """Return the findings of a place that do not agree, about the dataset, model, class."""
    return [
        finding
        for finding in audit.findings
        if where in finding.where
        and finding.verdict is not Verdict.CONSISTENT
        and all(getattr(finding, key) == value for key, value in about.items())
    ]


def only(findings):
    assert len(findings) == 1, [finding.claim for finding in findings]
    return findings[0]


def test_the_test_sets_are_those_that_the_matrices_fit():
    assert {name: sum(images) for name, images in images_per_class().items()} == {
        "fer2013": 7178,
        "raf-db": 3068,
        "affectnet": 3500,
        "ck-plus": 432,
    }


def test_impossible_rows_are_found(audit):
    impossible = {(f.where, f.dataset, f.model, f.emotion) for f in audit.findings if f.verdict is Verdict.IMPOSSIBLE}

    assert impossible == {
        ("Table 9", "fer2013", "mobilenetv2", "happy"),
        ("Table 9", "affectnet", "mobilenetv2", "disgust"),
    }
    assert "sum 104" in only(found(audit, "Table 9", emotion="disgust")).claim


def test_the_fear_row_on_raf_db_is_possible_only_if_adjusted(audit):
    finding = only(found(audit, "Table 8", dataset="raf-db", model="clcm", emotion="fear"))

    assert finding.verdict is Verdict.DOUBTFUL
    assert "No number of 74 images is 56 %" in finding.evidence
    assert "adjusted to sum to 100" in finding.evidence


def test_table_8_sums_to_100_too_often_and_table_9_does_not(audit):
    claim = only([f for f in found(audit, "Table 8") if "rows sum to exactly 100" in f.claim])

    assert claim.claim.startswith("61 of 63")
    assert claim.verdict is Verdict.DOUBTFUL
    assert [f.verdict for f in audit.findings if f.claim.startswith("48 of 63 rows sum")] == [Verdict.CONSISTENT]


def test_two_overall_accuracies_do_not_follow_from_the_matrices(audit):
    verdicts = {(m.table, m.dataset, m.model): m.verdict for m in audit.matrices if m.verdict is not Verdict.CONSISTENT}

    assert verdicts == {
        (8, "raf-db", "shufflenetv2"): Verdict.DOUBTFUL,
        (9, "fer2013", "shufflenetv2"): Verdict.CONTRADICTS,
    }
    assert "78.75 to 79.50" in only(found(audit, "Table 4", model="shufflenetv2")).evidence
    assert "72.45 to 72.69" in only(found(audit, "Table 5, Table 9", model="shufflenetv2")).evidence


def test_table_10_and_table_7_are_compared(audit):
    surprise = only(found(audit, "Table 10"))
    assert (surprise.model, surprise.emotion, surprise.claim) == (
        "shufflenetv2",
        "surprise",
        "Accuracy 0.77 of the class.",
    )
    finding = only([f for f in found(audit, "Table 7") if f.verdict is Verdict.ROUNDING])
    assert "-0.0048" in finding.evidence
    assert "-0.0130" in finding.evidence
    assert "9.6" in only([f for f in found(audit, "Table 7") if f.verdict is Verdict.DOUBTFUL]).evidence


def test_the_size_of_fer_2013_is_derived_from_its_matrices(audit):
    evidence = only([f for f in found(audit, "Table 1", dataset="fer2013") if "32,298" in f.claim]).evidence

    for words in (
        "28,709 + 3,589",
        "18 of 21 rows on PublicTest",
        "18 of 21 rows on PrivateTest",
        "21 of 21",
        "35,887",
    ):
        assert words in evidence
    assert only([f for f in found(audit, "section V-A") if "3,995" in f.claim]).emotion == "angry"


def test_the_neutral_rows_of_ck_plus_fit_one_frame_a_subject(audit):
    evidence = only(found(audit, "section II-A-4, Table 9", dataset="ck-plus")).evidence

    assert "angry 45 (45), disgust 59 (59), fear 25 (25)" in evidence
    assert "sad 28 (28)" in evidence
    assert "neutral rows fit 122, 123, 160" in evidence


def test_the_text_is_compared_with_the_tables(audit):
    claims = [(f.where, f.verdict, f.claim) for f in audit.findings if f.verdict is not Verdict.CONSISTENT]
    for where, verdict, words in (
        ("section VI", Verdict.CONTRADICTS, "83%"),
        ("section VI, Table 6", Verdict.CONTRADICTS, "(see Table 6)"),
        ("section VI, Table 11", Verdict.CONTRADICTS, "shown in Table 11"),
        ("section V-A", Verdict.CONTRADICTS, "'sad' category"),
        ("section VI, Table 5", Verdict.CONTRADICTS, "lower performance (Table 5)"),
        ("abstract", Verdict.ROUNDING, "2.3 Million"),
        ("section VI", Verdict.CONTRADICTS, "2.4 million"),
        ("abstract, section VI", Verdict.CONTRADICTS, "2.3 million and 2.4 million"),
    ):
        assert [c for c in claims if c[:2] == (where, verdict) and words in c[2]], words


def test_what_the_text_concludes_is_compared_with_the_tables(audit, monkeypatch):
    def about(audit, words):
        return only([f for f in audit.findings if words in f.claim])

    larger = about(audit, "datasets containing larger images")
    assert larger.verdict is Verdict.DOUBTFUL
    assert "over MobileNetV2 by +5, +11 and -3, over ShuffleNetV2 by -2, +4 and -3 points" in larger.evidence
    steady = about(audit, "using all training datasets")
    assert (steady.verdict, steady.evidence[:36]) == (Verdict.DOUBTFUL, "Table 5: 71, 78 and 91, 20 points ap")
    similar = about(audit, "similarity with the other findings")
    assert (similar.verdict, similar.evidence[:32]) == (Verdict.CONSISTENT, "Of 9 pairs of models none change")
    assert about(audit, "best performance for all models").verdict is Verdict.DOUBTFUL
    assert about(audit, "slightly modified copies").verdict is Verdict.DOUBTFUL
    assert about(audit, "ResNet50 [23]").verdict is Verdict.CONTRADICTS

    monkeypatch.setitem(paper.TABLE4, "raf-db", {"mobilenetv2": 80, "clcm": 80, "shufflenetv2": 82})
    monkeypatch.setitem(paper.TABLE5, "raf-db", {"mobilenetv2": 78, "clcm": 71, "shufflenetv2": 60})
    changed = audit_paper()
    assert about(changed, "datasets containing larger images").verdict is Verdict.CONSISTENT
    assert "MobileNetV2 and ShuffleNetV2 trained on RAF-DB" in about(changed, "similarity with the other").evidence


def test_parameters_are_derived_from_the_architectures(audit):
    evidence = " ".join(f.evidence for f in found(audit, "Table 6, "))

    assert f"{paper.TABLE6['mobilenetv2'].trainable_parameters:,}." in evidence
    assert f": {paper.TABLE6['clcm'].trainable_parameters:,}." in evidence
    assert f"{paper.TABLE6['shufflenetv2'].trainable_parameters:,} with a last 1x1 convolution" in evidence


def test_mean_accuracy_of_the_classes_is_set_beside_the_overall(audit):
    finding = only([f for f in found(audit, "Table 4, Table 8", dataset="raf-db") if "Models are" in f.claim])

    assert "MobileNetV2 48.4 against 73, CLCM 74.3 against 84" in finding.evidence


def test_a_corrected_table_is_no_longer_a_finding(audit, monkeypatch):
    before = len(found(audit, "Table 10"))
    monkeypatch.setitem(paper.TABLE10["fer2013"], "shufflenetv2", (0.60, 0.52, 0.47, 0.86, 0.59, 0.56, 0.76))
    monkeypatch.setitem(paper.TABLE5["fer2013"], "shufflenetv2", 73)
    changed = audit_paper()

    assert (before, found(changed, "Table 10")) == (1, [])
    assert not found(changed, "Table 5, Table 9")
    # The text still says 71.
    assert found(changed, "section V-D", dataset="fer2013")


def test_known_errata_are_not_looked_up(audit, monkeypatch):
    monkeypatch.setattr(paper, "KNOWN_ERRATA", ())

    assert audit_paper().findings == audit.findings


@pytest.mark.parametrize(("categories", "chance"), [(1, 1), (2, 1), (3, Fraction(3, 4)), (4, Fraction(2, 3))])
def test_chance_that_rounded_percentages_sum_to_100_is_the_known_one(categories, chance):
    assert chance_of_hundred(categories) == chance


def test_chance_that_seven_percentages_sum_to_100_agrees_with_a_simulation():
    shares = np.random.default_rng(7).dirichlet(np.ones(7), 20_000)
    observed = (np.round(100 * shares).sum(axis=1) == 100).mean()

    assert math.isclose(chance_of_hundred(7), observed, abs_tol=0.015)


def test_a_claim_about_leaders_names_what_it_leaves_out():
    finding = Leads("here", "CLCM leads", "fer2013", ("clcm",), ("mobilenetv2",), ("fear",)).finding()

    assert finding.verdict is Verdict.CONSISTENT
    assert finding.evidence.endswith("Also ahead in angry and disgust, which is not said.")


def test_a_wrong_figure_is_set_beside_the_right_one():
    finding = Figures("here", "83%", "Table 4", (("CLCM", 83.0, 84.0),)).finding()

    assert (finding.verdict, finding.evidence) == (Verdict.CONTRADICTS, "Table 4: CLCM 84, not 83.")


def test_lists_read_as_english():
    assert [listed(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_the_json_counts_possible_rows_by_rounding(audit):
    rows = to_json(audit)["rows"]

    assert sum(block["rows"] for block in rows) == 126
    assert sum(block["possible"]["half up"] for block in rows) == 123
    assert sum(block["possible"]["half even"] for block in rows) == 123
    assert sum(block["none"] for block in rows) == 2
    assert json.loads(json.dumps(to_json(audit), allow_nan=False))["findings"][0]["verdict"] == "impossible"


def test_the_document_is_the_same_every_time_and_marks_what_was_read(audit):
    text = to_markdown(audit)

    assert text == to_markdown(audit_paper())
    assert "## Limits" in text
    assert text.count("(read)\n") == sum(finding.read for finding in audit.findings)
    assert all(f"### {str(verdict).capitalize()}" in text for verdict in Verdict)


def test_the_readme_has_the_numbers_of_findings(audit):
    text = " ".join((Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8").split())
    count = Counter(finding.verdict for finding in audit.findings)
    assert count[Verdict.IMPOSSIBLE] == 2
    assert "Two rows are impossible under any rounding" in text
    assert f"{count[Verdict.CONTRADICTS]} statements contradict another one" in text


def run(*arguments):
    app = typer.Typer()
    app.command()(auditing.audit_paper)
    return CliRunner().invoke(app, arguments)


def run_tables(*arguments):
    app = typer.Typer()
    app.command()(results.tables)
    return CliRunner().invoke(app, arguments)


def test_the_command_writes_checks_and_tells_a_difference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tables" / FILE
    (tmp_path / PUBLISHED.records).mkdir(parents=True)

    assert run("--check").exit_code == 1
    assert not path.exists()
    written = run()
    assert written.exit_code == 0
    assert "2 impossible" in written.stdout
    assert run("--check").exit_code == 0

    path.write_text(path.read_text(encoding="utf-8").replace("72.45", "71.00"), encoding="utf-8")
    difference = run("--check")
    assert difference.exit_code == 1
    assert "+" in difference.stdout
    assert "72.45" in difference.stdout
    assert "run fer-bench audit-paper" in difference.stderr


def test_where_no_state_is_published_the_findings_are_printed_and_nothing_is_written(tmp_path, monkeypatch, audit):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer_bench.paper_audit.audit_paper", lambda: audit)
    printed = run()
    assert printed.exit_code == 0
    assert "2 impossible" in printed.stdout
    assert re.search(r"audit\.md: not written, since .*records is no folder of records; --local", printed.stderr)
    assert json.loads(run("--json").stdout)["findings"]
    refused, others = run("--check"), run_tables("--check")
    assert isinstance(refused.exception, FerBenchError)
    assert str(refused.exception) == str(others.exception)
    assert list(tmp_path.iterdir()) == []


def test_the_check_of_a_workspace_advises_what_writes_there(tmp_path, monkeypatch, audit):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer_bench.paper_audit.audit_paper", lambda: audit)
    place = tmp_path / "my runs"
    place.mkdir()
    stale = run("--check", "--workspace", str(place))
    assert stale.exit_code == 1
    follow(stale.stderr)
    assert run("--check", "--workspace", str(place)).exit_code == 0
    assert list(tmp_path.iterdir()) == [place]


def test_a_mistyped_workspace_is_not_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for more in ((), ("--check",), ("--json",)):
        refused = run("--workspace", "typo", *more)
        assert str(refused.exception) == "typo: no such workspace; name an existing one with --workspace"
    assert list(tmp_path.iterdir()) == []


def test_json_is_all_that_goes_to_stdout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work").mkdir()
    result = run("--json", "--workspace", str(tmp_path / "work"))

    assert set(json.loads(result.stdout)) == {"findings", "rows", "overall"}
    assert result.stderr == ""
    assert list((tmp_path / "work").iterdir()) == []
    assert run("--workspace", str(tmp_path / "work")).exit_code == 0
    assert (tmp_path / "work" / "tables" / FILE).exists()
    assert not (tmp_path / "tables").exists()


def test_foreign_line_ends_are_a_difference(tmp_path, audit):
    text = to_markdown(audit)
    path = tmp_path / FILE
    path.write_bytes(text.replace("\n", "\r\n").encode())

    assert check_document(text, path)
