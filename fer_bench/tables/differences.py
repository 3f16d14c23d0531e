"""Table 7: which differences of the inference times are significant."""

from collections.abc import Iterator, Mapping, Sequence

from fer_bench import paper
from fer_bench.anova_result import Form, PairDifference, RankPair
from fer_bench.models import model_title
from fer_bench.p_values import p_cell, p_text
from fer_bench.records import StatisticsRecord
from fer_bench.selection import Evidence, in_order
from fer_bench.tables.complexity import PAPER_RUNTIME
from fer_bench.tables.notes import BEYOND_NOTE, latency_notes, method
from fer_bench.tables.values import Cell, Column, Grid, Missing, Number, Row, Table, Text, Value

_BELIEVED: dict[Form, str] = {
    "anova": "Tukey",
    "welch": "Games-Howell",
    "kruskal": "Dunn",
    "repeated_measures": "paired t",
}
"""Whose p-values are those of a form to believe."""


def table7(evidence: Evidence) -> Table:
    """Table 7: Tukey's post-hoc test of the inference times: difference of the means in seconds, ordered pairs."""
    statistics = evidence.latency.statistics if evidence.latency else {}
    shown = sorted({PAPER_RUNTIME, *statistics}, key=lambda runtime: (runtime != PAPER_RUNTIME, runtime))
    blocks = [_pairs(runtime, statistics.get(runtime), synthetic=evidence.synthetic) for runtime in shown]
    notes = [note for runtime in shown if runtime in statistics for note in _anova_notes(statistics[runtime])]
    if not statistics:
        notes.append("No statistics records.")
    if any(column.title.startswith("p, ") for block in blocks for column in block.columns):
        notes.append("Stars are Tukey's, as the paper's; p: of the form to believe, adjusted for all pairs.")
    if not evidence.synthetic:
        notes.append(
            f"* Published: significant at the 0.05 level. They stand beside {PAPER_RUNTIME}, from another machine: "
            "only the order is compared, where the form to believe finds a difference."
        )
    if any(block.beyond for block in blocks):
        notes.append(BEYOND_NOTE)
    if any(record.replicate == "call" for record in statistics.values()) or not statistics:
        notes.append(
            "Calls in one process are not independent: a star holds for that process, not for others or other machines."
        )
    notes += latency_notes(evidence)
    title = "ANOVA post-hoc test of the inference times"
    return Table(7, title, evidence.synthetic, tuple(blocks), tuple(notes))


def _order(record: StatisticsRecord | None, printed: paper.Pair7) -> str:
    """Return whether the form to believe finds the same of two models faster, as the paper does.

    The seconds of two machines are not compared.
    """
    if record is None or not {printed.model, printed.other} <= set(record.models):
        return "not run"
    pair = _believed(record).get((printed.model, printed.other))
    if pair is None or not pair.significant:
        return "not told apart"
    return "as published" if (pair.difference > 0) == (printed.difference > 0) else "reversed"


def _believed(record: StatisticsRecord) -> dict[tuple[str, str], PairDifference | RankPair]:
    return {(pair.a, pair.b): pair for pair in record.believed}


def _pairs(runtime: str, record: StatisticsRecord | None, *, synthetic: bool) -> Grid:
    compare = runtime == PAPER_RUNTIME and not synthetic
    columns = [Column("Model", text=True), Column("Compared with", text=True), Column("Mean difference (s)")]
    if compare:
        columns += [Column("Published (s)"), Column("Order", text=True)]
    form = _BELIEVED.get(record.recommended.form) if record and record.recommended else None
    if form is not None:
        columns.append(Column(f"p, {form}"))
    measured = {(pair.a, pair.b): pair for pair in record.pairs} if record else {}
    believed = _believed(record) if record else {}
    rows: list[Row] = []
    for printed in paper.TABLE7:
        value: Value = Missing()
        pair = measured.get((printed.model, printed.other))
        if pair:
            value = Number(value=pair.difference, decimals=4, star=pair.significant)
        titles = (Text(model_title(printed.model)), Text(model_title(printed.other)))
        row: list[Cell] = [*titles, value]
        if compare:
            row.append(Number(value=printed.difference, decimals=4, star=printed.significant))
            row.append(Text(_order(record, printed)))
        if form is not None:
            row.append(_p_of(believed.get((printed.model, printed.other))))
        rows.append(tuple(row))
    others = _beyond(record)
    for model, other in others:
        pair = measured[model, other]
        extra: list[Cell] = [Number(value=pair.difference, decimals=4, star=pair.significant)]
        extra += [Missing(), Text("")] if compare else []
        extra += [_p_of(believed.get((model, other)))] if form is not None else []
        rows.append((method(model), method(other), *extra))
    return Grid(f"Inference time, {runtime}", tuple(columns), tuple(rows), beyond=len(others))


