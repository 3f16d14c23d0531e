"""The fused batch norm trains as Keras' own does, and is the same layer in every other respect."""

import numpy as np
import pytest

from fer_bench.models import batch_norm


def model_with(layer, channels=5):
    import keras

    inputs = keras.Input((6, 4, channels))
    x = keras.layers.Conv2D(channels, 3, padding="same", name="conv")(inputs)
    x = keras.layers.ReLU()(layer(x))
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


def trained(fused, steps=4, **options):
    """Return the weights and the last loss of a small network after some steps."""
    import keras

    keras.utils.set_random_seed(1)
    model = model_with(keras.layers.BatchNormalization(name="bn", **options))
    if fused:
        batch_norm.fuse(model)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy", jit_compile=False)
    generator = np.random.default_rng(2)
    images = generator.normal(3, 2, (8, 6, 4, 5)).astype(np.float32)
    losses = [float(model.train_on_batch(images, np.arange(8) % 3)) for _ in range(steps)]
    return model, images, losses


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "epsilon": 1e-5}, {"trainable": False}])
def test_it_trains_as_keras_own_layer_does(configured, options):
    plain, images, expected = trained(False, **options)
    fused, _, losses = trained(True, **options)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for ours, theirs in zip(fused.weights, plain.weights, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=2e-4, atol=2e-5, err_msg=ours.path)
    np.testing.assert_allclose(fused.predict(images, verbose=0), plain.predict(images, verbose=0), rtol=1e-4)


def test_its_weights_file_is_keras_own(configured, tmp_path):
    plain, images, _ = trained(False, steps=0)
    fused, _, _ = trained(True)
    fused.save_weights(tmp_path / "x.weights.h5")
    plain.load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_allclose(plain.predict(images, verbose=0), fused.predict(images, verbose=0), rtol=1e-6)


@pytest.mark.parametrize(
    "options", [{"scale": False}, {"center": False}, {"axis": 1}, {"renorm": True}, {"synchronized": True}]
)
def test_a_layer_that_the_kernel_does_not_serve_is_left_alone(configured, options):
    import keras

    if "synchronized" in options and keras.backend.backend() == "torch":
        pytest.skip("Keras has no synchronized batch norm on PyTorch")
    layer = keras.layers.BatchNormalization(**options)
    batch_norm.fuse(model_with(layer))
    assert type(layer) is keras.layers.BatchNormalization


def test_layers_within_a_nested_model_are_fused(configured):
    import keras

    if keras.backend.backend() == "jax":
        pytest.skip("JAX compiles the whole step")
    layer = keras.layers.BatchNormalization()
    outer = keras.Input((6, 4, 5))
    batch_norm.fuse(keras.Model(outer, model_with(layer)(outer)))
    assert type(layer) is not keras.layers.BatchNormalization
    assert isinstance(layer, keras.layers.BatchNormalization)
