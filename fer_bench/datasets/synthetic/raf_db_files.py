"""Synthetic RAF-DB: the official aligned and original pictures, and class folders."""

from functools import partial
from pathlib import Path

from fer_bench.datasets.synthetic.plan import (
    JPEG,
    Counts,
    Plan,
    Planner,
    Portrait,
    five_points,
    photograph,
    portrait,
    spread,
    write_image,
    write_lines,
)
from fer_bench.emotions import EMOTIONS

CODES = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
"""Of the label lists, from 1."""

_AGES = (4, 20, 40, 70)
"""First years of the age groups 1 to 4."""
_Row = tuple[str, str, list[int]]
"""Name, emotion, and the key of the picture without the seed."""


def _rows(train: int, test: int) -> list[_Row]:
    names = [(f"train_{i + 1:05d}", 0, i) for i in range(train)] + [(f"test_{i + 1:04d}", 1, i) for i in range(test)]
    return [(name, EMOTIONS[i % len(EMOTIONS)], [1, part, i]) for name, part, i in names]


def _counts(train: int, test: int) -> dict[str, Counts]:
    return {"basic": {"train": spread(train), "test": spread(test)}}


def _code(emotion: str) -> int:
    return CODES.index(emotion) + 1


def _aligned_portrait(seed: int, emotion: str, key: list[int]) -> Portrait:
    return portrait(emotion, [seed, *key], lambda _: 100)


def _write_attributes(folder: Path, name: str, shown: Portrait) -> None:
    lines = [f"{x:.3f}\t{y:.3f}" for x, y in five_points(shown.face)]
    age = sum(shown.identity.age >= first for first in _AGES)
    # A drawn face has no race: the field is filled at random, for its three values to occur.
    lines += [str(int(shown.identity.gender == "female")), str(int(shown.rng.integers(3))), str(age)]
    write_lines(folder / f"{name}_manu_attri.txt", [line + "\n" for line in lines])


def _official(folder: Path, *names: str) -> list[Path]:
    """Make folders below ``basic`` and return them."""
    places = [folder / "basic" / name for name in names]
    for place in places:
        place.mkdir(parents=True)
    return places


def _aligned(folder: Path, train: int, test: int, seed: int) -> Plan:
    images, annotations, labels = _official(folder, "Image/aligned", "Annotation/manual", "EmoLabel")

    def draw(name: str, emotion: str, key: list[int]) -> str:
        shown = _aligned_portrait(seed, emotion, key)
        write_image(images / f"{name}_aligned.jpg", shown.face.image, JPEG)
        _write_attributes(annotations, name, shown)
        return f"{name}.jpg {_code(emotion)}\n"

    jobs = [partial(draw, *row) for row in _rows(train, test)]
    return Plan(jobs, _counts(train, test), partial(write_lines, labels / "list_patition_label.txt"))


def _original(folder: Path, train: int, test: int, seed: int) -> Plan:
    images, annotations, boxes, labels = _official(
        folder, "Image/original", "Annotation/manual", "Annotation/boundingbox", "EmoLabel"
    )

    def draw(name: str, emotion: str, key: list[int]) -> str:
        shown = photograph(emotion, [seed, *key])
        write_image(images / f"{name}.jpg", shown.face.image, JPEG)
        _write_attributes(annotations, name, shown)
        text = " ".join(f"{edge:.6f}" for edge in shown.box)
        write_lines(boxes / f"{name}_boundingbox.txt", [text + "\n"])
        return f"{name}.jpg {_code(emotion)}\n"

    jobs = [partial(draw, *row) for row in _rows(train, test)]
    return Plan(jobs, _counts(train, test), partial(write_lines, labels / "list_patition_label.txt"))


def _class_folders(folder: Path, train: int, test: int, seed: int) -> Plan:
    for split in ("train", "test"):
        for code in range(1, len(CODES) + 1):
            (folder / "DATASET" / split / str(code)).mkdir(parents=True)

    def draw(name: str, emotion: str, key: list[int]) -> str:
        code, file = _code(emotion), f"{name}_aligned.jpg"
        image = _aligned_portrait(seed, emotion, key).face.image
        write_image(folder / "DATASET" / name.split("_")[0] / str(code) / file, image, JPEG)
        return f"{file},{code}\n"

    def finish(lines: list[str]) -> None:
        for split in ("train", "test"):
            own = [line for line in lines if line.startswith(f"{split}_")]
            write_lines(folder / f"{split}_labels.csv", ["image,label\n", *own])

    return Plan([partial(draw, *row) for row in _rows(train, test)], _counts(train, test), finish)


LAYOUTS: dict[str, Planner] = {"aligned": _aligned, "original": _original, "class-folders": _class_folders}
