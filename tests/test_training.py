"""Training: it learns, keeps frozen layers, and continues after an interruption as if nothing had happened."""

import dataclasses
import functools
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import record_factory as make
import sklearn.metrics

from fer_bench import grid, memory, records, stages
from fer_bench.augmentation import identity_matrices
from fer_bench.compute import compute_settings
from fer_bench.datasets.prepared import Prepared
from fer_bench.environment import describe
from fer_bench.errors import DivergedError, FerBenchError, storage_message
from fer_bench.evaluation import evaluate, save_test
from fer_bench.files import sha256_of
from fer_bench.grid import Cell
from fer_bench.lookup import trained_on
from fer_bench.models.batch_norm import slowest_momentum
from fer_bench.network import Network, count_parameters, loss_of
from fer_bench.predictions import read_predictions
from fer_bench.presets import PRESETS
from fer_bench.recipe import Augmentation, Recipe
from fer_bench.records import EvalRecord, Start, TrainRecord
from fer_bench.training import checkpoint, run_folder
from fer_bench.training.run import scores, train
from fer_bench.workspace import Workspace

RECIPE = Recipe(
    name="test",
    image_size=32,
    epochs=4,
    batch_size=16,
    learning_rate=3e-3,
    batch_norm_momentum=0.8,
    augmentation=Augmentation(rotation=3, shear=0, zoom=0.05, width_shift=0.02, height_shift=0.02),
)
CELL = Cell("tiny", "fer2013", RECIPE, 0)


class InterruptionError(Exception):
    """Stands for a kill."""


def interrupt_after(epochs: int) -> Callable[[int, object], None]:
    """Return an ``on_epoch`` that ends a run after so many epochs."""

    def interrupt(number: int, _: object) -> None:
        if number + 1 == epochs:
            raise InterruptionError

    return interrupt


@pytest.fixture
def dataset(workspace):
    return Prepared.load(workspace.prepared("fer2013"))


@functools.cache
def compiled() -> Network:
    return Network("tiny", RECIPE)


@pytest.fixture
def network(tiny_model):
    """The network of RECIPE, compiled once: each run begins it anew, which tests below hold against new networks."""
    return compiled()


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture
def run(workspace, dataset, network, trained_once) -> TrainRecord:
    """CELL as it was trained once, in this test's workspace; the network holds its weights."""
    if not any(trained_once.iterdir()):
        train(CELL, dataset, network, Workspace(trained_once))
    shutil.copytree(trained_once, workspace.root, dirs_exist_ok=True)
    return train(CELL, dataset, network, workspace)


def timeless(run: TrainRecord) -> list[object]:
    return [dataclasses.replace(epoch, seconds=0) for epoch in run.history]


def weights_of(network):
    return [np.asarray(variable).copy() for variable in network.core.weights]


def test_a_run_is_recorded_and_done_once(workspace, dataset, network):
    run = train(CELL, dataset, network, workspace)
    assert len(run.history) == 4
    assert run.history[-1].loss < run.history[0].loss
    accuracies = [epoch.val_accuracy for epoch in run.history]
    assert run.best_epoch == accuracies.index(max(accuracies))
    assert run.best.val_accuracy == max(accuracies)
    assert run.origin == "synthetic"
    assert (run.n_train, run.n_val) == (112, 28)
    assert run.trainable_parameters == count_parameters(network.core)[0]
    assert run.recipe_content == RECIPE.content()
    path = records.path_of(workspace.results.records, run)
    assert path.name == f"tiny__fer2013__fer2013__{RECIPE.id}__s0.json"
    assert records.load(path, TrainRecord) == run
    assert not workspace.run(CELL.id).exists(), "the checkpoint of a finished run is removed"
    assert grid.cell_of_run(run) == CELL

    def must_not_train(*_: object) -> None:
        pytest.fail("a finished run was trained again")

    assert train(CELL, dataset, network, workspace, on_step=must_not_train) == run


def test_the_weights_kept_are_the_best_epochs(workspace, dataset, network, run):
    rows = dataset.indices("val")
    for fresh in (network, Network("tiny", RECIPE)):
        fresh.load_weights(workspace.weights(CELL.id), run.weights_sha256)
        loss, accuracy = scores(fresh.predict(dataset.at_size(32), rows), dataset.labels[rows])
        assert accuracy == run.best.val_accuracy
        assert loss == pytest.approx(run.best.val_loss, rel=1e-4)


def test_of_equally_good_epochs_the_first_is_kept(workspace, dataset, network, monkeypatch):
    losses, accuracies = iter([0.9, 0.8, 0.2, 0.7]), iter([0.1, 0.5, 0.5, 0.4])
    monkeypatch.setattr("fer_bench.training.run.scores", lambda *_: (next(losses), next(accuracies)))
    digests = []
    run = train(CELL, dataset, network, workspace, on_epoch=lambda *_: digests.append(network.digest()))
    assert run.best_epoch == 1
    assert len(set(digests)) == 4
    assert run.weights_sha256 == network.digest() == digests[1]


