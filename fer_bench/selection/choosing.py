"""Load the records, group them, choose what forms each block, refuse to mix what must not be mixed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fer_bench import paper, records
from fer_bench.anova_result import Family
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.files import sha256_of
from fer_bench.records import (
    EvalRecord,
    Origin,
    ProfileRecord,
    RobustnessRecord,
    StatisticsRecord,
    TrainRecord,
    load_all,
)
from fer_bench.selection.choices import Choice, Selection, load_selection, quote
from fer_bench.selection.evidence import Block, Evidence, Latency, place_of
from fer_bench.selection.externals import elsewhere, require_one_file, with_externals
from fer_bench.selection.groups import Group, choose_group, contents, group_of
from fer_bench.selection.others import other_runs
from fer_bench.workspace import Results

CROSS_TEST = "ck-plus"
"""The dataset that every model is tested on besides its own (paper, section V-D)."""


def select(results: Results) -> Evidence:
    """Load the records of a workspace, or the published ones, and choose what forms each block.

    Raises:
        FerBenchError: an unreadable record; several groups of records could form a block and ``selection.toml``
            names none, or nothing that exists; real and synthetic records together; an evaluation of other
            weights than its training run's; statistics of profiles that have changed since.
    """
    return choose(results, load_selection(results.selection))


def choose(results: Results, selection: Selection) -> Evidence:
    """As :func:`select`, with a selection that need not be on disk yet."""
    folder = results.records
    loaded = _load(folder, selection)
    trains = [r for r in loaded.trains if _is_ours(r)]
    evals = [r for r in loaded.tests if _is_shown(r)]
    externals = [r for r in loaded.tests if _is_shown_external(r)]
    corrupted = _shown(loaded)
    require_one_file(folder, [*externals, *corrupted], loaded.profiles)
    for record in (*evals, *externals):
        if record.class_names != EMOTIONS:
            raise FerBenchError(
                f"{records.path_of(folder, record)}: classes {', '.join(record.class_names)}; "
                f"the paper's tables need {', '.join(EMOTIONS)}"
            )
    blocks = {}
    for dataset in paper.TRAINED_ON:
        block = _block(
            dataset,
            [r for r in evals if r.dataset == dataset],
            [r for r in trains if r.dataset == dataset],
            selection,
        )
        block = with_externals(dataset, block, externals)
        if block is not None:
            _check_weights(folder, block, loaded.trains)
            blocks[dataset] = block
    shown = [record for block in blocks.values() for record in block.trains]
    return Evidence(
        origin=loaded.origin,
        blocks=blocks,
        latency=_latency(folder, loaded.profiles, selection),
        elsewhere=elsewhere(externals),
        others=other_runs(loaded.trains, loaded.tests, shown),
        robustness=corrupted,
    )


@dataclass(frozen=True)
class _Loaded:
    """Every record of one origin."""

    origin: Origin
    trains: list[TrainRecord]
    tests: list[EvalRecord]
    profiles: list[ProfileRecord]
    corrupted: list[RobustnessRecord]


def _load(folder: Path, selection: Selection) -> _Loaded:
    """Read the records of the origin that is shown: runs beyond the paper's tables, and tests on worse pictures, decide
    which only where there is nothing else."""
    trains, tests = load_all(folder, TrainRecord), load_all(folder, EvalRecord)
    profiles, corrupted = load_all(folder, ProfileRecord), load_all(folder, RobustnessRecord)
    found = {r.origin for r in trains if _is_ours(r)} | {r.origin for r in profiles}
    found |= {r.origin for r in tests if _is_shown(r) or _is_shown_external(r)}
    origin = _origin(found or {r.origin for r in (*trains, *corrupted)}, selection)
    return _Loaded(
        origin,
        [r for r in trains if r.origin == origin],
        [r for r in tests if r.origin == origin],
        [r for r in profiles if r.origin == origin],
        [r for r in corrupted if r.origin == origin],
    )


def _shown(loaded: _Loaded) -> tuple[RobustnessRecord, ...]:
    """Return the finished tests on corrupted pictures, not those of a model trained again since."""
    runs = {(run.cell_id, run.weights_sha256) for run in loaded.trains}
    return tuple(
        test
        for test in loaded.corrupted
        if test.complete and (test.external or (test.cell_id, test.weights_sha256) in runs)
    )


def naming(results: Results, evidence: Evidence) -> dict[str, Choice]:
    """Return what ``selection.toml`` must say so that ``results`` shows the same groups as ``evidence``.

    Names (training datasets and ``latency``) that one group of records alone could form are left out, and what does
    not compete: runs that were only trained, times of external models alone.
    """
    groups: dict[str, set[Group]] = {}
    shown: dict[str, Group] = {}
    for name, block in evidence.blocks.items():
        if not block.is_tested:
            continue
        evals = [r for r in load_all(results.records, EvalRecord) if r.dataset == name]
        groups[name] = {group_of(r) for r in evals}
        shown[name] = Group(recipe=block.recipe, backend=block.backend, fingerprint=block.fingerprint)
    if evidence.latency is not None and evidence.latency.has_own:
        groups["latency"] = {group_of(r) for r in load_all(results.records, ProfileRecord) if not r.external}
        shown["latency"] = group_of(next(r for r in evidence.latency.profiles.values() if not r.external))
    return {name: group.choice(groups[name]) for name, group in shown.items() if groups[name] - {group}}


def _is_ours(record: TrainRecord | EvalRecord) -> bool:
    return record.dataset in paper.TRAINED_ON


def _is_shown(record: EvalRecord) -> bool:
    return _is_ours(record) and (record.target in (record.dataset, CROSS_TEST) or record.class_names == EMOTIONS)


def _is_shown_external(record: EvalRecord) -> bool:
    return record.external is not None and record.target in (*paper.TRAINED_ON, CROSS_TEST)


def _origin(found: set[Origin], selection: Selection) -> Origin:
    if selection.origin is not None:
        if selection.origin not in found:
            raise FerBenchError(f"{selection.path}: origin = {selection.origin!r} matches no record; remove the line")
        return selection.origin
    if len(found) > 1:
        raise FerBenchError(
            f"{selection.path.parent}: real and synthetic records lie together, and no table may mix them. "
            f'Write one of these lines at the top of {selection.path}:\n  origin = "real"\n  origin = "synthetic"'
        )
    return next(iter(found), "real")


def _block(dataset: str, evals: list[EvalRecord], trains: list[TrainRecord], selection: Selection) -> Block | None:
    # A run that is trained but not evaluated does not compete with evaluated ones.
    group = choose_group(dataset, contents(evals or trains), selection)
    if group is None:
        return None
    evals = [r for r in evals if group_of(r) == group]
    trains = [r for r in trains if group_of(r) == group]
    choice = selection.choices.get(dataset, Choice())
    if choice.seeds is not None:
        absent = set(choice.seeds) - {r.seed for r in (*evals, *trains)}
        if absent:
            raise FerBenchError(f"{selection.path}: [{dataset}] seeds: no record of {', '.join(map(str, absent))}")
        evals = [r for r in evals if r.seed in choice.seeds]
        trains = [r for r in trains if r.seed in choice.seeds]
    # Figures show tests on other datasets, too.
    targets = dict.fromkeys((dataset, CROSS_TEST, *sorted({r.target for r in evals})))
    for target in choice.targets:
        if target not in targets:
            raise FerBenchError(
                f"{selection.path}: [{dataset}] targets: {target!r}, expected {' or '.join(map(repr, targets))}"
            )
    for target in targets:
        evals = _one_test_set(dataset, target, evals, selection, choice.targets.get(target))
    return Block(
        dataset=dataset,
        recipe=group.recipe,
        backend=group.backend,
        fingerprint=group.fingerprint,
        evals=tuple(sorted(evals, key=lambda r: (place_of(r.model), r.target, r.seed))),
        trains=tuple(sorted(trains, key=lambda r: (place_of(r.model), r.seed))),
    )


def _one_test_set(
    dataset: str, target: str, evals: list[EvalRecord], selection: Selection, wanted: str | None
) -> list[EvalRecord]:
    """Return the evaluations without those on another state of the test set ``target``."""
    found = sorted({r.target_fingerprint for r in evals if r.target == target})
    left = [fingerprint for fingerprint in found if fingerprint.startswith(wanted or "")]
    if wanted is not None and not left:
        raise FerBenchError(
            f"{selection.path}: [{dataset}] targets: {target} = {wanted!r} matches no record; "
            f"found {', '.join(found) or 'none'}"
        )
    if len(left) > 1:
        lines = "\n  or ".join(f"targets = {{ {quote(target)} = {quote(fingerprint)} }}" for fingerprint in left)
        raise FerBenchError(
            f"{dataset}: its models were tested on {len(left)} different states of {target}. Evaluate them all on "
            f"one, or choose: write into {selection.path} below [{dataset}]\n  {lines}"
        )
    return [r for r in evals if r.target != target or r.target_fingerprint in left]


def _check_weights(folder: Path, block: Block, trains: Iterable[TrainRecord]) -> None:
    """Refuse an evaluation that was made before its model was trained again, on whatever state of the dataset."""
    weights: dict[str, tuple[str, Path]] = {}
    made: list[TrainRecord | EvalRecord] = [*trains, *block.evals]
    for record in made:
        path = records.path_of(folder, record)
        digest, first = weights.setdefault(record.cell_id, (record.weights_sha256, path))
        if digest != record.weights_sha256:
            raise FerBenchError(
                f"{path}: made with other weights than {first.name}; "
                "run `fer-bench evaluate` and `fer-bench cross-test` again"
            )


def _latency(folder: Path, profiles: list[ProfileRecord], selection: Selection) -> Latency | None:
    # An external model has an input of its own: it goes with those of its session.
    ours = [r for r in profiles if not r.external] or profiles
    group = choose_group("latency", contents(ours), selection)
    if group is None:
        return None
    shown = [r for r in ours if group_of(r) == group]
    shown += [r for r in profiles if r.external and r not in shown and _same_session(r, shown[0])]
    chosen = {r.model: r for r in sorted(shown, key=lambda r: place_of(r.model))}
    statistics: dict[Family, dict[str, StatisticsRecord]] = {"session": {}, "paper": {}}
    for record in load_all(folder, StatisticsRecord):
        if any(model in chosen for model in record.models):
            _check_inputs(folder, record, group.backend)
            statistics[record.family][record.runtime] = record
    return Latency(
        session=group.session,
        backend=group.backend,
        image_size=shown[0].image_size,
        profiles=chosen,
        statistics=statistics["session"],
        paper_statistics=statistics["paper"],
    )


def _same_session(record: ProfileRecord, other: ProfileRecord) -> bool:
    return (record.session, record.backend, record.environment.host) == (
        other.session,
        other.backend,
        other.environment.host,
    )


def _check_inputs(folder: Path, record: StatisticsRecord, backend: str) -> None:
    """Refuse statistics whose profiles have changed since, or are of another backend.

    Raises:
        FerBenchError: a profile's file is missing or has another SHA-256 than the statistics were made from.
    """
    for model, digest in record.inputs.items():
        path = folder / ProfileRecord.kind / f"{records.profile_stem(model, backend)}.json"
        if not path.exists() or sha256_of(path) != digest:
            raise FerBenchError(
                f"{records.path_of(folder, record)}: not made from {path}, as it is now; run `fer-bench anova "
                f"--runtime {record.runtime}` again, or delete that file where {record.runtime} was not timed again"
            )
