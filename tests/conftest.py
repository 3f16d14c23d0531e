"""Fixtures that several test modules share."""

import functools
import gc
import os
import signal
import threading
from pathlib import Path

import hypothesis
import pytest
from tiny_network import build_tiny
from tiny_site import write_site

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A shell ignores Ctrl-C in what it starts in the background, and whatever that starts inherits it.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


LONGEST = ("test_distributed", "test_training", "test_survival", "test_runner", "test_flops", "test_models")
"""Modules of most of a minute and more: with -n they begin first, so that none of them is left for one core alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first; the order within a module stays, and that of the others."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Leave what the tests are made of out of every later collection of garbage: it stays as long as they do."""
    gc.collect()
    gc.freeze()


@functools.cache
def built(name: str, size: int = 0):
    """Build a registered model for seven classes, once a process: tests must not change it.

    Without a size for images of 64 pixels, or of the fewest that it takes.
    """
    from fer_bench.models import model_card

    card = model_card(name)
    return card.build(size or max(64, card.min_image_size), 7)


@pytest.fixture(scope="session")
def configured() -> str:
    """The backend with its settings made, as they must be before anything else uses it."""
    from fer_bench import backend

    name = backend.configure()
    gc.freeze()  # Half a million objects of TensorFlow, which each collection would look through.
    return name


@pytest.fixture
def set_threads(configured) -> int:
    """Threads that the backend computes with: earlier tests may have trained, and TensorFlow's cannot be set again."""
    from fer_bench import compute
    from fer_bench.environment import cores

    return compute.threads().get("intra_op") or cores()


@pytest.fixture
def tiny_model(configured, monkeypatch):
    """Register the model ``tiny``, as another package's entry point would."""
    from fer_bench import models
    from fer_bench.models.card import Backbone, ModelCard

    card = ModelCard(
        name="tiny",
        title="Tiny",
        build=build_tiny,
        reference="tests",
        trainable_parameters=2_363,
        non_trainable_parameters=184,
        backbone=Backbone(layers=9, stages=(3, 6, 9), frozen=3),
    )
    models.model_cards.cache_clear()
    monkeypatch.setitem(models._BUILT_IN, "tiny", card)
    yield card
    models.model_cards.cache_clear()


@pytest.fixture(scope="session")
def synthetic_root(tmp_path_factory) -> Path:
    """Synthetic files of every dataset in its real layout, small."""
    from fer_bench.datasets.synthetic import synthesize

    root = tmp_path_factory.mktemp("synthetic")
    for name, train, test in (("fer2013", 140, 70), ("raf-db", 140, 70), ("affectnet", 70, 35), ("ck-plus", 0, 24)):
        synthesize(name, root / name, train=train, test=test, seed=7)
    return root


@pytest.fixture(scope="session")
def prepared_root(synthetic_root, tmp_path_factory) -> Path:
    """The synthetic datasets, prepared: ``<root>/datasets/<name>`` as in a workspace."""
    from fer_bench.datasets import dataset_card
    from fer_bench.datasets.store import prepare

    root = tmp_path_factory.mktemp("prepared")
    for name in ("fer2013", "raf-db", "affectnet", "ck-plus"):
        prepare(dataset_card(name), synthetic_root / name, root / "datasets" / name)
    return root


@pytest.fixture(scope="session")
def plugin(tmp_path_factory) -> Path:
    """A folder for PYTHONPATH with the model ``tiny`` of another package, and the recipe ``mini.toml``."""
    site = tmp_path_factory.mktemp("site")
    write_site(site)
    return site


@pytest.fixture
def workspace(prepared_root, tmp_path):
    """A workspace of its own with the prepared synthetic datasets."""
    import shutil

    from fer_bench.workspace import Workspace

    shutil.copytree(prepared_root / "datasets", tmp_path / "workspace" / "datasets")
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def seed_0_diverges(monkeypatch):
    """Let the loss of every cell of seed 0 become no number."""
    from fer_bench import stages
    from fer_bench.errors import DivergedError

    train_cell = stages.train_cell

    def diverges(place, cell, *arguments, **options):
        if cell.seed == 0:
            raise DivergedError("the training loss became nan in epoch 1")
        return train_cell(place, cell, *arguments, **options)

    monkeypatch.setattr(stages, "train_cell", diverges)
