"""What a run answered to each image of a test set, from the predictions beside its record."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics
from fer_bench.errors import FerBenchError
from fer_bench.files import inside, sha256_of
from fer_bench.records import EvalRecord


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """One run's answers to n images, in the ascending order of their ids, whatever order they were stored in."""

    ids: NDArray[np.str_]
    """(n,), unique."""
    labels: NDArray[np.int64]
    """True class indices, (n,)."""
    predictions: NDArray[np.int64]
    """Class indices of the highest probability, (n,)."""
    confidences: NDArray[np.float64]
    """The highest probabilities, (n,), as stored: good to about 0.0005."""

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each answer is right, (n,)."""
        right: NDArray[np.bool_] = self.labels == self.predictions
        return right


def read(records_folder: Path, record: EvalRecord) -> Answers:
    """Read the stored predictions of a test.

    Args:
        records_folder: the folder that holds ``eval/``, with the predictions of the record in it.
        record: the test.

    Raises:
        FerBenchError: the file is missing, not that of the record or not readable, or its parts contradict each other
            or the record.
    """
    folder = records_folder / EvalRecord.kind
    file = inside(folder, record.predictions)
    again = "run `fer-bench evaluate` or `fer-bench cross-test` again"
    if not file.is_file():
        raise FerBenchError(f"{file}: the predictions of {record.stem}.json are missing; {again}")
    try:
        if sha256_of(file) != record.predictions_sha256:
            raise FerBenchError(f"{file}: not the predictions that {record.stem}.json was made from; {again}")
        with np.load(file, allow_pickle=False) as archive:
            ids, labels, probabilities = archive["ids"], archive["labels"], archive["probabilities"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FerBenchError(
            f"{file}: not readable as .npz of ids, labels and probabilities ({error}); {again}"
        ) from error
    classes = len(record.class_names)
    shapes = (ids.shape, labels.shape, probabilities.shape)
    if shapes != ((record.n,), (record.n,), (record.n, classes)):
        raise FerBenchError(
            f"{file}: ids, labels and probabilities of the shapes {', '.join(map(str, shapes))}, expected "
            f"{(record.n,)}, {(record.n,)} and {(record.n, classes)}; {again}"
        )
    ids = ids.astype(np.str_)
    if len(np.unique(ids)) != len(ids):
        raise FerBenchError(f"{file}: an image's id occurs twice; prepare the dataset again and {again}")
    predictions = probabilities.argmax(axis=1)
    if not np.array_equal(metrics.confusion_matrix(labels, predictions, classes), record.confusion_matrix):
        raise FerBenchError(f"{file}: gives another confusion matrix than {record.stem}.json holds; {again}")
    confidences = probabilities.max(axis=1).astype(np.float64)
    if not (np.isfinite(confidences) & (confidences >= 0) & (confidences <= 1.001)).all():
        raise FerBenchError(
            f"{file}: holds probabilities outside 0 to 1 or that are no numbers: the model has diverged; "
            "train it again with a lower learning rate"
        )
    order = np.argsort(ids, kind="stable")
    return Answers(
        ids=ids[order],
        labels=labels[order].astype(np.int64),
        predictions=predictions[order].astype(np.int64),
        confidences=np.minimum(confidences[order], 1.0),
    )


def require_same_images(answers: Mapping[str, Answers]) -> None:
    """Refuse runs that were not tested on the same images with the same labels; ``answers`` by the record's stem.

    Raises:
        FerBenchError: the ids or the labels differ.
    """
    (first, reference), *others = answers.items()
    for name, other in others:
        if not np.array_equal(other.ids, reference.ids):
            odd = np.setxor1d(other.ids, reference.ids)
            raise FerBenchError(
                f"{name} and {first}: tested on different images ({len(odd):,} are in one only, such as {odd[0]}); "
                "evaluate both models on the same prepared dataset"
            )
        if not np.array_equal(other.labels, reference.labels):
            image = reference.ids[np.flatnonzero(other.labels != reference.labels)[0]]
            raise FerBenchError(
                f"{name} and {first}: the image {image} has different labels; "
                "evaluate both models on the same prepared dataset"
            )
