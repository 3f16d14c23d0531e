"""What records have in common: whose they are, where model and data come from, where and when they were made."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The identity of a trained model; host, time and versions of packages are not part of it."""

    model: str
    dataset: str
    """Training dataset."""
    recipe: str
    """Recipe id."""
    seed: int
    backend: str
    origin: Origin
    dataset_fingerprint: str
    """Fingerprint of the training dataset."""
    class_names: tuple[str, ...]

    @property
    def cell_id(self) -> str:
        """``<model>__<dataset>__<recipe>__s<seed>``, the stem of the files of the run."""
        return cell_id(self.model, self.dataset, self.recipe, self.seed)


def cell_id(model: str, dataset: str, recipe: str, seed: int) -> str:
    """Return ``<model>__<dataset>__<recipe>__s<seed>``, the stem of a training run's files; ``recipe`` is an id."""
    return f"{model}__{dataset}__{recipe}__s{seed}"


def stem_of(model: str, dataset: str, target: str, recipe: str, seed: int) -> str:
    """Return the file name, without its ending, of the record of a model tested on ``target``.

    For the record of its training, ``target`` is the training dataset.
    """
    return cell_id(model, f"{dataset}__{target}", recipe, seed)


def profile_stem(model: str, backend: str) -> str:
    """Return the file name, without its ending, of the record of a model's profile."""
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
    code: str = ""
    """SHA-256 of fer-bench's modules; empty in older records."""
    commit: str = ""
    """Git commit of the checkout, with ``+`` where its modules had been changed; empty for an installed package."""


def same_place(a: Environment, b: Environment) -> bool:
    """Return whether two environments are equal in everything but time and commit; the code must be the same."""
    return dataclasses.replace(a, created=b.created, commit=b.commit) == b
