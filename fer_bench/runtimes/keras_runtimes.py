"""Runtimes that are Keras itself: ``model.predict``, and the compiled inference function."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend
from fer_bench.export.sessions import Call
from fer_bench.runtimes import keras_threads
from fer_bench.runtimes.runtime import Runtime


def open_predict(model: Any, threads: int) -> Call:
    """Return ``model.predict`` over the whole batch; see :meth:`Runtime.open`.

    It is what the paper probably timed: most of a call is the set-up of its input pipeline.
    """
    keras_threads.pin(threads)

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(model.predict(batch, batch_size=len(batch), verbose=0), np.float32)

    return call


def open_call(model: Any, threads: int) -> Call:
    """Return the compiled function, traced once a batch size; see :meth:`Runtime.open`.

    It is ``tf.function``, ``jax.jit``, or PyTorch without gradients. The result comes back as a NumPy array, so that
    work still under way on a device is waited for.
    """
    keras_threads.pin(threads)
    chosen = backend.configure()
    if chosen == "tensorflow":
        return _tensorflow_call(model)
    if chosen == "jax":
        return _jax_call(model)
    return _torch_call(model)


def _tensorflow_call(model: Any) -> Call:
    import tensorflow as tf

    traced: dict[int, Any] = {}

    def infer(batch: Any) -> Any:
        return model(batch, training=False)

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(batch) not in traced:
            traced[len(batch)] = tf.function(infer).get_concrete_function(tf.TensorSpec(batch.shape, tf.float32))
        return np.asarray(traced[len(batch)](tf.constant(batch)))

    return call


def _jax_call(model: Any) -> Call:
    import jax

    def infer(trainable: Any, others: Any, batch: Any) -> Any:
        return model.stateless_call(trainable, others, batch, training=False)[0]

    compiled = jax.jit(infer)

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        # Read anew each time, in microseconds: model.predict donates the old arrays, which deletes them.
        trainable = [variable.value for variable in model.trainable_variables]
        others = [variable.value for variable in model.non_trainable_variables]
        return np.asarray(compiled(trainable, others, batch))

    return call


def _torch_call(model: Any) -> Call:
    import keras
    import torch

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return np.asarray(keras.ops.convert_to_numpy(model(batch, training=False)))

    return call


@dataclass(frozen=True, kw_only=True)
class KerasRuntime(Runtime):
    """One way in which Keras itself computes."""

    open_model: Callable[[Any, int], Call]

    def missing(self) -> str:
        """Return nothing: fer-bench always brings Keras."""
        return ""

    def load(self, threads: int) -> None:
        """Tell the backend its threads."""
        keras_threads.pin(threads)

    def source(self, model: Any, folder: Path, sample_images: NDArray[np.float32]) -> Any:
        """Return the model itself."""
        return model

    def open(self, source: Any, threads: int) -> Call:
        """Return the call of a model."""
        return self.open_model(source, threads)


RUNTIMES = (
    KerasRuntime("keras-predict", open_model=open_predict),
    KerasRuntime("keras-call", open_model=open_call),
)
