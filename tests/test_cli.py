"""The command line as a user meets it."""

import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from advice import follow
from typer import Typer
from typer.main import get_command
from typer.testing import CliRunner

from fer_bench import cli
from fer_bench.cli import app
from fer_bench.cli.options import again
from fer_bench.cli.printing import print_json
from fer_bench.datasets import side_by_side
from fer_bench.errors import FerBenchError
from fer_bench.workspace import DEFAULT_ROOT

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def names(application: Typer, before: str = "") -> list[str]:
    """Return the words of every command, such as ``train`` and ``doctor labels``."""
    own = [
        command.name or command.callback.__name__.replace("_", "-")
        for command in application.registered_commands
        if command.callback
    ]
    below = [name for group in application.registered_groups for name in names(group.typer_instance, f"{group.name} ")]
    return sorted([before + name for name in own] + below)


COMMANDS = names(app)
HEAVY = {"tensorflow", "keras", "scipy", "sklearn", "statsmodels", "matplotlib", "pandas", "cv2"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command within this process, which has imported what it needs; an error with a traceback ends the test."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["fer-bench", *arguments])
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return subprocess.CompletedProcess(arguments, ended.value.code or 0, out.getvalue(), err.getvalue())


def run_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
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


@pytest.mark.parametrize("command", [*COMMANDS, *(group.name for group in app.registered_groups)])
def test_every_command_has_help_with_an_example(command):
    result = CliRunner().invoke(app, [*command.split(), "--help"], terminal_width=200)
    assert result.exit_code == 0
    assert f"Example: fer-bench {command}" in result.output


def test_help_fills_the_lines_of_a_terminal_of_80_columns():
    """Each word stands on the line before where there is room for it."""
    output = CliRunner().invoke(app, ["profile", "--help"], terminal_width=80).output
    output = re.sub(r"\x1b\[[0-9;]*m", "", output)  # Typer takes GitHub's runners for terminals.
    [text] = re.findall(r"(FLOPs are counted.*?)\n *\n", output, re.DOTALL)
    lines = [line.strip() for line in text.splitlines()]
    assert len(lines) > 3
    for line, below in itertools.pairwise(lines):
        assert len(line) + 1 + len(below.split()[0]) > 77, output


@pytest.mark.parametrize(
    ("command", "option", "words"),
    [
        ("grid", "--seed", "Seed of the runs; may be given several times. Default: 0 alone."),
        ("grid", "--model", "Default: the paper's three."),
        ("status", "--seed", "Default: all seeds that a recipe was trained with, or 0."),
        ("status", "--model", "Default: the paper's three, and others that have runs."),
        ("evaluate", "--dataset", "Dataset that the model was trained on, or several together"),
        ("train", "--dataset", "Dataset to train on, or several together"),
        ("show", "--out", "Default: below contact-sheets/ in the workspace."),
        ("audit", "--out", "Default: below audits/ in the workspace."),
        ("profile", "--model", "profiled together with them before; for --self-test clcm."),
    ],
)
def test_help_says_what_an_option_is_of_and_what_it_is_without(command, option, words):
    options = get_command(app).commands[command].params
    [told] = [item.help for item in options if option in item.opts]
    assert words in told


def _helps():
    """Each option of each command with its help."""
    waiting = [("fer-bench", get_command(app))]
    while waiting:
        name, command = waiting.pop()
        waiting += [(f"{name} {below}", found) for below, found in getattr(command, "commands", {}).items()]
        for item in command.params:
            yield f"{name} {item.opts[0]}", item


def test_one_phrase_says_of_every_option_that_it_may_be_given_several_times():
    several = {name for name, item in _helps() if item.param_type_name == "option" and item.multiple}
    assert several == {name for name, item in _helps() if "may be given several times" in (item.help or "")}
    assert [name for name, item in _helps() if "repeatable" in (item.help or "").lower()] == []


def test_the_help_of_an_option_is_whole_without_its_name():
    """A text such as "Of the classes, instead of the recipe's." is only understood by who wrote it."""
    texts = {name: item.help or "" for name, item in _helps() if item.opts[0] != "--help"}
    assert [name for name, text in texts.items() if not text.endswith((".", "..."))] == []
    assert [name for name, text in texts.items() if re.match(r"(Of|Where the|Also the|See) ", text)] == []


def test_the_readme_names_every_command_and_no_other():
    named = set(re.findall(r"fer-bench ([a-z][a-z-]*)", README))
    assert named == {command.partition(" ")[0] for command in COMMANDS}
    assert [command for command in COMMANDS if f"fer-bench {command}" not in README] == []


def test_help_groups_the_commands():
    named = [name for name, _, _ in cli.COMMANDS]
    assert len(named) == len(set(named))
    assert set(named) == {command.partition(" ")[0] for command in COMMANDS}
    shown = CliRunner().invoke(app, ["--help"], terminal_width=200).output
    panels = {part.split(" ─")[0]: part for part in shown.split("╭─ ")}
    for name, title, _ in cli.COMMANDS:
        assert re.search(rf"^│ {name} ", panels[title], re.MULTILINE)


def test_models_as_json():
    result = run_process("models", "--json")
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
    assert found["raf-db"]["prepared"]["complete"] is True
    assert found["raf-db"]["prepared"]["official_split"] is True


def test_datasets_says_what_is_incomplete_or_a_re_upload(workspace):
    for name, changes in (("raf-db", {"complete": False}), ("affectnet", {"official_split": False, "complete": None})):
        path = workspace.prepared(name) / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    told = run("datasets", "-w", str(workspace.root), COLUMNS="200").stdout
    assert not set("│┃━─┏╭") & set(told)  # Where nobody looks at a terminal.
    rows = [re.split(r"  +", line.strip()) for line in told.splitlines()]
    listed = {row[0]: row[-1] for row in rows if row}
    assert listed["raf-db"] == "210 images, synthetic, aligned, incomplete"
    assert listed["affectnet"] == "105 images, synthetic, npy, a re-upload"
    assert listed["fer2013"] == "210 images, synthetic, folders"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--model", "resnet", "--dataset", "fer2013"], "no model 'resnet'"),
        (["train", "--model", "clcm", "--dataset", "imagenet"], "unknown dataset 'imagenet'"),
        (["train", "--model", "clcm", "--dataset", "fer2013", "--recipe", "fast"], "no recipe 'fast'"),
        (["train", "--model", "mobilenetv2", "--dataset", "fer2013"], "fer-bench prepare fer2013 --source PATH"),
        (["train", "--model", "clcm", "--dataset", "fer2013"], "give --weights imagenet"),
        (["train", "-m", "clcm", "-d", "fer2013", "--weights=~nosuchuser/a.h5"], "~nosuchuser/a.h5: there is no user"),
        (["datasets", "--workspace=~nosuchuser/w"], "~nosuchuser/w: there is no user of that name"),
        (["inspect", "~nosuchuser/a.zip"], "~nosuchuser/a.zip: there is no user of that name"),
        (["train", "--model", "clcm", "--dataset", "fer2013", "--weights", "x.h5"], "--weights x.h5: no such file"),
        (["train", "--model", "clcm", "--dataset", "fer2013", "--weights=~/x.h5"], f"{Path.home()}/x.h5: no such file"),
        (["run-all", "--recipe", "paper", "--weights=~/x.h5"], f"{Path.home()}/x.h5: no such file"),
        (["train", "--model", "shufflenetv2", "--dataset", "fer2013", "--weights", "imagenet"], "no ImageNet weights"),
        (["prepare", "fer2013", "--source", "nowhere"], "nowhere"),
        (["prepare", "--source", "nowhere"], "name one dataset"),
        (["prepare", "--card", "no.toml", "--source", "nowhere"], "no.toml"),
        (["prepare", "fer2013", "--source", ".", "--layout", "tar"], "no layout 'tar'"),
        (["inspect", "nowhere"], "nowhere: no such file or folder"),
        (["inspect", "."], "no dataset that fer-bench knows"),
        (["audit", "fer2013"], "fer-bench prepare fer2013 --source PATH"),
        (["audit", "jaffe"], "unknown dataset 'jaffe'"),
        (["show", "raf-db", "--out", "sheet.jpg"], "fer-bench prepare raf-db"),
        (["doctor", "labels", "--model", "clcm", "--dataset", "raf-db"], "fer-bench prepare raf-db"),
        (["cross-test"], "workspace: no such workspace"),
        (["anova"], "run fer-bench profile first"),
        (["run-all", "--source", "fer2013"], "expected NAME=PATH"),
        (["run-all", "--recipe", "paper"], "give --weights imagenet"),
        (["run-all", "--recipe", "paper", "--weights", "random"], "no dataset to train on is prepared"),
        (["run-all", "--synthetic", "--source", "fer2013=x"], "exclude each other"),
        (["synthesize", "mnist", "x"], "mnist"),
        (["synthesize", "fer2013", "x", "--layout", ""], "no layout '' of fer2013"),
        (["datasets", ""], "unknown dataset ''"),
    ],
)
def test_a_mistake_gets_one_message_and_exit_code_2(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, FER_BENCH_WORKSPACE=str(tmp_path / "workspace"))
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("fer-bench: ")
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("command", ["audit", "show"])
def test_a_pipe_is_not_replaced_by_the_file_that_a_command_writes(command, tmp_path):
    os.mkfifo(pipe := tmp_path / "out.png")
    result = run(command, "fer2013", "--out", str(pipe), "--workspace", str(tmp_path))
    assert (result.returncode, result.stderr) == (
        2,
        f"fer-bench: --out {pipe}: a pipe, expected the name of a file; name another\n",
    )
    assert pipe.is_fifo()


