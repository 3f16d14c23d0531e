"""One measuring session in this process: models built, prepared in every runtime, warmed up and timed in turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend
from fer_bench.environment import describe
from fer_bench.errors import FerBenchError
from fer_bench.external.profiling import RUNTIME as EXTERNAL_RUNTIME
from fer_bench.external.profiling import ExternalSource, require_runtime
from fer_bench.models import model_card
from fer_bench.network import count_parameters
from fer_bench.profiling.complexity import Complexity, complexity, weight_bytes
from fer_bench.profiling.frames import jpeg_faces, network_image
from fer_bench.profiling.latency import Progress, measure, warm_up
from fer_bench.profiling.machine import Watch, resident_bytes
from fer_bench.profiling.plan import ONE_SIZE, Plan
from fer_bench.profiling.throughput import measure_throughput
from fer_bench.progress import warn
from fer_bench.records import LatencySample, Origin, ProfileRecord
from fer_bench.runtimes import Runtime, available, keras_threads, runtime

Call = Callable[[NDArray[Any]], NDArray[Any]]

_IMAGES = 8
"""Pictures to take turns with."""
_LOOKS = 20
"""Looks at the machine in a session, about."""


@dataclass(frozen=True, kw_only=True)
class _Costs:
    """What a model costs; ``None`` is not known, of an external one or where an operation is not."""

    trainable_parameters: int
    non_trainable_parameters: int
    weight_bytes: int
    flops_paper_rule: int | None
    flops: int | None
    peak_activation_bytes: int | None
    uncounted: str = ""
    """Why the FLOPs are not known of one that is not external; empty where they are."""


@dataclass
class _Built:
    """A model ready to be timed."""

    name: str
    costs: _Costs
    batches: list[NDArray[Any]]
    """One image each, as the calls take it."""
    image: Callable[[bytes], NDArray[Any]]
    """From the bytes of a picture's file to what the calls take."""
    source: ExternalSource | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    """By runtime."""
    resident: dict[str, tuple[int, int]] = field(default_factory=dict)

    def timed(self, runtime: str) -> Callable[[int], object]:
        """Return the call in a runtime of the image of a number."""
        call, batches = self.calls[runtime], self.batches
        return lambda number: call(batches[number])


def chosen_runtimes(names: Sequence[str] | None) -> dict[str, Runtime]:
    """Return the named runtimes, or all that are installed.

    Raises:
        FerBenchError: no runtime of a name, or a package that it needs is missing.
    """
    if names is not None:
        return {name: runtime(name) for name in names}
    return {name: item for name, item in available().items() if not item.missing()}


def built_model(name: str, plan: Plan) -> Any:
    """Return one registered model with random weights that depend on the plan's seed alone.

    Raises:
        FerBenchError: images too small for it, or parameters other than the card's.
    """
    import keras

    card = model_card(name)
    card.check_image_size(plan.image_size, advice=ONE_SIZE)
    keras.utils.set_random_seed(plan.seed)
    model = card.build(plan.image_size, plan.classes)
    counts = count_parameters(model)
    expected = (card.trainable_parameters, card.non_trainable_parameters)
    if plan.classes == 7 and counts != expected:
        raise FerBenchError(
            f"model {card.name!r} has {counts[0]:,} trainable and {counts[1]:,} other parameters; its card says "
            f"{expected[0]:,} and {expected[1]:,}: the architecture or the card has changed"
        )
    return model


def counted(name: str, model: Any) -> Complexity:
    """Return the complexity of a registered model.

    Raises:
        FerBenchError: an operation that the FLOPs rules do not know, or a graph that cannot be read.
    """
    try:
        return complexity(model)
    except FerBenchError as error:
        raise FerBenchError(f"FLOPs of the model {name!r} are not known: {error}") from error


