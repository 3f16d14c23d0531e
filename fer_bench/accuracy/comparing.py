"""Compare models on the same test images: every score with its interval, every pair with its test."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_bench.accuracy import pairwise, sums
from fer_bench.accuracy.answers import Answers, read, require_same_images
from fer_bench.accuracy.comparison import OVER_SEEDS, ClassScores, Comparison, ModelScores, Pair, RunPair, SeedBySeed
from fer_bench.accuracy.entries import Chosen
from fer_bench.accuracy.groups import ByGroup, by_group
from fer_bench.accuracy.intervals import Array, Estimate
from fer_bench.accuracy.runs import OneRun, Runs, SeveralSeeds
from fer_bench.accuracy.subjects import SampledImages, look_up, names_subjects
from fer_bench.errors import FerBenchError
from fer_bench.p_values import holm
from fer_bench.records import EvalRecord
from fer_bench.tables.preparations import sentence

MORE_SEEDS = (5, 10, 20)
"""Numbers of seeds for which it is foretold how wide the interval of a difference would be."""

_CHANCE_OF_LESS = (-1.0, 1.0)
"""Bounds of Cohen's kappa, which is negative where answers agree less than by chance."""


def compare(folder: Path, chosen: Chosen, prepared: Path, attribute: str | None = None) -> Comparison:
    """Compare the chosen records.

    Args:
        folder: of the records.
        chosen: which of them.
        prepared: folder of the prepared test set, for subjects and attributes; need not exist.
        attribute: name of an attribute of the people shown, such as ``gender``.

    Raises:
        FerBenchError: predictions are missing or contradict their record, the runs answered different images, or the
            attribute is not at hand.
    """
    runs = tuple(tuple(read(folder, record) for record in records) for records in chosen.records)
    stems = [record.stem for records in chosen.records for record in records]
    require_same_images(dict(zip(stems, itertools.chain(*runs), strict=True)))
    first = chosen.records[0][0]
    named = names_subjects(chosen.target, first.target_prepared)
    images = look_up(prepared, chosen.target, first.target_fingerprint, runs[0][0].ids, named)
    if attribute is not None:
        _require_attribute(prepared, chosen.target, images, attribute)
    return compare_answers(chosen, first, runs, images, attribute)


def compare_answers(
    chosen: Chosen,
    first: EvalRecord,
    runs: Sequence[Sequence[Answers]],
    images: SampledImages,
    attribute: str | None = None,
) -> Comparison:
    """Compare answers that have been read.

    Args:
        chosen: names and seeds.
        first: any of the records: what all have in common.
        runs: answers by entry, then by seed, all to the same images.
        images: of the same images, what is drawn, and attributes.
        attribute: one of them.
    """
    classes = first.class_names
    tallies = np.stack(
        [np.stack([sums.tally(run, images.units, len(classes)) for run in some], axis=1) for some in runs], axis=1
    )
    right = np.stack([np.stack([run.right for run in some], axis=1) for some in runs], axis=1)
    single = len(chosen.seeds) == 1
    several = None if single else SeveralSeeds(tallies)
    found: Runs = several or OneRun(tallies[:, :, 0], clustered=images.clustered)
    groups: Sequence[ByGroup | None] = [None] * len(chosen.names)
    if attribute is not None:
        groups = by_group(attribute, images.attributes[attribute], right, images.units, clustered=images.clustered)
    run_pairs = _run_pairs(chosen, right, images)
    totals = tallies.sum(axis=0)
    models = tuple(
        ModelScores(
            name=name,
            model=chosen.entries[i].model,
            dataset=chosen.entries[i].dataset,
            recipe=chosen.records[i][0].recipe,
            accuracies=tuple(float(value) for value in sums.accuracy(totals[i])),
            accuracy=found.proportion(i, *_columns(len(classes))),
            balanced_accuracy=found.score(i, sums.balanced_accuracy),
            macro_f1=found.score(i, sums.macro_f1),
            kappa=found.score(i, sums.kappa, bounds=_CHANCE_OF_LESS),
            calibration_error=found.calibration_error(i),
            classes=_classes(found, i, classes, totals),
            spread=several.spread(i, sums.accuracy) if several else None,
            groups=groups[i],
        )
        for i, name in enumerate(chosen.names)
    )
    return Comparison(
        target=chosen.target,
        target_fingerprint=first.target_fingerprint,
        origin=first.origin,
        backend=first.backend,
        n=len(images.units),
        seeds=chosen.seeds,
        unused_seeds=chosen.unused_seeds,
        images=images,
        preparation=sentence(chosen.target, [record.target_prepared for record in itertools.chain(*chosen.records)]),
        models=models,
        pairs=_pairs(chosen.names, found, several, right, run_pairs, clustered=images.clustered),
        run_pairs=run_pairs,
    )


