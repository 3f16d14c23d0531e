"""Every run on one test set, a dot each: what the tables show beside what they leave out."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_bench.figures.style import WIDTH, canvas, marker_style
from fer_bench.figures.values import Drawing, Model, marked, mean, models_of, rounded, targets_of, tested_on
from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.render.text import plain
from fer_bench.selection import Evidence
from fer_bench.tables.notes import SHORT, start_kinds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREFIX = "runs-"
_MOST = 40
"""Rows of a page."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The runs of one model by one recipe; percent."""

    model: Model
    recipe: str
    beside: str
    """The start, ``random`` or ``ImageNet``, and backend or state of the datasets where rows differ in these; empty for
    an external model."""
    accuracies: tuple[float, ...]
    """In the order of the seeds."""
    mean: float


@dataclass(frozen=True, kw_only=True)
class AllRuns(Drawing):
    """A row for each model and recipe, the best mean first."""

    rows: tuple[Runs, ...]

    def draw(self) -> "Figure":
        """Return the figure."""
        figure, axes = canvas(self, (1, 1), (WIDTH, 0.85 + 0.21 * len(self.rows)))
        axis = axes[0, 0]
        for place, row in enumerate(self.rows):
            dot: dict[str, Any] = {**marker_style(row.model), "markersize": 5}
            axis.plot(row.accuracies, [place] * len(row.accuracies), alpha=0.85, clip_on=False, **dot)
            if len(row.accuracies) > 1:
                axis.plot([row.mean] * 2, [place - 0.33, place + 0.33], color="black", linewidth=1.2)
        axis.set_yticks(range(len(self.rows)), [_label(row) for row in self.rows], linespacing=0.95)
        axis.set_ylim(len(self.rows) - 0.4, -0.6)
        axis.set_xlabel("Accuracy (%)")
        return figure


def runs(evidence: Evidence) -> Iterator[AllRuns]:
    """Yield a figure for each training dataset and test set of which the tables do not show every run."""
    known = {model.name: model for model in models_of(evidence, others=True)}
    for dataset in dict.fromkeys(other.dataset for other in evidence.others):
        block = evidence.blocks.get(dataset)
        others = [other for other in evidence.others if other.dataset == dataset]
        shown = targets_of(block) if block else []
        for target in dict.fromkeys((*shown, *(name for other in others for name in other.targets))):
            groups = [
                (known[other.model], other.recipe, tuple(test for test in other.evals if test.target == target))
                for other in others
            ]
            groups += (
                [(known[model], block.recipe, block.tested(model, target)) for model in block.models] if block else []
            )
            trains = [run for other in others for run in other.trains] + list(block.trains if block else ())
            found = sorted(
                _rows([group for group in groups if group[2]], {run.cell_id: run for run in trains}),
                key=lambda row: (-row.mean, row.model.place, row.recipe, row.beside),
            )
            if len(found) < 2:
                continue
            what = "every run" if len(found) <= _MOST else f"runs, the {_MOST} best of {len(found)} rows"
            yield AllRuns(
                name=f"{PREFIX}{dataset}-on-{target}",
                title=marked(evidence, f"{what[0].upper()}{what[1:]}, {tested_on(dataset, target)}"),
                caption=f"Accuracy of {what}, with its recipe and its start: a mark is a run (seed), a line the mean "
                "of several. Rows of different recipes differ in more than the model, and runs of one seed each by "
                "chance as well: fer-bench compare gives intervals.",
                rows=tuple(found[:_MOST]),
            )


def _rows(
    groups: Sequence[tuple[Model, str, tuple[EvalRecord, ...]]], trains: Mapping[str, TrainRecord]
) -> Iterator[Runs]:
    """Yield a row for each group; what the recipe does not tell apart is named beside it."""
    states = {state for _, _, tests in groups for state in _states(tests)}
    names = Counter((model.name, recipe) for model, recipe, _ in groups)
    for model, recipe, tests in groups:
        kinds = {trains[test.cell_id].start.kind for test in tests if test.cell_id in trains}
        beside = [start_kinds(kinds)]
        if names[model.name, recipe] > 1:
            beside.append(" and ".join(sorted({test.backend for test in tests})))
        if len(states) > 1:
            beside += [f"dataset {state}" for state in sorted(_states(tests))]
        accuracies = [100 * test.accuracy for test in tests]
        yield Runs(
            model=model,
            recipe=plain(recipe),
            beside=", ".join(filter(None, beside)),
            accuracies=tuple(map(rounded, accuracies)),
            mean=rounded(mean(accuracies)),
        )


def _states(tests: Iterable[EvalRecord]) -> set[str]:
    """Return the states of the datasets that runs were trained and tested on, as the report names them."""
    return {
        " to ".join(dict.fromkeys(one[:SHORT] for one in (test.dataset_fingerprint, test.target_fingerprint)))
        for test in tests
        if test.external is None
    }


def _label(row: Runs) -> str:
    # Two lines fit the height of a row; a longer one would leave the marks no width.
    return textwrap.fill(", ".join(filter(None, (row.model.title, row.recipe, row.beside))), 60)
