"""ANOVA over the inference times of one measuring session: chosen, computed, saved, and compared with what is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fer_bench import paper, records
from fer_bench.anova_result import ALPHA, Family
from fer_bench.errors import FerBenchError
from fer_bench.files import sha256_of
from fer_bench.messages import say
from fer_bench.records import ProfileRecord, StatisticsRecord
from fer_bench.workspace import Results

RUNTIME = "keras-predict"
"""The runtime that Tables 6 and 7 show: probably what the paper timed."""
_NAMED: dict[Family, str] = {"session": "all models", "paper": "the paper's models alone"}


def compared_session(results: Results, models: Sequence[str] = ()) -> list[ProfileRecord]:
    """Return the profiles that an ANOVA compares, the paper's models first in the paper's order.

    Of the measuring session that ``selection.toml`` names, which is the tables'; where it names none, of the latest one
    (on the backend that it names) that measured any of ``models`` (any model at all where none is given).

    Raises:
        FerBenchError: there is none.
    """
    from fer_bench.models import model_names
    from fer_bench.selection import Choice, load_selection

    known = records.load_all(results.records, ProfileRecord)
    if not known:
        raise FerBenchError(f"{results.records}: no profile records; run fer-bench profile first")
    choice = load_selection(results.selection).choices.get("latency", Choice())
    session = choice.session
    if choice.backend and session is None:
        known = [record for record in known if record.backend == choice.backend]
        if not known:
            raise FerBenchError(f"{results.selection}: [latency] backend: no profile is on {choice.backend!r}")
    if session is None:
        wanted = [record for record in known if record.model in models] or known
        session = max(wanted, key=lambda record: record.environment.created).session
    found = [record for record in known if record.session == session]
    if not found:
        raise FerBenchError(
            f"{results.selection}: [latency] session: {session!r} is none of the profiles' sessions, "
            f"{', '.join(sorted({record.session for record in known}))}"
        )
    order = {name: position for position, name in enumerate(model_names())}
    return sorted(found, key=lambda record: order.get(record.model, len(order)))


def anova(
    results: Results, runtime: str, alpha: float = ALPHA, models: Sequence[str] = ()
) -> dict[Family, StatisticsRecord]:
    """Compare the inference times of one session (:func:`compared_session`), and save what is not saved already.

    All models together and, where the paper's are some of them only, those alone as well.

    Raises:
        FerBenchError: fewer than two profiles in it, or the runtime was not measured.
    """
    families = _families(_timed(compared_session(results, models), runtime), runtime)
    found = {family: _compared(results, members, runtime, alpha, family) for family, members in families.items()}
    for statistics in found.values():
        if not _is_saved(results, statistics):
            records.save(results.records, statistics)
    if "paper" not in found:  # Of an earlier session that had others too.
        earlier = records.path_of(results.records, replace(found["session"], family="paper"))
        if earlier.exists():  # A disk that is only read refuses to remove even what is not there.
            earlier.unlink(missing_ok=True)
    return found


def of_the_paper(found: Mapping[Family, StatisticsRecord]) -> StatisticsRecord:
    """Return the analysis of the paper's models alone.

    Raises:
        FerBenchError: the session has fewer than two of them.
    """
    session = found["session"]
    if "paper" not in found and not set(session.models) <= set(paper.MODELS):
        raise FerBenchError(
            f"of the paper's models, {', '.join(paper.MODELS)}, the session has fewer than two in {session.runtime}: "
            f"it measured {', '.join(session.models)}; to compare others: fer-bench profile -m clcm -m ..."
        )
    return found.get("paper", session)


def _is_saved(results: Results, statistics: StatisticsRecord) -> bool:
    """Return whether the record is there, up to the rounding of another machine, so that reading changes no file."""
    from fer_bench.statistics import differences

    try:
        saved = records.load(records.path_of(results.records, statistics), StatisticsRecord)
    except FerBenchError:  # None, or a damaged one.
        return False
    return not differences(saved, statistics)


def _timed(profiles: Sequence[ProfileRecord], runtime: str) -> list[ProfileRecord]:
    """Return the profiles that an ANOVA is over: an external model is in it where it was timed in that runtime."""
    return [record for record in profiles if record.external is None or record.latency.get(runtime)]


def _families(profiles: Sequence[ProfileRecord], runtime: str) -> dict[Family, Sequence[ProfileRecord]]:
    """Return the profiles that are compared together: all and, where two or more of the paper's are some, those."""
    if len(profiles) == 1:
        raise FerBenchError(
            f"ANOVA needs at least two models, but the session {profiles[0].session!r} measured {profiles[0].model} "
            f"alone in {runtime}; profile those to compare together: fer-bench profile -m {profiles[0].model} -m ..."
        )
    own = [record for record in profiles if record.model in paper.MODELS]
    families: dict[Family, Sequence[ProfileRecord]] = {"session": profiles}
    return families | {"paper": own} if 2 <= len(own) < len(profiles) else families


