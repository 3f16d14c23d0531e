"""Why tables with the names of FER-2013's are not recognised: another separator, no header, still compressed."""

from pathlib import Path

from fer_bench.datasets.fer2013_tables import PART_OF, WHOLE
from fer_bench.datasets.folder import shown
from fer_bench.datasets.pixel_text import header


def doubts_of_whole(path: Path) -> list[str]:
    """Return why a file with the whole table's name, or the file itself, is not that table."""
    tables = [path] if path.is_file() else [path / name for name in WHOLE]
    return _doubts(tables, "emotion", "pixels", "Usage")


def doubts_of_split(path: Path) -> list[str]:
    """Return why the files of the split edition's names are not its tables."""
    found = _doubts([path / name for name in PART_OF], "emotion", "pixels")
    if path.is_dir():
        held = sorted(entry.name for entry in path.iterdir())
        found += [
            f"{name}: write its name {name.lower()}" for name in held if name not in PART_OF and name.lower() in PART_OF
        ]
    return found


def _doubts(tables: list[Path], *columns: str) -> list[str]:
    found = []
    for table in tables:
        packed = table if table.name.endswith(".gz") else table.with_name(f"{table.name}.gz")
        if packed.is_file():
            found.append(f"{packed.name} is compressed: unpack it")
        elif table.is_file() and table.suffix.lower() == ".csv":
            held = [name.lower() for name in header(table)]
            if set(map(str.lower, columns)) <= set(held):
                continue
            if "pixels" in held and {*held} <= {"pixels", "usage"}:
                found.append(f"{table.name} has no labels, as the competition gave it: icml_face_data.csv has them all")
                continue
            names = ", ".join(shown(name[:20]) for name in header(table)[:4])
            wanted = f"{', '.join(columns[:-1])} and {columns[-1]}"
            found.append(f"{table.name}: its first line holds: {names[:60]}; expected {wanted}, commas between them")
    return found
