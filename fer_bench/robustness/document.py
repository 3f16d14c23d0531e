"""What ``robustness --json`` prints."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from fer_bench.corruptions import CORRUPTIONS
from fer_bench.robustness.summary import Robustness, difference, interval


def to_json(tested: Sequence[Robustness]) -> dict[str, Any]:
    """Return the models, what each keeps by corruption and severity, and their differences; fractions, unrounded."""
    first = tested[0].first
    return {
        "target": first.target,
        "target_fingerprint": first.target_fingerprint,
        "origin": first.origin,
        "images": first.n,
        "protocol": first.protocol,
        "corruptions": {name: {"about": one.about, "strengths": one.strengths} for name, one in CORRUPTIONS.items()},
        "models": [_model(one) for one in tested],
        "differences": [
            {"first": a.first.model, "second": b.first.model, **dataclasses.asdict(difference(a, b))}
            for a, b in itertools.combinations(tested, 2)
        ],
    }


def _model(one: Robustness) -> dict[str, Any]:
    return {
        "model": one.first.model,
        "dataset": one.first.dataset,
        "recipe": one.first.recipe,
        "seeds": [run.seed for run in one.runs],
        "accuracy": one.clean,
        "accuracy_under": {name: one.by_severity(name) for name in CORRUPTIONS},
        "mean_under_corruptions": dataclasses.asdict(interval(one)),
        "lost": one.lost,
    }
