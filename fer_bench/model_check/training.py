"""Checks of what training and its weights files do."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fer_bench.export import parity
from fer_bench.model_check.outcome import Check, require
from fer_bench.model_check.subject import CLASSES, IMAGES, Subject, answers

_STEPS = 2
_NAMED = 3
"""Weights named in a message."""


def _train(subject: Subject) -> str:
    from fer_bench import augmentation
    from fer_bench.models.layers import every_layer
    from fer_bench.network import Network

    network = Network(subject.card.name, subject.recipe)
    model = network.core
    # Batch-norm statistics of layers that train are no trainable weights, and do change.
    frozen = _unique([weight for layer in every_layer(model) if not layer.trainable for weight in layer.weights])
    trainable = _unique(model.trainable_weights)
    before = {id(weight): np.asarray(weight).copy() for weight in (*frozen, *trainable)}
    labels = np.arange(IMAGES) % CLASSES
    for _ in range(_STEPS):
        loss = network.trainer.train_on_batch((subject.pictures, augmentation.identity_matrices(IMAGES)), labels)
    require(bool(np.isfinite(np.asarray(loss)).all()), "the loss of a training step is not a number")
    moved = [weight.path for weight in frozen if not np.array_equal(before[id(weight)], np.asarray(weight))]
    require(not moved, f"{len(moved)} weights of frozen layers change: {_some(moved)}", "freeze with layer.trainable")
    still = [weight.path for weight in trainable if np.array_equal(before[id(weight)], np.asarray(weight))]
    require(
        not still,
        f"{len(still)} of {len(trainable)} trainable weights do not change: {_some(still)}",
        "connect them to the output by operations that have a gradient, or freeze them",
    )
    return f"{_STEPS} steps change all {len(trainable)} trainable weights and none of {len(frozen)} frozen ones"


def _unique(weights: list[Any]) -> list[Any]:
    return list({id(weight): weight for weight in weights}.values())


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")


def _reload(subject: Subject) -> str:
    from fer_bench.timetable import Stage
    from fer_bench.workers import Event, work_side_by_side

    weights, out = subject.scratch / "model.weights.h5", subject.scratch / "answers.npy"
    subject.telling.save_weights(weights)
    expected = answers(subject.telling, subject.images)

    def on_event(event: Event) -> None:
        """What the other process says is said by its outcome."""

    work = (Stage("weights in a new process", 1), partial(_answer, subject.card.name, subject.size, weights, out))
    work_side_by_side([[work]], 1, on_event, "run the check again")
    gap = float(np.abs(np.load(out, allow_pickle=False) - expected).max())
    require(
        gap <= parity.MAX_DIFFERENCE,
        f"a new process gives other answers from the same weights file, by up to {gap:.3g}",
    )
    return f"a new process answers the same from the weights file, within {gap:.1e}"


def _answer(name: str, size: int, weights: Path, out: Path) -> None:
    """Do the work of the other process: build, load, answer the same pictures."""
    from fer_bench import backend
    from fer_bench.errors import FerBenchError
    from fer_bench.models import model_card

    backend.configure()
    subject = Subject(model_card(name), out.parent)
    try:
        model = subject.built(size)
        model.load_weights(weights)
        np.save(out, answers(model, subject.images))
    except Exception as error:  # It crosses to the parent as a message.
        raise FerBenchError(f"in a new process: {type(error).__name__}: {error}") from error


CHECKS = (
    Check(name="training", make=_train, advice="a training step must work on a batch of any size"),
    Check(
        name="weights",
        make=_reload,
        advice="register layers of your own with keras.saving.register_keras_serializable, and keep all state in "
        "weights that Keras knows",
    ),
)
