"""Grad-CAM: against what can be worked out by hand, and on a network that one quadrant taught."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import built
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fer_bench.errors import FerBenchError
from fer_bench.explain.gradcam import BATCH, GradCam, gradients, heat
from fer_bench.explain.place import enlarged, place
from fer_bench.models import model_cards

pytestmark = pytest.mark.usefixtures("configured")


def images(n: int, size: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (n, size, size, 3)).astype(np.float32)


def numbers(tensor) -> np.ndarray:
    """Return a tensor of any backend as an array."""
    from keras import ops

    return ops.convert_to_numpy(tensor)


def linear_head(pooling: str = "average", size: int = 12, classes: int = 3):
    """Return a network whose Grad-CAM can be written down: pooling and a dense layer behind the convolutions."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = keras.Input((size, size, 3))
    x = layers.Conv2D(5, 3, 2, padding="same", activation="relu", name="last")(inputs)
    pool = layers.GlobalAveragePooling2D() if pooling == "average" else layers.GlobalMaxPooling2D()
    outputs = layers.Dense(classes, activation="softmax", bias_initializer="normal")(layers.Dropout(0.5)(pool(x)))
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_of_a_linear_head_it_is_the_class_activation_map(pooling):
    """The gradient is the dense layer's weight of the class, over the places (Zhou et al., CVPR 2016)."""
    import keras

    model = linear_head(pooling)
    cam = GradCam(model)
    assert (cam.layer, cam.grid) == ("last", (6, 6))
    batch = images(BATCH + 3)  # more than one batch, the last not full
    found = cam(batch)
    features = numbers(keras.Model(model.input, model.get_layer("last").output)(batch))
    kernel = numbers(model.layers[-1].kernel)
    np.testing.assert_allclose(found.probabilities, numbers(model(batch)), atol=1e-6)
    np.testing.assert_array_equal(found.classes, numbers(model(batch)).argmax(axis=1))
    expected = np.maximum(np.einsum("nhwc,cn->nhw", features, kernel[:, found.classes]), 0)
    largest = expected.max(axis=(1, 2), keepdims=True)
    assert (largest > 0).any()
    np.testing.assert_allclose(found.maps, np.divide(expected, largest, where=largest > 0, out=expected * 0), atol=1e-4)


def test_any_class_can_be_asked_for():
    model = linear_head()
    cam = GradCam(model)
    batch = images(4)
    of = np.array([0, 1, 2, 0])
    found = cam(batch, of)
    np.testing.assert_array_equal(found.classes, of)
    for row, label in enumerate(of):
        np.testing.assert_allclose(found.maps[row], cam(batch[row : row + 1], np.array([label])).maps[0], atol=1e-5)


def test_gradients_are_those_of_small_steps():
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(1)
    inner = layers.Dense(6, activation="tanh")
    outer = layers.Dense(3)

    def head(x):
        return outer(inner(ops.mean(x, axis=(1, 2))))

    features = np.random.default_rng(2).normal(size=(2, 3, 2, 4)).astype(np.float32)
    classes = np.array([2, 0])
    head(ops.convert_to_tensor(features))
    found = gradients(head, features, classes)
    step = 1e-2
    for place_ in [(0, 0, 0, 0), (0, 2, 1, 3), (1, 1, 0, 2)]:
        up, down = features.copy(), features.copy()
        up[place_] += step
        down[place_] -= step
        difference = numbers(head(ops.convert_to_tensor(up))) - numbers(head(ops.convert_to_tensor(down)))
        assert found[place_] == pytest.approx(difference[place_[0], classes[place_[0]]] / (2 * step), abs=1e-4)


@given(
    arrays(np.float32, (2, 3, 4, 5), elements=st.floats(-1e3, 1e3, width=32)),
    arrays(np.float64, (2, 5), elements=st.floats(-1e3, 1e3)),
)
def test_heat_is_between_0_and_1_and_reaches_1_where_there_is_any(features, weights):
    maps = heat(features, weights)
    assert maps.shape == (2, 3, 4)
    assert ((maps >= 0) & (maps <= 1)).all()
    assert set(maps.max(axis=(1, 2))) <= {0.0, 1.0}


