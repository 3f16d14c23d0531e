"""Images a second in batches of 1 to 64."""

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fer_bench.profiling.latency import Clock, Key, Progress, measure
from fer_bench.progress import unheard

SIZES = (1, 2, 4, 8, 16, 32, 64)
RUNS = 5
"""Timed batches of each size."""


def measure_throughput(
    calls: Mapping[Key, Callable[[NDArray[np.float32]], object]],
    images: NDArray[np.float32],
    *,
    seed: int = 0,
    clock: Clock = time.perf_counter_ns,
    progress: Progress = unheard,
) -> dict[Key, dict[str, tuple[float, ...]]]:
    """Time whole batches of each of :data:`SIZES`, the calls taking turns; two untimed batches before.

    Args:
        calls: by key; each takes any number of images.
        images: float32 (n, height, width, 3), repeated to fill a batch.
        seed: of the order.
        clock: for tests.
        progress: is told of every size.

    Returns:
        Seconds of :data:`RUNS` batches by key and batch size, the size in digits.
    """
    taken: dict[Key, dict[str, tuple[float, ...]]] = {key: {} for key in calls}
    for done, size in enumerate(SIZES, start=1):
        batch = np.ascontiguousarray(images[np.arange(size) % len(images)])
        for call in calls.values():
            call(batch)
            call(batch)
        samples = measure(calls, [batch], runs=RUNS, seed=seed + size, clock=clock)
        for key, own in samples.items():
            taken[key][str(size)] = tuple(sample.seconds for sample in own)
        progress("throughput", done, len(SIZES))
    return taken
