"""``fer-bench robustness``: worse pictures, the record of the answers, and what tables and figures make of it."""

import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import record_factory as make
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from trained_tiny import Trained, trained_tiny
from typer.testing import CliRunner

from fer_bench import metrics, records
from fer_bench.cli import app
from fer_bench.corruptions import CORRUPTIONS, PROTOCOL, SEVERITIES, corrupted
from fer_bench.datasets.prepared import Prepared
from fer_bench.errors import FerBenchError
from fer_bench.figures import build_figures
from fer_bench.network import Network
from fer_bench.publish import publish
from fer_bench.records import External, RobustnessRecord
from fer_bench.render import check_tables, write_tables
from fer_bench.robustness import testing
from fer_bench.robustness.images import CorruptedImages
from fer_bench.robustness.sheet import draw_corrupted
from fer_bench.robustness.summary import Robustness, difference, interval, robustness_blocks, untrained
from fer_bench.robustness.testing import CONDITIONS, subject_of
from fer_bench.selection import select
from fer_bench.tables import build_tables
from fer_bench.tables.values import Number

NAMES = list(CORRUPTIONS)
PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(8, 60), st.integers(8, 60)))


@pytest.fixture(scope="module")
def trained(configured, tmp_path_factory):
    with trained_tiny(tmp_path_factory.mktemp("robustness")) as found:
        yield found


@pytest.fixture
def face(trained: Trained) -> np.ndarray:
    return np.asarray(trained.prepared.images[0])


def run_test(trained: Trained, said: list[tuple[int, int]] | None = None) -> RobustnessRecord:
    network = Network("tiny", trained.cell.recipe)
    network.load_weights(trained.workspace.weights(trained.cell.id), trained.run.weights_sha256)
    progress = [] if said is None else said
    return testing.test_corrupted(
        subject_of(trained.run),
        trained.prepared,
        network.predict,
        trained.workspace,
        size=64,
        environment=make.environment(),
        on_progress=lambda *numbers: progress.append(numbers),
    )


@pytest.fixture(scope="module")
def record(trained: Trained) -> RobustnessRecord:
    return run_test(trained)


def command(trained: Trained, *more: str):
    words = ["robustness", "--model", "tiny", "--dataset", "fer2013", "--recipe", str(trained.recipe)]
    return CliRunner().invoke(app, [*words, "--workspace", str(trained.workspace.root), *more], terminal_width=200)


@given(image=PICTURES, name=st.sampled_from(NAMES), severity=st.integers(1, SEVERITIES), image_id=st.text(max_size=5))
def test_a_corruption_returns_a_picture_of_the_same_size_and_leaves_the_given_one(image, name, severity, image_id):
    before = image.copy()
    made = corrupted(image, name, severity, image_id)
    assert (made.shape, made.dtype) == (image.shape, np.uint8)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(made, corrupted(image, name, severity, image_id))


@given(image=PICTURES, name=st.sampled_from(NAMES))
def test_severity_0_is_the_picture_as_it_is(image, name):
    np.testing.assert_array_equal(corrupted(image, name, 0, "a"), image)


@pytest.mark.parametrize("name", NAMES)
def test_every_severity_changes_a_face_more_than_the_one_before(face, name):
    away = [np.abs(corrupted(face, name, severity, "a").astype(int) - face).mean() for severity in range(6)]
    assert away == sorted(away)
    assert len(set(away)) == 6


@pytest.mark.parametrize("name", ["noise", "motion-blur", "rotation", "shift"])
def test_what_is_drawn_depends_on_the_image(face, name):
    drawn = {corrupted(face, name, 3, f"image {number}").tobytes() for number in range(8)}
    assert len(drawn) >= 2


def test_a_severity_changes_the_strength_and_not_the_draw(face):
    changes = [corrupted(face, "noise", severity, "a").astype(int) - face for severity in (1, 2)]
    inside = (face > 100) & (face < 150)
    # The same draw, twice as strong; rounded to whole levels.
    np.testing.assert_allclose(changes[1][inside], 2 * changes[0][inside], atol=1.5)


def test_the_strengths_are_what_they_are_called(face):
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))
    np.testing.assert_array_equal(corrupted(ramp, "dark", 2, "a"), np.rint(ramp * 0.4))
    low = corrupted(ramp, "low-contrast", 1, "a")
    assert np.ptp(low) == pytest.approx(0.4 * np.ptp(ramp), abs=1)
    assert low.mean() == pytest.approx(ramp.mean(), abs=0.5)
    half = corrupted(face, "lower-covered", 5, "a")
    np.testing.assert_array_equal(half[:24], face[:24])
    assert set(half[24:].ravel()) == {round(float(face.mean()))}
    tenth = corrupted(face, "upper-covered", 1, "a")
    np.testing.assert_array_equal(tenth[5:], face[5:])
    assert set(tenth[:5].ravel()) == {round(float(face.mean()))}


# The strengths of faces-1 as published, each measured in what it makes of a picture: records are compared by them.

SIDE = 200


