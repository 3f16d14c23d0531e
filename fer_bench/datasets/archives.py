"""Archives of a dataset: unpacked into a folder of ours for as long as they are read, and nowhere else.

Members are written by this module and not by the libraries' extraction: those change names silently (zipfile) or make
symbolic links (tarfile), through which a later member can be written elsewhere. Nothing here makes a symbolic link, so
that a name without ``..`` stays below the folder.
"""

import contextlib
import errno
import lzma
import os
import re
import shlex
import shutil
import signal
import struct
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from fer_bench.datasets.archive_members import BY_HAND, Format, Member, members, quoted
from fer_bench.datasets.folder import is_picture
from fer_bench.errors import FerBenchError, first_line
from fer_bench.progress import unheard

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
"""Of the archives that are unpacked."""

_FOREIGN = (".7z", ".rar", ".tar.zst")
"""Of archives that people must unpack themselves."""
_PART = re.compile(r"(.+\.)(?:z[0-9]{2}|((?:zip|tar|tar\.gz|tgz|tar\.xz|tar\.bz2)\.)[0-9]{3})", re.IGNORECASE)
"""How the parts of split archives are named, but for the last one of ``x.z01``, ``x.z02``, ``x.zip``."""
_END_OF_ZIP = struct.Struct("<4sH16x")
"""Mark, number of this part."""
_ONLY_PART = (0, 0xFFFF)
"""Its number; the second where another record has it."""
_BLOCK = 1 << 20
_BY_SIGNAL = 128
"""Added to a signal's number it is the exit code of a process that the signal has ended."""
_SMALL_PICTURE, _HEAD = 1 << 13, 1 << 16
"""Bytes of what is unpacked where only heads are: a picture of 48 x 48 pixels, the first line of a table."""
_AGAIN = "download it again"
_LIBRARIES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error)
DAMAGE = (*_LIBRARIES, EOFError, ValueError, LookupError, OverflowError, RuntimeError)
"""What the libraries raise where an archive is not whole; found by changing bytes of good ones."""

Progress = Callable[[int, int | None], None]


def named_as_archive(name: str) -> bool:
    """Whether a file's name ends as those of archives and their parts do, of kinds that are not unpacked here too."""
    return name.lower().endswith((*ENDINGS, *_FOREIGN)) or _PART.fullmatch(name) is not None


@contextlib.contextmanager
def opened(source: Path, scratch: Path, progress: Progress = unheard, *, heads: bool = False) -> Iterator[Path]:
    """Yield a path as it is, or where it is an archive the folder into which it has been unpacked.

    The archive is only read, and SIGTERM removes what was unpacked, too. ``__MACOSX`` and ``.DS_Store`` are not
    unpacked; members keep their names, those that are not UTF-8 included. Archives inside the archive stay packed.

    Args:
        source: folder, file or archive.
        scratch: folder to unpack into; emptied first where it exists, and removed at the end in any case. Give it the
            archive's name inside a folder of its own: messages show it, and recognition looks one folder above.
        progress: called with the members done and their number.
        heads: unpack only what tells a dataset: every name, pictures of up to 8 KiB, and 64 KiB of other files; a
            larger picture is an empty file.

    Raises:
        FerBenchError: the archive is damaged, encrypted, a part of a split one, of an unknown kind or compression, or
            larger than the disk has room for; a member would lie outside (absolute, ``..``, a drive), is a link that
            leads outside or a device, or two have one name. Nothing is left behind.
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
    with _ended_in_order():
        try:
            _unpack(source, kind, scratch, progress, heads)
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let SIGTERM, which would end the process at once, leave the block as an exception does."""
    # Only the first thread may say what a signal does; and whoever has said it already has his reasons.
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(_BY_SIGNAL + number)


def _format(path: Path) -> Format | None:
    try:
        # A tar whose last member is a zip ends as a zip does.
        if tarfile.is_tarfile(path):
            return "tar"
        return "zip" if zipfile.is_zipfile(path) else None
    except (OSError, *DAMAGE):
        return None


def _required_format(source: Path) -> Format:
    try:
        with source.open("rb") as stream:
            begins = stream.read(4)
        size = source.stat().st_size
        _require_whole(source)
    except OSError as error:
        raise FerBenchError(f"{source}: cannot be read ({error.strerror or error})") from error
    if not source.name.lower().endswith(ENDINGS):
        raise FerBenchError(f"{source}: only {', '.join(ENDINGS)} are unpacked here; {BY_HAND}")
    kind = _format(source)
    if kind is None:
        found = f"{size:,} bytes, the first are {begins.hex(' ')}" if size else "0 bytes"
        raise FerBenchError(f"{source}: damaged, cut short or no archive in spite of its name ({found}); {_AGAIN}")
    return kind


