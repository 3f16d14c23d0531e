"""Which dataset and layout a user's path holds, and what to say where it is none, or not only one."""

import heapq
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench.datasets import dataset_cards, origin_of
from fer_bench.datasets.archives import named_as_archive
from fer_bench.datasets.card import DatasetCard, Layout
from fer_bench.datasets.folder import listed, shown
from fer_bench.datasets.search import ALSO, Candidate, Search, folders, is_real_folder, real_path
from fer_bench.errors import FerBenchError

_SHOWN = 12
"""Entries of a folder named in a message."""


@dataclass(frozen=True)
class Found:
    """A recognised dataset."""

    root: Path
    """Where the layout begins: the path that the user named, a folder in it, or the folder it lies in."""
    layout: Layout
    evidence: str
    above: bool = False
    """Whether ``root`` is the folder that the named one lies in."""


def recognise(card: DatasetCard, source: Path, layout: str | None = None) -> Found:
    """Find the layout of a dataset at ``source``, else one folder below, two below, or one above.

    The folder above counts only where its evidence names ``source``, such as ``train/``: then the user has named a part
    of the dataset. Any other folder beside a dataset is no part of it.

    A layout whose evidence begins with "also " (:data:`ALSO`) gives way to another one of the same root.

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
    search = Search(source, f"; --source takes the folder that holds {card.title}")
    for candidates in search.candidates((card, one) for one in chosen):
        if len(candidates) > 1:
            raise FerBenchError(_ambiguous(card, source, candidates))
        if candidates:
            found = candidates[0]
            above = found.root == real_path(source).parent
            return Found(found.root, found.layout, found.evidence.removeprefix(ALSO), above)
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
    for candidates in Search(source, on_broken=on_broken).candidates(layouts):
        # A folder within a re-upload, such as train/, often looks like a smaller copy in the same layout: the outer one
        # has been found before.
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
            names = [shown(entry.name) + "/" * is_real_folder(entry) for entry in entries]
        first = heapq.nsmallest(_SHOWN, names)
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        return f"it holds {', '.join(first)}{more}{_archives(source)}" if names else "it is empty"
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"


def doubts(source: Path, cards: Iterable[DatasetCard]) -> list[str]:
    """Return, for each layout of these datasets that a path nearly holds, what keeps it from being recognised."""
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


def _chosen(card: DatasetCard, layout: str | None) -> tuple[Layout, ...]:
    """Return the layout of that name, or all official ones."""
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
        lines.append(f"Not looked into, since unreadable: {listed(list(map(str, unreadable)))}")
    return "\n".join([*lines, f"fer-bench inspect {shlex.quote(str(source))} tells whether it is another dataset"])


def _expected(layouts: Sequence[Layout]) -> list[str]:
    return [f"  {layout.name}: {layout.description}" for layout in layouts]


def _archives(source: Path) -> str:
    """Return the end of a sentence that names the archives in a folder and two levels below; empty without any."""
    places = [source]
    names = []
    for depth in range(3):
        below = []
        for place in places:
            try:
                below += folders(place) if depth < 2 else []
                with os.scandir(place) as entries:
                    found = sorted(entry.name for entry in entries if named_as_archive(entry.name) and entry.is_file())
            except OSError:
                continue
            names += [shown((place / name).relative_to(source).as_posix()) for name in found]
        places = below
    more = ", ..." if len(names) > _SHOWN else ""
    return f"; it holds archives ({', '.join(names[:_SHOWN])}{more}): unpack them" if names else ""
