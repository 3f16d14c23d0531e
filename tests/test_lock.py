"""One writer a workspace; the next one is told who holds it, or waits."""

import dataclasses
import errno
import inspect
import json
import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from filelock import Timeout
from test_files import kill, writer
from typer.testing import CliRunner

from fer_bench import lock
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.files import write_text
from fer_bench.lock import Holder, held, holder, is_held
from fer_bench.training import run_folder
from fer_bench.workspace import FOLDERS, Results, Workspace

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


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / lock.LOCK).symlink_to(elsewhere)
    with (
        pytest.raises(FerBenchError, match=r"a link, where fer-bench keeps the file of its lock; remove it"),
        held(tmp_path),
    ):
        pass
    assert not elsewhere.exists()


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


@pytest.mark.parametrize(
    "command",
    [
        *("prepare fer2013 --source .", "train -m clcm -d fer2013", "evaluate -m clcm -d fer2013", "cross-test"),
        *("profile", "run-all --recipe demo", "tune -m clcm -d fer2013"),
        *("ablate freezing -m clcm -d fer2013", "ablate head -m clcm -d fer2013"),
    ],
)
def test_what_takes_long_waits_where_it_is_told_to(command, tmp_path, monkeypatch):
    asked = []

    def lock(self, *, wait=False):
        asked.append(wait)
        raise FerBenchError("taken")

    monkeypatch.setattr(Workspace, "lock", lock)
    words = command.split()
    words += ["--weights", "random"] if words[0] in ("train", "evaluate", "tune", "ablate") else []
    for wait in ([], ["--wait"]):
        result = CliRunner().invoke(app, [*words, "--workspace", str(tmp_path), *wait])
        assert str(result.exception) == "taken", result.output
    assert asked == [False, True]


@pytest.mark.parametrize(
    "command",
    [
        *("train -m clcm -d fer2013", "tune -m clcm -d fer2013", "ablate freezing -m clcm -d fer2013"),
        *("prepare fer2013 --source absent", "run-all --recipe cpu48 -d fer2013"),
    ],
)
def test_a_command_that_finds_nothing_leaves_no_workspace(command, tmp_path):
    words = command.split()
    words += [] if words[0] == "prepare" else ["--weights", "random"]
    result = CliRunner().invoke(app, [*words, "--workspace", str(tmp_path / "above" / "mistyped")])
    assert isinstance(result.exception, FerBenchError), result.output
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_or_was_made_stays_after_an_error(tmp_path):
    empty, worked = tmp_path / "empty", tmp_path / "worked"
    empty.mkdir()
    with pytest.raises(FerBenchError, match="nothing"), held(empty):
        raise FerBenchError("nothing")
    assert empty.is_dir()

    def work():
        with held(worked):
            write_text(worked / "runs" / "log", "one epoch")
            raise FerBenchError("too late")

    with pytest.raises(FerBenchError, match="too late"):
        work()
    assert (worked / "runs" / "log").read_text() == "one epoch"
    with held(tmp_path / "done"):
        pass
    assert (tmp_path / "done").is_dir(), "without an error"


