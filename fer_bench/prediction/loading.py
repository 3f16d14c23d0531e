"""From a trained run or an exported file to a model that answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.decoding import resize
from fer_bench.datasets.scaled import is_averaged
from fer_bench.environment import cores
from fer_bench.errors import FerBenchError
from fer_bench.export.contract import SCHEMA
from fer_bench.export.exporting import sidecar
from fer_bench.external.model import refuse_external
from fer_bench.external.onnx_file import harmless_line
from fer_bench.files import expanded, read_json, sha256_of
from fer_bench.prediction.model import Model
from fer_bench.workspace import Workspace, default_root

if TYPE_CHECKING:
    from fer_bench.datasets.prepared import Prepared
    from fer_bench.export.sessions import Call
    from fer_bench.grid import Cell
    from fer_bench.records import TrainRecord

_ENDINGS = (".onnx", ".tflite")
DEFAULT_RECIPE, DEFAULT_SEED = "paper", 0
"""As of ``fer-bench train``."""


def is_exported(model: str | Path) -> bool:
    """Whether ``model`` is a path of an exported file by its ending, rather than a model's name."""
    return str(model).endswith(_ENDINGS)


def refuse_training(
    model: str | Path,
    *,
    dataset: str | None,
    recipe: str | Path | None,
    seed: int | None,
    weights: str | Path | None,
) -> None:
    """Refuse what names a training run, beside an exported file: it would be passed over.

    Raises:
        FerBenchError: one of them is not ``None``.
    """
    given = {"dataset": dataset, "recipe": recipe, "seed": seed, "weights": weights}
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise FerBenchError(
            f"{model}: an exported file says itself how it was trained; leave {' and '.join(named)} out"
        )


def load_model(
    model: str | Path,
    *,
    dataset: str | None = None,
    recipe: str | Path | None = None,
    seed: int | None = None,
    weights: str | Path | None = None,
    workspace: str | Path | None = None,
) -> Model:
    """Return a model that answers single pictures.

    >>> model = load_model("clcm", dataset="fer2013", recipe="cpu48")  # doctest: +SKIP
    >>> model = load_model("exports/clcm.onnx")  # doctest: +SKIP

    Args:
        model: name of a model that has been trained in the workspace; or path of a file that ``fer-bench export``
            wrote, ``.onnx`` or ``.tflite``, with its ``.json`` beside it.
        dataset: that the model was trained on; for an exported file none, like the next three.
        recipe: as given to ``fer-bench train``, or the id that its record has. Default: ``paper``.
        seed: of the training run. Default: 0.
        weights: start of the training run, ``imagenet``, ``random`` or a path, where it was given.
        workspace: folder of the trained models. Default: ``$FER_BENCH_WORKSPACE``, or ``workspace``.

    Raises:
        FerBenchError: the model has not been trained so, the file is missing or not the one that its ``.json``
            describes, a training run is named beside it, or a package that it needs is missing.
    """
    if is_exported(model):
        refuse_training(model, dataset=dataset, recipe=recipe, seed=seed, weights=weights)
        return load_exported(expanded(model))
    place = Workspace(default_root() if workspace is None else expanded(workspace))
    refuse_external(place, [str(model)])
    if dataset is None:
        raise FerBenchError(
            f"{model}: name the dataset that the model was trained on, or give a file that fer-bench export wrote "
            f"({' or '.join(_ENDINGS)})"
        )
    from fer_bench.lookup import trained_cell

    recipe, seed = DEFAULT_RECIPE if recipe is None else str(recipe), DEFAULT_SEED if seed is None else seed
    weights = None if weights is None else str(weights)
    return load_trained(place, *trained_cell(place, str(model), dataset, recipe, seed, weights))


def load_trained(workspace: Workspace, cell: "Cell", run: "TrainRecord", prepared: "Prepared") -> Model:
    """Return the model of a finished training run; it answers as ``evaluate`` does, by the same compiled step.

    Args:
        workspace: where the weights lie.
        cell: the run's.
        run: its record.
        prepared: the dataset that it was trained on.

    Raises:
        FerBenchError: the weights are missing or others than the record names.
    """
    from fer_bench.network import Network

    network = Network(cell.model, cell.recipe)
    network.load_weights(workspace.weights(cell.id), run.weights_sha256)
    height, width = (int(side) for side in prepared.manifest["size"])
    side = cell.recipe.image_size

    def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        # As Prepared.at_size does.
        averaged = is_averaged((height, width), side)
        shown = np.stack([resize(image, (side, side)) for image in images]) if averaged else images
        return network.predict(shown, np.arange(len(shown)))

    return Model(cell.model, run.dataset, run.origin, run.class_names, (height, width), probabilities)


def load_exported(path: Path) -> Model:
    """Return the model of a file that ``fer-bench export`` wrote; needs neither TensorFlow nor Keras.

    Raises:
        FerBenchError: the file or its ``.json`` is missing, they do not belong together, the runtime cannot take the
            file, or a package is missing.
    """
    if not path.is_file():
        raise FerBenchError(f"{path}: no such file; fer-bench export writes one")
    about = read_contract(path)
    call = _opened(path, about)
    side, bilinear = int(about["preprocessing"]["image_size"][0]), about["preprocessing"]["resize"] == "bilinear"

    def probabilities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return call(network_input(images, side, bilinear=bilinear))

    height, width = about["preprocessing"]["stored_size"]
    return Model(
        about["model"], about["dataset"], about["origin"], tuple(about["class_names"]), (height, width), probabilities
    )


