"""What a run answered to each image of a test set, from the predictions beside its record."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench.errors import FerBenchError
from fer_bench.predictions import read_predictions
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
        FerBenchError: as :func:`fer_bench.predictions.read_predictions`.
    """
    found = read_predictions(records_folder, record)
    confidences = found.probabilities.max(axis=1).astype(np.float64)  # By its rounding a little above 1.
    order = np.argsort(found.ids, kind="stable")
    return Answers(
        ids=found.ids[order],
        labels=found.labels[order],
        predictions=found.classes[order],
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
