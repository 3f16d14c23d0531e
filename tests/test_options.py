"""Options that change a recipe, name several seeds or are one of a few words, on a network small enough to train."""

import json
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from fer_bench.cli import app
from fer_bench.cli.options import listed_seeds
from fer_bench.cli.printing import print_table
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import DivergedError, FerBenchError
from fer_bench.workers import Processes
from fer_bench.workspace import Workspace

MINI = 'base = "demo"\nimage_size = 32\nepochs = 1\nwarmup_epochs = 0\nbatch_size = 16\n'


@pytest.fixture
def mini(tmp_path):
    path = tmp_path / "mini.toml"
    path.write_text(MINI)
    return str(path)


def run(*arguments: str):
    return CliRunner().invoke(app, arguments, catch_exceptions=False, terminal_width=200)


ADD = "add-onnx net.onnx --name net --labels happy"


@pytest.mark.parametrize(
    ("command", "option", "choices"),
    [
        ("grid", "--format", "text jsonl slurm"),
        ("leaderboard", "--format", "text markdown latex csv"),
        ("leaderboard", "--origin", "real synthetic"),
        ("export --model clcm --dataset fer2013", "--to", "litert litert-int8 onnx"),
        (ADD, "--values", "0..255 0..1 -1..1"),
        (ADD, "--layout", "nchw nhwc"),
    ],
)
def test_a_word_that_an_option_does_not_know_is_refused_with_those_that_it_does(command, option, choices):
    asked = [*command.split(), option, "other"]
    refused = CliRunner().invoke(app, asked, standalone_mode=False).exception.format_message()
    assert f"Invalid value for '{option}'" in refused
    assert all(repr(choice) in refused for choice in choices.split())


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("datasets", "--workspace"),
        ("doctor labels --model clcm --dataset fer2013", "--workspace"),
        ("audit fer2013", "--out"),
        ("leaderboard --records .", "--records"),
        ("inspect", ""),
    ],
)
def test_an_empty_path_is_refused_where_it_would_mean_the_current_folder(command, option):
    asked = [*command.split(), *([option] if option else []), ""]
    refused = CliRunner().invoke(app, asked, standalone_mode=False).exception.format_message()
    assert f"Invalid value for '{option or 'PATH'}'" in refused
    assert "an empty path; name a file or a folder" in refused


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", [0, 1, 2]), ("1", [0]), ("0,1,2", [0, 1, 2]), (" 5, 2 ,5", [5, 2]), ("7,", [7]), ("0,", [0])],
)
def test_seeds_are_a_number_or_a_list(text, seeds):
    assert listed_seeds(text) == seeds


@given(st.text("0123456789, x-", max_size=6))
def test_seeds_are_whole_numbers_or_refused(text):
    if re.fullmatch(r"\s*0*[1-9]\d{0,2}\s*|(\s*\d+\s*,)+\s*(\d+\s*)?", text):
        seeds = listed_seeds(text)
        assert seeds
        assert all(isinstance(seed, int) and seed >= 0 for seed in seeds)
        assert len(set(seeds)) == len(seeds)
    else:
        with pytest.raises(FerBenchError, match="--seeds"):
            listed_seeds(text)


@pytest.mark.parametrize("seed", [0, 1001])
def test_how_one_seed_is_named_is_said_where_it_is_no_number_of_seeds(seed):
    with pytest.raises(FerBenchError, match=rf"--seeds '{seed}': .*; for seed {seed} alone say --seed {seed}$"):
        listed_seeds(str(seed))
    with pytest.raises(FerBenchError, match=r"0,1,2$"):
        listed_seeds(f"{seed},x")


@pytest.mark.parametrize("seed", ["0", "1"])
@pytest.mark.parametrize("command", ["train", "run-all", "grid", "status"])
def test_seed_and_seeds_exclude_each_other(tmp_path, command, seed):
    asked = [command, "--model", "clcm", "--dataset", "fer2013", "--workspace", str(tmp_path)]
    asked += [] if command == "status" else ["--weights", "random"]
    with pytest.raises(FerBenchError, match="--seed and --seeds 3 exclude each other; list all seeds in --seeds"):
        run(*asked, "--seeds", "3", "--seed", seed)


