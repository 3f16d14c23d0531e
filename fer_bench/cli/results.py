"""Commands right of the records: ANOVA, tables, figures, report, publish. None of them imports Keras."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fer_bench.cli.anova import EPILOG, anova
from fer_bench.cli.options import DEFAULT_WORKSPACE, LocalOption, WorkspaceOption, results_of


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog=EPILOG)(anova)
    app.command()(tables)
    app.command()(figures)
    app.command()(report)
    app.command()(publish)


def tables(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; print a diff and exit 1 where the files differ.")
    ] = False,
    local: LocalOption = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Render the paper's Tables 1 to 11 as Markdown and LaTeX, measured beside published.

    Tables 1 to 3 come from the cards of the datasets and the graphs of the models, 4 to 11 from records: those of
    reports/records, written to tables/ in the current folder (the published state); --local uses the workspace's.
    Where several groups of records could form a table's rows, selection.toml beside the records names one.

    Example: fer-bench tables --check
    """
    from fer_bench.render import check_tables, write_tables
    from fer_bench.selection import select
    from fer_bench.tables import build_tables

    results = results_of(workspace, local)
    rendered = build_tables(select(results))
    if check:
        difference = check_tables(rendered, results.tables)
        if difference:
            sys.stdout.write(difference)
            typer.echo(f"{results.tables}: not what the records give; run fer-bench tables", err=True)
            raise typer.Exit(1)
        typer.echo(f"{results.tables}: as the records give them")
        return
    written = write_tables(rendered, results.tables)
    typer.echo(f"{results.tables}: {len(written)} files from {results.records}")


def figures(local: LocalOption = False, workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Draw learning curves, confusion matrices, inference times and the trade-off, as PDF and PNG.

    Example: fer-bench figures --local
    """
    from fer_bench.figures import write_figures
    from fer_bench.selection import select

    results = results_of(workspace, local)
    written = write_figures(select(results), results.figures)
    typer.echo(f"{results.figures}: {len(written)} files from {results.records}")


def report(local: LocalOption = False, workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """Write the report with all tables and figures: report.md and a self-contained report.html.

    Example: fer-bench report --local
    """
    from fer_bench.figures import write_figures
    from fer_bench.report import write_report
    from fer_bench.selection import select
    from fer_bench.tables import build_tables

    results = results_of(workspace, local)
    evidence = select(results)
    drawn = write_figures(evidence, results.figures)
    for path in write_report(evidence, build_tables(evidence), drawn, results.reports):
        typer.echo(str(path))


def publish(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    to: Annotated[Path, typer.Option("--to", help="The checkout whose reports/records to publish to.")] = Path(),
) -> None:
    """Copy a workspace's real records to reports/records, the published state; the only way there.

    Example: fer-bench publish --workspace runs/fer2013
    """
    from fer_bench.publish import publish as run
    from fer_bench.workspace import PUBLISHED, Results, Workspace

    place = Workspace(workspace)
    destination = Results(to / PUBLISHED.records, to / PUBLISHED.tables, to / PUBLISHED.reports)
    with place.lock():
        for path in run(place.results, destination):
            typer.echo(str(path))
    typer.echo("now render them: fer-bench tables && fer-bench figures && fer-bench report")
