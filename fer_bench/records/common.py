"""What records of several kinds hold, and how their files are named."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

EXTERNAL = "external"
"""Stands for the training dataset of a model that fer-bench did not train."""
Origin = Literal["real", "synthetic"]


def cell_id(model: str, dataset: str, recipe: str, seed: int) -> str:
    """Return ``<model>__<dataset>__<recipe>__s<seed>``, the stem of a training run's files; ``recipe`` is an id."""
    return f"{model}__{dataset}__{recipe}__s{seed}"


def stem_of(model: str, dataset: str, target: str, recipe: str, seed: int) -> str:
    """Return the name, without its ending, of the record of a model tested on ``target``.

    Of the record of its training, too: then ``target`` is what it was trained on.
    """
    return cell_id(model, f"{dataset}__{target}", recipe, seed)


def profile_stem(model: str, backend: str) -> str:
    """Return the name, without its ending, of the record of a model's profile."""
    return f"{model}__{backend}"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where and when a record was made: recorded, never part of a result's identity."""

    created: str
    """UTC time, ISO 8601, to the second."""
    packages: dict[str, str]
    """Versions of the packages that matter to the figures."""
    python: str
    system: str
    """Operating system and machine type, e.g. ``Linux-6.1 x86_64``."""
    processor: str
    """Model name of the CPU."""
    cores: int
    memory_gib: float
    devices: tuple[str, ...]
    """Accelerators that the backend saw; empty on a machine with none."""
    host: str
    """Hash of processor, cores, memory, system and devices: the same for the same kind of machine."""


def same_place(a: Environment, b: Environment) -> bool:
    """Return whether two environments differ in nothing but the time."""
    return dataclasses.replace(a, created=b.created) == b


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


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What makes a trained model the one it is (design: "Identity of a result")."""

    model: str
    dataset: str
    """What it was trained on."""
    recipe: str
    """Recipe id."""
    seed: int
    backend: str
    origin: Origin
    dataset_fingerprint: str
    """Of the dataset it was trained on."""
    class_names: tuple[str, ...]

    @property
    def cell_id(self) -> str:
        """``<model>__<dataset>__<recipe>__s<seed>``, the stem of the files of the run."""
        return cell_id(self.model, self.dataset, self.recipe, self.seed)
