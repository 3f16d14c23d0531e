"""The table of accuracy on corrupted pictures, which the paper does not have."""

from collections.abc import Iterator, Sequence

from fer_bench import paper
from fer_bench.accuracy.intervals import Estimate
from fer_bench.models import model_title
from fer_bench.records import EXTERNAL
from fer_bench.robustness.summary import Robustness, RobustnessBlock, difference, interval, robustness_blocks, untrained
from fer_bench.selection import Evidence
from fer_bench.tables.chance import is_above
from fer_bench.tables.externals import external_notes
from fer_bench.tables.notes import BEYOND, SEEDS_NOTE, SHORT, SYNTHETIC_NOTE
from fer_bench.tables.values import Cell, Column, Grid, Missing, Number, Range, Row, Table, Text, best_of, mean_of

SLUG = "robustness"
_ROWS = (
    "Every test image was answered as it is, and under each corruption with five severities; a row of a corruption is "
    "the mean over its severities."
)
_UNTRAINED = "Models were not trained for it."
_TRAINED = "Models were not trained for it, but for the corruptions marked so: some of their training images had them."
_SAME = (
    "All of them saw the same pictures; the interval is over the images (over subjects where the dataset names them), "
    "not over seeds. Differences from the model with the highest mean are taken image by image."
)
_LOST = (
    "Lost: accuracy on the pictures as they are, less the mean of the corruptions. A model that always gives the same "
    "answer loses nothing."
)


def robustness_table(evidence: Evidence) -> Table:
    """Return the table of the tests on corrupted pictures, a grid for each recipe and test set."""
    from fer_bench.corruptions import CORRUPTIONS, PROTOCOL

    found = robustness_blocks(evidence.robustness)
    training = _TRAINED if any(block.trained_on for block in found) else _UNTRAINED
    notes = [
        f"{_ROWS} {training} {_SAME}",
        _LOST,
        SEEDS_NOTE,
        *map(_made_from, found),
        *external_notes(evidence.robustness),
    ]
    if all(model.first.protocol == PROTOCOL for block in found for model in block.models):
        strengths = "; ".join(
            f"{name}: {one.about} ({', '.join(f'{value:.3g}' for value in one.strengths)})"
            for name, one in CORRUPTIONS.items()
        )
        notes.append(f"The corruptions, with their strengths from severity 1 to 5: {strengths}.")
    if evidence.synthetic:
        notes.insert(0, SYNTHETIC_NOTE)
    title = "Accuracy on corrupted pictures, percent"
    grids = [grid for block in found for grid in (_grid(block), *_differences(block))]
    return Table(0, title, evidence.synthetic, tuple(grids), tuple(notes), SLUG)


def _grid(block: RobustnessBlock) -> Grid:
    names = block.first.corruptions
    models = block.models
    rows: list[Row] = [
        _row("as they are", [one.clean for one in models]),
        *(_row(block.marked(name), [one.under(name) for one in models]) for name in names),
    ]
    never = [place for place, one in enumerate(models) if not is_above([run.confusion_matrix for run in one.runs])]
    rest = untrained(models)
    for title, some in (("mean of the corruptions", names), ("mean of those not trained on", rest)):
        if some:
            rows.append(_row(title, [one.mean_under(some) for one in models]))
            rows.append((Text("its 95 % interval"), *(_range(interval(one, some)) for one in models)))
    rows = [(row[0], *best_of(row[1:], never=never)) for row in rows]  # Intervals have no best one.
    rows.append(_row("lost, points", [one.lost for one in models]))
    columns = (Column("Pictures", text=True), *(Column(_model(one)) for one in models))
    return Grid(_title(block), columns, tuple(rows))


def _differences(block: RobustnessBlock) -> Iterator[Grid]:
    """Yield how the other models differ from the one with the highest mean, image by image."""
    best = max(block.models, key=lambda one: interval(one).value)
    others = [one for one in block.models if one is not best]
    if not others:
        return
    rows: list[Row] = []
    rest = untrained(block.models)
    groups = ["as they are", "mean of the corruptions", *(["mean of those not trained on"] if rest else []), "lost"]
    for one in others:
        means = difference(one, best, rest).means
        rows.append((Text(_model(one)), *(cell for part in means for cell in (_points(part), _range(part)))))
    columns = [Column(title, group=group) for group in groups for title in ("points", "95 % interval")]
    yield Grid(f"{_title(block)}: less {_model(best)}", (Column("Model", text=True), *columns), tuple(rows))


def _points(found: Estimate) -> Cell:
    return Number(value=100 * found.value, decimals=1, signed=True)


def _row(name: str, values: Sequence[Sequence[float]]) -> Row:
    return Text(name), *(mean_of(runs, decimals=1, scale=100) for runs in values)


def _range(found: Estimate) -> Cell:
    return Range(low=100 * found.low, high=100 * found.high, decimals=1) if found.known else Missing()


def _model(one: Robustness) -> str:
    return f"{model_title(one.first.model)} {BEYOND}" if one.first.external else model_title(one.first.model)


def _title(block: RobustnessBlock) -> str:
    trained, tested = (paper.DATASET_TITLES.get(name, name) for name in (block.dataset, block.target))
    if block.dataset == EXTERNAL:
        return ", ".join([f"{tested} test set", "external models", *block.apart])
    where = f"{tested} test set" if trained == tested else f"trained on {trained}, tested on {tested}"
    return ", ".join([where, f"recipe {block.recipe}", *block.apart])


def _made_from(block: RobustnessBlock) -> str:
    first = block.first
    own = [one for one in block.models if not one.first.external]
    runs = [f"{model_title(one.first.model)} seed {', '.join(str(run.seed) for run in one.runs)}" for one in own]
    backend = [f"backend {first.backend}"] if own else []
    parts = [f"{first.n:,} images", f"state {first.target_fingerprint[:SHORT]}", *backend, *runs]
    return f"{_title(block)}: {'; '.join([*parts, f'corruptions {first.protocol}'])}."
