"""What can and cannot be said after a comparison, in words."""

import math
from collections.abc import Sequence

from fer_bench.accuracy.comparison import ALPHA, Comparison, Pair
from fer_bench.accuracy.groups import SMALLEST
from fer_bench.accuracy.sums import BINS
from fer_bench.p_values import p_text


def heading(found: Comparison) -> str:
    """Return what is compared on what, in one line."""
    trained = ", ".join(sorted({model.dataset for model in found.models}))
    seeds = f"seed {found.seeds[0]}" if len(found.seeds) == 1 else f"mean of {len(found.seeds)} seeds"
    recipes = f"recipe{'s' if len(found.recipes) > 1 else ''} {', '.join(found.recipes)}"
    return f"{_images(found)}; trained on {trained}, {recipes}, {seeds}"


def verdict(found: Comparison) -> str:
    """Return one plain sentence on all pairs, and what it does not cover."""
    told = [_told(pair) for pair in found.pairs if pair.significant]
    untold = [_untold(pair) for pair in found.pairs if not pair.significant]
    if len(found.seeds) == 1:
        scope = (
            f"one run of each model is compared, seed {found.seeds[0]}, so this holds for these trained networks on "
            "other images of the kind, not for another seed"
        )
    else:
        scope = f"this holds for other seeds and other images of the kind, as far as {len(found.seeds)} seeds can tell"
    return f"On {_images(found)}, {'; '.join([*told, *untold])}; {scope}."


def _images(found: Comparison) -> str:
    return f"{found.n:,} {'synthetic ' if found.origin == 'synthetic' else ''}test images of {found.target}"


def _told(pair: Pair) -> str:
    found = pair.difference
    better, worse, value, ends = pair.a, pair.b, found.value, (found.low, found.high)
    if value < 0:
        better, worse, value, ends = pair.b, pair.a, -value, (-found.high, -found.low)
    reach = f"95 % interval {100 * ends[0]:.1f} to {100 * ends[1]:.1f}, " if found.known else ""
    return (
        f"{better} is more accurate than {worse} by {100 * value:.1f} points ({reach}adjusted p {p_text(pair.p_holm)}"
        f"{_seed_by_seed(pair)})"
    )


def _untold(pair: Pair) -> str:
    found = pair.difference
    reach = f", 95 % interval {100 * found.low:+z.1f} to {100 * found.high:+z.1f}" if found.known else ""
    return (
        f"no difference of accuracy between {pair.a} and {pair.b} is shown ({100 * found.value:+z.1f} points{reach}, "
        f"adjusted p {p_text(pair.p_holm)}{_seed_by_seed(pair)}), which does not show that they are equal"
    )


def _seed_by_seed(pair: Pair) -> str:
    """Return what the runs of the same seed show where it is another answer than that of the test; else nothing."""
    found = pair.by_seed
    if found is None or (found.p_holm < ALPHA) == pair.significant:
        return ""
    shown = "a difference is shown" if found.p_holm < ALPHA else "no difference is shown"
    return f"; but seed by seed {shown}, adjusted p {p_text(found.p_holm)}"


def unused(seeds: Sequence[int]) -> str:
    """Return which seeds a comparison leaves out, and why."""
    return f"Seeds left out, since not every model has them: {', '.join(map(str, seeds))}."


