"""Train one cell: a model on a dataset by a recipe, from a seed, resumable after a kill (paper, section IV-B)."""

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend, grid, memory, records
from fer_bench.compute import compute_settings
from fer_bench.datasets.integrity import require_intact
from fer_bench.datasets.joined import Images, TrainingData, parts
from fer_bench.emotions import EMOTIONS
from fer_bench.environment import describe
from fer_bench.errors import DivergedError, FerBenchError
from fer_bench.files import replacing
from fer_bench.grid import Cell
from fer_bench.messages import say
from fer_bench.network import Network, count_parameters
from fer_bench.progress import unheard
from fer_bench.records import Epoch, TrainRecord, same_place
from fer_bench.training import continuation
from fer_bench.training.batches import as_input, training_batches
from fer_bench.training.checkpoint import STATE, Checkpoint, Progress, identity
from fer_bench.training.run_folder import locked, remove
from fer_bench.workspace import Workspace

OnEpoch = Callable[[int, Epoch], None]
"""Called after each epoch with its number, counted from 0, and its figures."""
_IN_GRAPH = ("Graph execution error", "Detected at node", "File ", "[[", "Node:", "Original stack trace")
"""How the lines of TensorFlow's errors begin that say where a step failed, not why; the first begins the error."""


def train(
    cell: Cell,
    dataset: TrainingData,
    network: Network,
    workspace: Workspace,
    *,
    weights: str | None = None,
    on_epoch: OnEpoch = unheard,
    on_step: Callable[[], None] = unheard,
) -> TrainRecord:
    """Train a cell, or return its record where it has been trained already.

    A checkpoint is written after every epoch; an interrupted run continues after its last complete epoch, whatever
    interrupted it. A new one goes on from a shorter run of the same training.

    Args:
        cell: what to train.
        dataset: the prepared dataset of ``cell.dataset``, or several joined.
        network: compiled for ``cell.model`` and ``cell.recipe``; holds the best weights afterwards.
        workspace: where the checkpoint, the weights and the record go.
        weights: ``imagenet`` or the path of ImageNet weights, for models that the recipe starts from them.
        on_epoch: called after each epoch, also for those that a checkpoint or the record already holds.
        on_step: called once a training step, when the next one begins or the epoch has ended; on JAX and PyTorch the
            device may still be computing the step.

    Raises:
        FerBenchError: the run has been trained on another backend or from other weights; there are no training images,
            or no weights where the recipe needs them; a loss is not a number; a batch, or the weights of a finished
            run, do not fit into memory; a GPU fails; another process works on the same run.
        OSError: the disk is full.
    """
    folder = workspace.run(cell.id)
    record, home = None, workspace
    try:
        with locked(folder):
            record, home = _found(workspace, cell, dataset.fingerprint, weights)
            if record is None:
                record = _train(_Run(cell, dataset, network, workspace, weights, on_epoch, on_step))
            else:
                network.load_weights(home.weights(cell.id), record.weights_sha256)
                if home != workspace:
                    _take_over(home, workspace, cell, record)
                _tell(on_epoch, record.history)
    except Exception as error:
        if memory.is_exhausted(error):
            if record is not None:  # The run was finished before: no training step was too large.
                raise FerBenchError(
                    f"{home.weights(cell.id)}: too little memory for the weights of this finished run; end other "
                    "programs, and run the same command again"
                ) from error
        elif backend.is_device_failure(error):
            raise _device_failed(cell, folder, error) from error
        else:
            raise
    if record is None:
        # After the handler, within which the error's frames would hold the memory of the failed step: smaller batches
        # are tried now.
        height, width = dataset.at_size(cell.recipe.image_size)[np.zeros(1, np.intp)].shape[1:]
        raise FerBenchError(memory.advice(network, cell.recipe, (height, width)))
    continuation.keep(workspace, cell)
    remove(folder)
    return record


@dataclass(frozen=True)
class _Run:
    """The arguments of :func:`train`."""

    cell: Cell
    dataset: TrainingData
    network: Network
    workspace: Workspace
    weights: str | None
    on_epoch: OnEpoch
    on_step: Callable[[], None]


