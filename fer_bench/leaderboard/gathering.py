"""The tests in several folders of records, each run once, with what else is known of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fer_bench.errors import FerBenchError
from fer_bench.leaderboard.places import Place
from fer_bench.lookup import recipe_ids, training_of
from fer_bench.presets import own_id
from fer_bench.recipe import name_in
from fer_bench.records import EvalRecord, Origin, ProfileRecord, TrainRecord, load_all


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which tests are asked for; what is empty or ``None`` leaves open."""

    datasets: tuple[str, ...] = ()
    """Trained on."""
    targets: tuple[str, ...] = ()
    """Tested on."""
    models: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    """Names, ids or files; :func:`gather` heeds them, as what they mean depends on the records that there are."""
    seeds: tuple[int, ...] = ()
    backend: str | None = None
    origin: Origin | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """The beginning of a fingerprint by dataset, trained or tested on."""

    def takes(self, record: EvalRecord) -> bool:
        """Return whether a test is asked for, whatever its recipe."""
        tested = (
            (not self.targets or record.target in self.targets)
            and (not self.models or record.model in self.models)
            and self.origin in (None, record.origin)
            and record.target_fingerprint.startswith(self.fingerprints.get(record.target, ""))
        )
        # An external model was neither trained on a dataset nor by a recipe, so those choices leave it open.
        trained = record.external is not None or (
            (not self.datasets or record.dataset in self.datasets)
            and (not self.seeds or record.seed in self.seeds)
            and self.backend in (None, record.backend)
            and record.dataset_fingerprint.startswith(self.fingerprints.get(record.dataset, ""))
        )
        return tested and trained


@dataclass(frozen=True, kw_only=True)
class Run:
    """One trained network on one test set."""

    record: EvalRecord
    train: TrainRecord | None
    """Of its training; ``None`` where no place has it."""
    places: tuple[Place, ...]
    """Where the test was found, sorted; its predictions are read from the first."""

    @property
    def host(self) -> str:
        """Kind of machine that it was trained on, or tested on where the training is unknown."""
        return (self.train or self.record).environment.host

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the places."""
        return tuple(place.label for place in self.places)

    @property
    def name(self) -> str:
        """For messages: the record, and where it lies."""
        return f"{self.record.stem} ({', '.join(self.labels)})"


def gather(places: Sequence[Place], wanted: Wanted) -> list[Run]:
    """Return the tests that are asked for, in an order that does not depend on that of the places.

    The same network tested on the same images is one run, in however many places its record lies.

    Raises:
        FerBenchError: an unreadable record, a test of other weights than its training gave, a fingerprint asked of a
            dataset that no record names, or no such test, also for one of several choices.
    """
    seen: list[EvalRecord] = []
    fit: list[tuple[Place, EvalRecord]] = []
    trains: dict[Place, dict[str, TrainRecord]] = {}
    for place in sorted(places):
        trains[place] = {record.cell_id: record for record in load_all(place.records, TrainRecord)}
        for record in load_all(place.records, EvalRecord):
            seen.append(record)
            if wanted.takes(record):
                fit.append((place, record))
    found: dict[tuple[object, ...], list[Run]] = {}
    for place, record in _of_recipes(fit, wanted.recipes) if wanted.recipes else fit:
        run = Run(record=record, train=training_of(place.records, record, trains[place]), places=(place,))
        found.setdefault(_identity(record), []).append(run)
    known = {record.dataset for record in seen} | {record.target for record in seen}
    unknown = sorted(set(wanted.fingerprints) - known)
    if seen and unknown:
        raise FerBenchError(
            f"--fingerprint {unknown[0]}=...: no model was trained or tested on that; datasets: "
            f"{', '.join(sorted(known))}"
        )
    unmet = _unmet(wanted, [same[0].record for same in found.values()])
    if unmet:
        raise FerBenchError(_nothing(places, unmet, seen))
    merged = [_merged(same) for same in found.values()]
    return sorted(merged, key=lambda run: (run.record.stem, run.record.backend, run.record.weights_sha256, run.labels))


def _of_recipes(tests: Sequence[tuple[Place, EvalRecord]], wanted: Sequence[str]) -> list[tuple[Place, EvalRecord]]:
    """Return the tests of the recipes that are meant, on each test set; an external model has no recipe."""
    known: dict[tuple[str, str], set[str]] = {}
    for _, record in tests:
        if record.external is None:
            known.setdefault((record.dataset, record.target), set()).add(record.recipe)
    meant = {task: recipe_ids(wanted, recipes, " on ".join(task)) for task, recipes in sorted(known.items())}
    return [
        (place, record)
        for place, record in tests
        if record.external is not None or record.recipe in meant[record.dataset, record.target]
    ]


def profiles(places: Sequence[Place]) -> list[ProfileRecord]:
    """Return every profile, in the order of the places' labels."""
    return [record for place in sorted(places) for record in load_all(place.records, ProfileRecord)]


