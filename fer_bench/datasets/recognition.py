"""Which dataset and layout a user's path holds, and by what evidence."""

import heapq
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fer_bench.datasets import dataset_cards, origin_of
from fer_bench.datasets.archives import named_as_archive
from fer_bench.datasets.card import DatasetCard, Layout
from fer_bench.datasets.folder import shown
from fer_bench.errors import FerBenchError, reason_of
from fer_bench.plugins import PluginError

_SHOWN = 12
"""Entries of a folder named in a message."""
_ALSO = "also "
"""Begins the evidence of a layout that is there beside the one that is taken by default."""


@dataclass(frozen=True)
class Found:
    """A recognised dataset."""

    root: Path
    """Where the layout begins: the path that the user named, a folder in it, or the folder it lies in."""
    layout: Layout
    evidence: str
    above: bool = False
    """Whether ``root`` is the folder that the named one lies in."""


@dataclass(frozen=True)
class Candidate:
    """What a path may hold."""

    card: DatasetCard
    layout: Layout
    root: Path
    """As :attr:`Found.root`."""
    evidence: str

    @property
    def official(self) -> bool:
        """``False`` for a re-upload, which is taken only where ``--layout`` names it."""
        return self.layout.official


def recognise(card: DatasetCard, source: Path, layout: str | None = None) -> Found:
    """Find the layout of a dataset at ``source``, else one folder below, two below, or one above.

    One above counts only where its evidence names ``source``, as it does ``train/``: any other folder beside a dataset
    is no part of it.

    A layout whose evidence begins with "also " gives way to another one of the same root.

    Args:
        card: of the dataset.
        source: folder, or file of a layout that is one file; archives are unpacked before
            (:func:`fer_bench.datasets.archives.opened`).
        layout: name of the layout to look for; ``None`` tries all official ones.

    Raises:
        FerBenchError: ``source`` is missing or unreadable, the layout is unknown, none fits, only a re-upload does, or
            several do; or the card is another package's, and it fails.
    """
    chosen = _chosen(card, layout)
    search = _Search(source, f"; --source takes the folder that holds {card.title}")
    for candidates in search.candidates((card, one) for one in chosen):
        if len(candidates) > 1:
            raise FerBenchError(_ambiguous(card, source, candidates))
        if candidates:
            found = candidates[0]
            above = found.root == _real(source).parent
            return Found(found.root, found.layout, found.evidence.removeprefix(_ALSO), above)
    if layout is None:
        unofficial = [(card, one) for one in card.layouts if not one.official]
        for candidates in search.candidates(unofficial):
            if candidates:
                raise FerBenchError(_unofficial(card, source, candidates))
    raise FerBenchError(_unrecognised(card, source, chosen, list(search.unreadable), forced=layout is not None))


def inspect(source: Path, on_broken: Callable[[str], object] = lambda reason: None) -> list[Candidate]:
    """Return what ``source`` may hold, of every known dataset: official layouts first, then re-uploads.

    Looks where :func:`recognise` looks, up to the first level at which an official layout is found. Several official
    candidates mean that the path is ambiguous; none at all is an empty list (see :func:`describe`).

    Args:
        source: folder, or file of a layout that is one file.
        on_broken: called with what is wrong with the card of another package that fails here; it is left out.

    Raises:
        FerBenchError: ``source`` is missing or unreadable.
    """
    layouts = [(card, layout) for card in dataset_cards().values() for layout in card.layouts]
    found: list[Candidate] = []
    for candidates in _Search(source, on_broken=on_broken).candidates(layouts):
        # The split folders of a re-upload often look like a smaller one.
        known = {(one.card.name, one.layout.name) for one in found}
        found += [one for one in candidates if (one.card.name, one.layout.name) not in known]
        if any(candidate.official for candidate in candidates):
            break
    return sorted(found, key=lambda candidate: not candidate.official)


def describe(source: Path) -> str:
    """Return in a few words what a path holds, archives that are still packed included."""
    try:
        if not source.is_dir():
            return "it is a file" if source.exists() else "no such file or folder"
        with os.scandir(source) as entries:
            names = [shown(entry.name) + "/" * _is_real_folder(entry) for entry in entries]
        first = heapq.nsmallest(_SHOWN, names)
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        return f"it holds {', '.join(first)}{more}{_archives(source)}" if names else "it is empty"
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"


def doubts(source: Path, cards: Iterable[DatasetCard]) -> list[str]:
    """Return why what a path holds, and nothing has recognised, is not quite one of these datasets' layouts."""
    found: list[str] = []
    for card in cards:
        for layout in card.layouts:
            try:
                found += layout.doubts(source) if layout.doubts else []
            except OSError:
                continue
            except Exception:  # Anything may go wrong in another package; here it would only have given a hint.
                if origin_of(card) is None:
                    raise
    return found


