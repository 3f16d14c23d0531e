"""Commands that audit published numbers: any printed confusion matrix, and the paper. No records, no training."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from fer_bench.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from fer_bench.matrix_audit.audit import MatrixAudit
    from fer_bench.matrix_audit.printed import Printed, PrintedMatrix

_SHOWN = 20
"""Possible numbers of images that are listed for a row."""


def audit_matrix(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV: a header of class names, then one row of percentages a class, its name first."
        ),
    ],
    supports: Annotated[
        str | None,
        typer.Option(
            help="Number of test images of each class, separated by commas, e.g. 958,111,... Default: list the "
            "numbers that fit."
        ),
    ] = None,
    overall: Annotated[
        str | None,
        typer.Option(help="Published overall accuracy in percent, with the digits that were printed."),
    ] = None,
    decimals: Annotated[int, typer.Option(min=0, max=6, help="Digits after the decimal point in every cell.")] = 0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if a row or the overall accuracy is impossible.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check which rows of a printed confusion matrix are possible, and which overall accuracies fit them.

    A row is possible where whole numbers of images add up to its class and round, to the nearest, to its cells.

    Example: fer-bench audit-matrix matrix.csv --supports 25,69,83 --overall 71
    """
    from fer_bench.errors import FerBenchError
    from fer_bench.matrix_audit.audit import audit_matrix as run
    from fer_bench.matrix_audit.printed import parse_percentage, parse_supports, read_matrix

    matrix = read_matrix(file, decimals)
    if supports is None:
        if overall is not None:
            raise FerBenchError("--overall needs --supports: classes of unknown size give no overall accuracy")
        possible = _search(file, matrix, json)
    else:
        try:
            published = None if overall is None else parse_percentage(overall)
        except FerBenchError as error:
            raise FerBenchError(f"--overall {error}") from None
        audit = run(matrix, parse_supports(supports))
        if json:
            print_json(_matrix_json(audit, matrix, published))
        else:
            _print_matrix(file, audit, matrix, published)
        possible = all(row.feasible for row in audit.rows) and (published is None or audit.admits(published))
    if strict and not possible:
        raise typer.Exit(1)


def _search(file: Path, matrix: "PrintedMatrix", json: bool) -> bool:
    """Print which numbers of images fit each row; tell whether some fit every one."""
    from fer_bench.matrix_audit.printed import Printed
    from fer_bench.matrix_audit.rounded_rows import SEARCHED, possible_supports

    rows = []
    for name, cells in zip(matrix.classes, matrix.cells, strict=True):
        found = [int(images) for images in possible_supports(cells, matrix.decimals)]
        shown = ", ".join(map(str, found[:_SHOWN]))
        reason = f"possible with {shown}{' and more' * (len(found) > _SHOWN)} images"
        if not found:
            reason = f"no number of images up to {SEARCHED:,} rounds so"
        total = Printed(sum(cells), matrix.decimals)
        rows.append((name, total, bool(found), reason, found[:_SHOWN]))
    if json:
        content = [
            {
                "class": name,
                "sum": _number(total),
                "support": None,
                "feasible": feasible,
                "reason": reason,
                "possible_supports": found,
            }
            for name, total, feasible, reason, found in rows
        ]
        print_json({"rows": content, "overall_interval": None, "overall_feasible": None})
    else:
        _print_rows(file, [(name, str(total), "?", feasible, reason) for name, total, feasible, reason, _ in rows])
    return all(feasible for _, _, feasible, _, _ in rows)


def _matrix_json(audit: "MatrixAudit", matrix: "PrintedMatrix", published: "Printed | None") -> dict[str, Any]:
    from fer_bench.matrix_audit.printed import Printed

    return {
        "rows": [
            {
                "class": row.name,
                "sum": _number(Printed(sum(row.cells), matrix.decimals)),
                "support": row.support,
                "feasible": row.feasible,
                "roundings": [str(way) for way in row.roundings],
                "reason": row.reason,
                "diagonal": list(row.diagonal),
                "diagonal_cell_alone": row.alone,
            }
            for row in audit.rows
        ],
        "rounding": str(audit.rounding),
        "images": audit.total,
        "correct": list(audit.correct),
        "overall_interval": list(audit.percent(audit.correct)),
        "overall_interval_if_adjusted": list(audit.percent(audit.correct_if_adjusted)),
        "overall": None if published is None else _number(published),
        "overall_feasible": None if published is None else audit.admits(published),
    }


def _number(printed: "Printed") -> float:
    return float(str(printed)) if printed.decimals else printed.value


