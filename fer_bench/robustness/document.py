"""What ``robustness --json`` and ``compare --corrupted --json`` print."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from fer_bench.corruptions import CORRUPTIONS, PROTOCOL
from fer_bench.robustness.summary import Robustness, difference, interval, untrained


def to_json(names: Sequence[str], tested: Sequence[Robustness]) -> dict[str, Any]:
    """Return the models, what each keeps by corruption and severity, and their differences; fractions, unrounded.

    Args:
        names: of the models, for their differences; such as ``clcm@cpu48`` where recipes differ.
        tested: the models.
    """
    first, rest = tested[0].first, untrained(tested)
    return {
        "target": first.target,
        "target_fingerprint": first.target_fingerprint,
        "origin": first.origin,
        "images": first.n,
        "protocol": first.protocol,
        "corruptions": _strengths() if first.protocol == PROTOCOL else None,
        "not_trained_on": list(rest),
        "models": [_model(name, one, rest) for name, one in zip(names, tested, strict=True)],
        "differences": [
            {"first": first, "second": second, **dataclasses.asdict(difference(a, b, rest))}
            for (first, a), (second, b) in itertools.combinations(zip(names, tested, strict=True), 2)
        ],
    }


def _strengths() -> dict[str, Any]:
    return {name: {"about": one.about, "strengths": one.strengths} for name, one in CORRUPTIONS.items()}


def _model(name: str, one: Robustness, rest: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "model": one.first.model,
        "dataset": one.first.dataset,
        "recipe": one.first.recipe,
        "trained_on": list(one.first.trained_on),
        "seeds": [run.seed for run in one.runs],
        "accuracy": one.clean,
        "accuracy_under": {name: one.by_severity(name) for name in one.first.corruptions},
        "mean_under_corruptions": dataclasses.asdict(interval(one)),
        "mean_under_those_not_trained_on": dataclasses.asdict(interval(one, rest)) if rest else None,
        "lost": one.lost,
    }
