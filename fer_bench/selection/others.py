"""The runs that no block of the tables holds."""

from collections.abc import Iterable, Sequence

from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.selection.evidence import OtherRuns, place_of


def other_runs(
    trains: Iterable[TrainRecord], tests: Iterable[EvalRecord], shown: Sequence[TrainRecord]
) -> tuple[OtherRuns, ...]:
    """Return the runs that are in no block, with their tests.

    Args:
        trains: all runs.
        tests: all tests; those of other weights than the runs' are left out.
        shown: the runs in the blocks.
    """
    stems = {record.stem for record in shown}
    groups: dict[tuple[str, str, str, tuple[int, str], str], list[TrainRecord]] = {}
    for record in trains:
        if record.stem not in stems:
            key = (record.dataset, record.recipe, record.backend, place_of(record.model), record.dataset_fingerprint)
            groups.setdefault(key, []).append(record)
    tested = list(tests)
    found = []
    for _, group in sorted(groups.items()):
        one = group[0]
        # By both: a recipe that changes nothing, such as freezing what is frozen anyway, gives equal weights.
        runs = {(record.cell_id, record.weights_sha256) for record in group}
        found.append(
            OtherRuns(
                model=one.model,
                dataset=one.dataset,
                recipe=one.recipe,
                backend=one.backend,
                fingerprint=one.dataset_fingerprint,
                trains=tuple(sorted(group, key=lambda record: record.seed)),
                evals=tuple(
                    sorted(
                        (r for r in tested if (r.cell_id, r.weights_sha256) in runs),
                        key=lambda record: (record.target, record.seed),
                    )
                ),
            )
        )
    return tuple(found)
