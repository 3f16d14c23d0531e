"""Copies across prepared datasets: pictures of one that another one holds too, such as test among training images.

The official splits are meant: what was set apart for validation counts as train, as in the audit of one dataset.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets import audit
from fer_bench.datasets.audit import Copies, Progress
from fer_bench.datasets.joined import require_one_origin
from fer_bench.datasets.near_duplicates import METHOD, RIM
from fer_bench.datasets.prepared import Prepared
from fer_bench.progress import unheard

COLUMNS = (*audit.COLUMNS[:2], "dataset", *audit.COLUMNS[2:])
"""Of the list of files."""


@dataclass(frozen=True)
class Leak:
    """Test images of one dataset that are among the training images of another one."""

    tested_on: str
    trained_on: str
    test_images: int
    """All of the first dataset."""
    exact: int
    """With an exact copy among the training images of the second one."""
    near: int
    """With a near copy there; exact ones included."""
    near_other_label: int
    """Of these, those whose copies there all have another label than they."""


@dataclass(frozen=True)
class Overlap:
    """Pictures that two datasets both hold, in any of their splits, as near copies."""

    datasets: tuple[str, str]
    groups: int
    """Different pictures: groups with images of both datasets."""
    images: tuple[int, int]
    """Images of each dataset in these groups."""
    conflicting_label_groups: int
    """Groups in which no image of the one dataset has the label of an image of the other one."""


@dataclass(frozen=True, eq=False)
class Across:
    """What was found in several prepared datasets, whose images follow each other in all arrays."""

    parts: tuple[Prepared, ...]
    exact: Copies
    """Of all n images, those within one dataset too."""
    near: Copies
    """The same; exact copies included. Across datasets, a picture is also looked for in others' inner parts."""

    @cached_property
    def owners(self) -> NDArray[np.intp]:
        """Which of the datasets each image belongs to, (n,)."""
        return np.repeat(np.arange(len(self.parts)), [len(part.labels) for part in self.parts])

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Class indices, (n,)."""
        return np.concatenate([part.labels for part in self.parts])

    @cached_property
    def splits(self) -> NDArray[np.str_]:
        """``train``, ``val`` or ``test``, (n,)."""
        return np.concatenate([part.splits for part in self.parts])

    def held(
        self, copies: Copies, rows: NDArray[np.intp], among: NDArray[np.intp]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which of some images have a copy among others, and which of them one with their own label.

        Args:
            copies: the exact or the near ones.
            rows: the images, (m,).
            among: the others.

        Returns:
            Two arrays, (m,).
        """
        numbers = copies.numbers[rows]
        others = among[copies.numbers[among] > 0]
        classes = int(self.labels.max()) + 1
        labelled, wanted = (copies.numbers[each] * classes + self.labels[each] for each in (others, rows))
        held = np.isin(numbers, copies.numbers[others])
        return held, held & np.isin(wanted, labelled)

    @property
    def leaks(self) -> list[Leak]:
        """Every dataset with test images, against every other one with training images."""
        found = []
        for tested, trained in itertools.permutations(range(len(self.parts)), 2):
            tests = np.flatnonzero((self.owners == tested) & (self.splits == "test"))
            training = np.flatnonzero((self.owners == trained) & (self.splits != "test"))
            if not len(tests) or not len(training):
                continue
            exact, _ = self.held(self.exact, tests, training)
            near, agreeing = self.held(self.near, tests, training)
            names = (self.parts[tested].dataset, self.parts[trained].dataset)
            counts = (int(exact.sum()), int(near.sum()), int((near & ~agreeing).sum()))
            found.append(Leak(*names, len(tests), *counts))
        return found

    @property
    def overlaps(self) -> list[Overlap]:
        """Every two of the datasets."""
        found = []
        for pair in itertools.combinations(range(len(self.parts)), 2):
            first, second = (np.flatnonzero(self.owners == number) for number in pair)
            shared, agreeing = self.held(self.near, first, second)
            back, _ = self.held(self.near, second, first)
            numbers = self.near.numbers[first]
            groups = len(np.unique(numbers[shared]))
            found.append(
                Overlap(
                    datasets=(self.parts[pair[0]].dataset, self.parts[pair[1]].dataset),
                    groups=groups,
                    images=(int(shared.sum()), int(back.sum())),
                    conflicting_label_groups=groups - len(np.unique(numbers[agreeing])),
                )
            )
        return found

    def as_json(self) -> dict[str, Any]:
        """Return all figures by name."""
        return {
            "datasets": [
                {"dataset": part.dataset, "fingerprint": part.fingerprint, "n": len(part.labels)} for part in self.parts
            ],
            "tests": [asdict(leak) for leak in self.leaks],
            "pairs": [asdict(overlap) for overlap in self.overlaps],
            "near_method": METHOD | {"inner_part": 1 - 2 * RIM},
        }


def audit_across(parts: Sequence[Prepared], progress: Progress = unheard) -> Across:
    """Look for copies among all images of several datasets.

    Args:
        parts: the datasets; their images are read once, a block at a time.
        progress: called with done and total; every image counts twice, read and compared.

    Raises:
        FerBenchError: real and synthetic datasets are among them.
    """
    require_one_origin(parts)
    labels = np.concatenate([part.labels for part in parts])
    splits = np.concatenate([part.splits for part in parts])
    exact, near = audit.find_copies([part.images for part in parts], labels, splits, progress)
    return Across(tuple(parts), exact, near)


def write_csv(path: Path, found: Across) -> None:
    """Write the files of every group that has images of two datasets (:data:`COLUMNS`), by kind, group and row.

    An image with exact copies is listed twice: among the exact and among the near ones. The file appears whole.
    """
    listed = [[[part.dataset] * len(part.labels), *audit.described(part)] for part in found.parts]
    columns = [list(itertools.chain.from_iterable(column)) for column in zip(*listed, strict=True)]
    exact, near = (_across(copies.numbers, found.owners) for copies in (found.exact, found.near))
    audit.write_list(path, COLUMNS, exact, near, columns)


def _across(numbers: NDArray[np.int64], owners: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the groups counted anew without those of one dataset alone, whose images get 0; (n,)."""
    having = np.unique(np.stack([numbers, owners], axis=1), axis=0)[:, 0]
    several = np.bincount(having, minlength=1) > 1
    several[0] = False
    renumbered = np.cumsum(several) * several
    return np.asarray(renumbered[numbers], np.int64)
