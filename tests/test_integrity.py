"""A prepared dataset whose files are no longer what ``prepare`` wrote is told from one that is whole."""

import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench.datasets import dataset_card, integrity
from fer_bench.datasets.integrity import fingerprint, require_intact
from fer_bench.datasets.prepared import Prepared
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.errors import FerBenchError

NAMES = ("fer2013", "raf-db", "affectnet", "ck-plus")


@pytest.fixture
def folder(prepared_root, tmp_path) -> Path:
    return shutil.copytree(prepared_root / "datasets/ck-plus", tmp_path / "ck-plus")


@pytest.mark.parametrize("name", NAMES)
def test_what_prepare_wrote_is_whole(name, prepared_root):
    require_intact(Prepared.load(prepared_root / "datasets" / name))


def test_so_it_is_where_copies_of_test_images_were_dropped(synthetic_root, tmp_path):
    card = dataset_card("fer2013")
    require_intact(prepare(card, synthetic_root / "fer2013", tmp_path / "out", Wishes(deduplicate=True, split_seed=3)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 255))
def test_a_change_of_any_byte_of_the_images_is_seen(prepared_root, place, change):
    prepared = Prepared.load(prepared_root / "datasets/ck-plus")
    require_intact(prepared)
    whole = np.array(prepared.images)
    digests = integrity._digests(whole, lambda done: None)
    whole.reshape(-1)[place % whole.size] ^= change
    assert integrity._digests(whole, lambda done: None) != digests


def test_a_copy_that_was_broken_off_is_one_message(folder):
    # As rsync --inplace leaves it: the right size, and the rest zeros.
    path = folder / "images.npy"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    prepared = Prepared.load(folder)
    with pytest.raises(FerBenchError, match=r"ck-plus: changed since it was prepared: images\.npy, .* broken off"):
        require_intact(prepared)


def test_a_table_whose_rows_have_changed_places_is_seen(folder):
    path = folder / "samples.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    labels = [row[header.index("label")] for row in rows]
    a = next(i for i in range(1, len(rows)) if labels[i] == labels[0])
    rows[0], rows[a] = rows[a], rows[0]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    prepared = Prepared.load(folder)  # Every class and every part still has as many images.
    with pytest.raises(FerBenchError, match="changed since it was prepared"):
        require_intact(prepared)


def test_images_are_read_once_a_process_and_opened_dataset(folder, monkeypatch):
    prepared = Prepared.load(folder)
    require_intact(prepared)
    monkeypatch.setattr(integrity, "_digests", lambda *_: pytest.fail("read again"))
    require_intact(prepared)


def test_digests_are_those_of_each_image(monkeypatch):
    monkeypatch.setattr(integrity, "_BLOCK", 3 * 20)
    images = np.random.default_rng(0).integers(0, 256, (17, 4, 5), np.uint8)
    heard = []
    assert integrity._digests(images, heard.append) == b"".join(
        hashlib.sha256(image.tobytes()).digest()[:16] for image in images
    )
    assert heard[-1] == 17


def test_the_fingerprint_depends_on_everything_it_is_of():
    whole = {
        "choices": [2, [48, 48], "original"],
        "digests": bytes(range(32)),
        "labels": b"\0\1",
        "ids": ["a", "b"],
        "splits": ["train", "test"],
        "parts": ["Training", "PublicTest"],
    }
    changed = [fingerprint(**{**whole, name: value[::-1]}) for name, value in whole.items()]
    assert len({fingerprint(**whole), *changed}) == 1 + len(whole)
