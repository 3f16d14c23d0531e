"""Reading a prepared dataset (see ``store.py`` for how it is made)."""

import csv
import re
import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from fer_bench.arrays import DAMAGE
from fer_bench.datasets.card import Split
from fer_bench.datasets.scaled import is_averaged, name_of, scaled
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError, first_line
from fer_bench.files import read_json
from fer_bench.records import Origin, Preparation
from fer_bench.typed_json import build
from fer_bench.workspace import Workspace

SCHEMA = 2
IMAGES, LABELS, SAMPLES, MANIFEST = "images.npy", "labels.npy", "samples.csv", "manifest.json"
_COLUMNS = ("id", "split", "label", "part", "group")
_NOT_ATTRIBUTES = frozenset({*_COLUMNS, "source"})
_FORMS = {
    "dataset": (re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"), "a name of letters, digits, - and _"),
    "fingerprint": (re.compile("[0-9a-f]{64}"), "64 hexadecimal digits"),
}
"""Forms of the manifest's values that become part of file names: none may lead out of the folder."""


@dataclass(frozen=True, kw_only=True)
class _Protocol:
    name: str
    version: int
    description: str


@dataclass(frozen=True, kw_only=True)
class _Counts:
    parts: dict[str, tuple[int, ...]]
    splits: dict[str, tuple[int, ...]]
    found: Any = None
    expected: Any = None


@dataclass(frozen=True, kw_only=True)
class _Manifest:
    """The fields of a manifest that are relied on, with their types; those with a default may be absent."""

    dataset: str
    title: str
    origin: Origin
    n: int
    size: tuple[int, int]
    counts: _Counts
    fingerprint: str
    layout: str = ""
    official_split: bool = True
    protocol: _Protocol | None = None
    crop: str = ""
    complete: bool | None = None
    label_map: dict[str, str] | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """A prepared dataset: images in a memory map, everything else in memory. Row i is the same image everywhere."""

    folder: Path
    images: np.memmap[Any, np.dtype[np.uint8]]
    """uint8, (n, height, width), read only; memory-mapped."""
    labels: NDArray[np.uint8]
    """Class indices, (n,)."""
    splits: NDArray[np.str_]
    """``train``, ``val`` or ``test``, (n,)."""
    ids: NDArray[np.str_]
    """(n,), unique."""
    parts: NDArray[np.str_]
    """The official part of each image, (n,)."""
    groups: NDArray[np.str_]
    """The subject of each image where known, else empty, (n,)."""
    attributes: dict[str, NDArray[np.str_]]
    """Further columns of the sample table, such as RAF-DB's ``gender``, ``race`` and ``age``, each (n,)."""
    manifest: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> "Prepared":
        """Open a prepared folder and check that its files agree with each other.

        The images' own bytes are not read, since AffectNet has 14 GB of them; what computes on them calls
        :func:`fer_bench.datasets.integrity.require_intact`.

        Raises:
            FerBenchError: it is missing, incomplete, of another schema, or its files contradict each other.
        """
        again = _again(folder)
        manifest = read_manifest(folder)
        if manifest is None:
            raise FerBenchError(f"{folder}: the dataset is not prepared; {again}")
        try:
            if lacking := [name for name in (IMAGES, LABELS, SAMPLES) if not (folder / name).is_file()]:
                raise ValueError(f"no file {lacking[0]}")
            images = np.lib.format.open_memmap(folder / IMAGES, mode="r")
            # Mapped too: that fails for a file that states more data than it holds.
            labels = np.array(np.lib.format.open_memmap(folder / LABELS, mode="r"))
            with (folder / SAMPLES).open(encoding="utf-8", newline="") as stream:
                header, *rows = csv.reader(stream)
            if absent := _NOT_ATTRIBUTES.difference(header):
                raise ValueError(f"{SAMPLES} has no column {', '.join(sorted(absent))}")
            if odd := next((number for number, row in enumerate(rows, start=1) if len(row) != len(header)), 0):
                raise ValueError(f"row {odd:,} of {SAMPLES} has {len(rows[odd - 1])} cells, its header {len(header)}")
            columns = dict(zip(header, zip(*rows, strict=True), strict=True))
            ids, splits, names, parts, groups = (np.array(columns[column], np.str_) for column in _COLUMNS)
            attributes = {
                name: np.array(column, np.str_) for name, column in columns.items() if name not in _NOT_ATTRIBUTES
            }
            _require_agreement(manifest, images, labels, ids, splits, names, parts)
        except (*DAMAGE, csv.Error) as error:
            raise FerBenchError(f"{folder}: the prepared dataset is damaged ({first_line(error)}); {again}") from error
        return cls(folder, images, labels, splits, ids, parts, groups, attributes, manifest)

    @property
    def dataset(self) -> str:
        """Name of the dataset's card."""
        return str(self.manifest["dataset"])

    @property
    def title(self) -> str:
        """The dataset's name for people."""
        return str(self.manifest["title"])

    @property
    def trainable(self) -> bool:
        """Whether it has training images; a test set alone, such as CK+, has none."""
        return "train" in self.manifest["counts"]["splits"]

    def sources(self) -> list[str]:
        """Return the file that each image came from, relative to the dataset's folder."""
        with (self.folder / SAMPLES).open(encoding="utf-8", newline="") as stream:
            return [row["source"] for row in csv.DictReader(stream)]

    @property
    def origin(self) -> Origin:
        """``real`` or ``synthetic``."""
        return "synthetic" if self.manifest["origin"] == "synthetic" else "real"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over pixels, labels, ids, splits, parts and choices, 64 hexadecimal digits."""
        return str(self.manifest["fingerprint"])

    @property
    def preparation(self) -> Preparation | None:
        """How it was prepared, for records; ``None`` where the manifest does not tell."""
        protocol = self.manifest.get("protocol")
        if not isinstance(protocol, dict):
            return None
        content = {key: self.manifest.get(key) for key in ("dataset", "crop", "layout", "official_split", "complete")}
        content |= {"protocol": protocol.get("name"), "protocol_version": protocol.get("version")}
        try:
            return build(Preparation, content, str(self.folder / MANIFEST))
        except FerBenchError:  # An edited manifest must not cost the result of a training that has just ended.
            return None

    def indices(self, split: Split) -> NDArray[np.intp]:
        """Return the rows of a split, ascending; empty where the dataset has none of it (CK+: ``train``)."""
        if split not in get_args(Split):
            raise FerBenchError(f"unknown split {split!r}; expected {', '.join(get_args(Split))}")
        return np.flatnonzero(self.splits == split)

    def require_test_images(self) -> None:
        """Refuse to go on with a dataset that no model can be tested on.

        Raises:
            FerBenchError: it has no test images.
        """
        if not (self.splits == "test").any():
            raise FerBenchError(
                f"{self.folder}: no test images; prepare {self.dataset} again from a source with its test set, or "
                "leave it out"
            )

    def at_size(self, size: int) -> np.memmap[Any, np.dtype[np.uint8]]:
        """Return all images for a network of ``size`` x ``size`` pixels, uint8, read only.

        The stored images, (n, height, width), where neither side is larger than ``size``; otherwise an area-averaged
        copy, (n, size, size), made on the first call and kept as ``scaled-<size>-<fingerprint>.npy`` beside them.
        """
        if size < 1:
            raise FerBenchError(f"image size {size}, expected at least 1")
        if is_averaged(self.images.shape[1:], size):
            return scaled(self.images, self.folder / name_of(size, self.fingerprint), size)
        return self.images


def prepared_names(folder: Path) -> list[str]:
    """Return the names of the datasets prepared below ``folder``: first those with a card, in the cards' order."""
    from fer_bench.datasets import card_names

    order, (form, _) = {name: position for position, name in enumerate(card_names())}, _FORMS["dataset"]
    # What can be none is not looked into: the lost+found of a disk that is mounted here may not be.
    places = [place for place in folder.iterdir() if form.fullmatch(place.name)] if folder.is_dir() else []
    found = [place.name for place in places if is_prepared(place)]
    return sorted(found, key=lambda name: (order.get(name, len(order)), name))


def is_prepared(folder: Path) -> bool:
    """Return whether ``folder`` holds a prepared dataset."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a prepared folder, ``None`` where there is none.

    Raises:
        FerBenchError: it is damaged, of another schema, or a field that is relied on is missing or of another type.
    """
    if not is_prepared(folder):
        return None
    path, again = folder / MANIFEST, _again(folder)
    manifest = read_json(path, again)
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise FerBenchError(f"{path}: not a manifest of schema {SCHEMA}; {again}")
    try:
        build(_Manifest, {one.name: manifest[one.name] for one in fields(_Manifest) if one.name in manifest}, str(path))
    except FerBenchError as error:
        raise FerBenchError(f"{error}; {again}") from error
    for key, (form, expected) in _FORMS.items():
        if not form.fullmatch(manifest[key]):
            raise FerBenchError(f"{path}: {key} = {manifest[key][:80]!r}, expected {expected}; {again}")
    return manifest


def manifest_of(place: Workspace, name: str) -> dict[str, Any] | None:
    """Return the manifest of a workspace's dataset of that name, ``None`` where it is not prepared or a path, no name.

    Raises:
        FerBenchError: as in :func:`read_manifest` and :func:`require_own_name`.
    """
    folder = place.prepared(name)
    if folder.name != name:  # Such as fer2013/, as shells complete it: what is named after it would be a folder.
        return None
    manifest = read_manifest(folder)
    if manifest is not None:
        require_own_name(folder, manifest["dataset"])
    return manifest


def require_own_name(folder: Path, dataset: str) -> None:
    """Refuse a dataset in a workspace's folder of another name, such as a copy that was put aside.

    A run would be named after the folder and its test after the dataset: that of a model on its own images would count
    as a cross-test, and replace the test on another copy.

    Raises:
        FerBenchError: the names differ.
    """
    if folder.name != dataset:
        raise FerBenchError(
            f"{folder}: holds the prepared dataset {dataset}, in a folder of another name; results would be mistaken "
            f"for those of two datasets: rename it {dataset}, or keep it elsewhere, such as in a workspace of its own"
        )


def summary(folder: Path) -> dict[str, Any] | None:
    """Return the fields of a workspace's prepared folder that lists show, ``None`` where there is no such folder.

    Raises:
        FerBenchError: as in :func:`manifest_of`, or one of these fields is missing.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return None
    require_own_name(folder, manifest["dataset"])
    keys = ("origin", "layout", "protocol", "crop", "n", "fingerprint", "complete", "official_split")
    try:
        return {key: manifest[key] for key in keys}
    except KeyError as error:
        raise FerBenchError(f"{folder / MANIFEST}: damaged, without {error}; {_again(folder)}") from error


def _again(folder: Path) -> str:
    """Return the command to prepare a workspace's folder again; a dataset without a card here came with a card file."""
    from fer_bench.datasets import card_names

    name = folder.name if folder.name in card_names() else "--card FILE"
    place = Workspace(folder.parent.parent)
    return f"run: {shlex.join(['fer-bench', 'prepare', *name.split(), '--source', 'PATH', *place.option])}"


def _require_agreement(
    manifest: dict[str, Any],
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    ids: NDArray[np.str_],
    splits: NDArray[np.str_],
    names: NDArray[np.str_],
    parts: NDArray[np.str_],
) -> None:
    """Raise ValueError where the files of a prepared dataset contradict each other."""
    n, size = manifest["n"], manifest["size"]
    if images.dtype != np.uint8 or images.shape != (n, *size):
        raise ValueError(f"{IMAGES} is {images.dtype} {images.shape}, the manifest says uint8 {(n, *size)}")
    if labels.dtype != np.uint8 or labels.shape != (n,):
        raise ValueError(f"{LABELS} is {labels.dtype} {labels.shape}, the manifest says uint8 {(n,)}")
    if ids.shape != (n,):
        raise ValueError(f"{SAMPLES} has {len(ids)} rows for {n} images")
    if len(set(ids.tolist())) < n:
        raise ValueError(f"an id occurs twice in {SAMPLES}")
    if labels.max() >= len(EMOTIONS) or not np.array_equal(np.array(EMOTIONS)[labels], names):
        raise ValueError(f"{LABELS} and {SAMPLES} name different classes")
    for key, column in (("splits", splits), ("parts", parts)):
        counts = {str(name): np.bincount(labels[column == name], minlength=len(EMOTIONS)) for name in np.unique(column)}
        if {name: count.tolist() for name, count in counts.items()} != manifest["counts"][key]:
            raise ValueError(f"the {key} of {SAMPLES} are not those that the manifest counts")
