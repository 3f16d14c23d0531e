"""What the tables, figures and the report show: the chosen records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fer_bench import paper
from fer_bench.records import (
    Counts,
    EvalRecord,
    Origin,
    ProfileRecord,
    RobustnessRecord,
    StatisticsRecord,
    TrainRecord,
)
from fer_bench.selection.parts import DATASET, private_test


def in_order(models: Iterable[str]) -> tuple[str, ...]:
    """Return models, each once, as tables list them: the paper's three in its order, then the others by name."""
    return tuple(sorted(set(models), key=place_of))


def place_of(model: str) -> tuple[int, str]:
    """Return the key by which :func:`in_order` sorts."""
    return (paper.MODELS.index(model) if model in paper.MODELS else len(paper.MODELS), model)


@dataclass(frozen=True, kw_only=True)
class Block:
    """The runs trained on one dataset that the tables show."""

    dataset: str
    recipe: str
    """Recipe id; empty, as backend and fingerprint, where only external models were tested."""
    backend: str
    fingerprint: str
    """Of the training dataset."""
    evals: tuple[EvalRecord, ...]
    """Of every model, in the order of :func:`in_order`, then by test set and seed."""
    trains: tuple[TrainRecord, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The models with an evaluation or a training run, the paper's first."""
        return in_order(item.model for item in (*self.evals, *self.trains))

    def tested(self, model: str, target: str) -> tuple[EvalRecord, ...]:
        """Return the evaluations of a model on a test set, one a seed in the order of the seeds; maybe none."""
        return tuple(item for item in self.evals if (item.model, item.target) == (model, target))

    def tested_privately(self, model: str) -> tuple[Counts, ...]:
        """Return the confusion matrices on FER-2013's PrivateTest, one a seed; none where any seed lacks it."""
        found = [private_test(item) for item in self.tested(model, self.dataset)]
        known = tuple(matrix for matrix in found if matrix is not None)
        return known if len(known) == len(found) else ()

    def trained(self, model: str) -> tuple[TrainRecord, ...]:
        """Return the training runs of a model, in the order of the seeds; maybe none."""
        return tuple(item for item in self.trains if item.model == model)

    def seeds(self, model: str) -> tuple[int, ...]:
        """Return the seeds with an evaluation or a training run of a model, sorted; none of an external model."""
        own = [item for item in self.evals if item.external is None]
        return tuple(sorted({item.seed for item in (*own, *self.trains) if item.model == model}))

    @property
    def is_tested(self) -> bool:
        """Whether a run of fer-bench's own was tested: those that only were trained do not compete with tested ones."""
        return any(item.external is None for item in self.evals)

    def external(self, target: str = "") -> tuple[EvalRecord, ...]:
        """Return the tests of external models, on a test set or, where that is empty, on all."""
        return tuple(item for item in self.evals if item.external and target in ("", item.target))


@dataclass(frozen=True, kw_only=True)
class Latency:
    """The profiles of one measuring session on one machine, and the statistics made from them."""

    session: str
    backend: str
    image_size: int
    profiles: Mapping[str, ProfileRecord]
    """By model, in the order of :func:`in_order`."""
    statistics: Mapping[str, StatisticsRecord]
    """By runtime, over all models of the session."""
    paper_statistics: Mapping[str, StatisticsRecord]
    """By runtime, over the paper's models alone, where the session has others too."""

    @property
    def has_own(self) -> bool:
        """Whether it has models of fer-bench's own: external ones alone do not compete with these for the tables."""
        return any(profile.external is None for profile in self.profiles.values())

    def among_the_papers(self, runtime: str) -> StatisticsRecord | None:
        """Return what compares the paper's models: alone, or with all of the session where that is all there is."""
        return self.paper_statistics.get(runtime) or self.statistics.get(runtime)


@dataclass(frozen=True, kw_only=True)
class OtherRuns:
    """A model's runs on one dataset that no table shows: by another recipe than the block's, or a dataset beyond it."""

    model: str
    dataset: str
    recipe: str
    backend: str
    fingerprint: str
    """Of the training dataset."""
    trains: tuple[TrainRecord, ...]
    """By seed; at least one."""
    evals: tuple[EvalRecord, ...]
    """Of these runs, by test set and seed."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The test sets, its own first."""
        return tuple(sorted({item.target for item in self.evals}, key=lambda name: (name != self.dataset, name)))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that the tables, figures and the report show."""

    origin: Origin
    blocks: Mapping[str, Block]
    """By training dataset; a dataset without records is absent."""
    latency: Latency | None
    elsewhere: tuple[EvalRecord, ...] = ()
    """Tests of external models on CK+ whose training dataset is none of the paper's, or unknown."""
    others: tuple[OtherRuns, ...] = ()
    """What else was trained, by dataset, then recipe, backend and model."""
    robustness: tuple[RobustnessRecord, ...] = ()
    """Tests on corrupted pictures of runs that are in a block or among the others."""

    @property
    def synthetic(self) -> bool:
        """Whether the records are of synthetic faces: then nothing published stands beside them."""
        return self.origin == "synthetic"

    @property
    def profiles(self) -> Mapping[str, ProfileRecord]:
        """The profiles by model, as :attr:`latency` has them; none where nothing was profiled."""
        return self.latency.profiles if self.latency else {}

    def beyond_the_paper(self, *datasets: str) -> tuple[str, ...]:
        """Return the models besides the paper's three with runs on any of these training datasets, by name."""
        blocks = [self.blocks[dataset] for dataset in datasets if dataset in self.blocks]
        return in_order(model for block in blocks for model in block.models if model not in paper.MODELS)

    def models(self, dataset: str) -> tuple[str, ...]:
        """Return the models that were trained on a dataset or tested as if they were, the paper's first; maybe none."""
        return self.blocks[dataset].models if dataset in self.blocks else ()

    def tested(self, dataset: str, model: str, target: str) -> tuple[EvalRecord, ...]:
        """Return the tests of a model that was trained on a dataset, see :meth:`Block.tested`; maybe none."""
        return self.blocks[dataset].tested(model, target) if dataset in self.blocks else ()

    def tested_privately(self, model: str) -> tuple[Counts, ...]:
        """Return the matrices on PrivateTest of a model that was trained on FER-2013, see
        :meth:`Block.tested_privately`; maybe none."""
        return self.blocks[DATASET].tested_privately(model) if DATASET in self.blocks else ()
