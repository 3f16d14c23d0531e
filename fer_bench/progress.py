"""What a person sees while work is done: tqdm bars on a terminal, plain lines elsewhere. Always on stderr.

Bars and :func:`say` are not shown with ``--quiet``, :func:`detail` only with ``--verbose``, :func:`warn` always (see
:mod:`fer_bench.verbosity`). What is said goes to the workspace's log in any case (see :mod:`fer_bench.log`).
"""

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tqdm import tqdm

from fer_bench.verbosity import level


def duration(seconds: float) -> str:
    """Return a duration for people.

    >>> duration(7.4), duration(192), duration(7300)
    ('7 s', '3 min 12 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


# Its thread would only redraw bars that stand still, and keeps `prepare` from decoding in processes.
tqdm.monitor_interval = 0


_EVERY = 60.0
"""Seconds between the lines that stand for a bar where there is no terminal."""


_COUNTED = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
"""A bar without a rate."""


_SENT_EVERY = 0.5
"""Seconds between two positions that a worker sends to the process that shows its bar."""


@dataclass(frozen=True)
class Position:
    """Where the work of another process is, for a bar of this one."""

    title: str
    done: int
    total: int | None
    unit: str
    note: str
    known: int
    """Of ``done``, what an earlier run had done."""


class Bar:
    """Progress of one piece of work: rate and time left; where there is no terminal, one line a minute.

    Args:
        title: what is done.
        total: how much of it there is, where that is known.
        unit: of ``total``; empty where its parts are too unlike for a rate and the time left.
        row: of the terminal, counted from where bars begin; ``None`` for the first that no plan takes.
    """

    def __init__(self, title: str, total: int | None, unit: str, row: int | None = None) -> None:
        self._title, self._unit, self._total = title, unit, total
        self._done = self._known = 0
        self._note = ""
        self._told = (time.perf_counter(), 0)
        self._sent = -math.inf
        self._bar = tqdm(
            total=total,
            desc=title,
            unit=unit,
            leave=False,
            dynamic_ncols=True,
            miniters=1,
            disable=_listeners is not None or not _shows_bars(),
            bar_format=None if unit else _COUNTED,
            position=(1 if _overall else 0) if row is None else row,
        )
        if _sender() is not None:
            self._mention()  # Before the first step, which compiles a network.

    @property
    def title(self) -> str:
        """What is done."""
        return self._title

    @property
    def known_done(self) -> int:
        """What an earlier run had done."""
        return self._known

    def known(self, done: int) -> None:
        """Set the position to what an earlier run had done: no measure of the rate."""
        self._done = self._known = done
        self._bar.initial = self._bar.n = self._bar.last_print_n = done
        self._bar.start_t = self._bar.last_print_t = time.time()
        self._bar.refresh()
        self._mention()

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more."""
        self.at(self._done + steps)

    def at(self, done: int, total: int | None = None) -> None:
        """Set the position, and the total once it is known."""
        if total is not None:
            self._total = self._bar.total = total
        self._bar.update(done - self._done)
        self._done = done
        self._mention()

    def note(self, text: str) -> None:
        """Show a short text behind the bar."""
        self._note = text
        self._bar.set_postfix_str(text)

    def _mention(self) -> None:
        """Tell the process that shows the bar, or, where nobody shows one, say once a minute where the work is."""
        now = time.perf_counter()
        send = _sender()
        if send is not None:
            if now - self._sent >= _SENT_EVERY:
                self._sent = now
                send(Position(self._title, self._done, self._total, self._unit, self._note, self._known))
            return
        since, before = self._told
        if now - since < _EVERY or not self._bar.disable:
            return
        self._told = (now, self._done)
        text = f"{self._title}: {self._done:,}" + (f"/{self._total:,}" if self._total else "")
        text += f" {self._unit}" if self._unit else ""
        # Not in the first line: what an earlier run had done counts at once, and is no measure of the rate.
        if self._unit and before and self._done > before:
            rate = (self._done - before) / (now - since)
            text += f", {rate:.3g} {self._unit}/s"
            if self._total:
                text += f", about {duration((self._total - self._done) / rate)} left"
        say(text + (f"; {self._note}" if self._note else ""))

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()
        send = _sender()
        if send is not None:
            send(None)


class Bars:
    """Bars of work that other processes do, one below the other."""

    def __init__(self) -> None:
        self._bars: dict[int, Bar] = {}
        self._rows: dict[int, int] = {}

    def show(self, worker: int, position: Position | None) -> None:
        """Show where a worker is; ``None`` removes its bar."""
        shown = self._bars.get(worker)
        if shown is not None and (position is None or position.title != shown.title):
            shown.close()
            del self._bars[worker], self._rows[worker]
            shown = None
        if position is None:
            return
        if shown is None:
            row = 1 if _overall else 0
            while row in self._rows.values():
                row += 1
            self._rows[worker] = row
            shown = self._bars[worker] = Bar(position.title, position.total, position.unit, row)
        if position.known > shown.known_done:
            shown.known(position.known)
        shown.at(position.done, position.total)
        if position.note:
            shown.note(position.note)

    def close(self) -> None:
        """Remove all bars."""
        for shown in self._bars.values():
            shown.close()
        self._bars.clear()
        self._rows.clear()


@contextmanager
def bar(title: str, total: int | None = None, unit: str = "it") -> Iterator[Bar]:
    """Show a bar for as long as the block runs."""
    shown = Bar(title, total, unit)
    try:
        yield shown
    finally:
        shown.close()


def _sender() -> Callable[[Position | None], None] | None:
    """Return what takes the positions of this process's bars; ``None`` where no other process shows them."""
    return _listeners.position if _listeners is not None else None