def test_a_weights_file_with_flipped_bytes_is_refused(workspace, network):
    """Wherever in the file they are: h5py raises a ValueError, OSError, KeyError or RuntimeError by the place."""
    path = workspace.weights(CELL.id)
    network.save_weights(path)
    digest, whole = network.digest(), path.read_bytes()
    refused = 0
    for start in range(0, len(whole), len(whole) // 60):
        damaged = bytearray(whole)
        damaged[start : start + 24] = bytes(255 - byte for byte in damaged[start : start + 24])
        path.write_bytes(damaged)
        try:
            network.load_weights(path, digest)
        except FerBenchError:
            refused += 1
        else:  # In what the format leaves unused.
            assert network.digest() == digest
    assert refused > 10


def test_a_weights_file_that_is_cut_short_says_what_to_do(workspace, network):
    path = workspace.weights(CELL.id)
    network.save_weights(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(FerBenchError, match=r"not weights of tiny \(.*\); delete the file and train again"):
        network.load_weights(path, network.digest())


def test_other_weights_than_the_records_are_refused(workspace, dataset, network, run):
    network.start(5, None)
    network.save_weights(workspace.weights(CELL.id))
    with pytest.raises(FerBenchError, match="not the weights that the training record names"):
        train(CELL, dataset, network, workspace)
    workspace.weights(CELL.id).unlink()
    assert grid.trained(workspace, CELL, dataset.fingerprint) is None
    assert run.weights_sha256 != network.digest()


def test_an_interrupted_run_ends_as_an_undisturbed_one(workspace, dataset, network, tmp_path):
    other = Workspace(tmp_path / "undisturbed")
    undisturbed = train(CELL, dataset, network, other)
    expected = weights_of(network)

    def interrupt(number: int, _: object) -> None:
        if number in stops:
            stops.remove(number)
            raise InterruptionError

    # On a compiled network of its own, after every epoch once.
    stops = [0, 1, 2]
    second = Network("tiny", RECIPE)
    for _ in range(3):
        with pytest.raises(InterruptionError):
            train(CELL, dataset, second, workspace, on_epoch=interrupt)
    resumed = train(CELL, dataset, second, workspace)
    for ours, theirs in zip(weights_of(second), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)

    assert timeless(resumed) == timeless(undisturbed)


BEYOND = {
    "balanced and smoothed": {"balance": "oversample", "label_smoothing": 0.1, "weight_decay": 0.01},
    "weighted and free": {
        **{"balance": "class-weight", "freeze_layers": 0, "optimizer": "sgd", "learning_rate": 0.05},
        **{"schedule": "cosine", "warmup_epochs": 1},
    },
}
RATES = {"balanced and smoothed": [3e-3, 3e-3, 3e-3], "weighted and free": [0.025, 0.05, 0.025]}
"""Learning rates of the three epochs: half of it while it warms up, all of it, half of it on the way down."""


@pytest.mark.parametrize("name", BEYOND)
def test_what_goes_beyond_the_paper_learns_and_resumes_bit_for_bit(name, workspace, dataset, tiny_model, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=3, **BEYOND[name])
    cell = dataclasses.replace(CELL, recipe=recipe)
    network = Network("tiny", recipe)
    rates: list[float] = []

    def note() -> None:
        rates.append(float(np.asarray(network.optimizer.learning_rate)))

    undisturbed = train(cell, dataset, network, Workspace(tmp_path / "undisturbed"), on_step=note)
    assert undisturbed.history[-1].loss < undisturbed.history[0].loss
    steps = len(rates) // 3
    assert rates == pytest.approx([rate for rate in RATES[name] for _ in range(steps)])
    assert [epoch.learning_rate for epoch in undisturbed.history] == pytest.approx(RATES[name])

    with pytest.raises(InterruptionError):
        train(cell, dataset, network, workspace, on_epoch=interrupt_after(2))
    rates.clear()
    resumed = train(cell, dataset, network, workspace, on_step=note)
    assert rates == pytest.approx([RATES[name][2]] * steps)
    assert timeless(resumed) == timeless(undisturbed)
    assert resumed.weights_sha256 == undisturbed.weights_sha256
    assert resumed.recipe_content == recipe.content()


@pytest.mark.parametrize("layers", [0, 6])
def test_frozen_layers_are_those_that_the_recipe_says(layers, workspace, dataset, tiny_model):
    recipe = dataclasses.replace(RECIPE, epochs=1, freeze_layers=layers)
    network = Network("tiny", recipe)
    network.start(0, None)
    before = {layer.name: [np.asarray(w).copy() for w in layer.weights] for layer in network.core.layers}
    run = train(dataclasses.replace(CELL, recipe=recipe), dataset, network, workspace)
    changed = [
        any(
            not np.array_equal(old, np.asarray(new)) for old, new in zip(before[layer.name], layer.weights, strict=True)
        )
        for layer in network.core.layers
    ]
    for position, (layer, moved) in enumerate(zip(network.core.layers, changed, strict=True)):
        if layer.weights and "dropout" not in layer.name:
            assert moved == (position >= layers), layer.name
    assert run.trainable_parameters == count_parameters(network.core)[0]


def test_validation_scores_are_kerass_loss_and_scikit_learns_accuracy(configured):
    import keras

    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(7), 40).astype(np.float32)
    probabilities[:2] = np.eye(7, dtype=np.float32)[[3, 5]]  # As sure as can be: once right, once wrong.
    labels = rng.integers(0, 7, 40)
    labels[:2] = 3, 4
    loss, accuracy = scores(probabilities, labels)
    assert loss == pytest.approx(float(np.mean(keras.losses.sparse_categorical_crossentropy(labels, probabilities))))
    clipped = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    assert loss == pytest.approx(sklearn.metrics.log_loss(labels, clipped), rel=1e-6)
    assert accuracy == sklearn.metrics.accuracy_score(labels, probabilities.argmax(axis=1))


def test_label_smoothing_is_kerass_on_one_hot_labels(configured):
    import keras

    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(7), 12).astype(np.float32)
    labels = rng.integers(0, 7, 12).astype(np.int32)
    smoothed = loss_of(dataclasses.replace(RECIPE, label_smoothing=0.2))(labels, probabilities)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.2, reduction="none")(
        np.eye(7, dtype=np.float32)[labels], probabilities
    )
    np.testing.assert_allclose(np.asarray(smoothed), np.asarray(expected), rtol=1e-6)
    assert loss_of(RECIPE) == "sparse_categorical_crossentropy"


