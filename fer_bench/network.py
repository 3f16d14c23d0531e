"""A model of the registry, compiled once for a recipe and used for many cells.

Tracing and compiling a network takes tens of seconds. :class:`Network` does it once, and puts the weights of another
seed, or a fresh optimizer, into the compiled network, so that every cell starts as if it had been built for it alone.
"""

import hashlib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import augmentation, backend, memory
from fer_bench.datasets.folder import shown
from fer_bench.datasets.joined import Images
from fer_bench.devices import check as check_devices
from fer_bench.devices import share
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError, first_line
from fer_bench.files import replacing, sha256_of
from fer_bench.models import batch_norm, model_card
from fer_bench.models.layers import compute_in, dropouts, every_layer
from fer_bench.models.pretrained import IMAGENET, copy_imagenet
from fer_bench.recipe import Recipe
from fer_bench.records import Start
from fer_bench.training.batches import as_input

PREDICT_BATCH = 64
"""Images of one step of prediction; a compiled step costs seconds, so there is one size for all."""


def build_model(name: str, recipe: Recipe, seed: int) -> Any:
    """Build a registered model for the seven classes, with random weights.

    Args:
        name: of the model.
        recipe: gives the image size; may change batch-norm momentum, dropout and the number of frozen layers.
        seed: of the random weights and of dropout.

    Returns:
        A ``keras.Model`` from float32 (batch, size, size, 3), in [-1, 1], to probabilities (batch, 7). It is not
        compiled.

    Raises:
        FerBenchError: the recipe's images are too small for the model, or it freezes more layers than the backbone has.
    """
    import keras

    card = model_card(name)
    card.check_image_size(recipe.image_size)
    keras.utils.set_random_seed(seed)
    model = card.built(recipe.image_size, len(EMOTIONS))
    if recipe.freeze_layers is not None:
        for position, layer in enumerate(model.layers[: card.backbone_to_freeze(recipe.freeze_layers).layers]):
            layer.trainable = position >= recipe.freeze_layers
    for layer in every_layer(model):
        if recipe.batch_norm_momentum is not None and isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = recipe.batch_norm_momentum
    if recipe.dropout is not None:
        for layer in dropouts(model):
            layer.rate = recipe.dropout
    return model


def count_parameters(model: Any) -> tuple[int, int]:
    """Return the trainable and the non-trainable parameters of a built ``keras.Model``."""
    return (
        sum(math.prod(weight.shape) for weight in model.trainable_weights),
        sum(math.prod(weight.shape) for weight in model.non_trainable_weights),
    )


def start_from(weights: str | None) -> Start:
    """Return what a record says of the start of a training; ``weights`` as in :meth:`Network.start`."""
    if weights is None:
        return Start(kind="random")
    if weights == IMAGENET:
        return Start(kind="imagenet", source="keras")
    # The name of a file may hold control characters or bytes that are no text; a record takes neither.
    return Start(kind="imagenet", source=shown(Path(weights).name), sha256=sha256_of(Path(weights)))


def loss_of(recipe: Recipe) -> Any:
    """Return the training loss as ``keras.Model.compile`` takes it: cross-entropy of class indices and probabilities.

    Source: paper, section IV-B (categorical cross-entropy); label smoothing is fer-bench's addition.
    """
    if recipe.label_smoothing == 0:
        return "sparse_categorical_crossentropy"

    def smoothed_crossentropy(labels: Any, probabilities: Any) -> Any:
        from keras import losses, ops

        targets = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), probabilities.shape[-1])
        return losses.categorical_crossentropy(targets, probabilities, label_smoothing=recipe.label_smoothing)

    return smoothed_crossentropy


def _require_room(path: Path, weights: Sequence[Any]) -> None:
    """Write as many zeros as a weights file will take, and raise OSError where the disk has no room for them.

    On a full disk HDF5 ends the whole process without a message: so it must not come to that.
    """
    size = sum(4096 + np.asarray(weight).nbytes for weight in weights)
    with path.open("wb") as stream:
        for _ in range(0, size, 1 << 20):
            stream.write(bytes(1 << 20))
        os.fsync(stream.fileno())


