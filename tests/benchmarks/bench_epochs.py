"""Time whole epochs, each with its validation: as train has them, against Keras' own pipeline of the same batches.

    python tests/benchmarks/bench_epochs.py [--model clcm] [--steps 24] [--epochs 5] [--rounds 2]

On TensorFlow only: there Keras' pipeline tunes itself while it runs, and its end can wait for the thread that does so.
One process and one compiled network, the two ways in turns, so that they differ in nothing else. Each first epoch is
left out: the wait follows an epoch.
"""

import argparse
import dataclasses
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from bench_training import BATCH

from fer_bench import backend, network
from fer_bench.presets import PRESETS
from fer_bench.training.batches import as_input, training_batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="clcm")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--steps", type=int, default=24, help="of an epoch")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    if backend.name() != "tensorflow":
        parser.error(f"the backend is {backend.name()}, whose batches Keras puts into no pipeline")
    recipe = dataclasses.replace(PRESETS["cpu48"], image_size=given.size, batch_size=BATCH)
    net = network.Network(given.model, recipe)
    import keras

    rng = np.random.default_rng(0)
    count = given.steps * BATCH
    images = rng.integers(0, 256, (count, given.size, given.size), dtype=np.uint8)
    labels = rng.integers(0, 7, count)
    batches = training_batches(images, labels, np.arange(count), recipe, 0)
    validation = np.arange(count // 4)

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        """Takes the time from the beginning of an epoch to its first step, and to the end of its validation."""

        def __init__(self) -> None:
            super().__init__()
            self.waited: list[float] = []
            self.taken: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            batches.begin_epoch(epoch + 1)
            self.began = perf_counter()

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 0:
                self.waited.append(perf_counter() - self.began)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            net.predict(images, validation)
            self.taken.append(perf_counter() - self.began)

    def as_it_is(own: Any) -> Any:
        return own

    ways: dict[str, Callable[[Any], Any]] = {"fer-bench's input": as_input, "Keras' own": as_it_is}
    clocks: dict[str, list[Clock]] = {name: [] for name in ways}
    for turn in range(given.rounds + 1):  # The first compiles.
        for name, way in ways.items():
            clock = Clock()
            network.as_input = way  # type: ignore[attr-defined]  # For the validation.
            epochs = given.epochs if turn else 1
            net.trainer.fit(way(batches), epochs=epochs, shuffle=False, verbose=0, callbacks=[clock])
            if turn:
                clocks[name].append(clock)
    print(f"{given.model}, {given.size} x {given.size}, {given.steps} steps of {BATCH}; medians of epochs")
    whole = {}
    for name, own in clocks.items():
        waited = [seconds for clock in own for seconds in clock.waited[1:]]
        taken = [seconds for clock in own for seconds in clock.taken[1:]]
        whole[name] = median(taken)
        print(f"{name}: {whole[name]:.1f} s an epoch, of which before its first step {median(waited):.2f}", end="")
        print(f" ({min(waited):.2f} to {max(waited):.2f})")
    ours, theirs = whole.values()
    print(f"fer-bench's input: {theirs / ours:.2f} times as fast")


if __name__ == "__main__":
    main()
