"""One test image under every corruption and severity, as a picture to look at."""

from pathlib import Path
from typing import Any

import numpy as np

from fer_bench.contact_sheet import in_font, shortened
from fer_bench.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from fer_bench.datasets.prepared import Prepared
from fer_bench.figures.style import WIDTH, styled
from fer_bench.files import replacing

_ACROSS = 2
"""Corruptions side by side."""


def draw_corrupted(prepared: Prepared, path: Path, *, seed: int = 0) -> None:
    """Write a picture of one test image at its stored size: a row a corruption, from as it is to severity 5.

    Args:
        prepared: the dataset.
        path: of the PNG; written whole or not at all.
        seed: draws the image.

    Raises:
        FerBenchError: the dataset has no test images.
    """
    from matplotlib.figure import Figure

    prepared.require_test_images()
    row = np.random.default_rng(seed).choice(prepared.indices("test"))
    image, image_id = np.asarray(prepared.images[row]), str(prepared.ids[row])
    lines, columns = -(-len(CORRUPTIONS) // _ACROSS), 1 + SEVERITIES
    synthetic = " (synthetic faces)" if prepared.origin == "synthetic" else ""
    title = f"{prepared.title}{synthetic}, {shortened(image_id)}: as it is, then severity 1 to {SEVERITIES}"
    line = 0.25 + WIDTH / (columns + 0.5)
    with styled():
        figure = Figure(figsize=(_ACROSS * WIDTH, 0.4 + line * lines), layout="constrained")
        figure.suptitle(in_font(title))
        blocks: Any = figure.subfigures(1, _ACROSS)
        for block, parts in enumerate(blocks):
            names = list(CORRUPTIONS)[block * lines : (block + 1) * lines]
            axes = parts.subplots(lines, columns, squeeze=False)
            for axis in axes.flat:
                axis.set_axis_off()
            for name, drawn in zip(names, axes, strict=False):
                drawn[0].set_title(name, loc="left")
                for severity, axis in enumerate(drawn):
                    picture = corrupted(image, name, severity, image_id)
                    axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=100, metadata={"Software": None})
