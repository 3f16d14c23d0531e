"""The record of a test."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from fer_bench.errors import FerBenchError
from fer_bench.records.environment import Environment
from fer_bench.records.identity import Identity, stem_of
from fer_bench.records.provenance import External, Preparation, check_external


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
    """Set for a model that fer-bench did not train: ``dataset`` is then :data:`EXTERNAL`, ``recipe`` names the file and
    how its input is made, ``dataset_fingerprint`` is empty and ``weights_sha256`` is the file's."""
    target_prepared: Preparation | None = None
    """Preparation of the test set; absent from older records."""

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return stem_of(self.model, self.dataset, self.target, self.recipe, self.seed)

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
        check_external(self.external, self.dataset, self.weights_sha256, where)
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
