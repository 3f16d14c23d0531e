"""``fer-bench.log`` in the workspace: what changed it, what was said, how it ended."""

import contextlib
import multiprocessing
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fer_bench import __version__, log
from fer_bench.cli import app
from fer_bench.cli.frame import READ_ONLY
from fer_bench.errors import FerBenchError
from fer_bench.messages import detail, say

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[\d+\] (.*)")


def messages(root: Path) -> list[str]:
    """Return the messages of a log without time and process; further lines of one stay indented."""
    lines = (root / log.NAME).read_text(encoding="utf-8").splitlines()
    return [match[1] if (match := LINE.fullmatch(line)) else line for line in lines]


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_a_command_that_changes_a_workspace_is_logged(synthetic_root, tmp_path):
    root = tmp_path / "with space"
    command = ["prepare", "raf-db", "--source", str(synthetic_root / "raf-db"), "-w", str(root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "fer_bench", *command], env=environment, capture_output=True)
    assert done.returncode == 0
    first, last = messages(root)
    assert first.startswith(f"fer-bench {__version__}, Python 3.")
    assert first.endswith(f": python -m fer_bench prepare raf-db --source {synthetic_root / 'raf-db'} -w '{root}'")
    assert re.fullmatch(r"done in \d+ s", last)


def test_a_mistake_is_logged_in_one_line(tmp_path):
    (tmp_path / "workspace").mkdir()
    with pytest.raises(FerBenchError):
        run("cross-test", "-w", tmp_path / "workspace")
    told = messages(tmp_path / "workspace")
    assert re.fullmatch(r"error: .*fer-bench prepare ck-plus.*", told[1])
    assert re.fullmatch(r"    ended with exit code 2 after \d+ s", told[2])
    assert len(told) == 3


def test_an_error_of_the_program_is_logged_with_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), log.logged(tmp_path, "fer-bench x"):
        raise ZeroDivisionError("by 0")
    told = messages(tmp_path)
    assert told[1] == "Traceback (most recent call last):"
    assert "    ZeroDivisionError: by 0" in told
    assert re.fullmatch(r"    ended by an error of the program after \d+ s", told[-1])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (typer.Abort(), "interrupted"),
        (typer.Exit(1), "ended with exit code 1"),
        (SystemExit(3), "ended with exit code 3"),
        (OSError(28, "No space left on device", "x.h5"), "error: x.h5: No space left on device.*"),
    ],
)
def test_how_else_a_command_may_end(tmp_path, error, told):
    with pytest.raises(type(error)), log.logged(tmp_path, "fer-bench x"):
        raise error
    assert re.fullmatch(told + r"( after 0 s)?", messages(tmp_path)[1])


def test_what_is_said_and_what_libraries_warn_of_is_logged(tmp_path, capsys):
    shown = warnings.showwarning
    with log.logged(tmp_path, "fer-bench x"), warnings.catch_warnings():
        warnings.simplefilter("always")
        say("two\nlines")
        say("\x1b[31mred")
        detail("a detail")
        warnings.warn("of a library", stacklevel=1)
    assert messages(tmp_path)[1:-1] == ["two", "    lines", "\\x1b[31mred", "a detail", "UserWarning: of a library"]
    assert "a detail" not in capsys.readouterr().err
    assert warnings.showwarning is shown
    say("later")
    assert "later" not in messages(tmp_path)


def test_training_in_worker_processes_is_logged(workspace):
    from fer_bench.timetable import Stage
    from fer_bench.workers import tell, work_side_by_side

    stage = Stage("x", 1)
    with log.logged(workspace.root, "fer-bench x"):
        groups = [[(stage, _Say(name))] for name in ("a", "b")]
        work_side_by_side(groups, 2, tell)
    assert sorted(messages(workspace.root)[1:-1]) == ["a in detail", "a said", "b in detail", "b said"]


class _Say:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self) -> None:
        say(f"{self.name} said")
        detail(f"{self.name} in detail")


