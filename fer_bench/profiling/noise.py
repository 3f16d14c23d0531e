"""Warnings of a noisy machine, each with its number: what a reader must know before believing a difference."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from fer_bench.profiling.summary import SMALLEST_MODES, autocorrelation, drift, effective_size, two_modes
from fer_bench.records import LatencySample, ProfileRecord

DRIFT = 0.05
"""Drift over a run, as a fraction of the median, that is worth a warning where Spearman's p is below 0.001."""
DRIFT_P = 0.001
CORRELATION = 3.0
"""Standard errors (1 / √n) of a lag-1 autocorrelation that is worth a warning."""
SMALLEST = 20
"""Calls of a process below which trends are not judged."""
FREQUENCY = 0.05
"""Range of the clock frequency, as a fraction of its median."""
OTHERS = 0.10
"""Mean share of the cores that other processes take."""

_Finding = tuple[float, str]
"""Severity, and the warning."""


def series_warnings(record: ProfileRecord) -> list[str]:
    """Return the warnings of a model's times, runtime by runtime, each beginning with the runtime's name."""
    lines = []
    for runtime, samples in record.latency.items():
        series = by_process(samples)
        for look in (_drift, _correlation, _modes):
            lines += [f"{runtime}: {text}" for text in _worst(look, series)]
        if runtime in record.unsteady:
            most = max(record.warmups.get(runtime, (record.warmup,)))
            lines.append(f"{runtime}: still getting faster after {most} untimed calls")
    return lines


def judged(record: ProfileRecord) -> tuple[list[str], list[str]]:
    """Return the signs of noise that were looked for in a profile, and those that could not be, with the reason."""
    calls = min(
        (len(taken) for samples in record.latency.values() for taken in by_process(samples).values()), default=0
    )
    few = f"{calls} calls a process, fewer than"
    seen = {
        "drift": calls >= SMALLEST or f"{few} {SMALLEST}",
        "autocorrelation": calls >= SMALLEST or f"{few} {SMALLEST}",
        "second mode": calls >= SMALLEST_MODES or f"{few} {SMALLEST_MODES}",
        "change of frequency": any(look.mhz for look in record.machine) or "the system does not tell it",
        "load": any(look.others is not None for look in record.machine)
        or "the system does not tell it, or not in so short a time",
    }
    return (
        [name for name, told in seen.items() if told is True],
        [f"{name} ({told})" for name, told in seen.items() if told is not True],
    )


def by_process(samples: Iterable[LatencySample]) -> dict[int, list[float]]:
    """Return the seconds of each process, in the order taken."""
    found: dict[int, list[float]] = {}
    for sample in sorted(samples, key=lambda sample: sample.order):
        found.setdefault(sample.process, []).append(sample.seconds)
    return found


def _worst(look: Callable[[Sequence[float]], _Finding | None], series: dict[int, list[float]]) -> list[str]:
    findings = [(found, process) for process, seconds in series.items() if (found := look(seconds))]
    if not findings:
        return []
    (_, text), process = max(findings)
    where = f" (process {process}; seen in {len(findings)} of {len(series)} processes)" if len(series) > 1 else ""
    return [text + where]


def _drift(seconds: Sequence[float]) -> _Finding | None:
    if len(seconds) < SMALLEST:
        return None
    found = drift(seconds)
    if found.p >= DRIFT_P or abs(found.relative) <= DRIFT:
        return None
    p = "p < 1e-9" if found.p < 1e-9 else f"p = {found.p:.1g}"
    text = f"drifts by {found.relative:+.1%} of its median over the run (Theil-Sen; Spearman's {p})"
    return abs(found.relative), text


def _correlation(seconds: Sequence[float]) -> _Finding | None:
    n = len(seconds)
    if n < SMALLEST:
        return None
    found = autocorrelation(seconds)
    if found <= CORRELATION / np.sqrt(n):
        return None
    return found, (
        f"a call resembles the one before it (lag-1 autocorrelation of the ranks {found:.2f}): "
        f"{n} calls are worth about {effective_size(n, found):.0f}"
    )


def _modes(seconds: Sequence[float]) -> _Finding | None:
    found = two_modes(seconds)
    if found is None:
        return None
    return found.high / found.low, (
        f"falls into two groups, about {1e3 * found.low:.2f} and {1e3 * found.high:.2f} ms, "
        f"{found.share:.0%} of the calls in the slower one (valley between them): the mean describes neither"
    )


def machine_warnings(record: ProfileRecord) -> list[str]:
    """Return the warnings about the machine during the session; they are the same for each of its models."""
    lines = []
    clocks = [look.mhz for look in record.machine if look.mhz]
    if clocks:
        low, middle, high = min(clocks), float(np.median(clocks)), max(clocks)
        if high - low > FREQUENCY * middle:
            lines.append(
                f"the clock frequency changed between {low:.0f} and {high:.0f} MHz ({(high - low) / middle:.0%} of its "
                "median)"
            )
    others = [look.others for look in record.machine if look.others is not None]
    cores = record.environment.cores
    if others and np.mean(others) > OTHERS * cores:
        lines.append(
            f"other processes kept {np.mean(others):.2f} of {cores} cores busy on average, {max(others):.2f} at most"
        )
    return lines
