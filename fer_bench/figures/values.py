"""What every figure has: a name, a title, a caption, the values that it draws, and how numbers are held."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_bench import paper
from fer_bench.models import built_in_cards, model_title
from fer_bench.render.text import plain
from fer_bench.selection import Block, Evidence, in_order
from fer_bench.tables.notes import seeds_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIGITS = 6
"""Significant digits of every number that is drawn: more than an eye can see, fewer than machines disagree about."""


@dataclass(frozen=True, kw_only=True)
class Drawing(ABC):
    """A figure as values. A kind of figure adds its own fields; equal values draw the same picture."""

    name: str
    """File name without its ending."""
    title: str
    """Above the panels; says so where the faces are synthetic."""
    caption: str
    """What it shows, how to read it and what it was made from, as plain text."""

    @abstractmethod
    def draw(self) -> "Figure":
        """Return the figure; imports matplotlib."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model as figures show it."""

    name: str
    title: str
    place: int
    """In the order of colours, markers and hatches: the same in every figure."""


def rounded(value: float) -> float:
    """Return a finite number with :data:`DIGITS` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def drawable(value: float) -> float | None:
    """Return as :func:`rounded`, ``None`` where nothing can be drawn: a loss that is not finite."""
    return rounded(value) if math.isfinite(value) else None


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one number: exactly rounded, so the same on every machine."""
    return math.fsum(values) / len(values)


def models_of(evidence: Evidence, *, others: bool = False) -> list[Model]:
    """Return every model with a record: the paper's three, then the others by name, as the tables list them.

    Args:
        evidence: what is shown.
        others: also models of which the tables show no run.
    """
    shown = {record.model for block in evidence.blocks.values() for record in (*block.evals, *block.trains)}
    shown |= set(evidence.profiles)
    found = shown | {runs.model for runs in evidence.others} | {test.model for test in evidence.robustness}
    ordered = in_order(found)
    known = list(dict.fromkeys((*paper.MODELS, *built_in_cards())))
    # The look of fer-bench's own models does not depend on which of them were run.
    places = [*known, *(name for name in ordered if name not in known)]
    return [
        Model(name=name, title=plain(model_title(name)), place=places.index(name))
        for name in ordered
        if others or name in shown
    ]


def dataset_title(name: str) -> str:
    """Return a dataset's title, its name where it is not one of the paper's."""
    return plain(paper.DATASET_TITLES.get(name, name))


def marked(evidence: Evidence, title: str) -> str:
    """Return a title that says so where the faces are synthetic."""
    return f"{title} (synthetic faces, demo)" if evidence.synthetic else title


def test_set(target: str) -> str:
    """Return e.g. ``FER-2013 test set``."""
    return f"{dataset_title(target)} test set"


def tested_on(trained: str, target: str) -> str:
    """Return what a title says of a test, e.g. ``FER-2013 test set``, ``trained on FER-2013, tested on CK+``."""
    if trained == target:
        return test_set(target)
    return f"trained on {dataset_title(trained)}, tested on {dataset_title(target)}"


def targets_of(block: Block) -> list[str]:
    """Return what the models of a block were tested on: the own test set, then the paper's datasets, then others."""
    found = {record.target for record in block.evals}
    known = list(dict.fromkeys((block.dataset, *paper.DATASET_TITLES)))
    return [*(name for name in known if name in found), *sorted(found - set(known))]


def made_from(block: Block) -> str:
    """Return recipe, backend and seeds of a block in one sentence."""
    trained = (
        f"Trained on {dataset_title(block.dataset)} by the recipe {plain(block.recipe)} on {plain(block.backend)}, "
        f"{plain(seeds_of(block))}."
    )
    outside = dict.fromkeys(record.model for record in block.external())
    names = ", ".join(plain(model_title(model)) for model in outside)
    told = f"External, their training data and protocol their authors' and not checked: {names}."
    return " ".join([*([trained] if block.recipe else []), *([told] if outside else [])])
