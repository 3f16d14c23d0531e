"""The model that is checked, built no more often than the checks need, and pictures to show it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.emotions import EMOTIONS
from fer_bench.models.card import ModelCard
from fer_bench.profiling.plan import Plan

SIZES = (48, 96, Plan().image_size)
"""Heights and widths to build at: the recipes', and the one that profiles take."""
CLASSES = len(EMOTIONS)
IMAGES = 14
"""Two of each class."""


@dataclass
class Subject:
    """A model under check."""

    card: ModelCard
    scratch: Path
    """An empty folder."""
    _built: dict[tuple[int, int], Any] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        """The sizes to build at, pixels, ascending: none below the smallest that the card allows."""
        least = max(1, self.card.min_image_size)
        smallest = [least] if least > 1 else []
        return sorted({*smallest, *(max(size, least) for size in SIZES)})

    @property
    def size(self) -> int:
        """The size of the checks that need only one."""
        return max(SIZES[0], self.card.min_image_size)

    def built(self, size: int, classes: int = CLASSES) -> Any:
        """Return the ``keras.Model``, built once a size and number of classes; no check may change it."""
        from fer_bench import backend

        if (size, classes) not in self._built:
            backend.configure()
            self._built[size, classes] = self.card.built(size, classes)
        return self._built[size, classes]

    @cached_property
    def pictures(self) -> NDArray[np.uint8]:
        """Drawn faces of every class, some darker than others, uint8 (:data:`IMAGES`, size, size)."""
        from fer_bench.profiling.frames import jpeg_faces, network_image

        faces = np.concatenate([network_image(data, self.size) for data in jpeg_faces(IMAGES, seed=0)])[..., 0]
        shades = np.linspace(0.4, 1, IMAGES)[:, None, None]
        return np.rint((faces + 1) * 127.5 * shades).astype(np.uint8)

    @property
    def images(self) -> NDArray[np.float32]:
        """The same as a model takes them, float32 (:data:`IMAGES`, size, size, 3) in [-1, 1]."""
        scaled = self.pictures.astype(np.float32) / np.float32(127.5) - np.float32(1)
        return np.repeat(scaled[..., None], 3, axis=-1)

    @cached_property
    def telling(self) -> Any:
        """The model with weights that answer each picture differently; an untrained one answers nearly alike.

        Batch norms take the statistics of the pictures, and the last matrix of weights is scaled up until the answers
        differ. Without that a file that lost the weights would pass.
        """
        import keras

        from fer_bench.models.layers import every_layer
        from fer_bench.network import build_model

        model = build_model(self.card.name, self.recipe, seed=1)
        for layer in every_layer(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        model(self.images, training=True)
        last = [weight for weight in model.trainable_weights if len(weight.shape) > 1][-1]
        for _ in range(12):
            if answers(model, self.images).std(axis=0).max() > TELLING:
                break
            last.assign(last * 4.0)
        return model

    @property
    def recipe(self) -> Any:
        """A recipe of a few steps."""
        from fer_bench.recipe import Recipe

        return Recipe(name="check", image_size=self.size, epochs=1, batch_size=IMAGES, learning_rate=1e-3)


TELLING = 0.05
"""Standard deviation of a probability over the pictures from which on answers count as different."""


def answers(model: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a model's answers in inference, float32 (batch, classes) where it keeps the contract."""
    from keras import ops

    return np.asarray(ops.convert_to_numpy(model(images, training=False)))
