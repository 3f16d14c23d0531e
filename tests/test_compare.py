"""``fer-bench compare`` as a user meets it, on made records and predictions."""

import csv
import dataclasses
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
import typer
from advice import commands, follow
from record_factory import digest, eval_record, preparation, results_in, save_eval, train_record
from scipy.stats import binomtest, chi2
from sklearn import metrics as sklearn_metrics
from statsmodels.stats.multitest import multipletests
from study_fakes import replace_training
from typer.testing import CliRunner

from fer_bench import messages, metrics, records
from fer_bench.accuracy.answers import read
from fer_bench.accuracy.comparing import compare
from fer_bench.accuracy.entries import choose
from fer_bench.accuracy.intervals import newcombe_paired, wilson
from fer_bench.accuracy.pairwise import mcnemar
from fer_bench.accuracy.verdict import verdict
from fer_bench.cli import app, comparing
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.files import sha256_of
from fer_bench.p_values import p_text
from fer_bench.presets import PRESETS, load_recipe

SUBJECTS, IMAGES = 40, 240
LABELS = np.arange(IMAGES) % 7
IDS = np.array([f"S{i // 6:03d}_{i % 6:03d}" for i in range(IMAGES)])
PEOPLE = np.array([name[:4] for name in IDS])
FINGERPRINT = digest("real ck-plus")


def run(workspace, *arguments):
    """Run the command on a workspace; return what it prints."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(comparing.compare)
    result = CliRunner().invoke(app, [*map(str, arguments), "--workspace", str(workspace)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def compared(workspace, *arguments):
    """Run the command for JSON; refuse what is no standard JSON, such as NaN."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(run(workspace, *arguments, "--json"), parse_constant=refuse)


def answers(seed, accuracy, people=True):
    """Predictions, (IMAGES,): right or wrong mostly for all images of a subject."""
    generator = np.random.default_rng(seed)
    chance = (
        generator.beta(1.5 * accuracy, 1.5 * (1 - accuracy), SUBJECTS)[np.arange(IMAGES) // 6] if people else accuracy
    )
    wrong = (LABELS + generator.integers(1, 7, IMAGES)) % 7
    return np.where(generator.random(IMAGES) < chance, LABELS, wrong)


def save(workspace, model, predictions, *, dataset="raf-db", target="ck-plus", order=None, labels=LABELS, **fields):
    """Write a test with these answers; ``fields`` replace the record's."""
    seed = fields.pop("seed", 0)
    matrix = metrics.confusion_matrix(labels, predictions, 7).tolist()
    record = eval_record(
        model, dataset, target, seed=seed, matrix=matrix, recipe=fields.pop("recipe", "paper-0123abcd")
    )
    record = dataclasses.replace(record, **fields)
    order = np.arange(IMAGES) if order is None else order
    probabilities = np.full((IMAGES, 7), 0.05, np.float16)
    probabilities[np.arange(IMAGES), predictions] = 0.7
    folder = results_in(workspace).records
    path = folder / "eval" / record.predictions
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, ids=IDS[order], labels=labels[order], probabilities=probabilities[order])
    record = dataclasses.replace(record, predictions_sha256=sha256_of(path))
    records.save(folder, record)
    return record


