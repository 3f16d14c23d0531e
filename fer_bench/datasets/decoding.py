"""Picture files and texts of pixels to images of one size: reading, decoding, cropping, resizing, digest.

Nothing heavy is imported until a picture is decoded.
"""

import contextlib
import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import Sample
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.pictures import decode, opencv
from fer_bench.datasets.pixel_text import parse
from fer_bench.errors import FerBenchError

DIGEST = 16
"""Bytes of an image's digest."""

Box = tuple[float, float, float, float]


def square(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    """Return the pixels that a face box takes from a picture: as near to a square as the picture allows.

    The box is clipped to the picture; then its shorter side grows to the longer one, evenly on both sides, moved
    back inside where it would cross the picture's edge, and cut only where the whole picture is narrower.

    Args:
        box: left, top, right, bottom in pixels, right and bottom excluded.
        height: of the picture, pixels.
        width: of the picture, pixels.

    Returns:
        left, top, right, bottom as whole pixels inside the picture.

    Raises:
        ValueError: the box is not finite, or nothing of it lies within the picture.
    """
    if not all(math.isfinite(value) for value in box):
        raise ValueError(f"face box {box} is not finite")
    left, top = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
    right, bottom = min(width, math.ceil(box[2])), min(height, math.ceil(box[3]))
    if left >= right or top >= bottom:
        raise ValueError(f"face box {box} holds nothing of the picture, {width} x {height} pixels")
    side = max(right - left, bottom - top)
    left, right = _widen(left, right, side, width)
    top, bottom = _widen(top, bottom, side, height)
    return left, top, right, bottom


def _widen(start: int, end: int, side: int, limit: int) -> tuple[int, int]:
    side = min(side, limit)
    start = min(max(0, start - (side - (end - start)) // 2), limit - side)
    return start, start + side


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize to (height, width): averaged over areas where it shrinks, bilinear where it grows.

    An image of other proportions is stretched, as the paper's "resized" says (section IV-A).
    """
    if image.shape == size:
        return image
    cv2 = opencv()
    height, width = image.shape
    # Whole factors first: the same averages to within 2 gray levels, in a quarter of the time.
    for factor in range(min(height // size[0], width // size[1]), 1, -1):
        if height % factor == width % factor == 0:
            smaller = (width // factor, height // factor)
            image = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
            break
    shrinks = height > size[0] or width > size[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=method), np.uint8)


@contextlib.contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Keep OpenCV's calls single-threaded inside the block: the pool's threads are the parallelism."""
    cv2 = opencv()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class Job(NamedTuple):
    """What a decoder needs to know of a sample."""

    source: str
    box: Box | None
    text: str | None
    """The pixels as text, where the source is a table."""
    side: int

    @classmethod
    def of(cls, sample: Sample) -> "Job":
        """Return the job of a sample."""
        if sample.pixels is None:
            return cls(sample.source, sample.box, None, 0)
        return cls(sample.source, sample.box, sample.pixels.text, sample.pixels.side)


class Outcome(NamedTuple):
    """What became of a list of jobs; the images themselves are in an array."""

    kept: list[int]
    """The jobs that gave an image, ascending; the image of ``kept[i]`` is row ``i``."""
    digests: bytes
    """The first :data:`DIGEST` bytes of the SHA-256 of the pixels of each image, one after the other."""
    flaws: list[tuple[int, str, bool]]
    """Job, reason, and whether the file is missing."""
    remarks: list[tuple[int, str]]
    """Job and remark of the pictures that needed more than plain decoding."""


def decode_jobs(folder: Folder, jobs: Sequence[Job], images: NDArray[np.uint8]) -> Outcome:
    """Decode jobs into the first rows of ``images``, uint8, (at least as many, height, width)."""
    outcome = Outcome([], b"", [], [])
    digests = []
    size = (images.shape[1], images.shape[2])
    texts = _parsed(jobs)
    for number, job in enumerate(jobs):
        try:
            image, remark = _picture(folder, job.source) if job.text is None else (next(texts), "")
            if isinstance(image, str):
                raise ValueError(image)
            if job.box is not None:
                left, top, right, bottom = square(job.box, image.shape[0], image.shape[1])
                image = image[top:bottom, left:right]
        except FileNotFoundError:
            outcome.flaws.append((number, "no such picture", True))
            continue
        except ValueError as error:
            outcome.flaws.append((number, str(error), False))
            continue
        row = images[len(outcome.kept)]
        row[...] = resize(image, size)
        outcome.kept.append(number)
        digests.append(hashlib.sha256(row).digest()[:DIGEST])
        if remark:
            outcome.remarks.append((number, remark))
    return outcome._replace(digests=b"".join(digests))


def _parsed(jobs: Sequence[Job]) -> Iterator[NDArray[np.uint8] | str]:
    """Yield the image, or the reason why there is none, of each job that is a text of pixels."""
    texts = [(job.side, job.text) for job in jobs if job.text is not None]
    for side, same in itertools.groupby(texts, key=lambda text: text[0]):
        yield from parse([text for _, text in same], side)


def _picture(folder: Folder, source: str) -> tuple[NDArray[np.uint8], str]:
    try:
        data = folder.read(source)
    except FileNotFoundError:
        raise
    except (OSError, FerBenchError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ValueError(f"cannot be read ({reason or error})") from None
    picture = decode(data, source)
    return picture.image, picture.remark