def _shows_bars() -> bool:
    return level() != "quiet" and sys.stderr.isatty()


def say(text: str) -> None:
    """Print how work goes to stderr, above any bar; not with ``--quiet``."""
    if _listeners is not None:
        _listeners.say(text)
    else:
        _tell(text, shown=level() != "quiet")


def detail(text: str) -> None:
    """Print to stderr what is of use where something is looked into: with ``--verbose`` only."""
    if _listeners is None:
        _tell(text, shown=level() == "verbose")
    elif _listeners.detail is not None:
        _listeners.detail(text)


def warn(text: str) -> None:
    """Print to stderr what the user should know even with ``--quiet``."""
    if _listeners is not None:
        _listeners.warn(text)
    else:
        _tell(text, shown=True)


def _tell(text: str, *, shown: bool) -> None:
    if shown:
        tqdm.write(text, file=sys.stderr)
    if _log is not None:
        _log(text)


def print_line(text: str) -> None:
    """Print one line to stdout, above any bar that shares its terminal."""
    tqdm.write(text, file=sys.stdout)


def report_to(
    listener: Callable[[str], None],
    details: Callable[[str], None] | None = None,
    warnings: Callable[[str], None] | None = None,
    positions: Callable[[Position | None], None] | None = None,
) -> None:
    """Show no bars in this process, and give what it says to ``listener``: for workers of another process.

    Args:
        listener: takes what :func:`say` prints.
        details: takes what :func:`detail` prints; without it, that is lost.
        warnings: takes what :func:`warn` prints; without it, ``listener`` does.
        positions: takes where a bar is, and ``None`` where it ends; without it, ``listener`` gets a line a minute.
    """
    global _listeners
    _listeners = _Listeners(listener, details, warnings or listener, positions)
    # Not tqdm's own, which spans processes: of that Python warns where a worker is stopped.
    tqdm.set_lock(threading.RLock())


def log_to(log: Callable[[str], None] | None) -> None:
    """Give all that is said from now on, shown or not, to ``log``; ``None`` ends it."""
    global _log
    _log = log


@dataclass(frozen=True)
class _Listeners:
    """What takes what this process has to tell; see :func:`report_to`."""

    say: Callable[[str], None]
    detail: Callable[[str], None] | None
    warn: Callable[[str], None]
    position: Callable[[Position | None], None] | None


_listeners: _Listeners | None = None
_log: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Stage:
    """One piece of a plan."""

    title: str
    seconds: float
    """Expected cost; only the proportions matter."""


class Plan:
    """A list of stages with different titles: what runs, what comes, how much time is left.

    The time left is the expected cost of what is to come, scaled by how the finished stages kept to theirs. Stages
    may overlap; then the time in which any of them ran counts once.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages
        self._done = 0
        self._finished: set[Stage] = set()
        self._running: dict[Stage, float] = {}
        self._since: float | None = None
        self._worked = 0.0
        self._expected = 0.0
        self._took = 0.0
        total = sum(stage.seconds for stage in stages)
        self._bar = tqdm(
            total=round(total),
            bar_format="{desc} {bar}{postfix}",
            leave=False,
            dynamic_ncols=True,
            disable=not _shows_bars(),
            position=0,
        )

    def work(self, stage: Stage, do: Callable[[], object]) -> None:
        """Do the work of a stage, which is counted when it ends without an error."""
        self.began(stage)
        do()
        self.ended(stage)

    def began(self, stage: Stage) -> None:
        """Show that a stage runs, and what comes."""
        self._running[stage] = time.perf_counter()
        if len(self._running) == 1 and self._since is None:
            self._since = time.perf_counter()
        self.show()

    def ended(self, stage: Stage) -> None:
        """Count a stage, say how long it took and how much time is left."""
        now = time.perf_counter()
        took = now - self._running.pop(stage)
        self._done += 1
        self._expected += stage.seconds
        self._took += took
        self._finished.add(stage)
        if self._since is not None:
            self._worked += now - self._since
            self._since = now if self._running else None
        self._bar.update(min(round(self._expected), self._bar.total or 0) - self._bar.n)
        say(f"[{self._done}/{len(self._stages)}] {stage.title}: {duration(took)}{self._left_text()}")
        self.show()

    def show(self) -> None:
        """Draw what runs, what comes and how much time is left, as of now."""
        left = self._left_text().removeprefix("; ")
        running = ", ".join(stage.title for stage in self._running)
        # The time first: a narrow terminal cuts the end.
        self._bar.set_description_str(
            f"[{self._done + bool(self._running)}/{len(self._stages)}] {f'{left}: ' if left else ''}{running}"
        )
        coming = [stage for stage in self._stages if stage not in self._finished and stage not in self._running]
        self._bar.set_postfix_str(f"next: {coming[0].title if coming else 'nothing'}")

    def _left_text(self) -> str:
        now = time.perf_counter()
        if self._done == 0 or self._done == len(self._stages):
            return ""
        # A running stage counts by its age, as far as the finished ones got in that time, and never quite as done, so
        # that one that overruns does not count as nothing.
        pace = self._expected / self._took if self._took else 0.0
        progressed = self._expected + sum(
            min((now - began) * pace, 0.95 * stage.seconds) for stage, began in self._running.items()
        )
        total = sum(stage.seconds for stage in self._stages)
        worked = self._worked + (now - self._since if self._since is not None else 0.0)
        return f"; about {duration((total - progressed) * worked / progressed)} left"

    def __enter__(self) -> "Plan":
        _overall.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _overall.remove(self)
        self._bar.close()


_overall: list[Plan] = []
