"""Commands right of the records: tables, figures, report, publish. None of them imports Keras."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    JsonOption,
    PublishedByDefault,
    WorkspaceOption,
    again,
    existing,
    is_local,
    require_records,
    results_of,
)
from fer_bench.cli.printing import print_json
from fer_bench.errors import FerBenchError

if TYPE_CHECKING:
    from fer_bench.workspace import Results


def tables(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; print a diff and exit 1 if the files differ.")
    ] = False,
    local: PublishedByDefault = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Render the paper's Tables 1 to 11 as Markdown and LaTeX, measured beside published; and one on worse pictures.

    Tables 1 to 3 come from the cards of the datasets and the graphs of the models, 4 to 11 from records: those of
    reports/records, written to tables/ in the current folder (the published state); --local uses the workspace's.
    A table of accuracy on worse pictures follows where fer-bench robustness was run.
    Where several groups of records could form a table's rows, selection.toml beside the records names one. With --json
    nothing is written: the values are printed, unrounded.

    Example: fer-bench tables --check
    """
    from fer_bench.render import check_tables, to_json, write_tables
    from fer_bench.selection import select
    from fer_bench.tables import build_tables

    if check and json:
        raise FerBenchError("--check and --json exclude each other; give one of them")
    own = is_local(context, local, default=False)
    results = _recorded(workspace, own)
    rendered = build_tables(select(results))
    if json:
        print_json([to_json(table) for table in rendered])
        return
    if check:
        _stop_at(check_tables(rendered, results.tables), f"{results.tables}", again("tables", workspace, own))
        typer.echo(f"{results.tables}: as the records give them")
        return
    written = write_tables(rendered, results.tables)
    typer.echo(f"{results.tables}: {len(written)} files from {results.records}")


def figures(
    context: typer.Context,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Draw nothing; print what differs between the drawn values and the records, and exit 1 if "
            "anything does.",
        ),
    ] = False,
    local: PublishedByDefault = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Draw all figures that the records allow, as PDF (vectors, sized for a journal's page) and PNG.

    Learning curves, confusion matrices, accuracy per class, accuracy against GFLOPs, parameters and time with the
    Pareto front, trained on x tested on, inference times, accuracy on worse pictures by severity, and every run beside
    those of the tables. The values drawn stand in figures.json beside them.

    Example: fer-bench figures --local
    """
    from fer_bench.figures import build_figures, check_figures, write_figures
    from fer_bench.selection import select

    own = is_local(context, local, default=False)
    results = _recorded(workspace, own)
    drawings = build_figures(select(results))
    if check:
        stale = _lines(check_figures(drawings, results.figures))
        _stop_at(stale, f"{results.figures}", again("figures", workspace, own))
        typer.echo(f"{results.figures}: as the records give them")
        return
    written = write_figures(drawings, results.figures)
    typer.echo(f"{results.figures}: {len(written)} files from {results.records}")


def report(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; print a diff and exit 1 if the files differ.")
    ] = False,
    local: PublishedByDefault = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Write the report with all tables and figures: report.md and a self-contained report.html.

    Figures that are missing or not what the records give are drawn first.

    Example: fer-bench report --local
    """
    from fer_bench.figures import build_figures, check_figures, write_figures
    from fer_bench.report import check_report, write_report
    from fer_bench.selection import select
    from fer_bench.tables import build_tables

    own = is_local(context, local, default=False)
    results = _recorded(workspace, own)
    evidence = select(results)
    rendered, drawings = build_tables(evidence), build_figures(evidence)
    stale = check_figures(drawings, results.figures)
    if check:
        advice = again("report", workspace, own)
        _stop_at(_lines(stale), f"{results.figures}", f"{again('figures', workspace, own)} && {advice}")
        _stop_at(check_report(evidence, rendered, drawings, results), f"{results.reports}: the report", advice)
        typer.echo(f"{results.reports}: the report is as the records give it")
        return
    if stale:
        write_figures(drawings, results.figures)
    for path in write_report(evidence, rendered, drawings, results):
        typer.echo(str(path))


def _recorded(workspace: Path, local: bool) -> "Results":
    """Return the results to render; of a workspace without records Tables 1 to 3 are something.

    Raises:
        FerBenchError: there is no such workspace, as where its name is mistyped, or no published records here.
    """
    results = results_of(workspace, local)
    if local:
        existing(workspace)
    require_records(results, local)
    return results


def _lines(differences: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in differences)


def _stop_at(differences: str, what: str, command: str) -> None:
    """Print how files differ from what the records give and end with exit code 1; go on where they do not."""
    if differences:
        sys.stdout.write(differences)
        typer.echo(f"{what}: not what the records give; run {command}", err=True)
        raise typer.Exit(1)


def publish(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    to: Annotated[Path, typer.Option("--to", help="Checkout whose reports/records is published to.")] = Path(),
) -> None:
    """Copy a workspace's real records to reports/records, the published state; the only way there.

    Only the statistics of published profiles can be made there anew, by fer-bench anova --published.

    Example: fer-bench publish --workspace runs/fer2013
    """
    import shlex

    from fer_bench.messages import say
    from fer_bench.publish import publish as run
    from fer_bench.publish import unshown
    from fer_bench.workspace import PUBLISHED, Results

    place = existing(workspace)
    if not to.is_dir():
        raise FerBenchError(f"--to {to}: no such folder; name an existing checkout")
    destination = Results(to / PUBLISHED.records, to / PUBLISHED.tables, to / PUBLISHED.reports)
    for path in run(place.results, destination):
        typer.echo(str(path))
    for line in unshown(place.results, destination):
        say(line)
    there = "" if to.resolve() == Path.cwd() else f"{shlex.join(['cd', str(to)])} && "
    typer.echo(f"now render them: {there}fer-bench tables && fer-bench figures && fer-bench report")
