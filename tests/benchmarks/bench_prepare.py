"""How near ``fer-bench prepare`` comes to the bare decoder: images per second side by side, in one run.

    python tests/benchmarks/bench_prepare.py [--rounds 5] [--json]

Pictures, as many as the real datasets have (fewer of the large ones): all of ``prepare`` (recognising, listing,
reading, checking, decoding, resizing, hashing, writing to the disk, splitting, the sample table) against a bare loop
over the same files with the same number of threads: ``pool.map(cv2.imread, paths)``, and the same in batches of 32
files, which spares the pool its work. Goal: 0.8 of the loop. Table: all of ``prepare`` against ``csv`` with
``numpy.array(text.split())`` a row; goal: 5 times the loop.
"""

import argparse
import csv
import json
import resource
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
from fer_bench.datasets.side_by_side import worker_count
from fer_bench.datasets.store import Wishes, prepare

KINDS = {
    # name: (files, pixels, gray, stored at)
    "FER-2013-like, 48 px": (35_887, 48, True, 48),
    "RAF-DB-like, 100 px": (15_339, 100, False, 100),
    "AffectNet-like, 224 px": (10_000, 224, False, 224),
    "AffectNet-like, 1000 px": (1_000, 1000, False, 224),
}
ROWS = 20_000
BATCH = 32
"""Files a task of the loop in batches."""


def loop(paths: list[str]) -> None:
    """Decode to gray, nothing else, a task a file."""
    with one_opencv_thread(), ThreadPoolExecutor(worker_count()) as pool:
        for _ in pool.map(decode, paths):
            pass


def batches(paths: list[str]) -> None:
    """Decode to gray, nothing else, a task a batch of files."""

    def some(part: list[str]) -> None:
        for path in part:
            decode(path)

    with one_opencv_thread(), ThreadPoolExecutor(worker_count()) as pool:
        for _ in pool.map(some, (paths[start : start + BATCH] for start in range(0, len(paths), BATCH))):
            pass


def decode(path: str) -> None:
    cv2.imread(path, cv2.IMREAD_GRAYSCALE)


def common_loop(table: Path) -> None:
    """Read the table as the usual script does."""
    images = []
    with table.open(encoding="ascii", newline="") as stream:
        for row in csv.DictReader(stream):
            images.append(np.array(row["pixels"].split(), dtype=np.uint8).reshape(48, 48))
    np.stack(images)


def compare(count: int, ways: dict[str, Callable[[], None]], made: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Time all ways by turns, each round in another order; the first is ours.

    Returns:
        For each way images per second and microseconds of processor time an image (medians), and for all but the
        first the ratio of ours to it: the median, least and most of the rounds. Processor time says more than the
        ratio where other programs run.
    """
    for way in ways.values():
        way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in sorted(ways, key=lambda name: (list(ways).index(name) + number) % len(ways)):
            # Every round begins without what the last one made.
            shutil.rmtree(made, ignore_errors=True)
            start, used = time.perf_counter(), processor_time()
            ways[name]()
            times[name].append(time.perf_counter() - start)
            processor[name].append(processor_time() - used)
    ours = times[next(iter(ways))]
    results = {
        name: {"images_per_second": count / median(taken), "processor_us": median(processor[name]) / count * 1e6}
        for name, taken in times.items()
    }
    for name, taken in list(times.items())[1:]:
        ratios = [theirs / own for theirs, own in zip(taken, ours, strict=True)]
        results[name] |= {"ratio": median(ratios), "least": min(ratios), "most": max(ratios)}
    return results


def processor_time() -> float:
    """Return the seconds of processor time of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)

        def preparing(card: DatasetCard, source: Path) -> Callable[[], None]:
            return lambda: void(prepare(card, source, root / "out" / card.name, Wishes(allow_incomplete=True)))

        for position, (kind, (count, size, gray, stored)) in enumerate(KINDS.items()):
            folder = root / str(position)
            paths = write_jpegs(folder, count, size, gray=gray)
            ways = {
                "fer-bench": preparing(folder_card(folder, stored), folder),
                "loop": lambda paths=paths: loop(paths),
                "batches": lambda paths=paths: batches(paths),
            }
            results[kind] = compare(count, ways, root / "out", options.rounds)
            show(kind, results[kind], options.json)
            shutil.rmtree(folder)
        table = root / "fer2013.csv"
        write_table(table, ROWS)
        ways = {"fer-bench": preparing(dataset_card("fer2013"), table), "loop": lambda: common_loop(table)}
        results["table of pixels"] = compare(ROWS, ways, root / "out", options.rounds)
        show("table of pixels", results["table of pixels"], options.json)
    if options.json:
        print(json.dumps(results, indent=2))


def void(_: object) -> None:
    """Drop a result."""


def show(kind: str, result: dict[str, dict[str, float]], quiet: bool) -> None:
    own, *others = result.items()
    text = f"{kind:24} fer-bench {own[1]['images_per_second']:7,.0f} images/s ({own[1]['processor_us']:,.0f} us)"
    for name, found in others:
        text += f"; {name} {found['images_per_second']:7,.0f} ({found['processor_us']:,.0f} us), "
        text += f"ratio {found['ratio']:.2f} ({found['least']:.2f} to {found['most']:.2f})"
    print(text, file=sys.stderr if quiet else sys.stdout, flush=True)


if __name__ == "__main__":
    main()
