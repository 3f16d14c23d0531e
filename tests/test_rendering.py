"""Whether what people read has been made: from these records, by this state of the code."""

import dataclasses

import blank_figures
import pytest
from record_factory import results_in, save_run, train_record

import fer_bench
from fer_bench import records, source
from fer_bench.figures import files
from fer_bench.models import architecture
from fer_bench.run_all import rendering
from fer_bench.workspace import Results


@pytest.fixture
def rendered(tmp_path, monkeypatch) -> Results:
    monkeypatch.setattr(files, "_draw", blank_figures.draw)
    results = results_in(tmp_path)
    save_run(results, "clcm", "fer2013")
    rendering.render(results)
    assert rendering.is_rendered(results)
    return results


def test_another_record_is_rendered(rendered):
    save_run(rendered, "clcm", "fer2013", seed=1)
    assert not rendering.is_rendered(rendered)


def test_a_run_that_was_trained_again_is_rendered(rendered):
    """Its record has the name that it had."""
    records.save(rendered.records, dataclasses.replace(train_record("clcm", "fer2013"), best_epoch=0))
    assert not rendering.is_rendered(rendered)


def test_another_selection_is_rendered(rendered):
    rendered.selection.write_text("[fer2013]\nseeds = [0]\n", encoding="utf-8")
    assert not rendering.is_rendered(rendered)


def test_other_architectures_are_rendered(rendered, tmp_path, monkeypatch):
    """A state of fer-bench may differ from the one before in that file alone."""
    other = tmp_path / "architectures.json"
    other.write_bytes(architecture.PATH.read_bytes() + b"\n")
    monkeypatch.setattr(architecture, "PATH", other)
    assert not rendering.is_rendered(rendered)


@pytest.mark.parametrize("gone", ["tables/table04.md", "report.html", "figures/*"])
def test_what_is_gone_is_rendered(rendered, gone):
    next(rendered.tables.parent.glob(gone)).unlink()
    assert not rendering.is_rendered(rendered)


def test_another_state_of_the_code_renders_again(rendered, tmp_path, monkeypatch):
    """A checkout that is pulled has the version that it had."""
    package = tmp_path / "fer_bench"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(fer_bench, "__file__", str(package / "__init__.py"))
    source.digest.cache_clear()
    try:
        assert not rendering.is_rendered(rendered)
    finally:
        source.digest.cache_clear()
