"""What commands print on stdout: tables for people, JSON for scripts."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from fer_bench.errors import harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def print_json(content: Any) -> None:
    """Print JSON on stdout, in ASCII: an encoding that lacks a character would put Python's escape, no JSON, there."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def print_table(title: str, columns: Sequence[str], rows: "Iterable[Sequence[str | Text]]", numbers: int = 0) -> None:
    """Print a table on stdout, in plain characters where that is no terminal; the last ``numbers`` columns are aligned
    to the right.

    What is in brackets is no markup of Rich, and control characters are escaped: names of files and of groups, those in
    an archive of somebody else's too, may hold anything. A ``Text`` brings a style.
    Where a terminal is too narrow, columns of words that say the same in every row are said once, below the title; and
    where that is not enough, the numbers follow in several tables, each with the words again.
    """
    from rich.console import Console
    from rich.text import Text

    title = harmless(title)
    cells = [[cell if isinstance(cell, Text) else harmless(cell) for cell in row] for row in rows]
    # A pipe or a file, where colours are forced, has no width: let no column be cut there.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    if console.is_terminal:
        lines = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in cells]
        for table in _fitting(console, title, columns, lines, len(columns) - numbers):
            console.print(table)
        return
    from tabulate import tabulate

    plain = [[str(cell) for cell in row] for row in cells]
    sides = ["left"] * (len(columns) - numbers) + ["right"] * numbers
    sys.stdout.write(f"{title}\n" if title else "")
    # What looks like a number stays as it is written.
    text = tabulate(plain, columns, "simple", disable_numparse=True, colalign=sides if plain else None)
    sys.stdout.write(text + "\n\n")


def _fitting(
    console: "Console", title: str, columns: Sequence[str], lines: "list[list[Text]]", words: int
) -> "list[Table]":
    """Return the table, or several, as wide as the terminal allows; the first ``words`` columns are no numbers."""
    from rich.table import Table
    from rich.text import Text

    unlimited = console.options.update(max_width=10_000)  # A table is measured as if nothing limited it.

    def table(heading: Text | None, shown: Iterable[int]) -> Table:
        made = Table(title=heading, title_justify="left")
        for position in shown:
            justify: Literal["left", "right"] = "left" if position < words else "right"
            made.add_column(Text(columns[position]), justify=justify, overflow="fold")
        for line in lines:
            made.add_row(*(line[position] for position in shown))
        return made

    def fits(shown: list[int]) -> bool:
        return console.measure(table(None, shown), options=unlimited).maximum <= console.width

    heading, every = Text(title, style="bold"), list(range(len(columns)))
    if words == len(columns) or fits(every):
        return [table(heading, every)]
    once = [position for position in range(words) if len({line[position].plain for line in lines}) == 1]
    if once:
        said = ", ".join(f"{columns[position]} {lines[0][position].plain}" for position in once)
        heading.append(f"\n{said}", style="not bold")
    beside = [position for position in range(words) if position not in once]
    parts = [beside[:]]
    for position in range(words, len(columns)):
        if len(parts[-1]) > len(beside) and not fits([*parts[-1], position]) and fits([*beside, position]):
            parts.append(beside[:])
        parts[-1].append(position)
    return [table(heading if number == 0 else None, shown) for number, shown in enumerate(parts)]
