"""Test a trained model under every corruption."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_bench import records
from fer_bench.accuracy.subjects import units_of
from fer_bench.corruptions import CORRUPTIONS, PROTOCOL, SEVERITIES
from fer_bench.datasets.integrity import require_intact
from fer_bench.datasets.joined import Images
from fer_bench.datasets.prepared import Prepared
from fer_bench.emotions import EMOTIONS
from fer_bench.evaluation import counted
from fer_bench.records import (
    CorruptionResult,
    Environment,
    External,
    Identity,
    RobustnessRecord,
    TrainRecord,
    same_place,
)
from fer_bench.robustness.images import CorruptedImages
from fer_bench.workspace import Workspace

CONDITIONS = 1 + SEVERITIES * len(CORRUPTIONS)
"""How often every test image is answered: once as it is, then under each corruption with each severity."""


Predict = Callable[[Images, NDArray[np.intp]], NDArray[np.float32]]
"""Returns the class probabilities, (len(rows), 7), of some images."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model that is tested: trained here, or external."""

    identity: Identity
    weights_sha256: str
    trained_on: tuple[str, ...] = ()
    """Corruptions that its training images had."""
    external: External | None = None
    """Set for a model that fer-bench did not train."""


def subject_of(run: TrainRecord) -> Subject:
    """Return the model of a finished run."""
    augmentation = run.recipe_content.get("augmentation", {})  # Older records do not know of corruptions.
    return Subject(
        identity=run, weights_sha256=run.weights_sha256, trained_on=tuple(augmentation.get("corruptions", ()))
    )


def tested(workspace: Workspace, subject: Subject, target: Prepared) -> RobustnessRecord | None:
    """Return the record of a finished test of this model on this state of the target, else ``None``."""
    record = _kept(workspace, subject, target)
    return record if record is not None and record.complete else None


def test_corrupted(
    subject: Subject,
    target: Prepared,
    predict: Predict,
    workspace: Workspace,
    *,
    size: int,
    environment: Environment,
    on_progress: Callable[[int, int], None],
) -> RobustnessRecord:
    """Test a model on the test images of ``target`` under every corruption, or return the record where done.

    The record is saved after every corruption, so that the same call continues after an interruption.

    Args:
        subject: the model.
        target: a dataset with test images.
        predict: answers as the model does.
        workspace: where records go.
        size: of the network's input, pixels; larger pictures are averaged over areas.
        environment: in which the model answers.
        on_progress: is told how many answers there are so far, and how many of them an earlier call had.
    """
    rows = target.indices("test")
    labels = np.asarray(target.labels)[rows].astype(np.int64)

    def answers(corruption: str, severity: int) -> NDArray[np.intp]:
        images = CorruptedImages(dataset=target, size=size, corruption=corruption, severity=severity)
        # Rounded as evaluate rounds them, so that pictures as they are get the answers of that record.
        found: NDArray[np.intp] = predict(images, rows).astype(np.float16).argmax(axis=1)
        return found

    record = _kept(workspace, subject, target)
    known = len(rows) * (1 + SEVERITIES * len(record.results)) if record else 0
    on_progress(known, known)
    if record is None or not record.complete:
        require_intact(target)
    if record is None:
        record = _begun(subject, target, labels, answers("", 0), environment)
    elif not same_place(record.environment, environment) and not record.complete:
        others = (*record.earlier_environments, record.environment)
        earlier = tuple(one for one in others if not same_place(one, environment))
        record = dataclasses.replace(record, environment=environment, earlier_environments=earlier)
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


def _kept(workspace: Workspace, subject: Subject, target: Prepared) -> RobustnessRecord | None:
    """Return the record, finished or not, of these weights on this state of the target; maybe none."""
    model = subject.identity
    stem = records.stem_of(model.model, model.dataset, target.dataset, model.recipe, model.seed)
    path = workspace.results.records / RobustnessRecord.kind / f"{stem}.json"
    if not path.is_file():
        return None
    record = records.load(path, RobustnessRecord)
    wanted = (subject.weights_sha256, model.backend, target.fingerprint, PROTOCOL)
    found = (record.weights_sha256, record.backend, record.target_fingerprint, record.protocol)
    return record if found == wanted else None


def _begun(
    subject: Subject,
    target: Prepared,
    labels: NDArray[np.int64],
    answers: NDArray[np.intp],
    environment: Environment,
) -> RobustnessRecord:
    """Return the record of a test that has answered the pictures as they are."""
    rows = target.indices("test")
    subjects = units_of(target.groups[rows], target.ids[rows])
    model = subject.identity
    return RobustnessRecord(
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
        protocol=PROTOCOL,
        corruptions=tuple(CORRUPTIONS),
        severities=SEVERITIES,
        confusion_matrix=counted(labels, answers),
        right=_digits(labels, [answers]),
        results=(),
        subjects=tuple(map(int, subjects)) if subjects.max() + 1 < len(rows) else (),
        weights_sha256=subject.weights_sha256,
        trained_on=subject.trained_on,
        environment=environment,
        external=subject.external,
        target_prepared=target.preparation,
    )


def _digits(labels: NDArray[np.int64], answers: Sequence[NDArray[np.intp]]) -> str:
    """Return how many of the answers to each image are right, a digit an image."""
    return "".join(map(str, np.sum([answer == labels for answer in answers], axis=0)))