def _print_matrix(file: Path, audit: "MatrixAudit", matrix: "PrintedMatrix", published: "Printed | None") -> None:
    from fer_bench.matrix_audit.printed import Printed
    from fer_bench.matrix_audit.rounded_rows import Rounding, overlap

    totals = [str(Printed(sum(row.cells), matrix.decimals)) for row in audit.rows]
    _print_rows(
        file,
        [
            (row.name, total, f"{row.support:,}", row.feasible, row.reason)
            for row, total in zip(audit.rows, totals, strict=True)
        ],
    )
    if audit.rounding is not Rounding.NEAREST:
        typer.echo(f"Every row is possible if {audit.rounding}; what follows holds for that.")
    alone = [row.name for row in audit.rows if row.alone]
    if alone:
        typer.echo(f"Not possible, of these the diagonal cell alone is used: {', '.join(map(_plain, alone))}.")
    typer.echo(f"The diagonal admits an overall accuracy of {_admitted(audit, audit.correct)}.")
    if published is None:
        return
    needed = audit.needed(published)
    verdict = "possible" if audit.admits(published) else "not possible"
    if not audit.admits(published) and overlap(needed, audit.correct_if_adjusted):
        adjusted = _admitted(audit, audit.correct_if_adjusted)
        verdict += f", but possible if rows were adjusted to sum to 100, which admits {adjusted}"
    if needed[0] > needed[1]:
        typer.echo(f"No number of {audit.total:,} images is {published} %: {verdict}.")
        return
    typer.echo(f"{published} % needs {needed[0]:,} to {needed[1]:,} correct images: {verdict}.")


def _admitted(audit: "MatrixAudit", correct: tuple[int, int]) -> str:
    low, high = audit.percent(correct)
    return f"{low:.3f} to {high:.3f} % ({correct[0]:,} to {correct[1]:,} of {audit.total:,} images)"


def _print_rows(file: Path, rows: list[tuple[str, str, str, bool, str]]) -> None:
    print_table(
        _plain(str(file)),
        ("class", "sum", "images", "possible", "why"),
        [
            (_plain(name), total, images, "yes" if possible else "no", _plain(reason))
            for name, total, images, possible, reason in rows
        ],
    )


def _plain(text: str) -> str:
    """Names come from a file and may hold anything."""
    from fer_bench.render.text import plain

    return plain(text)


def audit_paper(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; print a diff and exit 1 if audit.md differs.")
    ] = False,
    local: PublishedByDefault = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Check the paper's published numbers against each other: rows, accuracies, times, parameters, text.

    Needs no records and no images. In a checkout, which has reports/records, writes tables/audit.md; --local writes
    among the workspace's tables. Elsewhere, and with --json, nothing is written.

    Example: fer-bench audit-paper
    """
    from fer_bench.files import write_text
    from fer_bench.paper_audit import audit_paper as run
    from fer_bench.paper_audit.document import FILE, check_document, to_json, to_markdown

    own = is_local(context, local, default=False)
    results = results_of(workspace, own)
    if own:
        existing(workspace)
    if check:
        require_records(results, own)
    audit = run()
    path = results.tables / FILE
    text = to_markdown(audit)
    difference = check_document(text, path) if check else ""
    writes = not check and not json and (own or results.records.is_dir())
    if writes:
        write_text(path, text)
    if json:
        print_json(to_json(audit))
    elif check:
        sys.stdout.write(difference)
    else:
        _print_paper(audit)
    if difference:
        advice = again("audit-paper", workspace, own)
        typer.echo(f"{path}: not what the published values give; run {advice}", err=True)
        raise typer.Exit(1)
    if check or writes:
        typer.echo(f"{path}: {'as the published values give it' if check else 'written'}", err=json)
    elif not json:
        from fer_bench.messages import say

        say(
            f"{path}: not written, since {results.records.absolute()} is no folder of records; --local writes it among "
            "the tables of a workspace"
        )


def _print_paper(audit: Any) -> None:
    from fer_bench.paper_audit.document import place
    from fer_bench.paper_audit.findings import MEANING, Verdict

    shown = [finding for finding in audit.findings if finding.verdict is not Verdict.CONSISTENT]
    print_table(
        "The paper's published numbers",
        ("verdict", "where", "what the paper says", "evidence"),
        [(str(f.verdict), place(f), f.claim, f.evidence) for f in shown],
    )
    for verdict in Verdict:
        count = sum(finding.verdict is verdict for finding in audit.findings)
        typer.echo(f"{count:3} {verdict}: {MEANING[verdict]}")
