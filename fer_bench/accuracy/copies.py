"""What copies in the training set do to a test accuracy; here exact ones within one dataset."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_bench.accuracy import answers
from fer_bench.datasets.audit import Copies
from fer_bench.datasets.joined import parts_of
from fer_bench.datasets.prepared import Prepared
from fer_bench.records import EvalRecord, load_all
from fer_bench.workspace import Results


@dataclass(frozen=True)
class Share:
    """Some of a test's images."""

    right: int
    """Answered with the label that the test set gives."""
    n: int
    """Images."""


@dataclass(frozen=True)
class ByCopies:
    """One test, its images parted by what the training images hold of them.

    Images set apart for validation are none: the network never learned from them. Which training images are meant, and
    what counts as a copy: :func:`by_copies`, and :func:`fer_bench.accuracy.copies_across.by_copies_across`.
    """

    record: EvalRecord
    copied: Share
    """A training image is a copy and has the same label."""
    conflicting: Share
    """Training images are copies, and none of them has the label."""
    alone: Share
    """No training image is a copy."""

    @classmethod
    def of(
        cls, record: EvalRecord, right: NDArray[np.bool_], held: NDArray[np.bool_], agreeing: NDArray[np.bool_]
    ) -> "ByCopies":
        """Part a test's images; all arrays are (n,).

        Args:
            record: of the test.
            right: whether each answer is right.
            held: whether each image has a copy among the training images.
            agreeing: whether it has one with its own label.
        """
        parts = (agreeing, held & ~agreeing, ~held)
        return cls(record, *(Share(right=int((right & part).sum()), n=int(part.sum())) for part in parts))


def by_copies(results: Results, prepared: Prepared, copies: Copies) -> Iterator[ByCopies]:
    """Yield every recorded test on this dataset by a model that was trained on it too, in the order of the records.

    A copy has the same pixels, and is a training image of this dataset: not of another one that the model was trained
    on as well.

    Args:
        results: whose tests.
        prepared: the dataset; tests on another state of it are left out.
        copies: its exact copies, see :func:`fer_bench.datasets.audit.audit`.

    Raises:
        FerBenchError: the predictions of a test are missing or contradict its record.
    """
    training = prepared.splits == "train"
    taught = np.unique(np.stack([copies.numbers, prepared.labels], axis=1)[training & (copies.numbers > 0)], axis=0)
    rows = {identity: row for row, identity in enumerate(prepared.ids.tolist())}
    for record in load_all(results.records, EvalRecord):
        if record.target_fingerprint != prepared.fingerprint or prepared.dataset not in parts_of(record.dataset):
            continue
        given = answers.read(results.records, record)
        numbers = copies.numbers[[rows[identity] for identity in given.ids.tolist()]]
        held = np.isin(numbers, taught[:, 0])
        agreeing = _among(numbers, given.labels, taught)
        yield ByCopies.of(record, given.right, held, agreeing)


def _among(numbers: NDArray[np.int64], labels: NDArray[np.int64], taught: NDArray[np.int64]) -> NDArray[np.bool_]:
    classes = int(max(labels.max(initial=0), taught[:, 1].max(initial=0))) + 1
    return np.isin(numbers * classes + labels, taught[:, 0] * classes + taught[:, 1])
