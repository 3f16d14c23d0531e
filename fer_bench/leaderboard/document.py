"""Boards of accuracy as tables and as data for other programs."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from fer_bench.accuracy.comparison import ALPHA
from fer_bench.accuracy.intervals import LEVEL, number_or_none
from fer_bench.leaderboard.formats import slug
from fer_bench.leaderboard.ranking import Board, Standing
from fer_bench.leaderboard.words import ACCURACY, NO_TIES, OVERLAP, hosts, notes, seeds_text, title, verdict
from fer_bench.tables.notes import BEYOND
from fer_bench.tables.values import Cell, Column, Grid, Missing, Number, Range, Row, Table, Text

READING = (ACCURACY.ranges, NO_TIES, OVERLAP)
"""How to read a board of accuracies."""

COLUMNS = (
    Column("Rank", text=True),
    Column("Model", text=True),
    Column("Recipe", text=True),
    Column("Start", text=True),
    Column("Seeds", text=True),
    Column("Workspace", text=True),
    Column("Host", text=True),
    Column("Accuracy (%)"),
    Column("95 % interval"),
    Column("Balanced (%)"),
    Column("Macro F1"),
    Column("Parameters"),
    Column("GFLOPs"),
)


def table(board: Board) -> Table:
    """Return a board as it is shown, its verdict as the first note; bold accuracies are those that may be the best."""
    return Table(
        number=0,
        title=title(board),
        synthetic=board.contest.origin == "synthetic",
        blocks=(Grid("", COLUMNS, tuple(_row(standing) for standing in board.standings)),),
        notes=(verdict(board), *notes(board)),
        slug=slug(board.contest.dataset, board.contest.target),
    )


def csv_lines(boards: Sequence[Board]) -> list[dict[str, Any]]:
    """Return one line a contender of every board: fractions with all their digits, ``None`` where not known."""
    return [line for found in to_json(boards)["boards"] for line in _csv_lines(found)]


def to_json(boards: Sequence[Board]) -> dict[str, Any]:
    """Return boards as JSON-ready data: fractions, not percentages; ``None`` for what is not known."""
    return {
        "confidence": LEVEL,
        "alpha": ALPHA,
        "boards": [_board(board) for board in boards],
        "reading": list(READING),
    }


def _board(board: Board) -> dict[str, Any]:
    contest = board.contest
    return {
        "dataset": contest.dataset,
        "target": contest.target,
        "origin": contest.origin,
        "backend": contest.backend,
        "dataset_fingerprint": contest.dataset_fingerprint,
        "target_fingerprint": contest.target_fingerprint,
        "n": board.n,
        "units": board.images.as_json(),
        "standings": [_standing(standing) for standing in board.standings],
        "pairs": [
            {
                "a": duel.a,
                "b": duel.b,
                "difference": duel.difference,
                "test": duel.test,
                "p": duel.p,
                "p_holm": duel.p_holm,
                "significant": duel.significant,
            }
            for duel in board.duels
        ],
        "verdict": verdict(board),
        "notes": notes(board),
    }


def _standing(standing: Standing) -> dict[str, Any]:
    contender, start = standing.contender, standing.contender.start
    return {
        "rank": [standing.rank.low, standing.rank.high],
        "name": standing.name,
        "model": contender.model,
        "recipe": contender.recipe,
        "external": None if contender.external is None else dataclasses.asdict(contender.external),
        "start": None if start is None else {"kind": start.kind, "sha256": start.sha256},
        "seeds": list(contender.seeds),
        "accuracy_by_seed": list(standing.accuracies),
        "accuracy": standing.accuracy.as_json(),
        "balanced_accuracy": number_or_none(standing.balanced_accuracy),
        "macro_f1": number_or_none(standing.macro_f1),
        "trainable_parameters": standing.trainable_parameters,
        "flops_paper_rule": standing.flops,
        "workspaces": list(contender.labels),
        "hosts": list(hosts(standing)),
    }


def _csv_lines(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": board["dataset"],
            "target": board["target"],
            "origin": board["origin"],
            "backend": board["backend"],
            "n": board["n"],
            "rank_low": found["rank"][0],
            "rank_high": found["rank"][1],
            "model": found["model"],
            "recipe": found["recipe"],
            "start": (found["start"] or {}).get("kind"),
            "seeds": " ".join(map(str, found["seeds"])),
            "accuracy": found["accuracy"]["value"],
            "accuracy_low": (found["accuracy"]["ci"] or [None])[0],
            "accuracy_high": (found["accuracy"]["ci"] or [None])[-1],
            "balanced_accuracy": found["balanced_accuracy"],
            "macro_f1": found["macro_f1"],
            "trainable_parameters": found["trainable_parameters"],
            "flops_paper_rule": found["flops_paper_rule"],
            "workspaces": " ".join(found["workspaces"]),
            "hosts": " ".join(found["hosts"]),
            "target_fingerprint": board["target_fingerprint"],
        }
        for found in board["standings"]
    ]


def _row(standing: Standing) -> Row:
    contender, accuracy = standing.contender, standing.accuracy
    interval: Cell = Missing()
    if accuracy.known:
        interval = Range(low=100 * accuracy.low, high=100 * accuracy.high, decimals=1)
    return (
        Text(str(standing.rank)),
        Text(contender.model if contender.external is None else f"{contender.model} {BEYOND}"),
        Text(contender.recipe),
        Text(contender.start_text) if contender.start else Missing(),
        Text(seeds_text(contender.seeds)),
        Text(", ".join(contender.labels)),
        Text(", ".join(hosts(standing))),
        Number(value=100 * accuracy.value, decimals=1, best=standing.rank.low == 1),
        interval,
        _number(100 * standing.balanced_accuracy, 1),
        _number(standing.macro_f1, 3),
        _number(standing.trainable_parameters, 0, thousands=True),
        _number(None if standing.flops is None else standing.flops / 1e9, 4),
    )


def _number(value: float | None, decimals: int, *, thousands: bool = False) -> Cell:
    if value is None or not math.isfinite(value):
        return Missing()
    return Number(value=value, decimals=decimals, thousands=thousands)
