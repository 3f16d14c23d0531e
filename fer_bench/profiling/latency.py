"""Single-image inference times, taken so that drift of the machine does not become a difference between models.

The paper times 50 single-sample predictions a model, model after model (Table 6). A machine that gets warmer or
busier meanwhile slows whatever comes last. Here the models take turns: blocks of one call each, in random order.
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.errors import FerBenchError
from fer_bench.records import LatencySample

Progress = Callable[[str, int, int], None]
"""``progress(step, done, total)``; called outside the timed calls, ``done`` from 1 to ``total`` within a step."""


def measure(
    calls: Mapping[str, Callable[[NDArray[np.float32]], object]],
    images: NDArray[np.float32],
    *,
    runs: int = 50,
    warmup: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, tuple[LatencySample, ...]]:
    """Time every call on single images.

    First every call runs ``warmup`` times untimed. Then follow ``runs`` blocks; in each, every call runs once, in
    a random order and on the same image, with the garbage collector off.

    Args:
        calls: what to time, by name; each takes a float32 batch (1, height, width, channels) and must return only
            when its result is there.
        images: float32 (n, height, width, channels); block ``i`` uses image ``i`` modulo ``n``.
        runs: timed calls of each.
        warmup: untimed calls of each.
        seed: of the order within the blocks.
        progress: is told of every warm-up and every block.

    Returns:
        ``runs`` samples by name, in the order taken; the orders are unique over all names.

    Raises:
        FerBenchError: no calls, ``runs`` below 1, ``warmup`` below 0, or images of another shape or type.
    """
    if not calls:
        raise FerBenchError("nothing to time: name at least one model")
    if runs < 1 or warmup < 0:
        raise FerBenchError(f"runs = {runs} and warmup = {warmup}; expected at least 1 and 0")
    if images.ndim != 4 or len(images) == 0 or images.dtype != np.float32:
        raise FerBenchError(
            f"images of the shape {images.shape} and type {images.dtype}; expected float32 (n, height, width, channels)"
        )
    batches = [np.ascontiguousarray(images[i : i + 1]) for i in range(min(len(images), max(runs, warmup)))]
    names = list(calls)
    for done, name in enumerate(names, start=1):
        for run in range(warmup):
            calls[name](batches[run % len(batches)])
        if progress:
            progress("warming up", done, len(names))
    rng = np.random.default_rng(seed)
    samples: dict[str, list[LatencySample]] = {name: [] for name in names}
    order = 0
    for run in range(runs):
        batch = batches[run % len(batches)]
        with _no_garbage_collection():
            for index in rng.permutation(len(names)):
                name = names[index]
                samples[name].append(LatencySample(order=order, seconds=_seconds(calls[name], batch)))
                order += 1
        if progress:
            progress("timing", run + 1, runs)
    return {name: tuple(taken) for name, taken in samples.items()}


def _seconds(call: Callable[[NDArray[np.float32]], Any], batch: NDArray[np.float32]) -> float:
    start = time.perf_counter_ns()
    call(batch)
    return (time.perf_counter_ns() - start) / 1e9


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