def prepare(workspace, name="ck-plus", fingerprint=FINGERPRINT, groups=PEOPLE, **attributes):
    """Write a prepared dataset that holds the test images in another order."""
    folder = workspace / "datasets" / name
    folder.mkdir(parents=True)
    order = np.random.default_rng(0).permutation(IMAGES)
    np.save(folder / "images.npy", np.zeros((IMAGES, 2, 2), np.uint8))
    np.save(folder / "labels.npy", LABELS[order].astype(np.uint8))
    with (folder / "samples.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "split", "label", "part", "source", "group", *attributes])
        for i in order:
            rest = [values[i] for values in attributes.values()]
            writer.writerow([IDS[i], "test", EMOTIONS[LABELS[i]], "peak", f"{IDS[i]}.png", groups[i], *rest])
    counts = np.bincount(LABELS, minlength=7).tolist()
    manifest = {
        "schema": 2,
        "dataset": name,
        "title": name,
        "origin": "real",
        "n": IMAGES,
        "size": [2, 2],
        "counts": {"splits": {"test": counts}, "parts": {"peak": counts}},
        "fingerprint": fingerprint,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def two(tmp_path):
    """Two models trained on RAF-DB and tested on CK+."""
    save(tmp_path, "clcm", answers(1, 0.8))
    save(tmp_path, "shufflenetv2", answers(2, 0.6))
    return tmp_path


ON = ("--on", "ck-plus")


def test_two_models_are_compared_with_intervals_and_mcnemars_test(two):
    found = compared(two, "clcm", "shufflenetv2", *ON)
    clcm, shufflenet = found["models"]
    right = [answers(1, 0.8) == LABELS, answers(2, 0.6) == LABELS]
    assert (found["n"], found["target"], found["units"]["kind"], found["seeds"]) == (IMAGES, "ck-plus", "images", [0])
    assert clcm["accuracy"] == {
        "value": right[0].mean(),
        "ci": pytest.approx(wilson(int(right[0].sum()), IMAGES)),
        "method": "Wilson",
    }
    (pair,) = found["pairs"]
    only_a, only_b = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    assert (pair["a"], pair["b"]) == ("clcm", "shufflenetv2")
    assert (pair["only_a_right"], pair["only_b_right"]) == (only_a, only_b)
    assert pair["p"] == pair["p_holm"] == pytest.approx(mcnemar(only_a, only_b))
    both, neither = int((right[0] & right[1]).sum()), int((~right[0] & ~right[1]).sum())
    assert pair["ci"] == pytest.approx(newcombe_paired(both, only_a, only_b, neither))
    assert pair["difference"] == pytest.approx(clcm["accuracy"]["value"] - shufflenet["accuracy"]["value"])
    for measure in ("balanced_accuracy", "macro_f1", "kappa", "expected_calibration_error"):
        low, high = clcm[measure]["ci"]
        assert low < clcm[measure]["value"] < high
    assert [row["class"] for row in clcm["classes"]] == list(EMOTIONS)
    assert all(len(row[what]["ci"]) == 2 for row in clcm["classes"] for what in ("recall", "precision", "f1"))


def test_every_score_is_scikit_learns(two):
    found = compared(two, "clcm", "shufflenetv2", *ON)
    balanced, f1 = [], []
    for model, predictions in zip(found["models"], (answers(1, 0.8), answers(2, 0.6)), strict=True):
        balanced.append(sklearn_metrics.balanced_accuracy_score(LABELS, predictions))
        f1.append(sklearn_metrics.f1_score(LABELS, predictions, average="macro"))
        assert model["balanced_accuracy"]["value"] == pytest.approx(balanced[-1])
        assert model["macro_f1"]["value"] == pytest.approx(f1[-1])
        assert model["kappa"]["value"] == pytest.approx(sklearn_metrics.cohen_kappa_score(LABELS, predictions))
        # All answers have the same confidence, and so lie in one bin.
        gap = abs((predictions == LABELS).mean() - float(np.float16(0.7)))
        assert model["expected_calibration_error"]["value"] == pytest.approx(gap)
        by_class = sklearn_metrics.precision_recall_fscore_support(LABELS, predictions)
        for row, name, precision, recall, f1_of_class, images in zip(
            model["classes"], EMOTIONS, *by_class, strict=True
        ):
            answered = int((predictions == EMOTIONS.index(name)).sum())
            right = round(recall * images)
            assert (row["class"], row["n"]) == (name, images)
            assert row["recall"]["value"] == pytest.approx(recall)
            assert row["recall"]["ci"] == pytest.approx(wilson(right, images))
            assert row["precision"]["value"] == pytest.approx(precision)
            assert row["precision"]["ci"] == pytest.approx(wilson(right, answered))
            assert row["f1"]["value"] == pytest.approx(f1_of_class)
            assert row["f1"]["ci"][0] < f1_of_class < row["f1"]["ci"][1]
    (pair,) = found["pairs"]
    for measure, (first, second) in (("balanced_accuracy", balanced), ("macro_f1", f1)):
        difference = pair[f"{measure}_difference"]
        assert difference["value"] == pytest.approx(first - second)
        assert difference["ci"][0] < difference["value"] < difference["ci"][1]


def test_answers_that_agree_less_than_by_chance_have_a_kappa_below_0(two):
    """Its interval too, which is cut at 0 for no score that may be negative."""
    wrong = np.where(np.arange(IMAGES) % 20, (LABELS + 1) % 7, LABELS)
    save(two, "mobilenetv2", wrong)
    kappa = compared(two, "clcm", "mobilenetv2", *ON)["models"][1]["kappa"]
    assert kappa["value"] == pytest.approx(sklearn_metrics.cohen_kappa_score(LABELS, wrong))
    assert kappa["ci"][0] < kappa["value"] < kappa["ci"][1] < 0


@pytest.mark.parametrize("order", [("clcm", "shufflenetv2"), ("shufflenetv2", "clcm")])
def test_the_verdict_gives_the_better_model_and_the_numbers_of_the_pair(two, order):
    found = compared(two, *order, *ON)
    right = [answers(1, 0.8) == LABELS, answers(2, 0.6) == LABELS]
    table = [(first & second).sum() for first, second in ((right[0], right[1]), (right[0], ~right[1]))]
    table += [(first & second).sum() for first, second in ((~right[0], right[1]), (~right[0], ~right[1]))]
    low, high = newcombe_paired(*map(int, table))
    assert low > 0
    assert (
        f"clcm is more accurate than shufflenetv2 by {100 * (right[0].mean() - right[1].mean()):.1f} points "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f}, adjusted p {p_text(found['pairs'][0]['p_holm'])});"
    ) in found["verdict"]
    assert "no difference" not in found["verdict"]


def test_the_verdict_says_what_can_be_said_and_for_what(two):
    said = compared(two, "clcm", "shufflenetv2", *ON)["verdict"]
    assert said.startswith("On 240 test images of ck-plus, clcm is more accurate than shufflenetv2 by ")
    assert "one run of each model is compared, seed 0, so this holds for these trained networks" in said
    assert "not for another seed" in said


def test_no_difference_shown_is_not_called_equality(tmp_path):
    save(tmp_path, "clcm", answers(1, 0.7, people=False))
    save(tmp_path, "shufflenetv2", answers(2, 0.7, people=False))
    found = compared(tmp_path, "clcm", "shufflenetv2", *ON)
    assert not found["pairs"][0]["significant"]
    assert "no difference of accuracy between clcm and shufflenetv2 is shown" in found["verdict"]
    assert "does not show that they are equal" in found["verdict"]


def test_the_text_shows_every_score_class_and_note(two):
    text = run(two, "clcm", "shufflenetv2", *ON)
    for words in ("balanced accuracy", "macro F1", "Cohen's kappa", "ECE", "Recall by class", *EMOTIONS):
        assert words in text
    assert "McNemar's exact test" in text
    assert "ck-plus is not prepared there" in text
    assert "treat images as independent" in text
    assert "15 bins" in text


def test_subjects_of_the_prepared_test_set_are_drawn_together(two):
    alone = compared(two, "clcm", "shufflenetv2", *ON)
    prepare(two)
    found = compared(two, "clcm", "shufflenetv2", *ON)
    assert found["units"]["kind"] == "subjects"
    assert found["units"]["n"] == SUBJECTS
    assert "240 images of 40 subjects" in found["units"]["note"]
    for before, after in zip(alone["models"], found["models"], strict=True):
        assert after["accuracy"]["value"] == before["accuracy"]["value"]
        widths = [ci[1] - ci[0] for ci in (before["accuracy"]["ci"], after["accuracy"]["ci"])]
        assert widths[1] > 1.2 * widths[0]
    assert found["pairs"][0]["test"] == "exact permutation test by subject"
    assert found["pairs"][0]["p"] > alone["pairs"][0]["p"]


def test_of_people_shown_once_each_the_images_are_independent(two):
    alone = compared(two, "clcm", "shufflenetv2", *ON)
    prepare(two, groups=[f"S{i:03d}" for i in range(IMAGES)])
    found = compared(two, "clcm", "shufflenetv2", *ON)
    assert found["units"] == {
        "kind": "images",
        "n": IMAGES,
        "note": "240 images of 240 subjects, one each: the images are independent.",
    }
    assert (found["models"], found["pairs"]) == (alone["models"], alone["pairs"])


