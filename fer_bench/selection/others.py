"""The runs that no block of the tables holds."""

from collections.abc import Iterable, Sequence

from fer_bench.records import EvalRecord, TrainRecord
from fer_bench.selection.evidence import OtherRuns, place_of
from fer_bench.selection.groups import Group, group_of


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
    groups: dict[tuple[str, str, Group], list[TrainRecord]] = {}
    for record in trains:
        if record.stem not in stems:
            groups.setdefault((record.dataset, record.model, group_of(record)), []).append(record)
    tested = list(tests)
    found = []
    for (dataset, model, group), runs in groups.items():
        # By both: a recipe that changes nothing, such as freezing what is frozen anyway, gives equal weights.
        ours = {(run.cell_id, run.weights_sha256) for run in runs}
        found.append(
            OtherRuns(
                model=model,
                dataset=dataset,
                recipe=group.recipe,
                backend=group.backend,
                fingerprint=group.fingerprint,
                trains=tuple(sorted(runs, key=lambda record: record.seed)),
                evals=tuple(
                    sorted(
                        (r for r in tested if (r.cell_id, r.weights_sha256) in ours),
                        key=lambda record: (record.target, record.seed),
                    )
                ),
            )
        )
    return tuple(
        sorted(found, key=lambda one: (one.dataset, one.recipe, one.backend, place_of(one.model), one.fingerprint))
    )
