"""The command for authors of models: does a plug-in keep the contract?"""

from typing import Annotated

import typer

from fer_bench.cli.options import JsonOption
from fer_bench.cli.printing import print_json, print_table


def check_model(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the model, which is also the name of its entry point.")
    ],
    json: JsonOption = False,
) -> None:
    """Check that a model of another package works with fer-bench: training, profiling, export and the rest are tried.

    Its name, its sizes and answers, its parameters, training, weights in a new process, FLOPs, heat maps, and export
    where the extras are installed. Each check is ok, failed with what to do, or skipped with what to install. Exit code
    1 where one failed. From a test suite: fer_bench.model_check.check_model.

    Example: fer-bench check-model my-net
    """
    import dataclasses

    from fer_bench.model_check import CHECKS
    from fer_bench.model_check import check_model as check
    from fer_bench.progress import bar

    with bar(f"check {name}", len(CHECKS) + 1, unit="check") as shown:
        found = check(name, shown.step)
    failed = sum(outcome.state == "failed" for outcome in found)
    if json:
        print_json({"model": name, "passed": not failed, "checks": [dataclasses.asdict(item) for item in found]})
    else:
        rows = [(item.check, item.state, f"{item.found}; {item.advice}".removesuffix("; ")) for item in found]
        print_table(f"Contract of {name}", ("check", "state", "found, and what to do"), rows)
        skipped = sum(outcome.state == "skipped" for outcome in found)
        typer.echo(f"{len(found) - failed - skipped} ok, {failed} failed, {skipped} skipped")
    if failed:
        raise typer.Exit(1)
