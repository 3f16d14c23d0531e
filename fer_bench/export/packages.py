"""Packages that are extras of fer-bench: what to install where one is missing."""

import importlib.util
from typing import Literal

from fer_bench.errors import FerBenchError

Extra = Literal["faces", "litert", "onnx", "openvino"]


def missing(extra: Extra, *modules: str) -> str:
    """Return what to install so that ``modules`` can be imported; empty where they can. Imports none of them."""
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    if not absent:
        return ""
    names = " and ".join(name.replace("_", "-") for name in absent)
    return f"needs the package{'s' if len(absent) > 1 else ''} {names}: pip install 'fer-bench[{extra}]'"


def require(who: str, extra: Extra, *modules: str) -> None:
    """Refuse to go on without ``modules``.

    Args:
        who: begins the message.
        extra: of fer-bench that brings them.
        modules: top-level modules, named as their packages but for the hyphens.

    Raises:
        FerBenchError: one is missing.
    """
    reason = missing(extra, *modules)
    if reason:
        raise FerBenchError(f"{who} {reason}")
