"""Commands for the grid of training runs: how far it is, and its missing runs as tasks for a cluster."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    LARGEST_SEED,
    JsonOption,
    RecipeOption,
    SeedsOption,
    StartsOption,
    WorkspaceOption,
    seeds_of,
)
from fer_bench.cli.printing import print_json, print_table
from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.status import CellStatus, Status

ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        help="Only this model; may be given several times. Default: the paper's three, and others that have runs.",
    ),
]
GridModelsOption = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="Only this model; may be given several times. Default: the paper's three."),
]
DatasetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset",
        "-d",
        help="Only runs on this dataset, or on several together: fer2013+raf-db; may be given "
        "several times. Default: every prepared dataset with a training set.",
    ),
]
ItsSeedOption = Annotated[
    list[int] | None,
    typer.Option(
        "--seed",
        "-s",
        min=0,
        max=LARGEST_SEED,
        help="Only this seed; may be given several times. Default: all seeds that a recipe was trained with, or 0.",
    ),
]
GridSeedOption = Annotated[
    list[int] | None,
    typer.Option(
        "--seed", "-s", min=0, max=LARGEST_SEED, help="Seed of the runs; may be given several times. Default: 0 alone."
    ),
]


def status(
    context: typer.Context,
    model: ModelsOption = None,
    dataset: DatasetsOption = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            "-r",
            help="Only this recipe: preset, TOML file or id. Default: all that were trained in the workspace.",
        ),
    ] = None,
    seed: ItsSeedOption = None,
    seeds: SeedsOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Show which training runs are done, running, interrupted or missing, and how long the rest will take.

    The grid is the paper's models, and others that have runs, on every prepared dataset with a training set. Times
    come from the epochs that were measured, one run after the other; a time marked ~ is scaled by the number of images
    from another dataset, a copy of another size, or from other models.

    Example: fer-bench status --recipe paper
    """
    from fer_bench.lookup import recipe_in
    from fer_bench.status import grid_status
    from fer_bench.workspace import Workspace

    place = Workspace(workspace)
    found = grid_status(
        place,
        models=model or (),
        datasets=dataset or (),
        recipe=recipe_in(place, recipe) if recipe else None,
        seeds=seeds_of(context, seed or (), seeds),
    )
    if json:
        print_json(_status_json(found))
    else:
        _print_status(found)


def _status_json(found: "Status") -> dict[str, object]:
    from fer_bench.status import STATES

    return {
        "counts": {state: found.count(state) for state in STATES},
        "seconds_left": found.seconds_left,
        "holder": None if found.holder is None else dataclasses.asdict(found.holder),
        "left_out": [dataclasses.asdict(item) for item in found.left_out],
        "not_shown": list(found.not_shown),
        "runs": [
            {
                "id": item.cell.id,
                "model": item.cell.model,
                "dataset": item.cell.dataset,
                "recipe": item.cell.recipe.id,
                "seed": item.cell.seed,
                "state": item.state,
                "epochs": item.epochs,
                "goes_on_from": item.goes_on_from,
                "backend": item.backend,
                "of_epochs": item.cell.recipe.epochs,
                "untested": list(item.untested),
                "seconds_left": item.seconds_left,
                "rough": item.rough,
            }
            for item in found.cells
        ],
    }


