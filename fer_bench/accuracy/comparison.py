"""What a comparison of models on the same test images says: every score with its interval, every pair with its test.

Plain data, which document, verdict and command line read; :mod:`fer_bench.accuracy.comparing` finds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fer_bench.accuracy import pairwise
from fer_bench.accuracy.groups import ByGroup
from fer_bench.accuracy.intervals import Estimate
from fer_bench.accuracy.seeds import Spread
from fer_bench.accuracy.subjects import SampledImages
from fer_bench.records import Origin

ALPHA = 0.05
"""Level of significance, of p-values adjusted by Holm's method over all pairs."""
OVER_SEEDS = "t test over seeds and sample"
"""Name of the test of a pair of models with several seeds each (:mod:`fer_bench.accuracy.seeds`)."""


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """One class as one model sees it."""

    name: str
    images: int
    recall: Estimate
    precision: Estimate
    """``nan`` where the model never answers this class."""
    f1: Estimate


@dataclass(frozen=True, kw_only=True)
class ModelScores:
    """One model's scores; means over seeds where there are several."""

    name: str
    model: str
    dataset: str
    recipe: str
    """Its id."""
    accuracies: tuple[float, ...]
    """Of each seed."""
    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    kappa: Estimate
    calibration_error: Estimate
    classes: tuple[ClassScores, ...]
    spread: Spread | None
    """Of the accuracy; ``None`` of a single seed."""
    groups: ByGroup | None
    """``None`` where no attribute was asked for."""


@dataclass(frozen=True, kw_only=True)
class RunPair:
    """One run of a model against the run of another with the same seed."""

    seed: int
    a: str
    b: str
    found: pairwise.PairedTest
    p_holm: float
    """Adjusted over all pairs and seeds."""


@dataclass(frozen=True, kw_only=True)
class SeedBySeed:
    """The difference of two models' accuracy from the differences of their runs of the same seed."""

    difference: Estimate
    p: float
    """Two-sided."""
    p_holm: float
    """Adjusted over all pairs."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One model against another."""

    a: str
    b: str
    difference: Estimate
    """Accuracy of ``a`` minus that of ``b``, a fraction."""
    balanced_accuracy: Estimate
    """The same of the balanced accuracy."""
    macro_f1: Estimate
    """The same of the macro F1."""
    test: str
    p: float
    """Of the accuracies' difference, two-sided."""
    p_holm: float
    """Adjusted over all pairs."""
    only_a: int | None
    """Images that only ``a`` answered right; ``None`` of several seeds."""
    only_b: int | None
    by_seed: SeedBySeed | None
    """The second way to see several seeds, which ``significant`` leaves aside; ``None`` of a single seed."""
    foreseen: Mapping[int, float]
    """By number of seeds of each model: half the width that the interval of ``difference`` would have with so many, if
    they vary as the present ones do; empty where each model has a single seed, or nothing varies."""

    @property
    def significant(self) -> bool:
        """Whether the adjusted p-value is below :data:`ALPHA`."""
        return self.p_holm < ALPHA


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Some models on the same test images."""

    target: str
    target_fingerprint: str
    origin: Origin
    backend: str
    n: int
    seeds: tuple[int, ...]
    unused_seeds: tuple[int, ...]
    """Seeds that only some of the models have, left out."""
    images: SampledImages
    """What is resampled and swapped: test images, or subjects with all of theirs."""
    preparation: str
    """How the test set was prepared, in a sentence; empty for the default and where it is not known."""
    models: tuple[ModelScores, ...]
    pairs: tuple[Pair, ...]
    run_pairs: tuple[RunPair, ...]
    """Each seed's runs against each other; of a single seed the same tests as in ``pairs``."""

    @property
    def recipes(self) -> tuple[str, ...]:
        """Ids in the order of the models, each once; several only where recipes are what was compared."""
        return tuple(dict.fromkeys(model.recipe for model in self.models))
