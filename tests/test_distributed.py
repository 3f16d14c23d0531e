"""The grid on a Ray cluster: the same results as here, whatever happens to the workers."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
import typer
from benchmarks.kill_run_all import differences, results_of
from process_table import descendants, listening, processes_of
from record_factory import profile_record
from typer.testing import CliRunner

from fer_bench import __version__, messages, records
from fer_bench.cli import app
from fer_bench.cli.executors import cluster_of
from fer_bench.distributed import executor
from fer_bench.distributed.mirror import Mirror, files_of, write
from fer_bench.distributed.task import Home, work_on
from fer_bench.errors import FerBenchError
from fer_bench.grid import Cell
from fer_bench.presets import PRESETS
from fer_bench.timetable import Stage
from fer_bench.workspace import Workspace

TESTS = Path(__file__).parent


# Which files go where


def cell(seed: int = 1) -> Cell:
    return Cell("clcm", "fer2013", PRESETS["demo"], seed)


def test_the_files_of_a_cell_are_its_own_alone(tmp_path):
    place = Workspace(tmp_path)
    stem = f"clcm__fer2013__ck-plus__{cell().recipe.id}__s1"
    ours = [
        place.run(cell().id) / "checkpoint.npz",
        place.studies.run(cell().id) / "best-0001.npz",
        place.weights(cell().id),
        tmp_path / "records" / "eval" / f"{stem}.json",
        tmp_path / "records" / "eval" / f"{stem}.npz",
    ]
    others = [
        place.run(cell().id) / ".lock",
        place.run(cell(10).id) / "checkpoint.npz",
        place.weights(cell(10).id),
        tmp_path / "records" / "eval" / f"{stem}0.json",
    ]
    for path in [*ours, *others]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    found = files_of(place, cell())
    assert found == {path.relative_to(tmp_path).as_posix(): path.name.encode() for path in ours}


def test_a_mirror_sends_what_changed_so_that_no_file_names_a_missing_one(tmp_path):
    sent: list[tuple[list[str], list[str]]] = []

    def send(written, gone):
        sent.append((list(written), gone))
        write(tmp_path / "workspace", written, gone)

    (tmp_path / "workspace" / "runs" / "a").mkdir(parents=True)
    (tmp_path / "workspace" / "runs" / "a" / ".lock").touch()  # Of a worker that saw the workspace, and was lost.
    root = tmp_path / "folder"
    mirror = Mirror(root, {"runs/a/checkpoint.npz": b"1", "runs/a/best-0001.npz": b"1"}, send)
    mirror.sync()
    assert sent == []
    write(root, {"runs/a/checkpoint.npz": b"2", "runs/a/best-0002.npz": b"2"}, ["runs/a/best-0001.npz"])
    (root / "runs" / "a" / ".lock").touch()
    mirror.sync()
    assert sent.pop() == (["runs/a/best-0002.npz", "runs/a/checkpoint.npz"], ["runs/a/best-0001.npz"])
    write(root, {"records/train/a.json": b"{}", "weights/a.weights.h5": b"w"}, [])
    shutil.rmtree(root / "runs")
    mirror.sync()
    assert sent.pop() == (
        ["weights/a.weights.h5", "records/train/a.json"],
        ["runs/a/checkpoint.npz", "runs/a/best-0002.npz"],
    )
    left = [path for path in (tmp_path / "workspace").rglob("*") if path.is_file()]
    assert sorted(path.name for path in left) == ["a.json", "a.weights.h5"]
    assert not (tmp_path / "workspace" / "runs" / "a").exists()


class Stand:
    """Stands for the work on a cell, and for the desk, which answers at once."""

    needs = ()
    cell = SimpleNamespace(recipe=SimpleNamespace(image_size=32))

    def __init__(self, weights: str, content: bytes, do: Callable[..., object]) -> None:
        self.weights = weights
        self.do = do
        self.told: list[tuple[str, str]] = []
        remote = {
            "begin": lambda _: 1,
            "files": lambda _: {},
            "weights": lambda _: content,
            "tell": lambda event: self.told.append((event.kind, event.text)),
        }
        self.desk = SimpleNamespace(**{name: SimpleNamespace(remote=answer) for name, answer in remote.items()})

    def elsewhere(self, workspace, *, weights, datasets=None, after_epoch=None):
        return lambda: self.do(workspace, weights)

    def work(self, root: Path, monkeypatch) -> str:
        monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get=lambda answer: answer))
        monkeypatch.setattr(messages, "_listener", None)
        return work_on(0, self, Home(root, "", __version__, {}), self.desk)


def test_weights_to_start_from_are_those_of_the_command(tmp_path, monkeypatch):
    """A file of that path on the machine of the task may be another."""
    path = tmp_path / "start.h5"
    path.write_bytes(b"of the machine")
    found = []
    stand = Stand(str(path), b"of the command", lambda _, weights: found.append(Path(weights).read_bytes()))
    assert stand.work(tmp_path, monkeypatch) == ""
    assert found == [b"of the command"]


def test_what_is_said_names_files_of_the_command(tmp_path, monkeypatch):
    def do(workspace: Workspace, weights: str | None) -> None:
        for tell in (messages.say, messages.detail, messages.warn):  # Only the last is shown with --quiet.
            tell(f"{workspace.root / 'runs' / 'a'} is begun")
        raise FerBenchError(f"{weights}: no weights for {workspace.run('a')}")

    stand = Stand(str(tmp_path / "start.h5"), b"", do)
    home = tmp_path / "workspace"
    assert stand.work(home, monkeypatch) == f"{tmp_path / 'start.h5'}: no weights for {home / 'runs' / 'a'}"
    assert stand.told == [(kind, f"{home / 'runs' / 'a'} is begun") for kind in ("say", "detail", "warn")]


def test_no_file_is_written_outside_the_workspace(tmp_path):
    (tmp_path / "workspace").mkdir()
    for written, gone in (({"../a": b""}, []), ({}, ["../recipe.toml"])):
        with pytest.raises(FerBenchError, match="leads out"):
            write(tmp_path / "workspace", written, gone)


# A real cluster


@dataclass
class Cluster:
    """Two nodes of one CPU each; the second one does not see the workspace where the system lets us hide it."""

    address: str
    blind: bool
    workspace: Path
    environment: dict[str, str]

    def command(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "fer_bench", *arguments, "--executor", "ray", "--address", self.address],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def cluster(plugin, tmp_path_factory) -> Iterator[Cluster]:
    pytest.importorskip("ray", reason="needs the extra ray")
    if not Path("/proc/self/ns").is_dir():
        pytest.skip("looks at namespaces of processes (Linux)")
    workspace = tmp_path_factory.mktemp("cluster") / "workspace"
    workspace.mkdir()
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as short:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(plugin), *filter(None, sys.path)]),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # The loopback interface.
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": os.urandom(32).hex(),
            "RAY_TMPDIR": short,
            "RAY_worker_niceness": "0",  # By default workers give way to all else: beside other tests they starve.
        }
        with (Path(short) / "nodes.log").open("w") as log:
            nodes = subprocess.Popen(
                [sys.executable, str(TESTS / "ray_nodes.py"), str(workspace)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            try:
                assert nodes.stdout is not None
                told = nodes.stdout.readline().split()
                assert told, (Path(short) / "nodes.log").read_text()
                yield Cluster(told[0], told[1] == "hidden", workspace, environment)
            finally:
                nodes.communicate(timeout=60)


@pytest.fixture(scope="module")
def grid(prepared_root, plugin, tmp_path_factory) -> Callable[[Path], tuple[str, ...]]:
    """Give a workspace its datasets and a profile, which would take a minute; return what run-all is called with."""

    def make(root: Path) -> tuple[str, ...]:
        shutil.copytree(prepared_root / "datasets", root / "datasets")
        records.save(root / "records", profile_record("tiny", origin="synthetic"))
        options = ("--synthetic", "--recipe", str(plugin / "mini.toml"), "--model", "tiny", "--workspace", str(root))
        return ("run-all", "--dataset", "fer2013", "--dataset", "raf-db", *options)

    return make


@pytest.fixture(scope="module")
def alone(cluster, grid, tmp_path_factory) -> Path:
    """The workspace that the local executor makes."""
    root = tmp_path_factory.mktemp("alone") / "workspace"
    command = [sys.executable, "-m", "fer_bench", *grid(root), "--jobs", "1"]
    done = subprocess.run(command, env=cluster.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return root


def tasks() -> dict[str, int]:
    """Return the processes of the cluster's tasks by the title of their stage."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            title = (folder / "cmdline").read_bytes().rstrip(b"\0").decode(errors="replace")
            if title.startswith("ray::train and test tiny"):
                found[title.removeprefix("ray::")] = int(folder.name)
    return found


