"""The memory of fresh processes that open a model: what counts, what does not, and where it is told."""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import record_factory as make
from memory_fakes import FAKE, MB, exit_at_once, filled, hold, load_and_free, load_beside_keras, need_briefly, refuse
from typer.testing import CliRunner

from fer_bench import profiling, records
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.profiling import Plan, memory, profile_models
from fer_bench.profiling.document import profile_json
from fer_bench.profiling.latency import Steady
from fer_bench.profiling.memory import Opening, in_fresh_processes, peak_memory
from fer_bench.records import ProfileRecord
from fer_bench.runtimes import available

IMAGE = np.zeros((1, 8, 8, 3), np.float32)
on_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")


# One process


@on_linux
def test_memory_that_is_freed_at_once_counts_and_what_was_freed_before_does_not() -> None:
    """In a fresh process: of a large one the system may take back pages meanwhile."""
    brief = replace(opening(need_briefly, 60), runtime=replace(FAKE, import_=load_and_free))
    ((before, peak),) = in_fresh_processes([brief])
    assert before > 10 * MB
    assert 50 * MB < peak - before < 150 * MB


def status(folder: Path, held: int, peak: int) -> None:
    (folder / "status").write_text(f"Name:\tpython\nVmHWM:\t{peak:8} kB\nVmRSS:\t{held:8} kB\n")


@pytest.mark.parametrize(
    ("held", "peak", "expected"),
    [(250, 900, 250), (950, 1000, 1000), (50, 900, 100)],
    ids=["the import's peak was higher", "the work's peak was higher", "the work freed memory"],
)
def test_where_the_peak_cannot_be_reset_that_of_the_import_is_not_taken(tmp_path, held, peak, expected) -> None:
    status(tmp_path, 100, 900)
    found = peak_memory(lambda: status(tmp_path, held, peak), tmp_path)
    assert found == (100 * 1024, expected * 1024)


def test_without_proc_nothing_is_told_and_no_process_started(tmp_path, monkeypatch) -> None:
    done = []
    assert peak_memory(lambda: done.append(1), tmp_path / "none") is None
    assert done == [1]
    (tmp_path / "status").write_text("Name:\tpython\nVmRSS:\t   12 kB\n")
    assert peak_memory(lambda: None, tmp_path) is None
    monkeypatch.setattr(memory, "work_side_by_side", None)
    assert in_fresh_processes([opening(hold, 1)], process=tmp_path / "none") == [None]


# Fresh processes


def opening(open_: object, *arguments: object) -> Opening:
    return Opening(model="m", runtime=FAKE, threads=1, open=partial(open_, *arguments), image=IMAGE)


@on_linux
@pytest.mark.slow
def test_neither_conversion_nor_what_came_before_is_in_the_figures(tmp_path) -> None:
    """The process that measures is larger than any figure may be, whatever the order of the models."""
    here = filled(400)
    path = FAKE.source(None, tmp_path, IMAGE)
    told = []
    file, other = opening(FAKE.open, path, 1), opening(hold, 100)
    found = in_fresh_processes([file, other, file], lambda *step: told.append(step))
    assert here.any()
    assert told == [("memory", done, 3) for done in range(4)]
    assert None not in found
    for (before, peak), held in zip(found, (50, 100, 50), strict=True):
        assert 100 * MB < before < 300 * MB  # 100 MB are the runtime's library.
        assert (held - 2) * MB < peak - before < (held + 40) * MB


@on_linux
@pytest.mark.parametrize(
    ("open_", "message"),
    [
        (exit_at_once, r"worked on 'memory of m in fake' ended with 3 .*run it again without --memory"),
        (refuse, "the file is of no use"),
    ],
)
def test_a_process_that_fails_ends_the_command_with_its_reason(open_, message) -> None:
    with pytest.raises(FerBenchError, match=message):
        in_fresh_processes([opening(open_)])


@on_linux
@pytest.mark.slow
def test_a_fresh_process_has_no_keras_where_the_runtime_needs_none(configured) -> None:
    assert "keras" in sys.modules
    fresh = replace(opening(hold, 1), runtime=replace(FAKE, import_=load_beside_keras))
    ((before, _),) = in_fresh_processes([fresh])
    assert before < 250 * MB


# A session