def prepared_call(model: Any, name: str, item: Runtime, plan: Plan, folder: Path, images: NDArray[np.float32]) -> Call:
    """Return the call of a model in one runtime, after a first call that gave probabilities.

    Raises:
        FerBenchError: the runtime cannot take the model, or answers another shape or something that is not finite.
    """
    call = item.prepare(model, folder, plan.threads or keras_threads.unasked(), images)
    output = call(images[:1])
    if output.shape != (1, plan.classes) or not np.isfinite(output).all():
        raise FerBenchError(
            f"model {name!r} answers {output!r} in {item.name}; expected {plan.classes} finite probabilities"
        )
    return call


def measure_session(
    names: Sequence[str],
    plan: Plan,
    *,
    folder: Path,
    session: str,
    process: int = 0,
    origin: Origin = "real",
    progress: Progress | None = None,
    externals: Mapping[str, ExternalSource] | None = None,
) -> list[ProfileRecord]:
    """Profile models together in this process, so that their inference times can be compared.

    FLOPs and the time of dense operations do not depend on what the weights are, so random ones serve.

    Args:
        names: registered models and those of ``externals``, each once.
        plan: what to measure; its ``processes`` does not matter here.
        folder: for converted files.
        session: recorded as it is.
        process: number of this process, from 0; batches and whole pictures are timed in the first only.
        origin: recorded as it is.
        progress: see :data:`fer_bench.profiling.latency.Progress`.
        externals: by name; timed in ONNX Runtime, on their own input, and not in batches.

    Returns:
        One record a model, in the order of ``names``.

    Raises:
        FerBenchError: as :func:`built_model` and :func:`prepared_call`, or a runtime cannot be had.
    """
    own = chosen_runtimes(plan.runtimes)
    chosen = backend.configure()
    keras_threads.pin(plan.threads or keras_threads.unasked())
    files = jpeg_faces(_IMAGES, plan.seed)
    images = np.concatenate([network_image(data, plan.image_size) for data in files])
    batches = [np.ascontiguousarray(images[row : row + 1]) for row in range(len(images))]
    built = []
    for done, name in enumerate(names, start=1):
        source = (externals or {}).get(name)
        if source is not None:
            built.append(_open(source, list(own), plan, files))
        else:
            built.append(_build(name, own, plan, folder, images, batches, process))
        if progress:
            progress("building", done, len(names))
    calls = {_key(item, name): item.timed(name) for item in built for name in own if name in item.calls}
    groups = [[_key(item, name) for item in built if name in item.calls] for name in own]
    groups = [group for group in groups if group]
    numbers = range(len(images))
    warmth = {}
    for done, (key, call) in enumerate(calls.items(), start=1):
        warmth[key] = warm_up(call, numbers, plan.steady)
        if progress:
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
    whole: dict[str, tuple[LatencySample, ...]] = {}
    if plan.end_to_end and process == 0:
        whole = _end_to_end(built, groups, files, plan, progress)
    batched: dict[str, dict[str, tuple[float, ...]]] = {}
    if plan.throughput and process == 0:
        trained = [item for item in built if item.source is None]
        able = {_key(item, name): item.calls[name] for item in trained for name in own if own[name].batches}
        batched = measure_throughput(able, images, seed=plan.seed, progress=progress)
    environment = describe(backend.devices())
    threads = {"each": plan.threads or keras_threads.unasked(), **backend.threads()}
    return [
        ProfileRecord(
            model=item.name,
            origin=origin,
            backend=chosen,
            image_size=item.source.model.image.height if item.source else plan.image_size,
            classes=plan.classes,
            trainable_parameters=item.costs.trainable_parameters,
            non_trainable_parameters=item.costs.non_trainable_parameters,
            flops_paper_rule=item.costs.flops_paper_rule,
            session=session,
            warmup=min(warmth[_key(item, name)].calls for name in item.calls),
            latency={name: samples[_key(item, name)] for name in item.calls},
            threads=threads,
            environment=environment,
            flops=item.costs.flops,
            weight_bytes=item.costs.weight_bytes,
            peak_activation_bytes=item.costs.peak_activation_bytes,
            warmups={name: (warmth[_key(item, name)].calls,) for name in item.calls},
            unsteady=tuple(name for name in item.calls if not warmth[_key(item, name)].steady),
            throughput={name: batched[_key(item, name)] for name in item.calls if _key(item, name) in batched},
            end_to_end={name: whole[_key(item, name)] for name in item.calls if whole},
            resident_bytes=item.resident,
            machine=tuple(watch.seen),
            external=item.source.external if item.source else None,
            uncounted=item.costs.uncounted,
        )
        for item in built
    ]