def sees(pid: int, path: Path) -> bool:
    return Path(f"/proc/{pid}/root{path}/datasets").is_dir()


def history(checkpoint: Path) -> list[dict]:
    """Return the epochs of a checkpoint, empty while it is not there."""
    try:
        with np.load(checkpoint) as content:
            return json.loads(content[content.files[-1]].tobytes())["history"]
    except OSError:
        return []


@pytest.mark.slow
def test_two_workers_are_killed_and_the_records_are_those_of_the_local_executor(cluster, grid, alone):
    """One worker that sees the workspace and one that does not, each killed in the middle of a run."""
    running = cluster.command(*grid(cluster.workspace))
    killed: dict[str, list[dict]] = {}
    kinds: set[bool] = set()
    deadline = time.monotonic() + 400
    while len(kinds) < 1 + cluster.blind:
        assert running.poll() is None, running.communicate()[1]
        assert time.monotonic() < deadline
        for title, pid in tasks().items():
            dataset = title.removeprefix("train and test tiny on ")
            [*checkpoints] = (cluster.workspace / "runs").glob(f"tiny__{dataset}__*/checkpoint.npz")
            if not checkpoints or title in killed or not 2 <= len(history(checkpoints[0])) < 16:
                continue
            kind = sees(pid, cluster.workspace)
            if kind not in kinds:
                os.kill(pid, signal.SIGKILL)
                kinds.add(kind)
                killed[title] = history(checkpoints[0])
        time.sleep(0.05)
    _, said = running.communicate(timeout=400)
    assert running.returncode == 0, said
    assert "Traceback" not in said

    for title, before in killed.items():
        assert f"{title}: its worker was lost; another one continues after the last complete epoch" in said
        assert f"] {title}: " in said  # The line of a stage that has ended.
        dataset = title.removeprefix("train and test tiny on ")
        [path] = (cluster.workspace / "records" / "train").glob(f"tiny__{dataset}__*.json")
        # The same epochs, down to the seconds that they took: they were not trained again.
        assert json.loads(path.read_text())["history"][: len(before)] == before
    assert len([name for name in results_of(alone) if name.endswith(".json")]) == 6
    assert differences(cluster.workspace, alone) == []
    compute = [
        {json.dumps(json.loads(path.read_text())["compute"]) for path in (place / "records" / "train").glob("*.json")}
        for place in (cluster.workspace, alone)
    ]
    assert compute[0] == compute[1]
    skip_where_all_see(cluster)