@pytest.mark.parametrize(("each", "warned"), [(9, True), (8, False)])
def test_few_subjects_are_warned_of(two, each, warned):
    """27 of them, or 30."""
    prepare(two, groups=[f"S{i // each:03d}" for i in range(IMAGES)])
    units = compared(two, "clcm", "shufflenetv2", *ON)["units"]
    assert units["n"] == -(-IMAGES // each)
    assert ("With fewer than 30 subjects the intervals are too narrow." in units["note"]) == warned


def test_another_state_of_the_test_set_gives_no_subjects(two):
    prepare(two, fingerprint=digest("another"))
    found = compared(two, "clcm", "shufflenetv2", *ON)
    assert found["units"]["kind"] == "images"
    assert "another state of ck-plus" in found["units"]["note"]


def test_a_test_set_without_subjects_is_said_to_have_none(two):
    prepare(two, groups=[""] * IMAGES)
    assert "names no subjects" in compared(two, "clcm", "shufflenetv2", *ON)["units"]["note"]


def test_a_test_set_whose_card_has_no_subjects_is_said_to_have_none_unprepared(tmp_path):
    for model, seed in (("clcm", 1), ("shufflenetv2", 2)):
        save(tmp_path, model, answers(seed, 0.7), dataset="fer2013", target="fer2013")
    note = compared(tmp_path, "clcm", "shufflenetv2")["units"]["note"]
    assert note == "fer2013 names no subjects: the intervals treat images as independent."


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        ("", "so subjects, if it names any, are not"),
        ("ck48", "so the subjects are not"),
        ("ckextended", "names no subjects"),
    ],
)
def test_whether_ck_plus_names_subjects_depends_on_the_layout(tmp_path, layout, told):
    prepared = preparation("ck-plus", layout=layout) if layout else None
    for model, seed in (("clcm", 1), ("shufflenetv2", 2)):
        save(tmp_path, model, answers(seed, 0.7), target_prepared=prepared)
    assert told in compared(tmp_path, "clcm", "shufflenetv2", *ON)["units"]["note"]


def test_images_of_unknown_people_stand_for_themselves(two):
    people = np.where(np.arange(IMAGES) < 60, "", PEOPLE).astype("U8")
    people[people == PEOPLE[60]] = IDS[0]  # Somebody has the name of an image of nobody known.
    prepare(two, groups=people)
    found = compared(two, "clcm", "shufflenetv2", *ON)
    assert found["units"]["n"] == 60 + 30
    assert "180 images of 30 subjects" in found["units"]["note"]
    assert "and 60 of unknown ones" in found["units"]["note"]


def test_the_order_of_stored_images_changes_nothing(two):
    prepare(two)
    before = compared(two, "clcm", "shufflenetv2", *ON)
    save(two, "shufflenetv2", answers(2, 0.6), order=np.random.default_rng(1).permutation(IMAGES))
    assert compared(two, "clcm", "shufflenetv2", *ON) == before


@pytest.mark.parametrize("prepared", [False, True])
def test_naming_the_models_the_other_way_round_turns_the_signs(two, prepared):
    if prepared:
        prepare(two)
    (forth,) = compared(two, "clcm", "shufflenetv2", *ON)["pairs"]
    (back,) = compared(two, "shufflenetv2", "clcm", *ON)["pairs"]
    assert back["difference"] == pytest.approx(-forth["difference"])
    assert back["ci"] == pytest.approx([-forth["ci"][1], -forth["ci"][0]])
    for measure in ("balanced_accuracy_difference", "macro_f1_difference"):
        assert back[measure]["ci"] == pytest.approx([-forth[measure]["ci"][1], -forth[measure]["ci"][0]])
    assert (back["p"], back["only_a_right"]) == (pytest.approx(forth["p"]), forth["only_b_right"])


def test_three_models_are_adjusted_for_three_pairs(two):
    save(two, "mobilenetv2", answers(3, 0.55))
    pairs = compared(two, "clcm", "shufflenetv2", "mobilenetv2", *ON)["pairs"]
    assert [(pair["a"], pair["b"]) for pair in pairs] == [
        ("clcm", "shufflenetv2"),
        ("clcm", "mobilenetv2"),
        ("shufflenetv2", "mobilenetv2"),
    ]
    smallest = min(pairs, key=lambda pair: pair["p"])
    assert smallest["p_holm"] == pytest.approx(min(1, 3 * smallest["p"]))


def test_a_difference_is_significant_by_the_adjusted_p_value(tmp_path):
    """9 images to 1, and 8 to 1: 0.021 and 0.039, three pairs taken together 0.064 and 0.078."""
    wrong = (LABELS + 1) % 7
    place = np.arange(IMAGES)
    save(tmp_path, "clcm", np.where(place == 0, wrong, LABELS))
    save(tmp_path, "shufflenetv2", np.where((place > 0) & (place < 10), wrong, LABELS))
    save(tmp_path, "mobilenetv2", np.where((place > 0) & (place < 9), wrong, LABELS))
    found = compared(tmp_path, "clcm", "shufflenetv2", "mobilenetv2", *ON)
    assert [pair["p"] for pair in found["pairs"]] == pytest.approx([0.0215, 0.0391, 1], abs=1e-4)
    for pairs in (found["pairs"], found["pairs_by_seed"]):
        assert [pair["p_holm"] for pair in pairs] == pytest.approx([0.0645, 0.0781, 1], abs=1e-4)
    assert not any(pair["significant"] for pair in found["pairs"])
    assert "more accurate" not in found["verdict"]


def test_each_image_keeps_its_confidence_in_whatever_order_it_was_stored(tmp_path):
    results = results_in(tmp_path)
    record = save_eval(results, eval_record("clcm", "raf-db", "ck-plus"))
    path = results.records / "eval" / record.predictions
    with np.load(path) as stored:
        ids, labels, probabilities = (stored[name] for name in ("ids", "labels", "probabilities"))
    # Confidences of their own, the answers as they were.
    certainty = np.linspace(0.5, 1, len(ids))[:, None]
    probabilities = (probabilities * certainty + (1 - certainty) / 7).astype(np.float16)
    order = np.random.default_rng(0).permutation(len(ids))
    np.savez(path, ids=ids[order], labels=labels[order], probabilities=probabilities[order])
    found = read(results.records, dataclasses.replace(record, predictions_sha256=sha256_of(path)))
    own = dict(
        zip(
            ids.tolist(), zip(labels, probabilities.argmax(axis=1), probabilities.max(axis=1), strict=True), strict=True
        )
    )
    assert found.ids.tolist() == sorted(ids.tolist())
    for identity, *given in zip(found.ids.tolist(), found.labels, found.predictions, found.confidences, strict=True):
        assert given == pytest.approx([float(value) for value in own[identity]])


