"""The record of a test on corrupted pictures."""

from dataclasses import dataclass
from typing import ClassVar

from fer_bench.errors import FerBenchError
from fer_bench.records.environment import Environment
from fer_bench.records.identity import Identity, stem_of
from fer_bench.records.provenance import External, Preparation, check_external

Counts = tuple[tuple[int, ...], ...]
"""A confusion matrix as a record holds it: rows true, columns predicted."""


@dataclass(frozen=True, kw_only=True)
class CorruptionResult:
    """One trained model's answers under one corruption."""

    corruption: str
    confusion_matrices: tuple[Counts, ...]
    """By severity, from 1 on: counts, rows true, columns predicted."""
    right: str
    """At how many severities each test image was answered right: a digit an image, in the order of the test set."""


@dataclass(frozen=True, kw_only=True)
class RobustnessRecord(Identity):
    """One trained model on one test set, under every corruption of a protocol."""

    kind: ClassVar[str] = "robustness"

    target: str
    """Dataset whose test images were made worse."""
    target_fingerprint: str
    n: int
    protocol: str
    """Names the corruptions and their strengths (:data:`fer_bench.corruptions.PROTOCOL`)."""
    corruptions: tuple[str, ...]
    """Their names, in the protocol's order."""
    severities: int
    confusion_matrix: Counts
    """Of the test images as they are."""
    right: str
    """Whether each of them was answered right: 1 or 0 an image."""
    results: tuple[CorruptionResult, ...]
    """In the order of ``corruptions``; only the first ones where the test was interrupted."""
    subjects: tuple[int, ...] = ()
    """The subject of each test image, counted from 0, where the dataset names them; empty where it does not."""
    weights_sha256: str
    trained_on: tuple[str, ...] = ()
    """Corruptions that the training images had, by the recipe; of an external model nothing is known."""
    environment: Environment
    """The last one, where the test went on elsewhere."""
    earlier_environments: tuple[Environment, ...] = ()
    """Other environments of an interrupted test that went on elsewhere, in order, each once."""
    external: External | None = None
    """Set for a model that fer-bench did not train, as in :class:`fer_bench.records.EvalRecord`."""
    target_prepared: Preparation | None = None

    @property
    def complete(self) -> bool:
        """Whether every corruption has been tested."""
        return len(self.results) == len(self.corruptions)

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return stem_of(self.model, self.dataset, self.target, self.recipe, self.seed)

    def check(self, where: str) -> None:
        """Refuse a record whose parts contradict each other."""
        supports = self._supports(self.confusion_matrix, f"{where}: confusion_matrix")
        if sum(supports) != self.n or self.n == 0:
            raise FerBenchError(f"{where}: confusion_matrix counts {sum(supports)} images, n says {self.n}")
        self._require_right(self.right, (self.confusion_matrix,), where)
        if self.subjects and len(self.subjects) != self.n:
            raise FerBenchError(f"{where}: subjects names {len(self.subjects)} images, n says {self.n}")
        check_external(self.external, self.dataset, self.weights_sha256, where)
        names = tuple(result.corruption for result in self.results)
        if names != self.corruptions[: len(names)] or len(set(self.corruptions)) != len(self.corruptions):
            raise FerBenchError(
                f"{where}: results of {', '.join(names)}; expected, in this order and each once, "
                f"{', '.join(self.corruptions)}"
            )
        for result in self.results:
            there = f"{where}: {result.corruption}"
            if len(result.confusion_matrices) != self.severities:
                raise FerBenchError(
                    f"{there}: {len(result.confusion_matrices)} matrices, expected one for each of the "
                    f"{self.severities} severities"
                )
            if any(self._supports(matrix, there) != supports for matrix in result.confusion_matrices):
                raise FerBenchError(
                    f"{there}: a matrix has other numbers of images of the classes than confusion_matrix"
                )
            self._require_right(result.right, result.confusion_matrices, there)

    def _require_right(self, right: str, matrices: tuple[Counts, ...], where: str) -> None:
        """Refuse digits that are not those of the images, or count other right answers than the matrices."""
        # Counted, not gone through: a folder may hold a thousand records of thousands of images.
        counts = [right.count(str(digit)) for digit in range(len(matrices) + 1)]
        if len(right) != self.n or sum(counts) != self.n:
            raise FerBenchError(
                f"{where}: right has {len(right)} characters, expected {self.n} digits from 0 to {len(matrices)}"
            )
        told = sum(digit * count for digit, count in enumerate(counts))
        correct = sum(matrix[i][i] for matrix in matrices for i in range(len(matrix)))
        if told != correct:
            raise FerBenchError(f"{where}: right counts {told} right answers, the matrices {correct}")

    def _supports(self, matrix: Counts, where: str) -> list[int]:
        """Return the number of images of each class; refuse what is no confusion matrix."""
        size = len(self.class_names)
        if len(matrix) != size or any(len(row) != size for row in matrix):
            raise FerBenchError(f"{where}: not a matrix of {size} x {size}")
        if any(count < 0 for row in matrix for count in row):
            raise FerBenchError(f"{where}: a negative count")
        return [sum(row) for row in matrix]