def notes(found: Comparison) -> list[str]:
    """Return how the figures were found and what limits them, one sentence or two each."""
    several = len(found.seeds) > 1
    lines = [found.images.note]
    if found.preparation:
        lines.append(found.preparation)
    if several:
        units, unit = ("subjects", "a subject") if found.images.clustered else ("images", "an image")
        lines.append(
            f"Means over the seeds {', '.join(map(str, found.seeds))}. Intervals, for other seeds and other images: "
            f"the variance between seeds and the sampling covariance of runs on the same images (jackknife over "
            f"{units}), each with its own quantile of t (Banerjee 1960). Runs of two models are taken as independent "
            f"but for the images. Of a proportion that does not vary: Wilson with {unit} as one trial, which knows "
            "nothing of other seeds."
        )
        lines.append(
            "Seed by seed: the same variances, of the differences of runs of one seed. These see the images in one "
            "order and, where network and start are the same, begin with the same weights. It is the form for one "
            "network by two recipes; of two networks take it only where you chose it before you saw the results."
        )
    elif found.images.clustered:
        lines.append(
            "Intervals: BCa bootstrap over subjects, the same samples for all models; where all subjects are alike, "
            "Wilson with a subject as one trial."
        )
    else:
        lines.append(
            "Intervals: Wilson for accuracy, recall and precision; Newcombe's paired one for differences of accuracy; "
            "BCa bootstrap over images for the others, the same samples for all models."
        )
    lines.append(
        f"Intervals are of 95 % each, not adjusted for their number; p-values are adjusted by Holm's method over "
        f"{_counted(found.pairs)}, level {ALPHA:g}."
    )
    ends = "has its lower end moved down by the bias of chance" if several else "is a bootstrap's less its bias"
    lines.append(
        f"ECE: expected calibration error of the highest probability, {BINS} bins of equal width; its interval {ends}, "
        "and begins at 0 where a perfectly calibrated model could show as much."
    )
    if found.unused_seeds:
        lines.append(unused(found.unused_seeds))
    return lines


def spread_lines(found: Comparison) -> list[str]:
    """Return how the variance of each model's accuracy splits into seed and sample, a sentence each."""
    lines = []
    for model in found.models:
        if model.spread is None:
            continue
        low, high = model.spread.between_interval()
        reach = "no interval, since all are equally accurate"
        if math.isfinite(high):
            reach = f"95 % interval {100 * low:.2f} to {100 * high:.2f}"
        seen = (
            f"{model.name}: standard deviation {100 * model.spread.between**0.5:.2f} points between "
            f"{model.spread.runs} seeds ({reach}) and "
            f"{100 * model.spread.sample**0.5:.2f} points of one run from the sample"
        )
        if model.spread.seed > 0:
            part = f"of a single run's variance {100 * model.spread.seed_share:.0f} % is the seed's"
        else:
            part = "no effect of the seed can be told from the sample's"
        lines.append(f"{seen}: {part}.")
    return lines


def foreseen_lines(found: Comparison) -> list[str]:
    """Return how far the intervals of differences that are not shown would reach with more seeds, a sentence each."""
    lines = []
    for pair in found.pairs:
        if pair.significant or not pair.foreseen:
            continue
        now = (pair.difference.high - pair.difference.low) / 2
        more = ", ".join(f"{100 * reach:.1f} with {seeds}" for seeds, reach in pair.foreseen.items())
        lines.append(
            f"{pair.a} and {pair.b}: the interval of their difference reaches {100 * now:.1f} points to either side "
            f"with {len(found.seeds)} seeds of each; if they go on varying as these do, {more}."
        )
    return lines


def gap_lines(found: Comparison) -> list[str]:
    """Return each model's largest gap between groups, a sentence each, and what a gap does not say."""
    lines = []
    small: dict[str, int] = {}
    unknown = 0
    for model in found.models:
        groups = model.groups
        if groups is None:
            return []
        small = {group.value: group.images for group in groups.groups if not group.in_gap}
        unknown = groups.unknown
        if groups.gap is None:
            lines.append(f"{model.name}: no gap, since fewer than two groups of {groups.attribute} are large enough.")
            continue
        gap = groups.gap
        ends = "unknown"
        if gap.difference.known:
            ends = f"{100 * gap.difference.low:.1f} to {100 * gap.difference.high:.1f}"
        for_all = f", for all {gap.pairs} pairs of groups at once" if gap.pairs > 1 else ""
        shown = "" if gap.difference.low > 0 else "; there may be none"
        lines.append(
            f"{model.name}: largest gap {100 * gap.difference.value:.1f} points, {gap.best} over {gap.worst} (95 % "
            f"interval {ends}{for_all}){shown}."
        )
    if small:
        listed = ", ".join(f"{name} ({images})" for name, images in small.items())
        lines.append(f"Left out of the gap for fewer than {SMALLEST} images: {listed}.")
    if unknown:
        lines.append(f"In no group, since the value is unknown: {unknown:,} images.")
    lines.append("Groups differ in their mix of emotions too: a gap need not be due to the group itself.")
    return lines


def _counted(pairs: Sequence[Pair]) -> str:
    return "the one pair" if len(pairs) == 1 else f"the {len(pairs)} pairs"
