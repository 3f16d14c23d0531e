"""What the synthetic layouts share: the plan of a dataset's files, and the pictures that they are made of."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.synthetic.face import Identity, Unit, action_units, draw_identity
from fer_bench.datasets.synthetic.scene import Face, render
from fer_bench.datasets.synthetic.view import View, draw_view
from fer_bench.emotions import EMOTIONS
from fer_bench.files import naming

Counts = dict[str, list[int]]
"""Pictures of each part and class, in the paper's order."""


@dataclass(frozen=True)
class Plan:
    """The pictures of a dataset, still to be drawn."""

    jobs: Sequence[Callable[[], Any]]
    """One a picture; independent of each other."""
    counts: dict[str, Counts]
    """What a reader must find under each protocol, the default first; contempt is outside."""
    finish: Callable[[list[Any]], None] | None = None
    """Takes the jobs' results, in order, and writes what lists them."""


Planner = Callable[[Path, int, int, int], Plan]
"""Takes the folder, the numbers of training and test pictures, and the seed; may make folders."""


def spread(total: int) -> list[int]:
    """Return how many of ``total`` pictures each class gets when picture i shows class i modulo seven."""
    return [len(range(index, total, len(EMOTIONS))) for index in range(len(EMOTIONS))]


@dataclass(frozen=True)
class Portrait:
    """Someone in the wild."""

    identity: Identity
    face: Face
    rng: np.random.Generator
    """For what else is drawn about the picture."""
    box: tuple[int, int, int, int]
    """Left, top, right, bottom of the square, in pixels, that would be a portrait of its own; the last two lie outside.

    The whole picture where nothing else is in it.
    """


def portrait(
    emotion: str, key: list[int], sizes: Callable[[np.random.Generator], int], *, gray: bool = False
) -> Portrait:
    """Draw a face that fills the picture, seeded by ``key``: seed, dataset, part and number of the picture."""
    rng, identity, units, view = _person(emotion, key)
    side = sizes(rng)
    return Portrait(identity, render(identity, units, view, side, gray=gray), rng, (0, 0, side, side))


def photograph(emotion: str, key: list[int]) -> Portrait:
    """Draw the person of :func:`portrait` somewhere in a larger picture, 300 to 600 pixels high and wide."""
    rng, identity, units, view = _person(emotion, key)
    own = np.random.default_rng([*key, 2])
    height, width = own.integers(300, 601, 2).tolist()
    face = int(min(height, width) * own.uniform(0.4, 0.65))
    left = int(own.integers(0, width - face + 1))
    # Not too high: the drawn body ends 1.4 portraits below the middle of the face.
    top = int(own.integers(max(0, height - round(1.9 * face)), height - face + 1))
    side = max(height, width)
    share = face / side
    view = replace(
        view,
        scale=view.scale * share,
        centre=((left + view.centre[0] * face) / side, (top + view.centre[1] * face) / side),
        blur=view.blur * share,
    )
    drawn = render(identity, units, view, side)
    landmarks = np.clip(drawn.landmarks, 0, (width - 1, height - 1)).astype(np.float32)
    whole = Face(drawn.image[:height, :width], landmarks)
    return Portrait(identity, whole, rng, (left, top, left + face, top + face))


def _person(emotion: str, key: list[int]) -> tuple[np.random.Generator, Identity, dict[Unit, float], View]:
    rng = np.random.default_rng(key)
    return rng, draw_identity(rng), action_units(emotion, rng), draw_view(rng)


def five_points(face: Face) -> NDArray[np.float32]:
    """Return left eye, right eye, tip of the nose, left and right mouth corner: x and y in pixels, (5, 2)."""
    points = face.landmarks
    return np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[30], points[48], points[54]])


JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)
PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)


def write_image(path: Path, image: NDArray[np.uint8], options: Sequence[int]) -> None:
    """Write a picture in the format of its name's end."""
    with naming(path):
        path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write ASCII lines that carry their own line ends."""
    with naming(path), path.open("w", encoding="ascii", newline="\n") as stream:
        stream.writelines(lines)


def pixel_text(image: NDArray[np.uint8]) -> str:
    """Return a gray picture as the CSV editions write it: numbers separated by blanks, row by row."""
    return " ".join(map(str, image.ravel().tolist()))
