"""Contract tests over every registered model."""

import dataclasses
import fcntl
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import built
from filelock import FileLock

from fer_bench import models, paper, verbosity
from fer_bench.errors import FerBenchError
from fer_bench.models import model_card, model_cards, pretrained
from fer_bench.models.layers import compute_in
from fer_bench.models.pretrained import copy_imagenet
from fer_bench.network import build_model, count_parameters
from fer_bench.recipe import Recipe

NAMES = sorted(model_cards())
BACKBONES = ("densenet121", "efficientnetb0", "inceptionv3", "resnet50")
pytestmark = pytest.mark.usefixtures("configured")


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_exactly_the_cards(name):
    card = model_card(name)
    model = built(name)
    size = max(64, card.min_image_size)
    assert count_parameters(model) == (card.trainable_parameters, card.non_trainable_parameters)
    assert model.input_shape == (None, size, size, 3)
    assert model.output_shape == (None, 7)


def test_the_papers_counts():
    published = {name: model_card(name).paper_trainable_parameters for name in paper.MODELS}
    assert published == {"mobilenetv2": 3_511_879, "clcm": 2_393_191, "shufflenetv2": 3_997_795}
    assert all(model_card(name).trainable_parameters == count for name, count in published.items())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BACKBONES])  # those: tests/test_backbones.py
def test_the_output_is_a_distribution(name):
    model = model_card(name).build(32, 5)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    probabilities = np.asarray(model(images))
    assert probabilities.shape == (2, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities >= 0).all()


@pytest.mark.parametrize("name", [name for name in NAMES if model_card(name).backbone])
def test_a_backbone_ends_where_its_card_says(name):
    backbone, model = model_card(name).backbone, model_card(name).build(64, 7)
    layers = [layer.name for layer in model.layers]
    ends = ("expanded_conv_project_BN", "block_2_add", "block_5_add", "block_12_add", "out_relu")
    assert tuple(layers[stage - 1] for stage in backbone.stages) == ends
    assert backbone.layers == backbone.stages[-1]
    assert [layer.trainable for layer in model.layers].count(False) == backbone.frozen


def test_the_linear_top_differs_in_nothing_but_the_softmax():
    paper, linear = (model_card(name).build(64, 7) for name in ("mobilenetv2", "mobilenetv2-linear"))
    assert [type(layer) for layer in paper.layers] == [type(layer) for layer in linear.layers]
    activations = [model.get_layer("predictions").activation.__name__ for model in (paper, linear)]
    assert activations == ["softmax", "linear"]


def test_a_recipe_freezes_as_many_layers_as_it_says():
    recipe = Recipe(name="t", image_size=32, freeze_layers=27)
    model = build_model("clcm", recipe, seed=0)
    frozen = [layer.name for layer in model.layers if not layer.trainable]
    assert frozen == [layer.name for layer in model.layers[:27]]
    assert frozen[-1] == "block_2_add"
    free = build_model("clcm", Recipe(name="t", image_size=32, freeze_layers=0), seed=0)
    assert count_parameters(free)[0] == 2_393_191 + 3_360
    own = build_model("clcm", Recipe(name="t", image_size=32), seed=0)
    assert count_parameters(own)[0] == 2_393_191


def test_more_layers_than_the_backbone_has_cannot_be_frozen():
    with pytest.raises(FerBenchError, match="the backbone of clcm has only 154 layers"):
        model_card("clcm").backbone_to_freeze(155)
    with pytest.raises(FerBenchError, match="shufflenetv2: no backbone is known"):
        model_card("shufflenetv2").backbone_to_freeze(0)


def test_clcm_freezes_the_first_ten_layers_of_its_backbone():
    model = model_card("clcm").build(64, 7)
    frozen = [layer.name for layer in model.layers if not layer.trainable]
    assert frozen == [layer.name for layer in model.layers[:10]]
    assert frozen[-1] == "block_1_expand"


@pytest.fixture(scope="module")
def imagenet_file(tmp_path_factory):
    """A weights file in the form of Keras' own, with random weights."""
    import keras

    path = tmp_path_factory.mktemp("weights") / "backbone.weights.h5"
    keras.utils.set_random_seed(3)
    source = keras.applications.MobileNetV2(weights=None)
    source.save_weights(path)
    return path, source


