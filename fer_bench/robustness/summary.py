"""Robustness as numbers: what runs of a model keep, with intervals, and how two models differ. Plain data alone.

Per image, the answers under all corruptions and severities are averaged first, and over the runs of a model. Two models
answered the same pictures, so their difference is taken image by image.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics
from fer_bench.accuracy.intervals import LEVEL, Estimate
from fer_bench.errors import FerBenchError
from fer_bench.records import EXTERNAL, RobustnessRecord
from fer_bench.selection import place_of
from fer_bench.selection.groups import Group, group_of


@dataclass(frozen=True)
class Robustness:
    """The runs of one model by one recipe on one test set: at least one, a record a seed."""

    runs: tuple[RobustnessRecord, ...]

    @property
    def first(self) -> RobustnessRecord:
        """The run of the lowest seed; what identifies a group is the same in all."""
        return self.runs[0]

    @property
    def clean(self) -> list[float]:
        """Accuracy on the pictures as they are, a fraction a run."""
        return [metrics.accuracy(run.confusion_matrix) for run in self.runs]

    def under(self, corruption: str) -> list[float]:
        """Return the mean accuracy over the severities of a corruption, a fraction a run."""
        place = self.first.corruptions.index(corruption)
        return [
            math.fsum(map(metrics.accuracy, run.results[place].confusion_matrices)) / run.severities
            for run in self.runs
        ]

    def by_severity(self, corruption: str) -> list[float]:
        """Return the accuracy with each severity from 1 on, a fraction, the mean of the runs."""
        place = self.first.corruptions.index(corruption)
        rows = [list(map(metrics.accuracy, run.results[place].confusion_matrices)) for run in self.runs]
        return [math.fsum(column) / len(column) for column in zip(*rows, strict=True)]

    def mean_under(self, corruptions: Sequence[str]) -> list[float]:
        """Return the mean accuracy over some corruptions and all severities, a fraction a run."""
        return [math.fsum(column) / len(corruptions) for column in zip(*map(self.under, corruptions), strict=True)]

    @property
    def corrupted(self) -> list[float]:
        """Mean accuracy over all corruptions and severities, a fraction a run."""
        return self.mean_under(self.first.corruptions)

    @property
    def lost(self) -> list[float]:
        """Accuracy that the corruptions cost on average, a fraction a run."""
        return [clean - corrupted for clean, corrupted in zip(self.clean, self.corrupted, strict=True)]

    @cached_property
    def image_clean(self) -> NDArray[np.float64]:
        """How often each image was answered right as it is, a fraction, (n,): the mean of the runs."""
        mean: NDArray[np.float64] = np.mean([_digits(run.right) for run in self.runs], axis=0)
        return mean

    def image_under(self, corruptions: Sequence[str]) -> NDArray[np.float64]:
        """Return the same under some corruptions: the mean of the runs, corruptions and severities."""
        mean: NDArray[np.float64] = np.mean([self._image_means[name] for name in corruptions], axis=0)
        return mean

    @cached_property
    def _image_means(self) -> dict[str, NDArray[np.float64]]:
        """By corruption, the mean of the runs and severities, (n,)."""
        return {
            name: np.mean([_digits(run.results[place].right) / run.severities for run in self.runs], axis=0)
            for place, name in enumerate(self.first.corruptions)
        }


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first of two models less the second, in fractions, with intervals over images or subjects."""

    clean: Estimate
    corrupted: Estimate
    lost: Estimate
    """Negative where the first loses less."""
    under: dict[str, Estimate]
    """By corruption."""
    untrained: Estimate | None
    """Under the corruptions that were asked for as those not trained on; ``None`` where none were."""

    @property
    def means(self) -> tuple[Estimate, ...]:
        """What tables show in this order: as they are, corrupted, where asked for not trained on, lost."""
        return tuple(part for part in (self.clean, self.corrupted, self.untrained, self.lost) if part is not None)


@dataclass(frozen=True, kw_only=True)
class RobustnessBlock:
    """A part of the table and a figure: models trained on one dataset by one recipe that answered the same pictures."""

    dataset: str
    """:data:`fer_bench.records.EXTERNAL` where all models are external; then ``recipe`` is empty."""
    target: str
    recipe: str
    models: tuple[Robustness, ...]
    """By model, the paper's three first, external ones last."""
    apart: tuple[str, ...] = ()
    """What tells it from others of the same dataset, test set and recipe, see :func:`told_apart`."""

    @property
    def first(self) -> RobustnessRecord:
        """The first model's first run; what identifies a block is the same in all of fer-bench's own models."""
        return self.models[0].first

    @property
    def key(self) -> tuple[str, str, str]:
        """Training dataset, test set and recipe."""
        return self.dataset, self.target, self.recipe

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The corruptions that the recipe has in training, which fer-bench's own models share."""
        return self.first.trained_on

    def marked(self, corruption: str) -> str:
        """Return a corruption's name, with a mark where the models were trained on it."""
        return f"{corruption}, trained on" if corruption in self.trained_on else corruption


class _Pictures(NamedTuple):
    """The corrupted pictures that a model answered."""

    target: str
    fingerprint: str
    protocol: str
    """Name of the set of corruptions."""

    def __str__(self) -> str:
        return f"{self.target} {self.fingerprint} by the corruptions {self.protocol}"


class _Common(NamedTuple):
    """What the models of a block have in common; blocks are sorted by it, so test set and recipe stand early."""

    dataset: str
    target: str
    recipe: str
    pictures: _Pictures
    group: Group


