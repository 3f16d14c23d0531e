"""Which layout a user's folder is, and by what evidence."""

from dataclasses import dataclass
from pathlib import Path

from fer_bench.datasets.card import DatasetCard, Layout
from fer_bench.datasets.folder import Folder
from fer_bench.errors import FerBenchError

_SHOWN = 12
"""Entries of a folder named in a message."""


@dataclass(frozen=True)
class Found:
    """A recognised dataset."""

    root: Path
    """Where the layout begins: the path that the user named, one of its folders, or the folder it lies in."""
    layout: Layout
    evidence: str


def recognise(card: DatasetCard, source: Path, layout: str | None = None) -> Found:
    """Find the layout of a dataset at ``source``, or where nothing is there, one folder below or above it.

    Args:
        card: of the dataset.
        source: folder, or file of a layout that is one file.
        layout: name of the layout to look for; ``None`` tries all.

    Raises:
        FerBenchError: ``source`` is missing or unreadable, the layout is unknown, none fits, or several do.
    """
    layouts = _chosen(card, layout)
    if not source.exists():
        raise FerBenchError(f"{source}: no such file or folder; --source takes the folder that holds {card.title}")
    source = source.resolve()
    try:
        below = [source / name for name in Folder(source).folders()] if source.is_dir() else []
        # A link to another place is entered only where the user names it.
        for places in ([source], [path for path in below if not path.is_symlink()], [source.parent]):
            matches = [
                Found(place, candidate, evidence)
                for place in places
                for candidate in layouts
                if (evidence := candidate.recognise(place)) is not None
            ]
            if len(matches) == 1:
                return matches[0]
            if matches:
                raise FerBenchError(_ambiguous(card, source, matches))
    except OSError as error:
        raise FerBenchError(f"{source}: cannot be read ({error.strerror or error})") from error
    raise FerBenchError(_unrecognised(card, source, layouts))


def _chosen(card: DatasetCard, layout: str | None) -> tuple[Layout, ...]:
    chosen = tuple(candidate for candidate in card.layouts if layout in (None, candidate.name))
    if not chosen:
        known = ", ".join(candidate.name for candidate in card.layouts)
        raise FerBenchError(f"{card.name} has no layout {layout!r}; known: {known}")
    return chosen


def _ambiguous(card: DatasetCard, source: Path, matches: list[Found]) -> str:
    lines = [f"{source}: several layouts of {card.title} are there:"]
    lines += [f"  {found.layout.name} in {found.root}: {found.evidence}" for found in matches]
    return "\n".join([*lines, "choose one with --layout NAME, or name its own folder with --source"])


def _unrecognised(card: DatasetCard, source: Path, layouts: tuple[Layout, ...]) -> str:
    if source.is_dir():
        names = sorted(path.name + "/" * path.is_dir() for path in source.iterdir())
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        found = f"it holds {', '.join(names[:_SHOWN])}{more}" if names else "it is empty"
    else:
        found = "it is a file"
    lines = [f"{source}: not recognised as {card.title}: {found}. Expected one of:"]
    return "\n".join(lines + [f"  {layout.name}: {layout.description}" for layout in layouts])
