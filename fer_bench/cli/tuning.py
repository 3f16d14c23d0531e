"""The command that searches for hyperparameters: tune."""

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    BalanceOption,
    JoinedOption,
    JsonOption,
    RecipeOption,
    SeedOption,
    SeedsOption,
    StartsOption,
    WaitOption,
    WorkspaceOption,
    is_written,
    recipe_with,
    seeds_of,
)
from fer_bench.cli.printing import print_json, print_table
from fer_bench.cli.studies import EpochsOption, digest_of, facts_of, listed, recipe_of, texts
from fer_bench.errors import FerBenchError, number_of
from fer_bench.lookup import open_training

if TYPE_CHECKING:
    from fer_bench.studies import Study
    from fer_bench.tuning import Outcome, Setting, Space

Search = Literal["grid", "random"]

_SETTING = ("batch", "rate", "optimizer")


def tune(
    context: typer.Context,
    model: Annotated[list[str], typer.Option("--model", "-m", help="Name of the model; may be given several times.")],
    dataset: JoinedOption,
    recipe: RecipeOption = "paper",
    epochs: EpochsOption = None,
    search: Annotated[
        Search,
        typer.Option(
            help="grid tries every combination; random draws --trials of them, with learning rates from a range."
        ),
    ] = "grid",
    trials: Annotated[
        int,
        typer.Option(
            min=1, help="With --search random: number of trials of each model, including earlier ones, which all count."
        ),
    ] = 20,
    draw_seed: Annotated[int, typer.Option(min=0, help="With --search random: seed that draws the settings.")] = 0,
    batch_sizes: Annotated[
        str | None, typer.Option(help="Batch sizes to try, separated by commas. Default: 32,64,128.")
    ] = None,
    learning_rates: Annotated[
        str | None,
        typer.Option(
            help="Learning rates to try, separated by commas; with --search random the lowest and the highest. "
            "Default: 1e-3,1e-4; with --search random 1e-5,1e-2."
        ),
    ] = None,
    optimizers: Annotated[
        str | None, typer.Option(help="Optimizers to try, separated by commas. Default: adam,sgd.")
    ] = None,
    balance: BalanceOption = None,
    seed: SeedOption = 0,
    seeds: SeedsOption = None,
    weights: StartsOption = None,
    jobs: JobsOption = None,
    executor: ExecutorOption = "local",
    address: AddressOption = None,
    cpus_per_cell: CpusOption = None,
    gpus_per_cell: GpusOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Search for the best batch size, learning rate and optimizer by validation accuracy; test sets stay unused.

    Without options the paper's grid. The best setting of each model, and with several models the best that they share,
    are written as recipes for --recipe, with the recipe's own number of epochs. Run it again to continue after an
    interruption; trials that are done stay. With one model, --weights acts as in train; with several, the recipe says
    which of them start from ImageNet. A random search needs the extra tune (Optuna). The trials of a grid are trained
    side by side (--jobs); with --executor ray they are shared out among the machines of a Ray cluster.

    Example: fer-bench tune --model clcm --model shufflenetv2 --dataset fer2013 --weights imagenet --epochs 20
    """
    from fer_bench.studies import Study, shortened
    from fer_bench.tuning import grid_search, outcome, random_search
    from fer_bench.tuning.outcome import as_json
    from fer_bench.tuning.recipes import write_recipes
    from fer_bench.workspace import Workspace

    cluster = cluster_of(context, executor, address, cpus_per_cell, gpus_per_cell)
    if search == "random" and (cluster is not None or (jobs or 1) > 1):
        option = "--executor ray" if cluster is not None else f"--jobs {jobs}"
        raise FerBenchError(f"{option} is for --search grid; a random search trains one setting after the other")
    if search == "grid":
        for option in ("trials", "draw_seed"):
            if is_written(context, option):
                flag = f"--{option.replace('_', '-')}"
                raise FerBenchError(
                    f"{flag} applies only with --search random, since a grid tries every combination; "
                    f"add that or leave {flag} out"
                )
    space = _space(search, batch_sizes, learning_rates, optimizers)
    models = list(dict.fromkeys(model))
    place, numbers = Workspace(workspace), seeds_of(context, [seed], seeds)
    given = recipe_of(place, models, recipe_with(recipe, balance, None), weights)
    for setting in space.grid():
        setting.applied(shortened(given, epochs))  # Refuses what no recipe can have, before anything is trained.
    workers = executor_of(cluster, jobs, given)
    with place.lock(wait=wait):
        study = Study(place, open_training(place, dataset), models, given, numbers, weights, epochs)
        if search == "grid":
            found = outcome(grid_search(study, space, workers))
        else:
            found = outcome(random_search(study, space, trials=trials, seed=draw_seed))
        draws = draw_seed if search == "random" else None
        own = f"{search}-{digest_of(space, study.recipe.id, sorted(models), list(numbers), draws)}"
        files = write_recipes(study, found, place.studies.root / "tune", own)
    if json:
        print_json({"search": search, **facts_of(study), "files": texts(files), **as_json(found)})
    else:
        _print_search(study, found, files)
    if not found.winners:
        raise FerBenchError("every setting diverged; search smaller learning rates with --learning-rates")


def _space(search: Search, batch_sizes: str | None, learning_rates: str | None, optimizers: str | None) -> "Space":
    from fer_bench.tuning import PAPER_GRID, RANGES

    given: dict[str, Any] = {}
    if batch_sizes is not None:
        given["batch_sizes"] = listed("--batch-sizes", batch_sizes, int)
    if learning_rates is not None:
        given["learning_rates"] = listed("--learning-rates", learning_rates, float)
    if optimizers is not None:
        given["optimizers"] = listed("--optimizers", optimizers, str)
    return dataclasses.replace(PAPER_GRID if search == "grid" else RANGES, **given)


def _print_search(study: "Study", found: "Outcome", files: Mapping[str, Path]) -> None:
    where = f"{study.dataset.dataset}{' (synthetic faces)' if study.dataset.origin == 'synthetic' else ''}"
    runs = f", mean of {len(study.seeds)} seeds" if len(study.seeds) > 1 else ""
    print_table(
        f"Settings on {where}, {number_of(study.recipe.epochs, 'epoch')}{runs}: best epoch by validation accuracy",
        ("model", *_SETTING, "validation, %", "its loss", "training, %", "loss rises by", "best epoch"),
        [
            (
                trial.model,
                *_setting_cells(trial.setting),
                *(
                    (
                        f"{100 * trial.val_accuracy:.1f}",
                        f"{trial.val_loss:.3f}",
                        f"{100 * trial.accuracy:.1f}",
                        f"{trial.loss_rise:.3f}",
                        ", ".join(str(run.best_epoch + 1) for run in trial.runs),
                    )
                    if trial.runs
                    else ("diverged", "–", "–", "–", "–")
                ),
            )
            for own in found.trials.values()
            for trial in own
        ],
        numbers=8,
    )
    for trial in (trial for own in found.trials.values() for trial in own if not trial.runs):
        typer.echo(f"{trial.model}, {trial.setting}: {trial.reason}")
    if found.shared:
        print_table(
            "The best of each model, and the best setting that they share",
            ("model", *_SETTING, "validation, %", "shared:", *_SETTING, "validation, %", "points below"),
            [
                (
                    model,
                    *_setting_cells(trial.setting),
                    f"{100 * trial.val_accuracy:.1f}",
                    "",
                    *_setting_cells(found.shared[model].setting),
                    f"{100 * found.shared[model].val_accuracy:.1f}",
                    f"{100 * (trial.val_accuracy - found.shared[model].val_accuracy):.1f}",
                )
                for model, trial in found.winners.items()
            ],
            numbers=10,
        )
    for name, path in files.items():
        for model in study.models if name == "shared" else (name,):
            words = ("train", "--model", model, "--dataset", study.dataset.dataset, "--recipe", str(path))
            started = study.weights is not None and (study.weights == "random" or model in study.given.pretrained)
            start = ("--weights", str(study.weights)) if started else ()
            typer.echo(f"{name}: {shlex.join(['fer-bench', *words, *start, '--workspace', str(study.place.root)])}")


def _setting_cells(setting: "Setting") -> tuple[str, str, str]:
    return str(setting.batch_size), f"{setting.learning_rate:g}", setting.optimizer
