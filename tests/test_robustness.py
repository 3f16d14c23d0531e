"""``fer-bench robustness``: a trained model on worse pictures, and the record of its answers."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import record_factory as make
from trained_tiny import Trained, trained_tiny
from typer.testing import CliRunner

from fer_bench import metrics, records
from fer_bench.cli import app
from fer_bench.corruptions import CORRUPTIONS, PROTOCOL, SEVERITIES
from fer_bench.datasets.prepared import Prepared
from fer_bench.errors import FerBenchError
from fer_bench.network import Network
from fer_bench.records import RobustnessRecord
from fer_bench.robustness import testing
from fer_bench.robustness.images import CorruptedImages
from fer_bench.robustness.sheet import draw_corrupted
from fer_bench.robustness.testing import CONDITIONS, subject_of
from fer_bench.selection import select

NAMES = list(CORRUPTIONS)


@pytest.fixture(scope="module")
def trained(configured, tmp_path_factory):
    with trained_tiny(tmp_path_factory.mktemp("robustness")) as found:
        yield found


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
    made = make.robustness_record("clcm", "fer2013", "fer2013")
    records.save(results.records, made)
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


def test_subjects_of_the_test_set_are_in_the_record(prepared_root):
    target = Prepared.load(prepared_root / "datasets" / "ck-plus")
    rows = target.indices("test")
    run = make.train_record("clcm", "fer2013", origin="synthetic")
    labels = np.asarray(target.labels)[rows].astype(np.int64)
    begun = testing._begun(subject_of(run), target, labels, labels.astype(np.intp), make.environment())
    groups = target.groups[rows]
    pairs = {(group, number) for group, number in zip(groups.tolist(), begun.subjects, strict=True)}
    assert len(pairs) == len(set(groups.tolist())) == len(set(begun.subjects)) < len(rows)
