"""A job of ``run-all``: what of it is missing, in the order in which it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fer_bench import backend, devices, grid, paper, records, session_anova, stages
from fer_bench.cellwork import CellRun
from fer_bench.datasets.joined import TrainingData, join, parts_of
from fer_bench.datasets.prepared import Prepared
from fer_bench.errors import FerBenchError
from fer_bench.messages import say
from fer_bench.models import model_card
from fer_bench.profiling.kept import require_there, touched
from fer_bench.profiling.plan import KERAS_RUNTIMES, ONE_SIZE, Plan
from fer_bench.recipe import Recipe
from fer_bench.records import Origin, ProfileRecord, TrainRecord
from fer_bench.run_all import rendering, run_datasets
from fer_bench.runtimes import runtime
from fer_bench.timetable import Stage
from fer_bench.training.continuation import epochs_left
from fer_bench.training.watching import UNWATCHED, Watch
from fer_bench.workers import Executor, Work, shown_in, work_side_by_side, work_through
from fer_bench.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Job:
    """What ``run_all`` is asked to do."""

    models: Sequence[str]
    recipe: Recipe
    seeds: Sequence[int]
    synthetic: bool
    """Make and use synthetic faces; otherwise the datasets that are prepared or given in ``sources``."""
    sources: Mapping[str, Path]
    """The user's files by the name of their dataset."""
    weights: str | None
    """As ``--weights``: ``imagenet``, ``random`` or the path of a weights file; ``None`` where it is not given."""
    runs: int | None = None
    """Timed single-image calls of each model, at least: a profile with fewer is measured again. ``None`` keeps the
    profiles that are there, and measures a missing one with the default number."""
    train_on: Sequence[str] = ()
    """Datasets to train on, several joined by ``+``; empty for every prepared one that has a training set."""
    watch: Watch = UNWATCHED
    devices: int = 1
    """Devices that share every training batch."""
    wait: bool = False
    """Wait while another process holds the workspace."""
    executor: Executor | None = None
    """What trains and tests, such as a cluster or several processes; ``None`` for this process."""


def run_all(workspace: Workspace, job: Job) -> None:
    """Do all that is missing of a job, and render the workspace's own tables, figures and report.

    Raises:
        FerBenchError: no dataset to train on, real and synthetic data in one workspace, or what a stage raises.
    """
    grid.check_start(job.models, job.recipe, job.weights)
    grid.check_weights(job.models, job.recipe, job.weights)
    for model in job.models:  # Not after hours of training.
        model_card(model).check_image_size(Plan().image_size, advice=ONE_SIZE)
    devices.check(job.devices, job.recipe.batch_size)
    with workspace.lock(wait=job.wait):
        # Before anything is made that would have to go again.
        run_datasets.require_origin(workspace, synthetic=job.synthetic)
        run_datasets.require_origin_of_records(workspace, synthetic=job.synthetic)
        run_datasets.require_trainable(workspace, job.train_on, sources=job.sources, synthetic=job.synthetic)
        work_through(run_datasets.missing(workspace, job.train_on, sources=job.sources, synthetic=job.synthetic))
        groups = _training(workspace, job)
        if groups:
            _tell_of_other_recipes(workspace, job)
        after = _profiling(workspace, job)
        if groups or after or not rendering.is_rendered(workspace.results):
            after.append((Stage("tables, figures, report", 15), partial(rendering.render, workspace.results)))
        work_through(after, groups, job.executor)
        _require_results(_training(workspace, job) if groups else [])


def _tell_of_other_recipes(workspace: Workspace, job: Job) -> None:
    """Say before hours of training what ``selection.toml`` will be asked for at their end, where there is none yet."""
    if workspace.results.selection.is_file():
        return
    runs = records.load_all(workspace.results.records, TrainRecord)
    # Runs on several datasets joined, or on one of the user's own, are in no table: any recipes lie together there.
    shown = set(job.train_on or paper.TRAINED_ON) & {*paper.TRAINED_ON}
    others = {run.recipe for run in runs if run.dataset in shown} - {job.recipe.id}
    if others:
        say(
            f"{workspace.root} holds runs by {', '.join(sorted(others))} too, and no table mixes recipes: at the end "
            f"the command asks you to name in {workspace.results.selection} which one the tables show. A --workspace "
            "of its own for each recipe avoids that"
        )


