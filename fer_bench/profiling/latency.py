"""Timed calls, taken so that drift of the machine does not become a difference between models.

The paper times 50 single-sample predictions a model, in an order that it does not tell (Table 6). Where models come one
after the other, a machine that gets warmer or busier meanwhile slows whatever comes last. Here the models take turns:
blocks of one call each, in random order, the models of one runtime together.
"""

import gc
import statistics
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from fer_bench.errors import FerBenchError
from fer_bench.progress import unheard
from fer_bench.records import LatencySample

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
"""Tells a call from the others."""
Progress = Callable[[str, int, int], None]
"""``progress(step, done, total)``; called outside the timed calls, ``done`` from 1 to ``total`` within a step."""
Clock = Callable[[], int]
"""Returns nanoseconds."""


@dataclass(frozen=True)
class Steady:
    """When a call is warm: the median of its last calls no longer falls. No user sets it."""

    window: int = 5
    """Calls in a row whose median is taken."""
    fall: float = 0.05
    """Fraction of the median of the previous ``window`` calls; a larger fall means that it is still warming up."""
    most: int = 100
    """Untimed calls after which the warm-up ends in any case; at least two windows."""

    def __str__(self) -> str:
        return (
            f"until the median of the last {self.window} calls is no more than {self.fall:.0%} below that of the "
            f"{self.window} before, at most {self.most} calls"
        )


@dataclass(frozen=True)
class Warmth:
    """How the warm-up of one call went."""

    calls: int
    """Untimed calls."""
    steady: bool
    """Whether it stopped because the call was steady, not at the limit."""


def warm_up(
    call: Callable[[Item], object],
    items: Sequence[Item],
    rule: Steady,
    *,
    clock: Clock = time.perf_counter_ns,
) -> Warmth:
    """Call until the time of a call is steady.

    Args:
        call: what to warm up.
        items: given to the call in turn.
        rule: when to stop.
        clock: for tests.
    """
    before = float("inf")  # A first window is never steady.
    for done in range(rule.window, rule.most + 1, rule.window):
        taken = [_seconds(call, items[run % len(items)], clock) for run in range(done - rule.window, done)]
        median = statistics.median(taken)
        if median >= (1 - rule.fall) * before:
            return Warmth(done, True)
        before = median
    return Warmth(done, False)


def measure(
    calls: Mapping[Key, Callable[[Item], object]],
    items: Sequence[Item],
    *,
    runs: int = 50,
    groups: Sequence[Sequence[Key]] | None = None,
    seed: int = 0,
    process: int = 0,
    clock: Clock = time.perf_counter_ns,
    progress: Progress = unheard,
    between: Callable[[int], None] = unheard,
) -> dict[Key, tuple[LatencySample, ...]]:
    """Time every call, the calls taking turns.

    There are ``runs`` blocks. In each, every call runs once on the same item, with the garbage collector off; the order
    of the groups is random, and so is that of the calls in a group. Right after another group, a call would find cold
    caches and threads that still spin for that group: so the group's last call runs once before, untimed.

    Args:
        calls: what to time, by key, warmed up; each must return only when its result is ready.
        items: what the calls take, e.g. float32 batches (1, height, width, channels); block ``i`` uses item ``i``
            modulo their number.
        runs: timed calls of each.
        groups: keys of calls, each in one group, e.g. the models of one runtime; ``None`` puts all into one.
        seed: of the order within the blocks.
        process: recorded as it is.
        clock: for tests.
        progress: is told of every block.
        between: is called after every block with the number of calls timed so far.

    Returns:
        ``runs`` samples by key, in the order taken; the orders are unique over all keys.

    Raises:
        FerBenchError: no calls, no items, or ``runs`` below 1.
    """
    if not calls or len(items) == 0:
        raise FerBenchError("nothing to time: name at least one model and one image")
    if runs < 1:
        raise FerBenchError(f"runs = {runs}; expected at least 1")
    groups = groups or [list(calls)]
    rng = np.random.default_rng(seed)
    samples: dict[Key, list[LatencySample]] = {key: [] for key in calls}
    order = 0
    for run in range(runs):
        item = items[run % len(items)]
        with no_garbage_collection():
            for group in rng.permutation(len(groups)):
                keys = [groups[group][index] for index in rng.permutation(len(groups[group]))]
                if len(groups) > 1:
                    calls[keys[-1]](item)
                for key in keys:
                    seconds = _seconds(calls[key], item, clock)
                    samples[key].append(LatencySample(order=order, seconds=seconds, process=process))
                    order += 1
        between(order)
        progress("timing", run + 1, runs)
    return {key: tuple(taken) for key, taken in samples.items()}


def measure_in_turn(
    calls: Sequence[Callable[[Item], object]],
    items: Sequence[Item],
    *,
    runs: int,
    clock: Clock = time.perf_counter_ns,
) -> list[list[float]]:
    """Time one call after the other, as is usual: for the A/A check only.

    Returns:
        The seconds of ``runs`` calls of each.
    """
    with no_garbage_collection():
        return [[_seconds(call, items[run % len(items)], clock) for run in range(runs)] for call in calls]


def _seconds(call: Callable[[Item], object], item: Item, clock: Clock) -> float:
    start = clock()
    call(item)
    return (clock() - start) / 1e9


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep Python's garbage collector off inside the block."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
