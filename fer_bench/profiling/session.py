"""One measuring session in this process: models built, opened in every runtime, warmed up and timed in turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fer_bench import backend, compute
from fer_bench.environment import describe
from fer_bench.external.profiling import ExternalSource
from fer_bench.profiling.building import Built, Call, build, chosen_runtimes, open_external
from fer_bench.profiling.frames import jpeg_faces, network_image
from fer_bench.profiling.latency import Progress, Warmth, measure, warm_up
from fer_bench.profiling.machine import Watch
from fer_bench.profiling.memory import note_files
from fer_bench.profiling.plan import Plan
from fer_bench.profiling.throughput import measure_throughput
from fer_bench.progress import unheard
from fer_bench.records import Environment, LatencySample, MachineSample, Origin, ProfileRecord
from fer_bench.runtimes import keras_threads

_IMAGES = 8
"""Pictures that the calls take in turn."""
_LOOKS = 20
"""Approximate number of looks at the machine in a session."""


class ModelInRuntime(NamedTuple):
    """Tells a call of the session from the others."""

    model: str
    runtime: str


def measure_session(
    names: Sequence[str],
    plan: Plan,
    *,
    folder: Path,
    session: str,
    process: int = 0,
    origin: Origin,
    progress: Progress = unheard,
    externals: Mapping[str, ExternalSource],
) -> list[ProfileRecord]:
    """Profile models together in this process, so that their inference times can be compared.

    FLOPs and the time of dense operations do not depend on the values of the weights, so these are random.

    Args:
        names: registered models and those of ``externals``, each once.
        plan: what to measure; its ``processes`` does not matter here.
        folder: for converted files; where the plan has ``memory``, the first process leaves a list of them there.
        session: recorded as it is.
        process: number of this process, from 0; batches and whole pictures are timed in the first only.
        origin: recorded as it is.
        progress: see :data:`fer_bench.profiling.latency.Progress`.
        externals: by name; timed in ONNX Runtime, on their own input, and not in batches.

    Returns:
        One record a model, in the order of ``names``.

    Raises:
        FerBenchError: as :func:`built_model` and :func:`opened`, or a runtime is not available.
    """
    own = chosen_runtimes(plan.runtime_names)
    chosen = backend.configure()
    keras_threads.pin(plan.threads_each)
    files = jpeg_faces(_IMAGES, plan.seed)
    images = np.concatenate([network_image(data, plan.image_size) for data in files])
    batches = [np.ascontiguousarray(images[row : row + 1]) for row in range(len(images))]
    built = []
    for done, name in enumerate(names, start=1):
        source = externals.get(name)
        if source is not None:
            built.append(open_external(source, list(own), plan, files))
        else:
            built.append(build(name, own, plan, folder, images, batches, process))
        progress("building", done, len(names))
    if plan.memory and process == 0:
        note_files(folder, {item.name: item.files for item in built})
    calls = {ModelInRuntime(item.name, name): item.timed(name) for item in built for name in own if name in item.calls}
    groups = [[ModelInRuntime(item.name, name) for item in built if name in item.calls] for name in own]
    groups = [group for group in groups if group]
    numbers = range(len(images))
    warmth = {}
    for done, (key, call) in enumerate(calls.items(), start=1):
        warmth[key] = warm_up(call, numbers, plan.steady)
        progress("warming up", done, len(calls))
    watch = Watch(process)
    looks = max(1, plan.runs // _LOOKS) * len(calls)
    samples = measure(
        calls,
        numbers,
        runs=plan.runs,
        groups=groups,
        seed=plan.seed + process,
        process=process,
        progress=progress,
        between=lambda order: watch.look(order) if order % looks == 0 or order == plan.runs * len(calls) else None,
    )
    whole: dict[ModelInRuntime, tuple[LatencySample, ...]] = {}
    if plan.end_to_end and process == 0:
        whole = _end_to_end(built, groups, files, plan, progress)
    batched: dict[ModelInRuntime, dict[str, tuple[float, ...]]] = {}
    trained = [item for item in built if item.source is None]
    if plan.throughput and process == 0 and trained:
        able = {ModelInRuntime(item.name, name): item.calls[name] for item in trained for name in own}
        batched = measure_throughput(able, images, seed=plan.seed, progress=progress)
    measured = _Measured(
        samples=samples,
        warmth=warmth,
        batched=batched,
        whole=whole,
        machine=tuple(watch.seen),
        threads={"each": plan.threads_each, **compute.threads()},
        environment=describe(backend.devices(), [item.name for item in built if item.source is None]),
    )
    return [_record(item, measured, plan, backend=chosen, session=session, origin=origin) for item in built]


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What a session measured."""

    samples: Mapping[ModelInRuntime, tuple[LatencySample, ...]]
    warmth: Mapping[ModelInRuntime, Warmth]
    batched: Mapping[ModelInRuntime, dict[str, tuple[float, ...]]]
    whole: Mapping[ModelInRuntime, tuple[LatencySample, ...]]
    machine: tuple[MachineSample, ...]
    threads: dict[str, int]
    environment: Environment


def _record(
    item: Built, measured: _Measured, plan: Plan, *, backend: str, session: str, origin: Origin
) -> ProfileRecord:
    """Return the record of one model of a session."""
    keys = {name: ModelInRuntime(item.name, name) for name in item.calls}
    warmth = {name: measured.warmth[key] for name, key in keys.items()}
    return ProfileRecord(
        model=item.name,
        origin=origin,
        backend=backend,
        image_size=item.source.model.image.height if item.source else plan.image_size,
        classes=plan.classes,
        trainable_parameters=item.costs.trainable_parameters,
        non_trainable_parameters=item.costs.non_trainable_parameters,
        flops_paper_rule=item.costs.flops_paper_rule,
        session=session,
        warmup=min(found.calls for found in warmth.values()),
        latency={name: measured.samples[key] for name, key in keys.items()},
        threads=measured.threads,
        environment=measured.environment,
        flops=item.costs.flops,
        weight_bytes=item.costs.weight_bytes,
        peak_activation_bytes=item.costs.peak_activation_bytes,
        warmups={name: (found.calls,) for name, found in warmth.items()},
        unsteady=tuple(name for name, found in warmth.items() if not found.steady),
        throughput={name: measured.batched[key] for name, key in keys.items() if key in measured.batched},
        end_to_end={name: measured.whole[key] for name, key in keys.items() if measured.whole},
        machine=measured.machine,
        external=item.source.external if item.source else None,
        uncounted=item.costs.uncounted,
    )


def _end_to_end(
    built: Sequence[Built],
    groups: Sequence[Sequence[ModelInRuntime]],
    files: Sequence[bytes],
    plan: Plan,
    progress: Progress,
) -> dict[ModelInRuntime, tuple[LatencySample, ...]]:
    """Time from the bytes of a JPEG file to probabilities, one picture a call."""
    from fer_bench.datasets.decoding import one_opencv_thread

    def whole(item: Built, call: Call) -> Callable[[bytes], object]:
        return lambda data: call(item.image(data))

    ways = {ModelInRuntime(item.name, name): whole(item, call) for item in built for name, call in item.calls.items()}
    with one_opencv_thread():
        for done, way in enumerate(ways.values(), start=1):
            warm_up(way, files, plan.steady)
            progress("warming up end to end", done, len(ways))
        return measure(ways, files, runs=plan.runs, groups=groups, seed=plan.seed, progress=progress)
