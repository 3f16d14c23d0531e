"""A tiny network, really trained on synthetic faces, tested and exported: what predict and the page are tested with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_network import build_tiny

from fer_bench import models
from fer_bench.datasets.prepared import Prepared
from fer_bench.evaluation import evaluate
from fer_bench.export.exporting import export_run
from fer_bench.grid import Cell
from fer_bench.models.card import ModelCard
from fer_bench.network import Network
from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.training.run import train
from fer_bench.workspace import Workspace

RECIPE = """
base = "paper"
image_size = 64
epochs = 6
batch_size = 16
learning_rate = 1e-2
batch_norm_momentum = 0.8
pretrained = []

[augmentation]
rotation = 3
shear = 0
zoom = 0.05
width_shift = 0.02
height_shift = 0.02
"""


@dataclass(frozen=True)
class Trained:
    workspace: Workspace
    raw: Path
    """The synthetic FER-2013 as its folders, test pictures in ``test/<class>``."""
    recipe: Path
    cell: Cell
    run: TrainRecord
    prepared: Prepared
    record: EvalRecord

    @property
    def test_pictures(self) -> list[Path]:
        """The files of the test images, in the order of the rows."""
        sources = self.prepared.sources()
        return [self.raw / sources[row] for row in self.prepared.indices("test")]

    @property
    def kept(self) -> NDArray[np.float16]:
        """What evaluate has kept of the test images: probabilities, (n, 7)."""
        path = self.workspace.results.records / EvalRecord.kind / self.record.predictions
        return np.load(path)["probabilities"]

    def export(self, target: str, out: Path) -> Path:
        export_run(self.workspace, self.cell, self.run, self.prepared, target, out)
        return out


@contextmanager
def trained_tiny(root: Path) -> Iterator[Trained]:
    """Train, test and keep ``tiny`` below ``root``; it is in the registry for as long as the block runs."""
    from fer_bench.datasets import dataset_card
    from fer_bench.datasets.store import prepare
    from fer_bench.datasets.synthetic import synthesize
    from fer_bench.presets import load_recipe

    workspace, raw = Workspace(root / "workspace"), root / "raw"
    synthesize("fer2013", raw, train=140, test=70, seed=7, layout="folders")
    prepare(dataset_card("fer2013"), raw, workspace.prepared("fer2013"))
    prepared = Prepared.load(workspace.prepared("fer2013"))
    recipe = root / "tiny.toml"
    recipe.write_text(RECIPE)
    cell = Cell("tiny", "fer2013", load_recipe(str(recipe)), 0)
    card = ModelCard("tiny", "Tiny", build_tiny, "tests", trainable_parameters=2_363, non_trainable_parameters=184)
    with pytest.MonkeyPatch.context() as patch:
        models.model_cards.cache_clear()
        patch.setitem(models._BUILT_IN, "tiny", card)
        network = Network("tiny", cell.recipe)
        run = train(cell, prepared, network, workspace)
        network.load_weights(workspace.weights(cell.id), run.weights_sha256)
        record = evaluate(run, prepared, network, workspace)
        yield Trained(workspace, raw, recipe, cell, run, prepared, record)
    models.model_cards.cache_clear()
