"""Complexity of models: parameters, FLOPs, memory and inference time (paper, section V-E, Table 6)."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fer_bench import records
from fer_bench.errors import FerBenchError
from fer_bench.files import scratch
from fer_bench.models import model_card
from fer_bench.profiling.latency import Progress
from fer_bench.profiling.plan import KERAS_RUNTIMES, Plan
from fer_bench.progress import unheard
from fer_bench.records import Origin, ProfileRecord
from fer_bench.timetable import Stage

if TYPE_CHECKING:
    from fer_bench.external.profiling import ExternalSource

__all__ = ["KERAS_RUNTIMES", "Plan", "merged", "profile_models"]

_CONVERTED = "converted"
"""Folder of converted files inside the folder of a session."""


def profile_models(
    names: Sequence[str],
    plan: Plan,
    *,
    origin: Origin = "real",
    progress: Progress = unheard,
    externals: "Mapping[str, ExternalSource] | None" = None,
) -> list[ProfileRecord]:
    """Profile models together, in one session, so that their inference times can be compared.

    Args:
        names: registered models and those of ``externals``, each once.
        plan: what to measure.
        origin: recorded as it is.
        progress: see :data:`fer_bench.profiling.latency.Progress`.
        externals: models from elsewhere, by name (see :mod:`fer_bench.external`).

    Returns:
        One record a model, in the order of ``names``, with the same session.

    Raises:
        FerBenchError: no name, an unknown or repeated one; a plan that cannot be followed; parameters other than
            the card's; a runtime that is missing, cannot take a model or answers nonsense; a measuring process died.
    """
    if not names:
        raise FerBenchError("nothing to profile: name at least one model")
    externals = externals or {}
    if len(set(names)) != len(names):
        raise FerBenchError(f"models {', '.join(names)}: each can be profiled only once a session")
    for name in names:
        if name not in externals:
            model_card(name)
    plan.check()
    session = secrets.token_hex(8)
    with scratch() as folder:
        converted = folder / _CONVERTED
        if plan.processes > 1:
            found = _in_processes(names, plan, folder, session, origin, progress, externals)
        else:
            from fer_bench.profiling.session import measure_session

            found = measure_session(
                names, plan, folder=converted, session=session, origin=origin, progress=progress, externals=externals
            )
        if plan.memory:
            from fer_bench.profiling.memory import with_memory

            found = with_memory(found, plan, folder=converted, progress=progress, externals=externals)
        return found


def _in_processes(
    names: Sequence[str],
    plan: Plan,
    folder: Path,
    session: str,
    origin: Origin,
    progress: Progress,
    externals: "Mapping[str, ExternalSource]",
) -> list[ProfileRecord]:
    from fer_bench.workers import counting, work_side_by_side

    def on_ended(ended: int) -> None:
        progress("processes", ended, plan.processes)

    work = [
        [
            (
                Stage(f"profile in process {number + 1} of {plan.processes}", 1),
                partial(_measure_into, folder, names, plan, number, session, origin, externals),
            )
        ]
        for number in range(plan.processes)
    ]
    advice = "nothing of this session is kept: run it again, with fewer models or runtimes if memory was short"
    work_side_by_side(work, 1, counting(on_ended), advice)
    found = [records.load_all(_place(folder, number), ProfileRecord) for number in range(plan.processes)]
    by_model = [{record.model: record for record in of_process} for of_process in found]
    return [merged([of_process[name] for of_process in by_model]) for name in names]


def _place(folder: Path, process: int) -> Path:
    return folder / f"process-{process}"


def _measure_into(
    folder: Path,
    names: Sequence[str],
    plan: Plan,
    process: int,
    session: str,
    origin: Origin,
    externals: "Mapping[str, ExternalSource]",
) -> None:
    """Measure in this process and leave the records in ``folder``; what an earlier process converted is used again."""
    from fer_bench.profiling.session import measure_session

    made = measure_session(
        names,
        plan,
        folder=folder / _CONVERTED,
        session=session,
        process=process,
        origin=origin,
        externals=externals,
    )
    # Orders continue where the previous process stopped, so that they are unique in the session.
    calls = sum(len(taken) for record in made for taken in record.latency.values())
    for record in made:
        latency = {
            runtime: tuple(replace(sample, order=sample.order + process * calls) for sample in taken)
            for runtime, taken in record.latency.items()
        }
        records.save(_place(folder, process), replace(record, latency=latency))


def merged(of_processes: Sequence[ProfileRecord]) -> ProfileRecord:
    """Merge a model's records of the processes of a session; fields that are no series come from the first record."""
    first = of_processes[0]
    return replace(
        first,
        warmup=min(record.warmup for record in of_processes),
        latency={
            runtime: tuple(sample for record in of_processes for sample in record.latency[runtime])
            for runtime in first.latency
        },
        warmups={
            runtime: tuple(calls for record in of_processes for calls in record.warmups[runtime])
            for runtime in first.warmups
        },
        unsteady=tuple(
            runtime for runtime in first.latency if any(runtime in record.unsteady for record in of_processes)
        ),
        machine=tuple(look for record in of_processes for look in record.machine),
    )
