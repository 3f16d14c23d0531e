"""The backbones of the paper's Table 11: input scaling, ImageNet weights, smallest images."""

import dataclasses

import numpy as np
import pytest
from conftest import built

from fer_bench import grid, models
from fer_bench.errors import FerBenchError
from fer_bench.models import model_card
from fer_bench.models.pretrained import copy_imagenet
from fer_bench.models.scaling import as_caffe, as_torch
from fer_bench.network import build_model
from fer_bench.presets import PRESETS
from fer_bench.profiling.plan import Plan

pytestmark = pytest.mark.usefixtures("configured")

BACKBONES = ("efficientnetb0", "densenet121", "resnet50", "inceptionv3")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def pictures(size: int, n: int = 2) -> np.ndarray:
    """Return RGB pictures, 0 to 255, float32."""
    return np.random.default_rng(1).uniform(0, 255, (n, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize(("scaling", "mode"), [(as_torch, "torch"), (as_caffe, "caffe")])
def test_the_scaling_is_keras_own_preprocessing_and_can_be_saved(scaling, mode, tmp_path):
    import keras

    images = pictures(8)
    expected = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, scaling(inputs))
    model.save(tmp_path / "scaling.keras")
    for scaled in (model, keras.models.load_model(tmp_path / "scaling.keras")):
        assert not scaled.weights
        np.testing.assert_allclose(np.asarray(scaled(images / 127.5 - 1)), expected, rtol=1e-4, atol=1e-3)


def randomise(model) -> None:
    """Give every weight another value, batch norm's too, so that no two layers are alike."""
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        elif weight.shape:
            scale = np.sqrt(1 / np.prod(weight.shape[:-1]))
            weight.assign(generator.normal(0, scale, weight.shape))


@pytest.fixture
def lent(request):
    """Lend the model that is built once a process, and put its weights back."""
    model = built(request.param)
    kept = model.get_weights()
    yield model
    model.set_weights(kept)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lent"), [(name, name) for name in BACKBONES], indirect=["lent"])
def test_with_imagenet_weights_the_features_are_the_applications(name, lent, monkeypatch):
    """The application on its own preprocessing, and ours on [-1, 1], see the same in the same pictures."""
    import keras

    card = model_card(name)
    assert card.imagenet_application is not None
    build = getattr(keras.applications, card.imagenet_application)
    sources = []

    def downloaded(weights):
        assert weights == "imagenet"
        source = build(weights=None, input_shape=lent.input_shape[1:])
        randomise(source)
        for layer in source.layers:
            if isinstance(layer, keras.layers.Normalization):  # as in the file: the deviation for the variance
                layer.load_own_variables({"0": MEAN, "1": STD, "2": 0})
        sources.append(source)
        return source

    monkeypatch.setattr(keras.applications, card.imagenet_application, downloaded)
    head = [np.asarray(weight) for weight in lent.layers[-1].weights]
    copy_imagenet(lent, card.imagenet_application, "imagenet")
    (source,) = sources
    images = pictures(lent.input_shape[1])
    mode = {"efficientnetb0": "torch", "densenet121": "torch", "resnet50": "caffe", "inceptionv3": "tf"}[name]
    expected_input = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)
    if name == "efficientnetb0":
        # What the application's own two layers turn into that input: the download has a third one after them.
        expected_input = (255 * (expected_input * np.sqrt(STD) + MEAN)).astype(np.float32)
    expected = np.asarray(keras.Model(source.input, source.layers[-1].input)(expected_input))
    found = np.asarray(keras.Model(lent.input, lent.layers[-1].input)(images / 127.5 - 1))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())
    for before, after in zip(head, lent.layers[-1].weights, strict=True):
        np.testing.assert_array_equal(before, np.asarray(after))


@pytest.mark.parametrize("name", BACKBONES)
def test_the_output_is_a_distribution(name):
    model = built(name)
    probabilities = np.asarray(model(pictures(model.input_shape[1]) / 127.5 - 1))
    assert probabilities.shape == (2, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities >= 0).all()


