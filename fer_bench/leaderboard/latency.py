"""Inference times, ranked within one measuring session: times of two sessions, let alone two machines, never compete.

Which differences count is what ``fer-bench anova`` says: the significant pairs of the form that its rules recommend
(``fer_bench.anova_result.RULES``), adjusted for all pairs of the session.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fer_bench.anova_result import AnovaResult
from fer_bench.errors import FerBenchError
from fer_bench.leaderboard.gathering import Wanted, listed
from fer_bench.leaderboard.places import Place
from fer_bench.leaderboard.ranks import RankRange, rank_ranges
from fer_bench.records import ProfileRecord, load_all


@dataclass(frozen=True, kw_only=True)
class Session:
    """The profiles of one measuring session."""

    profiles: tuple[ProfileRecord, ...]
    """By the name of their model; all of one session, machine, backend, size of images but of external models."""
    labels: tuple[str, ...]
    """Names of the places that they lie in."""

    @property
    def runtimes(self) -> list[str]:
        """What was timed, by name."""
        return sorted({name for record in self.profiles for name, samples in record.latency.items() if samples})


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A model with its time and its range of ranks."""

    model: str
    rank: RankRange
    mean: float
    """Seconds a call; of the replicates."""
    sd: float | None
    """Sample standard deviation of the replicates; ``None`` of a single model."""
    n: int
    """Replicates."""


@dataclass(frozen=True, kw_only=True)
class TimeBoard:
    """The models of one session in one runtime."""

    session: Session
    runtime: str
    standings: tuple[Timed, ...]
    """The fastest first; by mean ranks where these are what is tested, which is not always the order of the means."""
    analysis: AnovaResult | None
    """``None`` of a single model."""


def sessions(places: Sequence[Place], wanted: Wanted) -> list[Session]:
    """Return the measuring sessions in some places, the same record in several places once.

    Raises:
        FerBenchError: an unreadable record, no profile that fits, two different ones of a model in one session, or
            real and synthetic ones.
    """
    found: dict[tuple[object, ...], dict[str, ProfileRecord]] = {}
    labels: dict[tuple[object, ...], set[str]] = {}
    known = [(place, record) for place in sorted(places) for record in load_all(place.records, ProfileRecord)]
    ours = {(record.session, *_machine(record)): _key(record) for _, record in known if record.external is None}
    for place, record in known:
        if _takes(wanted, record):
            # An external model has an input of its own: it competes with those of its session.
            key = _key(record)
            if record.external is not None:
                key = ours.get((record.session, *_machine(record)), key)
            other = found.setdefault(key, {}).setdefault(record.model, record)
            if other != record:
                raise FerBenchError(
                    f"session {record.session}: two different profiles of {record.model}, one of them in {place.label}"
                    "; leave out a place"
                )
            labels.setdefault(key, set()).add(place.label)
    untimed = [f" --model {model}" for model in wanted.models if not any(model in models for models in found.values())]
    if untimed or not found:
        where = listed(str(place.records) for place in places)
        raise FerBenchError(f"{where}: no profile that fits{''.join(untimed)}; run fer-bench profile first")
    origins = {record.origin for some in found.values() for record in some.values()}
    if len(origins) > 1:
        raise FerBenchError(
            "not comparable, so not ranked: profiles of real and of synthetic runs. Choose with --origin real or "
            "--origin synthetic, or leave out a place"
        )
    return [
        Session(
            profiles=tuple(record for _, record in sorted(found[key].items())),
            labels=tuple(sorted(labels[key])),
        )
        for key in sorted(found, key=str)
    ]


def rank_times(session: Session, runtime: str) -> TimeBoard:
    """Rank the models of a session that were timed in a runtime.

    Raises:
        FerBenchError: as :func:`fer_bench.statistics.analyse_profiles`.
    """
    from fer_bench.statistics import analyse_profiles

    timed = [record for record in session.profiles if record.latency.get(runtime)]
    if len(timed) == 1:
        times = [sample.seconds for sample in timed[0].latency[runtime]]
        alone = Timed(model=timed[0].model, rank=RankRange(1, 1), mean=sum(times) / len(times), sd=None, n=len(times))
        return TimeBoard(session=session, runtime=runtime, standings=(alone,), analysis=None)
    result = analyse_profiles(timed, runtime)
    form = result.recommended.form if result.recommended else "none"
    # Dunn's test compares ranks of calls, whose order is not always that of the means.
    value = result.kruskal.mean_rank if form == "kruskal" and result.kruskal else result.mean
    order = sorted(result.models, key=lambda model: (value[model], model))
    places = {model: place for place, model in enumerate(order)}
    faster = {(places[pair.a], places[pair.b]) for pair in result.believed if pair.significant and pair.difference < 0}
    ranges = rank_ranges(len(order), faster)
    standings = tuple(
        Timed(model=model, rank=ranges[place], mean=result.mean[model], sd=result.sd[model], n=result.n[model])
        for place, model in enumerate(order)
    )
    return TimeBoard(session=session, runtime=runtime, standings=standings, analysis=result)


def _takes(wanted: Wanted, record: ProfileRecord) -> bool:
    return (
        (not wanted.models or record.model in wanted.models)
        and wanted.backend in (None, record.backend)
        and wanted.origin in (None, record.origin)
    )


def _machine(record: ProfileRecord) -> tuple[object, ...]:
    return record.backend, record.environment.host


def _key(record: ProfileRecord) -> tuple[object, ...]:
    return record.session, record.backend, record.image_size, record.classes, record.environment.host