def _identity(record: EvalRecord) -> tuple[object, ...]:
    return (
        record.stem,
        record.backend,
        record.origin,
        record.dataset_fingerprint,
        record.target_fingerprint,
        record.class_names,
        record.weights_sha256,
    )


def _merged(same: Sequence[Run]) -> Run:
    """Return one run of what several places tell about it; of two tests of one network the first place's counts."""
    train = next((run.train for run in same if run.train is not None), None)
    return Run(record=same[0].record, train=train, places=tuple(place for run in same for place in run.places))


def _unmet(wanted: Wanted, found: Sequence[EvalRecord]) -> list[str]:
    """Return the choices that no test fits: all of them where there is none, else which of several add nothing."""
    asked = {
        "--dataset": wanted.datasets,
        "--on": wanted.targets,
        "--model": wanted.models,
        "--recipe": wanted.recipes,
        "--seed": tuple(map(str, wanted.seeds)),
        "--backend": (wanted.backend,) if wanted.backend else (),
        "--origin": (wanted.origin,) if wanted.origin else (),
        "--fingerprint": tuple(f"{name}={value}" for name, value in wanted.fingerprints.items()),
    }
    if not found:
        return [f"{option} {value}" for option, values in asked.items() for value in values] or [""]
    met = {
        "--dataset": {record.dataset for record in found},
        "--on": {record.target for record in found},
        "--model": {record.model for record in found},
        "--recipe": {name for record in found for name in (record.recipe, name_in(record.recipe))},
        "--seed": {str(record.seed) for record in found},
    }
    # A single choice that nothing fits leaves external models alone, which it is not for.
    several = {option: asked[option] for option in met if len(asked[option]) > 1}
    unmet = [
        f"{option} {value}"
        for option, values in several.items()
        for value in values
        if not met[option] & ({value, own_id(value)} if option == "--recipe" else {value})
    ]
    there = met["--dataset"] | met["--on"]
    return unmet + [f"--fingerprint {name}={value}" for name, value in wanted.fingerprints.items() if name not in there]


def _nothing(places: Sequence[Place], unmet: Sequence[str], seen: Sequence[EvalRecord]) -> str:
    listed = ", ".join(str(place.records) for place in sorted(places))
    if not seen:
        return f"{listed}: no tests; run fer-bench train and fer-bench evaluate, or name other places with --records"
    there = sorted({f"{record.model} trained on {record.dataset}, recipe {record.recipe}" for record in seen})
    return f"{listed}: no test fits {' '.join(unmet)}; there are tests of {_few(there, 6, '; ')}"


def _few(names: Sequence[str], most: int, separator: str) -> str:
    rest = len(names) - most
    return separator.join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def listed(names: Iterable[str]) -> str:
    """Return some of the names, each once, and how many more there are."""
    return _few(sorted(set(names)), 4, ", ")
