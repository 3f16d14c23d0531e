"""The head of a report: what was run, what was not, the best models, accuracy beside chance."""

import math
from collections.abc import Iterator

import numpy as np

from fer_bench import metrics, paper
from fer_bench.datasets import dataset_card
from fer_bench.emotions import EMOTIONS
from fer_bench.models import model_title
from fer_bench.records import EvalRecord
from fer_bench.report.document import Bullets, Element, Heading, Paragraph
from fer_bench.report.other_runs import OTHER_RUNS
from fer_bench.selection import CROSS_TEST, Block, Evidence
from fer_bench.tables.accuracy import accuracies
from fer_bench.tables.chance import are_above, level
from fer_bench.tables.complexity import PAPER_RUNTIME, seconds
from fer_bench.tables.externals import external_notes, tested_externals
from fer_bench.tables.notes import SYNTHETIC_NOTE, method, one_answer
from fer_bench.tables.protocol import TRAINING_PARTS
from fer_bench.tables.values import Cell, Column, Grid, Missing, Number, Row, Text, mark_best, mean_of

HANDICAPPED = "mobilenetv2"
"""The paper's MobileNetV2: its seven-way layer sits on a 1000-way top (Table 6's parameter count), by Keras' default a
softmax."""
LINEAR = "mobilenetv2-linear"
"""The same network without that softmax."""
STUCK = 0.9
"""Share of the entropy of the classes' frequencies, the loss of guessing by them, above which a training loss has
hardly fallen."""


def summary(evidence: Evidence) -> list[Element]:
    """Return the summary: what was run and what was not, and the best model of each dataset."""
    elements: list[Element] = [Heading(2, "Summary")]
    if evidence.synthetic:
        elements.append(Paragraph(SYNTHETIC_NOTE))
    elements += [Heading(3, "What was run"), Bullets(tuple(_run(evidence)) or ("Nothing: there are no records.",))]
    elements += [Heading(3, "What was not run"), Bullets(tuple(_not_run(evidence)) or ("Nothing is missing.",))]
    best = _best(evidence)
    if best.rows:
        elements += [Heading(3, "Best model of each test"), best]
    return elements


def _titles(models: list[str]) -> str:
    return ", ".join(map(model_title, models))


def _run(evidence: Evidence) -> Iterator[str]:
    for dataset, block in evidence.blocks.items():
        trained = [model for model in block.models if block.seeds(model)]
        if not trained:
            continue
        runs = sum(len(block.seeds(model)) for model in trained)
        yield (
            f"{paper.DATASET_TITLES[dataset]}: {_titles(trained)}; {runs} {'run' if runs == 1 else 'runs'} of the "
            f"recipe {block.recipe} on {block.backend}."
        )
    yield from external_notes(tested_externals(evidence, ("", CROSS_TEST)))
    if evidence.others:
        runs = sum(len(other.trains) for other in evidence.others)
        yield f"In no table, but under {OTHER_RUNS}: {runs} {'run' if runs == 1 else 'runs'}."
    if evidence.latency:
        latency = evidence.latency
        yield f"Complexity and inference time: {_titles(list(latency.profiles))}; session {latency.session}."
        runtimes: dict[int, list[str]] = {}
        for runtime, record in latency.statistics.items():
            runtimes.setdefault(len(record.models), []).append(runtime)
        for models, names in runtimes.items():
            yield f"ANOVA of the inference times of {models} models: {', '.join(names)}."
        if latency.paper_statistics:
            yield f"The same of the paper's models alone: {', '.join(latency.paper_statistics)}."


