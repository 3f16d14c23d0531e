"""What one Keras backend computes, in a process of its own: ``KERAS_BACKEND=jax python backend_probe.py ...``.

``compute FOLDER`` writes the warp, the answers and one training step on fixed numbers to ``FOLDER/<backend>.npz`` and
weights beside it, says ``saved``, waits for a line and answers with the weights of every backend found there.
``repeat WORKSPACE DATASET STOPS`` trains, interrupted after the epochs named in STOPS, and prints what came out.
``devices N`` prints a training step and the answers with every batch shared among N virtual devices.
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
from tiny_network import build_tiny

from fer_bench import augmentation, backend, models
from fer_bench.datasets.prepared import Prepared
from fer_bench.grid import Cell
from fer_bench.models.card import ModelCard
from fer_bench.network import Network
from fer_bench.recipe import Augmentation, Recipe
from fer_bench.training.run import train
from fer_bench.workspace import Workspace

SIZE, BATCH = 32, 16
FIXED = Recipe(name="fixed", image_size=SIZE, batch_size=BATCH, optimizer="sgd", learning_rate=0.1, dropout=0.0)
REPEATED = Recipe(name="repeated", image_size=SIZE, epochs=3, batch_size=BATCH, learning_rate=3e-3)

models._BUILT_IN["tiny"] = ModelCard(
    name="tiny", title="", build=build_tiny, reference="", trainable_parameters=2_363, non_trainable_parameters=184
)


def fixed_weights(network: Network) -> None:
    """Give a network weights that do not depend on the backend."""
    rng = np.random.default_rng(1)
    for weight in network.core.weights:
        kind = weight.path.rpartition("/")[2]
        centre = 1.0 if kind in ("gamma", "moving_variance") else 0.0
        spread = 0.1 if kind != "kernel" else (2 / np.prod(weight.shape[:-1])) ** 0.5
        weight.assign((centre + spread * rng.uniform(-1.7, 1.7, weight.shape)).astype(np.float32))


def inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images, matrices and labels of one batch."""
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (BATCH, 40, 40), dtype=np.uint8)
    return images, augmentation.random_matrices(Augmentation(), BATCH, rng), rng.integers(0, 7, BATCH).astype(np.int32)


def one_step(recipe: Recipe, devices: int = 1) -> dict[str, np.ndarray]:
    """Return the answers, then loss and weights after one training step from the fixed weights."""
    network = Network("tiny", recipe, devices)
    fixed_weights(network)
    images, matrices, labels = inputs()
    answers = network.predict(images, np.arange(BATCH))
    before = [np.asarray(weight).copy() for weight in network.core.weights]
    logs = network.trainer.train_on_batch((images, matrices), labels, return_dict=True)
    found = {"answers": answers, "loss": np.array(float(logs["loss"]))}
    for old, weight in zip(before, network.core.weights, strict=True):
        found[f"step/{weight.path}"] = np.asarray(weight) - old
    return found


def compute(folder: Path) -> None:
    """See the module's text."""
    name = backend.configure()
    images, matrices, _ = inputs()
    import keras

    warped = keras.ops.convert_to_numpy(augmentation.warp(images, matrices, SIZE))
    adam = one_step(dataclasses.replace(FIXED, optimizer="adam"))
    found = {"warp": warped, **one_step(FIXED), **{f"adam/{key}": value for key, value in adam.items()}}
    np.savez(folder / f"{name}.npz", **found)
    network = Network("tiny", FIXED)
    network.start(3, None)
    network.save_weights(folder / f"{name}.weights.h5")
    (folder / f"{name}.json").write_text(json.dumps(network.digest()))
    print("saved", flush=True)
    sys.stdin.readline()
    answers = {}
    for path in sorted(folder.glob("*.json")):
        network.load_weights(path.with_suffix(".weights.h5"), json.loads(path.read_text()))
        answers[path.stem] = network.predict(images, np.arange(BATCH))
    np.savez(folder / f"{name}-answers.npz", **answers)


class InterruptionError(Exception):
    """Stands for whatever ends a run."""


def repeat(root: Path, dataset: Path, stops: list[int]) -> None:
    """See the module's text."""

    def on_step() -> None:
        # In the middle of the epoch after a stop.
        if stops and reached == stops[0]:
            stops.pop(0)
            raise InterruptionError

    def on_epoch(number: int, _: object) -> None:
        nonlocal reached
        reached = number

    reached = -1
    cell = Cell("tiny", "fer2013", REPEATED, 0)
    network, data = Network("tiny", REPEATED), Prepared.load(dataset)
    while True:
        try:
            run = train(cell, data, network, Workspace(root), on_epoch=on_epoch, on_step=on_step)
            break
        except InterruptionError:
            print("interrupted", file=sys.stderr)
    history = [dataclasses.asdict(dataclasses.replace(epoch, seconds=0)) for epoch in run.history]
    found = {"weights": run.weights_sha256, "history": history, "backend": run.backend, "compute": run.compute}
    print(json.dumps(found))


def shared(count: int) -> None:
    """See the module's text."""
    found = one_step(FIXED, count)
    print(json.dumps({key: value.tolist() for key, value in found.items()}))


if __name__ == "__main__":
    if sys.argv[1] == "compute":
        compute(Path(sys.argv[2]))
    elif sys.argv[1] == "repeat":
        repeat(Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4]))
    else:
        shared(int(sys.argv[2]))
