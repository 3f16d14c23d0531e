"""A board in words: what is ranked on what, how, and what that does not say."""

from collections.abc import Sequence

from fer_bench.accuracy.comparison import ALPHA
from fer_bench.leaderboard.contests import SHORT
from fer_bench.leaderboard.ranking import Board, Standing

RANGES = (
    "Rank: from 1 + the number of contenders shown to be more accurate to their number less those shown to be less "
    "accurate, directly or by way of a third; 1-3 says that it may be first, second or third. All ranges of a board "
    "hold at once, at 95 % together. Bold: may be first."
)
NO_TIES = (
    "Not told apart is not equal, and is not passed on: where A and B, and B and C, are not told apart, A may still be "
    "shown to be better than C. So nothing is put into groups of ties."
)
OVERLAP = (
    "Intervals may overlap where a paired test tells two apart, since both answered the same images: the ranges of "
    "ranks say who is better, the intervals do not."
)


def title(board: Board) -> str:
    """Return what is ranked, e.g. ``Trained on raf-db, tested on ck-plus``, and that it is synthetic where it is."""
    contest = board.contest
    synthetic = " (synthetic faces, demo)" if contest.origin == "synthetic" else ""
    return f"Trained on {contest.dataset}, tested on {contest.target}{synthetic}"


def verdict(board: Board) -> str:
    """Return who may be first, in one sentence."""
    first = [standing.name for standing in board.standings if standing.rank.low == 1]
    if len(board.standings) == 1:
        return f"{first[0]} is the only contender: nothing is ranked."
    if len(first) == 1:
        return f"{first[0]} is shown to be more accurate than every other."
    if len(first) == len(board.standings):
        return f"No contender is shown to be less accurate than another: any of the {len(first)} may be first."
    return f"Any of {len(first)} may be first: {', '.join(first)}."


def notes(board: Board) -> list[str]:
    """Return how this board was made and what limits it, one note each."""
    contest = board.contest
    fingerprints = f"test set {contest.target_fingerprint[:SHORT]}"
    if contest.dataset != contest.target:
        fingerprints = f"training set {contest.dataset_fingerprint[:SHORT]}, {fingerprints}"
    recipes = sorted({standing.contender.recipe for standing in board.standings})
    lines = [
        f"{board.n:,} {'synthetic ' if contest.origin == 'synthetic' else ''}test images; {fingerprints}; backend "
        f"{contest.backend}; recipe{'s' if len(recipes) > 1 else ''} {', '.join(recipes)}.",
        board.images.note,
    ]
    if len(board.standings) > 1:
        lines += _tests(board)
    methods = dict.fromkeys(standing.accuracy.method for standing in board.standings)
    lines.append(f"Intervals of 95 % each: {', '.join(methods)}.")
    if len(recipes) > 1:
        lines.append("Recipes differ: a difference may be due to the recipe and not to the model.")
    return lines


def _tests(board: Board) -> list[str]:
    """Return what was tested how, and what the replicate is."""
    count = len(board.duels)
    lines = [
        f"Paired tests of accuracy, Holm's correction over {'the one pair' if count == 1 else f'all {count} pairs'} of "
        f"this board, level {ALPHA:g}: {'; '.join(sorted({duel.test for duel in board.duels}))}."
    ]
    sampled = "the person shown, with all of their images" if board.images.clustered else "the test image"
    once = [standing.name for standing in board.standings if len(standing.accuracies) == 1]
    several = [standing for standing in board.standings if len(standing.accuracies) > 1]
    if not several:
        lines.append(
            f"The replicate is {sampled}: each model was trained once, so the ranks are those of these trained "
            "networks on other images of the kind, not of another seed."
        )
        return lines
    lines.append(
        f"The replicates are the training run, one a seed, and {sampled}: the ranks of contenders with several seeds "
        "are for other seeds and other images of the kind. Two or three seeds tell little."
    )
    if any(len({run.host for run in standing.contender.runs}) > 1 for standing in several):
        lines.append("Seeds trained on several hosts count as one sample.")
    if once:
        lines.append(
            f"Trained once: {', '.join(once)}. Where one of these is compared, only {sampled} is a replicate, and "
            "every run of the other must show the difference: that holds for these networks, not for another seed."
        )
    return lines


def seeds_text(seeds: Sequence[int]) -> str:
    """Return seeds with those that follow one another joined.

    >>> seeds_text((0, 1, 2, 7))
    '0-2, 7'
    """
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 2 else ", ".join(map(str, part)) for part in parts)


def hosts(standing: Standing) -> tuple[str, ...]:
    """Return the kinds of machine that a contender was trained on."""
    return tuple(sorted({run.host for run in standing.contender.runs}))
