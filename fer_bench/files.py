"""Files that are either whole or absent, and paths that stay inside their folder."""

import contextlib
import csv
import difflib
import hashlib
import itertools
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from fer_bench.errors import FerBenchError, first_line

UNFINISHED = ".unfinished-"
"""How the names of temporary files and folders begin; a digest of the host and the process id of the writer follow."""
_WRITER = re.compile(re.escape(UNFINISHED) + "([0-9a-f]{8})-([0-9]+)-")
_SCRATCH = "fer-bench-"
"""Part of the names of folders that :func:`scratch` makes."""
_LONGEST_NAME = 255
"""Bytes that a file's name may have on nearly every file system."""
LONGEST_REPLACED = _LONGEST_NAME - len(f"{UNFINISHED}01234567-4194304-abcdefgh-")
"""Bytes of the longest name that :func:`replacing` can write: its temporary file's is longer."""
_DAY = 86400.0
"""Seconds after its last write from which on a temporary file counts as left over, where its writer cannot be asked."""


def unfinished() -> str:
    """Return how the name of a temporary file of this process begins.

    Whoever finds such a file later can tell from its name whether the process still lives (:func:`is_left_over`).
    """
    return f"{UNFINISHED}{_host()}-{os.getpid()}-"


def is_left_over(path: Path) -> bool:
    """Return whether ``path`` is a temporary file or folder whose writer is dead, so that it can go.

    A writer on this host is looked up by its process id. One on another host, or on Windows, counts as dead a day
    after its last write; so does one with this process's own id, since ids begin again in a container that is started
    anew. Where the system has given a dead writer's id to another process, the file stays until that one ends.

    Containers that share a folder and a host name, but not their process ids, misjudge each other: a writer whose
    temporary file has been removed then fails with an error, and no half file is left.
    """
    writer = _WRITER.match(path.name)
    if writer is None:
        return False
    host, pid = writer[1], int(writer[2])
    if host == _host() and pid != os.getpid() and sys.platform != "win32":
        return not lives(pid)
    try:
        return time.time() - path.lstat().st_mtime > _DAY
    except OSError:  # Its writer has just renamed or removed it.
        return False


def lives(pid: int) -> bool:
    """Return whether a process of this host lives; on Windows, where it cannot be asked, always true."""
    if sys.platform != "win32":  # Where signal 0 is Ctrl-C.
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            return True
        # A zombie is dead, though its id is taken: in a container whose first process reaps none it stays for ever.
        with contextlib.suppress(OSError):  # No /proc, or gone meanwhile.
            return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    return True


