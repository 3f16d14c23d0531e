"""Copies across datasets: which test images are among another dataset's training images, and what is said of them."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
from record_factory import eval_record, results_in, save_eval
from test_options import run

from fer_bench.accuracy.copies import Share
from fer_bench.accuracy.copies_across import by_copies_across
from fer_bench.datasets import dataset_card
from fer_bench.datasets.across import COLUMNS, Across, Overlap, audit_across
from fer_bench.datasets.audit import Copies, find_copies
from fer_bench.datasets.joined import joined_fingerprint
from fer_bench.datasets.prepared import Prepared
from fer_bench.datasets.store import prepare
from fer_bench.datasets.synthetic import draw_identity, draw_view, render, synthesize
from fer_bench.emotions import EMOTIONS
from fer_bench.errors import FerBenchError

PLANTED = 10
"""Training images of FER-2013 that show test images of AffectNet."""


def small(picture: np.ndarray) -> np.ndarray:
    """Return a picture gray, slightly cropped and 48 x 48."""
    height, width = picture.shape[:2]
    cut = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[height // 30 :, : -(width // 25)]
    return cv2.resize(cut, (48, 48), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def planted(synthetic_root: Path, prepared_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which FER-2013's raw files hold AffectNet's test pictures: smaller, gray, cropped, as JPEG."""
    root = tmp_path_factory.mktemp("planted")
    shutil.copytree(prepared_root / "datasets", root / "datasets", ignore=lambda *_: ["fer2013"])
    affectnet = Prepared.load(root / "datasets" / "affectnet")
    synthesize("fer2013", root / "fer2013", train=140, test=70, seed=1)
    taken = [(row, EMOTIONS[affectnet.labels[row]]) for row in affectnet.indices("test")[:PLANTED]]
    sources = affectnet.sources()
    for row, label in taken:
        # A quarter of them lie in the folder of another class.
        folder = root / "fer2013" / "train" / (label if row % 4 else "happy" if label != "happy" else "sad")
        place = sorted(folder.iterdir())[[one for one, _ in taken].index(row) % 10]
        picture = cv2.imread(str(synthetic_root / "affectnet" / sources[row]))
        cv2.imwrite(str(place), small(picture), [cv2.IMWRITE_JPEG_QUALITY, 70])
    # A copy within FER-2013, which is no matter of two datasets.
    own = sorted((root / "fer2013" / "train" / "angry").iterdir())
    shutil.copyfile(own[15], own[16])
    prepare(dataset_card("fer2013"), root / "fer2013", root / "datasets" / "fer2013")
    return root


def test_shrunken_gray_cropped_copies_are_found_across_datasets(planted: Path) -> None:
    found = json.loads(run("audit", "affectnet+fer2013", "-w", str(planted), "--json").stdout)
    assert [one["dataset"] for one in found["datasets"]] == ["fer2013", "affectnet"]
    affectnet = Prepared.load(planted / "datasets" / "affectnet")
    rows = affectnet.indices("test")
    misplaced = int((rows[:PLANTED] % 4 == 0).sum())
    assert found["tests"] == [
        {
            "tested_on": "fer2013",
            "trained_on": "affectnet",
            "test_images": 70,
            "exact": 0,
            "near": 0,
            "near_other_label": 0,
        },
        {
            "tested_on": "affectnet",
            "trained_on": "fer2013",
            "test_images": len(rows),
            "exact": 0,
            "near": PLANTED,
            "near_other_label": misplaced,
        },
    ]
    assert found["pairs"] == [
        {
            "datasets": ["fer2013", "affectnet"],
            "groups": PLANTED,
            "images": [PLANTED, PLANTED],
            "conflicting_label_groups": misplaced,
        }
    ]
    with (planted / "audits" / "fer2013+affectnet.csv").open(encoding="utf-8", newline="") as stream:
        header, *listed = csv.reader(stream)
    assert tuple(header) == COLUMNS
    assert sorted(row[3] for row in listed if row[2] == "affectnet") == sorted(affectnet.ids[rows[:PLANTED]].tolist())
    assert [(row[0], row[1], row[2]) for row in listed] == [
        ("near", str(group), name) for group in range(1, PLANTED + 1) for name in ("fer2013", "affectnet")
    ]


