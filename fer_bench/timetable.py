"""What a person sees of a list of stages: which one runs, what comes next, how much time is left."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from fer_bench.messages import say
from fer_bench.progress import duration, shows_bars


@dataclass(frozen=True)
class Stage:
    """One piece of a timetable."""

    title: str
    seconds: float
    """Expected duration; only the proportions to the other stages matter."""


class Timetable:
    """Shows how far a list of stages is: a line on stderr for each that has ended, and one bar above all others.

    The time left is the expected duration of what is to come, scaled by how long the finished stages took for theirs.
    Stages may overlap: the scale is then by the time in which at least one ran, which counts once.

    Args:
        stages: all of them, with different titles.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages
        self._done = 0
        self._finished: set[Stage] = set()
        self._running: dict[Stage, float] = {}
        """When each began, by ``time.perf_counter``, as all times here."""
        self._since: float | None = None
        """From when on at least one stage has run, counted anew when one ends; ``None`` while none runs."""
        self._worked = 0.0
        """Seconds in which at least one stage ran, up to ``_since``."""
        self._expected = 0.0
        """Expected seconds of the finished stages, added up."""
        self._took = 0.0
        """Seconds that the finished stages took, added up."""
        total = sum(stage.seconds for stage in stages)
        self._bar = tqdm(
            total=round(total),
            bar_format="{desc} {bar}{postfix}",
            leave=False,
            dynamic_ncols=True,
            disable=not shows_bars(),
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
        # A running stage counts as far as the finished ones would have got in its time, but never quite as done: one
        # that takes longer than expected still has something to come.
        pace = self._expected / self._took if self._took else 0.0
        progressed = self._expected + sum(
            min((now - began) * pace, 0.95 * stage.seconds) for stage, began in self._running.items()
        )
        total = sum(stage.seconds for stage in self._stages)
        worked = self._worked + (now - self._since if self._since is not None else 0.0)
        return f"; about {duration((total - progressed) * worked / progressed)} left"

    def __enter__(self) -> "Timetable":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
