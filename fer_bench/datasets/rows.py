"""What is kept of the samples once their images are written, the validation split, and the table for people."""

import csv
import itertools
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import Sample
from fer_bench.datasets.decoding import DIGEST
from fer_bench.datasets.integrity import fingerprint
from fer_bench.datasets.side_by_side import Chunk
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError, number_of
from fer_bench.files import printable, quoting_of, replacing

VALIDATION_SHARE = 0.2
"""Of the official training set (paper, section IV)."""
COLUMNS = ("id", "split", "label", "part", "source", "group")
"""Of the table; attributes follow."""

_LABELS = frozenset(range(len(EMOTIONS)))
_SPLITS = frozenset({"train", "test"})
_FOLDS = round(1 / VALIDATION_SHARE)
"""Equal parts of the official training set of which one is set apart for validation."""
_FAR = 0.05
"""Difference from the share of validation images that is told."""

Counts = dict[str, list[int]]


@dataclass
class Rows:
    """One entry an image in every list, in the order of the images; some 300 bytes an image."""

    ids: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    labels: "array[int]" = field(default_factory=lambda: array("B"))
    parts: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    attributes: list[tuple[tuple[str, str], ...]] = field(default_factory=list)
    digests: bytearray = field(default_factory=bytearray)
    _seen: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, chunk: Chunk) -> None:
        """Add the samples of a chunk.

        Raises:
            FerBenchError: an id occurs twice, or the reader gave a label or a split that there is not.
        """
        if not chunk.samples:
            return
        # Column by column: sample by sample took a tenth of the time that decoding a small picture takes.
        ids, splits, labels, sources, parts, groups, _, _, attributes = zip(*chunk.samples, strict=True)
        before = len(self._seen)
        self._seen.update(ids)
        if len(self._seen) < before + len(ids) or not (_LABELS.issuperset(labels) and _SPLITS.issuperset(splits)):
            self._refuse(chunk.samples)
        self.ids += ids
        self.splits += splits
        self.labels.extend(labels)
        self.parts += parts
        self.sources += sources
        self.groups += groups
        self.attributes += attributes
        self.digests += chunk.digests

    def _refuse(self, samples: Sequence[Sample]) -> NoReturn:
        """Raise the error about the first of the samples that cannot be added."""
        first = dict(zip(self.ids, self.sources, strict=True))
        for sample in samples:
            if sample.id in first:
                raise FerBenchError(
                    f"{sample.source} and {first[sample.id]} are both the image {sample.id!r}; keep one of the two "
                    "copies"
                )
            if sample.label not in _LABELS or sample.split not in _SPLITS:
                raise FerBenchError(f"{sample.source}: the reader gave it label {sample.label}, split {sample.split!r}")
            first[sample.id] = sample.source
        raise RuntimeError("nothing is wrong with these samples")

    def digest_array(self) -> NDArray[np.void]:
        """Return each image's digest, ``V16``, (n,)."""
        return np.frombuffer(bytes(self.digests), f"V{DIGEST}")

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop the rows where ``kept``, (n,), is false."""
        self.digests = bytearray(self.digest_array()[kept].tobytes())
        self.labels = array("B", np.frombuffer(self.labels, np.uint8)[kept].tobytes())
        rows = np.flatnonzero(kept).tolist()
        self.ids, self.splits, self.parts, self.sources, self.groups = (
            [column[row] for row in rows] for column in (self.ids, self.splits, self.parts, self.sources, self.groups)
        )
        self.attributes = [self.attributes[row] for row in rows]

    def counts(self, names: Sequence[str]) -> Counts:
        """Return images per class, in the paper's order, of each name (part or split), in order of appearance."""
        counts: Counts = {name: [0] * len(EMOTIONS) for name in dict.fromkeys(names)}
        for (name, label), count in Counter(zip(names, self.labels, strict=True)).items():
            counts[name][label] = count
        return counts

    def split_off_validation(self, seed: int, by: Literal["id", "pixels"]) -> list[str]:
        """Change the split of 20 % of the training rows to ``val``, stratified by class.

        Images of a group (the same person, say) stay on one side. Rows are drawn in the order of their ids, or of
        their pixels' digests, so that the split does not depend on the order in which a layout lists them.

        Returns:
            Sentences about a split that could not be as it should.

        Raises:
            FerBenchError: there are too few images of a class, or too few groups.
        """
        key: Callable[[int], object] = (
            self.ids.__getitem__
            if by == "id"
            # Equal pictures under several labels: the label decides, under the same one they are interchangeable.
            else lambda row: (self.digests[DIGEST * row : DIGEST * (row + 1)], self.labels[row])
        )
        train = sorted((row for row, split in enumerate(self.splits) if split == "train"), key=key)  # type: ignore[arg-type]
        if not train:
            return []
        from sklearn.model_selection import train_test_split

        labels = [self.labels[row] for row in train]
        try:
            if any(self.groups[row] for row in train):
                groups = [self.groups[row] or self.ids[row] for row in train]
                validation = [train[k] for k in _fold(labels, groups, seed)]
            else:
                validation = train_test_split(train, test_size=VALIDATION_SHARE, stratify=labels, random_state=seed)[1]
        except ValueError as error:
            few = [f"{EMOTIONS[label]} has {n}" for label, n in sorted(Counter(labels).items()) if n < _FOLDS]
            raise FerBenchError(
                f"{number_of(len(train), 'training image')} cannot be split into training and validation by class: "
                f"{', '.join(few)}; at least {_FOLDS} images of each class are needed, or none of it"
            ) from error
        for row in validation:
            self.splits[row] = "val"
        return _doubts(self.counts(self.splits))

    def tested_only(self) -> list[str]:
        """Return the classes with test images and no training images, none where there is no training set."""
        counts = self.counts(["test" if split == "test" else "train" for split in self.splits])
        pairs = zip(EMOTIONS, counts.get("train", ()), counts.get("test", ()), strict=False)
        return [name for name, trained, tested in pairs if tested and not trained]

    def subjects_in_train_and_test(self) -> list[str]:
        """Return the groups with images of the training and of the test set, sorted; validation counts as training."""
        tested = {group for group, split in zip(self.groups, self.splits, strict=True) if split == "test"}
        trained = {group for group, split in zip(self.groups, self.splits, strict=True) if split != "test"}
        return sorted(tested & trained - {""})

    def fingerprint(self, choices: Sequence[object]) -> str:
        """Return that of a dataset of these rows; see :func:`fer_bench.datasets.integrity.fingerprint`."""
        labels = self.labels.tobytes()
        return fingerprint(choices, bytes(self.digests), labels, self.ids, self.splits, self.parts)

    def write(self, labels: Path, samples: Path) -> None:
        """Write ``labels.npy`` and ``samples.csv``, with a column for each attribute."""
        with replacing(labels) as path, path.open("wb") as stream:
            np.save(stream, np.frombuffer(self.labels.tobytes(), np.uint8))
        names = list(dict.fromkeys(name for attributes in set(self.attributes) for name, _ in attributes))
        names.sort()
        with replacing(samples) as path, path.open("w", encoding="utf-8", newline="") as stream:
            quoting = quoting_of(self.ids, self.parts, self.sources, self.groups)
            writer = csv.writer(stream, lineterminator="\n", quoting=quoting)
            writer.writerow([*COLUMNS, *names])
            classes = (EMOTIONS[label] for label in self.labels)
            sources = (source if source.isascii() else printable(source) for source in self.sources)
            columns = zip(self.ids, self.splits, classes, self.parts, sources, self.groups, strict=True)
            if not names:
                writer.writerows(columns)
                return
            for row, attributes in zip(columns, self.attributes, strict=True):
                known = dict(attributes)
                writer.writerow([*row, *(known.get(name, "") for name in names)])


