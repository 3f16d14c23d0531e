"""Commands that compute: train, evaluate, cross-test, profile, run-all."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    DatasetOption,
    DevicesOption,
    JsonOption,
    ModelOption,
    RecipeOption,
    SeedOption,
    WaitOption,
    WeightsOption,
    WorkspaceOption,
    open_prepared,
    print_json,
    print_table,
)
from fer_bench.cli.profiling import profile
from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.grid import Cell
    from fer_bench.records import EvalRecord, TrainRecord
    from fer_bench.workspace import Workspace

PAPER_MODELS = ("mobilenetv2", "clcm", "shufflenetv2")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(train)
    app.command()(evaluate)
    app.command("cross-test")(cross_test)
    app.command()(profile)
    app.command("run-all")(run_all)


def _cell(model: str, dataset: str, recipe: str, seed: int, weights: str | None) -> "Cell":
    """Return the cell that the options name."""
    from fer_bench.grid import Cell
    from fer_bench.models import model_card
    from fer_bench.recipe import load_recipe

    model_card(model)
    chosen = load_recipe(recipe)
    if weights is not None:
        chosen = chosen.starting(model, pretrained=weights != "random")
    return Cell(model, dataset, chosen, seed)


def trained_cell(
    place: "Workspace", model: str, dataset: str, recipe: str, seed: int, weights: str | None
) -> "tuple[Cell, TrainRecord, Prepared]":
    """Return a cell that has been trained, the record of its run and its dataset.

    Raises:
        FerBenchError: it has not been trained on this copy of the dataset.
    """
    from fer_bench import grid

    cell = _cell(model, dataset, recipe, seed, weights)
    prepared = open_prepared(place, dataset)
    run = grid.trained(place, cell, prepared.fingerprint)
    if run is None:
        raise FerBenchError(
            f"{model} has not been trained on this {dataset} with recipe {cell.recipe.id} and seed {seed}; "
            f"run fer-bench train --model {model} --dataset {dataset} --recipe {recipe} --seed {seed}"
            + (f" --weights {weights}" if weights else "")
        )
    return cell, run, prepared


def train(
    model: ModelOption,
    dataset: DatasetOption,
    recipe: RecipeOption = "paper",
    seed: SeedOption = 0,
    weights: WeightsOption = None,
    devices: DevicesOption = 1,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Train one model on one prepared dataset; run it again to continue after an interruption.

    Example: fer-bench train --model clcm --dataset fer2013 --weights imagenet
    """
    import dataclasses

    from fer_bench import grid, stages
    from fer_bench.devices import check
    from fer_bench.workspace import Workspace

    cell = _cell(model, dataset, recipe, seed, weights)
    grid.check_start([model], cell.recipe, weights)
    check(devices, cell.recipe.batch_size)
    place = Workspace(workspace)
    with place.lock(wait=wait):
        prepared = open_prepared(place, dataset)
        if not prepared.trainable:
            raise FerBenchError(f"{dataset} is a test set only; train on another dataset and use fer-bench cross-test")
        run = stages.train_cell(place, cell, prepared, stages.Networks(devices), weights=weights)
    if json:
        print_json(dataclasses.asdict(run))
        return
    best = run.history[run.best_epoch]
    start = run.start.kind + (f" ({run.start.source})" if run.start.source else "")
    typer.echo(
        f"{model} on {run.origin} {dataset}, recipe {run.recipe}, seed {seed}, {start} start: "
        f"best of {len(run.history)} epochs is {run.best_epoch + 1}, validation accuracy {best.val_accuracy:.1%} "
        f"({run.n_val:,} images), training {best.accuracy:.1%}\n"
        f"weights: {place.weights(cell.id)}"
    )


