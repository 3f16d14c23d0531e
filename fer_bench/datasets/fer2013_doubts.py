"""Why tables with the names of FER-2013's are not recognised: another separator, no header, still compressed."""

from pathlib import Path

from fer_bench.datasets.fer2013_tables import PART_OF, WHOLE
from fer_bench.datasets.folder import shown
from fer_bench.datasets.pixel_text import header


def doubts_of_whole(path: Path) -> list[str]:
    """Return why a file with the whole table's name, or the file itself, is not that table."""
    return _doubts([path] if path.is_file() else [path / name for name in WHOLE], "emotion, pixels and Usage")


def doubts_of_split(path: Path) -> list[str]:
    """Return why the files of the split edition's names are not its tables."""
    return _doubts([path / name for name in PART_OF], "emotion and pixels")


def _doubts(tables: list[Path], columns: str) -> list[str]:
    found = []
    for table in tables:
        packed = table if table.name.endswith(".gz") else table.with_name(f"{table.name}.gz")
        if packed.is_file():
            found.append(f"{packed.name} is compressed: unpack it")
        elif table.is_file() and table.suffix.lower() == ".csv":
            names = ", ".join(shown(name[:20]) for name in header(table)[:4])
            found.append(f"{table.name}: its first line holds: {names[:60]}; expected {columns}, commas between them")
    return found