def _require_attribute(prepared: Path, target: str, images: SampledImages, attribute: str) -> None:
    if attribute in images.attributes:
        return
    if not images.known:
        raise FerBenchError(
            f"{prepared}: {attribute} cannot be told, because the {target} that the models were tested on is not "
            f"prepared there; run fer-bench prepare {target} --source PATH with the same choices, or leave out --by"
        )
    there = ", ".join(images.attributes) or "none"
    raise FerBenchError(
        f"{prepared}: no test image has the attribute {attribute!r}; there are: {there}. Of RAF-DB, they come from the "
        "files Annotation/manual; prepare it with them, or leave out --by"
    )


def _columns(classes: int, cell: int | None = None) -> tuple[list[int], list[int]]:
    """Return the columns of the right answers and of all images: of all classes, or of the row of one."""
    if cell is None:
        return [i * classes + i for i in range(classes)], list(range(classes * classes))
    return [cell * classes + cell], list(range(cell * classes, (cell + 1) * classes))


def _classes(found: Runs, model: int, names: Sequence[str], totals: Array) -> tuple[ClassScores, ...]:
    size = len(names)
    counts = sums.matrices(totals[model, 0])
    return tuple(
        ClassScores(
            name=name,
            images=round(float(counts[c].sum())),
            recall=found.proportion(model, *_columns(size, c)),
            precision=found.proportion(model, [c * size + c], list(range(c, size * size, size))),
            f1=found.score(model, sums.f1_of(c)),
        )
        for c, name in enumerate(names)
    )


def _run_pairs(chosen: Chosen, right: NDArray[np.bool_], images: SampledImages) -> tuple[RunPair, ...]:
    """Test each pair of models seed by seed; ``right`` is (n, models, seeds)."""
    tested = [
        (seed, a, b, pairwise.compare_runs(right[:, a, s], right[:, b, s], images.units, clustered=images.clustered))
        for s, seed in enumerate(chosen.seeds)
        for a, b in itertools.combinations(range(len(chosen.names)), 2)
    ]
    adjusted = holm([found.p for *_, found in tested])
    return tuple(
        RunPair(seed=seed, a=chosen.names[a], b=chosen.names[b], found=found, p_holm=p)
        for (seed, a, b, found), p in zip(tested, adjusted, strict=True)
    )


def _pairs(
    names: Sequence[str],
    found: Runs,
    several: SeveralSeeds | None,
    right: NDArray[np.bool_],
    run_pairs: Sequence[RunPair],
    *,
    clustered: bool,
) -> tuple[Pair, ...]:
    combinations = list(itertools.combinations(range(len(names)), 2))
    differences: list[Estimate] = []
    p_values: list[float] = []
    of_one_run: Mapping[tuple[str, str], pairwise.PairedTest] = {}
    if several:
        for a, b in combinations:
            difference, p = several.difference_and_p(a, b, sums.accuracy)
            differences.append(difference)
            p_values.append(p)
    else:
        of_one_run = {(pair.a, pair.b): pair.found for pair in run_pairs}
        p_values = [pair.found.p for pair in run_pairs]
        for a, b in combinations:
            if clustered:
                differences.append(found.difference(a, b, sums.accuracy))
            else:
                differences.append(pairwise.difference_of_runs(right[:, a, 0], right[:, b, 0]))
    by_seed = _by_seed(several, combinations)
    pairs = []
    for (a, b), difference, p, adjusted in zip(combinations, differences, p_values, holm(p_values), strict=True):
        tested = of_one_run.get((names[a], names[b]))
        pairs.append(
            Pair(
                a=names[a],
                b=names[b],
                difference=difference,
                balanced_accuracy=found.difference(a, b, sums.balanced_accuracy),
                macro_f1=found.difference(a, b, sums.macro_f1),
                test=tested.test if tested else OVER_SEEDS,
                p=p,
                p_holm=adjusted,
                only_a=tested.only_a if tested else None,
                only_b=tested.only_b if tested else None,
                by_seed=by_seed.get((a, b)),
                foreseen=_foreseen(several, a, b) if several and difference.known else {},
            )
        )
    return tuple(pairs)


def _by_seed(
    several: SeveralSeeds | None, combinations: Sequence[tuple[int, int]]
) -> Mapping[tuple[int, int], SeedBySeed]:
    """Return the differences taken seed by seed; none of a single seed."""
    if several is None:
        return {}
    found = [several.difference_by_seed(a, b, sums.accuracy) for a, b in combinations]
    adjusted = holm([p for _, p in found])
    return {
        pair: SeedBySeed(difference=difference, p=p, p_holm=p_holm)
        for pair, (difference, p), p_holm in zip(combinations, found, adjusted, strict=True)
    }


def _foreseen(several: SeveralSeeds, a: int, b: int) -> dict[int, float]:
    return {seeds: several.foreseen_reach(a, b, sums.accuracy, seeds) for seeds in MORE_SEEDS if seeds > several.seeds}
