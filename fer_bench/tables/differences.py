"""Table 7: which differences of the inference times are significant."""

from collections.abc import Iterator, Mapping, Sequence

from fer_bench import paper
from fer_bench.anova_result import Form, PairDifference, RankPair, RepeatedMeasures
from fer_bench.errors import number_of
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
    latency = evidence.latency
    families = (
        {
            runtime: (latency.among_the_papers(runtime), latency.statistics.get(runtime))
            for runtime in (*latency.statistics, *latency.paper_statistics)
        }
        if latency
        else {}
    )
    shown = sorted({PAPER_RUNTIME, *families}, key=lambda runtime: (runtime != PAPER_RUNTIME, runtime))
    blocks = [_pairs(runtime, *families.get(runtime, (None, None)), synthetic=evidence.synthetic) for runtime in shown]
    notes = [note for runtime in shown if runtime in families for note in _notes(*families[runtime])]
    if not families:
        notes.append("No statistics records.")
    if any(column.title.startswith("p, ") for block in blocks for column in block.columns):
        notes.append(
            "Stars are Tukey's (the paper does not name its post-hoc test); p: of the form to believe, adjusted for "
            "the pairs that are compared together."
        )
    records = [record for pair in families.values() for record in pair if record]
    notes += dict.fromkeys(record.taken_for_granted for record in records if record.taken_for_granted)
    if not evidence.synthetic:
        notes.append(
            f"* Published: significant at the 0.05 level. They stand beside {PAPER_RUNTIME}, from another machine: "
            "only the order is compared, where the form to believe finds a difference."
        )
    if any(block.beyond for block in blocks):
        notes.append(BEYOND_NOTE)
    if not families or any(record.replicate == "call" for record in records):
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


def _pairs(runtime: str, record: StatisticsRecord | None, whole: StatisticsRecord | None, *, synthetic: bool) -> Grid:
    """Return the rows of one runtime.

    Args:
        record: what compares the paper's models.
        whole: what compares all of the session, for the rows of the others.
    """
    compare = runtime == PAPER_RUNTIME and not synthetic
    columns = [Column("Model", text=True), Column("Compared with", text=True), Column("Mean difference (s)")]
    if compare:
        columns += [Column("Published (s)"), Column("Order", text=True)]
    forms = list(dict.fromkeys(form for item in (record, whole) if (form := _form(item))))
    if forms:
        columns.append(Column(f"p, {' or '.join(forms)}"))
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
        if forms:
            row.append(_p_of(believed.get((printed.model, printed.other))))
        rows.append(tuple(row))
    others = _beyond(whole)
    measured = {(pair.a, pair.b): pair for pair in whole.pairs} if whole else {}
    believed = _believed(whole) if whole else {}
    for model, other in others:
        pair = measured[model, other]
        extra: list[Cell] = [Number(value=pair.difference, decimals=4, star=pair.significant)]
        extra += [Missing(), Text("")] if compare else []
        extra += [_p_of(believed.get((model, other)))] if forms else []
        rows.append((method(model), method(other), *extra))
    return Grid(f"Inference time, {runtime}", tuple(columns), tuple(rows), beyond=len(others))


def _form(record: StatisticsRecord | None) -> str | None:
    return _BELIEVED.get(record.recommended.form) if record and record.recommended else None


def _beyond(record: StatisticsRecord | None) -> list[tuple[str, str]]:
    """Return the pairs of every model besides the paper's three with each other model, each once."""
    models = in_order(record.models) if record else ()
    return [
        (model, other) for place, model in enumerate(models) if model not in paper.MODELS for other in models[:place]
    ]


def _notes(record: StatisticsRecord | None, whole: StatisticsRecord | None) -> Iterator[str]:
    """Yield every form over the paper's models and, where others were measured too, what their rows rest on."""
    if record:
        yield from _anova_notes(record)
    if whole and whole is not record:
        told = f", {_within_blocks(whole.repeated_measures)}" if whole.repeated_measures else ""
        believe = whole.recommended.sentence if whole.recommended else ""
        again = record and record.recommended and record.recommended.sentence == believe
        yield (
            f"† {whole.runtime}: {_among(whole)}: {_f(whole)}{told}." + (f" {believe}" if believe and not again else "")
        )


def _anova_notes(record: StatisticsRecord) -> Iterator[str]:
    yield (
        f"* {record.runtime}: the difference is significant at the {record.alpha:g} level (Tukey's HSD); "
        f"{_among(record)}: {_f(record)}."
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
        yield (
            f"{record.runtime}, {_within_blocks(record.repeated_measures)}; paired differences"
            f"{_other_stars(record, record.repeated_measures.pairs)}."
        )
    if record.recommended:
        yield f"{record.runtime}: {record.recommended.sentence}"
        if record.recommended.form == "kruskal" and record.kruskal and record.dunn is not None:
            yield (
                f"{record.runtime}, by ranks: Kruskal-Wallis H({record.kruskal.df}) = {record.kruskal.h:.2f}, p "
                f"{p_text(record.kruskal.p)}; Dunn{_other_stars(record, record.dunn)}. Order and p are those of the "
                "ranks, which a few slow calls hardly move: a mean difference may have the other sign."
            )


def _among(record: StatisticsRecord) -> str:
    """Return which models are compared together, over how many values."""
    of = "the paper's models alone" if record.family == "paper" else f"all {len(record.models)} models of the session"
    if record.replicate == "process":
        over = f"the means of {_sizes(record.n)} processes"
    else:
        over = f"{_sizes(record.n)} calls of each in one process, descriptive"
    return f"{number_of(len(record.pairs) // 2, 'pair')} of {of}; one-way ANOVA over {over}"


def _f(record: StatisticsRecord) -> str:
    return f"F({record.df[0]}, {record.df[1]}) = {record.f:.2f}, p {p_text(record.p)}"


def _within_blocks(found: RepeatedMeasures) -> str:
    return (
        f"repeated measures over {found.blocks} {'processes' if found.block == 'process' else 'blocks of calls'}: "
        f"F({found.df[0]}, {found.df[1]}) = {found.f:.2f}, p {p_text(found.p_corrected)} (Greenhouse-Geisser)"
    )


def _other_stars(record: StatisticsRecord, pairs: Sequence[PairDifference | RankPair]) -> str:
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