@pytest.mark.parametrize("name", ["clcm", "mobilenetv2", "mobilenetv2-linear", "mobilenetv2-canonical"])
def test_imagenet_weights_reach_every_layer_of_the_backbone(name, imagenet_file):
    path, source = imagenet_file
    card = model_card(name)
    model = card.build(48, 7)
    copy_imagenet(model, card.imagenet_application, str(path))
    own = {layer.name: layer for layer in model.layers}
    shared = [layer for layer in source.layers if layer.weights and layer.name in own]
    assert len(shared) >= 104
    for layer in shared:
        for ours, theirs in zip(own[layer.name].get_weights(), layer.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    head = [
        layer
        for layer in model.layers
        if layer.weights and layer not in shared and layer.name not in {layer.name for layer in source.layers}
    ]
    assert head, "the new head must not come from ImageNet"


def test_weights_that_cannot_be_had_are_an_error_not_a_random_start(tmp_path, imagenet_file):
    card = model_card("clcm")
    model = card.build(48, 7)
    with pytest.raises(FerBenchError, match="no such weights file"):
        copy_imagenet(model, card.imagenet_application, str(tmp_path / "missing.weights.h5"))
    junk = tmp_path / "junk.weights.h5"
    junk.write_bytes(b"not an HDF5 file")
    with pytest.raises(FerBenchError, match=r"not a Keras weights file of keras\.applications\.MobileNetV2"):
        copy_imagenet(model, card.imagenet_application, str(junk))
    other = tmp_path / "other.weights.h5"
    model.save_weights(other)
    with pytest.raises(FerBenchError, match="1000-way top"):
        copy_imagenet(model, card.imagenet_application, str(other))


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_weights_of_a_network_that_holds_the_application_are_refused(ending, tmp_path, imagenet_file):
    """Keras reads what it looks for and says nothing of the rest: the paper's MobileNetV2, trained, would pass."""
    model = model_card("mobilenetv2").build(48, 7)
    whole, larger = (tmp_path / f"{name}{ending}" for name in ("whole", "larger"))
    for source, path in ((imagenet_file[1], whole), (model, larger)):
        (source.save_weights if ending == ".weights.h5" else source.save)(path)
    assert copy_imagenet(model, "MobileNetV2", str(whole)) == 105
    with pytest.raises(FerBenchError, match=rf"larger{ending}: not a .* holds 264 arrays of weights, expected 262"):
        copy_imagenet(model, "MobileNetV2", str(larger))


def test_a_damaged_weights_file_is_named(tmp_path, imagenet_file, monkeypatch):
    model = model_card("clcm").build(48, 7)
    content = bytearray(imagenet_file[0].read_bytes())
    content[1000:300_000:97] = bytes(len(range(1000, 300_000, 97)))
    damaged = tmp_path / "damaged.weights.h5"
    damaged.write_bytes(content)
    cut = tmp_path / "cut.keras"
    imagenet_file[1].save(cut)
    cut.write_bytes(cut.read_bytes()[:-1000])
    for path in (damaged, cut):
        with pytest.raises(FerBenchError, match=rf"{path.name}: not a Keras weights file of"):
            copy_imagenet(model, "MobileNetV2", str(path))

    def exhausted(*_args):
        raise MemoryError

    monkeypatch.setattr(type(model), "load_weights", exhausted)
    with pytest.raises(MemoryError):
        copy_imagenet(model, "MobileNetV2", str(imagenet_file[0]))


@pytest.mark.slow
@pytest.mark.parametrize("application", pretrained.DOWNLOADS)
def test_the_names_of_the_downloads_are_keras_own(application, monkeypatch):
    import keras
    from keras.src.utils import file_utils

    def asked(name, *_args, **_options):
        raise FileNotFoundError(name)

    monkeypatch.setattr(file_utils, "get_file", asked)
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(pretrained.DOWNLOADS[application])}$"):
        getattr(keras.applications, application)(weights="imagenet")


