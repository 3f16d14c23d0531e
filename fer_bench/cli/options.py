"""Options that several commands share, and what they mean: places, seeds, recipes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fer_bench.errors import FerBenchError
from fer_bench.files import expanded
from fer_bench.recipe import Balance
from fer_bench.workspace import DEFAULT_ROOT, ENVIRONMENT_VARIABLE, PUBLISHED, Results, Workspace

LARGEST_SEED = 2**32 - 1
"""That numpy and the backends take."""

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar=ENVIRONMENT_VARIABLE,
        callback=expanded,  # As of every path (see the frame), but here for completion, too.
        help="Folder that holds everything that commands write: prepared datasets, weights, records.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of text.")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="Name of the model; fer-bench models lists them.")]
DatasetOption = Annotated[str, typer.Option("--dataset", "-d", help="Training dataset of the model.")]
JoinedOption = Annotated[
    str, typer.Option("--dataset", "-d", help="Dataset to train on, or several together: fer2013+raf-db.")
]
TrainedOnOption = Annotated[
    str,
    typer.Option("--dataset", "-d", help="Dataset that the model was trained on, or several together: fer2013+raf-db."),
]
TrainedModelsOption = Annotated[
    list[str], typer.Option("--model", "-m", help="Name of a trained model; may be given several times.")
]
TargetOption = Annotated[
    str | None,
    typer.Option("--on", help="Dataset whose test images are used. Default: the one that the models were trained on."),
]
LiveOption = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Keep a picture of the learning curve up to date during training: curves/<run>.png in the workspace.",
    ),
]
TensorBoardOption = Annotated[
    bool, typer.Option("--tensorboard", help="Write logs for TensorBoard to tensorboard/ in the workspace.")
]
RecipeOption = Annotated[
    str, typer.Option("--recipe", "-r", help="Preset (paper, paper-bf16, cpu48, cpu96, demo) or TOML file.")
]
RunRecipeOption = Annotated[
    str,
    typer.Option(
        "--recipe",
        "-r",
        help="Preset (paper, paper-bf16, cpu48, cpu96, demo), TOML file, or id of a recipe trained in the workspace.",
    ),
]
"""Of commands that work on trained runs."""
SeedOption = Annotated[
    int,
    typer.Option(
        "--seed",
        "-s",
        min=0,
        max=LARGEST_SEED,
        help="Seed of the initial weights, the order of the images and their augmentation.",
    ),
]
SeedsOption = Annotated[
    str | None,
    typer.Option("--seeds", help="Several seeds instead of one: a number N for 0 to N-1, or a list such as 0,2,5."),
]
BalanceOption = Annotated[
    Balance | None,
    typer.Option(
        "--balance",
        help="How training balances the classes, instead of the recipe's way. The recipe's name then says so: "
        "--balance oversample is the same as --recipe paper+oversample.",
    ),
]
FreezeOption = Annotated[
    int | None,
    typer.Option(
        "--freeze-layers",
        min=0,
        help="Number of frozen layers of the backbone, instead of the recipe's (default: each model's own, ten"
        " in clcm). The recipe's name then says so: --freeze-layers 0 is the same as --recipe "
        "paper+freeze0.",
    ),
]


def _expanded(weights: str | None) -> str | None:
    """Return --weights with its ``~`` replaced; a word such as imagenet stays as it is."""
    return str(expanded(weights)) if weights is not None and weights.startswith("~") else weights


WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        callback=_expanded,
        help="Initial weights: 'imagenet' (downloaded by Keras), a file of ImageNet weights, or 'random'. "
        "Required if the recipe starts the model from ImageNet; if it does not, the result counts as "
        "another recipe, with its own id.",
    ),
]
RunWeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        callback=_expanded,
        help="The --weights of train, where they gave the model another start than the recipe says; beside a recipe's "
        "id not needed.",
    ),
]
"""Of commands that work on trained runs."""
StartsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        callback=_expanded,
        help="Initial weights of the models that the recipe starts from ImageNet: 'imagenet' (downloaded by "
        "Keras), a file of ImageNet weights, or 'random'.",
    ),
]
"""Of commands that take several models: the recipe says which of them it is for."""
WaitOption = Annotated[
    bool,
    typer.Option(
        "--wait", help="If another process is writing to the workspace, wait for it instead of stopping with an error."
    ),
]
DevicesOption = Annotated[
    int,
    typer.Option(
        "--devices",
        min=1,
        help="Number of this machine's devices that share every training batch; more than one needs KERAS_BACKEND=jax.",
    ),
]
_PLACES = (
    "Use the workspace's records and folders (--workspace alone implies this), or the published ones of the "
    "current folder: reports/records, tables and reports. Default: "
)
LocalByDefault = Annotated[bool | None, typer.Option("--local/--published", help=f"{_PLACES}local.")]
PublishedByDefault = Annotated[bool | None, typer.Option("--local/--published", help=f"{_PLACES}published.")]

DEFAULT_WORKSPACE = DEFAULT_ROOT


def existing(workspace: Path) -> Workspace:
    """Return the workspace of a command that only works on what is in it, which its lock would make where it is absent.

    Raises:
        FerBenchError: there is no such folder, as where its name is mistyped.
    """
    if not workspace.is_dir():
        raise FerBenchError(f"{workspace}: no such workspace; name an existing one with --workspace")
    return Workspace(workspace)


def results_of(workspace: Path, local: bool) -> Results:
    """Return the workspace's results, or the published ones in the current folder."""
    return Workspace(workspace).results if local else PUBLISHED


