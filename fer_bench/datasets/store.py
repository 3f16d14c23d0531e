"""The prepared dataset: every picture decoded once into one memory-mapped array (design: "Prepared store").

``images.npy`` (uint8, N x H x W), ``labels.npy`` (uint8), ``samples.csv`` (one row an image) and ``manifest.json``, in
one folder that is whole or absent.
"""

import contextlib
import csv
import hashlib
import json
import os
import shutil
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import DatasetCard, Sample
from fer_bench.datasets.decoding import decoded
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.prepared import COLUMNS, IMAGES, LABELS, MANIFEST, SAMPLES, SCHEMA, Prepared
from fer_bench.datasets.recognition import Found, recognise
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.files import read_json, replacing, write_json

__all__ = ["SYNTHETIC_MARKER", "VALIDATION_SHARE", "Prepared", "prepare"]

SYNTHETIC_MARKER = "fer-bench-synthetic.json"
"""Left beside synthetic files by whoever drew them; says how many there are."""
VALIDATION_SHARE = 0.2
"""Of the official training set (paper, section IV)."""

Progress = Callable[[int, int | None], None]
Counts = dict[str, list[int]]


@dataclass
class _Rows:
    """What is kept of the samples once their images are written."""

    ids: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    labels: "array[int]" = field(default_factory=lambda: array("B"))
    parts: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        if sample.id in self.seen:
            first = self.sources[self.seen[sample.id]]
            raise FerBenchError(
                f"{sample.source} and {first} are both the image {sample.id!r}; keep one of the two copies"
            )
        if sample.label not in range(len(EMOTIONS)) or sample.split not in ("train", "test"):
            raise FerBenchError(f"{sample.source}: the reader gave it label {sample.label}, split {sample.split!r}")
        self.seen[sample.id] = len(self.ids)
        self.ids.append(sample.id)
        self.splits.append(sample.split)
        self.labels.append(sample.label)
        self.parts.append(sample.part)
        self.sources.append(sample.source)
        self.groups.append(sample.group)


def prepare(
    card: DatasetCard,
    source: Path,
    destination: Path,
    *,
    layout: str | None = None,
    crop: str | None = None,
    split_seed: int = 0,
    allow_incomplete: bool = False,
    progress: Progress | None = None,
) -> Prepared:
    """Read a dataset as its user holds it into a prepared folder, and check it against the official counts.

    The user's files are only read. ``destination`` appears, or is replaced, when everything has succeeded.

    Args:
        card: of the dataset.
        source: the user's folder (or file); one folder too high or too low is found too.
        destination: the prepared folder.
        layout: name of one of the card's layouts; ``None`` recognises it.
        crop: one of the card's crops; ``None`` takes the default.
        split_seed: of the stratified validation split.
        allow_incomplete: accept counts other than the expected ones; the manifest then says ``complete: false``.
        progress: called with the images done and the number expected, ``None`` where it is unknown.

    Raises:
        FerBenchError: the layout is not recognised, a file is missing, damaged or leads out of the folder, the
            counts differ, or ``destination`` holds something else.
    """
    crop = _known_crop(card, crop)
    found = recognise(card, source, layout)
    expected, origin = _expected(card, found, source)
    destination = destination.absolute()
    _require_replaceable(destination, found.root)
    partial = destination.with_name(f".{destination.name}.partial")
    with _making(partial, destination):
        reading = found.layout.read(found.root, crop)
        root = found.root if found.root.is_dir() else found.root.parent
        total = None if allow_incomplete else sum(map(sum, expected.values()))
        digest = hashlib.sha256(f"fer-bench prepared {SCHEMA}\n{card.size[0]} {card.size[1]}\n".encode())
        rows = _Rows()
        with contextlib.closing(decoded(Folder(root), reading.samples, card.size)) as images:
            _write_images(partial / IMAGES, images, rows, card.size, digest.update, progress, total)
        counts = _counts(rows.parts, rows.labels)
        complete = _check_counts(card, found, counts, expected, origin, allow_incomplete)
        _split_off_validation(rows, split_seed)
        for part in (rows.labels.tobytes(), json.dumps([rows.ids, rows.splits, rows.parts]).encode()):
            digest.update(part)
        _write_tables(partial, rows)
        manifest = {
            "schema": SCHEMA,
            "dataset": card.name,
            "origin": origin,
            "layout": found.layout.name,
            "evidence": found.evidence,
            "crop": crop,
            "n": len(rows.ids),
            "size": list(card.size),
            "class_names": list(EMOTIONS),
            "counts": {"parts": counts, "splits": _counts(rows.splits, rows.labels)},
            "split_seed": split_seed,
            "label_map": dict(card.label_map),
            "complete": complete,
            "notes": list(reading.notes),
            "fingerprint": digest.hexdigest(),
        }
        write_json(partial / MANIFEST, manifest)
    return Prepared.load(destination)


