"""``fer-bench audit`` of several datasets: what it prints."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fer_bench.cli.copies import parted_cells, parted_json
from fer_bench.cli.printing import print_json, print_table
from fer_bench.errors import number_of
from fer_bench.lookup import open_prepared
from fer_bench.workspace import Workspace

if TYPE_CHECKING:
    from fer_bench.accuracy.copies import ByCopies
    from fer_bench.datasets.across import Across, Leak


def audit_several(place: Workspace, name: str, listed: Path, *, runs: bool, json: bool) -> None:
    """Find copies across datasets of a workspace, list the files and print what was found.

    Args:
        place: the workspace.
        name: of the datasets, joined by ``+``, in the order of runs and records.
        listed: CSV file for the list.
        runs: whether to show the workspace's tests, too.
        json: whether to print JSON.

    Raises:
        FerBenchError: a dataset is not prepared, damaged or unknown, or of another origin than the others.
    """
    from fer_bench.accuracy.copies_across import by_copies_across
    from fer_bench.datasets.across import audit_across, write_csv
    from fer_bench.datasets.integrity import require_intact
    from fer_bench.datasets.joined import parts_of
    from fer_bench.progress import bar

    parts = [open_prepared(place, part) for part in parts_of(name)]
    for part in parts:
        require_intact(part)
    with bar(f"audit {name}", unit="img") as shown:
        found = audit_across(parts, progress=shown.at)
    write_csv(listed, found)
    tests = list(by_copies_across(place.results, found)) if runs else []
    if json:
        print_json(found.as_json() | ({"runs": [parted_json(test) for test in tests]} if runs else {}))
        return
    _print(found, runs)
    if runs:
        typer.echo()
        _print_tests(tests)
    typer.echo(f"files: {listed}")


def _print(found: "Across", runs: bool) -> None:
    sizes = ", ".join(f"{part.title}: {number_of(len(part.labels), 'image')}" for part in found.parts)
    typer.echo(f"{sizes} ({found.parts[0].origin})\n")
    leaks = found.leaks
    if leaks:
        print_table(
            "Test images with a copy among the training images of another dataset",
            ("tested on", "trained on", "test images", "exact copy", "near copy", "near, with another label"),
            [
                (
                    leak.tested_on,
                    leak.trained_on,
                    *(f"{n:,}" for n in (leak.test_images, leak.exact, leak.near, leak.near_other_label)),
                )
                for leak in leaks
            ],
            numbers=4,
        )
    print_table(
        "Pictures in two datasets, in any split",
        ("datasets", "pictures", "images in the first", "in the second", "with different labels"),
        [
            (
                ", ".join(overlap.datasets),
                *(f"{n:,}" for n in (overlap.groups, *overlap.images, overlap.conflicting_label_groups)),
            )
            for overlap in found.overlaps
        ],
        numbers=4,
    )
    for leak in leaks:
        if leak.near:
            typer.echo(_consequence(leak))
    if any(leak.near for leak in leaks) and not runs:
        typer.echo("--runs shows what trained models score on the test images without a copy: report that beside it")
    typer.echo(
        "Most copies are missed where one dataset cuts the face much closer than the other, by a fifth of the side, say"
    )


def _print_tests(tests: Sequence["ByCopies"]) -> None:
    """Print each test's accuracy by what the model has learned from."""
    if not tests:
        typer.echo(
            "Runs: no test of these states of the datasets is in the workspace, by a model that was trained on another "
            "one of them or on several"
        )
        return
    print_table(
        "Test images with a near copy among the images that the model has learned from, and without",
        ("model", "trained on", "tested on", "recipe", "seed", "copy, same label", "copy, other label", "no copy"),
        [
            (
                test.record.model,
                test.record.dataset,
                test.record.target,
                test.record.recipe,
                str(test.record.seed),
                *parted_cells(test),
            )
            for test in tests
        ],
        numbers=4,
    )


def _consequence(leak: "Leak") -> str:
    points = 100 * leak.near / leak.test_images
    most = f"up to {points:.1f} points" if points >= 0.05 else "less than 0.1 points"
    return f"{leak.tested_on}: the accuracy of a model trained on {leak.trained_on} may be too high by {most}"
