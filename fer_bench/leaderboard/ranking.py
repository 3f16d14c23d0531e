"""From a contest to a board: scores with intervals, a paired test of every pair, Holm's correction, ranges of ranks.

What the replicate is depends on how often a contender was trained, and each pair is tested by what both have:

- once each: the test images, or the subjects with all of theirs, are the replicates. McNemar's exact test, or the exact
  permutation test by subject. It holds for these two networks.
- several seeds each: training runs are replicates too. The t test of ``fer_bench.accuracy.seeds``, whose variance
  holds the seed's and the sample's. It holds for other seeds. The numbers of seeds may differ.
- one once, the other several times: the variance of the first one's training is unknown, so nothing is said about it.
  Each network of the one is tested against the network of the other; a difference is shown where all of them show it,
  in the same direction, so the largest p-value counts (an intersection-union test: R. L. Berger, Technometrics 24
  (1982), 295-300). It holds for these networks.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench import metrics
from fer_bench.accuracy import pairwise, seeds, sums
from fer_bench.accuracy.answers import Answers, read, require_same_images
from fer_bench.accuracy.comparison import ALPHA, OVER_SEEDS
from fer_bench.accuracy.intervals import Array, Estimate
from fer_bench.accuracy.runs import OneRun, Runs, SeveralSeeds
from fer_bench.accuracy.subjects import SampledImages, look_up, names_subjects, no_subjects
from fer_bench.leaderboard.contests import Contender, Contest, distinct_names
from fer_bench.leaderboard.ranks import RankRange, rank_ranges
from fer_bench.p_values import holm
from fer_bench.progress import unheard
from fer_bench.records import ProfileRecord

EVERY_RUN = "every run against the one"

_RIGHT, _IMAGES = 0, 1
"""Columns of the sums."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A contender with its scores, fractions, and its range of ranks."""

    name: str
    """Different for each contender of the board, no longer than that takes."""
    contender: Contender
    rank: RankRange
    accuracies: tuple[float, ...]
    """Of each seed."""
    accuracy: Estimate
    balanced_accuracy: float
    macro_f1: float
    trainable_parameters: int | None
    flops: int | None
    """By the paper's rule, at the size of the images that it was trained on; ``None`` where no profile tells."""


@dataclass(frozen=True, kw_only=True)
class Duel:
    """Two contenders, the one that stands above first."""

    a: str
    b: str
    difference: float
    """Accuracy of ``a`` less that of ``b``, a fraction."""
    test: str
    p: float
    """Two-sided."""
    p_holm: float
    """Adjusted over all duels of the board."""

    @property
    def significant(self) -> bool:
        """Whether ``a`` is shown to be better."""
        return self.p_holm < ALPHA


@dataclass(frozen=True, kw_only=True)
class Board:
    """One contest, decided as far as it can be."""

    contest: Contest
    n: int
    """Test images."""
    images: SampledImages
    standings: tuple[Standing, ...]
    """The most accurate first."""
    duels: tuple[Duel, ...]


@dataclass(frozen=True, eq=False)
class _Answered:
    """What a contender answered."""

    right: NDArray[np.bool_]
    """Whether each answer is right, (n, seeds)."""
    tallies: Array
    """Right answers and images of each unit, (units, seeds, 2)."""

    @property
    def runs(self) -> int:
        return int(self.right.shape[1])

    @property
    def several(self) -> SeveralSeeds:
        return SeveralSeeds(self.tallies[:, None])


def rank(
    contest: Contest,
    datasets: Sequence[Path],
    profiles: Sequence[ProfileRecord],
    on_run: Callable[[], object] = unheard,
) -> Board:
    """Decide a contest.

    Args:
        contest: who competes.
        datasets: folders of prepared datasets, in one of which the test set may lie: it knows the subjects.
        profiles: where FLOPs come from.
        on_run: called after each run's answers have been read.

    Raises:
        FerBenchError: predictions are missing or contradict their record, or runs answered different images.
    """
    first: tuple[str, Answers] | None = None
    right: list[NDArray[np.bool_]] = []
    for contender in contest.contenders:
        answered = []
        for run in contender.runs:
            answers = read(run.places[0].records, run.record)
            first = first or (run.name, answers)
            require_same_images({first[0]: first[1], run.name: answers})
            answered.append(answers.right)
            on_run()
        right.append(np.stack(answered, axis=1))
    if first is None:
        raise ValueError("a contest without runs")
    images = _sampled(contest, datasets, first[1].ids)
    names = distinct_names(contest.contenders)
    answers_of = [_Answered(some, _tallies(some, images.units)) for some in right]
    order = sorted(range(len(names)), key=lambda i: (-float(right[i].mean()), names[i]))
    duels = _duels([(names[i], answers_of[i]) for i in order], images)
    places = {names[i]: place for place, i in enumerate(order)}
    ranges = rank_ranges(len(order), ((places[duel.a], places[duel.b]) for duel in duels if duel.significant))
    standings = tuple(
        _standing(names[i], contest.contenders[i], answers_of[i], images, ranges[place], profiles)
        for place, i in enumerate(order)
    )
    return Board(contest=contest, n=len(images.units), images=images, standings=standings, duels=duels)


