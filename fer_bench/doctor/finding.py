"""One line of the doctor's."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was looked at, how it is, and what to do about it."""

    check: str
    state: State
    """``error``: something that fer-bench needs does not work; ``warning``: some of it will not, or badly."""
    found: str
    advice: str = ""
    """What to do; empty where nothing need be done."""
