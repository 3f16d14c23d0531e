"""What an audit finds: one statement of the paper, the numbers that bear on it, a verdict."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a statement fares, worst first."""

    IMPOSSIBLE = "impossible"
    CONTRADICTS = "contradicts"
    DOUBTFUL = "doubtful"
    ROUNDING = "rounding"
    CONSISTENT = "consistent"


MEANING: dict[Verdict, str] = {
    Verdict.IMPOSSIBLE: "no whole numbers of images give the printed row, under any way to round that was tried.",
    Verdict.CONTRADICTS: "two statements of the paper, or one of them and the published size of a dataset or network, "
    "cannot both hold as printed.",
    Verdict.DOUBTFUL: "possible, but only in an unusual way, or not borne out by the numbers that the paper gives.",
    Verdict.ROUNDING: "a difference that the rounding of the printed numbers explains.",
    Verdict.CONSISTENT: "checked, and in agreement.",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One checked statement of the paper."""

    where: str
    """Table or section."""
    dataset: str = ""
    """Name in fer-bench; empty where the statement is not about one."""
    model: str = ""
    """Name in fer-bench; empty where the statement is not about one."""
    emotion: str = ""
    """True class; empty where the statement is not about one."""
    claim: str
    """What the paper says, in its words where they stand in quotation marks."""
    evidence: str
    """The numbers that bear on it, full sentences."""
    verdict: Verdict
    read: bool = False
    """Found by reading; everything else is computed from the published values."""


def listed(words: list[str]) -> str:
    """Return words as an English list: ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
