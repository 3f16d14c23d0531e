"""A table of a TOML file, checked key by key, with one message for unknown keys and one for wrong values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fer_bench.errors import FerBenchError


@dataclass(frozen=True)
class Value:
    """What a key may hold."""

    fits: Callable[[Any], bool]
    expected: str
    """The same in words, for messages."""


def check_table(table: Mapping[str, Any], keys: Mapping[str, Value], where: str) -> None:
    """Refuse a table with a key, or the value of one, that it must not have; no key is required.

    Args:
        table: as read.
        keys: the known ones.
        where: the file and the table's heading, for messages.

    Raises:
        FerBenchError: an unknown key or a wrong value.
    """
    for key, value in table.items():
        if key not in keys:
            raise FerBenchError(f"{where}: unknown key {key!r}; expected one of {', '.join(keys)}")
        if not keys[key].fits(value):
            raise FerBenchError(f"{where}: {key} = {value!r}, expected {keys[key].expected}")
