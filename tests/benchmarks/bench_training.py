"""Training throughput, side by side in one run: ours, the bare step, the usual script, plain PyTorch.

    python tests/benchmarks/bench_training.py --model mobilenetv2 --size 96 --rounds 3

Four ways train one network on the same synthetic gray 48 x 48 images with the same batch size:

- ``ours``: ``fer_bench``'s ``train``, with its rows gathered, warped, scaled and repeated, and its bar's callback; its
  second epoch without the validation;
- ``bare``: the same compiled network on one constant batch that is the network's input already, the most that the
  input path could reach;
- ``usual``: the script that a reader of the paper would write: Keras' model as built, ``ImageDataGenerator`` with the
  same kinds of augmentation, ``model.fit`` (TensorFlow only);
- ``torch``: MobileNetV2 in plain PyTorch, channels-last, on one constant batch (where PyTorch is installed).

Each is a process of its own, in alternating rounds, so that drift of the machine falls on all; what counts are the
ratios. The backend is ``KERAS_BACKEND``'s.

    python tests/benchmarks/bench_training.py --input --model clcm --size 224

times the input path against the step in one process instead, taking turns: two processes differ by more than it costs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

BATCH = 64
WAYS = ("ours", "bare", "usual", "torch")


def per_second(step: Callable[[], object], steps: int) -> float:
    """Return images a second over ``steps`` calls, each of one batch."""
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return steps * BATCH / (time.perf_counter() - began)


def network(model: str, size: int) -> Any:
    from fer_bench.network import Network
    from fer_bench.recipe import Recipe

    return Network(model, Recipe(name="bench", image_size=size, epochs=3))


def faces(count: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, 48, 48), dtype=np.uint8), np.arange(count) % 7


def ours(model: str, size: int, steps: int) -> float:
    from fer_bench.datasets import dataset_card
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.datasets.store import prepare
    from fer_bench.datasets.synthetic import synthesize
    from fer_bench.grid import Cell
    from fer_bench.network import Network
    from fer_bench.recipe import Recipe
    from fer_bench.training.run import train
    from fer_bench.workspace import Workspace

    recipe = Recipe(name="bench", image_size=size, epochs=2)
    began: list[float] = []  # Each step but an epoch's first when it begins, and when an epoch's last has ended.
    with TemporaryDirectory() as folder:
        place = Workspace(Path(folder))
        # A fifth of the training images validates.
        synthesize("fer2013", place.root / "faces", train=steps * BATCH * 5 // 4, test=70)
        prepare(dataset_card("fer2013"), place.root / "faces", place.prepared("fer2013"))
        train(
            Cell(model, "fer2013", recipe, 0),
            Prepared.load(place.prepared("fer2013")),
            Network(model, recipe),
            place,
            on_step=lambda: began.append(time.perf_counter()),
        )
    last = began[len(began) // 2 :]
    return (len(last) - 1) * BATCH / (last[-1] - last[0])


def bare(model: str, size: int, steps: int) -> float:
    core = network(model, size).core  # Before Keras is imported: a network sets the backend up.
    import keras

    core.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=_jit())
    generator = np.random.default_rng(0)
    images = keras.ops.convert_to_tensor(generator.uniform(-1, 1, (BATCH, size, size, 3)).astype(np.float32))
    labels = keras.ops.convert_to_tensor(np.arange(BATCH, dtype=np.int32) % 7)

    def step() -> None:
        core.train_on_batch(images, labels)

    per_second(step, 3)
    return per_second(step, steps)


def usual(model: str, size: int, steps: int) -> float:
    import keras
    import tensorflow as tf

    from fer_bench.models import model_card

    images, labels = faces(steps * BATCH)
    # What flow_from_directory hands to the generator: resized, three channels, float32.
    big = np.stack([cv2.cvtColor(cv2.resize(image, (size, size)), cv2.COLOR_GRAY2RGB) for image in images])
    flow = tf.keras.preprocessing.image.ImageDataGenerator(
        rotation_range=10,
        shear_range=5,
        zoom_range=0.1,
        width_shift_range=0.1,
        height_shift_range=0.1,
        horizontal_flip=True,
        preprocessing_function=lambda image: image / 127.5 - 1,
    ).flow(big.astype(np.float32), keras.utils.to_categorical(labels, 7), batch_size=BATCH, seed=0)
    net = model_card(model).build(size, 7)
    net.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=_jit())
    net.fit(flow, epochs=1, verbose=0)
    began = time.perf_counter()
    net.fit(flow, epochs=1, verbose=0)
    return steps * BATCH / (time.perf_counter() - began)


def torch_channels_last(model: str, size: int, steps: int) -> float:
    import plain_torch

    step = plain_torch.training_step(size, BATCH)
    per_second(step, 3)
    return per_second(step, steps)


def input_share(model: str, size: int, steps: int) -> None:
    """Print what gathering and warping a batch take of the rest of a training step, medians of turns."""
    net = network(model, size)  # Before Keras is imported: a network sets the backend up.
    import keras

    from fer_bench.recipe import Recipe
    from fer_bench.training.batches import training_batches

    images, labels = faces(8 * BATCH)
    batches = training_batches(images, labels, np.arange(len(labels)), Recipe(name="bench", image_size=size), 0)
    inputs, answers = batches[0]
    (warped,) = (layer.output for layer in net.trainer.layers if type(layer).__name__ == "Input")
    warp = keras.Model(net.trainer.inputs, warped)
    ways: dict[str, Callable[[], object]] = {
        "gather": lambda: batches[1],
        "warp": lambda: warp.predict_on_batch(inputs),
        "step": lambda: net.trainer.train_on_batch(inputs, answers),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(steps + 3):
        for name, do in ways.items():
            began = time.perf_counter()
            do()
            if turn >= 3:
                seconds[name].append(time.perf_counter() - began)
    gather, warping, step = (1000 * statistics.median(seconds[name]) for name in ("gather", "warp", "step"))
    print(f"{model}, {size} px, batch {BATCH}; ms: gather {gather:.1f}, warp {warping:.1f}, whole step {step:.0f}")
    print(f"input path / the rest of the step: {(gather + warping) / (step - warping):.3f}")


def _jit() -> bool | str:
    from fer_bench import backend

    return backend.jit_compile()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="mobilenetv2")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--json", action="store_true", help="print one way's images a second; used by itself")
    parser.add_argument("--input", action="store_true", help="the input path's share instead")
    given = parser.parse_args()
    if given.input:
        input_share(given.model, given.size, given.steps)
        return
    ways = {"ours": ours, "bare": bare, "usual": usual, "torch": torch_channels_last}
    if given.json:
        print(json.dumps(ways[given.way[0]](given.model, given.size, given.steps)))
        return
    chosen = given.way or [way for way in WAYS if way != "torch" or find_spec("torch")]
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    print(f"{given.model}, {given.size} px, batch {BATCH}, Keras on {backend}; images a second")
    found: dict[str, list[float]] = {way: [] for way in chosen}
    for number in range(given.rounds):
        for way in chosen:
            found[way].append(_in_process(given, way))
        print(f"round {number + 1}: " + "  ".join(f"{way} {found[way][-1]:7.1f}" for way in chosen), flush=True)
    for way in chosen[1:]:
        ratios = [a / b for a, b in zip(found[chosen[0]], found[way], strict=True)]
        low, high = min(ratios), max(ratios)
        print(f"{chosen[0]} / {way}: {statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})")


def _in_process(given: argparse.Namespace, way: str) -> float:
    command = [sys.executable, __file__, "--json", "--way", way, "--model", given.model]
    command += ["--size", str(given.size), "--steps", str(given.steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{way}: {done.stderr[-2000:]}")
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