def test_people_are_told_what_to_do_about_copies(planted: Path) -> None:
    said = run("audit", "fer2013+affectnet+ck-plus", "-w", str(planted)).stdout
    share = 100 * PLANTED / len(Prepared.load(planted / "datasets" / "affectnet").indices("test"))
    assert f"affectnet: the accuracy of a model trained on fer2013 may be too high by up to {share:.1f} points" in said
    assert "--runs shows what trained models score" in said
    assert said.endswith(f"files: {planted / 'audits' / 'fer2013+affectnet+ck-plus.csv'}\n")
    nothing = run("audit", "raf-db+ck-plus", "-w", str(planted), "--runs").stdout
    assert "too high" not in nothing
    assert "Runs: no test of these states of the datasets is in the workspace" in nothing


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fer2013+", "expected one name, or different ones joined by"),
        ("fer2013+fer2013", "expected one name, or different ones joined by"),
        ("fer2013+jaffe", "unknown dataset 'jaffe'; known: fer2013"),
        ("fer2013+../datasets/raf-db", "unknown dataset '../datasets/raf-db'"),
    ],
)
def test_what_is_no_set_of_datasets_is_refused_before_anything_is_written(planted: Path, name: str, said: str) -> None:
    before = sorted(planted.rglob("*.csv"))
    with pytest.raises(FerBenchError, match=said):
        run("audit", name, "-w", str(planted))
    assert sorted(planted.rglob("*.csv")) == before


def test_real_and_synthetic_datasets_are_not_compared(planted: Path) -> None:
    first, second = (Prepared.load(planted / "datasets" / name) for name in ("fer2013", "ck-plus"))
    real = dataclasses.replace(second, manifest={**second.manifest, "origin": "real"})
    with pytest.raises(FerBenchError, match="ck-plus is real; real and synthetic data are never mixed"):
        audit_across([first, real])


def test_images_of_different_sizes_are_no_exact_copies() -> None:
    stacks = [np.zeros((2, 6, 4), np.uint8), np.zeros((1, 4, 6), np.uint8), np.zeros((1, 6, 4), np.uint8)]
    exact, _ = find_copies(stacks, np.zeros(4, np.uint8), np.full(4, "train"))
    assert exact.numbers.tolist() == [1, 1, 0, 1]


def test_a_picture_that_the_other_dataset_cuts_closer_is_found() -> None:
    rng = np.random.default_rng(3)
    faces = np.stack([render(draw_identity(rng), {}, draw_view(rng, "wild"), 224, gray=True).image for _ in range(60)])
    corners = np.random.default_rng(5).random((20, 2))
    # As near_duplicates says, with 12 % of the side cut off somewhere; and nearly down to the inner part, five sixths.
    for share, places, least in ((0.12, corners, 0.85), (0.2, np.full((20, 2), 0.5), 0.9)):
        cut = round(share * 224)
        close = []
        for face, (top, left) in zip(faces[:20], np.rint(cut * places).astype(int), strict=True):
            inside = face[top : top + 224 - cut, left : left + 224 - cut]
            made = cv2.resize(inside, (100, 100), interpolation=cv2.INTER_AREA)
            close.append(cv2.imdecode(cv2.imencode(".jpg", made)[1], cv2.IMREAD_GRAYSCALE))
        for stacks, start in (([faces, np.stack(close)], (0, 60)), ([np.stack(close), faces], (20, 0))):
            _, near = find_copies(stacks, np.zeros(80, np.uint8), np.full(80, "train"))
            whole, closer = (near.numbers[place : place + 20] for place in start)
            both = (whole == closer) & (closer > 0)
            assert both.mean() >= least
            assert near.extra_copies == both.sum()


# Hand-made findings.


def stand(dataset: str, labels: list[int], splits: str, ids: list[str] | None = None) -> Any:
    """Return what is taken of a prepared dataset; ``splits`` by their first letters, t is test, T is train."""
    named = {"T": "train", "v": "val", "t": "test"}
    return SimpleNamespace(
        dataset=dataset,
        fingerprint=dataset[0] * 64,
        labels=np.array(labels, np.uint8),
        splits=np.array([named[letter] for letter in splits]),
        ids=np.array(ids or [f"{dataset}{row}" for row in range(len(labels))]),
    )


def copies(numbers: list[int]) -> Copies:
    return Copies(np.array(numbers), max(numbers), 0, 0, 0, 0)


