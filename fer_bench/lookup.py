"""What names mean in a workspace: prepared datasets, cells, trained runs."""

from typing import TYPE_CHECKING

from fer_bench.errors import FerBenchError
from fer_bench.workspace import Workspace

if TYPE_CHECKING:
    from fer_bench.datasets.joined import TrainingData
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.grid import Cell
    from fer_bench.records import TrainRecord


def open_prepared(place: Workspace, name: str) -> "Prepared":
    """Return a prepared dataset of the workspace.

    Raises:
        FerBenchError: it is not prepared or damaged, or there is no dataset of that name.
    """
    from fer_bench.datasets import dataset_card
    from fer_bench.datasets.joined import SEPARATOR
    from fer_bench.datasets.prepared import Prepared, is_prepared

    if SEPARATOR in name:
        raise FerBenchError(f"{name}: several datasets together can be trained on and evaluated; name one here")
    if not is_prepared(place.prepared(name)):
        dataset_card(name)
    return Prepared.load(place.prepared(name))


def open_training(place: Workspace, name: str) -> "TrainingData":
    """Return a prepared dataset of the workspace, or several joined by ``+``.

    Raises:
        FerBenchError: one is not prepared, damaged or unknown; or they cannot be joined.
    """
    from fer_bench.datasets.joined import join, parts_of

    return join([open_prepared(place, part) for part in parts_of(name)])


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


def trained_cell(
    place: "Workspace", model: str, dataset: str, recipe: str, seed: int, weights: str | None
) -> "tuple[Cell, TrainRecord, Prepared]":
    """Return a cell that has been trained, the record of its run and its dataset.

    Raises:
        FerBenchError: it has not been trained on this copy of the dataset, there are several datasets, or the model is
            an external one.
    """
    from fer_bench.external.model import refuse_external

    refuse_external(place, [model])
    prepared = open_prepared(place, dataset)
    return *trained_on(place, model, prepared, recipe, seed, weights), prepared


def trained_on(
    place: "Workspace", model: str, prepared: "TrainingData", recipe: str, seed: int, weights: str | None
) -> "tuple[Cell, TrainRecord]":
    """Return a cell that has been trained on ``prepared``, and the record of its run.

    Raises:
        FerBenchError: it has not been trained on this copy of the dataset, or on another backend or from other weights.
    """
    from fer_bench import grid

    dataset = prepared.dataset
    cell = cell_of(model, dataset, recipe, seed, weights)
    run = grid.trained(place, cell, prepared.fingerprint, weights)
    if run is None:
        raise FerBenchError(
            f"{model} has not been trained on this {dataset} with recipe {cell.recipe.id} and seed {seed}; "
            f"run fer-bench train --model {model} --dataset {dataset} --recipe {recipe} --seed {seed}"
            + (f" --weights {weights}" if weights else "")
        )
    return cell, run
