"""How near ``fer-bench prepare`` comes to the bare decoder: images per second side by side, in one run.

    python tests/benchmarks/bench_prepare.py [--rounds 5] [--json]

Pictures: all of ``prepare`` (recognising, listing, reading, decoding, resizing, hashing, writing, splitting, the sample
table) against a bare loop of ``cv2.imread`` over the same files with the same number of threads, in batches of the same
size; goal 0.8. Table: all of ``prepare`` against ``csv`` with ``numpy.array(text.split())`` a row; goal 5.
"""

import argparse
import csv
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from faces import folder_card, write_jpegs, write_table

from fer_bench.datasets import dataset_card
from fer_bench.datasets.card import DatasetCard
from fer_bench.datasets.decoding import one_opencv_thread
from fer_bench.datasets.side_by_side import CHUNK, worker_count
from fer_bench.datasets.store import Wishes, prepare

KINDS = {
    # name: (files, pixels, gray, stored at)
    "FER-2013-like, 48 px": (35_887, 48, True, 48),
    "RAF-DB-like, 100 px": (15_339, 100, False, 100),
    "AffectNet-like, 224 px": (10_000, 224, False, 224),
    "AffectNet-like, 1000 px": (1_000, 1000, False, 224),
}
ROWS = 20_000


def bare(paths: list[str]) -> None:
    """Decode to gray, nothing else."""

    def some(part: list[str]) -> None:
        for path in part:
            cv2.imread(path, cv2.IMREAD_GRAYSCALE)

    with one_opencv_thread(), ThreadPoolExecutor(worker_count()) as pool:
        for _ in pool.map(some, (paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK))):
            pass


def common_loop(table: Path) -> None:
    """Read the table as the usual script does."""
    images = []
    with table.open(encoding="ascii", newline="") as stream:
        for row in csv.DictReader(stream):
            images.append(np.array(row["pixels"].split(), dtype=np.uint8).reshape(48, 48))
    np.stack(images)


def compare(
    count: int, ours: Callable[[], None], theirs: Callable[[], None], made: Path, rounds: int
) -> dict[str, float]:
    """Time both by turns; return images per second (median) and the median of the rounds' ratios."""
    ours()
    theirs()
    # Every round begins without what the last one made.
    times: list[tuple[float, float]] = []
    for number in range(rounds):
        pair = {}
        for function in (ours, theirs) if number % 2 else (theirs, ours):
            shutil.rmtree(made, ignore_errors=True)
            start = time.perf_counter()
            function()
            pair[function] = time.perf_counter() - start
        times.append((pair[ours], pair[theirs]))
    return {
        "fer_bench": count / median(a for a, _ in times),
        "bare": count / median(b for _, b in times),
        "ratio": median(b / a for a, b in times),
        "least": min(b / a for a, b in times),
        "most": max(b / a for a, b in times),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)

        def preparing(card: DatasetCard, source: Path) -> Callable[[], None]:
            return lambda: void(prepare(card, source, root / "out" / card.name, Wishes(allow_incomplete=True)))

        for position, (kind, (count, size, gray, stored)) in enumerate(KINDS.items()):
            folder = root / str(position)
            paths = write_jpegs(folder, count, size, gray=gray)
            ours = preparing(folder_card(folder, stored), folder)
            results[kind] = compare(count, ours, lambda paths=paths: bare(paths), root / "out", options.rounds)
            show(kind, results[kind], options.json)
        table = root / "fer2013.csv"
        write_table(table, ROWS)
        results["table of pixels"] = compare(
            ROWS, preparing(dataset_card("fer2013"), table), lambda: common_loop(table), root / "out", options.rounds
        )
        show("table of pixels", results["table of pixels"], options.json)
    if options.json:
        print(json.dumps(results, indent=2))


def void(_: object) -> None:
    """Drop a result."""


def show(kind: str, result: dict[str, float], quiet: bool) -> None:
    print(
        f"{kind:26} fer-bench {result['fer_bench']:8,.0f} images/s, bare {result['bare']:8,.0f}, "
        f"ratio {result['ratio']:.2f} ({result['least']:.2f} to {result['most']:.2f})",
        file=sys.stderr if quiet else sys.stdout,
    )


if __name__ == "__main__":
    main()