def _training(workspace: Workspace, job: Job) -> list[list[Work]]:
    """Return the missing runs, each with its tests, in one group a model, which is compiled once."""
    datasets = run_datasets.load(workspace, synthetic=job.synthetic)
    to_train_on = _to_train_on(job, datasets)
    test_only = [name for name, dataset in datasets.items() if not dataset.trainable]
    for name in dict.fromkeys([*(part for joined in to_train_on for part in parts_of(joined)), *test_only]):
        datasets[name].require_test_images()  # Now, not after hours of training.
    groups: dict[str, list[Work]] = {}
    networks = stages.Networks(job.devices)  # One for all: the last model's goes when the next one is built.
    for cell in grid.cells(job.models, list(to_train_on), job.recipe, job.seeds):
        targets = [*parts_of(cell.dataset), *test_only]
        dataset = to_train_on[cell.dataset]
        run = grid.trained(workspace, cell, dataset.fingerprint, job.weights)
        if run is not None and all(grid.evaluated(workspace, run, datasets[target]) for target in targets):
            continue
        group = groups.setdefault(cell.model, [])
        seconds = 2.0 if group else stages.COMPILE_SECONDS
        if run is None:
            images = len(dataset.indices("train")) * epochs_left(workspace, cell, dataset.fingerprint)
            seconds += stages.training_seconds(images, cell.recipe)
        title = f"{'train and test' if run is None else 'test'} {cell.model} on {cell.dataset}"
        title += f", seed {cell.seed}" if len(job.seeds) > 1 else ""
        do = CellRun(
            workspace=workspace,
            cell=cell,
            targets=tuple(targets),
            networks=networks,
            weights=job.weights,
            watch=job.watch,
        )
        group.append((Stage(title, seconds), do))
    return list(groups.values())


def _to_train_on(job: Job, datasets: Mapping[str, Prepared]) -> dict[str, TrainingData]:
    """Return what to train on by name: every dataset with a training set, or those of ``job.train_on``.

    Raises:
        FerBenchError: one of them is a test set only.
    """
    if not job.train_on:
        return {name: dataset for name, dataset in datasets.items() if dataset.trainable}
    chosen = [parts_of(name) for name in job.train_on]
    found = [join([datasets[name] for name in parts]) for parts in chosen]
    for dataset in found:
        if not dataset.trainable:
            raise FerBenchError(f"{dataset.dataset} is a test set only; every model is tested on it anyway")
    return {dataset.dataset: dataset for dataset in found}


def _require_results(missing: Sequence[Sequence[Work]]) -> None:
    """Refuse to call a job done while some of its runs have no result, which diverged.

    Args:
        missing: what is still to be done after all has been done once.

    Raises:
        FerBenchError: names the runs.
    """
    left = [stage.title for group in missing for stage, _ in group]
    if left:
        raise FerBenchError(
            f"without a result, since the training loss became no number (told above): {', '.join(left)}; all else is "
            "done. Lower the learning rate in a recipe of its own"
        )


def _profiling(workspace: Workspace, job: Job) -> list[Work]:
    """Return the profile and the ANOVA where they are missing.

    All models of the job must have been measured in one session on this backend, with at least ``job.runs`` calls: only
    then can their times be compared.
    """
    work: list[Work] = []
    profiles = records.load_all(workspace.results.records, ProfileRecord)
    known = {profile.model: profile for profile in profiles if profile.backend == backend.name()}
    of_job = [known[model] for model in job.models if model in known]
    fewer = job.runs is not None and any(
        len(profile.latency.get(name, ())) < job.runs for profile in of_job for name in KERAS_RUNTIMES
    )
    if fewer or len(of_job) < len(job.models) or len({profile.session for profile in of_job}) > 1:
        # New records replace those of the same models, which leaves the other models of their sessions with nobody to
        # be compared with: so these are measured again too, and in every runtime that they were measured in.
        require_there(workspace, profiles, job.models, backend.name())  # Told before hours of training.
        before = touched(profiles, job.models, backend.name())
        models = tuple(dict.fromkeys([*job.models, *(profile.model for profile in before)]))
        runtimes = dict.fromkeys([*KERAS_RUNTIMES, *(name for profile in before for name in profile.latency)])
        for name in runtimes:
            runtime(name)  # One that is no longer installed, too.
        seconds = 15.0 + 5 * len(models) * len(runtimes)
        plan = Plan(runtimes=tuple(runtimes), runs=job.runs or Plan.runs)
        apart = partial(_profile_apart, workspace, models, stages.origin_of(workspace), plan)
        work.append((Stage("profile", seconds), apart))
    if len(job.models) > 1 and (
        work or not session_anova.anova_is_fresh(workspace.results, session_anova.RUNTIME, job.models)
    ):
        anova = partial(session_anova.anova, workspace.results, session_anova.RUNTIME, models=job.models)
        work.append((Stage("ANOVA", 3), anova))
    return work


def _profile_apart(workspace: Workspace, models: Sequence[str], origin: Origin, plan: Plan) -> None:
    """Profile in a fresh process: this one may have trained, with threads and kernels that would change the times."""
    stage = Stage("profile", 0)
    with shown_in() as on_event:
        work_side_by_side([[(stage, partial(stages.profile, workspace, models, origin, plan=plan))]], 1, on_event)
