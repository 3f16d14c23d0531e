"""A dataset's folder as its readers see it: listed in a fixed order, and never left."""

import errno
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from fer_bench.datasets.utf16 import REASON, utf_16_of
from fer_bench.errors import FerBenchError
from fer_bench.files import inside
from fer_bench.lock import is_workspace

PICTURES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Endings, in lower case, of the files that count as pictures; anything else (``Thumbs.db``, notes) is ignored."""
_TABLES = (".csv", ".npy")
"""Endings of other files that datasets are made of. Texts are none: a read-me is no reason not to look further."""

OF_WINDOWS = frozenset({"thumbs.db", "desktop.ini"})
"""What it leaves in folders, in lower case."""
_SHOWN = 12
"""Names in a note."""
_LOOKED_AT = 1000
"""Entries of a folder by which it is recognised."""
_FEW = 50
"""The same where only the names of files tell: ``inspect`` asks that of every folder in and below a large one."""
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
"""Opening fails where the file is a symbolic link; 0 where the system cannot do that."""
_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
"""Opening a named pipe does not wait for its writer; 0 where the system has no such pipes."""
_BINARY: int = getattr(os, "O_BINARY", 0)
"""Opening a file on Windows leaves its line ends alone; 0 where there is no other way."""
_BLOCK = 1 << 16
_LARGEST = 1 << 30
"""Bytes of a picture or an annotation; one that claims more, or a device without an end, would fill the memory."""


def is_utf8(name: str) -> bool:
    """Whether a file's name, as the folder lists it, is UTF-8; one that is not cannot be written to a table."""
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """Return a file's name as a message can show it: what is not UTF-8 or not printable is written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def listed(names: Sequence[str]) -> str:
    """Return the first names of many as a note can show them, and how many more there are."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(shown, names[:_SHOWN])) + more


def note_of_others(place: str, others: Iterable[str]) -> list[str]:
    """Return a note that says which files in and below a folder were not read, none where none is worth a word."""
    others = [name for name in others if name.lower().rpartition("/")[2] not in OF_WINDOWS]
    if not others:
        return []
    return [f"{place}/ holds files that are no pictures by their ending, not read: {listed(others)}."]


def stem_of(name: str) -> str:
    """Return a file's name, or its path, without the ending."""
    return name.rpartition(".")[0] or name


def is_picture(name: str) -> bool:
    """Whether a file name has the ending of a picture."""
    if name.endswith((".jpg", ".png")) and name[0] != ".":
        return True
    return os.path.splitext(name)[1].lower() in PICTURES  # noqa: PTH122


def below(root: Path, relative: str) -> Path:
    """Return the path of a file or folder, which need not exist, as the readers take it.

    A folder that holds nothing but a folder of its own name (``train/train/``, as archives are often unpacked) stands
    for the inner one, unless ``relative`` names that itself. The root stands for nothing but itself.
    """
    place = root
    for part in filter(None, relative.split("/")):
        step = place / part
        if place != root and not os.path.lexists(step):
            step = _innermost(place) / part
        place = step
    return root if place == root else _innermost(place)


def first_entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the first entries of a folder, by which it is recognised; which ones come first is up to the file system.

    Without hidden ones: a copy by macOS on a Windows disk begins with a hidden twin of every file.
    """
    with os.scandir(folder) as entries:
        yield from itertools.islice((entry for entry in entries if is_visible(entry.name)), _LOOKED_AT)


def holds(folder: Path, name: re.Pattern[str]) -> bool:
    """Whether a file of that name is among the first few entries of a folder, which need not exist."""
    if not folder.is_dir():
        return False
    return any(name.fullmatch(entry.name) for entry in itertools.islice(first_entries(folder), _FEW))


def _innermost(path: Path) -> Path:
    inner = path / path.name
    while _stands_for(path, inner):
        path, inner = inner, inner / inner.name
    return path


def _stands_for(path: Path, inner: Path) -> bool:
    try:
        # A link is not followed: it may lead back to where it lies.
        return inner.is_dir() and not inner.is_symlink() and _is_all(path)
    except OSError:  # Whoever reads the folder says that it cannot be read: the inner one may not exist.
        return False


def _is_all(path: Path) -> bool:
    """Whether a folder holds no other folder than one of its own name, and no file that a dataset is made of."""
    try:
        with os.scandir(path) as entries:
            return not any(
                entry.name != path.name if entry.is_dir() else entry.name.lower().endswith((*PICTURES, *_TABLES))
                for entry in entries
                if is_visible(entry.name)
            )
    except OSError:
        return False


def is_visible(name: str) -> bool:
    """Whether a file or folder of that name is the user's, not hidden and not what macOS puts into archives."""
    return name[0] != "." and name != "__MACOSX"


