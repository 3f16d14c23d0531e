"""What names mean in a workspace: prepared datasets, cells, trained runs."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fer_bench.errors import FerBenchError
from fer_bench.workspace import Workspace

if TYPE_CHECKING:
    from fer_bench.datasets.joined import TrainingData
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.grid import Cell
    from fer_bench.recipe import Recipe
    from fer_bench.records import EvalRecord, TrainRecord


def dataset_names(place: Workspace) -> list[str]:
    """Return the datasets that have a card, then those that the workspace holds without one, such as one's own.

    No other package is imported: a card of another one may be broken.
    """
    from fer_bench.datasets import card_names
    from fer_bench.datasets.prepared import prepared_names

    return list(dict.fromkeys([*card_names(), *prepared_names(place.datasets)]))


def require_known(place: Workspace, name: str) -> None:
    """Raise :class:`FerBenchError` where there is no dataset of that name, neither a card nor one in the workspace.

    So it does where the package that offers the card is broken.
    """
    from fer_bench.datasets import card_names, dataset_card

    if name in card_names():
        dataset_card(name)
        return
    known = dataset_names(place)
    if name not in known:
        raise FerBenchError(f"unknown dataset {name!r}; known: {', '.join(known)}")


def require_trainable(place: Workspace, name: str) -> None:
    """Raise :class:`FerBenchError` where no run is trained on a dataset: it is unknown, or a test set only.

    One that is not prepared is judged by its card.
    """
    from fer_bench.datasets import card_names, dataset_card
    from fer_bench.datasets.prepared import manifest_of

    manifest = manifest_of(place, name)
    if manifest is not None:
        trainable = "train" in manifest["counts"]["splits"]
    else:
        require_known(place, name)
        trainable = name not in card_names() or dataset_card(name).trainable
    if not trainable:
        command = shlex.join(["fer-bench", "cross-test", "--on", name, *place.option])
        raise FerBenchError(
            f"{name} is a test set only; leave it out here; models trained on other datasets "
            f"are tested on it by run-all and by {command}"
        )


def require_models(place: Workspace, models: Sequence[str]) -> None:
    """Raise :class:`FerBenchError` where a name is that of no model, or of one that fer-bench does not train."""
    from fer_bench.external.model import refuse_external
    from fer_bench.models import model_card

    refuse_external(place, models)
    for name in models:
        model_card(name)


def open_prepared(place: Workspace, name: str) -> "Prepared":
    """Return a prepared dataset of the workspace.

    Raises:
        FerBenchError: it is not prepared or damaged, the folder of that name holds another dataset, or there is no
            dataset of that name.
    """
    from fer_bench.datasets.joined import SEPARATOR
    from fer_bench.datasets.prepared import Prepared, manifest_of

    if SEPARATOR in name:
        raise FerBenchError(
            f"{name}: models of several datasets together can be trained, evaluated and cross-tested; anything else "
            "takes one dataset, because joined ones have no test set and no size of pictures in common: name one here, "
            "for predict, export or explain one that a model was trained on alone"
        )
    if manifest_of(place, name) is None:
        require_known(place, name)
    return Prepared.load(place.prepared(name))


def open_training(place: Workspace, name: str) -> "TrainingData":
    """Return a prepared dataset of the workspace, or several joined by ``+``.

    Raises:
        FerBenchError: one is not prepared, damaged or unknown; or they cannot be joined.
    """
    from fer_bench.datasets.joined import join, parts_of

    return join([open_prepared(place, part) for part in parts_of(name)])


def recipe_ids(wanted: Sequence[str], known: Collection[str], where: str) -> frozenset[str]:
    """Return the recipes, of those that some records have, that are meant by names, ids or files.

    A preset's name, changed or not (``paper+freeze0``), means the preset's own recipe where that is among them, and it
    is said which others of that name are left out. Any other name means all that have it.

    Args:
        wanted: as for ``--recipe``.
        known: ids of recipes.
        where: what the records are of, for what is said.

    Raises:
        FerBenchError: a file cannot be read as a recipe.
    """
    from fer_bench.messages import say
    from fer_bench.presets import own_id
    from fer_bench.recipe import name_in

    meant: set[str] = set()
    named: set[str] = set()
    for recipe in wanted:
        own = own_id(recipe)
        having = {one for one in known if one == own or recipe in (one, name_in(one))}
        named |= having
        meant |= {own} if own in having else having
    others = sorted(named - meant)
    if others:
        say(
            f"{where}: {', '.join(sorted(meant))} is taken, which --recipe {' '.join(wanted)} is now; left out: "
            f"{', '.join(others)} (give the id to choose one)"
        )
    return frozenset(meant)


def recipe_in(place: Workspace, recipe: str) -> "Recipe":
    """Return the recipe that is named, as ``--recipe`` of a command that works on trained runs takes it.

    Args:
        place: its training records tell what an id means.
        recipe: as ``load_recipe`` takes it, or the id of one that the workspace has finished runs of.

    Raises:
        FerBenchError: as :func:`fer_bench.presets.load_recipe`, no run is of that id, or a record cannot be read.
    """
    from fer_bench import grid, records
    from fer_bench.presets import PRESETS, load_recipe, own_id
    from fer_bench.records import TrainRecord

    if own_id(recipe) is not None:
        return load_recipe(recipe)
    for run in records.load_all(place.results.records, TrainRecord):
        if run.recipe == recipe:
            return grid.cell_of_run(run).recipe
    raise FerBenchError(
        f"no recipe {recipe!r}: expected one of {', '.join(PRESETS)}, a path to a .toml file, or the id of a recipe "
        f"that {place.root} has runs of, which fer-bench status lists"
    )


def seed_words(numbers: Sequence[int]) -> list[str]:
    """Return the words that name seeds in a command: behind --seeds one number alone is how many there are."""
    return ["--seed", str(numbers[0])] if len(numbers) == 1 else ["--seeds", ",".join(map(str, numbers))]


def cell_of(model: str, dataset: str, recipe: str, seed: int, weights: str | None) -> "Cell":
    """Return the cell that the options name."""
    from fer_bench.presets import load_recipe

    return _cell(model, dataset, load_recipe(recipe), seed, weights)


def _cell(model: str, dataset: str, chosen: "Recipe", seed: int, weights: str | None) -> "Cell":
    from fer_bench.grid import Cell
    from fer_bench.models import model_card

    model_card(model)
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
        FerBenchError: it has not been trained on this copy of the dataset, which may be a test set, or on another
            backend or from other weights.
    """
    from fer_bench import grid
    from fer_bench.presets import own_id

    dataset = prepared.dataset
    if not prepared.trainable:
        cross_test = shlex.join(["fer-bench", "cross-test", "--on", dataset, *place.option])
        raise FerBenchError(
            f"{dataset} is a test set only, on which no model is trained; name the dataset that {model} was "
            f"trained on; {cross_test} tests it on {dataset}"
        )
    cell = _cell(model, dataset, recipe_in(place, recipe), seed, weights)
    run = grid.trained(place, cell, prepared.fingerprint, weights)
    if run is None:
        here, elsewhere = _runs_there(place, model, prepared)
        missing = f"{model} has not been trained on this {dataset} with recipe {cell.recipe.id} and seed {seed}"
        if here or elsewhere:
            missing += f", but with {' and '.join(here + elsewhere)}"
        if own_id(recipe) is None:  # An id tells what has been trained; train takes none.
            raise FerBenchError(f"{missing}; name one that is there, or train it by the recipe's name or file")
        # Without it train asks where such a model starts.
        start = "imagenet" if weights is None and model in cell.recipe.pretrained else weights
        command = ["fer-bench", "train", "--model", model, "--dataset", dataset, "--recipe", recipe]
        command += ["--seed", str(seed), *(["--weights", start] if start else []), *place.option]
        choice = "name one that is there by its --recipe and --seed, or " if here else ""
        raise FerBenchError(f"{missing}; {choice}run {shlex.join(command)}")
    return cell, run


