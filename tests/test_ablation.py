"""Ablations: every variant trained, tested and shown; the choice made on validation alone."""

import dataclasses
import json
import pickle
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import study_fakes
from record_factory import eval_record, train_record
from study_fakes import InterruptionError, Trained, replace_training
from typer.testing import CliRunner

from fer_bench import stages
from fer_bench.ablation import Result, as_json, freezing, heads, to_table
from fer_bench.ablation import ablate as run_ablation
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.lookup import open_training
from fer_bench.models import model_card, model_cards
from fer_bench.presets import PRESETS
from fer_bench.records import Start
from fer_bench.studies import Study, missing_work
from fer_bench.training.checkpoint import Checkpoint, Progress, identity
from fer_bench.workers import Event
from fer_bench.workspace import Workspace

PAPER = PRESETS["paper"]


@pytest.fixture
def trained(monkeypatch) -> Trained:
    return replace_training(monkeypatch)


def ablate(workspace, kind: str, *more: str, model="clcm", dataset="fer2013"):
    arguments = ["ablate", kind, "-m", model, "-d", dataset, "--weights", "random", "-w", str(workspace.root)]
    arguments += ["--jobs", "1", *more]  # Other processes know none of the fakes.
    return CliRunner().invoke(app, arguments, catch_exceptions=False, terminal_width=200)


def test_freezing_goes_from_nothing_over_the_papers_ten_layers_to_the_whole_backbone():
    variants = freezing("clcm", PAPER)
    assert [variant.recipe.freeze_layers for variant in variants] == [0, 9, None, 27, 54, 116, 154]
    assert variants[2].title == "10 of 154 (the model's own)"
    assert variants[2].recipe is PAPER, "the paper's own depth is the run of the recipe itself"
    assert [variant.recipe.freeze_layers for variant in freezing("clcm", PAPER, (20, 0))] == [0, 20]
    again = freezing("clcm", PAPER.changed(freeze_layers=0), (0, 10))
    assert [variant.recipe.freeze_layers for variant in again] == [0, 10]
    with pytest.raises(FerBenchError, match="the backbone of clcm has only 154 layers"):
        freezing("clcm", PAPER, (155,))
    with pytest.raises(FerBenchError, match="shufflenetv2: no backbone"):
        freezing("shufflenetv2", PAPER)


def test_heads_share_backbone_and_start():
    variants = heads("clcm", PAPER)
    assert [(v.model, v.recipe.dropout) for v in variants] == [
        ("clcm", None),
        ("clcm", 0.0),
        ("clcm-128", None),
        ("clcm-plain", None),
    ]
    assert variants[0].recipe.id == PAPER.id
    assert all(v.model in v.recipe.pretrained for v in variants)
    # The recipe demo has no dropout: there the first two are told apart the other way round.
    without = heads("clcm", PRESETS["demo"])
    assert [v.recipe.dropout for v in without] == [None, 0.0, None, 0.0]
    assert not any(v.model in v.recipe.pretrained for v in without)
    with pytest.raises(FerBenchError, match="no other heads are known"):
        heads("shufflenetv2", PAPER)


def test_the_heads_of_a_card_are_models_with_that_dropout():
    for card in model_cards().values():
        for head in card.heads:
            other = model_card(head.model)
            assert head.dropout in (0, other.dropout)
            assert other.backbone == card.backbone
        if card.heads:
            assert (card.heads[0].model, card.heads[0].dropout) == (card.name, card.dropout)


def test_every_depth_is_reported_and_chosen_on_validation(workspace, trained):
    found = json.loads(ablate(workspace, "freezing", "--seeds", "2", "--json").stdout)
    assert [variant["freeze_layers"] for variant in found["variants"]] == [0, 9, None, 27, 54, 116, 154]
    assert len(trained) == 14
    assert all(len(variant["runs"]) == 2 for variant in found["variants"])
    tests = [variant["runs"][0]["test_accuracy"]["fer2013"] for variant in found["variants"]]
    chosen = [variant["chosen"] for variant in found["variants"]]
    assert tests.index(max(tests)) == 6
    assert chosen == [True] + [False] * 6
    markdown, latex, content = (Path(found["files"][end]).read_text("utf-8") for end in ("md", "tex", "json"))
    assert markdown.startswith("# CLCM on FER-2013: accuracy (%) by frozen layers (synthetic faces, demo)")
    assert len(re.findall(r"^\| \d+ of 154", markdown, re.MULTILINE)) == 7
    assert "Chosen on validation: 0 of 154." in markdown
    assert rf"\label{{tab:fer-bench-ablation-freezing-clcm-fer2013-{found['recipe']}}}" in latex
    assert json.loads(content)["variants"] == found["variants"]
    assert str(workspace.root) not in content


