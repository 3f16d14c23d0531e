"""A model ready to answer: pictures in, answers out, a batch at a time."""

import functools
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_bench.ahead import in_turn
from fer_bench.datasets.decoding import resize
from fer_bench.environment import cores
from fer_bench.errors import FerBenchError
from fer_bench.prediction.answers import Answer, NoAnswer, Prediction, Square
from fer_bench.prediction.faces import CROP_SCALE, FaceFinder, require_detector, square_around
from fer_bench.prediction.sources import Image, Source, from_images
from fer_bench.records import Origin

BATCH = 64
"""Pictures that are answered at once."""


_CHANNELS = ((1,), (2,), (3,), (4,))
"""Last axis of a single picture: gray or RGB, each also with alpha."""


def pictures_ahead() -> int:
    """Return how many pictures are decoded at the same time, or wait for it: enough to keep every core busy."""
    return max(2 * cores(), 8)


class _Ready(NamedTuple):
    """A picture as the model sees it."""

    name: str
    image: NDArray[np.uint8]
    """(height, width) of the training images."""
    box: Square | None
    faces: int | None
    remark: str


@dataclass(frozen=True, eq=False)
class Model:
    """A trained or exported model. Get one by :func:`fer_bench.load_model`."""

    name: str
    """Of the model, such as ``clcm``."""
    dataset: str
    """That it was trained on."""
    origin: Origin
    """Of that dataset: a model of ``synthetic`` faces knows nothing of real ones."""
    classes: tuple[str, ...]
    """Class names, in the order of the probabilities."""
    size: tuple[int, int]
    """Height and width of the training images, pixels: what a face is resized to first."""
    probabilities: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    """Gray images of that size, uint8 (n, height, width), to probabilities, float32 (n, classes)."""

    def predict(
        self, images: str | Path | Iterable[Image], *, crop: bool = True, crop_scale: float = CROP_SCALE
    ) -> Iterator[Answer]:
        """Yield the answer to each picture, in order. Memory does not grow with their number.

        They are answered 64 at a time, while a few more are decoded (:func:`pictures_ahead`).

        Args:
            images: paths, or arrays, uint8, (height, width) gray or (height, width, 3) RGB; a generator is read as the
                answers are taken, and may fill one array again and again. An array (n, height, width) is n gray images,
                (n, height, width, 3) n in RGB; that of a single picture is refused. One path alone is one picture.
            crop: whether to find the largest face and cut it out. ``False`` where the pictures are faces already,
                cropped as the training data is.
            crop_scale: side of the square that is cut out in sides of the detector's box. The default gives the framing
                of FER-2013, where the face from the forehead to the chin fills the picture.

        Returns:
            A :class:`Prediction`, or a :class:`NoAnswer` where no face was found or the file cannot be read, with the
            reason.

        Raises:
            FerBenchError: finding faces needs a package that is missing, an array has another type or shape, or the
                scale is not within 0.5 to 4.
        """
        # Its rows would be answered, as gray pictures as wide as it has channels. An array of paths is none.
        several_paths = isinstance(images, np.ndarray) and images.ndim == 1 and images.dtype.kind in "OU"
        if isinstance(images, np.ndarray) and not several_paths and (images.ndim < 3 or images.shape[2:] in _CHANNELS):
            raise FerBenchError(
                f"images: an array of shape {images.shape}, which is that of one picture; put it into a list: [picture]"
            )
        several = [images] if isinstance(images, str | Path) else images
        return self.answers(from_images(several), crop=crop, crop_scale=crop_scale)

    def answers(self, sources: Iterable[Source], *, crop: bool, crop_scale: float = CROP_SCALE) -> Iterator[Answer]:
        """Yield the answer to each source; see :meth:`predict`."""
        if not 0.5 <= crop_scale <= 4:
            raise FerBenchError(f"crop scale {crop_scale:g}: expected 0.5 to 4 sides of the box around the face")
        if crop:
            require_detector()
        return self._answers(iter(sources), crop_scale if crop else None)

    def _answers(self, sources: Iterator[Source], scale: float | None) -> Iterator[Answer]:
        local = threading.local()

        def finder() -> FaceFinder:
            if not hasattr(local, "finder"):
                local.finder = FaceFinder()
            found: FaceFinder = local.finder
            return found

        prepared = functools.partial(_prepared, size=self.size, finder=finder, scale=scale)
        with ThreadPoolExecutor(cores()) as pool:
            # No source is drawn before it is among the next few.
            ready = in_turn((pool.submit(prepared, source).result for source in sources), pictures_ahead())
            while batch := list(itertools.islice(ready, BATCH)):
                yield from self._answered(batch)

    def _answered(self, batch: list[_Ready | NoAnswer]) -> Iterator[Answer]:
        ready = [item for item in batch if isinstance(item, _Ready)]
        rows: Iterator[list[float]] = iter(())
        if ready:
            rows = iter(self.probabilities(np.stack([item.image for item in ready])).tolist())
        for item in batch:
            if isinstance(item, NoAnswer):
                yield item
                continue
            values = next(rows)
            if not all(math.isfinite(value) for value in values):
                raise FerBenchError(
                    f"{self.name}: its answer to {item.name} is NaN or infinite; the weights are "
                    "damaged: train or export the model again"
                )
            label = self.classes[values.index(max(values))]
            together = dict(zip(self.classes, values, strict=True))
            yield Prediction(item.name, label, together, item.box, item.faces, item.remark)


def _prepared(
    source: Source, *, size: tuple[int, int], finder: Callable[[], FaceFinder], scale: float | None
) -> _Ready | NoAnswer:
    try:
        image, remark = source.load()
    except ValueError as error:
        return NoAnswer(source.name, str(error), bad=True)
    except FileNotFoundError:
        return NoAnswer(source.name, "no such file", bad=True)
    except (OSError, FerBenchError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return NoAnswer(source.name, f"cannot be read ({reason or error})", bad=True)
    if scale is None:
        return _Ready(source.name, resize(image, size), None, None, remark)
    faces = finder().find(image)
    if not faces:
        return NoAnswer(source.name, "no face found", bad=False, remark=remark)
    try:
        box = square_around(faces[0], scale, *image.shape)
    except ValueError:
        return NoAnswer(source.name, "no face found", bad=False, remark=remark)
    left, top, right, bottom = box
    # A copy: a view would keep the whole picture in memory.
    face = np.array(resize(image[top:bottom, left:right], size))
    return _Ready(source.name, face, box, len(faces), remark)
