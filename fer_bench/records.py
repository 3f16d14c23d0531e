"""Records: the facts of a run, as frozen dataclasses in JSON files.

Left of the records are pixels, Keras and weights; right of them plain data. A record holds counts and samples,
never rounded scores, and says what it was made from (design: "Rules", "Decided"). Loading checks every field, so
that a hand-edited or foreign file gives a message instead of a wrong table.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from fer_bench.anova_result import AnovaResult
from fer_bench.anova_result import PairDifference as PairDifference  # a part of StatisticsRecord
from fer_bench.errors import FerBenchError
from fer_bench.files import read_json, write_json
from fer_bench.typed_json import build

SCHEMA = 1
EXTERNAL = "external"
"""Stands for the training dataset of a model that fer-bench did not train."""
Origin = Literal["real", "synthetic"]


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
        return f"{self.model}__{self.dataset}__{self.recipe}__s{self.seed}"


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
    """Threads and kernels (``backend.compute_settings``); absent from older records."""
    earlier_environments: tuple[Environment, ...] = ()
    """Of an interrupted run that went on elsewhere: the other environments, in order, each once."""
    prepared: tuple[Preparation, ...] = ()
    """Of the dataset, or of each that is joined; empty in older records."""

    @property
    def best(self) -> Epoch:
        """The figures of the best epoch, whose weights were kept."""
        return self.history[self.best_epoch]

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return f"{self.model}__{self.dataset}__{self.dataset}__{self.recipe}__s{self.seed}"

    def check(self, where: str) -> None:
        """Refuse a record whose parts contradict each other."""
        if self.n_train < 1 or self.n_val < 0:
            raise FerBenchError(f"{where}: {self.n_train} training and {self.n_val} validation images")
        if self.history and not 0 <= self.best_epoch < len(self.history):
            raise FerBenchError(
                f"{where}: best_epoch is {self.best_epoch}, but the history has {len(self.history)} epochs"
            )
        size = self.recipe_content.get("image_size")
        if type(size) is not int or size < 1:
            raise FerBenchError(f"{where}: recipe_content has image_size {size!r}; expected a number of pixels")


@dataclass(frozen=True, kw_only=True)
class EvalRecord(Identity):
    """One trained model on one test set: its own dataset's, or another's (cross-test)."""

    kind: ClassVar[str] = "eval"

    target: str
    """Dataset it was tested on."""
    target_fingerprint: str
    n: int
    confusion_matrix: tuple[tuple[int, ...], ...]
    """Counts, rows true, columns predicted, both in the order of ``class_names``."""
    accuracy: float
    """Correct / n: trace over sum of the matrix."""
    weights_sha256: str
    predictions: str
    """Name of the ``.npz`` beside the record: ids, labels, float16 probabilities."""
    predictions_sha256: str
    environment: Environment
    parts: dict[str, tuple[tuple[int, ...], ...]] = dataclasses.field(default_factory=dict)
    """The confusion matrix of each official part of the test set, such as ``PrivateTest``, where it has several; empty
    in older records."""
    external: External | None = None
    """Of a model that fer-bench did not train: then ``dataset`` is :data:`EXTERNAL`, the recipe names the file and how
    it is fed, the dataset's fingerprint is empty and ``weights_sha256`` is the file's."""
    target_prepared: Preparation | None = None
    """Of the test set; absent from older records."""

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return f"{self.model}__{self.dataset}__{self.target}__{self.recipe}__s{self.seed}"

    def check(self, where: str) -> None:
        """Refuse a record whose parts contradict each other."""
        size = len(self.class_names)
        if len(self.confusion_matrix) != size or any(len(row) != size for row in self.confusion_matrix):
            raise FerBenchError(f"{where}: confusion_matrix is not {size} x {size}")
        if any(count < 0 for row in self.confusion_matrix for count in row):
            raise FerBenchError(f"{where}: confusion_matrix has a negative count")
        total = sum(map(sum, self.confusion_matrix))
        correct = sum(self.confusion_matrix[i][i] for i in range(size))
        if total != self.n or total == 0:
            raise FerBenchError(f"{where}: confusion_matrix counts {total} images, n says {self.n}")
        if abs(self.accuracy - correct / total) > 1e-12:
            raise FerBenchError(
                f"{where}: accuracy {self.accuracy} is not the matrix's {correct}/{total} = {correct / total}"
            )
        if self.external and (self.dataset, self.weights_sha256) != (EXTERNAL, self.external.sha256):
            raise FerBenchError(
                f"{where}: external, but of dataset {self.dataset!r} or with the weights of another file"
            )
        if self.parts and not self._is_sum_of_parts():
            raise FerBenchError(f"{where}: the matrices of its parts do not add up to confusion_matrix")

    def _is_sum_of_parts(self) -> bool:
        size = range(len(self.class_names))
        matrices = self.parts.values()
        if any(len(matrix) != len(size) or any(len(row) != len(size) for row in matrix) for matrix in matrices):
            return False
        if any(count < 0 for matrix in matrices for row in matrix for count in row):
            return False
        return all(sum(matrix[i][j] for matrix in matrices) == self.confusion_matrix[i][j] for i in size for j in size)


@dataclass(frozen=True, kw_only=True)
class LatencySample:
    """One timed call."""

    order: int
    """Position among all timed calls of the session, from 0; models take turns in a random order."""
    seconds: float
    process: int = 0
    """Number of the process that it was taken in, from 0: calls of one process are not independent replicates."""


@dataclass(frozen=True, kw_only=True)
class MachineSample:
    """A look at the machine between two blocks of timed calls."""

    process: int
    order: int
    """Calls timed so far in that process."""
    mhz: float | None = None
    """Mean clock frequency of the cores, where the system tells."""
    others: float | None = None
    """Cores that other processes kept busy since the look before."""


@dataclass(frozen=True, kw_only=True)
class ProfileRecord:
    """Complexity of one model: parameters, FLOPs, inference time (paper, Table 6)."""

    kind: ClassVar[str] = "profile"

    model: str
    origin: Origin
    """``synthetic`` where measured within a synthetic demo run."""
    backend: str
    image_size: int
    classes: int
    trainable_parameters: int
    non_trainable_parameters: int
    flops_paper_rule: int | None
    """By the rule of the paper's figures: a multiply-add counts two, batch norm and activations nothing. ``None`` of a
    model with an operation that the rule does not know."""
    session: str
    """Names the measuring session: latencies are compared within one session only."""
    warmup: int
    """Untimed calls before the first timed one, of the runtime with the fewest."""
    latency: dict[str, tuple[LatencySample, ...]]
    """Single-image calls by runtime: ``keras-predict``, ``keras-call`` (the compiled function) ..."""
    threads: dict[str, int]
    environment: Environment
    flops: int | None = None
    """By our rule (``profiling.flops.RULE``); absent from older records, like all that follows."""
    weight_bytes: int | None = None
    peak_activation_bytes: int | None = None
    """See ``profiling.complexity.PEAK_RULE``."""
    warmups: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    """Untimed calls by runtime, one number a process."""
    unsteady: tuple[str, ...] = ()
    """Runtimes that were still getting faster when their warm-up reached its limit, in any process."""
    throughput: dict[str, dict[str, tuple[float, ...]]] = dataclasses.field(default_factory=dict)
    """Seconds of whole batches by runtime and batch size (in digits)."""
    end_to_end: dict[str, tuple[LatencySample, ...]] = dataclasses.field(default_factory=dict)
    """From a JPEG file's bytes to probabilities, one picture a call, by runtime; orders of their own."""
    resident_bytes: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """Memory of the first process before and after the model was built (``build``), and before and after each
    runtime was prepared and called once."""
    machine: tuple[MachineSample, ...] = ()
    """The same in every record of the session."""
    external: External | None = None
    """Of a model that came as a file: then all its parameters count as trainable, since the file does not tell, and
    ``image_size`` is the height of its own input."""
    uncounted: str = ""
    """Why FLOPs and the peak of the activations are not known; empty where they are, and of an external model."""

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return f"{self.model}__{self.backend}"