def test_weight_decay_spares_biases_and_batch_norm(tiny_model):
    network = Network("tiny", dataclasses.replace(RECIPE, weight_decay=0.1))
    decayed = {v.path for v in network.core.trainable_variables if network.optimizer._use_weight_decay(v)}
    assert decayed == {v.path for v in network.core.trainable_variables if v.name == "kernel"}


def test_one_network_serves_several_cells_as_new_ones_would(workspace, dataset, network, tmp_path):
    train(dataclasses.replace(CELL, seed=1), dataset, network, workspace)
    first = weights_of(network)
    train(CELL, dataset, network, workspace)
    fresh = Network("tiny", RECIPE)
    train(CELL, dataset, fresh, Workspace(tmp_path / "fresh"))
    for ours, theirs in zip(weights_of(network), weights_of(fresh), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert any(not np.array_equal(*pair) for pair in zip(first, weights_of(network), strict=True))


def test_tensorflow_traces_the_training_step_once(workspace, dataset, tiny_model):
    """For MobileNetV2 a second time takes ten seconds of every process that trains."""
    network = Network("tiny", RECIPE)
    step, traced = network.trainer.train_step, []
    network.trainer.train_step = lambda data: traced.append(1) or step(data)
    train(CELL, dataset, network, workspace)
    assert traced == [1]


def test_frozen_layers_stay_exactly_as_they_were(workspace, dataset, network):
    network.start(0, None)
    frozen = [network.core.get_layer(name) for name in ("frozen_conv", "frozen_bn")]
    before = [np.asarray(weight).copy() for layer in frozen for weight in layer.weights]
    assert len(before) == 6
    statistics = np.asarray(network.core.get_layer("bn").moving_mean).copy()
    train(CELL, dataset, network, workspace)
    after = [np.asarray(weight) for layer in frozen for weight in layer.weights]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(statistics, np.asarray(network.core.get_layer("bn").moving_mean))


@pytest.mark.slow
def test_clcms_frozen_layers_stay_exactly_as_they_were(dataset):
    recipe = dataclasses.replace(RECIPE, batch_norm_momentum=None)
    network = Network("clcm", recipe)
    network.start(0, None)
    frozen = [weight for layer in network.core.layers[:10] for weight in layer.weights]
    assert len(frozen) == 16  # four convolutions, three batch norms of four
    before = [np.asarray(weight).copy() for weight in frozen]
    moving = np.asarray(network.core.get_layer("block_1_depthwise_BN").moving_mean).copy()
    rows = dataset.indices("train")[: recipe.batch_size]
    inputs = (dataset.at_size(recipe.image_size)[rows], identity_matrices(len(rows)))
    network.trainer.run_eagerly = True  # To compile the step takes longer than all of its operations one by one.
    for _ in range(2):
        network.trainer.train_on_batch(inputs, dataset.labels[rows].astype(np.int32))
    for old, new in zip(before, frozen, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))
    assert not np.array_equal(moving, np.asarray(network.core.get_layer("block_1_depthwise_BN").moving_mean))


def test_a_loss_that_is_not_a_number_ends_with_a_message(workspace, dataset, tiny_model):
    recipe = dataclasses.replace(RECIPE, optimizer="sgd", learning_rate=1.0, epochs=2)
    network = Network("tiny", recipe)
    cell = dataclasses.replace(CELL, recipe=recipe)

    def spoil() -> None:
        network.core.get_layer("conv").kernel.assign(np.full((3, 3, 4, 12), np.nan, np.float32))

    # What shows it depends on the processor: ReLU makes 0 of what is no number in some kernels.
    message = r"(loss became nan|weights became no numbers) in epoch 1; lower the recipe's learning rate"
    with pytest.raises(DivergedError, match=message):
        train(cell, dataset, network, workspace, on_step=spoil)
    assert not workspace.run(cell.id).exists()


def test_weights_that_are_no_numbers_end_training_also_where_no_loss_tells_it(workspace, dataset, network, monkeypatch):
    """A statistic stands for them that training does not read, and validation is kept from reading."""
    answers = np.full((len(dataset.indices("val")), 7), 1 / 7, np.float32)
    monkeypatch.setattr(Network, "predict", lambda self, images, rows: answers)

    def spoil() -> None:
        network.core.get_layer("bn").moving_variance.assign(np.full(12, np.nan, np.float32))

    with pytest.raises(DivergedError, match="some weights became no numbers in epoch 1; lower the recipe's learning"):
        train(CELL, dataset, network, workspace, on_step=spoil)
    assert not workspace.run(CELL.id).exists()


def test_a_loss_that_is_not_a_number_later_keeps_the_last_good_state(workspace, dataset, network, monkeypatch):
    """In validation here: the last step of an epoch can spoil the weights after the last training loss."""
    predict = Network.predict

    def spoilt(self, images, rows):
        answers = predict(self, images, rows)
        return answers * (np.nan if (workspace.run(CELL.id) / "best-0000.npz").exists() else 1)

    message = r"validation loss became nan in epoch 2.*; the state after epoch 1 is kept$"
    with monkeypatch.context() as patch:
        patch.setattr(Network, "predict", spoilt)
        with pytest.raises(FerBenchError, match=message):
            train(CELL, dataset, network, workspace)
    assert len(train(CELL, dataset, network, workspace).history) == 4


