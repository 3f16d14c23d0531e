"""What an analysis of inference times says, as plain data: the result in memory and the fields of its record.

No statistics library is needed to read it: the tables and the command line import this module, not
:mod:`fer_bench.statistics`. Times and their differences are in the unit of the samples, seconds for inference times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Replicate = Literal["call", "process"]
"""What was repeated: a timed call, or a process whose calls' mean is one value."""
Form = Literal["anova", "welch", "kruskal", "repeated_measures", "none"]
Family = Literal["session", "paper"]
"""Which models are compared together and their pairs corrected for: all of a measuring session, or of these the paper's
alone, so that its own rows do not depend on what else was measured."""

ALPHA = 0.05
"""Level of significance where the command is given none."""
MINIMUM_BLOCKS = 20
"""Blocks from which a missing effect of the blocks is taken as a sign of independence."""
NORMAL_MEANS = 30
"""Values of a model from which its mean is near enough normal, whatever the values are."""

RULES = (
    "calls of one process that are not independent, nor their differences within blocks: none; measure in several "
    "processes",
    f"values taken in blocks that are not independent, or in fewer than {MINIMUM_BLOCKS} blocks: repeated measures",
    "values that are not independent, without blocks: none; measure again",
    f"residuals that are not normal, with fewer than {NORMAL_MEANS} values of a model: Kruskal-Wallis with Dunn",
    "variances that differ, or cannot be tested: Welch with Games-Howell (Kruskal-Wallis where a model never varies)",
    "otherwise: one-way ANOVA with Tukey",
)
"""Which form to believe: the first that applies. An assumption fails where its tests reject it at alpha (Holm)."""


@dataclass(frozen=True, kw_only=True)
class PairDifference:
    """One pair of a post-hoc test."""

    a: str
    b: str
    difference: float
    """Mean of ``a`` minus mean of ``b``, seconds."""
    ci: tuple[float, float]
    """Simultaneous confidence interval of the difference, seconds."""
    p: float
    """Adjusted p-value."""
    significant: bool


