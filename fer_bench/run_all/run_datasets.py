"""The datasets of ``run-all``: synthetic ones made, the user's own prepared, all of one origin.

Each step is skipped where its dataset is prepared already.
"""

import dataclasses
import shlex
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from fer_bench import lookup, records
from fer_bench.datasets import dataset_card
from fer_bench.datasets.joined import parts_of
from fer_bench.datasets.prepared import Prepared, is_prepared, manifest_of, prepared_names
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.errors import FerBenchError
from fer_bench.messages import say
from fer_bench.progress import bar
from fer_bench.records import EvalRecord, Origin, ProfileRecord, TrainRecord
from fer_bench.selection import load_selection
from fer_bench.timetable import Stage
from fer_bench.workers import Work
from fer_bench.workspace import Workspace

SYNTHETIC_TRAIN = 700
"""Synthetic images of each training set, validation included."""
SYNTHETIC_TEST = 560
"""Synthetic images of each test set."""
SYNTHETIC_SEQUENCES = 126
"""Labelled sequences of the synthetic CK+."""


def require_trainable(
    workspace: Workspace, train_on: Sequence[str], *, sources: Collection[str], synthetic: bool
) -> None:
    """Refuse to train on a test set, or on a dataset that is neither prepared nor will be.

    Args:
        workspace: with the prepared datasets.
        train_on: names of datasets, several joined by ``+``.
        sources: names of the datasets that the user gives the files of.
        synthetic: whether synthetic datasets are made.

    Raises:
        FerBenchError: names the dataset.
    """
    made = set(sources)
    if synthetic:
        from fer_bench.datasets.synthetic import LAYOUTS

        made |= set(LAYOUTS)
    for name in dict.fromkeys(part for joined in train_on for part in parts_of(joined)):
        lookup.require_trainable(workspace, name)
        if name not in made and not is_prepared(workspace.prepared(name)):
            command = _preparation(workspace, name, "PATH")
            raise FerBenchError(
                f"{workspace.root}: {name} is not prepared; give --source {name}=PATH, or run {shlex.join(command)}"
            )


def missing(
    workspace: Workspace, train_on: Sequence[str], *, sources: Mapping[str, Path], synthetic: bool
) -> list[Work]:
    """Return the work that makes and prepares what is not prepared yet, and say what of ``sources`` is.

    Args:
        workspace: where prepared datasets are, and go.
        train_on: names of datasets, several joined by ``+``, or none for all: no other synthetic training set is made.
        sources: the user's files by the dataset's name.
        synthetic: whether synthetic datasets are wanted.
    """
    work: list[Work] = []
    if synthetic:
        from fer_bench.datasets.synthetic import LAYOUTS

        wanted = {part for joined in train_on or LAYOUTS for part in parts_of(joined)}
        for name in LAYOUTS:
            needed = name in wanted or not dataset_card(name).trainable
            if needed and not is_prepared(workspace.prepared(name)):
                work.append((Stage(f"synthetic faces: {name}", 3), partial(_synthesize, workspace, name)))
    for name, source in sources.items():
        if is_prepared(workspace.prepared(name)):
            command = shlex.join(_preparation(workspace, name, source))
            say(f"{name} is prepared already; {source} is not read again: to have that done, run {command}")
        else:
            work.append((Stage(f"prepare {name}", 30), partial(_prepare, workspace, name, source)))
    return work


def _synthesize(workspace: Workspace, name: str) -> None:
    from fer_bench.datasets.synthetic import synthesize

    raw = workspace.raw(name)
    test = SYNTHETIC_TEST if dataset_card(name).trainable else SYNTHETIC_SEQUENCES
    if not raw.exists():
        with bar(f"synthesize {name}", unit="img") as shown:
            synthesize(name, raw, train=SYNTHETIC_TRAIN, test=test, seed=0, progress=shown.at)
    _prepare(workspace, name, raw)


def _preparation(workspace: Workspace, name: str, source: str | Path) -> list[str]:
    """Return the words of the command that prepares a dataset."""
    return ["fer-bench", "prepare", name, "--source", str(source), *workspace.option]


def _prepare(workspace: Workspace, name: str, source: Path) -> None:
    try:
        with bar(f"prepare {name}", unit="img") as shown:
            prepare(dataset_card(name), source, workspace.prepared(name), progress=shown.at)
    except FerBenchError as error:
        options = [f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(Wishes)]
        if not any(option in str(error) for option in options):
            raise
        command = _preparation(workspace, name, source)
        raise FerBenchError(
            f"{error}\nrun-all itself has no such option: run {shlex.join(command)} with it, then this command again, "
            "which takes the prepared dataset"
        ) from error


def require_origin(workspace: Workspace, *, synthetic: bool) -> None:
    """Refuse a workspace with a prepared dataset that is real where synthetic ones are wanted, or the other way round.

    Raises:
        FerBenchError: names the dataset.
    """
    for name in prepared_names(workspace.datasets):
        manifest = manifest_of(workspace, name)
        if manifest:
            _require_same(f"{workspace.prepared(name)} holds", manifest["origin"], synthetic)


def require_origin_of_records(workspace: Workspace, *, synthetic: bool) -> None:
    """Refuse a workspace with records of the other origin, such as copied ones: after hours no table could be made.

    Raises:
        FerBenchError: names a record, unless ``selection.toml`` says which origin the tables show.
    """
    if load_selection(workspace.results.selection).origin is not None:
        return
    folder = workspace.results.records
    found: list[TrainRecord | EvalRecord | ProfileRecord] = [*records.load_all(folder, TrainRecord)]
    found += [*records.load_all(folder, EvalRecord), *records.load_all(folder, ProfileRecord)]
    for record in found:
        _require_same(f"{records.path_of(folder, record)} is a record of", record.origin, synthetic)


def _require_same(what: str, found: Origin, synthetic: bool) -> None:
    wanted: Origin = "synthetic" if synthetic else "real"
    if found != wanted:
        raise FerBenchError(
            f"{what} {found} data, this run is on {wanted} data, and the two are never mixed: choose another workspace "
            f"with --workspace, or say {'--real' if synthetic else '--synthetic, and no --source'}"
        )


def load(workspace: Workspace, *, synthetic: bool) -> dict[str, Prepared]:
    """Return the prepared datasets of the workspace by name, in the registry's order.

    Raises:
        FerBenchError: as :func:`require_origin`, one is damaged, or none has a training set.
    """
    require_origin(workspace, synthetic=synthetic)
    found = {name: Prepared.load(workspace.prepared(name)) for name in prepared_names(workspace.datasets)}
    if not any(dataset.trainable for dataset in found.values()):
        raise FerBenchError(
            f"{workspace.root}: no dataset to train on is prepared; run fer-bench prepare NAME --source PATH, "
            "give --source NAME=PATH, or try --synthetic"
        )
    return found
