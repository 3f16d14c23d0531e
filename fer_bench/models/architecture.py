"""The architecture of the built-in models as plain data: ``architectures.json``, made from the built models.

Tables 2 and 3 show it, and must not import Keras. It follows from the code of the models alone, so it is kept beside
them, not among the records; a contract test builds every model and compares. After a change of a model:

.. code-block:: sh

    fer-bench architecture --json > fer_bench/models/architectures.json
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fer_bench.errors import FerBenchError
from fer_bench.files import read_json
from fer_bench.typed_json import build

PATH = Path(__file__).with_name("architectures.json")
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One layer that computes something, with what belongs to it, or one building block."""

    layer: str
    """In the paper's words where it has some: ``Conv2D``, ``Conv2D 1x1``, ``Bottleneck Block``, ``Building Block``,
    ``Max Pooling``, ``Dense``; the Keras class otherwise."""
    input: tuple[int, ...]
    """Height, width and channels, or features."""
    output: tuple[int, ...]
    stride: int | None
    """Input height over output height; ``None`` where the output has none."""
    parameters: int
    trainable_parameters: int


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A model as the sequence of its units."""

    model: str
    image_size: int
    classes: int
    units: tuple[Unit, ...]


@cache
def architectures() -> dict[str, Architecture]:
    """Return the architectures of the built-in models, by name.

    Raises:
        FerBenchError: the file is missing, or of another schema.
    """
    content: Any = read_json(PATH)
    if content.get("schema") != SCHEMA:
        raise FerBenchError(f"{PATH}: schema {content.get('schema')!r}, expected {SCHEMA}; install fer-bench again")
    found = [build(Architecture, item, f"{PATH}: models[{i}]") for i, item in enumerate(content["models"])]
    return {item.model: item for item in found}