@pytest.mark.parametrize("level", ["normal", "quiet"])
def test_a_download_leaves_stdout_to_the_answer(level, monkeypatch, tmp_path, capsys):
    """Keras prints how it goes to stdout; ``train --weights imagenet --json`` was no JSON the first time."""
    import keras

    (tmp_path / "weights").write_bytes(bytes(1000))

    def download(**_options):
        keras.utils.get_file("weights.h5", (tmp_path / "weights").as_uri(), cache_dir=tmp_path)
        raise Exception("not weights")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(keras.applications, "MobileNetV2", download)
    monkeypatch.setattr(verbosity, "_level", level)
    with pytest.raises(FerBenchError, match="could not be downloaded"):
        copy_imagenet(None, "MobileNetV2", "imagenet")
    written = capsys.readouterr()
    assert written.out == ""
    assert ("Downloading data" in written.err) == (level == "normal")


def test_a_failed_download_says_what_to_do(monkeypatch):
    import keras

    def refuse(*_args, **_kwargs):
        raise Exception("URL fetch failure")  # as Keras does

    monkeypatch.setattr(keras.applications, "MobileNetV2", refuse)
    with pytest.raises(FerBenchError, match=r"could not be downloaded.*--weights PATH"):
        copy_imagenet(None, "MobileNetV2", "imagenet")


def test_an_unknown_model_names_the_known_ones():
    with pytest.raises(FerBenchError, match=r"no model 'resnet'.*mobilenetv2, clcm, shufflenetv2"):
        model_card("resnet")


def test_max_and_average_pooling_differ_in_nothing_but_the_pooling():
    average, largest = (model_card(name).build(64, 7) for name in ("shufflenetv2", "shufflenetv2-maxpool"))
    kinds = [[type(layer).__name__ for layer in model.layers] for model in (average, largest)]
    assert [(a, b) for a, b in zip(*kinds, strict=True) if a != b] == [("GlobalAveragePooling2D", "GlobalMaxPooling2D")]


@pytest.fixture
def download(monkeypatch, tmp_path):
    """The file that Keras would download, in a cache of its own; the download itself fails."""
    import keras

    def refuse(weights: str) -> None:
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNetV2", refuse)
    monkeypatch.setattr(pretrained, "_STALLED", 0.5)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = tmp_path / "models" / pretrained.DOWNLOADS["MobileNetV2"]
    path.parent.mkdir()
    return path


def test_half_a_download_is_not_taken_for_the_weights_and_nothing_else_goes(download, imagenet_file):
    """Keras leaves it in its cache where the download was killed, and looks no further than its name."""
    content = imagenet_file[0].read_bytes()
    download.write_bytes(content[:1_000_000])
    others = [download.with_name(name) for name in ("mine.h5", pretrained.DOWNLOADS["ResNet50"])]
    for other in others:
        other.write_bytes(b"no HDF5")
    with pytest.raises(FerBenchError, match="could not be downloaded"):
        copy_imagenet(None, "MobileNetV2", "imagenet")
    left = [path for path in download.parent.iterdir() if path.name != pretrained.LOCK]
    assert sorted(left) == sorted(others)


def test_another_process_download_is_waited_for(download, imagenet_file):
    content = imagenet_file[0].read_bytes()
    download.write_bytes(content[:1_000_000])

    def grow() -> None:
        for start in range(1_000_000, len(content), 2_000_000):
            time.sleep(0.1)
            with download.open("ab") as stream:
                stream.write(content[start : start + 2_000_000])

    thread = threading.Thread(target=grow)
    thread.start()
    with pytest.raises(FerBenchError, match="could not be downloaded"):
        copy_imagenet(None, "MobileNetV2", "imagenet")
    thread.join()
    assert download.read_bytes() == content


def test_one_process_after_the_other_looks_for_the_weights(download, monkeypatch, capsys):
    """Keras looks before it downloads, and writes to the final name: a second one would read half of it."""
    import keras

    asked = threading.Event()

    def build(weights: str) -> None:
        asked.set()
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNetV2", build)

    def copy() -> None:
        with pytest.raises(FerBenchError, match="could not be downloaded"):
            copy_imagenet(None, "MobileNetV2", "imagenet")

    thread = threading.Thread(target=copy)
    with FileLock(download.parent / pretrained.LOCK):
        thread.start()
        assert not asked.wait(0.5)
    assert asked.wait(20)
    thread.join()
    assert "waiting for another process that loads or downloads the weights of MobileNetV2" in capsys.readouterr().err


