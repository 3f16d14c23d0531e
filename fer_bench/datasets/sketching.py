"""Images read once, a block at a time, for the audit: a digest and a sketch of each."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from fer_bench.arrays import PAGES, let_go
from fer_bench.datasets.near_duplicates import Sketches, inner, one_library_thread
from fer_bench.environment import cores

_BLOCK = 256
"""Images a task."""


def read(stacks: Sequence[NDArray[np.uint8]], progress: Callable[[int], object]) -> tuple[NDArray[np.void], Sketches]:
    """Return each image's digest and sketch.

    Args:
        stacks: images, each uint8, (m, height, width), m at least 1; together n.
        progress: called with how many images are done.

    Returns:
        Digests of pixels and size, 16 bytes each (``V16``), (n,); and sketches of the n images. Where there are several
        stacks, those of their n inner parts follow.
    """
    n = sum(map(len, stacks))
    digests, sketches = np.empty((n, 16), np.uint8), Sketches.empty(2 * n if len(stacks) > 1 else n)
    done = 0
    with one_library_thread(), ThreadPoolExecutor(cores()) as pool:
        try:
            for images in stacks:
                kept = 0
                drawn = [sketches.after(done), *([sketches.after(n + done)] if len(stacks) > 1 else [])]
                reader = functools.partial(_read_block, images, digests[done:], drawn)
                for count in pool.map(reader, range(0, len(images), _BLOCK)):
                    done += count
                    kept += count * images[0].nbytes
                    if kept >= PAGES:
                        let_go(images)
                        kept = 0
                    progress(done)
                let_go(images)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return digests.view("V16")[:, 0], sketches


def _read_block(images: NDArray[np.uint8], digests: NDArray[np.uint8], sketches: Sequence[Sketches], start: int) -> int:
    """Fill the rows from ``start`` of digests, (at least m, 16), and sketches, of the inner parts too where there are
    two of them; return how many.
    """
    block = np.ascontiguousarray(images[start : start + _BLOCK])
    rows = slice(start, start + len(block))
    # With the size: a black image is no exact copy of one with as many pixels in other rows.
    size = "x".join(map(str, block.shape[1:])).encode()
    hashed = b"".join(hashlib.blake2b(image, digest_size=16, person=size).digest() for image in block)
    digests[rows] = np.frombuffer(hashed, np.uint8).reshape(-1, 16)
    for drawn, part in zip(sketches, (block, inner(block)), strict=False):
        drawn.draw(rows, part)
    return len(block)
