"""What a workspace could do without, and its removal. A record goes only where that is asked for."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fer_bench import records
from fer_bench.datasets.prepared import is_prepared, prepared_names
from fer_bench.datasets.proof import SYNTHETIC_MARKER
from fer_bench.errors import FerBenchError
from fer_bench.files import is_left_over
from fer_bench.lock import HOLDER, LOCK, is_held
from fer_bench.log import KEPT
from fer_bench.log import NAME as LOG
from fer_bench.records import EvalRecord, ProfileRecord, RecordT, RobustnessRecord, StatisticsRecord, TrainRecord
from fer_bench.training import checkpoint, run_folder
from fer_bench.workspace import Workspace

Kind = Literal["checkpoint", "scaled copy", "raw synthetic files", "temporary", "task", "record"]
KINDS: dict[Kind, str] = {
    "checkpoint": "of finished runs, whose weights and records stay; a longer training can go on from them",
    "scaled copy": "of prepared images; made again when a recipe needs it",
    "raw synthetic files": "of datasets that are prepared; drawn again by fer-bench synthesize",
    "temporary": "left by commands that were killed",
    "task": "locks and logs of a cluster's tasks that have ended, and their links to the workspace's own folders",
    "record": "records, predictions, and the weights that no command finds without them",
}
"""What each kind is, for people."""
_STARTING = 3600.0
"""Seconds after which a task that has made its links has taken its lock."""
_AT_WORK = 3600.0
"""Seconds within which prepare writes something."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that can go."""

    kind: Kind
    path: Path
    """A file, or a folder with all that is in it."""
    bytes: int


def leftovers(workspace: Workspace, *, with_records: bool) -> list[Leftover]:
    """Return what can go; nothing is removed. Call it with the workspace locked: else work in progress looks left over.

    Args:
        workspace: need not exist.
        with_records: count records, predictions and weights too.

    Raises:
        FerBenchError: a training record cannot be read.
    """
    found: list[tuple[Kind, Path]] = [
        ("checkpoint", path)
        for home in (workspace, workspace.studies)
        for folder in _finished(home)
        for path in _checkpoint(folder)
    ]
    found += [("checkpoint", path) for home in (workspace, workspace.studies) for path in _kept(home)]
    for name in prepared_names(workspace.datasets):
        found += [("scaled copy", path) for path in sorted(workspace.prepared(name).glob("scaled-*.npy"))]
        raw = workspace.raw(name)
        # Only what fer-bench has drawn and marked itself.
        if (raw / SYNTHETIC_MARKER).is_file() and not raw.is_symlink():
            found.append(("raw synthetic files", raw))
    found += [("temporary", path) for path in _temporary(workspace)]
    found += [("task", path) for path in _ended_tasks(workspace)]
    if with_records:
        found += [("record", path) for path in _records(workspace)]
    return [Leftover(kind=kind, path=path, bytes=_bytes(path)) for kind, path in found]


def waiting(workspace: Workspace) -> list[Path]:
    """Return the datasets moved aside and not yet replaced: the only copy, which the next prepare restores."""
    return [path for path in _former(workspace) if not is_prepared(_replaced(path))]


def remove(found: Sequence[Leftover]) -> None:
    """Remove leftovers.

    Raises:
        FerBenchError: one cannot be removed; those before it are gone.
    """
    for item in found:
        try:
            if item.path.is_symlink() or not item.path.is_dir():
                item.path.unlink(missing_ok=True)
            elif item.kind == "checkpoint":
                run_folder.remove(item.path, strict=True)
            else:
                shutil.rmtree(item.path)
        except OSError as error:
            raise FerBenchError(f"{item.path}: cannot be removed ({error.strerror or error})") from error


def _finished(workspace: Workspace) -> list[Path]:
    """Return the folders of runs that are recorded with their weights at hand, and do not train anew on other data."""
    found = []
    for record in records.load_all(workspace.results.records, TrainRecord):
        folder = workspace.run(record.cell_id)
        if not folder.is_dir() or not workspace.weights(record.cell_id).is_file():
            continue
        try:
            state = checkpoint.reached(folder)
        except FerBenchError:
            state = None
        if state is None or state.is_of(record.dataset_fingerprint, record.backend):
            found.append(folder)
    return found