def training_of(folder: Path, test: "EvalRecord", runs: Mapping[str, "TrainRecord"]) -> "TrainRecord | None":
    """Return the run, of those by cell id, whose network was tested; ``None`` where it is not among them.

    Raises:
        FerBenchError: the run has been made again since, with other weights; the message names files of ``folder``.
    """
    from fer_bench.records import path_of

    run = runs.get(test.cell_id)
    if run is not None and run.weights_sha256 != test.weights_sha256:
        raise FerBenchError(
            f"{path_of(folder, test)}: made with other weights than {path_of(folder, run).name}; "
            "run `fer-bench evaluate` and `fer-bench cross-test` again"
        )
    return run


def _runs_there(place: Workspace, model: str, prepared: "TrainingData") -> tuple[list[str], list[str]]:
    """Return words that name the runs of a model on a dataset, by recipe: those on this copy, those on another."""
    from fer_bench import records
    from fer_bench.records import TrainRecord

    here: dict[str, list[int]] = {}
    elsewhere: dict[str, list[int]] = {}
    for run in records.load_all(place.results.records, TrainRecord):
        if (run.model, run.dataset) == (model, prepared.dataset) and place.weights(run.cell_id).is_file():
            same = run.dataset_fingerprint == prepared.fingerprint
            (here if same else elsewhere).setdefault(run.recipe, []).append(run.seed)
    return _told(here, ""), _told(elsewhere, " on another copy of it")


def _told(seeds: Mapping[str, list[int]], copy: str) -> list[str]:
    return [f"{recipe}{copy} (seed {', '.join(map(str, sorted(numbers)))})" for recipe, numbers in seeds.items()]
