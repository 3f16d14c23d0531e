"""Tables 6 and 7: parameters, FLOPs, inference time, and which differences of it are significant."""

from collections.abc import Iterator, Mapping, Sequence

from fer_bench import paper
from fer_bench.anova_result import PairDifference
from fer_bench.records import StatisticsRecord
from fer_bench.selection import Evidence
from fer_bench.tables.notes import latency_notes
from fer_bench.tables.values import (
    Cell,
    Column,
    Grid,
    Missing,
    Number,
    Row,
    Table,
    Text,
    Value,
    difference,
    mark_best,
    mean_of,
)

PAPER_RUNTIME = "keras-predict"
"""The runtime beside which the published times stand: what the paper probably timed; it does not say."""
REFERENCE = "clcm"
"""The model whose time is 1 in the ratios."""


def runtimes(evidence: Evidence) -> list[str]:
    """Return the runtimes with a measured time: the paper's first, then the others by name."""
    profiles = evidence.latency.profiles.values() if evidence.latency else ()
    found = {runtime for profile in profiles for runtime, samples in profile.latency.items() if samples}
    return sorted(found | {PAPER_RUNTIME}, key=lambda runtime: (runtime != PAPER_RUNTIME, runtime))


def seconds(evidence: Evidence, model: str, runtime: str) -> list[float]:
    """Return the timed calls of a model, seconds, in the order of their measurement; maybe none."""
    profile = evidence.latency.profiles.get(model) if evidence.latency else None
    samples = profile.latency.get(runtime, ()) if profile else ()
    return [sample.seconds for sample in sorted(samples, key=lambda sample: sample.order)]


def table6(evidence: Evidence) -> Table:
    """Table 6: trainable parameters, GFLOPs by the paper's rule, inference time in seconds, beside the published."""
    blocks = [_complexity(evidence), *(_times(evidence, runtime) for runtime in runtimes(evidence))]
    notes = [
        "GFLOPs by the paper's rule: a multiply-add counts two; batch norm, additions and activations nothing. "
        "Times: mean ± sample standard deviation of N single-image calls.",
        *latency_notes(evidence),
    ]
    if not evidence.synthetic:
        notes.insert(
            1,
            f"The published times stand beside {PAPER_RUNTIME}, probably what the paper timed (it does not say), on "
            "another machine: only order and ratio can be compared.",
        )
    return Table(6, "Complexity of the models", evidence.synthetic, tuple(blocks), tuple(notes))


def _complexity(evidence: Evidence) -> Grid:
    columns = [Column("Model", text=True), Column("Trainable parameters"), Column("GFLOPs")]
    if not evidence.synthetic:
        columns = [columns[0], columns[1], Column("Published"), columns[2], Column("Published")]
    rows: list[Row] = []
    for model in paper.MODELS:
        profile = evidence.latency.profiles.get(model) if evidence.latency else None
        parameters: Value = Missing()
        gflops: Value = Missing()
        if profile:
            parameters = Number(value=profile.trainable_parameters, decimals=0, thousands=True)
            gflops = Number(value=profile.flops_paper_rule / 1e9, decimals=4)
        row: Row = (Text(paper.MODEL_TITLES[model]), parameters, gflops)
        if not evidence.synthetic:
            printed = paper.TABLE6[model]
            published = Number(value=printed.trainable_parameters, decimals=0, thousands=True)
            row = (row[0], parameters, published, gflops, Number(value=printed.gflops, decimals=4))
        rows.append(row)
    for column in range(1, len(columns)):
        rows = list(mark_best(rows, column, lowest=True))
    return Grid("Parameters and operations", tuple(columns), tuple(rows))


def _times(evidence: Evidence, runtime: str) -> Grid:
    compare = runtime == PAPER_RUNTIME and not evidence.synthetic
    columns = [Column("Model", text=True), Column("Mean time (s)"), Column("N"), Column("Ratio to CLCM")]
    if compare:
        columns += [Column("Published (s)"), Column("N"), Column("Ratio to CLCM")]
    reference = mean_of(seconds(evidence, REFERENCE, runtime), decimals=4)
    rows: list[Row] = []
    for model in paper.MODELS:
        samples = seconds(evidence, model, runtime)
        time = mean_of(samples, decimals=4)
        row: list[Cell] = [Text(paper.MODEL_TITLES[model]), time, _count(samples), _ratio(time, reference)]
        if compare:
            printed = paper.TABLE6[model]
            ratio = printed.mean_s / paper.TABLE6[REFERENCE].mean_s
            row.append(Number(value=printed.mean_s, decimals=4, sd=printed.sd_s))
            row.append(Number(value=paper.TABLE6_N, decimals=0))
            row.append(Number(value=ratio, decimals=2))
        rows.append(tuple(row))
    marked = mark_best(rows, 1, lowest=True)
    if compare:
        marked = mark_best(marked, 4, lowest=True)
    return Grid(f"Inference time, {runtime}", tuple(columns), marked)


def _count(samples: Sequence[float]) -> Value:
    return Number(value=len(samples), decimals=0) if samples else Missing()