@dataclass(frozen=True, kw_only=True)
class StatisticsRecord(AnovaResult):
    """ANOVA with post-hoc tests over the inference times, seconds (paper, section V-E and Table 7)."""

    kind: ClassVar[str] = "statistics"

    analysis: Literal["anova"]
    origin: Origin
    runtime: str
    inputs: dict[str, str]
    """SHA-256 of each model's ProfileRecord file: a table refuses statistics whose inputs have changed."""

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return f"anova__{self.runtime}"


Record = TrainRecord | EvalRecord | ProfileRecord | StatisticsRecord
RecordT = TypeVar("RecordT", TrainRecord, EvalRecord, ProfileRecord, StatisticsRecord)
KINDS: dict[str, type[Record]] = {cls.kind: cls for cls in (TrainRecord, EvalRecord, ProfileRecord, StatisticsRecord)}


def path_of(folder: Path, record: Record) -> Path:
    """Return the path of a record below a records folder: ``<kind>/<stem>.json``."""
    return folder / record.kind / f"{record.stem}.json"


def save(folder: Path, record: Record) -> Path:
    """Write a record to its place below ``folder``, atomically, and return the path."""
    path = path_of(folder, record)
    content = {"schema": SCHEMA, "kind": record.kind, **dataclasses.asdict(record)}
    if isinstance(record, TrainRecord):
        content["target"] = record.dataset
    write_json(path, content)
    return path


def load(path: Path, cls: type[RecordT]) -> RecordT:
    """Read one record.

    Raises:
        FerBenchError: the file is missing, of another kind or schema, a field is missing or of the wrong type, or
            fields contradict each other.
    """
    content = read_json(path)
    if not isinstance(content, dict) or content.get("kind") != cls.kind:
        raise FerBenchError(f"{path}: not a {cls.kind} record")
    if content.get("schema") != SCHEMA:
        raise FerBenchError(
            f"{path}: record schema {content.get('schema')!r}, this fer-bench reads {SCHEMA}; "
            "make the record again or use the version that wrote it"
        )
    fields = {key: value for key, value in content.items() if key not in ("schema", "kind")}
    if cls is TrainRecord:
        fields.pop("target", None)
    record: RecordT = build(cls, fields, str(path))
    if isinstance(record, TrainRecord | EvalRecord):
        record.check(str(path))
    return record


def load_all(folder: Path, cls: type[RecordT]) -> list[RecordT]:
    """Read every record of a kind below ``folder``, in the order of their file names; none where it is absent."""
    return [load(path, cls) for path in paths(folder, cls)]


def paths(folder: Path, cls: type[Record]) -> list[Path]:
    """Return the files of a kind of record below ``folder``, sorted by name."""
    return sorted(path for path in (folder / cls.kind).glob("*.json") if not path.name.startswith("."))


def replace(record: RecordT, **changes: Any) -> RecordT:
    """Return a copy of a record with fields changed (``dataclasses.replace``, typed)."""
    return dataclasses.replace(record, **changes)
