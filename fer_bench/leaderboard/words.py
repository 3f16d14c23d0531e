"""A board in words: what is ranked on what, how, and what that does not say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fer_bench.accuracy.comparison import ALPHA
from fer_bench.leaderboard.contests import SHORT
from fer_bench.leaderboard.ranking import Board, Standing
from fer_bench.leaderboard.ranks import RankRange
from fer_bench.records import EXTERNAL
from fer_bench.tables.externals import external_notes
from fer_bench.tables.preparations import choices

NO_TIES = (
    "Not told apart is not equal, and is not passed on: where A and B, and B and C, are not told apart, A may still be "
    "shown to be better than C. So nothing is put into groups of ties."
)
OVERLAP = (
    "Intervals may overlap where a paired test tells two apart, since both answered the same images: the ranges of "
    "ranks say who is better, the intervals do not."
)

MOST_NAMED = 6
"""Contenders that a note lists."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a kind of board calls those that it ranks, in the singular, and how one is better or worse."""

    one: str
    better: str
    worse: str

    @property
    def ranges(self) -> str:
        """How to read a range of ranks."""
        return (
            f"Rank: from 1 + the number of {self.one}s shown to be {self.better} to their number less those shown to "
            f"be {self.worse}, directly or by way of a third; 1-3 says that it may be first, second or third. The "
            f"tests of a board are corrected together, at level {ALPHA:g}. Bold: may be first."
        )

    def verdict(self, ranks: Mapping[str, RankRange]) -> str:
        """Return who may be first, in one sentence; ``ranks`` by name, in the order of the board."""
        first = [name for name, rank in ranks.items() if rank.low == 1]
        if len(ranks) == 1:
            return f"{first[0]} is the only {self.one}: nothing is ranked."
        if len(first) == 1:
            return f"{first[0]} is shown to be {self.better} than every other."
        if len(first) == len(ranks):
            return f"No {self.one} is shown to be {self.worse} than another: any of the {len(first)} may be first."
        return f"Any of {len(first)} may be first: {'; '.join(first)}."


ACCURACY = Terms(one="contender", better="more accurate", worse="less accurate")
TIMES = Terms(one="model", better="faster", worse="slower")


def title(board: Board) -> str:
    """Return what is ranked, e.g. ``Trained on raf-db, tested on ck-plus``."""
    if board.contest.dataset == EXTERNAL:
        return f"External models, tested on {board.contest.target}"
    return f"Trained on {board.contest.dataset}, tested on {board.contest.target}"


def verdict(board: Board) -> str:
    """Return who may be first, in one sentence."""
    return ACCURACY.verdict({standing.name: standing.rank for standing in board.standings})


def notes(board: Board) -> list[str]:
    """Return how this board was made and what limits it, one note each."""
    contest = board.contest
    runs = [run for found in board.standings for run in found.contender.runs]
    fingerprints = f"test set {contest.target_fingerprint[:SHORT]}{choices(run.record.target_prepared for run in runs)}"
    if contest.dataset not in (contest.target, EXTERNAL):
        learnt = choices(one for run in runs if run.train is not None for one in run.train.prepared)
        fingerprints = f"training set {contest.dataset_fingerprint[:SHORT]}{learnt}, {fingerprints}"
    recipes = sorted({found.contender.recipe for found in board.standings if found.contender.external is None})
    lines = [
        f"{board.n:,} {'synthetic ' if contest.origin == 'synthetic' else ''}test images; {fingerprints}; backend "
        f"{contest.backend}" + (f"; recipe{'s' if len(recipes) > 1 else ''} {', '.join(recipes)}." if recipes else "."),
        board.images.note,
    ]
    if len(board.standings) > 1:
        lines += _tests(board)
    methods = dict.fromkeys(standing.accuracy.method for standing in board.standings)
    lines.append(f"Intervals of 95 % each: {', '.join(methods)}.")
    if len(recipes) > 1:
        lines.append("Recipes differ: a difference may be due to the recipe and not to the model.")
    lines += external_notes(found.contender.runs[0].record for found in board.standings)
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
            f"Trained once: {_counted(once, len(board.standings))}. Where one of these is compared, only {sampled} "
            "is a replicate, and every run of the other must show the difference: that holds for these networks, not "
            "for another seed."
        )
    return lines


def _counted(once: Sequence[str], of: int) -> str:
    """Return the names, or how many of the board's rows they are where the column of seeds tells better than a list."""
    return "; ".join(once) if len(once) <= MOST_NAMED else f"{len(once)} of {of}, those with a single seed"


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
