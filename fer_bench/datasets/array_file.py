"""The file of a prepared dataset's images, ``images.npy``: written a few images at a time, and shortened in place."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fer_bench.files import naming

_EVERY = 1 << 25
"""Bytes written before they are brought to the disk, while more are made."""


class ArrayFile:
    """Writes a ``.npy`` file of uint8 images whose number is not known before its end.

    What is written is brought to the disk meanwhile, in a thread: at the end of the block everything is there. An
    error of the disk, such as that it is full, is raised by the call that meets it or at the end of the block; it names
    the file.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        """Begin the file; ``size`` is the images' height and width, pixels."""
        self._path, self._size = path, size
        self._unsynced = 0
        self._syncs: list[Future[None]] = []

    def __enter__(self) -> "ArrayFile":
        self._stream = self._path.open("wb")
        self._pool = ThreadPoolExecutor(1)
        self._start = _write_header(self._stream, 0, self._size)
        return self

    def append(self, images: NDArray[np.uint8]) -> None:
        """Write images, uint8, (any number, height, width), C-contiguous."""
        with naming(self._path):
            self._stream.write(images.data)
        self._unsynced += images.nbytes
        if self._unsynced >= _EVERY and all(sync.done() for sync in self._syncs):
            self._sync()

    def finish(self, n: int) -> None:
        """Write the number of images into the header; nothing can be appended afterwards."""
        # numpy pads its header so that the first dimension can grow in place.
        with naming(self._path):
            self._stream.seek(0)
            if _write_header(self._stream, n, self._size) != self._start:
                raise RuntimeError("numpy's array header has changed its length with the number of rows")
            self._stream.flush()
        self._sync()

    def _sync(self) -> None:
        self._unsynced = 0
        self._syncs.append(self._pool.submit(os.fsync, self._stream.fileno()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        with naming(self._path):
            self._stream.close()
            if kind is None:
                # The system reports a failed write once only.
                for sync in self._syncs:
                    sync.result()


def keep_rows(path: Path, kept: NDArray[np.intp]) -> None:
    """Drop all images but ``kept``, ascending, from a ``.npy`` file of uint8 images."""
    images = np.lib.format.open_memmap(path, mode="r+")
    size = (images.shape[1], images.shape[2])
    # Every row moves to a place before its own, so nothing is overwritten that is still needed.
    for place, row in enumerate(kept.tolist()):
        if place != row:
            images[place] = images[row]
    images.flush()
    del images
    with path.open("r+b") as stream:
        start = _write_header(stream, len(kept), size)
        stream.truncate(start + len(kept) * size[0] * size[1])
        os.fsync(stream.fileno())


def _write_header(stream: BinaryIO, n: int, size: tuple[int, int]) -> int:
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *size)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.tell()
