"""Ways to run one Keras model on one image, on any backend, for timing."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend

Call = Callable[[NDArray[np.float32]], NDArray[Any]]


def keras_predict(model: Any) -> Call:
    """Return ``model.predict``, what the paper probably timed: most of a call is the set-up of its input pipeline."""

    def call(batch: NDArray[np.float32]) -> NDArray[Any]:
        return np.asarray(model.predict(batch, verbose=0))

    return call


def keras_call(model: Any) -> Call:
    """Return the inference function of ``model`` at batch 1, compiled where the backend compiles.

    ``tf.function`` on TensorFlow, ``jax.jit`` on JAX, a call without gradients on PyTorch. The result comes back
    as a NumPy array, so that work still under way on a device is waited for.
    """
    chosen = backend.configure()
    if chosen == "tensorflow":
        return _tensorflow_call(model)
    if chosen == "jax":
        return _jax_call(model)
    return _torch_call(model)


def _tensorflow_call(model: Any) -> Call:
    import tensorflow as tf

    def infer(batch: Any) -> Any:
        return model(batch, training=False)

    compiled = tf.function(infer).get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:]), tf.float32))

    def call(batch: NDArray[np.float32]) -> NDArray[Any]:
        return np.asarray(compiled(tf.constant(batch)))

    return call


def _jax_call(model: Any) -> Call:
    import jax

    def infer(trainable: Any, others: Any, batch: Any) -> Any:
        return model.stateless_call(trainable, others, batch, training=False)[0]

    compiled = jax.jit(infer)

    def call(batch: NDArray[np.float32]) -> NDArray[Any]:
        # Read anew each time, in microseconds: model.predict donates the old arrays, which deletes them.
        trainable = [variable.value for variable in model.trainable_variables]
        others = [variable.value for variable in model.non_trainable_variables]
        return np.asarray(compiled(trainable, others, batch))

    return call


def _torch_call(model: Any) -> Call:
    import keras
    import torch

    def call(batch: NDArray[np.float32]) -> NDArray[Any]:
        with torch.no_grad():
            return np.asarray(keras.ops.convert_to_numpy(model(batch, training=False)))

    return call


RUNTIMES: dict[str, Callable[[Any], Call]] = {"keras-predict": keras_predict, "keras-call": keras_call}
"""By the name that records carry."""