def test_one_model_trained_on_two_datasets_is_compared_on_a_third(two):
    save(two, "clcm", answers(4, 0.5), dataset="fer2013")
    found = compared(two, "clcm/raf-db", "clcm/fer2013", *ON)
    assert [model["name"] for model in found["models"]] == ["clcm/raf-db", "clcm/fer2013"]
    with pytest.raises(FerBenchError, match=r"trained on different datasets; say with --on"):
        run(two, "clcm/raf-db", "clcm/fer2013")


def test_the_own_test_set_is_the_default(tmp_path):
    for model in ("clcm", "shufflenetv2"):
        save_eval(results_in(tmp_path), eval_record(model, "raf-db", "raf-db"))
        save_eval(results_in(tmp_path), eval_record(model, "raf-db", "ck-plus"))
    assert compared(tmp_path, "clcm", "shufflenetv2")["target"] == "raf-db"


def test_a_test_set_that_is_not_the_default_one_is_named(tmp_path):
    for model in ("clcm", "shufflenetv2"):
        save(tmp_path, model, answers(1, 0.8), target_prepared=preparation("ck-plus", crop="none"))
    notes = compared(tmp_path, "clcm", "shufflenetv2", *ON)["notes"]
    assert "ck-plus was not prepared as by default (crop none)." in notes


@pytest.mark.parametrize(
    ("target", "changes", "told"),
    [
        ("fer2013", {"layout": "folders"}, "fer2013 was prepared from layout folders."),
        ("raf-db", {"layout": "class-folders"}, "raf-db was prepared from layout class-folders."),
        ("raf-db", {"layout": "original", "crop": "box"}, "raf-db was not prepared as by default (layout original)."),
        (
            "fer2013",
            {"layout": "folders", "complete": False},
            "fer2013 was not prepared as by default (layout folders, incomplete copy).",
        ),
        (
            "fer2013",
            {"layout": "folders-renamed", "official_split": False},
            "fer2013 was not prepared as by default (layout folders-renamed, a re-upload, not the official split).",
        ),
    ],
)
def test_another_official_layout_of_the_same_images_is_no_departure(tmp_path, target, changes, told):
    for model in ("clcm", "shufflenetv2"):
        prepared = preparation(target, **changes)
        save(tmp_path, model, answers(1, 0.8), dataset=target, target=target, target_prepared=prepared)
    assert told in compared(tmp_path, "clcm", "shufflenetv2")["notes"]


def test_several_seeds_give_means_variance_and_a_test_for_each_seed(two):
    for seed in (1, 2):
        save(two, "clcm", answers(10 + seed, 0.8), seed=seed)
        save(two, "shufflenetv2", answers(20 + seed, 0.6), seed=seed)
    save(two, "clcm", answers(30, 0.8), seed=7)
    found = compared(two, "clcm", "shufflenetv2", *ON)
    clcm = found["models"][0]
    assert found["seeds"] == [0, 1, 2]
    assert clcm["accuracy"]["value"] == pytest.approx(np.mean(clcm["accuracy_by_seed"]))
    assert clcm["variance"]["seeds"] == 3
    assert clcm["variance"]["sd_between_seeds"] == pytest.approx(np.std(clcm["accuracy_by_seed"], ddof=1))
    assert 0 <= clcm["variance"]["seed_share"] <= 1
    assert found["pairs"][0]["test"] == "t test over seeds and sample"
    assert [pair["seed"] for pair in found["pairs_by_seed"]] == [0, 1, 2]
    assert any("left out" in note and "7" in note for note in found["notes"])
    text = run(two, "clcm", "shufflenetv2", *ON)
    assert "between 3 seeds" in text
    assert "Run against run" in text
    assert "as far as 3 seeds can tell" in text


def test_every_pair_of_several_seeds_is_tested_on_its_own_runs_and_adjusted_among_all(tmp_path):
    models = ("clcm", "shufflenetv2", "mobilenetv2")
    given = {
        (model, seed): answers(10 * place + seed, 0.9 - 0.08 * place, people=False)
        for place, model in enumerate(models)
        for seed in (0, 1, 2)
    }
    for (model, seed), predictions in given.items():
        save(tmp_path, model, predictions, seed=seed)
    found = compared(tmp_path, *models, *ON)
    runs, pairs = found["pairs_by_seed"], found["pairs"]
    assert [(pair["seed"], pair["a"], pair["b"]) for pair in runs] == [
        (seed, a, b) for seed in (0, 1, 2) for a, b in itertools.combinations(models, 2)
    ]
    for pair in runs:
        a, b = (given[pair[which], pair["seed"]] == LABELS for which in "ab")
        assert (pair["only_a_right"], pair["only_b_right"]) == ((a & ~b).sum(), (b & ~a).sum())
        assert pair["difference"] == pytest.approx(a.mean() - b.mean())
        assert pair["p"] == pytest.approx(binomtest(int((a & ~b).sum()), int((a != b).sum())).pvalue)
    for tests in (runs, pairs, [pair["seed_by_seed"] for pair in pairs]):
        p_values = [test["p"] for test in tests]
        assert [test["p_holm"] for test in tests] == pytest.approx(multipletests(p_values, method="holm")[1])
        assert max(p_values) < 1
    by_seed = [[(given[model, seed] == LABELS).mean() for seed in (0, 1, 2)] for model in models]
    assert [row["accuracy_by_seed"] for row in found["models"]] == [pytest.approx(some) for some in by_seed]
    assert any(some != sorted(some) for some in by_seed)
    # The images of a class are the same ones in every run.
    assert [row["n"] for row in found["models"][0]["classes"]] == np.bincount(LABELS).tolist()


def test_runs_of_a_seed_that_rise_and_fall_together_are_told_apart_seed_by_seed(tmp_path):
    """Five points at every seed, where the seeds themselves lie twenty apart, are lost in these."""
    for seed, accuracy in enumerate((0.5, 0.6, 0.7)):
        worse = answers(seed, accuracy, people=False)
        better = worse.copy()
        wrong = np.flatnonzero(worse != LABELS)[: round(0.15 * IMAGES)]
        better[wrong] = LABELS[wrong]
        save(tmp_path, "clcm", better, seed=seed)
        save(tmp_path, "shufflenetv2", worse, seed=seed)
    found = compared(tmp_path, "clcm", "shufflenetv2", *ON)
    (pair,) = found["pairs"]
    seen = pair["seed_by_seed"]
    assert seen["value"] == pytest.approx(pair["difference"])
    assert seen["p_holm"] < 0.05 < pair["p_holm"]
    assert seen["ci"][0] > 0 > pair["ci"][0]
    assert "but seed by seed a difference is shown, adjusted p" in found["verdict"]
    text = run(tmp_path, "clcm", "shufflenetv2", *ON)
    assert "The same seed by seed (* Holm p < 0.05)" in text
    assert "take it only where you chose it before you saw the results" in " ".join(text.split())


