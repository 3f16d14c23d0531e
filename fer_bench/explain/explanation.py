"""What trained models look at in test images: of some images each, of many on the average."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_bench import augmentation
from fer_bench.datasets.prepared import Prepared
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.explain.gradcam import BATCH, GradCam, Heat
from fer_bench.explain.place import Place, enlarged, place
from fer_bench.grid import Cell
from fer_bench.models import model_card
from fer_bench.progress import unheard
from fer_bench.records import Origin, TrainRecord
from fer_bench.stages import Networks
from fer_bench.workspace import Workspace

Of = Literal["predicted", "true"]
"""Whose evidence is shown: that of the predicted class, or of the true one."""
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Answer:
    """One model's answer to one image."""

    probabilities: tuple[float, ...]
    """In the order of :data:`fer_bench.emotions.EMOTIONS`."""
    explained: int
    """Class whose evidence the heat is."""
    heat: NDArray[np.float32]
    """(size, size) in [0, 1]."""
    place: Place | None
    """Of the heat; ``None`` where there is none."""

    @property
    def predicted(self) -> int:
        """Class index."""
        return int(np.argmax(self.probabilities))


@dataclass(frozen=True)
class Sample:
    """One test image and every model's answer to it."""

    id: str
    true: int
    picture: NDArray[np.uint8]
    """(size, size), as the network gets it."""
    answers: tuple[Answer, ...]
    """In the order of the models."""


@dataclass(frozen=True)
class MeanHeat:
    """The mean of the heat maps of one class's images."""

    images: int
    right: int
    """Images that the model answers rightly."""
    cold: int
    """Images without heat: nothing in them speaks for the class explained. They count as 0 everywhere."""
    heat: NDArray[np.float32]
    """(size, size) in [0, 1]; 0 where there are no images."""
    place: Place | None


@dataclass(frozen=True)
class Looked:
    """One model."""

    run: TrainRecord
    title: str
    layer: str
    """Whose output is the feature map."""
    grid: tuple[int, int]
    """Height and width of the feature map: how finely heat is known."""
    means: tuple[MeanHeat, ...]
    """One a class, in the order of the classes; none where none were asked for."""


@dataclass(frozen=True)
class Explanation:
    """What some models look at."""

    target: str
    """Dataset whose test images these are."""
    title: str
    origin: Origin
    of: Of
    models: tuple[Looked, ...]
    samples: tuple[Sample, ...]


def drawn(prepared: Prepared, draw: int) -> list[NDArray[np.intp]]:
    """Return the rows of each class's test images in a random order that ``draw`` decides."""
    rows = prepared.indices("test")
    labels = prepared.labels[rows]
    return [np.random.default_rng([draw, label]).permutation(rows[labels == label]) for label in range(len(EMOTIONS))]


def rows_of(prepared: Prepared, ids: Sequence[str]) -> NDArray[np.intp]:
    """Return the rows of test images by their ids, in the order given.

    Raises:
        FerBenchError: no image has the id, or it is no test image; an id twice.
    """
    position = {str(name): row for row, name in enumerate(prepared.ids)}
    found = []
    for name in ids:
        row = position.get(name)
        if row is None:
            example = prepared.ids[prepared.indices("test")[0]]
            raise FerBenchError(
                f"{prepared.dataset} has no image {name!r}; expected an id of {prepared.folder / 'samples.csv'}, such "
                f"as {str(example)!r}"
            )
        if prepared.splits[row] != "test":
            raise FerBenchError(
                f"{prepared.dataset}: image {name!r} is in the split {str(prepared.splits[row])!r}; "
                "expected a test image"
            )
        found.append(row)
    if len(set(found)) != len(found):
        raise FerBenchError(f"{', '.join(ids)}: an image is named twice")
    return np.array(found, np.intp)


