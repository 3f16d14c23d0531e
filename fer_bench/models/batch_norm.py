"""Batch norm: how slowly its statistics follow, and in one kernel.

The kernel does the same arithmetic as Keras' layer, without its dozen passes over the activations.

Keras 3 computes batch norm from separate operations (mean, mean of squares, subtract, multiply, add), and so is the
gradient. TensorFlow and PyTorch each have one kernel for it that reads the activations two or three times. JAX
compiles the whole step and needs none.
"""

from functools import cache
from typing import Any

from fer_bench.models.layers import every_layer


def fuse(model: Any) -> None:
    """Let every batch norm of a built ``keras.Model`` train in the backend's own kernel, in place.

    Only what happens in training changes: weights, names, configuration and inference stay Keras'. Layers that a
    kernel does not serve (another axis than the last of four, renorm, no scale or offset) are left alone.
    """
    import keras

    if keras.backend.backend() == "jax":
        return
    for layer in every_layer(model):
        if type(layer) is keras.layers.BatchNormalization and _serves(layer):
            # A subclass without state of its own: the layer keeps its place in the graph and its variables.
            layer.__class__ = _fused_class()


def slowest_momentum(model: Any) -> float:
    """Return the largest momentum of the batch norms of a built ``keras.Model`` that training changes; 0 without any.

    After n steps the running statistics, which validation and test use, still consist of their initial values by the
    n-th power of it.
    """
    import keras

    norms = (layer for layer in every_layer(model) if isinstance(layer, keras.layers.BatchNormalization))
    return max((float(layer.momentum) for layer in norms if layer.trainable), default=0.0)


def _serves(layer: Any) -> bool:
    return (
        layer.scale
        and layer.center
        and layer.axis in (-1, 3)
        and len(layer.input_spec.axes) == 1
        and layer.input_spec.ndim == 4
        and not layer.renorm
        and not layer.synchronized
    )


@cache
def _fused_class() -> type[Any]:
    import keras
    from keras import ops

    kernel = _tensorflow if keras.backend.backend() == "tensorflow" else _torch

    class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
        """Keras' layer; the name is its own too, since weights files are laid out by class names."""

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            if not training or not self.trainable or mask is not None or self.compute_dtype != "float32":
                return super().call(inputs, training=training, mask=mask)
            outputs, mean, variance = kernel(inputs, self.gamma, self.beta, self.epsilon)
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + ops.stop_gradient(new) * (1.0 - self.momentum))
            return outputs

    return BatchNormalization


def _tensorflow(inputs: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Return normalised (batch, height, width, channels), and mean and biased variance (channels,)."""
    import tensorflow as tf

    outputs, mean, unbiased = tf.compat.v1.nn.fused_batch_norm(
        inputs, tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta), epsilon=epsilon, is_training=True
    )
    # The kernel gives the unbiased variance; Keras keeps the biased one.
    count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
    return outputs, mean, unbiased * ((count - 1) / count)


def _torch(inputs: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """As :func:`_tensorflow`; the permuted views are in PyTorch's channels-last format, so nothing is copied."""
    import torch

    outputs, mean, inverse = torch.native_batch_norm(
        inputs.permute(0, 3, 1, 2), gamma.value, beta.value, None, None, True, 0.0, epsilon
    )
    return outputs.permute(0, 2, 3, 1), mean, inverse.pow(-2) - epsilon
