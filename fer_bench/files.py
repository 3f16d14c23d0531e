"""Files that are either whole or absent, and paths that stay inside their folder."""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fer_bench.errors import FerBenchError

UNFINISHED = ".unfinished-"
"""How the names of temporary files begin, so that those of a killed process can be told."""


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the disk name ``path`` where it names no file: a write to a full disk does not say to which."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is flushed to disk and renamed onto ``path``.

    On any error the temporary file is removed and ``path`` keeps its old content. A reader, or a process
    that follows a kill, therefore never sees half a file; :func:`remove_unfinished` removes what a kill leaves.

    Raises:
        OSError: of the disk, such as one that is full; it names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name's end stays: some writers (Keras, matplotlib, numpy) choose the format by it.
    handle, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=f"-{path.name}", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with naming(path):
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path, *, older_than: float = 0.0) -> None:
    """Remove what killed processes left of :func:`replacing`, in ``folder`` and below.

    Args:
        folder: may be absent.
        older_than: seconds since the last write; 0 where nobody else can be writing there.
    """
    for path in folder.rglob(f"{UNFINISHED}*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and time.time() - path.stat().st_mtime >= older_than:
                path.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 ``text`` with Unix line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON with sorted keys, atomically. The same content gives the same bytes."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        FerBenchError: the file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FerBenchError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FerBenchError(f"{path}: not readable as JSON ({error})") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def inside(root: Path, relative: str) -> Path:
    """Return ``root / relative`` where that stays inside ``root``, symbolic links resolved.

    Dataset lists are untrusted input: a line ``../../etc/passwd``, an absolute path or a link that leads out
    of the dataset's folder is refused.

    Raises:
        FerBenchError: the path leaves ``root``.
    """
    path = root / relative
    if not path.resolve().is_relative_to(root.resolve()):
        raise FerBenchError(f"{relative!r} leads out of the dataset folder {root}; refusing to follow it")
    return path
