"""Archives of a dataset: unpacked into a folder of ours for as long as they are read, and nowhere else.

Members are written by this module and not by the libraries' extraction: those change names silently (zipfile) or make
symbolic links (tarfile), through which a later member can be written elsewhere. Nothing here makes a symbolic link, so
that a name without ``..`` stays below the folder.
"""

import contextlib
import functools
import lzma
import os
import posixpath
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from fer_bench.errors import FerBenchError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
"""Of the archives that are unpacked."""

_FOREIGN = (".7z", ".rar", ".tar.zst")
"""Of archives that people must unpack themselves."""
_BLOCK = 1 << 20
_LONGEST_PATH = 4096
_BY_HAND = "unpack it yourself and name the folder with --source"
_AGAIN = "download it again"
_ENCRYPTED, _UTF8 = 0x1, 0x800
_DRIVE = re.compile(r"[A-Za-z]:")
_LIBRARIES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error)
DAMAGE = (*_LIBRARIES, EOFError, ValueError, LookupError, OverflowError, RuntimeError)
"""What the libraries raise where an archive is not whole; found by changing bytes of good ones."""

Progress = Callable[[int, int | None], None]


def named_as_archive(name: str) -> bool:
    """Whether a file's name ends as those of archives do, of kinds that are not unpacked here too."""
    return name.lower().endswith((*ENDINGS, *_FOREIGN))


def is_archive(path: Path) -> bool:
    """Whether a path is a zip or tar archive: a file with one of :data:`ENDINGS`, and an archive by its content."""
    return path.is_file() and path.name.lower().endswith(ENDINGS) and _format(path) is not None


@contextlib.contextmanager
def opened(source: Path, scratch: Path, progress: Progress | None = None) -> Iterator[Path]:
    """Yield a path as it is, or where it is an archive the folder into which it has been unpacked.

    The archive is only read. ``__MACOSX`` and ``.DS_Store`` are not unpacked; members keep their names, those that are
    not UTF-8 included. Archives inside the archive stay packed.

    Args:
        source: folder, file or archive.
        scratch: folder to unpack into; emptied first where it exists, and removed at the end in any case. Give it the
            archive's name inside a folder of its own: messages show it, and recognition looks one folder above.
        progress: called with the members done and their number.

    Raises:
        FerBenchError: the archive is damaged, encrypted, of an unknown kind or compression, or larger than the disk has
            room for; a member would lie outside (absolute, ``..``, a drive), is a link that leads outside or a device,
            or two have one name. Nothing is left behind.
    """
    try:
        packed = named_as_archive(source.name) and source.is_file()
    except OSError as error:
        raise FerBenchError(f"{source}: cannot be read ({error.strerror or error})") from error
    if not packed:
        yield source
        return
    kind = _required_format(source)
    if source.resolve().is_relative_to(scratch.resolve()):
        raise FerBenchError(f"{source}: lies in {scratch}, which is emptied for unpacking; move the archive elsewhere")
    try:
        _unpack(source, kind, scratch, progress)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Member:
    """One member of an archive, whatever its format."""

    name: str
    """With ``/`` between the parts."""
    kind: Literal["file", "folder", "link", "special"]
    size: int
    """Bytes of a file, as the archive declares them."""
    content: Callable[[], IO[bytes] | None]
    """Opens a file, while the archive is being gone through."""
    target: str = ""
    """Of a link: where it leads, from the archive's root."""


def _format(path: Path) -> Literal["zip", "tar"] | None:
    try:
        # A tar whose last member is a zip ends as a zip does.
        if tarfile.is_tarfile(path):
            return "tar"
        return "zip" if zipfile.is_zipfile(path) else None
    except (OSError, *DAMAGE):
        return None


def _required_format(source: Path) -> Literal["zip", "tar"]:
    try:
        with source.open("rb") as stream:
            begins = stream.read(4)
        size = source.stat().st_size
    except OSError as error:
        raise FerBenchError(f"{source}: cannot be read ({error.strerror or error})") from error
    if not source.name.lower().endswith(ENDINGS):
        raise FerBenchError(f"{source}: only {', '.join(ENDINGS)} are unpacked here; {_BY_HAND}")
    kind = _format(source)
    if kind is None:
        found = f"{size:,} bytes, the first are {begins.hex(' ')}" if size else "0 bytes"
        raise FerBenchError(f"{source}: damaged, cut short or no archive in spite of its name ({found}); {_AGAIN}")
    return kind


def _unpack(source: Path, kind: Literal["zip", "tar"], scratch: Path, progress: Progress | None) -> None:
    member = ""
    try:
        _make_empty(scratch)
        free = shutil.disk_usage(scratch).free
        number, total = 0, 0
        # Gone through twice: nothing is written before every name and the sum of sizes are known to be good.
        with contextlib.closing(_members(source, kind)) as members:
            for one in members:
                member = one.name
                number, total = number + 1, total + one.size
                if total > free:
                    raise FerBenchError(
                        f"{source}: {total:,} bytes or more when unpacked, but {scratch.parent} has {free:,} bytes "
                        f"free; make room, or {_BY_HAND}"
                    )
        links = []
        with contextlib.closing(_members(source, kind)) as members:
            for done, one in enumerate(members, start=1):
                member = one.name
                if one.kind == "link":
                    links.append(one)
                else:
                    _write(one, scratch)
                if progress is not None:
                    progress(done, number)
        for one in links:
            member = one.name
            _link(source, one, scratch)
    except FileExistsError:
        raise FerBenchError(
            f"{source}: more than one member is named {member!r}, or differs from it in case only; {_BY_HAND}"
        ) from None
    except NotImplementedError as error:  # zipfile's word for an encryption or compression that it does not know
        raise FerBenchError(f"{source}: {error}; {_BY_HAND}") from error
    except DAMAGE as error:
        raise _damaged(source, member, error) from error
    except OSError as error:
        if error.errno is None:  # So the decompressors of gzip and bzip2 say that the data are damaged.
            raise _damaged(source, member, error) from error
        where = f" at member {member!r}" if member else ""
        raise FerBenchError(f"{source}: cannot be unpacked into {scratch}{where} ({error.strerror})") from error


