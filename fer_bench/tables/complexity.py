"""Table 6: parameters, FLOPs, inference time."""

from collections.abc import Sequence

from fer_bench import paper
from fer_bench.models import model_title
from fer_bench.records import ProfileRecord
from fer_bench.selection import Evidence
from fer_bench.tables.notes import BEYOND_NOTE, latency_notes, method
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
    mark_best,
    mean_of,
)

PAPER_RUNTIME = "keras-predict"
"""The runtime beside which the published times stand: what the paper probably timed; it does not say."""
REFERENCE = "clcm"
"""The model whose time is 1 in the ratios."""
PAPER_SIZE, PAPER_CLASSES = 224, 7
"""Input and classes of the published figures."""


def runtimes(evidence: Evidence) -> list[str]:
    """Return the runtimes with a measured time: the paper's first, then the others by name."""
    profiles = evidence.profiles.values()
    found = {runtime for profile in profiles for runtime, samples in profile.latency.items() if samples}
    return sorted(found | {PAPER_RUNTIME}, key=lambda runtime: (runtime != PAPER_RUNTIME, runtime))


def seconds(evidence: Evidence, model: str, runtime: str) -> list[float]:
    """Return the timed calls of a model, seconds, in the order of their measurement; maybe none."""
    profile = evidence.profiles.get(model)
    samples = profile.latency.get(runtime, ()) if profile else ()
    return [sample.seconds for sample in sorted(samples, key=lambda sample: sample.order)]


def beyond(evidence: Evidence) -> list[str]:
    """Return the profiled models besides the paper's three, by name."""
    return [model for model in evidence.profiles if model not in paper.MODELS]


def table6(evidence: Evidence) -> Table:
    """Table 6: trainable parameters, GFLOPs by the paper's rule, inference time in seconds, beside the published."""
    blocks = [_complexity(evidence), *(_times(evidence, runtime) for runtime in runtimes(evidence))]
    notes = [
        "GFLOPs by the paper's rule: a multiply-add counts two; batch norm, additions and activations nothing. "
        f"Times: mean ± sample standard deviation of N single-image calls{_processes(evidence)}. Bold: the best, of "
        "times whether or not a test tells it from the next."
    ]
    if not evidence.synthetic:
        notes += [
            "Exact: the published number, to its last digit.",
            f"The published times stand beside {PAPER_RUNTIME}, probably what the paper timed (it does not say), on "
            f"another machine: only order and ratio can be compared. {_order(evidence)}",
        ]
    if beyond(evidence):
        notes.append(BEYOND_NOTE)
    notes += latency_notes(evidence)
    return Table(6, "Complexity of the models", evidence.synthetic, tuple(blocks), tuple(notes))


def _processes(evidence: Evidence) -> str:
    """Return in how many processes the calls were made, where in several: then N says nothing of the mean's error."""
    found = {
        len({sample.process for sample in samples})
        for profile in evidence.profiles.values()
        for samples in profile.latency.values()
    }
    most = max(found, default=0)
    if most < 2:
        return ""
    least = min(found - {0})
    count = str(most) if least == most else f"{least} to {most}"
    return (
        f", made in {count} processes. Calls of one process are slow or fast together, so the error of a mean is not "
        "the deviation over √N: the processes are the replicates, as in Table 7"
    )


def _complexity(evidence: Evidence) -> Grid:
    """Lay out the paper's columns, then the published values and whether they are met."""
    compared = not evidence.synthetic
    columns = [Column("Model", text=True), Column("Trainable parameters"), Column("GFLOPs"), Column("Mean time (s)")]
    if compared:
        for group in ("Parameters", "GFLOPs"):
            columns += [Column("Published", group=group), Column("Verdict", group=group, text=True)]
    others = beyond(evidence)
    rows: list[Row] = []
    for model in (*paper.MODELS, *others):
        profile = evidence.profiles.get(model)
        parameters: Value = Missing()
        gflops: Value = Missing()
        if profile:
            parameters = Number(value=profile.trainable_parameters, decimals=0, thousands=True)
            if profile.flops_paper_rule is not None:
                gflops = Number(value=profile.flops_paper_rule / 1e9, decimals=4)
        row: list[Cell] = [method(model), parameters, gflops]
        row.append(mean_of(seconds(evidence, model, PAPER_RUNTIME), decimals=4))
        if compared:
            row += _beside(profile, paper.TABLE6.get(model))
        rows.append(tuple(row))
    for column in (3, 4, 6) if compared else (3,):
        rows = list(mark_best(rows, column, lowest=True))
    # Of an external model all parameters are counted, and the biases of its folded batch norms: out of the contest.
    profiles = evidence.profiles
    own = [model not in profiles or profiles[model].external is None for model in (*paper.MODELS, *others)]
    for column in (1, 2):
        marked = iter(mark_best([row for row, ours in zip(rows, own, strict=True) if ours], column, lowest=True))
        rows = [next(marked) if ours else row for row, ours in zip(rows, own, strict=True)]
    return Grid("", tuple(columns), tuple(rows), beyond=len(others))


