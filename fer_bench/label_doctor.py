"""Label doctor: are the labels of a test set in another class order than those that the model learned?

FER-2013, RAF-DB, AffectNet and CK+ number the emotions differently; a swap costs accuracy without an error. The doctor
takes a trained model's answers on its own dataset's test images, finds the permutation of the classes that fits them
best (linear assignment), and warns only where three things hold:

- large: on images that had no part in finding it, the permutation gains at least :data:`LARGE` of accuracy;
- significant: McNemar's exact test on those images (:data:`ALPHA`);
- the shape of a swap, see :func:`find_swap`. Confusion alone can gain much: MobileNetV2 of RAF-DB gains 12 points on
  CK+ under a permutation (paper, Table 9), because disgust is called angry and angry sad. But sad is called sad as
  well, and nothing is called disgust. Where names were really swapped, each is the answer to the other's images.

What it cannot see:

- Labels that are wrong in the same way in the training and the test part. The model has then learned the wrong names
  and answers by them. Only a cross-test, or looking at the pictures (``fer-bench show``), reveals it.
- Which of the two parts is wrong, where they differ.
- The swap of a class that the model hardly ever answers: both classes of a pair, and more than half of a longer cycle,
  must be recognised. The published MobileNetV2 never answers disgust on FER-2013 and RAF-DB.
- Anything about a model that has hardly learned (``LEARNED`` in :mod:`~fer_bench.label_swap`), and labels that are
  wrong here and there. Of a model between the two much stays unseen: CLCM by the recipe ``cpu48`` (55 %) shows 9 of the
  21 swaps of two classes.

Cross-tests are out of its scope: on another dataset's pictures a model may answer one emotion by another's name
although every label is right. An external model is taken all the same, whose order of labels somebody typed: there
an alarm may also mean that its author's dataset reads the emotions otherwise.

Power: applied to the labels of the nine matrices of Table 8, every swap of two classes that both have a recall of 0.4
or more is found. False alarms: none on the 18 matrices of Tables 8 and 9, and fewer than 1 % on random confusion whose
rows scatter about the model's preferences as Dirichlet variables of a precision of 10 or more (Table 8 has 25 to 130).
Both are in ``tests/test_label_doctor.py``. The method is fer-bench's own; the paper has none.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from fer_bench import metrics
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.label_swap import CLASSES, Counts, Finding, best_permutation, change_text, find_swap
from fer_bench.predictions import read_predictions
from fer_bench.records import EvalRecord

SPLITS = 5
"""Random halvings of the test set. Each half in turn finds a permutation, and the other half judges it."""
ALPHA = 0.001
"""Significance level. A warning sends people looking through their files; a real swap is below it by far."""
LARGE = 0.02
"""Smallest gain of accuracy worth a warning: half of what the smallest swap in an official test set costs (disgust
and fear of RAF-DB, 234 of 3,068 images, with models that recognise about half of them)."""

_MOST_IMAGES = 10**9
"""Limit of numpy's hypergeometric sampling."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What a model's answers say about the class order of the labels. Accuracies and gains are fractions."""

    suspicious: bool
    """The gain is large and significant on held-out images and has the shape of a swap."""
    reason: str
    """One sentence for people."""
    moved: tuple[tuple[str, str], ...]
    """Where suspicious: (label, name that the model gives to the images labelled so), in class order."""
    unclear: tuple[str, ...]
    """Where suspicious: labels that belong to the same cycle, but whose images the model does not recognise: they are
    wrong too, but which class they really are is not settled."""
    permutation: tuple[int, ...]
    """For each class, the class to read the label as: the swap where there is the shape of one, else the permutation
    of the highest accuracy (of equal ones, that which moves the fewest classes)."""
    n: int
    """Test images."""
    accuracy: float
    """With the labels as they are."""
    accuracy_permuted: float
    """With the labels read by ``permutation``; on the images that it was found on, so never too low."""
    gain: float
    """Accuracy gained on a held-out half by the permutation that the other half found in the same way. This, the
    interval and the p-value are of the median of the ``2 * SPLITS`` directions."""
    interval: tuple[float, float]
    """95 % confidence interval of ``gain``, given the number of images on which the two orders disagree."""
    p: float
    """McNemar's exact test, one-sided: twice the median of all directions, which holds although they are dependent."""


@dataclass(frozen=True)
class _HeldOut:
    better: int
    worse: int
    n: int
    p: float

    @property
    def gain(self) -> float:
        return (self.better - self.worse) / self.n


def diagnose(records_folder: Path, record: EvalRecord) -> Diagnosis:
    """Examine a test on the model's own dataset, or any test of an external model.

    Args:
        records_folder: the folder that holds ``eval/``, with the predictions of the record in it.
        record: the test.

    Raises:
        FerBenchError: the record is of a cross-test, its predictions are missing or are not what it counts, or as
            :func:`diagnose_matrix`.
    """
    if record.target != record.dataset and record.external is None:
        raise FerBenchError(
            f"{record.stem}: trained on {record.dataset}, tested on {record.target}. The label doctor reads only tests "
            "on the model's own dataset: on another's pictures a model may answer one emotion by another's name "
            f"although every label is right; choose a test of {record.model} on {record.dataset}"
        )
    read_predictions(records_folder, record)  # For what it refuses: their matrix is the record's.
    return diagnose_matrix(record.confusion_matrix)


