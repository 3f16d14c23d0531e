"""Single stages with what a person sees of them: shared by the commands and by ``run-all``."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fer_bench import __version__, records
from fer_bench.errors import FerBenchError
from fer_bench.files import read_json, sha256_of, write_json
from fer_bench.grid import Cell
from fer_bench.progress import bar, detail, say
from fer_bench.records import Epoch, EvalRecord, Origin, ProfileRecord, StatisticsRecord, TrainRecord
from fer_bench.watching import UNWATCHED, Watch
from fer_bench.workspace import Results, Workspace

if TYPE_CHECKING:  # Keras is imported when a network is built, not before
    from fer_bench.datasets.joined import TrainingData
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.network import Network
    from fer_bench.profiling import Plan

RUNTIME = "keras-predict"
"""The runtime that Tables 6 and 7 show: probably what the paper timed."""


class Networks:
    """The compiled network of the model at work; one at a time is kept in memory.

    Args:
        devices: that share every batch (see :mod:`fer_bench.devices`).
    """

    def __init__(self, devices: int = 1) -> None:
        self._devices = devices
        self._kept: tuple[tuple[str, str], Network] | None = None

    def of(self, cell: Cell) -> "Network":
        """Return the network of a cell's model and recipe, compiled anew only where the last one is another."""
        import gc

        from fer_bench.network import Network

        key = (cell.model, cell.recipe.id)
        if self._kept is None or self._kept[0] != key:
            if self._kept is not None:
                import keras

                self._kept = None
                keras.backend.clear_session()
                gc.collect()
            self._kept = (key, Network(cell.model, cell.recipe, self._devices))
        return self._kept[1]


def train_cell(
    workspace: Workspace,
    cell: Cell,
    dataset: "TrainingData",
    networks: Networks,
    *,
    weights: str | None,
    watch: Watch = UNWATCHED,
) -> TrainRecord:
    """Train a cell with a bar of its steps; see :func:`fer_bench.training.train`."""
    import math

    from fer_bench.balance import epoch_size
    from fer_bench.training import train

    shown_images = epoch_size(dataset.labels[dataset.indices("train")], cell.recipe.balance)
    steps = math.ceil(shown_images / cell.recipe.batch_size)
    title = f"{cell.model} on {cell.dataset}"
    caption = f"{title}, {cell.recipe.name}, seed {cell.seed}"
    caption += " (synthetic faces)" if dataset.origin == "synthetic" else ""
    known, trains = 0, False
    with bar(title, steps * cell.recipe.epochs, unit="step") as shown:
        network = networks.of(cell)  # Before the watch, which may import TensorFlow: a network sets it up.
        with watch.over(workspace, cell.id, caption) as watcher:

            def on_epoch(number: int, epoch: Epoch) -> None:
                nonlocal known
                watcher(number, epoch)
                shown.at((number + 1) * steps)
                shown.note(f"epoch {number + 1}/{cell.recipe.epochs}, validation {epoch.val_accuracy:.1%}")
                if trains:
                    detail(_told(caption, number, cell.recipe.epochs, epoch))
                known += not trains

            def on_step() -> None:
                nonlocal trains
                if not trains:
                    detail(f"{caption}: first step done" + (f", going on after epoch {known}" if known else ""))
                trains = True
                shown.advance()

            run = train(cell, dataset, network, workspace, weights=weights, on_epoch=on_epoch, on_step=on_step)
    if not trains:
        detail(f"{caption}: kept, as it was trained before")
    return run


def _told(caption: str, number: int, epochs: int, epoch: Epoch) -> str:
    """Return one line that tells an epoch, counted from 0."""
    return (
        f"{caption}: epoch {number + 1}/{epochs} in {epoch.seconds:.1f} s, loss {epoch.loss:.4f}, accuracy "
        f"{epoch.accuracy:.1%}; validation loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.1%}"
    )


def test_run(workspace: Workspace, run: TrainRecord, cell: Cell, target: "Prepared", networks: Networks) -> EvalRecord:
    """Test a finished run on a dataset's test images; see :func:`fer_bench.evaluation.evaluate`."""
    from fer_bench import grid
    from fer_bench.evaluation import evaluate

    done = grid.evaluated(workspace, run, target)
    if done is not None:
        detail(f"{run.model} on {run.dataset}, seed {run.seed}: kept, as it was tested on {target.dataset} before")
        return done
    network = networks.of(cell)
    network.load_weights(workspace.weights(cell.id), run.weights_sha256)
    with bar(f"test {cell.model} on {target.dataset}"):
        return evaluate(run, target, network, workspace)


