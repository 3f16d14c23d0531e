"""One writer a workspace; the next one is told who holds it, or waits."""

import dataclasses
import json
import os
import platform
import subprocess
import sys
import time

import pytest

from fer_bench import lock
from fer_bench.errors import FerBenchError
from fer_bench.lock import Holder, held

HOLD = (
    "import sys, time; from pathlib import Path; from fer_bench.lock import held\n"
    "with held(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(float(sys.argv[2]))\n"
)


def another(root, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(root), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_it(tmp_path):
    process = another(tmp_path, 60)
    try:
        with (
            pytest.raises(FerBenchError, match=rf"another fer-bench \(process {process.pid}, -c .*, since 20"),
            held(tmp_path),
        ):
            pass
    finally:
        process.kill()
        process.wait()


def test_or_waits_until_the_other_ends(tmp_path, capsys):
    process = another(tmp_path, 1.0)
    with held(tmp_path, wait=True):
        assert process.poll() is not None or process.wait(5) == 0
        assert json.loads((tmp_path / ".lock-holder").read_text())["pid"] == os.getpid()
    assert f"waiting for another fer-bench (process {process.pid}" in capsys.readouterr().err


def test_the_lock_of_a_killed_process_is_free_and_its_name_forgotten(tmp_path, capsys):
    process = another(tmp_path, 60)
    process.kill()
    process.wait()
    assert json.loads((tmp_path / ".lock-holder").read_text())["pid"] == process.pid
    assert lock._who(tmp_path / ".lock-holder") == "it does not say which process"
    with held(tmp_path):
        assert json.loads((tmp_path / ".lock-holder").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".lock-holder").exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", ["", "123\n", "{}", '{"pid": 1}', "[]", "\ud800"])
def test_a_damaged_name_of_the_holder_does_no_harm(content, tmp_path):
    (tmp_path / ".lock-holder").write_text(content, errors="surrogatepass")
    with held(tmp_path), pytest.raises(FerBenchError, match="is writing to this workspace"), held(tmp_path):
        pass


def test_a_holder_on_another_host_that_did_not_say_goodbye_is_told(tmp_path, capsys):
    last = Holder(pid=1, host="elsewhere", command="fer-bench run-all", since="2024-01-01 00:00:00")
    (tmp_path / ".lock-holder").write_text(json.dumps(dataclasses.asdict(last)))
    with held(tmp_path):
        pass
    said = capsys.readouterr().err
    assert "process 1 on host elsewhere, fer-bench run-all, since 2024-01-01 00:00:00 was the last here" in said
    assert platform.node() != "elsewhere"


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    ours = tmp_path / "runs" / "cell" / ".unfinished-abc-checkpoint.npz"
    rendered = tmp_path / "tables" / ".unfinished-abc-table04.md"
    old = tmp_path / "reports" / "figures" / ".unfinished-abc-figure.png"
    kept = [tmp_path / "runs" / "cell" / "checkpoint.npz", tmp_path / "raw" / ".unfinished-abc-users.png", rendered]
    for path in (ours, old, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    os.utime(old, (time.time() - 7200,) * 2)
    with held(tmp_path):
        assert not ours.exists()
        assert not old.exists()
        assert all(path.exists() for path in kept)
