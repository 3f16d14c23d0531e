"""``fer-bench leaderboard`` as a user meets it, on made records and predictions."""

import csv
import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import record_factory as make
import typer
from sklearn import metrics as sklearn_metrics
from statsmodels.stats.multitest import multipletests
from typer.testing import CliRunner

from fer_bench import messages, metrics, records
from fer_bench.accuracy.intervals import wilson
from fer_bench.accuracy.pairwise import mcnemar, swap_test
from fer_bench.cli.comparing import compare
from fer_bench.cli.leaderboard import leaderboard
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError
from fer_bench.files import sha256_of
from fer_bench.presets import PRESETS

IMAGES = 210
LABELS = np.arange(IMAGES) % 7
IDS = np.array([f"S{i // 6:03d}_{i % 6:03d}" for i in range(IMAGES)])
PEOPLE = np.array([name[:4] for name in IDS])


def run(command, *arguments):
    """Run a command; return what it prints."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        assert not isinstance(result.exception, FerBenchError) or result.stdout == ""
        raise result.exception
    return result.stdout


def shown(*places, options=()):
    named = [word for place in places for word in ("--records", place)]
    return run(leaderboard, *named, *(("-w", "nowhere") if named else ()), *options)


def boards(*places, options=()):
    """Return the boards as JSON; refuse what is no standard JSON, such as NaN."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads(shown(*places, options=(*options, "--json")), parse_constant=refuse)["boards"]
    for board in found:
        require_ranks_that_follow_from_the_pairs(board)
    return found


def require_ranks_that_follow_from_the_pairs(board):
    shown_better = [(pair["a"], pair["b"]) for pair in board["pairs"] if pair["p_holm"] < 0.05]
    n = len(board["standings"])
    assert len(board["pairs"]) == n * (n - 1) // 2
    above = {found["name"]: {a for a, b in shown_better if b == found["name"]} for found in board["standings"]}
    for found in board["standings"]:
        # From the best down: those above are complete already.
        above[found["name"]] |= set().union(*(above[name] for name in above[found["name"]]))
    for place, found in enumerate(board["standings"], start=1):
        low, high = found["rank"]
        assert low == 1 + len(above[found["name"]])
        assert high == n - sum(found["name"] in others for others in above.values())
        assert low <= place <= high
    accuracies = [found["accuracy"]["value"] for found in board["standings"]]
    assert accuracies == sorted(accuracies, reverse=True)


def ranks(board):
    return {found["name"]: tuple(found["rank"]) for found in board["standings"]}


def right(seed, accuracy, of_people=False):
    """Whether each answer is right, (IMAGES,); ``of_people``: mostly all images of a person alike."""
    generator = np.random.default_rng(seed)
    chance = accuracy
    if of_people:
        chance = generator.beta(accuracy, 1 - accuracy, IMAGES // 6)[np.arange(IMAGES) // 6]
    return generator.random(IMAGES) < chance


def save(place, model, right, *, dataset="raf-db", target="raf-db", ids=IDS, labels=LABELS, train=True, **fields):
    """Write a test that is right where told, and its training; ``fields`` replace those of both records."""
    predictions = np.where(right, labels, (labels + 1) % 7)
    matrix = metrics.confusion_matrix(labels, predictions, 7).tolist()
    seed, recipe = fields.pop("seed", 0), fields.pop("recipe", make.RECIPE)
    record = make.eval_record(model, dataset, target, seed=seed, recipe=recipe, matrix=matrix)
    training = make.train_record("clcm", dataset, seed=seed, recipe=recipe)
    start = fields.pop("start", training.start)
    training = replace(training, model=model, start=start, weights_sha256=record.weights_sha256)
    common = {name: value for name, value in fields.items() if not name.startswith("target")}
    record, training = replace(record, **fields), replace(training, **common)
    probabilities = np.full((len(ids), 7), 0.05, np.float16)
    probabilities[np.arange(len(ids)), predictions] = 0.7
    folder = make.results_in(place).records
    path = folder / "eval" / record.predictions
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, ids=ids, labels=labels, probabilities=probabilities)
    record = replace(record, predictions_sha256=sha256_of(path))
    records.save(folder, record)
    if train:
        records.save(folder, training)
    return record


