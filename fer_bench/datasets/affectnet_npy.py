"""AffectNet's edition of 2021: cropped pictures, each with its annotations as array files."""

import functools
import io
import itertools
import math
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from fer_bench.ahead import in_turn
from fer_bench.datasets.affectnet_codes import CODES, CONTEMPT_CODE, OTHER, PARTS, Labelling
from fer_bench.datasets.card import Choice, Flaw, Reading, Sample
from fer_bench.datasets.folder import Folder, below, holds, is_picture, is_utf8, note_of_others, stem_of
from fer_bench.errors import FerBenchError

_ENDING = "_exp.npy"
_ANNOTATION = re.compile(r".+_(exp|val|aro|lnd)\.npy")
_THREADS = 4
"""Read annotations ahead; more than one for slow disks and network folders."""
_CHUNK = 256
_SHOWN = 40
"""Characters of a bad annotation in a message."""


@functools.lru_cache(maxsize=256)
def expression(content: bytes) -> int:
    """Return the expression code that the bytes of an ``N_exp.npy`` file hold: a number, or its text.

    Cached, because 290,000 files have eight contents.

    Raises:
        ValueError: the file is no array of one whole number from 0 to 7, or holds a pickled object.
    """
    if not content.startswith(np.lib.format.MAGIC_PREFIX):
        raise ValueError("not a numpy file")
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
        value = found.item() if found.size == 1 else None
    except Exception as error:  # Damaged bytes raise anything from ValueError to SystemError.
        raise ValueError(f"not a plain numpy file ({error})") from None
    if value is None:
        raise ValueError(f"{found.size} values, expected one expression code")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or number not in range(CONTEMPT_CODE + 1):
        text = repr(value)
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."  # An array may hold a text of any length.
        raise ValueError(f"expression {shown}, expected a code from 0 to {CONTEMPT_CODE}")
    return int(number)


def recognise_npy(path: Path) -> str | None:
    """Recognise the layout ``npy`` by a part with pictures and annotations; one part of the two is enough."""
    parts = [
        part
        for part in PARTS
        if below(path, f"{part}/images").is_dir() and holds(below(path, f"{part}/annotations"), _ANNOTATION)
    ]
    if not parts:
        return None
    return " and ".join(f"{part}/ with images/ and annotations/ of files named 0{_ENDING}" for part in parts)


def read_npy(path: Path, choice: Choice) -> Reading:
    """Read the layout ``npy``: each picture with its annotation, then the annotations without a picture."""
    folder, labelling = Folder(path), Labelling()
    return Reading(_samples(folder, labelling), labelling.label_map, labelling.notes)


def _samples(folder: Folder, labelling: Labelling) -> Iterator[Sample | Flaw]:
    for part in PARTS:
        if folder.has(part):
            yield from _part(folder, part, labelling)
        else:
            labelling.notes.append(f"{part}/ is not in this copy")
    labelling.finish()


def _part(folder: Folder, part: str, labelling: Labelling) -> Iterator[Sample | Flaw]:
    images, annotations = f"{part}/images", f"{part}/annotations"
    # Shorter names first, which is the order of the numbers.
    names = folder.files(images)
    pictures = sorted(filter(is_picture, names), key=_by_number)
    labelling.notes += note_of_others(images, [name for name in names if not is_picture(name)])
    unused = _stems(folder, annotations)
    for picture, found in zip(pictures, _expressions(folder, annotations, map(stem_of, pictures)), strict=True):
        source, stem = f"{images}/{picture}", stem_of(picture)
        if not is_utf8(picture):
            yield Flaw(source, "the file's name is not UTF-8", part=part)
        elif found is None:
            yield Flaw(source, f"its annotation {annotations}/{stem}{_ENDING} is not there", missing=True, part=part)
        elif stem not in unused:
            yield Flaw(source, f"another picture has the annotation {stem}{_ENDING}; keep one of the two", part=part)
        elif isinstance(found, str):
            unused.remove(stem)
            yield Flaw(f"{annotations}/{stem}{_ENDING}", found, part=part)
        else:
            unused.remove(stem)
            label = labelling.label(found, part)
            if label is not None:
                # Both parts count from 0.
                yield Sample(f"{part}/{stem}", PARTS[part], label, source, part)
    left = sorted(unused, key=_by_number)
    for stem, found in zip(left, _expressions(folder, annotations, left), strict=True):
        if found in OTHER:
            # Copies for seven classes lack these pictures; nothing is missing.
            labelling.label(CONTEMPT_CODE, part)
            continue
        label = CODES[found] if isinstance(found, int) else None
        reason = f"no such picture, but its annotation {annotations}/{stem}{_ENDING} is there"
        yield Flaw(f"{images}/{stem}.jpg", reason, missing=True, part=part, label=label)


def _by_number(name: str) -> tuple[int, str]:
    return len(name), name


def _stems(folder: Folder, annotations: str) -> set[str]:
    """Return what stands before ``_exp.npy`` in the names of the annotations."""
    path = folder.path(annotations)
    try:
        # Four files a picture: a list of entries would take a third of a gigabyte.
        with os.scandir(path) as entries:
            names = (entry.name for entry in entries)
            return {name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING) and name[0] != "."}
    except OSError as error:
        raise FerBenchError(
            f"{path}: cannot be listed ({error.strerror or error}); unpack the annotations of AffectNet there"
        ) from error


def _expressions(folder: Folder, annotations: str, stems: Iterable[str]) -> Iterator[int | str | None]:
    """Yield each annotation's code in the order of ``stems``, why it has none, or ``None`` where it is not there."""

    def read(chunk: list[str]) -> list[int | str | None]:
        return [_expression(folder, f"{annotations}/{stem}{_ENDING}") for stem in chunk]

    remaining = iter(stems)
    chunks = iter(lambda: list(itertools.islice(remaining, _CHUNK)), [])
    with ThreadPoolExecutor(_THREADS) as pool:
        for codes in in_turn((pool.submit(read, chunk).result for chunk in chunks), 2 * _THREADS + 1):
            yield from codes


def _expression(folder: Folder, annotation: str) -> int | str | None:
    try:
        return expression(folder.read(annotation))
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"the annotation cannot be read ({error.strerror or error})"
    except ValueError as error:
        return str(error)
