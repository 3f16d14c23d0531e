"""The one warp: resizing and augmentation composed into one affine map, so that a pixel is interpolated once.

The host only draws one matrix a sample; the warp itself runs batched, on the device, inside the compiled step.

Coordinates are those of pixel centres, scaled so that the picture spans [-1, 1] in both directions whatever its
size. A matrix maps a place in the output to the place in the stored image that it shows, so the identity is a plain
resize (the same as ``cv2.resize(..., INTER_LINEAR)``), and one matrix serves every stored and every network size.
Places outside the picture show its nearest edge pixel.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import backend
from fer_bench.recipe import Augmentation

IDENTITY: NDArray[np.float32] = np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)


def identity_matrices(count: int) -> NDArray[np.float32]:
    """Return ``count`` matrices (count, 2, 3) that only resize."""
    return np.broadcast_to(IDENTITY, (count, 2, 3))


def random_matrices(augmentation: Augmentation, count: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw the matrices of ``count`` augmented images (paper, section IV-A).

    Each is flip · zoom · shear · rotation, then a shift; every magnitude is uniform in ± its recipe value.

    Returns:
        float32 (count, 2, 3).
    """
    rotation, shear, zoom_x, zoom_y, shift_x, shift_y = generator.uniform(-1, 1, (6, count))
    flips = generator.random(count) < 0.5
    angle = np.deg2rad(augmentation.rotation * rotation)
    slant = np.tan(np.deg2rad(augmentation.shear * shear))
    scale_x = (1 + augmentation.zoom * zoom_x) * np.where(flips & augmentation.horizontal_flip, -1, 1)
    scale_y = 1 + augmentation.zoom * zoom_y
    cosine, sine = np.cos(angle), np.sin(angle)
    matrices = np.empty((count, 2, 3), dtype=np.float32)
    matrices[:, 0, 0] = scale_x * (cosine + slant * sine)
    matrices[:, 0, 1] = scale_x * (slant * cosine - sine)
    matrices[:, 1, 0] = scale_y * sine
    matrices[:, 1, 1] = scale_y * cosine
    # A shift of the whole width is 2 in these coordinates.
    matrices[:, 0, 2] = 2 * augmentation.width_shift * shift_x
    matrices[:, 1, 2] = 2 * augmentation.height_shift * shift_y
    return matrices


def output_grid(size: int) -> NDArray[np.float32]:
    """Return the homogeneous coordinates (3, size * size) of an output's pixel centres, rows first."""
    centres = (2 * np.arange(size) + 1) / size - 1
    y, x = np.meshgrid(centres, centres, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.ones(size * size)]).astype(np.float32)


def warp(images: Any, matrices: Any, size: int) -> Any:
    """Warp gray images bilinearly to ``size`` x ``size``; runs on any Keras backend.

    Args:
        images: (batch, height, width), of numbers of any type.
        matrices: float32 (batch, 2, 3), see the module's text.
        size: height and width of the result, pixels.

    Returns:
        float32 (batch, size, size), in the images' range.
    """
    from keras import ops

    images = ops.cast(images, "float32")
    # One kernel instead of thirty: a third of the time. XLA does not know it, and fuses the thirty.
    in_one_kernel = backend.configure() == "tensorflow" and not backend.jit_compile()
    return (_warp_in_one_kernel if in_one_kernel else _warp)(images, matrices, size)


def _warp(images: Any, matrices: Any, size: int) -> Any:
    from keras import ops

    batch, height, width = ops.shape(images)
    places = ops.matmul(matrices, ops.convert_to_tensor(output_grid(size)))

    def neighbours(coordinate: Any, extent: Any) -> tuple[Any, Any, Any]:
        last = ops.cast(extent, "float32") - 1
        position = ops.clip((coordinate + 1) * (last + 1) / 2 - 0.5, 0, last)
        lower = ops.floor(position)
        upper = ops.minimum(lower + 1, last)
        return ops.cast(lower, "int32"), ops.cast(upper, "int32"), position - lower

    left, right, fraction_x = neighbours(places[:, 0], width)
    top, bottom, fraction_y = neighbours(places[:, 1], height)
    pixels = ops.reshape(images, (-1,))
    first = ops.expand_dims(ops.arange(batch, dtype="int32") * (height * width), 1)

    def at(row: Any, column: Any) -> Any:
        return ops.take(pixels, first + row * width + column, axis=0)

    upper_row = at(top, left) + (at(top, right) - at(top, left)) * fraction_x
    lower_row = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * fraction_x
    warped = upper_row + (lower_row - upper_row) * fraction_y
    return ops.reshape(warped, (-1, size, size))


def _warp_in_one_kernel(images: Any, matrices: Any, size: int) -> Any:
    import tensorflow as tf
    from keras import ops

    _, height, width = ops.shape(images)

    def to_pixels(row: Any, extent: Any) -> list[Any]:
        """Return what gives the stored column (or row) from an output pixel's column and row and from 1."""
        half = ops.cast(extent, "float32") / 2
        # The centre of output pixel i lies at (2 i + 1) / size - 1.
        constant = (row[:, 0] + row[:, 1]) * (1 / size - 1) + row[:, 2] + 1
        return [row[:, 0] * (2 / size) * half, row[:, 1] * (2 / size) * half, constant * half - 0.5]

    matrices = ops.convert_to_tensor(matrices)
    nothing = ops.zeros_like(matrices[:, 0, 0])
    rows = [*to_pixels(matrices[:, 0], width), *to_pixels(matrices[:, 1], height)]
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=ops.expand_dims(images, -1),
        transforms=ops.stack([*rows, nothing, nothing], axis=1),
        output_shape=(size, size),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return warped[..., 0]


def network_input(images: Any, matrices: Any, size: int) -> Any:
    """Scale to [-1, 1], warp and repeat the gray image three times: the network's input (paper, section IV-A).

    Args:
        images: uint8 (batch, height, width).
        matrices: float32 (batch, 2, 3), see the module's text.
        size: height and width of the result, pixels.

    Returns:
        float32 (batch, size, size, 3).
    """
    from keras import ops

    # Scaled before the warp, where there are fewer pixels.
    gray = warp(ops.cast(images, "float32") / 127.5 - 1, matrices, size)
    return ops.repeat(ops.expand_dims(gray, -1), 3, axis=-1)


def plain_input(images: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Return the network's input of images that are only scaled, (n, size, size, 3)."""
    from keras import ops

    found = ops.convert_to_numpy(network_input(images, identity_matrices(len(images)), size))
    return np.array(found, np.float32)
