"""How far work is: tqdm bars on a terminal, a line a minute elsewhere. On stderr, and not with ``--quiet``.

A worker of another process (see :mod:`fer_bench.workers`) shows nothing itself: each :class:`Position` of its bars goes
where :func:`send_to` was told, and what gets there :class:`Bars` shows, as if it were work of this process.
"""

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tqdm import tqdm

from fer_bench import interrupt
from fer_bench.messages import has_listener, say
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


def unheard(*of: object) -> None:
    """Take how far work is where nobody wants to know: the default of what tells it."""


# Its thread would only redraw bars that stand still, and keeps `prepare` from decoding in processes.
tqdm.monitor_interval = 0


_EVERY = 60.0
"""Seconds between the lines that stand for a bar where there is no terminal."""
_LINES = 10
"""Of these lines, at most, over which the rate is taken: one minute alone may hold the pause between two epochs, or
other work on the machine, and would tell hours too many."""
_SMOOTHING = 0.02
"""Weight of the latest step in the rate of a bar, for the same reason; tqdm's own 0.3 is that of the last few steps."""


_COUNTED = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
"""A bar without a rate."""


_SENT_EVERY = 0.5
"""Seconds between two positions that a worker sends to the process that shows its bar."""


@dataclass(frozen=True)
class Position:
    """Where work is, of this process or of another one whose bar it shows."""

    title: str
    done: int
    total: int | None
    unit: str
    note: str
    known: int
    """Of ``done``, what an earlier run had done: no measure of the rate."""


_send: Callable[[Position | None], None] | None = None


def send_to(send: Callable[[Position | None], None]) -> None:
    """Give the positions of this process's bars to ``send``, ``None`` where one ends: another process shows them."""
    global _send
    _send = send


class _Drawn:
    """A bar on a terminal."""

    def __init__(self, at: Position) -> None:
        self._known, self._note = at.known, at.note
        self._bar = tqdm(
            total=at.total,
            desc=at.title,
            unit=at.unit,
            leave=False,
            dynamic_ncols=True,
            miniters=1,
            smoothing=_SMOOTHING,
            bar_format=None if at.unit else _COUNTED,
        )

    def show(self, at: Position) -> None:
        self._bar.total = at.total
        if at.known != self._known:
            self._known = self._bar.initial = self._bar.n = self._bar.last_print_n = at.known
            self._bar.start_t = self._bar.last_print_t = time.time()
            self._bar.refresh()
        self._bar.update(at.done - self._bar.n)
        if at.note != self._note:
            self._note = at.note
            self._bar.set_postfix_str(at.note)

    def close(self) -> None:
        self._bar.close()


class _Lines:
    """A line a minute, where there is no terminal."""

    def __init__(self) -> None:
        self._told = deque([(time.perf_counter(), 0)], maxlen=_LINES)

    def show(self, at: Position) -> None:
        now = time.perf_counter()
        since, before = self._told[-1]
        if now - since < _EVERY:
            return
        if not before:  # What an earlier run had done counts at once, and is no measure of the rate.
            self._told.clear()
        self._told.append((now, at.done))
        text = f"{at.title}: {at.done:,}" + (f"/{at.total:,}" if at.total else "")
        text += f" {at.unit}" if at.unit else ""
        since, before = self._told[0]
        if at.unit and at.done > before:
            rate = (at.done - before) / (now - since)
            text += f", {rate:.3g} {at.unit}/s"
            if at.total:
                text += f", about {duration((at.total - at.done) / rate)} left"
        say(text + (f"; {at.note}" if at.note else ""))

    def close(self) -> None:
        pass


class _Sent:
    """Messages to the process that shows the bar of this one."""

    def __init__(self, send: Callable[[Position | None], None]) -> None:
        self._send = send
        self._last = -math.inf

    def show(self, at: Position) -> None:
        now = time.perf_counter()
        if now - self._last >= _SENT_EVERY:
            self._last = now
            self._send(at)

    def close(self) -> None:
        self._send(None)


class Bar:
    """Progress of one piece of work, with rate and time left.

    It is drawn, told in lines, or sent to the process that shows it: which of the three is settled when it is made.

    Args:
        title: what is done.
        total: how much of it there is, where that is known.
        unit: of ``total``; empty where its parts are too unlike for a rate and the time left.
    """

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self._at = Position(title, 0, total, unit, "", known=0)
        self._way: _Drawn | _Lines | _Sent
        if _send is not None:
            self._way = _Sent(_send)
        elif has_listener() or not shows_bars():
            self._way = _Lines()
        else:
            self._way = _Drawn(self._at)
        self.show(self._at)  # Before the first step, which compiles a network.

    @property
    def title(self) -> str:
        """What is done."""
        return self._at.title

    def show(self, at: Position) -> None:
        """Set all that the bar shows."""
        self._at = at
        self._way.show(at)

    def known(self, done: int) -> None:
        """Set the position to what an earlier run had done."""
        self.show(replace(self._at, done=done, known=done))

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more."""
        self.at(self._at.done + steps)

    def at(self, done: int, total: int | None = None) -> None:
        """Set the position, and the total once it is known; a swallowed Ctrl-C ends the work here."""
        interrupt.again()
        self.show(replace(self._at, done=done, total=self._at.total if total is None else total))

    def note(self, text: str) -> None:
        """Show a short text behind the bar."""
        self.show(replace(self._at, note=text))

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Note which step the work is at, and set the position, by default one further."""
        self._at = replace(self._at, note=what)
        self.at(self._at.done + 1 if done is None else done, total)

    def close(self) -> None:
        """Remove the bar."""
        self._way.close()


class Bars:
    """Bars of work that other processes do, one below the other: tqdm gives each the first row that is free."""

    def __init__(self) -> None:
        self._bars: dict[int, Bar] = {}

    def show(self, worker: int, position: Position | None) -> None:
        """Show where a worker is; ``None`` removes its bar."""
        shown = self._bars.get(worker)
        if shown is not None and (position is None or position.title != shown.title):
            self._bars.pop(worker).close()
            shown = None
        if position is None:
            return
        if shown is None:
            shown = self._bars[worker] = Bar(position.title, position.total, position.unit)
        shown.show(position)

    def close(self) -> None:
        """Remove all bars."""
        for shown in self._bars.values():
            shown.close()
        self._bars.clear()


@contextmanager
def bar(title: str, total: int | None = None, unit: str = "it") -> Iterator[Bar]:
    """Show a bar for as long as the block runs."""
    shown = Bar(title, total, unit)
    try:
        yield shown
    finally:
        shown.close()


def shows_bars() -> bool:
    """Return whether bars are drawn: on a terminal, and not with ``--quiet``."""
    return level() != "quiet" and sys.stderr.isatty()
