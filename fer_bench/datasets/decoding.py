"""Samples to images of one size, by a pool of threads, a bounded number at a time.

Nothing heavy is imported until a picture is decoded.
"""

import contextlib
import hashlib
import itertools
import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import Flaw, Sample
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.pictures import decode, opencv
from fer_bench.datasets.pixel_text import parse
from fer_bench.environment import cores
from fer_bench.errors import FerBenchError

CHUNK = 64
"""Images a task: enough to make the pool's own cost vanish, few enough to bound memory."""
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


def worker_count() -> int:
    """Threads for reading and decoding: a few more than cores, since some wait for the disk."""
    return min(32, cores() + 2)


@dataclass
class Chunk:
    """Some samples in a row, decoded."""

    samples: list[Sample] = field(default_factory=list)
    images: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0, 0), np.uint8))
    """(samples, height, width), C-contiguous."""
    digests: list[bytes] = field(default_factory=list)
    """The first :data:`DIGEST` bytes of the SHA-256 of each image's pixels."""
    flaws: list[Flaw] = field(default_factory=list)
    """What the reader or the decoder could not take."""
    remarks: list[tuple[str, str]] = field(default_factory=list)
    """Source and remark of the pictures that needed more than plain decoding."""


def decoded(folder: Folder, items: Iterable[Sample | Flaw], size: tuple[int, int]) -> Generator[Chunk]:
    """Yield the samples with their images, in order, decoded by a pool of threads.

    A bounded number of images is in flight, so memory does not grow with the dataset. What cannot be decoded becomes
    a :class:`~fer_bench.datasets.card.Flaw`, and the rest goes on.

    Args:
        folder: the dataset's folder, to which ``Sample.source`` is relative.
        items: read once, in the caller's thread.
        size: height and width of the images, pixels.
    """
    remaining = iter(items)
    workers = worker_count()
    pending: deque[Future[Chunk]] = deque()
    with one_opencv_thread(), ThreadPoolExecutor(workers) as pool:
        try:
            while items_of_chunk := list(itertools.islice(remaining, CHUNK)):
                pending.append(pool.submit(_decode_chunk, folder, items_of_chunk, size))
                if len(pending) >= 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _decode_chunk(folder: Folder, items: list[Sample | Flaw], size: tuple[int, int]) -> Chunk:
    chunk = Chunk()
    images = np.empty((len(items), *size), np.uint8)
    texts = _parsed(items)
    for item in items:
        if isinstance(item, Flaw):
            chunk.flaws.append(item)
            continue
        try:
            image, remark = _picture(folder, item) if item.pixels is None else (next(texts), "")
            if isinstance(image, str):
                raise ValueError(image)
            if item.box is not None:
                left, top, right, bottom = square(item.box, image.shape[0], image.shape[1])
                image = image[top:bottom, left:right]
        except ValueError as error:
            chunk.flaws.append(Flaw(item.source, str(error), part=item.part, label=item.label))
            continue
        except FileNotFoundError:
            chunk.flaws.append(Flaw(item.source, "no such picture", missing=True, part=item.part, label=item.label))
            continue
        row = images[len(chunk.samples)]
        row[...] = resize(image, size)
        chunk.samples.append(item)
        chunk.digests.append(hashlib.sha256(row).digest()[:DIGEST])
        if remark:
            chunk.remarks.append((item.source, remark))
    chunk.images = images[: len(chunk.samples)]
    return chunk


def _parsed(items: list[Sample | Flaw]) -> Iterator[NDArray[np.uint8] | str]:
    """Yield the image, or the reason why there is none, of each sample that is a text of pixels."""
    texts = [item.pixels for item in items if isinstance(item, Sample) and item.pixels is not None]
    for side, same in itertools.groupby(texts, key=lambda text: text.side):
        yield from parse([text.text for text in same], side)


def _picture(folder: Folder, sample: Sample) -> tuple[NDArray[np.uint8], str]:
    try:
        data = folder.read(sample.source)
    except FileNotFoundError:
        raise
    except (OSError, FerBenchError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ValueError(f"cannot be read ({reason or error})") from None
    picture = decode(data, sample.source)
    return picture.image, picture.remark