def test_a_terminal_obeys_nothing_that_a_file_or_its_name_holds(tmp_path):
    result = run("status", "--recipe", "\x1b[31mred.toml", "--workspace", str(tmp_path))
    assert result.returncode == 2
    assert result.stderr == "fer-bench: \\x1b[31mred.toml: cannot be read (No such file or directory)\n"


def test_inspect_obeys_no_name_of_a_folder(synthetic_root, tmp_path):
    folder = tmp_path / "red\x1b[31m"
    shutil.copytree(synthetic_root / "raf-db", folder)
    shown = run("inspect", str(folder)).stdout
    assert shown.count("red\\x1b[31m") == 3
    assert "\x1b" not in shown


def test_a_mistake_leaves_no_traceback_and_its_code_to_the_shell(tmp_path):
    result = run_process("cross-test", "--workspace", str(tmp_path / "w"))
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(r"fer-bench: .*: no such workspace; .*\n", result.stderr)


def test_prepare_shows_the_counts_and_the_label_map(synthetic_root, tmp_path):
    result = run("prepare", "raf-db", "--source", str(synthetic_root / "raf-db"), "--workspace", str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "synthetic" in result.stdout
    assert "1 = surprise" in result.stdout
    assert re.search(r"val\b.*\b28\b", result.stdout)


def test_names_of_files_that_prepare_prints_are_harmless(synthetic_root, tmp_path):
    folder, red = tmp_path / "raf-db", "red\x1b[31m\n"
    shutil.copytree(synthetic_root / "raf-db", folder)
    pictures = folder / "basic/Image/aligned"
    (pictures / f"{red}.jpg").write_bytes(b"")
    (pictures / "train_00001_aligned.jpg").unlink()
    (pictures / f"train_00001.{red}.jpg").write_bytes(b"")
    common = ("prepare", "raf-db", "--source", str(folder), "--workspace", str(tmp_path / "w"))
    refused, taken = run(*common), run(*common, "--allow-incomplete")
    assert (refused.returncode, taken.returncode) == (2, 0)
    for text in (refused.stderr, taken.stdout):
        assert "\\x1b[31m\\n.jpg is there: rename it" in text
        assert "\x1b" not in text
    assert "of basic/Image/aligned/, the first is red\\x1b[31m\\n.jpg" in taken.stdout


def test_prepare_lists_the_codes_of_labels_in_the_order_of_their_numbers(tmp_path):
    from fer_bench.datasets.synthetic import synthesize

    synthesize("affectnet", tmp_path / "raw", train=35, test=7, layout="manual-csv")
    result = run("prepare", "affectnet", "--source", str(tmp_path / "raw"), "--workspace", str(tmp_path / "w"))
    [line] = [line for line in result.stdout.splitlines() if line.startswith("Labels: ")]
    codes = re.findall(r"(\w+) = ", line)
    assert codes == [str(code) for code in range(11)]


def test_a_training_set_alone_is_told_of(tmp_path):
    from fer_bench.datasets.synthetic import synthesize

    synthesize("fer2013", tmp_path / "raw", train=35, test=7, layout="folders")
    shutil.rmtree(tmp_path / "raw/test")
    common = ("prepare", "fer2013", "--source", str(tmp_path / "raw"), "--workspace", str(tmp_path / "w"))
    result = run(*common, "--allow-incomplete")
    assert result.returncode == 0, result.stderr
    assert "Note: no test images: nothing can be tested on it" in result.stdout
    assert "no training images" not in result.stdout


def test_a_test_set_alone_is_told_of(tmp_path):
    from fer_bench.datasets.synthetic import synthesize

    synthesize("fer2013", tmp_path / "raw", train=35, test=7, layout="folders")
    shutil.rmtree(tmp_path / "raw/train")
    common = ("prepare", "fer2013", "--source", str(tmp_path / "raw"), "--workspace", str(tmp_path / "w"))
    result = run(*common, "--allow-incomplete")
    assert result.returncode == 0, result.stderr
    assert "Note: no training images: it can be tested on, but nothing can be trained on it" in result.stdout


def test_a_dataset_is_prepared_from_inside_its_folder_where_the_workspace_is_made(tmp_path):
    from fer_bench.datasets.synthetic import synthesize

    synthesize("ck-plus", tmp_path / "raw", train=0, test=24, layout="ck48")
    [folder] = [path.parent for path in (tmp_path / "raw").rglob("happy")]
    result = run("prepare", "ck-plus", "--source", str(folder), "--workspace", str(folder / "workspace"))
    assert result.returncode == 0, result.stderr
    again = run("prepare", "ck-plus", "--source", str(folder), "--workspace", str(tmp_path / "other"))
    assert again.returncode == 0, again.stderr


def test_synthesize_says_which_layout_it_takes_by_itself():
    from fer_bench.datasets.synthetic import LAYOUTS

    shown = CliRunner().invoke(app, ["synthesize", "--help"], terminal_width=200).stdout
    said = ", ".join(f"{layouts[0]} ({dataset})" for dataset, layouts in LAYOUTS.items())
    assert f"Default: {said}." in re.sub(r"[\s│]+", " ", shown)


def test_a_test_set_cannot_be_trained_on(workspace):
    result = run("train", "-m", "clcm", "-d", "ck-plus", "--weights", "random", "-w", str(workspace.root))
    assert result.returncode == 2
    assert "test set only" in result.stderr


def test_inspect_names_dataset_layout_and_the_command(synthetic_root):
    result = run("inspect", str(synthetic_root / "affectnet"), "--json")
    [found] = json.loads(result.stdout)
    assert (found["dataset"], found["layout"], found["official_split"]) == ("affectnet", "npy", True)
    assert found["path"] == str((synthetic_root / "affectnet").resolve())
    shown = run("inspect", str(synthetic_root / "affectnet"))
    assert f"fer-bench prepare affectnet --source {synthetic_root / 'affectnet'}" in shown.stdout


def test_an_archive_is_inspected_and_prepared_like_its_folder(synthetic_root, tmp_path):
    import shutil

    archive = shutil.make_archive(str(tmp_path / "raf"), "zip", synthetic_root, "raf-db")
    [found] = json.loads(run("inspect", archive, "--json").stdout)
    assert (found["dataset"], found["layout"]) == ("raf-db", "aligned")
    assert found["path"] == f"{archive}:/raf-db"
    manifests = [
        json.loads(run("prepare", "raf-db", "--source", str(source), "-w", str(tmp_path / str(i)), "--json").stdout)
        for i, source in enumerate((synthetic_root / "raf-db", archive))
    ]
    assert manifests[0]["fingerprint"] == manifests[1]["fingerprint"]
    assert [path.name for path in (tmp_path / "1/datasets").iterdir()] == ["raf-db"]


def test_a_bad_picture_in_an_archive_is_named_by_the_archive(synthetic_root, tmp_path):
    import shutil

    shutil.copytree(synthetic_root / "raf-db", tmp_path / "raf-db")
    (tmp_path / "raf-db/basic/Image/aligned/test_0003_aligned.jpg").write_bytes(b"")
    archive = shutil.make_archive(str(tmp_path / "raf"), "gztar", tmp_path, "raf-db")
    result = run("prepare", "raf-db", "--source", archive, "-w", str(tmp_path / "w"))
    assert result.returncode == 2
    assert "basic/Image/aligned/test_0003_aligned.jpg: the picture file is empty (0 bytes)" in result.stderr
    assert "unpacked" not in result.stderr
    skipping = run("prepare", "raf-db", "--source", archive, "-w", str(tmp_path / "w"), "--skip-bad")
    assert "Left out: 1 image\n" in skipping.stdout
    assert "test_0003_aligned.jpg: the picture file is empty" in skipping.stdout


def test_audit_prints_the_keys_that_scripts_read(workspace):
    result = run("audit", "ck-plus", "--workspace", str(workspace.root), "--json")
    found = json.loads(result.stdout)
    for key in ("duplicate_groups", "extra_copies", "cross_split_groups", "conflicting_label_groups"):
        assert isinstance(found[key], int)
        assert found[f"near_{key}"] >= found[key]
    assert (workspace.root / "audits/ck-plus.csv").read_text(encoding="utf-8").startswith("kind,group,id,split")


@pytest.mark.parametrize("command", [["audit", "ck-plus", "--out"], ["show", "ck-plus", "--out"]])
def test_a_folder_in_place_of_a_file_is_refused_before_the_work(command, tmp_path):
    folder = tmp_path / "here.png"
    folder.mkdir()
    # Nothing is prepared: so it is refused before anything is read.
    result = run(*command, str(folder), "-w", str(tmp_path / "workspace"))
    assert result.returncode == 2
    assert f"{command[-1]} {folder}: a folder, expected the name of a file" in " ".join(result.stderr.split())


@pytest.mark.parametrize("manifest", ['{"schema": 1}', "[]", '{"schema": 2, "origin": "real"}'])
def test_a_foreign_manifest_is_one_message(manifest, tmp_path):
    folder = tmp_path / "datasets/fer2013"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest)
    advice = "run: fer-bench prepare fer2013 --source PATH"
    result = run("datasets", "fer2013", "-w", str(tmp_path))
    assert result.returncode == 2
    assert advice in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    listed = run("datasets", "--json", "-w", str(tmp_path))  # The others are listed all the same.
    assert listed.returncode == 0
    unreadable = {item["name"]: item["unreadable"] for item in json.loads(listed.stdout)}
    assert advice in unreadable.pop("fer2013")
    assert set(unreadable.values()) == {""}
    assert advice in " ".join(listed.stderr.split())


