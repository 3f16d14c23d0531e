"""``fer-bench help``: a command, or all of them on one page."""

import re
import shutil
import subprocess

import pytest
import typer
from typer.testing import CliRunner

from fer_bench.cli import app
from fer_bench.cli.manual import Entry, to_man, to_text
from fer_bench.errors import FerBenchError


def run(*arguments: str):
    return CliRunner().invoke(app, arguments, catch_exceptions=False, terminal_width=200)


def commands(command, before: str = "fer-bench"):
    """Yield every command with its name."""
    yield before, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{before} {name}")


EVERY = dict(commands(typer.main.get_command(app)))


def test_one_page_holds_every_command_with_every_option():
    page = run("help", "--all").stdout
    headings = [line for line in page.splitlines() if line.startswith("fer-bench")]
    assert len(headings) == len(EVERY)
    for name, command in EVERY.items():
        [part] = [
            part for part in page.split("\n\n\n") if re.match(rf"{name}( [\[{{A-Z].*)?$", part.partition("\n")[0])
        ]
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert re.search(rf"^    .*{option}\b", part, re.MULTILINE), f"{name} {option}"
    assert "[bold]" not in page
    assert "\\[" not in page
    assert max(map(len, page.splitlines())) <= 160
    assert "KERAS_BACKEND" in page
    assert "Interrupted (Ctrl-C)" in page


def test_arguments_are_written_as_the_readme_and_the_help_of_options_name_them():
    names = {p.metavar for command in EVERY.values() for p in command.params if p.param_type_name == "argument"}
    assert None not in names
    assert all(re.fullmatch(r"[A-Z]+(\|[A-Z-]+)*", name) for name in names), names


def test_a_start_is_asked_for_only_where_something_is_trained():
    """A command that works on a trained run takes the recipe's own start without --weights."""
    asking = {
        name
        for name, command in EVERY.items()
        for p in command.params
        if "--weights" in p.opts and "Required if the recipe" in (p.help or "")
    }
    assert asking == {"fer-bench train", "fer-bench ablate freezing", "fer-bench ablate head"}


def test_the_page_for_the_browser_is_made_of_an_onnx_file_as_its_help_says():
    assert "tflite" not in run("help", "web-demo").stdout


def test_the_page_is_the_same_every_time():
    assert run("help", "--all").stdout == run("help", "--all").stdout


def test_the_manual_page_is_one_that_man_shows(tmp_path):
    source = run("help", "--man").stdout
    assert source.startswith('.TH FER\\-BENCH 1 "" "fer\\-bench ')
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    (tmp_path / "fer-bench.1").write_text(source, encoding="utf-8")
    command = ["groff", "-man", "-Tascii", "-P-cbou", "-ww", "-rLL=120n", str(tmp_path / "fer-bench.1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    shown = " ".join(done.stdout.split())
    assert "NAME fer-bench - Benchmark lightweight CNNs" in shown
    for name in EVERY:
        assert name in shown
    assert "fer-bench prepare fer2013 --source ~/data/fer2013.zip" in shown


def test_text_that_troff_would_take_for_a_request_is_printed():
    page = to_man([Entry("x", (".so /etc/passwd",), ("'a \\fB --b",), ((".c", '"quoted"'),))])
    assert "\n\\&.so /etc/passwd\n" in page
    assert "\n\\&'a \\efB \\-\\-b\n" in page
    assert "\\fB\\&.c\\fR\n\\(dqquoted\\(dq\n" in page


def test_text_is_wrapped_to_the_width():
    text = to_text([Entry("fer-bench x", ("one two three four " * 10,), (), (("--a", "five six seven " * 10),))], 40)
    assert max(map(len, text.partition("\n\n\n")[0].splitlines())) <= 40


@pytest.mark.parametrize("name", ["train", "doctor", "doctor labels", "ablate freezing"])
def test_help_of_a_command_is_what_its_option_gives(name):
    assert run("help", *name.split()).stdout.strip() == run(*name.split(), "--help").stdout.strip()


def test_help_alone_lists_the_commands():
    shown = run("help").stdout
    assert "leaderboard" in shown
    assert shown.strip() == run("--help").stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "no command 'trian'"),
        (["doctor", "lables"], "no command 'doctor lables'"),
        (["train", "clcm"], "no command 'train clcm'"),
        (["train", "--all"], "leave the name out"),
    ],
)
def test_a_command_that_does_not_exist_is_refused(arguments, words):
    with pytest.raises(FerBenchError, match=words):
        run("help", *arguments)
