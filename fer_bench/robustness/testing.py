"""Test a trained model under every corruption."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend, records
from fer_bench.accuracy.subjects import units_of
from fer_bench.datasets.prepared import Prepared
from fer_bench.emotions import EMOTIONS
from fer_bench.environment import describe
from fer_bench.evaluation import counted, require_testable
from fer_bench.network import Network
from fer_bench.records import CorruptionResult, RobustnessRecord, TrainRecord
from fer_bench.robustness.corruptions import CORRUPTIONS, PROTOCOL, SEVERITIES
from fer_bench.robustness.images import CorruptedImages
from fer_bench.workspace import Workspace

CONDITIONS = 1 + SEVERITIES * len(CORRUPTIONS)
"""How often every test image is answered: once as it is, then under each corruption with each severity."""


def tested(workspace: Workspace, run: TrainRecord, target: Prepared) -> RobustnessRecord | None:
    """Return the record of a finished test of this run on this state of the target, else ``None``."""
    record = _kept(workspace, run, target)
    return record if record is not None and record.complete else None


def test_corrupted(
    run: TrainRecord,
    target: Prepared,
    network: Network,
    workspace: Workspace,
    on_progress: Callable[[int, int], None],
) -> RobustnessRecord:
    """Test a finished run on the test images of ``target`` under every corruption, or return the record where done.

    The record is saved after every corruption, so that the same call continues after an interruption.

    Args:
        run: the record of the training run.
        target: the run's own dataset or another one.
        network: compiled for the run's model and recipe, with the run's weights loaded.
        workspace: where records go.
        on_progress: is told how many answers there are so far, and how many of them an earlier call had.

    Raises:
        FerBenchError: as :func:`fer_bench.evaluation.require_testable`.
    """
    require_testable(run, target)
    rows = target.indices("test")
    labels = np.asarray(target.labels)[rows].astype(np.int64)
    size = run.recipe_content["image_size"]

    def answers(corruption: str, severity: int) -> NDArray[np.intp]:
        images = CorruptedImages(dataset=target, size=size, corruption=corruption, severity=severity)
        # Rounded as evaluate rounds them, so that pictures as they are get the answers of that record.
        found: NDArray[np.intp] = network.predict(images, rows).astype(np.float16).argmax(axis=1)
        return found

    record = _kept(workspace, run, target)
    known = len(rows) * (1 + SEVERITIES * len(record.results)) if record else 0
    on_progress(known, known)
    if record is None:
        record = _begun(run, target, labels, answers("", 0))
    for corruption in record.corruptions[len(record.results) :]:
        found = []
        for severity in range(1, SEVERITIES + 1):
            found.append(answers(corruption, severity))
            on_progress(len(rows) * (1 + SEVERITIES * len(record.results) + severity), known)
        result = CorruptionResult(
            corruption=corruption,
            confusion_matrices=tuple(counted(labels, answer) for answer in found),
            right=_digits(labels, found),
        )
        record = dataclasses.replace(record, results=(*record.results, result))
        records.save(workspace.results.records, record)
    return record


def _kept(workspace: Workspace, run: TrainRecord, target: Prepared) -> RobustnessRecord | None:
    """Return the record, finished or not, of these weights on this state of the target; maybe none."""
    stem = records.stem_of(run.model, run.dataset, target.dataset, run.recipe, run.seed)
    path = workspace.results.records / RobustnessRecord.kind / f"{stem}.json"
    if not path.is_file():
        return None
    record = records.load(path, RobustnessRecord)
    wanted = (run.weights_sha256, run.backend, target.fingerprint, PROTOCOL)
    found = (record.weights_sha256, record.backend, record.target_fingerprint, record.protocol)
    return record if found == wanted else None


def _begun(
    run: TrainRecord, target: Prepared, labels: NDArray[np.int64], answers: NDArray[np.intp]
) -> RobustnessRecord:
    """Return the record of a test that has answered the pictures as they are."""
    rows = target.indices("test")
    subjects = units_of(target.groups[rows], target.ids[rows])
    return RobustnessRecord(
        model=run.model,
        dataset=run.dataset,
        recipe=run.recipe,
        seed=run.seed,
        backend=run.backend,
        origin=run.origin,
        dataset_fingerprint=run.dataset_fingerprint,
        class_names=EMOTIONS,
        target=target.dataset,
        target_fingerprint=target.fingerprint,
        n=len(rows),
        protocol=PROTOCOL,
        corruptions=tuple(CORRUPTIONS),
        severities=SEVERITIES,
        confusion_matrix=counted(labels, answers),
        right=_digits(labels, [answers]),
        results=(),
        subjects=tuple(map(int, subjects)) if subjects.max() + 1 < len(rows) else (),
        weights_sha256=run.weights_sha256,
        environment=describe(backend.devices()),
        target_prepared=target.preparation,
    )


def _digits(labels: NDArray[np.int64], answers: Sequence[NDArray[np.intp]]) -> str:
    """Return how many of the answers to each image are right, a digit an image."""
    return "".join(map(str, np.sum([answer == labels for answer in answers], axis=0)))
