"""The command that ranks models over the records of several workspaces: no Keras, no images."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fer_bench.cli.options import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, is_written
from fer_bench.cli.printing import print_json, print_table
from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.leaderboard.gathering import Wanted
    from fer_bench.records import Origin
    from fer_bench.tables import Table

    Written = tuple[dict[str, Any], list[dict[str, Any]], list[Table], Sequence[str]]
    """Boards as JSON, as lines of CSV and as tables, and how to read these."""


def leaderboard(
    context: typer.Context,
    places: Annotated[
        list[Path] | None,
        typer.Option(
            "--records",
            help="A workspace, a folder of records, or a checkout with published ones; may be given several times."
            " Default: the workspace that --workspace names, else the published records in reports/records, and where"
            " there are none the default workspace.",
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", "-d", help="Only models trained on this dataset; may be given several times."),
    ] = None,
    on: Annotated[
        list[str] | None, typer.Option("--on", help="Only tests on this dataset; may be given several times.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Only this model; may be given several times.")
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", "-r", help="Only this recipe, name or id; may be given several times."),
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option("--seed", "-s", min=0, help="Only this seed; may be given several times.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option("--backend", help="Only runs of this Keras backend: tensorflow, jax or torch.")
    ] = None,
    origin: Annotated[
        Literal["real", "synthetic"] | None,
        typer.Option("--origin", help="Only results on real, or on synthetic, images."),
    ] = None,
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(
            "--fingerprint",
            help="DATASET=BEGINNING: only the state of this dataset whose fingerprint begins so; may be given "
            "several times.",
        ),
    ] = None,
    rank_recipes: Annotated[
        bool, typer.Option("--rank-recipes", help="Rank each recipe of a model separately.")
    ] = False,
    by_workspace: Annotated[
        bool,
        typer.Option(
            "--by-workspace", help="Rank the runs of each workspace separately, instead of pooling their seeds."
        ),
    ] = False,
    latency: Annotated[
        bool,
        typer.Option(
            "--latency",
            help="Rank inference times instead, within each measuring session; of the filters only --model, "
            "--backend and --origin apply.",
        ),
    ] = False,
    shape: Annotated[
        Literal["text", "markdown", "latex", "csv"], typer.Option("--format", "-f", help="Format of the boards.")
    ] = "text",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Rank models over the records of several workspaces and hosts, as far as tests can tell them apart.

    One board for each training dataset and test set. A rank is a range: 1-3 may be first, second or third. Where the
    paired tests (Holm) do not tell two models apart, neither counts as better. Results that cannot be compared are
    refused: other states of a dataset, other recipes, real beside synthetic. Where CK+ is prepared in one of the places
    or in --workspace, images of one person count together.

    Example: fer-bench leaderboard --records lab-a --records lab-b --on ck-plus --format markdown
    """
    from fer_bench.leaderboard.formats import to_csv, to_latex, to_markdown

    if json and shape != "text":
        raise FerBenchError(f"--json and --format {shape} exclude each other; give one of them")
    wanted = _wanted(dataset, on, model, recipe, seed, backend, origin, fingerprint)
    if not places:
        places = _default_places(workspace, named=is_written(context, "workspace"))
    if latency:
        if any((dataset, on, recipe, seed, fingerprint, rank_recipes, by_workspace)):
            raise FerBenchError("--latency ranks profiles: of the choices only --model, --backend and --origin apply")
        content, lines, tables, reading = _times(places, wanted)
    else:
        content, lines, tables, reading = _accuracies(
            places, wanted, workspace, rank_recipes=rank_recipes, by_place=by_workspace
        )
    if json:
        print_json(content)
    elif shape == "csv":
        sys.stdout.write(to_csv(lines))
    elif shape == "markdown":
        typer.echo(to_markdown(tables, reading))
    elif shape == "latex":
        typer.echo(to_latex(tables, reading))
    else:
        _print(tables, reading)


