"""The prepared dataset: every picture decoded once into one memory-mapped array.

``images.npy`` (uint8, N x H x W), ``labels.npy`` (uint8), ``samples.csv`` (one row an image) and ``manifest.json``, in
one folder that is complete or absent.
"""

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from fer_bench.datasets.archives import opened
from fer_bench.datasets.array_file import ArrayFile, keep_rows
from fer_bench.datasets.card import Choice, DatasetCard, Layout
from fer_bench.datasets.folder import OF_WINDOWS, Folder, below, is_visible, listed, shown
from fer_bench.datasets.prepared import IMAGES, LABELS, MANIFEST, SAMPLES, SCHEMA, Prepared
from fer_bench.datasets.proof import Expected, Flaws, check_counts, expected
from fer_bench.datasets.recognition import Found, recognise
from fer_bench.datasets.rows import Rows
from fer_bench.datasets.side_by_side import decoded
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError, number_of
from fer_bench.files import printable, write_json
from fer_bench.plugins import off_stdout
from fer_bench.progress import unheard

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user asks of ``prepare`` beyond the dataset and its source."""

    layout: str | None = None
    """Name of one of the card's layouts; ``None`` recognises it."""
    protocol: str | None = None
    """One of the layout's protocols; ``None`` takes its default."""
    crop: str | None = None
    """One of the layout's crops; ``None`` takes its default."""
    split_seed: int = 0
    """Seed of the stratified validation split."""
    allow_incomplete: bool = False
    """Accept counts other than the expected ones, and pictures that are listed but absent."""
    skip_bad: bool = False
    """Leave out images that cannot be used; the manifest lists each of them."""
    deduplicate: bool = False
    """Drop training images whose pixels are those of a test image."""


def prepare(
    card: DatasetCard,
    source: Path,
    destination: Path,
    wishes: Wishes | None = None,
    *,
    progress: Progress = unheard,
    unpacking: Progress = unheard,
) -> Prepared:
    """Read the user's copy of a dataset into a prepared folder, and check it against the official counts.

    The user's files are only read. ``destination`` appears, or is replaced, when everything has succeeded.

    Args:
        card: of the dataset.
        source: the user's folder, file or archive; a folder above it, or a part of it, will do too.
        destination: the prepared folder, or a link to its place, for example on a larger disk.
        wishes: ``None`` takes every default.
        progress: called with the images done and the number expected, ``None`` where it is unknown.
        unpacking: called with the members of an archive that are unpacked, and their number.

    Raises:
        FerBenchError: the archive is damaged or unsafe, the layout is not recognised, images are missing or damaged
            and that is not allowed, the counts differ, or ``destination`` holds something else too or is where a disk
            is mounted.
    """
    wishes = wishes or Wishes()
    target = Path(os.path.realpath(destination))  # Path.resolve raises for a link to itself before Python 3.13.
    if target.is_symlink():
        raise FerBenchError(f"{destination}: a link that leads to itself; move it away")
    if os.path.ismount(target):
        raise FerBenchError(
            f"{destination}: a disk is mounted at {target}, so that it cannot be replaced as a whole; mount it one "
            "folder higher, or make this a link to a folder on that disk"
        )
    # The archive goes into a subfolder, since the folder above the source is searched too.
    scratch = target.with_name(f".{target.name}.unpacked")
    try:
        with opened(source, scratch / "archive", unpacking) as place:
            try:
                _prepare(card, place, target, wishes, progress)
            except FerBenchError as error:
                if place == source:
                    raise
                raise FerBenchError(_of_archive(str(error), place, source)) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Prepared.load(destination)


def _of_archive(message: str, place: Path, archive: Path) -> str:
    """Name the archive in a message instead of the folder it was unpacked into, which is deleted afterwards."""
    forms = (str(place.resolve()), str(place))
    if "; unpack " in message:  # The folder lacks something that another archive holds.
        message += f"\n{archive.name} is an archive: unpack both into one folder, and name that with --source"
    if any(f"--source {quotation}{form}/" in message for form in forms for quotation in ("", "'")):
        message += "\nunpack the archive first: a folder in it cannot be named with --source"
    for form in forms:
        # In a command the path is quoted for the shell.
        message = message.replace(f"inspect {shlex.quote(form)}", f"inspect {shlex.quote(str(archive))}")
        message = message.replace(f"{form}/", f"{archive}:/").replace(form, str(archive))
    return message