def _ratio(time: Value, reference: Value) -> Value:
    if isinstance(time, Missing) or isinstance(reference, Missing) or reference.value == 0:
        return Missing()
    return Number(value=time.value / reference.value, decimals=2)


def table7(evidence: Evidence) -> Table:
    """Table 7: Tukey's post-hoc test of the inference times: difference of the means in seconds, ordered pairs."""
    statistics = evidence.latency.statistics if evidence.latency else {}
    shown = sorted({PAPER_RUNTIME, *statistics}, key=lambda runtime: (runtime != PAPER_RUNTIME, runtime))
    blocks = [_pairs(runtime, statistics.get(runtime), synthetic=evidence.synthetic) for runtime in shown]
    notes = [note for record in statistics.values() for note in _anova_notes(record)]
    if not statistics:
        notes.append("No statistics records.")
    if not evidence.synthetic:
        notes.append(f"* Published: significant at the 0.05 level. They stand beside {PAPER_RUNTIME}.")
    if any(record.replicate == "call" for record in statistics.values()) or not statistics:
        notes.append(
            "Calls in one process are not independent: a star holds for this measuring session, not for other machines."
        )
    notes += latency_notes(evidence)
    title = "ANOVA post-hoc test of the inference times"
    return Table(7, title, evidence.synthetic, tuple(blocks), tuple(notes))


def _pairs(runtime: str, record: StatisticsRecord | None, *, synthetic: bool) -> Grid:
    compare = runtime == PAPER_RUNTIME and not synthetic
    columns = [Column("Model", text=True), Column("Compared with", text=True), Column("Mean difference (s)")]
    if compare:
        columns += [Column("Published (s)"), Column("Measured − published (s)")]
    measured = {(pair.a, pair.b): pair for pair in record.pairs} if record else {}
    rows: list[Row] = []
    for printed in paper.TABLE7:
        value: Value = Missing()
        pair = measured.get((printed.model, printed.other))
        if pair:
            value = Number(value=pair.difference, decimals=4, star=pair.significant)
        titles = (Text(paper.MODEL_TITLES[printed.model]), Text(paper.MODEL_TITLES[printed.other]))
        row: list[Cell] = [*titles, value]
        if compare:
            row.append(Number(value=printed.difference, decimals=4, star=printed.significant))
            row.append(difference(value, printed.difference, decimals=4))
        rows.append(tuple(row))
    return Grid(f"Inference time, {runtime}", tuple(columns), tuple(rows))


def _anova_notes(record: StatisticsRecord) -> Iterator[str]:
    models = ", ".join(map(_title, record.models))
    if record.replicate == "process":
        over = f"the means of {_sizes(record.n)} processes"
    else:
        over = f"{_sizes(record.n)} calls of each, descriptive"
    yield (
        f"* {record.runtime}: the difference is significant at the {record.alpha:g} level (Tukey's HSD); one-way ANOVA "
        f"of {models}, {over}: F({record.df[0]}, {record.df[1]}) = {record.f:.2f}, {_p(record.p)}."
    )
    if record.within_process:
        within = record.within_process
        yield (
            f"{record.runtime}, descriptive: over the {_sizes(within.n)} calls of one process F({within.df[0]}, "
            f"{within.df[1]}) = {within.f:.2f}, {_p(within.p)}{_other_stars(record, within.pairs)}."
        )
    if record.welch and record.games_howell is not None:
        yield (
            f"{record.runtime}, unequal variances allowed: Welch's F({record.welch.df[0]:.0f}, "
            f"{record.welch.df[1]:.1f}) = {record.welch.f:.2f}, {_p(record.welch.p)}; Games-Howell"
            f"{_other_stars(record, record.games_howell)}."
        )
    if record.repeated_measures:
        repeated = record.repeated_measures
        yield (
            f"{record.runtime}, repeated measures over {repeated.blocks} "
            f"{'processes' if repeated.block == 'process' else 'blocks of calls'}: F({repeated.df[0]}, "
            f"{repeated.df[1]}) = {repeated.f:.2f}, {_p(repeated.p_corrected)} (Greenhouse-Geisser); paired differences"
            f"{_other_stars(record, repeated.pairs)}."
        )
    if record.recommended:
        yield f"{record.runtime}: {record.recommended.sentence}"


def _other_stars(record: StatisticsRecord, pairs: Sequence[PairDifference]) -> str:
    """Return how the significant pairs of another form differ from those of Tukey's HSD."""
    ours = {frozenset((pair.a, pair.b)) for pair in record.pairs if pair.significant}
    theirs = {frozenset((pair.a, pair.b)) for pair in pairs if pair.significant}
    parts = []
    for words, changed in (("a star also for", theirs - ours), ("no star for", ours - theirs)):
        named = [" and ".join(_title(model) for model in record.models if model in pair) for pair in changed]
        if named:
            parts.append(f" {words} {', '.join(sorted(named))}")
    return ":" + ";".join(parts) if parts else ": the same stars"


def _title(model: str) -> str:
    return paper.MODEL_TITLES.get(model, model)


def _sizes(n: Mapping[str, int]) -> str:
    return " to ".join(str(size) for size in sorted({min(n.values()), max(n.values())}))


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
