"""The predictions of a test are read as untrusted: what is not as the record says is one message."""

import io
import random
import resource
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import record_factory as make

from fer_bench import predictions
from fer_bench.errors import FerBenchError
from fer_bench.files import sha256_of
from fer_bench.records import EvalRecord
from fer_bench.workspace import Results


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return make.results_in(tmp_path)


@pytest.fixture
def record(results: Results) -> EvalRecord:
    return make.save_eval(results, make.eval_record("clcm", "fer2013", "ck-plus"))


def as_npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def stating(header: str, content: bytes = b"") -> bytes:
    """Return a ``.npy`` file with any header."""
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + content


def written(results: Results, record: EvalRecord, members: dict[str, bytes]) -> EvalRecord:
    """Write other predictions, of which the record then has the digest: as a hostile one would."""
    path = predictions.path_of(results.records, record)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return replace(record, predictions_sha256=sha256_of(path))


def members_of(results: Results, record: EvalRecord) -> dict[str, bytes]:
    with zipfile.ZipFile(predictions.path_of(results.records, record)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


LABELS = "{'descr': '|u1', 'fortran_order': False, 'shape': (432,)}"


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("ids", lambda ids: as_npy(np.char.encode(ids)), "ids as |S5"),
        ("ids", lambda ids: as_npy(np.repeat(ids[:1], len(ids))), "an image's id occurs twice"),
        ("labels", lambda labels: as_npy(labels.astype(np.float32)), "labels as float32"),
        ("labels", lambda labels: as_npy(labels.astype(np.int64) - 1), "holds the label -1; expected class indices"),
        ("labels", lambda labels: as_npy(labels + 1), "holds the label 7; expected class indices below 7"),
        ("labels", lambda labels: as_npy(labels[::-1]), "gives another confusion matrix than"),
        ("probabilities", lambda given: as_npy(given.astype(str)), "probabilities as <U"),
        ("probabilities", lambda given: as_npy(given * 1.01), "expected probabilities, which sum to 1"),
        ("probabilities", lambda given: as_npy(given * 7 - 6 / 7), "expected probabilities, which sum to 1"),
        ("labels", lambda labels: b"", "not readable as .npz"),
        ("labels", lambda labels: stating("{"), "not readable as .npz"),
        ("labels", lambda labels: stating("-" * 5000 + "1"), "not readable as .npz"),
        ("labels", lambda labels: stating("if x:\n  y\n z"), "not readable as .npz"),
        ("labels", lambda labels: stating(" " * 60_000), "not readable as .npz"),
        ("labels", lambda labels: stating(LABELS, bytes(431)), "'labels' states uint8 (432,), but has"),
        ("labels", lambda labels: stating(LABELS.replace("432", "4" * 40)), "not readable as .npz"),
        ("labels", lambda labels: stating(LABELS.replace("|u1", "|O"), bytes(8 * 432)), "not readable as .npz"),
    ],
)
def test_other_predictions_are_one_message(
    results: Results, record: EvalRecord, name: str, change: Callable[[Any], bytes], told: str
) -> None:
    members = members_of(results, record)
    array = np.load(io.BytesIO(members[f"{name}.npy"]))
    record = written(results, record, {**members, f"{name}.npy": change(array)})
    with pytest.raises(FerBenchError) as caught:
        predictions.read_predictions(results.records, record)
    message = str(caught.value)
    assert message.startswith(str(predictions.path_of(results.records, record)))
    assert told in message
    assert message.endswith(predictions.AGAIN)
    assert "\n" not in message
    assert len(message) < 1000


def test_nothing_is_unpacked_that_the_record_does_not_name(results: Results, record: EvalRecord) -> None:
    """An eighth of a gigabyte of zeros, packed into half a megabyte, under a name that a terminal would obey."""
    members, size = members_of(results, record), 1 << 27
    path = predictions.path_of(results.records, record)
    header = stating(LABELS.replace("432", str(size)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        with archive.open("\x1b[31mred.npy", "w", force_zip64=True) as stream:
            stream.write(header)
            for _ in range(size >> 24):
                stream.write(bytes(1 << 24))
    record = replace(record, predictions_sha256=sha256_of(path))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FerBenchError, match=r"holds '\\x1b\[31mred' \(134217728,\), ids \(432,\)") as caught:
        predictions.read_predictions(results.records, record)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert "\x1b" not in str(caught.value)


def test_any_damage_is_noticed_or_harmless(results: Results, record: EvalRecord) -> None:
    whole = predictions.read_predictions(results.records, record)
    path = predictions.path_of(results.records, record)
    good, chance = path.read_bytes(), random.Random(1)
    for _ in range(150):
        damaged = bytearray(good)
        # Half of it behind the data, where the directory lies.
        place = chance.choice([chance.randrange(len(good)), len(good) - 1 - chance.randrange(250)])
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged[: chance.choice([len(good), len(good), chance.randrange(len(good))])])
        changed = replace(record, predictions_sha256=sha256_of(path))
        try:
            found = predictions.read_predictions(results.records, changed)
        except FerBenchError:
            continue
        assert np.array_equal(found.labels, whole.labels)
        assert np.array_equal(found.classes, whole.classes)


def test_a_record_of_more_images_than_there_are_is_noticed_first(results: Results, record: EvalRecord) -> None:
    matrix = [list(row) for row in record.confusion_matrix]
    matrix[0][0] += 10**12
    record = replace(record, n=record.n + 10**12, confusion_matrix=tuple(map(tuple, matrix)))
    with pytest.raises(FerBenchError, match="expected ids"):
        predictions.read_predictions(results.records, record)
