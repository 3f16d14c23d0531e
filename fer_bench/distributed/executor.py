"""The executor: groups of work as tasks of a Ray cluster, seen from the command."""

import contextlib
import importlib.util
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fer_bench
from fer_bench import backend, lock
from fer_bench.cellwork import CellWork
from fer_bench.distributed.desk import Desk
from fer_bench.distributed.task import Home, work_on
from fer_bench.environment import cores
from fer_bench.errors import FerBenchError, first_line
from fer_bench.messages import say
from fer_bench.models.pretrained import IMAGENET
from fer_bench.progress import bar
from fer_bench.timetable import Stage
from fer_bench.workers import Event, Work
from fer_bench.workspace import Workspace

RETRIES = 3
"""How often a cell is given to another worker when its own is lost, and as often when it needed too much memory."""
_PATIENCE = 60.0
"""Seconds to wait for tasks that are stopped."""
_SMALLEST = 0.0001
"""Share of a GPU that Ray tells from none."""
_PASSED_ON = ("TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL", "KERAS_HOME")
"""Variables that a task gets as the command has them, besides the backend."""


@dataclass(frozen=True)
class RayCluster:
    """A Ray cluster; implements :class:`fer_bench.workers.Executor`."""

    address: str | None = None
    """Of a running cluster as ``ray.init`` takes it; ``None`` starts one on this machine, for as long as it works."""
    cpus: float | None = None
    """Of each cell; ``None`` is one where the network is computed with one thread or on a GPU, else a whole machine's,
    the smallest one's."""
    gpus: float | None = None
    """Of each cell, a fraction where cells share one; ``None`` is one where the cluster has any, else none."""

    def check(self) -> None:
        """Refuse early what cannot work.

        Raises:
            FerBenchError: Ray is not installed or knows no such share of GPUs, the address is one of Ray Client, or
                nothing answers there.
        """
        gpus = self.gpus
        if gpus and not (_SMALLEST <= gpus < 1 or gpus.is_integer()):
            raise FerBenchError(
                f"--gpus-per-cell {gpus:g}: expected a whole number, or a fraction of one GPU from {_SMALLEST} on"
            )
        if importlib.util.find_spec("ray") is None:  # Not imported here: its settings are made before.
            raise _missing("no module named 'ray'")
        if self.address is not None and self.address.startswith("ray://"):
            raise FerBenchError(
                f"--address {self.address}: Ray Client is not supported, since records could not come back; run the "
                "command on a machine of the cluster, with --address auto"
            )
        host, _, port = (self.address or "").rpartition(":")
        if host and port.isdecimal():
            try:  # Ray itself would ask for minutes.
                socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
            except (OSError, OverflowError) as error:
                raise FerBenchError(
                    f"--address {self.address}: nothing answers there ({error}); expected a running Ray cluster that "
                    "this machine is part of, see ray start --help"
                ) from error

    def work(self, groups: Sequence[Sequence[Work]], on_event: Callable[[Event], None]) -> None:
        """Do all work, each piece as a task; the workspace must be locked.

        Raises:
            FerBenchError: of the first piece that raised one, or Ray or its cluster does not work.
        """
        self.check()
        works: list[tuple[Stage, CellWork]] = []
        for stage, do in (item for group in groups for item in group):
            assert isinstance(do, CellWork), f"{stage.title!r} cannot be done on another machine"
            works.append((stage, do))
        with _connected(self.address) as ray:
            try:
                self._work(ray, works, on_event)
            except ray.exceptions.RayTaskError:
                raise  # A defect, with the traceback of the task.
            except ray.exceptions.RayError as error:
                raise FerBenchError(f"Ray: {_line(error)}; the same command continues") from error

    def _work(self, ray: Any, works: Sequence[tuple[Stage, CellWork]], on_event: Callable[[Event], None]) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        root = works[0][1].workspace.root.absolute()
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        desk = ray.remote(Desk).options(num_cpus=0, scheduling_strategy=here).remote(root)
        told = _Told([stage for stage, _ in works], on_event)
        # A process for each task: the backend's settings are made before it is imported, and GPU memory is let go.
        needed = self._resources(ray, works[0][1].cell.recipe.image_size)
        task = ray.remote(max_calls=1, max_retries=RETRIES, **needed)(work_on)
        home = Home(root, lock.mark(root), fer_bench.__version__, _environment())
        numbers = {
            task.options(name=stage.title).remote(number, _absolute(do, root), home, desk): number
            for number, (stage, do) in enumerate(works)
        }
        waiting = list(numbers)
        try:
            while waiting:
                ready, waiting = ray.wait(waiting, timeout=0.5)
                told.all(ray.get(desk.told.remote()))
                for reference in ready:
                    stage = works[numbers[reference]][0]
                    message = _result(ray, reference, stage)
                    if message:
                        raise FerBenchError(message)
                    on_event(Event("end", numbers[reference], stage=stage))
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)
            if waiting:
                ray.wait(waiting, num_returns=len(waiting), timeout=_PATIENCE, fetch_local=False)

    def _resources(self, ray: Any, image_size: int) -> dict[str, float]:
        """Return what each cell is declared to need, and say what there is."""
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        gpus = self.gpus
        if gpus is None:
            gpus = 1.0 if any(machine.get("GPU", 0) for machine in machines) else 0.0
        cpus = self.cpus
        if cpus is None:
            one = image_size <= backend.ONE_THREAD_SIZE or gpus > 0
            cpus = 1.0 if one else min((machine["CPU"] for machine in machines if machine.get("CPU")), default=1.0)
        fitting = sum(machine.get("CPU", 0) >= cpus and machine.get("GPU", 0) >= gpus for machine in machines)
        needed = f"CPU: {cpus:g}, GPU: {gpus:g}"
        has = {kind: sum(machine.get(kind, 0) for machine in machines) for kind in ("CPU", "GPU")}
        say(f"Ray, machines: {len(machines)}, CPU: {has['CPU']:g}, GPU: {has['GPU']:g}; of each cell, {needed}")
        if not fitting and self.address is None:
            raise FerBenchError(
                f"this machine has less than each cell asks for ({needed}); ask for less with --cpus-per-cell and "
                "--gpus-per-cell"
            )
        if not fitting:
            say(
                f"no machine of the cluster has what a cell is to get ({needed}); waiting for one (Ctrl-C ends the "
                "waiting)"
            )
        return {"num_cpus": cpus, "num_gpus": gpus}


