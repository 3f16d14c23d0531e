"""Which records are compared: names to records, and the refusal of what cannot be compared."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench.errors import FerBenchError
from fer_bench.records import EvalRecord
from fer_bench.selection import read_all


@dataclass(frozen=True, order=True)
class Entry:
    """A model and what it was trained on."""

    model: str
    dataset: str

    def __str__(self) -> str:
        return f"{self.model}/{self.dataset}"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The records to compare."""

    target: str
    """Dataset whose test images all of them answered."""
    entries: tuple[Entry, ...]
    """In the order given."""
    names: tuple[str, ...]
    """For people: the model's name, with its training dataset where these differ."""
    seeds: tuple[int, ...]
    """Ascending; every entry has each of them."""
    records: tuple[tuple[EvalRecord, ...], ...]
    """By entry, then by seed."""
    unused_seeds: tuple[int, ...]
    """Seeds that only some entries have."""


def choose(
    folder: Path,
    names: Sequence[str],
    *,
    dataset: str | None = None,
    target: str | None = None,
    recipe: str | None = None,
    seeds: Sequence[int] = (),
) -> Chosen:
    """Choose the tests of some models that can be compared.

    Args:
        folder: of records.
        names: at least two, MODEL or MODEL/DATASET.
        dataset: trained on, of the names that do not say; may be left out where only one is possible.
        target: dataset whose test images; ``None`` for that which all were trained on.
        recipe: name or id; may be left out where the records have one.
        seeds: ``()`` for all that every model has.

    Raises:
        FerBenchError: fewer than two models, no such records, or records of different recipes, origins, backends,
            states of the test set or of the training set; each message names the records and the way out.
    """
    tests = read_all(folder, EvalRecord)
    if not tests:
        raise FerBenchError(f"{folder}: no tests; run fer-bench train and fer-bench evaluate first")
    entries = _entries(folder, names, dataset, target, tests)
    if target is None:
        if len({entry.dataset for entry in entries}) > 1:
            raise FerBenchError(
                f"{_listed(entries)}: trained on different datasets; say with --on which test images to compare them on"
            )
        target = entries[0].dataset
    found = {entry: _tests_of(folder, entry, target, tests) for entry in entries}
    found = {entry: _of_recipe(entry, some, recipe) for entry, some in found.items()}
    _require_one(found, lambda record: record.recipe, "recipe", "choose one with --recipe, and train what it lacks")
    shared, unused = _seeds(found, target, seeds)
    found = {entry: [record for record in some if record.seed in shared] for entry, some in found.items()}
    _require_one(found, lambda record: record.origin, "origin", "real and synthetic results are never compared")
    _require_one(found, lambda record: record.backend, "backend", "train and evaluate all with one KERAS_BACKEND")
    _require_one(
        found,
        lambda record: record.target_fingerprint[:12],
        f"fingerprint of {target}",
        f"they were tested on different states of {target}: evaluate all on the same prepared dataset, or choose the "
        "seeds of one state with --seed",
    )
    for trained_on in dict.fromkeys(entry.dataset for entry in entries):
        _require_one(
            {entry: some for entry, some in found.items() if entry.dataset == trained_on},
            lambda record: record.dataset_fingerprint[:12],
            f"fingerprint of {trained_on}",
            f"they were trained on different states of {trained_on}: train all on the same prepared dataset, or choose "
            "the seeds of one state with --seed",
        )
    _require_one(found, lambda record: ", ".join(record.class_names), "classes", "evaluate all with one fer-bench")
    alike = len({entry.dataset for entry in entries}) == 1
    return Chosen(
        target=target,
        entries=tuple(entries),
        names=tuple(entry.model if alike else str(entry) for entry in entries),
        seeds=shared,
        records=tuple(tuple(sorted(found[entry], key=lambda record: record.seed)) for entry in entries),
        unused_seeds=unused,
    )


