"""The whole line in order: faces, prepare, train, test, cross-test, profile, ANOVA, tables, figures, report.

Every stage is skipped where its result is there already, so that a second run ends at once and a killed one goes on
where it stopped. Planning reads files only; Keras is imported by the first stage that needs it.
"""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fer_bench import backend, devices, grid, records, rendering, session_anova, stages
from fer_bench.cellwork import CellWork
from fer_bench.datasets import dataset_card
from fer_bench.datasets.joined import TrainingData, join, parts_of
from fer_bench.datasets.prepared import Prepared, is_prepared, prepared_names, read_manifest
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.errors import DivergedError, FerBenchError
from fer_bench.lookup import require_trainable
from fer_bench.models import model_card
from fer_bench.profiling.kept import touched
from fer_bench.profiling.plan import KERAS_RUNTIMES, ONE_SIZE, Plan
from fer_bench.progress import bar, say, warn
from fer_bench.recipe import Recipe
from fer_bench.records import Origin, ProfileRecord
from fer_bench.runtimes import runtime
from fer_bench.timetable import Stage
from fer_bench.watching import UNWATCHED, Watch
from fer_bench.workers import Executor, Processes, Work, shown_in, work_side_by_side, work_through
from fer_bench.workspace import Workspace

SYNTHETIC_TRAIN = 700
"""Synthetic images of each training set, validation included."""
SYNTHETIC_TEST = 560
"""Synthetic images of each test set."""
SYNTHETIC_SEQUENCES = 126
"""Labelled sequences of the synthetic CK+."""

_IMAGES_PER_SECOND = 160
"""Training speed at 48 x 48 that the time left is first estimated with."""
_COMPILE_SECONDS = 25.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """What ``run_all`` is asked to do."""

    models: Sequence[str]
    recipe: Recipe
    seeds: Sequence[int]
    synthetic: bool
    """Make and use synthetic faces; otherwise the datasets that are prepared or given in ``sources``."""
    sources: Mapping[str, Path]
    weights: str | None
    runs: int | None = None
    """Timed calls of each model; ``None`` for the usual number, and for profiles as they are where there are any."""
    jobs: int = 1
    """Models trained side by side."""
    train_on: Sequence[str] = ()
    """Datasets to train on, several joined by ``+``; empty for every prepared one that has a training set."""
    watch: Watch = UNWATCHED
    devices: int = 1
    """Devices that share every training batch."""
    wait: bool = False
    """Wait while another process holds the workspace."""
    executor: Executor | None = None
    """What trains and tests; ``None`` for processes of this machine, ``jobs`` of them."""


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
    if job.devices > 1 and job.jobs > 1:
        raise FerBenchError("--devices and --jobs exclude each other: models side by side would take the same devices")
    with workspace.lock(wait=job.wait):
        _require_origin(workspace, job.synthetic)  # Before anything is made that would have to go again.
        _require_trainable(workspace, job)
        work_through(_data(workspace, job))
        groups = _training(workspace, job, _load(workspace, job.synthetic))
        after = _profiling(workspace, job)
        if groups or after or not rendering.is_rendered(workspace.results):
            after.append((Stage("tables, figures, report", 15), partial(rendering.render, workspace.results)))
        if job.executor is None:
            groups = _spread(groups, job.jobs)
        here = Processes(job.jobs) if job.jobs > 1 and len(groups) > 1 else None
        work_through(after, groups, job.executor or here)
        _require_results(_training(workspace, job, _load(workspace, job.synthetic)) if groups else [])


def _require_trainable(workspace: Workspace, job: Job) -> None:
    """Refuse to train on a test set, or on what is neither prepared nor made by a stage.

    Raises:
        FerBenchError: names it.
    """
    made = set(job.sources)
    if job.synthetic:
        from fer_bench.datasets.synthetic import LAYOUTS

        made |= set(LAYOUTS)
    for name in dict.fromkeys(part for joined in job.train_on for part in parts_of(joined)):
        require_trainable(workspace, name)
        if name not in made and not is_prepared(workspace.prepared(name)):
            command = _preparation(workspace, name, "PATH")
            raise FerBenchError(
                f"{workspace.root}: {name} is not prepared; give --source {name}=PATH, or run {shlex.join(command)}"
            )


def _data(workspace: Workspace, job: Job) -> list[Work]:
    """Return the datasets to be made or prepared."""
    work: list[Work] = []
    if job.synthetic:
        from fer_bench.datasets.synthetic import LAYOUTS

        for name in LAYOUTS:
            if not is_prepared(workspace.prepared(name)):
                work.append((Stage(f"synthetic faces: {name}", 3), partial(_synthesize, workspace, name)))
    for name, source in job.sources.items():
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


def _require_origin(workspace: Workspace, synthetic: bool) -> None:
    wanted: Origin = "synthetic" if synthetic else "real"
    for name in prepared_names(workspace.datasets):
        manifest = read_manifest(workspace.prepared(name))
        if manifest and manifest["origin"] != wanted:
            raise FerBenchError(
                f"{workspace.prepared(name)} holds {manifest['origin']} data, this run is on {wanted} data, and the "
                "two are never mixed: choose another workspace with --workspace, or say "
                f"{'--real' if synthetic else '--synthetic'}"
            )