def test_a_dataset_of_ones_own_is_listed_and_known(tmp_path):
    import cv2
    import numpy as np

    for number, emotion in enumerate(("happy", "sad")):
        (tmp_path / "faces" / emotion).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "faces" / emotion / "0.png"), np.full((48, 48), 100 + number, np.uint8))
    (tmp_path / "card.toml").write_text('name = "my-faces"\ntitle = "My faces"\nsize = [96, 64]\n')

    def invoke(*arguments: str):
        return CliRunner().invoke(app, [*arguments, "-w", str(tmp_path / "w")], terminal_width=200)

    invoke("prepare", "--card", str(tmp_path / "card.toml"), "--source", str(tmp_path / "faces"))
    assert re.search(r"my-faces .*My faces .*96 x 64 .*2 images, real, class-folders", invoke("datasets").stdout)
    *others, own = json.loads(invoke("datasets", "--json").stdout)
    assert [item["card"] for item in others] == [True] * 4
    assert others[0].keys() == own.keys()
    assert (own["name"], own["card"], own["trainable"], own["prepared"]["n"]) == ("my-faces", False, False, 2)
    assert own["protocols"][0]["name"] == "folders"
    shown = invoke("datasets", "my-faces").stdout
    for words in ("Labels: happy = happy, sad = sad", "Protocol: folders (version 1)", "a card that is not here"):
        assert words in shown
    for command in (("datasets", "my-facse"), ("cross-test", "--on", "my-facse"), ("audit", "my-facse")):
        told = invoke(*command).exception
        assert str(told) == "unknown dataset 'my-facse'; known: fer2013, raf-db, affectnet, ck-plus, my-faces"
    manifest = tmp_path / "w/datasets/my-faces/manifest.json"
    manifest.write_text('{"schema": 1}')
    assert re.search(r"my-faces .*cannot be read", invoke("datasets").stdout)


