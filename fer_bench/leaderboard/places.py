"""The folders that hold the records, each with a name short enough for a column."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_bench.errors import FerBenchError
from fer_bench.files import expanded
from fer_bench.records import KINDS
from fer_bench.workspace import PUBLISHED, Workspace


@dataclass(frozen=True, order=True)
class Place:
    """One folder of records."""

    label: str
    """For people; different for each place, without what depends on the machine where that can be."""
    records: Path
    datasets: Path | None
    """Folder of prepared datasets, where the records are a workspace's."""


def find_places(paths: Sequence[Path]) -> tuple[Place, ...]:
    """Return the folders of records that paths name, sorted by label, one given twice once.

    Args:
        paths: workspaces, folders of records, or checkouts with published records; ``()`` for the published records
            in the current folder.

    Raises:
        FerBenchError: a path is none of these.
    """
    if not paths:
        if not PUBLISHED.records.is_dir():
            raise FerBenchError(
                f"{PUBLISHED.records}: no published records in the current folder; name workspaces with --records PATH"
            )
        return (Place("published", PUBLISHED.records, None),)
    found: dict[Path, tuple[Path, Path, Path | None]] = {}
    for path in paths:
        named, records, datasets = _look(expanded(path))
        found.setdefault(records.resolve(), (named, records, datasets))
    labels = _labels([named for named, _, _ in found.values()])
    return tuple(
        sorted(
            Place(label, records, datasets)
            for label, (_, records, datasets) in zip(labels, found.values(), strict=True)
        )
    )


def _look(path: Path) -> tuple[Path, Path, Path | None]:
    """Return the folder that gives the name, that of the records, and that of the prepared datasets."""
    workspace = Workspace(path)
    if workspace.results.records.is_dir():
        return path.resolve(), workspace.results.records, workspace.datasets
    if (path / PUBLISHED.records).is_dir():
        return path.resolve(), path / PUBLISHED.records, None
    if any((path / kind).is_dir() for kind in KINDS):
        if path.resolve().name == workspace.results.records.name:
            above = Workspace(path.resolve().parent)
            return above.root, path, above.datasets
        return path.resolve(), path, None
    if not path.exists():
        raise FerBenchError(f"{path}: no such folder; expected a workspace or a folder of records")
    raise FerBenchError(
        f"{path}: no records in it; expected a workspace (with records/), a folder of records (with eval/), or a "
        "checkout (with reports/records/)"
    )


def _labels(folders: Sequence[Path]) -> list[str]:
    """Return for each folder the fewest of its last parts that no other folder ends in."""
    labels = []
    for folder in folders:
        others = [other for other in folders if other != folder]
        for length in range(1, len(folder.parts) + 1):
            tail = folder.parts[-length:]
            if all(other.parts[-length:] != tail for other in others):
                break
        labels.append("/".join(part.strip("/") for part in tail))
    return labels
