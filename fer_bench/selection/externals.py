"""Where the tests of external models are shown: beside fer-bench's own on the same images."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from fer_bench import paper, records
from fer_bench.errors import FerBenchError
from fer_bench.records import EvalRecord, ProfileRecord, RobustnessRecord
from fer_bench.selection.evidence import Block, place_of


def shown_in(record: EvalRecord, dataset: str) -> bool:
    """Return whether the test of an external model belongs to the block of a training dataset.

    On that dataset's own test set it does, whatever it was trained on; on another, such as CK+, only where its author
    says that it was trained on this dataset. Nobody has checked that.
    """
    return record.target == dataset or (record.target not in paper.TRAINED_ON and said_dataset(record) == dataset)


def said_dataset(record: EvalRecord) -> str | None:
    """Return which of the paper's datasets alone an external model is said to be trained on; ``None`` where none."""
    said = record.external.trained_on.strip().lower() if record.external else ""
    return next((name for name in paper.TRAINED_ON if said in (name, paper.DATASET_TITLES[name].lower())), None)


def elsewhere(externals: Sequence[EvalRecord]) -> tuple[EvalRecord, ...]:
    """Return the tests that belong to no training dataset's block, by model and test set.

    Raises:
        FerBenchError: they are of different states of a test set.
    """
    found = [record for record in externals if not any(shown_in(record, dataset) for dataset in paper.TRAINED_ON)]
    for record in found:
        _require_one_state("external models", record, found)
    return tuple(sorted(found, key=lambda record: (place_of(record.model), record.target)))


def with_externals(dataset: str, block: Block | None, externals: Sequence[EvalRecord]) -> Block | None:
    """Return a block with the tests of external models that belong to it; one of them alone where there is none.

    Raises:
        FerBenchError: an external model was tested on another state of a test set than the block's own models.
    """
    own = [record for record in externals if shown_in(record, dataset)]
    if not own:
        return block
    if block is None:
        block = Block(dataset=dataset, recipe="", backend="", fingerprint="", evals=(), trains=())
    for record in own:
        _require_one_state(dataset, record, (*block.evals, *own))
    evals = sorted((*block.evals, *own), key=lambda record: (place_of(record.model), record.target, record.seed))
    return dataclasses.replace(block, evals=tuple(evals))


def _require_one_state(where: str, record: EvalRecord, others: Sequence[EvalRecord]) -> None:
    states = {other.target_fingerprint for other in others if other.target == record.target}
    if len(states) > 1:
        raise FerBenchError(
            f"{where}: {record.model} and others were tested on {len(states)} different states of {record.target}, "
            "and no table may mix them; evaluate all on the dataset as it is prepared now"
        )


def require_one_file(
    folder: Path, tests: Sequence[EvalRecord | RobustnessRecord], profiles: Sequence[ProfileRecord]
) -> None:
    """Refuse results of two files, or of one that was fed in two ways, under the name of one external model.

    Args:
        folder: of the records, for the message.
        tests: of external models.
        profiles: those of external models are looked at.

    Raises:
        FerBenchError: there are such results.
    """
    first: dict[str, EvalRecord | RobustnessRecord | ProfileRecord] = {}
    found: list[EvalRecord | RobustnessRecord | ProfileRecord] = [*tests, *profiles]
    for record in found:
        if record.external is None:
            continue
        other = first.setdefault(record.model, record)
        assert other.external is not None
        if isinstance(record, ProfileRecord) or isinstance(other, ProfileRecord):
            same = (other.external.sha256, other.external.input) == (record.external.sha256, record.external.input)
        else:  # A recipe stands for these, and for the order of the labels, too.
            same = other.recipe == record.recipe
        if not same:
            raise FerBenchError(
                f"{records.path_of(folder, record)}: the external model {record.model} is another one in "
                f"{records.path_of(folder, other).relative_to(folder)}; remove one of the records"
            )
