"""The cells that options name, trained or to be trained."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from fer_bench.cli.options import open_prepared
from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.datasets.joined import TrainingData
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.grid import Cell
    from fer_bench.records import TrainRecord
    from fer_bench.workspace import Workspace


def cell_of(model: str, dataset: str, recipe: str, seed: int, weights: str | None) -> "Cell":
    """Return the cell that the options name."""
    from fer_bench.grid import Cell
    from fer_bench.models import model_card
    from fer_bench.presets import load_recipe

    model_card(model)
    chosen = load_recipe(recipe)
    if weights == "random":
        chosen = chosen.from_random()
    elif weights is not None:
        chosen = chosen.starting(model, pretrained=True)
    return Cell(model, dataset, chosen, seed)


def usable_models() -> list[str]:
    """Return the name of every model that can be used; those of other packages that cannot are told of on stderr."""
    from fer_bench.models import broken_models, model_cards

    for reason in broken_models().values():
        typer.echo(f"fer-bench: left out: {reason}", err=True)
    return list(model_cards())


def trained_cell(
    place: "Workspace", model: str, dataset: str, recipe: str, seed: int, weights: str | None
) -> "tuple[Cell, TrainRecord, Prepared]":
    """Return a cell that has been trained, the record of its run and its dataset.

    Raises:
        FerBenchError: it has not been trained on this copy of the dataset, or there are several datasets.
    """
    prepared = open_prepared(place, dataset)
    return *trained_on(place, model, prepared, recipe, seed, weights), prepared


def trained_on(
    place: "Workspace", model: str, prepared: "TrainingData", recipe: str, seed: int, weights: str | None
) -> "tuple[Cell, TrainRecord]":
    """Return a cell that has been trained on ``prepared``, and the record of its run.

    Raises:
        FerBenchError: it has not been trained on this copy of the dataset.
    """
    from fer_bench import grid

    dataset = prepared.dataset
    cell = cell_of(model, dataset, recipe, seed, weights)
    run = grid.trained(place, cell, prepared.fingerprint)
    if run is None:
        raise FerBenchError(
            f"{model} has not been trained on this {dataset} with recipe {cell.recipe.id} and seed {seed}; "
            f"run fer-bench train --model {model} --dataset {dataset} --recipe {recipe} --seed {seed}"
            + (f" --weights {weights}" if weights else "")
        )
    return cell, run


def mean_text(scores: Sequence[float]) -> str:
    """Return mean ± sample standard deviation of fractions, in percent."""
    from statistics import mean, stdev

    return f"{len(scores)} seeds: {100 * mean(scores):.1f} ± {100 * stdev(scores):.1f} %"