def _known_crop(card: DatasetCard, crop: str | None) -> str:
    if crop is None:
        return card.crops[0]
    if crop not in card.crops:
        raise FerBenchError(f"{card.name} has no crop {crop!r}; known: {', '.join(card.crops)}")
    return crop


def _expected(card: DatasetCard, found: Found, source: Path) -> tuple[Counts, str]:
    """Return the counts per part that must be there, and the origin: by the marker of synthetic files, or the card."""
    official = {part: list(counts) for part, counts in card.counts.items()}
    places = dict.fromkeys((found.root, source.resolve(), found.root.parent))
    marker = next((place / SYNTHETIC_MARKER for place in places if (place / SYNTHETIC_MARKER).is_file()), None)
    if marker is None:
        return official, "real"
    content = read_json(marker)
    if not isinstance(content, dict) or content.get("synthetic") is not True or not _are_counts(content.get("counts")):
        raise FerBenchError(f"{marker}: not the marker of synthetic files; make them again with fer-bench synthesize")
    if content.get("dataset") != card.name:
        raise FerBenchError(
            f"{marker}: the files beside it are synthetic {content.get('dataset')!r}, not {card.name}; name the folder "
            f"of {card.name} with --source"
        )
    return content["counts"], "synthetic"


def _are_counts(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(counts, list) and len(counts) == len(EMOTIONS) and all(type(count) is int for count in counts)
        for counts in content.values()
    )


def _require_replaceable(destination: Path, root: Path) -> None:
    if root.is_relative_to(destination.resolve()):
        raise FerBenchError(f"{destination}: the dataset's own files are in there; choose another workspace")
    if (
        destination.exists()
        and not (destination / MANIFEST).is_file()
        and (not destination.is_dir() or any(destination.iterdir()))
    ):
        raise FerBenchError(f"{destination}: holds something that is no prepared dataset; move it away")


@contextlib.contextmanager
def _making(partial: Path, destination: Path) -> Iterator[None]:
    """Yield an empty folder ``partial``; rename it onto ``destination`` on success, remove it on any error."""
    former = destination.with_name(f".{destination.name}.former")
    if former.exists() and not destination.exists():  # Killed between the two renames below.
        former.rename(destination)
    for left_over in (partial, former):
        shutil.rmtree(left_over, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise FerBenchError(f"{partial.parent}: cannot be written to ({error.strerror or error})") from error
    try:
        yield
        if destination.exists():
            destination.rename(former)
        try:
            partial.rename(destination)
        except OSError:
            if former.exists():
                former.rename(destination)
            raise
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _write_images(
    path: Path,
    images: Iterator[tuple[Sample, NDArray[np.uint8]]],
    rows: _Rows,
    size: tuple[int, int],
    update: Callable[[bytes], None],
    progress: Progress | None,
    total: int | None,
) -> None:
    with path.open("wb") as stream:
        start = _write_header(stream, 0, size)
        for sample, image in images:
            rows.add(sample)
            data = image.tobytes()
            stream.write(data)
            update(data)
            if progress is not None:
                progress(len(rows.ids), total)
        # numpy pads its header so that the first dimension can grow in place.
        stream.seek(0)
        if _write_header(stream, len(rows.ids), size) != start:
            raise RuntimeError("numpy's array header has changed its length with the number of rows")
        stream.flush()
        os.fsync(stream.fileno())


def _write_header(stream: BinaryIO, n: int, size: tuple[int, int]) -> int:
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *size)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.tell()