def test_the_notes_tell_the_protocol_and_the_weights(workspace, trained):
    found = json.loads(ablate(workspace, "freezing", "--freeze-layers", "0,10", "--seeds", "2", "--json").stdout)
    notes = Path(found["files"]["md"]).read_text("utf-8")
    recipe = PAPER.from_random()
    assert f"Recipe {recipe.id}, but for what the rows name: 224 px, {recipe.epochs} epochs, seeds 0, 1." in notes
    assert "start: random; backend" in notes
    study = Study(workspace, open_training(workspace, "fer2013"), ["clcm"], recipe, (0, 1), "random")
    results = run_ablation(study, freezing("clcm", recipe, (0, 10)))
    start = Start(kind="imagenet", source="mobilenet.h5", sha256=64 * "a")
    pretrained = [
        dataclasses.replace(result, runs=tuple(dataclasses.replace(run, start=start) for run in result.runs))
        for result in results
    ]
    table = to_table(pretrained, kind="freezing", model="clcm", dataset=study.dataset, recipe=recipe)
    assert "start: ImageNet (mobilenet.h5, sha256 aaaaaaaaaaaa); backend" in table.notes[-1]


def test_two_ablations_in_one_document_have_labels_of_their_own(workspace, trained):
    texts = [
        json.loads(ablate(workspace, "head", "--json", *more, model=model, dataset=dataset).stdout)["files"]["tex"]
        for model, dataset, more in (
            ("clcm", "fer2013", ()),
            ("mobilenetv2", "fer2013", ()),
            ("clcm", "raf-db", ()),
            ("clcm", "fer2013", ("--epochs", "3")),
        )
    ]
    labels = [re.findall(r"\\label\{(.*?)\}", Path(text).read_text("utf-8")) for text in texts]
    assert len({label for [label] in labels}) == 4


def test_a_tie_on_validation_is_named(workspace, trained, monkeypatch):
    monkeypatch.setattr(study_fakes, "score", lambda cell: 0.143 + cell.seed / 10)
    text = ablate(workspace, "freezing", "--freeze-layers", "0,9,10", "--seeds", "3").stdout
    equal = "0 of 154, 9 of 154, 10 of 154 (the model's own)"
    assert f"Chosen on validation: 0 of 154, the first of 3 that are equal there ({equal})." in text


def test_the_recipes_own_run_is_shared_and_the_rest_lies_apart(workspace, trained):
    ablate(workspace, "freezing", "--freeze-layers", "0,10")
    own = [path.stem for path in (workspace.root / "records/train").iterdir()]
    assert [stem.partition("+")[0][:26] for stem in own] == ["clcm__fer2013__fer2013__pa"]
    assert "+" not in own[0]
    [apart] = (workspace.studies.root / "records/train").iterdir()
    assert "paper+freeze0-" in apart.stem


def test_a_run_that_train_made_is_taken(workspace, trained):
    options = ("-m", "clcm", "-d", "fer2013", "--weights", "random", "-w", str(workspace.root))
    for command in ("train", "evaluate"):
        CliRunner().invoke(app, [command, *options, "--freeze-layers", "0"], catch_exceptions=False)
    assert [cell.recipe.freeze_layers for cell in trained] == [0]
    found = json.loads(ablate(workspace, "freezing", "--freeze-layers", "0,10", "--json").stdout)
    assert len(found["variants"]) == 2
    assert [cell.recipe.freeze_layers for cell in trained] == [0, None]
    assert len(trained.tested) == 2
    assert not (workspace.studies.root / "records").exists()


def test_it_goes_on_after_an_interruption_and_ends_at_once_when_all_is_there(workspace, trained):
    trained.interrupt_after = 2
    with pytest.raises(InterruptionError):
        ablate(workspace, "head")
    trained.interrupt_after = None
    whole = ablate(workspace, "head").stdout
    assert len(trained) == len({cell.id for cell in trained}) == 4
    assert len(trained.tested) == 4
    assert ablate(workspace, "head").stdout == whole
    assert len(trained) == len(trained.tested) == 4
    assert "128-64-7, dropout 0.5" in whole


