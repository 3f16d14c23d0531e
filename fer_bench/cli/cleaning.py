"""The command that lists what a workspace can do without, and removes it."""

from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import DEFAULT_WORKSPACE, WorkspaceOption, existing
from fer_bench.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from fer_bench.cleaning import Leftover


def clean(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking for confirmation.")] = False,
    with_records: Annotated[
        bool,
        typer.Option(
            "--records",
            help="Also remove records, predictions and weights: the results themselves. Those of studies stay.",
        ),
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: Annotated[
        bool, typer.Option("--json", help="Print as JSON what would be removed; remove it only with --yes.")
    ] = False,
) -> None:
    """List what the workspace can do without, ask, and remove it; records only with --records.

    Checkpoints of finished runs, from which longer ones could go on, those of tune and ablate too, scaled copies of
    images, raw synthetic files, what killed commands and ended tasks of a cluster left. Your own files, prepared
    datasets, interrupted runs and exported models stay.

    Example: fer-bench clean --workspace runs/fer2013
    """
    from fer_bench.cleaning import leftovers, remove, waiting

    place = existing(workspace)
    with place.lock():
        found = leftovers(place, with_records=with_records)
        if json:
            if yes:
                remove(found)  # Before it is told: where that fails, an error is all that is.
            print_json(
                {
                    "removed": yes,
                    "bytes": sum(item.bytes for item in found),
                    "leftovers": [{"kind": item.kind, "path": str(item.path), "bytes": item.bytes} for item in found],
                }
            )
            return
        _print_leftovers(found)
        for path in waiting(place):
            typer.echo(f"{path}: stays, the only copy of a dataset; the next fer-bench prepare of it restores it")
        if found and (yes or typer.confirm("Remove them?", default=False)):
            remove(found)
            typer.echo(f"{_megabytes(found)} freed")


def _print_leftovers(found: "list[Leftover]") -> None:
    from fer_bench.cleaning import KINDS

    if not found:
        typer.echo("nothing to remove")
        return
    print_table(
        "What can go",
        ("kind", "path", "size"),
        [(item.kind, str(item.path), _megabytes([item])) for item in found],
        numbers=1,
    )
    for kind in dict.fromkeys(item.kind for item in found):
        typer.echo(f"{kind}: {KINDS[kind]}")
    typer.echo(f"{len(found)} in all, {_megabytes(found)}")


def _megabytes(found: "list[Leftover]") -> str:
    return f"{sum(item.bytes for item in found) / 1e6:,.1f} MB"
