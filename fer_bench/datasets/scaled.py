"""Area-averaged copies of prepared images.

A bilinear warp to a size below the stored one skips pixels and aliases; averaging once, beforehand, does not.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.arrays import DAMAGE
from fer_bench.datasets.decoding import one_opencv_thread, resize
from fer_bench.environment import cores
from fer_bench.files import replacing
from fer_bench.progress import bar

BLOCK = 1024
"""Images a task."""


def is_averaged(stored: Sequence[int], size: int) -> bool:
    """Whether images of a height and width are averaged over areas for a network of ``size`` x ``size`` pixels."""
    return size < max(stored)


def name_of(size: int, fingerprint: str) -> str:
    """Return the file name of a copy at ``size`` x ``size`` pixels of the images with a dataset's fingerprint.

    The content is in the name since a process without the workspace's lock may still hold the images that ``prepare``
    has replaced: it writes their copy into the new folder, where only that process reads it.
    """
    return f"scaled-{size}-{fingerprint[:12]}.npy"


def scaled(images: NDArray[np.uint8], path: Path, size: int) -> np.memmap[Any, np.dtype[np.uint8]]:
    """Return the copy of ``images`` at ``size`` x ``size`` kept at ``path``, made where it is not there yet.

    Behind the array, the file holds its SHA-256: a copy with other pixels, as of a folder that was not copied to its
    end, is made anew.

    Args:
        images: uint8, (n, height, width).
        path: of the ``.npy`` file; it appears when it is whole.
        size: height and width of the copy, pixels.

    Returns:
        uint8, (n, size, size), memory-mapped, read only.
    """
    shape = (len(images), size, size)
    kept = _opened(path, shape)
    if kept is not None:
        return kept
    with replacing(path) as temporary:
        _write(temporary, images, size)
    _whole.add(_state(path))
    made = _opened(path, shape)
    if made is None:
        raise RuntimeError(f"{path}: not the array that was just written")
    return made


def _write(path: Path, images: NDArray[np.uint8], size: int) -> None:
    digest = _fill(path, images, size)
    with path.open("ab") as stream:
        stream.write(digest)


def _fill(path: Path, images: NDArray[np.uint8], size: int) -> bytes:
    """Write the array, and return its digest."""
    copy = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(len(images), size, size))
    if hasattr(os, "posix_fallocate"):
        # Where the disk is full, a mapped page that finds no room ends the process with SIGBUS, without a word.
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)

    def fill(start: int) -> int:
        stop = min(start + BLOCK, len(images))
        for i in range(start, stop):
            copy[i] = resize(images[i], (size, size))
        return stop - start

    with (
        one_opencv_thread(),
        ThreadPoolExecutor(cores()) as pool,
        bar(f"scale to {size} x {size}", len(images), unit="img") as shown,
    ):
        for done in pool.map(fill, range(0, len(images), BLOCK)):
            shown.advance(done)
    copy.flush()
    return _digest(copy)


_whole: set[tuple[Path, int]] = set()
"""Copies that this process has found whole, with the time at which each was written."""


def _opened(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]] | None:
    """Return the copy at ``path``, ``None`` where there is none, or not this one."""
    if not path.is_file():  # A pipe would be waited for.
        return None
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except DAMAGE:
        return None
    if array.dtype != np.uint8 or array.shape != shape:
        return None
    if _state(path) not in _whole:
        with path.open("rb") as stream:
            stream.seek(array.offset + array.nbytes)
            if stream.read(hashlib.sha256().digest_size + 1) != _digest(array):
                return None
        _whole.add(_state(path))
    return array


def _state(path: Path) -> tuple[Path, int]:
    return path, path.stat().st_mtime_ns


def _digest(images: NDArray[np.uint8]) -> bytes:
    """Return the SHA-256 of the pixels of n images, uint8 (n, height, width)."""
    digest = hashlib.sha256()
    with bar(f"check the copy at {images.shape[1]} x {images.shape[2]}", len(images), unit="img") as shown:
        for start in range(0, len(images), BLOCK):
            block = np.ascontiguousarray(images[start : start + BLOCK])
            digest.update(block.data)
            shown.advance(len(block))
    return digest.digest()