def _default_places(workspace: Path, *, named: bool) -> list[Path]:
    """Return what is ranked where ``--records`` says nothing: the workspace if it is named, or nothing is published."""
    from fer_bench.messages import say
    from fer_bench.workspace import PUBLISHED, Workspace

    if named:
        return [workspace]
    if not PUBLISHED.records.is_dir() and Workspace(workspace).results.records.is_dir():
        say(f"{PUBLISHED.records}: no published records here, so those of {workspace} are ranked")
        return [workspace]
    return []


def _wanted(
    datasets: Sequence[str] | None,
    targets: Sequence[str] | None,
    models: Sequence[str] | None,
    recipes: Sequence[str] | None,
    seeds: Sequence[int] | None,
    backend: str | None,
    origin: "Origin | None",
    fingerprints: Sequence[str] | None,
) -> "Wanted":
    from fer_bench.datasets.joined import in_order
    from fer_bench.leaderboard.gathering import Wanted

    beginnings = {}
    for item in fingerprints or ():
        name, _, beginning = item.partition("=")
        if not name or not beginning:
            raise FerBenchError(f"--fingerprint {item!r}: expected DATASET=BEGINNING, e.g. ck-plus=0123456789ab")
        beginnings[name] = beginning
    return Wanted(
        datasets=tuple(map(in_order, datasets or ())),
        targets=tuple(targets or ()),
        models=tuple(models or ()),
        recipes=tuple(recipes or ()),
        seeds=tuple(seeds or ()),
        backend=backend,
        origin=origin,
        fingerprints=beginnings,
    )


def _accuracies(
    paths: Sequence[Path], wanted: "Wanted", workspace: Path, *, rank_recipes: bool, by_place: bool
) -> "Written":
    from fer_bench.leaderboard import document
    from fer_bench.leaderboard.contests import contests
    from fer_bench.leaderboard.gathering import gather, profiles
    from fer_bench.leaderboard.places import find_places
    from fer_bench.leaderboard.ranking import rank
    from fer_bench.progress import bar
    from fer_bench.workspace import Workspace

    places = find_places(paths)
    runs = gather(places, wanted)
    found = contests(runs, rank_recipes=rank_recipes, by_place=by_place)
    datasets = [*(place.datasets for place in places if place.datasets), Workspace(workspace).datasets]
    known = profiles(places)
    with bar("read answers", len(runs), unit="run") as shown:
        boards = [rank(contest, datasets, known, shown.advance) for contest in found]
    tables = [document.table(board) for board in boards]
    return document.to_json(boards), document.csv_lines(boards), tables, document.READING


def _times(paths: Sequence[Path], wanted: "Wanted") -> "Written":
    from fer_bench.leaderboard import latency_document
    from fer_bench.leaderboard.latency import rank_times, sessions
    from fer_bench.leaderboard.places import find_places

    boards = [
        rank_times(session, runtime) for session in sessions(find_places(paths), wanted) for runtime in session.runtimes
    ]
    if not boards:
        raise FerBenchError("no timed calls in these profiles; run fer-bench profile")
    tables = [latency_document.table(board) for board in boards]
    content, lines = latency_document.to_json(boards), latency_document.csv_lines(boards)
    return content, lines, tables, latency_document.READING


def _print(tables: "Sequence[Table]", reading: Sequence[str]) -> None:
    from rich.markup import escape
    from rich.text import Text

    from fer_bench.render.text import cell_text
    from fer_bench.tables.values import Grid

    for table in tables:
        for grid in table.blocks:
            if isinstance(grid, Grid):
                print_table(
                    table.caption,
                    [column.title for column in grid.columns],
                    [
                        [
                            Text.from_markup(cell_text(cell, escape=escape, bold=lambda text: f"[bold]{text}[/bold]"))
                            for cell in row
                        ]
                        for row in grid.rows
                    ],
                    numbers=sum(not column.text for column in grid.columns),
                )
        for note in table.notes:
            typer.echo(f"- {note}")
        typer.echo("")
    for note in reading:
        typer.echo(note)