@pytest.mark.parametrize(("p_holm", "told"), [(0.04, True), (0.06, False)])
def test_what_is_shown_seed_by_seed_goes_by_the_adjusted_p_value(two, p_holm, told):
    for model in ("clcm", "shufflenetv2"):
        save(two, model, answers(3, 0.7), seed=1)
    folder = results_in(two).records
    found = compare(folder, choose(folder, ["clcm", "shufflenetv2"], target="ck-plus"), two / "absent")
    (pair,) = found.pairs
    by_seed = dataclasses.replace(pair.by_seed, p=0.02, p_holm=p_holm)
    pairs = (dataclasses.replace(pair, p=0.03, p_holm=0.06, by_seed=by_seed),)
    said = verdict(dataclasses.replace(found, pairs=pairs))
    assert ("but seed by seed a difference is shown, adjusted p = 0.040" in said) == ("seed by seed" in said) == told


def test_a_single_seed_is_not_compared_seed_by_seed(two):
    assert compared(two, "clcm", "shufflenetv2", *ON)["pairs"][0]["seed_by_seed"] is None
    assert "seed by seed" not in run(two, "clcm", "shufflenetv2", *ON)


def test_the_text_splits_the_variance_into_seed_and_sample(tmp_path):
    """By the covariances of the runs, image by image, which for accuracy are those of the jackknife."""
    runs = [answers(seed, accuracy, people=False) == LABELS for seed, accuracy in enumerate((0.6, 0.75, 0.85))]
    for seed, accuracy in enumerate((0.6, 0.75, 0.85)):
        save(tmp_path, "clcm", answers(seed, accuracy, people=False), seed=seed)
        save(tmp_path, "shufflenetv2", answers(40 + seed, 0.7, people=False), seed=seed)
    covariance = np.cov(np.array(runs, float)) / IMAGES
    between = np.var([run.mean() for run in runs], ddof=1)
    sample = covariance.trace() / 3
    seed = between - (sample - (covariance.sum() - covariance.trace()) / 6)
    assert seed > 0
    low, high = np.sqrt(2 * between / chi2.ppf([0.975, 0.025], 2))
    assert (
        f"clcm: standard deviation {100 * between**0.5:.2f} points between 3 seeds (95 % interval {100 * low:.2f} to "
        f"{100 * high:.2f}) and {100 * sample**0.5:.2f} points of one run from the sample: of a single run's variance "
        f"{100 * seed / (seed + sample):.0f} % is the seed's."
    ) in " ".join(run(tmp_path, "clcm", "shufflenetv2", *ON).split())
    found = compared(tmp_path, "clcm", "shufflenetv2", *ON)["models"][1]
    runs = [answers(40 + seed, 0.7, people=False) == LABELS for seed in range(3)]
    assert found["variance"]["sd_between_seeds"] == pytest.approx(np.std([run.mean() for run in runs], ddof=1))
    assert found["accuracy_by_seed"] == pytest.approx([run.mean() for run in runs])


def test_what_more_seeds_would_show_is_told_of_differences_that_are_not_shown(tmp_path):
    for model, shift in (("clcm", 0.0), ("shufflenetv2", 0.02), ("mobilenetv2", -0.5)):
        for seed, accuracy in enumerate((0.7, 0.74, 0.78)):
            save(tmp_path, model, answers(seed, accuracy + shift), seed=seed)
    close = compared(tmp_path, "clcm", "shufflenetv2", *ON)["pairs"][0]
    widths = close["half_width_by_seeds"]
    low, high = close["ci"]
    assert list(widths) == ["5", "10", "20"]
    assert (high - low) / 2 > widths["5"] > widths["10"] > widths["20"] > 0
    text = " ".join(run(tmp_path, "clcm", "shufflenetv2", *ON).split())
    assert f"their difference reaches {100 * (high - low) / 2:.1f} points to either side with 3 seeds of each" in text
    assert f"if they go on varying as these do, {100 * widths['5']:.1f} with 5," in text
    assert "go on varying" not in run(tmp_path, "clcm", "mobilenetv2", *ON)


def test_as_many_seeds_as_there_are_foretell_nothing(tmp_path):
    for model, shift in (("clcm", 0.0), ("shufflenetv2", 0.02)):
        for seed in range(5):
            save(tmp_path, model, answers(seed, 0.7 + 0.02 * seed + shift), seed=seed)
    (pair,) = compared(tmp_path, "clcm", "shufflenetv2", *ON)["pairs"]
    assert list(pair["half_width_by_seeds"]) == ["10", "20"]


@pytest.mark.parametrize("given", [LABELS, np.full(IMAGES, 3)])
def test_seeds_that_all_answer_alike_promise_no_certain_difference(tmp_path, given):
    """Models that are always right, or always give one answer, do not vary: that is no interval from 0 to 0."""
    for model in ("clcm", "shufflenetv2"):
        for seed in (0, 1):
            save(tmp_path, model, given, seed=seed)
    found = compared(tmp_path, "clcm", "shufflenetv2", *ON)
    (pair,) = found["pairs"]
    assert (pair["difference"], pair["ci"], pair["p"], pair["half_width_by_seeds"]) == (0, None, 1, {})
    assert {pair[f"{name}_difference"]["ci"] for name in ("balanced_accuracy", "macro_f1")} == {None}
    assert found["models"][0]["variance"]["sd_between_seeds_ci"] is None
    # What is always right, or never, has an interval for other images alone.
    methods = {row["recall"]["method"] for row in found["models"][0]["classes"]}
    assert methods == {"Wilson, a unit as one trial"}
    assert any("Wilson with an image as one trial, which knows nothing of other seeds." in n for n in found["notes"])
    assert "is shown (+0.0 points, adjusted p = 1.000)" in found["verdict"]
    text = " ".join(run(tmp_path, "clcm", "shufflenetv2", *ON).split())
    assert "0.00 points between 2 seeds (no interval, since all are equally accurate)" in text
    assert "go on varying" not in text