def remove_unfinished(root: Path, folders: Iterable[str]) -> None:
    """Remove the temporary files of dead processes, directly in ``root`` and anywhere below ``folders`` of it.

    Never fails: another process may remove the same files, or a folder that is just being listed. One of ``folders``
    may be a link, as for the tasks of a cluster's queue; no other link is followed.
    """
    top = next(os.walk(root), (os.fspath(root), [], []))
    for folder, _, names in itertools.chain([top], *(os.walk(root / name) for name in folders)):
        for path in (Path(folder, name) for name in names if name.startswith(UNFINISHED)):
            if is_left_over(path):
                with contextlib.suppress(OSError):
                    path.unlink()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new folder in the system's place for temporary files, which is removed at the end.

    This user's earlier ones are removed too where their process was killed: they may hold weights, or pictures that
    must not be passed on.
    """
    place = Path(tempfile.gettempdir())
    for path in place.glob(f"{UNFINISHED}*-{_SCRATCH}*"):
        with contextlib.suppress(OSError):
            ours = sys.platform == "win32" or path.lstat().st_uid == os.geteuid()
            if ours and is_left_over(path):
                shutil.rmtree(path)
    with tempfile.TemporaryDirectory(prefix=f"{unfinished()}{_SCRATCH}", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _host() -> str:
    """Return a digest of this host's name: the name itself must not get into files that may be published."""
    return hashlib.sha256(platform.node().encode("utf-8", "surrogateescape")).hexdigest()[:8]


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add ``path`` to an OSError that names no file: a write to a full disk, for one, does not say to which file."""
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
    that follows a kill, therefore never sees half a file. What a kill leaves goes when the same file is written again,
    wherever that is, and in a workspace by :func:`remove_unfinished`.

    Raises:
        FerBenchError: ``path`` is a device.
        OSError: of the disk, such as one that is full; it names ``path``.
    """
    require_no_device(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for former in path.parent.glob(f"{UNFINISHED}*"):
        if former.name.endswith(f"-{path.name}") and is_left_over(former):
            with contextlib.suppress(OSError):
                former.unlink()
    # The name's end stays: some writers (Keras, matplotlib, numpy) choose the format by it.
    try:
        handle, name = tempfile.mkstemp(prefix=unfinished(), suffix=f"-{path.name}", dir=path.parent)
    except OSError as error:  # It names the temporary file, of which the user knows nothing.
        raise OSError(error.errno, error.strerror, str(path)) from error
    os.close(handle)
    temporary = Path(name)
    try:
        with naming(path):
            yield temporary
            with temporary.open("r+b") as stream:  # Windows flushes only what may be written to.
                os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def require_no_device(path: Path) -> None:
    """Refuse a name under which no file can be written: the rename would put one in the place of ``/dev/null``.

    Raises:
        FerBenchError: a device is there, or it lies in ``/dev``, whose links lead to some.
    """
    if os.path.realpath(path.parent) == "/dev" or path.is_char_device() or path.is_block_device():
        raise FerBenchError(f"{path}: a device, which a file cannot take the place of; name a file")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 ``text`` with Unix line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def text_difference(
    path: Path, text: str, *, source: str, command: str, shown: Callable[[str], str] = lambda content: content
) -> str:
    """Return the unified diff from a text file to what it should hold; empty where they are equal.

    Args:
        path: the file, which may be missing.
        text: what it should hold.
        source: where that is from, as the diff's head says.
        command: writes the file.
        shown: turns a file's content into what the diff shows, such as a page without the bytes of its pictures.

    Raises:
        FerBenchError: the file is not readable as UTF-8 text.
    """
    exists = path.exists()
    try:
        # Bytes, not text mode: that would hide foreign line ends.
        found = path.read_bytes().decode("utf-8") if exists else ""
    except (OSError, UnicodeDecodeError) as error:
        raise FerBenchError(f"{path}: not readable as text ({error}); run {command} to write it") from error
    if exists and found == text:
        return ""
    before, after = path.name if exists else f"{path.name} (missing)", f"{path.name} ({source})"
    # keepends leaves a difference in line ends visible.
    old, new = (shown(content).splitlines(keepends=True) for content in (found, text))
    return "".join(difflib.unified_diff(old, new, before, after)) or f"--- {before}\n+++ {after}\n"


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON with sorted keys, atomically. The same content gives the same bytes."""
    write_text(path, json_text(content))


def json_text(content: Any) -> str:
    """Return ``content`` as :func:`write_json` writes it."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path, remedy: str = "") -> Any:
    """Return the content of a JSON file.

    Args:
        path: of the file.
        remedy: what to do where it is damaged, for the message.

    Raises:
        FerBenchError: the file is missing, unreadable or not JSON.
    """
    try:
        if path.exists() and not path.is_file():  # A pipe would be waited for.
            raise FerBenchError(f"{path}: not a file, though something is there; expected JSON; move it away")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FerBenchError(f"{path}: no such file") from None
    except OSError as error:  # Nothing is known to be damaged.
        raise FerBenchError(f"{path}: not readable as JSON ({error})") from error
    except (ValueError, RecursionError) as error:  # Too deep, or a number of thousands of digits, too.
        advice = f"; {remedy}" if remedy else ""
        raise FerBenchError(f"{path}: not readable as JSON ({error}){advice}") from error


def quoting_of(*columns: Iterable[str]) -> Literal[0, 1]:
    """Return how the :mod:`csv` module has to quote a table of these texts, whose rows end in a line feed.

    Before Python 3.13 it leaves a carriage return in a cell bare, which every reader takes for the end of the row.
    """
    return csv.QUOTE_ALL if any("\r" in text for column in columns for text in column) else csv.QUOTE_MINIMAL


def printable(name: str) -> str:
    r"""Return a file name as valid Unicode: bytes that are not UTF-8 become escapes such as ``\xff``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path whose ``~`` is the user's home; a shell leaves that of ``--option=~/x`` alone.

    Raises:
        FerBenchError: it begins with ``~name``, and there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise FerBenchError(f"{path}: there is no user of that name; write the path out") from error


def inside(root: Path, relative: str) -> Path:
    """Return ``root / relative`` where that stays inside ``root``, symbolic links resolved.

    Dataset lists are untrusted input: a line ``../../etc/passwd``, an absolute path or a link that leads out
    of the dataset's folder is refused.

    Raises:
        FerBenchError: the path leaves ``root``, or is none.
    """
    path = root / relative
    try:
        leaves = not path.resolve().is_relative_to(root.resolve())
        if max(map(len, os.fsencode(path).split(os.fsencode(os.sep)))) > _LONGEST_NAME:
            raise ValueError("a name in it is too long")
    except (OSError, ValueError, RuntimeError) as error:  # A null character; links in a circle.
        raise FerBenchError(
            f"{relative[:80]!r} is no path that can be followed in the folder {root} ({first_line(error)})"
        ) from error
    if leaves:
        linked = not Path(relative).is_absolute() and ".." not in Path(relative).parts
        advice = "; name the real folder with --source, or copy the files there" if linked else ""
        raise FerBenchError(f"{relative!r} leads out of the dataset folder {root}; refusing to follow it{advice}")
    return path
