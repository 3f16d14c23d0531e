"""What the tables, figures and the report show: the chosen records."""

from collections.abc import Mapping
from dataclasses import dataclass

from fer_bench.records import EvalRecord, Origin, ProfileRecord, StatisticsRecord, TrainRecord


@dataclass(frozen=True, kw_only=True)
class Block:
    """The runs trained on one dataset that the tables show."""

    dataset: str
    recipe: str
    """Recipe id."""
    backend: str
    fingerprint: str
    """Of the training dataset."""
    evals: tuple[EvalRecord, ...]
    trains: tuple[TrainRecord, ...]

    def tested(self, model: str, target: str) -> tuple[EvalRecord, ...]:
        """Return the evaluations of a model on a test set, one a seed in the order of the seeds; maybe none."""
        return tuple(item for item in self.evals if (item.model, item.target) == (model, target))

    def trained(self, model: str) -> tuple[TrainRecord, ...]:
        """Return the training runs of a model, in the order of the seeds; maybe none."""
        return tuple(item for item in self.trains if item.model == model)

    def seeds(self, model: str) -> tuple[int, ...]:
        """Return the seeds with an evaluation or a training run of a model, sorted."""
        return tuple(sorted({item.seed for item in (*self.evals, *self.trains) if item.model == model}))


@dataclass(frozen=True, kw_only=True)
class Latency:
    """The profiles of one measuring session on one machine, and the statistics made from them."""

    session: str
    backend: str
    image_size: int
    profiles: Mapping[str, ProfileRecord]
    """By model."""
    statistics: Mapping[str, StatisticsRecord]
    """By runtime."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that the tables, figures and the report show."""

    origin: Origin
    blocks: Mapping[str, Block]
    """By training dataset; a dataset without records is absent."""
    latency: Latency | None

    @property
    def synthetic(self) -> bool:
        """Whether the records are of synthetic faces: then nothing published stands beside them."""
        return self.origin == "synthetic"

    @property
    def empty(self) -> bool:
        """Whether there is no record at all."""
        return not self.blocks and self.latency is None