def evaluate(
    model: ModelOption,
    dataset: DatasetOption,
    recipe: RecipeOption = "paper",
    seed: SeedOption = 0,
    weights: WeightsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Test a trained model on the test set of the dataset that it was trained on.

    Give the same --recipe, --seed and --weights as for train.

    Example: fer-bench evaluate --model clcm --dataset fer2013
    """
    from fer_bench import stages
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    with place.lock(wait=wait):
        cell, run, prepared = trained_cell(place, model, dataset, recipe, seed, weights)
        result = stages.test_run(place, run, cell, prepared, stages.Networks())
    _print_results([result], json)


def cross_test(
    on: Annotated[str, typer.Option("--on", help="Dataset to test on.")] = "ck-plus",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Test every trained model of the workspace on a dataset that it was not trained on.

    Example: fer-bench cross-test --on ck-plus
    """
    from fer_bench import grid, records, stages
    from fer_bench.records import TrainRecord
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    with place.lock(wait=wait):
        target = open_prepared(place, on)
        runs = [run for run in records.load_all(place.results.records, TrainRecord) if run.dataset != on]
        if not runs:
            raise FerBenchError(f"{place.root}: no trained model to test on {on}; run fer-bench train first")
        networks = stages.Networks()
        done = [
            stages.test_run(place, run, grid.cell_of(run), target, networks)
            for run in sorted(runs, key=lambda run: (run.model, run.recipe, run.dataset, run.seed))
        ]
    _print_results(done, json)


def _print_results(results: "Sequence[EvalRecord]", json: bool) -> None:
    import dataclasses

    from fer_bench.emotions import EMOTIONS
    from fer_bench.metrics import recall_per_class

    if json:
        print_json([dataclasses.asdict(result) for result in results])
        return
    origin = " (synthetic faces)" if results[0].origin == "synthetic" else ""
    print_table(
        f"Accuracy{origin}: overall and per class, %",
        ("model", "trained on", "tested on", "recipe", "seed", "images", "overall", *EMOTIONS),
        [
            (
                result.model,
                result.dataset,
                result.target,
                result.recipe,
                str(result.seed),
                f"{result.n:,}",
                f"{result.accuracy:.1%}"[:-1],
                *(
                    "–" if value != value else f"{100 * value:.0f}"
                    for value in recall_per_class(result.confusion_matrix)
                ),
            )
            for result in results
        ],
        numbers=3 + len(EMOTIONS),
    )


def run_all(
    recipe: RecipeOption = "demo",
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="NAME=PATH: prepare this dataset first; may be given several times."),
    ] = None,
    synthetic: Annotated[
        bool | None,
        typer.Option(
            "--synthetic/--real",
            help="Synthetic faces, or the datasets prepared in the workspace. Default: synthetic for the recipe demo "
            "without --source, real otherwise.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Only this model; may be given several times. Default: the paper's three."),
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option("--seed", "-s", min=0, help="May be given several times. Default: 0.")
    ] = None,
    weights: WeightsOption = None,
    runs: Annotated[int, typer.Option(min=2, help="Timed single-image calls of each model.")] = 50,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Models trained side by side, each in its own process; the results are the same. Default: one a core "
            "for recipes of at most 64 x 64 pixels, whose steps keep one core busy; 1 otherwise.",
        ),
    ] = None,
    devices: DevicesOption = 1,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
) -> None:
    """Do everything in order: prepare, train, test, cross-test, profile, ANOVA, tables, figures, report.

    What an earlier run left is kept; an interrupted one continues. Without options it runs a demonstration on
    synthetic faces, in some minutes on two cores.

    Example: fer-bench run-all --recipe paper --source fer2013=~/fer2013 --source ck-plus=~/CK+ --weights imagenet
    """
    from fer_bench.datasets import dataset_card
    from fer_bench.environment import cores
    from fer_bench.models import model_card
    from fer_bench.recipe import load_recipe
    from fer_bench.runner import Job
    from fer_bench.runner import run_all as run
    from fer_bench.workspace import Workspace

    sources: dict[str, Path] = {}
    for item in source or []:
        name, equals, path = item.partition("=")
        if not equals or not path:
            raise FerBenchError(f"--source {item!r}: expected NAME=PATH, e.g. fer2013=/data/fer2013")
        sources[dataset_card(name).name] = Path(path).expanduser()
    if synthetic and sources:
        raise FerBenchError("--synthetic and --source exclude each other: real and synthetic data are never mixed")
    models = model or list(PAPER_MODELS)
    for name in models:
        model_card(name)
    chosen = load_recipe(recipe)
    if weights == "random":
        for name in models:
            chosen = chosen.starting(name, pretrained=False)
    if synthetic is None:
        synthetic = chosen.name == "demo" and not sources
    place = Workspace(workspace)
    if jobs is None:
        jobs = cores() if chosen.image_size <= 64 and devices == 1 else 1
    job = Job(models, chosen, seed or [0], synthetic, sources, weights, runs, min(jobs, len(models)), devices, wait)
    run(place, job)
    typer.echo(
        f"tables: {place.results.tables}\nfigures: {place.results.figures}\n"
        f"report: {place.results.reports / 'report.html'}"
    )
