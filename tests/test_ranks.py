"""Ranges of ranks: what they say agrees with the pairwise decisions, and with nothing else."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_bench.leaderboard.ranks import RankRange, rank_ranges

# A busy machine is no failure.
calmly = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def decided(draw):
    """Return the true scores of some models, ties among them, and right decisions on some pairs."""
    scores = draw(st.lists(st.integers(0, 5), min_size=1, max_size=7))
    pairs = [(a, b) for a, b in itertools.permutations(range(len(scores)), 2) if scores[a] > scores[b]]
    made = draw(st.integers(0, 2 ** len(pairs) - 1))
    return scores, {pair for place, pair in enumerate(pairs) if made >> place & 1}


def test_ties_are_not_passed_on():
    # A and B, B and C are not told apart, A and C are.
    assert rank_ranges(3, [(0, 2)]) == [RankRange(1, 2), RankRange(1, 3), RankRange(2, 3)]
    assert [str(found) for found in rank_ranges(2, [(1, 0)])] == ["2", "1"]


def test_better_is_passed_on():
    # A is better than B and B than C: no test of A and C is needed.
    assert rank_ranges(3, [(0, 1), (1, 2)]) == [RankRange(1, 1), RankRange(2, 2), RankRange(3, 3)]


def test_a_range_is_shown_as_its_ends():
    assert str(RankRange(1, 2)) == "1-2"


def reached(start, steps):
    """Return every model that some steps lead to, however many."""
    found, waiting = set(), [start]
    while waiting:
        here = waiting.pop()
        fresh = {b for a, b in steps if a == here} - found
        found |= fresh
        waiting += fresh
    return found


@calmly
@given(decided())
def test_a_range_counts_who_is_shown_to_be_better_and_worse(case):
    scores, better = case
    n = len(scores)
    for i, found in enumerate(rank_ranges(n, better)):
        assert found.low - 1 == len(reached(i, {(b, a) for a, b in better}))
        assert n - found.high == len(reached(i, better))
        assert 1 <= found.low <= found.high <= n


@calmly
@given(decided())
def test_who_alone_may_be_first_is_first(case):
    scores, better = case
    first = [found for found in rank_ranges(len(scores), better) if found.low == 1]
    assert first
    assert len(first) > 1 or first == [RankRange(1, 1)]


@calmly
@given(decided())
def test_right_decisions_give_ranges_that_hold_the_true_ranks(case):
    scores, better = case
    for score, found in zip(scores, rank_ranges(len(scores), better), strict=True):
        assert found.low <= 1 + sum(other > score for other in scores)
        assert found.high >= len(scores) - sum(other < score for other in scores)


@calmly
@given(decided(), st.randoms())
def test_the_order_of_the_models_changes_nothing(case, random):
    scores, better = case
    order = list(range(len(scores)))
    random.shuffle(order)
    shuffled = list(better)
    random.shuffle(shuffled)
    before = rank_ranges(len(scores), better)
    after = rank_ranges(len(scores), [(order[a], order[b]) for a, b in shuffled])
    assert [after[order[i]] for i in range(len(scores))] == before


@calmly
@given(decided())
def test_one_more_decision_only_narrows(case):
    scores, better = case
    if not better:
        return
    fewer = rank_ranges(len(scores), sorted(better)[1:])
    for wide, narrow in zip(fewer, rank_ranges(len(scores), better), strict=True):
        assert wide.low <= narrow.low <= narrow.high <= wide.high


@calmly
@given(st.permutations(range(5)))
def test_all_pairs_decided_give_one_rank_each_and_none_decided_every_rank(order):
    better = [(a, b) for a, b in itertools.permutations(range(5), 2) if order[a] < order[b]]
    assert rank_ranges(5, better) == [RankRange(place + 1, place + 1) for place in order]
    assert rank_ranges(5, []) == [RankRange(1, 5)] * 5


def test_a_contradiction_is_no_ranking():
    with pytest.raises(ValueError, match="each is better"):
        rank_ranges(2, [(0, 1), (1, 0)])
    with pytest.raises(ValueError, match="each is better"):
        rank_ranges(2, [(1, 1)])
    with pytest.raises(ValueError, match="each is better"):
        rank_ranges(3, [(0, 1), (1, 2), (2, 0)])