def test_several_seeds_are_trained_and_tested_apart(workspace, tiny_model, mini):
    common = ("-m", "tiny", "-d", "fer2013", "-r", mini, "--weights", "random", "-w", str(workspace.root))
    trained = json.loads(run("train", *common, "--seeds", "2", "--jobs", "1", "--json").stdout)
    assert [record["seed"] for record in trained] == [0, 1]
    assert trained[0]["weights_sha256"] != trained[1]["weights_sha256"]
    assert json.loads(run("train", *common, "--seed", "1", "--json").stdout) == trained[1]
    tested = json.loads(run("evaluate", *common, "--seeds", "0,1", "--json").stdout)
    assert [record["weights_sha256"] for record in tested] == [record["weights_sha256"] for record in trained]
    text = run("evaluate", *common, "--seeds", "2").stdout
    assert re.search(r"accuracy on fer2013 over 2 seeds: [\d.]+ ± [\d.]+ %", text)
    words = r"seed 2, but with mini-\w+ \(seed 0, 1\); name one .*, or run fer-bench train --model tiny .* --seed 2 "
    with pytest.raises(FerBenchError, match=words):
        run("evaluate", *common, "--seeds", "3")


def test_a_seed_whose_loss_is_no_number_keeps_none_of_the_others_from_being_trained(
    workspace, tiny_model, mini, seed_0_diverges
):
    common = ("train", "-m", "tiny", "-d", "fer2013", "-r", mini, "--weights", "random", "-w", str(workspace.root))
    told = CliRunner().invoke(app, [*common, "--seeds", "2", "--jobs", "1"])
    assert isinstance(told.exception, FerBenchError)  # The command's own exit code is 2, as of every such error.
    assert "no result of seed 0, since its loss became no number" in str(told.exception)
    assert "seed 0: the training loss became nan in epoch 1" in told.stderr
    assert "tiny on synthetic fer2013" in told.stdout
    assert [json.loads(path.read_text())["seed"] for path in workspace.results.records.glob("train/*.json")] == [1]
    with pytest.raises(DivergedError):
        run(*common)


def test_the_command_that_trains_what_is_missing_can_be_pasted(workspace, tiny_model, tmp_path):
    recipe = tmp_path / "my recipe.toml"
    recipe.write_text(MINI + 'pretrained = ["tiny"]\n')
    common = ("-m", "tiny", "-d", "fer2013", "-r", str(recipe), "-w", str(workspace.root))
    with pytest.raises(FerBenchError) as told:
        run("evaluate", *common)
    message, _, command = str(told.value).partition("; run ")
    assert "with recipe my recipe-" in message
    assert "but with" not in message
    words = ["--recipe", str(recipe), "--seed", "0", "--weights", "imagenet", "--workspace", str(workspace.root)]
    assert shlex.split(command) == ["fer-bench", "train", "--model", "tiny", "--dataset", "fer2013", *words]
    with pytest.raises(FerBenchError) as told:
        run("evaluate", *common, "--weights", "random")
    run(*shlex.split(str(told.value).partition("; run ")[2])[1:])  # As the shell takes it.
    [tested] = json.loads(run("evaluate", *common, "--weights", "random", "--json").stdout)
    # Whoever left --weights out has trained it, and need not train again.
    there = rf"seed 0, but with {re.escape(tested['recipe'])} \(seed 0\); name one that is there by its --recipe and "
    with pytest.raises(FerBenchError, match=there):
        run("evaluate", *common)
    assert json.loads(run("evaluate", *common, "--recipe", tested["recipe"], "--json").stdout) == [tested]
    with pytest.raises(FerBenchError, match=r"seed 0; run fer-bench"):
        run("evaluate", *common, "-d", "raf-db")