def _key(item: _Built, runtime: str) -> str:
    return f"{item.name} {runtime}"


def _open(source: ExternalSource, runtimes: Sequence[str], plan: Plan, files: Sequence[bytes]) -> _Built:
    """Return an external model, after a first call that gave probabilities."""
    require_runtime(source.model.name, runtimes)
    model = source.model
    costs = _Costs(
        trainable_parameters=model.parameters,  # the file does not tell which ones
        non_trainable_parameters=0,
        weight_bytes=model.weight_bytes,
        flops_paper_rule=model.flops_paper_rule,
        flops=None,
        peak_activation_bytes=None,
    )
    item = _Built(model.name, costs, [source.image(data) for data in files], source.image, source)
    before = resident_bytes()
    call = source.call(plan.threads or keras_threads.unasked())
    call(item.batches[0])
    item.calls[EXTERNAL_RUNTIME] = call
    _note(item, EXTERNAL_RUNTIME, before)
    return item


def _build(
    name: str,
    own: dict[str, Runtime],
    plan: Plan,
    folder: Path,
    images: NDArray[np.float32],
    batches: list[NDArray[Any]],
    process: int,
) -> _Built:
    before = resident_bytes()
    model = built_model(name, plan)
    item = _Built(
        name, _costs(name, model, told=process == 0), batches, lambda data: network_image(data, plan.image_size)
    )
    _note(item, "build", before)
    for key, way in own.items():
        before = resident_bytes()
        item.calls[key] = prepared_call(model, name, way, plan, folder, images)
        _note(item, key, before)
    return item


def _costs(name: str, model: Any, *, told: bool) -> _Costs:
    """Return what a model costs; why its operations cannot be counted is a warning, where that is to be ``told``."""
    trainable, others = count_parameters(model)
    found: Complexity | None = None
    uncounted = ""
    try:
        found = counted(name, model)
    except FerBenchError as error:  # Of another package's model, whose times can be taken all the same.
        uncounted = str(error)
        if told:
            warn(uncounted)
    return _Costs(
        trainable_parameters=trainable,
        non_trainable_parameters=others,
        weight_bytes=weight_bytes(model),
        flops_paper_rule=found.flops_paper_rule if found else None,
        flops=found.flops if found else None,
        peak_activation_bytes=found.peak_activation_bytes if found else None,
        uncounted=uncounted,
    )


def _note(item: _Built, key: str, before: int | None) -> None:
    after = resident_bytes()
    if before is not None and after is not None:
        item.resident[key] = (before, after)


def _end_to_end(
    built: Sequence[_Built],
    groups: Sequence[Sequence[str]],
    files: Sequence[bytes],
    plan: Plan,
    progress: Progress | None,
) -> dict[str, tuple[LatencySample, ...]]:
    """Time from the bytes of a JPEG file to probabilities, one picture a call."""
    from fer_bench.datasets.decoding import one_opencv_thread

    def whole(item: _Built, call: Call) -> Callable[[bytes], object]:
        return lambda data: call(item.image(data))

    ways = {_key(item, name): whole(item, call) for item in built for name, call in item.calls.items()}
    with one_opencv_thread():
        for done, way in enumerate(ways.values(), start=1):
            warm_up(way, files, plan.steady)
            if progress:
                progress("warming up end to end", done, len(ways))
        return measure(ways, files, runs=plan.runs, groups=groups, seed=plan.seed, progress=progress)