def prepare(place, name="ck-plus"):
    """Write a prepared dataset that holds the test images of :data:`PEOPLE`."""
    folder = place / "datasets" / name
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", np.zeros((IMAGES, 2, 2), np.uint8))
    np.save(folder / "labels.npy", LABELS.astype(np.uint8))
    with (folder / "samples.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "split", "label", "part", "source", "group"])
        for i in range(IMAGES):
            writer.writerow([IDS[i], "test", EMOTIONS[LABELS[i]], "peak", f"{IDS[i]}.png", PEOPLE[i]])
    counts = np.bincount(LABELS, minlength=7).tolist()
    manifest = {
        "schema": 2,
        "dataset": name,
        "title": name,
        "origin": "real",
        "n": IMAGES,
        "size": [2, 2],
        "counts": {"splits": {"test": counts}, "parts": {"peak": counts}},
        "fingerprint": make.digest(f"real {name}"),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def labs(tmp_path):
    """Two workspaces; three models on RAF-DB, of which two are close."""
    a, b = tmp_path / "lab-a", tmp_path / "lab-b"
    save(a, "clcm", right(1, 0.85))
    save(a, "mobilenetv2", right(2, 0.45))
    save(b, "shufflenetv2", right(3, 0.8))
    return a, b


def test_ranks_are_ranges_of_what_the_paired_tests_tell_apart(labs):
    [board] = boards(*labs)
    assert (board["dataset"], board["target"], board["n"], board["units"]["kind"]) == (
        "raf-db",
        "raf-db",
        IMAGES,
        "images",
    )
    assert ranks(board) == {"clcm": (1, 2), "shufflenetv2": (1, 2), "mobilenetv2": (3, 3)}
    masks = {"clcm": right(1, 0.85), "shufflenetv2": right(3, 0.8), "mobilenetv2": right(2, 0.45)}
    p_values = []
    for pair in board["pairs"]:
        a, b = masks[pair["a"]], masks[pair["b"]]
        assert pair["difference"] == pytest.approx(a.mean() - b.mean())
        assert pair["difference"] >= 0
        assert pair["p"] == pytest.approx(mcnemar(int((a & ~b).sum()), int((b & ~a).sum())))
        p_values.append(pair["p"])
    assert [pair["p_holm"] for pair in board["pairs"]] == pytest.approx(multipletests(p_values, method="holm")[1])
    first = board["standings"][0]
    assert first["accuracy"]["ci"] == pytest.approx(wilson(int(masks["clcm"].sum()), IMAGES))
    assert (first["workspaces"], first["seeds"], first["start"]["kind"]) == (["lab-a"], [0], "imagenet")
    assert first["trainable_parameters"] == 2_393_191
    assert "trained once" in " ".join(board["notes"])


def test_the_paired_tests_are_those_of_compare(tmp_path):
    for seed in (0, 1, 2):
        save(tmp_path, "clcm", right(10 + seed, 0.8), seed=seed)
        save(tmp_path, "shufflenetv2", right(20 + seed, 0.6), seed=seed)
        save(tmp_path, "mobilenetv2", right(30 + seed, 0.6), seed=seed)
    [board] = boards(tmp_path)
    compared = json.loads(run(compare, "clcm", "shufflenetv2", "mobilenetv2", "-w", tmp_path, "--json"))
    ours = {frozenset((pair["a"], pair["b"])): (pair["p"], pair["p_holm"], pair["test"]) for pair in board["pairs"]}
    theirs = {
        frozenset((pair["a"], pair["b"])): (pair["p"], pair["p_holm"], pair["test"]) for pair in compared["pairs"]
    }
    assert ours == {names: (pytest.approx(p), pytest.approx(holm), test) for names, (p, holm, test) in theirs.items()}
    scores = {model["name"]: model for model in compared["models"]}
    for found in board["standings"]:
        assert found["accuracy"]["ci"] == pytest.approx(scores[found["name"]]["accuracy"]["ci"])
        assert found["macro_f1"] == pytest.approx(scores[found["name"]]["macro_f1"]["value"])
        assert found["balanced_accuracy"] == pytest.approx(scores[found["name"]]["balanced_accuracy"]["value"])
    assert "replicates are the training run" in " ".join(board["notes"])


def test_images_of_a_test_set_without_subjects_are_not_said_to_show_a_person_twice(tmp_path):
    for model, seed in (("clcm", 4), ("shufflenetv2", 5)):
        save(tmp_path, model, right(seed, 0.7), dataset="fer2013", target="fer2013")
    notes = " ".join(boards(tmp_path)[0]["notes"])
    assert "fer2013 names no subjects" in notes
    assert "too narrow" not in notes


@pytest.mark.parametrize("where", ["place", "workspace"])
def test_on_ck_plus_people_are_swapped_whole(tmp_path, where):
    place = tmp_path / "lab"
    masks = [right(4, 0.7, of_people=True), right(5, 0.45, of_people=True)]
    for model, mask in zip(("clcm", "shufflenetv2"), masks, strict=True):
        save(place, model, mask, target="ck-plus")
    [apart] = boards(place)
    assert apart["units"]["kind"] == "images"
    assert "images count as independent" in " ".join(apart["notes"])
    prepare(place if where == "place" else tmp_path / "own")
    options = () if where == "place" else ("--workspace", tmp_path / "own")
    [board] = boards(place, options=options)
    assert (board["units"]["kind"], board["units"]["n"]) == ("subjects", IMAGES // 6)
    swapped = np.array([(masks[0].astype(int) - masks[1])[i : i + 6].sum() for i in range(0, IMAGES, 6)])
    [pair] = board["pairs"]
    assert pair["test"] == "exact permutation test by subject"
    assert pair["p"] == pytest.approx(swap_test(swapped))
    assert pair["p"] > apart["pairs"][0]["p"]
    # The intervals are those of people too.
    for alone, together in zip(apart["standings"], board["standings"], strict=True):
        widths = [found["accuracy"]["ci"][1] - found["accuracy"]["ci"][0] for found in (alone, together)]
        assert widths[1] > 1.2 * widths[0]


def test_seeds_of_several_workspaces_are_pooled_and_their_numbers_may_differ(tmp_path):
    for seed in range(4):
        save(tmp_path / "lab-a", "clcm", right(40 + seed, 0.8), seed=seed)
    for seed in (5, 6, 9):
        save(tmp_path / "lab-b", "clcm", right(40 + seed, 0.8), seed=seed)
    for seed in (0, 1, 2):
        save(tmp_path / "lab-b", "shufflenetv2", right(60 + seed, 0.5), seed=seed)
    [board] = boards(tmp_path / "lab-a", tmp_path / "lab-b")
    assert ranks(board) == {"clcm": (1, 1), "shufflenetv2": (2, 2)}
    clcm = board["standings"][0]
    assert clcm["seeds"] == [0, 1, 2, 3, 5, 6, 9]
    assert clcm["workspaces"] == ["lab-a", "lab-b"]
    assert clcm["accuracy"]["value"] == pytest.approx(np.mean(clcm["accuracy_by_seed"]))
    assert "0-3, 5, 6, 9" in shown(tmp_path / "lab-a", tmp_path / "lab-b")


def test_a_model_trained_once_is_beaten_only_by_every_run_of_the_other(tmp_path):
    weak = right(70, 0.5)
    save(tmp_path, "clcm", weak)
    strong = [right(80 + seed, 0.85) for seed in range(3)]
    for seed, mask in enumerate(strong):
        save(tmp_path, "shufflenetv2", mask, seed=seed)
    [board] = boards(tmp_path)
    [pair] = board["pairs"]
    each = [mcnemar(int((mask & ~weak).sum()), int((weak & ~mask).sum())) for mask in strong]
    assert pair["p"] == pytest.approx(max(each))
    assert pair["test"] == "every run against the one, McNemar's exact test"
    assert ranks(board) == {"shufflenetv2": (1, 1), "clcm": (2, 2)}
    assert "Trained once: clcm." in " ".join(board["notes"])
    # One run that is no better is enough to leave it open, however good the mean is.
    save(tmp_path, "shufflenetv2", weak, seed=3)
    [board] = boards(tmp_path)
    assert board["pairs"][0]["p"] == 1
    assert ranks(board) == {"shufflenetv2": (1, 2), "clcm": (1, 2)}


def test_runs_that_say_the_opposite_of_each_other_show_nothing(tmp_path):
    """Each of the one model's two runs is told apart from the other's only run, but on other sides of it."""
    middle = right(70, 0.6)
    save(tmp_path, "clcm", middle)
    for seed, accuracy in enumerate((0.95, 0.3)):
        mask = right(80 + seed, accuracy)
        assert mcnemar(int((mask & ~middle).sum()), int((middle & ~mask).sum())) < 1e-5
        save(tmp_path, "shufflenetv2", mask, seed=seed)
    [board] = boards(tmp_path)
    assert board["pairs"][0]["p"] == 1
    assert ranks(board) == {"shufflenetv2": (1, 2), "clcm": (1, 2)}


def test_scores_of_classes_of_unequal_size_are_scikit_learns(tmp_path):
    labels = np.minimum(np.arange(IMAGES) % 12, 6)  # Half of the images are of the last class.
    masks = [right(seed, accuracy) | (labels == 6) for seed, accuracy in ((1, 0.4), (2, 0.6))]
    for seed, mask in enumerate(masks):
        save(tmp_path, "clcm", mask, labels=labels, seed=seed)
        save(tmp_path, "shufflenetv2", right(3 + seed, 0.5), labels=labels, seed=seed)
    [board] = boards(tmp_path)
    found = board["standings"][0]
    assert found["name"] == "clcm"
    answered = [np.where(mask, labels, (labels + 1) % 7) for mask in masks]
    assert found["accuracy_by_seed"] == pytest.approx([mask.mean() for mask in masks])
    for measure, score in (
        ("balanced_accuracy", sklearn_metrics.balanced_accuracy_score),
        ("macro_f1", partial(sklearn_metrics.f1_score, average="macro")),
    ):
        assert found[measure] == pytest.approx(np.mean([score(labels, given) for given in answered])), measure
        assert abs(found[measure] - found["accuracy"]["value"]) > 0.02


def test_a_board_for_each_training_dataset_and_test_set(tmp_path):
    for dataset, target in (("raf-db", "ck-plus"), ("raf-db", "raf-db"), ("fer2013", "fer2013")):
        save(tmp_path, "clcm", right(1, 0.8), dataset=dataset, target=target)
        save(tmp_path, "shufflenetv2", right(2, 0.5), dataset=dataset, target=target)
    found = [(board["dataset"], board["target"]) for board in boards(tmp_path)]
    assert found == [("fer2013", "fer2013"), ("raf-db", "raf-db"), ("raf-db", "ck-plus")]
    assert len(boards(tmp_path, options=("--on", "ck-plus"))) == 1
    assert len(boards(tmp_path, options=("--dataset", "raf-db"))) == 2
    with pytest.raises(FerBenchError, match="no test fits --fingerprint fer2013=none; there are"):
        boards(tmp_path, options=("--fingerprint", "fer2013=none"))  # Not the boards of the other dataset.
    [board] = boards(tmp_path, options=("--dataset", "fer2013", "--model", "clcm"))
    assert ranks(board) == {"clcm": (1, 1)}
    assert board["verdict"] == "clcm is the only contender: nothing is ranked."


def test_the_order_of_the_places_changes_nothing(labs, tmp_path):
    save(labs[1], "clcm", right(4, 0.8), seed=1)
    save(tmp_path / "lab-c", "clcm", right(5, 0.8), seed=2)
    three = (*labs, tmp_path / "lab-c")
    before = shown(*three, options=("--json",))
    assert shown(*three[::-1], options=("--json",)) == before
    assert shown(three[1], three[0], three[2], three[1], options=("--json",)) == before


@pytest.mark.parametrize(
    ("fields", "words", "way_out"),
    [
        ({"recipe": "demo-89abcdef"}, "2 recipes", ("--recipe", "paper")),
        ({"backend": "torch"}, "2 backends", ("--backend", "tensorflow")),
        (
            {"target_fingerprint": "f" * 64},
            "2 states of the test set ck-plus",
            ("--fingerprint", f"ck-plus={make.digest('real ck-plus')[:8]}"),
        ),
        (
            {"dataset_fingerprint": "f" * 64},
            "2 states of the training dataset raf-db",
            ("--fingerprint", f"raf-db={make.digest('real raf-db')[:8]}"),
        ),
        ({"class_names": EMOTIONS[::-1]}, "2 orders of the classes", ("--model", "clcm")),
        ({"origin": "synthetic"}, "real and synthetic results are never ranked together", ("--origin", "real")),
    ],
)
def test_what_cannot_be_compared_is_refused_and_told_apart_on_request(tmp_path, fields, words, way_out):
    save(tmp_path / "lab-a", "clcm", right(1, 0.8), target="ck-plus")
    save(tmp_path / "lab-b", "shufflenetv2", right(2, 0.8), target="ck-plus", **fields)
    with pytest.raises(FerBenchError) as refused:
        boards(tmp_path / "lab-a", tmp_path / "lab-b")
    message = str(refused.value)
    assert words in message
    assert "clcm in lab-a" in message
    assert "shufflenetv2 in lab-b" in message
    assert (way_out[0] if "class_names" not in fields else "leave out a place") in message
    [board] = boards(tmp_path / "lab-a", tmp_path / "lab-b", options=way_out)
    assert set(ranks(board)) == {"clcm"}


def test_what_was_not_prepared_by_default_is_named(tmp_path):
    parts = {"prepared": (make.preparation("raf-db", crop="centre"),), "target_prepared": make.preparation("ck-plus")}
    for model in ("clcm", "shufflenetv2"):
        record = save(tmp_path, model, right(1, 0.8), target="ck-plus", train=False)
        folder = make.results_in(tmp_path).records
        records.save(folder, replace(record, target_prepared=parts["target_prepared"]))
        training = replace(make.train_record("clcm", "raf-db"), model=model, weights_sha256=record.weights_sha256)
        records.save(folder, replace(training, prepared=parts["prepared"]))
    (board,) = boards(tmp_path)
    states = [f"{make.digest(f'real {name}')[:12]}" for name in ("raf-db", "ck-plus")]
    assert f"training set {states[0]} (crop centre), test set {states[1]};" in board["notes"][0]


def test_all_reasons_are_told_at_once(tmp_path):
    save(tmp_path, "clcm", right(1, 0.8))
    save(tmp_path, "shufflenetv2", right(2, 0.8), recipe="demo-89abcdef", backend="torch")
    save(tmp_path, "clcm", right(1, 0.8), target="ck-plus")
    save(tmp_path, "shufflenetv2", right(2, 0.8), target="ck-plus", target_fingerprint="f" * 64)
    with pytest.raises(FerBenchError) as refused:
        boards(tmp_path)
    reasons = [line for line in str(refused.value).splitlines()[1:] if not line.startswith("    ")]
    assert [line.split(":")[0].strip() for line in reasons] == [
        "raf-db on raf-db",
        "raf-db on raf-db",
        "raf-db on ck-plus",
    ]


@pytest.mark.parametrize("what", ["ids", "labels"])
def test_other_images_behind_the_same_fingerprint_are_refused(tmp_path, what):
    save(tmp_path / "lab-a", "clcm", right(1, 0.8))
    labels = LABELS.copy()
    labels[[3, 4]] = labels[[4, 3]]
    other = {"ids": np.char.add(IDS, "x")} if what == "ids" else {"labels": labels}
    save(tmp_path / "lab-b", "shufflenetv2", right(2, 0.8), **other)
    with pytest.raises(FerBenchError, match=r"\(lab-b\) and .*\(lab-a\).*different (images|labels)"):
        boards(tmp_path / "lab-a", tmp_path / "lab-b")


def test_each_of_many_recipes_that_are_refused_has_a_line(tmp_path):
    for seed in range(8):
        save(tmp_path, "clcm", right(seed, 0.6), recipe=f"trial-{seed:08x}")
    with pytest.raises(FerBenchError) as refused:
        boards(tmp_path)
    lines = str(refused.value).splitlines()
    [told] = [place for place, line in enumerate(lines) if "8 recipes. Choose one with --recipe" in line]
    assert [line.split(":")[0].strip() for line in lines[told + 1 :]] == [f"trial-{seed:08x}" for seed in range(8)]


def test_a_note_counts_many_that_were_trained_once(tmp_path):
    save(tmp_path, "clcm", right(20, 0.9), recipe="twice-0123abcd")
    save(tmp_path, "clcm", right(21, 0.9), recipe="twice-0123abcd", seed=1)
    for seed in range(8):
        save(tmp_path, "clcm", right(seed, 0.6), recipe=f"trial-{seed:08x}")
    [board] = boards(tmp_path, options=("--rank-recipes",))
    assert "Trained once: 8 of 9, those with a single seed. Where one" in " ".join(board["notes"])


def test_recipes_compete_where_asked(tmp_path):
    save(tmp_path, "clcm", right(1, 0.9))
    save(tmp_path, "clcm", right(2, 0.4), recipe="demo-89abcdef")
    save(tmp_path, "shufflenetv2", right(3, 0.6))
    [board] = boards(tmp_path, options=("--rank-recipes",))
    assert ranks(board) == {
        "clcm, paper-0123abcd": (1, 1),
        "shufflenetv2": (2, 2),
        "clcm, demo-89abcdef": (3, 3),
    }
    assert "may be due to the recipe" in " ".join(board["notes"])


def test_the_name_of_a_preset_is_its_own_recipe_where_there_are_others_of_the_name(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(messages, "say", said.append)
    own = PRESETS["cpu48"].changed(freeze_layers=0)
    for recipe in (own.id, "cpu48+freeze0-508e220a", "cpu48-508e220a"):
        save(tmp_path, "clcm", right(1, 0.9), recipe=recipe)
    save(tmp_path, "clcm", right(1, 0.9), recipe="cpu48+freeze0-508e220a", target="ck-plus")
    named = boards(tmp_path, options=("--recipe", own.name))
    assert [(board["target"], board["standings"][0]["recipe"]) for board in named] == [
        ("raf-db", own.id),
        ("ck-plus", "cpu48+freeze0-508e220a"),
    ]
    [told] = said
    assert told.startswith(f"raf-db on raf-db: {own.id} is taken, ")
    assert "left out: cpu48+freeze0-508e220a (" in told


def test_one_model_from_two_starts_is_two_contenders(tmp_path):
    save(tmp_path, "clcm", right(1, 0.9))
    save(tmp_path, "clcm", right(2, 0.4), seed=1, start=records.Start(kind="random"))
    save(tmp_path, "clcm", right(3, 0.6), seed=2, train=False)
    [board] = boards(tmp_path)
    assert set(ranks(board)) == {
        f"clcm, ImageNet {make.digest('imagenet')[:8]}",
        "clcm, random",
        "clcm, unknown start",
    }
    assert [found["start"] is None for found in board["standings"]] == [False, True, False]


def test_a_copied_record_counts_once(labs, tmp_path):
    shutil.copytree(labs[0], tmp_path / "copy")
    [board] = boards(*labs, tmp_path / "copy")
    assert ranks(board) == ranks(boards(*labs)[0])
    assert board["standings"][0]["workspaces"] == ["copy", "lab-a"]
    assert board["standings"][0]["seeds"] == [0]


def test_a_seed_trained_twice_is_refused_or_ranked_by_workspace(tmp_path):
    save(tmp_path / "lab-a", "clcm", right(1, 0.9))
    save(tmp_path / "lab-b", "clcm", right(2, 0.5), weights_sha256="e" * 64)
    both = tmp_path / "lab-a", tmp_path / "lab-b"
    with pytest.raises(FerBenchError, match=r"clcm was trained 2 times with seed 0.*lab-a.*lab-b.*--by-workspace"):
        boards(*both)
    [board] = boards(*both, options=("--by-workspace",))
    assert ranks(board) == {"clcm, lab-a": (1, 1), "clcm, lab-b": (2, 2)}


def test_a_test_of_earlier_weights_is_refused(tmp_path):
    save(tmp_path, "clcm", right(1, 0.9))
    path = next((tmp_path / "records" / "train").glob("*.json"))
    record = records.load(path, records.TrainRecord)
    records.save(tmp_path / "records", replace(record, weights_sha256="e" * 64))
    with pytest.raises(FerBenchError, match=r"made with other weights than .*run `fer-bench evaluate`"):
        boards(tmp_path)


def test_flops_are_those_of_the_trained_size(labs):
    for model, size in (("clcm", 224), ("mobilenetv2", 48)):
        records.save(labs[1] / "records", replace(make.profile_record(model), image_size=size))
    found = {standing["model"]: standing["flops_paper_rule"] for standing in boards(*labs)[0]["standings"]}
    assert found == {"clcm": 599_396_458, "mobilenetv2": None, "shufflenetv2": None}


def test_flops_on_which_profiles_differ_are_not_shown(labs):
    for place, flops in zip(labs, (599_396_458, 599_396_459), strict=True):
        records.save(place / "records", replace(make.profile_record("clcm"), image_size=224, flops_paper_rule=flops))
    assert boards(*labs)[0]["standings"][0]["flops_paper_rule"] is None


def test_places_are_workspaces_records_and_checkouts_with_short_names(labs, tmp_path):
    shutil.copytree(labs[1], tmp_path / "other" / "lab-a")
    (tmp_path / "checkout" / "reports").mkdir(parents=True)
    shutil.copytree(labs[0] / "records", tmp_path / "checkout" / "reports" / "records")
    places = (labs[0] / "records", tmp_path / "other" / "lab-a", tmp_path / "checkout")
    found = {standing["model"]: standing["workspaces"] for standing in boards(*places)[0]["standings"]}
    assert found["clcm"] == ["checkout", f"{tmp_path.name}/lab-a"]
    assert found["shufflenetv2"] == ["other/lab-a"]


def test_a_workspace_that_is_named_alone_is_the_one_that_is_ranked(labs, tmp_path, monkeypatch):
    """As in the other commands that read records; the published ones of the current folder were ranked instead."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports" / "records").mkdir(parents=True)
    named = json.loads(run(leaderboard, "--workspace", labs[0], "--json"))
    assert named == json.loads(run(leaderboard, "--records", labs[0], "-w", labs[0], "--json"))
    assert named["boards"]


def test_the_published_records_are_the_default(labs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FerBenchError, match=r"no published records in the current folder.*--records"):
        boards()
    shutil.copytree(labs[0] / "records", tmp_path / "reports" / "records")
    assert boards()[0]["standings"][0]["workspaces"] == ["published"]


def test_without_published_records_the_default_workspace_is_ranked_and_that_is_said(labs, tmp_path, monkeypatch):
    """As after run-all in a folder of one's own; the command refused to run."""
    said = []
    monkeypatch.setattr(messages, "say", said.append)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(labs[0], tmp_path / "workspace")
    assert boards() == boards("workspace")
    assert said == ["reports/records: no published records here, so those of workspace are ranked"]
    assert run(leaderboard, "--workspace", "workspace")
    assert len(said) == 1
    shutil.copytree(labs[1] / "records", tmp_path / "reports" / "records")
    assert boards()[0]["standings"][0]["workspaces"] == ["published"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--records", "nowhere"), r"nowhere: no such folder"),
        (("--records", "empty"), r"empty: no records in it; expected a workspace"),
        (("--records", "lab-a", "--fingerprint", "ck-plus"), r"--fingerprint 'ck-plus': expected DATASET=BEGINNING"),
        (("--records", "lab-a", "--fingerprint", "ckplus=12"), r"--fingerprint ckplus=.*; datasets: raf-db"),
        (("--records", "lab-a", "--format", "csv", "--json"), r"exclude each other"),
        (("--records", "lab-a", "--model", "x"), r"no test fits --model x; there are tests of clcm trained on raf-db"),
        (("--records", "lab-a", "--model", "clcm", "--model", "x"), r"no test fits --model x; there are tests of clcm"),
        (("--records", "lab-a", "--seed", "0", "--seed", "9", "--on", "raf-db"), r"no test fits --seed 9; there are"),
        (("--records", "lab-a", "--recipe", "paper", "--recipe", "x"), r"no test fits --recipe x; there are"),
        (("--records", "lab-a", "--dataset", "raf-db+fer2013"), r"no test fits --dataset fer2013\+raf-db; there are"),
        (("--records", "untested"), r"untested/records: no tests; run fer-bench train"),
    ],
)
def test_a_mistake_gets_a_message_that_helps(labs, tmp_path, monkeypatch, options, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "untested" / "records").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FerBenchError, match=message):
        run(leaderboard, *options)


def test_text_and_markdown_show_the_ranges_and_explain_them(labs):
    text = shown(*labs)
    assert "Any of 2 may be first: clcm; shufflenetv2." in text
    page = shown(*labs, options=("--format", "markdown"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]
    assert [row[:2] for row in rows[2:]] == [["1-2", "clcm"], ["1-2", "shufflenetv2"], ["3", "mobilenetv2"]]
    assert [row[7].startswith("**") for row in rows[2:]] == [True, True, False]
    assert page.count("is not passed on") == 1
    assert str(labs[0]) not in page


def test_the_same_records_elsewhere_give_the_same_bytes(labs, tmp_path):
    for lab in labs:
        shutil.copytree(lab, tmp_path / "elsewhere" / lab.name)
    for shape in ("markdown", "latex", "csv"):
        options = ("--format", shape)
        before = shown(*labs, options=options)
        assert shown(*(tmp_path / "elsewhere" / lab.name for lab in labs), options=options) == before


def test_csv_has_a_line_a_contender(labs):
    [first, *others] = csv.DictReader(io.StringIO(shown(*labs, options=("--format", "csv"))))
    assert (first["rank_low"], first["rank_high"], first["model"], first["seeds"]) == ("1", "2", "clcm", "0")
    assert float(first["accuracy"]) == right(1, 0.85).mean()
    assert float(first["accuracy_low"]) < float(first["accuracy"]) < float(first["accuracy_high"])
    assert first["flops_paper_rule"] == ""
    assert len(others) == 2


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
@pytest.mark.slow
def test_latex_compiles(labs, tmp_path):
    odd = labs[0].rename(tmp_path / "lab_100%&#")
    fragment = shown(odd, labs[1], options=("--format", "latex"))
    page = (
        "\\documentclass[a4paper]{article}\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\usepackage{textcomp}"
        "\\usepackage{booktabs,graphicx}\\begin{document}\n" + fragment + "\\end{document}\n"
    )
    (tmp_path / "page.tex").write_text(page, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "page.log").read_text(encoding="latin-1")
    assert "Overfull" not in log
    assert "(1 page" in log


def test_latex_escapes_what_people_name(labs, tmp_path):
    odd = labs[0].rename(tmp_path / "lab_100%&#")
    fragment = shown(odd, labs[1], options=("--format", "latex"))
    assert r"lab\_100\%\&\#" in fragment
    assert r"\label{tab:fer-bench-leaderboard-raf-db-raf-db}" in fragment
    assert fragment.count(r"\begin{table*}") == fragment.count(r"\end{table*}") == 1


def test_synthetic_results_say_so(tmp_path):
    save(tmp_path, "clcm", right(1, 0.8), origin="synthetic")
    assert "(synthetic faces, demo)" in shown(tmp_path)
    assert "synthetic test images" in shown(tmp_path, options=("--format", "markdown"))


def test_the_command_needs_no_keras(labs):
    code = (
        "import sys, typer\nfrom fer_bench.cli.leaderboard import leaderboard\n"
        "app = typer.Typer()\napp.command()(leaderboard)\n"
        f"app(['--records', {str(labs[0])!r}, '--json'], standalone_mode=False)\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.rpartition("MODULES")[2].split()) & {"keras", "tensorflow", "torch", "jax", "cv2"}


def timed(*places, options=()):
    return json.loads(shown(*places, options=("--latency", "--json", *options)))["boards"]


def profiled(place, session="session-1", **seconds):
    """Write profiles of the models with these mean times, 20 processes each, and little noise."""
    generator = np.random.default_rng(0)
    for index, (model, mean) in enumerate(seconds.items()):
        samples = tuple(
            records.LatencySample(order=len(seconds) * i + index, seconds=float(mean + noise), process=i)
            for i, noise in enumerate(generator.normal(0, 0.001, 20))
        )
        record = replace(make.profile_record("clcm", session=session), model=model, latency={"keras-call": samples})
        records.save(make.results_in(place).records, record)


def test_times_are_ranked_within_a_session_only(tmp_path):
    profiled(tmp_path / "lab-a", clcm=0.010, shufflenetv2=0.0101, mobilenetv2=0.020)
    profiled(tmp_path / "lab-b", session="session-2", clcm=0.010, shufflenetv2=0.014)
    first, second = timed(tmp_path / "lab-a", tmp_path / "lab-b")
    assert (first["session"], second["session"]) == ("session-1", "session-2")
    assert first["replicate"] == "process"
    assert {found["model"]: found["rank"] for found in first["standings"]} == {
        "clcm": [1, 2],
        "shufflenetv2": [1, 2],
        "mobilenetv2": [3, 3],
    }
    assert [found["rank"] for found in second["standings"]] == [[1, 1], [2, 2]]
    page = shown(tmp_path / "lab-a", tmp_path / "lab-b", options=("--latency", "--format", "markdown"))
    assert page.count("\n## Inference time") == 2
    assert "never ranked with these" in page


def test_where_ranks_are_tested_a_shorter_mean_below_is_explained(tmp_path):
    """Two slow calls of twenty: clcm is faster in eighteen, and its mean the longer."""
    generator = np.random.default_rng(0)
    slow = np.where(np.isin(np.arange(20), (3, 11)), 0.03, 0.0)
    for index, (model, seconds) in enumerate({"clcm": 0.010 + slow, "shufflenetv2": np.full(20, 0.011)}.items()):
        noisy = seconds + generator.normal(0, 0.0002, 20)
        samples = tuple(records.LatencySample(order=2 * i + index, seconds=float(s)) for i, s in enumerate(noisy))
        record = replace(make.profile_record("clcm"), model=model, latency={"keras-call": samples})
        records.save(make.results_in(tmp_path).records, record)
    [board] = timed(tmp_path)
    first, second = board["standings"]
    assert (board["form"], first["model"], first["rank"], second["rank"]) == ("kruskal", "clcm", [1, 1], [2, 2])
    assert first["mean"] > second["mean"]
    assert any("the means and their ratios, to the shortest, may be in another order" in n for n in board["notes"])
    page = shown(tmp_path, options=("--latency", "--format", "markdown"))
    ratios = [line.split("|")[-2].strip() for line in page.splitlines() if line.startswith(("| 1 ", "| 2 "))]
    assert ratios == [f"{first['mean'] / second['mean']:.2f}", "1.00"]


def test_a_copied_session_counts_once_and_a_changed_one_is_refused(tmp_path):
    profiled(tmp_path / "lab-a", clcm=0.010, shufflenetv2=0.012)
    shutil.copytree(tmp_path / "lab-a", tmp_path / "lab-b")
    [board] = timed(tmp_path / "lab-a", tmp_path / "lab-b")
    assert board["workspaces"] == ["lab-a", "lab-b"]
    profiled(tmp_path / "lab-b", clcm=0.011)
    with pytest.raises(FerBenchError, match=r"session-1: two different profiles of clcm, one of them in lab-b"):
        timed(tmp_path / "lab-a", tmp_path / "lab-b")


def test_one_timed_model_is_shown_and_not_ranked(tmp_path):
    profiled(tmp_path, clcm=0.010)
    [board] = timed(tmp_path)
    assert board["standings"][0]["sd"] is None
    assert "nothing is ranked" in board["verdict"]
    [line] = csv.DictReader(io.StringIO(shown(tmp_path, options=("--latency", "--format", "csv"))))
    assert (line["model"], line["replicates"], line["sd_s"]) == ("clcm", "20", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--on", "ck-plus"), r"--latency ranks profiles: of the choices only --model"),
        (("--model", "x"), r"no profile that fits --model x; run"),
        (("--model", "clcm", "--model", "x"), r"no profile that fits --model x; run"),
    ],
)
def test_latency_takes_no_choice_that_it_cannot_use(tmp_path, options, message):
    profiled(tmp_path, clcm=0.010)
    with pytest.raises(FerBenchError, match=message):
        timed(tmp_path, options=options)