def origin_of(workspace: Workspace) -> Origin:
    """Return ``synthetic`` for a workspace of synthetic datasets: its profile belongs to that run's tables."""
    from fer_bench.datasets.prepared import prepared_names, read_manifest

    manifests = (read_manifest(workspace.prepared(name)) for name in prepared_names(workspace.datasets))
    return "synthetic" if any(manifest and manifest["origin"] == "synthetic" for manifest in manifests) else "real"


def profile(
    workspace: Workspace, models: Sequence[str], runs: int, origin: Origin, *, plan: "Plan | None" = None
) -> list[ProfileRecord]:
    """Profile models in one session and save their records.

    Args:
        workspace: where the records go.
        models: registered models, and external ones of the workspace.
        runs: timed calls of each, whatever ``plan`` says.
        origin: recorded as it is.
        plan: what to measure; ``None`` measures the runtimes of Keras in this process.
    """
    import dataclasses

    from fer_bench.external.profiling import external_sources
    from fer_bench.profiling import KERAS_RUNTIMES, Plan, profile_models

    chosen = dataclasses.replace(plan or Plan(runtimes=KERAS_RUNTIMES), runs=runs)
    with bar("profile", unit="call") as shown:

        def on_progress(what: str, done: int, total: int) -> None:
            shown.note(what)
            shown.at(done, total)

        externals = external_sources(workspace, models)
        profiles = profile_models(models, chosen, origin=origin, progress=on_progress, externals=externals)
    for record in profiles:
        records.save(workspace.results.records, record)
    _drop_outdated(workspace.results)
    return profiles


def _drop_outdated(results: Results) -> None:
    """Remove the statistics of profiles that are no longer there.

    Tables refuse them, and those of a runtime that was not timed again could not be made again.
    """
    profiles = {sha256_of(path) for path in records.paths(results.records, ProfileRecord)}
    for path in records.paths(results.records, StatisticsRecord):
        record = records.load(path, StatisticsRecord)
        if not profiles.issuperset(record.inputs.values()):
            path.unlink()
            say(f"{path.name}: removed, it was of profiles before these; fer-bench anova --runtime {record.runtime}")


def compared_session(results: Results, models: Sequence[str] = ()) -> list[ProfileRecord]:
    """Return the profiles that an ANOVA compares, the paper's models first in the paper's order.

    Of the measuring session that ``selection.toml`` names, which is the tables'; where it names none, of the latest one
    (on the backend that it names) that measured any of ``models`` (any model at all where none is given).

    Raises:
        FerBenchError: there is none.
    """
    from fer_bench.models import model_names
    from fer_bench.selection import Choice, load_selection

    known = records.load_all(results.records, ProfileRecord)
    if not known:
        raise FerBenchError(f"{results.records}: no profile records; run fer-bench profile first")
    choice = load_selection(results.selection).choices.get("latency", Choice())
    session = choice.session
    if choice.backend and session is None:
        known = [record for record in known if record.backend == choice.backend]
        if not known:
            raise FerBenchError(f"{results.selection}: [latency] backend: no profile is on {choice.backend!r}")
    if session is None:
        wanted = [record for record in known if record.model in models] or known
        session = max(wanted, key=lambda record: record.environment.created).session
    found = [record for record in known if record.session == session]
    if not found:
        raise FerBenchError(
            f"{results.selection}: [latency] session: {session!r} is none of the profiles' sessions, "
            f"{', '.join(sorted({record.session for record in known}))}"
        )
    order = {name: position for position, name in enumerate(model_names())}
    return sorted(found, key=lambda record: order.get(record.model, len(order)))


def anova(results: Results, runtime: str, alpha: float = 0.05, models: Sequence[str] = ()) -> StatisticsRecord:
    """Compare the inference times of one session (:func:`compared_session`), and save what is not saved already.

    Raises:
        FerBenchError: fewer than two profiles in it, or the runtime was not measured.
    """
    statistics = _compared(results, runtime, alpha, models)
    if not _is_saved(results, statistics):
        records.save(results.records, statistics)
    return statistics