def test_a_link_to_a_disk_that_is_not_mounted_is_told_as_such(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "workspace")
    with (
        pytest.raises(FerBenchError, match=r"link: a link to .*/disk/workspace, which is not there; mount its disk"),
        held(tmp_path / "link"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


@pytest.mark.parametrize("name", ["weights", "records", "datasets"])
def test_a_folder_on_a_disk_that_is_not_mounted_is_told_before_the_work(name, tmp_path):
    root = tmp_path / "workspace"
    root.mkdir()
    (root / name).symlink_to(tmp_path / "disk" / name)
    with (
        pytest.raises(FerBenchError, match=rf"/{name}: a link to .*/disk/{name}, which is not there; mount its disk"),
        held(root),
    ):
        pytest.fail("hours of training, whose weights cannot be saved")
    assert [path.name for path in root.iterdir()] == [name]
    (tmp_path / "disk" / name).mkdir(parents=True)
    with held(root):
        pass


def test_who_waits_makes_the_workspace_that_its_holder_removed(tmp_path, monkeypatch):
    root, first = tmp_path / "new", iter([True])
    taken = lock.acquired

    def acquired(path, timeout):
        if timeout == 0:
            raise Timeout(str(path))
        if next(first, False):
            root.rmdir()
        return taken(path, timeout)

    monkeypatch.setattr(lock, "acquired", acquired)
    monkeypatch.setattr(lock, "_who", lambda told: "process 1")
    with held(root, wait=True):
        assert (root / lock.HOLDER).is_file()


def test_the_lock_of_a_killed_process_is_free_and_its_name_forgotten(tmp_path, capsys):
    process = another(tmp_path, 60)
    process.kill()
    process.wait()
    assert json.loads((tmp_path / ".lock-holder").read_text())["pid"] == process.pid
    assert lock._who(tmp_path / ".lock-holder") == "it does not say which process"
    assert holder(tmp_path) is None
    with held(tmp_path):
        assert json.loads((tmp_path / ".lock-holder").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".lock-holder").exists()
    assert capsys.readouterr().err == ""


def test_who_holds_it_can_be_asked_without_holding_it(tmp_path, monkeypatch):
    assert holder(tmp_path) is None
    process = another(tmp_path, 60)
    try:
        found = holder(tmp_path)
        assert found is not None
        assert (found.pid, found.host) == (process.pid, platform.node())
    finally:
        process.kill()
        process.wait()
    with monkeypatch.context() as patch:
        # A dead process' name alone tells: the lock is not touched, which would keep others from it for a moment.
        patch.setattr(lock, "acquired", pytest.fail)
        assert holder(tmp_path) is None
    told = dataclasses.asdict(Holder(1, "elsewhere", "fer-bench train", "2024-01-01 00:00:00"))
    (tmp_path / ".lock-holder").write_text(json.dumps(told))
    assert holder(tmp_path) is None, "nobody has the lock"
    taken = lock.acquired(tmp_path / ".lock", 0)
    assert holder(tmp_path) == Holder(**told)
    taken.release()


def test_a_lock_that_may_not_be_opened_is_no_answer(tmp_path, monkeypatch):
    assert is_held(tmp_path / ".lock") is False
    assert list(tmp_path.iterdir()) == [], "asking makes no lock"
    (tmp_path / ".lock").touch()
    assert is_held(tmp_path / ".lock") is False

    def refused(path, timeout):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(lock, "acquired", refused)
    assert is_held(tmp_path / ".lock") is None


@pytest.mark.skipif(sys.platform == "win32", reason="Unix locks")
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_is_refused(code, tmp_path, monkeypatch):
    import fcntl

    (tmp_path / ".lock").touch()

    def no_locks(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for hold in (lambda: held(tmp_path), lambda: held(tmp_path, wait=True), lambda: run_folder.locked(tmp_path)):
            with pytest.raises(FerBenchError, match="this file system has no locks") as raised, hold():
                pass
            assert str(raised.value).startswith(f"{tmp_path}: ")
        assert is_held(tmp_path / ".lock") is False
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


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
    for place in ("runs/cell/checkpoint.npz", "studies/records/train/a.json", "reports/figures/a.png", "a.json"):
        process, half = writer(tmp_path / place)
        kill(process)
        with held(tmp_path):
            assert not half.exists()
    process, beside = writer(tmp_path / "raw" / "face.png")
    kill(process)
    with held(tmp_path):
        process, half = writer(tmp_path / "curves" / "cell.png")
        kill(process)
    assert not half.exists(), "a worker's, when the workspace is let go"
    assert beside.exists(), "raw files may be many, and the user's"


def test_a_task_leaves_alone_what_another_one_writes(tmp_path):
    """Each has a lock of its own; runs and the rest are links to one folder (``cluster.to_slurm``)."""
    task = tmp_path / "tasks" / "1"
    task.mkdir(parents=True)
    for part in ("datasets", "runs", "weights", "records"):
        (tmp_path / part).mkdir()
        (task / part).symlink_to(f"../../{part}")
    (task / "studies").symlink_to("../../studies")  # Of which there are none.
    another_task, alive = writer(tmp_path / "runs" / "cell-0" / "checkpoint.npz")
    killed_task, dead = writer(tmp_path / "weights" / "cell-2.weights.h5")
    kill(killed_task)
    try:
        with held(task):
            assert alive.exists()
            assert not dead.exists()
        assert alive.exists()
    finally:
        kill(another_task)


def test_every_folder_that_a_workspace_writes_to_is_tidied(tmp_path):
    place = Workspace(tmp_path)
    paths = []
    for name, member in inspect.getmembers(Workspace):
        if name.startswith("_") or name in ("lock", "tasks", "raw", "option"):
            continue
        found = getattr(place, name) if isinstance(member, property) else member(place, "name")
        if isinstance(found, Results):
            paths += [found.records, found.tables, found.reports]
        else:
            paths.append(found.root if isinstance(found, Workspace) else found)
    assert len(paths) > 10
    assert {Path(path).relative_to(tmp_path).parts[0] for path in paths} | {"exports"} == set(FOLDERS)
