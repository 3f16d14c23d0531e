"""Files that are whole or absent; paths that stay inside."""

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from fer_bench import files
from fer_bench.errors import FerBenchError, storage_message
from fer_bench.files import (
    inside,
    is_left_over,
    lives,
    naming,
    read_json,
    remove_unfinished,
    replacing,
    require_no_device,
    scratch,
    unfinished,
    write_json,
)

WRITE = (
    "import sys, time; from pathlib import Path; from fer_bench.files import replacing\n"
    "with replacing(Path(sys.argv[1])) as temporary:\n"
    "    temporary.write_text('half'); print(temporary, flush=True); time.sleep(600)"
)


def writer(path: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process that is writing a file; return it and its temporary file."""
    process = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_an_error_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.weights.h5"
    path.write_text("old")

    def write_and_fail() -> None:
        with replacing(path) as temporary:
            assert temporary.name.endswith(".weights.h5")
            temporary.write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_flushed_to_disk_is_open_for_writing_as_windows_wants_it(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda file: flushed.append(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE))
    write_json(tmp_path / "a.json", {})
    assert flushed == [os.O_RDWR]


def test_an_error_of_the_disk_names_the_file(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(OSError, match="No space left on device") as raised, replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.filename == str(path)
    assert storage_message(raised.value) == (
        f"{path}: No space left on device; nothing half-written is left, finished work is kept: make room or choose "
        "another folder, then the same command continues"
    )
    assert "kept: check its permissions or choose another folder, then" in str(
        storage_message(PermissionError(errno.EACCES, "Permission denied", "workspace/.lock"))
    )
    assert storage_message(OSError(errno.ECONNRESET, "Connection reset by peer")) is None


def test_a_folder_that_takes_no_file_is_told_with_the_name_of_the_file_that_was_meant(tmp_path, monkeypatch):
    def refuses(path, *arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(os, "open", refuses)
    with pytest.raises(OSError, match="Read-only") as raised, replacing(tmp_path / "table01.md"):
        pass
    assert raised.value.filename == str(tmp_path / "table01.md")


def test_an_error_that_names_a_file_or_is_not_the_disks_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, naming(tmp_path):
        (tmp_path / "absent").read_bytes()
    assert raised.value.filename == str(tmp_path / "absent")
    with pytest.raises(OSError, match="by hand") as raised, naming(tmp_path):
        raise OSError("by hand")
    assert raised.value.filename is None


def test_what_a_kill_leaves_goes_and_what_another_process_writes_stays(tmp_path):
    path = tmp_path / "runs" / "deep" / "a.json"
    process, half = writer(path)
    try:
        write_json(path, "whole")
        remove_unfinished(tmp_path, ["runs"])
        assert half.read_text() == "half"
    finally:
        kill(process)
    remove_unfinished(tmp_path, ["weights"])
    assert half.exists()
    remove_unfinished(tmp_path, ["runs", "absent"])
    assert list(path.parent.iterdir()) == [path]
    remove_unfinished(tmp_path / "absent", ["runs"])
    process, half = writer(tmp_path / "in-the-root.json")
    kill(process)
    remove_unfinished(tmp_path, [])
    assert not half.exists()


def test_what_a_kill_leaves_outside_a_workspace_goes_when_the_file_is_written_again(tmp_path):
    path = tmp_path / "sheet.json"
    (dead, half), (living, begun) = writer(path), writer(path)
    try:
        kill(dead)
        write_json(tmp_path / "another.json", "whole")
        assert half.exists()
        write_json(path, "whole")
        assert not half.exists()
        assert begun.read_text() == "half"
    finally:
        kill(living)
    write_json(path, "again")
    assert {entry.name for entry in tmp_path.iterdir()} == {"sheet.json", "another.json"}


def test_a_scratch_folder_goes_also_that_of_a_process_that_was_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "import sys, fer_bench.files as f\nwith f.scratch() as s: (s / 'a').touch(); print(s, flush=True); input()"
    command, environment = [sys.executable, "-c", code], os.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    theirs = Path(process.stdout.readline().strip())
    others = tmp_path / theirs.name.replace("fer-bench", "other")
    others.mkdir()
    with scratch():
        assert (theirs / "a").exists()  # It lives.
    kill(process)
    assert (theirs / "a").exists()
    with scratch() as ours:
        assert {*tmp_path.iterdir()} == {ours, others}
    assert {*tmp_path.iterdir()} == {others}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc")
def test_a_dead_process_that_nobody_has_asked_for_is_dead(tmp_path):
    process, half = writer(tmp_path / "a.json")
    assert lives(process.pid)
    process.send_signal(signal.SIGKILL)
    while lives(process.pid):
        time.sleep(0.01)
    os.kill(process.pid, 0)  # It is still in the list of processes.
    assert is_left_over(half)
    process.communicate()
    assert not lives(process.pid)
    assert lives(os.getpid())
    assert not lives(2**70)


def test_a_writer_that_cannot_be_asked_for_is_dead_a_day_later(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(files.platform, "node", lambda: "node3")
        elsewhere = tmp_path / f"{unfinished()}abc-a.json"
    own = tmp_path / f"{unfinished()}abc-a.json"
    assert elsewhere.name != own.name
    assert "node3" not in elsewhere.name
    # On a folder that hosts share: no process of that id lives here, which says nothing of the other host.
    other_id = tmp_path / elsewhere.name.replace(f"-{os.getpid()}-", f"-{2**30}-")
    users = tmp_path / ".unfinished-poem.txt"
    for path in (elsewhere, other_id, own, users):
        path.write_text("half")
    remove_unfinished(tmp_path, [])
    assert {*tmp_path.iterdir()} == {elsewhere, other_id, own, users}
    for path in (elsewhere, other_id, own, users):
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    remove_unfinished(tmp_path, [])
    assert [*tmp_path.iterdir()] == [users]
    assert not is_left_over(own)


@pytest.mark.skipif(sys.platform == "win32", reason="asks by signal 0")
def test_a_process_of_another_user_lives(tmp_path, monkeypatch):
    def refused(pid, number):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    half = tmp_path / unfinished().replace(f"-{os.getpid()}-", "-1-")
    half.write_text("half")
    monkeypatch.setattr(os, "kill", refused)
    assert lives(1)
    remove_unfinished(tmp_path, [])
    assert half.exists()


@pytest.mark.skipif(os.name == "nt", reason="modes of Unix")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o007, 0o660), (0o077, 0o600)])
def test_a_file_may_be_read_by_whom_the_user_lets(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_json(tmp_path / "a.json", {})
        assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == mode
        write_json(tmp_path / "a.json", {})
        assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == mode
    finally:
        assert os.umask(before) == mask, "that of the process stays"


def test_only_a_folder_that_is_named_may_be_a_link(tmp_path):
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "runs").symlink_to(shared)
    processes, halves = zip(*(writer(folder / "a.json") for folder in (shared, mine)), strict=True)
    (shared / "link").symlink_to(mine)
    for process in processes:
        kill(process)
    remove_unfinished(tmp_path / "task", ["runs"])
    assert [half.exists() for half in halves] == [False, True]


def test_a_folder_that_another_process_removes_meanwhile_does_no_harm(tmp_path, monkeypatch):
    process, half = writer(tmp_path / "runs" / "a" / "a.json")
    kill(process)
    for name in ("b/deep", "c/deep"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    real = files.is_left_over

    def removed_meanwhile(path: Path) -> bool:
        for name in "abc":
            shutil.rmtree(tmp_path / "runs" / name)
        return real(path)

    monkeypatch.setattr(files, "is_left_over", removed_meanwhile)
    monkeypatch.setattr(files.os, "walk", ordered_walk(os.walk))
    remove_unfinished(tmp_path, ["runs"])
    assert not half.exists()
    assert list((tmp_path / "runs").iterdir()) == []


def ordered_walk(walk):
    """Return ``os.walk`` going through folders by name, so that ``a`` comes first."""

    def ordered(top):
        for folder, below, names in walk(top):
            below.sort()
            yield folder, below, names

    return ordered


def test_the_same_content_gives_the_same_bytes(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    write_json(tmp_path / "b.json", {"a": "é", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == {"a": "é", "b": 1}
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "c.json", float("nan"))
    assert not (tmp_path / "c.json").exists()


def test_unreadable_json_names_the_file(tmp_path):
    for name, content in {"broken": "{", "deep": "[" * 100_000, "long": "9" * 5000, "latin": b"\xe9"}.items():
        (tmp_path / f"{name}.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in ("broken.json", "deep.json", "long.json", "latin.json", "missing.json"):
        with pytest.raises(FerBenchError, match=name):
            read_json(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_place_of_json_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(FerBenchError, match=r"a\.json: not a file, though something is there"):
        read_json(tmp_path / "a.json")


@pytest.mark.skipif(os.name == "nt", reason="the system has no device files")
def test_a_device_is_not_replaced_by_a_file(tmp_path):
    (link := tmp_path / "audit.csv").symlink_to("/dev/null")
    with pytest.raises(FerBenchError, match=r"audit\.csv: a device, which a file"), replacing(link):
        pass
    assert link.is_char_device()
    assert [path.name for path in tmp_path.iterdir()] == ["audit.csv"]
    # Not written to here: whoever may replace these, such as root in a container, would.
    for name in ("null", "stdout", "new.csv"):
        with pytest.raises(FerBenchError, match=f"/dev/{name}: a device"):
            require_no_device(Path("/dev", name))
    require_no_device(Path("/dev/shm/audit.csv"))


def test_paths_that_lead_out_are_refused(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "secret").write_text("x")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "beside").symlink_to(tmp_path / "database")
    links = ("link", "beside", "beside/secret")
    for path in ("../secret", str(tmp_path / "secret"), *links, "a/../../secret", "../database/secret"):
        with pytest.raises(FerBenchError, match="leads out") as error:
            inside(root, path)
        assert ("name the real folder with --source" in str(error.value)) == (path in links)
    assert inside(root, "a/b.png") == root / "a/b.png"
    (root / "circle").symlink_to(root / "circle")
    for path in ("a\0b", "circle/a", "x" * 5000, "a/" + "x" * 256):
        with pytest.raises(FerBenchError, match="is no path that can be followed in the folder") as error:
            inside(root, path)
        assert len(str(error.value)) < 500
