"""Which records are compared: names to records, and the refusal of what cannot be compared."""

import dataclasses
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench.datasets.joined import in_order, parts_of
from fer_bench.errors import FerBenchError
from fer_bench.lookup import recipe_ids, seed_words, training_of
from fer_bench.recipe import name_in
from fer_bench.records import EXTERNAL, EvalRecord, TrainRecord, load_all


@dataclass(frozen=True, order=True)
class Entry:
    """A model, what it was trained on, and by which recipe."""

    model: str
    dataset: str
    recipe: str = ""
    """Name or id; empty where any is meant that the others have too."""

    def __str__(self) -> str:
        return f"{self.model}/{self.dataset}" + (f"@{self.recipe}" if self.recipe else "")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The records to compare."""

    target: str
    """Dataset whose test images all of them answered."""
    entries: tuple[Entry, ...]
    """In the order given."""
    names: tuple[str, ...]
    """For people: the model's name, with its training dataset and its recipe where these differ."""
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
    where: Sequence[str] = (),
) -> Chosen:
    """Choose the tests of some models that can be compared.

    Args:
        folder: of records.
        names: at least two, ``MODEL``, ``MODEL/DATASET``, ``MODEL@RECIPE`` or ``MODEL/DATASET@RECIPE``. Where one has
            a recipe, recipes are what is compared, and may differ.
        dataset: trained on, of the names that do not say; may be left out where only one is possible.
        target: dataset whose test images; ``None`` for that which all were trained on.
        recipe: name or id, of the names that do not say; may be left out where the records have one.
        seeds: ``()`` for all that every model has.
        where: words that name the workspace of the records in a command; none where it is the default.

    Raises:
        FerBenchError: fewer than two models, no such records, or records of different recipes, origins, backends,
            states of the test set or of the training set, tests of other weights than the training gave, or seeds of
            different starts; each message names the records and the way out.
    """
    tests = load_all(folder, EvalRecord)
    if not tests:
        raise FerBenchError(f"{folder}: no tests; run fer-bench train and fer-bench evaluate first")
    entries = _entries(folder, names, dataset, target, tests)
    if target is None:
        if len({entry.dataset for entry in entries}) > 1:
            raise FerBenchError(
                f"{_listed(entries)}: trained on different datasets; say with --on which test images to compare them on"
            )
        target = entries[0].dataset
    if len(parts_of(target)) > 1:
        raise FerBenchError(
            f"{target}: several datasets together have no test set of their own; say with --on which of theirs to "
            f"compare on: {' or '.join(parts_of(target))}"
        )
    found = _of_recipes({entry: _tests_of(folder, entry, target, tests, where) for entry in entries}, recipe)
    entries = list(found)
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
    _require_their_training(folder, found)
    return Chosen(
        target=target,
        entries=tuple(entries),
        names=tuple(_names(entries)),
        seeds=shared,
        records=tuple(tuple(sorted(found[entry], key=lambda record: record.seed)) for entry in entries),
        unused_seeds=unused,
    )


def _entries(
    folder: Path, names: Sequence[str], dataset: str | None, target: str | None, tests: Sequence[EvalRecord]
) -> list[Entry]:
    if len(names) < 2:
        raise FerBenchError(
            f"{', '.join(names) or 'no model'}: a comparison needs at least two, e.g. clcm shufflenetv2, "
            "clcm/fer2013 clcm/raf-db, or clcm@paper clcm@paper+freeze0"
        )
    known = sorted({record.model for record in tests})
    given: list[tuple[str, str | None, str]] = []
    for name in names:
        trained, at, recipe = name.partition("@")
        model, _, trained_on = trained.partition("/")
        if model not in known:
            raise FerBenchError(f"{folder}: no test of a model {model!r}; there are tests of {', '.join(known)}")
        if at and not recipe:
            raise FerBenchError(f"{name}: no recipe after the @; expected its name or id")
        trained_on = trained_on or dataset or ""
        given.append((model, in_order(trained_on) if trained_on else None, recipe))
    _require_one_kind(folder, [model for model, _, _ in given], target, tests)
    possible = {
        model: {r.dataset for r in tests if r.model == model and target in (None, r.target)}
        for model, trained_on, _ in given
        if trained_on is None
    }
    if possible:
        common = sorted(set.intersection(*possible.values()))
        if len(common) != 1:
            listed = "; ".join(f"{model}: {', '.join(sorted(some)) or 'none'}" for model, some in possible.items())
            raise FerBenchError(
                f"{folder}: which training dataset? Tests of {listed}. Choose with --dataset, or write MODEL/DATASET"
            )
        given = [(model, trained_on or common[0], recipe) for model, trained_on, recipe in given]
    entries = [Entry(model, trained_on, recipe) for model, trained_on, recipe in given if trained_on is not None]
    _require_different(entries)
    return entries


def _require_one_kind(folder: Path, models: Sequence[str], target: str | None, tests: Sequence[EvalRecord]) -> None:
    """Refuse external models beside fer-bench's own: no choice of recipe and backend would make them comparable."""
    outside = {record.model for record in tests if record.external} & set(models)
    if outside and not outside.issuperset(models):
        named = [word for model in dict.fromkeys(models) for word in ("--model", model)]
        on = [] if target is None else ["--on", target]
        ranked = shlex.join(["fer-bench", "leaderboard", "--records", str(folder), *on, *named])
        raise FerBenchError(
            f"{', '.join(sorted(outside))}: external, so that recipe and backend are never those of fer-bench's own "
            f"models; the leaderboard ranks them together, by the same tests: run {ranked}"
        )


