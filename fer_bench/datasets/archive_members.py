"""The members of a zip or tar archive, those refused that would lie outside the folder they are unpacked into."""

import functools
import os
import posixpath
import re
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

BY_HAND = "unpack it yourself and name the folder with --source"
Format = Literal["zip", "tar"]

_BLOCK = 1 << 20
_BEGIN, _END = 80, 40
"""Characters of a member's name that a message shows where it has more than both."""
_LONGEST_PATH = 4096
_DEEPEST = 100
"""Folders one in another. Python goes through and removes folders within folders up to some 1,000 levels."""
_ENCRYPTED, _UTF8 = 0x1, 0x800
_FIELD, _UNICODE_PATH = struct.Struct("<HH"), 0x7075
"""Of a zip's extra fields: kind and length that begin each, and the kind by which WinRAR and WinZip tell a name."""
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
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


def members(source: Path, kind: Format) -> Generator[Member, None, None]:
    """Yield the members that are to be unpacked.

    Raises:
        FerBenchError: one of them would lie outside, or is neither file, folder nor link.
    """
    for member in _zip_members(source) if kind == "zip" else _tar_members(source):
        fault = _fault(member)
        if fault:
            raise FerBenchError(f"{source}: member {quoted(member.name)} {fault}; nothing was unpacked")
        parts = member.name.split("/")
        if "__MACOSX" not in parts and parts[-1] != ".DS_Store":
            yield member


def quoted(name: str) -> str:
    """Return a member's name as a message can show it: an archive may hold names of any length."""
    if len(name) <= _BEGIN + _END:
        return repr(name)
    return f"{name[:_BEGIN]!r}...{name[-_END:]!r} ({len(name):,} characters)"


def _fault(member: Member) -> str:
    if member.kind == "special":
        return "is a device or another special file"
    for name, what in ((member.name, "would lie"), (member.target, "is a link that leads")):
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or any(map(_DRIVE.match, parts)):
            return f"{what} outside the folder"
        if len(parts) > _DEEPEST:
            return f"lies more than {_DEEPEST} folders deep, where no dataset's files do: take another copy"
        if "\\" in name or "\0" in name:
            return f"has a name that systems read differently (a backslash or a null character): {BY_HAND}"
    return "" if member.name else "has no name"


def _zip_members(source: Path) -> Iterator[Member]:
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            name = _zip_name(info)
            if info.flag_bits & _ENCRYPTED:
                raise FerBenchError(
                    f"{source}: encrypted; unpack it with its password and name the folder with --source"
                )
            mode = stat.S_IFMT(info.external_attr >> 16)
            if mode == stat.S_IFDIR or name.endswith("/"):
                yield Member(name, "folder", 0, _nothing)
            elif mode == stat.S_IFLNK:
                with archive.open(info) as stream:
                    leads = os.fsdecode(stream.read(_LONGEST_PATH))
                yield Member(name, "link", 0, _nothing, _from_root(name, leads))
            else:
                kind: Literal["file", "special"] = "file" if mode in (0, stat.S_IFREG) else "special"
                yield Member(name, kind, info.file_size, functools.partial(archive.open, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return name
    # zipfile reads other names as code page 437; as unzip does, take the Unicode Path beside one, else its bytes.
    written, extra = name.encode("cp437"), info.extra
    while len(extra) > _FIELD.size:
        kind, size = _FIELD.unpack_from(extra)
        field, extra = extra[_FIELD.size : _FIELD.size + size], extra[_FIELD.size + size :]
        # A version, the check sum of the name that it stands for, and the name.
        if kind == _UNICODE_PATH and field[:5] == struct.pack("<BL", 1, zlib.crc32(written)):
            return field[5:].decode("utf-8")
    return os.fsdecode(written)


def _tar_members(source: Path) -> Iterator[Member]:
    with tarfile.open(source) as archive:
        last = -1
        while (info := archive.next()) is not None:
            # tarfile keeps every member otherwise, a kilobyte each; and a negative size would send it in circles.
            archive.members.clear()  # type: ignore[attr-defined]
            if info.offset <= last or info.size < 0:
                raise tarfile.ReadError("a header that leads backwards")
            last = info.offset
            if info.isdir():
                yield Member(info.name, "folder", 0, _nothing)
            elif info.issym():
                yield Member(info.name, "link", 0, _nothing, _from_root(info.name, info.linkname))
            elif info.islnk():
                yield Member(info.name, "link", 0, _nothing, _from_root("", info.linkname))
            else:
                content = functools.partial(archive.extractfile, info)
                yield Member(info.name, "file" if info.isreg() else "special", info.size, content)
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
