"""The whole line, small."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import blank_figures
import numpy as np
import pytest
import record_factory as make
from advice import follow

from fer_bench import grid, models, session_anova, stages
from fer_bench.datasets import dataset_card
from fer_bench.datasets.prepared import Prepared, is_prepared
from fer_bench.datasets.store import Wishes, prepare
from fer_bench.datasets.synthetic import synthesize
from fer_bench.errors import FerBenchError
from fer_bench.figures import files
from fer_bench.recipe import Augmentation, Recipe
from fer_bench.records import External, Start, save
from fer_bench.run_all import rendering, run_datasets, runner
from fer_bench.run_all.runner import Job, run_all
from fer_bench.training.checkpoint import Checkpoint, Progress, identity
from fer_bench.workspace import Workspace

RECIPE = Recipe(name="mini", image_size=32, epochs=1, batch_size=16, augmentation=Augmentation(rotation=1))


def job(*models: str, **changes) -> Job:
    values = {
        "models": models,
        "recipe": RECIPE,
        "seeds": [0],
        "synthetic": True,
        "sources": {},
        "weights": None,
        "runs": 3,
    }
    return Job(**{**values, **changes})


def records(workspace: Workspace, kind: str) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((workspace.results.records / kind).glob("*.json"))]


@pytest.mark.slow
def test_everything_is_made_and_a_second_run_does_nothing(workspace, tiny_model, monkeypatch, capsys):
    # Under the name of one of the paper's models, since the tables show those.
    card = dataclasses.replace(tiny_model, name="clcm")
    monkeypatch.setitem(models._BUILT_IN, "clcm", card)
    models.model_cards.cache_clear()
    monkeypatch.setattr(files, "_draw", blank_figures.draw)
    run_all(workspace, job("clcm"))
    assert len(records(workspace, "train")) == 3
    evals = records(workspace, "eval")
    assert {(item["dataset"], item["target"]) for item in evals} == {
        (trained, tested) for trained in ("fer2013", "raf-db", "affectnet") for tested in (trained, "ck-plus")
    }
    assert {item["origin"] for item in [*evals, *records(workspace, "profile")]} == {"synthetic"}
    for number in range(4, 12):
        assert "synthetic" in (workspace.results.tables / f"table{number:02}.md").read_text(encoding="utf-8").lower()
    assert (workspace.results.reports / "report.html").is_file()
    capsys.readouterr()

    def must_not(*_: object, **__: object) -> None:
        pytest.fail("the second run did something again")

    for name in ("train_cell", "test_run", "profile"):
        monkeypatch.setattr(stages, name, must_not)
    monkeypatch.setattr(session_anova, "anova", must_not)
    monkeypatch.setattr(rendering, "render", must_not)
    monkeypatch.setattr(run_datasets, "prepare", must_not)
    run_all(workspace, job("clcm"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "copied",
    [
        make.train_record("clcm", "fer2013"),
        make.eval_record("clcm", "fer2013", "ck-plus"),
        make.profile_record("clcm"),
    ],
)
def test_records_of_the_other_origin_are_refused_before_anything_is_made(tmp_path, copied):
    place = Workspace(tmp_path)
    path = save(place.results.records, copied)
    with pytest.raises(FerBenchError, match=f"{path} is a record of real data, this run is on synthetic data.*--real"):
        run_all(place, job("clcm"))
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["records"]
    place.results.selection.write_text('origin = "synthetic"\n', encoding="utf-8")
    run_datasets.require_origin_of_records(place, synthetic=True)


def test_real_and_synthetic_data_never_share_a_workspace(workspace):
    with pytest.raises(FerBenchError, match="holds synthetic data, this run is on real data"):
        run_all(workspace, job("clcm", synthetic=False))


def test_another_recipe_in_the_workspace_is_told_before_hours_of_training(tmp_path, capsys):
    place, new = Workspace(tmp_path), job("clcm", train_on=["fer2013"])
    save(place.results.records, make.train_record("clcm", "raf-db"))
    runner._tell_of_other_recipes(place, new)
    assert capsys.readouterr().err == ""  # No block is that of both.
    save(place.results.records, make.train_record("mobilenetv2", "fer2013", recipe=RECIPE.id))
    save(place.results.records, make.train_record("clcm", "fer2013+raf-db"))
    for train_on in (["fer2013+raf-db"], ["my-faces"]):  # Nor of what no table shows.
        runner._tell_of_other_recipes(place, job("clcm", train_on=train_on))
    assert capsys.readouterr().err == ""
    other = make.train_record("clcm", "fer2013")
    save(place.results.records, other)
    runner._tell_of_other_recipes(place, new)
    told = " ".join(capsys.readouterr().err.split())
    assert f"holds runs by {other.recipe} too, and no table mixes recipes" in told
    assert "selection.toml which one the tables show" in told
    place.results.selection.write_text("", encoding="utf-8")
    runner._tell_of_other_recipes(place, new)
    assert capsys.readouterr().err == ""


def test_what_is_missing_of_a_job_is_done_and_no_more(workspace):
    prepared = {name: Prepared.load(workspace.prepared(name)).fingerprint for name in ("fer2013", "ck-plus")}
    for seed, targets in enumerate([("fer2013", "ck-plus"), ("fer2013",), ()]):
        run = make.train_record("clcm", "fer2013", recipe=RECIPE.id, seed=seed, origin="synthetic")
        run = dataclasses.replace(run, dataset_fingerprint=prepared["fer2013"])
        save(workspace.results.records, run)
        workspace.weights(run.cell_id).parent.mkdir(exist_ok=True)
        workspace.weights(run.cell_id).touch()
        for target in targets:
            test = make.eval_record("clcm", "fer2013", target, recipe=RECIPE.id, seed=seed, origin="synthetic")
            test = dataclasses.replace(test, target_fingerprint=prepared[target])
            make.save_eval(workspace.results, dataclasses.replace(test, dataset_fingerprint=prepared["fer2013"]))
    (group,) = runner._training(workspace, job("clcm", seeds=[0, 1, 2, 3], train_on=["fer2013"]))
    told = ["test clcm on fer2013, seed 1", "test clcm on fer2013, seed 2", "train and test clcm on fer2013, seed 3"]
    assert [stage.title for stage, _ in group] == told
    assert {do.targets for _, do in group} == {("fer2013", "ck-plus")}
    (((_, do),),) = runner._training(workspace, job("clcm", seeds=[3], train_on=["fer2013"], weights="random"))
    assert do.weights == "random"
    # One network for all: it is compiled once.
    assert [stage.seconds for stage, _ in group[:2]] == [stages.COMPILE_SECONDS, 2]


def test_a_job_that_was_stopped_before_its_report_gets_it(tmp_path, monkeypatch):
    place = Workspace(tmp_path)
    make.save_run(place.results, "clcm", "fer2013")
    monkeypatch.setattr(files, "_draw", blank_figures.draw)
    for stage in ("_training", "_profiling"):  # Nothing is missing.
        monkeypatch.setattr(runner, stage, lambda workspace, job: [])
    run_all(place, job("clcm", synthetic=False))
    page = place.results.reports / "report.html"
    assert page.is_file()
    page.unlink()
    run_all(place, job("clcm", synthetic=False))
    assert page.is_file()


def test_a_demonstration_draws_nothing_into_a_workspace_of_real_data(workspace, tmp_path):
    place = Workspace(tmp_path / "real")
    shutil.copytree(workspace.prepared("fer2013"), place.prepared("fer2013"))
    manifest = place.prepared("fer2013") / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"synthetic"', '"real"'))
    before = sorted(place.root.rglob("*"))
    with pytest.raises(FerBenchError, match=r"holds real data, this run is on synthetic data.* or say --real"):
        run_all(place, job("clcm"))
    assert [path for path in sorted(place.root.rglob("*")) if path.name != ".lock"] == before


def test_the_profile_of_another_backend_is_not_this_ones(workspace):
    for model in ("clcm", "mobilenetv2"):
        for backend in ("tensorflow", "torch"):
            record = make.profile_record(model, session=f"session-{backend}", origin="synthetic")
            save(workspace.results.records, dataclasses.replace(record, backend=backend))
    titles = [stage.title for stage, _ in runner._profiling(workspace, job("clcm", "mobilenetv2"))]
    assert titles == ["ANOVA"]


def test_models_of_two_sessions_are_measured_together(tmp_path):
    place, both = Workspace(tmp_path), job("clcm", "mobilenetv2")
    for sessions, expected in ((("monday", "tuesday"), ["profile", "ANOVA"]), (("monday", "monday"), ["ANOVA"])):
        for model, session in zip(both.models, sessions, strict=True):
            save(place.results.records, make.profile_record(model, session=session))
        assert [stage.title for stage, _ in runner._profiling(place, both)] == expected


def test_an_anova_is_made_again_with_the_profiles_that_it_is_of(tmp_path):
    place, models = Workspace(tmp_path), ("clcm", "mobilenetv2")
    for model in models:
        save(place.results.records, make.profile_record(model))  # Of 50 calls.

    def stages_of(runs: int) -> list[str]:
        return [stage.title for stage, _ in runner._profiling(place, job(*models, runs=runs))]

    assert stages_of(50) == ["ANOVA"]
    session_anova.anova(place.results, session_anova.RUNTIME, models=models)
    assert stages_of(50) == []
    assert stages_of(51) == ["profile", "ANOVA"]
    # A later session of other models changes nothing of that.
    later = make.environment("2025-05-01T10:00:00Z")
    for model in ("densenet121", "resnet50"):
        profile = make.profile_record(model, session="another")
        save(place.results.records, dataclasses.replace(profile, environment=later))
    assert stages_of(50) == []


def test_a_session_that_gets_another_model_keeps_the_others(workspace):
    for model in ("clcm", "shufflenetv2", "resnet50"):
        save(workspace.results.records, make.profile_record(model, session="before", origin="synthetic"))
    kept = make.profile_record("densenet121", session="another", origin="synthetic")
    save(workspace.results.records, kept)
    (_, profile), _ = runner._profiling(workspace, job("clcm", "mobilenetv2"))
    _, names, _, plan = profile.args
    assert set(names) == {"clcm", "mobilenetv2", "shufflenetv2", "resnet50"}
    assert set(plan.runtimes) == {"keras-predict", "keras-call", *kept.latency}
    assert plan.runs == 3


def test_a_model_of_the_session_before_that_is_gone_is_told_before_hours_of_training(workspace):
    for model in ("clcm", "their-net"):
        save(workspace.results.records, make.profile_record(model, session="before", origin="synthetic"))
    with pytest.raises(FerBenchError, match="their-net: profiled together with clcm before, and no model now; add it"):
        runner._profiling(workspace, job("clcm", "mobilenetv2"))
    folder = workspace.external("their-net")
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    external = External(sha256="0" * 64, labels=("happy",), input="48 × 48 × 1")
    theirs = make.profile_record("their-net", session="before", origin="synthetic")
    save(workspace.results.records, dataclasses.replace(theirs, external=external))
    with pytest.raises(FerBenchError, match=r"model\.json: .*; run fer-bench add-onnx again with --replace"):
        runner._profiling(workspace, job("clcm", "mobilenetv2"))


def test_a_profile_belongs_to_the_data_of_its_workspace(workspace, tmp_path):
    assert stages.origin_of(workspace) == "synthetic"
    assert stages.origin_of(Workspace(tmp_path / "empty")) == "real"


def test_a_model_that_cannot_be_profiled_is_refused_before_anything_is_made(tmp_path, tiny_model, monkeypatch):
    card = dataclasses.replace(tiny_model, min_image_size=299)
    monkeypatch.setitem(models._BUILT_IN, "tiny", card)
    with pytest.raises(FerBenchError, match="at least 299 x 299 pixels, found 224 x 224; every model of a session"):
        run_all(Workspace(tmp_path), job("tiny", recipe=dataclasses.replace(RECIPE, image_size=299)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_run_whose_loss_is_no_number_keeps_none_of_the_others_from_their_results(
    workspace, tiny_model, seed_0_diverges, monkeypatch, capsys
):
    monkeypatch.setattr(runner, "_profiling", lambda workspace, job: [])
    with pytest.raises(
        FerBenchError, match=r"loss became no number .*: train and test tiny on raf-db, seed 0; all else"
    ):
        run_all(workspace, job("tiny", seeds=[0, 1], train_on=["raf-db"]))
    assert "tiny on raf-db, seed 0: the training loss became nan in epoch 1" in capsys.readouterr().err
    assert {(item["target"], item["seed"]) for item in records(workspace, "eval")} == {("raf-db", 1), ("ck-plus", 1)}
    assert (workspace.results.reports / "report.html").is_file()


def test_a_profile_with_fewer_calls_than_asked_for_is_measured_again(workspace):
    save(workspace.results.records, make.profile_record("clcm", origin="synthetic"))  # Of 50 calls.
    for runs, stages_of in ((None, []), (50, []), (51, ["profile"])):
        titles = [stage.title for stage, _ in runner._profiling(workspace, job("clcm", runs=runs))]
        assert titles == stages_of


def test_without_data_it_says_what_to_do(tmp_path):
    with pytest.raises(FerBenchError, match="run fer-bench prepare NAME --source PATH"):
        run_all(Workspace(tmp_path), job("clcm", synthetic=False))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", r"unknown dataset 'nope'; known: fer2013, raf-db, affectnet, ck-plus$"),
        ("fer2013+ck-plus", r"ck-plus is a test set only; leave it out here; models trained on other"),
        ("fer2013+fer2013", r"expected one name, or different ones"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_before_faces_are_drawn(name, message, tmp_path):
    place = Workspace(tmp_path / "w")
    with pytest.raises(FerBenchError, match=message):
        run_all(place, job("clcm", train_on=["raf-db", name]))
    assert not place.root.exists()


def test_a_dataset_that_no_stage_prepares_is_refused_before_the_others_are_prepared(synthetic_root, tmp_path):
    place = Workspace(tmp_path / "w")
    sources = {"raf-db": synthetic_root / "raf-db"}
    with pytest.raises(FerBenchError, match=r"affectnet is not prepared; give --source affectnet=PATH, or run") as told:
        run_all(place, job("clcm", synthetic=False, sources=sources, train_on=["affectnet"]))
    assert not place.datasets.exists()
    follow(str(told.value).replace("PATH", str(synthetic_root / "affectnet")))
    assert is_prepared(place.prepared("affectnet"))


def test_drawn_faces_given_as_a_source_are_refused_with_words_that_run_all_takes(synthetic_root, tmp_path):
    place, sources = Workspace(tmp_path / "w"), {"raf-db": synthetic_root / "raf-db"}
    words = r"holds synthetic data, this run is on real data.* or say --synthetic, and no --source$"
    with pytest.raises(FerBenchError, match=words):
        run_all(place, job("clcm", synthetic=False, sources=sources))


def test_a_dataset_without_test_images_is_refused_before_anything_is_trained(workspace, tmp_path, tiny_model):
    raw = tmp_path / "train only"
    synthesize("fer2013", raw, train=70, test=35, seed=0, layout="folders")
    shutil.rmtree(raw / "test")
    prepare(dataset_card("fer2013"), raw, workspace.prepared("fer2013"), Wishes(allow_incomplete=True))
    with pytest.raises(FerBenchError, match=r"fer2013: no test images; prepare fer2013 again from a source with"):
        run_all(workspace, job("tiny", train_on=["fer2013"]))
    assert not workspace.results.records.exists()


def test_an_option_that_run_all_lacks_is_named_with_the_command_that_has_it(synthetic_root, tmp_path):
    source, place = tmp_path / "my faces", Workspace(tmp_path / "w")
    shutil.copytree(synthetic_root / "raf-db", source)
    (source / "basic/Image/aligned/test_0003_aligned.jpg").unlink()
    command = f"fer-bench prepare raf-db --source '{source}' --workspace {place.root}"
    with pytest.raises(FerBenchError, match="with --allow-incomplete") as told:
        run_all(place, job("clcm", synthetic=False, sources={"raf-db": source}))
    assert str(told.value).splitlines()[-1] == (
        f"run-all itself has no such option: run {command} with it, then this command again, which takes the prepared "
        "dataset"
    )
    with pytest.raises(FerBenchError, match="no such file") as told:
        run_all(place, job("clcm", synthetic=False, sources={"raf-db": tmp_path / "nowhere"}))
    assert "run-all" not in str(told.value)


@pytest.mark.parametrize(
    ("train_on", "made"),
    [
        ((), ["fer2013", "raf-db", "affectnet", "ck-plus"]),
        (("affectnet+fer2013",), ["fer2013", "affectnet", "ck-plus"]),
    ],
)
def test_synthetic_faces_are_drawn_of_what_is_trained_and_tested_on(tmp_path, train_on, made):
    work = run_datasets.missing(Workspace(tmp_path), train_on, sources={}, synthetic=True)
    assert [stage.title for stage, _ in work] == [f"synthetic faces: {name}" for name in made]


def test_a_source_that_is_not_read_again_is_told_with_the_command_that_reads_it(
    synthetic_root, workspace, tmp_path, capsys
):
    source = tmp_path / "my faces"
    shutil.copytree(synthetic_root / "ck-plus", source)
    before = workspace.prepared("ck-plus").stat().st_ino
    assert run_datasets.missing(workspace, [], sources={"ck-plus": source}, synthetic=False) == []
    follow(capsys.readouterr().err)
    assert workspace.prepared("ck-plus").stat().st_ino != before


def test_the_time_of_an_interrupted_run_is_that_of_its_last_epochs(workspace):
    wanted = job("clcm", recipe=dataclasses.replace(RECIPE, epochs=100), train_on=["fer2013"])
    [cell] = grid.cells(wanted.models, wanted.train_on, wanted.recipe, wanted.seeds)
    fingerprint = Prepared.load(workspace.prepared("fer2013")).fingerprint

    def seconds() -> float:
        [[(stage, _)]] = runner._training(workspace, wanted)
        return stage.seconds - stages.COMPILE_SECONDS

    def begin(fingerprint: str) -> None:
        network = SimpleNamespace(state=lambda: [np.zeros(3)], core=SimpleNamespace(variables=[None]))
        own = identity(fingerprint, "tensorflow", "None")
        progress = Progress(Start(kind="random"), [make.train_record("clcm", "fer2013").history[0]] * 90, best_epoch=89)
        Checkpoint(workspace.run(cell.id), own).save(network, progress)

    whole = seconds()
    begin("0" * 64)  # On another state of the dataset it starts over.
    assert seconds() == whole
    begin(fingerprint)
    assert seconds() == pytest.approx(whole / 10)
