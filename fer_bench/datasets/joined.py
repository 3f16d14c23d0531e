"""Several prepared datasets trained on together, e.g. ``fer2013+raf-db``.

The training parts are put together, and the validation parts; there is no test set of the whole, since every part has
its own. Images stay where they are: a batch is gathered from the parts' memory maps.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import Split
from fer_bench.datasets.decoding import resize
from fer_bench.datasets.prepared import Prepared
from fer_bench.errors import FerBenchError
from fer_bench.records import Origin

SEPARATOR = "+"


@dataclass(frozen=True, eq=False)
class JoinedImages:
    """The images of several datasets as if they were one array, uint8, (n, size, size)."""

    parts: tuple[NDArray[np.uint8], ...]
    """Each (n, height, width), no larger than ``size``."""
    size: int

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        return np.cumsum([0, *(len(part) for part in self.parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[np.uint8]:
        """Gather rows, (len(rows), size, size); smaller images are enlarged bilinearly, as the warp would do it."""
        gathered = np.empty((len(rows), self.size, self.size), np.uint8)
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        for number, (part, start) in enumerate(zip(self.parts, self._starts[:-1], strict=True)):
            places = np.flatnonzero(owners == number)
            if not len(places):
                continue
            found = part[rows[places] - start]
            if found.shape[1:] == (self.size, self.size):
                gathered[places] = found
            else:
                for place, image in zip(places, found, strict=True):
                    gathered[place] = resize(image, (self.size, self.size))
        return gathered


class GatheredImages(Protocol):
    """Gray images that are made, or brought together, while rows of them are gathered."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[np.uint8]: ...


Images = NDArray[np.uint8] | GatheredImages
"""Gray images, from which rows are gathered: an array, a memory map, several of them, changed ones."""


@dataclass(frozen=True, eq=False)
class Joined:
    """Prepared datasets as one to train on. Row i is the same image everywhere; parts follow each other."""

    parts: tuple[Prepared, ...]

    def __post_init__(self) -> None:
        for part in self.parts:
            if not part.trainable:
                raise FerBenchError(
                    f"{self.dataset}: {part.dataset} is a test set only; leave it out, and test on it with "
                    f"fer-bench cross-test --on {part.dataset}"
                )
        require_one_origin(self.parts)

    @property
    def dataset(self) -> str:
        """Names of the parts, joined by ``+``."""
        return SEPARATOR.join(part.dataset for part in self.parts)

    @property
    def title(self) -> str:
        """The name for people."""
        return " + ".join(part.title for part in self.parts)

    @property
    def trainable(self) -> bool:
        """Always."""
        return True

    @property
    def origin(self) -> Origin:
        """``real`` or ``synthetic``, the same of all parts."""
        return self.parts[0].origin

    @property
    def fingerprint(self) -> str:
        """See :func:`joined_fingerprint`."""
        return joined_fingerprint((part.dataset, part.fingerprint) for part in self.parts)

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Class indices, (n,)."""
        return np.concatenate([part.labels for part in self.parts])

    def indices(self, split: Split) -> NDArray[np.intp]:
        """Return the rows of a split, ascending; none for ``test``: every part has a test set of its own."""
        starts = np.cumsum([0, *(len(part.labels) for part in self.parts)])
        found = [part.indices(split) + start for part, start in zip(self.parts, starts[:-1], strict=True)]
        return np.concatenate(found)[: 0 if split == "test" else None]

    def at_size(self, size: int) -> JoinedImages:
        """Return all images for a network of ``size`` x ``size`` pixels; see :meth:`Prepared.at_size`."""
        return JoinedImages(tuple(part.at_size(size) for part in self.parts), size)


def require_one_origin(parts: Sequence[Prepared]) -> None:
    """Raise :class:`FerBenchError` where real and synthetic datasets are named together."""
    if len({part.origin for part in parts}) > 1:
        names = SEPARATOR.join(part.dataset for part in parts)
        origins = ", ".join(f"{part.dataset} is {part.origin}" for part in parts)
        raise FerBenchError(f"{names}: {origins}; real and synthetic data are never mixed")


TrainingData = Prepared | Joined


def parts(dataset: TrainingData) -> tuple[Prepared, ...]:
    """Return the prepared datasets that a dataset to train on is made of."""
    return dataset.parts if isinstance(dataset, Joined) else (dataset,)


def parts_of(name: str) -> tuple[str, ...]:
    """Return the datasets that a name such as ``raf-db+fer2013`` joins, in the registry's order.

    Raises:
        FerBenchError: an empty name or one that occurs twice.
    """
    names = name.split(SEPARATOR)
    if "" in names or len(set(names)) < len(names):
        raise FerBenchError(f"dataset {name!r}: expected one name, or different ones joined by + (fer2013+raf-db)")
    if len(names) == 1:
        return (name,)
    from fer_bench.datasets import card_names

    order = {known: position for position, known in enumerate(card_names())}
    return tuple(sorted(names, key=lambda each: (order.get(each, len(order)), each)))


def in_order(name: str) -> str:
    """Return the name of joined datasets as runs and records have it: ``raf-db+fer2013`` is ``fer2013+raf-db``.

    Raises:
        FerBenchError: as :func:`parts_of`.
    """
    return SEPARATOR.join(parts_of(name))


def joined_fingerprint(parts: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 over the names and fingerprints of datasets that are joined, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps([list(part) for part in parts]).encode()).hexdigest()


def join(parts: Sequence[Prepared]) -> TrainingData:
    """Return one dataset as it is, several as one.

    Raises:
        FerBenchError: one of several is a test set only, or real and synthetic data are among them.
    """
    return parts[0] if len(parts) == 1 else Joined(tuple(parts))
