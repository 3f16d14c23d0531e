"""Synthetic FER-2013: the challenge's table with the FER+ votes, split tables, and folders."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.synthetic.plan import (
    JPEG,
    PNG,
    Counts,
    Plan,
    Planner,
    pixel_text,
    portrait,
    spread,
    write_image,
    write_lines,
)
from fer_bench.emotions import EMOTIONS

CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Of the column ``emotion``, from 0."""
PARTS = ("Training", "PublicTest", "PrivateTest")
VOTES = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip
"""Vote columns of FER+."""
VOTERS = 10

_HEADER = "emotion,pixels,Usage\n"
_VOTE_OF = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""FER+'s names of the seven classes."""
_ODD_EVERY = 40
"""Rows between two of the same oddity."""
_NO_FACE, _TIE, _CONTEMPT, _UNKNOWN, _CORRECTED = 11, 17, 23, 29, 35
"""Rows (modulo 40) whose votes are odd: a set of 49 pictures has each of them."""

_Row = tuple[str, int, list[int]]
"""Part, class index, and the key of the picture without the seed."""


def _rows(train: int, test: int) -> tuple[list[_Row], Counts]:
    """Return the pictures in the order of fer2013.csv, and the counts."""
    pictures = [("Training", i) for i in range(train)]
    # Seven is odd: a class's pictures alternate between the two test parts.
    pictures += [("PublicTest", i) for i in range(0, test, 2)] + [("PrivateTest", i) for i in range(1, test, 2)]
    counts = {part: [0] * len(EMOTIONS) for part in PARTS}
    rows = []
    for part, index in pictures:
        label = index % len(EMOTIONS)
        counts[part][label] += 1
        rows.append((part, label, [0, PARTS.index(part), index]))
    return rows, counts


def _image(seed: int, label: int, key: list[int]) -> NDArray[np.uint8]:
    return portrait(EMOTIONS[label], [seed, *key], lambda _: 48, gray=True).face.image


def _split(part: str) -> str:
    return "train" if part == "Training" else "test"


def _make_class_folders(folder: Path) -> None:
    for split in ("train", "test"):
        for emotion in EMOTIONS:
            (folder / split / emotion).mkdir(parents=True)


def _folders(folder: Path, train: int, test: int, seed: int) -> Plan:
    def draw(part: str, label: int, key: list[int], number: int) -> None:
        path = folder / _split(part) / EMOTIONS[label] / f"{part}_{10_000_000 + number}.jpg"
        write_image(path, _image(seed, label, key), JPEG)

    _make_class_folders(folder)
    rows, counts = _rows(train, test)
    return Plan([partial(draw, *row, number) for number, row in enumerate(rows)], {"original": counts})


def _folders_renamed(folder: Path, train: int, test: int, seed: int) -> Plan:
    def draw(part: str, label: int, key: list[int], number: int) -> None:
        path = folder / _split(part) / EMOTIONS[label] / f"im{number}.png"
        write_image(path, _image(seed, label, key), PNG)

    _make_class_folders(folder)
    rows, _ = _rows(train, test)
    jobs, taken = [], {(split, label): 0 for split in ("train", "test") for label in range(len(EMOTIONS))}
    for part, label, key in rows:
        place = (_split(part), label)
        jobs.append(partial(draw, part, label, key, taken[place]))
        taken[place] += 1
    return Plan(jobs, {"original": {"Training": spread(train), "Test": spread(test)}})


def _table_row(seed: int, part: str, label: int, key: list[int]) -> str:
    return f"{CODES.index(EMOTIONS[label])},{pixel_text(_image(seed, label, key))},{part}\n"


def _csv(folder: Path, train: int, test: int, seed: int) -> Plan:
    rows, counts = _rows(train, test)

    def finish(lines: list[str]) -> None:
        write_lines(folder / "fer2013.csv", [_HEADER, *lines])
        votes = [_votes_row(seed, *row, number) for number, row in enumerate(rows)]
        write_lines(folder / "fer2013new.csv", [f"Usage,Image name,{','.join(VOTES)}\n", *votes])

    return Plan([partial(_table_row, seed, *row) for row in rows], {"original": counts}, finish)


def _split_csv(folder: Path, train: int, test: int, seed: int) -> Plan:
    rows, counts = _rows(train, test)

    def finish(lines: list[str]) -> None:
        for part, name in zip(PARTS, ("train.csv", "val.csv", "test.csv"), strict=True):
            own = [line for line, row in zip(lines, rows, strict=True) if row[0] == part]
            write_lines(folder / name, [_HEADER, *own])

    return Plan([partial(_table_row, seed, *row) for row in rows], {"original": counts}, finish)


def _votes_row(seed: int, part: str, label: int, key: list[int], number: int) -> str:
    votes = _votes(np.random.default_rng([seed, *key, 1]), label, number % _ODD_EVERY)
    name = "" if votes["NF"] == VOTERS else f"fer{number:07d}.png"
    return f"{part},{name},{','.join(str(votes[column]) for column in VOTES)}\n"


def _votes(rng: np.random.Generator, label: int, oddity: int) -> dict[str, int]:
    """Return what ten people said about a picture: mostly its class."""
    votes = dict.fromkeys(VOTES, 0)
    if oddity == _NO_FACE:
        votes["NF"] = VOTERS
        return votes
    if oddity == _TIE:
        other, third = (_VOTE_OF[(label + step) % len(_VOTE_OF)] for step in rng.permutation(6)[:2] + 1)
        votes |= {_VOTE_OF[label]: 4, other: 4, third: 2}
        return votes
    winner = {
        _CONTEMPT: "contempt",
        _UNKNOWN: "unknown",
        _CORRECTED: _VOTE_OF[(label + 1) % len(_VOTE_OF)],
    }.get(oddity, _VOTE_OF[label])
    agreeing = int(rng.integers(7, VOTERS + 1))
    votes[winner] = agreeing
    for choice in rng.integers(len(VOTES) - 1, size=VOTERS - agreeing):  # Nobody overlooks a face.
        votes[VOTES[choice]] += 1
    return votes


LAYOUTS: dict[str, Planner] = {
    "folders": _folders,
    "csv": _csv,
    "split-csv": _split_csv,
    "folders-renamed": _folders_renamed,
}
