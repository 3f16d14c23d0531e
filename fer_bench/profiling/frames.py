"""Pictures to time with: faces drawn from a seed, as JPEG files, and the way from such a file to a network's input."""

import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.decoding import resize
from fer_bench.datasets.pictures import decode, opencv
from fer_bench.emotions import EMOTIONS

SIDE = 256
"""Of the square pictures, pixels."""
QUALITY = 90


def jpeg_faces(count: int, seed: int) -> list[bytes]:
    """Return colour JPEG files of ``count`` drawn faces, :data:`SIDE` pixels square; the same for the same seed."""
    from fer_bench.datasets.synthetic import action_units, draw_identity, draw_view, render

    cv2 = opencv()
    files = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        units = action_units(EMOTIONS[number % len(EMOTIONS)], rng)
        face = render(draw_identity(rng), units, draw_view(rng), SIDE)
        done, encoded = cv2.imencode(".jpg", face.image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        assert done
        files.append(encoded.tobytes())
    return files


def network_image(data: bytes, image_size: int) -> NDArray[np.float32]:
    """Return what a network takes: decoded, gray, resized, scaled to [-1, 1], the gray channel three times.

    Returns:
        float32 (1, image_size, image_size, 3).
    """
    gray = resize(decode(data, "face.jpg").image, (image_size, image_size))
    scaled = gray.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return np.repeat(scaled[None, :, :, None], 3, axis=-1)
