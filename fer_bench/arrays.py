"""Arrays in files that may be damaged, or of anybody's making: what reading them raises, what they state, and pages."""

import lzma
import math
import mmap
import struct
import sys
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DAMAGE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, OverflowError, RuntimeError, SyntaxError),
    *(tokenize.TokenError, struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What numpy and zipfile raise where a ``.npy`` or ``.npz`` file is not whole; found by changing bytes of good ones."""

PAGES = 1 << 28
"""Bytes read from a memory map before its pages are let go."""


def stated(path: Path) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of an ``.npz`` as it states them, by name: empty ones of their type and shape; none is read.

    A few bytes can state, and be unpacked to, more than any memory holds.

    Raises:
        ValueError: a member is no array, or states another size than it has.
        OSError: the file cannot be read; or any other of :data:`DAMAGE`.
    """
    found: dict[str, NDArray[np.generic]] = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in found:
                raise ValueError(f"the member {info.filename[:80]!r} is there twice, or no array")
            with archive.open(info) as stream:
                reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
                    np.lib.format.read_magic(stream)
                ]
                shape, _, dtype = reader(stream)
                size = math.prod(shape) * dtype.itemsize
                if dtype.hasobject or min(shape, default=0) < 0 or stream.tell() + size != info.file_size:
                    raise ValueError(f"{name[:80]!r} states {dtype} {shape}, but has {info.file_size} bytes")
            # Of any shape, without its memory.
            found[name] = np.broadcast_to(np.empty((), dtype), shape)
    return found


def let_go(images: NDArray[np.uint8]) -> None:
    """Give back the memory that a read-only memory map has taken by being read."""
    holder: Any = images
    while isinstance(holder, np.ndarray):
        holder = holder.base
    if sys.platform != "win32" and isinstance(holder, mmap.mmap) and not images.flags.writeable:
        holder.madvise(mmap.MADV_DONTNEED)
