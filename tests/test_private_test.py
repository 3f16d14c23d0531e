"""FER-2013's PrivateTest: told by the record, by the names of the pictures or by the official order of the rows."""

from pathlib import Path

import numpy as np
import pytest
import record_factory as make

from fer_bench import metrics, records
from fer_bench.errors import FerBenchError
from fer_bench.files import sha256_of
from fer_bench.records import EvalRecord
from fer_bench.selection import select
from fer_bench.workspace import Results

FIRST_PRIVATE = 28_709 + 3_589


def answers() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return part, label and answer of every test image, in an order that mixes the classes."""
    labels, parts = [], []
    for part, name in (("public", "PublicTest"), ("private", "PrivateTest")):
        for label, images in enumerate(make.PARTS[part]):
            labels += [label] * images
            parts += [name] * images
    generator = np.random.default_rng(1)
    order = np.concatenate([generator.permutation(3589), 3589 + generator.permutation(3589)])
    labels = np.array(labels)[order]
    predicted = np.where(generator.random(7178) < 0.6, labels, (labels + 1) % 7)
    return [parts[i] for i in order], labels, predicted


def save(results: Results, ids: list[str], labels: np.ndarray, predicted: np.ndarray, **changes: object) -> EvalRecord:
    """Write a test as a version of fer-bench did that kept no parts."""
    matrix = metrics.confusion_matrix(labels, predicted, 7).tolist()
    record = make.eval_record("clcm", "fer2013", "fer2013", matrix=matrix)
    probabilities = np.full((len(labels), 7), 0.05, np.float16)
    probabilities[np.arange(len(labels)), predicted] = 0.7
    path = results.records / "eval" / record.predictions
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, ids=np.array(ids), labels=labels, probabilities=probabilities)
    record = records.replace(record, predictions_sha256=sha256_of(path), **changes)
    records.save(results.records, record)
    return record


def private(results: Results) -> list[list[int]] | None:
    found = select(results).blocks["fer2013"].tested_privately("clcm")
    return [list(row) for row in found[0]] if found else None


def test_by_the_names_of_the_pictures(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    parts, labels, predicted = answers()
    save(results, [f"angry/{part}_{i:08d}" for i, part in enumerate(parts)], labels, predicted)
    chosen = np.array(parts) == "PrivateTest"
    assert private(results) == metrics.confusion_matrix(labels[chosen], predicted[chosen], 7).tolist()


def test_by_the_official_order_of_the_rows(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    parts, labels, predicted = answers()
    save(results, [f"row{28_709 + i:07d}" for i in range(7178)], labels, predicted)
    chosen = np.array(parts) == "PrivateTest"
    assert private(results) == metrics.confusion_matrix(labels[chosen], predicted[chosen], 7).tolist()


def test_rows_in_another_order_tell_nothing(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    _, labels, predicted = answers()
    save(results, [f"row{28_709 + i:07d}" for i in range(7178)], labels[::-1].copy(), predicted[::-1].copy())
    assert private(results) is None


def test_renamed_pictures_tell_nothing(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    _, labels, predicted = answers()
    save(results, [f"test/angry/im{i}" for i in range(7178)], labels, predicted)
    assert private(results) is None


def test_without_predictions_nothing_is_told(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    parts, labels, predicted = answers()
    record = save(results, [f"angry/{part}_{i}" for i, part in enumerate(parts)], labels, predicted)
    (results.records / "eval" / record.predictions).unlink()
    assert private(results) is None


def test_predictions_of_another_run_are_refused(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    parts, labels, predicted = answers()
    record = save(results, [f"angry/{part}_{i}" for i, part in enumerate(parts)], labels, predicted)
    with (results.records / "eval" / record.predictions).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(FerBenchError, match="not the predictions that"):
        select(results)


def test_the_records_own_parts_need_no_predictions(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    both = {"PrivateTest": make.flat("private", 5), "PublicTest": make.flat("public", 3)}
    record = make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("fer2013", 8))
    records.save(results.records, records.replace(record, parts=both))
    assert private(results) == [list(row) for row in both["PrivateTest"]]
    # Another number of images than the standard ones, such as a partial copy's, is not shown as the standard set.
    few = [list(row) for row in both["PrivateTest"]]
    few[0][0] -= 1
    matrix = np.array(record.confusion_matrix)
    matrix[0, 0] -= 1
    smaller = make.eval_record("clcm", "fer2013", "fer2013", matrix=matrix.tolist())
    parts = {"PrivateTest": tuple(map(tuple, few)), "PublicTest": both["PublicTest"]}
    records.save(results.records, records.replace(smaller, parts=parts))
    assert private(results) is None


def test_a_test_set_that_is_private_test_alone(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    record = make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("private", 5))
    records.save(results.records, record)
    assert private(results) == [list(row) for row in record.confusion_matrix]


def test_parts_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    record = make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("fer2013", 8))
    records.save(results.records, records.replace(record, parts={"PrivateTest": make.flat("private", 5)}))
    with pytest.raises(FerBenchError, match="parts do not add up"):
        select(results)