def _train(run: _Run) -> TrainRecord:
    cell, dataset, network, workspace, weights = run.cell, run.dataset, run.network, run.workspace, run.weights
    recipe = cell.recipe
    train_rows, val_rows = dataset.indices("train"), dataset.indices("val")
    if not len(train_rows) or not len(val_rows):
        raise FerBenchError(
            f"{cell.dataset}: {len(train_rows)} training and {len(val_rows)} validation images; cannot train on it"
        )
    if cell.model not in recipe.pretrained:
        weights = None
    grid.check_start([cell.model], recipe, weights)

    # Before the training, so that names too long and settings that cannot be read are an error now, not hours later.
    grid.check_names(cell, workspace)
    compute = compute_settings() | {"devices": str(network.devices)}
    own = identity(dataset.fingerprint, backend.name(), grid.start_id(weights))
    checkpoint = Checkpoint(workspace.run(cell.id), own)
    progress = checkpoint.load(network)
    if progress is None:
        progress = continuation.begin(workspace, cell, checkpoint, network)
    if progress is None:
        progress = Progress(start=network.start(cell.seed, weights), history=[])
    environment = describe(backend.devices(), [cell.model])
    if progress.continues_in(environment):
        epochs = len(progress.history)
        say(f"{cell.id}: goes on in another environment than that of epoch {epochs}; the record names all")
    changed = progress.continues_with(compute)
    if changed:
        epochs = len(progress.history)
        say(f"{cell.id}: goes on with other {', '.join(changed)} than epoch {epochs}; the record names all")
    _tell(run.on_epoch, progress.history)

    for part in parts(dataset):
        require_intact(part)
    images = dataset.at_size(recipe.image_size)
    batches = training_batches(images, dataset.labels, train_rows, recipe, cell.seed)
    if len(progress.history) < recipe.epochs:
        network.trainer.fit(
            as_input(batches),
            epochs=recipe.epochs,
            initial_epoch=len(progress.history),
            shuffle=False,
            verbose=0,
            callbacks=[_epoch_callback(run, progress, checkpoint, images, batches)],
        )

    checkpoint.load_best(network, progress.best_epoch)
    network.save_weights(workspace.weights(cell.id))
    record = TrainRecord(
        model=cell.model,
        dataset=cell.dataset,
        recipe=recipe.id,
        seed=cell.seed,
        backend=backend.name(),
        origin=dataset.origin,
        dataset_fingerprint=dataset.fingerprint,
        class_names=EMOTIONS,
        recipe_content=recipe.content(),
        start=progress.start,
        n_train=len(train_rows),
        n_val=len(val_rows),
        history=tuple(progress.history),
        best_epoch=progress.best_epoch,
        weights_sha256=network.digest(),
        trainable_parameters=count_parameters(network.core)[0],
        environment=environment,
        compute=compute,
        earlier_compute=tuple(other for other in progress.computes if other != compute),
        earlier_environments=tuple(other for other in progress.environments if not same_place(other, environment)),
        prepared=tuple(part.preparation for part in parts(dataset) if part.preparation is not None),
    )
    workspace.state(cell.id).unlink(missing_ok=True)  # That of a run which this one replaces.
    records.save(workspace.results.records, record)
    return record


def _found(
    workspace: Workspace, cell: Cell, fingerprint: str, weights: str | None
) -> tuple[TrainRecord | None, Workspace]:
    """Return the finished run of a cell, ``None`` where there is none, and the workspace that it lies in.

    That is the one of ``tune`` and ``ablate`` where they trained it.
    """
    former = grid.recorded(workspace, cell)
    if former is not None and former.dataset_fingerprint != fingerprint:
        say(f"{cell.id}: was trained on another state of {cell.dataset}; it is trained again and that result replaced")
    record = grid.trained(workspace, cell, fingerprint, weights)
    tried = grid.recorded(workspace.studies, cell)
    if record or tried is None or tried.dataset_fingerprint != fingerprint or grid.mismatch(tried, cell, weights):
        return record, workspace
    return tried, workspace.studies


