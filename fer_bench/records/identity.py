"""What makes a trained model the one it is, and how its files and records are named."""

from dataclasses import dataclass

from fer_bench.records.provenance import Origin


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What makes a trained model the one it is, whatever host, time and versions of packages."""

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
