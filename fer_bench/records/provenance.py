"""Where the models and the data of a record come from."""

from dataclasses import dataclass
from typing import Literal

from fer_bench.errors import FerBenchError

EXTERNAL = "external"
"""Stands for the training dataset of a model that fer-bench did not train."""
Origin = Literal["real", "synthetic"]


@dataclass(frozen=True, kw_only=True)
class External:
    """Origin of a model that came from elsewhere as a file; its training, by its author, was not checked."""

    sha256: str
    """Of the ONNX file."""
    labels: tuple[str, ...]
    """Labels of its outputs, in their order; an output that is none of the seven classes was dropped."""
    input: str
    """The input that the file takes, in words."""
    trained_on: str = ""
    """Training data, as stated by the person who added the model; empty where not stated."""
    parameters: str = ""
    """How the file's parameters were counted, in words; set in a profile only."""


def check_external(external: External | None, dataset: str, weights_sha256: str, where: str) -> None:
    """Refuse a test of an external model that names a training dataset, or the weights of another file.

    Raises:
        FerBenchError: it does; ``where`` names the record.
    """
    if external and (dataset, weights_sha256) != (EXTERNAL, external.sha256):
        raise FerBenchError(f"{where}: external, but of dataset {dataset!r} or with the weights of another file")


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Which labels, images, crop and split a prepared dataset holds, as its manifest says: the fingerprint tells two
    datasets apart, but not what they hold."""

    dataset: str
    protocol: str
    protocol_version: int
    crop: str
    layout: str
    official_split: bool
    """``False`` for a re-upload."""
    complete: bool | None
    """``None`` where there were no counts to compare with."""