def _prepare(card: DatasetCard, source: Path, destination: Path, wishes: Wishes, progress: Progress) -> None:
    found = recognise(card, source, wishes.layout)
    choice = _choice(card, found.layout, wishes)
    wanted = expected(card, found, source, card.protocol(choice.protocol))
    _require_replaceable(destination, found.root)
    partial = destination.with_name(f".{destination.name}.partial")
    with _making(partial, destination), off_stdout():
        manifest = _write(card, found, choice, wishes, wanted, partial, progress)
        write_json(partial / MANIFEST, manifest)


def _choice(card: DatasetCard, layout: Layout, wishes: Wishes) -> Choice:
    protocol = layout.protocols[0] if wishes.protocol is None else wishes.protocol
    crop = layout.crops[0] if wishes.crop is None else wishes.crop
    if protocol not in layout.protocols:
        raise FerBenchError(_not_of_layout(card, layout, "protocol", protocol, lambda other: other.protocols))
    if crop not in layout.crops:
        raise FerBenchError(_not_of_layout(card, layout, "crop", crop, lambda other: other.crops))
    return Choice(protocol, crop)


def _not_of_layout(
    card: DatasetCard, layout: Layout, what: str, wanted: str, known: Callable[[Layout], Sequence[str]]
) -> str:
    """Say that a layout lacks what is wanted, and which ones have it."""
    # Quoted: one of the crops is called none.
    message = (
        f"{card.name} in the layout {layout.name!r} has no {what} {wanted!r}; known: "
        f"{', '.join(map(repr, known(layout)))}"
    )
    having = [other.name for other in card.layouts if wanted in known(other)]
    if having:
        message += (
            f"; {wanted!r} needs a copy in the layout {' or '.join(having)} (fer-bench datasets {card.name} describes "
            "it); where yours holds that too, name it with --layout"
        )
    return message