def _print_status(found: "Status") -> None:
    from fer_bench import backend
    from fer_bench.progress import duration
    from fer_bench.status import STATES

    print_table(
        "Training runs",
        ("model", "trained on", "recipe", "seed", "state", "epochs", "time left"),
        [
            (
                item.cell.model,
                item.cell.dataset,
                item.cell.recipe.id,
                str(item.cell.seed),
                _state(item),
                f"{item.epochs}/{item.cell.recipe.epochs}",
                _left(item),
            )
            for item in found.cells
        ],
        numbers=2,
    )
    counted = ", ".join(f"{found.count(state)} {state}" for state in STATES if found.count(state))
    left = found.seconds_left
    if left is None:
        rest = "the time left is unknown, since no epoch by one of the recipes has been measured yet"
    elif left == 0:
        rest = "nothing left to train"
    else:
        rough = "~" if any(item.rough and item.seconds_left for item in found.cells) else ""
        rest = f"{rough}{duration(left)} of training left, one run after the other"
    typer.echo(f"{counted}; {rest}")
    for item in found.left_out:
        typer.echo(f"left out, no run by {item.recipe} can be of it: {item.reason}")
    if found.not_shown:
        typer.echo(
            f"begun, but not shown, since no finished run tells their recipe: {', '.join(found.not_shown)}; the "
            "commands that began them continue them, and --recipe FILE shows how far those of a file are"
        )
    for name in sorted({item.backend for item in found.cells} - {"", backend.name()}):
        count = sum(item.backend == name for item in found.cells)
        typer.echo(f"{count} of them trained on {name}: set KERAS_BACKEND={name} to test or continue those")
    if found.holder is not None:
        typer.echo(f"at work here: {found.holder}")


def _state(item: "CellStatus") -> str:
    more = f" on {', '.join(item.untested)}" if item.untested else ""
    more += f", goes on from {item.goes_on_from}" if item.goes_on_from else ""
    return item.state + more


def _left(item: "CellStatus") -> str:
    from fer_bench.progress import duration

    if item.seconds_left is None:
        return "–"
    return ("~" if item.rough and item.seconds_left else "") + duration(item.seconds_left)


def grid(
    context: typer.Context,
    recipe: RecipeOption = "paper",
    model: GridModelsOption = None,
    dataset: DatasetsOption = None,
    seed: GridSeedOption = None,
    seeds: SeedsOption = None,
    weights: StartsOption = None,
    every: Annotated[bool, typer.Option("--all", help="Include runs that are finished.")] = False,
    shape: Annotated[
        Literal["text", "jsonl", "slurm"],
        typer.Option(
            "--format",
            "-f",
            help="Format of the output: one command a line, one JSON object a line, or a Slurm job script.",
        ),
    ] = "text",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Print the missing training runs as commands, as JSON lines, or as an array job for Slurm.

    Each task is a plain fer-bench train command, so that a queue, a shell loop or another machine can work on it.

    Example: fer-bench grid --recipe paper --seeds 3 --weights imagenet --format slurm > job.sh
    """
    import shlex

    from fer_bench import cluster, paper
    from fer_bench import grid as planning
    from fer_bench.lookup import require_models
    from fer_bench.presets import load_recipe
    from fer_bench.status import grid_status
    from fer_bench.workspace import Workspace

    place, models = Workspace(workspace), list(model or paper.MODELS)
    require_models(place, models)
    chosen = load_recipe(recipe)
    if weights == "random":
        chosen = chosen.from_random()
    planning.check_start(models, chosen, weights)
    planning.check_weights(models, chosen, weights)
    found = grid_status(
        place,
        models=models,
        datasets=dataset or (),
        recipe=chosen,
        seeds=seeds_of(context, seed or (0,), seeds),
    )
    cells = [item.cell for item in found.cells if every or item.state not in ("done", "untested")]
    if not cells:
        raise FerBenchError(
            f"{workspace}: every run of this grid is trained already; add --all to print their commands anyway"
        )
    # A model that the recipe does not start from ImageNet is given no weights: train would take them for such a start.
    started = models if weights == "random" else [name for name in models if name in chosen.pretrained]
    tasks = cluster.tasks(cells, recipe, {} if weights is None else dict.fromkeys(started, weights))
    if shape == "jsonl":
        sys.stdout.write(cluster.to_jsonl(tasks, workspace, Path.cwd()))
    elif shape == "slurm":
        sys.stdout.write(cluster.to_slurm(tasks, workspace, Path.cwd()))
    else:
        for task in tasks:
            typer.echo(shlex.join([*task.command, "--workspace", str(workspace), "--wait"]))
