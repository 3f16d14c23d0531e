"""FER-2013's PrivateTest, as the parts of a test tell it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import record_factory as make

from fer_bench import records
from fer_bench.errors import FerBenchError
from fer_bench.records import EvalRecord
from fer_bench.selection import select
from fer_bench.workspace import Results

RECORDS = Path(__file__).parent.parent / "reports" / "records"


def private(results: Results) -> list[list[int]] | None:
    found = select(results).blocks["fer2013"].tested_privately("clcm")
    return [list(row) for row in found[0]] if found else None


def test_every_published_test_on_fer_2013_has_its_parts() -> None:
    found = [r for r in records.load_all(RECORDS, EvalRecord) if r.target == "fer2013" and r.origin == "real"]
    assert found
    for record in found:
        assert set(record.parts) == {"PrivateTest", "PublicTest"}, record.stem


def test_without_parts_nothing_is_told(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    records.save(results.records, make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("fer2013", 8)))
    assert private(results) is None


def test_the_parts_of_other_tests_are_not_shown_as_the_standard_set(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    both = {"PrivateTest": make.flat("private", 5), "PublicTest": make.flat("public", 3)}
    record = make.eval_record("clcm", "fer2013", "fer2013", origin="synthetic", matrix=make.flat("fer2013", 8))
    records.save(results.records, dataclasses.replace(record, parts=both))
    assert private(results) is None


def test_private_test_is_a_part_of_the_record(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    both = {"PrivateTest": make.flat("private", 5), "PublicTest": make.flat("public", 3)}
    record = make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("fer2013", 8))
    records.save(results.records, dataclasses.replace(record, parts=both))
    assert private(results) == [list(row) for row in both["PrivateTest"]]
    # Another number of images than the standard ones, such as a partial copy's, is not shown as the standard set.
    few = [list(row) for row in both["PrivateTest"]]
    few[0][0] -= 1
    matrix = np.array(record.confusion_matrix)
    matrix[0, 0] -= 1
    smaller = make.eval_record("clcm", "fer2013", "fer2013", matrix=matrix.tolist())
    parts = {"PrivateTest": tuple(map(tuple, few)), "PublicTest": both["PublicTest"]}
    records.save(results.records, dataclasses.replace(smaller, parts=parts))
    assert private(results) is None


def test_nothing_is_told_where_a_seed_lacks_it(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    both = {"PrivateTest": make.flat("private", 5), "PublicTest": make.flat("public", 3)}
    for seed in (0, 1):
        record = make.eval_record("clcm", "fer2013", "fer2013", seed=seed, matrix=make.flat("fer2013", 8))
        # Else a mean of some of the seeds would stand beside one of all.
        records.save(results.records, dataclasses.replace(record, parts=both if seed == 0 else {}))
    assert private(results) is None


def test_a_test_set_that_is_private_test_alone(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    record = make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("private", 5))
    records.save(results.records, record)
    assert private(results) == [list(row) for row in record.confusion_matrix]


def test_parts_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    record = make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("fer2013", 8))
    records.save(results.records, dataclasses.replace(record, parts={"PrivateTest": make.flat("private", 5)}))
    with pytest.raises(FerBenchError, match="parts do not add up"):
        select(results)
