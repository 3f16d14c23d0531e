"""Work in several processes, as a person sees it."""

import dataclasses
import io
import os
import shutil
import subprocess
import sys
from functools import partial

import pytest
import worker_fakes as fakes
from hypothesis import given
from hypothesis import strategies as st

from fer_bench import messages, progress, records, verbosity, workers
from fer_bench.errors import FerBenchError
from fer_bench.timetable import Stage, Timetable
from fer_bench.workers import default_jobs, shared_out, shown_in, work_side_by_side


class Terminal(io.StringIO):
    """What a terminal is shown."""

    def isatty(self) -> bool:
        return True


def group(*works):
    return [(Stage(f"stage {number}", 1), work) for number, work in enumerate(works)]


def test_on_a_terminal_every_worker_has_a_bar(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    groups = [[(Stage(name, 1), partial(fakes.counts, name))] for name in ("one", "two")]
    with Timetable([stage for work in groups for stage, _ in work]) as timetable, shown_in(timetable) as on_event:
        work_side_by_side(groups, 2, on_event)
    told = progress.sys.stderr.getvalue()
    for name in ("one", "two"):
        positions = {
            line.split("|")[2].split("/")[0].strip() for line in told.split("\r") if f"counting {name}:" in line
        }
        assert len(positions) > 2, told
        assert f"step/s, {name}]" in told


def test_warnings_of_workers_are_shown_even_when_quiet(capsys, monkeypatch):
    monkeypatch.setattr(messages, "level", lambda: "quiet")
    with shown_in() as on_event:
        work_side_by_side([group(fakes.warns)], 1, on_event)
    assert capsys.readouterr().err == "warned\n"
    assert verbosity.level() == "normal"


def test_a_defect_in_a_worker_is_a_defect_with_its_traceback():
    with pytest.raises(RuntimeError, match=r"worked on 'stage 1':\n(.|\n)*in breaks\n(.|\n)*a defect of the program"):
        work_side_by_side([group(fakes.nothing, fakes.breaks)], 1, lambda event: None)


def test_too_little_memory_in_a_worker_is_no_defect():
    with pytest.raises(
        FerBenchError, match=r"too little memory for 'stage 0' \(cannot .* 64 GiB\); .*--jobs 1"
    ) as told:
        work_side_by_side([group(fakes.exhausts)], 1, lambda event: None)
    assert "Traceback" not in str(told.value)


def test_a_worker_that_dies_is_named_by_what_it_was_at():
    with pytest.raises(FerBenchError, match="worked on 'stage 2' ended with -9"):
        work_side_by_side([group(fakes.nothing, fakes.nothing, fakes.dies)], 1, lambda event: None)


def test_a_group_begins_in_the_place_of_one_that_has_ended_while_others_talk_without_a_pause(tmp_path):
    there = tmp_path / "there"
    groups = [group(partial(fakes.talks_until, there)), group(fakes.nothing), group(there.touch)]
    work_side_by_side(groups, 2, lambda event: None)
    assert there.exists()


def test_a_worker_that_dies_is_noticed_while_others_talk_without_a_pause(tmp_path):
    never = tmp_path / "never"
    with pytest.raises(FerBenchError, match="worked on 'stage 0' ended with -9"):
        work_side_by_side([group(partial(fakes.talks_until, never)), group(fakes.dies)], 2, lambda event: None)


# What each process gets


def titles(parts) -> list[list[str]]:
    return [[stage.title for stage, _ in part] for part in parts]


def groups_of(*sizes: int, seconds: float = 60):
    return [
        [(Stage(f"{name}{i}", seconds), fakes.nothing) for i in range(size)]
        for name, size in zip("abcdefgh", sizes, strict=False)
    ]


def test_short_work_on_a_model_stays_together_where_every_process_has_work():
    def shared(*sizes: int, jobs: int) -> list[list[str]]:
        return titles(shared_out(groups_of(*sizes), jobs))

    assert shared(3, 3, 3, jobs=2) == [["a0", "a1", "a2"], ["b0", "b1", "b2"], ["c0", "c1"], ["c2"]]
    assert shared(3, 2, jobs=2) == [["a0", "a1", "a2"], ["b0", "b1"]]
    assert shared(2, 1, 1, jobs=2)[2:] == [["c0"]]
    assert shared(3, jobs=2) == [["a0", "a1"], ["a2"]]
    assert shared(3, 3, 3, jobs=1) == [[f"{name}{i}" for i in range(3)] for name in "abc"]
    assert shared(4, 2, jobs=4) == [["a0"], ["a1"], ["a2", "a3"], ["b0", "b1"]]
    assert shared(1, 1, jobs=8) == [["a0"], ["b0"]]
    assert shared(jobs=2) == []


def test_long_work_is_a_process_each():
    assert titles(shared_out(groups_of(3, 2, seconds=3600), 2)) == [["a0"], ["a1"], ["a2"], ["b0"], ["b1"]]
    assert titles(shared_out(groups_of(2, 2, seconds=3600), 1)) == [["a0", "a1"], ["b0", "b1"]]


@given(
    st.lists(st.lists(st.sampled_from([2.0, 60.0, 3600.0]), min_size=1, max_size=6), max_size=5),
    st.integers(1, 12),
)
def test_all_work_is_shared_out_once_and_in_order(durations, jobs):
    groups = [
        [(Stage(f"{group}.{number}", seconds), fakes.nothing) for number, seconds in enumerate(own)]
        for group, own in enumerate(durations)
    ]
    parts = shared_out(groups, jobs)
    assert [work for part in parts for work in part] == [work for group in groups for work in group]
    assert all(parts)
    assert len(parts) >= min(jobs, sum(map(len, groups)))


@pytest.mark.parametrize(
    ("size", "backend", "gib", "gpu", "jobs"),
    [
        (48, "tensorflow", 256.0, None, 16),
        (48, "tensorflow", 8.0, None, 4),
        (48, "tensorflow", 1.0, None, 1),
        (48, "tensorflow", 256.0, "/usr/bin/nvidia-smi", 3),
        (48, "tensorflow", 4.0, "/usr/bin/nvidia-smi", 2),
        (48, "jax", 256.0, None, 1),
        (224, "tensorflow", 256.0, None, 1),
    ],
)
def test_as_many_runs_side_by_side_as_cores_and_memory_allow(monkeypatch, size, backend, gib, gpu, jobs):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr(workers, "cores", lambda: 16)
    monkeypatch.setattr(workers, "usable_memory_gib", lambda: gib)
    monkeypatch.setattr(workers.shutil, "which", lambda name: gpu)
    assert default_jobs(size) == jobs


@pytest.mark.slow
def test_seeds_trained_side_by_side_are_those_trained_in_order(prepared_root, plugin, tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(plugin), *filter(None, sys.path)])}
    (tmp_path / "short.toml").write_text((plugin / "mini.toml").read_text().replace("epochs = 20", "epochs = 2"))
    told, runs = {}, {}
    for jobs in ("1", "2"):
        root = tmp_path / jobs
        shutil.copytree(prepared_root / "datasets", root / "datasets")
        options = ("--model", "tiny", "--dataset", "fer2013", "--recipe", str(tmp_path / "short.toml"), "--seeds", "2")
        done = subprocess.run(
            [sys.executable, "-m", "fer_bench", "train", *options, "--jobs", jobs, "--workspace", str(root)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        told[jobs] = done.stdout.replace(str(root), "")
        runs[jobs] = [
            (run.seed, run.weights_sha256, [dataclasses.replace(epoch, seconds=0) for epoch in run.history])
            for run in records.load_all(root / "records", records.TrainRecord)
        ]
    assert len(runs["2"]) == 2
    assert runs["2"] == runs["1"]
    assert told["2"] == told["1"]
