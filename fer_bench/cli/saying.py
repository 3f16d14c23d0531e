"""What several commands say of models, of their scores and of datasets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from fer_bench.datasets.card import DatasetCard


def usable_models() -> list[str]:
    """Return the name of every model that can be used; those of other packages that cannot are told of on stderr."""
    from fer_bench.models import broken_models, model_cards

    for reason in broken_models().values():
        say_left_out(reason)
    return list(model_cards())


def usable_datasets() -> "dict[str, DatasetCard]":
    """Return the card of every dataset that can be used; those of other packages that cannot are told of on stderr."""
    from fer_bench.datasets import broken_datasets, dataset_cards

    for reason in broken_datasets().values():
        say_left_out(reason)
    return dataset_cards()


def say_left_out(reason: str) -> None:
    """Tell on stderr what a command goes on without."""
    typer.echo(f"fer-bench: left out: {reason}", err=True)


def mean_text(scores: Sequence[float]) -> str:
    """Return mean ± sample standard deviation of fractions, in percent."""
    from statistics import mean, stdev

    return f"{len(scores)} seeds: {100 * mean(scores):.1f} ± {100 * stdev(scores):.1f} %"
