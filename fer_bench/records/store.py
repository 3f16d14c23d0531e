"""Records as files."""

import dataclasses
from pathlib import Path
from typing import TypeVar

from fer_bench.errors import FerBenchError
from fer_bench.files import read_json, write_json
from fer_bench.records.profiling import ProfileRecord
from fer_bench.records.robustness import RobustnessRecord
from fer_bench.records.statistics import StatisticsRecord
from fer_bench.records.testing import EvalRecord
from fer_bench.records.training import TrainRecord
from fer_bench.typed_json import build

SCHEMA = 1
Record = TrainRecord | EvalRecord | RobustnessRecord | ProfileRecord | StatisticsRecord
RecordT = TypeVar("RecordT", TrainRecord, EvalRecord, RobustnessRecord, ProfileRecord, StatisticsRecord)
_COMMANDS = {
    **{"train": "train", "eval": "evaluate", "robustness": "robustness"},
    **{"profile": "profile", "statistics": "anova"},
}
"""The command that makes each kind of record."""
KINDS: dict[str, type[Record]] = {
    cls.kind: cls for cls in (TrainRecord, EvalRecord, RobustnessRecord, ProfileRecord, StatisticsRecord)
}


def path_of(folder: Path, record: Record) -> Path:
    """Return the path of a record below a records folder: ``<kind>/<stem>.json``."""
    return folder / record.kind / f"{record.stem}.json"


def save(folder: Path, record: Record) -> Path:
    """Write a record to its place below ``folder``, atomically, and return the path."""
    path = path_of(folder, record)
    content = {"schema": SCHEMA, "kind": record.kind, **dataclasses.asdict(record)}
    if isinstance(record, TrainRecord):
        content["target"] = record.dataset
    if isinstance(record, ProfileRecord) and not record.resident_bytes:
        del content["resident_bytes"]  # In older records only.
    write_json(path, content)
    return path


def load(path: Path, cls: type[RecordT]) -> RecordT:
    """Read one record.

    Raises:
        FerBenchError: the file is missing, or of another kind or schema; a field is missing or of the wrong type;
            fields contradict each other; or the file's name does not match its content, as with a renamed copy.
    """
    remedy = f"put a copy in its place, or delete it and run fer-bench {_COMMANDS[cls.kind]} again"
    content = read_json(path, remedy)
    if not isinstance(content, dict) or content.get("kind") != cls.kind:
        raise FerBenchError(f"{path}: not a {cls.kind} record; {remedy}")
    if content.get("schema") != SCHEMA:
        raise FerBenchError(
            f"{path}: record schema {content.get('schema')!r}, this fer-bench reads {SCHEMA}; use the version that "
            f"wrote it, or move it away and run fer-bench {_COMMANDS[cls.kind]} again"
        )
    fields = {key: value for key, value in content.items() if key not in ("schema", "kind")}
    if cls is TrainRecord:
        fields.pop("target", None)
    record: RecordT = build(cls, fields, str(path))
    record.check(str(path))
    if record.stem != path.stem:
        raise FerBenchError(
            f"{path}: holds the record {record.stem}; a copy or renamed file would count twice: remove it"
        )
    return record


def load_all(folder: Path, cls: type[RecordT]) -> list[RecordT]:
    """Read every record of a kind below ``folder``, in the order of their file names; none where it is absent.

    Raises:
        FerBenchError: as :func:`paths` and :func:`load`.
    """
    return [load(path, cls) for path in paths(folder, cls)]


def paths(folder: Path, cls: type[Record]) -> list[Path]:
    """Return the files of a kind of record below ``folder``, sorted by name; none where it is absent.

    Raises:
        FerBenchError: it cannot be listed, or a link to it leads nowhere: there may be records, and results without
            them would look like those of an empty workspace.
    """
    place = folder / cls.kind
    try:
        # Not Path.glob, to which a folder that must not be read is an empty one.
        found = sorted(place.iterdir())
    except FileNotFoundError:
        for link in (folder, place):
            if link.is_symlink() and not link.exists():
                raise FerBenchError(
                    f"{link}: a link to {link.readlink()}, which is not there; mount its disk, or remove the link"
                ) from None
        return []
    except OSError as error:
        raise FerBenchError(
            f"{place}: its records cannot be listed ({error.strerror}); expected a folder of {cls.kind} records that "
            "you may read: ask its owner, or move what is there away"
        ) from error
    return [path for path in found if path.suffix == ".json" and not path.name.startswith(".")]
