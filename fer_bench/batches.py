"""The augmented batches of a training run, the same for the same seed, epoch and position."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import augmentation
from fer_bench.balance import class_weights, epoch_rows, epoch_size
from fer_bench.datasets.joined import Images
from fer_bench.emotions import EMOTIONS
from fer_bench.recipe import Recipe


def training_batches(
    images: Images,
    labels: NDArray[Any],
    rows: NDArray[np.intp],
    recipe: Recipe,
    seed: int,
    first_epoch: int,
) -> Any:
    """Return the augmented batches as a ``keras.utils.PyDataset``: inputs, labels and, of weighted classes, weights.

    Order, warps and what a balanced epoch draws depend on seed, epoch and batch only, so that a resumed run sees what
    an undisturbed one sees. An epoch of N images has ceil(N / batch) steps, as Keras counts them; the last batch is
    filled from the beginning of the epoch's order, so that every step has one shape and batch norm never sees a batch
    of a few images.
    """
    import keras

    size = recipe.batch_size
    own = np.asarray(labels)[rows]
    steps = math.ceil(epoch_size(own, recipe.balance) / size)
    weights = class_weights(own, len(EMOTIONS)) if recipe.balance == "class-weight" else None

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.epoch = first_epoch
            self.order = self._shuffled()

        def _shuffled(self) -> NDArray[np.intp]:
            return epoch_rows(rows, own, recipe.balance, np.random.default_rng([seed, self.epoch]))

        def __len__(self) -> int:
            return steps

        def __getitem__(self, index: int) -> tuple[Any, ...]:
            chosen = self.order[np.arange(index * size, (index + 1) * size) % len(self.order)]
            generator = np.random.default_rng([seed, self.epoch, index])
            matrices = augmentation.random_matrices(recipe.augmentation, size, generator)
            batch = (images[chosen], matrices), labels[chosen].astype(np.int32)
            return batch if weights is None else (*batch, weights[batch[1]])

        def on_epoch_end(self) -> None:
            self.epoch += 1
            self.order = self._shuffled()

    return Batches()