def test_audit_says_whether_a_subject_is_in_two_splits(workspace):
    import csv

    samples = workspace.prepared("ck-plus") / "samples.csv"
    with samples.open(encoding="utf-8", newline="") as stream:
        subjects = {row["group"] for row in csv.DictReader(stream)}
    shown = run("audit", "ck-plus", "--workspace", str(workspace.root)).stdout
    assert f"No subject of {len(subjects)} is in two splits" in shown


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
        result = run_process("cross-test", "--workspace", str(workspace.root))
    assert result.returncode == 2
    assert re.search(rf"another fer-bench \(process {os.getpid()}, .*\) is writing to this workspace", result.stderr)


def test_a_workspace_that_is_a_file_is_one_line(synthetic_root, tmp_path):
    (tmp_path / "afile").write_text("")
    for name in ("afile", "afile/within"):
        source = str(synthetic_root / "raf-db")
        result = run("prepare", "raf-db", "--source", source, "--workspace", str(tmp_path / name))
        assert result.returncode == 2
        assert re.search(r"^fer-bench: .*/afile.*: cannot be made a workspace \(.*\); name a folder$", result.stderr)


def test_a_file_where_a_folder_is_to_be_made_is_one_line(tmp_path):
    (tmp_path / "tables").write_text("")
    result = run("audit-paper", "--workspace", str(tmp_path))
    assert result.returncode == 2
    assert re.search(r"^fer-bench: .*tables: File exists; .* choose another folder", result.stderr)


