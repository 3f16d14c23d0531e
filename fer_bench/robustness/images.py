"""The test images of a prepared dataset, made worse while they are read: nothing of it is kept on disk."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_bench.corruptions import corrupted
from fer_bench.datasets.decoding import one_opencv_thread, resize
from fer_bench.datasets.prepared import Prepared
from fer_bench.datasets.scaled import is_averaged


@dataclass(frozen=True, kw_only=True)
class CorruptedImages:
    """The images of a dataset under one corruption, for a network of ``size`` x ``size`` pixels."""

    dataset: Prepared
    size: int
    corruption: str
    severity: int
    """0 leaves the images as they are."""

    def __len__(self) -> int:
        return len(self.dataset.images)

    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[np.uint8]:
        """Gather rows: corrupted at their stored size, then averaged over areas where the network's is smaller.

        Returns:
            uint8, of the size that :meth:`fer_bench.datasets.prepared.Prepared.at_size` gives.
        """
        with one_opencv_thread():
            pictures = [
                corrupted(image, self.corruption, self.severity, image_id)
                for image, image_id in zip(self.dataset.images[rows], self.dataset.ids[rows], strict=True)
            ]
            if is_averaged(self.dataset.images.shape[1:], self.size):
                pictures = [resize(picture, (self.size, self.size)) for picture in pictures]
        return np.stack(pictures)
