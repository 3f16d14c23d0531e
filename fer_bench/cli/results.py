"""Commands right of the records: ANOVA, tables, figures, report, publish. None of them imports Keras."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import (
    DEFAULT_WORKSPACE,
    JsonOption,
    LocalOption,
    WorkspaceOption,
    print_json,
    print_table,
    results_of,
)

if TYPE_CHECKING:
    from fer_bench.records import StatisticsRecord
    from fer_bench.statistics import AnovaResult


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(anova)
    app.command()(tables)
    app.command()(figures)
    app.command()(report)
    app.command()(publish)


def anova(
    from_summary: Annotated[
        bool,
        typer.Option("--from-summary", help="Use the means, deviations and N = 50 of the paper's Table 6 instead."),
    ] = False,
    runtime: Annotated[str, typer.Option(help="Runtime whose times are compared.")] = "keras-predict",
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Level of significance.")] = 0.05,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """One-way ANOVA and Tukey's HSD over the inference times of the latest profile.

    Example: fer-bench anova --from-summary
    """
    from fer_bench.workspace import Workspace

    if from_summary:
        from fer_bench import paper
        from fer_bench.statistics import anova_tukey_from_summary

        summary = paper.TABLE6
        result: AnovaResult | StatisticsRecord = anova_tukey_from_summary(
            {name: summary[name].mean_s for name in paper.MODELS},
            {name: summary[name].sd_s for name in paper.MODELS},
            dict.fromkeys(paper.MODELS, paper.TABLE6_N),
            alpha=alpha,
        )
        title = "from the summary of the paper's Table 6 (N = 50)"
    else:
        from fer_bench import stages

        place = Workspace(workspace)
        with place.lock():
            result = stages.anova(place.results, runtime, alpha)
        title = f"{runtime}, latest session"
    pairs = [
        {
            "a": pair.a,
            "b": pair.b,
            "difference": pair.difference,
            "ci": list(pair.ci),
            "p": pair.p,
            "significant": pair.significant,
        }
        for pair in result.pairs
    ]
    if json:
        print_json({"f": result.f, "p": result.p, "df": list(result.df), "n": result.n, "alpha": alpha, "pairs": pairs})
        return
    typer.echo(
        f"One-way ANOVA, {title}: F({result.df[0]}, {result.df[1]}) = {result.f:.2f}, p {_p_value(result.p)}. "
        "Calls in one process are not independent replicates: read this as a description of the session."
    )
    print_table(
        f"Tukey's HSD, family-wise alpha {alpha:g} (* significant)",
        ("model", "compared with", "mean difference, s", f"{1 - alpha:.0%} interval, s", "adjusted p"),
        [
            (
                pair.a,
                pair.b,
                f"{pair.difference:+.4f}{'*' if pair.significant else ' '}",
                f"{pair.ci[0]:+.4f} to {pair.ci[1]:+.4f}",
                _p_value(pair.p).removeprefix("= "),
            )
            for pair in result.pairs
        ],
        numbers=3,
    )


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def tables(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; print a diff and exit 1 where the files differ.")
    ] = False,
    local: LocalOption = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Render Tables 4 to 11 as Markdown and LaTeX from records.

    Reads reports/records and writes tables/ in the current folder, the published state; --local uses the workspace's.

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
