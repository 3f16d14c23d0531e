"""AffectNet with the paper's seven classes: its card and its readers (paper, section III-A)."""

import functools
import io
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fer_bench.datasets.card import DatasetCard, Layout, Reading, Sample
from fer_bench.datasets.folder import Folder
from fer_bench.emotions import ANGRY, CONTEMPT, DISGUST, EMOTIONS, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE
from fer_bench.errors import FerBenchError

CODES = (NEUTRAL, HAPPY, SAD, SURPRISE, FEAR, DISGUST, ANGRY)
"""Class index of the codes 0 to 6."""
CONTEMPT_CODE = 7

_PARTS: dict[str, Literal["train", "test"]] = {"train_set": "train", "val_set": "test"}
"""The official parts, also the names of their folders: the validation set is the paper's test set."""


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
        raise ValueError(f"expression {value!r}, expected a code from 0 to {CONTEMPT_CODE}") from None
    if number not in range(CONTEMPT_CODE + 1):
        raise ValueError(f"expression {value!r}, expected a code from 0 to {CONTEMPT_CODE}")
    return int(number)


def _recognise_npy(path: Path) -> str | None:
    found = {part: [name for name in ("images", "annotations") if (path / part / name).is_dir()] for part in _PARTS}
    if not all(found.values()):
        return None
    return " and ".join(f"{part}/ with {' and '.join(names)}" for part, names in found.items())


@dataclass(frozen=True)
class _Part:
    """The pictures of one part and their codes: names and bytes, so that 290,000 take some 20 MB."""

    part: str
    pictures: list[str]
    codes: "array[int]"


def _read_npy(path: Path, crop: str) -> Reading:
    folder = Folder(path)
    parts = [_labelled(folder, part) for part in _PARTS]
    left_out = {part.part: part.codes.count(CONTEMPT_CODE) for part in parts}
    notes: tuple[str, ...] = ()
    if any(left_out.values()):
        text = ", ".join(f"{count} {part}" for part, count in left_out.items())
        notes = (f"{CONTEMPT} (code {CONTEMPT_CODE}) is none of the seven classes and was left out: {text} images",)
    return Reading(_samples(parts), notes)


def _labelled(folder: Folder, part: str) -> _Part:
    images, annotations = f"{part}/images", f"{part}/annotations"
    # Shorter names first, which is the order of the numbers.
    pictures = sorted(folder.pictures(images), key=lambda picture: (len(picture), picture))
    unused = {file.removesuffix("_exp.npy") for file in folder.files(annotations, "_exp.npy")}
    codes = array("B")
    for picture in pictures:
        stem = Path(picture).stem
        path = folder.path(f"{annotations}/{stem}_exp.npy")
        if stem not in unused:
            raise FerBenchError(f"{path}: no such annotation for the picture {images}/{picture}; unpack it again")
        unused.remove(stem)
        try:
            codes.append(expression(path.read_bytes()))
        except OSError as error:
            raise FerBenchError(f"{path}: the annotation cannot be read ({error.strerror or error})") from error
        except ValueError as error:
            raise FerBenchError(f"{path}: {error}; unpack it again") from error
    if unused:
        raise FerBenchError(
            f"{folder.root / images}: no picture {min(unused)}.jpg, but its annotation is there ({len(unused)} such); "
            "unpack the pictures again"
        )
    return _Part(part, pictures, codes)


def _samples(parts: list[_Part]) -> Iterator[Sample]:
    for part in parts:
        for picture, code in zip(part.pictures, part.codes, strict=True):
            if code != CONTEMPT_CODE:
                # Both parts count from 0.
                identifier = f"{part.part}/{Path(picture).stem}"
                source = f"{part.part}/images/{picture}"
                yield Sample(identifier, _PARTS[part.part], CODES[code], source, part.part)


CARD = DatasetCard(
    name="affectnet",
    title="AffectNet",
    size=(224, 224),
    trainable=True,
    counts={
        "train_set": (24882, 3803, 6378, 134415, 74874, 25459, 14090),
        "val_set": (500,) * len(EMOTIONS),
    },
    label_map={str(code): EMOTIONS[index] for code, index in enumerate(CODES)} | {str(CONTEMPT_CODE): CONTEMPT},
    layouts=(
        Layout(
            "npy",
            "train_set/ and val_set/, each with images/0.jpg ... and annotations/0_exp.npy ...",
            _recognise_npy,
            _read_npy,
        ),
    ),
    crops=("none",),
    licence=(
        "Non-commercial research only, under an agreement with its authors that a faculty member signs. "
        "Do not pass the pictures on."
    ),
    access=(
        "http://mohammadmahoor.com/affectnet/: request by a faculty member or principal investigator; ask for the "
        "edition with train_set and val_set (cropped pictures, annotations as .npy files)."
    ),
    citation=(
        "A. Mollahosseini, B. Hasani and M. H. Mahoor, 'AffectNet: A Database for Facial Expression, Valence, and "
        "Arousal Computing in the Wild', IEEE Transactions on Affective Computing, vol. 10, no. 1, pp. 18-31, 2019. "
        "doi:10.1109/TAFFC.2017.2740923"
    ),
)