def test_no_difference_beyond_100_points_is_thought_possible(tmp_path):
    """Of two seeds one never learned: t of one degree of freedom reaches 200 points and more."""
    for seed, accuracy in enumerate((0.95, 0.1)):
        save(tmp_path, "clcm", answers(seed, accuracy, people=False), seed=seed)
        save(tmp_path, "shufflenetv2", answers(seed + 7, 0.8, people=False), seed=seed)
    (pair,) = compared(tmp_path, "clcm", "shufflenetv2", *ON)["pairs"]
    assert [pair["ci"], pair["balanced_accuracy_difference"]["ci"]] == [[-1, 1]] * 2
    text = " ".join(run(tmp_path, "clcm", "shufflenetv2", *ON).split())
    assert "interval -100.0 to +100.0" in text
    assert "reaches 100.0 points to either side with 2 seeds of each" in text


def test_seeds_can_be_chosen(two):
    for model, accuracy in (("clcm", 0.8), ("shufflenetv2", 0.6)):
        save(two, model, answers(11, accuracy), seed=1)
    assert compared(two, "clcm", "shufflenetv2", *ON, "--seed", 1)["seeds"] == [1]
    with pytest.raises(FerBenchError, match=r"--seed 4: .*seeds of clcm/raf-db: 0, 1; shufflenetv2/raf-db: 0, 1"):
        run(two, "clcm", "shufflenetv2", *ON, "--seed", 4)


def test_accuracy_by_gender_shows_the_largest_gap(tmp_path):
    gender = np.where(np.arange(IMAGES) % 2, "female", "male")
    gender[:5] = "unsure"
    gender[5:8] = ""
    better = np.where(gender == "female", LABELS, answers(5, 0.5, people=False))
    save(tmp_path, "clcm", better, target="raf-db")
    save(tmp_path, "shufflenetv2", answers(6, 0.6, people=False), target="raf-db")
    prepare(tmp_path, "raf-db", digest("real raf-db"), groups=[""] * IMAGES, gender=gender, race=[""] * IMAGES)
    groups = compared(tmp_path, "clcm", "shufflenetv2", "--by", "gender")["models"][0]["by_group"]
    assert (groups["attribute"], groups["unknown"]) == ("gender", 3)
    assert [(row["value"], row["n"], row["in_gap"]) for row in groups["groups"]] == [
        ("female", 116, True),
        ("male", 116, True),
        ("unsure", 5, False),
    ]
    gap = groups["largest_gap"]
    assert (gap["best"], gap["worst"]) == ("female", "male")
    assert 0 < gap["ci"][0] < gap["difference"] < gap["ci"][1]
    text = run(tmp_path, "clcm", "shufflenetv2", "--by", "gender")
    assert "Accuracy by gender" in text
    low, high = (f"{100 * end:.1f}" for end in gap["ci"])
    assert (
        f"clcm: largest gap {100 * gap['difference']:.1f} points, female over male (95 % interval {low} to {high})."
        in (" ".join(text.split()))
    )
    assert "fewer than 10 images: unsure (5)" in text
    assert "value is unknown: 3 images" in text
    with pytest.raises(FerBenchError, match=r"no test image has the attribute 'race'; there are: gender"):
        run(tmp_path, "clcm", "shufflenetv2", "--by", "race")


def test_an_attribute_of_a_dataset_that_is_not_prepared_is_refused(two):
    with pytest.raises(FerBenchError, match=r"gender cannot be told.*prepare ck-plus"):
        run(two, "clcm", "shufflenetv2", *ON, "--by", "gender")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"recipe": "demo-89abcdef"}, r"differ in recipe: clcm/raf-db: paper-0123abcd; shufflenetv2/raf-db: demo-89"),
        ({"origin": "synthetic"}, r"differ in origin: clcm/raf-db: real; shufflenetv2/raf-db: synthetic"),
        ({"target_fingerprint": "f" * 64}, r"differ in fingerprint of ck-plus: .*shufflenetv2/raf-db: ffffffffffff"),
        ({"dataset_fingerprint": "f" * 64}, r"differ in fingerprint of raf-db: .*shufflenetv2/raf-db: ffffffffffff"),
        ({"backend": "torch"}, r"differ in backend: clcm/raf-db: tensorflow; shufflenetv2/raf-db: torch"),
    ],
)
def test_what_is_not_comparable_is_refused_with_both_named(tmp_path, fields, message):
    save(tmp_path, "clcm", answers(1, 0.8))
    save(tmp_path, "shufflenetv2", answers(2, 0.6), **fields)
    with pytest.raises(FerBenchError, match=message):
        run(tmp_path, "clcm", "shufflenetv2", *ON)


def test_of_two_recipes_one_is_chosen_by_name(two):
    for model in ("clcm", "shufflenetv2"):
        save(two, model, answers(7, 0.5), recipe="demo-89abcdef")
    with pytest.raises(FerBenchError, match=r"differ in recipe: .*choose|Choose one with --recipe"):
        run(two, "clcm", "shufflenetv2", *ON)
    for recipe in ("demo", "demo-89abcdef"):
        assert compared(two, "clcm", "shufflenetv2", *ON, "--recipe", recipe)["recipe"] == "demo-89abcdef"
    file = two / "demo.toml"
    file.write_text('base = "demo"\nepochs = 2\n')
    found = load_recipe(str(file)).id
    for model in ("clcm", "shufflenetv2"):
        save(two, model, answers(8, 0.5), recipe=found)
    assert compared(two, "clcm", "shufflenetv2", *ON, "--recipe", str(file))["recipe"] == found
    with pytest.raises(FerBenchError, match=r"--recipe x: no such test of clcm/raf-db; there are demo-.*, paper-"):
        run(two, "clcm", "shufflenetv2", *ON, "--recipe", "x")


def test_the_name_of_a_preset_is_its_own_recipe_where_there_are_others_of_the_name(two, monkeypatch):
    said = []
    monkeypatch.setattr(messages, "say", said.append)
    own = PRESETS["cpu48"].id
    for model in ("clcm", "shufflenetv2"):
        for recipe in (own, "cpu48-508e220a", "mine-508e220a", "mine-3d7823a6"):
            save(two, model, answers(8, 0.5), recipe=recipe)
    assert compared(two, "clcm", "shufflenetv2", *ON, "--recipe", "cpu48")["recipe"] == own
    assert said == [
        f"{model}/raf-db: {own} is taken, which --recipe cpu48 is now; left out: cpu48-508e220a (give the id to choose "
        "one)"
        for model in ("clcm", "shufflenetv2")
    ]
    said.clear()
    compared(two, "clcm", "shufflenetv2", *ON, "--recipe", "cpu48-508e220a")
    with pytest.raises(FerBenchError, match="differ in recipe"):
        run(two, "clcm", "shufflenetv2", *ON, "--recipe", "mine")
    assert said == []


