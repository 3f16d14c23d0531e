"""Test accuracy by what the training images hold of a test image."""

import dataclasses
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from record_factory import eval_record, results_in, save_eval

from fer_bench.accuracy import answers
from fer_bench.accuracy.copies import Share, by_copies
from fer_bench.cli.copies import print_parted
from fer_bench.datasets.audit import Copies
from fer_bench.emotions import EMOTIONS


class Stand:
    """What is taken of a prepared dataset: five training, one validation and six test images."""

    dataset = "fer2013"
    fingerprint = "f" * 64
    labels = np.array([0, 1, 2, 2, 4, 3, 0, 1, 5, 4, 3, 6], np.uint8)
    splits = np.array(["train"] * 5 + ["val"] + ["test"] * 6)

    def __init__(self, ids: list[str]) -> None:
        self.ids = np.array([*(f"t{row}" for row in range(6)), *ids])


COPIES = Copies(
    # Test images: a copy of row 0 with its label, one of row 1 with its label, one of rows 2 and 3 with another label,
    # one of a validation image only, and two without a copy, as row 4 has none: of its label, and of another one.
    numbers=np.array([1, 2, 3, 3, 0, 4, 1, 2, 3, 0, 4, 0]),
    groups=4,
    extra_copies=5,
    cross_split_groups=4,
    conflicting_label_groups=1,
    largest_group=3,
)


@pytest.mark.parametrize("trained_on", ["fer2013", "fer2013+raf-db"])
def test_images_are_parted_by_pixels_and_label_of_their_copies(
    tmp_path: Path, trained_on: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results = results_in(tmp_path)
    # True labels in the record's order 0, 1, 3, 4, 5, 6, each once; wrong are 1 (answered 0) and 5 (answered 0).
    matrix = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    for true, guess in ((0, 0), (1, 0), (3, 3), (4, 4), (5, 0), (6, 6)):
        matrix[true, guess] += 1
    record = eval_record("clcm", "fer2013", "fer2013", matrix=matrix.tolist())
    record = dataclasses.replace(record, dataset=trained_on, target_fingerprint=Stand.fingerprint, parts={})
    record = save_eval(results, record)
    given = answers.read(results.records, record)
    by_label = dict(zip(given.labels.tolist(), given.ids.tolist(), strict=True))
    prepared = cast(Any, Stand([by_label[label] for label in Stand.labels[6:].tolist()]))

    (found,) = by_copies(results, prepared, COPIES)
    assert found.record == record
    assert found.copied == Share(right=1, n=2)
    assert found.conflicting == Share(right=0, n=1)
    assert found.alone == Share(right=3, n=3)

    print_parted([found])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "clcm" in line)
    assert line.split()[:2] == ["clcm", trained_on]


@pytest.mark.parametrize("change", [{"target_fingerprint": "0" * 64}, {"dataset": "raf-db"}])
def test_tests_of_other_data_are_left_out(tmp_path: Path, change: dict[str, str]) -> None:
    results = results_in(tmp_path)
    record = eval_record("clcm", "fer2013", "fer2013")
    save_eval(results, dataclasses.replace(record, **{"target_fingerprint": Stand.fingerprint, **change}))
    assert not list(by_copies(results, cast(Any, Stand(["a", "b", "c", "d", "e", "f"])), COPIES))
