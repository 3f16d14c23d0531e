"""Whether a saved analysis equals one computed from its profiles now, number by number."""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

from fer_bench.records import StatisticsRecord

RELATIVE = 1e-9
"""Relative tolerance: other library versions and machines add numbers in another order."""
VERY_SMALL = 1e-11
"""Absolute tolerance of a p-value, in addition: numerical integrals are accurate to about this."""


def differences(saved: StatisticsRecord, computed: StatisticsRecord) -> list[str]:
    """Return one line for each place where two records differ by more than the tolerances; none where they agree."""
    return list(_walk("", dataclasses.asdict(saved), dataclasses.asdict(computed)))


def _walk(where: str, saved: Any, computed: Any) -> Iterator[str]:
    if isinstance(saved, dict) and isinstance(computed, dict):
        for key in dict.fromkeys((*saved, *computed)):
            yield from _walk(f"{where}.{key}" if where else key, saved.get(key), computed.get(key))
    elif isinstance(saved, tuple) and isinstance(computed, tuple):
        for position, (one, other) in enumerate(itertools.zip_longest(saved, computed)):
            yield from _walk(f"{where}[{position}]", one, other)
    elif not _same(where, saved, computed):
        yield f"{where}: {_text(saved)} in the record, {_text(computed)} from the profiles"


def _same(where: str, saved: Any, computed: Any) -> bool:
    if not (isinstance(saved, float) and isinstance(computed, float)):
        return bool(saved == computed)
    name = where.rpartition(".")[2]
    is_p = name in ("p", "p_corrected", "ljung_box_p")
    return math.isclose(saved, computed, rel_tol=RELATIVE, abs_tol=VERY_SMALL if is_p else 0.0)


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | tuple):
        return "a value" if value else "nothing"
    return repr(value)
