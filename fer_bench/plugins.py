"""Models and datasets by name: fer-bench's own, and those of other packages, found by entry points.

These are loaded one at a time: a broken one harms no other.

What is wrong with one is said with the distribution that brings it, since that is what can be repaired or removed.
"""

import contextlib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any, Generic, Protocol, TypeVar

from fer_bench.errors import FerBenchError, reason_of

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


def off_stdout() -> contextlib.AbstractContextManager[object]:
    """Let what another package prints go to stderr: it is no part of a command's answer, which may be JSON."""
    return contextlib.redirect_stdout(sys.stderr)


@dataclass(frozen=True)
class Plugins(Generic[CardT]):
    """What there is of one kind."""

    kind: str
    """What one of them is, for people: ``model``."""
    group: str
    """Entry-point group under which other packages offer a card, each under the name on the card."""
    card: type[CardT]
    own: Mapping[str, CardT]
    """Fer-bench's own by name, for which no other package is imported."""
    reserved: str = ""
    """A name that records have for something else; empty where there is none."""

    def names(self) -> list[str]:
        """Return every name, fer-bench's own first; no other package is imported."""
        return [*self.own, *(name for name in self.offers() if name not in self.own)]

    def find(self, name: str) -> CardT | None:
        """Return the card of that name, ``None`` where there is none; no other package than its own is imported.

        Raises:
            PluginError: as :meth:`load`.
        """
        if name in self.own:
            return self.own[name]
        return self.load(name) if name in self.offers() else None

    def usable(self) -> dict[str, CardT]:
        """Return every card by name, fer-bench's own first, without those of :meth:`broken`."""
        broken = self.broken()
        return {**self.own, **{name: self.load(name) for name in self.offers() if name not in broken}}

    def offers(self) -> dict[str, tuple[EntryPoint, ...]]:
        """Return the entry points by their names, sorted; nothing is imported. Several of a name are a mistake."""
        return _offers(self.group)

    def where(self, name: str) -> str:
        """Return for messages what is offered under ``name``, one of :meth:`offers`, and by which distribution."""
        entry = self.offers()[name][0]
        return f"{self.kind} {name!r} of the distribution {distribution(entry)} (entry point {entry.value})"

    def versions(self, names: Iterable[str]) -> dict[str, str]:
        """Return the versions of the distributions that offer some of the names, by distribution; none of fer-bench."""
        entries = [self.offers()[name][0] for name in names if name in self.offers() and name not in self.own]
        return {entry.dist.name: entry.dist.version for entry in entries if entry.dist is not None}

    def load(self, name: str) -> CardT:
        """Return the card that another package offers under ``name``, one of :meth:`offers`.

        Raises:
            PluginError: its module cannot be imported, what it offers is no card or one of another name, the name
                cannot be part of file names, is fer-bench's own, is reserved or is offered twice; the message names
                the distribution.
        """
        entries = self.offers()[name]
        where = self.where(name)
        if not is_name(name):
            raise PluginError(f"{where}: the name is part of file names; expected {NAME_RULE}")
        if name in self.own:
            raise PluginError(f"{where}: the name is that of a {self.kind} of fer-bench; choose another")
        if name == self.reserved:
            raise PluginError(f"{where}: records have that name for something else; choose another")
        if len(entries) > 1:
            offering = " and ".join(map(distribution, entries))
            raise PluginError(f"{self.kind} {name!r} is offered by {offering}; uninstall one")
        card: CardT = _loaded(entries[0], where, self.card)
        return card

    def broken(self) -> dict[str, str]:
        """Return why what another package offers cannot be used, by name; the distribution is named."""
        found = {}
        for name in self.offers():
            try:
                self.load(name)
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
        with off_stdout():
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
