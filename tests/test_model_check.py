"""Contract tests of a model: each finds the fault that it is there for, and nothing in a sound model."""

import dataclasses

import numpy as np
import pytest

from fer_bench import model_check, models
from fer_bench.model_check import Outcome, building, converting, training
from fer_bench.model_check.subject import Subject, answers
from fer_bench.models.card import Backbone
from fer_bench.profiling import operations

pytestmark = pytest.mark.usefixtures("configured")
CHECKS = {check.name: check for check in model_check.CHECKS}


def outcome(name: str, card, tmp_path) -> Outcome:
    return model_check._made(CHECKS[name], Subject(card, tmp_path))


@pytest.fixture
def broken(tiny_model, monkeypatch):
    """Register ``tiny`` with something changed."""

    def change(**changes):
        card = dataclasses.replace(tiny_model, **changes)
        monkeypatch.setitem(models._BUILT_IN, "tiny", card)
        return card

    return change


def functional(end, **layer):
    """A build whose last layer is ``end(layers, features, classes)``."""

    def build(image_size, classes):
        import keras
        from keras import layers

        inputs = keras.Input((image_size, image_size, 3))
        x = layers.Conv2D(4, 3, **layer)(inputs)
        return keras.Model(inputs, end(layers, layers.GlobalAveragePooling2D()(x), classes))

    return build


def softmax(layers, features, classes):
    return layers.Dense(classes, activation="softmax")(features)


@pytest.mark.slow
def test_a_sound_model_passes(tiny_model, tmp_path):
    tiny_model = dataclasses.replace(tiny_model, dropout=0.2)
    for name in ("build", "answers", "parameters", "seed", "declared", "training", "FLOPs", "heat maps"):
        assert outcome(name, tiny_model, tmp_path).state == "ok", name
    assert "none of 6 frozen ones" in outcome("training", tiny_model, tmp_path).found


def test_each_fault_is_found(broken, tmp_path):
    def found(name, **changes):
        result = outcome(name, broken(**changes), tmp_path)
        assert result.state == "failed"
        assert result.advice
        return result.found

    assert "(None, 6), expected (None, 7)" in found("build", build=lambda size, n: functional(softmax)(size, n - 1))
    assert "the input at 48 pixels is (None, 96, 96, 3)" in found(
        "build", build=lambda _, n: functional(softmax)(96, n)
    )
    assert "not a keras.Model" in found("build", build=lambda size, n: None)
    assert "build takes image_size" in found("build", build=lambda image_size: None)
    assert "min_image_size = 299; profile and architecture build" in found("build", min_image_size=299)
    assert "ZeroDivisionError" in found("build", build=lambda size, n: size // 0)
    scores = functional(lambda layers, x, n: layers.Dense(n, activation="sigmoid")(x))
    assert "do not sum to 1, off by up to" in found("answers", build=scores)
    assert "2,363 trainable and 184 other parameters at 48 pixels; the card says 2,364" in found(
        "parameters", trainable_parameters=2_364
    )
    assert "the first 1 layers are frozen; those with weights that are: frozen_conv, frozen_bn" in found(
        "declared", backbone=Backbone(layers=9, stages=(3,), frozen=1), dropout=0.2
    )
    assert "dropout of rates [0.2]; the card says 0" in found("declared")
    assert "keras.applications has no such model" in found("declared", dropout=0.2, imagenet_application="NoSuchNet")


def test_a_model_whose_heat_cannot_be_drawn_is_found(broken, tmp_path):
    def build(size, classes):
        import keras
        from keras import layers

        inputs = keras.Input((size, size, 3))
        x = layers.Flatten()(layers.AveragePooling2D(12)(inputs))
        return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))

    result = outcome("heat maps", broken(build=build), tmp_path)
    assert (result.state, "no convolutional feature map" in result.found) == ("failed", True)
    assert "do without explain" in result.advice


def test_a_model_that_draws_by_itself_is_found(broken, tmp_path):
    rng = np.random.default_rng()

    def build(size, classes):
        import keras

        drawn = keras.initializers.Constant(float(rng.normal()))
        return functional(softmax, kernel_initializer=drawn)(size, classes)

    assert "have different weights" in outcome("seed", broken(build=build), tmp_path).found

    def fixed(size, classes):
        import keras

        same = keras.initializers.Constant(0.1)
        return functional(
            lambda layers, x, n: layers.Dense(n, kernel_initializer=same, activation="softmax")(x),
            kernel_initializer=same,
        )(size, classes)

    assert "two seeds give the same weights" in outcome("seed", broken(build=fixed), tmp_path).found


def test_an_answer_that_depends_on_the_batch_is_found(broken, tmp_path):
    def end(layers, features, classes):
        import keras

        centred = features - keras.ops.mean(features, axis=0, keepdims=True)
        return layers.Dense(classes, activation="softmax")(100.0 * centred)

    assert "depends on the others of its batch" in outcome("answers", broken(build=functional(end)), tmp_path).found


def test_weights_that_training_does_not_reach_are_found(broken, tmp_path):
    def end(layers, features, classes):
        import keras

        stopped = keras.layers.Lambda(keras.ops.stop_gradient)(features)
        return layers.Dense(classes, activation="softmax")(stopped)

    result = outcome("training", broken(build=functional(end)), tmp_path)
    assert result.state == "failed"
    assert "2 of 4 trainable weights do not change: conv2d" in result.found


def test_a_layer_without_known_flops_is_found(broken, tmp_path):
    def end(layers, features, classes):
        import keras

        return layers.Dense(classes, activation="softmax")(keras.ops.cumsum(features, axis=-1))

    found = outcome("FLOPs", broken(build=functional(end)), tmp_path)
    assert found.state == "failed"
    for name in ("COSTS", "FREE", "ACTIVATIONS"):
        assert hasattr(operations, name)
        assert name in found.advice


def test_a_build_that_ends_the_process_is_found(broken, tmp_path):
    def build(size, classes):
        raise SystemExit

    found = outcome("build", broken(build=build), tmp_path)
    assert (found.state, found.found) == ("failed", "SystemExit: without a message")


def test_the_answers_of_the_model_that_is_exported_tell_pictures_apart(tiny_model, tmp_path):
    subject = Subject(tiny_model, tmp_path)
    assert answers(subject.telling, subject.images).std(axis=0).max() > 0.05


@pytest.mark.parametrize("name", ["ONNX", "LiteRT"])
def test_a_missing_extra_is_skipped_with_what_to_install(tiny_model, tmp_path, monkeypatch, name):
    monkeypatch.setattr(converting, "missing", lambda extra, *modules: f"pip install 'fer-bench[{extra}]'")
    result = outcome(name, tiny_model, tmp_path)
    assert (result.state, result.advice) == ("skipped", f"pip install 'fer-bench[{name.lower()}]'")


@pytest.mark.slow
def test_a_file_that_answers_otherwise_is_found(tiny_model, tmp_path, monkeypatch):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    assert outcome("ONNX", tiny_model, tmp_path).state == "ok"

    def constant(path, threads):
        return lambda batch: np.full((len(batch), 7), 1 / 7, np.float32)

    monkeypatch.setattr(converting, "open_onnx", constant)
    assert "does not answer as Keras does" in outcome("ONNX", tiny_model, tmp_path).found


def test_every_check_has_advice():
    assert all(check.advice for check in (*building.CHECKS, *training.CHECKS, *converting.CHECKS))