class Folder:
    """Files below ``root``, named by paths relative to it with ``/`` between the parts (see :func:`below`).

    Hidden files (``.DS_Store``, ``._face.jpg``) and ``__MACOSX`` are not listed. Names are sorted, so that a
    reader gives the same order on every file system.
    """

    def __init__(self, root: Path, named: str = "") -> None:
        self.root = root
        # A file in it that the user named himself: its link is his own, wherever it leads.
        self._named = named
        # Where each folder whose files were asked for really is, with a slash behind it.
        self._places: dict[str, str] = {}

    def path(self, relative: str) -> Path:
        """Return the path of a file or folder.

        Raises:
            FerBenchError: it leads out of the folder, by ``..``, as an absolute path or through a symbolic link.
        """
        try:
            return self._usable(relative)
        except PermissionError as error:
            where = error.filename or self.root / relative
            raise FerBenchError(f"{where}: cannot be read ({error.strerror or error})") from error

    def _usable(self, relative: str) -> Path:
        try:
            return self._checked(relative)
        except PermissionError:
            raise
        except (OSError, RuntimeError, ValueError) as error:
            raise FerBenchError(f"{relative[:80]!r} in {self.root}: no usable file name ({error})") from error

    def _checked(self, relative: str) -> Path:
        if "\0" in relative:
            raise ValueError("a null character")
        if relative and relative == self._named:
            return self.root / relative
        parent, slash, name = relative.rpartition("/")
        if name in ("", ".", "..") or "\\" in relative or ":" in relative or (slash and not parent):
            inside(self.root, relative)
            return self._within(below(self.root, relative))
        # Resolving every part of 280,000 paths takes a minute; each folder is resolved once instead.
        if parent not in self._places:
            inside(self.root, parent)
            self._places[parent] = f"{self._within(below(self.root, parent))}/"
        path = Path(self._places[parent] + name)
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return below(self.root, relative)
        return path if stat.S_ISREG(mode) else self._within(below(self.root, relative))

    def _within(self, path: Path) -> Path:
        return inside(self.root, path.relative_to(self.root).as_posix())

    def read(self, relative: str) -> bytes:
        """Return the content of a file; a symbolic link is followed only to a place inside the folder.

        Raises:
            OSError: there is no such file, it cannot be read, or it is enormous.
            FerBenchError: it leads out of the folder.
        """
        parent, _, name = relative.rpartition("/")
        place = self._places.get(parent)
        if _NOFOLLOW and place is not None and name not in ("", ".", "..") and "\0" not in relative:
            # One system call instead of three for each of 300,000 pictures.
            try:
                content = _content(os.open(place + name, _NOFOLLOW | os.O_RDONLY | _NONBLOCK))
                if content:  # Else it may be a pipe.
                    return content
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.EMLINK):
                    raise
        path = self._usable(relative)
        if path.is_fifo():
            raise OSError(errno.EINVAL, "a named pipe, which is no file", str(path))  # Reading would wait for a writer.
        return _content(os.open(path, os.O_RDONLY | _NONBLOCK | _BINARY))

    def has(self, relative: str) -> bool:
        """Whether there is a file or folder of that name inside the folder."""
        return self.path(relative).exists()

    def folders(self, relative: str = "") -> list[str]:
        """Return the sorted names of the folders directly below a folder, without a workspace that was made there."""
        place = self.path(relative) if relative else self.root
        return [name for name in self.listed(relative)[0] if not is_workspace(place / name)]

    def files(self, relative: str, ending: str = "") -> list[str]:
        """Return the sorted names of the files directly in a folder whose names end with ``ending``."""
        files = self.listed(relative)[1]
        return [name for name in files if name.endswith(ending)] if ending else files

    def listed(self, relative: str = "") -> tuple[list[str], list[str]]:
        """Return the sorted names of the folders and of the files directly in a folder."""
        folders, files = list[str](), list[str]()
        # Without a call for each: thousands of names are listed while the decoders wait for the first.
        for entry in self._entries(relative):
            try:
                (folders if entry.is_dir() else files).append(entry.name)
            except OSError:  # Such as a symbolic link to itself.
                files.append(entry.name)
        folders.sort()
        files.sort()
        return folders, files

    def pictures(self, relative: str) -> list[str]:
        """Return the sorted names of the picture files directly in a folder."""
        return [name for name in self.files(relative) if is_picture(name)]

    def require_folders(self, relative: str, is_class: Callable[[str], bool]) -> None:
        """Refuse what is named as a class folder is and is none, such as a link to a disk that is not mounted.

        Raises:
            FerBenchError: names the first: a class would be missing without a word.
        """
        named = [name for name in self.files(relative) if is_class(name)]
        if named:
            raise FerBenchError(
                f"{self.root / relative / shown(named[0])}: no folder, or a link that leads nowhere, though it has the "
                "name of a class; put that class's folder there, or remove it"
            )

    def require_no_stray(self, relative: str) -> None:
        """Refuse pictures that lie directly in a folder of class folders.

        Raises:
            FerBenchError: names the first.
        """
        stray = self.pictures(relative)
        if stray:
            raise FerBenchError(
                f"{self.root / relative / shown(stray[0])}: a picture outside the class folders ({len(stray)} such); "
                "its class cannot be known: move it to its class folder or away"
            )

    def of_class(self, relative: str, notes: list[str]) -> list[str]:
        """Return the sorted names of the pictures of a class's folder; of its other files a note is added.

        Raises:
            FerBenchError: a folder lies in it, whose pictures would be lost.
        """
        folders, files = self.listed(relative)
        if folders:
            raise FerBenchError(
                f"{self.root / relative / shown(folders[0])}: a folder inside a class folder ({len(folders)} such); "
                f"the pictures must lie in {relative}/ itself: move them there, or the folder away"
            )
        pictures = [name for name in files if is_picture(name)]
        notes += note_of_others(relative, sorted({*files} - {*pictures}))
        return pictures

    def text(self, relative: str) -> str:
        """Return the content of a UTF-8 text file.

        Raises:
            FerBenchError: it is missing, unreadable or not UTF-8.
        """
        path = self.path(relative)
        try:
            content = self.read(relative)
            if utf_16_of(content):
                raise FerBenchError(f"{path}: {REASON}")
            return content.decode("utf-8-sig")
        except FileNotFoundError:
            raise FerBenchError(f"{path}: no such file; the copy of the dataset is incomplete") from None
        except UnicodeDecodeError as error:
            found = f"byte {error.start + 1:,} is 0x{error.object[error.start]:02x}"
            raise FerBenchError(f"{path}: is not UTF-8 ({found}); save it as UTF-8") from error
        except OSError as error:
            raise FerBenchError(f"{path}: not readable as text ({error.strerror or error})") from error

    def _entries(self, relative: str) -> list[os.DirEntry[str]]:
        path = self.path(relative) if relative else self.root
        try:
            with os.scandir(path) as entries:
                return [entry for entry in entries if is_visible(entry.name)]
        except OSError as error:
            reason = error.strerror or error
            raise FerBenchError(f"{path}: cannot be listed ({reason}); the dataset needs this folder") from error


def _content(handle: int) -> bytes:
    try:
        data = os.read(handle, _BLOCK)
        if len(data) < _BLOCK:
            return data
        pieces, size = [data], len(data)
        while piece := os.read(handle, 1 << 20):
            pieces.append(piece)
            size += len(piece)
            if size > _LARGEST:
                raise OSError(errno.EFBIG, f"more than {_LARGEST:,} bytes, too large for a picture or an annotation")
        return b"".join(pieces)
    finally:
        os.close(handle)
