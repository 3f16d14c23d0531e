"""``selection.toml``: names which group of records forms a block, where several could.

.. code-block:: toml

    origin = "real"             # only where real and synthetic records lie in one folder

    [fer2013]                   # fer2013, raf-db, affectnet; every key is optional
    recipe = "paper-0123abcd"
    backend = "tensorflow"
    fingerprint = "0123456789ab"             # of the training dataset; its beginning is enough
    seeds = [0, 1, 2]
    targets = { ck-plus = "ba9876543210" }   # fingerprint of a test set

    [latency]
    session = "..."
    backend = "tensorflow"
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_bench import paper
from fer_bench.errors import FerBenchError
from fer_bench.records import Origin
from fer_bench.toml_table import Value, check_table


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One table of ``selection.toml``; ``None`` leaves open."""

    recipe: str | None = None
    backend: str | None = None
    fingerprint: str | None = None
    session: str | None = None
    seeds: tuple[int, ...] | None = None
    targets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The content of ``selection.toml``."""

    path: Path
    origin: Origin | None = None
    choices: Mapping[str, Choice] = field(default_factory=dict)
    """By training dataset, or ``latency``."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_seeds(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(seed) is int for seed in value)


def _are_targets(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


_BACKEND = Value(_is_text, "a name in quotes")
_KEYS = {
    "recipe": Value(_is_text, "a recipe id in quotes"),
    "backend": _BACKEND,
    "fingerprint": Value(_is_text, "a fingerprint or its beginning, in quotes"),
    "seeds": Value(_are_seeds, "a list of whole numbers, such as [0, 1]"),
    "targets": Value(_are_targets, 'test sets with fingerprints, such as { ck-plus = "ba9876543210" }'),
}
_LATENCY_KEYS = {"session": Value(_is_text, "the name of a session in quotes"), "backend": _BACKEND}


def load_selection(path: Path) -> Selection:
    """Read ``selection.toml``; a missing file selects nothing.

    Raises:
        FerBenchError: not TOML, an unknown key, or a value of the wrong type.
    """
    if not path.exists():
        return Selection(path=path)
    if not path.is_file():  # A pipe would be waited for.
        raise FerBenchError(f"{path}: not a file, though something is there; expected TOML; move it away")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise FerBenchError(f"{path}: not readable as TOML ({error})") from error
    origin = content.pop("origin", None)
    if origin not in (None, "real", "synthetic"):
        raise FerBenchError(f'{path}: origin = {origin!r}, expected "real" or "synthetic"')
    names = (*paper.TRAINED_ON, "latency")
    choices = {}
    for name, table in content.items():
        if name not in names:
            raise FerBenchError(f"{path}: unknown [{name}]; expected one of {', '.join(names)}, or origin")
        choices[name] = _choice(table, _LATENCY_KEYS if name == "latency" else _KEYS, f"{path}: [{name}]")
    return Selection(path=path, origin=origin, choices=choices)


def _choice(table: Any, keys: Mapping[str, Value], where: str) -> Choice:
    if not isinstance(table, dict):
        raise FerBenchError(f"{where} is {table!r}, expected a table with {', '.join(keys)}")
    check_table(table, keys, where)
    values = dict(table)
    if "seeds" in values:
        values["seeds"] = tuple(sorted(set(values["seeds"])))
    return Choice(**values)


def quote(text: str) -> str:
    """Return a TOML basic string (JSON's escapes are a subset of TOML's)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_lines(name: str, choice: Choice) -> list[str]:
    """Return the lines of ``selection.toml`` that hold a choice, its heading ``[name]`` first."""
    lines = [f"[{name}]"]
    for key in ("session", "recipe", "backend", "fingerprint"):
        value = getattr(choice, key)
        if value is not None:
            lines.append(f"{key} = {quote(value)}")
    if choice.seeds is not None:
        lines.append(f"seeds = [{', '.join(map(str, choice.seeds))}]")
    if choice.targets:
        pairs = ", ".join(f"{quote(target)} = {quote(value)}" for target, value in sorted(choice.targets.items()))
        lines.append(f"targets = {{ {pairs} }}")
    return lines
