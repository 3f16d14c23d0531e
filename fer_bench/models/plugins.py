"""Models of other packages, found by their entry points and loaded one at a time: a broken one harms no other.

What is wrong with one is said with the distribution that brings it, since that is what can be repaired or removed.
"""

import re
from functools import cache
from importlib.metadata import EntryPoint

from fer_bench.errors import FerBenchError
from fer_bench.models.card import ModelCard

ENTRY_POINTS = "fer_bench.models"
"""Entry-point group under which other packages offer a :class:`ModelCard`, each under the name of its model."""

NAME_RULE = "lower-case letters and digits, joined by single '-', '_' or '.', at most 64 characters"
_NAME = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:[-_.][a-z0-9]+)*")


def is_model_name(name: str) -> bool:
    """Return whether a name can be part of file names on any system, where ``__`` parts it from what follows."""
    return _NAME.fullmatch(name) is not None


@cache
def offers() -> dict[str, tuple[EntryPoint, ...]]:
    """Return the entry points by their names, sorted; nothing is imported. Several of a name are a mistake."""
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: (entry.name, distribution(entry))):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def distribution(entry: EntryPoint) -> str:
    """Return name and version of the distribution that offers an entry point, e.g. ``my-net 1.0``."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an unknown distribution"


def load(name: str, taken: frozenset[str] = frozenset()) -> ModelCard:
    """Return the card that another package offers under ``name``, one of :func:`offers`.

    Args:
        name: of the entry point, and so of the model.
        taken: names of fer-bench's own models.

    Raises:
        FerBenchError: its module cannot be imported, what it offers is no card or one of another name, the name
            cannot be part of file names, is fer-bench's own or is offered twice; the message names the distribution.
    """
    entries = offers()[name]
    entry = entries[0]
    where = f"model {name!r} of the distribution {distribution(entry)} (entry point {entry.value})"
    if not is_model_name(name):
        raise FerBenchError(f"{where}: the name is part of file names; expected {NAME_RULE}")
    if name in taken:
        raise FerBenchError(f"{where}: the name is that of a model of fer-bench; choose another")
    if len(entries) > 1:
        raise FerBenchError(f"model {name!r} is offered by {' and '.join(map(distribution, entries))}; uninstall one")
    return _loaded(entry, where)


@cache
def _loaded(entry: EntryPoint, where: str) -> ModelCard:
    try:
        card = entry.load()
    except (Exception, SystemExit) as error:  # Anything may go wrong in another package.
        reason = (str(error).strip().splitlines() or ["without a message"])[0]
        raise FerBenchError(
            f"{where} cannot be loaded: {type(error).__name__}: {reason}; repair or uninstall that distribution"
        ) from error
    if not isinstance(card, ModelCard):
        raise FerBenchError(f"{where}: found {type(card).__name__}, expected a fer_bench.models.card.ModelCard")
    if card.name != entry.name:
        raise FerBenchError(f"{where}: its card is named {card.name!r}; name the entry point and the card alike")
    return card