def test_a_run_killed_after_its_record_is_done_and_cleared_away(workspace, dataset, network, run):
    folder = workspace.run(CELL.id)
    folder.mkdir(parents=True)
    for name in ("best-0003.npz", "checkpoint.npz"):
        (folder / name).write_bytes(b"as a kill leaves it")
    assert train(CELL, dataset, network, workspace) == run
    assert not folder.exists()


def test_two_processes_never_work_on_one_run(workspace, dataset, network, monkeypatch):
    monkeypatch.setattr(run_folder, "_PATIENCE", 0.1)
    holder = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, time; from pathlib import Path; from fer_bench.training.run_folder import locked\n"
            "with locked(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)",
            str(workspace.run(CELL.id)),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(FerBenchError, match=r"__s0: a process of an earlier command still works on this run"):
            train(CELL, dataset, network, workspace)
    finally:
        holder.kill()
        holder.wait()
    assert train(CELL, dataset, network, workspace).history


def test_a_checkpoint_of_other_variables_names_the_file(workspace, dataset, network):
    """As after an update of Keras in the middle of a run."""

    with pytest.raises(InterruptionError):
        train(CELL, dataset, network, workspace, on_epoch=interrupt_after(1))
    path = workspace.run(CELL.id) / "checkpoint.npz"
    with np.load(path) as content:
        *state, text = (content[name] for name in content.files)
    np.savez(path, *state[1:], text)
    with pytest.raises(FerBenchError, match=r"checkpoint\.npz: damaged checkpoint \(the state does not belong to tiny"):
        train(CELL, dataset, network, workspace)