class _Told:
    """Hands on what tasks tell, and says where one begins again."""

    def __init__(self, stages: Sequence[Stage], on_event: Callable[[Event], None]) -> None:
        self._stages = stages
        self._on_event = on_event
        self._begun: set[int] = set()

    def all(self, events: Sequence[Event]) -> None:
        for event in events:
            stage = self._stages[event.group]
            if event.kind == "begin" and event.group in self._begun:
                text = f"{stage.title}: its worker was lost; another one continues after the last complete epoch"
                self._on_event(Event("say", event.group, text))
            elif event.kind == "begin":
                self._begun.add(event.group)
                self._on_event(Event("begin", event.group, stage=stage))
            else:
                self._on_event(event)


def _result(ray: Any, reference: Any, stage: Stage) -> str:
    """Return the message of a finished task, empty where it went well."""
    known = ray.exceptions
    try:
        return str(ray.get(reference))
    except known.RayTaskError as error:
        if "No module named 'fer_bench" in str(error):
            raise FerBenchError(
                "a machine of the cluster has no fer-bench; install the same version on all: pip install "
                "'fer-bench[ray]'"
            ) from error
        raise
    except (
        known.WorkerCrashedError,
        known.OutOfMemoryError,
        known.NodeDiedError,
        known.LocalRayletDiedError,
        known.ObjectLostError,
    ) as error:
        raise FerBenchError(
            f"{stage.title}: its worker was lost more than {RETRIES} times ({_line(error)}); often that is too little "
            "memory: ask for more --cpus-per-cell, so that fewer cells share a machine. The same command continues"
        ) from error


def _line(error: Exception) -> str:
    return first_line(error).rstrip(".")


def _absolute(work: CellWork, root: Path) -> CellWork:
    """Return the work with paths that mean the same in every folder of this machine."""
    weights = work.weights
    if weights is not None and weights != IMAGENET and Path(weights).is_file():
        weights = str(Path(weights).absolute())
    return work.elsewhere(Workspace(root), weights=weights)


def _environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, "KERAS_BACKEND": backend.name()}


@contextlib.contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Yield Ray connected to a cluster, or to one of this machine alone that ends with the block."""
    with contextlib.ExitStack() as stack:
        # No usage statistics. Workers that the memory monitor ended count apart from lost ones, by default without end.
        variables = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_task_oom_retries": str(RETRIES)}
        options: dict[str, Any] = {"address": address}
        if address is None:
            from secrets import token_hex

            # It listens on the loopback interface only, to its own token.
            variables |= {
                "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # On Linux, too, it means: no other machines.
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN": token_hex(32),
            }
            # Paths of sockets are short: macOS' own temporary folder is too long for them.
            short = "/tmp" if Path("/tmp").is_dir() else None
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="ray-", dir=short, ignore_cleanup_errors=True)
            )
            options = {"address": "local", "num_cpus": cores(), "include_dashboard": False, "_temp_dir": folder}
        stack.enter_context(_variables(variables))
        ray = _ray()
        with bar("start Ray" if address is None else "connect to Ray"):
            try:
                ray.init(**options, log_to_driver=False, logging_level="ERROR")
            except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
                where = "Ray does not start" if address is None else f"--address {address}"
                raise FerBenchError(
                    f"{where}: {_line(error)}"
                    + ("" if address is None else "; expected a running cluster that this machine is part of")
                ) from error
        stack.callback(ray.shutdown)
        yield ray


@contextlib.contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise _missing(str(error)) from error
    return ray


def _missing(what: str) -> FerBenchError:
    return FerBenchError(f"--executor ray needs Ray ({what}); install it with: pip install 'fer-bench[ray]'")
