"""Several models trained at a time, each in a process of its own.

The steps of a small network keep about one core busy, whatever the number of threads; on several cores two networks
side by side take little longer than one. Every process runs the same code with the same settings as a single one
would, so that the results are the same.
"""

import contextlib
import itertools
import math
import multiprocessing
import os
import queue
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Literal, Protocol

from fer_bench import backend, messages, progress
from fer_bench.environment import cores, usable_memory_gib
from fer_bench.errors import FerBenchError, storage_message
from fer_bench.memory import is_exhausted
from fer_bench.progress import Bars, Position
from fer_bench.timetable import Stage, Timetable

Work = tuple[Stage, Callable[[], object]]

_JOB_GIB = 2.0
"""Memory of a process that trains on small images; 1.4 GiB was measured at 48 x 48."""
_SHARING_A_GPU = 3
"""Processes that share a GPU where nobody says how many."""
_LONG = 300.0
"""Seconds of work beside which it costs little to start a process and compile a network (25 s)."""


@dataclass(frozen=True)
class Event:
    """What a worker tells."""

    kind: Literal["begin", "end", "say", "detail", "warn", "position", "error", "memory", "defect"]
    """``error`` is the user's to put right, ``memory`` that it did not suffice, ``defect`` a traceback of the program's
    own."""
    group: int
    text: str = ""
    stage: Stage | None = None
    position: Position | None = None
    """``None`` where a bar ends."""


def tell(event: Event) -> None:
    """Pass on what a worker says."""
    if event.kind in ("say", "detail", "warn"):
        messages.tell(event.kind, event.text)


@contextmanager
def shown_in(timetable: Timetable | None = None) -> Iterator[Callable[[Event], None]]:
    """Give what shows an executor's events: stages in a timetable, if there is one, and below it a bar a worker."""
    bars = Bars()

    def on_event(event: Event) -> None:
        if event.kind == "position":
            bars.show(event.group, event.position)
            if timetable is not None:
                timetable.show()
        elif event.stage is None:
            tell(event)
        elif timetable is not None:
            (timetable.began if event.kind == "begin" else timetable.ended)(event.stage)

    try:
        yield on_event
    finally:
        bars.close()


def counting(on_ended: Callable[[int], None]) -> Callable[[Event], None]:
    """Return what passes on what workers say, and tells ``on_ended`` how many stages have ended."""
    ended = 0

    def on_event(event: Event) -> None:
        nonlocal ended
        tell(event)
        if event.kind == "end":
            ended += 1
            on_ended(ended)

    return on_event


class Executor(Protocol):
    """What works through groups of work."""

    def work(self, groups: Sequence[Sequence[Work]], on_event: Callable[[Event], None]) -> None:
        """Do all work, that of a group in order or all at once, and tell what begins, ends and is said.

        Args:
            groups: picklable.
            on_event: called in this process; the events of a stage hold that very stage of ``groups``, or an equal one.

        Raises:
            FerBenchError: the message of the first work that raised one, or a worker died; the others are stopped.
        """


@dataclass(frozen=True)
class Processes:
    """Processes of this machine; implements :class:`Executor`."""

    jobs: int
    """At a time."""

    def work(self, groups: Sequence[Sequence[Work]], on_event: Callable[[Event], None]) -> None:
        """Do all work: see :func:`shared_out` for what each process gets, and :func:`work_side_by_side`."""
        work_side_by_side(shared_out(groups, self.jobs), self.jobs, on_event)


def default_jobs(image_size: int) -> int:
    """Return how many runs to train side by side where nobody says.

    One a core where TensorFlow computes the steps with one thread (:data:`fer_bench.backend.ONE_THREAD_SIZE`), as far
    as the memory allows; few where there is an NVIDIA GPU, which they would share; else one.
    """
    if image_size > backend.ONE_THREAD_SIZE or backend.name() != "tensorflow":
        return 1
    fitting = min(cores(), int(usable_memory_gib() / _JOB_GIB))
    # Told without TensorFlow, which this process may never need.
    return max(1, min(fitting, _SHARING_A_GPU) if shutil.which("nvidia-smi") else fitting)


def shared_out(groups: Sequence[Sequence[Work]], jobs: int) -> list[list[Work]]:
    """Return the groups so divided that ``jobs`` processes have work to the end.

    A group compiles its network once, and a part of one compiles it once more. So long pieces of work become groups of
    their own, and of the others no more are divided than it takes: the longest, while there are fewer groups than jobs;
    then the last, where ``jobs`` does not divide their number and some processes would idle beside it.

    >>> [[stage.title for stage, _ in part] for part in shared_out([[(Stage(name, 60), print) for name in "abc"]], 2)]
    [['a', 'b'], ['c']]
    """
    if jobs < 2:
        return [list(group) for group in groups]
    parts: list[list[Work]] = []
    for group in groups:
        for long, works in itertools.groupby(group, key=lambda work: work[0].seconds >= _LONG):
            together = list(works)
            parts += [[work] for work in together] if long else [together]
    while len(parts) < jobs and any(len(part) > 1 for part in parts):
        at = max(range(len(parts)), key=lambda number: _seconds(parts[number]) if len(parts[number]) > 1 else 0.0)
        parts[at : at + 1] = _halves(parts[at])
    if len(parts) % jobs and len(parts[-1]) > 1:
        parts[-1:] = _halves(parts[-1])
    return parts


