"""The notes under a table: what its blocks were made from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fer_bench import paper
from fer_bench.errors import number_of
from fer_bench.models import model_title
from fer_bench.records import EvalRecord, ProfileRecord, Start
from fer_bench.selection import Block, Evidence, Latency
from fer_bench.tables.externals import external_notes, tested_externals
from fer_bench.tables.preparations import choices
from fer_bench.tables.values import Text
from fer_bench.tables.verdict import LEAST_SEEDS, judge

SHORT = 12
"""Hexadecimal digits of a fingerprint or checksum that a note prints."""

SYNTHETIC_NOTE = (
    "Synthetic faces drawn in the layouts of the datasets named: these figures say nothing about the datasets."
)
SEEDS_NOTE = "Several runs (seeds): mean ± sample standard deviation."
BEYOND = "†"
BEYOND_NOTE = f"{BEYOND} Beyond the paper: not one of its three models."


def method(model: str) -> Text:
    """Return a model's name in a row, marked where it is not one of the paper's three."""
    return Text(model_title(model) if model in paper.MODELS else f"{model_title(model)} {BEYOND}")


def departure_notes(evidence: Evidence, target: str, published: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return one note for each training dataset whose runs are not comparable with the paper's: why.

    Args:
        evidence: the chosen records.
        target: the test set; an empty string means the training dataset's own.
        published: overall accuracies, percent, by training dataset and model.
    """
    notes = []
    for dataset, printed in published.items():
        models: dict[tuple[str, ...], list[str]] = {}
        for model in paper.MODELS:
            departures = judge(evidence, dataset, model, target or dataset, printed[model]).departures
            if departures:
                models.setdefault(departures, []).append(model_title(model))
        if models:
            told = "; ".join(f"{', '.join(names)}: {', '.join(why)}" for why, names in models.items())
            notes.append(f"{paper.DATASET_TITLES[dataset]}, not comparable with the paper: {told}.")
    return notes