@pytest.mark.parametrize("obstacle", ["folder", "pipe", "no permission"])
def test_a_log_that_cannot_be_written_breaks_nothing(tmp_path, capsys, monkeypatch, obstacle):
    path = tmp_path / log.NAME
    if obstacle == "folder":
        path.mkdir()
    elif obstacle == "pipe":
        os.mkfifo(path)
    else:  # Root may write everywhere.

        def refuse(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(log.os, "open", refuse)
    with log.logged(tmp_path, "fer-bench x"):
        say("work")
        say("more work")
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 3
    assert told[0].startswith(f"{path}: ")
    assert told[0].endswith("this command goes on without a log")
    assert told[1:] == ["work", "more work"]


def test_text_that_is_no_unicode_is_logged(tmp_path):
    log.Log(tmp_path).write("a name: \udcff")
    assert messages(tmp_path) == ["a name: \\udcff"]


def test_a_long_log_is_turned_over_and_only_some_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "LARGEST", 1000)
    own = log.Log(tmp_path)
    for number in range(100):
        own.write(f"{number:03d} " + "x" * 60)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [log.NAME, *(f"{log.NAME}.{number}" for number in range(1, log.KEPT + 1))]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    numbers = [
        int(line.split()[2])
        for name in reversed(files)
        for line in (tmp_path / name).read_text(encoding="utf-8").splitlines()
    ]
    assert numbers == list(range(numbers[0], 100))


def _write_many(root: str, name: str) -> None:
    own = log.Log(Path(root))
    for number in range(200):
        own.write(f"{name} {number}")


def test_lines_of_several_processes_do_not_mix(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(str(tmp_path), name)) for name in ("a", "b", "c")]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    told = messages(tmp_path)
    assert sorted(told) == sorted(f"{name} {number}" for name in ("a", "b", "c") for number in range(200))


def test_a_workspace_is_not_made_for_the_logs_sake(tmp_path):
    with log.logged(tmp_path / "nowhere", "fer-bench x"):
        say("work")
    assert not (tmp_path / "nowhere").exists()
    with log.logged(tmp_path / "later", "fer-bench x"):
        say("before")
        (tmp_path / "later").mkdir()
        say("after")
    assert messages(tmp_path / "later")[1:-1] == ["before", "after"]


def commands(command, before: str = ""):
    if command.callback is not None and before:
        yield before, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{before} {name}".strip())


EVERY = dict(commands(typer.main.get_command(app)))


def test_the_commands_that_only_read_exist():
    assert set(EVERY) >= READ_ONLY


@pytest.mark.parametrize(
    "line",
    [
        ["status"],
        ["grid"],
        ["datasets", "--json"],
        ["models", "--json"],
        ["web-demo", "demo.html", "--model", "clcm.onnx"],
        ["tables", "--local", "--check"],
        ["tables", "--json"],
        ["audit-paper", "--json"],
        ["anova", "--from-summary"],
        ["compare", "clcm", "mobilenetv2", "--local"],
        ["leaderboard", "--records", "."],
    ],
)
def test_commands_that_only_read_write_no_log(workspace, line):
    run_in = ["--workspace", str(workspace.root)] if "leaderboard" not in line else []
    with contextlib.suppress(FerBenchError):
        run(*line, *run_in)
    assert not (workspace.root / log.NAME).exists()


def test_published_tables_are_not_the_workspaces(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("workspace/records", "reports/records"):
        (tmp_path / folder).mkdir(parents=True)
    run("tables")
    assert not (tmp_path / "workspace" / log.NAME).exists()
    run("tables", "--local")
    assert re.fullmatch(r"done in \d+ s", messages(tmp_path / "workspace")[-1])
    (tmp_path / "named").mkdir()
    run("tables", "-w", tmp_path / "named")  # Naming one means --local.
    assert re.fullmatch(r"done in \d+ s", messages(tmp_path / "named")[-1])


def test_clean_and_status_leave_the_log_alone(workspace):
    run("clean", "--yes", "--records", "-w", workspace.root)
    assert run("clean", "--json", "-w", workspace.root).exit_code == 0
    run("status", "-w", workspace.root)
    told = messages(workspace.root)
    assert sum(line.startswith(f"fer-bench {__version__}") for line in told) == 2
