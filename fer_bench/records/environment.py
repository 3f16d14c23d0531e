"""Where and when a record was made."""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where and when a record was made: recorded, never part of a result's identity."""

    created: str
    """UTC time, ISO 8601, to the second."""
    packages: dict[str, str]
    """Versions of the packages that matter to the figures, that of a model of another package among them."""
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
    code: str = ""
    """SHA-256 of fer-bench's modules; empty in older records."""
    commit: str = ""
    """Git commit of the checkout, with ``+`` where its modules had been changed; empty for an installed package."""


def same_place(a: Environment, b: Environment) -> bool:
    """Return whether two environments are equal in everything but time and commit; the code must be the same."""
    return dataclasses.replace(a, created=b.created, commit=b.commit) == b
