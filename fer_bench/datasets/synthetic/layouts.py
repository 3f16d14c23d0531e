"""Synthetic datasets on disk, in the layouts in which people hold the four real ones."""

import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fer_bench.datasets.synthetic import affectnet_files, ck_plus_files, fer2013_files, raf_db_files
from fer_bench.datasets.synthetic.plan import Planner
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.files import is_left_over, unfinished, write_json
from fer_bench.progress import unheard

MARKER = "fer-bench-synthetic.json"
"""File that tells a synthetic dataset from a real one."""
VERSION = 1
"""Of the drawing: raised whenever the same seed gives other pictures."""

_PLANNERS: dict[str, dict[str, Planner]] = {
    "fer2013": fer2013_files.LAYOUTS,
    "raf-db": raf_db_files.LAYOUTS,
    "affectnet": affectnet_files.LAYOUTS,
    "ck-plus": ck_plus_files.LAYOUTS,
}
LAYOUTS: dict[str, tuple[str, ...]] = {dataset: tuple(planners) for dataset, planners in _PLANNERS.items()}
"""Layouts of each dataset, the default first."""

Progress = Callable[[int, int], None]


def synthesize(
    dataset: str,
    destination: Path,
    *,
    train: int,
    test: int,
    seed: int = 0,
    layout: str | None = None,
    progress: Progress = unheard,
) -> dict[str, Any]:
    """Write a dataset of drawn faces in a layout of the real one; the folder appears whole or not at all.

    The same arguments give the same files. Each picture depends on the seed and its own number only, so a larger set
    begins with the smaller one's pictures (not for CK+, whose sequences are dealt to subjects). The layouts of a
    dataset show the same people, emotions and labels, cropped and encoded as the layout has it.

    Args:
        dataset: a key of :data:`LAYOUTS`.
        destination: folder to make, or a link to it; may exist when empty.
        train: training images, spread evenly over the seven classes; ignored for CK+, which has none.
        test: test images, spread likewise; for CK+ the labelled sequences of the six emotions without contempt.
        seed: 0 or more.
        layout: one of the dataset's layouts; ``None`` takes the first.
        progress: called with the pictures done and their total.

    Returns:
        The content of the marker file: ``synthetic``, ``dataset``, ``layout``, ``seed``, ``version``,
        ``counts_by_protocol``, the images of each part per class in the paper's order under each protocol that the
        layout allows, and ``counts``, those under the default protocol. Images of contempt, and those of AffectNet's
        codes 8 to 10, are outside the counts.

    Raises:
        FerBenchError: unknown dataset or layout, too few images, a negative seed, or a destination with content or that
            the system does not let go of.
    """
    planner, layout = _planner(dataset, layout)
    _require_possible(dataset, train, test, seed)
    if destination.is_file() or (destination.is_dir() and any(destination.iterdir())):
        raise FerBenchError(f"{destination} exists and is not an empty folder; choose another or remove it")
    destination = Path(os.path.realpath(destination))
    if destination == Path.cwd() or os.path.ismount(destination):
        what = "the current folder" if destination == Path.cwd() else "the place of a mounted disk"
        raise FerBenchError(f"{destination}: {what} cannot be replaced by a new one; name a new folder in it")
    folder = destination.parent / f"{unfinished()}{uuid.uuid4().hex[:8]}-{destination.name}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise FerBenchError(f"{destination.parent}: no folder can be made there ({error.strerror})") from error
    _clear_away(destination)
    try:
        plan = planner(folder, train, test, seed)
        results = _run(plan.jobs, progress)
        if plan.finish:
            plan.finish(results)
        marker = {
            "synthetic": True,
            "dataset": dataset,
            "layout": layout,
            "seed": seed,
            "version": VERSION,
            "counts": next(iter(plan.counts.values())),
            "counts_by_protocol": plan.counts,
        }
        write_json(folder / MARKER, marker)
        if destination.exists():
            destination.rmdir()
        folder.rename(destination)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return marker


def _clear_away(destination: Path) -> None:
    """Remove the folders that killed processes left beside a destination."""
    for folder in list(destination.parent.iterdir()):
        if folder.name.endswith(f"-{destination.name}") and is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _planner(dataset: str, layout: str | None) -> tuple[Planner, str]:
    if dataset not in LAYOUTS:
        raise FerBenchError(f"no synthetic {dataset!r}; expected one of {', '.join(LAYOUTS)}")
    layout = LAYOUTS[dataset][0] if layout is None else layout
    if layout not in LAYOUTS[dataset]:
        raise FerBenchError(f"no layout {layout!r} of {dataset}; expected one of {', '.join(LAYOUTS[dataset])}")
    return _PLANNERS[dataset][layout], layout


def _require_possible(dataset: str, train: int, test: int, seed: int) -> None:
    if seed < 0:
        raise FerBenchError(f"seed {seed} is negative; use 0 or more")
    for name, number in (("test", test),) if dataset == "ck-plus" else (("train", train), ("test", test)):
        if number < len(EMOTIONS):
            raise FerBenchError(f"{number} {name} images for {dataset}; ask for at least {len(EMOTIONS)}, one a class")


def _run(jobs: Sequence[Callable[[], Any]], progress: Progress) -> list[Any]:
    # Threads: OpenCV and numpy's generators let go of the interpreter's lock while they work.
    results = []
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        for result in pool.map(lambda job: job(), jobs):
            results.append(result)
            progress(len(results), len(jobs))
    finally:
        pool.shutdown(cancel_futures=True)
    return results