def _sampled(contest: Contest, datasets: Sequence[Path], ids: NDArray[np.str_]) -> SampledImages:
    """Return what is drawn, from the first folder that holds the very test set."""
    for folder in datasets:
        found = look_up(folder / contest.target, contest.target, contest.target_fingerprint, ids)
        if found.known:
            return found
    prepared = contest.contenders[0].runs[0].record.target_prepared
    note = (
        f"{contest.target} is not prepared in any of these places, so images count as independent: where a person "
        "is shown in several, intervals and ranges of ranks are too narrow."
    )
    if names_subjects(contest.target, prepared) is False:
        note = no_subjects(contest.target)
    return SampledImages(units=np.arange(len(ids)), clustered=False, note=note)


def _tallies(right: NDArray[np.bool_], units: NDArray[np.intp]) -> Array:
    tallies = np.zeros((int(units.max()) + 1, right.shape[1], 2))
    np.add.at(tallies[..., _RIGHT], units, right.astype(np.float64))
    np.add.at(tallies[..., _IMAGES], units, 1.0)
    return tallies


def _duels(ordered: Sequence[tuple[str, _Answered]], images: SampledImages) -> tuple[Duel, ...]:
    """Test every pair; ``ordered`` from the most accurate to the least, so that no difference is negative."""
    tested = [
        (a, b, float(one.right.mean() - other.right.mean()), *_test(one, other, images))
        for (a, one), (b, other) in itertools.combinations(ordered, 2)
    ]
    adjusted = holm([found[-1] for found in tested])
    return tuple(
        Duel(a=a, b=b, difference=difference, test=test, p=p, p_holm=p_holm)
        for (a, b, difference, test, p), p_holm in zip(tested, adjusted, strict=True)
    )


def _test(a: _Answered, b: _Answered, images: SampledImages) -> tuple[str, float]:
    """Return the test that two contenders allow, and its p-value."""
    if a.runs > 1 and b.runs > 1:
        statistic = sums.ratio_of([_RIGHT], [_IMAGES])
        one, other = a.several, b.several
        common = seeds.sampling_covariance(one.influences(0, statistic), other.influences(0, statistic))
        return OVER_SEEDS, seeds.difference_over_seeds(one.spread(0, statistic), other.spread(0, statistic), common)[1]
    found = [
        pairwise.compare_runs(run, other, images.units, clustered=images.clustered)
        for run in a.right.T
        for other in b.right.T
    ]
    if len(found) == 1:
        return found[0].test, found[0].p
    agree = all(pair.difference > 0 for pair in found) or all(pair.difference < 0 for pair in found)
    return f"{EVERY_RUN}, {found[0].test}", max(pair.p for pair in found) if agree else 1.0


def _standing(
    name: str,
    contender: Contender,
    answered: _Answered,
    images: SampledImages,
    place: RankRange,
    profiles: Sequence[ProfileRecord],
) -> Standing:
    tallies = answered.tallies
    found: Runs = OneRun(tallies, clustered=images.clustered) if answered.runs == 1 else answered.several
    matrices = [run.record.confusion_matrix for run in contender.runs]
    return Standing(
        name=name,
        contender=contender,
        rank=place,
        accuracies=tuple(float(value) for value in answered.right.mean(axis=0)),
        accuracy=found.proportion(0, [_RIGHT], [_IMAGES]),
        balanced_accuracy=float(np.mean([metrics.balanced_accuracy(matrix) for matrix in matrices])),
        macro_f1=float(np.mean([metrics.macro_f1(matrix) for matrix in matrices])),
        trainable_parameters=_agreed(
            [run.train.trainable_parameters for run in contender.runs if run.train]
            or [profile.trainable_parameters for profile in _of_file(contender, profiles)]
        ),
        flops=_flops(contender, profiles),
    )


def _flops(contender: Contender, profiles: Sequence[ProfileRecord]) -> int | None:
    """Return the FLOPs of a profile of the very network, input size and number of classes included."""
    if contender.external is not None:
        return _agreed(profile.flops_paper_rule for profile in _of_file(contender, profiles))
    trains = [run.train for run in contender.runs if run.train]
    sizes = {(train.recipe_content.get("image_size"), len(train.class_names)) for train in trains}
    return _agreed(
        profile.flops_paper_rule
        for profile in profiles
        if profile.model == contender.model and {(profile.image_size, profile.classes)} == sizes
    )


def _of_file(contender: Contender, profiles: Sequence[ProfileRecord]) -> list[ProfileRecord]:
    """Return the profiles of an external model's very file; none of fer-bench's own models."""
    digest = contender.external.sha256 if contender.external else None
    return [profile for profile in profiles if profile.external and profile.external.sha256 == digest]


def _agreed(values: Iterable[int | None]) -> int | None:
    """Return the value that all agree on; ``None`` where they do not, or there is none."""
    different = set(values)
    return different.pop() if len(different) == 1 else None