def _fold(labels: Sequence[int], groups: Sequence[str], seed: int) -> NDArray[np.intp]:
    """Return which images are the validation part where no group may be on both sides.

    Seeds 0 to 4 give the five parts of one division of the groups, 5 to 9 those of the next, and so on.
    """
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    subjects, most = len(set(groups)), max(Counter(labels).values())
    if min(subjects, most) < _FOLDS:
        few = number_of(subjects, "subject") if subjects < _FOLDS else f"at most {number_of(most, 'image')} of a class"
        raise FerBenchError(
            f"{number_of(len(labels), 'training image')} of {few} cannot be split into training and validation by "
            f"subject; at least {_FOLDS} subjects, and {_FOLDS} images of a class, are needed"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # A class with fewer images than folds: see _doubts.
        # It deals out unequal groups by their size: whatever the random state, the first fold has mostly the same ones.
        parts = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed // _FOLDS).split(labels, labels, groups)
        validation: NDArray[np.intp] = next(itertools.islice(parts, seed % _FOLDS, None))[1]
    return validation


def _doubts(counts: Counts) -> list[str]:
    """Return sentences about a validation part that is too small or too large, or lacks a class."""
    nothing = [0] * len(EMOTIONS)
    train, validation = (counts.get(split, nothing) for split in ("train", "val"))
    share = sum(validation) / (sum(train) + sum(validation))
    found = []
    if abs(share - VALIDATION_SHARE) > _FAR:
        found.append(
            f"the validation part is {share:.1%} of the training images, not {VALIDATION_SHARE:.0%}: all images of a "
            "subject stay on one side, and some subjects have many"
        )
    for what, here, there in (("validation", validation, train), ("training", train, validation)):
        if lacking := [name for name, a, b in zip(EMOTIONS, here, there, strict=True) if b and not a]:
            found.append(f"the {what} part has no image of {', '.join(lacking)}")
    return found