def _seconds(part: Sequence[Work]) -> float:
    return sum(stage.seconds for stage, _ in part)


def _halves(part: list[Work]) -> tuple[list[Work], list[Work]]:
    half = (len(part) + 1) // 2
    return part[:half], part[half:]


def work_through(work: Sequence[Work], groups: Sequence[Sequence[Work]] = (), executor: Executor | None = None) -> None:
    """Have the groups done by an executor, or do them here in order, then ``work`` in order."""
    cells = [item for group in groups for item in group]
    if not cells and not work:
        return
    with Timetable([stage for stage, _ in (*cells, *work)]) as timetable:
        if executor is not None and cells:
            with shown_in(timetable) as on_event:
                executor.work(groups, on_event)
            cells = []
        for stage, do in (*cells, *work):
            timetable.work(stage, do)


def work_side_by_side(
    groups: Sequence[Sequence[Work]],
    jobs: int,
    on_event: Callable[[Event], None],
    advice: str = "run the same command again to continue, with --jobs 1 to use less memory",
) -> None:
    """Work through groups of work, each in order in one process, at most ``jobs`` groups at a time.

    The processes end with this one, however it ends, so that none writes to a workspace that nobody holds.

    Args:
        groups: picklable; objects shared within a group stay shared in its process.
        jobs: processes at a time.
        on_event: called here, in the parent.
        advice: what to do where a process died.

    Raises:
        FerBenchError: the message of the first worker that raised one, its memory did not suffice, or it died; the
            others are stopped.
        RuntimeError: with the traceback of a defect in a worker; the others are stopped, too.
    """
    context = multiprocessing.get_context("spawn")
    events: Any = context.Queue()
    running: dict[int, Any] = {}
    waiting = list(range(len(groups)))
    at_work = {number: group[0][0] for number, group in enumerate(groups)}

    def handle(event: Event) -> None:
        if event.kind == "error":
            raise FerBenchError(event.text)
        if event.kind == "memory":
            raise FerBenchError(f"too little memory for {at_work[event.group].title!r} ({event.text}); {advice}")
        if event.kind == "defect":
            raise RuntimeError(f"in the process that worked on {at_work[event.group].title!r}:\n{event.text}")
        if event.kind == "begin" and event.stage is not None:
            at_work[event.group] = event.stage
        on_event(event)

    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number = waiting.pop(0)
                process = context.Process(target=_work, args=(number, list(groups[number]), events), daemon=True)
                process.start()
                running[number] = process
            with contextlib.suppress(queue.Empty):
                handle(events.get(timeout=0.2))
            # After every event, not only in a silence: many workers that tell how far they are leave none, and then
            # no group would begin in the place of one that has ended, nor would anybody notice one that died.
            for number, process in list(running.items()):
                if not process.is_alive():
                    del running[number]
                    if process.exitcode != 0:
                        _drain(events, handle, at_most=1.0)  # The others go on talking.
                        raise FerBenchError(
                            f"the process that worked on {at_work[number].title!r} ended with "
                            f"{process.exitcode} (a negative number is a signal; -9 often means too little memory); "
                            f"{advice}"
                        )
        _drain(events, handle)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.join()


def _drain(events: Any, handle: Callable[[Event], None], at_most: float = math.inf) -> None:
    """Handle the events that are still on their way, until none has come for a moment, or for ``at_most`` seconds."""
    time.sleep(0.1)
    end = time.monotonic() + at_most
    while time.monotonic() < end:
        try:
            handle(events.get(timeout=0.05))
        except queue.Empty:
            return


def _work(number: int, group: list[Work], events: Any) -> None:
    """Work through one group in this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent hears Ctrl-C and stops its workers.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    messages.report_to(lambda kind, text: events.put(Event(kind, number, text)))
    progress.send_to(lambda position: events.put(Event("position", number, position=position)))
    try:
        for stage, do in group:
            events.put(Event("begin", number, stage=stage))
            do()
            events.put(Event("end", number, stage=stage))
    except FerBenchError as error:
        events.put(Event("error", number, str(error)))
    except OSError as error:
        events.put(Event("error", number, storage_message(error) or str(error)))
    except Exception as error:  # Whatever it is, it ends here: the parent raises it, so that nothing is lost in a pipe.
        if is_exhausted(error):
            events.put(Event("memory", number, str(error) or type(error).__name__))
        else:
            events.put(Event("defect", number, traceback.format_exc()))
    events.close()
    events.join_thread()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
