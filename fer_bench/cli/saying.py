"""What several commands say of models and of their scores."""

from collections.abc import Sequence

import typer


def usable_models() -> list[str]:
    """Return the name of every model that can be used; those of other packages that cannot are told of on stderr."""
    from fer_bench.models import broken_models, model_cards

    for reason in broken_models().values():
        typer.echo(f"fer-bench: left out: {reason}", err=True)
    return list(model_cards())


def mean_text(scores: Sequence[float]) -> str:
    """Return mean ± sample standard deviation of fractions, in percent."""
    from statistics import mean, stdev

    return f"{len(scores)} seeds: {100 * mean(scores):.1f} ± {100 * stdev(scores):.1f} %"
