"""The augmented batches of a training run, the same for the same seed, epoch and position."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import augmentation
from fer_bench.recipe import Recipe


def training_batches(
    images: NDArray[np.uint8],
    labels: NDArray[Any],
    rows: NDArray[np.intp],
    recipe: Recipe,
    seed: int,
    first_epoch: int,
) -> Any:
    """Return the augmented batches as a ``keras.utils.PyDataset``.

    Order and warps depend on seed, epoch and batch only, so that a resumed run sees what an undisturbed one sees.
    An epoch has ceil(N / batch) steps, as Keras counts them; the last batch is filled from the beginning of the
    epoch's order, so that every step has one shape and batch norm never sees a batch of a few images.
    """
    import keras

    size = recipe.batch_size

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.epoch = first_epoch
            self.order = self._shuffled()

        def _shuffled(self) -> NDArray[np.intp]:
            return rows[np.random.default_rng([seed, self.epoch]).permutation(len(rows))]

        def __len__(self) -> int:
            return math.ceil(len(rows) / size)

        def __getitem__(self, index: int) -> tuple[tuple[NDArray[Any], NDArray[Any]], NDArray[Any]]:
            chosen = self.order[np.arange(index * size, (index + 1) * size) % len(rows)]
            generator = np.random.default_rng([seed, self.epoch, index])
            matrices = augmentation.random_matrices(recipe.augmentation, size, generator)
            return (images[chosen], matrices), labels[chosen].astype(np.int32)

        def on_epoch_end(self) -> None:
            self.epoch += 1
            self.order = self._shuffled()

    return Batches()
