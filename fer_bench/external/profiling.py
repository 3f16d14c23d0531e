"""An external model in a measuring session: what it costs, and its call in ONNX Runtime on its own input."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fer_bench.datasets.pictures import decode
from fer_bench.errors import FerBenchError
from fer_bench.export.sessions import Call
from fer_bench.external.complexity import PARAMETERS
from fer_bench.external.model import MODEL, ExternalModel, external_names, load_external
from fer_bench.external.predicting import fed, open_call
from fer_bench.records import External
from fer_bench.workspace import Workspace

RUNTIME = "onnxruntime"
"""The only runtime that an external model is timed in."""


@dataclass(frozen=True, kw_only=True)
class ExternalSource:
    """An external model and its file; plain data, so that another process can take it."""

    model: ExternalModel
    path: Path

    def call(self, threads: int) -> Call:
        """Return the call of its own input to probabilities of the seven classes, float32 (n, 7).

        Raises:
            FerBenchError: ONNX Runtime is missing or cannot take the file.
        """
        return open_call(self.model, self.path, threads)

    def image(self, data: bytes) -> NDArray[Any]:
        """Return the input of one picture from the bytes of its file."""
        return fed(self.model, decode(data, "face.jpg").image[None])

    @property
    def external(self) -> External:
        """What its profile says of it."""
        return dataclasses.replace(self.model.external, parameters=PARAMETERS)


def external_sources(workspace: Workspace, names: Sequence[str]) -> dict[str, ExternalSource]:
    """Return those of some models that are external ones of a workspace, by name."""
    known = set(external_names(workspace))
    return {
        name: ExternalSource(model=load_external(workspace, name), path=workspace.external(name) / MODEL)
        for name in names
        if name in known
    }


def require_runtime(name: str, runtimes: Sequence[str]) -> None:
    """Refuse a session in which an external model could not be timed.

    Raises:
        FerBenchError: ONNX Runtime is not among its runtimes.
    """
    if RUNTIME not in runtimes:
        raise FerBenchError(
            f"{name}: an external model is timed in {RUNTIME} only, and this session has {', '.join(runtimes)}; add "
            f"--runtime {RUNTIME} (pip install 'fer-bench[onnx]'), or leave the model out"
        )
