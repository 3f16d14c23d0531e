"""FER-2013's standard test set: PrivateTest within the 7,178 images that the paper's models are tested on.

Literature on FER-2013 mostly reports PrivateTest (3,589 images); the paper's matrices need PublicTest and PrivateTest
together. A record of today holds a matrix of each part. For an older one the ids of the stored predictions tell:
pictures are named by their part (``angry/PrivateTest_10131363``), rows of the tables by their place in the official
order (``row0032298``: Training, PublicTest, PrivateTest). Whatever tells it, the part is taken only where its images
per class are the official ones, so that a table in another order gives nothing instead of something wrong.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics
from fer_bench.files import inside
from fer_bench.records import EvalRecord
from fer_bench.selection.evidence import Counts

DATASET, PART = "fer2013", "PrivateTest"

_NAMED = re.compile(r"(?:.*/)?(PublicTest|PrivateTest)_[^/]*")
_NUMBERED = re.compile(r"row([0-9]{7})")


def private_tests(folder: Path, evals: Iterable[EvalRecord]) -> dict[str, Counts]:
    """Return the confusion matrices on PrivateTest by the stem of the evaluation, of those where it can be told.

    Args:
        folder: of the records, with the predictions beside the evaluations.
        evals: of any models and datasets; only real FER-2013 tested on itself has a PrivateTest.

    Raises:
        FerBenchError: stored predictions that are not those of their record.
    """
    found = {}
    for record in evals:
        if (record.dataset, record.target, record.origin) != (DATASET, DATASET, "real"):
            continue
        matrix = _on_private(folder, record)
        if matrix is not None and _supports(matrix) == _official(PART):
            found[record.stem] = matrix
    return found


def _on_private(folder: Path, record: EvalRecord) -> Counts | None:
    if _supports(record.confusion_matrix) == _official(PART):
        return record.confusion_matrix  # a copy without PublicTest
    return record.parts.get(PART) or _from_ids(folder, record)


def _supports(matrix: Counts) -> tuple[int, ...]:
    """Return the images of each class."""
    return tuple(map(sum, matrix))


def _from_ids(folder: Path, record: EvalRecord) -> Counts | None:
    from fer_bench.accuracy.answers import read

    if record.parts or not inside(folder / EvalRecord.kind, record.predictions).is_file():
        return None
    answers = read(folder, record)
    chosen = _is_private(answers.ids)
    if chosen is None:
        return None
    matrix = metrics.confusion_matrix(answers.labels[chosen], answers.predictions[chosen], len(record.class_names))
    return tuple(tuple(int(count) for count in row) for row in matrix)


def _is_private(ids: NDArray[np.str_]) -> NDArray[np.bool_] | None:
    """Return which images are of PrivateTest, (n,); ``None`` where the ids do not tell."""
    named = [_NAMED.fullmatch(name) for name in ids.tolist()]
    if all(named):
        return np.array([match is not None and match[1] == PART for match in named])
    numbered = [_NUMBERED.fullmatch(name) for name in ids.tolist()]
    if all(numbered):
        first = sum(_official("Training")) + sum(_official("PublicTest"))
        return np.array([match is not None and int(match[1]) >= first for match in numbered])
    return None


def _official(part: str) -> tuple[int, ...]:
    from fer_bench.datasets import dataset_card

    return dataset_card(DATASET).counts[part]
