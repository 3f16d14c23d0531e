"""The identity of a trained model, and the names of its files and records."""

from dataclasses import dataclass

from fer_bench.records.provenance import Origin


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
