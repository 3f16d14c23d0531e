"""Feed an external model and read its answers as probabilities of the seven classes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.decoding import resize
from fer_bench.datasets.joined import Images
from fer_bench.errors import FerBenchError
from fer_bench.export.sessions import Call, onnx_session
from fer_bench.external.model import ExternalModel
from fer_bench.external.onnx_file import harmless_line

BATCH = 64
"""Images a call, of a file that takes any number."""


def open_call(model: ExternalModel, path: Path, threads: int) -> Call:
    """Return the call of a model: what :func:`fed` gives to probabilities float32 (n, 7).

    Raises:
        FerBenchError: ONNX Runtime is missing or cannot take the file, or an answer has another shape than its labels
            or is not finite.
    """
    raw = open_raw(model.name, path, model.image.name, model.output, threads)

    def call(batch: NDArray[Any]) -> NDArray[np.float32]:
        groups = np.split(batch, len(batch)) if model.image.fixed_batch else [batch]
        return probabilities(model, np.concatenate([flat(model, raw(group)) for group in groups]))

    return call


def open_raw(name: str, path: Path, image: str, output: str, threads: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return the call of a file as it is: an input tensor to an output tensor.

    Raises:
        FerBenchError: ONNX Runtime is missing or cannot take the file.
    """
    try:
        session = onnx_session(path.read_bytes(), threads)
    except FerBenchError:
        raise
    except Exception as error:  # ONNX Runtime has no common class of errors.
        raise FerBenchError(f"{name}: ONNX Runtime cannot take the file ({harmless_line(error)})") from error

    def call(batch: NDArray[Any]) -> NDArray[Any]:
        try:
            return np.asarray(session.run([output], {image: batch})[0])
        except Exception as error:
            raise FerBenchError(f"{name}: ONNX Runtime cannot run the file ({harmless_line(error)})") from error

    return call


def flat(model: ExternalModel, answer: NDArray[Any]) -> NDArray[np.float64]:
    """Return a raw answer as (n, labels), axes of length 1 behind them dropped.

    Raises:
        FerBenchError: it has another shape, or holds something that is not finite.
    """
    count = len(model.labels)
    if answer.ndim < 2 or len(answer) == 0 or answer.shape[1] != count or answer[0].size != count:
        raise FerBenchError(
            f"{model.name}: the output {model.output!r} is {answer.shape}, and there are {count} labels; expected "
            f"(images, {count})"
        )
    if not np.isfinite(answer).all():
        raise FerBenchError(f"{model.name}: an answer is NaN or infinite; check the values that the file expects")
    return answer.reshape(len(answer), count).astype(np.float64)


def probabilities(model: ExternalModel, answers: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return raw answers (n, labels) as probabilities (n, 7) in the order of the classes.

    Outputs of no class of the seven are dropped, and the rest sums to 1 again: scores before softmax, which is the
    same. An answer without any probability for the seven counts as undecided, each 1/7.
    """
    kept = answers[:, model.columns]
    if model.scores:
        kept = np.exp(kept - kept.max(axis=1, keepdims=True))
    sums = kept.sum(axis=1, keepdims=True)
    kept = np.where(sums > 0, kept / np.where(sums > 0, sums, 1), 1 / kept.shape[1])
    return kept.astype(np.float32)


def are_probabilities(answers: NDArray[np.float64]) -> bool:
    """Return whether raw answers (n, labels) are probabilities already: none negative, each row sums to 1.

    A quantised file rounds each of them to a step of 1/256.
    """
    return bool((answers >= 0).all() and np.abs(answers.sum(axis=1) - 1).max() < 0.004 * answers.shape[1])


def fed(model: ExternalModel, pictures: NDArray[np.uint8]) -> NDArray[Any]:
    """Return gray pictures, uint8 (n, height, width), as the file takes them.

    Averaged over areas where they shrink, bilinear where they grow, rounded to 8 bits; the gray channel is repeated
    where the file takes three.
    """
    image = model.image
    sized = np.stack([resize(np.asarray(picture), (image.height, image.width)) for picture in pictures])
    if image.dtype == "uint8":
        values: NDArray[Any] = np.repeat(sized[..., None], image.channels, axis=-1)
    else:
        scale, offset = (np.asarray(side, np.float32) for side in (model.scale, model.offset))
        values = sized[..., None].astype(np.float32) * scale + offset
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if image.layout == "NCHW" else values)


def answers(
    model: ExternalModel, call: Call, pictures: Images, rows: NDArray[np.intp]
) -> Iterator[NDArray[np.float32]]:
    """Yield the probabilities of some of the pictures, a batch at a time."""
    for start in range(0, len(rows), BATCH):
        yield call(fed(model, pictures[rows[start : start + BATCH]]))