def explain(
    workspace: Workspace,
    trained: Sequence[tuple[Cell, TrainRecord]],
    target: Prepared,
    *,
    ids: Sequence[str] = (),
    draw: int = 0,
    each: int = 50,
    of: Of = "predicted",
    on_progress: OnProgress = unheard,
) -> Explanation:
    """Explain the answers of trained models to test images.

    Args:
        workspace: where the weights are.
        trained: cells of the same image size, with the records of their runs.
        target: dataset whose test images are taken.
        ids: of the images that are shown; without any, one of each class.
        draw: decides which images are taken.
        each: images of each class that the mean is over; fewer where the class has fewer; 0 leaves the means out.
        of: whose evidence.
        on_progress: called when a model is begun and after each batch with the model's name and the images done, of
            all models, and in total.

    Raises:
        FerBenchError: no test images or not that id, real and synthetic mixed, weights that are not the record's, a
            model that Grad-CAM cannot be made of (see :class:`fer_bench.explain.gradcam.GradCam`).
    """
    for cell, run in trained:
        model_card(cell.model)
        if run.origin != target.origin:
            raise FerBenchError(
                f"{run.model} was trained on {run.origin} {run.dataset}, and this {target.dataset} is {target.origin}: "
                "real and synthetic data are never mixed; use separate workspaces"
            )
    target.require_test_images()
    orders = drawn(target, draw)
    shown = rows_of(target, ids) if ids else np.array([order[0] for order in orders if order.size], np.intp)
    rows = np.unique(np.concatenate([shown, *(order[:each] for order in orders)]))
    size = trained[0][0].recipe.image_size
    networks = Networks()
    looked: list[Looked] = []
    answers: list[list[Answer]] = []

    def tell(images: int) -> None:
        on_progress(trained[len(looked)][0].model, len(looked) * len(rows) + images, len(trained) * len(rows))

    for cell, run in trained:
        tell(0)
        network = networks.of(cell)
        network.load_weights(workspace.weights(cell.id), run.weights_sha256)
        cam = GradCam(network.core, cell.model)
        heat = _heat(cam, target, rows, size, of, tell)
        means = tuple(
            _mean(heat, np.searchsorted(rows, order[:each]), label, size) for label, order in enumerate(orders)
        )
        looked.append(Looked(run, network.card.title, cam.layer, cam.grid, means if each else ()))
        answers.append([_answer(heat, index, size) for index in np.searchsorted(rows, shown)])
        del network, cam
    pictures = augmentation.plain_input(target.at_size(size)[shown], size)
    samples = tuple(
        Sample(
            str(target.ids[row]),
            int(target.labels[row]),
            np.rint((picture[..., 0] + 1) * 127.5).astype(np.uint8),
            tuple(of_model[number] for of_model in answers),
        )
        for number, (row, picture) in enumerate(zip(shown, pictures, strict=True))
    )
    return Explanation(target.dataset, target.title, target.origin, of, tuple(looked), samples)


def _heat(
    cam: GradCam,
    target: Prepared,
    rows: NDArray[np.intp],
    size: int,
    of: Of,
    tell: Callable[[int], None],
) -> Heat:
    images = target.at_size(size)
    parts: list[Heat] = []
    for first in range(0, len(rows), BATCH):
        batch = rows[first : first + BATCH]
        classes = target.labels[batch].astype(np.intp) if of == "true" else None
        parts.append(cam(augmentation.plain_input(images[batch], size), classes))
        tell(first + len(batch))
    return Heat(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.maps for part in parts]),
    )


def _answer(heat: Heat, index: int, size: int) -> Answer:
    large = enlarged(heat.maps[index], size)
    probabilities: Any = tuple(float(value) for value in heat.probabilities[index])
    return Answer(probabilities, int(heat.classes[index]), large, place(large))


def _mean(heat: Heat, indices: NDArray[np.intp], label: int, size: int) -> MeanHeat:
    maps = heat.maps[indices]
    mean = maps.mean(axis=0) if len(maps) else np.zeros(heat.maps.shape[1:], np.float32)
    large = enlarged(mean, size)
    right = int((heat.probabilities[indices].argmax(axis=1) == label).sum())
    return MeanHeat(len(maps), right, int((maps.max(axis=(1, 2)) == 0).sum()) if len(maps) else 0, large, place(large))
