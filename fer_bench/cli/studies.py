"""What the commands that study the protocol have in common."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.recipe import Recipe
    from fer_bench.studies import Study

T = TypeVar("T", int, float, str)
EpochsOption = Annotated[
    int | None,
    typer.Option("--epochs", min=1, help="Of each run, where the recipe's are too many; the recipe's name tells it."),
]


def recipes_of(models: Sequence[str], recipe: str, weights: str | None) -> "dict[str, Recipe]":
    """Return the recipe of each model: they differ in the start only."""
    from fer_bench import grid
    from fer_bench.models import model_card
    from fer_bench.recipe import load_recipe

    names = list(dict.fromkeys(models))
    for name in names:
        model_card(name)
    chosen = load_recipe(recipe)
    if weights == "random":
        chosen = chosen.from_random()
    elif weights is not None and len(names) == 1:
        chosen = chosen.starting(names[0], pretrained=True)
    grid.check_start(names, chosen, weights)
    return dict.fromkeys(names, chosen)


def shortened(recipe: "Recipe", epochs: int | None) -> "Recipe":
    """Return the recipe with so many epochs, which its name tells."""
    if epochs is None or epochs == recipe.epochs:
        return recipe
    return dataclasses.replace(recipe, name=f"{recipe.name}+{epochs}epochs", epochs=epochs)


def listed(option: str, text: str, kind: Callable[[str], T]) -> tuple[T, ...]:
    """Return the values of a list separated by commas, each once."""
    try:
        return tuple(dict.fromkeys(kind(part.strip()) for part in text.split(",")))
    except ValueError:
        raise FerBenchError(f"{option} {text!r}: expected numbers separated by commas") from None


def facts_of(study: "Study") -> dict[str, Any]:
    """Return what the runs of a study have in common, for JSON."""
    recipe = next(iter(study.recipes.values()))
    return {
        "dataset": study.dataset.dataset,
        "origin": study.dataset.origin,
        "dataset_fingerprint": study.dataset.fingerprint,
        "recipe": recipe.id,
        "epochs": recipe.epochs,
        "seeds": list(study.seeds),
    }


def texts(files: Mapping[str, Path]) -> dict[str, str]:
    """Return paths for JSON."""
    return {name: str(path) for name, path in files.items()}
