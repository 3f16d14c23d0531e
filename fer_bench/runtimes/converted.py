"""Converted files of models, kept by what they were made from: a measurement in several processes converts once."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export import Target
from fer_bench.export.convert import SUFFIXES, convert
from fer_bench.files import replacing


def converted(model: Any, target: Target, folder: Path, samples: NDArray[np.float32] | None = None) -> Path:
    """Return the file of ``model`` in ``folder``, converted where it is not there yet.

    Args:
        model: a built ``keras.Model``.
        target: the format.
        folder: created where it is missing.
        samples: see :func:`fer_bench.export.convert.convert`.

    Raises:
        FerBenchError: a package is missing, or the model cannot be converted.
    """
    path = folder / f"{target}-{_digest(model, samples)[:16]}{SUFFIXES[target]}"
    if not path.is_file():
        with replacing(path) as temporary:
            convert(model, target, temporary, samples)
    return path


def _digest(model: Any, samples: NDArray[np.float32] | None) -> str:
    """Return a SHA-256 over layers, weights, samples and the version of Keras.

    Layers by position, not by name: Keras counts names up within a process.
    """
    import keras

    layers = json.dumps(model.get_config(), sort_keys=True, default=str).replace(f'"{model.name}"', '""')
    for position, operation in enumerate(model.operations):
        layers = layers.replace(f'"{operation.name}"', f'"#{position}"')
    digest = hashlib.sha256(f"{keras.__version__} {layers}".encode())
    for array in [*model.get_weights(), *([] if samples is None else [samples])]:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
