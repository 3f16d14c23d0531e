"""Options that several commands share, and the ways in which all of them print."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_bench.workspace import DEFAULT_ROOT, ENVIRONMENT_VARIABLE, PUBLISHED, Results, Workspace

if TYPE_CHECKING:
    from fer_bench.datasets.prepared import Prepared

WorkspaceOption = Annotated[
    Path,
    typer.Option("--workspace", "-w", envvar=ENVIRONMENT_VARIABLE, help="Folder of everything that runs produce."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of text.")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="Model, see fer-bench models.")]
DatasetOption = Annotated[str, typer.Option("--dataset", "-d", help="Dataset that it is trained on.")]
RecipeOption = Annotated[str, typer.Option("--recipe", "-r", help="Preset (paper, demo) or path of a TOML file.")]
SeedOption = Annotated[int, typer.Option("--seed", "-s", min=0, help="Seed of weights, order, augmentation.")]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        help="Start of the models that the recipe starts from ImageNet: 'imagenet' (downloaded by Keras), a weights "
        "file, or 'random'.",
    ),
]
WaitOption = Annotated[
    bool,
    typer.Option("--wait", help="Wait while another process writes to the workspace, instead of giving up."),
]
DevicesOption = Annotated[
    int,
    typer.Option(
        "--devices",
        min=1,
        help="Devices of this machine to share every training batch among; more than one needs KERAS_BACKEND=jax.",
    ),
]
LocalOption = Annotated[
    bool,
    typer.Option("--local", help="Use the workspace's own records and folders instead of the published ones."),
]

DEFAULT_WORKSPACE = DEFAULT_ROOT


def results_of(workspace: Path, local: bool) -> Results:
    """Return the workspace's results, or the published ones in the current folder."""
    return Workspace(workspace).results if local else PUBLISHED


def open_prepared(place: Workspace, name: str) -> "Prepared":
    """Return a prepared dataset of the workspace.

    Raises:
        FerBenchError: it is not prepared or damaged, or there is no dataset of that name.
    """
    from fer_bench.datasets import dataset_card
    from fer_bench.datasets.prepared import Prepared, is_prepared

    if not is_prepared(place.prepared(name)):
        dataset_card(name)
    return Prepared.load(place.prepared(name))


def print_json(content: Any) -> None:
    """Print JSON on stdout."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> None:
    """Print a table on stdout; the last ``numbers`` columns are aligned to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for position, column in enumerate(columns):
        right = position >= len(columns) - numbers
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    # A pipe or a file has no width: let no column be cut there.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(table)
