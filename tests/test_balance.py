"""Classes of different size: what an epoch shows, and what it depends on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_bench import backend
from fer_bench.corruptions import CORRUPTIONS
from fer_bench.recipe import Augmentation, Recipe
from fer_bench.training.balance import class_weights, epoch_rows, epoch_size
from fer_bench.training.batches import as_input, training_batches

LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=60).map(np.array)


def epoch(labels: np.ndarray, balance: str, seed: int = 0) -> np.ndarray:
    # Rows that are not their own positions, as those of a training split are not.
    return epoch_rows(np.arange(len(labels)) * 3 + 5, labels, balance, np.random.default_rng(seed))


def label_of(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return labels[(rows - 5) // 3]


@given(LABELS, st.sampled_from(["none", "class-weight"]))
def test_every_image_is_shown_once(labels, balance):
    assert sorted(epoch(labels, balance)) == [3 * i + 5 for i in range(len(labels))]
    assert epoch_size(labels, balance) == len(labels)


@given(LABELS, st.integers(0, 5))
def test_oversampling_shows_each_class_as_often_as_the_largest_and_every_image_equally_often(labels, seed):
    shown = epoch(labels, "oversample", seed)
    largest = np.bincount(labels).max()
    counts = np.bincount(label_of(shown, labels), minlength=7)
    assert set(counts) <= {0, largest}
    assert (counts > 0).sum() == len(set(labels.tolist()))
    assert len(shown) == epoch_size(labels, "oversample")
    for label in set(labels.tolist()):
        times = [int((shown == 3 * i + 5).sum()) for i in np.flatnonzero(labels == label)]
        assert max(times) - min(times) <= 1
        assert min(times) >= 1


@given(LABELS, st.integers(0, 5))
def test_undersampling_shows_no_image_twice_and_each_class_as_often_as_the_smallest(labels, seed):
    shown = epoch(labels, "undersample", seed)
    smallest = min(count for count in np.bincount(labels) if count)
    assert len(set(shown.tolist())) == len(shown) == epoch_size(labels, "undersample")
    assert set(np.bincount(label_of(shown, labels), minlength=7)) <= {0, smallest}


def test_undersampling_draws_anew_each_epoch():
    labels = np.array([0] * 30 + [1] * 4)
    assert set(epoch(labels, "undersample", 0).tolist()) != set(epoch(labels, "undersample", 1).tolist())


@pytest.mark.parametrize("balance", ["oversample", "undersample"])
def test_a_balanced_epoch_mixes_the_classes(balance):
    labels = np.array([0] * 600 + [1] * 200 + [2] * 400)
    shown = label_of(epoch(labels, balance), labels)
    for part in np.array_split(shown, 3):
        assert (np.bincount(part, minlength=3) > len(part) / 6).all()


@given(LABELS)
def test_class_weights_are_one_on_average_and_give_every_class_the_same_sum(labels):
    weights = class_weights(labels, 7)
    assert weights[labels].mean() == pytest.approx(1, rel=1e-5)
    sums = [float(weights[label]) * int((labels == label).sum()) for label in range(7)]
    present = [total for total in sums if total > 0]
    assert np.count_nonzero(weights) == len(present)
    assert present == pytest.approx([present[0]] * len(set(labels.tolist())), rel=1e-5)


@pytest.mark.parametrize("balance", ["none", "class-weight", "oversample", "undersample"])
def test_batches_depend_on_seed_and_epoch_only(configured, balance):
    labels = np.array([0] * 12 + [3] * 5 + [6] * 3, np.uint8)
    images = np.arange(20, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    recipe = Recipe(name="t", image_size=32, batch_size=4, balance=balance)

    def batches():
        return training_batches(images, labels, np.arange(20), recipe, 7)

    undisturbed = batches()
    assert len(undisturbed) == {"oversample": 9, "undersample": 3}.get(balance, 5)
    undisturbed.begin_epoch(2)
    undisturbed.begin_epoch(3)
    resumed = batches()
    resumed.begin_epoch(3)
    for index in range(len(resumed)):
        ours, theirs = resumed[index], undisturbed[index]
        assert len(ours) == (3 if balance == "class-weight" else 2)
        for mine, other in zip((*ours[0], *ours[1:]), (*theirs[0], *theirs[1:]), strict=True):
            np.testing.assert_array_equal(mine, other)
        if balance == "class-weight":
            np.testing.assert_array_equal(ours[2], class_weights(labels, 7)[ours[1]])


def test_no_balance_keeps_the_order_that_earlier_runs_had(configured):
    recipe = Recipe(name="t", image_size=32, batch_size=4)
    rows = np.arange(20)
    batches = training_batches(np.zeros((20, 4, 4), np.uint8), np.zeros(20, np.uint8), rows, recipe, 7)
    batches.begin_epoch(3)
    np.testing.assert_array_equal(batches.order, rows[np.random.default_rng([7, 3]).permutation(20)])


def test_training_images_are_made_worse_as_the_recipe_says_and_nothing_else_changes(configured):
    faces = np.random.default_rng(0).integers(60, 200, (200, 16, 16)).astype(np.uint8)
    stored, labels, rows = faces.copy(), np.zeros(200, np.uint8), np.arange(200)

    def of(**changes):
        recipe = Recipe(name="t", image_size=32, batch_size=100, augmentation=Augmentation(**changes))
        batches = training_batches(faces, labels, rows, recipe, 7)
        batches.begin_epoch(2)
        return batches

    plain, some = of(), of(corruptions=("dark", "upper-covered"), corrupted=0.4)
    worse = 0
    for index in range(2):
        ((as_stored, warps), _), ((pictures, same_warps), _) = plain[index], some[index]
        np.testing.assert_array_equal(warps, same_warps)
        for before, after in zip(as_stored, pictures, strict=True):
            if (before == after).all():
                continue
            worse += 1
            covered = (after[8:] == before[8:]).all() and len(np.unique(after[:1])) == 1
            darker = any((after == np.rint(before * strength)).all() for strength in CORRUPTIONS["dark"].strengths)
            assert covered or darker
        again = of(corruptions=("upper-covered", "dark"), corrupted=0.4)  # A resumed run, the file in another order.
        np.testing.assert_array_equal(again[index][0][0], pictures)
    assert 0.25 * 200 < worse < 0.55 * 200
    np.testing.assert_array_equal(faces, stored)


@pytest.mark.parametrize("balance", ["none", "class-weight"])
def test_tensorflow_is_given_the_batches_of_the_epoch_without_a_thread_that_tunes(configured, balance):
    """With one, the end of an epoch waits until that thread wakes, for up to a minute."""
    if backend.name() != "tensorflow":
        pytest.skip("Keras takes the batches as they are")
    images, labels = np.arange(20, dtype=np.uint8)[:, None, None], np.array([0] * 12 + [3] * 5 + [6] * 3, np.uint8)
    recipe = Recipe(name="t", image_size=32, batch_size=4, balance=balance)
    batches = training_batches(images, labels, np.arange(20), recipe, 7)
    pipeline = as_input(batches)
    assert pipeline.options().autotune.enabled is False
    assert int(pipeline.cardinality()) == len(batches)
    for number in (1, 4):
        batches.begin_epoch(number)
        for index, found in enumerate(pipeline.as_numpy_iterator()):
            ours, theirs = batches[index], found
            for mine, other in zip((*ours[0], *ours[1:]), (*theirs[0], *theirs[1:]), strict=True):
                np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("balance", ["none", "class-weight", "oversample", "undersample"])
def test_every_image_of_a_batch_comes_with_its_own_label(configured, balance):
    """The training rows are no prefix of the dataset: validation and test images lie between them."""
    labels = np.array([6, 0, 3, 0, 0, 6] * 10, np.uint8)
    rows = np.flatnonzero(np.arange(60) % 5 != 1)
    # An image shows its row; so the label that belongs to it is known.
    images = np.arange(60, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    recipe = Recipe(name="t", image_size=32, batch_size=7, balance=balance)
    batches = training_batches(images, labels, rows, recipe, 7)
    shown, weights = [], class_weights(labels[rows], 7)
    for index in range(len(batches)):
        (pictures, _), wanted, *weight = batches[index]
        own = pictures[:, 0, 0].astype(int)
        assert wanted.tolist() == labels[own].tolist()
        assert [part.tolist() for part in weight] == ([weights[wanted].tolist()] if balance == "class-weight" else [])
        shown += own.tolist()
    assert set(shown) <= set(rows.tolist()), "neither validation nor test images"
    epoch = shown[: epoch_size(labels[rows], balance)]
    assert shown[len(epoch) :] == epoch[: len(shown) - len(epoch)], "the last batch is filled from the beginning"
    if balance in ("none", "class-weight"):
        assert sorted(epoch) == rows.tolist()
    else:
        counts = np.bincount(labels[epoch], minlength=7)
        assert set(counts[[0, 3, 6]]) == {len(epoch) // 3}