def test_recipes_are_compared_where_the_names_have_one(two):
    save(two, "clcm", answers(7, 0.5), recipe="paper+freeze0-89abcdef")
    found = compared(two, "clcm@paper", "clcm@paper+freeze0-89abcdef", *ON)
    assert [(model["name"], model["recipe"]) for model in found["models"]] == [
        ("clcm@paper", "paper-0123abcd"),
        ("clcm@paper+freeze0", "paper+freeze0-89abcdef"),
    ]
    assert found["recipe"] is None
    right = [answers(1, 0.8) == LABELS, answers(7, 0.5) == LABELS]
    assert found["pairs"][0]["difference"] == pytest.approx(right[0].mean() - right[1].mean())
    assert "recipes paper-0123abcd, paper+freeze0-89abcdef" in run(two, "clcm@paper", "clcm@paper+freeze0", *ON)


def test_a_name_without_a_recipe_has_that_of_the_option_or_its_only_one(two):
    save(two, "clcm", answers(7, 0.5), recipe="paper-89abcdef")
    names = [model["name"] for model in compared(two, "clcm@paper-89abcdef", "shufflenetv2", *ON)["models"]]
    assert names == ["clcm@paper-89abcdef", "shufflenetv2@paper-0123abcd"]
    found = compared(two, "clcm", "clcm@paper-89abcdef", *ON, "--recipe", "paper-0123abcd")
    assert [model["recipe"] for model in found["models"]] == ["paper-0123abcd", "paper-89abcdef"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("clcm@paper", "clcm@demo"),
            r"differ in recipe: clcm/raf-db@paper: paper-0123abcd and paper-89abcdef\. Choose",
        ),
        (("clcm@paper-89abcdef", "clcm@x"), r"clcm/raf-db@x: no such test of clcm/raf-db; there are demo-.*, paper-"),
        (("clcm@demo", "clcm@demo-11111111"), r"clcm/raf-db@demo-11111111: named twice"),
        (("clcm@", "clcm@demo"), r"clcm@: no recipe after the @"),
    ],
)
def test_recipes_that_are_not_there_or_not_clear_are_refused(two, names, message):
    for recipe in ("paper-89abcdef", "demo-11111111"):
        save(two, "clcm", answers(7, 0.5), recipe=recipe)
    with pytest.raises(FerBenchError, match=message):
        run(two, *names, *ON)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("clcm",), r"clcm: a comparison needs at least two"),
        (("clcm", "clcm"), r"clcm/raf-db: named twice"),
        (("clcm", "clmc"), r"no test of a model 'clmc'; there are tests of clcm, shufflenetv2"),
        (("clcm", "shufflenetv2", "--on", "raf-db"), r"which training dataset"),
        (("clcm", "shufflenetv2", "-d", "raf-db"), r"clcm/raf-db was tested on ck-plus, not on raf-db.*evaluate"),
        (("clcm", "shufflenetv2/fer2013", *ON), r"no test of shufflenetv2/fer2013; .* was trained on raf-db"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(two, arguments, message):
    with pytest.raises(FerBenchError, match=message):
        run(two, *arguments)


def invoke(*arguments):
    """Run any command; return its error as one would read it, nothing where it succeeds."""
    result = CliRunner().invoke(app, [*map(str, arguments)])
    return "" if result.exit_code == 0 else str(result.exception)


@pytest.mark.parametrize("on", [(), ("--on", "raf-db")])
def test_an_external_model_is_sent_to_the_leaderboard(tmp_path, on):
    """No recipe and no backend is common to it and fer-bench's own, whatever is chosen."""
    file = digest("theirs")
    outside = {"recipe": "onnx-0123abcd", "backend": "onnxruntime", "dataset_fingerprint": "", "weights_sha256": file}
    external = records.External(sha256=file, labels=EMOTIONS, input="gray")
    save(tmp_path, "clcm", answers(1, 0.8), target="raf-db")
    for model in ("theirs", "others"):
        save(tmp_path, model, answers(2, 0.7), dataset="external", target="raf-db", external=external, **outside)
    told = invoke("compare", "clcm", "theirs", "--workspace", tmp_path, *on)
    assert told.startswith("theirs: external, ")
    [command] = commands(told)
    board = CliRunner().invoke(app, [*command, "--json"])
    assert [found["model"] for found in json.loads(board.stdout)["boards"][0]["standings"]] == ["clcm", "theirs"]


def test_external_models_are_compared_with_each_other(tmp_path):
    """What stands for their recipe is of their files, and never the same."""
    for model in ("theirs", "others"):
        file = digest(model)
        outside = {"backend": "onnxruntime", "dataset_fingerprint": "", "weights_sha256": file, "target": "raf-db"}
        external = records.External(sha256=file, labels=EMOTIONS, input="gray")
        recipe = f"onnx-{file[:8]}"
        save(tmp_path, model, answers(2, 0.7), dataset="external", external=external, recipe=recipe, **outside)
    assert compared(tmp_path, "theirs", "others", "--on", "raf-db")["n"] == IMAGES
    told = invoke("compare", "theirs", "others", "--dataset", "raf-db", "--workspace", tmp_path)
    assert "leave raf-db out, and say which test images with --on" in told


def test_the_command_that_tests_what_is_missing_does(workspace, monkeypatch):
    trained = replace_training(monkeypatch)
    where, folder = ("--workspace", workspace.root), workspace.results.records
    for model in ("clcm", "shufflenetv2"):
        options = ("-m", model, "-d", "raf-db", "--weights", "random", "--seeds", "2", *where)
        assert invoke("train", *options) == invoke("evaluate", *options) == ""
    follow(invoke("compare", "clcm", "shufflenetv2", *where, "--on", "fer2013", "-d", "raf-db"))
    assert choose(folder, ["clcm", "shufflenetv2"], dataset="raf-db", target="fer2013").seeds == (0, 1)
    # Trained on several together: the test set of one of them is a matter of evaluate.
    for seed in (0, 5):
        assert invoke("train", "-m", "clcm", "--weights", "random", "-d", "fer2013+raf-db", "-s", seed, *where) == ""
    assert invoke("cross-test", "--on", "ck-plus", *where) == ""
    names = ["clcm/fer2013+raf-db", "clcm/raf-db"]
    follow(invoke("compare", *names, *where, "--on", "raf-db"))
    tested = [(cell.seed, target) for cell, target in trained.tested if cell.dataset == "fer2013+raf-db"]
    assert tested[2:] == [(0, "fer2013"), (5, "fer2013"), (0, "raf-db"), (5, "raf-db")]
    assert choose(folder, names, target="raf-db").seeds == (0,)


def test_models_of_joined_datasets_are_found_in_any_order_and_compared_on_a_part(tmp_path):
    for model in ("clcm", "shufflenetv2"):
        save(tmp_path, model, answers(3, 0.7), dataset="fer2013+raf-db", target="raf-db")
    swapped = ("clcm/raf-db+fer2013", "shufflenetv2", "--dataset", "raf-db+fer2013")
    assert compared(tmp_path, *swapped, "--on", "raf-db")["n"] == IMAGES
    for on in ((), ("--on", "raf-db+fer2013")):
        with pytest.raises(FerBenchError, match=r"no test set of their own; say with --on .*: fer2013 or raf-db$"):
            run(tmp_path, *swapped, *on)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights_sha256": digest("again")}, r"clcm.*s1\.json: made with other weights than clcm.*; run .*evaluate"),
        (
            {"start": records.Start(kind="imagenet", source="other.h5", sha256=digest("other"))},
            r"clcm/raf-db: its seeds .* \(SHA-256 [0-9a-f]{12} of seed 0; [0-9a-f]{12} of seed 1\).* with --seed",
        ),
    ],
)
def test_seeds_of_different_starts_and_tests_of_former_weights_are_refused(tmp_path, changes, message):
    folder = results_in(tmp_path).records
    for seed in (0, 1):
        made = train_record("clcm", "raf-db", seed=seed, recipe="paper-0123abcd")
        start = dataclasses.replace(made.start, source=f"copy-{seed}.h5")
        run_made = dataclasses.replace(made, start=start, recipe_content={"image_size": 224})
        records.save(folder, run_made)
        for model in ("clcm", "shufflenetv2"):
            weights = {"weights_sha256": made.weights_sha256} if model == "clcm" else {}
            save(tmp_path, model, answers(seed, 0.7), seed=seed, **weights)
    names = ("clcm", "shufflenetv2", "-d", "raf-db", *ON)
    assert compared(tmp_path, *names)["seeds"] == [0, 1]
    # Keras' own download, which may be that very file.
    records.save(folder, dataclasses.replace(run_made, start=records.Start(kind="imagenet", source="keras")))
    assert compared(tmp_path, *names)["seeds"] == [0, 1]
    records.save(folder, dataclasses.replace(run_made, **changes))
    with pytest.raises(FerBenchError, match=message):
        run(tmp_path, *names)
    assert compared(tmp_path, *names, "--seed", "0")["seeds"] == [0]


