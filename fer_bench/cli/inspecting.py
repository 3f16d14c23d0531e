"""The command that tells what a folder or an archive is, before it is prepared."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_bench.cli.options import JsonOption
from fer_bench.cli.printing import print_json, print_table
from fer_bench.errors import FerBenchError, harmless

if TYPE_CHECKING:
    from fer_bench.datasets.search import Candidate


def inspect(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder, table or archive to look into.")],
    json: JsonOption = False,
) -> None:
    """Identify the dataset, and its layout, in a folder or an archive.

    Of an archive it unpacks the names, small pictures and the beginnings of tables.

    Example: fer-bench inspect ~/Downloads/archive.zip
    """
    from fer_bench.cli.saying import say_left_out, usable_datasets
    from fer_bench.datasets.archives import opened
    from fer_bench.datasets.recognition import describe, doubts
    from fer_bench.datasets.recognition import inspect as look
    from fer_bench.files import scratch
    from fer_bench.progress import bar

    cards = usable_datasets()
    with (
        scratch() as folder,
        bar(f"unpack {path.name}", unit="file") as shown,
        opened(path, folder / "unpacked", shown.at, heads=True) as place,
    ):
        found = look(place, say_left_out)
        inside = "" if place == path else f"{path}:"
        rows = [
            {
                "dataset": candidate.card.name,
                "layout": candidate.layout.name,
                "official_split": candidate.layout.official,
                "path": str(candidate.root).replace(str(place.resolve()), inside) if inside else str(candidate.root),
                "evidence": candidate.evidence,
                "protocols": list(candidate.layout.protocols),
            }
            for candidate in found
        ]
        if not rows:
            why = [
                f"{path}: no dataset that fer-bench knows; {describe(place)}. Class folders of any other dataset are "
                "read with fer-bench prepare --card FILE"
            ]
            raise FerBenchError("\n".join([*why, *doubts(place, cards.values())]))
    if json:
        print_json(rows)
        return
    print_table(
        str(path),
        ("dataset", "layout", "split", "where", "evidence"),
        [
            (
                str(row["dataset"]),
                str(row["layout"]),
                "official" if row["official_split"] else "re-upload",
                str(row["path"]),
                str(row["evidence"]),
            )
            for row in rows
        ],
    )
    commands = [_command(candidate, found, path, packed=bool(inside)) for candidate in found]
    for command in dict.fromkeys(commands):
        twice = commands.count(command) > 1
        advice = "Unpack the archive first, and inspect the folder: a dataset is there twice." if twice else command
        typer.echo(harmless(advice))
    if not all(row["official_split"] for row in rows):
        typer.echo("Class folders of any other dataset are read with fer-bench prepare --card FILE.")


def _command(candidate: "Candidate", others: Sequence["Candidate"], path: Path, *, packed: bool) -> str:
    """Return the command that prepares this candidate, as a shell takes it."""
    same = [one for one in others if one.card.name == candidate.card.name and one.official == candidate.official]
    twice = sum(one.layout.name == candidate.layout.name for one in same) > 1
    # A folder in an archive cannot be named.
    source = candidate.root if twice and not packed else path
    words = ["fer-bench", "prepare", candidate.card.name, "--source", str(source)]
    if len(same) > 1 or not candidate.official:
        words += ["--layout", candidate.layout.name]
    return shlex.join(words)