def _beside(profile: ProfileRecord | None, printed: paper.Complexity | None) -> list[Cell]:
    """Return the published values and the verdicts on parameters and FLOPs."""
    if printed is None:
        return [Missing()] * 4
    parameters = Number(value=printed.trainable_parameters, decimals=0, thousands=True)
    gflops = Number(value=printed.gflops, decimals=4)
    if profile is None:
        return [parameters, Text("not run"), gflops, Text("not run")]
    same_parameters = profile.trainable_parameters == printed.trainable_parameters
    counted = profile.flops_paper_rule
    same_gflops = counted is not None and round(counted / 1e9, 4) == printed.gflops
    seven = profile.classes == PAPER_CLASSES
    return [
        parameters,
        Text(_verdict(same_parameters, comparable=seven)),
        gflops,
        Text(_verdict(same_gflops, comparable=seven and profile.image_size == PAPER_SIZE)),
    ]


def _verdict(met: bool, *, comparable: bool) -> str:
    if not comparable:
        return "not comparable"
    return "exact" if met else "not exact"


def _order(evidence: Evidence) -> str:
    """Return the order of the paper's models by mean time beside the published one, as a sentence."""
    means = {model: mean_of(seconds(evidence, model, PAPER_RUNTIME), decimals=4) for model in paper.MODELS}
    measured = {model: value.value for model, value in means.items() if isinstance(value, Number)}
    published = sorted(paper.MODELS, key=lambda model: paper.TABLE6[model].mean_s)
    told = f"published: {', '.join(map(model_title, published))}"
    if len(measured) < len(paper.MODELS):
        return f"Not all three were timed; from fast to slow, {told}."
    ours = ", ".join(map(model_title, sorted(measured, key=lambda model: measured[model])))
    return f"From fast to slow: {ours}; {told}. Table 7 says which of the differences are significant."


def _times(evidence: Evidence, runtime: str) -> Grid:
    compare = runtime == PAPER_RUNTIME and not evidence.synthetic
    columns = [Column("Model", text=True), Column("Mean time (s)"), Column("N"), Column("Ratio to CLCM")]
    if compare:
        columns += [Column("Published (s)"), Column("N"), Column("Ratio to CLCM")]
    reference = mean_of(seconds(evidence, REFERENCE, runtime), decimals=4)
    others = beyond(evidence)
    rows: list[Row] = []
    for model in (*paper.MODELS, *others):
        samples = seconds(evidence, model, runtime)
        time = mean_of(samples, decimals=4)
        row: list[Cell] = [method(model), time, _count(samples), _ratio(time, reference)]
        printed = paper.TABLE6.get(model)
        if compare and printed:
            row.append(Number(value=printed.mean_s, decimals=4, sd=printed.sd_s))
            row.append(Number(value=paper.TABLE6_N, decimals=0))
            row.append(Number(value=printed.mean_s / paper.TABLE6[REFERENCE].mean_s, decimals=2))
        elif compare:
            row += [Missing()] * 3
        rows.append(tuple(row))
    marked = mark_best(rows, 1, lowest=True)
    if compare:
        marked = mark_best(marked, 4, lowest=True)
    return Grid(f"Inference time, {runtime}", tuple(columns), marked, beyond=len(others))


def _count(samples: Sequence[float]) -> Value:
    return Number(value=len(samples), decimals=0) if samples else Missing()


def _ratio(time: Value, reference: Value) -> Value:
    if isinstance(time, Missing) or isinstance(reference, Missing) or reference.value == 0:
        return Missing()
    return Number(value=time.value / reference.value, decimals=2)
