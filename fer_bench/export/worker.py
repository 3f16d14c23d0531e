"""Convert a model in a process of its own, on TensorFlow, for a parent on another backend.

``KERAS_BACKEND=tensorflow python -m fer_bench.export.worker MODEL.keras TARGET OUT [SAMPLES.npy]``; the last line on
stderr is the reason where it fails.
"""

import sys
from pathlib import Path

import numpy as np

from fer_bench import backend
from fer_bench.errors import FerBenchError, first_line
from fer_bench.export.convert import TARGETS, write
from fer_bench.models import model_cards


def main(model: str, target: str, out: str, samples: str | None = None) -> None:
    """Convert the Keras model in one file to another file.

    Args:
        model: path of a ``.keras`` file.
        target: one of :data:`fer_bench.export.convert.TARGETS`.
        out: path of the result.
        samples: path of a ``.npy`` file, see :func:`fer_bench.export.convert.convert`.

    Raises:
        FerBenchError: the model cannot be read or converted.
    """
    backend.configure()
    import keras

    model_cards()  # Imports other packages' models, and with them the layers that they register with Keras.
    try:
        loaded = keras.models.load_model(model, compile=False)
    except (ValueError, TypeError, OSError) as error:
        raise FerBenchError(
            f"Keras cannot read the model back ({first_line(error)}); layers of your own need keras.saving."
            "register_keras_serializable, or export under KERAS_BACKEND=tensorflow"
        ) from error
    images = None if samples is None else np.load(samples, allow_pickle=False)
    write(loaded, next(known for known in TARGETS if known == target), Path(out), images)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except FerBenchError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
