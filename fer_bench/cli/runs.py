"""Commands that train: train, run-all."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.executors import (
    AddressOption,
    CpusOption,
    ExecutorOption,
    GpusOption,
    JobsOption,
    cluster_of,
    executor_of,
)
from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    LARGEST_SEED,
    BalanceOption,
    DevicesOption,
    FreezeOption,
    JoinedOption,
    JsonOption,
    LiveOption,
    ModelOption,
    RecipeOption,
    SeedOption,
    SeedsOption,
    StartsOption,
    TensorBoardOption,
    WaitOption,
    WeightsOption,
    WorkspaceOption,
    recipe_with,
    seeds_of,
)
from fer_bench.cli.printing import print_json
from fer_bench.cli.saying import mean_text
from fer_bench.errors import FerBenchError, number_of
from fer_bench.files import expanded
from fer_bench.lookup import cell_of, open_training, require_known, require_models

if TYPE_CHECKING:
    from fer_bench.records import TrainRecord
    from fer_bench.workspace import Workspace


def train(
    context: typer.Context,
    model: ModelOption,
    dataset: JoinedOption,
    recipe: RecipeOption = "paper",
    seed: SeedOption = 0,
    seeds: SeedsOption = None,
    balance: BalanceOption = None,
    freeze_layers: FreezeOption = None,
    weights: WeightsOption = None,
    live: LiveOption = False,
    tensorboard: TensorBoardOption = False,
    devices: DevicesOption = 1,
    jobs: JobsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Train one model on a prepared dataset, or on several together; run it again to continue after an interruption.

    Several seeds are trained side by side (--jobs). By a recipe of constant learning rate, a run of more epochs goes on
    after the last epoch of a finished one that differs in nothing else.

    Example: fer-bench train --model clcm --dataset fer2013 --weights imagenet --seeds 3
    """
    import dataclasses

    from fer_bench import grid, stages
    from fer_bench.cellwork import train_cells
    from fer_bench.datasets.joined import in_order, parts_of
    from fer_bench.devices import check
    from fer_bench.external.model import refuse_external
    from fer_bench.training.watching import Watch
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    refuse_external(place, [model])
    chosen = recipe_with(recipe, balance, freeze_layers)
    dataset = in_order(dataset)
    for part in parts_of(dataset):
        require_known(place, part)  # Before anything is asked of it.
    cells = [cell_of(model, dataset, chosen, number, weights) for number in seeds_of(context, [seed], seeds)]
    grid.check_start([model], cells[0].recipe, weights)
    check(devices, cells[0].recipe.batch_size)
    workers = executor_of(None, jobs, cells[0].recipe, devices)
    with place.lock(wait=wait):
        prepared = open_training(place, dataset)
        if not prepared.trainable:
            raise FerBenchError(f"{dataset} is a test set only; train on another dataset and use fer-bench cross-test")
        networks, watch = stages.Networks(devices), Watch(live, tensorboard)
        runs = train_cells(place, cells, prepared, networks, weights=weights, watch=watch, executor=workers)
    if json:
        content = [dataclasses.asdict(run) for run in runs]
        print_json(content[0] if seeds is None else content)
    else:
        _print_runs(place, runs)
    diverged = [str(cell.seed) for cell in cells if cell.seed not in {run.seed for run in runs}]
    if diverged:
        raise FerBenchError(
            f"{model} on {dataset}: no result of seed {', '.join(diverged)}, since its loss became no number (told "
            "above); lower the learning rate in a recipe of its own"
        )


def _print_runs(place: "Workspace", runs: "Sequence[TrainRecord]") -> None:
    for run in runs:
        start = run.start.kind + (f" ({run.start.source})" if run.start.source else "")
        typer.echo(
            f"{run.model} on {run.origin} {run.dataset}, recipe {run.recipe}, seed {run.seed}, {start} start: "
            f"best of {number_of(len(run.history), 'epoch')} is {run.best_epoch + 1}, validation accuracy "
            f"{run.best.val_accuracy:.1%} ({number_of(run.n_val, 'image')}), training {run.best.accuracy:.1%}\n"
            f"weights: {place.weights(run.cell_id)}"
        )
    if len(runs) > 1:
        scores = [run.best.val_accuracy for run in runs]
        typer.echo(f"validation accuracy over {mean_text(scores)}")


def run_all(
    context: typer.Context,
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
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            "-d",
            help="Only train on this dataset, or on several together: fer2013+raf-db; may be given several times. "
            "Default: every prepared dataset with a training set.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Only this model; may be given several times. Default: the paper's three."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            "-s",
            min=0,
            max=LARGEST_SEED,
            help="Seed of the initial weights, the order of the images and their augmentation; may be given "
            "several times. Default: 0.",
        ),
    ] = None,
    seeds: SeedsOption = None,
    balance: BalanceOption = None,
    freeze_layers: FreezeOption = None,
    weights: StartsOption = None,
    runs: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Number of timed single-image calls of each model and runtime, as in fer-bench profile; a profile"
            " with fewer is measured again. Default: 50, and a profile that exists is kept.",
        ),
    ] = None,
    jobs: JobsOption = None,
    executor: ExecutorOption = "local",
    address: AddressOption = None,
    cpus_per_cell: CpusOption = None,
    gpus_per_cell: GpusOption = None,
    live: LiveOption = False,
    tensorboard: TensorBoardOption = False,
    devices: DevicesOption = 1,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
) -> None:
    """Do everything in order: prepare, train, test, cross-test, profile, ANOVA, tables, figures, report.

    What an earlier run left is kept; an interrupted one continues. Without options it runs a demonstration on
    synthetic faces, in some minutes on two cores. With --executor ray the cells, a model trained on a dataset from a
    seed each, are shared out among the machines of a Ray cluster; the results are the same.

    Example: fer-bench run-all --recipe paper --source fer2013=~/fer2013 --source ck-plus=~/CK+ --weights imagenet
    """
    from fer_bench import paper
    from fer_bench.datasets import dataset_card
    from fer_bench.presets import load_recipe
    from fer_bench.run_all.runner import Job
    from fer_bench.run_all.runner import run_all as run
    from fer_bench.training.watching import Watch
    from fer_bench.workspace import Workspace

    sources: dict[str, Path] = {}
    for item in source or []:
        name, equals, path = item.partition("=")
        if not equals or not path:
            raise FerBenchError(f"--source {item!r}: expected NAME=PATH, e.g. fer2013=/data/fer2013")
        sources[dataset_card(name).name] = expanded(path)
    if synthetic and sources:
        raise FerBenchError("--synthetic and --source exclude each other: real and synthetic data are never mixed")
    place, models = Workspace(workspace), list(dict.fromkeys(model or paper.MODELS))
    require_models(place, models)
    chosen = load_recipe(recipe_with(recipe, balance, freeze_layers))
    numbers = seeds_of(context, seed or [0], seeds)
    if weights == "random":
        chosen = chosen.from_random()
    if synthetic is None:
        synthetic = chosen.name.partition("+")[0] == "demo" and not sources
    cluster = cluster_of(context, executor, address, cpus_per_cell, gpus_per_cell)
    job = Job(
        models=models,
        recipe=chosen,
        seeds=numbers,
        synthetic=synthetic,
        sources=sources,
        weights=weights,
        runs=runs,
        train_on=dataset or (),
        watch=Watch(live, tensorboard),
        devices=devices,
        wait=wait,
        executor=executor_of(cluster, jobs, chosen, devices),
    )
    run(place, job)
    typer.echo(
        f"tables: {place.results.tables}\nfigures: {place.results.figures}\n"
        f"report: {place.results.reports / 'report.html'}"
    )
