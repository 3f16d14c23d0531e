"""What several commands say of models, of their scores and of datasets."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from fer_bench.accuracy.intervals import Estimate
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


def percent(estimate: "Estimate") -> str:
    """Return a fraction and its interval in percent."""
    return _with_interval(estimate, 100, 1)


def fraction(estimate: "Estimate") -> str:
    """Return a fraction and its interval."""
    return _with_interval(estimate, 1, 3)


def points(estimate: "Estimate") -> str:
    """Return a difference of fractions and its interval in points, with their signs."""
    return _with_interval(estimate, 100, 1, sign="+")


def _with_interval(estimate: "Estimate", scale: float, decimals: int, sign: str = "-") -> str:
    if not math.isfinite(estimate.value):
        return "–"
    value = f"{scale * estimate.value:{sign}z.{decimals}f}"
    if not estimate.known:
        return f"{value} (–)"
    low, high = (f"{scale * end:{sign}z.{decimals}f}" for end in (estimate.low, estimate.high))
    return f"{value} ({low} to {high})"
