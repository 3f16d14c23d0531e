"""The one decoder of every dataset: picture files, or tables of pixels, to gray uint8 arrays of one size.

OpenCV everywhere, so that the same bytes give the same pixels whatever the layout they were found in. Nothing heavy
is imported until a picture is decoded.
"""

import contextlib
import itertools
import math
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import Sample
from fer_bench.datasets.folder import Folder
from fer_bench.errors import FerBenchError

CHUNK = 32
"""Pictures a task: enough to make the pool's own cost vanish, few enough to bound memory."""

Box = tuple[float, float, float, float]


def decode(data: bytes, source: str) -> NDArray[np.uint8]:
    """Decode a picture file's bytes to gray, its EXIF orientation applied.

    Args:
        data: the whole file.
        source: its name, for messages.

    Returns:
        uint8, (height, width).

    Raises:
        FerBenchError: the file is empty, cut short or no picture that OpenCV reads.
    """
    import cv2

    if not data:
        raise FerBenchError(f"{source}: the picture file is empty (0 bytes); unpack it again from the archive")
    # Some OpenCV versions fill the missing rest of a JPEG with gray and say nothing.
    if data.startswith(b"\xff\xd8") and b"\xff\xd9" not in data:
        raise FerBenchError(
            f"{source}: the JPEG is cut short ({len(data)} bytes, no end marker); unpack it again from the archive"
        )
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        reason = f"starts with the bytes {data[:4].hex(' ')}"
    except cv2.error as error:
        image, reason = None, error.err
    if image is None:
        raise FerBenchError(
            f"{source}: cannot be decoded as a picture ({len(data)} bytes, {reason}); unpack it again from the archive"
        )
    return np.asarray(image, np.uint8)


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
    import cv2

    if image.shape == size:
        return np.ascontiguousarray(image)
    shrinks = image.shape[0] > size[0] or image.shape[1] > size[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=method), np.uint8)


@contextlib.contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Keep OpenCV's calls single-threaded inside the block: the pool's threads are the parallelism."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def worker_count() -> int:
    """Threads for reading and decoding: a few more than cores, since some wait for the disk."""
    return min(32, (os.cpu_count() or 1) + 2)


def decoded(
    folder: Folder, samples: Iterable[Sample], size: tuple[int, int]
) -> Generator[tuple[Sample, NDArray[np.uint8]], None, None]:
    """Yield each sample with its image, in the order of ``samples``, decoded by a pool of threads.

    A bounded number of images is in flight, so memory does not grow with the dataset.

    Args:
        folder: the dataset's folder, to which ``Sample.source`` is relative.
        samples: read once, in the caller's thread.
        size: height and width of the images, pixels.

    Yields:
        The sample and its image, uint8, C-contiguous, of the shape ``size``.

    Raises:
        FerBenchError: a picture is missing, leads out of the folder, or cannot be decoded; its name is in the message.
    """
    remaining = iter(samples)
    workers = worker_count()
    pending: deque[Future[list[NDArray[np.uint8]]]] = deque()
    chunks: deque[list[Sample]] = deque()
    with one_opencv_thread(), ThreadPoolExecutor(workers) as pool:
        while chunk := list(itertools.islice(remaining, CHUNK)):
            chunks.append(chunk)
            pending.append(pool.submit(_decode_chunk, folder, chunk, size))
            if len(pending) >= 2 * workers:
                yield from zip(chunks.popleft(), pending.popleft().result(), strict=True)
        while pending:
            yield from zip(chunks.popleft(), pending.popleft().result(), strict=True)


def _decode_chunk(folder: Folder, chunk: list[Sample], size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    return [_decode_sample(folder, sample, size) for sample in chunk]


def _decode_sample(folder: Folder, sample: Sample, size: tuple[int, int]) -> NDArray[np.uint8]:
    image = sample.pixels
    if image is None:
        path = folder.path(sample.source)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise FerBenchError(f"{path}: the picture cannot be read ({error.strerror or error})") from error
        image = decode(data, str(path))
    if sample.box is not None:
        try:
            left, top, right, bottom = square(sample.box, image.shape[0], image.shape[1])
        except ValueError as error:
            raise FerBenchError(f"{sample.source}: {error}; prepare with --crop none to take whole pictures") from error
        image = image[top:bottom, left:right]
    return resize(image, size)
