"""An external model as the workspace keeps it: the file, and how it is fed and read."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.external import Layout
from fer_bench.files import read_json, sha256_of
from fer_bench.records import External
from fer_bench.typed_json import build
from fer_bench.workspace import Workspace

MODEL, CONTRACT = "model.onnx", "model.json"
"""Names of the two files of a model, in its folder of the workspace."""


LARGEST = 4096
"""Pixels of a side."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """The input of a file."""

    name: str
    layout: Layout
    height: int
    width: int
    channels: Literal[1, 3]
    dtype: Literal["float32", "uint8"]
    fixed_batch: bool
    """It takes one image a call; otherwise any number."""

    @property
    def words(self) -> str:
        """For people, e.g. ``64 × 64 × 1``."""
        return f"{self.height} × {self.width} × {self.channels}"


@dataclass(frozen=True, kw_only=True)
class ExternalModel:
    """One external model."""

    name: str
    sha256: str
    """Of the file in the workspace."""
    source: str
    """Name of the file that it was copied from."""
    labels: tuple[str, ...]
    """Of the outputs, in their order: each of the seven classes once; any other is dropped (``contempt``, ``-``)."""
    image: Tensor
    scale: tuple[float, ...]
    """Of each channel: a pixel of 0 to 255 is fed as pixel · scale + offset."""
    offset: tuple[float, ...]
    output: str
    """Name of the output that is read."""
    scores: bool
    """Whether the output is scores, of which softmax makes probabilities, rather than probabilities."""
    parameters: int
    weight_bytes: int
    flops_paper_rule: int | None
    uncounted: str
    """Why FLOPs are not known; empty where they are."""
    trained_on: str = ""

    @property
    def recipe(self) -> str:
        """What stands for a recipe id: a hash of the file and of all that decides its answers."""
        deciding = {key: value for key, value in dataclasses.asdict(self).items() if key in _DECIDING}
        digest = hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()
        return f"onnx-{digest[:8]}"

    @property
    def external(self) -> External:
        """What records say of it."""
        return External(
            sha256=self.sha256,
            labels=self.labels,
            input=f"{self.image.words}, {self.image.layout}, {self.image.dtype}, {self.values}",
            trained_on=self.trained_on,
        )

    @property
    def values(self) -> str:
        """What the pixels are fed as, for people."""
        ends = [(offset, 255 * scale + offset) for scale, offset in zip(self.scale, self.offset, strict=True)]
        told = [f"{low:.4g} to {high:.4g}" for low, high in ends]
        return f"values {' / '.join(dict.fromkeys(told))}"

    def check(self, where: str) -> None:
        """Refuse what no file is added with."""
        if any(self.labels.count(emotion) != 1 for emotion in EMOTIONS):
            raise FerBenchError(
                f"{where}: labels are {', '.join(self.labels)}; expected each of the seven classes once"
            )
        if len(self.scale) != len(self.offset) or len(self.scale) not in (1, self.image.channels):
            raise FerBenchError(f"{where}: scale and offset are not of {self.image.channels} channels")
        if not (0 < self.image.height <= LARGEST and 0 < self.image.width <= LARGEST):
            raise FerBenchError(f"{where}: an image of {self.image.words}; expected sides of 1 to {LARGEST} pixels")

    @property
    def columns(self) -> list[int]:
        """Which output is of each of the seven classes, in their order."""
        return [self.labels.index(emotion) for emotion in EMOTIONS]


_DECIDING = ("sha256", "labels", "image", "scale", "offset", "output", "scores")


def external_names(workspace: Workspace) -> list[str]:
    """Return the names of the external models of a workspace, sorted."""
    folder = workspace.external("any").parent
    return sorted(path.parent.name for path in folder.glob(f"*/{CONTRACT}")) if folder.is_dir() else []


def is_external(workspace: Workspace, name: str) -> bool:
    """Return whether a workspace has an external model of that name."""
    return name in external_names(workspace)


def refuse_external(workspace: Workspace, names: Iterable[str]) -> None:
    """Refuse external models where only those that fer-bench trains will do; other names are left to the caller.

    Raises:
        FerBenchError: one of the names is that of an external model.
    """
    from fer_bench.models import model_names

    for name in names:
        # A package may offer, since, a model of the same name.
        if name not in model_names() and is_external(workspace, name):
            raise FerBenchError(
                f"{name} is an external model (add-onnx); this command takes models that fer-bench trains"
            )


def load_external(workspace: Workspace, name: str) -> ExternalModel:
    """Return an external model of a workspace.

    Raises:
        FerBenchError: there is none of that name, it is damaged, or its file is not the one that was added.
    """
    folder = workspace.external(name)
    if not is_external(workspace, name):
        raise FerBenchError(f"{folder}: no external model {name!r}; add it with fer-bench add-onnx FILE --name {name}")
    try:
        found = build(ExternalModel, read_json(folder / CONTRACT), str(folder / CONTRACT))
        found.check(str(folder / CONTRACT))
    except FerBenchError as error:
        raise FerBenchError(f"{error}; run fer-bench add-onnx again with --replace") from error
    if not (folder / MODEL).is_file() or sha256_of(folder / MODEL) != found.sha256:
        raise FerBenchError(
            f"{folder / MODEL}: missing, or not the file that was added; run fer-bench add-onnx again with --replace"
        )
    return found
