"""Grad-CAM (Selvaraju et al., ICCV 2017): where in a picture the evidence for a class lies, on any Keras backend.

The evidence is the class's logit, the input of the last softmax. Its gradient by the last convolutional feature map,
averaged over the places, weighs the channels; what the weighted sum leaves above zero is the heat. The network is cut
at that map, so that only its head is differentiated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend
from fer_bench.explain.cut import cut

BATCH = 32


@dataclass(frozen=True)
class Heat:
    """The answers to some images, and where their evidence lies."""

    probabilities: NDArray[np.float32]
    """(n, classes)."""
    classes: NDArray[np.intp]
    """Whose evidence the maps show, (n,)."""
    maps: NDArray[np.float32]
    """(n, height, width) of the feature map, in [0, 1], the hottest place 1; all 0 where nothing speaks for the
    class."""


class GradCam:
    """Grad-CAM of one model.

    Args:
        model: a functional ``keras.Model`` of images (n, height, width, channels) that ends in a softmax.
        name: of the model in messages; that of the ``keras.Model`` by default, which Keras may have numbered.

    Raises:
        FerBenchError: the model does not end in a softmax, has no convolutional feature map that all of its answer
            depends on, or one of a single place only, or one that is not square where the images are.
    """

    def __init__(self, model: Any, name: str | None = None) -> None:
        import keras

        self._parts = cut(model, name or model.name)
        self._features = keras.Model(self._parts.inputs, self._parts.tensor)
        self._features.compile(jit_compile=backend.jit_compile())

    @property
    def layer(self) -> str:
        """Name of the layer whose output is the feature map."""
        return self._parts.layer

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the feature map."""
        height, width = self._parts.tensor.shape[1:3]
        return height, width

    def __call__(self, images: NDArray[np.float32], classes: NDArray[np.intp] | None = None) -> Heat:
        """Return where the evidence for a class of each image lies.

        Args:
            images: the network's input, float32 (n, height, width, channels), at least one.
            classes: whose evidence, (n,); ``None`` takes the predicted class of each.
        """
        found: list[tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.float32]]] = []
        for first in range(0, len(images), BATCH):
            batch = images[first : first + BATCH]
            # Every batch has the same shape, so that the network is compiled once: the last one is filled up.
            filled = batch[np.arange(BATCH) % len(batch)]
            features = np.asarray(self._features.predict_on_batch(filled), np.float32)[: len(batch)]
            own = None if classes is None else classes[first : first + BATCH]
            found.append(self._explain(features, own))
        probabilities, of, maps = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Heat(probabilities, of, maps)

    def _explain(
        self, features: NDArray[np.float32], classes: NDArray[np.intp] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.float32]]:
        from keras import ops

        logits = ops.convert_to_numpy(self._parts.head(ops.convert_to_tensor(features))).astype(np.float64)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        of = logits.argmax(axis=1) if classes is None else classes
        weights = gradients(self._parts.head, features, of).mean(axis=(1, 2), dtype=np.float64)
        return probabilities.astype(np.float32), of.astype(np.intp), heat(features, weights)


def heat(features: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the positive part of the weighted sum of the channels, each map divided by its largest value.

    Args:
        features: (n, height, width, channels).
        weights: (n, channels).

    Returns:
        float32 (n, height, width) in [0, 1].
    """
    maps = np.maximum(np.einsum("nhwc,nc->nhw", features, weights), 0)
    largest = maps.max(axis=(1, 2), keepdims=True)
    scaled: NDArray[np.float64] = np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)
    return scaled.astype(np.float32)


def gradients(
    head: Callable[[Any], Any], features: NDArray[np.float32], classes: Sequence[int] | NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the gradient of one logit of each image by its feature map, of the shape of ``features``.

    Args:
        head: from feature maps to logits (n, classes), written in the backend's operations.
        features: float32 (n, height, width, channels).
        classes: which logit, (n,).
    """
    from keras import ops

    def score(tensor: Any) -> Any:
        logits = head(tensor)
        chosen = np.zeros(tuple(logits.shape), np.float32)
        chosen[np.arange(len(chosen)), classes] = 1
        # Each image's logit depends on its own map alone, so the sum has the gradients of all.
        return ops.sum(logits * ops.convert_to_tensor(chosen))

    tensor = ops.convert_to_tensor(features)
    chosen = backend.configure()
    if chosen == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = score(tensor)
        gradient = tape.gradient(value, tensor)
    elif chosen == "jax":
        import jax

        gradient = jax.grad(score)(tensor)
    else:
        import torch

        with torch.enable_grad():
            tensor = tensor.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(score(tensor), tensor)
    return np.asarray(ops.convert_to_numpy(gradient), np.float32)
