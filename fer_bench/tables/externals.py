"""What tables say of models that came from elsewhere as files: nothing about their training was checked."""

from collections.abc import Iterable, Iterator, Sequence

from fer_bench.emotions import EMOTIONS
from fer_bench.models import model_title
from fer_bench.records import EvalRecord, External, ProfileRecord, RobustnessRecord
from fer_bench.selection import Evidence

DIGITS = 12
"""Hexadecimal digits of a file's SHA-256 that a note prints."""


def tested_externals(evidence: Evidence, targets: Sequence[str]) -> list[EvalRecord]:
    """Return the tests of external models that a table shows; an empty target means each block's own test set."""
    found = [
        record
        for dataset, block in evidence.blocks.items()
        for target in targets
        for record in block.external(target or dataset)
    ]
    return found + [record for record in evidence.elsewhere if record.target in targets]


def external_notes(records: Iterable[EvalRecord | ProfileRecord | RobustnessRecord]) -> Iterator[str]:
    """Yield one note for each external model among some records."""
    known = {record.model: record.external for record in records if record.external}
    for model, external in sorted(known.items()):
        yield f"† {model_title(model)}: {external_words(external)}"


def external_words(external: External) -> str:
    """Return what is known of an external model, and that its training was not checked."""
    said = f"trained on {external.trained_on}, its author says" if external.trained_on else "training data not stated"
    dropped = [label for label in external.labels if label not in EMOTIONS]
    rest = ""
    if dropped:
        rest = f" Dropped from its {len(external.labels)} outputs, the rest summing to 1 again: {', '.join(dropped)}."
    # Only a profile says how parameters were counted.
    counted = (
        f" Parameters: {external.parameters}. GFLOPs: biases of folded batch norms counted, up to 1.5 % more where "
        "tried."
        if external.parameters
        else ""
    )
    return (
        f"external ONNX model (sha256 {external.sha256[:DIGITS]}), {said}; training data and protocol are its author's "
        f"and were not checked, so that it may have seen test images. Input {external.input}.{rest}{counted}"
    )
