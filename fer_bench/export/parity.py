"""Whether an exported file answers as Keras does; pure arithmetic on two tables of probabilities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_bench.errors import number_of

MARGIN = 1e-3
"""Keras' first answer counts as decided where it is this much more probable than its second."""
MAX_DIFFERENCE = 1e-3
"""Largest difference of a probability, float files."""
MIN_EXPLAINED = 0.99
"""Smallest share of the variance of Keras' answers that a float file reproduces."""
MIN_AGREEMENT_INT8 = 0.9
"""Smallest share of images to which an 8-bit file gives Keras' first answer."""
MIN_EXPLAINED_INT8 = 0.5
MAX_LOSS_INT8 = 0.05
"""Largest loss of accuracy on the test set, 8-bit files, as a fraction: five points."""
MIN_SPREAD = 1e-4
"""Keras' answers must vary by this much over the images, or any file, even one without weights, would agree."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What the comparison found."""

    images: int
    top1_agreement: float
    """Share of the images with the same first answer."""
    decided_disagreements: int
    """Images with another first answer although Keras' own is decided (:data:`MARGIN`)."""
    max_difference: float
    """Largest absolute difference of a probability."""
    spread: float
    """See :func:`spread`."""
    explained: float
    """Share of the variance of Keras' answers over the images that the file reproduces: 1 for the same answers, 0 or
    less for a file that always answers the same."""


def compare(reference: NDArray[np.float32], answers: NDArray[np.float32]) -> Parity:
    """Compare the probabilities of Keras with those of a file.

    Args:
        reference: Keras' probabilities (n, classes), n at least 1.
        answers: the file's, for the same images.
    """
    expected, found = reference.astype(np.float64), answers.astype(np.float64)
    first = expected.argmax(axis=1)
    runner_up, best = np.sort(expected, axis=1)[:, -2:].T
    same = found.argmax(axis=1) == first
    variance = np.square(expected - expected.mean(axis=0)).sum()
    error = np.square(found - expected).sum()
    return Parity(
        images=len(expected),
        top1_agreement=float(same.mean()),
        decided_disagreements=int((~same & (best - runner_up > MARGIN)).sum()),
        # A nan anywhere must not pass for agreement: inf is above every limit.
        max_difference=float(np.nan_to_num(np.abs(found - expected), nan=np.inf).max()),
        spread=spread(reference),
        explained=float(1 - error / variance) if variance > 0 and np.isfinite(error) else 0.0,
    )


def spread(reference: NDArray[np.float32]) -> float:
    """Return the standard deviation over the images of the class whose probability varies most; (n, classes)."""
    return float(reference.astype(np.float64).std(axis=0).max())


def unprovable(reference: NDArray[np.float32]) -> str:
    """Return why no comparison with these answers of Keras (n, classes) proves anything; empty where one does."""
    found = spread(reference)
    if found >= MIN_SPREAD:
        return ""
    return (
        f"Keras' own answers hardly vary over {len(reference):,} test images (standard deviation {found:.1e}, expected "
        f"at least {MIN_SPREAD:g}), so that any file would agree with them, even one without weights"
    )


def failures(parity: Parity, *, int8: bool) -> list[str]:
    """Return every limit that a file does not keep, as sentences; empty where it agrees with Keras."""
    found = []
    if int8:
        if parity.top1_agreement < MIN_AGREEMENT_INT8:
            found.append(f"its first answer is Keras' for {parity.top1_agreement:.1%}, below {MIN_AGREEMENT_INT8:.0%}")
    else:
        if parity.max_difference > MAX_DIFFERENCE:
            found.append(f"a probability differs by {parity.max_difference:.2g}, more than {MAX_DIFFERENCE:g}")
        if parity.decided_disagreements:
            found.append(
                f"its first answer is another for {number_of(parity.decided_disagreements, 'image')} of which Keras is "
                f"sure by more than {MARGIN:g}"
            )
    limit = MIN_EXPLAINED_INT8 if int8 else MIN_EXPLAINED
    if parity.explained < limit:
        found.append(f"it reproduces {parity.explained:.0%} of the variance of Keras' answers, below {limit:.0%}")
    return found


def accuracy_failures(float_accuracy: float, int8_accuracy: float) -> list[str]:
    """Return the complaint about an 8-bit file that lost too much accuracy; both are fractions of the test set."""
    if round(float_accuracy - int8_accuracy, 9) <= MAX_LOSS_INT8:
        return []
    return [
        f"its accuracy is {int8_accuracy:.1%}, more than {100 * MAX_LOSS_INT8:.0f} points below the float model's "
        f"{float_accuracy:.1%}"
    ]