def test_the_home_folder_in_a_workspace_is_found(tmp_path):
    (tmp_path / "faces").mkdir()
    result = run("cross-test", "--workspace=~/faces", HOME=str(tmp_path))
    assert "not prepared" in result.stderr
    assert (tmp_path / "faces" / "fer-bench.log").is_file()


def test_settings_of_keras_that_make_other_networks_are_refused(workspace, tmp_path):
    settings = {"floatx": "float16", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "tensorflow", **settings}))
    where = ("--workspace", str(workspace.root), "--model", "clcm", "--dataset", "fer2013")
    result = run_process("train", *where, "--recipe", "demo", KERAS_HOME=str(tmp_path), KERAS_BACKEND="tensorflow")
    assert result.returncode == 2
    assert re.search(
        r"keras\.json.*: Keras is set to float16, channels_first, float16; the networks need", result.stderr
    )
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("[]", "not settings of Keras; correct or delete that file"),
        ('{"backend": "theano"}', "backend is 'theano'; expected one of tensorflow, jax, torch"),
        ('{"backend": ["jax"]}', "backend is ['jax']; expected one of"),
    ],
)
def test_a_file_that_holds_no_settings_of_keras_is_named(settings, told, workspace, tmp_path):
    (tmp_path / "keras.json").write_text(settings)
    result = run("status", "--workspace", str(workspace.root), KERAS_HOME=str(tmp_path), KERAS_BACKEND="")
    assert result.returncode == 2
    assert f"{tmp_path / 'keras.json'}: {told}" in result.stderr


