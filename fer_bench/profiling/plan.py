"""What a measuring session measures."""

from dataclasses import dataclass, field

from fer_bench.errors import FerBenchError
from fer_bench.profiling.latency import Steady

KERAS_RUNTIMES = ("keras-predict", "keras-call")
"""The runtimes that need no conversion."""

ONE_SIZE = "every model of a session is built for the same size, so that figures compare; choose another model"
"""Advice about a model that does not take images of the session's size, which no recipe sets."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A measuring session; plain data, so that another process can follow it."""

    runs: int = 50
    """Timed single-image calls of each model in each runtime and process."""
    runtimes: tuple[str, ...] | None = None
    """Names in :func:`fer_bench.runtimes.available`; ``None`` takes all that are installed."""
    threads: int | None = None
    """Threads of every runtime; ``None`` takes one per core."""
    processes: int = 1
    """The measurement is repeated in this many fresh processes, one after the other; 1 measures in this one."""
    throughput: bool = False
    """Also time batches, in the first process."""
    end_to_end: bool = False
    """Also time from the bytes of a JPEG file to probabilities, in the first process."""
    memory: bool = False
    """Also measure the memory of fresh processes that open the models (:mod:`fer_bench.profiling.memory`)."""
    image_size: int = 224
    classes: int = 7
    steady: Steady = field(default_factory=Steady)
    seed: int = 0
    """Of weights, pictures and the order of calls."""

    @property
    def threads_each(self) -> int:
        """Threads of every runtime, in this process."""
        from fer_bench.runtimes import keras_threads

        return self.threads or keras_threads.unasked()

    @property
    def runtime_names(self) -> tuple[str, ...]:
        """Names of the runtimes that are measured: those asked for, or all that are installed."""
        from fer_bench.runtimes import available

        if self.runtimes is not None:
            return self.runtimes
        return tuple(name for name, item in available().items() if not item.missing())

    def check(self) -> None:
        """Refuse what cannot be measured.

        Raises:
            FerBenchError: a count below 1; no runtime, or one that is named twice, unknown, or without its package.
        """
        from fer_bench.runtimes import runtime

        for name in ("runs", "processes", "threads", "image_size", "classes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise FerBenchError(f"{name} = {value}; expected at least 1")
        if self.runtimes is not None and len(set(self.runtimes)) != len(self.runtimes):
            raise FerBenchError(f"runtimes {', '.join(self.runtimes)}: each can be measured only once a session")
        if self.runtimes == ():
            raise FerBenchError("no runtime to measure in: name at least one")
        for name in self.runtimes or ():
            runtime(name)
