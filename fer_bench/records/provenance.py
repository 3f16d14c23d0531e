"""Where the models and the data of a record come from."""

from dataclasses import dataclass
from typing import Literal

EXTERNAL = "external"
"""Stands for the training dataset of a model that fer-bench did not train."""
Origin = Literal["real", "synthetic"]


@dataclass(frozen=True, kw_only=True)
class External:
    """Says that a model came from elsewhere as a file: its training is its author's, and was not checked."""

    sha256: str
    """Of the ONNX file."""
    labels: tuple[str, ...]
    """Of its outputs, in their order; one that is none of the seven classes was dropped."""
    input: str
    """What the file takes, in words."""
    trained_on: str = ""
    """As the person who added it says; empty where nothing is said."""
    parameters: str = ""
    """How the file's parameters were counted, in words; only of a profile."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Which labels, images, crop and split a prepared dataset holds, as its manifest says: the fingerprint tells two
    apart, but not what they are."""

    dataset: str
    protocol: str
    protocol_version: int
    crop: str
    layout: str
    official_split: bool
    """``False`` of a re-upload."""
    complete: bool | None
    """``None`` where there were no counts to compare with."""
