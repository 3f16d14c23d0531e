"""The command that explains the others."""

import pydoc
import shutil
import sys
from typing import Annotated, cast

import typer

from fer_bench.errors import FerBenchError

_WIDTH = 100


def show_help(
    context: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND", help="Command to explain, e.g. train, or doctor labels. Default: list the commands."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Explain all commands with their options on one page.")] = False,
    man: Annotated[bool, typer.Option("--man", help="The same page in the source format of man pages (roff).")] = False,
) -> None:
    """Explain a command, or all of them on one page.

    Example: fer-bench help --all
    """
    root = cast("typer.Context", context.find_root())
    if every or man:
        if command:
            raise FerBenchError(f"{' '.join(command)}: --all and --man are for all commands; leave the name out")
        from fer_bench.cli.manual import entries, to_man, to_text

        pages = list(entries(root))
        if man:
            sys.stdout.write(to_man(pages))
        elif sys.stdout.isatty():
            pydoc.pager(to_text(pages, min(shutil.get_terminal_size().columns, _WIDTH)))
        else:
            sys.stdout.write(to_text(pages, _WIDTH))
        return
    found, path = root, []
    for name in command or ():
        below = getattr(found.command, "commands", {}).get(name)
        path.append(name)
        if below is None:
            raise FerBenchError(f"no command {' '.join(path)!r}; fer-bench help lists them")
        found = below.make_context(name, [], parent=found, resilient_parsing=True)
    typer.echo(found.get_help())
