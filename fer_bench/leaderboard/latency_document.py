"""Boards of inference times as tables and as data for other programs."""

from collections.abc import Sequence
from typing import Any

from fer_bench.errors import number_of
from fer_bench.leaderboard.formats import slug
from fer_bench.leaderboard.latency import TimeBoard, Timed
from fer_bench.leaderboard.words import NO_TIES, TIMES
from fer_bench.records import ProfileRecord
from fer_bench.tables.externals import external_notes
from fer_bench.tables.notes import BEYOND
from fer_bench.tables.values import Column, Grid, Missing, Number, Table, Text

COLUMNS = (
    Column("Rank", text=True),
    Column("Model", text=True),
    Column("Workspace", text=True),
    Column("Host", text=True),
    Column("Mean time (ms)"),
    Column("Standard deviation (ms)"),
    Column("Replicates"),
    Column("Ratio to the fastest"),
)

READING = (TIMES.ranges, NO_TIES)
"""How to read a board of times."""


def table(board: TimeBoard) -> Table:
    """Return a board as it is shown, its verdict as the first note; bold times are those that may be the shortest."""
    first = _first(board)
    external = {record.model for record in board.session.profiles if record.external}
    shortest = min(found.mean for found in board.standings)
    rows = tuple(
        (
            Text(str(found.rank)),
            Text(f"{found.model} {BEYOND}" if found.model in external else found.model),
            Text(", ".join(board.session.labels)),
            Text(first.environment.host),
            Number(value=1000 * found.mean, decimals=2, best=found.rank.low == 1),
            Missing() if found.sd is None else Number(value=1000 * found.sd, decimals=2),
            Number(value=found.n, decimals=0),
            Number(value=found.mean / shortest, decimals=2),
        )
        for found in board.standings
    )
    return Table(
        number=0,
        title=f"Inference time, {board.runtime}, session {first.session}",
        synthetic=first.origin == "synthetic",
        blocks=(Grid("", COLUMNS, rows),),
        notes=(_verdict(board), *_notes(board)),
        slug=slug("time", first.session, board.runtime),
    )


def _first(board: TimeBoard) -> ProfileRecord:
    """Return a profile that tells of the session: of fer-bench's own models where there is one."""
    profiles = board.session.profiles
    return next((record for record in profiles if record.external is None), profiles[0])


def to_json(boards: Sequence[TimeBoard]) -> dict[str, Any]:
    """Return boards as JSON-ready data, times in seconds."""
    return {"boards": [_board(board) for board in boards], "reading": list(READING)}


def csv_lines(boards: Sequence[TimeBoard]) -> list[dict[str, Any]]:
    """Return one line a model of every board, times in seconds."""
    return [
        {
            "session": board.session.profiles[0].session,
            "runtime": board.runtime,
            "rank_low": found.rank.low,
            "rank_high": found.rank.high,
            "model": found.model,
            "mean_s": found.mean,
            "sd_s": found.sd,
            "replicates": found.n,
            "replicate": _replicate(board),
            "workspaces": " ".join(board.session.labels),
            "host": board.session.profiles[0].environment.host,
        }
        for board in boards
        for found in board.standings
    ]


def _board(board: TimeBoard) -> dict[str, Any]:
    first = _first(board)
    recommended = board.analysis.recommended if board.analysis else None
    return {
        "session": first.session,
        "runtime": board.runtime,
        "origin": first.origin,
        "backend": first.backend,
        "image_size": first.image_size,
        "host": first.environment.host,
        "workspaces": list(board.session.labels),
        "replicate": _replicate(board),
        "form": recommended.form if recommended else None,
        "alpha": board.analysis.alpha if board.analysis else None,
        "standings": [_standing(found) for found in board.standings],
        "verdict": _verdict(board),
        "notes": _notes(board),
    }


def _standing(found: Timed) -> dict[str, Any]:
    return {
        "rank": [found.rank.low, found.rank.high],
        "model": found.model,
        "mean": found.mean,
        "sd": found.sd,
        "n": found.n,
    }


def _replicate(board: TimeBoard) -> str:
    return board.analysis.replicate if board.analysis else "call"


def _verdict(board: TimeBoard) -> str:
    return TIMES.verdict({found.model: found.rank for found in board.standings})


def _notes(board: TimeBoard) -> list[str]:
    first = _first(board)
    environment = first.environment
    lines = [
        f"Measured in one session on one machine ({environment.processor}, {number_of(environment.cores, 'core')}, "
        f"{', '.join(environment.devices) or 'no accelerator'}); backend {first.backend}; input {first.image_size} × "
        f"{first.image_size} × 3, one image a call. Times of other sessions or machines are never ranked with these."
    ]
    timed = {found.model for found in board.standings}
    lines += external_notes(record for record in board.session.profiles if record.model in timed)
    if board.analysis is None:
        return lines
    if board.analysis.recommended:
        lines.append(board.analysis.recommended.sentence)
        if board.analysis.recommended.form == "kruskal":
            lines.append(
                "Ordered and told apart by the ranks of the single times, which a few slow ones hardly move: the means "
                "and their ratios, to the shortest, may be in another order."
            )
    if board.analysis.replicate == "call":
        lines.append("The replicate is a call of one process: the ranks describe this process and promise no more.")
    else:
        lines.append("The replicate is a process, its value the mean of its calls.")
    return lines
