"""The predictions of a test, an ``.npz`` beside its record: read as untrusted, checked against the record."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics
from fer_bench.errors import FerBenchError
from fer_bench.files import inside, sha256_of
from fer_bench.records import EvalRecord

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
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FerBenchError(
            f"{file}: not readable as .npz of ids, labels and probabilities ({error}); {AGAIN}"
        ) from error
    n, classes = record.n, len(record.class_names)
    shapes = {name: array.shape for name, array in arrays.items()}
    # Nothing else: what is published must not hold pictures of people.
    expected = {"ids": (n,), "labels": (n,), "probabilities": (n, classes)}
    if shapes != expected:
        raise FerBenchError(f"{file}: holds {_listed(shapes)}; expected {_listed(expected)}; {AGAIN}")
    found = Predictions(
        ids=arrays["ids"].astype(np.str_),
        labels=arrays["labels"].astype(np.int64),
        probabilities=arrays["probabilities"],
    )
    if len(np.unique(found.ids)) != n:
        raise FerBenchError(f"{file}: an image's id occurs twice; prepare the dataset again and {AGAIN}")
    if not np.array_equal(metrics.confusion_matrix(found.labels, found.classes, classes), record.confusion_matrix):
        raise FerBenchError(f"{file}: gives another confusion matrix than {record.stem}.json holds; {AGAIN}")
    return found


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in sorted(shapes.items())) or "nothing"