def _not_run(evidence: Evidence) -> Iterator[str]:
    for dataset in paper.TRAINED_ON:
        block = evidence.blocks.get(dataset)
        title = paper.DATASET_TITLES[dataset]
        if block is None:
            yield f"{title}: nothing was trained on it."
            continue
        untrained = [model for model in paper.MODELS if not block.seeds(model)]
        if untrained:
            by = f" by the recipe {block.recipe}" if block.recipe else ""
            yield f"{title}: {_titles(untrained)} not trained{by}."
        for target in (dataset, CROSS_TEST):
            untested = [m for m in block.models if block.seeds(m) and not block.tested(m, target)]
            if untested:
                yield f"{title}: {_titles(untested)} not tested on {paper.DATASET_TITLES[target]}."
    untimed = [model for model in paper.MODELS if not seconds(evidence, model, PAPER_RUNTIME)]
    if untimed:
        yield f"Inference time ({PAPER_RUNTIME}): {_titles(untimed)}."
    if evidence.latency is None or PAPER_RUNTIME not in evidence.latency.statistics:
        yield f"ANOVA of the inference times ({PAPER_RUNTIME})."
    if evidence.blocks and all(len(b.seeds(m)) < 2 for b in evidence.blocks.values() for m in b.models):
        yield "Repeated runs: each result of the tables is of one seed, which does not tell how far runs vary."


def _tests(evidence: Evidence) -> Iterator[tuple[Block, str]]:
    for dataset, block in evidence.blocks.items():
        for target in (dataset, CROSS_TEST):
            if any(block.tested(model, target) for model in block.models):
                yield block, target


def _best(evidence: Evidence) -> Grid:
    """Return the most accurate model of each test; none where it is not above the most frequent class
    (:func:`fer_bench.tables.chance.is_above`)."""
    columns = [Column(name, text=True) for name in ("Trained on", "Tested on", "Best model")]
    columns += [Column("Accuracy (%)"), Column("Models tested")]
    if not evidence.synthetic:
        columns += [Column("Published best", text=True), Column("Published (%)")]
    rows: list[Row] = []
    for block, target in _tests(evidence):
        # Not those whose training nobody has checked.
        own = [model for model in block.models if block.seeds(model)]
        scores = {m: s for m in own if (s := accuracies(evidence, block.dataset, m, target))}
        if not scores:
            continue
        highest = max(float(np.mean(values)) for values in scores.values())
        first = [model for model, values in scores.items() if float(np.mean(values)) == highest]
        row: list[Cell] = [Text(paper.DATASET_TITLES[block.dataset]), Text(paper.DATASET_TITLES[target])]
        if are_above(block.tested(first[0], target)):
            # A model that nobody competed with is not the best of anything.
            alone = f"{_titles(first)} (the only one tested)" if len(scores) == 1 else _titles(first)
            row += [Text(alone), mean_of(scores[first[0]], decimals=1, scale=100)]
        else:
            row += [Text("none above the most frequent class"), Missing()]
        row.append(Number(value=len(scores), decimals=0))
        if not evidence.synthetic:
            printed = paper.accuracies(block.dataset, target)
            top = max(printed.values())
            row.append(Text(_titles([model for model in paper.MODELS if printed[model] == top])))
            row.append(Number(value=top, decimals=0))
        rows.append(tuple(row))
    return Grid("", tuple(columns), tuple(rows))


def beside_chance(evidence: Evidence) -> list[Element]:
    """Return each accuracy beside that of always answering the most frequent class; empty without tests.

    The highest of a test are bold, but not of a model that is not above that class.
    """
    columns = [Column(name, text=True) for name in ("Trained on", "Tested on", "Model")]
    columns += [Column("Accuracy (%)"), Column("Most frequent class (%)"), Column("Balanced accuracy (%)")]
    columns.append(Column("Reading", text=True))
    rows: list[Row] = []
    for block, target in _tests(evidence):
        group: list[Row] = []
        never: list[int] = []
        for model in block.models:
            tested = block.tested(model, target)
            if not tested:
                continue
            if not are_above(tested):
                never.append(len(group))
            balanced = [metrics.balanced_accuracy(record.confusion_matrix) for record in tested]
            group.append(
                (
                    Text(paper.DATASET_TITLES[block.dataset]),
                    Text(paper.DATASET_TITLES[target]),
                    method(model) if tested[0].external else Text(model_title(model)),
                    mean_of([record.accuracy for record in tested], decimals=1, scale=100),
                    Number(value=100 * level(tested[0].confusion_matrix), decimals=1),
                    mean_of(balanced, decimals=1, scale=100),
                    Text(reading(tested)),
                )
            )
        rows += mark_best(mark_best(group, 3, never=never), 5, never=never)
    if not rows:
        return []
    elements: list[Element] = [
        Heading(2, "Accuracy beside chance"),
        Paragraph(
            "Most frequent class: the accuracy of always answering the most frequent class of the test set. A model "
            "reads as above it where its accuracy exceeds it by more than two standard errors of a proportion. "
            "Balanced accuracy: the mean of the classes' own, in which every class counts the same; guessing gives "
            "14.3 %."
        ),
        Grid("", tuple(columns), tuple(rows)),
    ]
    explanation = _handicap(evidence)
    return [*elements, Paragraph(explanation)] if explanation else elements