@pytest.mark.slow
def test_ctrl_c_ends_ray_and_another_cluster_continues_the_search(cluster, grid, alone, plugin):
    """Interrupted on a cluster of its own, a search goes on where a node does not see the workspace."""
    root = cluster.workspace / "search"  # In the folder that is hidden there.
    grid(root)
    command = [
        *("tune", "--model", "tiny", "--dataset", "fer2013", "--recipe", str(plugin / "mini.toml")),
        *("--batch-sizes", "16", "--learning-rates", "2e-3", "--optimizers", "adam,sgd"),
        *("--workspace", str(root), "--json"),
    ]
    other = set(Path("/tmp").glob("ray-*"))
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_bench", *command, "--executor", "ray"],
        env={name: value for name, value in cluster.environment.items() if not name.startswith("RAY_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 400
    while not list(root.rglob("runs/*/checkpoint.npz")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    [own] = set(Path("/tmp").glob("ray-*")) - other
    assert len(processes_of(own)) > 2
    addresses = listening({*processes_of(own), *descendants(process.pid)})
    assert addresses
    assert [address for address in addresses if not address.is_loopback] == []
    os.killpg(process.pid, signal.SIGINT)  # As a terminal does: all processes hear it.
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "fer-bench: interrupted; finished work is kept, the same command continues"
    assert "Traceback" not in said
    assert processes_of(own) == []
    assert not own.exists()
    assert list(root.rglob("runs/*/checkpoint.npz"))

    process = cluster.command(*command)
    told, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    trials = json.loads(told)["trials"]
    assert {trial["optimizer"]: trial["diverged"] for trial in trials} == {"adam": "", "sgd": ""}
    assert len(list((root / "studies" / "records" / "train").glob("tiny__fer2013__*+sgd-*.json"))) == 1
    # The setting of the recipe itself is the run that the whole line makes.
    [ours] = (root / "records" / "train").glob("tiny__fer2013__fer2013__mini-*.json")
    theirs = json.loads((alone / "records" / "train" / ours.name).read_text())
    assert json.loads(ours.read_text())["weights_sha256"] == theirs["weights_sha256"]
    assert not list(root.rglob("runs/*/*"))
    skip_where_all_see(cluster)


def skip_where_all_see(cluster: Cluster) -> None:
    """Say that half of a test could not be made."""
    if not cluster.blind:
        pytest.skip("passed with nodes that see the workspace only: hiding it from one needs root on Linux")


def test_listening_sockets_are_found_with_their_addresses():
    if not Path("/proc/net/tcp6").exists():
        pytest.skip("looks into /proc (Linux with IPv6)")
    for host in ("127.0.0.1", "0.0.0.0"):
        with socket.create_server((host, 0)):
            assert ip_address(host) in listening(descendants(os.getpid()))


# Without one


def asked() -> typer.Context:
    """Return the context of a command line without options."""
    return typer.Context(click.Command("run-all"))


def test_ray_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(FerBenchError, match=r"needs Ray .*pip install 'fer-bench\[ray\]'"):
        cluster_of(asked(), "ray", None, None, None)


def test_a_client_and_options_of_the_other_executor_are_refused(monkeypatch):
    with pytest.raises(FerBenchError, match="--gpus-per-cell 0 applies only with --executor ray"):
        cluster_of(asked(), "local", None, None, 0.0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    with pytest.raises(FerBenchError, match="--address auto"):
        cluster_of(asked(), "ray", "ray://head:10001", None, None)


def test_where_nothing_answers_it_says_so_at_once(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(FerBenchError, match=f"--address {address}: nothing answers"):
        cluster_of(asked(), "ray", address, None, None)


def test_a_cell_whose_workers_are_always_lost_says_what_may_help():
    exceptions = pytest.importorskip("ray.exceptions", reason="needs the extra ray")

    def get(_: object) -> None:
        raise exceptions.WorkerCrashedError

    ray = SimpleNamespace(get=get, exceptions=exceptions)
    message = r"train tiny: its worker was lost more than 3 times .*The same command continues"
    with pytest.raises(FerBenchError, match=message):
        executor._result(ray, object(), Stage("train tiny", 1))


def test_an_error_of_the_cluster_is_one_message(monkeypatch):
    exceptions = pytest.importorskip("ray.exceptions", reason="needs the extra ray")

    @contextlib.contextmanager
    def connected(address: str | None) -> Iterator[object]:
        yield SimpleNamespace(exceptions=exceptions)

    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(executor, "_connected", connected)
    monkeypatch.setattr(executor.RayCluster, "_work", fail)
    raised: Exception = exceptions.RayActorError(error_msg="The actor died.\n\tclass_name: Desk")
    with pytest.raises(FerBenchError, match=r"^Ray: The actor died; the same command continues$"):
        executor.RayCluster().work([], lambda _: None)
    raised = exceptions.RayTaskError("work_on", "Traceback", ValueError("a defect"), "title", 1, "127.0.0.1")
    with pytest.raises(exceptions.RayTaskError):  # A defect keeps its traceback.
        executor.RayCluster().work([], lambda _: None)

    def refused(**_: object) -> None:
        raise exceptions.AuthenticationError("InvalidAuthToken: no token")

    monkeypatch.undo()
    monkeypatch.setattr(executor, "_ray", lambda: SimpleNamespace(init=refused, exceptions=exceptions))
    with (
        pytest.raises(FerBenchError, match="--address head:6379: InvalidAuthToken: no token"),
        executor._connected("head:6379"),
    ):
        pass


@pytest.mark.parametrize("gpus", [0.00001, 1.5, float("nan"), float("inf")])
def test_a_share_of_gpus_that_ray_cannot_give_is_refused(gpus):
    with pytest.raises(FerBenchError, match=f"--gpus-per-cell {gpus:g}: expected a whole number"):
        executor.RayCluster(gpus=gpus).check()


def test_ray_hears_the_limits_before_it_is_imported(monkeypatch):
    """It reads them once, then."""
    heard = {}

    def imported() -> SimpleNamespace:
        heard.update(os.environ)
        return SimpleNamespace(init=lambda **_: None, shutdown=lambda: None, exceptions=SimpleNamespace())

    monkeypatch.setattr(executor, "_ray", imported)
    monkeypatch.delenv("RAY_task_oom_retries", raising=False)
    with executor._connected("head:6379"):
        pass
    assert heard["RAY_task_oom_retries"] == str(executor.RETRIES)
    assert heard["RAY_USAGE_STATS_ENABLED"] == "0"
    assert "RAY_task_oom_retries" not in os.environ


COMMANDS = (
    ("run-all",),
    ("tune", "--model", "clcm", "--dataset", "fer2013"),
    ("ablate", "freezing", "--model", "clcm", "--dataset", "fer2013"),
    ("ablate", "head", "--model", "clcm", "--dataset", "fer2013"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=("run-all", "tune", "freezing", "head"))
def test_an_address_without_its_executor_is_refused(command, tmp_path):
    called = CliRunner().invoke(app, [*command, "--address", "head:6379", "--workspace", str(tmp_path / "workspace")])
    assert isinstance(called.exception, FerBenchError)
    assert str(called.exception) == "--address head:6379 applies only with --executor ray; add that option"


@pytest.mark.parametrize("command", COMMANDS, ids=("run-all", "tune", "freezing", "head"))
def test_an_address_of_the_environment_is_no_matter_of_the_local_executor(command, tmp_path):
    """It gets as far as the next option that is refused."""
    options = ("--cpus-per-cell", "1", "--workspace", str(tmp_path / "workspace"))
    called = CliRunner(env={"RAY_ADDRESS": "head:6379"}).invoke(app, [*command, *options])
    assert str(called.exception) == "--cpus-per-cell 1 applies only with --executor ray; add that option"
