"""Which runs compete: one contest for each training dataset and test set; what cannot be compared is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fer_bench.errors import FerBenchError
from fer_bench.leaderboard.gathering import Run, listed
from fer_bench.records import External, Origin, Start
from fer_bench.selection.externals import said_dataset

SHORT = 12
"""Hexadecimal digits of a fingerprint in messages."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """What is ranked: a model trained by one recipe from one start, with a run a seed."""

    model: str
    recipe: str
    start: Start | None
    """``None`` where no training record tells."""
    labels: tuple[str, ...]
    """Names of the places that its runs lie in."""
    runs: tuple[Run, ...]
    """In the order of their seeds, no seed twice."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Ascending."""
        return tuple(run.record.seed for run in self.runs)

    @property
    def external(self) -> External | None:
        """Of a model that fer-bench did not train."""
        return self.runs[0].record.external

    @property
    def start_text(self) -> str:
        """For people; empty where no record tells."""
        if self.start is None:
            return ""
        return "random" if self.start.kind == "random" else f"ImageNet {self.start.sha256[:8]}".strip()


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Contenders that were trained on one dataset and answered the same test images."""

    dataset: str
    """Trained on."""
    target: str
    """Tested on."""
    origin: Origin
    backend: str
    dataset_fingerprint: str
    target_fingerprint: str
    contenders: tuple[Contender, ...]
    """In an order that depends on their names alone."""


def contests(runs: Sequence[Run], *, rank_recipes: bool = False, by_place: bool = False) -> list[Contest]:
    """Return the contests that runs form, by training dataset, its own test set first.

    Args:
        runs: as :func:`fer_bench.leaderboard.gathering.gather` returns them.
        rank_recipes: let the recipes compete too, each as a contender of its own.
        by_place: let the runs of each place compete as contenders of their own, instead of pooling their seeds.

    Raises:
        FerBenchError: runs that cannot be compared: of another origin, recipe, backend, state of the test set or of
            the training set, order of the classes, or a seed trained twice. The message names all of them and what to
            do about each.
    """
    origins = {origin: [run for run in runs if run.record.origin == origin] for origin in ("real", "synthetic")}
    if all(origins.values()):
        raise FerBenchError(
            "not comparable, so not ranked: real and synthetic results are never ranked together. "
            + "; ".join(f"{origin}: {_who(some)}" for origin, some in origins.items())
            + ". Choose with --origin real or --origin synthetic, or leave out a place"
        )
    by_task: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.record.external is None:
            by_task.setdefault((run.record.dataset, run.record.target), []).append(run)
    _add_externals(by_task, [run for run in runs if run.record.external is not None])
    found, reasons = [], []
    for dataset, target in sorted(by_task, key=lambda task: (task[0], task[0] != task[1], task[1])):
        some = by_task[dataset, target]
        refused = _refused(some, rank_recipes=rank_recipes)
        contenders = _contenders(some, by_place=by_place)
        refused = refused or [reason for contender in contenders for reason in _twice(contender, by_place=by_place)]
        reasons += [f"\n  {dataset} on {target}: {reason}" for reason in refused]
        first = next((run for run in some if run.record.external is None), some[0]).record
        found.append(
            Contest(
                dataset=dataset,
                target=target,
                origin=first.origin,
                backend=first.backend,
                dataset_fingerprint=first.dataset_fingerprint,
                target_fingerprint=first.target_fingerprint,
                contenders=tuple(contenders),
            )
        )
    if reasons:
        raise FerBenchError(f"not comparable, so not ranked:{''.join(reasons)}")
    return found


def _add_externals(by_task: dict[tuple[str, str], list[Run]], externals: Sequence[Run]) -> None:
    """Let external models compete wherever their test set is answered, in contests of their own where it is not.

    In the cross-tests only beside models of the dataset that their author names, where it is one of the paper's.
    """
    for run in externals:
        said, target = said_dataset(run.record), run.record.target
        tasks = [task for task in by_task if task[1] == target and (task[0] == target or said in (None, task[0]))] or [
            (run.record.dataset, target)
        ]
        for task in tasks:
            by_task.setdefault(task, []).append(run)


def _refused(runs: Sequence[Run], *, rank_recipes: bool) -> list[str]:
    """Return why the runs of one contest cannot be compared, a sentence each; none where they can."""
    first = runs[0].record
    reasons = []
    trained = [run for run in runs if run.record.external is None]
    if not rank_recipes:
        reasons += _differ(
            trained,
            lambda run: run.record.recipe,
            "recipes",
            "Choose one with --recipe, or let them compete with --rank-recipes",
        )
    reasons += _differ(trained, lambda run: run.record.backend, "backends", "Choose one with --backend")
    reasons += _differ(
        runs,
        lambda run: run.record.target_fingerprint[:SHORT],
        f"states of the test set {first.target}",
        f"Test all on the same prepared dataset, or choose one with --fingerprint {first.target}=BEGINNING",
    )
    # Of a model's own test set both are one state: named once.
    if first.dataset != first.target or len({run.record.target_fingerprint for run in runs}) == 1:
        reasons += _differ(
            trained,
            lambda run: run.record.dataset_fingerprint[:SHORT],
            f"states of the training dataset {first.dataset}",
            f"Train all on the same prepared dataset, or choose one with --fingerprint {first.dataset}=BEGINNING",
        )
    reasons += _differ(
        runs,
        lambda run: " ".join(run.record.class_names),
        "orders of the classes",
        "Test all with one version of fer-bench, or leave out a place",
    )
    return reasons


def _differ(runs: Sequence[Run], value: Callable[[Run], str], what: str, way_out: str) -> list[str]:
    by_value: dict[str, list[Run]] = {}
    for run in runs:
        by_value.setdefault(value(run), []).append(run)
    if len(by_value) < 2:
        return []
    found = "".join(f"\n    {name}: {_who(some)}" for name, some in sorted(by_value.items()))
    return [f"{len(by_value)} {what}. {way_out}:{found}"]


def _contenders(runs: Sequence[Run], *, by_place: bool) -> list[Contender]:
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        start = _start(run)
        told = ("", "") if start is None else (start.kind, start.sha256)
        places = run.labels if by_place else ()
        groups.setdefault((run.record.model, run.record.recipe, *told, *places), []).append(run)
    return [
        Contender(
            model=some[0].record.model,
            recipe=some[0].record.recipe,
            start=_start(some[0]),
            labels=tuple(sorted({label for run in some for label in run.labels})),
            runs=tuple(sorted(some, key=lambda run: run.record.seed)),
        )
        for _, some in sorted(groups.items())
    ]


def _start(run: Run) -> Start | None:
    return None if run.train is None else run.train.start


def _twice(contender: Contender, *, by_place: bool) -> list[str]:
    """Return why a seed that was trained twice counts neither once nor twice."""
    by_seed: dict[int, list[Run]] = {}
    for run in contender.runs:
        by_seed.setdefault(run.record.seed, []).append(run)
    twice = {seed: some for seed, some in by_seed.items() if len(some) > 1}
    if not twice:
        return []
    seed, some = next(iter(twice.items()))
    others = f", and {len(twice) - 1} more of its seeds" if len(twice) > 1 else ""
    way_out = "Leave out a place" + ("" if by_place else ", or rank the runs of each place apart with --by-workspace")
    return [
        f"{contender.model} was trained {len(some)} times with seed {seed}, to different weights "
        f"({', '.join(run.name for run in some)}){others}: runs of one seed are no independent repetitions. {way_out}"
    ]


def _who(runs: Sequence[Run]) -> str:
    return listed(f"{run.record.model} in {' and '.join(run.labels)}" for run in runs)


def distinct_names(contenders: Sequence[Contender]) -> list[str]:
    """Return the model of each contender, with what else it takes to tell it from the others of that model."""
    parts: tuple[Callable[[Contender], str], ...] = (
        lambda contender: contender.recipe,
        lambda contender: contender.start_text or "unknown start",
        lambda contender: " and ".join(contender.labels),
    )
    names = []
    for contender in contenders:
        name = contender.model
        rivals = [other for other in contenders if other.model == contender.model]
        for part in parts:
            if any(part(other) != part(contender) for other in rivals):
                name += f", {part(contender)}"
                rivals = [other for other in rivals if part(other) == part(contender)]
        names.append(name)
    return names