def _counts(names: Sequence[str], labels: Sequence[int]) -> Counts:
    """Return images per class, in the paper's order, of each name (part or split) in order of first appearance."""
    counts: Counts = {}
    for name, label in zip(names, labels, strict=True):
        counts.setdefault(name, [0] * len(EMOTIONS))[label] += 1
    return counts


def _check_counts(
    card: DatasetCard, found: Found, counts: Counts, expected: Counts, origin: str, allow_incomplete: bool
) -> bool:
    """Return whether the counts are the expected ones; raise where they are not and that is not allowed."""
    from tabulate import tabulate

    where = f"{found.root} (layout {found.layout.name})"
    if not counts:
        raise FerBenchError(f"{where}: holds no images of {card.title}")
    nothing = [0] * len(EMOTIONS)
    tables = []
    for part in dict.fromkeys([*expected, *counts]):
        here, wanted = counts.get(part, nothing), expected.get(part, nothing)
        if here != wanted:
            lines = [*zip(EMOTIONS, here, wanted, strict=True), ("total", sum(here), sum(wanted))]
            table = [(name, a, b, f"{a - b:+d}" if a != b else "") for name, a, b in lines]
            tables.append(tabulate(table, (part, "found", "expected", "difference"), colalign=("left", *["right"] * 3)))
    if tables and not allow_incomplete:
        kind = "official" if origin == "real" else "synthetic"
        raise FerBenchError(
            "\n\n".join([f"{where}: the images are not those of the {kind} {card.title}:", *tables])
            + "\n\nComplete the copy, or use --allow-incomplete; the prepared dataset then says that it is incomplete."
        )
    return not tables


def _split_off_validation(rows: _Rows, seed: int) -> None:
    """Change the split of 20 % of the training rows to ``val``, stratified by class.

    Images of a group (the same person, say) stay on one side. Rows are drawn in the order of their ids, so that
    the split does not depend on the order in which a layout lists them.
    """
    from sklearn.model_selection import StratifiedGroupKFold, train_test_split

    train = sorted((i for i, split in enumerate(rows.splits) if split == "train"), key=rows.ids.__getitem__)
    if not train:
        return
    labels = [rows.labels[i] for i in train]
    try:
        if any(rows.groups[i] for i in train):
            groups = [rows.groups[i] or rows.ids[i] for i in train]
            folds = StratifiedGroupKFold(round(1 / VALIDATION_SHARE), shuffle=True, random_state=seed)
            validation = [train[k] for k in next(folds.split(train, labels, groups))[1]]
        else:
            validation = train_test_split(train, test_size=VALIDATION_SHARE, stratify=labels, random_state=seed)[1]
    except ValueError as error:
        raise FerBenchError(
            f"{len(train)} training images cannot be split into training and validation by class ({error}); "
            "at least five images of each class are needed"
        ) from error
    for i in validation:
        rows.splits[i] = "val"


def _write_tables(folder: Path, rows: _Rows) -> None:
    with replacing(folder / LABELS) as path, path.open("wb") as stream:
        np.save(stream, np.frombuffer(rows.labels.tobytes(), np.uint8))
    with replacing(folder / SAMPLES) as path, path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        names = (EMOTIONS[label] for label in rows.labels)
        writer.writerows(zip(rows.ids, rows.splits, names, rows.parts, rows.sources, rows.groups, strict=True))
