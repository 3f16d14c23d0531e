"""Ways to run one Keras model, for timing and for checking."""

from fer_bench.errors import FerBenchError
from fer_bench.export.sessions import Call
from fer_bench.runtimes import exported, keras_runtimes
from fer_bench.runtimes.runtime import Runtime

__all__ = ["Call", "Runtime", "available", "runtime"]


def available() -> dict[str, Runtime]:
    """Return every known runtime by its name; :meth:`Runtime.missing` tells which cannot run here."""
    return {item.name: item for item in (*keras_runtimes.RUNTIMES, *exported.RUNTIMES)}


def runtime(name: str) -> Runtime:
    """Return one runtime that can run here.

    Raises:
        FerBenchError: no runtime of that name, or a package that it needs is missing.
    """
    known = available()
    if name not in known:
        raise FerBenchError(f"no runtime {name!r}; expected one of {', '.join(known)}")
    reason = known[name].missing()
    if reason:
        raise FerBenchError(f"runtime {name} {reason}")
    return known[name]
