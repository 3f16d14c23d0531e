"""Time and peak memory of the leakage audit over many images.

    python tests/benchmarks/bench_audit.py [--count 300000] [--images workspace/datasets/fer2013/images.npy]

The images are a few thousand drawn faces, or the ones of a prepared dataset, each many times: mirrored, turned, moved,
zoomed and lit anew, most of them beyond what counts as a copy, one in twenty within. Goal: 300,000 images within
minutes, in 2 GiB.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.synthetic import EXPRESSIONS, action_units, draw_identity, draw_view, render

SIDE = 48
DRAWN = 3_000
COPIES = 0.05
CHILD = """
import resource, sys, time
import numpy as np
from fer_bench.datasets.audit import find_copies
images = np.load(sys.argv[1], mmap_mode="r")
n = len(images)
start, read = time.perf_counter(), []
def progress(done, total):
    if done >= n and not read:
        read.append(time.perf_counter() - start)
_, near = find_copies(images, np.zeros(n, np.uint8), np.full(n, "train"), progress)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(f"{n:,} images: {time.perf_counter() - start:.0f} s, {read[0]:.0f} of them for reading; processor time "
      f"{usage.ru_utime + usage.ru_stime:.0f} s; peak {usage.ru_maxrss / 2**20:.2f} GiB; near copies: "
      f"{near.groups:,} groups, {near.extra_copies:,} extra")
"""


def faces() -> NDArray[np.uint8]:
    """Return drawn faces of different people, (DRAWN, SIDE, SIDE)."""
    rng = np.random.default_rng(0)
    drawn = []
    for index in range(DRAWN):
        units = action_units(EXPRESSIONS[index % len(EXPRESSIONS)], rng)
        drawn.append(render(draw_identity(rng), units, draw_view(rng, "wild"), SIDE, gray=True).image)
    return np.stack(drawn)


def anew(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture mirrored, turned, moved, zoomed and lit by chance."""
    is_copy = rng.random() < COPIES
    much = 0.15 if is_copy else 1
    if not is_copy and rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), rng.normal(0, 14 * much), 1 + much * rng.uniform(0.05, 0.45)
    )
    matrix[:, 2] += rng.normal(0, 0.08 * much * width, 2)
    moved = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    lit = 128 + (moved - 128) * rng.uniform(0.8, 1.2) + rng.normal(0, 15) + rng.normal(0, 2, moved.shape)
    return np.asarray(np.clip(np.rint(lit), 0, 255), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--images", type=Path, help="images.npy of a prepared dataset instead of drawn faces")
    options = parser.parse_args()
    source = np.load(options.images, mmap_mode="r") if options.images else faces()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "images.npy"
        shape = (options.count, *source.shape[1:])
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        for row in range(options.count):
            image = np.array(source[row % len(source)])
            images[row] = image if row < len(source) else anew(image, rng)
        images.flush()
        del images
        subprocess.run([sys.executable, "-c", CHILD, str(path)], check=True)


if __name__ == "__main__":
    main()