def _load(workspace: Workspace, synthetic: bool) -> dict[str, Prepared]:
    """Return the prepared datasets, all of the wanted origin, at least one of them to train on."""
    _require_origin(workspace, synthetic)
    found = {name: Prepared.load(workspace.prepared(name)) for name in prepared_names(workspace.datasets)}
    if not any(dataset.trainable for dataset in found.values()):
        raise FerBenchError(
            f"{workspace.root}: no dataset to train on is prepared; run fer-bench prepare NAME --source PATH, "
            "give --source NAME=PATH, or try --synthetic"
        )
    return found


def _training(workspace: Workspace, job: Job, datasets: Mapping[str, Prepared]) -> list[list[Work]]:
    """Return the missing runs and tests by model; the tests of a run follow it while its network is at hand."""
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
        seconds = 2.0 if group else _COMPILE_SECONDS
        if run is None:
            images = len(dataset.indices("train")) * cell.recipe.epochs
            seconds += images / _IMAGES_PER_SECOND * max(1.0, (cell.recipe.image_size / 48) ** 2)
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


def _spread(groups: Sequence[list[Work]], jobs: int) -> list[list[Work]]:
    """Return the groups, the last one in two where it would be worked on alone while other jobs have nothing to do.

    Both halves compile the network, the second one on a core that would idle.
    """
    if jobs < 2 or len(groups) % jobs == 0 or len(groups[-1]) < 2:
        return list(groups)
    *others, last = groups
    half = (len(last) + 1) // 2
    stage, do = last[half]
    again = (dataclasses.replace(stage, seconds=stage.seconds + _COMPILE_SECONDS), do)
    return [*others, last[:half], [again, *last[half + 1 :]]]


def _to_train_on(job: Job, datasets: Mapping[str, Prepared]) -> dict[str, TrainingData]:
    """Return what to train on by name, the order of joined names the registry's."""
    if not job.train_on:
        return {name: dataset for name, dataset in datasets.items() if dataset.trainable}
    chosen = [parts_of(name) for name in job.train_on]
    found = [join([datasets[name] for name in parts]) for parts in chosen]
    for dataset in found:
        if not dataset.trainable:
            raise FerBenchError(f"{dataset.dataset} is a test set only; every model is tested on it anyway")
    return {dataset.dataset: dataset for dataset in found}


@dataclass(frozen=True, kw_only=True)
class CellRun(CellWork):
    """A cell to be trained and tested."""

    targets: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the datasets that it reads."""
        return tuple(dict.fromkeys((*parts_of(self.cell.dataset), *self.targets)))

    def __call__(self) -> None:
        """Train the cell and test it; a loss that became no number is told, and the other cells go on."""
        datasets = self.datasets or {name: Prepared.load(self.workspace.prepared(name)) for name in self.needs}
        dataset = join([datasets[name] for name in parts_of(self.cell.dataset)])
        try:
            run = stages.train_cell(
                self.workspace, self.cell, dataset, self.networks, weights=self.weights, watch=self.watch
            )
        except DivergedError as error:
            warn(f"{self.cell.model} on {self.cell.dataset}, seed {self.cell.seed}: {error}")
            return
        tests = [
            stages.test_run(self.workspace, run, self.cell, datasets[target], self.networks) for target in self.targets
        ]
        scores = ", ".join(f"{test.target} {test.accuracy:.1%}" for test in tests)
        say(f"    {self.cell.model} on {self.cell.dataset}: {scores}")


def _require_results(missing: Sequence[Sequence[Work]]) -> None:
    """Refuse to call a job done of which runs have no result.

    Raises:
        FerBenchError: names them.
    """
    left = [stage.title for group in missing for stage, _ in group]
    if left:
        raise FerBenchError(
            f"without a result, since the training loss became no number (told above): {', '.join(left)}; all else is "
            "done. Lower the learning rate in a recipe of its own"
        )


def _profiling(workspace: Workspace, job: Job) -> list[Work]:
    """Return the profile and the ANOVA where they are missing or not of one session."""
    work: list[Work] = []
    profiles = records.load_all(workspace.results.records, ProfileRecord)
    known = {profile.model: profile for profile in profiles if profile.backend == backend.name()}
    of_job = [known[model] for model in job.models if model in known]
    fewer = job.runs is not None and any(
        len(profile.latency.get(name, ())) < job.runs for profile in of_job for name in KERAS_RUNTIMES
    )
    if fewer or len(of_job) < len(job.models) or len({profile.session for profile in of_job}) > 1:
        # With the other models and runtimes of the sessions that it takes the place of.
        before = touched(profiles, job.models, backend.name())
        models = tuple(dict.fromkeys([*job.models, *(profile.model for profile in before)]))
        runtimes = dict.fromkeys([*KERAS_RUNTIMES, *(name for profile in before for name in profile.latency)])
        for name in runtimes:
            runtime(name)  # One that is no longer installed is told before hours of training.
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
    """Profile in a process of its own: this one may have trained, with other threads and kernels."""
    stage = Stage("profile", 0)
    with shown_in() as on_event:
        work_side_by_side([[(stage, partial(stages.profile, workspace, models, origin, plan=plan))]], 1, on_event)