def small_plan(threads: int, *runtimes: str, processes: int = 1) -> Plan:
    return Plan(
        runs=2,
        runtimes=runtimes,
        threads=threads,
        processes=processes,
        image_size=32,
        steady=Steady(window=1, most=2),
        memory=True,
    )


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_model_is_opened_in_every_runtime_of_the_session(set_threads, processes, tmp_path) -> None:
    file = "litert-float32"
    if available()[file].missing():
        pytest.skip(available()[file].missing())
    told = []
    plan = small_plan(set_threads, "keras-call", file, processes=processes)
    (record,) = profile_models(["shufflenetv2-canonical"], plan, progress=lambda *step: told.append(step))
    assert told[-1] == ("memory", 2, 2)
    assert list(record.memory) == ["keras-call", file]
    (keras_before, keras_peak), (before, peak) = record.memory.values()
    assert record.weight_bytes < peak - before < 200 * MB
    assert before < 150 * MB  # Neither TensorFlow nor the converter.
    assert 200 * MB < keras_before < keras_peak
    assert record.resident_bytes == {}
    path = records.save(tmp_path, record)
    assert records.load(path, ProfileRecord) == record
    assert "resident_bytes" not in json.loads(path.read_text())


@on_linux
def test_a_model_of_add_onnx_is_opened_in_onnxruntime(set_threads, tmp_path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from external_factory import write_onnx

    from fer_bench.emotions import EMOTIONS
    from fer_bench.external.adding import Told, add_onnx
    from fer_bench.external.profiling import external_sources
    from fer_bench.workspace import Workspace

    place = Workspace(tmp_path / "workspace")
    told = Told(labels=",".join(EMOTIONS), values="0..255", trained_on="FER-2013")
    add_onnx(place, write_onnx(tmp_path / "file.onnx", size=24, batch=1), "their-net", told)
    plan = small_plan(set_threads, "onnxruntime")
    (record,) = profile_models(["their-net"], plan, externals=external_sources(place, ["their-net"]))
    ((name, (before, peak)),) = record.memory.items()
    assert name == "onnxruntime"
    assert 30 * MB < before < peak < 250 * MB


def test_a_session_without_it_starts_no_process(set_threads, tiny_model, monkeypatch) -> None:
    monkeypatch.setattr(memory, "with_memory", None)
    plan = replace(small_plan(set_threads, "keras-call"), memory=False)
    (record,) = profile_models(["tiny"], plan)
    assert record.memory == {}


# What is shown


@pytest.fixture
def measured(monkeypatch) -> None:
    """Replace the measurement by one in which one of two runtimes told its memory."""

    def profile(names, plan, **_):
        found = make.profile_record("clcm")
        return [replace(found, memory={"keras-call": (400 * MB, 512 * MB)} if plan.memory else {})]

    monkeypatch.setattr(profiling, "profile_models", profile)


def run(tmp_path: Path, *options: str) -> str:
    arguments = ("profile", "-m", "clcm", *options, "--workspace", str(tmp_path / "w"))
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return " ".join(result.stdout.replace("│", " ").split())


def test_the_table_has_both_figures_and_the_rule(measured, tmp_path) -> None:
    text = run(tmp_path, "--memory")
    assert "clcm keras-call 512 112" in text
    assert "clcm keras-predict – –" in text
    assert f"Memory: {memory.MEMORY_RULE}." in text
    assert "Memory" not in run(tmp_path)


def test_json_has_both_figures_and_the_rule(measured, tmp_path) -> None:
    (told,) = json.loads(run(tmp_path, "--memory", "--json"))
    assert told["memory"] == {"keras-call": {"process": 512 * MB, "model_and_runtime": 112 * MB}}
    assert told["rules"]["memory"] == memory.MEMORY_RULE
    assert json.loads(run(tmp_path, "--json"))[0]["memory"] == {}


def test_what_older_records_say_of_memory_is_kept_and_not_shown(tmp_path) -> None:
    older = replace(make.profile_record("clcm"), resident_bytes={"build": (5, 9), "keras-call": (9, 4)})
    path = records.save(tmp_path, older)
    content = path.read_bytes()
    again = records.load(path, ProfileRecord)
    assert again == older
    assert records.save(tmp_path, again).read_bytes() == content
    told = profile_json(again)
    assert told["memory"] == {}
    assert "resident_bytes" not in told