def diagnose_matrix(confusion_matrix: ArrayLike, seed: int = 0) -> Diagnosis:
    """Examine the counts of a test.

    Random halves of the images, stratified by label, are drawn as counts: each row's half is hypergeometric.

    Args:
        confusion_matrix: counts, integers, (7, 7), rows labels, columns predictions; an array or nested tuples.
        seed: of the random halves. The same counts and seed give the same diagnosis.

    Raises:
        FerBenchError: not 7 x 7 counts, no images, or too many.
    """
    accuracy = metrics.accuracy(confusion_matrix)  # checks that these are counts
    counts = np.asarray(confusion_matrix, dtype=np.int64)
    if counts.shape != (CLASSES, CLASSES):
        raise FerBenchError(f"confusion matrix of shape {counts.shape}; the label doctor expects {(CLASSES,) * 2}")
    n = int(counts.sum())
    if not 0 < n < _MOST_IMAGES:
        raise FerBenchError(f"{n} test images; the label doctor needs some, and fewer than {_MOST_IMAGES:,}")

    found = find_swap(counts)
    held_out, p = _judge(counts, seed, shaped=bool(found.clear))
    suspicious = bool(found.clear) and held_out.gain >= LARGE and p < ALPHA
    moved = np.flatnonzero(found.permutation != np.arange(CLASSES))
    return Diagnosis(
        suspicious=suspicious,
        reason=found.objection or _reason(counts, found, held_out, p),
        moved=tuple((EMOTIONS[i], EMOTIONS[found.permutation[i]]) for i in found.clear) if suspicious else (),
        unclear=tuple(EMOTIONS[i] for i in moved if i not in found.clear) if suspicious else (),
        permutation=tuple(int(i) for i in found.permutation),
        n=n,
        accuracy=accuracy,
        accuracy_permuted=int(counts[np.arange(CLASSES), found.permutation].sum()) / n,
        gain=held_out.gain,
        interval=_interval(held_out),
        p=p,
    )


def _judge(counts: Counts, seed: int, *, shaped: bool) -> tuple[_HeldOut, float]:
    """Return the median direction of the halves, and the p-value of all.

    Args:
        counts: (7, 7).
        seed: of the random halves.
        shaped: only what has the shape of a swap on the finding half is judged on the other; otherwise any permutation.
    """
    from scipy.stats import binomtest

    generator = np.random.default_rng(seed)
    images = counts.sum(axis=1)
    directions = []
    for _ in range(SPLITS):
        sizes = (images + generator.integers(0, 2, CLASSES)) // 2
        half = np.stack(
            [generator.multivariate_hypergeometric(row, size) for row, size in zip(counts, sizes, strict=True)]
        )
        for finding, judging in ((half, counts - half), (counts - half, half)):
            permutation = best_permutation(finding)
            if shaped:
                swap = find_swap(finding)
                permutation = swap.permutation if swap.clear else np.arange(CLASSES)
            moved = permutation != np.arange(CLASSES)
            better = int(judging[moved, permutation[moved]].sum())
            worse = int(judging.diagonal()[moved].sum())
            p = float(binomtest(better, better + worse, alternative="greater").pvalue) if better + worse else 1.0
            directions.append(_HeldOut(better, worse, max(int(judging.sum()), 1), p))
    directions.sort(key=lambda direction: (direction.p, -direction.gain))
    median = directions[SPLITS]  # the upper one of an even number
    return median, min(1.0, 2 * median.p)


def _interval(held_out: _HeldOut) -> tuple[float, float]:
    from scipy.stats import binomtest

    disagree = held_out.better + held_out.worse
    if not disagree:
        return 0.0, 0.0
    share = binomtest(held_out.better, disagree).proportion_ci(0.95)
    return (2 * float(share.low) - 1) * disagree / held_out.n, (2 * float(share.high) - 1) * disagree / held_out.n


def _reason(counts: Counts, found: Finding, held_out: _HeldOut, p: float) -> str:
    change = change_text(counts, found.permutation)
    called = [
        f"{EMOTIONS[i]} are mostly called {EMOTIONS[found.permutation[i]]} "
        f"({100 * counts[i, found.permutation[i]] / counts[i].sum():.0f} %)"
        for i in found.clear
    ]
    listed = f"Images labelled {', '.join(called[:-1])} and {called[-1]}; with the names put right accuracy"
    if p >= ALPHA:
        return f"{listed} would go from {change}, but on held-out images that is not significant (p = {p:.2g})."
    if held_out.gain < LARGE:
        return f"{listed} would go from {change}, but on held-out images less than {100 * LARGE:.0f} points are gained."
    return (
        f"{listed} goes from {change}: the labels of the test images and those that the model was trained on "
        "seem to number the classes differently."
    )
