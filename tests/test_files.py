"""Files that are whole or absent; paths that stay inside."""

import errno
import signal
import subprocess
import sys

import pytest

from fer_bench.errors import FerBenchError, storage_message
from fer_bench.files import inside, naming, read_json, remove_unfinished, replacing, write_json


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


def test_an_error_of_the_disk_names_the_file(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(OSError, match="No space left on device") as raised, replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.filename == str(path)
    assert storage_message(raised.value) == (
        f"{path}: No space left on device; nothing half-written is left, finished work is kept: make room or choose "
        "another folder, then the same command continues"
    )
    assert storage_message(OSError(errno.ECONNRESET, "Connection reset by peer")) is None


def test_an_error_that_names_a_file_or_is_not_the_disks_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, naming(tmp_path):
        (tmp_path / "absent").read_bytes()
    assert raised.value.filename == str(tmp_path / "absent")
    with pytest.raises(OSError, match="by hand") as raised, naming(tmp_path):
        raise OSError("by hand")
    assert raised.value.filename is None


def test_what_a_kill_leaves_is_told_and_removed(tmp_path):
    path = tmp_path / "deep" / "a.json"
    script = (
        "import os, sys, signal; from pathlib import Path; from fer_bench.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == -signal.SIGKILL
    write_json(path, "whole")
    assert len(list(path.parent.iterdir())) == 2
    remove_unfinished(tmp_path, older_than=60)
    assert len(list(path.parent.iterdir())) == 2
    remove_unfinished(tmp_path)
    assert list(path.parent.iterdir()) == [path]
    remove_unfinished(tmp_path / "absent")


def test_the_same_content_gives_the_same_bytes(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    write_json(tmp_path / "b.json", {"a": "é", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == {"a": "é", "b": 1}
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "c.json", float("nan"))
    assert not (tmp_path / "c.json").exists()


def test_unreadable_json_names_the_file(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    for name in ("broken.json", "missing.json"):
        with pytest.raises(FerBenchError, match=name):
            read_json(tmp_path / name)


def test_paths_that_lead_out_are_refused(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "secret").write_text("x")
    (root / "link").symlink_to(tmp_path / "secret")
    for path in ("../secret", str(tmp_path / "secret"), "link", "a/../../secret"):
        with pytest.raises(FerBenchError, match="leads out"):
            inside(root, path)
    assert inside(root, "a/b.png") == root / "a/b.png"