def _opened(path: Path, about: Mapping[str, Any]) -> "Call":
    """Return the call of an exported file, tried on one image: the ``.json`` beside it may have been edited."""
    from fer_bench.export.sessions import open_onnx

    runtime, beside = "ONNX Runtime" if path.suffix == ".onnx" else "LiteRT", sidecar(path)
    side, classes = about["preprocessing"]["image_size"][0], len(about["class_names"])
    try:
        call = open_onnx(path, cores()) if path.suffix == ".onnx" else _litert(path)
    except FerBenchError:
        raise
    except Exception as error:  # The runtimes have no common class of errors.
        raise FerBenchError(
            f"{path}: {runtime} cannot take the file ({harmless_line(error)}); export the model again"
        ) from error

    def checked(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            answer = call(batch)
        except FerBenchError:
            raise
        except Exception as error:
            raise FerBenchError(
                f"{path}: {runtime} cannot run the file on images of {side} x {side} pixels, which {beside.name} says "
                f"it takes ({harmless_line(error)}); export the model again"
            ) from error
        if answer.shape != (len(batch), classes):
            raise FerBenchError(
                f"{path}: its answer to {len(batch)} images is {answer.shape}, expected ({len(batch)}, {classes}) by "
                f"the class names in {beside.name}; export the model again"
            )
        return answer

    checked(np.zeros((1, side, side, 3), np.float32))
    return checked


def _litert(path: Path) -> "Call":
    """Return the call of a LiteRT file that fills batches up to the next power of two.

    An interpreter is for one size of batch: pictures without a face, or that cannot be read, would have one made for
    nearly every batch.
    """
    from fer_bench.export.sessions import open_litert

    call = open_litert(path, cores())

    def filled(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        count = len(batch)
        return call(batch[np.arange(1 << (count - 1).bit_length()) % count])[:count]

    return filled


def read_contract(path: Path) -> dict[str, Any]:
    """Return what the ``.json`` beside an exported file says (see :mod:`fer_bench.export.contract`), checked.

    Raises:
        FerBenchError: it is missing, damaged, or about another file.
    """
    beside = sidecar(path)
    if not beside.is_file():
        raise FerBenchError(
            f"{beside}: no such file; it comes with the exported file, holds its class names and preprocessing, and "
            "must lie beside it"
        )
    about = read_json(beside)
    try:
        if (about["schema"], about["kind"]) != (SCHEMA, "export"):
            raise ValueError(f"schema {about['schema']!r}, kind {about['kind']!r}")
        stored, image = about["preprocessing"]["stored_size"], about["preprocessing"]["image_size"]
        known = about["preprocessing"]["resize"] in ("area", "bilinear", "none")
        names = about["class_names"]
        if not isinstance(names, list) or len(names) < 2 or not all(names) or len(set(names)) != len(names):
            raise ValueError(f"class_names {names!r}")
        texts = [about["model"], about["dataset"], about["recipe"], about["weights_sha256"], *names]
        # bool is an int; and each is written as it is, to a terminal too.
        sane = all(type(size) is int and 0 < size <= 1024 for size in (*stored, *image))
        if not (known and sane and len(stored) == len(image) == 2 and image[0] == image[1]):
            raise ValueError(f"preprocessing {about['preprocessing']!r}")
        if not all(isinstance(text, str) and text.isprintable() for text in texts) or type(about["seed"]) is not int:
            raise ValueError("no printable names of the model, its run and its classes")
        if about["origin"] not in ("real", "synthetic"):
            raise ValueError(f"origin {about['origin']!r}")
        digest = about["file_sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise FerBenchError(f"{beside}: not what fer-bench export writes ({error}); export the model again") from error
    if digest != sha256_of(path):
        raise FerBenchError(
            f"{path}: not the file that {beside.name} describes (its SHA-256 is another); export the model again"
        )
    checked: dict[str, Any] = about
    return checked


def network_input(images: NDArray[np.uint8], side: int, *, bilinear: bool) -> NDArray[np.float32]:
    """Return what :func:`fer_bench.augmentation.network_input` makes of images with no augmentation, without Keras.

    Args:
        images: uint8 (n, height, width), of the training images' size.
        side: height and width of the network's input, pixels.
        bilinear: resize in float, for an input that is larger than the images; else by averaging areas.

    Returns:
        float32 (n, side, side, 3), -1 to 1.
    """
    from fer_bench.datasets.pictures import opencv

    cv2 = opencv()
    batch = np.empty((len(images), side, side), np.float32)
    for row, image in zip(batch, images, strict=True):
        if bilinear:
            row[...] = cv2.resize(image.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
        else:
            row[...] = resize(image, (side, side))
    return np.repeat((batch / np.float32(127.5) - 1)[..., None], 3, axis=3)
