"""The analysis of profile records: what a replicate is, and whether the models took turns."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

from fer_bench.anova_result import ALPHA, AnovaResult, WithinProcess
from fer_bench.errors import FerBenchError
from fer_bench.records import LatencySample, ProfileRecord
from fer_bench.statistics.analysis import analyse
from fer_bench.statistics.classic import anova_tukey

MINIMUM_PROCESSES = 5
"""Processes of each model; with at least so many, the test compares the means of processes."""

_Calls = dict[int, list[LatencySample]]


def analyse_profiles(profiles: Sequence[ProfileRecord], runtime: str, *, alpha: float = ALPHA) -> AnovaResult:
    """Compare the inference times of models measured in one session.

    With at least :data:`MINIMUM_PROCESSES` processes of each model, a replicate is a process and its value the mean of
    its calls; the paper's form over the calls of the first process is kept as ``within_process``. With fewer, a
    replicate is a call of the first process.

    Args:
        profiles: one record a model; their order is kept.
        runtime: key of ``ProfileRecord.latency``.
        alpha: as in :func:`fer_bench.statistics.analyse`.

    Raises:
        FerBenchError: a model was not measured in that runtime, or the times cannot be compared.
    """
    calls: dict[str, _Calls] = {}
    for record in profiles:
        if not record.latency.get(runtime):
            raise FerBenchError(
                f"{record.model}: {runtime!r} was not measured; expected one of {', '.join(record.latency)}"
            )
        own = calls.setdefault(record.model, {})
        for sample in sorted(record.latency[runtime], key=lambda sample: sample.order):
            own.setdefault(sample.process, []).append(sample)
    first = {model: own[min(own)] for model, own in calls.items()}
    seconds = {model: [call.seconds for call in own] for model, own in first.items()}
    fewest = min(map(len, calls.values()), default=0)
    if fewest < MINIMUM_PROCESSES:
        result = analyse(seconds, alpha=alpha, blocks=_in_turns(first))
        why = (
            f"{fewest} process{'es' if fewest > 1 else ''} of a model; the test over the means of processes needs at "
            f"least {MINIMUM_PROCESSES} of each: fer-bench profile --processes {MINIMUM_PROCESSES}"
        )
        return dataclasses.replace(result, refused={**result.refused, "process_means": why})
    means = {
        model: [sum(call.seconds for call in own[process]) / len(own[process]) for process in sorted(own)]
        for model, own in calls.items()
    }
    processes = set().union(*calls.values())
    together = all(_in_turns({model: own.get(process, []) for model, own in calls.items()}) for process in processes)
    result = analyse(means, alpha=alpha, replicate="process", blocks=together)
    try:
        within = _within(seconds, min(min(own) for own in calls.values()), alpha)
    except FerBenchError as error:
        return dataclasses.replace(result, refused={**result.refused, "within_process": str(error)})
    return dataclasses.replace(result, within_process=within)


def _in_turns(calls: Mapping[str, Sequence[LatencySample]]) -> bool:
    """Return whether every model's call number i came before any model's call number i + 1."""
    if len({len(own) for own in calls.values()}) > 1:
        return False
    blocks = [[call.order for call in block] for block in zip(*calls.values(), strict=True)]
    return all(max(one) < min(following) for one, following in itertools.pairwise(blocks))


def _within(seconds: Mapping[str, Sequence[float]], process: int, alpha: float) -> WithinProcess:
    result = anova_tukey(seconds, alpha=alpha)
    return WithinProcess(
        process=process,
        n=result.n,
        mean=result.mean,
        sd=result.sd,
        f=result.f,
        p=result.p,
        df=result.df,
        pairs=result.pairs,
    )
