"""How long an epoch will take, told from epochs that have been trained."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from fer_bench.grid import Cell
from fer_bench.records import Epoch


@dataclass(frozen=True)
class EpochTime:
    """How long an epoch of one run takes."""

    model: str
    dataset: str
    recipe: str
    """Its id."""
    images: int
    """That an epoch goes through, validation included."""
    seconds: float

    @classmethod
    def of(cls, model: str, dataset: str, recipe: str, images: int, history: Sequence[Epoch]) -> Self:
        """Return the time from what the epochs so far took, at least one.

        The median, on which one with a pause of the machine has no say; without the first, which compiles, where there
        are others.
        """
        measured = history[1:] or history
        return cls(model, dataset, recipe, images, statistics.median(epoch.seconds for epoch in measured))


def expected_seconds(cell: Cell, images: int, known: Sequence[EpochTime]) -> tuple[float | None, bool]:
    """Return the seconds that an epoch of a run will take, and whether they are scaled from other runs.

    What is most alike counts: runs of the same model and recipe on a dataset of that name and size; else of the same
    model and recipe on others, else of other models by the recipe, both scaled by the number of images. ``None`` where
    there is neither.

    Args:
        cell: the run.
        images: that an epoch of it goes through, validation included.
        known: times of other runs, or of earlier epochs of this one.
    """
    by_recipe = [item for item in known if item.recipe == cell.recipe.id]
    of_model = [item for item in by_recipe if item.model == cell.model]
    # The same name may have been that of a smaller copy, such as a part of the files for a trial.
    same = [item.seconds for item in of_model if (item.dataset, item.images) == (cell.dataset, images)]
    if same:
        return statistics.median(same), False
    an_image = [item.seconds / item.images for item in of_model or by_recipe if item.images]
    return (statistics.median(an_image) * images, True) if an_image else (None, True)