def test_the_time_of_an_interrupted_run_is_that_of_its_last_epochs(workspace):
    dataset = open_training(workspace, "fer2013")
    study = Study(workspace, dataset, ["clcm"], PAPER.from_random(), (0,), "random")
    cells = [cell for number in (0, 10) for cell in study.cells("clcm", study.recipe.changed(freeze_layers=number))]
    network = SimpleNamespace(state=lambda: [np.zeros(3)], core=SimpleNamespace(variables=[None]))
    progress = Progress(Start(kind="random"), [train_record("clcm", "fer2013").history[0]] * 100, best_epoch=99)
    own = identity(dataset.fingerprint, "tensorflow", "None")
    Checkpoint(study.home(cells[0]).run(cells[0].id), own).save(network, progress)
    finished, whole = (stage.seconds - stages.COMPILE_SECONDS for stage, _ in missing_work(study, cells))
    assert finished == pytest.approx(whole / 11)


class Elsewhere:
    """An executor that knows of the work only what is sent to it."""

    def work(self, groups, on_event):
        for stage, do in (pickle.loads(pickle.dumps(item)) for group in groups for item in group):
            on_event(Event("begin", 0, stage=stage))
            do()
            on_event(Event("end", 0, stage=stage))


def test_an_executor_trains_and_tests_what_this_process_would(workspace, trained):
    dataset = open_training(workspace, "fer2013")
    here, there = (Workspace(workspace.root.with_name(name)) for name in ("here", "there"))
    found = []
    for place, executor in ((here, None), (there, Elsewhere())):
        place.root.mkdir()
        place.datasets.symlink_to(workspace.datasets)
        study = Study(place, dataset, ["clcm"], PAPER.from_random(), (0, 1), "random")
        found.append(as_json(run_ablation(study, heads("clcm", PAPER.from_random()), executor)))
    assert found[0] == found[1]
    assert len(trained) == len(trained.tested) == 16


def test_it_tests_on_each_of_several_datasets(workspace, trained):
    found = json.loads(
        ablate(workspace, "freezing", "--freeze-layers", "0,9", "--json", dataset="raf-db+fer2013").stdout
    )
    assert found["dataset"] == "fer2013+raf-db"
    assert all(set(v["runs"][0]["test_accuracy"]) == {"fer2013", "raf-db"} for v in found["variants"])
    text = Path(found["files"]["md"]).read_text("utf-8")
    assert "Test, FER-2013 overall" in text
    assert "Test, RAF-DB overall" in text


def test_the_balanced_accuracy_is_over_the_classes_that_have_images(workspace):
    matrix = [[8 if row == column else 2 for column in range(7)] for row in range(7)]
    matrix[1] = [0] * 7
    test = eval_record("clcm", "fer2013", "fer2013", matrix=matrix)
    result = Result(freezing("clcm", PAPER)[0], (train_record("clcm", "fer2013"),), ((test,),))
    table = to_table([result], kind="freezing", model="clcm", dataset=open_training(workspace, "fer2013"), recipe=PAPER)
    assert table.blocks[0].rows[0][4].value == pytest.approx(40)
    assert as_json([result])[0]["runs"][0]["test_mean_of_classes"]["fer2013"] == pytest.approx(0.4)


def test_a_diverged_variant_is_shown_as_missing(workspace, trained, tmp_path):
    recipe = tmp_path / "wild.toml"
    recipe.write_text("learning_rate = 0.5\nepochs = 2\n")
    text = ablate(workspace, "head", "-r", str(recipe)).stdout
    assert "no runs. clcm: the training loss became nan" in text
    assert text.startswith("# CLCM on FER-2013: accuracy (%) by head (synthetic faces")
    assert "Chosen" not in text


@pytest.mark.slow
def test_a_real_ablation(workspace, tiny_model, tmp_path):
    recipe = tmp_path / "mini.toml"
    recipe.write_text('base = "demo"\nimage_size = 32\nepochs = 1\nwarmup_epochs = 0\nbatch_size = 16\n')
    options = ("-r", str(recipe), "--freeze-layers", "0,9", "--json")
    found = json.loads(ablate(workspace, "freezing", *options, model="tiny").stdout)
    assert [v["trainable_parameters"] for v in found["variants"]] == [2_483, 119]
    assert all(0 <= v["runs"][0]["test_accuracy"]["fer2013"] <= 1 for v in found["variants"])