def _entries(
    folder: Path, names: Sequence[str], dataset: str | None, target: str | None, tests: Sequence[EvalRecord]
) -> list[Entry]:
    if len(names) < 2:
        raise FerBenchError(
            f"{', '.join(names) or 'no model'}: a comparison needs at least two, e.g. clcm shufflenetv2, or "
            "clcm/fer2013 clcm/raf-db"
        )
    known = sorted({record.model for record in tests})
    given = []
    for name in names:
        model, _, trained_on = name.partition("/")
        if model not in known:
            raise FerBenchError(f"{folder}: no test of a model {model!r}; there are tests of {', '.join(known)}")
        given.append((model, trained_on or dataset))
    possible = {
        model: {r.dataset for r in tests if r.model == model and target in (None, r.target)}
        for model, trained_on in given
        if trained_on is None
    }
    if possible:
        common = sorted(set.intersection(*possible.values()))
        if len(common) != 1:
            listed = "; ".join(f"{model}: {', '.join(sorted(some)) or 'none'}" for model, some in possible.items())
            raise FerBenchError(
                f"{folder}: which training dataset? Tests of {listed}. Choose with --dataset, or write MODEL/DATASET"
            )
        given = [(model, trained_on or common[0]) for model, trained_on in given]
    entries = [Entry(model, trained_on) for model, trained_on in given if trained_on is not None]
    for entry in entries:
        if entries.count(entry) > 1:
            raise FerBenchError(f"{entry}: named twice; compare two different models or training datasets")
    return entries


def _tests_of(folder: Path, entry: Entry, target: str, tests: Sequence[EvalRecord]) -> list[EvalRecord]:
    own = [record for record in tests if (record.model, record.dataset) == (entry.model, entry.dataset)]
    found = [record for record in own if record.target == target]
    if found:
        return found
    if own:
        tested = ", ".join(sorted({record.target for record in own}))
        raise FerBenchError(
            f"{folder}: {entry} was tested on {tested}, not on {target}; choose with --on, or run "
            f"{'fer-bench evaluate' if target == entry.dataset else 'fer-bench cross-test'} first"
        )
    trained = ", ".join(sorted({record.dataset for record in tests if record.model == entry.model}))
    raise FerBenchError(f"{folder}: no test of {entry}; {entry.model} was trained on {trained}")


def _of_recipe(entry: Entry, tests: list[EvalRecord], recipe: str | None) -> list[EvalRecord]:
    if recipe is None:
        return tests
    found = [record for record in tests if recipe in (record.recipe, record.recipe.rpartition("-")[0])]
    if not found:
        known = ", ".join(sorted({record.recipe for record in tests}))
        raise FerBenchError(f"--recipe {recipe}: no such test of {entry}; there are {known}")
    return found


def _seeds(
    found: Mapping[Entry, Sequence[EvalRecord]], target: str, wanted: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the seeds to compare, and those that only some entries have."""
    having = {entry: {record.seed for record in some} for entry, some in found.items()}
    common = set.intersection(*having.values())
    listed = "; ".join(f"{entry}: {', '.join(map(str, sorted(some)))}" for entry, some in having.items())
    absent = sorted(set(wanted) - common)
    if absent:
        raise FerBenchError(f"--seed {absent[0]}: not all were tested on {target} with it; seeds of {listed}")
    if not common:
        raise FerBenchError(f"no seed with which all were tested on {target}; seeds of {listed}")
    if wanted:
        return tuple(sorted(set(wanted))), ()
    return tuple(sorted(common)), tuple(sorted(set.union(*having.values()) - common))


def _require_one(
    found: Mapping[Entry, Sequence[EvalRecord]], value: Callable[[EvalRecord], str], what: str, way_out: str
) -> None:
    """Refuse records that differ in what must be the same, naming them."""
    values = {entry: sorted({value(record) for record in some}) for entry, some in found.items()}
    if len({each for some in values.values() for each in some}) > 1:
        listed = "; ".join(f"{entry}: {' and '.join(some)}" for entry, some in values.items())
        raise FerBenchError(
            f"not comparable, the records differ in {what}: {listed}. {way_out[0].upper()}{way_out[1:]}"
        )


def _listed(entries: Iterable[Entry]) -> str:
    return ", ".join(map(str, entries))
