"""Runtimes: every one answers as Keras does, one image or several, and says what it lacks."""

import sys

import numpy as np
import pytest
from tiny_network import build_tiny

from fer_bench.errors import FerBenchError
from fer_bench.runtimes import available, converted, keras_threads, runtime

NEEDS = {
    "litert-float32": ("litert", "ai_edge_litert"),
    "litert-int8": ("litert", "ai_edge_litert"),
    "onnxruntime": ("onnx", "onnxruntime"),
    "openvino": ("openvino", "openvino"),
}


def build(seed=3, scale=20.0):
    """Build a tiny network whose answers differ from image to image."""
    import keras

    keras.utils.set_random_seed(seed)
    model = build_tiny(32, 7)
    kernel, bias = model.get_layer("emotions").get_weights()
    model.get_layer("emotions").set_weights([scale * kernel, bias])
    return model


@pytest.fixture(scope="module")
def model(configured):
    return build()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("converted")


def noise(n, seed=0):
    # Patches of different contrast, so that the answers vary.
    rng = np.random.default_rng(seed)
    gray = rng.uniform(-1, 1, (n, 8, 8, 1)) * rng.uniform(0.1, 1, (n, 1, 1, 1))
    return np.repeat(np.kron(gray, np.ones((1, 4, 4, 1))), 3, axis=-1).astype(np.float32)


def test_the_runtimes_come_in_their_order():
    assert list(available()) == [
        "keras-predict",
        "keras-call",
        "litert-float32",
        "litert-int8",
        "onnxruntime",
        "openvino",
    ]
    assert all(name == item.name for name, item in available().items())


@pytest.mark.slow
@pytest.mark.parametrize("name", available())
def test_every_runtime_answers_as_keras_does(name, model, folder, set_threads):
    chosen = available()[name]
    if chosen.missing():
        pytest.skip(chosen.missing())
    call = chosen.open(chosen.source(model, folder, noise(64, seed=1)), set_threads)
    for n in (1, 5, 1, 16):
        images = noise(n, seed=n)
        expected = np.asarray(model(images, training=False))
        found = call(images)
        assert found.dtype == np.float32
        assert found.shape == (n, 7)
        np.testing.assert_allclose(found, expected, atol=0.08 if name == "litert-int8" else 1e-5)
    assert np.asarray(model(noise(16), training=False)).std(axis=0).max() > 0.02


@pytest.mark.parametrize("name", NEEDS)
def test_a_missing_package_is_named(name, configured, tmp_path, monkeypatch):
    extra, module = NEEDS[name]
    monkeypatch.setitem(sys.modules, module, None)
    words = rf"needs the packages? .*{module.replace('_', '-')}.*: pip install 'fer-bench\[{extra}\]'"
    reason = available()[name].missing()
    with pytest.raises(FerBenchError, match=words):
        raise FerBenchError(reason)
    with pytest.raises(FerBenchError, match=f"runtime {name} {words}"):
        runtime(name)
    with pytest.raises(FerBenchError, match=words):
        available()[name].source(None, tmp_path, noise(1))


def test_keras_needs_nothing_more():
    assert [available()[name].missing() for name in ("keras-predict", "keras-call")] == ["", ""]


def test_an_unknown_runtime_is_refused_with_the_known_ones():
    with pytest.raises(FerBenchError, match="no runtime 'tensorrt'; expected one of keras-predict, keras-call"):
        runtime("tensorrt")


def test_a_model_is_converted_once_until_something_of_it_changes(configured, tmp_path, monkeypatch):
    import keras

    done = []

    def convert(model, target, path, samples=None):
        done.append(target)
        path.write_bytes(b"converted")

    monkeypatch.setattr(converted, "convert", convert)

    def files(model, samples=None):
        converted.converted(model, "litert-int8", tmp_path, samples)
        return len(done)

    samples = noise(4)
    assert files(build(), samples) == 1
    # Keras has counted the names of layers up, and they are the same layers all the same.
    assert files(build(), samples) == 1
    assert files(build(seed=4), samples) == 2
    assert files(build(), noise(4, seed=9)) == 3

    def pooled(layer):
        image = keras.Input((8, 8, 3))
        return keras.Model(image, layer()(image), name="pooled")

    assert files(pooled(keras.layers.GlobalAveragePooling2D), samples) == 4
    assert files(pooled(keras.layers.GlobalMaxPooling2D), samples) == 5
    assert len(list(tmp_path.iterdir())) == 5


def test_a_conversion_that_fails_leaves_nothing(configured, tmp_path, monkeypatch):
    def fail(model, target, path, samples=None):
        path.write_bytes(b"half")
        raise FerBenchError("out of luck")

    monkeypatch.setattr(converted, "convert", fail)
    with pytest.raises(FerBenchError, match="out of luck"):
        converted.converted(build(), "onnx", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_threads_that_can_no_longer_be_set_are_an_error(model, set_threads):
    if keras_threads.backend.configure() != "tensorflow":
        pytest.skip("PyTorch can always be told, JAX never")
    keras_threads.pin(set_threads)
    words = f"already computes with {set_threads} threads, and {set_threads + 1} were asked"
    with pytest.raises(FerBenchError, match=words):
        keras_threads.pin(set_threads + 1)
