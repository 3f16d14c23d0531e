"""An explanation as plain data: conclusions can be drawn from it without a face being shown."""

from pathlib import Path
from typing import Any

from fer_bench.emotions import EMOTIONS
from fer_bench.explain.explanation import Answer, Explanation, Looked, MeanHeat
from fer_bench.explain.place import Place

COARSE = 3
"""Places across from which on the thirds of a face can be told apart."""

RULE = (
    "Grad-CAM: the channels of the last convolutional feature map, weighted by the mean gradient of the class's logit, "
    "summed, what is negative set to 0, divided by the map's largest value, enlarged bilinearly; upper, middle and "
    "lower are fractions of the heat in thirds of the picture, the centre its centre of mass in fractions of width and "
    "height from the upper left corner; a mean is over the maps of one true class's images, one without heat counting 0"
)
"""How the figures come about, for people."""


def to_json(found: Explanation, faces: Path, mean_heat: Path | None) -> dict[str, Any]:
    """Return an explanation as JSON-ready data.

    Args:
        found: the explanation.
        faces: the figure of the samples.
        mean_heat: the figure of the means, ``None`` where there is none.
    """
    names = [model.run.model for model in found.models]
    return {
        "target": found.target,
        "origin": found.origin,
        "of": found.of,
        "class_names": list(EMOTIONS),
        "figures": {"faces": str(faces), "mean_heat": None if mean_heat is None else str(mean_heat)},
        "models": [_model(model) for model in found.models],
        "samples": [
            {
                "id": sample.id,
                "true": EMOTIONS[sample.true],
                "answers": [
                    _answer(name, answer, sample.true) for name, answer in zip(names, sample.answers, strict=True)
                ],
            }
            for sample in found.samples
        ],
        "notes": notes(found),
        "rule": RULE,
    }


def notes(found: Explanation) -> list[str]:
    """Return what a reader must know."""
    return [
        f"{model.run.model}: its feature map has {model.grid[0]} x {model.grid[1]} places at this image size; thirds "
        "of a face cannot be told apart on it"
        for model in found.models
        if min(model.grid) < COARSE
    ]


def _model(model: Looked) -> dict[str, Any]:
    run = model.run
    return {
        "model": run.model,
        "dataset": run.dataset,
        "recipe": run.recipe,
        "seed": run.seed,
        "weights_sha256": run.weights_sha256,
        "layer": model.layer,
        "feature_map": list(model.grid),
        "mean_heat": [
            {"class": name, **_mean(mean)} for name, mean in zip(EMOTIONS, model.means, strict=False) if mean.images
        ],
    }


def _mean(mean: MeanHeat) -> dict[str, Any]:
    return {
        "images": mean.images,
        "answered_rightly": mean.right,
        "without_heat": mean.cold,
        "heat": _place(mean.place),
    }


def _answer(model: str, answer: Answer, true: int) -> dict[str, Any]:
    return {
        "model": model,
        "predicted": EMOTIONS[answer.predicted],
        "right": answer.predicted == true,
        "explained": EMOTIONS[answer.explained],
        "probabilities": dict(zip(EMOTIONS, answer.probabilities, strict=True)),
        "heat": _place(answer.place),
    }


def _place(found: Place | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"upper": found.upper, "middle": found.middle, "lower": found.lower, "centre": [found.x, found.y]}