def alike_notes(evidence: Evidence, target: str, published: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield of which models of the paper the runs are enough for an interval, but all equally accurate.

    Args:
        evidence: the chosen records.
        target: the test set; an empty string means the training dataset's own.
        published: overall accuracies, percent, by training dataset and model.
    """
    for dataset, printed in published.items():
        for model in printed:
            runs = len(evidence.tested(dataset, model, target or dataset))
            found = judge(evidence, dataset, model, target or dataset, printed[model])
            if runs >= LEAST_SEEDS and found.interval is None:
                yield (
                    f"{paper.DATASET_TITLES[dataset]}: the {runs} runs of {model_title(model)} are equally accurate, "
                    "which does not tell how far a new one may lie: no interval."
                )


def dataset_notes(evidence: Evidence, targets: Sequence[str] = ("",)) -> list[str]:
    """Return notes on each training dataset: recipe, seeds, backend, fingerprints, test images, start weights; and
    which models always give the same answer.

    Args:
        evidence: the chosen records.
        targets: the test sets that the table shows; an empty string means the training dataset's own.
    """
    notes = [SYNTHETIC_NOTE] if evidence.synthetic else []
    for dataset in paper.TRAINED_ON:
        notes.append(_dataset_note(evidence, dataset, targets))
        notes += _constant_notes(evidence, dataset, targets)
    notes += external_notes(tested_externals(evidence, targets))
    return notes


def one_answer(tested: Sequence[EvalRecord]) -> str:
    """Return that a model answers every image alike, and in how many of its runs; empty where it does in none."""
    constant = sum(sum(map(any, zip(*record.confusion_matrix, strict=True))) == 1 for record in tested)
    if not constant:
        return ""
    return "one answer for every image" + (f" in {constant} of {len(tested)} runs" if constant < len(tested) else "")


def _constant_notes(evidence: Evidence, dataset: str, targets: Sequence[str]) -> Iterator[str]:
    """Yield of which models a recall of 1 says nothing, since they always answer the same class."""
    for target in targets:
        for model in evidence.models(dataset):
            if constant := one_answer(evidence.tested(dataset, model, target or dataset)):
                where = f"tested on {paper.DATASET_TITLES[target]}, " if target else ""
                yield f"{paper.DATASET_TITLES[dataset]}: {where}{model_title(model)} gives {constant}."


def _dataset_note(evidence: Evidence, dataset: str, targets: Sequence[str]) -> str:
    title = paper.DATASET_TITLES[dataset]
    block = evidence.blocks.get(dataset)
    if block is None:
        return f"{title}: no records."
    if not block.recipe:
        tested = [_test_set(block, target or dataset) for target in targets]
        return f"{title}: no runs of fer-bench's own; {'; '.join(tested)}."
    parts = [f"recipe {block.recipe}{_protocol(block)}", seeds_of(block), f"backend {block.backend}"]
    parts.append(f"dataset {block.fingerprint[:SHORT]}{_prepared(block)}")
    for target in targets:
        parts.append(_test_set(block, target or dataset))
    parts.append(f"start: {_starts(block)}")
    return f"{title}: {'; '.join(parts)}."


def _prepared(block: Block) -> str:
    """Return what was chosen of the training dataset; the tests on it tell where no training record does."""
    own = [record.target_prepared for record in block.evals if record.target_fingerprint == block.fingerprint]
    return choices([one for run in block.trains for one in run.prepared] or own)


def _protocol(block: Block) -> str:
    """Return the size and length of the training where a training record tells them."""
    if not block.trains:
        return ""
    content = block.trains[0].recipe_content
    size, epochs = content.get("image_size"), content.get("epochs")
    known = [f"{size} px"] if isinstance(size, int) else []
    if isinstance(epochs, int):
        known.append(number_of(epochs, "epoch"))
    return f" ({', '.join(known)})" if known else ""


def seeds_of(block: Block) -> str:
    """Return e.g. ``seed 0``, or by model where they differ."""
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for model in block.models:
        if seeds := block.seeds(model):
            by_seeds.setdefault(seeds, []).append(model_title(model))
    if len(by_seeds) == 1:
        return seed_words(next(iter(by_seeds)))
    return ", ".join(f"{seed_words(seeds)} ({', '.join(models)})" for seeds, models in by_seeds.items())


def seed_words(seeds: Sequence[int]) -> str:
    """Return e.g. ``seeds 0, 1``."""
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _test_set(block: Block, target: str) -> str:
    tested: list[EvalRecord] = [record for record in block.evals if record.target == target]
    title = paper.DATASET_TITLES[target]
    if not tested:
        return f"not tested on {title}"
    fingerprint = tested[0].target_fingerprint
    state = ""
    if fingerprint != block.fingerprint:
        state = f" {fingerprint[:SHORT]}{choices(record.target_prepared for record in tested)}"
    images = f"synthetic {title} images" if tested[0].origin == "synthetic" else f"{title} images"
    return f"tested on {tested[0].n:,} {images}{state}"


def _starts(block: Block) -> str:
    described = []
    for model in block.models:
        starts = {start_of(record.start) for record in block.trained(model)}
        if starts:
            described.append(f"{model_title(model)} {' and '.join(sorted(starts))}")
    return ", ".join(described) or "not recorded"


def start_kinds(kinds: Iterable[str]) -> str:
    """Return from what runs started, by the kinds of their starts: ``ImageNet``, ``random``, both; empty of none."""
    return " and ".join(sorted({"random" if kind == "random" else "ImageNet" for kind in kinds}))


def start_of(start: Start) -> str:
    """Return where a run started, with the weights file as far as its record tells."""
    if start.kind == "random":
        return "random"
    known = [start.source] if start.source else []
    if start.sha256:
        known.append(f"sha256 {start.sha256[:SHORT]}")
    return f"ImageNet ({', '.join(known)})" if known else "ImageNet"


def latency_notes(evidence: Evidence) -> list[str]:
    """Return the notes on how and where inference times were measured."""
    latency = evidence.latency
    if latency is None:
        return ["No profile records."]
    profiles = list(latency.profiles.values())
    demo = ["Measured within a demo run on synthetic faces."] if evidence.synthetic else []
    size = latency.image_size
    notes = [
        *demo,
        f"Session {latency.session}; backend {latency.backend}; input {size} × {size} × 3, one image a call; "
        f"{_warmups(latency)} untimed calls first; threads: {_threads(latency)}.",
        f"Machine: {_one(_machine(profile) for profile in profiles)}.",
    ]
    notes += external_notes(profiles)
    absent = [model_title(model) for model in paper.MODELS if model not in latency.profiles]
    if absent:
        notes.append(f"Not measured in this session: {', '.join(absent)}.")
    if size != 224 and not evidence.synthetic:
        notes.append("The published figures are for an input of 224 × 224 × 3.")
    return notes


def _machine(profile: ProfileRecord) -> str:
    environment = profile.environment
    devices = ", ".join(environment.devices) or "no accelerator"
    return (
        f"{environment.processor}, {number_of(environment.cores, 'core')}, {environment.memory_gib:.0f} GiB, "
        f"{devices}, host {environment.host}"
    )


def _warmups(latency: Latency) -> str:
    """Return how many untimed calls went before the timed ones of a runtime in a process, e.g. ``10 to 20``."""
    found: set[int] = set()
    for profile in latency.profiles.values():
        # An older record tells of the runtime with the fewest alone.
        found |= {calls for runtime in profile.warmups.values() for calls in runtime} or {profile.warmup}
    return " to ".join(str(calls) for calls in sorted({min(found), max(found)}))


def _threads(latency: Latency) -> str:
    """Return the threads that every runtime was given."""
    profiles = latency.profiles.values()
    counts = sorted({profile.threads["each"] for profile in profiles if "each" in profile.threads})
    if counts:
        return f"{' / '.join(map(str, counts))} a runtime"
    backend = sorted({item for profile in profiles for item in profile.threads.items()})
    return ", ".join(f"{count} {name}" for name, count in backend) or "not recorded"


def _one(texts: Iterable[str]) -> str:
    """Return the different texts, once each, in their order."""
    return " / ".join(dict.fromkeys(texts))
