"""The augmented batches of a training run, the same for the same seed, epoch and position; and how Keras gets them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import augmentation, backend
from fer_bench.corruptions import corrupted_by_chance
from fer_bench.datasets.joined import Images
from fer_bench.emotions import EMOTIONS
from fer_bench.recipe import Recipe
from fer_bench.training.balance import class_weights, epoch_rows, epoch_size

_AHEAD = 2
"""Batches that are gathered while a step is computed."""


def training_batches(
    images: Images,
    labels: NDArray[Any],
    rows: NDArray[np.intp],
    recipe: Recipe,
    seed: int,
) -> Any:
    """Return the augmented batches as a ``keras.utils.PyDataset``: inputs, labels and, of weighted classes, weights.

    They are those of epoch 1 until ``begin_epoch(number)`` is called.

    Order, corruptions, warps and what a balanced epoch draws depend on seed, epoch and batch only, so that a resumed
    run sees what an undisturbed one sees. An epoch of N images has ceil(N / batch) steps, as Keras counts them; the
    last batch is filled from the beginning of the epoch's order, so that every step has one shape and batch norm never
    sees a batch of a few images.
    """
    import keras

    size, changes = recipe.batch_size, recipe.augmentation
    worse = sorted(changes.corruptions)  # In the one order that the recipe's id knows.
    own = np.asarray(labels)[rows]
    steps = math.ceil(epoch_size(own, recipe.balance) / size)
    weights = class_weights(own, len(EMOTIONS)) if recipe.balance == "class-weight" else None

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.begin_epoch(1)

        def begin_epoch(self, number: int) -> None:
            self.epoch = number
            self.order = epoch_rows(rows, own, recipe.balance, np.random.default_rng([seed, number]))

        def __len__(self) -> int:
            return steps

        def __getitem__(self, index: int) -> tuple[Any, ...]:
            chosen = self.order[np.arange(index * size, (index + 1) * size) % len(self.order)]
            generator = np.random.default_rng([seed, self.epoch, index])
            matrices = augmentation.random_matrices(changes, size, generator)
            pictures = images[chosen]
            if worse:
                pictures = corrupted_by_chance(pictures, worse, changes.corrupted, generator)
            batch = (pictures, matrices), labels[chosen].astype(np.int32)
            return batch if weights is None else (*batch, weights[batch[1]])

    return Batches()


def as_input(batches: Any) -> Any:
    """Return what Keras' ``fit`` and ``predict`` are given for a ``keras.utils.PyDataset`` with batches of one shape.

    It itself; but on TensorFlow a ``tf.data.Dataset`` that is not tuned while it runs. The one that Keras would make
    is, by a thread that sleeps twice as long every time, up to a minute. Where an iterator ends, as after every epoch,
    TensorFlow 2.21 wakes this thread a moment before it tells it to stop; it then sleeps on, and all wait for it. On
    one core that was nearly always so: 4 s after epochs of 6 s, 42 s after epochs of 100 s.
    """
    if backend.configure() != "tensorflow":
        return batches
    import tensorflow as tf

    # Batches of any size, as Keras has it: a network compiled for one size rounds otherwise.
    specs = tf.nest.map_structure(lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), batches[0])
    dataset = tf.data.Dataset.from_generator(
        lambda: (batches[index] for index in range(len(batches))), output_signature=specs
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(_AHEAD).with_options(options)