@dataclass(frozen=True, kw_only=True)
class RankPair:
    """One pair of Dunn's test."""

    a: str
    b: str
    difference: float
    """Mean rank of ``a`` minus mean rank of ``b``, ranks over all values together."""
    z: float
    p: float
    """Two-sided, adjusted by Holm's method."""
    significant: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Statistic and p-value of a test."""

    statistic: float
    p: float


@dataclass(frozen=True, kw_only=True)
class Autocorrelation:
    """How far a value predicts the next one, in the order taken."""

    lag1: float
    ci: tuple[float, float]
    """Interval of ``lag1`` (Bartlett's formula), at 1 - alpha."""
    lags: int
    """Lags that the Ljung-Box test takes together."""
    ljung_box: Outcome


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What one-way ANOVA and Tukey's HSD take for granted, tested; ``None`` where it could not be."""

    variance_ratio: float | None
    """Largest over smallest variance."""
    levene: Outcome | None
    """Equal variances, by deviations from the means."""
    brown_forsythe: Outcome | None
    """Equal variances, by deviations from the medians: robust to skew, as times have it."""
    bartlett: Outcome | None
    """Equal variances of normal values; all that a summary allows."""
    residuals: Outcome | None
    """Shapiro-Wilk of the deviations from the models' means, in the models' standard deviations, all together."""
    normality: dict[str, Outcome]
    """Shapiro-Wilk of each model."""
    autocorrelation: dict[str, Autocorrelation]
    """Of each model with enough values."""
    equal_variances: bool | None
    """Not rejected by Brown and Forsythe's test, or by Bartlett's where only a summary is known."""
    normal: bool | None
    """Not rejected for the residuals."""
    independent: bool | None
    """Neither a serial correlation of any model nor an effect of the blocks shows (Holm)."""


@dataclass(frozen=True, kw_only=True)
class WelchAnova:
    """Welch's ANOVA."""

    f: float
    p: float
    df: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class KruskalWallis:
    """Kruskal and Wallis' test on ranks, corrected for ties."""

    h: float
    p: float
    df: int
    mean_rank: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class RepeatedMeasures:
    """ANOVA of models within blocks: what the models of a block share is taken out before they are compared."""

    block: Replicate
    """``call``: a block is one call of every model; ``process``: one mean of every model in the same process."""
    blocks: int
    f: float
    p: float
    """As if the differences of all pairs varied alike (sphericity)."""
    df: tuple[int, int]
    epsilon: float
    """Greenhouse and Geisser's: 1 is sphericity, 1 / (models - 1) the worst."""
    p_corrected: float
    """With both degrees of freedom times ``epsilon``."""
    block_effect: Outcome
    """F-test of the blocks: small p-values say that the calls of a block are slow or fast together."""
    ljung_box_p: float | None
    """Smallest p-value over the pairs, Holm-adjusted, that the differences within blocks are not serially correlated;
    ``None`` with too few blocks."""
    pairs: tuple[PairDifference, ...]
    """Paired t-tests, p-values by Holm, intervals by Bonferroni."""


@dataclass(frozen=True, kw_only=True)
class PairEffect:
    """Standardised difference of one pair."""

    a: str
    b: str
    hedges_g: float | None
    """Difference over the pooled standard deviation, corrected for small samples; ``None`` where neither varies."""


@dataclass(frozen=True, kw_only=True)
class EffectSize:
    """How much of the variation lies between the models."""

    eta_squared: float
    omega_squared: float
    """Less biased than ``eta_squared``; 0 where the estimate is negative."""
    pairs: tuple[PairEffect, ...]


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """Which form to believe."""

    form: Form
    sentence: str


@dataclass(frozen=True, kw_only=True)
class WithinProcess:
    """The paper's form over the calls of one process, where the test itself is over processes: descriptive only."""

    process: int
    n: dict[str, int]
    """Calls."""
    mean: dict[str, float]
    sd: dict[str, float]
    f: float
    p: float
    df: tuple[int, int]
    pairs: tuple[PairDifference, ...]


@dataclass(frozen=True, kw_only=True)
class AnovaResult:
    """One-way ANOVA of a measurement over models, and Tukey's HSD of every pair; then the other forms.

    What follows ``pairs`` is ``None`` where it was not asked for, where ``refused`` says why it could not be had, or
    in the record of an earlier fer-bench.
    """

    models: tuple[str, ...]
    """In the order given."""
    alpha: float
    """Family-wise significance level of the pairs."""
    n: dict[str, int]
    """Replicates."""
    mean: dict[str, float]
    sd: dict[str, float]
    """Sample standard deviation (n - 1) of the replicates."""
    f: float
    p: float
    df: tuple[int, int]
    """Degrees of freedom: between, within."""
    pairs: tuple[PairDifference, ...]
    """Every ordered pair, grouped by ``a`` in the order of ``models``, as in Table 7. The p-values come from a
    numerical integral that is good to about 1e-11: below that they say no more than "very small"."""
    replicate: Replicate = "call"
    within_process: WithinProcess | None = None
    assumptions: Assumptions | None = None
    welch: WelchAnova | None = None
    games_howell: tuple[PairDifference, ...] | None = None
    kruskal: KruskalWallis | None = None
    dunn: tuple[RankPair, ...] | None = None
    repeated_measures: RepeatedMeasures | None = None
    effect: EffectSize | None = None
    recommended: Recommendation | None = None
    refused: dict[str, str] = field(default_factory=dict)
    """Why a form is missing, by its name here; ``process_means`` for the test over processes."""

    @property
    def believed(self) -> Sequence[PairDifference | RankPair]:
        """The pairs of the form to believe, in both orders; none where none is, Tukey's in an older record."""
        if self.recommended is None:
            return self.pairs
        forms: dict[Form, Sequence[PairDifference | RankPair] | None] = {
            "anova": self.pairs,
            "welch": self.games_howell,
            "kruskal": self.dunn,
            "repeated_measures": self.repeated_measures.pairs if self.repeated_measures else None,
        }
        return forms.get(self.recommended.form) or ()

    @property
    def taken_for_granted(self) -> str:
        """What the paired t-tests assume where they are to be believed over few blocks, a sentence; else empty."""
        found = self.repeated_measures
        believed = self.recommended is not None and self.recommended.form == "repeated_measures"
        if found is None or not believed or found.blocks >= NORMAL_MEANS:
            return ""
        what = "processes" if found.block == "process" else "blocks of calls"
        said = f"The paired t-tests take differences as normal, which {found.blocks} {what} can hardly show or refute"
        least = 2 / 2**found.blocks  # All differences of one sign: the exact test of signs, and of signed ranks.
        if least >= self.alpha:
            said += f"; tests of signs or ranks, which do not, give no p below {least:.3g} with so few"
        return f"{said}."
