"""The whole line in order: faces, prepare, train, test, cross-test, profile, ANOVA, tables, figures, report.

Every stage is skipped where its result is there already, so that a second run ends at once and a killed one goes on
where it stopped. Planning reads files only; Keras is imported by the first stage that needs it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fer_bench import grid, records, stages
from fer_bench.datasets import dataset_card, dataset_cards
from fer_bench.datasets.prepared import Prepared, is_prepared
from fer_bench.datasets.store import prepare
from fer_bench.errors import FerBenchError
from fer_bench.grid import Cell
from fer_bench.progress import Plan, Stage, bar, say
from fer_bench.recipe import Recipe
from fer_bench.records import Origin, ProfileRecord
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


@dataclass(frozen=True)
class Job:
    """What ``run_all`` is asked to do."""

    models: Sequence[str]
    recipe: Recipe
    seeds: Sequence[int]
    synthetic: bool
    """Make and use synthetic faces; otherwise the datasets that are prepared or given in ``sources``."""
    sources: Mapping[str, Path]
    weights: str | None
    runs: int
    """Timed calls of each model."""


def run_all(workspace: Workspace, job: Job) -> None:
    """Do all that is missing of a job, and render the workspace's own tables, figures and report.

    Raises:
        FerBenchError: no dataset to train on, real and synthetic data in one workspace, or what a stage raises.
    """
    with workspace.lock():
        _data(workspace, job)
        datasets = _load(workspace, job.synthetic)
        work = [*_training(workspace, job, datasets), *_profiling(workspace, job)]
        if work or not stages.is_rendered(workspace.results):
            work.append((Stage("tables, figures, report", 15), partial(stages.render, workspace.results)))
        _work_through(work)


Work = tuple[Stage, Callable[[], object]]


def _work_through(work: Sequence[Work]) -> None:
    with Plan([stage for stage, _ in work]) as plan:
        for _, do in work:
            with plan.stage():
                do()


def _data(workspace: Workspace, job: Job) -> None:
    work: list[Work] = []
    if job.synthetic:
        for name in dataset_cards():
            if not is_prepared(workspace.prepared(name)):
                work.append((Stage(f"synthetic faces: {name}", 3), partial(_synthesize, workspace, name)))
    for name, source in job.sources.items():
        if is_prepared(workspace.prepared(name)):
            say(f"{name} is prepared already; {source} is not read again (fer-bench prepare {name} does that)")
        else:
            work.append((Stage(f"prepare {name}", 30), partial(_prepare, workspace, name, source)))
    _work_through(work)


def _synthesize(workspace: Workspace, name: str) -> None:
    from fer_bench.datasets.synthetic import synthesize

    raw = workspace.raw(name)
    test = SYNTHETIC_TEST if dataset_card(name).trainable else SYNTHETIC_SEQUENCES
    if not raw.exists():
        with bar(f"synthesize {name}", unit="img") as shown:
            synthesize(name, raw, train=SYNTHETIC_TRAIN, test=test, seed=0, progress=shown.at)
    _prepare(workspace, name, raw)


def _prepare(workspace: Workspace, name: str, source: Path) -> None:
    with bar(f"prepare {name}", unit="img") as shown:
        prepare(dataset_card(name), source, workspace.prepared(name), progress=shown.at)


def _load(workspace: Workspace, synthetic: bool) -> dict[str, Prepared]:
    """Return the prepared datasets, all of the wanted origin, at least one of them to train on."""
    found = {name: Prepared.load(place) for name in dataset_cards() if is_prepared(place := workspace.prepared(name))}
    wanted: Origin = "synthetic" if synthetic else "real"
    for name, dataset in found.items():
        if dataset.origin != wanted:
            raise FerBenchError(
                f"{workspace.prepared(name)} holds {dataset.origin} data, this run is on {wanted} data, and the two "
                "are never mixed: choose another workspace with --workspace"
            )
    if not any(dataset_card(name).trainable for name in found):
        raise FerBenchError(
            f"{workspace.root}: no dataset to train on is prepared; run fer-bench prepare NAME --source PATH, "
            "give --source NAME=PATH, or try --synthetic"
        )
    return found


def _training(workspace: Workspace, job: Job, datasets: Mapping[str, Prepared]) -> list[Work]:
    """Return the missing runs and tests; the tests of a run follow it while its network is at hand."""
    networks = stages.Networks()
    trainable = [name for name in datasets if dataset_card(name).trainable]
    test_only = [dataset for name, dataset in datasets.items() if not dataset_card(name).trainable]
    work: list[Work] = []
    compiled = ""
    for cell in grid.cells(job.models, trainable, job.recipe, job.seeds):
        dataset = datasets[cell.dataset]
        targets = [dataset, *test_only]
        run = grid.trained(workspace, cell, dataset.fingerprint)
        if run is not None and all(grid.evaluated(workspace, run, target) is not None for target in targets):
            continue
        title = f"{cell.model} on {cell.dataset}" + (f", seed {cell.seed}" if len(job.seeds) > 1 else "")
        seconds = 0.0 if cell.model == compiled else _COMPILE_SECONDS
        compiled = cell.model
        if run is None:
            images = len(dataset.indices("train")) * cell.recipe.epochs
            seconds += images / _IMAGES_PER_SECOND * max(1.0, (cell.recipe.image_size / 48) ** 2)
        stage = Stage(f"{'train and test' if run is None else 'test'} {title}", seconds + 2)
        work.append((stage, partial(_train_and_test, workspace, cell, dataset, targets, networks, job.weights)))
    return work


def _train_and_test(
    workspace: Workspace,
    cell: Cell,
    dataset: Prepared,
    targets: Sequence[Prepared],
    networks: stages.Networks,
    weights: str | None,
) -> None:
    run = stages.train_cell(workspace, cell, dataset, networks, weights=weights)
    results = [stages.test_run(workspace, run, cell, target, networks) for target in targets]
    say("    accuracy: " + ", ".join(f"{result.target} {result.accuracy:.1%}" for result in results))


def _profiling(workspace: Workspace, job: Job) -> list[Work]:
    """Return the profile and the ANOVA where they are missing or not of one session."""
    origin: Origin = "synthetic" if job.synthetic else "real"
    work: list[Work] = []
    known = {profile.model: profile for profile in records.load_all(workspace.results.records, ProfileRecord)}
    of_job = [known[model] for model in job.models if model in known]
    if len(of_job) < len(job.models) or len({profile.session for profile in of_job}) > 1:
        seconds = 15.0 + 10 * len(job.models)
        work.append((Stage("profile", seconds), partial(stages.profile, workspace, job.models, job.runs, origin)))
    if len(job.models) > 1 and (work or not stages.anova_is_fresh(workspace.results, stages.RUNTIME)):
        work.append((Stage("ANOVA", 3), partial(stages.anova, workspace.results, stages.RUNTIME)))
    return work
