"""The A/A check: one model under two names, again and again. A comparison that calls them different is wrong.

Usually model is timed after model and compared by one-way ANOVA at 5 %, as in the paper. With independent calls that
finds a difference where there is none in 5 % of the experiments; on a machine that drifts, in many more. In randomised
blocks the same model under two names differs only by chance, whatever the machine does.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from fer_bench import backend
from fer_bench.accuracy.intervals import wilson
from fer_bench.anova_result import ALPHA
from fer_bench.errors import FerBenchError
from fer_bench.profiling.building import built_model, opened
from fer_bench.profiling.frames import jpeg_faces, network_image
from fer_bench.profiling.latency import Clock, Progress, measure, measure_in_turn, warm_up
from fer_bench.profiling.plan import Plan
from fer_bench.profiling.summary import anova_p, repeated_measures_p
from fer_bench.progress import unheard
from fer_bench.runtimes import keras_threads, runtime

Item = TypeVar("Item")

ONE_COPY = "one copy"
"""Both names call the same prepared model: only the times of the calls differ."""
TWO_COPIES = "two copies"
"""Each name has its own copy of the model: where the copies lie in memory may make a difference that only fresh
processes can average out."""
IN_TURN = "one after the other"
BLOCKS = "randomised blocks"
ANOVA = "one-way ANOVA"
REPEATED = "repeated-measures ANOVA"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often one test called the model different from itself."""

    copies: str
    """:data:`ONE_COPY` or :data:`TWO_COPIES`."""
    design: str
    """:data:`IN_TURN`, model after model, or :data:`BLOCKS`, as fer-bench does."""
    test: str
    positives: int
    experiments: int

    @property
    def rate(self) -> float:
        """False positives, as a fraction of the experiments."""
        return self.positives / self.experiments

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the rate."""
        return wilson(self.positives, self.experiments)


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """The outcome of an A/A check."""

    model: str
    runtime: str
    experiments: int
    runs: int
    """Calls of each name in an experiment."""
    alpha: float
    rates: tuple[Rate, ...]

    @property
    def passed(self) -> bool:
        """Whether the interleaved comparison of one copy keeps the level: no interval wholly above alpha."""
        own = [rate for rate in self.rates if rate.copies == ONE_COPY and rate.design == BLOCKS]
        return all(rate.interval[0] <= self.alpha for rate in own)


def false_positives(
    call: Callable[[Item], object],
    other: Callable[[Item], object],
    items: Sequence[Item],
    *,
    experiments: int = 100,
    runs: int = 20,
    alpha: float = ALPHA,
    seed: int = 0,
    clock: Clock = time.perf_counter_ns,
    progress: Progress = unheard,
) -> tuple[Rate, ...]:
    """Run many small experiments, each in both designs in random order, and count significant differences.

    Three names are timed: two of ``call``, one of ``other``. In both designs, the second is compared with the first
    and with the third.

    Args:
        call: a warm call.
        other: a warm call of another copy of the same model.
        items: what the calls take.
        experiments: of each design.
        runs: calls of each name in an experiment.
        alpha: level of the tests.
        seed: of every random order.
        clock: for tests.
        progress: is told of every experiment.

    Raises:
        FerBenchError: fewer than one experiment, or fewer than two calls a name, too few for a test.
    """
    if experiments < 1 or runs < 2:
        raise FerBenchError(f"{experiments} experiments of {runs} calls; expected at least 1 of at least 2")
    rng = np.random.default_rng(seed)
    names = {"first": call, "second": call, "other": other}
    in_turn = np.empty((experiments, len(names), runs))
    blocks = np.empty_like(in_turn)
    for number in range(experiments):
        for in_blocks in rng.permutation([False, True]):
            if in_blocks:
                samples = measure(names, items, runs=runs, seed=int(rng.integers(2**31)), clock=clock)
                blocks[number] = [[sample.seconds for sample in samples[name]] for name in names]
            else:
                in_turn[number] = measure_in_turn(list(names.values()), items, runs=runs, clock=clock)
        progress("experiments", number + 1, experiments)

    def rate(copies: str, design: str, test: str) -> Rate:
        taken = in_turn if design == IN_TURN else blocks
        p = (anova_p if test == ANOVA else repeated_measures_p)(taken[:, 1], taken[:, 0 if copies == ONE_COPY else 2])
        return Rate(copies=copies, design=design, test=test, positives=int((p < alpha).sum()), experiments=experiments)

    compared = ((IN_TURN, ANOVA), (BLOCKS, ANOVA), (BLOCKS, REPEATED))
    return tuple(rate(copies, design, test) for copies in (ONE_COPY, TWO_COPIES) for design, test in compared)


def self_test(
    model: str,
    runtime_name: str,
    plan: Plan,
    *,
    folder: Path,
    experiments: int,
    progress: Progress,
) -> SelfTest:
    """Check a registered model against itself on this machine.

    Args:
        model: a registered model.
        runtime_name: a runtime that can run here.
        plan: its ``runs``, ``threads``, ``image_size``, ``steady`` and ``seed`` are followed.
        folder: for converted files.
        experiments: of each design.
        progress: see :data:`fer_bench.profiling.latency.Progress`.

    Raises:
        FerBenchError: no such model or runtime, or as :func:`false_positives`.
    """
    plan.check()
    way = runtime(runtime_name)
    backend.configure()
    keras_threads.pin(plan.threads_each)
    images = [network_image(data, plan.image_size) for data in jpeg_faces(8, plan.seed)]
    every = np.concatenate(images)
    calls = []
    for done in (1, 2):
        built = built_model(model, plan)
        calls.append(opened(way.source(built, folder, every), model, way, plan, every))
        warm_up(calls[-1], images, plan.steady)
        progress("building", done, 2)
    rates = false_positives(
        calls[0],
        calls[1],
        images,
        experiments=experiments,
        runs=plan.runs,
        alpha=ALPHA,
        seed=plan.seed,
        progress=progress,
    )
    return SelfTest(
        model=model, runtime=runtime_name, experiments=experiments, runs=plan.runs, alpha=ALPHA, rates=rates
    )
