"""How runs depart from what the paper states: recipe, split, start. Whoever departs is not compared with it.

The paper's recipe is the preset ``paper``: what the paper leaves open (magnitudes of the augmentation, precision) is
fer-bench's choice there, and another choice is another recipe. Of the start it states transfer learning for CLCM, from
a network pre-trained on "a sufficiently large and heterogeneous dataset" that it does not name (section III-A-3), and
nothing for the other two; ImageNet is what Keras has weights of.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fer_bench import paper
from fer_bench.datasets import dataset_card
from fer_bench.presets import PRESETS
from fer_bench.recipe import Recipe, flat, shown
from fer_bench.records import TrainRecord
from fer_bench.selection import Block
from fer_bench.tables.preparations import deviations

TRAINING_PARTS = {"fer2013": "Training", "raf-db": "train", "affectnet": "train_set"}
"""The part of a dataset's card that is its training set; all other parts are its test set."""
PRETRAINED = "clcm"
"""The model that the paper starts from a pre-trained network."""
VALIDATION = 0.2
"""Share of the training set that is for validation (section IV-B)."""
STATED = frozenset({"image_size", "batch_size", "optimizer", "learning_rate", "epochs", "dropout", "freeze_layers"})
"""The fields of a recipe of which the paper says something (sections III-A-3, IV-A and IV-B)."""

_SHARE_SLACK = 0.005


def training_images(dataset: str) -> int:
    """Return the official number of training images, validation included; 0 for a test set only."""
    part = TRAINING_PARTS.get(dataset)
    return sum(dataset_card(dataset).counts[part]) if part else 0


def test_images(dataset: str) -> tuple[int, ...]:
    """Return the official test images per class."""
    parts = [counts for part, counts in dataset_card(dataset).counts.items() if part != TRAINING_PARTS.get(dataset)]
    return tuple(map(sum, zip(*parts, strict=True)))


def departures(block: Block, model: str, target: str) -> Iterator[str]:
    """Yield in a few words each how a model's runs depart from the paper; nothing where they do not."""
    trains = {record.seed: record for record in block.trained(model)}
    tested = block.tested(model, target)
    untold = [str(record.seed) for record in tested if record.seed not in trains]
    if untold:
        yield f"no training record of seed {', '.join(untold)}, so recipe and start are not known"
    runs = [trains[record.seed] for record in tested if record.seed in trains]
    if runs:
        yield from _recipe(runs[0].recipe_content)
        yield from dict.fromkeys(text for run in runs for text in _training_split(run, block.dataset))
        if model == PRETRAINED and any(run.start.kind != "imagenet" for run in runs):
            yield "random start, the paper's pre-trained"
    copies = [one for run in runs for one in run.prepared]
    copies += [record.target_prepared for record in tested if record.target_prepared is not None]
    yield from dict.fromkeys(text for one in copies for text in deviations(one))
    expected = test_images(target)
    for record in tested:
        found = tuple(map(sum, record.confusion_matrix))
        if found != expected:
            yield _test_split(found, expected, target)
            break


def _recipe(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields in which a recipe differs from the paper's, the starting weights apart."""
    # Records of an older version lack fields that came later: they had what is the default now.
    ours = flat(Recipe(name="default").content()) | flat(content)
    papers = flat(PRESETS["paper"].content())
    for field in sorted(ours.keys() | papers.keys()):
        if field != "pretrained" and ours.get(field) != papers.get(field):
            whose = "paper" if field in STATED else "recipe paper"
            expected = shown(papers[field]) if field in papers else "none"
            words = field.replace("_", " ").replace(".", " ")
            yield f"{words} {shown(ours.get(field))} ({whose}: {expected})"


def _training_split(run: TrainRecord, dataset: str) -> Iterator[str]:
    images, official = run.n_train + run.n_val, training_images(dataset)
    if images != official:
        yield f"{images:,} training images (paper: {official:,})"
    if abs(run.n_val / images - VALIDATION) > _SHARE_SLACK:
        yield f"{run.n_val:,} of {images:,} training images for validation (paper: {VALIDATION:.0%})"


def _test_split(found: tuple[int, ...], expected: tuple[int, ...], target: str) -> str:
    title = paper.DATASET_TITLES[target]
    if sum(found) != sum(expected):
        return f"{sum(found):,} {title} test images (paper: {sum(expected):,})"
    return f"{title} test images per class {', '.join(map(str, found))} (paper: {', '.join(map(str, expected))})"