def _beyond(record: StatisticsRecord | None) -> list[tuple[str, str]]:
    """Return the pairs of every model besides the paper's three with each other model, each once."""
    models = in_order(record.models) if record else ()
    return [
        (model, other) for place, model in enumerate(models) if model not in paper.MODELS for other in models[:place]
    ]


def _anova_notes(record: StatisticsRecord) -> Iterator[str]:
    models = ", ".join(map(model_title, in_order(record.models)))
    if record.replicate == "process":
        over = f"the means of {_sizes(record.n)} processes"
    else:
        over = f"{_sizes(record.n)} calls of each in one process, descriptive"
    yield (
        f"* {record.runtime}: the difference is significant at the {record.alpha:g} level (Tukey's HSD, over all "
        f"{len(record.pairs) // 2} pairs of the {len(record.models)} models of the session); one-way ANOVA "
        f"of {models}, {over}: F({record.df[0]}, {record.df[1]}) = {record.f:.2f}, p {p_text(record.p)}."
    )
    if reason := record.refused.get("process_means"):
        yield f"{record.runtime}: the first process of each model alone is compared; {reason}."
    if record.within_process:
        within = record.within_process
        yield (
            f"{record.runtime}, descriptive: over the {_sizes(within.n)} calls of one process F({within.df[0]}, "
            f"{within.df[1]}) = {within.f:.2f}, p {p_text(within.p)}{_other_stars(record, within.pairs)}."
        )
    if record.welch and record.games_howell is not None:
        yield (
            f"{record.runtime}, unequal variances allowed: Welch's F({record.welch.df[0]:.0f}, "
            f"{record.welch.df[1]:.1f}) = {record.welch.f:.2f}, p {p_text(record.welch.p)}; Games-Howell"
            f"{_other_stars(record, record.games_howell)}."
        )
    if record.repeated_measures:
        repeated = record.repeated_measures
        yield (
            f"{record.runtime}, repeated measures over {repeated.blocks} "
            f"{'processes' if repeated.block == 'process' else 'blocks of calls'}: F({repeated.df[0]}, "
            f"{repeated.df[1]}) = {repeated.f:.2f}, p {p_text(repeated.p_corrected)} (Greenhouse-Geisser); paired "
            f"differences{_other_stars(record, repeated.pairs)}."
        )
    if record.recommended:
        yield f"{record.runtime}: {record.recommended.sentence}"


def _other_stars(record: StatisticsRecord, pairs: Sequence[PairDifference]) -> str:
    """Return how the significant pairs of another form differ from those of Tukey's HSD, of those that are shown."""
    shown = {frozenset((pair.model, pair.other)) for pair in paper.TABLE7}
    shown |= {frozenset(pair) for pair in _beyond(record)}
    ours = shown & {frozenset((pair.a, pair.b)) for pair in record.pairs if pair.significant}
    theirs = shown & {frozenset((pair.a, pair.b)) for pair in pairs if pair.significant}
    parts = []
    for words, changed in (("a star also for", theirs - ours), ("no star for", ours - theirs)):
        named = [" and ".join(model_title(model) for model in record.models if model in pair) for pair in changed]
        if named:
            parts.append(f" {words} {', '.join(sorted(named))}")
    return ":" + ";".join(parts) if parts else ": the same stars"


def _p_of(pair: PairDifference | RankPair | None) -> Cell:
    """Return the adjusted p-value of a pair."""
    return Missing() if pair is None else Text(p_cell(pair.p))


def _sizes(n: Mapping[str, int]) -> str:
    return " to ".join(str(size) for size in sorted({min(n.values()), max(n.values())}))
