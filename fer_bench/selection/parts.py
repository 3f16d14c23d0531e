"""FER-2013's standard test set: PrivateTest within the 7,178 images that the paper's models are tested on.

Literature on FER-2013 mostly reports PrivateTest (3,589 images); the paper's matrices need PublicTest and PrivateTest
together. An evaluation's record holds a matrix of each part.
"""

from fer_bench.records import Counts, EvalRecord

DATASET, PART = "fer2013", "PrivateTest"


def private_test(record: EvalRecord) -> Counts | None:
    """Return the confusion matrix on PrivateTest alone of a test on real FER-2013; ``None`` of any other test.

    ``None`` too where its images of each class are not the official ones, such as those of a partial copy.
    """
    if (record.target, record.origin) != (DATASET, "real"):
        return None
    # A copy without PublicTest has the one part only.
    found = record.parts.get(PART, record.confusion_matrix)
    return found if tuple(map(sum, found)) == _official() else None


def _official() -> tuple[int, ...]:
    from fer_bench.datasets import dataset_card

    return dataset_card(DATASET).counts[PART]
