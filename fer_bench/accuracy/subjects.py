"""What the prepared dataset knows of the test images: who is shown, and attributes such as gender, race and age."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.errors import FerBenchError
from fer_bench.records import Preparation

FEW = 30
"""Subjects below which a bootstrap over them is too narrow."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SampledImages:
    """What varies from one sample of test images to another: images, or subjects with all of theirs."""

    units: NDArray[np.intp]
    """The unit of each image, counted from 0, (n,): the image itself, or its subject."""
    clustered: bool
    """Whether units are subjects, of which some have several images."""
    note: str
    """One sentence for people."""
    attributes: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    """By name, (n,) each, empty where unknown; only attributes that some image has."""
    known: bool = False
    """Whether the prepared dataset is at hand."""

    @property
    def count(self) -> int:
        """Number of units."""
        return int(self.units.max()) + 1

    def as_json(self) -> dict[str, Any]:
        """Return kind and number of the units, and the note, as JSON-ready data."""
        return {"kind": "subjects" if self.clustered else "images", "n": self.count, "note": self.note}


def names_subjects(dataset: str, prepared: Preparation | None) -> bool | None:
    """Return whether a test set names subjects, as far as its card says: ``None`` where it does not, or is not at hand.

    Args:
        dataset: the test set.
        prepared: how it was prepared, where that is known.
    """
    from fer_bench.datasets import dataset_card

    try:
        card = dataset_card(dataset)
    except FerBenchError:  # Somebody's own, described in a file that the records do not name.
        return None
    return card.names_subjects("" if prepared is None else prepared.layout)


def no_subjects(dataset: str) -> str:
    """Return the sentence on a dataset that names no subjects."""
    return f"{dataset} names no subjects: the intervals treat images as independent."


def look_up(
    folder: Path, dataset: str, fingerprint: str, ids: NDArray[np.str_], named: bool | None = None
) -> SampledImages:
    """Find the test images in their prepared dataset.

    Args:
        folder: the prepared dataset, which need not exist.
        dataset: its name, for people.
        fingerprint: of the dataset that the models were tested on.
        ids: of the test images, shape (n,).
        named: whether it names subjects (:func:`names_subjects`).

    Raises:
        FerBenchError: the folder holds a damaged dataset, or one without some of the images.
    """
    from fer_bench.datasets.prepared import Prepared, read_manifest

    manifest = read_manifest(folder)
    absent = ""
    if manifest is None:
        absent = f"{dataset} is not prepared there"
    elif manifest["fingerprint"] != fingerprint:
        absent = f"holds another state of {dataset} than the models were tested on"
    if absent:
        subjects = "the subjects" if named else "subjects, if it names any,"
        note = f"{folder}: {absent}, so {subjects} are not at hand, and the intervals treat images as independent."
        note = no_subjects(dataset) if named is False else note
        return SampledImages(units=np.arange(len(ids)), clustered=False, note=note)
    prepared = Prepared.load(folder)
    order = np.argsort(prepared.ids, kind="stable")
    places = np.minimum(np.searchsorted(prepared.ids[order], ids), len(order) - 1)
    rows = order[places]
    if not np.array_equal(prepared.ids[rows], ids):
        missing = ids[np.flatnonzero(prepared.ids[rows] != ids)[0]]
        raise FerBenchError(
            f"{folder}: has the fingerprint of the dataset that the models were tested on, but no image {missing}; "
            f"prepare {dataset} again and evaluate the models again"
        )
    attributes = {name: column[rows] for name, column in prepared.attributes.items() if (column[rows] != "").any()}
    groups = prepared.groups[rows]
    units, note = _units(groups, ids, dataset)
    clustered = int(units.max()) + 1 < len(ids)
    return SampledImages(units=units, clustered=clustered, note=note, attributes=attributes, known=True)


def units_of(groups: NDArray[np.str_], ids: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the subject of each image, counted from 0; an image of nobody known stands for itself.

    Args:
        groups: the subjects' names, empty where unknown, (n,).
        ids: of the images, (n,).
    """
    # The prefixes keep an image's id from being taken for a subject's name.
    own = np.where(groups != "", np.char.add("s", groups), np.char.add("i", ids))
    units: NDArray[np.intp] = np.unique(own, return_inverse=True)[1]
    return units


def _units(groups: NDArray[np.str_], ids: NDArray[np.str_], dataset: str) -> tuple[NDArray[np.intp], str]:
    named = groups != ""
    if not named.any():
        return np.arange(len(ids)), no_subjects(dataset)
    units = units_of(groups, ids)
    subjects = len(np.unique(groups[named]))
    note = f"{int(named.sum()):,} images of {subjects:,} subjects"
    if not named.all():
        note += f" and {int((~named).sum()):,} of unknown ones"
    if int(units.max()) + 1 == len(ids):
        return units, f"{note}, one each: the images are independent."
    note += ": images of one subject are drawn together."
    if subjects < FEW:
        note += f" With fewer than {FEW} subjects the intervals are too narrow."
    return units, note
