"""What the shell offers on Tab."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fer_bench.cli import app

ROOT = Path(__file__).parent.parent


def offered(line: str, **environment: str) -> list[str]:
    """Return what is offered at the end of a command line, asked as Typer's script for bash asks."""
    variables = {
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "_FER_BENCH_COMPLETE": "complete_bash",
    }
    done = CliRunner().invoke(app, [], env={**variables, **environment}, prog_name="fer-bench", catch_exceptions=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fer-bench tra", ["train"]),
        ("fer-bench doctor ", ["labels"]),
        ("fer-bench train --mod", ["--model"]),
        ("fer-bench train --model clcm", ["clcm", "clcm-128", "clcm-plain"]),
        ("fer-bench compare --on ck", ["ck-plus"]),
        ("fer-bench prepare raf", ["raf-db"]),
        ("fer-bench evaluate --dataset fer2013+a", ["fer2013+affectnet"]),
        ("fer-bench run-all -r cp", ["cpu48", "cpu96"]),
        ("fer-bench train --balance over", ["oversample"]),
        ("fer-bench train --qu", ["--quiet"]),
    ],
)
def test_commands_options_and_their_values_are_offered(tmp_path, monkeypatch, line, expected):
    monkeypatch.chdir(tmp_path)
    assert offered(line) == expected


def test_datasets_of_the_workspace_are_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("my-faces", "fer2013"):
        (tmp_path / "here/datasets" / name).mkdir(parents=True)
        (tmp_path / "here/datasets" / name / "manifest.json").write_text("{}")
    assert "my-faces" in offered("fer-bench train --workspace here --dataset ")
    found = offered("fer-bench train --dataset ", FER_BENCH_WORKSPACE=str(tmp_path / "here"))
    assert found == ["fer2013", "raf-db", "affectnet", "ck-plus", "my-faces"]
    assert offered("fer-bench train --dataset my") == []


def test_external_models_of_the_workspace_are_offered_where_they_can_be_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here/external/their-net").mkdir(parents=True)
    (tmp_path / "here/external/their-net/model.json").write_text("{}")
    for command in ("evaluate", "profile", "doctor labels"):
        assert offered(f"fer-bench {command} --workspace here --model their") == ["their-net"]
    assert offered("fer-bench train --workspace here --model their") == []


@pytest.fixture
def program(tmp_path) -> Path:
    """A folder with the command ``fer-bench``."""
    path = tmp_path / "bin" / "fer-bench"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m fer_bench "$@"\n')
    path.chmod(0o755)
    return path.parent


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_install_completion_makes_bash_complete(tmp_path, program):
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{program}:{os.environ['PATH']}"}
    # Typer finds out by the parent processes which shell this is, which here may be none; so it is named.
    named = {**environment, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    subprocess.run(["fer-bench", "--install-completion", "bash"], env=named, check=True, capture_output=True)
    script = """
        source ~/.bashrc
        COMP_WORDS=(fer-bench train --model mobilenetv2-l)
        COMP_CWORD=3
        $(complete -p fer-bench | sed 's/.*-F \\([^ ]*\\).*/\\1/') fer-bench
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], env=environment, check=True, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("mobilenetv2-linear", "")


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_there_is_a_script_for_other_shells(tmp_path, program, shell):
    environment = {
        **os.environ,
        "PATH": f"{program}:{os.environ['PATH']}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    command = ["fer-bench", "--show-completion", shell]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert "_FER_BENCH_COMPLETE" in done.stdout


def test_completing_imports_nothing_heavy(tmp_path):
    code = (
        "import os, sys; sys.argv = ['fer-bench']\n"
        "os.environ.update(_FER_BENCH_COMPLETE='complete_bash', COMP_WORDS='fer-bench train -m ', COMP_CWORD='3')\n"
        "from fer_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    names, _, modules = done.stdout.partition("MODULES")
    assert "clcm" in names
    assert not set(modules.split()) & {"tensorflow", "keras", "scipy", "sklearn", "matplotlib", "pandas", "cv2"}