def _is_saved(results: Results, statistics: StatisticsRecord) -> bool:
    """Return whether the record is there, up to the rounding of another machine, so that reading changes no file."""
    from fer_bench.statistics import differences

    try:
        saved = records.load(records.path_of(results.records, statistics), StatisticsRecord)
    except FerBenchError:  # None, or a damaged one.
        return False
    return not differences(saved, statistics)


def _timed(profiles: Sequence[ProfileRecord], runtime: str) -> list[ProfileRecord]:
    """Return the profiles that an ANOVA is over: an external model is in it where it was timed in that runtime."""
    return [record for record in profiles if record.external is None or record.latency.get(runtime)]


def _compared(results: Results, runtime: str, alpha: float, models: Sequence[str] = ()) -> StatisticsRecord:
    from fer_bench.statistics import analyse_profiles, to_record

    profiles = _timed(compared_session(results, models), runtime)
    if len(profiles) == 1:
        raise FerBenchError(
            f"ANOVA needs at least two models, but the session {profiles[0].session!r} measured {profiles[0].model} "
            f"alone in {runtime}; profile those to compare together: fer-bench profile -m {profiles[0].model} -m ..."
        )
    result = analyse_profiles(profiles, runtime, alpha=alpha)
    inputs = {record.model: sha256_of(records.path_of(results.records, record)) for record in profiles}
    return to_record(result, runtime=runtime, origin=profiles[0].origin, inputs=inputs)


def anova_differences(results: Results, runtime: str) -> list[str]:
    """Return one line for each place where the saved statistics are not what the profiles give; none where all agree.

    All statistics are checked, each at its own alpha; those of ``runtime`` must be there.

    Raises:
        FerBenchError: as in :func:`anova`.
    """
    from fer_bench.statistics import differences

    saved = {record.runtime: record for record in records.load_all(results.records, StatisticsRecord)}
    compared_session(results)
    lines = [] if runtime in saved else [f"no statistics of {runtime} beside the profiles"]
    for record in saved.values():
        path = records.path_of(results.records, record)
        found = differences(record, _compared(results, record.runtime, record.alpha))
        lines += [f"{path}: {line}" for line in found]
    return lines


def anova_is_fresh(results: Results, runtime: str, models: Sequence[str] = ()) -> bool:
    """Return whether there is an ANOVA of the profiles as they are now, with every form that this version gives."""
    found = [item for item in records.load_all(results.records, StatisticsRecord) if item.runtime == runtime]
    timed = _timed(compared_session(results, models), runtime)
    profiles = {record.model: sha256_of(records.path_of(results.records, record)) for record in timed}
    return any(item.inputs == profiles and item.recommended for item in found)


def render(results: Results) -> None:
    """Write tables, figures and report from the records, and a stamp that says from which."""
    from fer_bench.figures import build_figures, write_figures
    from fer_bench.render import write_tables
    from fer_bench.report import write_report
    from fer_bench.selection import select
    from fer_bench.tables import build_tables

    evidence = select(results)
    tables = build_tables(evidence)
    written = list(write_tables(tables, results.tables))
    drawings = build_figures(evidence)
    written += write_figures(drawings, results.figures)
    written += write_report(evidence, tables, drawings, results)
    write_json(
        _stamp(results),
        {"inputs": _inputs(results), "outputs": sorted(str(path.relative_to(_root(results))) for path in written)},
    )


def is_rendered(results: Results) -> bool:
    """Return whether tables, figures and report are there and were made from the records as they are now."""
    if not _stamp(results).is_file():
        return False
    stamp = read_json(_stamp(results))
    return stamp["inputs"] == _inputs(results) and all((_root(results) / path).is_file() for path in stamp["outputs"])


def _root(results: Results) -> Path:
    return results.tables.parent


def _stamp(results: Results) -> Path:
    return results.reports / ".rendered.json"


def _inputs(results: Results) -> str:
    files = sorted(results.records.glob("*/*.json"))
    if results.selection.is_file():
        files.append(results.selection)
    facts = [__version__, *((str(path.relative_to(results.records.parent)), sha256_of(path)) for path in files)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
