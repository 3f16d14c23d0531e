"""Models and datasets of other packages, found by entry points and loaded one at a time: a broken one harms no other.

What is wrong with one is said with the distribution that brings it, since that is what can be repaired or removed.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any, Generic, Protocol, TypeVar

from fer_bench.errors import FerBenchError

NAME_RULE = "lower-case letters and digits, joined by single '-', '_' or '.', at most 64 characters"
_NAME = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:[-_.][a-z0-9]+)*")


class PluginError(FerBenchError):
    """Something in another package is broken; the message names its distribution."""


class Named(Protocol):
    """A card."""

    @property
    def name(self) -> str:
        """On the command line and in file names."""


CardT = TypeVar("CardT", bound=Named)


def is_name(name: str) -> bool:
    """Return whether a name can be part of file names on any system, where ``__`` parts it from what follows."""
    return _NAME.fullmatch(name) is not None


def distribution(entry: EntryPoint) -> str:
    """Return name and version of the distribution that offers an entry point, e.g. ``my-net 1.0``."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an unknown distribution"


def reason_of(error: BaseException) -> str:
    """Return in one line what another package raised."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['without a message'])[0]}"


@dataclass(frozen=True)
class Plugins(Generic[CardT]):
    """What other packages offer of one kind."""

    kind: str
    """What one of them is, for people: ``model``."""
    group: str
    """Entry-point group under which other packages offer a card, each under the name on the card."""
    card: type[CardT]

    def offers(self) -> dict[str, tuple[EntryPoint, ...]]:
        """Return the entry points by their names, sorted; nothing is imported. Several of a name are a mistake."""
        return _offers(self.group)

    def where(self, name: str) -> str:
        """Return for messages what is offered under ``name``, one of :meth:`offers`, and by which distribution."""
        entry = self.offers()[name][0]
        return f"{self.kind} {name!r} of the distribution {distribution(entry)} (entry point {entry.value})"

    def load(self, name: str, taken: Collection[str] = ()) -> CardT:
        """Return the card that another package offers under ``name``, one of :meth:`offers`.

        Args:
            name: of the entry point, and so of the card.
            taken: names of fer-bench's own.

        Raises:
            PluginError: its module cannot be imported, what it offers is no card or one of another name, the name
                cannot be part of file names, is fer-bench's own or is offered twice; the message names the
                distribution.
        """
        entries = self.offers()[name]
        where = self.where(name)
        if not is_name(name):
            raise PluginError(f"{where}: the name is part of file names; expected {NAME_RULE}")
        if name in taken:
            raise PluginError(f"{where}: the name is that of a {self.kind} of fer-bench; choose another")
        if len(entries) > 1:
            offering = " and ".join(map(distribution, entries))
            raise PluginError(f"{self.kind} {name!r} is offered by {offering}; uninstall one")
        card: CardT = _loaded(entries[0], where, self.card)
        return card

    def broken(self, taken: Collection[str]) -> dict[str, str]:
        """Return why what another package offers cannot be used, by name; the distribution is named.

        Args:
            taken: names of fer-bench's own.
        """
        found = {}
        for name in self.offers():
            try:
                self.load(name, taken)
            except PluginError as error:
                found[name] = str(error)
        return found


@cache
def _offers(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, distribution(entry))):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


@cache
def _loaded(entry: EntryPoint, where: str, expected: type[Any]) -> Any:
    try:
        card = entry.load()
    except (Exception, SystemExit) as error:  # Anything may go wrong in another package.
        raise PluginError(
            f"{where} cannot be loaded: {reason_of(error)}; repair or uninstall that distribution"
        ) from error
    if not isinstance(card, expected):
        wanted = f"{expected.__module__}.{expected.__name__}"
        raise PluginError(f"{where}: found {type(card).__name__}, expected a {wanted}")
    if card.name != entry.name:
        raise PluginError(f"{where}: its card is named {card.name!r}; name the entry point and the card alike")
    return card
