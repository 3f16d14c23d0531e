"""The record of a training run."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from fer_bench.errors import FerBenchError
from fer_bench.recipe import digest_of, is_of_this_version
from fer_bench.records.environment import Environment
from fer_bench.records.identity import Identity, stem_of
from fer_bench.records.provenance import Preparation


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a model's training started."""

    kind: Literal["random", "imagenet"]
    source: str = ""
    """For ImageNet: ``keras`` (downloaded by Keras) or the name of the weights file."""
    sha256: str = ""
    """Of the weights file."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One epoch of training. Losses are mean categorical cross-entropies in nats, accuracies fractions."""

    loss: float
    """On the augmented training images, averaged while the weights changed (as Keras reports it)."""
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    """Wall time of the epoch with its validation."""


@dataclass(frozen=True, kw_only=True)
class TrainRecord(Identity):
    """One training run."""

    kind: ClassVar[str] = "train"

    recipe_content: dict[str, Any]
    start: Start
    n_train: int
    n_val: int
    history: tuple[Epoch, ...]
    best_epoch: int
    """Counted from 0; the earliest epoch with the highest validation accuracy."""
    weights_sha256: str
    """Over type, shape and values of the weights, in order (``Network.digest``)."""
    trainable_parameters: int
    environment: Environment
    compute: dict[str, str] = dataclasses.field(default_factory=dict)
    """Threads and kernels (``compute.compute_settings``), of the command that ended an interrupted run; absent from
    older records."""
    earlier_environments: tuple[Environment, ...] = ()
    """Other environments of an interrupted run that was continued elsewhere, in order, each once."""
    earlier_compute: tuple[dict[str, str], ...] = ()
    """The same of its settings, such as another number of devices; none in older records."""
    prepared: tuple[Preparation, ...] = ()
    """Preparation of the dataset, or of each joined one; empty in older records."""

    @property
    def best(self) -> Epoch:
        """The figures of the best epoch, whose weights were kept."""
        return self.history[self.best_epoch]

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return stem_of(self.model, self.dataset, self.dataset, self.recipe, self.seed)

    def check(self, where: str) -> None:
        """Refuse a record whose parts contradict each other."""
        if self.n_train < 1 or self.n_val < 0:
            raise FerBenchError(f"{where}: {self.n_train} training and {self.n_val} validation images")
        if not self.history:
            raise FerBenchError(f"{where}: the history is empty; expected an epoch at least")
        if not 0 <= self.best_epoch < len(self.history):
            raise FerBenchError(
                f"{where}: best_epoch is {self.best_epoch}, but the history has {len(self.history)} epochs"
            )
        for number, epoch in enumerate(self.history):
            fractions, amounts = (epoch.accuracy, epoch.val_accuracy), (epoch.loss, epoch.val_loss, epoch.seconds)
            if not all(0 <= value <= 1 for value in fractions) or min(*amounts, epoch.learning_rate) < 0:
                raise FerBenchError(
                    f"{where}: epoch {number} of the history has an accuracy outside 0 to 1, or a negative value"
                )
        scores = [epoch.val_accuracy for epoch in self.history]
        if self.best_epoch != scores.index(max(scores)):
            raise FerBenchError(
                f"{where}: best_epoch is {self.best_epoch}, but the earliest with the highest validation accuracy is "
                f"{scores.index(max(scores))}"
            )
        size = self.recipe_content.get("image_size")
        if type(size) is not int or size < 1:
            raise FerBenchError(f"{where}: recipe_content has image_size {size!r}; expected a number of pixels")
        # Content of an older version has other fields: it is not known what its id was made from.
        if is_of_this_version(self.recipe_content) and digest_of(self.recipe_content) != self.recipe.rpartition("-")[2]:
            raise FerBenchError(
                f"{where}: recipe_content is not that of {self.recipe}, but of a recipe "
                f"...-{digest_of(self.recipe_content)}; one of the two has been edited"
            )