def test_an_empty_workspace_says_what_to_run(tmp_path):
    with pytest.raises(FerBenchError, match=r"no tests; run fer-bench train"):
        run(tmp_path, "clcm", "shufflenetv2")


def test_two_training_datasets_are_not_guessed_between(two):
    for model in ("clcm", "shufflenetv2"):
        save(two, model, answers(7, 0.5), dataset="fer2013")
    with pytest.raises(FerBenchError, match=r"Tests of clcm: fer2013, raf-db; .*Choose with --dataset"):
        run(two, "clcm", "shufflenetv2", *ON)
    assert compared(two, "clcm", "shufflenetv2", *ON, "-d", "fer2013")["models"][0]["dataset"] == "fer2013"


def test_other_images_behind_the_same_fingerprint_are_refused(two):
    global IDS
    kept, IDS = IDS, np.char.add(IDS, "x")
    try:
        save(two, "shufflenetv2", answers(2, 0.6))
    finally:
        IDS = kept
    with pytest.raises(FerBenchError, match=r"shufflenetv2__.* and clcm__.*: tested on different images \(480 are"):
        run(two, "clcm", "shufflenetv2", *ON)


def test_other_labels_behind_the_same_fingerprint_are_refused(two):
    labels = LABELS.copy()
    labels[[3, 4]] = labels[[4, 3]]
    save(two, "shufflenetv2", answers(2, 0.6), labels=labels)
    with pytest.raises(FerBenchError, match=rf"the image {IDS[3]} has different labels"):
        run(two, "clcm", "shufflenetv2", *ON)


def test_missing_and_changed_predictions_are_named(two):
    file = next((two / "records" / "eval").glob("clcm*.npz"))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    with pytest.raises(FerBenchError, match=r"not the predictions that clcm__.* was made from"):
        run(two, "clcm", "shufflenetv2", *ON)
    file.unlink()
    with pytest.raises(FerBenchError, match=r"the predictions of clcm__.*\.json are missing"):
        run(two, "clcm", "shufflenetv2", *ON)


def test_predictions_that_are_no_numbers_are_refused(two):
    record = save(two, "clcm", np.zeros(IMAGES, int))
    file = two / "records" / "eval" / record.predictions
    np.savez(file, ids=IDS, labels=LABELS, probabilities=np.full((IMAGES, 7), np.nan, np.float16))
    records.save(two / "records", dataclasses.replace(record, predictions_sha256=sha256_of(file)))
    with pytest.raises(FerBenchError, match=r"the model has diverged"):
        run(two, "clcm", "shufflenetv2", *ON)


def test_the_published_records_are_read_when_asked(two, monkeypatch):
    (two / "reports").mkdir()
    (two / "records").rename(two / "reports" / "records")
    monkeypatch.chdir(two)
    assert compared(two, "clcm", "shufflenetv2", *ON, "--published")["n"] == IMAGES


def imported_by(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("MODULES")[2].split())


MODULES = "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"


def test_the_command_needs_no_keras_and_nothing_before_it_runs(two):
    prepare(two)
    heavy = {"numpy", "scipy", "statsmodels", "sklearn", "pandas", "keras", "tensorflow", "cv2"}
    assert not imported_by(f"import sys; from fer_bench.cli import comparing; {MODULES}") & heavy
    arguments = ["clcm", "shufflenetv2", *ON, "--json", "--workspace", str(two)]
    code = (
        "import sys, typer\nfrom fer_bench.cli.comparing import compare\n"
        "app = typer.Typer()\napp.command()(compare)\n"
        f"app({arguments!r}, standalone_mode=False)\n{MODULES}"
    )
    assert not imported_by(code) & {"keras", "tensorflow", "torch", "jax", "sklearn", "cv2"}


def test_help_ends_with_an_example():
    app = typer.Typer(rich_markup_mode="rich")
    app.command()(comparing.compare)
    result = CliRunner().invoke(app, ["--help"], terminal_width=200)
    assert result.exit_code == 0
    assert "Example: fer-bench compare clcm shufflenetv2 --dataset raf-db --on ck-plus" in result.output
