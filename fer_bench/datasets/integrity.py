"""Whether a prepared dataset still holds what ``prepare`` wrote: its fingerprint, computed again.

A copy of a workspace that was broken off, or a disk that lost a block, leaves an array of the right size with other
pixels in it. Opening does not read them; a training, which reads them all anyway, asks here first.
"""

import hashlib
import json
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.arrays import PAGES, let_go
from fer_bench.datasets.decoding import DIGEST
from fer_bench.datasets.prepared import IMAGES, LABELS, SAMPLES, SCHEMA, Prepared
from fer_bench.environment import cores
from fer_bench.errors import FerBenchError
from fer_bench.progress import bar

_BLOCK = 1 << 24
"""Bytes a task."""

_intact: "weakref.WeakSet[Prepared]" = weakref.WeakSet()
"""Those that this process has checked: its next training on the same one need not."""


def fingerprint(
    choices: Sequence[Any],
    digests: bytes,
    labels: bytes,
    ids: Sequence[str],
    splits: Sequence[str],
    parts: Sequence[str],
) -> str:
    """Return the SHA-256 over everything in a prepared dataset that results depend on, 64 hexadecimal digits.

    Args:
        choices: schema, size, protocol, its version, crop, and whether copies of test images were dropped.
        digests: the first 16 bytes of the SHA-256 of each image's pixels, one after the other.
        labels: one byte an image.
        ids: one an image, as are ``splits`` and ``parts``.
        splits: ``train``, ``val`` or ``test``.
        parts: the official ones.
    """
    texts = json.dumps([list(ids), list(splits), list(parts)])
    return hashlib.sha256(json.dumps(list(choices)).encode() + digests + labels + texts.encode()).hexdigest()


def require_intact(prepared: Prepared) -> None:
    """Compare a dataset's files with its fingerprint, with a bar; one that another machine has sent is taken as it is.

    All images are read, once a process: about a second for FER-2013, what the disk takes for AffectNet's 14 GB.

    Raises:
        FerBenchError: pixels, labels or the table are not what ``prepare`` wrote.
    """
    images, manifest = prepared.images, prepared.manifest
    if prepared in _intact or not isinstance(images, np.memmap):
        return
    protocol = manifest.get("protocol") or {}
    deduplicated = manifest.get("deduplicated") is not None
    with bar(f"check {prepared.dataset}", len(images), unit="img") as shown:
        digests = _digests(images, shown.at)
    found = fingerprint(
        [SCHEMA, manifest["size"], protocol.get("name"), protocol.get("version"), manifest.get("crop"), deduplicated],
        digests,
        prepared.labels.tobytes(),
        prepared.ids.tolist(),
        prepared.splits.tolist(),
        prepared.parts.tolist(),
    )
    if found != prepared.fingerprint:
        raise FerBenchError(
            f"{prepared.folder}: changed since it was prepared: {IMAGES}, {LABELS} and {SAMPLES} have the fingerprint "
            f"{found[:12]}, the manifest says {prepared.fingerprint[:12]}; perhaps a copy was broken off. Copy the "
            "folder again, or prepare the dataset again"
        )
    _intact.add(prepared)


def _digests(images: NDArray[np.uint8], progress: Callable[[int], object]) -> bytes:
    """Return the digest of each of n images, uint8 (n, height, width), 16 bytes each."""
    block = max(1, _BLOCK // max(1, images[:1].nbytes))

    def read(start: int) -> bytes:
        rows = images[start : start + block]
        return b"".join(hashlib.sha256(np.ascontiguousarray(row).data).digest()[:DIGEST] for row in rows)

    found, held = bytearray(), 0
    # hashlib lets other threads run while it reads an image.
    with ThreadPoolExecutor(cores()) as pool:
        try:
            for digests in pool.map(read, range(0, len(images), block)):
                found += digests
                progress(len(found) // DIGEST)
                held += _BLOCK
                if held >= PAGES:
                    let_go(images)
                    held = 0
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    let_go(images)
    return bytes(found)
