"""ImageNet weights from Keras' download or a file, copied into a model by layer name. Never a silent random start."""

import os
import time
from pathlib import Path
from typing import Any

from fer_bench.errors import FerBenchError

IMAGENET = "imagenet"
"""The value of ``--weights`` that lets Keras download its own ImageNet weights."""

_STALLED = 5.0
"""Seconds after which a download that has not grown is none."""


def copy_imagenet(model: Any, application: str, weights: str) -> int:
    """Copy ImageNet weights into every layer of ``model`` that bears the name of one of the application's.

    Args:
        model: a built ``keras.Model`` that contains the application's layers under their own names.
        application: class name in ``keras.applications``, e.g. ``MobileNetV2``.
        weights: ``imagenet`` (downloaded by Keras) or the path of a weights file of the whole application with its
            1000-way top.

    Returns:
        The number of layers with weights that were copied.

    Raises:
        FerBenchError: the download failed, or the file is missing or of another architecture.
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
    targets = {layer.name: layer for layer in model.layers}
    copied = 0
    for layer in source.layers:
        if layer.weights and layer.name in targets:
            targets[layer.name].set_weights(layer.get_weights())
            copied += 1
    return copied


def _remove_half_downloaded() -> None:
    """Remove what a kill in the middle of a download left in Keras' cache: Keras would take it for the whole file.

    One that still grows is another process's download, and is waited for.
    """
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    for folder in (home, Path("/tmp/.keras")):  # The second is where Keras goes when it may not write to the first.
        for path in (folder / "models").glob("*.h5"):
            size = -1
            while path.is_file() and not _opens(path):
                if path.stat().st_size == size:
                    path.unlink()
                    break
                size = path.stat().st_size
                time.sleep(_STALLED)


def _opens(path: Path) -> bool:
    import h5py

    try:
        h5py.File(path, "r").close()
    except OSError:
        return False
    return True
