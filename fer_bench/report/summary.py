"""The head of a report: what was run, what was not, the best models, accuracy beside chance."""

import math
from collections.abc import Iterator

import numpy as np

from fer_bench import metrics, paper
from fer_bench.models import model_title
from fer_bench.records import EvalRecord
from fer_bench.report.document import Bullets, Element, Heading, Paragraph
from fer_bench.selection import CROSS_TEST, Block, Evidence
from fer_bench.tables.accuracy import accuracies
from fer_bench.tables.complexity import PAPER_RUNTIME, seconds
from fer_bench.tables.notes import SYNTHETIC_NOTE
from fer_bench.tables.values import Cell, Column, Grid, Number, Row, Text, mark_best, mean_of

HANDICAPPED = "mobilenetv2"
"""The paper's MobileNetV2, whose seven-way layer sits on a 1000-way softmax (Table 6's parameter count)."""
STUCK = 0.75
"""Share of ln 7, the loss of guessing, above which a training loss has hardly fallen."""


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
        runs = sum(len(block.seeds(model)) for model in trained)
        yield (
            f"{paper.DATASET_TITLES[dataset]}: {_titles(trained)}; {runs} {'run' if runs == 1 else 'runs'} of the "
            f"recipe {block.recipe} on {block.backend}."
        )
    if evidence.latency:
        latency = evidence.latency
        yield f"Complexity and inference time: {_titles(list(latency.profiles))}; session {latency.session}."
        for runtime, record in latency.statistics.items():
            yield f"ANOVA of the inference times: {runtime}, {len(record.models)} models."


def _not_run(evidence: Evidence) -> Iterator[str]:
    for dataset in paper.TRAINED_ON:
        block = evidence.blocks.get(dataset)
        title = paper.DATASET_TITLES[dataset]
        if block is None:
            yield f"{title}: nothing was trained on it."
            continue
        untrained = [model for model in paper.MODELS if not block.seeds(model)]
        if untrained:
            yield f"{title}: {_titles(untrained)} not trained."
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
        yield "Repeated runs: each result is of one seed, so that the variation between runs is not known."


def _tests(evidence: Evidence) -> Iterator[tuple[Block, str]]:
    for dataset, block in evidence.blocks.items():
        for target in (dataset, CROSS_TEST):
            if any(block.tested(model, target) for model in block.models):
                yield block, target


def _best(evidence: Evidence) -> Grid:
    columns = [Column(name, text=True) for name in ("Trained on", "Tested on", "Best model")]
    columns += [Column("Accuracy (%)"), Column("Models tested")]
    if not evidence.synthetic:
        columns += [Column("Published best", text=True), Column("Published (%)")]
    rows: list[Row] = []
    for block, target in _tests(evidence):
        scores = {m: s for m in block.models if (s := accuracies(evidence, block.dataset, m, target))}
        highest = max(float(np.mean(values)) for values in scores.values())
        first = [model for model, values in scores.items() if float(np.mean(values)) == highest]
        row: list[Cell] = [Text(paper.DATASET_TITLES[block.dataset]), Text(paper.DATASET_TITLES[target])]
        row += [Text(_titles(first)), mean_of(scores[first[0]], decimals=1, scale=100)]
        row.append(Number(value=len(scores), decimals=0))
        if not evidence.synthetic:
            printed = paper.accuracies(block.dataset, target)
            top = max(printed.values())
            row.append(Text(_titles([model for model in paper.MODELS if printed[model] == top])))
            row.append(Number(value=top, decimals=0))
        rows.append(tuple(row))
    return Grid("", tuple(columns), tuple(rows))


def beside_chance(evidence: Evidence) -> list[Element]:
    """Return each accuracy beside that of always answering the most frequent class; empty without tests."""
    columns = [Column(name, text=True) for name in ("Trained on", "Tested on", "Model")]
    columns += [Column("Accuracy (%)"), Column("Most frequent class (%)"), Column("Mean per class (%)")]
    columns.append(Column("Reading", text=True))
    rows: list[Row] = []
    for block, target in _tests(evidence):
        group: list[Row] = []
        for model in block.models:
            tested = block.tested(model, target)
            if not tested:
                continue
            balanced = [metrics.balanced_accuracy(record.confusion_matrix) for record in tested]
            group.append(
                (
                    Text(paper.DATASET_TITLES[block.dataset]),
                    Text(paper.DATASET_TITLES[target]),
                    Text(model_title(model)),
                    mean_of([record.accuracy for record in tested], decimals=1, scale=100),
                    Number(value=100 * chance(tested[0]), decimals=1),
                    mean_of(balanced, decimals=1, scale=100),
                    Text(reading(tested)),
                )
            )
        rows += mark_best(mark_best(group, 3), 5)
    if not rows:
        return []
    elements: list[Element] = [
        Heading(2, "Accuracy beside chance"),
        Paragraph(
            "Most frequent class: the accuracy of always answering the most frequent class of the test set. A model "
            "reads as above it where its accuracy exceeds it by more than two standard errors of a proportion. Mean "
            "per class: every class counts the same; guessing gives 14.3 %."
        ),
        Grid("", tuple(columns), tuple(rows)),
    ]
    explanation = _handicap(evidence)
    return [*elements, Paragraph(explanation)] if explanation else elements


def chance(record: EvalRecord) -> float:
    """Return the accuracy, a fraction, of always answering the most frequent class of the test set."""
    return max(map(sum, record.confusion_matrix)) / record.n


def reading(tested: tuple[EvalRecord, ...]) -> str:
    """Return in words whether a model, of one or more runs, does better than always answering one class."""
    if any(sum(map(any, zip(*record.confusion_matrix, strict=True))) == 1 for record in tested):
        return "one answer for every image"
    level = chance(tested[0])
    error = math.sqrt(level * (1 - level) / tested[0].n)
    accuracy = float(np.mean([record.accuracy for record in tested]))
    return "above" if accuracy > level + 2 * error else "not above the most frequent class"


def _handicap(evidence: Evidence) -> str:
    """Return why the paper's MobileNetV2 stays low where it does, with its own training losses as evidence."""
    low = []
    for dataset, block in evidence.blocks.items():
        tested = block.tested(HANDICAPPED, dataset)
        if not tested:
            continue
        means = {m: float(np.mean(s)) for m in paper.MODELS if (s := accuracies(evidence, dataset, m, dataset))}
        histories = [record.history for record in block.trained(HANDICAPPED) if record.history]
        is_lowest = len(means) > 1 and means[HANDICAPPED] == min(means.values())
        # Where its loss did fall, something else keeps it last.
        stuck = not histories or histories[0][-1].loss > STUCK * math.log(7)
        if reading(tested) == "above" and not (is_lowest and stuck):
            continue
        text = paper.DATASET_TITLES[dataset]
        if histories:
            text += f" (training loss from {histories[0][0].loss:.2f} to {histories[0][-1].loss:.2f})"
        low.append(text)
    if not low:
        return ""
    return (
        f"{paper.MODEL_TITLES[HANDICAPPED]} is lowest, or not above the most frequent class, on {', '.join(low)}. "
        "It is the paper's variant, as its 3,511,879 trainable parameters (Table 6) show: the seven-way layer sits on "
        "ImageNet's 1000-way softmax. From a random start those 1000 inputs are about 0.001 each and differ little "
        "from image to image, and gradients through the softmax are small: the loss stays near "
        f"ln 7 = {math.log(7):.2f} for long, and a short run ends there. The model mobilenetv2-canonical has the usual "
        "head on the pooled features."
    )