def reading(tested: tuple[EvalRecord, ...]) -> str:
    """Return in words whether a model, of one or more runs, does better than always answering one class."""
    if constant := one_answer(tested):
        return constant
    return "above" if are_above(tested) else "not above the most frequent class"


def _handicap(evidence: Evidence) -> str:
    """Return why the paper's MobileNetV2 stays low where it does and its training losses bear it out.

    Only where another of the three models does better than the most frequent class: what fails all of them is not this
    one's head.
    """
    low, linear = [], []
    for dataset, block in evidence.blocks.items():
        tested = block.tested(HANDICAPPED, dataset)
        histories = [record.history for record in block.trained(HANDICAPPED)]
        others = [block.tested(model, dataset) for model in paper.MODELS if model != HANDICAPPED]
        if not tested or not histories or not any(map(are_above, others)):
            continue
        means = {m: float(np.mean(s)) for m in paper.MODELS if (s := accuracies(evidence, dataset, m, dataset))}
        is_lowest = len(means) > 1 and means[HANDICAPPED] == min(means.values())
        entropy = guessing_loss(block)
        if entropy is None:
            continue
        # Where its loss did fall, something else keeps it low.
        stuck = all(history[-1].loss > STUCK * entropy for history in histories)
        if not stuck or (reading(tested) == "above" and not is_lowest):
            continue
        title = paper.DATASET_TITLES[dataset]
        low.append(
            f"{title} (training loss from {histories[0][0].loss:.2f} to {histories[0][-1].loss:.2f}; entropy of the "
            f"classes' frequencies {entropy:.2f})"
        )
        if scores := accuracies(evidence, dataset, LINEAR, dataset):
            linear.append(f"{100 * float(np.mean(scores)):.1f} % on {title}")
    if not low:
        return ""
    without = f" The same network without that softmax ({LINEAR}): {', '.join(linear)}." if linear else ""
    return (
        f"{model_title(HANDICAPPED)} is lowest, or not above the most frequent class, on {', '.join(low)}. It is "
        "Keras' MobileNetV2 with its 1000-way top under a seven-way layer, as the 3,511,879 trainable parameters "
        "(Table 6) show; that the top keeps its softmax, the count does not tell and the paper does not say: it is "
        "Keras' default. From a random start those 1000 inputs are about 0.001 each and differ little from image to "
        "image, and gradients through the softmax are small: the loss stays near the entropy of the classes' "
        f"frequencies for long, and a short run ends there.{without} The model mobilenetv2-canonical has the usual "
        "head on the pooled features."
    )


def guessing_loss(block: Block) -> float | None:
    """Return the cross-entropy, nats, of a network that knows nothing but how frequent the classes are in training.

    The frequencies are those of the dataset's card, of synthetic images those of the test set; balanced training sees
    every class alike. ``None`` for training images that the card does not count: part of a copy, without duplicates.
    """
    first = next(iter(block.trains), None)
    if first is not None and first.recipe_content.get("balance", "none") != "none":
        return math.log(len(EMOTIONS))
    counts = dataset_card(block.dataset).counts[TRAINING_PARTS[block.dataset]]
    tested = next((record for record in block.evals if record.target == block.dataset), None)
    if tested is not None and tested.origin == "synthetic":
        counts = tuple(map(sum, tested.confusion_matrix))
    elif first is not None and first.n_train + first.n_val != sum(counts):
        return None
    shares = [count / sum(counts) for count in counts if count]
    return -sum(share * math.log(share) for share in shares)
