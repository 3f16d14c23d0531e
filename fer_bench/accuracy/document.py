"""A comparison as data for other programs."""

import math
from typing import Any

from fer_bench.accuracy.comparison import ALPHA, Comparison, ModelScores, Pair
from fer_bench.accuracy.groups import ByGroup
from fer_bench.accuracy.intervals import LEVEL, RESAMPLES, number_or_none
from fer_bench.accuracy.seeds import Spread
from fer_bench.accuracy.sums import BINS
from fer_bench.accuracy.verdict import notes, verdict


def to_json(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON-ready data: fractions, not percentages; ``None`` for what is not defined.

    The common ``recipe`` is ``None`` where recipes are compared; each model has its own.
    """
    return {
        "target": found.target,
        "target_fingerprint": found.target_fingerprint,
        "origin": found.origin,
        "recipe": found.recipes[0] if len(found.recipes) == 1 else None,
        "backend": found.backend,
        "n": found.n,
        "seeds": list(found.seeds),
        "units": found.images.as_json(),
        "confidence": LEVEL,
        "alpha": ALPHA,
        "resamples": RESAMPLES,
        "calibration_bins": BINS,
        "models": [_model(model) for model in found.models],
        "pairs": [_pair(pair) for pair in found.pairs],
        "pairs_by_seed": [
            {
                "seed": pair.seed,
                "a": pair.a,
                "b": pair.b,
                "difference": pair.found.difference,
                "only_a_right": pair.found.only_a,
                "only_b_right": pair.found.only_b,
                "test": pair.found.test,
                "p": pair.found.p,
                "p_holm": pair.p_holm,
            }
            for pair in found.run_pairs
        ],
        "verdict": verdict(found),
        "notes": notes(found),
    }


def _model(model: ModelScores) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.model,
        "dataset": model.dataset,
        "recipe": model.recipe,
        "accuracy_by_seed": list(model.accuracies),
        "accuracy": model.accuracy.as_json(),
        "balanced_accuracy": model.balanced_accuracy.as_json(),
        "macro_f1": model.macro_f1.as_json(),
        "kappa": model.kappa.as_json(),
        "expected_calibration_error": model.calibration_error.as_json(),
        "classes": [
            {
                "class": row.name,
                "n": row.images,
                "recall": row.recall.as_json(),
                "precision": row.precision.as_json(),
                "f1": row.f1.as_json(),
            }
            for row in model.classes
        ],
        "variance": None if model.spread is None else _spread(model.spread),
        "by_group": None if model.groups is None else _groups(model.groups),
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "a": pair.a,
        "b": pair.b,
        **pair.difference.as_json("difference"),
        "balanced_accuracy_difference": pair.balanced_accuracy.as_json(),
        "macro_f1_difference": pair.macro_f1.as_json(),
        "only_a_right": pair.only_a,
        "only_b_right": pair.only_b,
        "test": pair.test,
        "p": pair.p,
        "p_holm": pair.p_holm,
        "significant": pair.significant,
        "seed_by_seed": None
        if pair.by_seed is None
        else {**pair.by_seed.difference.as_json(), "p": pair.by_seed.p, "p_holm": pair.by_seed.p_holm},
        "half_width_by_seeds": {str(seeds): reach for seeds, reach in pair.foreseen.items()},
    }


def _spread(spread: Spread) -> dict[str, Any]:
    ends = spread.between_interval()
    return {
        "seeds": spread.runs,
        "sd_between_seeds": math.sqrt(spread.between),
        "sd_between_seeds_ci": list(ends) if all(map(math.isfinite, ends)) else None,
        "variance_seed": spread.seed,
        "variance_sample": spread.sample,
        "variance_sample_shared": spread.shared,
        "seed_share": number_or_none(spread.seed_share),
    }


def _groups(groups: ByGroup) -> dict[str, Any]:
    gap = groups.gap
    return {
        "attribute": groups.attribute,
        "unknown": groups.unknown,
        "groups": [
            {
                "value": group.value,
                "n": group.images,
                "accuracy": group.accuracy.as_json(),
                "in_gap": group.in_gap,
            }
            for group in groups.groups
        ],
        "largest_gap": None
        if gap is None
        else {
            "best": gap.best,
            "worst": gap.worst,
            **gap.difference.as_json("difference"),
            "pairs_of_groups": gap.pairs,
        },
    }