@dataclass
class _Search:
    """Goes through the levels around a path, nearest first."""

    source: Path
    hint: str = ""
    """Added to the message about a missing path."""
    unreadable: dict[Path, None] = field(default_factory=dict)
    """Folders around the path that could not be looked into."""
    on_broken: Callable[[str], object] | None = None
    """Told what is wrong with a card of another package, which is then left out; ``None`` lets that be raised."""
    broken: set[str] = field(default_factory=set)
    """Names of the cards that are left out."""

    def candidates(self, layouts: Iterable[tuple[DatasetCard, Layout]]) -> Iterator[list[Candidate]]:
        """Yield the matches of each level, those dropped that give way to others.

        Raises:
            FerBenchError: the path is missing or unreadable.
        """
        layouts = tuple(layouts)
        try:
            if not self.source.exists():
                raise FerBenchError(f"{self.source}: no such file or folder{self.hint}")
            source = _real(self.source)
            yield _distinct(self._matches(source, layouts))
            below = _folders(source) if source.is_dir() else []
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
                found += _folders(folder)
            except OSError:
                self.unreadable[folder] = None
        return found


def _real(source: Path) -> Path:
    """Return a path without links, but where it is a file itself: its name says what it is, its target's may not."""
    return source.resolve() if source.is_dir() else source.parent.resolve() / source.name


def _evidence(card: DatasetCard, layout: Layout, place: Path) -> str | None:
    """Return what ``recognise`` of a layout does; what another package raises there is named with its distribution."""
    origin = origin_of(card)
    try:
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
    """Whether the evidence of a layout names what lies directly in it: folders with a slash behind them."""
    end = "/" if source.is_dir() else r"(?:[\s,]|$)"
    return re.search(rf"(?:^|\s){re.escape(source.name)}{end}", evidence) is not None


def _distinct(matches: list[Candidate]) -> list[Candidate]:
    first = {(one.root, one.card.name) for one in matches if not one.evidence.startswith(_ALSO)}
    return [one for one in matches if not (one.evidence.startswith(_ALSO) and (one.root, one.card.name) in first)]


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _is_real_folder(entry) and not entry.name.startswith(".")]
    return [folder / name for name in sorted(names) if name != "__MACOSX"]


def _is_real_folder(entry: "os.DirEntry[str]") -> bool:
    # A link to another place is entered only where the user names it.
    return entry.is_dir(follow_symlinks=False)


def _chosen(card: DatasetCard, layout: str | None) -> tuple[Layout, ...]:
    if layout is None:
        return tuple(one for one in card.layouts if one.official)
    chosen = tuple(one for one in card.layouts if one.name == layout)
    if not chosen:
        known = ", ".join(one.name for one in card.layouts)
        raise FerBenchError(f"{card.name} has no layout {layout!r}; known: {known}")
    return chosen


def _ambiguous(card: DatasetCard, source: Path, candidates: list[Candidate]) -> str:
    names = [candidate.layout.name for candidate in candidates]
    lines = [f"{source}: {card.title} is there more than once:"]
    for candidate in candidates:
        option = f"--layout {candidate.layout.name}"
        if names.count(candidate.layout.name) > 1:
            option += f" --source {shlex.quote(str(candidate.root))}"
        lines.append(f"  {candidate.layout.name} in {candidate.root}: {candidate.evidence} (take it with {option})")
    return "\n".join([*lines, "choose one of them"])


def _unofficial(card: DatasetCard, source: Path, candidates: list[Candidate]) -> str:
    what = " or ".join(f"{one.layout.name} in {one.root}: {one.evidence}" for one in candidates)
    options = " or ".join(dict.fromkeys(f"--layout {one.layout.name}" for one in candidates))
    advice = f"it is not the official split; take it with {options}"
    lines = [f"{source}: looks like a re-upload of {card.title} ({what}); {advice}. The official files are one of:"]
    return "\n".join([*lines, *_expected(_chosen(card, None))])


def _unrecognised(
    card: DatasetCard, source: Path, layouts: Sequence[Layout], unreadable: list[Path], *, forced: bool
) -> str:
    wanted = "Expected, or leave out --layout to have it recognised" if forced else "Expected one of"
    lines = [f"{source}: not recognised as {card.title}: {describe(source)}. {wanted}:", *_expected(layouts)]
    lines += doubts(source, [card])
    if unreadable:
        more = f" and {len(unreadable) - _SHOWN:,} more" if len(unreadable) > _SHOWN else ""
        lines.append(f"Not looked into, since unreadable: {', '.join(map(str, unreadable[:_SHOWN]))}{more}")
    return "\n".join([*lines, f"fer-bench inspect {shlex.quote(str(source))} tells whether it is another dataset"])


def _expected(layouts: Sequence[Layout]) -> list[str]:
    return [f"  {layout.name}: {layout.description}" for layout in layouts]


def _archives(source: Path) -> str:
    places = [source]
    names = []
    for depth in range(3):
        below = []
        for place in places:
            try:
                below += _folders(place) if depth < 2 else []
                with os.scandir(place) as entries:
                    found = sorted(entry.name for entry in entries if named_as_archive(entry.name) and entry.is_file())
            except OSError:
                continue
            names += [shown((place / name).relative_to(source).as_posix()) for name in found]
        places = below
    more = ", ..." if len(names) > _SHOWN else ""
    return f"; it holds archives ({', '.join(names[:_SHOWN])}{more}): unpack them" if names else ""