def test_without_a_place_for_a_lock_the_weights_are_looked_for_all_the_same(download, monkeypatch):
    monkeypatch.setattr(pretrained, "_cache_folders", lambda: (Path("/proc/nowhere"), Path("/dev/null/models")))
    with pytest.raises(FerBenchError, match="could not be downloaded"):
        copy_imagenet(None, "MobileNetV2", "imagenet")


def test_weights_in_the_cache_that_another_program_has_locked_stay(download):
    download.write_bytes(b"no HDF5")
    with download.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(FerBenchError, match="could not be downloaded"):
            copy_imagenet(None, "MobileNetV2", "imagenet")
    assert download.exists()


def test_a_recipe_reaches_the_layers_of_a_model_within_the_model(monkeypatch, tiny_model):
    """As another package may build one: its backbone is a single layer of the model."""
    import keras
    from keras import layers

    def build(image_size, classes):
        inputs = keras.Input((image_size, image_size, 3))
        x = layers.BatchNormalization(momentum=0.999)(layers.Conv2D(4, 3)(inputs))
        backbone = keras.Model(inputs, layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x)), name="backbone")
        outer = keras.Input((image_size, image_size, 3))
        return keras.Model(outer, layers.Dense(classes, activation="softmax")(backbone(outer)))

    monkeypatch.setitem(models._BUILT_IN, "tiny", dataclasses.replace(tiny_model, build=build))
    models.model_cards.cache_clear()
    backbone = build_model("tiny", Recipe(name="t", batch_norm_momentum=0.9, dropout=0.1), seed=0).get_layer("backbone")
    [norm] = (layer for layer in backbone.layers if isinstance(layer, layers.BatchNormalization))
    [dropout] = (layer for layer in backbone.layers if isinstance(layer, layers.Dropout))
    assert (norm.momentum, dropout.rate) == (0.9, 0.1)


def test_bfloat16_layers_keep_float32_weights_and_answers():
    """Precision of a recipe: convolutions compute in bfloat16, weights, logits and probabilities do not."""
    import keras

    plain = build_model("clcm", Recipe(name="plain", image_size=32), seed=3)
    mixed = build_model("clcm", Recipe(name="mixed", image_size=32), seed=3)
    compute_in(mixed, "mixed_bfloat16")
    inner = keras.Model(mixed.input, [layer.output for layer in mixed.layers[1:4]])
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype("float32")

    answers = np.asarray(mixed(images))
    assert {str(variable.dtype) for variable in mixed.weights} == {"float32"}
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(answers, np.asarray(plain(images)), atol=0.02)
    assert any("bfloat16" in str(output.dtype) for output in inner(images))


@pytest.mark.parametrize("within", [False, True])
def test_a_model_without_dense_layers_answers_in_float32_beside_bfloat16(within):
    """As one of somebody's own, whose last convolution has a channel for each class, perhaps in a model within it."""
    import keras
    from keras import layers

    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(7, 1, name="logits")(layers.Conv2D(8, 3, name="features")(inputs))
    inner = keras.Model(inputs, layers.Softmax()(layers.GlobalAveragePooling2D()(x)))
    outer = keras.Input((32, 32, 3))
    mixed = keras.Model(outer, layers.Reshape((7,))(inner(outer))) if within else inner
    compute_in(mixed, "mixed_bfloat16")
    answers = np.asarray(mixed(np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype("float32")))
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert inner.get_layer("features").compute_dtype == "bfloat16"


def test_the_scaling_of_the_input_stays_float32_beside_bfloat16():
    """In bfloat16 gray levels of up to 255 would be off by up to one."""
    mixed = build_model("resnet50", Recipe(name="mixed", image_size=32), seed=3)
    compute_in(mixed, "mixed_bfloat16")
    assert mixed.get_layer("input_scaling").compute_dtype == "float32"
    assert mixed.get_layer("conv1_conv").compute_dtype == "bfloat16"
