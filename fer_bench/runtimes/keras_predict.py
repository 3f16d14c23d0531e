"""``model.predict``, what the paper probably timed: most of a call is the set-up of its input pipeline."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.export.sessions import Call
from fer_bench.runtimes import keras_threads
from fer_bench.runtimes.runtime import Runtime, nothing_missing


def open_predict(model: Any, threads: int) -> Call:
    """Return ``model.predict`` over the whole batch; see :attr:`Runtime.open`."""
    keras_threads.pin(threads)

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(model.predict(batch, batch_size=len(batch), verbose=0), np.float32)

    return call


RUNTIME = Runtime("keras-predict", missing=nothing_missing, load=keras_threads.pin, open=open_predict)
