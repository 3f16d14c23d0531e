"""FER-2013: its card and its readers (paper, section III-A)."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import DatasetCard, Layout, Reading, Sample
from fer_bench.datasets.folder import Folder
from fer_bench.emotions import ANGRY, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE, index_of_name
from fer_bench.errors import FerBenchError

SIDE = 48
CODES = (ANGRY, DISGUST, FEAR, HAPPY, SAD, SURPRISE, NEUTRAL)
"""Class index of each code of the table's ``emotion`` column."""
PARTS: dict[str, Literal["train", "test"]] = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
"""The official parts and the split each belongs to: the paper's matrices fit both test parts together."""
TABLES = ("fer2013.csv", "icml_face_data.csv")
"""The same rows in the same order under two names; the first that is there is read."""

_LABELS = {str(code): index for code, index in enumerate(CODES)}
_VALUES = {str(value): value for value in range(256)}


def parse_row(emotion: str, pixels: str, usage: str) -> tuple[int, str, NDArray[np.uint8]]:
    """Read the three cells of a row.

    Args:
        emotion: code 0 to 6.
        pixels: 2,304 whole numbers from 0 to 255, separated by spaces, row by row.
        usage: the official part.

    Returns:
        Class index, part, and the image: uint8, (48, 48).

    Raises:
        ValueError: a cell is none of these; the message says which and what was expected.
    """
    label = _LABELS.get(emotion.strip())
    if label is None:
        raise ValueError(f"emotion {emotion.strip()[:20]!r}, expected a code from 0 to {len(CODES) - 1}")
    part = usage.strip()
    if part not in PARTS:
        raise ValueError(f"Usage {part[:20]!r}, expected {', '.join(PARTS)}")
    texts = pixels.split()
    if len(texts) != SIDE * SIDE:
        raise ValueError(f"{len(texts)} pixels, expected {SIDE * SIDE} ({SIDE} x {SIDE})")
    try:
        values = bytes(map(_VALUES.__getitem__, texts))
    except KeyError as error:
        raise ValueError(f"pixel {str(error.args[0])[:20]!r}, expected a whole number from 0 to 255") from None
    return label, part, np.frombuffer(values, np.uint8).reshape(SIDE, SIDE)


def _table(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() == ".csv" else None
    return next((path / name for name in TABLES if (path / name).is_file()), None)


def _recognise_csv(path: Path) -> str | None:
    table = _table(path)
    return None if table is None else f"the table {table.name}"


def _read_csv(path: Path, crop: str) -> Reading:
    table = _table(path)
    if table is None:
        raise FerBenchError(f"{path}: holds neither {' nor '.join(TABLES)}")
    return Reading(_rows(Folder(table.parent).path(table.name)))


def _rows(table: Path) -> Iterator[Sample]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            columns = _columns(next(reader, []), table)
            index = 0
            for row in reader:
                if not row:
                    continue
                where = f"{table.name}:{reader.line_num}"
                try:
                    emotion, pixels, usage = (row[column] for column in columns)
                    label, part, image = parse_row(emotion, pixels, usage)
                except IndexError:
                    raise FerBenchError(f"{where}: {len(row)} cells, fewer than the header names") from None
                except ValueError as error:
                    raise FerBenchError(f"{where}: {error}; the table ({table}) is damaged") from None
                # The names that the FER+ labels give to the rows of this table.
                yield Sample(f"fer{index:07d}", PARTS[part], label, where, part, pixels=image)
                index += 1
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FerBenchError(f"{table}: not readable as a CSV table ({error})") from error


def _columns(header: list[str], table: Path) -> list[int]:
    # icml_face_data.csv writes " pixels" and " Usage", in another order.
    names = [name.strip() for name in header]
    wanted = ("emotion", "pixels", "Usage")
    missing = [name for name in wanted if name not in names]
    if missing:
        found = ", ".join(name[:20] for name in names[:10]) or "none"
        raise FerBenchError(
            f"{table}: no column {', '.join(missing)} in its first line (found: {found}); "
            "expected the table of the challenge, with the columns emotion, pixels and Usage"
        )
    return [names.index(name) for name in wanted]


_SPLITS: tuple[Literal["train", "test"], ...] = ("train", "test")


def _recognise_folders(path: Path) -> str | None:
    found = []
    for split in _SPLITS:
        if not (path / split).is_dir():
            return None
        classes = [name for name in Folder(path).folders(split) if index_of_name(name) is not None]
        if not classes:
            return None
        found.append(f"{split}/ with {len(classes)} class folders")
    return " and ".join(found)


def _read_folders(path: Path, crop: str) -> Reading:
    return Reading(_pictures(Folder(path)))


def _pictures(folder: Folder) -> Iterator[Sample]:
    for split in _SPLITS:
        stray = folder.pictures(split)
        if stray:
            raise FerBenchError(
                f"{folder.root / split / stray[0]}: a picture outside the class folders ({len(stray)} such); "
                "its class cannot be known: move it to its class folder or away"
            )
        for name in folder.folders(split):
            label = index_of_name(name)
            if label is None:
                raise FerBenchError(
                    f"{folder.root / split / name}: not a class folder; expected {', '.join(EMOTIONS)} or their "
                    "usual synonyms: rename it or move it away"
                )
            for picture in folder.pictures(f"{split}/{name}"):
                source = f"{split}/{name}/{picture}"
                part = picture.split("_", 1)[0]
                if PARTS.get(part) != split:
                    expected = " or ".join(f"{part}_" for part, of in PARTS.items() if of == split)
                    raise FerBenchError(
                        f"{folder.root / source}: a {split} picture's name starts with {expected}; "
                        "without it the official part is unknown"
                    )
                # With the class: two names of the official set occur in two classes each.
                yield Sample(f"{EMOTIONS[label]}/{Path(picture).stem}", split, label, source, part)


CARD = DatasetCard(
    name="fer2013",
    title="FER-2013",
    size=(SIDE, SIDE),
    trainable=True,
    counts={
        "Training": (3995, 436, 4097, 7215, 4965, 4830, 3171),
        "PublicTest": (467, 56, 496, 895, 607, 653, 415),
        "PrivateTest": (491, 55, 528, 879, 626, 594, 416),
    },
    label_map={code: EMOTIONS[index] for code, index in _LABELS.items()},
    layouts=(
        Layout(
            "csv",
            "fer2013.csv or icml_face_data.csv with the columns emotion, pixels and Usage",
            _recognise_csv,
            _read_csv,
        ),
        Layout(
            "folders",
            "train/ and test/, each with a folder a class (angry, disgust, fear, happy, neutral, sad, surprise) of "
            "pictures named Training_..., PublicTest_... or PrivateTest_...",
            _recognise_folders,
            _read_folders,
        ),
    ),
    crops=("none",),
    licence=(
        "The pictures came from a web image search and keep their owners' rights; the authors of the challenge gave "
        "them out for research and named no licence. Do not pass them on."
    ),
    access=(
        "Kaggle, competition 'Challenges in Representation Learning: Facial Expression Recognition Challenge' "
        "(icml_face_data.csv, or fer2013.csv in fer2013.tar.gz), or the folder edition 'FER-2013' by Manas Sambare; "
        "both need a Kaggle account and, for the competition, its rules accepted."
    ),
    citation=(
        "I. J. Goodfellow, D. Erhan, P. L. Carrier, A. Courville, M. Mirza, et al., 'Challenges in Representation "
        "Learning: A Report on Three Machine Learning Contests', in Neural Information Processing (ICONIP 2013), "
        "LNCS 8228, pp. 117-124, 2013. doi:10.1007/978-3-642-42051-1_16"
    ),
)
