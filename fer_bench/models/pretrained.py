"""ImageNet weights from Keras' download or a file, copied into a model layer by layer. Never a silent random start."""

import time
from pathlib import Path
from typing import Any

from fer_bench import backend
from fer_bench.errors import FerBenchError

IMAGENET = "imagenet"
"""The value of ``--weights`` that lets Keras download its own ImageNet weights."""

_STALLED = 5.0
"""Seconds after which a download that has not grown is none."""


def copy_imagenet(model: Any, application: str, weights: str) -> int:
    """Copy ImageNet weights into the application's layers in ``model``, all but the 1000-way top where it has none.

    Args:
        model: a built ``keras.Model`` that contains the application's layers, under their own names or, since Keras
            numbers some names within a process, as its first layers with weights in the application's order.
        application: class name in ``keras.applications``, e.g. ``MobileNetV2``.
        weights: ``imagenet`` (downloaded by Keras) or the path of a weights file of the whole application with its
            1000-way top.

    Returns:
        The number of layers with weights that were copied.

    Raises:
        FerBenchError: the download failed, the file is missing or of another architecture, or the model does not
            contain the application's layers.
    """
    import keras

    build = getattr(keras.applications, application)
    if weights == IMAGENET:
        _remove_half_downloaded()
        try:
            source = build(weights="imagenet")
        except Exception as error:  # Keras raises a bare Exception where the download fails
            raise FerBenchError(
                f"the ImageNet weights of {application} could not be downloaded ({error}); "
                "give a weights file with --weights PATH, or --weights random to start from random weights"
            ) from error
    else:
        if not Path(weights).is_file():
            raise FerBenchError(
                f"{weights}: no such weights file; expected 'imagenet', 'random' or the path of a Keras weights file "
                f"of keras.applications.{application} with its 1000-way top"
            )
        source = build(weights=None)
        try:
            source.load_weights(weights)
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise FerBenchError(
                f"{weights}: not a Keras weights file of keras.applications.{application} with its 1000-way top "
                f"({reason})"
            ) from error
    pairs = _pairs(model, source, application)
    for given, own in pairs:
        own.set_weights(given.get_weights())
    return len(pairs)


def _pairs(model: Any, source: Any, application: str) -> list[tuple[Any, Any]]:
    """Return the application's layers with weights, each with that of the model.

    A layer that holds the statistics of the input is left out: models have a scaling of their own.
    """
    import keras

    by_name = {layer.name: layer for layer in model.layers}
    given = [layer for layer in source.layers if layer.weights and not isinstance(layer, keras.layers.Normalization)]
    backbone = given[:-1]  # the last is the 1000-way top
    if all(layer.name in by_name for layer in backbone):
        return [(layer, by_name[layer.name]) for layer in given if layer.name in by_name]
    own = [layer for layer in model.layers if layer.weights][: len(backbone)]
    if [_shapes(layer) for layer in own] != [_shapes(layer) for layer in backbone]:
        raise FerBenchError(
            f"model {model.name!r} does not hold the layers of keras.applications.{application}, by name or in order: "
            "its ImageNet weights do not fit"
        )
    return list(zip(backbone, own, strict=True))


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _remove_half_downloaded() -> None:
    """Remove what a kill in the middle of a download left in Keras' cache: Keras would take it for the whole file.

    One that still grows is another process's download, and is waited for.
    """
    # The second is where Keras goes when it may not write to the first.
    for folder in (backend.keras_home(), Path("/tmp/.keras")):
        for path in (folder / "models").glob("*.h5"):
            size = -1
            while path.is_file() and not opens(path):
                if path.stat().st_size == size:
                    path.unlink()
                    break
                size = path.stat().st_size
                time.sleep(_STALLED)


def opens(path: Path) -> bool:
    """Return whether a file is HDF5 and whole: one whose download was killed is cut short."""
    import h5py

    try:
        h5py.File(path, "r").close()
    except OSError:
        return False
    return True
