"""What is said beside the answer: nothing, progress, or all of it; with colours or without."""

import errno
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fer_bench import cli, messages
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.verbosity import level, set_level

ROOT = Path(__file__).parent.parent
MINI = 'base = "demo"\nimage_size = 32\nepochs = 2\nwarmup_epochs = 0\nbatch_size = 16\n'
MINI += "batch_norm_momentum = 0.8\n"  # Of 0.9, so few steps would be worth a message.
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|9[0-7])(?:;\d+)*m")


@pytest.fixture(autouse=True)
def _level():
    yield
    set_level("normal")


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def commands(command, before: str = ""):
    if command.callback is not None and before:
        yield before, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{before} {name}".strip())


@pytest.mark.parametrize(("name", "command"), list(commands(typer.main.get_command(app))))
def test_every_command_can_be_quiet_or_verbose(name, command):
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--quiet", "-q", "--verbose", "-v"} <= options


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "normal"),
        (["--quiet"], "quiet"),
        (["-v"], "verbose"),
    ],
)
def test_the_options_stand_before_or_behind_the_command(arguments, expected):
    for line in (["models", *arguments], [*arguments, "models"]):
        assert run(*line).exit_code == 0
        assert level() == expected
    run("--verbose", "models", "--quiet")
    assert level() == "quiet"
    run("models")
    assert level() == "normal"


@pytest.mark.parametrize("line", [["models", "-q", "-v"], ["-q", "-v", "models"]])
def test_quiet_and_verbose_exclude_each_other(line):
    with pytest.raises(FerBenchError, match="exclude each other"):
        run(*line)


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [("quiet", ["a warning"]), ("normal", ["it goes", "a warning"]), ("verbose", ["it goes", "an epoch", "a warning"])],
)
def test_what_is_shown_at_each_level_and_all_of_it_is_logged(capsys, chosen, shown):
    logged: list[str] = []
    set_level(chosen)
    messages.log_to(logged.append)
    try:
        messages.say("it goes")
        messages.detail("an epoch")
        messages.warn("a warning")
    finally:
        messages.log_to(None)
    assert capsys.readouterr().err.splitlines() == shown
    assert logged == ["it goes", "an epoch", "a warning"]


def test_training_tells_as_much_as_it_is_asked(workspace, tiny_model, tmp_path):
    (tmp_path / "mini.toml").write_text(MINI)
    common = ("-d", "fer2013", "-r", tmp_path / "mini.toml", "--weights", "random", "-w", workspace.root)
    verbose = run("train", "-m", "tiny", *common, "--verbose")
    assert "best of 2 epochs" in verbose.stdout
    caption = "tiny on fer2013, mini, seed 0 (synthetic faces)"
    lines = verbose.stderr.splitlines()
    assert lines[0] == f"{caption}: first step done"
    for number, line in enumerate(lines[1:], start=1):
        pattern = r"epoch \d/2 in [\d.]+ s, loss [\d.]+, accuracy [\d.]+%; validation loss [\d.]+, accuracy [\d.]+%"
        assert re.fullmatch(f"{re.escape(caption)}: {pattern}", line)
        assert f"epoch {number}/2 " in line
    assert len(lines) == 3
    again = run("train", "-m", "tiny", *common, "-v")
    assert again.stderr.splitlines() == [f"{caption}: kept, as it was trained before"]
    assert again.stdout == verbose.stdout
    quiet = run("train", "-m", "tiny", *common, "--quiet")
    assert (quiet.stdout, quiet.stderr) == (verbose.stdout, "")


def on_a_terminal(*command: str, **environment: str) -> tuple[str, int]:
    """Run a command with a terminal as stdout and stderr; return what it shows and its exit code."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 100))
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**clean, "TERM": "xterm", "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux' way to say that the other end is closed.
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return shown.decode("utf-8", "replace"), process.wait()


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_no_color_is_honoured_on_a_terminal(arguments):
    command = (sys.executable, "-m", "fer_bench", *arguments)
    colourful, code = on_a_terminal(*command)
    plain, same_code = on_a_terminal(*command, NO_COLOR="1")
    assert COLOUR.search(colourful)
    assert not COLOUR.search(plain)
    assert code == same_code


def printed(script: str, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**clean, "TERM": "xterm", "PYTHONPATH": str(ROOT), **environment},
    )
    return done.stdout


TABLE = """
from rich.text import Text
from fer_bench.cli.printing import print_table
print_table("Installation", ("check", "state"), [("disk", Text("error", style="red"))])
"""


def test_colours_in_a_pipe_only_where_they_are_forced():
    assert not COLOUR.search(printed(TABLE))
    assert COLOUR.search(printed(TABLE, FORCE_COLOR="1"))
    assert not COLOUR.search(printed(TABLE, FORCE_COLOR="1", NO_COLOR="1"))


BAR = """
import sys, time
from fer_bench.timetable import Stage, Timetable
from fer_bench.progress import bar
from fer_bench.verbosity import set_level
set_level(sys.argv[1])
with Timetable([Stage("stage", 1)]) as timetable:
    timetable.began(timetable._stages[0])
    with bar("work on it", 3) as shown:
        for _ in range(3):
            time.sleep(0.15)
            shown.advance()
    timetable.ended(timetable._stages[0])
"""


def test_bars_are_off_when_quiet():
    shown, code = on_a_terminal(sys.executable, "-c", BAR, "normal")
    assert code == 0
    assert "work on it" in shown
    assert "[1/1] stage" in shown
    assert on_a_terminal(sys.executable, "-c", BAR, "quiet") == ("", 0)


@pytest.mark.parametrize(("chosen", "traceback"), [("quiet", False), ("normal", False), ("verbose", True)])
def test_a_full_disk_is_told_as_other_errors_are(capsys, monkeypatch, chosen, traceback):
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x.h5")

    monkeypatch.setattr(cli, "app", full)
    set_level(chosen)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("fer-bench: x.h5: No space left on device")
    assert ("Traceback" in told) == traceback


@pytest.mark.parametrize(("options", "traceback"), [([], False), (["--quiet"], False), (["--verbose"], True)])
def test_an_error_is_told_always_and_its_traceback_when_verbose(tmp_path, options, traceback):
    done = subprocess.run(
        [sys.executable, "-m", "fer_bench", "prepare", "fer2013", "--source", "nowhere", *options],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FER_BENCH_WORKSPACE": str(tmp_path / "workspace")},
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("fer-bench: ")
    assert ("Traceback" in done.stderr) == traceback