# Where heat lies


def test_a_single_hot_place():
    hot = np.zeros((6, 6), np.float32)
    hot[5, 0] = 1
    found = place(hot)
    assert found is not None
    assert (found.upper, found.middle, found.lower) == (0, 0, 1)
    assert (found.x, found.y) == (pytest.approx(1 / 12), pytest.approx(11 / 12))
    assert place(np.zeros((6, 6), np.float32)) is None


@given(st.integers(1, 40))
def test_even_heat_is_a_third_each_at_any_size(size):
    found = place(np.ones((size, size), np.float32))
    assert found is not None
    assert (found.upper, found.middle, found.lower) == (
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
    )
    assert (found.x, found.y) == (pytest.approx(0.5), pytest.approx(0.5))


@given(arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)))
def test_thirds_add_up_and_enlarging_keeps_the_range(maps):
    found = place(maps)
    if found is not None:
        assert found.upper + found.middle + found.lower == pytest.approx(1)
        assert 0 <= found.x <= 1
        assert 0 <= found.y <= 1
    large = enlarged(maps, 32)
    assert large.shape == (32, 32)
    assert ((large >= 0) & (large <= 1)).all()


# A trained network


def quadrant_faces(n: int, size: int, corner: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noise in which one quadrant alone tells the class: upright stripes, level stripes, none."""
    generator = np.random.default_rng(seed)
    found = generator.normal(0, 0.5, (n, size, size, 3)).astype(np.float32)
    labels = generator.integers(0, 3, n)
    half = size // 2
    stripes = np.where(np.arange(half) % 4 < 2, 1.0, -1.0)
    patterns = np.zeros((3, half, half))
    patterns[0], patterns[1] = stripes, stripes[:, None]
    top, left = corner[0] * half, corner[1] * half
    found[:, top : top + half, left : left + half] += patterns[labels][..., None].astype(np.float32)
    return found, labels


@pytest.mark.slow
@pytest.mark.parametrize("corner", [(0, 1), (1, 0)])
def test_the_heat_lies_where_the_class_is(corner):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    size = 24
    inputs = keras.Input((size, size, 3))
    x = layers.Conv2D(8, 5, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.Dense(8, activation="relu")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(*quadrant_faces(300, size, corner, 0), batch_size=30, epochs=6, verbose=0)
    test, labels = quadrant_faces(90, size, corner, 1)
    found = GradCam(model)(test)
    assert (found.probabilities.argmax(axis=1) == labels).mean() > 0.9
    half = found.maps.shape[1] // 2
    quadrants = found.maps.reshape(len(test), 2, half, 2, half).sum(axis=(2, 4))
    shares = quadrants[:, corner[0], corner[1]] / quadrants.sum(axis=(1, 2))
    by_class = [float(shares[found.classes == label].mean()) for label in range(3)]
    # A quarter by chance; so much, too, for the class whose sign is that there is nothing anywhere.
    assert min(by_class[:2]) > 0.65
    assert by_class[2] < 0.4


# Networks of other shapes


def test_a_model_within_a_model_is_entered_and_gives_the_same():
    import keras

    inner = linear_head()
    inputs = keras.Input((12, 12, 3))
    outer = keras.Model(inputs, inner(inputs))
    backbone = keras.Model(inner.input, inner.layers[-2].output)
    half_inside = keras.Sequential([keras.Input((12, 12, 3)), backbone, inner.layers[-1]])
    expected = GradCam(inner)(images(3))
    for model in (outer, half_inside):
        cam = GradCam(model)
        assert cam.layer == "last"
        found = cam(images(3))
        np.testing.assert_allclose(found.maps, expected.maps, atol=1e-5)
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)


def test_a_softmax_layer_and_convolutions_behind_the_pooling_will_do():
    import keras
    from keras import layers

    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="last")(inputs)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(6, 1, activation="relu")(x)  # as MobileNetV3 has it
    logits = layers.Dense(3)(layers.Flatten()(x))
    for outputs in (layers.Softmax()(logits), layers.Activation("softmax")(logits)):
        cam = GradCam(keras.Model(inputs, outputs))
        assert (cam.layer, cam.grid) == ("last", (12, 12))
        assert cam(images(2)).maps.shape == (2, 12, 12)


LAST_MAPS = {
    "mobilenetv2": "out_relu",
    "clcm": "out_relu",
    "mobilenetv2-canonical": "out_relu",
    "mobilenetv2-linear": "out_relu",
    "clcm-128": "out_relu",
    "clcm-plain": "out_relu",
    "efficientnetb0": "top_activation",
    "densenet121": "relu",
    "resnet50": "conv5_block3_out",
}
"""By the names that Keras gives; ShuffleNetV2's layers are numbered."""


@pytest.mark.parametrize("name", [name for name in model_cards() if name != "inceptionv3"])
def test_every_registered_model_is_cut_at_the_map_that_is_pooled(name):
    cam = GradCam(built(name))
    assert cam.grid == (2, 2)  # a stride of 32 in all, images of 64
    if name in LAST_MAPS:
        assert cam.layer == LAST_MAPS[name]
    else:
        assert cam.layer.startswith("conv2d" if name in ("shufflenetv2", "shufflenetv2-maxpool") else "re_lu")


def test_inceptions_smallest_images_have_nothing_to_show():
    with pytest.raises(FerBenchError, match=r"'inceptionv3': no convolutional feature map.*at 75 x 75 pixels"):
        GradCam(built("inceptionv3"))


def test_what_cannot_be_explained_is_refused_by_name():
    import keras
    from keras import layers

    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    pooled = layers.GlobalAveragePooling2D()(x)

    def refuse(outputs, match):
        with pytest.raises(FerBenchError, match=match):
            GradCam(keras.Model(inputs, outputs, name="mine"))

    refuse(layers.Dense(2, activation="sigmoid")(pooled), r"'mine' ends in Dense.*softmax must come last")
    beside = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(inputs))
    both = layers.Dense(2, activation="softmax")(layers.Concatenate()([pooled, beside]))
    refuse(both, r"'mine'.*does not depend on the feature map of .* alone")
    one_place = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 12)(inputs))
    refuse(layers.Dense(2, activation="softmax")(one_place), r"no convolutional feature map.*at 12 x 12 pixels")
    flat = layers.Dense(2, activation="softmax")(layers.Flatten()(inputs))
    refuse(flat, r"'mine': no convolutional feature map, so Grad-CAM has nothing to show$")
    refuse(keras.ops.softmax(layers.Dense(2)(pooled)), r"'mine' ends in Softmax, which is no layer")
    first = keras.ops.mean(layers.Permute((3, 1, 2))(x), axis=(2, 3))
    refuse(
        layers.Dense(2, activation="softmax")(first), r"'mine': what 'permute.*' makes of square pictures is 4 x 10,"
    )


def test_a_model_that_keras_numbered_is_refused_by_its_own_name():
    from keras import Model, layers

    inputs = layers.Input((12, 12, 3))
    model = Model(inputs, layers.Dense(2, activation="softmax")(layers.Flatten()(inputs)))
    with pytest.raises(FerBenchError, match=r"^model 'my-net': "):
        GradCam(model, "my-net")


CHECK = """
import numpy as np
from fer_bench import backend
assert backend.configure() == {name!r}
import sys; sys.path.insert(0, {tests!r})
import test_gradcam as t
for pooling in ("average", "max"):
    t.test_of_a_linear_head_it_is_the_class_activation_map(pooling)
t.test_gradients_are_those_of_small_steps()
t.test_a_model_within_a_model_is_entered_and_gives_the_same()
print("the same")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "package"), [("jax", "jax"), ("torch", "torch")])
def test_other_backends_give_what_was_worked_out_by_hand(name, package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    result = subprocess.run(
        [sys.executable, "-c", CHECK.format(name=name, tests=str(Path(__file__).parent))],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": name},
        check=False,
    )
    assert result.stdout.strip() == "the same", result.stderr
