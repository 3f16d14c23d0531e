"""Samples to images of one size: order, memory, crops, resizing, what cannot be decoded."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench.datasets import decoding
from fer_bench.datasets.card import Flaw, PixelText, Sample
from fer_bench.datasets.decoding import DIGEST, resize, square
from fer_bench.datasets.folder import Folder, below
from fer_bench.datasets.pictures import Picture
from fer_bench.datasets.side_by_side import chunk_of, decoded, worker_count
from fer_bench.errors import FerBenchError

coordinates = st.floats(-50, 250)


@given(coordinates, coordinates, coordinates, coordinates, st.integers(1, 200), st.integers(1, 200))
@settings(deadline=None)
def test_a_face_box_becomes_as_square_as_the_picture_allows(
    x0: float, x1: float, y0: float, y1: float, height: int, width: int
) -> None:
    box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    try:
        left, top, right, bottom = square(box, height, width)
    except ValueError:
        assert box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height or x0 == x1 or y0 == y1
        return
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left <= max(box[0], 0)
    assert right >= min(box[2], width)
    assert top <= max(box[1], 0)
    assert bottom >= min(box[3], height)
    if right - left != bottom - top:
        assert right - left == width or bottom - top == height


@pytest.mark.parametrize(
    ("box", "size", "taken"),
    [
        ((10, 20, 30, 40), (90, 100), (10, 20, 30, 40)),
        ((10.6, 20.2, 30.2, 40.9), (90, 100), (10, 20, 31, 41)),
        # The shorter side grows evenly.
        ((30, 10, 50, 40), (90, 100), (25, 10, 55, 40)),
        ((10, 30, 40, 50), (90, 100), (10, 25, 40, 55)),
        # What is beyond the picture counts for nothing.
        ((-7, -9, 20, 20), (90, 100), (0, 0, 20, 20)),
        ((-7, 10, 13, 30), (90, 100), (0, 10, 20, 30)),
        ((85, 75, 130, 200), (90, 100), (85, 75, 100, 90)),
        # Moved back inside.
        ((5, 10, 15, 50), (90, 100), (0, 10, 40, 50)),
        ((90, 10, 100, 50), (90, 100), (60, 10, 100, 50)),
        ((10, 85, 50, 90), (90, 100), (10, 50, 50, 90)),
        ((0, 40, 100, 50), (60, 100), (0, 0, 100, 60)),
    ],
)
def test_a_face_box_takes_these_pixels(
    box: tuple[float, float, float, float], size: tuple[int, int], taken: tuple[int, int, int, int], tmp_path: Path
) -> None:
    assert square(box, *size) == taken
    # Every pixel says where it is, and the image is of the square's own size: nothing is resized.
    left, top, right, bottom = taken
    picture = (np.arange(size[0])[:, None] * 7 + np.arange(size[1]) * 3).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    sample = Sample("a", "test", 0, "a.png", "part", box=box)
    [chunk] = decoded(Folder(tmp_path), [sample], (bottom - top, right - left))
    assert np.array_equal(chunk.images[0], picture[top:bottom, left:right])


def test_a_digest_is_of_the_pixels_that_are_kept(tmp_path: Path) -> None:
    """So that a fingerprint tells resized images apart, and equal ones are found whatever they were made of."""
    picture = np.random.default_rng(0).integers(0, 256, (40, 60)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    for size in ((40, 60), (20, 20), (64, 64)):
        samples = [Sample("a", "test", 0, "a.png", "part", box=box) for box in (None, (3, 4, 25, 26))]
        [chunk] = decoded(Folder(tmp_path), samples, size)
        wanted = b"".join(hashlib.sha256(image.tobytes()).digest()[:DIGEST] for image in chunk.images)
        assert chunk.digests == wanted


def test_shrinking_averages_areas_and_growing_interpolates() -> None:
    chequers = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((2, 2))).astype(np.uint8) * 200
    assert (resize(chequers, (4, 4)) == 100).all()
    ramp = resize(np.array([[0, 100]], np.uint8), (1, 4))
    assert ramp.tolist() == [[0, 25, 75, 100]]
    stripes = np.tile(np.array([0, 200], np.uint8), (10, 160))  # A wide picture: one side shrinks, the other one grows.
    assert (resize(stripes, (20, 32)) == 100).all()
    assert (resize(stripes.T, (32, 20)) == 100).all()


def test_images_come_in_order_and_few_at_a_time(tmp_path: Path) -> None:
    taken = 0

    def samples() -> Iterator[Sample]:
        nonlocal taken
        for number in range(8000):
            taken += 1
            pixels = PixelText(" ".join([str(number % 256)] * 16), 4)
            yield Sample(str(number), "test", 0, "table", "part", pixels=pixels)

    threads = cv2.getNumThreads()
    ahead = done = 0
    for chunk in decoded(Folder(tmp_path), samples(), (4, 4)):
        assert [sample.id for sample in chunk.samples] == [str(done + i) for i in range(len(chunk.samples))]
        assert (chunk.images[:, 0, 0] == np.arange(done, done + len(chunk.samples)) % 256).all()
        ahead = max(ahead, taken - done)
        done += len(chunk.samples)
    assert done == taken == 8000
    assert ahead <= (16 * worker_count() + 1) * chunk_of((4, 4))
    assert cv2.getNumThreads() == threads


def test_equal_pixels_have_equal_digests_whatever_the_file(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 256, (6, 6), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    cv2.imwrite(str(tmp_path / "b.bmp"), image)
    cv2.imwrite(str(tmp_path / "c.png"), 255 - image)
    samples = [Sample(name, "test", 0, name, "part") for name in ("a.png", "b.bmp", "c.png")]
    [chunk] = decoded(Folder(tmp_path), samples, (6, 6))
    a, b, c = (chunk.digests[start : start + DIGEST] for start in range(0, 3 * DIGEST, DIGEST))
    assert a == b != c


def test_what_cannot_be_decoded_is_a_flaw_and_the_rest_goes_on(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "good.png"), np.full((50, 50), 9, np.uint8))
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    items: list[Sample | Flaw] = [
        Sample("empty", "test", 2, "empty.png", "part"),
        Flaw("list:3", "label 9, expected 1 to 7"),
        Sample("gone", "train", 3, "gone.png", "part"),
        Sample("good", "test", 4, "good.png", "part"),
        Sample("folder", "test", 5, "folder.png", "part"),
        Sample("boxed", "test", 6, "good.png", "part", box=(60, 60, 90, 90)),
        Sample("text", "test", 0, "t.csv:7", "part", pixels=PixelText("1 2 3", 2)),
    ]
    [chunk] = decoded(Folder(tmp_path), items, (4, 4))
    assert [sample.id for sample in chunk.samples] == ["good"]
    assert chunk.images.shape == (1, 4, 4)
    flaws = {flaw.source: flaw for flaw in chunk.flaws}
    assert (flaws["empty.png"].label, flaws["empty.png"].part) == (2, "part")
    assert "0 bytes" in flaws["empty.png"].reason
    assert flaws["list:3"].reason == "label 9, expected 1 to 7"
    assert flaws["gone.png"].missing
    assert not flaws["folder.png"].missing
    assert "holds nothing of the picture, 50 x 50" in flaws["good.png"].reason
    assert "3 pixels, expected 4" in flaws["t.csv:7"].reason


def test_a_picture_that_breaks_the_decoder_is_a_flaw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(data: bytes, name: str) -> Picture:
        if data == b"bad":
            raise IndexError("index out of range")
        return Picture(np.zeros((4, 4), np.uint8), "")

    for name in ("bad", "good"):
        (tmp_path / name).write_bytes(name.encode())
    monkeypatch.setattr(decoding, "decode", breaks)
    jobs = [("bad", None, None), ("good", None, None)]
    outcome = decoding.decode_jobs(Folder(tmp_path), jobs, np.empty((2, 4, 4), np.uint8))
    assert outcome.kept == [1]
    assert outcome.flaws == [(0, "cannot be decoded (IndexError: index out of range)", False)]


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/passwd", "/x", "..", "a\\..\\..\\..\\x/../../..", "a\0", "a" * 999]
)
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "root/a").mkdir(parents=True)
    folder = Folder(tmp_path / "root")
    with pytest.raises(FerBenchError):
        folder.path(name)
    with pytest.raises((FerBenchError, OSError)):
        folder.read(name)


def test_a_folder_that_may_not_be_entered_is_named_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as one inside it of its own name, nor as a workspace's lock there."""

    def refusing(real: Callable[[Path], object]) -> Callable[[Path], object]:
        def asked(path: Path) -> object:
            if "locked" in path.parent.parts:
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        return asked

    (tmp_path / "train/locked").mkdir(parents=True)
    for name in ("is_dir", "is_file", "lstat"):
        monkeypatch.setattr(Path, name, refusing(getattr(Path, name)))
    assert below(tmp_path, "train/locked") == tmp_path / "train/locked"
    folder = Folder(tmp_path)
    assert folder.folders("train") == ["locked"]
    with pytest.raises(FerBenchError, match=r"train/locked/a.jpg: cannot be read \(Permission denied\)$"):
        folder.path("train/locked/a.jpg")
    with pytest.raises(PermissionError):
        Folder(tmp_path).read("train/locked/a.jpg")