def _require_whole(source: Path) -> None:
    """Raise FerBenchError where a file is a part of a split archive, with what joins the parts."""
    match, whole = _PART.fullmatch(source.name), "whole.zip"
    if match is not None and match[2]:
        parts, whole = f"{match[1]}{match[2]}", f"whole.{match[2].rstrip('.')}"
        join = f"cat {shlex.quote(parts)}[0-9]* > {whole}"
    else:
        last = source if match is None else source.with_suffix(".zip")
        if match is None and not (source.suffix.lower() == ".zip" and _is_last_part(source)):
            return
        join = f"zip -s 0 {shlex.quote(last.name)} --out {whole}"
    raise FerBenchError(
        f"{source}: a part of a split archive; with all of its parts in one folder join them there, {join}, and name "
        f"{whole} instead"
    )


def _is_last_part(source: Path) -> bool:
    """Whether a zip is the last of several parts: by its number, else by the first part that lies beside it."""
    with source.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _END_OF_ZIP.size))
        end = stream.read()
    mark, number = _END_OF_ZIP.unpack(end) if len(end) == _END_OF_ZIP.size else (b"", 0)
    if mark == b"PK\5\6":
        return number not in _ONLY_PART
    return any(source.with_suffix(ending).exists() for ending in (".z01", ".Z01"))


def _unpack(source: Path, kind: Format, scratch: Path, progress: Progress, heads: bool) -> None:
    member = ""
    try:
        _make_empty(scratch)
        free = shutil.disk_usage(scratch).free
        number, total = 0, 0
        # Gone through twice: nothing is written before every name and the sum of sizes are known to be good.
        with contextlib.closing(members(source, kind)) as found:
            for one in found:
                member = one.name
                number, total = number + 1, total + _taken(one, heads)
                if total > free:
                    raise FerBenchError(
                        f"{source}: {total:,} bytes or more when unpacked, but {scratch.parent} has {free:,} bytes "
                        f"free; make room, or {BY_HAND}"
                    )
        links = []
        with contextlib.closing(members(source, kind)) as found:
            for done, one in enumerate(found, start=1):
                member = one.name
                if one.kind == "link":
                    links.append(one)
                else:
                    _write(one, scratch, _taken(one, heads))
                progress(done, number)
        for one in links:
            member = one.name
            _link(source, one, scratch)
    except FileExistsError:
        raise FerBenchError(
            f"{source}: more than one member is named {quoted(member)}, or differs from it in case only; {BY_HAND}"
        ) from None
    except NotImplementedError as error:  # zipfile's word for an encryption or compression that it does not know
        raise FerBenchError(f"{source}: {error}; {BY_HAND}") from error
    except DAMAGE as error:
        raise _damaged(source, member, error) from error
    except OSError as error:
        if error.errno is None:  # So the decompressors of gzip and bzip2 say that the data are damaged.
            raise _damaged(source, member, error) from error
        where = f" at member {quoted(member)}" if member else ""
        advice = f"; make room, or {BY_HAND}" if error.errno == errno.ENOSPC else ""
        raise FerBenchError(f"{source}: cannot be unpacked into {scratch}{where} ({error.strerror}){advice}") from error


def _damaged(source: Path, member: str, error: Exception) -> FerBenchError:
    where = f" at or after member {quoted(member)}" if member else ""
    # zipfile's word for two names that differ holds both.
    return FerBenchError(f"{source}: the archive is damaged or cut short{where} ({first_line(error)}); {_AGAIN}")


def _make_empty(scratch: Path) -> None:
    if scratch.is_symlink() or (scratch.exists() and not scratch.is_dir()):
        raise FerBenchError(f"{scratch}: needed as a folder to unpack into, but it is something else; move it away")
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)


def _path(scratch: Path, name: str) -> Path:
    return scratch.joinpath(*(part for part in name.split("/") if part not in ("", ".")))


def _taken(member: Member, heads: bool) -> int:
    """Return how many bytes of a member are unpacked."""
    if not heads:
        return member.size
    if is_picture(member.name.rpartition("/")[2]):
        return member.size if member.size <= _SMALL_PICTURE else 0
    return min(member.size, _HEAD)


def _write(member: Member, scratch: Path, taken: int) -> None:
    path = _path(scratch, member.name)
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = member.content()
    if stream is None:
        raise tarfile.ReadError("a file without content")
    left = taken
    with stream, path.open("xb") as target:
        if taken < member.size:
            left -= target.write(stream.read(taken))
        while taken == member.size and (block := stream.read(min(_BLOCK, left + 1))):
            left -= len(block)
            if left < 0:
                break
            target.write(block)
    if left:
        raise tarfile.ReadError(f"{'fewer' if left > 0 else 'more'} bytes than the archive declares")


def _link(source: Path, member: Member, scratch: Path) -> None:
    """Give a file of the archive the link's name, too."""
    path, target = _path(scratch, member.name), _path(scratch, member.target)
    if not target.is_file():
        raise FerBenchError(
            f"{source}: member {quoted(member.name)} is a link to {quoted(member.target)}, no file of the archive; "
            f"{BY_HAND}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.hardlink_to(target)
