"""Files for the benchmarks: a few drawn faces, written many times under different names."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_bench.datasets.card import DatasetCard
from fer_bench.datasets.folder_card import load_card
from fer_bench.datasets.synthetic import action_units, draw_identity, draw_view, render
from fer_bench.emotions import EMOTIONS

DISTINCT = 70


def draw(size: int, *, gray: bool) -> list[NDArray[np.uint8]]:
    """Return drawn faces with a camera's noise, uint8, (size, size) or (size, size, 3)."""
    faces = []
    for index in range(DISTINCT):
        rng = np.random.default_rng([size, index])
        units = action_units(EMOTIONS[index % len(EMOTIONS)], rng)
        image = render(draw_identity(rng), units, draw_view(rng), size, gray=gray).image
        faces.append(np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8))
    return faces


def write_jpegs(root: Path, count: int, size: int, *, gray: bool) -> list[str]:
    """Write ``count`` JPEG files in class folders of train/ and test/ below ``root``; return their paths."""
    encoded = [
        cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for face in draw(size, gray=gray)
    ]
    paths = []
    for split in ("train", "test"):
        for emotion in EMOTIONS:
            (root / split / emotion).mkdir(parents=True)
    for index in range(count):
        split = "test" if index % 5 == 4 else "train"
        path = root / split / EMOTIONS[index % len(EMOTIONS)] / f"{index:06d}.jpg"
        path.write_bytes(encoded[index % DISTINCT])
        paths.append(str(path))
    return paths


def folder_card(root: Path, size: int) -> DatasetCard:
    """Return the card of such a folder, with images stored at ``size`` x ``size``."""
    path = root / "card.toml"
    path.write_text(
        f'name = "faces"\nsize = [{size}, {size}]\n\n[splits]\ntrain = "train"\ntest = "test"\n', encoding="utf-8"
    )
    return load_card(path)


def write_table(path: Path, count: int) -> None:
    """Write ``count`` rows in the form of fer2013.csv."""
    texts = [" ".join(map(str, face.ravel().tolist())) for face in draw(48, gray=True)]
    with path.open("w", encoding="ascii", newline="\n") as stream:
        stream.write("emotion,pixels,Usage\n")
        for index in range(count):
            usage = "PublicTest" if index % 10 == 8 else "PrivateTest" if index % 10 == 9 else "Training"
            stream.write(f"{index % 7},{texts[index % DISTINCT]},{usage}\n")