def test_a_workspace_is_named_in_a_command_unless_the_command_takes_it(monkeypatch):
    monkeypatch.delenv("FER_BENCH_WORKSPACE", raising=False)
    assert Workspace(Path("workspace")).option == []
    assert Workspace(Path("other")).option == ["--workspace", "other"]
    monkeypatch.setenv("FER_BENCH_WORKSPACE", "other")
    assert Workspace(Path("workspace")).option == ["--workspace", "workspace"]


def test_options_change_the_recipe_and_its_id(workspace, tiny_model, mini):
    common = ("-m", "tiny", "-d", "fer2013", "--weights", "random", "-w", str(workspace.root), "--json")
    options = ("--balance", "oversample", "--freeze-layers", "0")
    trained = json.loads(run("train", *common, "-r", mini, *options).stdout)
    assert trained["recipe"].startswith("mini+oversample+freeze0-")
    assert trained["recipe_content"]["balance"] == "oversample"
    assert trained["trainable_parameters"] == tiny_model.trainable_parameters + 120
    [tested] = json.loads(run("evaluate", *common, "-r", mini, *options).stdout)
    assert tested["recipe"] == trained["recipe"]
    assert json.loads(run("evaluate", *common, "-r", f"{mini}+oversample+freeze0").stdout) == [tested]
    assert json.loads(run("evaluate", *common, "-r", trained["recipe"]).stdout) == [tested]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--freeze-layers", "10"], "the backbone of tiny has only 9 layers"),
        (["train", "--seeds", "none"], "--seeds 'none'"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_trained(workspace, tiny_model, mini, arguments, words):
    with pytest.raises(FerBenchError, match=words):
        run(*arguments, *("-m", "tiny", "-d", "fer2013", "-r", mini, "--weights", "random", "-w", str(workspace.root)))
    assert not (workspace.root / "records").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("train", "-m", "clcm", "-d", "fer2013", "--seed"),
        ("run-all", "--seed"),
        ("status", "--seed"),
        ("prepare", "fer2013", "--source", ".", "--split-seed"),
    ],
)
def test_a_seed_that_no_backend_takes_is_refused(command):
    refused = run(*command, str(2**32))
    assert refused.exit_code == 2
    assert "4294967295" in refused.stderr


def test_a_model_and_a_seed_named_twice_are_worked_on_once(tmp_path, monkeypatch):
    jobs = []
    monkeypatch.setattr("fer_bench.run_all.runner.run_all", lambda _, job: jobs.append(job))
    again = ("-m", "clcm", "-m", "mobilenetv2", "-m", "clcm", "--seed", "3", "--seed", "3", "--jobs", "8")
    assert run("run-all", "-w", str(tmp_path), *again).exit_code == 0
    assert (jobs[0].models, jobs[0].seeds, jobs[0].executor) == (["clcm", "mobilenetv2"], [3], Processes(8))


RAY = ("--jobs", "2", "--executor", "ray")
ON_ONE = ("--model", "clcm", "--dataset", "fer2013")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("run-all", *RAY), "--jobs and --devices apply only with --executor local"),
        (("tune", *ON_ONE, *RAY), "--jobs and --devices apply only with --executor local"),
        (("ablate", "freezing", *ON_ONE, *RAY), "--jobs and --devices apply only with --executor local"),
        (("ablate", "head", *ON_ONE, *RAY), "--jobs and --devices apply only with --executor local"),
        (("run-all", "--jobs", "2", "--devices", "2"), "--devices and --jobs exclude each other"),
        (("train", *ON_ONE, "--jobs", "2", "--devices", "2"), "--devices and --jobs exclude each other"),
        (("tune", *ON_ONE, "--jobs", "2", "--search", "random"), "--jobs 2 is for --search grid"),
    ],
    ids=lambda words: " ".join(words[:2]) if isinstance(words, tuple) else "",
)
def test_jobs_beside_what_leaves_no_room_for_them_are_refused(workspace, monkeypatch, command, message):
    monkeypatch.setattr("fer_bench.devices.check", lambda devices, batch_size: None)
    monkeypatch.setattr("fer_bench.distributed.RayCluster.check", lambda cluster: None)
    with pytest.raises(FerBenchError, match=message):
        run(*command, "--weights", "random", "-w", str(workspace.root))