def _compared(
    results: Results, profiles: Sequence[ProfileRecord], runtime: str, alpha: float, family: Family
) -> StatisticsRecord:
    from fer_bench.statistics import analyse_profiles, to_record

    result = analyse_profiles(profiles, runtime, alpha=alpha)
    inputs = {record.model: sha256_of(records.path_of(results.records, record)) for record in profiles}
    return to_record(result, runtime=runtime, origin=profiles[0].origin, inputs=inputs, family=family)


@dataclass(frozen=True)
class Stale:
    """Statistics that are not what the profiles give, or are missing."""

    runtime: str
    alpha: float
    lines: tuple[str, ...]
    """What differs, one for each place of either family."""


def stale_statistics(results: Results, runtime: str) -> list[Stale]:
    """Return the saved statistics that are not what the profiles give; none where all agree.

    All statistics are checked, each at its own alpha; those of ``runtime`` must be there.

    Raises:
        FerBenchError: as in :func:`anova`.
    """
    from fer_bench.statistics import differences

    saved: dict[str, dict[Family, StatisticsRecord]] = {}
    for record in records.load_all(results.records, StatisticsRecord):
        saved.setdefault(record.runtime, {})[record.family] = record
    session = compared_session(results)
    missing = (f"no statistics of {runtime} beside the profiles",)
    found = [] if runtime in saved else [Stale(runtime, ALPHA, missing)]
    for name, own in saved.items():
        families = _families(_timed(session, name), name)
        lines = [
            f"no statistics of {name} over {_NAMED[family]} beside the profiles" for family in families.keys() - own
        ]
        for family, record in own.items():
            path = records.path_of(results.records, record)
            if family not in families:
                lines.append(
                    f"{path}: over {_NAMED[family]}, which the profiles do not give beside {_NAMED['session']}"
                )
                continue
            computed = _compared(results, families[family], name, record.alpha, family)
            lines += [f"{path}: {line}" for line in differences(record, computed)]
        if lines:
            alpha = own["session" if "session" in own else "paper"].alpha
            found.append(Stale(name, alpha, tuple(lines)))
    return found


def anova_is_fresh(results: Results, runtime: str, models: Sequence[str] = ()) -> bool:
    """Return whether there is an ANOVA of the profiles as they are now, with every form that this version gives."""
    found = [item for item in records.load_all(results.records, StatisticsRecord) if item.runtime == runtime]
    saved = {item.family: item.inputs for item in found if item.recommended}
    timed = _timed(compared_session(results, models), runtime)
    if len(timed) < 2:
        return False
    return saved == {
        family: {record.model: sha256_of(records.path_of(results.records, record)) for record in members}
        for family, members in _families(timed, runtime).items()
    }


def drop_outdated(results: Results) -> None:
    """Remove the statistics of profiles that are no longer there.

    Tables refuse them, and those of a runtime that was not timed again could not be made again.
    """
    profiles = {sha256_of(path) for path in records.paths(results.records, ProfileRecord)}
    for path in records.paths(results.records, StatisticsRecord):
        record = records.load(path, StatisticsRecord)
        if not profiles.issuperset(record.inputs.values()):
            path.unlink()
            say(f"{path.name}: removed, it was of profiles before these; fer-bench anova --runtime {record.runtime}")
