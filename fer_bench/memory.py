"""Memory that does not suffice for a batch: telling it from other errors, and finding one that fits."""

import gc
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_bench import augmentation
from fer_bench.recipe import Recipe

if TYPE_CHECKING:
    from fer_bench.network import Network

_KINDS = ("ResourceExhaustedError", "OutOfMemoryError")
"""Of TensorFlow and of PyTorch on a GPU, by name: telling needs no import."""
_WORDS = ("RESOURCE_EXHAUSTED", "can't allocate memory")
"""Of JAX and of PyTorch on a CPU."""


def is_exhausted(error: BaseException) -> bool:
    """Return whether an error, of a backend or of Python and numpy, says that memory did not suffice."""
    if isinstance(error, MemoryError):
        return True
    return type(error).__name__ in _KINDS or any(word in str(error) for word in _WORDS)


def advice(network: "Network", recipe: Recipe, stored: tuple[int, int]) -> str:
    """Return what to say of a training step that did not fit: the batch size that does, found by trying.

    Args:
        network: its weights are lost.
        recipe: of the step.
        stored: height and width of the stored images, pixels.
    """
    fits = _largest(network, recipe.batch_size, stored)
    size = f"{recipe.image_size} x {recipe.image_size}"
    if fits == recipe.batch_size:
        return (
            f"{network.name}: memory did not suffice, yet a training step on {fits} images of {size} pixels fits, as "
            "tried just now: other programs held it, or the images and answers of an epoch take it; free memory, then "
            "the same command continues"
        )
    found = (
        f"{fits} fit (tried just now): set batch_size = {fits} in a recipe file, which is another recipe with its "
        "own start and results, or"
        if fits
        else f"not even {max(2, network.devices)} fit (tried just now):"
    )
    return (
        f"{network.name}: a training step on {recipe.batch_size} images of {size} pixels does not fit into memory; "
        f"{found} free memory that other programs hold"
    )


def _largest(network: "Network", size: int, stored: tuple[int, int]) -> int | None:
    """Return the largest of ``size``, its half, ... that a training step takes, at least 2.

    Every one of them can be dealt out evenly to the network's devices.
    """
    while size >= 2:
        gc.collect()
        # The failed step may have taken the variables with it, as JAX does.
        network.start(0, None)
        network.trainer.reset_metrics()
        try:
            _step(network, size, stored)
        except Exception as error:
            if not is_exhausted(error):
                raise
            size = size // 2 // network.devices * network.devices
        else:
            return size
    return None


def _step(network: "Network", size: int, stored: tuple[int, int]) -> Any:
    images = np.zeros((size, *stored), np.uint8)
    inputs = (images, np.array(augmentation.identity_matrices(size)))
    return network.trainer.train_on_batch(inputs, np.zeros(size, np.int32))