def test_every_test_set_is_counted_against_every_other_training_set() -> None:
    parts = (
        stand("affectnet", [0, 1, 2, 3], "TvTt"),
        stand("raf-db", [0, 5, 1, 3, 6], "ttttT"),
        stand("ck-plus", [4, 6], "tt"),
    )
    # Group 1: same label; 2: a validation image, another label; 3: a test image of both, so none in training; 4: RAF-DB
    # alone; 5: a test image of CK+ in RAF-DB's training images.
    near = copies([1, 2, 0, 3, 1, 2, 4, 3, 5, 4, 5])
    found = Across(cast(Any, parts), copies([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), near)
    counted = {
        (leak.tested_on, leak.trained_on): (leak.test_images, leak.exact, leak.near, leak.near_other_label)
        for leak in found.leaks
    }
    assert counted == {
        ("affectnet", "raf-db"): (1, 0, 0, 0),
        ("raf-db", "affectnet"): (4, 1, 2, 1),
        ("ck-plus", "affectnet"): (2, 0, 0, 0),
        ("ck-plus", "raf-db"): (2, 0, 1, 0),
    }
    assert found.overlaps == [
        Overlap(("affectnet", "raf-db"), groups=3, images=(3, 3), conflicting_label_groups=1),
        Overlap(("affectnet", "ck-plus"), groups=0, images=(0, 0), conflicting_label_groups=0),
        Overlap(("raf-db", "ck-plus"), groups=2, images=(2, 2), conflicting_label_groups=1),
    ]


@pytest.fixture
def tested(tmp_path: Path) -> tuple[Any, Any, Any]:
    """Where records are, a record of a test on six images, and the datasets."""
    results = results_in(tmp_path)
    matrix = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    for true, guess in ((0, 0), (1, 0), (3, 3), (4, 4), (5, 0), (6, 6)):
        matrix[true, guess] += 1
    parts = (
        stand("fer2013", [0, 2, 4, 3], "TTTv"),
        stand(
            "raf-db",
            [6, *(label for label in (6, 0, 1, 3, 4, 5))],
            "Ttttttt",
            ["x", *(f"{i:05}" for i in (5, 0, 1, 2, 3, 4))],
        ),
    )
    # Copies in FER-2013: of label 0 with its label, of 1 with another label, of 3 in validation only; in RAF-DB's own
    # training images: of label 6.
    found = Across(cast(Any, parts), copies([0] * 11), copies([1, 2, 0, 3, 4, 4, 1, 2, 3, 0, 0]))
    record = eval_record("clcm", "fer2013", "raf-db", matrix=matrix.tolist())
    return results, dataclasses.replace(record, target_fingerprint="r" * 64, dataset_fingerprint="f" * 64), found


def test_several_copies_of_a_picture_are_one_group_and_every_image_counts() -> None:
    # AffectNet holds picture 1 three times and CK+ once, picture 2 once and twice. No label agrees; the sums of number
    # and label do, 2 + 1 and 1 + 2, which a key of both must not take for each other.
    parts = (stand("affectnet", [0, 0, 0, 1, 5], "TTTTT"), stand("ck-plus", [2, 0, 2, 6], "tttt"))
    near = copies([1, 1, 1, 2, 0, 1, 2, 2, 0])
    found = Across(cast(Any, parts), copies([0] * 9), near)
    assert found.overlaps == [
        Overlap(("affectnet", "ck-plus"), groups=2, images=(4, 3), conflicting_label_groups=2),
    ]


def test_a_cross_test_is_parted_by_what_the_model_has_learned_from(tested: tuple[Any, Any, Any]) -> None:
    results, record, found = tested
    save_eval(results, record)
    [parted] = by_copies_across(results, found)
    assert (parted.copied, parted.conflicting, parted.alone) == (Share(1, 1), Share(0, 1), Share(3, 4))


def test_a_joint_training_has_learned_from_its_own_dataset_too(tested: tuple[Any, Any, Any]) -> None:
    results, record, found = tested
    fingerprint = joined_fingerprint([("fer2013", "f" * 64), ("raf-db", "r" * 64)])
    save_eval(results, dataclasses.replace(record, dataset="fer2013+raf-db", dataset_fingerprint=fingerprint))
    [parted] = by_copies_across(results, found)
    assert (parted.copied, parted.conflicting, parted.alone) == (Share(2, 2), Share(0, 1), Share(2, 3))


@pytest.mark.parametrize(
    "change",
    [
        {"target_fingerprint": "0" * 64},
        {"dataset_fingerprint": "0" * 64},
        {"dataset": "affectnet"},
        {"dataset": "fer2013+affectnet"},
        {"dataset": "raf-db", "dataset_fingerprint": "r" * 64},
    ],
)
def test_other_runs_are_left_out(tested: tuple[Any, Any, Any], change: dict[str, str]) -> None:
    results, record, found = tested
    save_eval(results, dataclasses.replace(record, **change))
    assert not list(by_copies_across(results, found))


def test_tests_are_shown_with_what_they_were_trained_and_tested_on(
    tested: tuple[Any, Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from fer_bench.cli import across

    results, record, found = tested
    save_eval(results, record)
    across._print_tests(list(by_copies_across(results, found)))
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "clcm" in line)
    assert line.split()[:3] == ["clcm", "fer2013", "raf-db"]
