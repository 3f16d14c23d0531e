"""Archives: unpacked as they are or refused as a whole, and never a byte outside the folder that is removed again."""

import bz2
import contextlib
import gzip
import io
import itertools
import lzma
import os
import random
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench.datasets import archives
from fer_bench.datasets.archive_members import members
from fer_bench.datasets.archives import ENDINGS, named_as_archive, opened
from fer_bench.errors import FerBenchError

FILES = {"train/happy/a.jpg": b"\xff\xd8 a picture", "train/sad/b.jpg": b"b" * 3000, "labels.csv": b"emotion,pixels\n"}
MODES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.xz": "w:xz", ".tar.bz2": "w:bz2"}


def zipped(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes]) -> Path:
    ending = next(ending for ending in MODES if path.name.endswith(ending))
    with tarfile.open(path, MODES[ending]) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            add(archive, name, content)
    return path


def add(archive: tarfile.TarFile, name: str, content: bytes = b"", **fields: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    archive.addfile(member, io.BytesIO(content))


def packed(path: Path, files: dict[str, bytes]) -> Path:
    return (zipped if path.suffix == ".zip" else tarred)(path, files)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@contextlib.contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """Whatever happens inside, the folder and what it holds are the same afterwards."""

    def state() -> list[tuple[str, int, int]]:
        files = {path: path.lstat() for path in folder.rglob("*")}
        return sorted((str(path), at.st_size, 0 if path.is_dir() else at.st_mtime_ns) for path, at in files.items())

    before = state()
    yield
    assert state() == before


def refused(source: Path, message: str) -> str:
    """Assert that an archive is refused, with nothing left behind and the archive named; return the message."""
    with nothing_left(source.parent), pytest.raises(FerBenchError, match=message) as error:  # noqa: SIM117
        with opened(source, source.parent / "scratch"):
            pytest.fail("it was unpacked")
    assert str(source) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_is_unpacked_and_removed_again(tmp_path: Path, ending: str) -> None:
    source = packed(tmp_path / f"data{ending}", FILES)
    shutil.copy(source, tmp_path / f"DATA{ending.upper()}")
    seen: list[tuple[int, int | None]] = []
    for one in (source, tmp_path / f"DATA{ending.upper()}"):
        seen.clear()
        with nothing_left(tmp_path), opened(one, tmp_path / "scratch", lambda *at: seen.append(at)) as place:
            assert place == tmp_path / "scratch"
            assert tree(place) == FILES
        assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("ending", [".zip", ".tar"])
def test_ctrl_c_while_the_files_are_read_removes_them_too(tmp_path: Path, ending: str) -> None:
    source = packed(tmp_path / f"data{ending}", FILES)
    with nothing_left(tmp_path), pytest.raises(KeyboardInterrupt), opened(source, tmp_path / "scratch") as place:
        raise KeyboardInterrupt(place.is_dir())


def test_what_an_earlier_kill_left_is_emptied_first(tmp_path: Path) -> None:
    source = zipped(tmp_path / "data.zip", FILES)
    (tmp_path / "scratch/train").mkdir(parents=True)
    (tmp_path / "scratch/train/left.jpg").write_bytes(b"left over")
    with opened(source, tmp_path / "scratch") as place:
        assert tree(place) == FILES


def test_folders_and_other_files_are_taken_as_they_are(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", FILES).read_bytes()
    (tmp_path / "folder.zip").mkdir()
    for name in ("faces.csv", "face.jpg", "archive.bin"):
        (tmp_path / name).write_bytes(inner)
    for name in ("folder.zip", "faces.csv", "face.jpg", "archive.bin", "missing.zip"):
        with nothing_left(tmp_path), opened(tmp_path / name, tmp_path / "scratch") as place:
            assert place == tmp_path / name


def test_a_tar_that_ends_with_a_stored_zip_is_a_tar(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", FILES).read_bytes()
    source = tarred(tmp_path / "data.tar", {"a.jpg": b"a", "aligned.zip": inner})
    with opened(source, tmp_path / "scratch") as place:
        assert tree(place) == {"a.jpg": b"a", "aligned.zip": inner}


def test_what_macos_adds_is_left_packed(tmp_path: Path) -> None:
    junk = {"__MACOSX/train/._a.jpg": b"", "train/.DS_Store": b"", ".DS_Store": b""}
    for ending in (".zip", ".tar"):
        with opened(packed(tmp_path / f"data{ending}", FILES | junk), tmp_path / "scratch") as place:
            assert tree(place) == FILES
            assert not (place / "__MACOSX").exists()


def test_names_that_are_not_utf8_keep_their_bytes(tmp_path: Path) -> None:
    latin = os.fsdecode(b"fr\xf6hlich.jpg")
    with opened(tarred(tmp_path / "data.tar", {latin: b"x"}), tmp_path / "scratch") as place:
        assert os.listdir(os.fsencode(place)) == [b"fr\xf6hlich.jpg"]  # noqa: PTH208
    # Without a mark that says what they are: code page 437, as Windows writes it, and UTF-8, as macOS does.
    for raw in (b"fr\x94hlich.jpg", "fröhlich.jpg".encode()):
        source = zipped(tmp_path / "data.zip", {"n" * len(raw): b"x"})
        source.write_bytes(source.read_bytes().replace(b"n" * len(raw), raw))
        with opened(source, tmp_path / "scratch") as place:
            assert os.listdir(os.fsencode(place)) == [raw]  # noqa: PTH208


@pytest.mark.parametrize(("known_as", "found"), [(b"fr?hlich.jpg", "fröhlich.jpg"), (b"another.jpg", "fr?hlich.jpg")])
def test_a_unicode_name_beside_one_of_ascii_is_taken_where_it_stands_for_it(
    tmp_path: Path, known_as: bytes, found: str
) -> None:
    """As WinRAR and WinZip write them, and unzip reads them."""
    field = struct.pack("<BL", 1, zlib.crc32(known_as)) + "fröhlich.jpg".encode()
    info = zipfile.ZipInfo("fr?hlich.jpg")
    info.extra = struct.pack("<HHH", 1, 2, 0) + struct.pack("<HH", 0x7075, len(field)) + field
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr(info, b"x")
    with opened(tmp_path / "data.zip", tmp_path / "scratch") as place:
        assert tree(place) == {found: b"x"}


HOSTILE = [
    "../out.jpg",
    "train/../../out.jpg",
    "/out.jpg",
    "C:/out.jpg",
    "c:out.jpg",
    "train/..",
    "//host/out.jpg",
    "..",
]


@pytest.mark.parametrize("name", [*HOSTILE, "train\\..\\..\\out.jpg", "__MACOSX/../../.DS_Store"])
@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
def test_a_member_that_would_lie_outside_is_refused_by_name(tmp_path: Path, ending: str, name: str) -> None:
    (tmp_path / "deep").mkdir()
    source = packed(tmp_path / "deep" / f"data{ending}", {**FILES, name: b"out"})
    with nothing_left(tmp_path):
        message = refused(source, "outside the folder|systems read differently")
    assert repr(name) in message
    assert ("unpack it yourself" in message) == ("\\" in name)


@pytest.mark.parametrize(
    ("ending", "name", "told"),
    [
        (".zip", "../" + "a/" * 20_000 + "end.jpg", "outside the folder"),
        (".tar", "../" + "a" * 40_000 + "/end.jpg", "outside the folder"),
        (".zip", "b" * 40_000 + "/end.jpg", "cannot be unpacked into .*File name too long"),
        (".tar", "b" * 40_000 + "/end.jpg", "cannot be unpacked into .*File name too long"),
    ],
)
def test_a_name_of_any_length_is_shown_by_its_ends(tmp_path: Path, ending: str, name: str, told: str) -> None:
    message = refused(packed(tmp_path / f"data{ending}", {**FILES, name: b"out"}), told)
    assert len(message) < 700
    assert f"member {name[:80]!r}...{name[-40:]!r} ({len(name):,} characters)" in message


@pytest.mark.parametrize("ending", [".zip", ".tar"])
def test_folders_deeper_than_can_be_removed_again_are_refused(tmp_path: Path, ending: str) -> None:
    deep = {"a/" * depth + "end.jpg": b"x" for depth in range(99, 1300, 300)}
    refused(
        packed(tmp_path / f"data{ending}", {**FILES, **deep}), "lies more than 100 folders deep, where no dataset's"
    )


def test_long_names_are_short_in_messages_about_links_and_damage(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "links.tar", "w") as tar:
        long = [f"{character * 40}/" * 90 for character in "ab"]
        add(tar, long[0] + "link", type=tarfile.LNKTYPE, linkname=long[1] + "target")
    deep = "/".join(["c" * 200] * 10)
    source = zipped(tmp_path / "data.zip", {**FILES, f"{deep}/a.jpg": b"x" * 50})
    # The member's own header has another name than the directory at the end.
    source.write_bytes(source.read_bytes().replace(deep.encode(), deep.upper().encode(), 1))
    assert len(refused(tmp_path / "links.tar", "a link to .* no file of the archive")) < 900
    assert len(refused(source, "damaged or cut short at or after member .*File name in directory")) < 1000


def symbolic_link(archive: zipfile.ZipFile, name: str, target: str) -> None:
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(member, target)


@pytest.mark.parametrize("target", ["../../out", "/etc/passwd", "x/../../../out", "..", "C:/out"])
def test_a_link_that_leads_outside_is_refused(tmp_path: Path, target: str) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("train/a.jpg", "a")
        symbolic_link(archive, "link" if target == ".." else "train/link", target)
    with tarfile.open(tmp_path / "soft.tar", "w") as tar:
        add(tar, "link" if target == ".." else "train/link", type=tarfile.SYMTYPE, linkname=target)
    with tarfile.open(tmp_path / "hard.tar", "w") as tar:
        add(tar, "train/link", type=tarfile.LNKTYPE, linkname=target)
    for name in ("data.zip", "soft.tar", "hard.tar"):
        assert "link" in refused(tmp_path / name, "leads outside the folder")


def test_a_link_to_a_file_of_the_archive_becomes_that_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        symbolic_link(archive, "train/link.jpg", "../a.jpg")
        archive.writestr("a.jpg", "a")
    with tarfile.open(tmp_path / "data.tar", "w") as tar:
        add(tar, "train/link.jpg", type=tarfile.SYMTYPE, linkname="../a.jpg")
        add(tar, "./a.jpg", b"a")
        add(tar, "hard.jpg", type=tarfile.LNKTYPE, linkname="./a.jpg")
    for name, more in (("data.zip", {}), ("data.tar", {"hard.jpg": b"a"})):
        with opened(tmp_path / name, tmp_path / "scratch") as place:
            assert tree(place) == {"a.jpg": b"a", "train/link.jpg": b"a"} | more


def test_a_chain_of_links_leads_nowhere(tmp_path: Path) -> None:
    """Each link leads inside by its text; followed through another link, the last member would be written outside."""
    with tarfile.open(tmp_path / "data.tar", "w") as tar:
        add(tar, "a/b/c/up", type=tarfile.SYMTYPE, linkname="../../..")
        add(tar, "escape", type=tarfile.SYMTYPE, linkname="a/b/c/up/../out")
        add(tar, "escape/x.jpg", b"out")
    refused(tmp_path / "data.tar", "no file of the archive")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "data.tar", "w") as tar:
        add(tar, "train/a.jpg", b"a")
        add(tar, "train/b", type=kind)
    assert "'train/b'" in refused(tmp_path / "data.tar", "is a device or another special file")


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_device_in_a_zip_is_refused(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("train/a.jpg", "a")
        member = zipfile.ZipInfo("train/b")
        member.create_system, member.external_attr = 3, (kind | 0o644) << 16
        archive.writestr(member, "b")
    assert "'train/b'" in refused(tmp_path / "data.zip", "is a device or another special file")


def test_a_size_below_zero_does_not_lead_in_circles(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("b.jpg").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\xff" * 10 + b"\xfe\x00"  # -512 in base 256: the next header is the one before.
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    source = tmp_path / "data.tar"
    source.write_bytes(tarfile.TarInfo("a.jpg").tobuf() + bytes(header) + bytes(1024))
    with pytest.raises(tarfile.ReadError, match="leads backwards"):
        list(itertools.islice(members(source, "tar"), 9))
    refused(source, "damaged or cut short .*leads backwards")


@pytest.mark.parametrize("ending", [".zip", ".tar"])
def test_two_members_of_one_name_are_refused(tmp_path: Path, ending: str) -> None:
    source = packed(tmp_path / f"data{ending}", {"a/x.jpg": b"1", "a/./x.jpg": b"2"})
    refused(source, "more than one member is named 'a/./x.jpg'")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.4, 0.8])
def test_an_archive_cut_short_is_refused(tmp_path: Path, ending: str, share: float) -> None:
    noise = random.Random(0)
    files = {f"train/{number}.jpg": noise.randbytes(700) for number in range(40)}
    source = packed(tmp_path / f"data{ending}", files)
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * share)])
    refused(source, "cut short")


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    source = tarred(tmp_path / "data.tar", FILES)
    source.write_bytes(source.read_bytes()[:1024])
    refused(source, "no end mark")


