"""Test an external model on a prepared dataset, as :mod:`fer_bench.evaluation` tests fer-bench's own."""

import dataclasses

import numpy as np

from fer_bench import grid
from fer_bench.datasets.integrity import require_intact
from fer_bench.datasets.prepared import Prepared
from fer_bench.emotions import EMOTIONS
from fer_bench.environment import cores, describe
from fer_bench.evaluation import save_test
from fer_bench.external.model import MODEL, ExternalModel
from fer_bench.external.predicting import answers, open_call
from fer_bench.progress import bar
from fer_bench.records import EXTERNAL, Environment, EvalRecord, Identity, RobustnessRecord
from fer_bench.robustness.progress import shown_answers
from fer_bench.robustness.testing import Subject, test_corrupted, tested
from fer_bench.workspace import Workspace

BACKEND = "onnxruntime"


def tested_external(workspace: Workspace, model: ExternalModel, target: Prepared) -> EvalRecord | None:
    """Return the record of a finished test of this very file on this very target, else ``None``."""
    return grid.tested(workspace, _identity(model, target), model.sha256, target)


def _identity(model: ExternalModel, target: Prepared) -> Identity:
    return Identity(
        model=model.name,
        dataset=EXTERNAL,
        recipe=model.recipe,
        seed=0,
        backend=BACKEND,
        origin=target.origin,
        dataset_fingerprint="",
        class_names=EMOTIONS,
    )


def test_external(workspace: Workspace, model: ExternalModel, target: Prepared) -> EvalRecord:
    """Test an external model on the test images of ``target``, or return its record where that has been done.

    Raises:
        FerBenchError: the target has no test images, or ONNX Runtime is missing or cannot run the file.
    """
    done = tested_external(workspace, model, target)
    if done is not None:
        return done
    rows = target.indices("test")
    target.require_test_images()
    require_intact(target)
    found = []
    with bar(f"test {model.name} on {target.dataset}", len(rows), unit="img") as shown:
        call = open_call(model, workspace.external(model.name) / MODEL, cores())
        for batch in answers(model, call, target.images, rows):
            found.append(batch)
            shown.advance(len(batch))
    return save_test(
        workspace,
        _identity(model, target),
        model.sha256,
        target,
        np.concatenate(found),
        _environment(),
        model.external,
    )


def test_external_corrupted(workspace: Workspace, model: ExternalModel, target: Prepared) -> RobustnessRecord:
    """Test an external model on corrupted test images of ``target``, or return its record where that has been done.

    Raises:
        FerBenchError: as :func:`test_external`.
    """
    subject = Subject(identity=_identity(model, target), weights_sha256=model.sha256, external=model.external)
    done = tested(workspace, subject, target)
    if done is not None:
        return done
    target.require_test_images()
    call = open_call(model, workspace.external(model.name) / MODEL, cores())
    with shown_answers(model.name, target) as on_progress:
        return test_corrupted(
            subject,
            target,
            lambda images, rows: np.concatenate(list(answers(model, call, images, rows))),
            workspace,
            # As they are stored: the file's own size is another one.
            size=max(target.images.shape[1:]),
            environment=_environment(),
            on_progress=on_progress,
        )


def _environment() -> Environment:
    import onnxruntime

    environment = describe()
    packages = {**environment.packages, "onnxruntime": onnxruntime.__version__}
    return dataclasses.replace(environment, packages=packages)
