"""What a workspace has recorded of an external model, when it is added again."""

import dataclasses

from fer_bench import records
from fer_bench.errors import FerBenchError
from fer_bench.external.model import ExternalModel
from fer_bench.records import EvalRecord, ProfileRecord, RobustnessRecord
from fer_bench.workspace import Workspace


def check_records(workspace: Workspace, model: ExternalModel) -> None:
    """Refuse a model under whose name the workspace has results of another file or of another way to feed it.

    Raises:
        FerBenchError: it has one.
    """
    own = (model.external.sha256, model.external.input)
    for record in _of(workspace, model.name):
        if isinstance(record, ProfileRecord):
            same = record.external is not None and (record.external.sha256, record.external.input) == own
        else:
            same = record.recipe == model.recipe
        if not same:
            raise FerBenchError(
                f"{records.path_of(workspace.results.records, record)}: a result of another model under the name "
                f"{model.name!r}; choose another --name, or remove that record first"
            )


def correct_records(workspace: Workspace, model: ExternalModel) -> int:
    """Write what is said of a model now, such as its training data, into its records; return how many were changed.

    Its answers and times stay as they are: what decides them is the same (:func:`check_records`).
    """
    changed = 0
    for record in _of(workspace, model.name):
        if record.external is None:
            continue
        told = dataclasses.replace(model.external, parameters=record.external.parameters)
        if told != record.external:
            records.save(workspace.results.records, dataclasses.replace(record, external=told))
            changed += 1
    return changed


def _of(workspace: Workspace, name: str) -> list[EvalRecord | RobustnessRecord | ProfileRecord]:
    folder = workspace.results.records
    found: list[EvalRecord | RobustnessRecord | ProfileRecord] = [
        *records.load_all(folder, EvalRecord),
        *records.load_all(folder, RobustnessRecord),
        *records.load_all(folder, ProfileRecord),
    ]
    return [record for record in found if record.model == name]