def _require_different(entries: Sequence[Entry]) -> None:
    for entry in entries:
        if entries.count(entry) > 1:
            raise FerBenchError(f"{entry}: named twice; compare two different models, training datasets or recipes")


def _tests_of(
    folder: Path, entry: Entry, target: str, tests: Sequence[EvalRecord], where: Sequence[str]
) -> list[EvalRecord]:
    own = [record for record in tests if (record.model, record.dataset) == (entry.model, entry.dataset)]
    found = [record for record in own if record.target == target]
    if found:
        return found
    if own:
        tested = ", ".join(sorted({record.target for record in own}))
        raise FerBenchError(
            f"{folder}: {entry} was tested on {tested}, not on {target}; choose with --on, or first run "
            f"{_test_on(target, entry, own, where)}"
        )
    trained = sorted({record.dataset for record in tests if record.model == entry.model})
    if trained == [EXTERNAL]:
        raise FerBenchError(
            f"{entry}: an external model, which belongs to no training dataset here; leave {entry.dataset} out, and "
            "say which test images with --on"
        )
    raise FerBenchError(f"{folder}: no test of {entry}; {entry.model} was trained on {', '.join(trained)}")


def _test_on(target: str, entry: Entry, tests: Iterable[EvalRecord], where: Sequence[str]) -> str:
    """Return the command that tests on ``target`` what has been tested elsewhere; one for each recipe."""
    if target not in parts_of(entry.dataset):
        return shlex.join(["fer-bench", "cross-test", "--on", target, *where])
    seeds: dict[str, set[int]] = {}
    for test in tests:
        seeds.setdefault(test.recipe, set()).add(test.seed)
    run = ("fer-bench", "evaluate", "--model", entry.model, "--dataset", entry.dataset)
    return " && ".join(
        shlex.join([*run, "--recipe", recipe, *seed_words(sorted(numbers)), *where])
        for recipe, numbers in sorted(seeds.items())
    )


def _of_recipes(tests: Mapping[Entry, list[EvalRecord]], recipe: str | None) -> dict[Entry, list[EvalRecord]]:
    """Keep the tests of one recipe, or, where an entry names one, of each entry's own, whose id it then has."""
    found = {entry: _of_recipe(entry, some, entry.recipe or recipe) for entry, some in tests.items()}
    # What stands for the recipe of an external model is of its file alone.
    across = any(entry.recipe for entry in found) or all(test.external for some in found.values() for test in some)
    for group in [{entry: found[entry]} for entry in found] if across else [found]:
        way_out = "choose one with --recipe or MODEL@RECIPE, and train what it lacks"
        _require_one(group, lambda record: record.recipe, "recipe", way_out)
    if not across:
        return found
    entries = [dataclasses.replace(entry, recipe=some[0].recipe) for entry, some in found.items()]
    _require_different(entries)
    return dict(zip(entries, found.values(), strict=True))


def _of_recipe(entry: Entry, tests: list[EvalRecord], recipe: str | None) -> list[EvalRecord]:
    if recipe is None:
        return tests
    known = {record.recipe for record in tests}
    meant = recipe_ids([recipe], known, f"{entry.model}/{entry.dataset}")
    if not meant:
        asked = f"{entry}" if entry.recipe else f"--recipe {recipe}"
        raise FerBenchError(
            f"{asked}: no such test of {entry.model}/{entry.dataset}; there are {', '.join(sorted(known))}"
        )
    return [record for record in tests if record.recipe in meant]


def _names(entries: Sequence[Entry]) -> list[str]:
    """Return the shortest names that tell what differs; a recipe by its name where no two ids share it."""
    datasets, recipes = {entry.dataset for entry in entries}, {entry.recipe for entry in entries}
    clear = len({name_in(recipe) for recipe in recipes}) == len(recipes)
    return [
        (entry.model if len(datasets) == 1 else f"{entry.model}/{entry.dataset}")
        + (f"@{name_in(entry.recipe) if clear else entry.recipe}" if entry.recipe else "")
        for entry in entries
    ]


def _seeds(
    found: Mapping[Entry, Sequence[EvalRecord]], target: str, wanted: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the seeds to compare, and those that only some entries have."""
    having = {entry: {record.seed for record in some} for entry, some in found.items()}
    common = set.intersection(*having.values())
    listed = "; ".join(f"{entry}: {', '.join(map(str, sorted(some)))}" for entry, some in having.items())
    absent = sorted(set(wanted) - common)
    if absent:
        raise FerBenchError(
            f"--seed {absent[0]}: not every model was tested on {target} with this seed; seeds of {listed}"
        )
    if not common:
        raise FerBenchError(f"no seed with which every model was tested on {target}; seeds of {listed}")
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


def _require_their_training(folder: Path, found: Mapping[Entry, Sequence[EvalRecord]]) -> None:
    """Refuse tests of weights that have been trained again since, and seeds of an entry that had different starts.

    Of Keras' own download a record does not tell the SHA-256: it may be that of a file.
    """
    trained = {run.cell_id: run for run in load_all(folder, TrainRecord)}
    for entry, some in found.items():
        starts: dict[str, list[str]] = {}
        for record in sorted(some, key=lambda record: record.seed):
            run = training_of(folder, record, trained)
            if run is not None and run.start.sha256:
                starts.setdefault(run.start.sha256[:12], []).append(str(record.seed))
        if len(starts) > 1:
            listed = "; ".join(f"{digest} of seed {', '.join(seeds)}" for digest, seeds in starts.items())
            raise FerBenchError(
                f"{entry}: its seeds were trained from different ImageNet weights (SHA-256 {listed}), so their "
                "spread is not that of the seed alone; choose those of one start with --seed"
            )


def _listed(entries: Iterable[Entry]) -> str:
    return ", ".join(map(str, entries))
