"""The command line as a user meets it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fer_bench.cli import app

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    command.name or command.callback.__name__ for command in app.registered_commands if command.callback is not None
)
HEAVY = {"tensorflow", "keras", "scipy", "sklearn", "statsmodels", "matplotlib", "pandas", "cv2"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fer_bench", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def imported_by(*arguments: str) -> set[str]:
    """Return the top-level packages that a command imports."""
    code = (
        "import sys; sys.argv = ['fer-bench', *sys.argv[1:]]\n"
        "from fer_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(result.stdout.rpartition("MODULES")[2].split())


def test_help_imports_nothing_heavy():
    assert not imported_by("--help") & (HEAVY | {"numpy", "tabulate", "tqdm"})


@pytest.mark.parametrize("command", ["models", "datasets"])
def test_lists_import_nothing_heavy(command):
    assert not imported_by(command, "--json") & HEAVY


def test_tables_import_nothing_heavy(tmp_path):
    assert not imported_by("tables", "--local", "--workspace", str(tmp_path)) & HEAVY


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    result = CliRunner().invoke(app, [command, "--help"], terminal_width=200)
    assert result.exit_code == 0
    assert f"Example: fer-bench {command}" in result.output


def test_the_readme_names_every_command_and_no_other():
    named = set(re.findall(r"fer-bench ([a-z][a-z-]*)", README))
    assert set(COMMANDS) <= named
    assert named <= set(COMMANDS)


def test_the_readmes_options_exist():
    for line in README.splitlines():
        for command, rest in re.findall(r"fer-bench ([a-z][a-z-]*)([^`|&]*)", line.partition("#")[0]):
            text = CliRunner().invoke(app, [command, "--help"], terminal_width=200).output
            for option in re.findall(r"--[a-z][a-z-]*", rest):
                assert option in text, f"{command} {option}"


def test_models_as_json():
    result = run("models", "--json")
    models = {model["name"]: model for model in json.loads(result.stdout)}
    assert models["clcm"]["trainable_parameters"] == 2_393_191
    assert models["clcm"]["non_trainable_parameters"] == 37_472
    assert models["clcm"]["paper_trainable_parameters"] == 2_393_191
    assert models["shufflenetv2-canonical"]["trainable_parameters"] == 1_260_779
    assert models["shufflenetv2-canonical"]["paper_trainable_parameters"] is None


def test_datasets_as_json(workspace):
    result = run("datasets", "--json", "--workspace", str(workspace.root))
    found = {dataset["name"]: dataset for dataset in json.loads(result.stdout)}
    assert sum(found["fer2013"]["official_counts"]["Training"]) == 28_709
    assert found["raf-db"]["prepared"]["origin"] == "synthetic"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--model", "resnet", "--dataset", "fer2013"], "no model 'resnet'"),
        (["train", "--model", "clcm", "--dataset", "imagenet"], "imagenet"),
        (["train", "--model", "clcm", "--dataset", "ck-plus"], "test set only"),
        (["train", "--model", "clcm", "--dataset", "fer2013", "--recipe", "fast"], "no recipe 'fast'"),
        (["train", "--model", "mobilenetv2", "--dataset", "fer2013"], "fer-bench prepare fer2013 --source PATH"),
        (["train", "--model", "clcm", "--dataset", "fer2013"], "give --weights imagenet"),
        (["train", "--model", "clcm", "--dataset", "fer2013", "--weights", "x.h5"], "--weights x.h5: no such file"),
        (["train", "--model", "shufflenetv2", "--dataset", "fer2013", "--weights", "imagenet"], "no ImageNet weights"),
        (["prepare", "fer2013", "--source", "nowhere"], "nowhere"),
        (["cross-test"], "fer-bench prepare ck-plus"),
        (["anova"], "run fer-bench profile first"),
        (["run-all", "--source", "fer2013"], "expected NAME=PATH"),
        (["run-all", "--recipe", "paper"], "give --weights imagenet"),
        (["run-all", "--recipe", "paper", "--weights", "random"], "no dataset to train on is prepared"),
        (["run-all", "--synthetic", "--source", "fer2013=x"], "exclude each other"),
        (["synthesize", "mnist", "x"], "mnist"),
    ],
)
def test_a_mistake_gets_one_message_and_exit_code_2(tmp_path, arguments, words):
    result = subprocess.run(
        [sys.executable, "-m", "fer_bench", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "FER_BENCH_WORKSPACE": str(tmp_path / "workspace"), "PYTHONPATH": str(Path.cwd())},
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_prepare_shows_the_counts_and_the_label_map(synthetic_root, tmp_path):
    result = run("prepare", "raf-db", "--source", str(synthetic_root / "raf-db"), "--workspace", str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "synthetic" in result.stdout
    assert "1 = surprise" in result.stdout
    assert re.search(r"val\b.*\b28\b", result.stdout)


def test_anova_from_the_papers_summary_gives_table_7():
    result = run("anova", "--from-summary", "--json")
    content = json.loads(result.stdout)
    assert content["df"] == [2, 147]
    found = {(pair["a"], pair["b"]): (pair["difference"], pair["significant"]) for pair in content["pairs"]}
    for (a, b), published in {
        ("mobilenetv2", "clcm"): 0.0082,
        ("mobilenetv2", "shufflenetv2"): -0.0048,
        ("clcm", "shufflenetv2"): -0.0130,
    }.items():
        assert found[a, b] == (pytest.approx(published, abs=1.0001e-4), True)
        assert found[b, a] == (pytest.approx(-published, abs=1.0001e-4), True)


def test_a_second_process_is_told_who_holds_the_workspace(workspace):
    with workspace.lock():
        result = run("cross-test", "--workspace", str(workspace.root))
    assert result.returncode == 2
    assert f"(process {os.getpid()}) is writing to this workspace" in result.stderr


def test_tables_check_shows_a_diff_and_exits_1(tmp_path):
    assert run("tables", "--local", "--workspace", str(tmp_path)).returncode == 0
    check = ("tables", "--check", "--local", "--workspace", str(tmp_path))
    assert run(*check).returncode == 0
    table = tmp_path / "tables" / "table04.md"
    table.write_text(table.read_text(encoding="utf-8").replace("58", "99"), encoding="utf-8")
    result = run(*check)
    assert result.returncode == 1
    assert re.search(r"^-.*99", result.stdout, re.MULTILINE)
    assert re.search(r"^\+.*58", result.stdout, re.MULTILINE)
