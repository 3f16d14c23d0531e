"""Picture files and texts of pixels to images of one size: reading, decoding, cropping, resizing, digest.

Nothing heavy is imported until a picture is decoded.
"""

import contextlib
import hashlib
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import FaceBox, FaceCrop, LooseFaceBox, PixelText, Sample
from fer_bench.datasets.folder import Folder
from fer_bench.datasets.pictures import decode, opencv
from fer_bench.datasets.pixel_text import parse
from fer_bench.errors import FerBenchError

DIGEST = 16
"""Bytes of an image's digest."""

BEYOND = "the face box reaches beyond the picture"
"""Begins the reason against, or the remark on, a :class:`~fer_bench.datasets.card.FaceBox` of another picture."""

_SLACK = 0.1
"""Of a face box's width and height: no further does it reach beyond its picture."""

Box = tuple[float, float, float, float]
Sizes = tuple[tuple[int, int], ...]
"""Heights and widths in pixels."""


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
        raise ValueError(
            f"face box {box} holds nothing of the picture, {width} x {height} pixels; --crop none takes whole pictures"
        )
    side = max(right - left, bottom - top)
    left, right = _widen(left, right, side, width)
    top, bottom = _widen(top, bottom, side, height)
    return left, top, right, bottom


def _look_beyond(box: FaceBox, height: int, width: int) -> str:
    """Return a remark where a face reaches well beyond the picture of that size, in pixels; empty where it does not.

    Raises:
        ValueError: it does, and such a picture is not taken.
    """
    x, y = _SLACK * (box.right - box.left), _SLACK * (box.bottom - box.top)
    if box.left >= -x and box.top >= -y and box.right <= width + x and box.bottom <= height + y:
        return ""
    meets = box.left < width and box.top < height and box.right > 0 and box.bottom > 0
    if meets and isinstance(box, LooseFaceBox):
        return f"{BEYOND}, and was cut off at its edge"
    found = f"left {box.left:g}, top {box.top:g}, right {box.right:g}, bottom {box.bottom:g}"
    raise ValueError(f"{BEYOND}: {found} of {width} x {height} pixels; --crop none takes whole pictures")


def _widen(start: int, end: int, side: int, limit: int) -> tuple[int, int]:
    side = min(side, limit)
    start = min(max(0, start - (side - (end - start)) // 2), limit - side)
    return start, start + side


def resize(image: NDArray[np.uint8], size: tuple[int, int], into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Resize to (height, width): averaged over areas where it shrinks, bilinear where it grows.

    An image of other proportions is stretched, as the paper's "resized" says (section IV-A).

    Args:
        image: (height, width).
        size: height and width of the result, pixels.
        into: C-contiguous array of that size that is filled where the image has another one.

    Returns:
        ``into``, or the image itself where it has that size.
    """
    if image.shape == size:
        return image
    cv2 = opencv()
    height, width = image.shape
    # Whole factors first, in a quarter of the time: on average within 2 gray levels of the exact areas of a picture,
    # but by up to a pixel less sharp, which makes 45 gray levels at some edges of drawn faces.
    for factor in range(min(height // size[0], width // size[1]), 1, -1):
        if height % factor == width % factor == 0:
            smaller = (width // factor, height // factor)
            image = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
            break
    shrunk = (min(image.shape[0], size[0]), min(image.shape[1], size[1]))
    if shrunk not in (image.shape, size):
        # One side shrinks and the other one grows: OpenCV would then average over neither.
        image = cv2.resize(image, shrunk[::-1], interpolation=cv2.INTER_AREA)
    method = cv2.INTER_AREA if shrunk == size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size[1], size[0]), into, interpolation=method), np.uint8)


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


Job = tuple[str, Box | FaceCrop | None, PixelText | None]
"""What a decoder needs to know of a sample: its source, box and pixels."""
job_of: Callable[[Sample], Job] = operator.attrgetter("source", "box", "pixels")


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


def decode_jobs(folder: Folder, jobs: Sequence[Job], images: NDArray[np.uint8], native: Sizes = ()) -> Outcome:
    """Decode jobs into the first rows of ``images``, uint8, (at least as many, height, width).

    A picture of none of the heights and widths ``native`` is remarked on.
    """
    kept: list[int] = []
    digests: list[bytes] = []
    flaws: list[tuple[int, str, bool]] = []
    remarks: list[tuple[int, str]] = []
    size = (images.shape[1], images.shape[2])
    texts = _parsed(jobs)
    for number, job in enumerate(jobs):
        try:
            image, remark = _image(folder, job, texts, native)
        except ImportError:
            raise  # Of a package that is missing, no picture is to blame.
        except Exception as error:  # No single picture may end the decoder, and with it the whole run.
            flaws.append((number, *_reason(error)))
            continue
        row = images[len(kept)]
        resized = resize(image, size, row)
        if resized is not row:
            row[...] = resized
        kept.append(number)
        digests.append(hashlib.sha256(row).digest()[:DIGEST])
        if remark:
            remarks.append((number, remark))
    return Outcome(kept, b"".join(digests), flaws, remarks)


def _image(
    folder: Folder, job: Job, texts: Iterator[NDArray[np.uint8] | str], native: Sizes
) -> tuple[NDArray[np.uint8], str]:
    """Return what a job's box cuts out of its picture, and the remark on it; ``texts`` as :func:`_parsed` gives them.

    Raises:
        Exception: there is no image, see :func:`_reason`.
    """
    source, box, pixels = job
    image, remark = decode(folder.read(source), source) if pixels is None else (next(texts), "")
    if isinstance(image, str):
        raise ValueError(image)
    if native and image.shape not in native:
        # Without its own size, so that such pictures are counted together.
        sizes = " or ".join(f"{width} x {height}" for height, width in native)
        other = f"not {sizes} pixels as given out: resized or cropped since"
        remark = ", ".join(filter(None, (remark, other)))
    cut, face = box if isinstance(box, FaceCrop) else (box, box)
    if isinstance(face, FaceBox):
        remark = ", ".join(filter(None, (_look_beyond(face, image.shape[0], image.shape[1]), remark)))
    if cut is not None:
        left, top, right, bottom = square(cut, image.shape[0], image.shape[1])
        image = image[top:bottom, left:right]
    return image, remark


def _reason(error: Exception) -> tuple[str, bool]:
    """Return why a picture gives no image, and whether its file is missing."""
    if isinstance(error, FileNotFoundError):
        return "no such picture", True
    if isinstance(error, ValueError):
        return str(error), False
    if isinstance(error, OSError | FerBenchError):
        return f"cannot be read ({getattr(error, 'strerror', None) or error})", False
    return f"cannot be decoded ({type(error).__name__}: {error})", False


def _parsed(jobs: Sequence[Job]) -> Iterator[NDArray[np.uint8] | str]:
    """Yield the image, or the reason why there is none, of each job that is a text of pixels."""
    texts = [pixels for _, _, pixels in jobs if pixels is not None]
    for side, same in itertools.groupby(texts, key=lambda pixels: pixels.side):
        yield from parse([pixels.text for pixels in same], side)