def _write(
    card: DatasetCard,
    found: Found,
    choice: Choice,
    wishes: Wishes,
    wanted: Expected,
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Write everything but the manifest into ``folder``, and return the manifest."""
    reading = found.layout.read(found.root, choice)
    root = found.root if found.root.is_dir() else found.root.parent
    total = None if wishes.allow_incomplete or wanted.counts is None else sum(map(sum, wanted.counts.values()))
    rows, flaws, remarks = Rows(), Flaws(wishes.skip_bad, wishes.allow_incomplete), []
    with ArrayFile(folder / IMAGES, card.size) as file:
        with contextlib.closing(decoded(Folder(root), reading.samples, card.size, found.layout.native)) as chunks:
            for chunk in chunks:
                rows.extend(chunk)
                flaws.add(chunk.flaws, len(rows), chunk.remarks)
                remarks += chunk.remarks
                file.append(chunk.images)
                progress(len(rows), total)
        file.finish(len(rows))
        flaws.check(len(rows))
        found_counts = rows.counts(rows.parts)
        complete = check_counts(card, found, found_counts, wanted, flaws, reading.notes)
        dropped = _drop_train_copies(folder / IMAGES, rows) if wishes.deduplicate else []
        doubts = rows.split_off_validation(wishes.split_seed, card.split_by)
        if card.trainable and "train" not in rows.splits:
            doubts.append("no training images: it can be tested on, but nothing can be trained on it")
        if untrained := rows.tested_only():
            names = ", ".join(untrained)
            doubts.append(f"no training images of {names}, of which there are test images: no model can learn that")
        if shared := rows.subjects_in_train_and_test():
            doubts.append(f"subjects in train and in test: {len(shared):,}, such as {shared[0]!r}; see fer-bench audit")
        rows.write(folder / LABELS, folder / SAMPLES)
    where = [f"found in {found.root}, above what you named"] if found.above else []
    notes = [*where, *_doubled(root, rows.sources), *reading.notes, *doubts, *_summarised(remarks)]
    protocol = card.protocol(choice.protocol)
    choices = [SCHEMA, card.size, protocol.name, protocol.version, choice.crop, wishes.deduplicate]
    return {
        "schema": SCHEMA,
        "dataset": card.name,
        "title": card.title,
        "origin": wanted.origin,
        "layout": found.layout.name,
        "evidence": printable(found.evidence),
        "official_split": found.layout.official,
        "protocol": {"name": protocol.name, "version": protocol.version, "description": protocol.description},
        "crop": choice.crop,
        "n": len(rows),
        "size": list(card.size),
        "class_names": list(EMOTIONS),
        "counts": {
            "found": found_counts,
            "expected": wanted.counts,
            "parts": rows.counts(rows.parts) if dropped else found_counts,
            "splits": rows.counts(rows.splits),
        },
        "split_seed": wishes.split_seed,
        "label_map": reading.label_map,
        "complete": complete,
        "skipped": flaws.as_json(),
        "deduplicated": dropped if wishes.deduplicate else None,
        "notes": [shown(printable(note)) for note in notes],
        "remarks": [{"source": printable(name), "remark": remark} for name, remark in remarks],
        "fingerprint": rows.fingerprint(choices),
    }


def _doubled(root: Path, sources: Iterable[str]) -> list[str]:
    """Return a sentence if pictures were read from a folder inside one of the same name; ``sources`` hide that."""
    for parent in dict.fromkeys(source.rpartition("/")[0] for source in sources):
        place = below(root, parent)
        if place != root / parent:
            found = place.relative_to(root).as_posix()
            return [f"{parent}/ was read from {found}/: a folder that holds only one of its own name is taken for that"]
    return []


def _summarised(remarks: list[tuple[str, str]]) -> list[str]:
    """Return a sentence for each kind of remark, with the number of pictures and the first of them."""
    first: dict[str, str] = {}
    count: dict[str, int] = {}
    for name, remark in remarks:
        first.setdefault(remark, name)
        count[remark] = count.get(remark, 0) + 1
    return [f"{number_of(count[remark], 'picture')}: {remark} ({first[remark]} is the first)" for remark in count]


def _drop_train_copies(path: Path, rows: Rows) -> list[str]:
    """Drop training images that equal a test image from the rows and the array; return their ids."""
    from fer_bench.datasets.audit import train_copies_of_test

    copies = train_copies_of_test(rows.digest_array(), np.array([split == "train" for split in rows.splits]))
    dropped = [rows.ids[row] for row in np.flatnonzero(copies)]
    if dropped:
        keep_rows(path, np.flatnonzero(~copies))
        rows.keep(~copies)
    return dropped


def _require_replaceable(destination: Path, root: Path) -> None:
    if root.is_relative_to(destination):
        raise FerBenchError(f"{destination}: the dataset's own files are in there; choose another workspace")
    if (
        destination.exists()
        and not (destination / MANIFEST).is_file()
        and (not destination.is_dir() or any(destination.iterdir()))
    ):
        raise FerBenchError(f"{destination}: holds something that is no prepared dataset; move it away")
    if destination.is_dir() and (others := _not_ours(destination)):
        raise FerBenchError(
            f"{destination}: is replaced as a whole, but holds what no command of fer-bench wrote ({listed(others)}); "
            "move that away"
        )


def _not_ours(folder: Path) -> list[str]:
    """Return the names of what the user has put into a prepared folder; hidden files and those of Windows are none."""
    ours = (IMAGES, LABELS, SAMPLES, MANIFEST, "scaled-*.npy")
    names = sorted(entry.name for entry in folder.iterdir() if is_visible(entry.name))
    return [name for name in names if name.lower() not in OF_WINDOWS and not any(fnmatch(name, own) for own in ours)]


@contextlib.contextmanager
def _making(partial: Path, destination: Path) -> Iterator[None]:
    """Yield an empty folder ``partial``; rename it onto ``destination`` on success, remove it on any error."""
    former = destination.with_name(f".{destination.name}.former")
    if former.exists() and not destination.exists():  # Killed between the two renames below.
        former.rename(destination)
    for left_over in (partial, former):
        if left_over.is_symlink():
            left_over.unlink()
        shutil.rmtree(left_over, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise FerBenchError(f"{partial.parent}: cannot be written to ({error.strerror or error})") from error
    try:
        yield
        try:
            if destination.exists():
                destination.rename(former)
            partial.rename(destination)
        except BaseException:  # Ctrl-C, too, whose message says that nothing has changed.
            if former.exists() and not destination.exists():
                former.rename(destination)
            raise
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(former, ignore_errors=True)
