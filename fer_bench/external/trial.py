"""Run an ONNX file once on drawn faces: what it answers shows what no file declares."""

import dataclasses
from pathlib import Path

import numpy as np

from fer_bench.errors import FerBenchError
from fer_bench.external.model import ExternalModel
from fer_bench.external.predicting import are_probabilities, fed, flat, open_raw

_PICTURES = 7
_TOLERANCE = 1e-3
"""Relative and absolute, between the answers to one image alone and among others: kernels add up in another order."""


def tried(model: ExternalModel, path: Path) -> ExternalModel:
    """Run a file on drawn faces, and return the model with what that tells of its answers.

    Raises:
        FerBenchError: it cannot be run, answers every picture alike, the same picture another way each time, or an
            image by what else is in its batch.
    """
    from fer_bench.profiling.frames import jpeg_faces, network_image

    faces = np.concatenate([network_image(data, 96) for data in jpeg_faces(_PICTURES, seed=0)])[..., 0]
    batch = fed(model, np.rint((faces + 1) * 127.5).astype(np.uint8))
    raw = open_raw(model.name, path, model.image.name, model.output, 1)
    answers, again = (
        np.concatenate([flat(model, raw(picture)) for picture in np.split(batch, len(batch))]) for _ in range(2)
    )
    if not np.allclose(again, answers, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise FerBenchError(
            f"{model.name}: the file gives the same image another answer each time, by up to "
            f"{np.abs(again - answers).max():.2g}, as with dropout that is on or drawn numbers; export it for inference"
        )
    if not model.image.fixed_batch:
        together = flat(model, raw(batch))
        if together.shape != answers.shape:
            raise FerBenchError(f"{model.name}: the file answers {len(batch)} images by another number of answers")
        if not np.allclose(together, answers, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise FerBenchError(
                f"{model.name}: the answer to an image depends on the others of its batch, by up to "
                f"{np.abs(together - answers).max():.2g}; export the file for inference, or with one image a batch"
            )
    if np.ptp(answers, axis=0).max() == 0:
        raise FerBenchError(
            f"{model.name}: the model gives different faces the same answer; check --values and the file"
        )
    return dataclasses.replace(model, scores=not are_probabilities(answers))
