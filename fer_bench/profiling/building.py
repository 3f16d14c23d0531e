"""Models built and opened in every runtime, ready to be timed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.errors import FerBenchError
from fer_bench.external.profiling import RUNTIME as EXTERNAL_RUNTIME
from fer_bench.external.profiling import ExternalSource, require_runtime
from fer_bench.messages import warn
from fer_bench.models import model_card
from fer_bench.network import count_parameters
from fer_bench.profiling.complexity import Complexity, complexity, weight_bytes
from fer_bench.profiling.frames import network_image
from fer_bench.profiling.plan import ONE_SIZE, Plan
from fer_bench.runtimes import Runtime, runtime

Call = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a model costs; ``None`` is unknown: of an external model, or where an operation is unknown."""

    trainable_parameters: int
    non_trainable_parameters: int
    weight_bytes: int
    flops_paper_rule: int | None
    flops: int | None
    peak_activation_bytes: int | None
    uncounted: str = ""
    """Why the FLOPs are unknown; empty where they are known, and for an external model."""


@dataclass
class Built:
    """A model ready to be timed."""

    name: str
    costs: Costs
    batches: list[NDArray[Any]]
    """One image each, as the calls take it."""
    image: Callable[[bytes], NDArray[Any]]
    """Turns the bytes of a picture file into what the calls take."""
    source: ExternalSource | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    """By runtime."""
    files: dict[str, Path] = field(default_factory=dict)
    """Converted files by runtime."""

    def timed(self, runtime: str) -> Callable[[int], object]:
        """Return a function that runs the model in ``runtime`` on the image with the given number."""
        call, batches = self.calls[runtime], self.batches
        return lambda number: call(batches[number])


def chosen_runtimes(names: Sequence[str]) -> dict[str, Runtime]:
    """Return the named runtimes.

    Raises:
        FerBenchError: a runtime is unknown, or a package that it needs is missing.
    """
    return {name: runtime(name) for name in names}


def built_model(name: str, plan: Plan) -> Any:
    """Return one registered model with random weights that depend on the plan's seed alone.

    Raises:
        FerBenchError: images too small for it, or parameters other than the card's.
    """
    import keras

    card = model_card(name)
    card.check_image_size(plan.image_size, advice=ONE_SIZE)
    keras.utils.set_random_seed(plan.seed)
    model = card.built(plan.image_size, plan.classes)
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


def opened(source: Any, name: str, item: Runtime, plan: Plan, images: NDArray[np.float32]) -> Call:
    """Open a model in one runtime and return its call, after a first call that gave probabilities.

    Args:
        source: from the runtime's :meth:`fer_bench.runtimes.Runtime.source`.
        name: of the model.
        item: the runtime.
        plan: of the session.
        images: float32 (n, size, size, 3), the network's input.

    Raises:
        FerBenchError: the runtime cannot take the model, or answers another shape or something that is not finite.
    """
    call = item.open(source, plan.threads_each)
    output = call(images[:1])
    if output.shape != (1, plan.classes) or not np.isfinite(output).all():
        raise FerBenchError(
            f"model {name!r} answers {output!r} in {item.name}; expected {plan.classes} finite probabilities"
        )
    return call


def open_external(source: ExternalSource, runtimes: Sequence[str], plan: Plan, files: Sequence[bytes]) -> Built:
    """Return an external model, after a first call that gave probabilities."""
    require_runtime(source.model.name, runtimes)
    model = source.model
    costs = Costs(
        trainable_parameters=model.parameters,  # the file does not tell which are
        non_trainable_parameters=0,
        weight_bytes=model.weight_bytes,
        flops_paper_rule=model.flops_paper_rule,
        flops=None,
        peak_activation_bytes=None,
    )
    item = Built(model.name, costs, [source.image(data) for data in files], source.image, source)
    call = source.call(plan.threads_each)
    call(item.batches[0])
    item.calls[EXTERNAL_RUNTIME] = call
    return item


def build(
    name: str,
    own: dict[str, Runtime],
    plan: Plan,
    folder: Path,
    images: NDArray[np.float32],
    batches: list[NDArray[Any]],
    process: int,
) -> Built:
    """Return a registered model, opened in the runtimes ``own``.

    Args:
        name: of the model.
        own: runtimes by name.
        plan: of the session.
        folder: for converted files.
        images: float32 (n, size, size, 3), the network's input.
        batches: the same, one image each.
        process: number of this process; the first one warns.
    """
    model = built_model(name, plan)
    item = Built(
        name, _costs(name, model, told=process == 0), batches, lambda data: network_image(data, plan.image_size)
    )
    for key, way in own.items():
        source = way.source(model, folder, images)
        if isinstance(source, Path):
            item.files[key] = source
        item.calls[key] = opened(source, name, way, plan, images)
    return item


def _costs(name: str, model: Any, *, told: bool) -> Costs:
    """Return what a model costs; where its operations cannot be counted, warn with the reason if ``told``."""
    trainable, others = count_parameters(model)
    found: Complexity | None = None
    uncounted = ""
    try:
        found = counted(name, model)
    except FerBenchError as error:  # Of another package's model; its times can be measured all the same.
        uncounted = str(error)
        if told:
            warn(uncounted)
    return Costs(
        trainable_parameters=trainable,
        non_trainable_parameters=others,
        weight_bytes=weight_bytes(model),
        flops_paper_rule=found.flops_paper_rule if found else None,
        flops=found.flops if found else None,
        peak_activation_bytes=found.peak_activation_bytes if found else None,
        uncounted=uncounted,
    )
