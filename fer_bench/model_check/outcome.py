"""A check of a model, and how it went."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fer_bench.model_check.subject import Subject

State = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One line of ``fer-bench check-model``."""

    check: str
    state: State
    """``skipped``: a package is missing that the check needs."""
    found: str
    advice: str = ""
    """What to do; empty where nothing need be done."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    name: str
    make: Callable[["Subject"], str]
    """``make(subject)`` returns what was found where all is well. Raises BrokenContractError, NotInstalledError, or
    whatever the model raises."""
    advice: str
    """What to do where it fails and the failure says nothing better."""


class BrokenContractError(Exception):
    """A model does not do what its card or the contract says."""

    def __init__(self, found: str, advice: str = "") -> None:
        super().__init__(found)
        self.found, self.advice = found, advice


class NotInstalledError(Exception):
    """An optional package is missing."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.found, self.advice = found, advice


def require(kept: bool, found: str, advice: str = "") -> None:
    """Go on where the contract is kept.

    Raises:
        BrokenContractError: it is not.
    """
    if not kept:
        raise BrokenContractError(found, advice)