def test_studies_are_worked_on_by_as_many_processes_as_are_asked_for(workspace, tiny_model, mini, monkeypatch):
    told = []
    monkeypatch.setattr(Processes, "work", lambda self, groups, on_event: told.append((self.jobs, groups)))
    common = ("-d", "fer2013", "-r", mini, "--weights", "random", "-w", str(workspace.root))
    for command, cells in (
        (("tune", "-m", "tiny", "--batch-sizes", "8,16", "--optimizers", "adam", "--learning-rates", "1e-3"), 2),
        (("ablate", "freezing", "-m", "tiny", "--freeze-layers", "0,3,6"), 3),
        (("train", "-m", "tiny", "--seeds", "4"), 4),
    ):
        CliRunner().invoke(app, [*command, *common, "--jobs", "7"])  # Ends where the first result is missing.
        jobs, groups = told.pop()
        assert (jobs, sum(map(len, groups))) == (7, cells)
    run("train", "-m", "tiny", *common, "--seed", "4", "--jobs", "7")
    assert told == [], "a single run needs no other process"


def test_brackets_in_a_table_are_what_they_are(capsys):
    print_table("of [bold]", ("[red]name", "n"), [("a[/b]c", "[1]"), (":smile: \\[x]", "2")], numbers=1)
    printed = capsys.readouterr().out
    for text in ("of [bold]", "[red]name", "a[/b]c", "[1]", ":smile: \\[x]"):
        assert text in printed


@pytest.mark.parametrize("terminal", [False, True])
def test_a_terminal_obeys_nothing_that_a_table_holds(terminal, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    print_table("in a\x1b[2J.zip", ("where", "n"), [("x\x1b]0;title\x07", "1")], numbers=1)
    printed = capsys.readouterr().out
    assert "\\x1b[2J" in printed
    assert "x\\x1b]0;title\\x07" in printed
    for obeyed in ("\x1b[2J", "\x1b]", "\x07"):
        assert obeyed not in printed


NUMBERS = ("images", "overall", *EMOTIONS)
RESULTS = [
    ("mobilenetv2-canonical", "fer2013", "cpu48-3d7823a6", *map(str, range(101, 110))),
    ("clcm", "ck-plus", "cpu48-3d7823a6", *map(str, range(201, 210))),
]


@pytest.mark.parametrize(("rows", "width", "tables"), [(1, 80, 1), (2, 80, 2), (2, 132, 1), (2, 200, 1), (1, 40, 3)])
def test_a_table_of_numbers_fits_into_its_terminal(rows, width, tables, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for name, value in (("COLUMNS", str(width)), ("TERM", "xterm"), ("NO_COLOR", "1"), ("FORCE_COLOR", "1")):
        monkeypatch.setenv(name, value)
    print_table("Accuracy", ("model", "tested on", "recipe", *NUMBERS), RESULTS[:rows], numbers=len(NUMBERS))
    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, printed.splitlines())) <= width
    # Every heading and number is there once and whole, the words in each of the tables or above them.
    assert printed.count("┏") == tables
    words = re.findall(r"[\w.-]+", printed)
    for text in (*NUMBERS, *(number for row in RESULTS[:rows] for number in row[3:])):
        assert words.count(text) == 1
    assert words.count("mobilenetv2-canonical") == (1 if rows == 1 else tables)
    assert words.count("cpu48-3d7823a6") == (2 if width == 200 else 1)


def test_words_too_wide_for_the_terminal_are_folded_beside_all_numbers(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    print_table("Accuracy", ("model", *NUMBERS[:3]), [("m" * 60, "1", "2", "3"), ("n", "1", "2", "3")], numbers=3)
    printed = capsys.readouterr().out
    assert printed.count("┏") == 1
    assert printed.count("m") >= 60


def test_a_balance_that_does_not_exist_is_refused_with_those_that_do():
    refused = run("train", "-m", "clcm", "-d", "fer2013", "--balance", "smote")
    assert refused.exit_code == 2
    for choice in ("none", "class-weight", "oversample", "undersample"):
        assert f"'{choice}'" in refused.stderr