@pytest.fixture
def small_disk():
    """Return a function after which no file may be larger than some bytes; the next test may write again."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("epoch", "limit", "name"), [(1, 10_000, "checkpoint.npz"), (3, 2_000, ".weights.h5"), (0, 10_000, "best-0001.npz")]
)
def test_a_full_disk_names_the_file_and_the_run_continues(
    epoch, limit, name, workspace, dataset, network, small_disk, monkeypatch
):
    accuracies = iter([0.1, 0.9, 0.5, 0.4] if name.startswith("best") else [0.9, 0.5, 0.4, 0.3])

    def fill(number: int, _: object) -> None:
        if number == epoch:
            small_disk(limit)

    with monkeypatch.context() as patch:
        patch.setattr("fer_bench.training.run.scores", lambda *_: (1.0, next(accuracies)))
        with pytest.raises(OSError, match="File too large") as raised:
            train(CELL, dataset, network, workspace, on_epoch=fill)
    small_disk(resource.RLIM_INFINITY)
    assert str(raised.value.filename).endswith(name)
    message = storage_message(raised.value)
    assert message is not None
    assert message.startswith(f"{raised.value.filename}: File too large; nothing half-written is left")
    assert not list(workspace.root.rglob(".unfinished-*"))
    steps = []
    assert len(train(CELL, dataset, network, workspace, on_step=lambda: steps.append(1)).history) == 4
    assert len(steps) == (3 - epoch) * 7, "the complete epochs are kept"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"backend": "jax"}, r"was trained on jax, this command is on tensorflow: set KERAS_BACKEND=jax"),
        (
            {"start": Start(kind="imagenet", source="vggface.h5", sha256="a1b2" * 16)},
            r"was trained from the ImageNet weights vggface\.h5 \(SHA-256 a1b2a1b2a1b2\), not from imagenet",
        ),
    ],
)
def test_a_finished_run_is_not_replaced_by_another_call_of_it(change, told, workspace, dataset, network, run):
    cell = dataclasses.replace(CELL, recipe=CELL.recipe.starting("tiny", pretrained=True))
    start = Start(kind="imagenet", source="keras")
    run = dataclasses.replace(run, recipe=cell.recipe.id, recipe_content=cell.recipe.content(), start=start)
    path = records.save(workspace.results.records, run)
    workspace.weights(CELL.id).rename(workspace.weights(cell.id))
    assert train(cell, dataset, network, workspace, weights="imagenet") == run
    records.save(workspace.results.records, dataclasses.replace(run, **change))
    with pytest.raises(FerBenchError, match=told) as raised:
        train(cell, dataset, network, workspace, weights="imagenet")
    assert str(raised.value).endswith(f"or delete {path} to train it again")


def test_a_file_that_is_called_imagenet_is_not_what_the_word_means(workspace, tmp_path, monkeypatch, run):
    (tmp_path / "imagenet").write_bytes(b"somebody's notes")
    monkeypatch.chdir(tmp_path)
    cell = dataclasses.replace(CELL, recipe=CELL.recipe.starting("tiny", pretrained=True))
    run = dataclasses.replace(run, start=Start(kind="imagenet", source="keras"))
    assert grid.mismatch(run, cell, "imagenet") == ""
    assert "not from ./imagenet" in grid.mismatch(run, cell, "./imagenet")


def test_a_run_that_a_search_made_is_taken_over_where_it_is_asked_for(workspace, dataset, network, capsys):
    tried = train(CELL, dataset, network, workspace.studies)
    assert grid.trained(workspace, CELL, dataset.fingerprint) is None

    def must_not_train(*_: object) -> None:
        pytest.fail("a run that was made was trained again")

    assert train(CELL, dataset, network, workspace, on_step=must_not_train) == tried
    assert "was trained by tune or ablate; that run is taken" in capsys.readouterr().err
    assert grid.trained(workspace, CELL, dataset.fingerprint) == tried


def test_damaged_weights_of_a_search_are_named_where_they_lie_and_not_taken(workspace, dataset, network):
    tried = train(CELL, dataset, network, workspace.studies)
    path = workspace.studies.weights(CELL.id)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(FerBenchError, match=r"studies/weights/.*: not weights of tiny .*; delete the file and train"):
        train(CELL, dataset, network, workspace)
    assert not workspace.weights(CELL.id).exists()
    path.unlink()
    assert train(CELL, dataset, network, workspace).weights_sha256 == tried.weights_sha256


def test_a_run_of_a_search_on_another_backend_is_left_there(workspace, dataset, network):
    tried = train(CELL, dataset, network, workspace.studies)
    records.save(workspace.studies.results.records, dataclasses.replace(tried, backend="jax"))
    steps = []
    assert train(CELL, dataset, network, workspace, on_step=lambda: steps.append(1)).backend == "tensorflow"
    assert steps


def test_a_run_is_not_tested_on_another_backend(workspace, dataset, network, run):
    run = dataclasses.replace(run, backend="jax")
    with pytest.raises(FerBenchError, match="was trained on jax, this command is on tensorflow: set KERAS_BACKEND=jax"):
        evaluate(run, dataset, network, workspace)


def test_evaluate_takes_no_run_from_other_weights_for_the_one_asked_for(workspace, dataset, run, tmp_path):
    recipe = PRESETS["cpu48"]
    cell = Cell("clcm", "fer2013", recipe, 0)
    ours, others = tmp_path / "ours.h5", tmp_path / "others.h5"
    ours.write_bytes(b"a")
    others.write_bytes(b"b")
    run = dataclasses.replace(
        run,
        **{"model": "clcm", "recipe": recipe.id, "recipe_content": recipe.content()},
        start=Start(kind="imagenet", source=ours.name, sha256=sha256_of(ours)),
    )
    records.save(workspace.results.records, run)
    workspace.weights(CELL.id).rename(workspace.weights(cell.id))
    for weights in (str(ours), None):
        assert trained_on(workspace, "clcm", dataset, "cpu48", 0, weights) == (cell, run)
    for weights in (str(others), "imagenet", "nowhere.h5"):
        with pytest.raises(FerBenchError, match=rf"from the ImageNet weights ours\.h5 .*, not from .*{weights}: give"):
            trained_on(workspace, "clcm", dataset, "cpu48", 0, weights)


@pytest.mark.parametrize(
    ("other", "told"),
    [({"devices": ("a GPU",)}, True), ({"code": "another state"}, True), ({"commit": "of the same code"}, False)],
)
def test_a_run_that_moves_names_both_machines(workspace, dataset, network, monkeypatch, capsys, other, told):
    here = describe()
    monkeypatch.setattr("fer_bench.training.run.describe", lambda *_: dataclasses.replace(here, **other))
    with pytest.raises(InterruptionError):
        train(CELL, dataset, network, workspace, on_epoch=interrupt_after(2))
    monkeypatch.setattr("fer_bench.training.run.describe", lambda *_: here)
    run = train(CELL, dataset, network, workspace)
    assert ("goes on in another environment than that of epoch 2" in capsys.readouterr().err) == told
    assert run.environment == here
    assert list(run.earlier_environments) == [dataclasses.replace(here, **other)] * told
    path = records.path_of(workspace.results.records, run)
    assert records.load(path, TrainRecord) == run


def test_a_run_that_goes_on_with_other_settings_names_both(workspace, dataset, network, monkeypatch, capsys):
    """Its record had only those of the command that ended it, such as the number of devices."""

    settings = compute_settings()
    monkeypatch.setattr("fer_bench.training.run.compute_settings", lambda: {**settings, "onednn": "unknown"})
    with pytest.raises(InterruptionError):
        train(CELL, dataset, network, workspace, on_epoch=interrupt_after(2))
    monkeypatch.setattr("fer_bench.training.run.compute_settings", lambda: dict(settings))
    run = train(CELL, dataset, network, workspace)
    assert "goes on with other onednn than epoch 2; the record names all" in capsys.readouterr().err
    assert run.compute == {**settings, "devices": "1"}
    assert run.earlier_compute == ({**settings, "onednn": "unknown", "devices": "1"},)
    path = records.path_of(workspace.results.records, run)
    assert records.load(path, TrainRecord) == run


def test_a_run_that_comes_back_has_moved_once():
    here = describe()
    there = dataclasses.replace(here, devices=("a GPU",))
    progress = checkpoint.Progress(Start(kind="random"), [])
    moves = [progress.continues_in(place) for place in (here, there, there, here, here)]
    assert moves == [False, True, False, True, False]
    assert progress.environments == [there, here]


def test_a_run_on_a_changed_dataset_replaces_that_before_it_and_says_so(workspace, dataset, network, run, capsys):
    records.save(workspace.results.records, dataclasses.replace(run, dataset_fingerprint="0" * 64))
    assert train(CELL, dataset, network, workspace).dataset_fingerprint == dataset.fingerprint
    assert "was trained on another state of fer2013; it is trained again" in capsys.readouterr().err


def test_a_checkpoint_is_given_up_for_other_data_alone(tmp_path, network, capsys):
    epoch = records.Epoch(loss=1, accuracy=0.5, val_loss=1, val_accuracy=0.5, learning_rate=1e-3, seconds=1)
    progress = checkpoint.Progress(Start(kind="random"), [epoch] * 90, best_epoch=89)
    begun = checkpoint.identity("f" * 64, "tensorflow", "None")
    checkpoint.Checkpoint(tmp_path, begun).save(network, progress)
    for other, told in (
        (checkpoint.identity("f" * 64, "jax", "None"), "on tensorflow from random weights, .* on jax from random"),
        (checkpoint.identity("f" * 64, "tensorflow", "imagenet"), "from the ImageNet weights that Keras downloads"),
        (checkpoint.identity("f" * 64, "tensorflow", "my weights.h5"), "from the weights file with the SHA-256 my"),
    ):
        with pytest.raises(FerBenchError, match=rf"this run, 90 epochs so far, was trained .*{told}"):
            checkpoint.Checkpoint(tmp_path, other).load(network)
    assert checkpoint.Checkpoint(tmp_path, begun).load(network) == progress
    assert checkpoint.Checkpoint(tmp_path, checkpoint.identity("0" * 64, "tensorflow", "None")).load(network) is None
    assert "this run, 90 epochs so far, was trained on another state of the dataset" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("devices", "limit", "told"),
    [
        (1, 4, "4 fit (tried just now): set batch_size = 4"),
        (1, 1, "not even 2 fit"),
        (5, 6, "5 fit (tried just now)"),
        (5, 4, "not even 5 fit"),
    ],
)
def test_too_little_memory_names_the_batch_that_fits(devices, limit, told, workspace, dataset, network, monkeypatch):
    import tensorflow as tf

    def exhausted() -> None:
        if limit == 1:
            raise MemoryError
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(network, "devices", devices)  # On TensorFlow there is one: of them only the number counts here.

    step = memory._step

    def small_memory(network, size, stored):
        assert sys.exception() is None, "an error that is at hand holds the memory of the step that failed"
        if size > limit:
            exhausted()
        step(network, size, stored)

    monkeypatch.setattr(memory, "_step", small_memory)
    with pytest.raises(FerBenchError, match="a training step on 16 images of 32 x 32 pixels does not fit") as raised:
        train(CELL, dataset, network, workspace, on_step=exhausted)
    assert told in str(raised.value)


def test_memory_that_does_not_suffice_for_a_finished_runs_weights_is_no_success(
    workspace, dataset, network, run, monkeypatch
):
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(network, "load_weights", exhausted)
    with pytest.raises(FerBenchError, match=r"weights\.h5: too little memory for the weights of this finished run"):
        train(CELL, dataset, network, workspace)


def test_memory_that_other_programs_held_for_a_moment_is_no_fault_of_the_batch(workspace, dataset, network):
    def exhausted(number: int, _: object) -> None:
        if number == 1:
            raise MemoryError

    words = "memory did not suffice, yet a training step on 16 images of 32 x 32 pixels fits"
    with pytest.raises(FerBenchError, match=words):
        train(CELL, dataset, network, workspace, on_epoch=exhausted)
    assert len(train(CELL, dataset, network, workspace).history) == 4


IN_GRAPH = """Graph execution error:

Detected at node StatefulPartitionedCall defined at (most recent call last):
  File "training.py", line 148, in _train

libdevice not found at ./libdevice.10.bc
\t [[{{node StatefulPartitionedCall}}]] [Op:__inference_multi_step_on_iterator_1]"""


def test_a_first_step_that_fails_on_a_gpu_says_why_and_promises_nothing(workspace, dataset, network, monkeypatch):
    import tensorflow as tf

    def fail(kind: type) -> Callable[[], None]:
        def raises() -> None:
            raise kind(None, None, IN_GRAPH)

        return raises

    monkeypatch.setattr("fer_bench.backend.devices", lambda: ("NVIDIA H100",))
    with pytest.raises(FerBenchError) as told:
        train(CELL, dataset, network, workspace, on_step=fail(tf.errors.InternalError))
    assert "NVIDIA H100 failed while it trained (libdevice not found at ./libdevice.10.bc)" in str(told.value)
    assert "no epoch was complete" in str(told.value)
    assert "continues" not in str(told.value)
    with pytest.raises(tf.errors.UnknownError):  # Of Python code in the graph: a fault of a program.
        train(CELL, dataset, network, workspace, on_step=fail(tf.errors.UnknownError))


def test_a_recipe_for_a_gpu_that_begins_on_a_cpu_says_so_once(capsys):
    stages._tell_of_a_cpu.cache_clear()
    for size in (48, 224, 224):
        stages._tell_of_a_cpu(size, 100)
    told = capsys.readouterr().err
    assert told.count("no accelerator: the training (100 epochs at 224 x 224) is on the CPU") == 1
    assert "48 x 48" not in told


@pytest.mark.parametrize(
    ("momentum", "epochs", "told"),
    [
        (0.999, 1, "(7 steps) the statistics of its batch norms (momentum 0.999) will still be 99% their initial ones"),
        (0.9, 2, "batch_norm_momentum = 0.8 in a recipe file lets them follow"),
        (0.8, 1, "more epochs let them follow"),
        (0.8, 2, ""),
    ],
)
def test_a_training_too_short_for_its_batch_norms_says_so_once(
    momentum, epochs, told, workspace, dataset, tiny_model, capsys
):
    """Frozen ones do not count: they keep their statistics anyway."""
    recipe = dataclasses.replace(RECIPE, epochs=epochs, batch_norm_momentum=momentum)
    stages._tell_of_slow_statistics.cache_clear()
    networks = stages.Networks()
    for seed in (0, 1):
        cell = dataclasses.replace(CELL, recipe=recipe, seed=seed)
        stages.train_cell(workspace, cell, dataset, networks, weights=None)
    network = networks.of(cell)
    network.core.get_layer("frozen_bn").momentum = 1.0
    assert slowest_momentum(network.core) == momentum
    err = capsys.readouterr().err
    assert err.count("the statistics of its batch norms") == bool(told)
    assert told in " ".join(err.split())


def test_a_record_says_devices_and_on_a_gpu_whether_products_are_rounded(run, monkeypatch):
    assert run.compute["devices"] == "1"
    assert "tf32" not in compute_settings()
    monkeypatch.setattr("fer_bench.backend.devices", lambda: ("NVIDIA H100",))
    assert compute_settings()["tf32"] == "allowed"


def test_a_gpu_that_fails_is_named_and_the_run_continues(workspace, dataset, network, monkeypatch):
    import tensorflow as tf

    def fail(number: int, _: object) -> None:
        if number == 1:
            raise tf.errors.InternalError(None, None, "CUDA_ERROR_LAUNCH_FAILED: unspecified failure\nmore of it")

    with pytest.raises(tf.errors.InternalError):  # No GPU can have failed here.
        train(CELL, dataset, network, workspace, on_epoch=fail)
    with monkeypatch.context() as patch:
        patch.setattr("fer_bench.backend.devices", lambda: ("NVIDIA H100",))
        with pytest.raises(FerBenchError, match=r"NVIDIA H100 failed .*\(CUDA_ERROR.* failure\); the state after"):
            train(CELL, dataset, network, workspace, on_epoch=fail)
    steps = []
    assert len(train(CELL, dataset, network, workspace, on_step=lambda: steps.append(1)).history) == 4
    assert len(steps) == 2 * 7, "the complete epochs are kept"


def test_names_too_long_for_the_record_are_refused_before_the_training(workspace, dataset, network):
    """A record's name holds the dataset's twice, so that the checkpoint and the weights still fitted."""
    recipe = dataclasses.replace(CELL.recipe, name="r" * 100)
    cell = dataclasses.replace(CELL, recipe=recipe, dataset="fer2013+raf-db+the-faces-of-our-laboratory-2024")
    with pytest.raises(FerBenchError, match=r"up to 2\d\d bytes, and 217 are the most; give the recipe a shorter name"):
        train(cell, dataset, network, workspace, on_step=lambda: pytest.fail("it was trained"))


def test_a_recipe_that_wants_imagenet_never_starts_at_random(workspace, dataset, network):
    cell = dataclasses.replace(CELL, recipe=CELL.recipe.starting("tiny", pretrained=True))
    with pytest.raises(FerBenchError, match="no ImageNet weights are known for this model"):
        train(cell, dataset, network, workspace)
    paper = PRESETS["paper"]
    with pytest.raises(FerBenchError, match=r"give --weights imagenet .* or --weights random"):
        grid.check_start(["mobilenetv2", "clcm"], paper, None)
    with pytest.raises(FerBenchError, match=r"missing\.h5: no such file"):
        grid.check_start(["clcm"], paper, "missing.h5")
    grid.check_start(["mobilenetv2", "shufflenetv2"], paper, None)
    grid.check_start(["clcm"], paper, "imagenet")
    misspelt = dataclasses.replace(paper, pretrained=("CLCM",))
    with pytest.raises(FerBenchError, match="'paper': pretrained names no model 'CLCM'; expected some of mobilenetv2"):
        grid.check_start(["clcm"], misspelt, "imagenet")
    with pytest.raises(FerBenchError, match="shufflenetv2: no backbone is known"):
        grid.check_start(["clcm", "shufflenetv2"], paper.changed(freeze_layers=0), "imagenet")


def test_weights_that_start_none_of_the_models_are_refused():
    paper = PRESETS["paper"]
    grid.check_weights(["mobilenetv2", "clcm"], paper, "imagenet")
    for weights in (None, "random"):
        grid.check_weights(["mobilenetv2"], paper, weights)
    with pytest.raises(FerBenchError, match=r"imagenet: the recipe 'paper' starts clcm .*none of mobilenetv2"):
        grid.check_weights(["mobilenetv2"], paper, "imagenet")
    with pytest.raises(FerBenchError, match=r"--weights no\.h5: the recipe 'demo' starts no model from ImageNet"):
        grid.check_weights(["clcm"], PRESETS["demo"], "no.h5")


@pytest.mark.parametrize("content", [b"junk", b"PK\x03\x04 the beginning of an archive", b""])
def test_a_damaged_checkpoint_names_the_file(content, workspace, dataset, network):
    workspace.run(CELL.id).mkdir(parents=True)
    (workspace.run(CELL.id) / "checkpoint.npz").write_bytes(content)
    with pytest.raises(FerBenchError, match=r"checkpoint\.npz: damaged checkpoint"):
        train(CELL, dataset, network, workspace)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_the_place_of_best_weights_is_not_waited_for(workspace, network):
    folder = workspace.run(CELL.id)
    folder.mkdir(parents=True)
    os.mkfifo(folder / "best-0001.npz")
    with pytest.raises(FerBenchError, match=r"best-0001\.npz: damaged checkpoint \(not a file\)"):
        checkpoint.Checkpoint(folder, "identity").load_best(network, 1)


def test_evaluation_counts_what_it_stores(workspace, dataset, network, run):
    target = Prepared.load(workspace.prepared("ck-plus"))
    for tested in (dataset, target):
        record = evaluate(run, tested, network, workspace)
        folder = workspace.results.records / "eval"
        stored = np.load(folder / record.predictions, allow_pickle=False)
        assert record.n == len(tested.indices("test")) == len(stored["ids"])
        assert stored["ids"].tolist() == tested.ids[tested.indices("test")].tolist()
        assert stored["probabilities"].dtype == np.float16
        predicted = stored["probabilities"].argmax(axis=1)
        matrix = np.zeros((7, 7), int)
        np.add.at(matrix, (stored["labels"], predicted), 1)
        assert matrix.tolist() == [list(row) for row in record.confusion_matrix]
        assert record.accuracy == (predicted == stored["labels"]).mean()
        parts = tested.parts[tested.indices("test")]
        assert list(record.parts) == (["PrivateTest", "PublicTest"] if tested is dataset else ["neutral", "peak"])
        for part, counts in record.parts.items():
            chosen = parts == part
            assert np.trace(counts) == (predicted == stored["labels"])[chosen].sum()
            assert np.sum(counts) == chosen.sum()
        assert (record.dataset, record.target, record.origin) == ("fer2013", tested.dataset, "synthetic")
        assert records.load(records.path_of(workspace.results.records, record), EvalRecord) == record


def test_the_record_counts_what_the_stored_predictions_say_where_rounding_makes_a_tie(workspace, dataset):
    """float32 tells these probabilities apart, the stored float16 do not: then the first of the highest counts."""
    answers = np.full((len(dataset.indices("test")), 7), 0.08, np.float32)
    answers[:, 2], answers[:, 5] = 0.3, 0.30001
    model = make.train_record("clcm", "fer2013", origin="synthetic")
    record = save_test(workspace, model, make.digest("weights"), dataset, answers, describe())
    matrix = np.array(record.confusion_matrix)
    assert (answers.argmax(axis=1) == 5).all()
    assert matrix.sum() == matrix[:, 2].sum() == len(answers)
    # Refuses predictions that give another matrix.
    found = read_predictions(workspace.results.records, record)
    assert (found.classes == 2).all()
    assert record.accuracy == (found.labels == 2).mean()
    assert np.array_equal(np.sum(list(record.parts.values()), axis=0), matrix)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 half of it"])
def test_predictions_that_are_lost_or_damaged_are_made_again(content, workspace, dataset, network, run):
    record = evaluate(run, dataset, network, workspace)
    path = workspace.results.records / "eval" / record.predictions
    before = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    again = evaluate(train(CELL, dataset, network, workspace), dataset, network, workspace)
    assert path.read_bytes() == before
    assert again.confusion_matrix == record.confusion_matrix
    assert evaluate(train(CELL, dataset, network, workspace), dataset, network, workspace) == again


def test_records_say_what_the_datasets_held_and_older_ones_need_not(workspace, dataset, network, run):
    target = Prepared.load(workspace.prepared("ck-plus"))
    tested = evaluate(run, target, network, workspace)
    assert run.prepared == (dataset.preparation,)
    assert dataset.preparation.layout == dataset.manifest["layout"]
    assert tested.target_prepared.protocol == "paper-432"
    assert (tested.target_prepared.crop, tested.target_prepared.complete) == ("landmarks", True)
    older = dataclasses.replace(run, prepared=())
    test = dataclasses.replace(tested, target_prepared=None)
    for record, field in ((older, "prepared"), (test, "target_prepared")):
        path = records.save(workspace.results.records, record)
        content = json.loads(path.read_text())
        del content[field]
        path.write_text(json.dumps(content))

    def must_not_train(*_: object) -> None:
        pytest.fail("a run was trained again since its record is an older one")

    assert train(CELL, dataset, network, workspace, on_step=must_not_train) == older
    assert evaluate(older, target, network, workspace) == test


@pytest.mark.parametrize("manifest", [{}, {"protocol": "original"}, {"layout": 3}])
def test_a_manifest_that_does_not_tell_costs_no_training(manifest, dataset):
    content = {**dataset.manifest, **manifest} if manifest else {"dataset": "fer2013"}
    assert dataclasses.replace(dataset, manifest=content).preparation is None


def test_real_and_synthetic_are_never_mixed(workspace, network, run):
    run = dataclasses.replace(run, origin="real")
    with pytest.raises(FerBenchError, match="never mixed"):
        evaluate(run, Prepared.load(workspace.prepared("ck-plus")), network, workspace)


def overwrite_an_image(dataset: Prepared) -> Prepared:
    """Return the dataset as it is opened after a copy of its folder was broken off: the right size, other pixels."""
    path = dataset.folder / "images.npy"
    content = bytearray(path.read_bytes())
    content[-100:] = bytes(100)
    path.unlink()  # The open memory map keeps the former one.
    path.write_bytes(content)
    return Prepared.load(dataset.folder)


def test_nothing_is_trained_on_images_that_have_changed_since_prepare(workspace, dataset, network):
    with pytest.raises(FerBenchError, match=r"fer2013: changed since it was prepared"):
        train(CELL, overwrite_an_image(dataset), network, workspace)
    assert not workspace.weights(CELL.id).exists()


def test_no_model_is_tested_on_images_that_have_changed_since_prepare(workspace, dataset, network, run):
    with pytest.raises(FerBenchError, match=r"fer2013: changed since it was prepared"):
        evaluate(run, overwrite_an_image(dataset), network, workspace)
    assert evaluate(run, dataset, network, workspace).accuracy > 0