def robustness_blocks(records: Iterable[RobustnessRecord]) -> list[RobustnessBlock]:
    """Return what may stand side by side, by dataset, test set and recipe: of one group, as the blocks of the paper's
    tables are, and on the same pictures. External models stand beside all that answered the same pictures."""
    groups: dict[_Common, dict[str, list[RobustnessRecord]]] = {}
    external: dict[_Pictures, list[Robustness]] = {}
    for one in sorted(records, key=lambda one: (place_of(one.model), one.seed)):
        pictures = _pictures(one)
        if one.external:
            external.setdefault(pictures, []).append(Robustness((one,)))
            continue
        common = _Common(one.dataset, one.target, one.recipe, pictures, group_of(one))
        groups.setdefault(common, {}).setdefault(one.model, []).append(one)
    found = [
        RobustnessBlock(
            dataset=common.dataset,
            target=common.target,
            recipe=common.recipe,
            models=(*(Robustness(tuple(runs)) for runs in models.values()), *external.get(common.pictures, ())),
        )
        for common, models in sorted(groups.items())
    ]
    beside = {common.pictures for common in groups}
    found += [
        RobustnessBlock(dataset=EXTERNAL, target=pictures.target, recipe="", models=tuple(models))
        for pictures, models in sorted(external.items())
        if pictures not in beside
    ]
    alike: dict[tuple[str, ...], list[RobustnessRecord]] = {}
    for block in found:
        alike.setdefault(block.key, []).append(block.first)
    return [dataclasses.replace(one, apart=told_apart(one.first, alike[one.key])) for one in found]


def told_apart(one: RobustnessRecord, alike: Iterable[RobustnessRecord]) -> tuple[str, ...]:
    """Return what a title and a file's name need beside the recipe: the backend, states of the datasets and the
    corruptions of a record, each where those of ``alike`` differ in it."""
    every = zip(*map(_circumstances, alike), strict=True)
    return tuple(
        dict.fromkeys(own for own, found in zip(_circumstances(one), every, strict=True) if len(set(found)) > 1)
    )


def _circumstances(one: RobustnessRecord) -> tuple[str, ...]:
    # Fingerprints are cut as in the tables' notes.
    return one.backend, one.dataset_fingerprint[:12], one.target_fingerprint[:12], one.protocol


def untrained(models: Iterable[Robustness]) -> tuple[str, ...]:
    """Return the corruptions on which none of some models was trained, in order; none where all were trained on none.

    An external model counts as trained on none: nothing is known of it.
    """
    runs = [one.first for one in models]
    known = {name for run in runs for name in run.trained_on}
    return tuple(name for name in runs[0].corruptions if name not in known) if known else ()


def interval(of: Robustness, corruptions: Sequence[str] = ()) -> Estimate:
    """Return the mean accuracy under some corruptions, all by default, with its interval over images or subjects."""
    return _mean(of.image_under(corruptions or of.first.corruptions), of.first)


def difference(a: Robustness, b: Robustness, rest: Sequence[str] = ()) -> Difference:
    """Compare two models that answered the same pictures.

    Args:
        a: the first.
        b: the second.
        rest: the corruptions on which no model of the comparison was trained, see :func:`untrained`.

    Raises:
        FerBenchError: they did not: they are of several test sets, states of one, or sets of corruptions.
    """
    if _pictures(a.first) != _pictures(b.first):
        raise FerBenchError(
            f"{a.first.stem}: was tested on {_pictures(a.first)}, {b.first.stem} on {_pictures(b.first)}: these are "
            "other pictures; run fer-bench robustness for both again"
        )

    def under(corruptions: Sequence[str]) -> NDArray[np.float64]:
        return a.image_under(corruptions) - b.image_under(corruptions)

    names = a.first.corruptions
    clean, corrupted = a.image_clean - b.image_clean, under(names)
    return Difference(
        clean=_mean(clean, a.first),
        corrupted=_mean(corrupted, a.first),
        lost=_mean(clean - corrupted, a.first),
        under={name: _mean(under([name]), a.first) for name in names},
        untrained=_mean(under(rest), a.first) if rest else None,
    )


def _pictures(run: RobustnessRecord) -> _Pictures:
    return _Pictures(run.target, run.target_fingerprint, run.protocol)


def _digits(text: str) -> NDArray[np.float64]:
    return (np.frombuffer(text.encode("ascii"), np.uint8) - ord("0")).astype(np.float64)


def _mean(values: NDArray[np.float64], run: RobustnessRecord) -> Estimate:
    """Return the mean over images with Student's interval, of sums by subject where the test set names subjects.

    With images of one subject each it is the usual interval of a mean; otherwise that of a ratio estimator (W. G.
    Cochran, Sampling Techniques, 1977, section 9A.2: clusters of unequal sizes).
    """
    from scipy.special import stdtrit  # Student's quantiles: scipy.stats takes a second to import.

    units = np.asarray(run.subjects, np.intp) if run.subjects else np.arange(run.n)
    count, mean = int(units.max()) + 1, float(values.mean())
    by_unit = np.bincount(units, weights=values - mean, minlength=count)
    half = math.nan
    if count > 1:
        spread = math.sqrt(count / (count - 1) * float((by_unit**2).sum())) / run.n
        half = float(stdtrit(count - 1, 0.5 + LEVEL / 2)) * spread
    of = "subjects" if run.subjects else "images"
    return Estimate(value=mean, low=mean - half, high=mean + half, method=f"Student's t over {of}")