@pytest.mark.slow
def test_settings_with_which_keras_ends_while_it_is_imported_are_named(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "float17"}')
    result = run_process("architecture", "--model", "clcm", KERAS_HOME=str(tmp_path), KERAS_BACKEND="tensorflow")
    assert result.returncode == 2
    assert re.search(r"^fer-bench: .*keras\.json: Keras cannot be imported with these settings", result.stderr, re.M)
    assert "Traceback" not in result.stderr


def test_settings_of_keras_that_cut_training_short_are_refused(workspace):
    """A record would call itself one of all the recipe's epochs."""
    where = ("--workspace", str(workspace.root), "--model", "clcm", "--dataset", "fer2013", "--weights", "random")
    result = run_process("train", *where, "--recipe", "demo", KERAS_MAX_STEPS_PER_EPOCH="1", KERAS_BACKEND="tensorflow")
    assert result.returncode == 2
    assert "Keras is set to cut every training short (KERAS_MAX_EPOCHS, KERAS_MAX_STEPS_PER_EPOCH)" in result.stderr
    assert not workspace.results.records.exists()


@pytest.mark.parametrize("command", ["evaluate", "cross-test", "publish", "export", "explain", "doctor labels"])
def test_a_mistyped_workspace_is_not_made_by_a_command_that_only_uses_one(command, tmp_path):
    options = [] if command in ("cross-test", "publish") else ["--model", "clcm", "--dataset", "fer2013"]
    options += ["--to", "onnx"] if command == "export" else []
    result = CliRunner().invoke(app, [*command.split(), *options, "--workspace", str(tmp_path / "typo")])
    if command in ("evaluate", "cross-test", "publish"):
        assert "typo: no such workspace; name an existing one with --workspace" in str(result.exception)
    assert isinstance(result.exception, FerBenchError)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["tables", "figures", "report"])