@pytest.mark.parametrize("name", ["a.jpg", "link.jpg"])
def test_a_file_without_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("fer_bench.datasets.folder._LARGEST", 1 << 21)
    with (tmp_path / "a.jpg").open("wb") as stream:
        stream.truncate((1 << 21) + 1)
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    folder = Folder(tmp_path)
    for _ in range(2):  # The second time the folder is known.
        with pytest.raises(OSError, match="more than 2,097,152 bytes, too large for a picture"):
            folder.read(name)


def test_a_link_is_followed_within_the_folder_only(tmp_path: Path) -> None:
    (tmp_path / "root/a").mkdir(parents=True)
    (tmp_path / "root/a/real").write_bytes(b"inside" * 20_000)
    (tmp_path / "root/a/near").symlink_to("real")
    (tmp_path / "secret").write_bytes(b"outside")
    (tmp_path / "root/a/far").symlink_to(tmp_path / "secret")
    (tmp_path / "root/out").symlink_to(tmp_path)
    folder = Folder(tmp_path / "root")
    for _ in range(2):  # The second time the folder is known.
        assert folder.read("a/real") == folder.read("a/near") == b"inside" * 20_000
        for name in ("a/far", "out/secret"):
            with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
                folder.read(name)


@pytest.mark.skipif(os.name == "nt", reason="names with a colon")
@pytest.mark.parametrize("name", ["b.jpg", "a:b.jpg"])
def test_a_link_in_a_folder_inside_one_of_its_own_name_is_followed_within_the_folder_only(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "root/train/train").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"outside")
    (tmp_path / "root/train/train" / name).symlink_to(tmp_path / "secret")
    folder = Folder(tmp_path / "root")
    (tmp_path / "root/train/train/far").symlink_to(tmp_path)
    for read in (folder.read, folder.path, folder.has):
        for linked in (f"train/{name}", "train/far/secret"):
            with pytest.raises(FerBenchError, match="leads out of the dataset folder"):
                read(linked)


