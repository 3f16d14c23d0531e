"""A profile as plain data for ``fer-bench profile --json``: the samples, and what they say."""

import dataclasses
from typing import Any

import numpy as np

from fer_bench.profiling.complexity import PAPER_RULE, PEAK_RULE, RULE, Complexity
from fer_bench.profiling.memory import MEMORY_RULE
from fer_bench.profiling.noise import by_process, machine_warnings, series_warnings
from fer_bench.profiling.self_test import SelfTest
from fer_bench.profiling.summary import summarise
from fer_bench.records import LatencySample, ProfileRecord

RULES = {
    "flops": RULE,
    "flops_paper_rule": PAPER_RULE,
    "peak_activation_bytes": PEAK_RULE,
    "memory": MEMORY_RULE,
}
"""How the figures of the same names are counted."""


def profile_json(record: ProfileRecord) -> dict[str, Any]:
    """Return a profile; times in seconds, memory in bytes."""
    return {
        "model": record.model,
        "backend": record.backend,
        "external": None if record.external is None else dataclasses.asdict(record.external),
        "image_size": record.image_size,
        "classes": record.classes,
        "trainable_parameters": record.trainable_parameters,
        "non_trainable_parameters": record.non_trainable_parameters,
        "total_parameters": record.trainable_parameters + record.non_trainable_parameters,
        "weight_bytes": record.weight_bytes,
        "peak_activation_bytes": record.peak_activation_bytes,
        "flops": record.flops,
        "flops_paper_rule": record.flops_paper_rule,
        "uncounted": record.uncounted,
        "session": record.session,
        "environment": dataclasses.asdict(record.environment),
        "threads": record.threads,
        "latency": {
            runtime: {
                **_series(samples),
                "warmup": list(record.warmups.get(runtime, (record.warmup,))),
                "steady": runtime not in record.unsteady,
            }
            for runtime, samples in record.latency.items()
        },
        "throughput": {
            runtime: {
                size: {"images_per_second": int(size) / float(np.median(seconds)), "seconds": list(seconds)}
                for size, seconds in sizes.items()
            }
            for runtime, sizes in record.throughput.items()
        },
        "end_to_end": {
            runtime: {"frames_per_second": 1 / summarise(_seconds(samples)).median, **_series(samples)}
            for runtime, samples in record.end_to_end.items()
        },
        "memory": {
            runtime: {"process": peak, "model_and_runtime": peak - before}
            for runtime, (before, peak) in record.memory.items()
        },
        "machine": [dataclasses.asdict(look) for look in record.machine],
        "warnings": [*machine_warnings(record), *series_warnings(record)],
        "rules": RULES,
    }


def _seconds(samples: tuple[LatencySample, ...]) -> list[float]:
    return [sample.seconds for sample in samples]


def _series(samples: tuple[LatencySample, ...]) -> dict[str, Any]:
    found = dataclasses.asdict(summarise(_seconds(samples)))
    return {
        **{key: list(value) if isinstance(value, tuple) else value for key, value in found.items()},
        "process_means": [float(np.mean(seconds)) for _, seconds in sorted(by_process(samples).items())],
        "samples": [
            {"order": sample.order, "process": sample.process, "seconds": sample.seconds}
            for sample in sorted(samples, key=lambda sample: sample.order)
        ],
    }


def complexity_json(model: str, found: Complexity, image_size: int) -> dict[str, Any]:
    """Return the complexity of a model with its layers."""
    return {
        "model": model,
        "image_size": image_size,
        "trainable_parameters": found.trainable_parameters,
        "non_trainable_parameters": found.non_trainable_parameters,
        "total_parameters": found.trainable_parameters + found.non_trainable_parameters,
        "weight_bytes": found.weight_bytes,
        "peak_activation_bytes": found.peak_activation_bytes,
        "multiply_adds": found.multiply_adds,
        "flops": found.flops,
        "flops_paper_rule": found.flops_paper_rule,
        "layers": [{**dataclasses.asdict(layer), "output_shape": list(layer.output_shape)} for layer in found.layers],
        "rules": {key: rule for key, rule in RULES.items() if key != "memory"},
    }


def self_test_json(found: SelfTest) -> dict[str, Any]:
    """Return the outcome of an A/A check."""
    return {
        "model": found.model,
        "runtime": found.runtime,
        "experiments": found.experiments,
        "runs": found.runs,
        "alpha": found.alpha,
        "rates": [
            {
                "copies": rate.copies,
                "design": rate.design,
                "test": rate.test,
                "positives": rate.positives,
                "rate": rate.rate,
                "interval": list(rate.interval),
            }
            for rate in found.rates
        ],
        "passed": found.passed,
    }