def _take_over(home: Workspace, workspace: Workspace, cell: Cell, run: TrainRecord) -> None:
    """Copy a run that ``tune`` or ``ablate`` trained, and whose weights have been checked, into the workspace."""
    with replacing(workspace.weights(cell.id)) as temporary:
        shutil.copyfile(home.weights(cell.id), temporary)
    records.save(workspace.results.records, run)
    say(f"{cell.id}: was trained by tune or ablate; that run is taken")


def _device_failed(cell: Cell, folder: Path, error: BaseException) -> FerBenchError:
    """Return the error of a GPU that failed during the run in ``folder``."""
    kept = (
        "the state after every complete epoch is kept: run the same command again, and it continues there"
        if (folder / STATE).is_file()
        else "no epoch was complete: where the same command fails again, look at the reason, and run fer-bench doctor"
    )
    return FerBenchError(f"{cell.id}: {backend.devices()[0]} failed while it trained ({_reason(error)}); {kept}")


def _reason(error: BaseException) -> str:
    """Return the line of a backend's error that says why, at most 200 characters.

    The first line; but TensorFlow's errors in a graph begin with their place in the graph and end with the reason.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if lines[0].startswith(_IN_GRAPH[0]):
        told = [line for line in lines if not line.startswith(_IN_GRAPH)]
        lines = told[-1:] or lines
    return lines[0][:200]


def _tell(on_epoch: OnEpoch, history: Sequence[Epoch]) -> None:
    for number, epoch in enumerate(history):
        on_epoch(number, epoch)


def _epoch_callback(run: _Run, progress: Progress, checkpoint: Checkpoint, images: Images, batches: Any) -> Any:
    """Return the Keras callback that sets the learning rate, validates, keeps the best weights and checkpoints."""
    import keras

    network, recipe = run.network, run.cell.recipe
    val_rows = run.dataset.indices("val")
    labels = run.dataset.labels[val_rows]

    def diverged(what: str, epoch: int) -> DivergedError:
        return DivergedError(
            f"{network.name}: {what} in epoch {epoch + 1}; lower the recipe's learning rate ({recipe.learning_rate:g})"
            + (f"; the state after epoch {epoch} is kept" if epoch else "")
        )

    def require_number(what: str, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise diverged(f"the {what} loss became {loss}", epoch)

    class EveryEpoch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.began = time.perf_counter()
            batches.begin_epoch(epoch + 1)
            network.optimizer.learning_rate = recipe.learning_rate_at(epoch)
            backend.begin_epoch(run.cell.seed, epoch)

        # Not on_train_batch_end: if a callback has it, Keras waits for the device after every step.
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch > 0:
                run.on_step()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            run.on_step()
            logs = logs or {}
            require_number("training", logs["loss"], epoch)
            val_loss, val_accuracy = scores(network.predict(images, val_rows), labels)
            require_number("validation", val_loss, epoch)
            if not network.is_finite():
                raise diverged("some weights became no numbers", epoch)
            entry = Epoch(
                loss=float(logs["loss"]),
                accuracy=float(logs["accuracy"]),
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                learning_rate=recipe.learning_rate_at(epoch),
                seconds=time.perf_counter() - self.began,
            )
            if progress.best_epoch < 0 or val_accuracy > progress.history[progress.best_epoch].val_accuracy:
                progress.best_epoch = epoch
            progress.history.append(entry)
            checkpoint.save(network, progress)
            run.on_epoch(epoch, entry)

    return EveryEpoch()


def scores(probabilities: NDArray[np.floating[Any]], labels: NDArray[Any]) -> tuple[float, float]:
    """Return mean categorical cross-entropy (nats; probabilities clipped to 1e-7 as in Keras) and accuracy."""
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = -np.log(np.clip(own, 1e-7, 1 - 1e-7)).mean()
    return float(loss), float((probabilities.argmax(axis=1) == labels).mean())
