"""Test a trained model: one function for the own test set and for the cross-test (paper, section IV-C)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend, grid, metrics, records
from fer_bench.datasets.integrity import require_intact
from fer_bench.datasets.prepared import Prepared
from fer_bench.emotions import EMOTIONS
from fer_bench.environment import describe
from fer_bench.errors import FerBenchError
from fer_bench.files import replacing, sha256_of
from fer_bench.network import Network
from fer_bench.records import Counts, Environment, EvalRecord, External, Identity, TrainRecord
from fer_bench.workspace import Workspace


def evaluate(run: TrainRecord, target: Prepared, network: Network, workspace: Workspace) -> EvalRecord:
    """Test a finished run on the test images of ``target``, or return the record where that has been done.

    Stores every prediction (ids, labels, float16 probabilities) beside the record. The confusion matrix is that of
    the stored probabilities, so that anybody can count it again.

    Args:
        run: the record of the training run.
        target: the run's own dataset or another one.
        network: compiled for the run's model and recipe, with the run's weights loaded.
        workspace: where records go.

    Raises:
        FerBenchError: as :func:`require_testable`.
    """
    require_testable(run, target)
    done = grid.evaluated(workspace, run, target)
    if done is not None:
        return done
    require_intact(target)
    images = target.at_size(run.recipe_content["image_size"])
    answers = network.predict(images, target.indices("test"))
    environment = describe(backend.devices(), [run.model])
    return save_test(workspace, run, run.weights_sha256, target, answers, environment)


def require_testable(run: TrainRecord, target: Prepared) -> None:
    """Refuse a test that cannot be made, or whose result nobody could use.

    Raises:
        FerBenchError: the run was trained on another backend; or the target has no test images, or is synthetic where
            the run is real, or the other way round.
    """
    if run.backend != backend.name():
        raise FerBenchError(
            f"{run.cell_id}: was trained on {run.backend}, this command is on {backend.name()}: set "
            f"KERAS_BACKEND={run.backend} to test it"
        )
    target.require_test_images()
    if target.origin != run.origin:
        raise FerBenchError(
            f"{run.model} was trained on {run.origin} {run.dataset}, and this {target.dataset} is {target.origin}: "
            "real and synthetic data are never mixed; use separate workspaces"
        )


def save_test(
    workspace: Workspace,
    model: Identity,
    weights_sha256: str,
    target: Prepared,
    answers: NDArray[np.float32],
    environment: Environment,
    external: External | None = None,
) -> EvalRecord:
    """Store a model's answers to the test images of ``target``, and return their record.

    Args:
        workspace: where records go.
        model: that answered, with its backend.
        weights_sha256: of its weights.
        target: the test set.
        answers: probabilities (n, 7) of the test images, in the order of the classes.
        environment: in which the model answered.
        external: set for a model that fer-bench did not train.
    """
    rows = target.indices("test")
    probabilities = answers.astype(np.float16)
    labels = np.asarray(target.labels)[rows].astype(np.int64)
    predicted = probabilities.argmax(axis=1)
    matrix = counted(labels, predicted)
    parts = np.asarray(target.parts)[rows]
    by_part = {str(part): counted(labels[parts == part], predicted[parts == part]) for part in np.unique(parts)}

    stem = records.stem_of(model.model, model.dataset, target.dataset, model.recipe, model.seed)
    predictions = workspace.results.records / EvalRecord.kind / f"{stem}.npz"
    with replacing(predictions) as temporary:
        np.savez_compressed(
            temporary, ids=np.asarray(target.ids)[rows].astype(np.str_), labels=labels, probabilities=probabilities
        )
    record = EvalRecord(
        model=model.model,
        dataset=model.dataset,
        recipe=model.recipe,
        seed=model.seed,
        backend=model.backend,
        origin=model.origin,
        dataset_fingerprint=model.dataset_fingerprint,
        class_names=EMOTIONS,
        target=target.dataset,
        target_fingerprint=target.fingerprint,
        n=len(rows),
        confusion_matrix=matrix,
        accuracy=int(np.trace(matrix)) / len(rows),
        weights_sha256=weights_sha256,
        predictions=predictions.name,
        predictions_sha256=sha256_of(predictions),
        environment=environment,
        parts=by_part if len(by_part) > 1 else {},
        external=external,
        target_prepared=target.preparation,
    )
    records.save(workspace.results.records, record)
    return record


def counted(labels: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]]) -> Counts:
    """Return the confusion matrix of some answers as a record holds it; both arguments are class indices, (n,)."""
    matrix = metrics.confusion_matrix(labels, predicted, len(EMOTIONS))
    return tuple(tuple(int(count) for count in row) for row in matrix)