def edge_variance(name: str, severity: int) -> float:
    """Return the variance across and down, added, of what a blur makes of a point, from that of two edges; pixels²."""
    edge = np.zeros((SIDE, SIDE), np.uint8)
    edge[:, SIDE // 2 :] = 255
    across = corrupted(edge, name, severity, "a")[SIDE // 2].astype(float)
    down = corrupted(edge.T.copy(), name, severity, "a")[:, SIDE // 2].astype(float)
    place = np.arange(SIDE - 1)
    weights = [np.diff(profile) / 255 for profile in (across, down)]
    return sum(float(each @ place**2 - (each @ place) ** 2) for each in weights)


def spot_moved(name: str, severity: int, right: int) -> tuple[float, float]:
    """Return how far down and right of the middle a spot lies that was so far right of it; pixels."""
    middle = SIDE // 2
    spot = np.zeros((SIDE + 1, SIDE + 1), np.uint8)
    spot[middle - 2 : middle + 3, middle + right - 2 : middle + right + 3] = 255
    made = corrupted(spot, name, severity, "a").astype(float)
    down, across = np.indices(made.shape)
    return float((made * down).sum() / made.sum()) - middle, float((made * across).sum() / made.sum()) - middle


def slope(name: str, severity: int) -> float:
    """Return how much a gray level more of a picture makes afterwards."""
    ramp = np.tile(np.arange(256, dtype=np.uint8), (SIDE, 1))
    return float(np.polyfit(ramp.ravel(), corrupted(ramp, name, severity, "a").ravel(), 1)[0])


def nearest(name: str, severity: int, made: Callable[[np.ndarray, int], np.ndarray], choices: range) -> int:
    """Return the choice whose picture is nearest to the corrupted one."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)
    worse = corrupted(noise, name, severity, "a").astype(int)
    away = {choice: np.abs(made(noise, choice) - worse).mean() for choice in choices}
    return min(away, key=away.__getitem__)


def of_fewer_pixels(image: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def by_pillow(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def rows_covered(name: str, severity: int) -> int:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    return int((corrupted(noise, name, severity, "a") != noise).any(axis=1).sum())


MEASURED: dict[str, Callable[[str, int], float]] = {
    "noise": lambda *made: corrupted(np.full((SIDE, SIDE), 128, np.uint8), *made, "a").std() / 255,
    "blur": lambda *made: np.sqrt(edge_variance(*made) / 2) / SIDE,
    # That of a line is its length squared over 12, and that of its width, a pixel, the same; its ends are round.
    "motion-blur": lambda *made: (np.sqrt(12 * edge_variance(*made) - 1) - 0.75) / SIDE,
    "low-resolution": lambda *made: nearest(*made, of_fewer_pixels, range(1, 48)) / 48,
    "jpeg": lambda *made: nearest(*made, by_pillow, range(1, 41)),
    "dark": slope,
    "low-contrast": slope,
    "rotation": lambda *made: np.degrees(abs(np.arctan2(*spot_moved(*made, 60)))),
    "shift": lambda *made: np.hypot(*spot_moved(*made, 0)) / (SIDE + 1),
    "upper-covered": lambda *made: rows_covered(*made) / SIDE,
    "lower-covered": lambda *made: rows_covered(*made) / SIDE,
}
FACES_1 = {
    "noise": (0.03, 0.06, 0.09, 0.13, 0.18),
    "blur": (0.01, 0.015, 0.02, 0.03, 0.04),
    "motion-blur": (0.06, 0.1, 0.15, 0.2, 0.3),
    "low-resolution": (32 / 48, 24 / 48, 16 / 48, 12 / 48, 8 / 48),
    "jpeg": (25, 18, 15, 10, 7),
    "dark": (0.6, 0.4, 0.25, 0.15, 0.08),
    "low-contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "rotation": (10, 20, 30, 40, 50),
    "shift": (0.05, 0.1, 0.15, 0.2, 0.25),
    "upper-covered": (0.1, 0.2, 0.3, 0.4, 0.5),
    "lower-covered": (0.1, 0.2, 0.3, 0.4, 0.5),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_as_much_worse_as_faces_1_says(name):
    assert (PROTOCOL, SEVERITIES) == ("faces-1", 5)
    measured = [MEASURED[name](name, severity) for severity in range(1, SEVERITIES + 1)]
    assert measured == pytest.approx(FACES_1[name], rel=0.02, abs=0.3 / SIDE if name == "motion-blur" else 0)


CHANGES = {
    "noise": (6.26, 12.51, 18.76, 26.94, 36.61),
    "blur": (0.37, 1.02, 1.72, 3.15, 4.24),
    "motion-blur": (1.96, 3.33, 4.87, 5.65, 5.54),
    "low-resolution": (1.33, 1.91, 3.19, 4.63, 5.70),
    "jpeg": (2.64, 3.34, 3.81, 5.13, 6.81),
    "dark": (53.78, 80.70, 100.86, 114.30, 123.73),
    "low-contrast": (23.55, 27.47, 31.40, 35.32, 37.27),
    "rotation": (10.77, 16.50, 23.10, 29.86, 36.66),
    "shift": (6.70, 10.95, 11.63, 10.28, 10.43),
    "upper-covered": (3.91, 7.84, 11.86, 15.81, 19.71),
    "lower-covered": (4.21, 8.14, 11.91, 15.70, 19.53),
}
"""Mean change of a pixel, gray levels, by severity, of the picture below, as when records were published."""


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_changes_as_it_did_when_records_were_published(name):
    down, across = np.mgrid[:60, :48] / 60
    coarse = 70 * np.cos(np.pi * (across + 0.3 * down)) + 20 * np.sin(np.pi * down)
    fine = 14 * np.sin(14 * np.pi * across + 1) * np.sin(10 * np.pi * down)
    picture = np.rint(128 + coarse + fine).astype(np.uint8)
    made = [corrupted(picture, name, severity, "a").astype(int) for severity in range(1, SEVERITIES + 1)]
    # Another version of a library may round, or compress, a little differently.
    assert [np.abs(each - picture).mean() for each in made] == pytest.approx(CHANGES[name], rel=0.02, abs=0.02)


@pytest.mark.parametrize("size", [32, 48, 64])
def test_pictures_as_they_are_are_those_that_evaluate_takes(trained, size):
    rows = trained.prepared.indices("test")[:5]
    images = CorruptedImages(dataset=trained.prepared, size=size, corruption="", severity=0)
    np.testing.assert_array_equal(images[rows], trained.prepared.at_size(size)[rows])
    assert len(images) == len(trained.prepared.images)
    worse = CorruptedImages(dataset=trained.prepared, size=size, corruption="dark", severity=5)[rows]
    assert worse.max() <= 255 * 0.08 + 1


def test_the_record_counts_what_evaluate_counts_and_every_condition(trained, record):
    assert record.confusion_matrix == trained.record.confusion_matrix
    assert (record.corruptions, record.protocol, record.severities) == (tuple(NAMES), PROTOCOL, SEVERITIES)
    assert record.complete
    labels = trained.prepared.labels[trained.prepared.indices("test")]
    right = trained.kept.argmax(axis=1) == labels
    assert record.right == "".join("1" if one else "0" for one in right)
    assert testing.tested(trained.workspace, subject_of(trained.run), trained.prepared) == record
    # The mean gray of a whole picture says nothing: the model cannot do as well as on the pictures as they are.
    dark = record.results[NAMES.index("dark")].confusion_matrices[-1]
    assert metrics.accuracy(dark) < metrics.accuracy(record.confusion_matrix)


def test_an_interrupted_test_goes_on_where_it_was_and_ends_alike(trained, record, monkeypatch):
    path = records.path_of(trained.workspace.results.records, record)
    path.unlink()
    whole = CorruptedImages.__getitem__

    def until_the_fourth(self, rows):
        if self.corruption == NAMES[3]:
            raise KeyboardInterrupt
        return whole(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(CorruptedImages, "__getitem__", until_the_fourth)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - TensorFlow makes an error of its own of it
            run_test(trained)
    begun = records.load(path, RobustnessRecord)
    assert [result.corruption for result in begun.results] == NAMES[:3]
    assert not begun.complete
    assert testing.tested(trained.workspace, subject_of(trained.run), trained.prepared) is None
    assert select(trained.workspace.results).robustness == ()
    asked: list[str] = []

    def counted(self, rows):
        asked.append(self.corruption)
        return whole(self, rows)

    monkeypatch.setattr(CorruptedImages, "__getitem__", counted)
    said: list[tuple[int, int]] = []
    again = run_test(trained, said)
    assert set(asked) == set(NAMES[3:])
    assert again == record
    known = record.n * (1 + 3 * SEVERITIES)
    assert said[0] == (known, known)
    assert said[-1] == (record.n * CONDITIONS, known)


def test_a_test_that_goes_on_elsewhere_names_both_places(trained, record):
    path = records.path_of(trained.workspace.results.records, record)
    elsewhere = dataclasses.replace(record.environment, processor="another", created="2020-01-01T00:00:00Z")
    begun = dataclasses.replace(record, results=record.results[:-1], environment=elsewhere)
    records.save(trained.workspace.results.records, begun)
    again = run_test(trained)
    assert again.results == record.results
    assert (again.environment, again.earlier_environments) == (record.environment, (elsewhere,))
    assert records.load(path, RobustnessRecord) == again
    # In the same place it is one.
    same = dataclasses.replace(record.environment, created="2020-01-01T00:00:00Z")
    records.save(trained.workspace.results.records, dataclasses.replace(begun, environment=same))
    assert run_test(trained).earlier_environments == ()


def test_the_record_names_the_corruptions_of_the_training_images(trained):
    assert subject_of(trained.run).trained_on == ()
    content = {**trained.run.recipe_content, "augmentation": {"rotation": 3.0}}  # As older records have it.
    assert subject_of(dataclasses.replace(trained.run, recipe_content=content)).trained_on == ()
    content["augmentation"]["corruptions"] = ["blur", "noise"]
    assert subject_of(dataclasses.replace(trained.run, recipe_content=content)).trained_on == ("blur", "noise")


def test_the_command_prints_what_the_record_says_and_does_it_once(trained, record, monkeypatch):
    monkeypatch.setattr(Network, "predict", None)  # Nothing is answered again.
    result = command(trained)
    assert result.exit_code == 0, result.output
    assert "synthetic faces" in result.stdout
    lines = {line.split("  ")[0]: line.split()[-1] for line in result.stdout.splitlines() if line}
    assert lines["as they are"] == f"{100 * trained.record.accuracy:.1f}"
    for name, found in zip(NAMES, record.results, strict=True):
        mean = np.mean([metrics.accuracy(matrix) for matrix in found.confusion_matrices])
        assert lines[name] == f"{100 * mean:.1f}"
    told = json.loads(command(trained, "--json").stdout)
    (model,) = told["models"]
    assert told["origin"] == "synthetic"
    assert list(model["accuracy_under"]) == NAMES
    means = [np.mean(values) for values in model["accuracy_under"].values()]
    assert model["mean_under_corruptions"]["value"] == pytest.approx(np.mean(means))
    assert model["lost"] == [pytest.approx(trained.record.accuracy - np.mean(means))]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--model", "tiny"), "a model is named twice"),
        (("--on", "ck-plus"), "ck-plus"),
        (("--dataset", "fer2013+raf-db"), "name one of them by --on: fer2013, raf-db"),
        (("--seed", "3"), "has not been trained"),
    ],
)
def test_what_cannot_be_tested_is_refused(trained, more, said):
    result = command(trained, *more)
    assert isinstance(result.exception, FerBenchError)
    assert said in str(result.exception)


def test_trained_again_it_is_tested_again_and_no_table_shows_the_old_test(trained, record, tmp_path: Path):
    other = dataclasses.replace(trained.run, weights_sha256="0" * 64)
    assert testing.tested(trained.workspace, subject_of(other), trained.prepared) is None
    results = make.results_in(tmp_path)
    run = make.train_record("clcm", "fer2013")
    records.save(results.records, run)
    made = save(results, "clcm")
    assert select(results).robustness == (made,)
    records.save(results.records, dataclasses.replace(run, weights_sha256="0" * 64))
    assert select(results).robustness == ()


def test_show_draws_one_image_under_every_corruption(trained):
    place = trained.workspace
    result = CliRunner().invoke(app, ["show", "fer2013", "--corrupted", "--workspace", str(place.root)])
    assert result.exit_code == 0, result.output
    path = place.contact_sheet("fer2013-corrupted")
    assert path.read_bytes().startswith(b"\x89PNG")
    draw_corrupted(trained.prepared, place.root / "other.png", seed=1)
    assert (place.root / "other.png").read_bytes() != path.read_bytes()
    refused = CliRunner().invoke(app, ["show", "fer2013", "--corrupted", "--each", "2", "--workspace", str(place.root)])
    assert "--corrupted draws one image" in str(refused.exception)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n": 70}, "n says 70"),
        ({"right": "1"}, "right has 1 characters"),
        ({"right": "²" * 7178}, "expected 7178 digits from 0 to 1"),
        ({"right": "0" * 7178}, "right counts 0 right answers"),
        ({"corruptions": ("blur", "noise")}, "results of noise, blur"),
        ({"corruptions": ("noise", "noise")}, "expected, in this order and each once"),
        ({"severities": 4}, "expected one for each of the 4 severities"),
        ({"subjects": (0, 1)}, "subjects names 2 images"),
        ({"confusion_matrix": ((7178,),)}, "not a matrix of 7 x 7"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(tmp_path: Path, change, said):
    made = dataclasses.replace(make.robustness_record("clcm", "fer2013", "fer2013"), **change)
    path = records.save(tmp_path, made)
    with pytest.raises(FerBenchError, match=said):
        records.load(path, RobustnessRecord)


def test_intervals_are_students_and_by_subject_where_the_test_set_names_them():
    stats = pytest.importorskip("statsmodels.stats.weightstats")
    alone = Robustness((make.robustness_record("clcm", "fer2013", "ck-plus"),))
    low, high = stats.DescrStatsW(alone.image_under(alone.first.corruptions)).tconfint_mean()
    found = interval(alone)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.value == pytest.approx(alone.corrupted[0])
    people = tuple(number // 24 for number in range(432))
    grouped = Robustness((make.robustness_record("clcm", "fer2013", "ck-plus", subjects=people),))
    import statsmodels.api as sm

    fitted = sm.OLS(grouped.image_under(grouped.first.corruptions), np.ones(432)).fit()
    robust = fitted.get_robustcov_results("cluster", groups=np.array(people), use_t=True)
    assert interval(grouped).low == pytest.approx(robust.conf_int()[0][0], abs=1e-9)
    assert interval(grouped).high - interval(grouped).low > 1.5 * (high - low)


def test_models_are_compared_image_by_image():
    a, b = (Robustness((make.robustness_record(name, "fer2013", "fer2013"),)) for name in ("clcm", "mobilenetv2"))
    there, back = difference(a, b), difference(b, a)
    assert there.corrupted.value == pytest.approx(a.corrupted[0] - b.corrupted[0])
    assert there.lost.value == pytest.approx(a.lost[0] - b.lost[0])
    assert (there.lost.low, there.lost.high) == pytest.approx((-back.lost.high, -back.lost.low))
    both = Robustness((*a.runs, make.robustness_record("clcm", "fer2013", "fer2013", seed=1)))
    assert interval(both).value == pytest.approx(np.mean(both.corrupted))
    (run,) = b.runs
    others = [
        make.robustness_record("mobilenetv2", "raf-db", "raf-db"),
        dataclasses.replace(run, target_fingerprint="f" * 64),
        dataclasses.replace(run, protocol="faces-0"),
    ]
    for other in others:
        with pytest.raises(FerBenchError, match="these are other pictures"):
            difference(a, Robustness((other,)))


def save(results, model: str, **more) -> RobustnessRecord:
    made = make.robustness_record(model, "fer2013", "fer2013", **more)
    records.save(results.records, made)
    return made


def test_table_and_figure_hold_the_records_and_go_with_them(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    assert len(build_tables(select(results))) == 11
    made = [save(results, "clcm"), save(results, "clcm", seed=1), save(results, "mobilenetv2")]
    evidence = select(results)
    table = build_tables(evidence)[-1]
    assert (table.name, table.number) == ("robustness", 0)
    grid, differences = table.blocks
    assert [column.title for column in grid.columns] == ["Pictures", "MobileNetV2", "CLCM"]
    rows = {row[0].text: row[1:] for row in grid.rows}
    clcm = [100 * metrics.accuracy(record.results[1].confusion_matrices[0]) for record in made[:2]]
    cell = rows["blur"][1]
    assert isinstance(cell, Number)
    assert (cell.value, cell.sd) == (pytest.approx(np.mean(clcm)), pytest.approx(np.std(clcm, ddof=1)))
    assert rows["lost, points"][0].value == pytest.approx(
        rows["as they are"][0].value - rows["mean of the corruptions"][0].value
    )
    ((_, *shown),) = differences.rows  # MobileNetV2 is right more often: CLCM less that.
    expected = difference(Robustness(tuple(made[:2])), Robustness((made[2],)))
    assert [shown[0].value, shown[2].value, shown[4].value] == pytest.approx(
        [100 * one.value for one in (expected.clean, expected.corrupted, expected.lost)]
    )
    assert (shown[5].low, shown[5].high) == pytest.approx((100 * expected.lost.low, 100 * expected.lost.high))
    (drawing,) = [one for one in build_figures(evidence) if one.name.startswith("robustness-")]
    assert drawing.name == f"robustness-fer2013-on-fer2013-{make.RECIPE}"
    assert [panel.corruption for panel in drawing.panels] == ["noise", "blur", "mean of these"]
    clean = 100 * right_answers(made[:2]).mean()
    assert drawing.panels[1].lines[1].accuracies[:2] == pytest.approx((clean, np.mean(clcm)), abs=1e-3)
    assert drawing.chance == pytest.approx(100 * 1774 / 7178, abs=1e-3)  # Always happy.
    assert drawing.caption.endswith("Lines are means over the seeds.")
    assert [cell.best for cell in rows["as they are"]] == [True, False]
    note = "The corruptions, with their strengths from severity 1 to 5: noise: "
    assert any(one.startswith(note) for one in table.notes)
    records.save(results.records, dataclasses.replace(made[2], protocol="faces-0"))  # Whose strengths nobody knows now.
    assert not any(one.startswith(note) for one in build_tables(select(results))[-1].notes)
    write_tables(build_tables(evidence), results.tables)
    assert (results.tables / "robustness.md").is_file()
    for record in made:
        records.path_of(results.records, record).unlink()
    left = build_tables(select(results))
    assert "stale: no such table" in check_tables(left, results.tables)
    write_tables(left, results.tables)
    assert not list(results.tables.glob("robustness.*"))


def test_a_model_that_always_gives_one_answer_is_best_of_nothing(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    save(results, "clcm")
    support = make.SUPPORT["fer2013"]
    happy = tuple(tuple(images if answer == 3 else 0 for answer in range(7)) for images in support)
    right = "".join(("1" if label == 3 else "0") * images for label, images in enumerate(support))
    constant = make.robustness_record("mobilenetv2", "fer2013", "fer2013")
    worse = [
        dataclasses.replace(result, confusion_matrices=(happy,) * 5, right=right.replace("1", "5"))
        for result in constant.results
    ]
    constant = dataclasses.replace(constant, confusion_matrix=happy, right=right, results=tuple(worse))
    records.save(results.records, constant)
    rows = {row[0].text: row[1:] for row in build_tables(select(results))[-1].blocks[0].rows}
    other, clcm = rows["blur"]
    assert other.value > clcm.value
    assert [cell.best for cell in rows["blur"]] == [False, False]
    assert [cell.best for cell in rows["as they are"]] == [False, True]


def test_runs_stand_in_the_order_of_their_seeds(tmp_path: Path):
    results = make.results_in(tmp_path)
    for seed in (10, 2):  # Not that of their files' names, ...s10.json and ...s2.json.
        make.save_run(results, "clcm", "fer2013", seed=seed)
        save(results, "clcm", seed=seed)
    (note,) = [note for note in build_tables(select(results))[-1].notes if "CLCM seed" in note]
    assert "CLCM seed 2, 10;" in note


def test_corruptions_of_the_training_images_are_marked_and_a_mean_leaves_them_out(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    made = [save(results, model, trained_on=("noise",)) for model in ("clcm", "mobilenetv2")]
    evidence = select(results)
    table = build_tables(evidence)[-1]
    grid, differences = table.blocks
    rows = {row[0].text: row[1:] for row in grid.rows}
    assert list(rows)[1:3] == ["noise, trained on", "blur"]
    assert [cell.value for cell in rows["mean of those not trained on"]] == [cell.value for cell in rows["blur"]]
    for cell, record in zip(rows["its 95 % interval"], reversed(made), strict=True):  # The last row of that name.
        values = 100 * right_answers([record], "blur")
        assert_mean({"value": values.mean(), "low": cell.low, "high": cell.high}, values)
    assert "but for the corruptions marked so" in table.notes[0]
    assert [column.group for column in differences.columns[1::2]] == [
        "as they are", "mean of the corruptions", "mean of those not trained on", "lost",
    ]  # fmt: skip
    ((_, *shown),) = differences.rows  # CLCM has the higher mean here.
    clcm, other = (Robustness((one,)) for one in made)
    assert shown[4].value == pytest.approx(100 * difference(other, clcm).under["blur"].value)
    (drawing,) = [one for one in build_figures(evidence) if one.name.startswith("robustness-")]
    assert "Some training images had noise, none another corruption" in drawing.caption
    assert [panel.corruption for panel in drawing.panels] == ["noise, trained on", "blur", "mean of these"]
    # A model by a recipe without any shares no block with it, and says so.
    assert untrained((clcm, Robustness((save(results, "shufflenetv2"),)))) == ("blur",)
    assert untrained((Robustness((save(results, "shufflenetv2"),)),)) == ()


def test_runs_of_several_recipes_are_drawn_together(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    made = [save(results, model) for model in ("clcm", "shufflenetv2")]

    def drawn():
        return [one for one in build_figures(select(results)) if one.name.startswith("corrupted-runs-")]

    assert drawn() == [], "one recipe has its curves"
    run = make.train_record("clcm", "fer2013", recipe="worse-89abcdef")
    records.save(results.records, run)
    other = make.robustness_record("clcm", "fer2013", "fer2013", recipe=run.recipe, seed=3, trained_on=("noise",))
    made.append(dataclasses.replace(other, seed=0, weights_sha256=run.weights_sha256))
    for change in ({"target_fingerprint": "f" * 64}, {"protocol": "faces-0"}):
        records.save(results.records, dataclasses.replace(made[-1], **change))
        assert drawn() == [], "these are other pictures"
    records.save(results.records, made[-1])
    (drawing,) = drawn()
    assert drawing.name == "corrupted-runs-fer2013-on-fer2013"
    assert drawing.columns == ("as they are", "noise", "blur", "mean of these")
    rows = {(row.model.name, row.recipe): row for row in drawing.rows}
    assert set(rows) == {("clcm", make.RECIPE), ("shufflenetv2", make.RECIPE), ("clcm", "worse-89abcdef")}
    for record in made:
        row, one = rows[record.model, record.recipe], Robustness((record,))
        shown = [one.clean[0], one.under("noise")[0], one.under("blur")[0], one.corrupted[0]]
        assert row.accuracies == pytest.approx([100 * value for value in shown], abs=1e-3)
        assert row.trained_on == record.trained_on
        assert row.start == ("random" if record.model == "shufflenetv2" else "ImageNet")
    assert [row.start for row in drawing.rows] == ["ImageNet", "ImageNet", "random"]
    best = sorted((made[0], made[2]), key=lambda one: -right_answers([one], "noise", "blur").mean())
    assert [row.recipe for row in drawing.rows[:2]] == [one.recipe for one in best]
    assert "* trained on" in drawing.caption
    assert "but for the corruptions marked so" in build_tables(select(results))[-1].notes[0]
    figure = drawing.draw()
    assert sum(text.get_text().endswith("*") for text in figure.axes[0].texts) == 1


def compared(folder: Path, *more: str):
    return CliRunner().invoke(app, ["compare", *more, "--workspace", str(folder)], terminal_width=200)


def save_tested(
    results, recipe: str, seed: int = 0, trained_on: tuple[str, ...] = (), model: str = "clcm"
) -> RobustnessRecord:
    """Write a run, its test, and its test on worse pictures: the mildest noise changes no answer."""
    records.save(results.records, make.train_record(model, "fer2013", recipe=recipe, seed=seed))
    answers = seed + 3 if trained_on else seed  # Those of another seed, or recipes would not differ.
    made = make.robustness_record(model, "fer2013", "fer2013", recipe=recipe, seed=answers, trained_on=trained_on)
    test = make.eval_record(model, "fer2013", "fer2013", recipe=recipe, seed=seed, matrix=made.confusion_matrix)
    make.save_eval(results, test)
    noise, blur = made.results
    milder = dataclasses.replace(
        noise,
        confusion_matrices=(made.confusion_matrix, *noise.confusion_matrices[1:]),
        right="".join("5" if worse == "5" else right for right, worse in zip(made.right, noise.right, strict=True)),
    )
    made = dataclasses.replace(
        made,
        seed=seed,
        weights_sha256=test.weights_sha256,
        target_fingerprint=test.target_fingerprint,
        results=(milder, blur),
    )
    records.save(results.records, made)
    return made


def right_answers(runs: list[RobustnessRecord], *corruptions: str) -> np.ndarray:
    """Return how often each image was answered right, a fraction, the mean of runs: as it is, or under corruptions."""
    found = [[int(digit) for digit in run.right] for run in runs]
    if corruptions:
        results = [result for run in runs for result in run.results if result.corruption in corruptions]
        found = [[int(digit) / 5 for digit in result.right] for result in results]
    return np.mean(found, axis=0)


def assert_mean(told: dict, values: np.ndarray) -> None:
    low, high = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert [told[key] for key in ("value", "low", "high")] == pytest.approx([values.mean(), low, high])


def test_compare_tells_what_the_answers_of_all_seeds_give(tmp_path: Path):
    results = make.results_in(tmp_path)
    a = [save_tested(results, "paper-0123abcd", seed) for seed in (0, 1)]
    b = [save_tested(results, "worse-89abcdef", seed, ("noise",)) for seed in (0, 1)]
    result = compared(tmp_path, "clcm@paper", "clcm@worse", "--dataset", "fer2013", "--corrupted", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    for model, runs in zip(told["models"], (a, b), strict=True):
        assert model["seeds"] == [0, 1]
        clean = [right_answers([run]).mean() for run in runs]
        worse = [right_answers([run], "noise", "blur").mean() for run in runs]
        assert model["accuracy"] == pytest.approx(clean)
        assert model["lost"] == pytest.approx(np.subtract(clean, worse))
        mildest, *others = model["accuracy_under"]["noise"]
        assert mildest == pytest.approx(np.mean(clean))
        assert (mildest + sum(others)) / 5 == pytest.approx(right_answers(runs, "noise").mean())
        assert_mean(model["mean_under_corruptions"], right_answers(runs, "noise", "blur"))
        assert_mean(model["mean_under_those_not_trained_on"], right_answers(runs, "blur"))
    (pair,) = told["differences"]
    assert (pair["first"], pair["second"]) == ("clcm@paper", "clcm@worse")
    clean, worse, blurred = (
        right_answers(a, *names) - right_answers(b, *names) for names in ((), ("noise", "blur"), ("blur",))
    )
    assert_mean(pair["clean"], clean)
    assert_mean(pair["corrupted"], worse)
    assert_mean(pair["lost"], clean - worse)
    assert_mean(pair["under"]["blur"], blurred)
    assert_mean(pair["untrained"], blurred)


def test_compare_prints_what_it_tells_as_json(tmp_path: Path):
    results, words = make.results_in(tmp_path), ["--dataset", "fer2013", "--corrupted"]
    for seed in (0, 1):
        save_tested(results, "paper-0123abcd", seed)
        save_tested(results, "worse-89abcdef", seed, ("noise",))
        save_tested(results, "paper-0123abcd", seed, model="mobilenetv2")

    def found(*models: str) -> tuple[dict, dict[str, list[str]]]:
        lines = compared(tmp_path, *models, *words).stdout.splitlines()
        cells = [re.split(" {2,}", line.strip()) for line in lines]
        return json.loads(compared(tmp_path, *models, *words, "--json").stdout), {row[0]: row[1:] for row in cells}

    def printed(told: dict, sign: str = "") -> str:
        value, low, high = (f"{100 * told[key]:{sign}z.1f}" for key in ("value", "low", "high"))
        return f"{value} ({low} to {high})"

    def row(key: str, told: dict, mark: str = "") -> list[str]:
        values = [model[key] if key in model else model["accuracy_under"][key] for model in told["models"]]
        marks = [mark if model["trained_on"] else "" for model in told["models"]]
        return [f"{100 * np.mean(some):.1f}{star}" for some, star in zip(values, marks, strict=True)]

    told, rows = found("clcm@paper", "clcm@worse")
    (pair,) = told["differences"]
    assert rows["as they are"] == [*row("accuracy", told), printed(pair["clean"], "+")]
    assert rows["noise"] == [*row("noise", told, "*"), printed(pair["under"]["noise"], "+")]
    assert rows["blur"] == [*row("blur", told), printed(pair["under"]["blur"], "+")]
    for name, mean, key in (
        ("mean of these", "mean_under_corruptions", "corrupted"),
        ("mean of those not trained on", "mean_under_those_not_trained_on", "untrained"),
    ):
        assert rows[name] == [*(printed(model[mean]) for model in told["models"]), printed(pair[key], "+")]
    assert rows["lost"] == [*row("lost", told), printed(pair["lost"], "+")]
    told, rows = found("clcm@paper", "clcm@worse", "mobilenetv2@paper")
    assert rows["lost"] == row("lost", told)
    for pair in told["differences"]:
        parts = [printed(pair[key], "+") for key in ("clean", "corrupted", "untrained", "lost")]
        assert rows[f"{pair['first']} - {pair['second']}"] == parts


def test_compare_takes_two_recipes_on_worse_pictures(tmp_path: Path):
    results = make.results_in(tmp_path)
    made = [save_tested(results, "paper-0123abcd"), save_tested(results, "worse-89abcdef", trained_on=("noise",))]
    words = ("clcm@paper", "clcm@worse", "--dataset", "fer2013", "--corrupted")
    result = compared(tmp_path, *words)
    assert result.exit_code == 0, result.output
    lines = {line.split("  ")[0]: line.split() for line in result.stdout.splitlines() if line}
    found = difference(*(Robustness((one,)) for one in made), ["blur"])
    assert lines["pictures"][1:] == ["clcm@paper", "clcm@worse", "clcm@paper", "-", "clcm@worse"]
    assert lines["noise"][2].endswith("*")
    assert not lines["blur"][2].endswith("*")
    assert f"{100 * found.under['blur'].value:+.1f}" in lines["blur"]
    assert "* trained on" in result.stdout
    result = compared(tmp_path, *words, "--json")
    told = json.loads(result.stdout)
    (pair,) = told["differences"]
    assert (pair["first"], pair["second"], told["not_trained_on"]) == ("clcm@paper", "clcm@worse", ["blur"])
    assert pair["untrained"]["value"] == pytest.approx(found.under["blur"].value)
    make.save_eval(results, make.eval_record("clcm", "fer2013", "fer2013", recipe="paper-0123abcd", seed=1))
    assert "Seeds left out, since not every model has them: 1." in compared(tmp_path, *words).stdout
    refused = compared(tmp_path, *words, "--by", "age")
    assert "give one" in str(refused.exception)
    records.save(results.records, dataclasses.replace(made[1], results=made[1].results[:1]))
    refused = compared(tmp_path, *words)
    assert isinstance(refused.exception, FerBenchError)
    again = f"run fer-bench robustness --model clcm --dataset fer2013 --recipe {made[1].recipe} --seed 0"
    assert "not finished" in str(refused.exception)
    assert again in str(refused.exception)
    records.save(results.records, dataclasses.replace(made[1], protocol="faces-0"))
    assert "by other corruptions (faces-0) than those of now" in str(compared(tmp_path, *words).exception)
    records.save(results.records, dataclasses.replace(made[1], weights_sha256="0" * 64))
    assert "of other weights" in str(compared(tmp_path, *words).exception)
    for record in made:  # The same pictures, but not those of evaluate.
        records.save(results.records, dataclasses.replace(record, target_fingerprint="0" * 64))
    assert str(compared(tmp_path, *words).exception).count("another state of fer2013, than evaluate's") == 2
    for record in made:
        records.path_of(results.records, record).unlink()
    told = str(compared(tmp_path, *words).exception).splitlines()
    assert [
        (record.recipe in line, "no test on worse pictures" in line) for record, line in zip(made, told, strict=True)
    ] == [(True, True)] * 2


def test_what_was_not_tested_on_worse_pictures_is_named_with_the_command_for_it(tmp_path: Path):
    results, models = make.results_in(tmp_path), ("clcm", "mobilenetv2")
    for model in models:
        make.save_run(results, model, "fer2013", seed=1)
    told = str(compared(tmp_path, *models, "--dataset", "fer2013", "--on", "ck-plus", "--corrupted").exception)
    for model, line in zip(models, told.splitlines(), strict=True):
        command = f"--model {model} --dataset fer2013 --on ck-plus --recipe {make.RECIPE} --seed 1"
        assert line.endswith(f"run fer-bench robustness {command} --workspace {tmp_path}")
    for model in ("a-net", "their-net"):
        test = dataclasses.replace(make.eval_record(model, "external", "ck-plus"), dataset_fingerprint="")
        origin = External(sha256=test.weights_sha256, labels=("angry",), input="48 x 48")
        make.save_eval(results, dataclasses.replace(test, external=origin))
    told = str(compared(tmp_path, "a-net", "their-net", "--on", "ck-plus", "--corrupted").exception)
    assert told.endswith(f"run fer-bench robustness --model their-net --dataset ck-plus --workspace {tmp_path}")


def test_recipes_and_states_of_a_dataset_never_share_a_block():
    one = make.robustness_record("clcm", "fer2013", "fer2013")
    others = [
        dataclasses.replace(one, recipe="cpu48-0123abcd"),
        dataclasses.replace(one, backend="jax"),
        dataclasses.replace(one, target_fingerprint="f" * 64),
        dataclasses.replace(one, dataset_fingerprint="f" * 64),
        dataclasses.replace(one, protocol="faces-2"),
        dataclasses.replace(one, target="ck-plus"),
    ]
    assert len(robustness_blocks([one, *others])) == 1 + len(others)


@pytest.mark.parametrize("field", ["dataset_fingerprint", "target_fingerprint", "protocol"])
def test_blocks_of_one_recipe_say_what_tells_them_apart(field: str):
    one, other = (make.robustness_record(model, "fer2013", "fer2013") for model in ("clcm", "shufflenetv2"))
    other = dataclasses.replace(other, **{field: "f" * 64})
    apart = {block.first.model: block.apart for block in robustness_blocks([one, other])}
    short = 64 if field == "protocol" else 12
    assert apart == {"clcm": (getattr(one, field)[:short],), "shufflenetv2": ("f" * short,)}


def test_titles_and_files_of_one_recipe_on_two_backends_say_which(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    for recipe in (make.RECIPE, "cpu48-0123abcd"):
        for model, backend in (("clcm", "jax"), ("shufflenetv2", "tensorflow")):
            run = dataclasses.replace(make.train_record(model, "fer2013", recipe=recipe), backend=backend)
            made = dataclasses.replace(save(results, model, recipe=recipe), backend=backend)
            records.save(results.records, run)
            records.save(results.records, made)
    evidence = select(results)
    drawn = [one for one in build_figures(evidence) if "fer2013-on-fer2013" in one.name and "corrupted" in one.title]
    ends = {f"{recipe}-{backend}" for recipe in (make.RECIPE, "cpu48-0123abcd") for backend in ("jax", "tensorflow")}
    curves, runs = "robustness-fer2013-on-fer2013", "corrupted-runs-fer2013-on-fer2013"
    assert {one.name for one in drawn} == {*(f"{curves}-{end}" for end in ends), f"{runs}-jax", f"{runs}-tensorflow"}
    assert len({one.title for one in drawn}) == len(drawn)
    titles = [block.title for block in build_tables(evidence)[-1].blocks]
    assert sorted(titles)[:2] == [f"FER-2013 test set, recipe cpu48-0123abcd, {name}" for name in ("jax", "tensorflow")]
    assert len(set(titles)) == len(titles)


def external(target: str) -> RobustnessRecord:
    made = make.robustness_record("their-net", "fer2013", target)
    origin = External(sha256=make.digest("file"), labels=("angry",), input="48 x 48", trained_on="FER+")
    return dataclasses.replace(
        made,
        dataset="external",
        dataset_fingerprint="",
        external=origin,
        weights_sha256=origin.sha256,
        backend="onnxruntime",
    )


def test_external_models_stand_beside_all_that_saw_the_same_pictures(tmp_path: Path):
    own = make.robustness_record("clcm", "fer2013", "fer2013")
    other = dataclasses.replace(own, recipe="cpu48-0123abcd")
    theirs = [external("fer2013"), external("ck-plus"), dataclasses.replace(external("raf-db"), model="a-net")]
    found = robustness_blocks([own, other, *theirs])
    named = [(block.dataset, block.target, [one.first.model for one in block.models]) for block in found]
    assert named == [
        ("fer2013", "fer2013", ["clcm", "their-net"]),
        ("fer2013", "fer2013", ["clcm", "their-net"]),
        ("external", "ck-plus", ["their-net"]),
        ("external", "raf-db", ["a-net"]),
    ]
    results = make.results_in(tmp_path)
    make.save_partial(results)
    records.save(results.records, own)
    for target in ("fer2013", "ck-plus"):
        records.save(results.records, external(target))
    evidence = select(results)
    table = build_tables(evidence)[-1]
    assert [block.title for block in table.blocks] == [
        f"FER-2013 test set, recipe {make.RECIPE}",
        f"FER-2013 test set, recipe {make.RECIPE}: less CLCM",
        "CK+ test set, external models",
    ]
    assert [column.title for column in table.blocks[0].columns] == ["Pictures", "CLCM", "their-net †"]
    assert sum(note.startswith("† their-net: external ONNX model") for note in table.notes) == 1
    drawn = [one for one in build_figures(evidence) if one.name.startswith("robustness-")]
    assert [one.name for one in drawn] == [
        f"robustness-fer2013-on-fer2013-{make.RECIPE}",
        "robustness-external-on-ck-plus",
    ]


def test_two_files_under_one_name_are_not_mixed(tmp_path: Path):
    results = make.results_in(tmp_path)
    records.save(results.records, external("ck-plus"))
    records.save(results.records, dataclasses.replace(external("fer2013"), recipe="onnx-ffffffff"))
    with pytest.raises(FerBenchError, match="the external model their-net is another one in robustness/"):
        select(results)


def test_a_test_on_synthetic_faces_stands_in_no_table_of_real_ones(tmp_path: Path):
    results = make.results_in(tmp_path)
    make.save_partial(results)
    shown = save(results, "clcm")
    records.save(results.records, dataclasses.replace(external("ck-plus"), origin="synthetic"))
    assert select(results).robustness == (shown,)
    # Where there is nothing else, tables hold it and say what it is.
    alone = make.results_in(tmp_path / "alone")
    records.save(alone.records, dataclasses.replace(external("ck-plus"), origin="synthetic"))
    table = build_tables(select(alone))[-1]
    assert (table.name, table.synthetic) == ("robustness", True)


def test_only_finished_tests_are_published(tmp_path: Path):
    source, published = make.results_in(tmp_path / "workspace"), make.results_in(tmp_path / "reports")
    make.save_partial(source)
    whole = save(source, "clcm")
    begun = dataclasses.replace(save(source, "mobilenetv2"), results=whole.results[:1])
    records.save(source.records, begun)
    assert select(source).robustness == (whole,)
    publish(source, published)
    assert records.load_all(published.records, RobustnessRecord) == [whole]


def test_subjects_of_the_test_set_are_in_the_record(prepared_root):
    target = Prepared.load(prepared_root / "datasets" / "ck-plus")
    rows = target.indices("test")
    run = make.train_record("clcm", "fer2013", origin="synthetic")
    labels = np.asarray(target.labels)[rows].astype(np.int64)
    begun = testing._begun(subject_of(run), target, labels, labels.astype(np.intp), make.environment())
    groups = target.groups[rows]
    pairs = {(group, number) for group, number in zip(groups.tolist(), begun.subjects, strict=True)}
    assert len(pairs) == len(set(groups.tolist())) == len(set(begun.subjects)) < len(rows)
