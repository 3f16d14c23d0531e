"""Longer training: a recipe of more epochs goes on where the same training with fewer epochs has ended.

Only where the recipes differ in nothing but name and epochs, and their learning rate is constant, as the paper's is
(section IV-B): then both give the same first epochs, and the result is that of one training in one go, on a CPU bit for
bit. A finished run keeps its state for that beside its weights.
"""

import contextlib
import glob
from typing import TYPE_CHECKING

from fer_bench import backend, grid, records
from fer_bench.errors import FerBenchError, number_of
from fer_bench.grid import Cell
from fer_bench.messages import say
from fer_bench.recipe import Recipe
from fer_bench.records import TrainRecord
from fer_bench.training import checkpoint
from fer_bench.workspace import Workspace

if TYPE_CHECKING:
    from fer_bench.network import Network


def keep(workspace: Workspace, cell: Cell) -> None:
    """Move the state of a finished run, where it is still in the run's folder, beside the weights.

    Not where the learning rate falls towards the last epoch: no longer training begins with the same epochs.
    """
    ended = workspace.run(cell.id) / checkpoint.STATE
    if ended.is_file() and cell.recipe.schedule == "constant":
        ended.replace(workspace.state(cell.id))


def shorter(workspace: Workspace, cell: Cell) -> tuple[TrainRecord, Workspace] | None:
    """Return the finished run that a cell can go on from, the one with the most epochs, and the workspace it lies in.

    That may be the one of ``tune`` and ``ablate``. Whether dataset, backend and start are the same, its state tells.
    """
    model, dataset = glob.escape(cell.model), glob.escape(cell.dataset)
    stem = records.stem_of(model, dataset, dataset, "*", cell.seed)
    found = []
    for home in (workspace, workspace.studies):
        for path in (home.results.records / TrainRecord.kind).glob(f"{stem}.json"):
            with contextlib.suppress(FerBenchError):  # Damaged, or not of this version: no concern of this cell.
                run = records.load(path, TrainRecord)
                files = (home.state(run.cell_id), home.weights(run.cell_id))
                if all(file.is_file() for file in files) and _begins_as(run, cell.recipe):
                    found.append((run, home))
    return max(found, key=lambda one: len(one[0].history), default=None)


def _begins_as(run: TrainRecord, recipe: Recipe) -> bool:
    """Return whether a run is of the same training with fewer epochs."""
    recorded = grid.cell_of_run(run).recipe
    same = recorded.content() | {"epochs": recipe.epochs} == recipe.content()
    return same and recipe.schedule == "constant" and len(run.history) == recorded.epochs < recipe.epochs


def begin(
    workspace: Workspace, cell: Cell, own: checkpoint.Checkpoint, network: "Network"
) -> checkpoint.Progress | None:
    """Put the network where a shorter run ended, and return that run's progress; ``None`` where there is none.

    Raises:
        FerBenchError: its weights or its state are damaged.
    """
    found = shorter(workspace, cell)
    if found is None:
        return None
    run, home = found
    network.load_weights(home.weights(run.cell_id), run.weights_sha256)
    progress = own.begin_from(home.state(run.cell_id), run.history, network)
    if progress is None:
        say(f"{cell.id}: does not go on from {run.recipe}, which had another dataset, backend or start")
    else:
        say(f"{cell.id}: goes on after the {number_of(len(run.history), 'epoch')} of {run.recipe}")
    return progress


def epochs_left(workspace: Workspace, cell: Cell, fingerprint: str) -> int:
    """Return how many epochs of an unfinished run are to be trained: all but those of its checkpoint or a shorter run.

    Raises:
        FerBenchError: the checkpoint is damaged.
    """
    begun = checkpoint.reached(workspace.run(cell.id))
    if begun is not None and begun.is_of(fingerprint, backend.name()):
        return cell.recipe.epochs - len(begun.history)
    found = shorter(workspace, cell)
    if found is None or (found[0].dataset_fingerprint, found[0].backend) != (fingerprint, backend.name()):
        return cell.recipe.epochs
    return cell.recipe.epochs - len(found[0].history)