def test_without_records_nothing_is_rendered(command, tmp_path, monkeypatch):
    result = run(command, "--workspace", str(tmp_path / "typo"))
    assert result.returncode == 2
    assert "typo: no such workspace; name an existing one with --workspace" in result.stderr
    assert not (tmp_path / "typo").exists()
    monkeypatch.chdir(tmp_path)
    here = run(command)
    assert here.returncode == 2
    assert "reports/records: no folder of records; run this in a checkout that has one" in here.stderr
    assert not list(tmp_path.iterdir())


def test_tables_check_shows_a_diff_and_exits_1(tmp_path):
    assert run("tables", "--workspace", str(tmp_path)).returncode == 0  # Where one is named, --local is meant.
    check = ("tables", "--check", "--local", "--workspace", str(tmp_path))
    assert run(*check).returncode == 0
    table = tmp_path / "tables" / "table04.md"
    table.write_text(table.read_text(encoding="utf-8").replace("58", "99"), encoding="utf-8")
    result = run(*check)
    assert result.returncode == 1
    assert re.search(r"^-.*99", result.stdout, re.MULTILINE)
    assert re.search(r"^\+.*58", result.stdout, re.MULTILINE)
    # Printed as JSON they are not written.
    changed = table.read_text(encoding="utf-8")
    printed = run("tables", "--json", "--workspace", str(tmp_path))
    assert json.loads(printed.stdout)[3]["title"].startswith("Overall accuracy")
    assert table.read_text(encoding="utf-8") == changed


def test_the_check_of_a_workspaces_tables_advises_what_writes_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "my runs"
    place.mkdir()
    arguments = ["tables", "--check", "--workspace", str(place)]
    stale = CliRunner().invoke(app, arguments)
    assert stale.exit_code == 1
    follow(stale.stderr)
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert list(tmp_path.iterdir()) == [place]
    # The default workspace is named by --local alone, the published state by nothing.
    monkeypatch.delenv("FER_BENCH_WORKSPACE", raising=False)
    assert again("tables", DEFAULT_ROOT, True) == "fer-bench tables --local"
    assert again("tables", DEFAULT_ROOT, False) == "fer-bench tables"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("trian",), "No such command 'trian'. Did you mean 'train'? See fer-bench --help"),
        (("train", "-m", "clcm"), "Missing option '--dataset' / '-d'. See fer-bench train --help"),
        (("doctor", "labels", "--zzz"), "No such option '--zzz'. See fer-bench doctor labels --help"),
    ],
)
def test_a_mistake_in_the_usage_is_one_line_like_any_other(arguments, message):
    result = run(*arguments)
    assert result.returncode == 2
    # Typer's own click and a newer one, which an older Typer takes, quote an option each in its way.
    told = result.stderr.replace("option: --zzz.", "option '--zzz'.")
    assert (result.stdout, told) == ("", f"fer-bench: {message}\n")


