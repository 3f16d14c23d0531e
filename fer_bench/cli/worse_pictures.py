"""What is printed of tests on worse pictures, by ``robustness`` and by ``compare --corrupted``."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from fer_bench.cli.printing import print_table
from fer_bench.cli.saying import percent, points

if TYPE_CHECKING:
    from fer_bench.robustness.summary import Robustness

_OVER = "95 % intervals over the test images, not over seeds, each by itself"


def print_worse_pictures(about: str, names: Sequence[str], tested: "Sequence[Robustness]") -> None:
    """Print accuracies by corruption, and how the models differ: two of them by corruption, too.

    Args:
        about: what was tested on what, for the title.
        names: of the models.
        tested: the models, in the order of ``names``.
    """
    from fer_bench.robustness.summary import untrained

    rest = untrained(tested)
    _print_accuracies(about, names, tested, rest)
    if len(tested) > 2:
        _print_differences(names, tested, rest)


def _print_accuracies(about: str, names: Sequence[str], tested: "Sequence[Robustness]", rest: Sequence[str]) -> None:
    from statistics import mean

    from fer_bench.robustness.summary import difference, interval

    rows = [["as they are", *(_percent(mean(one.clean)) for one in tested)]]
    for name in tested[0].first.corruptions:
        marks = ("*" if name in one.first.trained_on else " " * bool(rest) for one in tested)
        cells = [_percent(mean(one.under(name))) + mark for one, mark in zip(tested, marks, strict=True)]
        rows.append([name, *cells])
    rows.append(["mean of these", *(percent(interval(one)) for one in tested)])
    if rest:
        rows.append(["mean of those not trained on", *(percent(interval(one, rest)) for one in tested)])
    rows.append(["lost", *(_percent(mean(one.lost)) for one in tested)])
    columns = ["pictures", *names]
    if len(tested) == 2:
        found = difference(tested[0], tested[1], rest)
        clean, *means = found.means
        for row, part in zip(rows, (clean, *found.under.values(), *means), strict=True):
            row.append(points(part))
        columns.append(f"{names[0]} - {names[1]}")
    print_table(about, columns, rows, numbers=len(columns) - 1)
    if len(tested) == 2:
        typer.echo(f"The last column is in points, with {_OVER}")
    if any(one.first.trained_on for one in tested):
        typer.echo("* trained on: some of the training images had this corruption")


def _print_differences(names: Sequence[str], tested: "Sequence[Robustness]", rest: Sequence[str]) -> None:
    from fer_bench.robustness.summary import difference

    rows = []
    for (first, a), (second, b) in itertools.combinations(zip(names, tested, strict=True), 2):
        rows.append((f"{first} - {second}", *map(points, difference(a, b, rest).means)))
    columns = ["as they are", "mean under corruptions", *(["mean of those not trained on"] if rest else []), "lost"]
    print_table(
        f"Differences, points ({_OVER})",
        ("models", *columns),
        rows,
        numbers=len(columns),
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
