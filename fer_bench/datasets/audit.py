"""The leakage audit: images that a dataset holds twice, across its splits or with different labels.

The official splits are meant everywhere: what was set apart for validation counts as train.
"""

import csv
import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.folder import shown
from fer_bench.datasets.near_duplicates import METHOD, near_pairs
from fer_bench.datasets.prepared import Prepared
from fer_bench.datasets.sketching import read
from fer_bench.emotions import EMOTIONS
from fer_bench.files import quoting_of, replacing
from fer_bench.progress import unheard

COLUMNS = ("kind", "group", "id", "split", "part", "label", "source", "subject")
"""Of the list of files."""

_SHOWN = 12
"""Subjects named in a sentence."""

Progress = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class Copies:
    """Which of n images are copies of each other; a group is at least two of them."""

    numbers: NDArray[np.int64]
    """The group of each image, from 1 in the order of the groups' first images; 0 where it has no copy. (n,)."""
    groups: int
    extra_copies: int
    """Images beyond the first of each group."""
    cross_split_groups: int
    """Groups with images of train and of test."""
    conflicting_label_groups: int
    """Groups with more than one label."""
    largest_group: int
    """Images in it; 0 where there is no group."""


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in one prepared dataset."""

    dataset: str
    fingerprint: str
    n: int
    """Images."""
    exact: Copies
    """Equal in every pixel of the prepared array."""
    near: Copies
    """The same picture up to re-encoding, brightness, a small shift, crop or resize; exact copies included, so that
    two groups of exact copies may be one group here. A pair that is the same joins its two groups."""
    subjects: int
    """Different subjects known; 0 where the dataset names none."""
    subjects_in_train_and_test: tuple[str, ...]
    """Of the official splits, sorted."""
    subjects_in_train_and_val: tuple[str, ...]
    """Of the training part and the part set apart for validation, sorted."""

    def as_json(self) -> dict[str, Any]:
        """Return all figures by name: those of exact copies plain, those of near ones after ``near_``."""
        figures = {
            f"{prefix}{name}": value
            for prefix, copies in (("", self.exact), ("near_", self.near))
            for name, value in {
                "duplicate_groups": copies.groups,
                "extra_copies": copies.extra_copies,
                "cross_split_groups": copies.cross_split_groups,
                "conflicting_label_groups": copies.conflicting_label_groups,
                "largest_group": copies.largest_group,
            }.items()
        }
        return {
            "dataset": self.dataset,
            "fingerprint": self.fingerprint,
            "n": self.n,
            **figures,
            "subjects": self.subjects,
            "subjects_in_two_splits": len(self.subjects_in_train_and_test),
            "subjects_in_two_splits_names": list(self.subjects_in_train_and_test),
            "subjects_in_train_and_val": len(self.subjects_in_train_and_val),
            "subjects_in_train_and_val_names": list(self.subjects_in_train_and_val),
            "near_method": dict(METHOD),
        }


def audit(prepared: Prepared, progress: Progress = unheard) -> Audit:
    """Look for copies and for subjects in two splits.

    Args:
        prepared: the dataset; its images are read once, a block at a time.
        progress: called with done and total; every image counts twice, read and compared.
    """
    exact, near = find_copies([prepared.images], prepared.labels, prepared.splits, progress)
    train, val, test = (
        {*prepared.groups[prepared.splits == name].tolist()} - {""} for name in ("train", "val", "test")
    )
    return Audit(
        dataset=prepared.dataset,
        fingerprint=prepared.fingerprint,
        n=len(prepared.labels),
        exact=exact,
        near=near,
        subjects=len(train | val | test),
        subjects_in_train_and_test=tuple(sorted((train | val) & test)),
        subjects_in_train_and_val=tuple(sorted(train & val)),
    )


def find_copies(
    stacks: Sequence[NDArray[np.uint8]],
    labels: NDArray[np.uint8],
    splits: NDArray[np.str_],
    progress: Progress = unheard,
) -> tuple[Copies, Copies]:
    """Return the exact and the near copies among images.

    Args:
        stacks: images, each uint8, (m, height, width), m at least 1, of any sizes; together n. Memory maps are read
            once, a block at a time. Images of different sizes are near copies at most.
        labels: class indices, (n,).
        splits: ``train``, ``val`` or ``test``, (n,); ``val`` counts as train.
        progress: called with done and total; every image counts once as read and once for each comparison.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    owners = np.repeat(np.arange(len(stacks)), [len(images) for images in stacks])
    n = len(owners)
    apart = itertools.permutations(range(len(stacks)), 2)
    total = (2 + len(stacks) * (len(stacks) - 1)) * n
    digests, sketches = read(stacks, lambda done: progress(done, total))
    identities = _identities(digests)
    first = np.sort(np.unique(identities, return_index=True)[1])
    # Datasets cut the same picture differently: each one's are compared with the inner parts of every other one's, too.
    compared: list[tuple[NDArray[np.intp], int | None]] = [(first, None)]
    compared += [
        (np.concatenate([first[owners[first] == whole], n + first[owners[first] == cut]]), n) for whole, cut in apart
    ]
    pairs = []
    for number, (rows, border) in enumerate(compared, 1):
        told = functools.partial(_told, progress, number * n, len(sketches.flat) // n, total)
        pairs.append(near_pairs(sketches, rows, told, apart=border))
    links = identities[np.concatenate(pairs) % n]
    graph = coo_array((np.ones(len(links), np.bool_), (links[:, 0], links[:, 1])), shape=(len(first), len(first)))
    _, components = connected_components(graph, directed=False)
    test = splits == "test"
    progress(total, total)
    return _copies(identities, labels, test), _copies(components[identities], labels, test)


def _told(progress: Progress, before: int, per_image: int, total: int, done: int) -> None:
    progress(before + done // per_image, total)


def train_copies_of_test(digests: NDArray[np.void], train: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which training images have the pixels of a test image.

    Args:
        digests: of each image's pixels, 16 bytes each (``V16``), (n,).
        train: whether an image is of the official training set, (n,); all others are test images.

    Returns:
        True for the training images to drop, (n,).
    """
    identities = _identities(digests)
    return train & np.isin(identities, identities[~train])


def table_rows(found: Audit) -> list[tuple[str, int, int, int, int]]:
    """Return what was found, groups, extra copies, groups across train and test, groups with different labels."""
    return [
        (what, copies.groups, copies.extra_copies, copies.cross_split_groups, copies.conflicting_label_groups)
        for what, copies in (("exact copies", found.exact), ("near copies", found.near))
    ]


def subject_lines(found: Audit) -> list[str]:
    """Return sentences about subjects in two splits; none where the dataset names no subjects."""
    lines = [
        f"Subjects in {splits}: {len(names):,} of {found.subjects:,}: {', '.join(map(shown, names[:_SHOWN]))}"
        + (", ..." if len(names) > _SHOWN else "")
        for splits, names in (
            ("train and test", found.subjects_in_train_and_test),
            ("training and validation", found.subjects_in_train_and_val),
        )
        if names
    ]
    return lines or ([f"No subject of {found.subjects:,} is in two splits"] if found.subjects else [])


def write_csv(path: Path, prepared: Prepared, found: Audit) -> None:
    """Write the files that have copies, one row each (:data:`COLUMNS`), by kind, group and row of the dataset.

    An image with exact copies is listed twice: among the exact and among the near ones. The file appears whole.
    """
    write_list(path, COLUMNS, found.exact.numbers, found.near.numbers, described(prepared))


def described(prepared: Prepared) -> list[list[str]]:
    """Return what is listed of every image: the columns from ``id`` on, each (n,)."""
    labels = [EMOTIONS[label] for label in prepared.labels]
    ids, splits, parts, groups = (
        column.tolist() for column in (prepared.ids, prepared.splits, prepared.parts, prepared.groups)
    )
    return [ids, splits, parts, labels, prepared.sources(), groups]


def write_list(
    path: Path,
    header: Sequence[str],
    exact: NDArray[np.int64],
    near: NDArray[np.int64],
    columns: Sequence[list[str]],
) -> None:
    """Write a list of copies, by kind, group and row. The file appears whole.

    Args:
        path: of the CSV file.
        header: names of the columns: kind, group, then one for each of ``columns``.
        exact: the group of exact copies that each image is in, 0 for none, (n,).
        near: the same of near copies.
        columns: what is listed of an image, each (n,).
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n", quoting=quoting_of(*columns))
        writer.writerow(header)
        for kind, numbers in (("exact", exact), ("near", near)):
            listed = np.flatnonzero(numbers)
            for row in listed[np.argsort(numbers[listed], kind="stable")].tolist():
                writer.writerow((kind, numbers[row], *(column[row] for column in columns)))


def _identities(digests: NDArray[np.void]) -> NDArray[np.intp]:
    """Return a number for each image, the same for equal digests, counted from 0 without gaps; (n,)."""
    halves = np.ascontiguousarray(digests).view(np.uint64).reshape(-1, 2)
    return np.unique(halves, axis=0, return_inverse=True)[1].reshape(-1)


def _copies(identities: NDArray[Any], labels: NDArray[np.uint8], test: NDArray[np.bool_]) -> Copies:
    """Count the groups of images with one identity; all arrays are (n,)."""
    _, first, members, sizes = np.unique(identities, return_index=True, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(sizes > 1)
    shared = shared[np.argsort(first[shared])]
    numbers = np.zeros(len(sizes), np.int64)
    numbers[shared] = np.arange(1, len(shared) + 1)
    tested = np.bincount(members, test)[shared]
    labelled = np.unique(np.stack([members, labels.astype(np.intp)], axis=1), axis=0)[:, 0]
    return Copies(
        numbers=numbers[members],
        groups=len(shared),
        extra_copies=int((sizes[shared] - 1).sum()),
        cross_split_groups=int(((tested > 0) & (tested < sizes[shared])).sum()),
        conflicting_label_groups=int((np.bincount(labelled, minlength=len(sizes))[shared] > 1).sum()),
        largest_group=int(sizes[shared].max(initial=0)),
    )
