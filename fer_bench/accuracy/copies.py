"""What exact copies in the training set do to a test accuracy."""

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
    """One test, its images parted by what the training images of this dataset hold of them.

    Images set apart for validation are none: the network never learned from them. Nor are those of the other datasets
    of a model that was trained on several.
    """

    record: EvalRecord
    copied: Share
    """A training image of this dataset has the same pixels and the same label."""
    conflicting: Share
    """Training images of this dataset have the same pixels, and none of them the label."""
    alone: Share
    """No training image of this dataset has the same pixels."""


def by_copies(results: Results, prepared: Prepared, copies: Copies) -> Iterator[ByCopies]:
    """Yield every recorded test on this dataset by a model that was trained on it too, in the order of the records.

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
        agreeing = held & _among(numbers, given.labels, taught)
        yield ByCopies(
            record,
            copied=_share(given.right, agreeing),
            conflicting=_share(given.right, held & ~agreeing),
            alone=_share(given.right, ~held),
        )


def _among(numbers: NDArray[np.int64], labels: NDArray[np.int64], taught: NDArray[np.int64]) -> NDArray[np.bool_]:
    classes = int(max(labels.max(initial=0), taught[:, 1].max(initial=0))) + 1
    return np.isin(numbers * classes + labels, taught[:, 0] * classes + taught[:, 1])


def _share(right: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> Share:
    return Share(right=int((right & chosen).sum()), n=int(chosen.sum()))