def require_records(results: Results, local: bool) -> None:
    """Require the published records of the current folder where a command works on the published state.

    Raises:
        FerBenchError: there are none: the folder is no checkout.
    """
    if not local and not results.records.is_dir():
        raise FerBenchError(
            f"{results.records.absolute()}: no folder of records; run this in a checkout that has one, or say --local "
            "for the records of a workspace"
        )


def again(command: str, workspace: Path, local: bool) -> str:
    """Return a command to be pasted that writes where :func:`results_of` has its results."""
    import shlex

    return shlex.join(["fer-bench", command, *(["--local", *Workspace(workspace).option] if local else [])])


def is_written(context: typer.Context, option: str) -> bool:
    """Return whether an option stands on the command line, rather than in its variable or nowhere."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def is_local(context: typer.Context, local: bool | None, *, default: bool) -> bool:
    """Return whether a command takes the workspace's own records, rather than the published ones.

    Args:
        context: of the command; a --workspace on its command line means the workspace's.
        local: as --local or --published says.
        default: where the command line says neither.

    Raises:
        FerBenchError: --published stands beside --workspace.
    """
    named = is_written(context, "workspace")
    if named and local is False:
        raise FerBenchError("--published and --workspace name two places; give one of them")
    return named or (default if local is None else local)


_MOST_SEEDS = 1000


def seeds_of(context: typer.Context, seed: Sequence[int], seeds: str | None) -> list[int]:
    """Return the seeds that --seed, or its default, and --seeds name, each once.

    Raises:
        FerBenchError: both stand on the command line, or as :func:`listed_seeds`.
    """
    if seeds is None:
        return list(dict.fromkeys(seed))
    if is_written(context, "seed"):
        raise FerBenchError(f"--seed and --seeds {seeds} exclude each other; list all seeds in --seeds")
    return listed_seeds(seeds)


def listed_seeds(seeds: str) -> list[int]:
    """Return the seeds that --seeds names, each once.

    Raises:
        FerBenchError: it is neither a number above 0 nor a list of whole numbers.
    """
    text = seeds.strip()
    numbers = [part.strip() for part in text.removesuffix(",").split(",")]
    alone = ""
    if all(number.isdecimal() and int(number) <= LARGEST_SEED for number in numbers):
        if not text.isdecimal():
            return list(dict.fromkeys(map(int, numbers)))
        if 1 <= int(text) <= _MOST_SEEDS:
            return list(range(int(text)))
        alone = f"; for seed {int(text)} alone say --seed {int(text)}"
    raise FerBenchError(f"--seeds {seeds!r}: expected a number of seeds such as 3, or a list such as 0,1,2{alone}")


def recipe_with(recipe: str, balance: Balance | None, freeze_layers: int | None) -> str:
    """Return the recipe with the options that change it, as ``load_recipe`` reads it, e.g. ``paper+oversample``."""
    if balance is not None:
        recipe += "+unbalanced" if balance == "none" else f"+{balance}"
    return recipe if freeze_layers is None else f"{recipe}+freeze{freeze_layers}"