@pytest.mark.parametrize("command", ["tables", "figures", "report", "audit-paper", "anova"])
def test_results_of_two_places_are_not_both_meant(command, tmp_path):
    result = run(command, "--published", "--workspace", str(tmp_path))
    assert result.returncode == 2
    assert result.stderr == "fer-bench: --published and --workspace name two places; give one of them\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "-m", "clcm"], "finished work is kept, the same command continues"),
        (["-q", "run-all"], "finished work is kept, the same command continues"),
        (["profile"], "nothing half-written is left, the same command begins again"),
    ],
)
def test_ctrl_c_promises_no_more_than_a_command_keeps(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr(cli, "app", lambda prog_name, standalone_mode: 130)  # As Typer answers.
    monkeypatch.setattr(sys, "argv", ["fer-bench", *arguments])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == f"fer-bench: interrupted; {words}\n"


@pytest.mark.parametrize(("arguments", "sent"), [(["datasets"], True), (["-q", "doctor"], False)])
def test_where_a_package_is_missing_the_doctor_does_not_send_to_itself(arguments, sent, monkeypatch, capsys):
    def app(prog_name: str, standalone_mode: bool) -> None:
        raise ModuleNotFoundError("No module named 'tqdm'")

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(sys, "argv", ["fer-bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("fer-bench: No module named 'tqdm': ")
    assert ("run fer-bench doctor" in told) == sent


@pytest.mark.parametrize(("forked", "package"), [(True, "simplejpeg"), (False, "simplejpeg"), (True, "PIL")])
def test_a_package_that_is_missing_is_told_of_once_and_no_picture_is_blamed(
    forked, package, synthetic_root, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(side_by_side, "_may_fork", lambda: forked)
    monkeypatch.setitem(sys.modules, package, None)  # As after an update that was not installed.
    arguments = ["prepare", "fer2013", "--source", str(synthetic_root / "fer2013"), "--workspace", str(tmp_path / "w")]
    monkeypatch.setattr(sys, "argv", ["fer-bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert package in line
    assert "Install it again" in line
    assert ".jpg" not in line
    assert not [path for path in (tmp_path / "w" / "datasets").rglob("*") if path.is_file()]


STOPPED_AT_TYPER = """
import sys

class Stop:
    def find_spec(self, name, *rest):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
"""


def test_ctrl_c_while_the_commands_are_imported_is_one_line():
    script = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = script["fer-bench"].partition(":")
    code = f"{STOPPED_AT_TYPER}\nfrom {module} import {function} as begin\nbegin()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (130, "fer-bench: interrupted; nothing was begun\n")


def test_ctrl_c_while_a_command_is_made_is_one_line():
    code = (
        "import typer.main\ndef stop(*_): raise KeyboardInterrupt\ntyper.main.get_command = stop\n"
        "from fer_bench.cli import main\nmain()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (130, "fer-bench: interrupted; nothing was begun\n")


AFTER_MAIN = """
import sys
from fer_bench.cli import main
sys.argv = ["fer-bench", "models", "--json"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""


def test_it_runs_where_nothing_is_open_and_in_a_notebook():
    """A service closes all three streams; Jupyter names a matplotlib backend that is installed for Jupyter alone."""
    code = AFTER_MAIN + (
        "import matplotlib, subprocess\n"
        "assert matplotlib.get_backend() == 'agg'\n"
        "print('written to nowhere')\n"
        "child = 'import sys; sys.exit(None in (sys.stdin, sys.stdout, sys.stderr))'\n"
        "assert subprocess.run([sys.executable, '-c', child]).returncode == 0\n"
    )
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "MPLBACKEND": "module://matplotlib_inline.not_installed_here"}
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], env=environment, check=False)
    assert done.returncode == 0


def test_what_a_locale_cannot_show_is_written_as_an_escape():
    old = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code = AFTER_MAIN + r"print('\u2013')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={**os.environ, **old}, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\\u2013\n")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_is_json_whatever_the_encoding_of_stdout(encoding, monkeypatch):
    content, written = {"path": "Füße/\U0001f600 – \udcff"}, io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, "backslashreplace"))
    print_json(content)
    sys.stdout.flush()
    assert json.loads(written.getvalue().decode("utf-8")) == content
