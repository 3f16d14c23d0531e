"""Scores from confusion matrices, against scikit-learn's from the labels."""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from fer_bench import metrics
from fer_bench.errors import FerBenchError

SCORES = (
    metrics.accuracy,
    metrics.recall_per_class,
    metrics.f1_per_class,
    metrics.macro_f1,
    metrics.balanced_accuracy,
    metrics.row_percentages,
)


@st.composite
def answers(draw):
    classes = draw(st.integers(2, 8))
    pairs = draw(st.lists(st.tuples(*[st.integers(0, classes - 1)] * 2), min_size=1, max_size=60))
    labels, predictions = (list(column) for column in zip(*pairs, strict=True))
    return labels, predictions, classes


@given(answers())
@settings(deadline=None)
def test_scores_equal_scikit_learns(case):
    labels, predictions, classes = case
    every = {"labels": range(classes), "average": None, "zero_division": np.nan}
    matrix = metrics.confusion_matrix(labels, predictions, classes)

    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(
        matrix, sklearn_metrics.confusion_matrix(labels, predictions, labels=list(range(classes)))
    )
    with warnings.catch_warnings():
        # scikit-learn warns about classes without images and about a single class.
        warnings.simplefilter("ignore")
        assert metrics.accuracy(matrix) == pytest.approx(sklearn_metrics.accuracy_score(labels, predictions))
        for ours, theirs in (
            (metrics.recall_per_class, sklearn_metrics.recall_score),
            (metrics.f1_per_class, sklearn_metrics.f1_score),
        ):
            np.testing.assert_allclose(ours(matrix), theirs(labels, predictions, **every))
        assert metrics.macro_f1(matrix) == pytest.approx(
            sklearn_metrics.f1_score(labels, predictions, average="macro", zero_division=0)
        )
        assert metrics.balanced_accuracy(matrix) == pytest.approx(
            sklearn_metrics.balanced_accuracy_score(labels, predictions)
        )


@given(answers())
def test_percentages_of_a_row_sum_to_a_hundred_and_hold_the_recall(case):
    matrix = metrics.confusion_matrix(*case)
    percentages = metrics.row_percentages(matrix)
    with_images = matrix.sum(axis=1) > 0

    np.testing.assert_allclose(percentages[with_images].sum(axis=1), 100)
    assert np.isnan(percentages[~with_images]).all()
    np.testing.assert_allclose(np.diagonal(percentages), 100 * metrics.recall_per_class(matrix))


@given(answers(), st.randoms())
def test_reordering_the_classes_reorders_the_scores(case, random):
    matrix = metrics.confusion_matrix(*case)
    order = list(range(len(matrix)))
    random.shuffle(order)
    reordered = matrix[np.ix_(order, order)]

    for score in (metrics.recall_per_class, metrics.f1_per_class):
        np.testing.assert_allclose(score(reordered), score(matrix)[order])
    assert metrics.accuracy(reordered) == metrics.accuracy(matrix)
    assert metrics.macro_f1(reordered) == pytest.approx(metrics.macro_f1(matrix))


@given(answers())
def test_transposing_swaps_recall_and_precision_and_so_leaves_f1(case):
    matrix = metrics.confusion_matrix(*case)
    np.testing.assert_array_equal(metrics.f1_per_class(matrix.T), metrics.f1_per_class(matrix))


def test_rows_are_the_true_classes():
    matrix = metrics.confusion_matrix([0, 0, 0, 1], [0, 1, 1, 1], 3)

    assert matrix.tolist() == [[1, 2, 0], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(metrics.recall_per_class(matrix), [1 / 3, 1, math.nan])
    np.testing.assert_allclose(metrics.f1_per_class(matrix), [1 / 2, 1 / 2, math.nan])
    assert metrics.accuracy(matrix) == 0.5
    assert metrics.macro_f1(matrix) == pytest.approx(1 / 2)
    assert metrics.balanced_accuracy(matrix) == pytest.approx(2 / 3)


def test_a_records_nested_tuples_do():
    assert metrics.accuracy(((3, 1), (0, 4))) == 7 / 8
    assert metrics.row_percentages(((3, 1), (0, 4))).tolist() == [[75, 25], [0, 100]]


def test_without_images_every_score_is_undefined():
    matrix = metrics.confusion_matrix([], [], 7)

    assert matrix.tolist() == [[0] * 7] * 7
    with np.errstate(all="raise"):  # undefined, without a warning
        assert all(np.isnan(score(matrix)).all() for score in SCORES)


def test_small_index_types_do_not_overflow():
    labels = np.full(300, 20, dtype=np.uint8)
    matrix = metrics.confusion_matrix(labels, labels, 21)
    assert matrix[20, 20] == matrix.sum() == 300
    small = np.array([[200, 50], [0, 250]], np.uint8)
    assert metrics.f1_per_class(small) == pytest.approx([400 / 450, 500 / 550])


@pytest.mark.parametrize(
    ("labels", "predictions", "classes", "message"),
    [
        ([0, 1], [0], 7, "2 labels and 1 predictions"),
        ([0, 7], [0, 0], 7, "labels from 0 to 7"),
        ([0, 1], [0, -1], 7, "predictions from -1 to 0"),
        ([0.0, 1.0], [0, 1], 7, "labels of float64"),
        ([0, 1], [[0.1, 0.9], [0.2, 0.8]], 2, r"predictions of shape \(2, 2\)"),
        ([], [], 0, "0 classes"),
    ],
)
def test_wrong_labels_are_refused(labels, predictions, classes, message):
    with pytest.raises(FerBenchError, match=message):
        metrics.confusion_matrix(labels, predictions, classes)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 2, 3], [4, 5, 6]], r"shape \(2, 3\)"),
        ([[1, 2], [3]], "rows of different lengths"),
        ([[0.5, 0.5], [0, 1]], "float64"),
        ([[1, -2], [0, 1]], "negative count -2"),
        ([], r"shape \(0,\)"),
    ],
)
def test_wrong_matrices_are_refused(score, matrix, message):
    with pytest.raises(FerBenchError, match=message):
        score(matrix)


def test_metrics_statistics_and_paper_load_no_heavy_library():
    code = (
        "import sys, fer_bench.metrics, fer_bench.statistics, fer_bench.paper\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'scipy', 'statsmodels', 'sklearn', 'pandas', 'matplotlib', 'cv2', 'keras', 'tensorflow'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
