"""The record of an analysis of inference times."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from fer_bench.anova_result import AnovaResult, Family
from fer_bench.errors import FerBenchError
from fer_bench.records.provenance import Origin


@dataclass(frozen=True, kw_only=True)
class StatisticsRecord(AnovaResult):
    """ANOVA with post-hoc tests over the inference times, seconds (paper, section V-E and Table 7)."""

    kind: ClassVar[str] = "statistics"

    analysis: Literal["anova"]
    origin: Origin
    runtime: str
    inputs: dict[str, str]
    """SHA-256 of each model's ProfileRecord file: a table refuses statistics whose inputs have changed."""
    family: Family = "session"

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return f"anova__{self.runtime}" + ("__paper" if self.family == "paper" else "")

    def check(self, where: str) -> None:
        """Refuse a record whose parts contradict each other."""
        models = set(self.models)
        if len(models) < len(self.models) or any(table.keys() != models for table in (self.n, self.mean, self.sd)):
            raise FerBenchError(f"{where}: n, mean and sd are not of its models, {', '.join(self.models)}, each once")
        if min(self.n.values(), default=0) < 1 or min(self.sd.values()) < 0 or self.f < 0:
            raise FerBenchError(f"{where}: a sample size below 1, or a negative standard deviation or F")
        if not 0 < self.alpha < 1 or not 0 <= self.p <= 1:
            raise FerBenchError(f"{where}: alpha {self.alpha} and p {self.p}, expected fractions")
        for pair in {*self.pairs, *self.believed}:
            told = f"{where}: {pair.a} and {pair.b}"
            if not {pair.a, pair.b} <= models:
                raise FerBenchError(f"{told}: a pair of models that are not its own")
            if not 0 <= pair.p <= 1 or pair.significant != (pair.p < self.alpha):
                raise FerBenchError(f"{told}: p {pair.p}, significant {pair.significant} at level {self.alpha}")
