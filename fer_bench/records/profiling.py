"""The record of a profile."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fer_bench.errors import FerBenchError
from fer_bench.records.environment import Environment
from fer_bench.records.identity import profile_stem
from fer_bench.records.provenance import External, Origin


@dataclass(frozen=True, kw_only=True)
class LatencySample:
    """One timed call."""

    order: int
    """Position among all timed calls of the session, from 0; models take turns in a random order."""
    seconds: float
    process: int = 0
    """Number of the measuring process, from 0: calls of one process are not independent replicates."""


@dataclass(frozen=True, kw_only=True)
class MachineSample:
    """A look at the machine between two blocks of timed calls."""

    process: int
    order: int
    """Calls timed so far in that process."""
    mhz: float | None = None
    """Mean clock frequency of the cores; ``None`` where the system does not report it."""
    others: float | None = None
    """Number of cores that other processes kept busy since the last look that tells it; ``None`` where the system does
    not report it, or the time was too short."""


@dataclass(frozen=True, kw_only=True)
class ProfileRecord:
    """Complexity of one model: parameters, FLOPs, inference time (paper, Table 6)."""

    kind: ClassVar[str] = "profile"

    model: str
    origin: Origin
    """``synthetic`` where measured within a synthetic demo run."""
    backend: str
    image_size: int
    classes: int
    trainable_parameters: int
    non_trainable_parameters: int
    flops_paper_rule: int | None
    """By the rule of the paper's figures: a multiply-add counts two, batch norm and activations nothing. ``None`` where
    the rule does not know one of the model's operations."""
    session: str
    """Names the measuring session: latencies are compared within one session only."""
    warmup: int
    """Untimed calls before the first timed one, of the runtime with the fewest."""
    latency: dict[str, tuple[LatencySample, ...]]
    """Single-image calls by runtime: ``keras-predict``, ``keras-call`` (the compiled function) ..."""
    threads: dict[str, int]
    environment: Environment
    flops: int | None = None
    """By our rule (``profiling.complexity.RULE``); absent from older records, like all that follows."""
    weight_bytes: int | None = None
    peak_activation_bytes: int | None = None
    """See ``profiling.complexity.PEAK_RULE``."""
    warmups: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    """Untimed calls by runtime, one number for each process."""
    unsteady: tuple[str, ...] = ()
    """Runtimes that, in at least one process, were still getting faster when their warm-up reached its limit."""
    throughput: dict[str, dict[str, tuple[float, ...]]] = dataclasses.field(default_factory=dict)
    """Seconds of whole batches by runtime and batch size (in digits)."""
    end_to_end: dict[str, tuple[LatencySample, ...]] = dataclasses.field(default_factory=dict)
    """From a JPEG file's bytes to probabilities, one picture a call, by runtime; their ``order`` is
    counted apart from that of :attr:`latency`."""
    resident_bytes: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """In older records only, and not to be compared: the growth of the measuring process, which also ran converters
    and held earlier models. :attr:`memory` replaces it."""
    machine: tuple[MachineSample, ...] = ()
    """The same in every record of the session."""
    external: External | None = None
    """Set for a model that came as a file: all its parameters then count as trainable, since the file does not tell,
    and ``image_size`` is the height of its own input."""
    memory: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """Resident set of a fresh process by runtime, bytes: before it opened the model, and the peak until it had answered
    one image; see ``profiling.memory.MEMORY_RULE``."""
    uncounted: str = ""
    """Why FLOPs and the peak of the activations are unknown; empty where they are known, and for an external model."""

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return profile_stem(self.model, self.backend)

    def check(self, where: str) -> None:
        """Refuse a record with a value that cannot have been counted or measured."""
        counts = {
            name: getattr(self, name)
            for name in (
                *("trainable_parameters", "non_trainable_parameters", "flops_paper_rule", "flops"),
                *("weight_bytes", "peak_activation_bytes", "warmup"),
            )
        }
        counts |= {f"resident_bytes of {name}": min(both) for name, both in self.resident_bytes.items()}
        counts |= {f"memory of {name}": min(both) for name, both in self.memory.items()}
        counts |= {f"memory of {name}, peak over before,": peak - least for name, (least, peak) in self.memory.items()}
        for name, count in counts.items():
            if count is not None and count < 0:
                raise FerBenchError(f"{where}: {name} is {count}, expected at least 0")
        if self.image_size < 1 or self.classes < 1:
            raise FerBenchError(f"{where}: images of {self.image_size} pixels, {self.classes} classes")
        for calls in (self.latency, self.end_to_end):
            for runtime, samples in calls.items():
                _require_times(f"{where}: {runtime}", [sample.seconds for sample in samples])
                if len({(sample.process, sample.order) for sample in samples}) < len(samples):
                    raise FerBenchError(f"{where}: {runtime} has two calls of the same order in a process")
        for runtime, batches in self.throughput.items():
            for size, seconds in batches.items():
                _require_times(f"{where}: throughput of {runtime}, batch {size}", seconds)


def _require_times(where: str, seconds: Sequence[float]) -> None:
    if any(value <= 0 for value in seconds):
        raise FerBenchError(f"{where}: a time of {min(seconds)} s, expected more than 0")
