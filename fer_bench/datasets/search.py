"""Looks for the layouts of datasets at a path that a user names, and around it."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fer_bench.datasets import origin_of
from fer_bench.datasets.card import DatasetCard, Layout
from fer_bench.errors import FerBenchError, reason_of
from fer_bench.plugins import PluginError, off_stdout

ALSO = "also "
"""How the evidence of a layout begins that gives way to another one of the same dataset in the same place."""


@dataclass(frozen=True)
class Candidate:
    """What a path may hold."""

    card: DatasetCard
    layout: Layout
    root: Path
    """Where the layout begins: the path that the user named, a folder in it, or the folder it lies in."""
    evidence: str

    @property
    def official(self) -> bool:
        """``False`` for a re-upload, which is taken only where ``--layout`` names it."""
        return self.layout.official


@dataclass
class Search:
    """Goes through the levels around a path: the path itself, one folder below, two below, and the one above."""

    source: Path
    hint: str = ""
    """Added to the message about a missing path."""
    unreadable: dict[Path, None] = field(default_factory=dict)
    """Folders around the path that could not be looked into, in order (a dict, for a set has none)."""
    on_broken: Callable[[str], object] | None = None
    """Told what is wrong with a card of another package, which is then left out; ``None`` lets that be raised."""
    broken: set[str] = field(default_factory=set)
    """Names of the cards that are left out."""

    def candidates(self, layouts: Iterable[tuple[DatasetCard, Layout]]) -> Iterator[list[Candidate]]:
        """Yield the candidates of each level, nearest first, without those that give way to others (:data:`ALSO`).

        Raises:
            FerBenchError: the path is missing or unreadable.
        """
        layouts = tuple(layouts)
        try:
            if not self.source.exists():
                raise FerBenchError(f"{self.source}: no such file or folder{self.hint}")
            source = real_path(self.source)
            yield _distinct(self._matches(source, layouts))
            below = folders(source) if source.is_dir() else []
        except OSError as error:
            where = error.filename or self.source  # It may be a folder in there, such as one class's.
            raise FerBenchError(f"{where}: cannot be read ({error.strerror or error})") from error
        yield self._around(below, layouts)
        yield self._around(self._two_below(below), layouts)
        above = self._around([source.parent] if source.parent != source else [], layouts)
        yield [one for one in above if _names(one.evidence, source)]

    def _around(self, places: list[Path], layouts: Sequence[tuple[DatasetCard, Layout]]) -> list[Candidate]:
        matches = []
        for place in places:
            try:
                matches += self._matches(place, layouts)
            except PluginError:
                raise
            except (OSError, FerBenchError):
                self.unreadable[place] = None
        return _distinct(matches)

    def _matches(self, place: Path, layouts: Sequence[tuple[DatasetCard, Layout]]) -> list[Candidate]:
        matches = []
        for card, layout in layouts:
            if card.name in self.broken:
                continue
            try:
                evidence = _evidence(card, layout, place)
            except PluginError as error:
                if self.on_broken is None:
                    raise
                self.broken.add(card.name)
                self.on_broken(str(error))
                continue
            if evidence is not None:
                matches.append(Candidate(card, layout, place, evidence))
        return matches

    def _two_below(self, below: list[Path]) -> list[Path]:
        found = []
        for folder in below:
            try:
                found += folders(folder)
            except OSError:
                self.unreadable[folder] = None
        return found


def real_path(source: Path) -> Path:
    """Return a path with links resolved; of a file only those of its folder.

    A file's own name says what it is, such as ``fer2013.csv``; the name of what it links to may not.
    """
    return source.resolve() if source.is_dir() else source.parent.resolve() / source.name


def _evidence(card: DatasetCard, layout: Layout, place: Path) -> str | None:
    """Return the evidence of a layout at a place, ``None`` where it is not there.

    Raises:
        PluginError: the layout is another package's, and fails; names its distribution.
    """
    origin = origin_of(card)
    try:
        with off_stdout():
            evidence = layout.recognise(place)
        if origin is not None and not isinstance(evidence, str | None):
            raise TypeError(f"found {type(evidence).__name__}, expected a str or None")
    except (OSError, FerBenchError):
        raise
    except (Exception, SystemExit) as error:
        if origin is None:
            raise
        raise PluginError(
            f"{origin}: recognise of its layout {layout.name!r} fails: {reason_of(error)}; repair or "
            "uninstall that distribution"
        ) from error
    return evidence


def _names(evidence: str, source: Path) -> bool:
    """Return whether the evidence of a layout names ``source`` as lying directly in it, a folder with a slash."""
    end = "/" if source.is_dir() else r"(?:[\s,]|$)"
    return re.search(rf"(?:^|\s){re.escape(source.name)}{end}", evidence) is not None


def _distinct(matches: list[Candidate]) -> list[Candidate]:
    """Return the candidates without those that give way to another layout of the same dataset in the same place."""
    first = {(one.root, one.card.name) for one in matches if not one.evidence.startswith(ALSO)}
    return [one for one in matches if not (one.evidence.startswith(ALSO) and (one.root, one.card.name) in first)]


def folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted by name, without links, hidden ones and those that macOS adds to archives.

    Raises:
        OSError: it cannot be listed.
    """
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if is_real_folder(entry) and not entry.name.startswith(".")]
    return [folder / name for name in sorted(names) if name != "__MACOSX"]


def is_real_folder(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a folder and no link to one: links are followed only where the user names them."""
    return entry.is_dir(follow_symlinks=False)