@pytest.mark.parametrize(("ending", "compress"), [(".tar.gz", gzip), (".tar.xz", lzma), (".tar.bz2", bz2)])
def test_a_wrong_check_sum_of_a_compressed_tar_is_noticed(tmp_path: Path, ending: str, compress: Callable) -> None:
    plain = tarred(tmp_path / "data.tar", FILES).read_bytes()
    source = tmp_path / f"other{ending}"
    data = bytearray(compress.compress(plain))
    data[-6 if ending == ".tar.gz" else -20] ^= 0xFF
    source.write_bytes(data)
    refused(source, "damaged")


def test_a_wrong_check_sum_in_a_zip_is_noticed(tmp_path: Path) -> None:
    source = zipped(tmp_path / "data.zip", FILES, zipfile.ZIP_STORED)
    source.write_bytes(source.read_bytes().replace(b"b" * 3000, b"b" * 2999 + b"c"))
    assert "'train/sad/b.jpg'" in refused(source, "damaged")


def test_an_encrypted_zip_is_refused_with_what_to_do(tmp_path: Path) -> None:
    source = zipped(tmp_path / "data.zip", {"a.jpg": b"a"})
    data = bytearray(source.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    source.write_bytes(data)
    assert "unpack it with its password" in refused(source, "encrypted")


def test_an_unknown_compression_is_refused_with_what_to_do(tmp_path: Path) -> None:
    source = zipped(tmp_path / "data.zip", {"a.jpg": b"a"})
    data = bytearray(source.read_bytes())
    for place in (8, data.rindex(b"PK\x01\x02") + 10):
        data[place : place + 2] = struct.pack("<H", 9)
    source.write_bytes(data)
    assert "unpack it yourself" in refused(source, "compression")


@pytest.mark.parametrize("beside", [True, False])
def test_a_part_of_a_split_zip_is_named_as_one_with_what_joins_them(tmp_path: Path, beside: bool) -> None:
    source = zipped(tmp_path / "my data.zip", {"a.jpg": bytes(100_000)})
    data = bytearray(source.read_bytes())
    if beside:  # A remark ends the archive.
        data[-2:] = struct.pack("<H", 4)
        data += b"note"
        (tmp_path / "my data.z01").write_bytes(b"PK\7\x08")
        assert named_as_archive("my data.z01")
        refused(tmp_path / "my data.z01", r"a part of a split archive; .*zip -s 0 'my data.zip' --out whole.zip")
    else:
        data[-18:-16] = struct.pack("<H", 1)
    source.write_bytes(data)
    refused(source, r"a part of a split archive; .* join them there, zip -s 0 'my data.zip' --out whole.zip, and name")


@pytest.mark.parametrize(("name", "kind"), [("x.zip.001", "zip"), ("x.tar.gz.002", "tar.gz")])
def test_a_numbered_part_is_named_as_one_with_what_joins_them(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"PK\3\4")
    join = f"cat x.{kind}.[0-9]* > whole.{kind}, and name whole.{kind} instead"
    assert join in refused(tmp_path / name, "a part of a split archive")


def test_a_whole_zip_is_whole_whatever_lies_beside_it(tmp_path: Path) -> None:
    source = zipped(tmp_path / "data.zip", FILES)
    (tmp_path / "data.z01").touch()
    with opened(source, tmp_path / "scratch") as place:
        assert tree(place) == FILES


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
def test_heads_are_the_names_the_small_pictures_and_the_beginnings_of_the_rest(tmp_path: Path, ending: str) -> None:
    small, large = random.Random(1).randbytes(8192), random.Random(2).randbytes(8193)
    table = random.Random(3).randbytes(200_000)
    source = packed(tmp_path / f"data{ending}", {"a/small.png": small, "a/large.JPG": large, "t.csv": table, "e": b""})
    with nothing_left(tmp_path), opened(source, tmp_path / "scratch", heads=True) as place:
        assert tree(place) == {"a/small.png": small, "a/large.JPG": b"", "t.csv": table[: 1 << 16], "e": b""}


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be asked to end there")
@pytest.mark.parametrize("command", ["inspect", "prepare"])
def test_a_command_that_is_asked_to_end_leaves_nothing_unpacked(tmp_path: Path, command: str) -> None:
    # Asked to end while it looks at what was unpacked.
    code = (
        "import os, signal, sys\n"
        "from fer_bench.datasets import fer2013_tables\n"
        "from fer_bench.cli import main\n"
        "fer2013_tables.header = lambda table: os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.argv = ['fer-bench', *sys.argv[1:]]\n"
        "main()\n"
    )
    source = zipped(tmp_path / "data.zip", {"fer2013.csv": b"emotion,pixels,Usage\n"})
    (tmp_path / "tmp").mkdir()
    words = ["inspect", str(source)]
    if command == "prepare":
        words = ["prepare", "fer2013", "--source", str(source), "-w", str(tmp_path / "w")]
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    result = subprocess.run([sys.executable, "-c", code, *words], env=environment, check=False)
    assert result.returncode == 128 + signal.SIGTERM
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not list((tmp_path / "w").rglob("*.unpacked"))
    assert not list((tmp_path / "w").rglob(".lock-holder"))


def test_other_kinds_of_archives_and_impostors_are_refused(tmp_path: Path) -> None:
    for name in ("faces.rar", "faces.7z"):
        (tmp_path / name).write_bytes(b"Rar!\x1a\x07")
        refused(tmp_path / name, "only .zip, .tar, .* are unpacked here; unpack it yourself")
    (tmp_path / "page.zip").write_text("<html>Please log in</html>")
    refused(tmp_path / "page.zip", "no archive in spite of its name")


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_what_does_not_fit_on_the_disk_is_not_begun(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = packed(tmp_path / f"bomb{ending}", {"a.jpg": b"", "zeros.jpg": bytes(5_000_000)})
    assert source.stat().st_size < 10_000
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(9_000_000, 4_000_001, 4_999_999))
    monkeypatch.setattr(archives, "_write", lambda *arguments: pytest.fail("it was begun"))
    message = refused(source, "when unpacked")
    assert "5,000,000 bytes" in message
    assert "4,999,999 bytes" in message


def test_a_disk_that_fills_up_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(member: object, scratch: Path, taken: int) -> None:
        (scratch / "a.jpg").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives, "_write", full)
    refused(zipped(tmp_path / "data.zip", FILES), "No space left on device")


