"""The predictions of a test, an ``.npz`` beside its record: read as untrusted, checked against the record."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics
from fer_bench.arrays import DAMAGE, stated
from fer_bench.errors import FerBenchError, first_line
from fer_bench.files import inside, sha256_of
from fer_bench.records import EvalRecord

_ROUNDING = 0.005
"""How far a sum of probabilities in float16 may be from 1: seven of them are off by 0.0017 at most."""
AGAIN = "run `fer-bench evaluate` or `fer-bench cross-test` again"


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions:
    """What a run answered to n images, in the order stored."""

    ids: NDArray[np.str_]
    """(n,), unique."""
    labels: NDArray[np.int64]
    """True class indices, (n,)."""
    probabilities: NDArray[np.float16]
    """(n, classes), as stored."""

    @property
    def classes(self) -> NDArray[np.int64]:
        """Class indices of the highest probability, (n,)."""
        highest: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return highest


def path_of(records_folder: Path, record: EvalRecord) -> Path:
    """Return the file of a record's predictions.

    Raises:
        FerBenchError: the record names a file elsewhere.
    """
    return inside(records_folder / EvalRecord.kind, record.predictions)


def read_predictions(records_folder: Path, record: EvalRecord) -> Predictions:
    """Read the stored predictions of a test.

    Args:
        records_folder: the folder that holds ``eval/``, with the predictions of the record in it.
        record: the test.

    Raises:
        FerBenchError: the file is missing, not that of the record or not readable, holds anything else, or its parts
            contradict each other or the record.
    """
    file = path_of(records_folder, record)
    if not file.is_file():
        raise FerBenchError(f"{file}: the predictions of {record.stem}.json are missing; {AGAIN}")
    try:
        if sha256_of(file) != record.predictions_sha256:
            raise FerBenchError(f"{file}: not the predictions that {record.stem}.json was made from; {AGAIN}")
        _require_form(file, stated(file), record)
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except DAMAGE as error:
        raise FerBenchError(
            f"{file}: not readable as .npz of ids, labels and probabilities ({first_line(error)}); {AGAIN}"
        ) from error
    n, classes = record.n, len(record.class_names)
    found = Predictions(
        ids=arrays["ids"].astype(np.str_),
        labels=arrays["labels"].astype(np.int64),
        probabilities=arrays["probabilities"],
    )
    if len(np.unique(found.ids)) != n:
        raise FerBenchError(f"{file}: an image's id occurs twice; prepare the dataset again and {AGAIN}")
    outside = found.labels[(found.labels < 0) | (found.labels >= classes)]
    if outside.size:
        raise FerBenchError(f"{file}: holds the label {outside[0]}; expected class indices below {classes}; {AGAIN}")
    sums = found.probabilities.astype(np.float64).sum(axis=1)
    wrong = np.flatnonzero(~((found.probabilities >= 0).all(axis=1) & (np.abs(sums - 1) <= _ROUNDING)))
    if wrong.size:
        listed = ", ".join(f"{value:g}" for value in found.probabilities[wrong[0]])
        advice = AGAIN if np.isfinite(sums).all() else "the model has diverged: train it with a lower learning rate"
        raise FerBenchError(f"{file}: holds {listed} for an image; expected probabilities, which sum to 1; {advice}")
    if not np.array_equal(metrics.confusion_matrix(found.labels, found.classes, classes), record.confusion_matrix):
        raise FerBenchError(f"{file}: gives another confusion matrix than {record.stem}.json holds; {AGAIN}")
    return found


def _require_form(file: Path, arrays: Mapping[str, NDArray[np.generic]], record: EvalRecord) -> None:
    """Refuse other arrays, shapes or types than a test writes, before anything is unpacked."""
    n = record.n
    expected = {"ids": ("U", (n,)), "labels": ("iu", (n,)), "probabilities": ("f", (n, len(record.class_names)))}
    # Nothing else: what is published must not hold pictures of people.
    if {name: array.shape for name, array in arrays.items()} != {name: shape for name, (_, shape) in expected.items()}:
        listed = ", ".join(f"{name} {shape}" for name, (_, shape) in expected.items())
        raise FerBenchError(f"{file}: holds {_listed(arrays)}; expected {listed}; {AGAIN}")
    if any(array.dtype.kind not in expected[name][0] for name, array in arrays.items()):
        types = ", ".join(f"{name} as {array.dtype}" for name, array in sorted(arrays.items()))
        raise FerBenchError(f"{file}: holds {types}; expected text, whole numbers and floats; {AGAIN}")


def _listed(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    names = (f"{name if name.isidentifier() else repr(name)} {array.shape}" for name, array in sorted(arrays.items()))
    return ", ".join(names) or "nothing"
