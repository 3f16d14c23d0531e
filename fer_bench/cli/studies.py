"""What the commands that study the protocol have in common."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.recipe import Recipe
    from fer_bench.studies import Study
    from fer_bench.workspace import Workspace

T = TypeVar("T", int, float, str)
EpochsOption = Annotated[
    int | None,
    typer.Option(
        "--epochs", min=1, help="Number of epochs of each run, instead of the recipe's; the recipe's name then says so."
    ),
]


def recipe_of(place: "Workspace", models: Sequence[str], recipe: str, weights: str | None) -> "Recipe":
    """Return the recipe that the options name, with the start that --weights gives the models.

    Raises:
        FerBenchError: no such model or recipe, one that is not trained here, or a start that cannot be had.
    """
    from fer_bench import grid
    from fer_bench.lookup import require_models
    from fer_bench.presets import load_recipe

    require_models(place, models)
    chosen = load_recipe(recipe)
    if weights == "random":
        chosen = chosen.from_random()
    elif weights is not None and len(models) == 1:
        chosen = chosen.starting(models[0], pretrained=True)
    grid.check_start(models, chosen, weights)
    grid.check_weights(models, chosen, weights)
    return chosen


def listed(option: str, text: str, kind: Callable[[str], T]) -> tuple[T, ...]:
    """Return the values of a list separated by commas, each once."""
    try:
        return tuple(dict.fromkeys(kind(part.strip()) for part in text.split(",")))
    except ValueError:
        raise FerBenchError(f"{option} {text!r}: expected numbers separated by commas") from None


def digest_of(*parts: object) -> str:
    """Return eight hexadecimal digits that tell a study from others on the same recipe, for file names."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def facts_of(study: "Study") -> dict[str, Any]:
    """Return what the runs of a study have in common, for JSON."""
    return {
        "dataset": study.dataset.dataset,
        "origin": study.dataset.origin,
        "dataset_fingerprint": study.dataset.fingerprint,
        "recipe": study.recipe.id,
        "epochs": study.recipe.epochs,
        "seeds": list(study.seeds),
    }


def texts(files: Mapping[str, Path]) -> dict[str, str]:
    """Return paths for JSON."""
    return {name: str(path) for name, path in files.items()}
