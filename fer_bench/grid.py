"""The grid of training runs, model x seed x dataset: which cells there are, and which of them have been done.

Planning needs no Keras: whether a cell has been trained or tested is told from files.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench import backend, records
from fer_bench.datasets.prepared import Prepared
from fer_bench.errors import FerBenchError
from fer_bench.files import LONGEST_REPLACED, sha256_of
from fer_bench.models import model_card, model_names
from fer_bench.models.pretrained import IMAGENET
from fer_bench.predictions import path_of
from fer_bench.presets import PRESETS, recipe_from
from fer_bench.recipe import Recipe, name_in
from fer_bench.records import EvalRecord, Identity, TrainRecord
from fer_bench.workspace import Workspace


@dataclass(frozen=True)
class Cell:
    """One training run."""

    model: str
    dataset: str
    recipe: Recipe
    seed: int

    @property
    def id(self) -> str:
        """Stem of the run's files; equal to its records' ``cell_id``."""
        return records.cell_id(self.model, self.dataset, self.recipe.id, self.seed)


def cells(models: Sequence[str], datasets: Sequence[str], recipe: Recipe, seeds: Sequence[int]) -> Iterator[Cell]:
    """Yield every cell, model by model, so that each network is compiled once."""
    for model in models:
        for seed in seeds:
            for dataset in datasets:
                yield Cell(model, dataset, recipe, seed)


def check_network(model: str, recipe: Recipe) -> None:
    """Refuse a recipe of which a model can never be trained, whatever it starts from.

    Raises:
        FerBenchError: its images are too small, or it freezes more layers than the model's backbone has.
    """
    model_card(model).check_image_size(recipe.image_size)
    if recipe.freeze_layers is not None:
        model_card(model).backbone_to_freeze(recipe.freeze_layers)


def check_start(models: Sequence[str], recipe: Recipe, weights: str | None) -> None:
    """Refuse what some model cannot be trained by or from, before the first one has been trained for hours.

    Args:
        models: to be trained.
        recipe: names the models that start from ImageNet weights.
        weights: as ``--weights``; ``None`` where it is not given.

    Raises:
        FerBenchError: the recipe names a model that does not exist; as :func:`check_network`; or a model is to start
            from ImageNet weights, and none are given, the file is missing, or none are known for the model.
    """
    for model in recipe.pretrained:
        if model not in model_names():
            raise FerBenchError(
                f"recipe {recipe.name!r}: pretrained names no model {model!r}; expected some of "
                f"{', '.join(model_names())}"
            )
    for model in models:
        check_network(model, recipe)
        if model not in recipe.pretrained:
            continue
        if model_card(model).imagenet_application is None:
            raise FerBenchError(
                f"{model}: no ImageNet weights are known for this model; "
                "leave --weights and the recipe's 'pretrained' out for it, or use --weights random"
            )
        if weights is None:
            raise FerBenchError(
                f"recipe {recipe.name!r} starts {model} from ImageNet weights: "
                "give --weights imagenet (downloaded by Keras), --weights PATH, or --weights random for a random start"
            )
        if weights != IMAGENET and not Path(weights).is_file():
            raise FerBenchError(f"--weights {weights}: no such file; expected 'imagenet', 'random' or a weights file")


def check_weights(models: Sequence[str], recipe: Recipe, weights: str | None) -> None:
    """Refuse a ``--weights`` that applies to none of several models: each would start from random weights in silence.

    Raises:
        FerBenchError: it names ImageNet weights, and the recipe starts none of the models from them.
    """
    if weights in (None, "random") or set(models) & set(recipe.pretrained):
        return
    starts = ", ".join(recipe.pretrained) or "no model"
    raise FerBenchError(
        f"--weights {weights}: the recipe {recipe.name!r} starts {starts} from ImageNet weights, but none of "
        f"{', '.join(models)}; leave --weights out, or name the models in the 'pretrained' of a recipe file"
    )


def check_names(cell: Cell, workspace: Workspace) -> None:
    """Refuse a run whose result could not be saved, since the file system takes no names of that length.

    Raises:
        FerBenchError: they are longer.
    """
    stem = records.stem_of(cell.model, cell.dataset, cell.dataset, cell.recipe.id, cell.seed)
    longest = max(len(os.fsencode(name)) for name in (f"{stem}.json", workspace.weights(cell.id).name))
    if longest > LONGEST_REPLACED:
        raise FerBenchError(
            f"{cell.id}: the names of its files would have up to {longest} bytes, and {LONGEST_REPLACED} are the most; "
            f"give the recipe a shorter name (now {cell.recipe.name!r}), by name = ... in its file"
        )


def trained(workspace: Workspace, cell: Cell, fingerprint: str, weights: str | None = None) -> TrainRecord | None:
    """Return the record of a finished run of a cell on this state of the dataset, else ``None``.

    Args:
        workspace: where it may be.
        cell: the run.
        fingerprint: of the dataset.
        weights: as in ``--weights``; ``None`` for whatever it started from.

    Raises:
        FerBenchError: there is one that was trained on another backend or from other weights, which its file's name
            does not tell: it is not the result asked for, and must not be replaced unasked.
    """
    record = recorded(workspace, cell)
    if record is None or record.dataset_fingerprint != fingerprint:
        return None
    other = mismatch(record, cell, weights)
    if other:
        path = records.path_of(workspace.results.records, record)
        raise FerBenchError(f"{cell.id}: {other}, choose another --workspace, or delete {path} to train it again")
    return record


def mismatch(run: TrainRecord, cell: Cell, weights: str | None) -> str:
    """Return how a run differs from what is asked for in backend or start, for a message; empty where it does not.

    Args:
        run: the record of the run.
        cell: what is asked for.
        weights: as in ``--weights``; ``None`` for whatever it started from.
    """
    if run.backend != backend.name():
        return (
            f"was trained on {run.backend}, this command is on {backend.name()}: set KERAS_BACKEND={run.backend} to "
            "use that result"
        )
    begun = run.start.sha256 or IMAGENET
    if weights is not None and cell.model in cell.recipe.pretrained and begun != start_id(weights):
        return (
            f"was trained from the ImageNet weights {run.start.source} (SHA-256 "
            f"{run.start.sha256[:12] or 'unknown'}), not from {weights}: give those with --weights"
        )
    return ""


def start_id(weights: str | None) -> str:
    """Return what tells one start from another: the SHA-256 of a weights file, else ``imagenet`` or ``None``.

    ``imagenet`` is Keras' download, as :func:`fer_bench.models.pretrained.copy_imagenet` takes it, also where the
    current folder has a file of that name.
    """
    if weights is None or weights == IMAGENET or not Path(weights).is_file():
        return str(weights)
    return sha256_of(Path(weights))


def recorded(workspace: Workspace, cell: Cell) -> TrainRecord | None:
    """Return the record of a finished run of a cell, on whatever backend and state of the dataset.

    ``None`` also where its weights file is gone: then nothing can be tested, and the cell is to be trained again.
    """
    stem = records.stem_of(cell.model, cell.dataset, cell.dataset, cell.recipe.id, cell.seed)
    path = workspace.results.records / TrainRecord.kind / f"{stem}.json"
    if not path.is_file() or not workspace.weights(cell.id).is_file():
        return None
    return records.load(path, TrainRecord)


def evaluated(workspace: Workspace, run: TrainRecord, target: Prepared) -> EvalRecord | None:
    """Return the record of a finished test of this run on this state of the target, else ``None``."""
    return tested(workspace, run, run.weights_sha256, target)


def tested(workspace: Workspace, model: Identity, weights_sha256: str, target: Prepared) -> EvalRecord | None:
    """Return the record of a finished test of a model, trained here or external, else ``None``.

    ``None`` where it is of other weights, another backend or another state of the target; and where the predictions
    beside the record are missing or not those that it names, so that testing writes them anew.
    """
    folder = workspace.results.records / EvalRecord.kind
    stem = records.stem_of(model.model, model.dataset, target.dataset, model.recipe, model.seed)
    path = folder / f"{stem}.json"
    if not path.is_file():
        return None
    record = records.load(path, EvalRecord)
    same = record.weights_sha256 == weights_sha256 and record.target_fingerprint == target.fingerprint
    same = same and record.backend == model.backend
    return record if same and has_predictions(workspace, record) else None


def has_predictions(workspace: Workspace, record: EvalRecord) -> bool:
    """Return whether the predictions that a test's record names are beside it."""
    predictions = path_of(workspace.results.records, record)
    return predictions.is_file() and sha256_of(predictions) == record.predictions_sha256


def cell_of_run(run: TrainRecord) -> Cell:
    """Return the cell that a training record is of, with the recipe that the record holds.

    Raises:
        FerBenchError: this version cannot read that recipe.
    """
    content = {**run.recipe_content, "name": name_in(run.recipe)}
    recipe = recipe_from(content, base=PRESETS["paper"], where=f"{run.stem}.json")
    return Cell(run.model, run.dataset, recipe, run.seed)
