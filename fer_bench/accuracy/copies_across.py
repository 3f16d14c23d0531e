"""What copies across datasets do to a test accuracy, of models that were trained on one or several of them."""

from collections.abc import Iterator

import numpy as np

from fer_bench.accuracy import answers
from fer_bench.accuracy.copies import ByCopies
from fer_bench.datasets.across import Across
from fer_bench.datasets.joined import joined_fingerprint, parts_of
from fer_bench.records import EvalRecord, load_all
from fer_bench.workspace import Results


def by_copies_across(results: Results, found: Across) -> Iterator[ByCopies]:
    """Yield every recorded test on one of these datasets by a model that was trained on others, or on several.

    A test's images are parted by their near copies among all images that the model has learned from: of another
    dataset or the same one, but none of those that were set apart for validation.

    Args:
        results: whose tests; those of models that were trained on a dataset that is not among these, or on another
            state of one, are left out, as are tests on another state.
        found: what the audit found.

    Raises:
        FerBenchError: the predictions of a test are missing or contradict its record.
    """
    numbers = {part.dataset: number for number, part in enumerate(found.parts)}
    fingerprints = {part.dataset: part.fingerprint for part in found.parts}
    for record in load_all(results.records, EvalRecord):
        names = parts_of(record.dataset)
        if record.external is not None or record.target_fingerprint != fingerprints.get(record.target):
            continue
        if names == (record.target,) or not numbers.keys() >= set(names):
            continue
        states = [(name, fingerprints[name]) for name in names]
        if record.dataset_fingerprint != (states[0][1] if len(states) == 1 else joined_fingerprint(states)):
            continue
        given = answers.read(results.records, record)
        target = numbers[record.target]
        start = int(np.searchsorted(found.owners, target))
        places = {identity: start + row for row, identity in enumerate(found.parts[target].ids.tolist())}
        rows = np.array([places[identity] for identity in given.ids.tolist()], np.intp)
        trained = np.isin(found.owners, [numbers[name] for name in names]) & (found.splits == "train")
        held, agreeing = found.held(found.near, rows, np.flatnonzero(trained))
        yield ByCopies.of(record, given.right, held, agreeing)
