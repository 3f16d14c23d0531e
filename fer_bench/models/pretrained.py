"""ImageNet weights from Keras' download or a file, copied into a model layer by layer. Never a silent random start."""

import contextlib
import io
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from fer_bench import backend, memory
from fer_bench.errors import FerBenchError, first_line
from fer_bench.lock import acquired
from fer_bench.messages import say
from fer_bench.verbosity import level

IMAGENET = "imagenet"
"""The value of ``--weights`` that lets Keras download its own ImageNet weights."""

DOWNLOADS = {
    "DenseNet121": "densenet121_weights_tf_dim_ordering_tf_kernels.h5",
    "EfficientNetB0": "efficientnetb0.h5",
    "InceptionV3": "inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
    "MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels.h5",
}
"""The file that Keras downloads for an application with its 1000-way top, as Keras names it in its cache."""

LOCK = ".fer-bench.lock"
"""Held in the folder of Keras' cache by who looks there for weights and downloads what is missing."""

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
        FerBenchError: the download failed, the file is missing, damaged or of another architecture, or the model does
            not contain the application's layers.
    """
    import keras

    build = getattr(keras.applications, application)
    if weights == IMAGENET:
        try:
            with _cache_of_ones_own(application), _nothing_on_stdout():
                _remove_half_downloaded(application)
                source = build(weights="imagenet")
        except Exception as error:  # Keras raises a bare Exception where the download fails
            raise FerBenchError(
                f"the ImageNet weights of {application} could not be downloaded ({error}); "
                "give a weights file with --weights PATH, or --weights random to start from random weights"
            ) from error
    else:
        source = build(weights=None)
        _load_file(source, weights, application)
    pairs = _pairs(model, source, application)
    for given, own in pairs:
        own.set_weights(given.get_weights())
    return len(pairs)


def _nothing_on_stdout() -> contextlib.AbstractContextManager[object]:
    """Let Keras tell of a download on stderr, not at all with ``--quiet``: stdout is for a command's answer, as JSON
    say, and it prints there."""
    return contextlib.redirect_stdout(io.StringIO() if level() == "quiet" else sys.stderr)


def _load_file(source: Any, weights: str, application: str) -> None:
    """Read a weights file into the application, and make sure that it is of nothing larger, which Keras does not."""
    if not Path(weights).is_file():
        raise FerBenchError(
            f"{weights}: no such weights file; expected 'imagenet', 'random' or the path of a Keras weights file "
            f"of keras.applications.{application} with its 1000-way top"
        )
    try:
        source.load_weights(weights)
        held, expected = _arrays(weights), len(source.weights)
        if held not in (None, expected):
            raise ValueError(f"it holds {held} arrays of weights, expected {expected}: a larger network's")
    except Exception as error:  # Of h5py, zipfile, zlib and Keras: damaged bytes can raise nearly any.
        if memory.is_exhausted(error):
            raise
        raise FerBenchError(
            f"{weights}: not a Keras weights file of keras.applications.{application} with its 1000-way top "
            f"({first_line(error)})"
        ) from error


def _arrays(weights: str) -> int | None:
    """Return how many arrays of weights a file holds; ``None`` of an old ``.h5``, whose layers Keras counts itself.

    The states of random generators, such as a dropout layer's, are no weights.
    """
    import h5py

    names: list[str] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and "/seed_generator/" not in name:
            names.append(name)

    with contextlib.ExitStack() as opened:
        stream: str | IO[bytes] = weights
        if weights.endswith(".keras"):
            stream = opened.enter_context(opened.enter_context(zipfile.ZipFile(weights)).open("model.weights.h5"))
        elif not weights.endswith(".weights.h5"):
            return None
        opened.enter_context(h5py.File(stream, "r"))["layers"].visititems(note)
    return len(names)


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


def _cache_folders() -> tuple[Path, ...]:
    """Return where Keras keeps what it downloads: the second where it may not write to the first."""
    return backend.keras_home() / "models", Path("/tmp/.keras/models")


@contextlib.contextmanager
def _cache_of_ones_own(application: str) -> Iterator[None]:
    """Let one process after the other look for weights: Keras downloads to the final name, and takes what is there.

    Also hosts that share a home folder, where its file system has locks. Without a folder for the lock, or without
    locks, each is on its own, as Keras is.
    """
    from filelock import Timeout

    with contextlib.ExitStack() as stack:
        for folder in _cache_folders():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    lock = acquired(folder / LOCK, 0)
                except Timeout:
                    say(f"{folder}: waiting for another process that loads or downloads the weights of {application}")
                    lock = acquired(folder / LOCK, -1)
            except (OSError, FerBenchError):
                continue
            stack.callback(lock.release)
            break
        yield


def _remove_half_downloaded(application: str) -> None:
    """Remove what a kill in the middle of a download left in Keras' cache: Keras would take it for the whole file.

    One that still grows is another process's download, and is waited for. What may not be read or removed, or is
    locked, is left to Keras.
    """
    if application not in DOWNLOADS:
        return
    for folder in _cache_folders():
        path = folder / DOWNLOADS[application]
        size = -1
        with contextlib.suppress(OSError):
            while _is_cut_short(path):
                if path.stat().st_size == size:
                    path.unlink()
                    break
                size = path.stat().st_size
                time.sleep(_STALLED)


def _is_cut_short(path: Path) -> bool:
    """Return whether a file can be read and is not HDF5, or not all of it: so a killed download leaves it.

    Raises:
        OSError: it is missing, locked or may not be read.
    """
    import h5py

    try:
        h5py.File(path, "r").close()
    except OSError as error:
        if error.errno is not None:  # Of the system, where h5py gives none for what is in the file.
            raise
        return True
    return False


def opens(path: Path) -> bool:
    """Return whether a file can be read and is HDF5 and whole."""
    try:
        return not _is_cut_short(path)
    except OSError:
        return False