class Network:
    """One model of the registry, compiled for one recipe.

    It sets the backend up for training (:func:`fer_bench.backend.prepare_training`): build the first one of a process
    before TensorFlow or Keras is imported.

    Args:
        name: a model of the registry.
        recipe: gives image size, optimizer, loss, batch-norm momentum, frozen layers.
        devices: of this machine, to share every batch among (see :mod:`fer_bench.devices`).

    Raises:
        FerBenchError: the recipe freezes more layers than the model's backbone has, or the devices cannot be had.
    """

    def __init__(self, name: str, recipe: Recipe, devices: int = 1) -> None:
        check_devices(devices, recipe.batch_size)
        backend.prepare_training(recipe.image_size)
        share(devices)
        import keras

        self.name = name
        self.devices = devices
        self.card = model_card(name)
        self.core = build_model(name, recipe, seed=0)
        batch_norm.fuse(self.core)
        if recipe.precision != "float32":
            compute_in(self.core, recipe.precision)
        self._recipe = recipe
        self._predict_batch = math.ceil(PREDICT_BATCH / devices) * devices
        optimizers = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
        self.optimizer = optimizers[recipe.optimizer](recipe.learning_rate, weight_decay=recipe.weight_decay or None)
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        size = recipe.image_size

        class Input(keras.layers.Layer):  # type: ignore[misc]
            """The warp as a layer: uint8 images and float32 matrices to the network's input."""

            def call(self, images: Any, matrices: Any) -> Any:
                return augmentation.network_input(images, matrices, size)

            def compute_output_spec(self, images: Any, matrices: Any) -> Any:
                return keras.KerasTensor((images.shape[0], size, size, 3), dtype="float32")

        images = keras.Input((None, None), dtype="uint8", name="images")
        matrices = keras.Input((2, 3), dtype="float32", name="matrices")
        self.trainer = keras.Model((images, matrices), self.core(Input(dtype="float32")(images, matrices)))
        self.trainer.compile(
            optimizer=self.optimizer,
            loss=loss_of(recipe),
            metrics=["accuracy"],
            jit_compile=backend.jit_compile(),
        )
        # Where the first training step creates variables, TensorFlow traces it twice: ten seconds for MobileNetV2.
        self.optimizer.build(self.core.trainable_variables)
        self.trainer.compute_metrics(None, np.zeros(1, np.uint8), np.full((1, len(EMOTIONS)), 1, np.float32))
        self.trainer.reset_metrics()

    def start(self, seed: int, weights: str | None) -> Start:
        """Put the network at the start of a run: the seed's random weights, ImageNet's over them, a fresh optimizer.

        Args:
            seed: of the random weights and of dropout.
            weights: ``None`` for a random start; ``imagenet`` or the path of a weights file otherwise.

        Raises:
            FerBenchError: the weights cannot be downloaded or read, or are of another architecture.
        """
        fresh = build_model(self.name, self._recipe, seed)
        if weights is not None:
            assert self.card.imagenet_application is not None, "grid.check_start refuses this"
            copy_imagenet(fresh, self.card.imagenet_application, weights)
        start = start_from(weights)
        for target, source in zip(self.core.variables, fresh.variables, strict=True):
            target.assign(source)
        for variable in self._optimizer_variables():
            variable.assign(np.zeros(variable.shape, dtype=variable.dtype))
        return start

    def _optimizer_variables(self) -> list[Any]:
        """Return iteration count and moments; not the learning rate, which every epoch sets."""
        return [variable for variable in self.optimizer.variables if variable is not self.optimizer.learning_rate]

    def state(self) -> list[NDArray[Any]]:
        """Return a copy of all that the next step depends on: weights, batch-norm statistics, random states of dropout,
        then the optimizer's variables."""
        return [np.asarray(v).copy() for v in (*self.core.variables, *self._optimizer_variables())]

    def restore(self, state: Sequence[NDArray[Any]]) -> None:
        """Put back what :meth:`state` returned.

        Raises:
            FerBenchError: the state is of another network.
        """
        variables = (*self.core.variables, *self._optimizer_variables())
        if [tuple(v.shape) for v in variables] != [np.shape(array) for array in state]:
            raise FerBenchError(f"the state does not belong to {self.name}: another shape or number of variables")
        for variable, array in zip(variables, state, strict=True):
            variable.assign(array)

    def is_finite(self) -> bool:
        """Return whether every weight and statistic is a number.

        A loss does not always show that some are not: kernels that compute convolution and ReLU in one, as oneDNN's on
        some processors, make 0 of a NaN.
        """
        return all(np.isfinite(np.asarray(weight)).all() for weight in self.core.weights)

    def digest(self) -> str:
        """Return the SHA-256 over type, shape and values of the weights, in order, as 64 hexadecimal digits.

        Not over the file, which also holds layer names that Keras numbers within a process: equal weights would differ.
        """
        digest = hashlib.sha256()
        for weight in self.core.weights:
            array = np.ascontiguousarray(weight)
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def save_weights(self, path: Path) -> None:
        """Write the weights as a Keras ``.weights.h5`` file, atomically."""
        with replacing(path) as temporary:
            _require_room(temporary, self.core.weights)
            self.core.save_weights(temporary)

    def load_weights(self, path: Path, digest: str) -> None:
        """Read weights that :meth:`save_weights` wrote.

        Raises:
            FerBenchError: the file is missing, of another model, or its weights do not have this digest.
        """
        if not path.is_file():
            raise FerBenchError(f"{path}: no such weights file; train the model first with fer-bench train")
        try:
            self.core.load_weights(path)
        except (ValueError, OSError, KeyError, RuntimeError) as error:  # h5py raises the last where bytes are damaged.
            if memory.is_exhausted(error):
                raise
            remedy = "" if isinstance(error, PermissionError) else "; delete the file and train again"
            raise FerBenchError(f"{path}: not weights of {self.name} ({first_line(error)}){remedy}") from error
        if self.digest() != digest:
            raise FerBenchError(
                f"{path}: not the weights that the training record names ({digest[:12]}); delete the file and "
                "train again"
            )

    def predict(self, images: Images, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the class probabilities of some images, without augmentation.

        Args:
            images: uint8 (N, height, width), of any size.
            rows: which of them, at least one.

        Returns:
            float32 (len(rows), classes).

        Raises:
            FerBenchError: a batch does not fit into memory.
        """
        import keras

        batch = self._predict_batch

        class Rows(keras.utils.PyDataset):  # type: ignore[misc]
            def __len__(self) -> int:
                return math.ceil(len(rows) / batch)

            def __getitem__(self, index: int) -> tuple[tuple[NDArray[Any], NDArray[Any]]]:
                # Every batch has the same shape, so that one compiled step serves all: the last one is filled up with
                # images from the beginning, whose answers are cut off below.
                wanted = np.arange(index * batch, (index + 1) * batch) % len(rows)
                return ((images[rows[wanted]], augmentation.identity_matrices(batch)),)

        try:
            probabilities: NDArray[np.float32] = self.trainer.predict(as_input(Rows()), verbose=0)
        except Exception as error:
            if not memory.is_exhausted(error):
                raise
            raise FerBenchError(
                f"{self.name}: the answers for {batch} images of {self._recipe.image_size} x "
                f"{self._recipe.image_size} pixels do not fit into memory; free what other programs hold of it"
            ) from error
        return probabilities[: len(rows)]