def _checkpoint(folder: Path) -> list[Path]:
    """Return a finished run's folder, or where the user has put something into it what training wrote there."""
    own = run_folder.own_files(folder)
    return [folder] if folder.is_symlink() or set(own) == set(folder.iterdir()) else own


def _kept(workspace: Workspace) -> list[Path]:
    """Return the states that finished runs have kept for longer ones, and those whose run is gone."""
    ending = workspace.state("").name
    states = [path for path in _below(workspace.state("").parent) if path.name.endswith(ending)]
    return [path for path in states if records.parsed_cell_id(path.name.removesuffix(ending))]


def _temporary(workspace: Workspace) -> list[Path]:
    """Return the folders that killed commands left. Files are gone: who holds the workspace has removed them."""
    prepared = [path for path in _aside(workspace) if path.suffix in (".partial", ".unpacked")]
    prepared += [path for path in _former(workspace) if is_prepared(_replaced(path))]
    drawn = [path for path in _below(workspace.raw("any").parent) if is_left_over(path)]
    return [
        path for path in (*prepared, *drawn) if path.name.startswith(".") and path.is_dir() and not path.is_symlink()
    ]


def _former(workspace: Workspace) -> list[Path]:
    """Return the datasets that prepare was replacing when it was killed."""
    return [path for path in _aside(workspace) if path.suffix == ".former"]


def _aside(workspace: Workspace) -> list[Path]:
    """Return what may be folders that prepare works in: hidden ones beside a dataset, wherever a link has put it.

    Behind a link, where prepare of another workspace may be at work, only where nothing has been written lately.
    """
    found = [path for path in _below(workspace.datasets) if path.name.startswith(".")]
    for link in (path for path in _below(workspace.datasets) if path.is_symlink()):
        target = Path(os.path.realpath(link))
        names = [f".{target.name}{ending}" for ending in (".partial", ".unpacked", ".former")]
        beside = [target.with_name(name) for name in names if target.with_name(name).is_dir()]
        # All of them or none: what has been unpacked is read for hours.
        if beside and time.time() - max(map(_last_written, beside)) > _AT_WORK:
            found += beside
    return list(dict.fromkeys(found))


def _last_written(folder: Path) -> float:
    try:
        return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:  # Somebody is at work.
        return time.time()


def _replaced(former: Path) -> Path:
    return former.with_name(former.stem.removeprefix("."))


def _ended_tasks(workspace: Workspace) -> list[Path]:
    """Return the folders of tasks that have ended: links, logs, and a lock that nobody holds."""
    known = (LOCK, HOLDER, LOG, *(f"{LOG}.{number}" for number in range(1, KEPT + 1)))
    return [
        folder
        for folder in _below(workspace.tasks)
        if folder.is_dir()
        and all(path.is_symlink() or path.name in known for path in _below(folder))
        and time.time() - folder.stat().st_mtime > _STARTING
        and is_held(folder / LOCK) is False
    ]


def _records(workspace: Workspace) -> list[Path]:
    """Return records with their predictions, and weights of runs: the user may keep other files beside them."""
    folder = workspace.results.records
    found = [
        *_of_kind(folder, TrainRecord),
        *_of_kind(folder, EvalRecord),
        *_of_kind(folder, RobustnessRecord),
        *_of_kind(folder, ProfileRecord),
        *_of_kind(folder, StatisticsRecord),
    ]
    ending = workspace.weights("").name
    weights = [path for path in _below(workspace.weights("").parent) if path.name.endswith(ending)]
    found += [path for path in weights if records.parsed_cell_id(path.name.removesuffix(ending))]
    return list(dict.fromkeys(found))


def _of_kind(folder: Path, cls: type[RecordT]) -> Iterator[Path]:
    for path in records.paths(folder, cls):
        try:
            record = records.load(path, cls)
        except FerBenchError:
            continue
        yield path
        if isinstance(record, EvalRecord) and Path(record.predictions).name == record.predictions:
            predictions = path.with_name(record.predictions)
            if predictions.is_file():
                yield predictions


def _below(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(item.lstat().st_size for item in path.rglob("*") if not item.is_dir())
    return path.lstat().st_size