IN_PROCESSES = """
import sys, hashlib
from pathlib import Path
from fer_bench.datasets import side_by_side
from fer_bench.datasets.card import PixelText, Sample
from fer_bench.datasets.folder import Folder
if sys.argv[2] == "threads":
    side_by_side._may_fork = lambda: False
else:
    side_by_side.cores = lambda: 2
    assert side_by_side._may_fork()
folder = Folder(Path(sys.argv[1]))
samples = [Sample(name, "test", 0, f"a/{name}", "part") for name in folder.pictures("a")]
values = [" ".join(str((7 * number + k) % 256) for k in range(400)) for number in range(300)]
values[3], values[70], values[71] = "", "\\udcff" + values[5], values[5] + "\\u00b2"
values[140] = values[5] + " " * 200_000  # More than a task has room for.
values[210] = "1 2 999999"
samples += [Sample(f"t{n}", "test", 0, f"t:{n}", "part", pixels=PixelText(text, 20)) for n, text in enumerate(values)]
for chunk in side_by_side.decoded(folder, samples, (20, 20)):
    print([s.id for s in chunk.samples], hashlib.sha256(chunk.images).hexdigest(), chunk.digests.hex(), chunk.flaws)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="decoders are processes on Linux only")
def test_processes_and_threads_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    rng = np.random.default_rng(2)
    for number in range(150):
        path = tmp_path / f"a/{number:03d}.jpg"
        if number % 40 == 7:
            path.write_bytes(b"no picture")
        else:
            cv2.imwrite(str(path), rng.integers(0, 256, (30, 20 + number % 5), np.uint8))
    runs = [
        subprocess.run(
            [sys.executable, "-c", IN_PROCESSES, str(tmp_path), how], capture_output=True, text=True, check=True
        )
        for how in ("processes", "threads")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout.count("no picture that can be decoded") == 4
    assert runs[0].stdout.count("Flaw(") == 4 + 4
    assert "'t140'" in runs[0].stdout


@pytest.mark.skipif(sys.platform != "linux", reason="decoders are processes on Linux only")
def test_decoders_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time; from pathlib import Path\n"
        "from fer_bench.datasets import side_by_side; from fer_bench.datasets.folder import Folder\n"
        "from fer_bench.datasets.card import PixelText, Sample\n"
        "side_by_side.cores = lambda: 2\n"
        "samples = (Sample(str(i), 'test', 0, 't', 'p', pixels=PixelText('1', 1)) for i in range(10**6))\n"
        "chunks = side_by_side.decoded(Folder(Path('.')), samples, (1, 1)); next(chunks)\n"
        "import multiprocessing; print(*[p.pid for p in multiprocessing.active_children()], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    children = [int(pid) for pid in result.stdout.split()]
    assert len(children) == 2
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() and "Z" not in state(pid) for pid in children):
            return
        time.sleep(0.1)
    raise AssertionError(f"processes {children} are left")


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
