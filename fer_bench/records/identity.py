"""The identity of a trained model, and the names of its files and records."""

import re
from dataclasses import dataclass

from fer_bench.records.provenance import Origin

_CELL_ID = re.compile(
    r"(?P<model>(?:(?!__).)+)__(?P<dataset>(?:(?!__[^_]).)+)__(?P<recipe>(?!_)(?:(?!__).)+-[0-9a-f]{8})__s(?P<seed>[0-9]+)"
)
"""The name of a dataset may end with an underscore, and that of no recipe begins with one."""


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


def parsed_cell_id(name: str) -> tuple[str, str, str, int] | None:
    """Return the model, dataset, recipe id and seed that a :func:`cell_id` is made of; ``None`` of any other name."""
    found = _CELL_ID.fullmatch(name)
    return None if found is None else (found["model"], found["dataset"], found["recipe"], int(found["seed"]))


def stem_of(model: str, dataset: str, target: str, recipe: str, seed: int) -> str:
    """Return the file name, without its ending, of the record of a model tested on ``target``.

    For the record of its training, ``target`` is the training dataset.
    """
    return cell_id(model, f"{dataset}__{target}", recipe, seed)


def profile_stem(model: str, backend: str) -> str:
    """Return the file name, without its ending, of the record of a model's profile."""
    return f"{model}__{backend}"