def test_efficientnet_normalises_by_imagenet_with_random_weights_too():
    import keras

    model = built("efficientnetb0")
    # A layer that holds the statistics loses them in an export to ONNX.
    assert not any(isinstance(layer, keras.layers.Normalization) for layer in model.layers)
    images = pictures(model.input_shape[1])
    expected = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode="torch")
    stem = keras.Model(model.input, model.get_layer("stem_conv_pad").input)
    np.testing.assert_allclose(np.asarray(stem(images / 127.5 - 1)), expected, rtol=1e-4, atol=1e-4)


def test_weights_of_another_architecture_are_refused_although_names_are_counted(monkeypatch):
    import keras

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    source = keras.Model(inputs, keras.layers.Dense(9)(keras.layers.GlobalAveragePooling2D()(x)))
    monkeypatch.setattr(keras.applications, "InceptionV3", lambda weights: source)
    other = keras.Model(inputs, keras.layers.Conv2D(5, 3)(inputs), name="other")
    with pytest.raises(FerBenchError, match=r"'other' does not hold the layers of keras\.applications\.InceptionV3"):
        copy_imagenet(other, "InceptionV3", "imagenet")


def test_numbered_names_are_matched_in_order(monkeypatch):
    import keras

    def small(offset):
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(3, 3, name=f"conv2d_{offset}")(inputs)
        x = keras.layers.Conv2D(3, 3, name=f"conv2d_{offset + 1}")(x)
        return keras.Model(inputs, keras.layers.Dense(9, name="top")(keras.layers.GlobalAveragePooling2D()(x)))

    source = small(7)
    randomise(source)
    monkeypatch.setattr(keras.applications, "InceptionV3", lambda weights: source)
    # The second layer of the source bears the name of the first of the model: names alone would mix them up.
    model = small(8)
    top = [np.asarray(weight) for weight in model.layers[-1].weights]
    copy_imagenet(model, "InceptionV3", "imagenet")
    for given, own in zip(source.layers[:-1], model.layers[:-1], strict=True):
        for ours, theirs in zip(own.weights, given.weights, strict=True):
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    for before, after in zip(top, model.layers[-1].weights, strict=True):
        np.testing.assert_array_equal(before, np.asarray(after))


@pytest.mark.parametrize("name", BACKBONES)
def test_images_too_small_are_refused_before_anything_is_built(name):
    card = model_card(name)
    card.check_image_size(card.min_image_size)
    with pytest.raises(FerBenchError, match=rf"{name} takes images of at least (32 x 32|75 x 75) pixels"):
        card.check_image_size(card.min_image_size - 1)


def test_inception_refuses_the_demos_images_everywhere():
    from fer_bench.profiling.building import built_model

    message = r"inceptionv3 takes images of at least 75 x 75 pixels, found 48 x 48; set a larger image_size"
    demo = PRESETS["demo"]
    with pytest.raises(FerBenchError, match=message):
        grid.check_start(["shufflenetv2", "inceptionv3"], demo, None)
    with pytest.raises(FerBenchError, match=message):
        build_model("inceptionv3", demo, seed=0)
    with pytest.raises(FerBenchError, match="found 48 x 48; every model of a session is built for the same size"):
        built_model("inceptionv3", Plan(image_size=48))
    grid.check_start(["inceptionv3"], PRESETS["paper"], None)


def test_a_recipes_dropout_is_of_every_kind_and_leaves_stochastic_depth_alone(tiny_model, monkeypatch):
    import keras
    from keras import layers

    def build(image_size, classes):
        inputs = keras.Input((image_size, image_size, 3))
        x = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1), name="branch")(layers.Conv2D(4, 3)(inputs))
        x = layers.SpatialDropout2D(0.3, name="maps")(x)
        x = layers.Dropout(0.3, name="features")(layers.GlobalAveragePooling2D()(x))
        x = layers.AlphaDropout(0.3, name="alpha")(layers.GaussianDropout(0.3, name="gaussian")(x))
        return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))

    monkeypatch.setitem(models._BUILT_IN, "tiny", dataclasses.replace(tiny_model, build=build))
    model = build_model("tiny", dataclasses.replace(PRESETS["demo"], dropout=0.4), seed=0)
    rates = {layer.name: layer.rate for layer in model.layers if hasattr(layer, "rate")}
    assert rates == {"branch": 0.2, "maps": 0.4, "features": 0.4, "alpha": 0.4, "gaussian": 0.4}
