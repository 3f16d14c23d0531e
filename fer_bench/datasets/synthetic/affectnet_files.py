"""Synthetic AffectNet: the edition with array files, the older one with tables, and class folders."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.synthetic.plan import (
    JPEG,
    Counts,
    Plan,
    Planner,
    Portrait,
    photograph,
    portrait,
    spread,
    write_image,
    write_lines,
)
from fer_bench.emotions import CONTEMPT, EMOTIONS

CODES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", CONTEMPT)
"""Expression codes, from 0."""
NONE, UNCERTAIN, NO_FACE = 8, 9, 10
"""Further codes of the older edition."""
COLUMNS = (
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks", "expression",
    "valence", "arousal",
)  # fmt: skip
"""Of the older edition's tables."""

_VALENCE_AROUSAL = {
    "neutral": (0.0, 0.0), "happy": (0.7, 0.2), "sad": (-0.65, -0.25), "surprise": (0.15, 0.7), "fear": (-0.2, 0.75),
    "disgust": (-0.65, 0.45), "angry": (-0.45, 0.6), CONTEMPT: (-0.5, 0.55),
}  # fmt: skip
_NOT_RATED = -2.0
"""Valence and arousal of a picture without one of the eight expressions."""
_SUBFOLDERS = 12

_Row = tuple[str, int, list[int]]
"""Part, expression code, and the key of the picture without the seed; its last number is the picture's."""


def _rows(parts: dict[str, int], others: tuple[int, ...]) -> list[_Row]:
    """Return the pictures of each part: the seven classes in turn, then a few of each other code."""
    rows = []
    for number, (part, total) in enumerate(parts.items()):
        codes = [CODES.index(EMOTIONS[i % len(EMOTIONS)]) for i in range(total)]
        codes += [code for code in others for _ in range(max(2, total // 20))]
        rows += [(part, code, [2, number, i]) for i, code in enumerate(codes)]
    return rows


def _counts(parts: dict[str, int]) -> dict[str, Counts]:
    return {"seven": {part: spread(total) for part, total in parts.items()}}


def _side(rng: np.random.Generator) -> int:
    return 224 if rng.random() < 0.8 else int(rng.integers(160, 401))


def _affect(shown: Portrait, code: int) -> tuple[float, float]:
    """Return valence and arousal, -1 to 1."""
    valence, arousal = np.clip(shown.rng.normal(_VALENCE_AROUSAL[CODES[code]], 0.12), -1, 1)
    return float(valence), float(arousal)


def _npy(folder: Path, train: int, test: int, seed: int) -> Plan:
    def draw(part: str, code: int, key: list[int]) -> None:
        shown = portrait(CODES[code], [seed, *key], _side)
        write_image(folder / part / "images" / f"{key[-1]}.jpg", shown.face.image, JPEG)
        valence, arousal = _affect(shown, code)
        stem = str(folder / part / "annotations" / str(key[-1]))
        # The real files hold text, the landmarks x and y in turn.
        np.save(f"{stem}_exp.npy", np.array(str(code)))
        np.save(f"{stem}_val.npy", np.array(f"{valence:.6f}"))
        np.save(f"{stem}_aro.npy", np.array(f"{arousal:.6f}"))
        np.save(f"{stem}_lnd.npy", shown.face.landmarks.astype(np.float64).ravel())

    parts = {"train_set": train, "val_set": test}
    for part in parts:
        for kind in ("images", "annotations"):
            (folder / part / kind).mkdir(parents=True)
    jobs: list[Callable[[], Any]] = [partial(draw, *row) for row in _rows(parts, (CODES.index(CONTEMPT),))]
    return Plan(jobs, _counts(parts))


def _manual_csv(folder: Path, train: int, test: int, seed: int) -> Plan:
    images = folder / "Manually_Annotated_Images"
    for number in range(1, _SUBFOLDERS + 1):
        (images / str(number)).mkdir(parents=True)

    def draw(part: str, code: int, key: list[int]) -> tuple[str, str]:
        # None and uncertain show anything; only their label says so.
        emotion = CODES[code] if code < NONE else EMOTIONS[key[-1] % len(EMOTIONS)]
        shown = photograph(emotion, [seed, *key])
        digest = hashlib.sha224(f"{seed} {part} {key[-1]}".encode()).hexdigest()
        place = f"{int(digest[:8], 16) % _SUBFOLDERS + 1}/{digest}.jpg"
        image = shown.face.image
        write_image(images / place, _empty_scene(image, shown.rng) if code == NO_FACE else image, JPEG)
        return part, _table_row(place, shown, code)

    def finish(results: list[tuple[str, str]]) -> None:
        header = ",".join(COLUMNS) + "\n"
        for part, name in (("train_set", "training.csv"), ("val_set", "validation.csv")):
            # Sorted by their paths, whose hashes mix the classes.
            write_lines(folder / name, [header, *sorted(row for of, row in results if of == part)])

    parts = {"train_set": train, "val_set": test}
    others = (CODES.index(CONTEMPT), NONE, UNCERTAIN, NO_FACE)
    return Plan([partial(draw, *row) for row in _rows(parts, others)], _counts(parts), finish)


def _table_row(place: str, shown: Portrait, code: int) -> str:
    left, top, right, bottom = shown.box
    landmarks = ";".join(f"{number:.2f}" for number in shown.face.landmarks.ravel())
    valence, arousal = _affect(shown, code) if code < NONE else (_NOT_RATED, _NOT_RATED)
    return f"{place},{left},{top},{right - left},{bottom - top},{landmarks},{code},{valence:.6f},{arousal:.6f}\n"


def _empty_scene(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture of the same size with nothing but patches of colour."""
    patches = rng.integers(20, 230, (5, 7, 3), dtype=np.uint8)
    height, width = image.shape[:2]
    return np.asarray(cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _class_folders(folder: Path, train: int, test: int, seed: int) -> Plan:
    def draw(part: str, code: int, key: list[int]) -> None:
        image = portrait(CODES[code], [seed, *key], _side).face.image
        write_image(folder / part / str(code) / f"image{key[-1]:07d}.jpg", image, JPEG)

    parts = {"train": train, "val": test}
    for part in parts:
        for code in range(len(CODES)):
            (folder / part / str(code)).mkdir(parents=True)
    return Plan([partial(draw, *row) for row in _rows(parts, (CODES.index(CONTEMPT),))], _counts(parts))


LAYOUTS: dict[str, Planner] = {"npy": _npy, "manual-csv": _manual_csv, "class-folders": _class_folders}
