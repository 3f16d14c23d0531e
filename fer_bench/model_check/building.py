"""Checks of what ``build`` returns: shapes, answers, parameters, and what the card declares of its parts."""

import inspect
from typing import Any

import numpy as np

from fer_bench.model_check.outcome import Check, require
from fer_bench.model_check.subject import CLASSES, SIZES, Subject, answers
from fer_bench.models import model_names

_OTHER_CLASSES = 5


def _build(subject: Subject) -> str:
    import keras

    parameters = list(inspect.signature(subject.card.build).parameters)
    require(len(parameters) >= 2, f"build takes {', '.join(parameters)}", "write build(image_size, classes)")
    require(
        subject.card.min_image_size <= SIZES[-1],
        f"min_image_size = {subject.card.min_image_size}; profile and architecture build every model for {SIZES[-1]} "
        "pixels, so that figures compare",
        f"let the model take images of {SIZES[-1]} pixels",
    )
    for size in subject.sizes:
        model = subject.built(size)
        require(isinstance(model, keras.Model), f"build({size}, 7) gives {type(model).__name__}, not a keras.Model")
        _require_shape(model.input_shape, (None, size, size, 3), f"the input at {size} pixels")
        _require_shape(model.output_shape, (None, CLASSES), f"the output at {size} pixels")
        require(model.compiled is False, "build returns a compiled model", "fer-bench compiles it by the recipe")
    model = subject.built(subject.size, _OTHER_CLASSES)
    _require_shape(model.output_shape, (None, _OTHER_CLASSES), f"the output for {_OTHER_CLASSES} classes")
    return f"at {', '.join(map(str, subject.sizes))} pixels, with 7 and {_OTHER_CLASSES} classes"


def _require_shape(found: Any, expected: tuple[int | None, ...], what: str) -> None:
    require(found == expected, f"{what} is {found}, expected {expected}")


def _probabilities(subject: Subject) -> str:
    model = subject.built(subject.size)
    found = answers(model, subject.images)
    require(found.dtype == np.float32, f"answers of type {found.dtype}, expected float32")
    require(bool(np.isfinite(found).all()), "answers that are not finite")
    require(bool((found >= 0).all()), f"a negative answer, {found.min():.3g}")
    worst = float(np.abs(found.sum(axis=1) - 1).max())
    require(worst <= 1e-4, f"answers that do not sum to 1, off by up to {worst:.3g}", "end the model in a softmax")
    alone = np.concatenate([answers(model, subject.images[row : row + 1]) for row in range(3)])
    gap = float(np.abs(alone - found[:3]).max())
    require(
        gap <= 1e-4,
        f"the answer to an image depends on the others of its batch, by up to {gap:.3g}",
        "in inference (training=False) take no statistics over the batch",
    )
    return f"float32 ({len(found)}, {CLASSES}), each row sums to 1, the same alone as in a batch"


def _parameters(subject: Subject) -> str:
    from fer_bench.network import count_parameters

    card = subject.card
    declared = (card.trainable_parameters, card.non_trainable_parameters)
    for size in subject.sizes:
        found = count_parameters(subject.built(size))
        require(
            found == declared,
            f"{found[0]:,} trainable and {found[1]:,} other parameters at {size} pixels; the card says "
            f"{declared[0]:,} and {declared[1]:,}",
            "write the counts that the model has into the card; they must be the same at every size",
        )
    return f"{declared[0]:,} trainable and {declared[1]:,} other, as declared, at every size"


def _seed(subject: Subject) -> str:
    from fer_bench.network import build_model

    first, again, other = (build_model(subject.card.name, subject.recipe, seed) for seed in (1, 1, 2))
    weights = [[np.asarray(weight) for weight in model.weights] for model in (first, again, other)]
    same = all(np.array_equal(a, b) for a, b in zip(weights[0], weights[1], strict=True))
    require(same, "two models built from one seed have different weights", "draw weights by Keras' initializers alone")
    differ = any(not np.array_equal(a, b) for a, b in zip(weights[0], weights[2], strict=True))
    require(differ, "two seeds give the same weights", "give the initializers no seed of their own")
    return "gives the weights: the same twice, others with another seed"


def _declared(subject: Subject) -> str:
    from fer_bench.models.layers import dropouts

    card, model = subject.card, subject.built(subject.size)
    told = []
    if card.backbone is not None:
        backbone, layers = card.backbone, model.layers
        stages = list(backbone.stages)
        require(
            stages == sorted(set(stages)) and all(1 <= stage <= backbone.layers for stage in stages),
            f"stages of the backbone {stages}; expected ascending numbers of layers up to {backbone.layers}",
        )
        require(backbone.layers < len(layers), f"a backbone of {backbone.layers} layers; the model has {len(layers)}")
        # Whether a layer without weights, such as the input, is frozen makes no difference.
        frozen = [position for position, layer in enumerate(layers) if layer.weights and not layer.trainable]
        expected = [position for position, layer in enumerate(layers[: backbone.frozen]) if layer.weights]
        require(
            frozen == expected,
            f"the card says that the first {backbone.frozen} layers are frozen; those with weights that are: "
            f"{', '.join(layers[position].name for position in frozen) or 'none'}",
        )
        told.append(f"backbone of {backbone.layers} layers, {backbone.frozen} frozen")
    rates = sorted({layer.rate for layer in dropouts(model)})
    require(
        rates == ([card.dropout] if card.dropout else []), f"dropout of rates {rates}; the card says {card.dropout}"
    )
    told.append(f"dropout {card.dropout:g}" if card.dropout else "no dropout")
    for head in card.heads:
        require(head.model in model_names(), f"a head of the model {head.model!r}, which does not exist")
    if card.imagenet_application is not None:
        told.append(_imagenet(subject, card.imagenet_application))
    return "; ".join(told)


def _imagenet(subject: Subject, application: str) -> str:
    """Try weights of the application, with random values: nothing is downloaded."""
    import keras

    from fer_bench.models.pretrained import copy_imagenet
    from fer_bench.network import build_model

    known = getattr(keras.applications, application, None)
    require(callable(known), f"imagenet_application = {application!r}; keras.applications has no such model")
    assert known is not None
    path = subject.scratch / "application.weights.h5"
    known(weights=None).save_weights(path)
    copied = copy_imagenet(build_model(subject.card.name, subject.recipe, seed=0), application, str(path))
    return f"{copied} layers take the weights of {application}"


CHECKS = (
    Check(name="build", make=_build, advice="build(image_size, classes) must work from min_image_size on"),
    Check(name="answers", make=_probabilities, advice="answer float32 probabilities (batch, classes)"),
    Check(name="parameters", make=_parameters, advice="mend the counts of the card"),
    Check(name="seed", make=_seed, advice="building must draw nothing but Keras' initial weights"),
    Check(name="declared", make=_declared, advice="mend the card, or the model, so that they agree"),
)