def _damaged(source: Path, member: str, error: Exception) -> FerBenchError:
    where = f" at or after member {member!r}" if member else ""
    reason = str(error) or type(error).__name__
    return FerBenchError(f"{source}: the archive is damaged or cut short{where} ({reason}); {_AGAIN}")


def _make_empty(scratch: Path) -> None:
    if scratch.is_symlink() or (scratch.exists() and not scratch.is_dir()):
        raise FerBenchError(f"{scratch}: needed as a folder to unpack into, but it is something else; move it away")
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)


def _members(source: Path, kind: Literal["zip", "tar"]) -> Generator[_Member, None, None]:
    """Yield the members that are to be unpacked.

    Raises:
        FerBenchError: one of them would lie outside, or is neither file, folder nor link.
    """
    for member in _zip_members(source) if kind == "zip" else _tar_members(source):
        fault = _fault(member)
        if fault:
            raise FerBenchError(f"{source}: member {member.name!r} {fault}; nothing was unpacked")
        parts = member.name.split("/")
        if "__MACOSX" not in parts and parts[-1] != ".DS_Store":
            yield member


def _fault(member: _Member) -> str:
    if member.kind == "special":
        return "is a device or another special file"
    for name, what in ((member.name, "would lie"), (member.target, "is a link that leads")):
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or any(map(_DRIVE.match, parts)):
            return f"{what} outside the folder"
        if "\\" in name or "\0" in name:
            return f"has a name that systems read differently (a backslash or a null character): {_BY_HAND}"
    return "" if member.name else "has no name"


def _zip_members(source: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            name = _zip_name(info)
            if info.flag_bits & _ENCRYPTED:
                raise FerBenchError(
                    f"{source}: encrypted; unpack it with its password and name the folder with --source"
                )
            mode = stat.S_IFMT(info.external_attr >> 16)
            if mode == stat.S_IFDIR or name.endswith("/"):
                yield _Member(name, "folder", 0, _nothing)
            elif mode == stat.S_IFLNK:
                with archive.open(info) as stream:
                    leads = os.fsdecode(stream.read(_LONGEST_PATH))
                yield _Member(name, "link", 0, _nothing, _from_root(name, leads))
            else:
                kind: Literal["file", "special"] = "file" if mode in (0, stat.S_IFREG) else "special"
                yield _Member(name, kind, info.file_size, functools.partial(archive.open, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    # zipfile reads names that are not marked as UTF-8 as code page 437; their bytes are what unzip would write.
    name = info.orig_filename
    return name if info.flag_bits & _UTF8 else os.fsdecode(name.encode("cp437"))


def _tar_members(source: Path) -> Iterator[_Member]:
    with tarfile.open(source) as archive:
        last = -1
        while (info := archive.next()) is not None:
            # tarfile keeps every member otherwise, a kilobyte each; and a negative size would send it in circles.
            archive.members.clear()  # type: ignore[attr-defined]
            if info.offset <= last or info.size < 0:
                raise tarfile.ReadError("a header that leads backwards")
            last = info.offset
            if info.isdir():
                yield _Member(info.name, "folder", 0, _nothing)
            elif info.issym():
                yield _Member(info.name, "link", 0, _nothing, _from_root(info.name, info.linkname))
            elif info.islnk():
                yield _Member(info.name, "link", 0, _nothing, _from_root("", info.linkname))
            else:
                content = functools.partial(archive.extractfile, info)
                yield _Member(info.name, "file" if info.isreg() else "special", info.size, content)
        _require_end(archive)


def _require_end(archive: tarfile.TarFile) -> None:
    # tarfile takes a damaged header, or the end of the file, for the end of the archive.
    stream = archive.fileobj
    assert stream is not None
    stream.seek(archive.offset)
    block = stream.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        raise tarfile.ReadError("no end mark")
    while stream.read(_BLOCK):  # To the check sum at the end of a compressed file.
        pass


def _nothing() -> None:
    return None


def _from_root(member: str, leads: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(member), leads))


def _path(scratch: Path, name: str) -> Path:
    return scratch.joinpath(*(part for part in name.split("/") if part not in ("", ".")))


def _write(member: _Member, scratch: Path) -> None:
    path = _path(scratch, member.name)
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = member.content()
    if stream is None:
        raise tarfile.ReadError("a file without content")
    left = member.size
    with stream, path.open("xb") as target:
        while block := stream.read(min(_BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                break
            target.write(block)
    if left:
        raise tarfile.ReadError(f"{'fewer' if left > 0 else 'more'} bytes than the archive declares")


def _link(source: Path, member: _Member, scratch: Path) -> None:
    """Give a file of the archive the link's name, too."""
    path, target = _path(scratch, member.name), _path(scratch, member.target)
    if not target.is_file():
        raise FerBenchError(
            f"{source}: member {member.name!r} is a link to {member.target!r}, no file of the archive; {_BY_HAND}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.hardlink_to(target)
