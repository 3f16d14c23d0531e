"""Complexity of models: parameters, FLOPs and single-image inference time (paper, section V-E, Table 6)."""

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend
from fer_bench.environment import describe
from fer_bench.errors import FerBenchError
from fer_bench.models import model_card
from fer_bench.models.card import ModelCard
from fer_bench.network import count_parameters
from fer_bench.profiling.flops import flops_paper_rule
from fer_bench.profiling.latency import Progress, measure
from fer_bench.profiling.runtimes import RUNTIMES, Call
from fer_bench.records import Origin, ProfileRecord

_IMAGES = 8
"""Generated images to take turns with."""


def profile_models(
    names: Sequence[str],
    *,
    image_size: int = 224,
    classes: int = 7,
    runs: int = 50,
    warmup: int = 10,
    seed: int = 0,
    origin: Origin = "real",
    images: NDArray[np.float32] | None = None,
    progress: Progress | None = None,
) -> list[ProfileRecord]:
    """Profile models together, in one session, so that their inference times can be compared.

    Every model is built once, with random weights that depend on ``seed`` alone: FLOPs and the time of dense
    operations do not depend on what the weights are.

    Args:
        names: registered models, each once.
        image_size: height and width of the input, pixels.
        classes: outputs; the parameters are checked against the cards at 7.
        runs: timed calls of each model in each runtime.
        warmup: untimed calls of each before, at least 1.
        seed: of weights, generated images and the order of calls.
        origin: recorded as it is.
        images: float32 (n, image_size, image_size, 3) in [-1, 1]; generated gray noise where ``None``.
        progress: see :data:`fer_bench.profiling.latency.Progress`.

    Returns:
        One record a model, in the order of ``names``, with the same session.

    Raises:
        FerBenchError: an unknown or repeated name, parameters other than the card's, a layer that the FLOPs rule
            does not know, images of another shape or type, outputs of another shape or not finite.
    """
    if len(set(names)) != len(names):
        raise FerBenchError(f"models {', '.join(names)}: each can be profiled only once a session")
    if warmup < 1:
        raise FerBenchError(f"warmup = {warmup}; expected at least 1, the call that compiles")
    cards = [model_card(name) for name in names]
    if images is None:
        images = _noise(image_size, seed)
    elif images.shape[1:] != (image_size, image_size, 3) or images.dtype != np.float32:
        raise FerBenchError(
            f"images of the shape {images.shape} and type {images.dtype}; "
            f"expected float32 (n, {image_size}, {image_size}, 3)"
        )
    chosen = backend.configure()
    import keras

    facts: dict[str, dict[str, int]] = {}
    calls: dict[str, Call] = {}
    for done, card in enumerate(cards, start=1):
        keras.utils.set_random_seed(seed)
        model = card.build(image_size, classes)
        facts[card.name] = {
            **_parameters(model, card, classes),
            "flops_paper_rule": flops_paper_rule(model),
        }
        own = {runtime: make(model) for runtime, make in RUNTIMES.items()}
        _check_outputs(card.name, own, images[:1], classes)
        calls |= {_key(card.name, runtime): call for runtime, call in own.items()}
        if progress:
            progress("building", done, len(cards))
    # The check above was the first of the warm-up calls.
    samples = measure(calls, images, runs=runs, warmup=warmup - 1, seed=seed, progress=progress)
    session = secrets.token_hex(8)
    environment = describe(backend.devices())
    return [
        ProfileRecord(
            model=card.name,
            origin=origin,
            backend=chosen,
            image_size=image_size,
            classes=classes,
            **facts[card.name],
            session=session,
            warmup=warmup,
            latency={runtime: samples[_key(card.name, runtime)] for runtime in RUNTIMES},
            threads=backend.threads(),
            environment=environment,
        )
        for card in cards
    ]


def _key(model: str, runtime: str) -> str:
    return f"{model} {runtime}"


def _noise(image_size: int, seed: int) -> NDArray[np.float32]:
    gray = np.random.default_rng(seed).uniform(-1, 1, (_IMAGES, image_size, image_size, 1)).astype(np.float32)
    return np.repeat(gray, 3, axis=-1)


def _parameters(model: Any, card: ModelCard, classes: int) -> dict[str, int]:
    trainable, others = count_parameters(model)
    expected = (card.trainable_parameters, card.non_trainable_parameters)
    if classes == 7 and (trainable, others) != expected:
        raise FerBenchError(
            f"model {card.name!r} has {trainable:,} trainable and {others:,} other parameters; its card says "
            f"{expected[0]:,} and {expected[1]:,}: the architecture or the card has changed"
        )
    return {"trainable_parameters": trainable, "non_trainable_parameters": others}


def _check_outputs(name: str, calls: dict[str, Call], batch: NDArray[np.float32], classes: int) -> None:
    """Refuse to time a model that answers nonsense."""
    for runtime, call in calls.items():
        output = call(batch)
        if output.shape != (1, classes) or not np.isfinite(output).all():
            raise FerBenchError(
                f"model {name!r} answers {output!r} in {runtime}; expected {classes} finite probabilities"
            )
