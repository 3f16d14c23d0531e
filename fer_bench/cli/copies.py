"""What ``fer-bench audit --runs`` tells of tests, parted by whether an image has a copy that the model has seen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from fer_bench.cli.printing import print_table

if TYPE_CHECKING:
    from fer_bench.accuracy.copies import ByCopies, Share


def print_parted(tests: Sequence["ByCopies"]) -> None:
    """Print each test's accuracy by what the dataset's training images hold of its images."""
    if not tests:
        typer.echo(
            "Runs: no test of this state of the dataset is in the workspace, by a model of fer-bench; a dataset "
            "that is prepared in another way is another state"
        )
        return
    print_table(
        "Test images with an exact copy among the training images of this dataset, and without",
        ("model", "trained on", "recipe", "seed", "copy, same label", "copy, other label", "no copy"),
        [
            (
                test.record.model,
                test.record.dataset,
                test.record.recipe,
                str(test.record.seed),
                *parted_cells(test),
            )
            for test in tests
        ],
        numbers=4,
    )


def parted_cells(test: "ByCopies") -> list[str]:
    """Return the accuracy with a copy of the same label, of another label, and without a copy, for a table."""
    from fer_bench.accuracy.intervals import wilson

    def cell(share: "Share") -> str:
        if not share.n:
            return "–"
        low, high = wilson(share.right, share.n)
        return f"{share.right / share.n:.1%} ({low:.1%} to {high:.1%}) of {share.n:,}"

    return [cell(share) for share in (test.copied, test.conflicting, test.alone)]


def parted_json(test: "ByCopies") -> dict[str, Any]:
    """Return one test for scripts."""
    from dataclasses import asdict

    shares = {"copied": test.copied, "conflicting": test.conflicting, "alone": test.alone}
    return {"record": test.record.stem, **{name: asdict(share) for name, share in shares.items()}}
