"""Whether an external model answers nearly every image alike, as one does that is fed other values than it expects."""

import dataclasses

import numpy as np

from fer_bench import records
from fer_bench.datasets.prepared import Prepared
from fer_bench.external import Values
from fer_bench.external.adding import VALUES
from fer_bench.external.model import MODEL, ExternalModel
from fer_bench.external.predicting import answers, open_call
from fer_bench.records import EvalRecord
from fer_bench.workspace import Workspace

ALIKE = 0.95
"""Share of the images with one and the same answer."""
IMAGES = 100
"""Test images that other ranges of values are tried on, at most."""
BETTER = 0.2
"""Gain of accuracy on them from which another range is named, as a fraction."""


def alike(record: EvalRecord) -> tuple[str, int] | None:
    """Return the answer that at least :data:`ALIKE` of the images of a test got, and how many; ``None`` where none did.

    A test set that nearly consists of that class gives none either: the answer may be right.
    """
    matrix = np.asarray(record.confusion_matrix)
    answered, true = matrix.sum(axis=0), matrix.sum(axis=1)
    first = int(answered.argmax())
    if answered[first] < ALIKE * record.n or true[first] >= ALIKE * record.n:
        return None
    return record.class_names[first], int(answered[first])


def warning(workspace: Workspace, model: ExternalModel, target: Prepared, record: EvalRecord) -> str:
    """Return what to look at where a model answers nearly every image alike; empty where it does not.

    The other ranges of ``add-onnx --values`` are tried on up to :data:`IMAGES` of the test images, spread evenly.

    Args:
        workspace: that has the model and the record.
        model: it.
        target: the test set.
        record: of its test.

    Raises:
        FerBenchError: ONNX Runtime is missing or cannot run the file.
    """
    found = alike(record)
    if found is None:
        return ""
    answer, count = found
    options = "--labels are" if model.image.dtype == "uint8" else "--values (or --mean and --std) or --labels are"
    return (
        f"{model.name} answers {answer} to {count:,} of {record.n:,} images of {target.dataset}: probably its "
        f"{options} not what the file expects, see its author's code for inference."
        f"{_fitting(workspace, model, target)} To mend it, remove "
        f"{records.path_of(workspace.results.records, record)} and use fer-bench add-onnx --replace"
    )


def _fitting(workspace: Workspace, model: ExternalModel, target: Prepared) -> str:
    """Return a sentence on the range of values that fits far better, if one does."""
    if model.image.dtype == "uint8":
        return ""
    test = target.indices("test")
    rows = test[np.unique(np.linspace(0, len(test) - 1, min(IMAGES, len(test))).astype(np.intp))]
    labels = np.asarray(target.labels)[rows]
    call = open_call(model, workspace.external(model.name) / MODEL, 1)

    def accuracy(fed: ExternalModel) -> float:
        answered = np.concatenate(list(answers(fed, call, target.images, rows))).argmax(axis=1)
        return float((answered == labels).mean())

    def ranged(name: Values) -> ExternalModel:
        scale, offset = VALUES[name]
        return dataclasses.replace(model, scale=scale * model.image.channels, offset=offset * model.image.channels)

    now = accuracy(model)
    best, name = max((accuracy(ranged(name)), name) for name in VALUES)
    if best - now < BETTER:
        return ""
    return f" With --values {name} it would be right for {best:.0%} of {len(rows):,} of them, and is for {now:.0%}."