def test_a_zip_that_declares_less_than_it_holds_writes_no_more(tmp_path: Path) -> None:
    source = zipped(tmp_path / "data.zip", {"a.jpg": bytes(100_000)})
    data = bytearray(source.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<I", 10)
    source.write_bytes(data)
    refused(source, "damaged")


def test_the_folder_that_holds_the_archive_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    source = zipped(tmp_path / "scratch/data.zip", FILES)
    with nothing_left(tmp_path), pytest.raises(FerBenchError, match="move the archive"):  # noqa: SIM117
        with opened(source, tmp_path / "scratch"):
            pytest.fail("it was unpacked")


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    source = zipped(tmp_path / "data.zip", FILES)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/mine.jpg").write_bytes(b"mine")
    (tmp_path / "scratch").symlink_to(tmp_path / "photos")
    with nothing_left(tmp_path), pytest.raises(FerBenchError, match="move it away"):  # noqa: SIM117
        with opened(source, tmp_path / "scratch"):
            pytest.fail("it was unpacked")


WORDS = st.sampled_from(["..", ".", "", "a", "b", "C:", "\\", "é", "\udcff", "__MACOSX", ".DS_Store", "~", " "])
NAMES = st.lists(WORDS | st.text("./\\:ab", max_size=4), min_size=1, max_size=5).map("/".join)


@settings(max_examples=100, deadline=None)
@given(
    names=st.lists(NAMES, min_size=1, max_size=3, unique=True), targets=st.lists(NAMES, max_size=2), tar=st.booleans()
)
def test_no_name_leads_outside(names: list[str], targets: list[str], tar: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        deep = root / "1" / "2" / "3"
        deep.mkdir(parents=True)
        source = deep / ("data.tar" if tar else "data.zip")
        if tar:
            with tarfile.open(source, "w") as archive:
                for number, target in enumerate(targets):
                    kind = tarfile.LNKTYPE if number else tarfile.SYMTYPE
                    add(archive, f"link{number}", type=kind, linkname=target)
                for name in names:
                    add(archive, name, name.encode(errors="surrogateescape"))
                for name in names:
                    add(archive, f"link0/{name}", b"through the link")
        else:
            names = [name for name in names if "\udcff" not in name]
            with zipfile.ZipFile(source, "w") as packed:
                for target in targets[:1]:
                    symbolic_link(packed, "link0", target.replace("\udcff", "x"))
                for name in names:
                    packed.writestr(name or "x", name)
        with nothing_left(root), contextlib.suppress(FerBenchError), opened(source, deep / "scratch") as place:
            assert not any(path.is_symlink() for path in root.rglob("*"))
            assert all(
                path.is_relative_to(place) or path in (root / "1", root / "1/2", deep, source)
                for path in root.rglob("*")
            )


SMALL = {"train/a.jpg": bytes(range(200)), "train/b.jpg": b"b" * 100}


@settings(max_examples=150, deadline=None)
@given(ending=st.sampled_from(ENDINGS), data=st.data())
def test_any_damage_is_noticed_or_harmless(ending: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = packed(Path(folder) / f"data{ending}", SMALL)
        content = bytearray(source.read_bytes())
        # The first member's header, the last bytes, and anywhere.
        places = st.integers(0, len(content) - 1) | st.integers(0, 300) | st.integers(-120, -1)
        for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4)):
            content[max(-len(content), min(place, len(content) - 1))] = value
        source.write_bytes(content)
        with nothing_left(Path(folder)), contextlib.suppress(FerBenchError), opened(source, Path(folder) / "scratch"):
            pass
