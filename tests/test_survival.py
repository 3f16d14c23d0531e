"""Whatever ends a run, the same command continues it, and the results are those of an undisturbed one."""

import dataclasses
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from benchmarks.kill_run_all import Line, differences, kill_once, workers

linux = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads the process tree from /proc")
pytestmark = [pytest.mark.slow, linux]
DATASETS = ("fer2013", "raf-db")


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Line:
    """The whole line on tiny networks, left alone, in one process: of two the results are the same, see below."""
    folder = tmp_path_factory.mktemp("line")
    return Line(folder, folder / "alone", jobs=1, datasets=DATASETS).finish()


@pytest.fixture
def data_only(alone, tmp_path) -> Line:
    """The same line on a workspace that has its datasets and nothing else."""
    line = Line(alone.folder, tmp_path / "workspace", jobs=2, datasets=DATASETS)
    shutil.copytree(alone.workspace / "raw", line.workspace / "raw")
    shutil.copytree(alone.workspace / "datasets", line.workspace / "datasets")
    return line


def test_killed_at_random_moments_it_ends_with_the_same_bits(alone, tmp_path):
    """Also where each process has another number of workers than the one before it."""
    line = Line(alone.folder, tmp_path / "killed", jobs=2, datasets=DATASETS)
    chance = random.Random(1)
    for jobs in (2, 1):
        line.jobs = jobs
        if kill_once(line, chance, longest=alone.seconds / 2) is None:
            break
    line.jobs = 2
    line.finish()
    assert differences(line.workspace, alone.workspace) == []


def test_kills_faster_than_the_start_lose_nothing(alone, tmp_path):
    line = Line(alone.folder, tmp_path / "killed", jobs=1, datasets=DATASETS)
    shutil.copytree(alone.workspace, line.workspace)
    for record in (line.workspace / "records" / "eval").glob("clcm__fer2013__*.json"):
        record.unlink()
    for delay in (0.2, 0.7, 1.5):
        process = line.start()
        time.sleep(delay)
        process.kill()
        process.wait()
    line.finish()
    assert differences(line.workspace, alone.workspace) == []


def under_way(line: Line, process: "subprocess.Popen[bytes]") -> list[int]:
    """Wait until an epoch is complete; return the workers."""
    deadline = time.monotonic() + 900
    while not list((line.workspace / "runs").glob("*/checkpoint.npz")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return workers(process.pid)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_in_the_middle_of_an_epoch_ends_with_a_word(jobs, data_only):
    line = dataclasses.replace(data_only, jobs=jobs)
    process = line.start(new_session=True)
    at_work = under_way(line, process)
    assert len(at_work) == (2 if jobs == 2 else 0)
    os.killpg(process.pid, signal.SIGINT)  # As a terminal does: all processes hear it.
    assert process.wait(120) == 130
    said = line.log.read_text().splitlines()
    if jobs == 2:
        assert f"{line.workspace}: finished work and complete epochs are kept there" in said
    assert said[-1] == "fer-bench: interrupted; finished work is kept, the same command continues"
    assert not any("Traceback" in text for text in said)
    assert not [pid for pid in at_work if Path(f"/proc/{pid}").exists()]
    assert list((line.workspace / "runs").glob("*/checkpoint.npz"))


def test_workers_end_with_their_parent(data_only):
    process = data_only.start()
    at_work = under_way(data_only, process)
    assert len(at_work) == 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in at_work):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.1)


def test_a_full_disk_in_a_worker_names_the_file_and_leaves_nothing_half_written(data_only):
    """Files of at most 20 kB, in the command and its workers: no checkpoint fits."""
    process = data_only.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)))
    assert process.wait(900) == 2
    said = data_only.log.read_text()
    assert "Traceback" not in said
    last = [line for line in said.splitlines() if line.startswith("fer-bench:")][-1]
    assert last.startswith(f"fer-bench: {data_only.workspace}/")
    assert "File too large; nothing half-written is left, finished work is kept" in last
    assert not list(data_only.workspace.rglob(".unfinished-*"))
    assert not list((data_only.workspace / "records").glob("train/*"))
