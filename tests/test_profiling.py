import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import record_factory as make
from typer.testing import CliRunner

from fer_bench import backend, models, paper, profiling, records, session_anova, stages
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.models.card import ModelCard
from fer_bench.profiling import KERAS_RUNTIMES, Plan, building, merged, profile_models, self_test, session
from fer_bench.profiling.complexity import complexity
from fer_bench.profiling.document import profile_json
from fer_bench.profiling.frames import SIDE, jpeg_faces, network_image
from fer_bench.profiling.latency import Steady
from fer_bench.records import ProfileRecord
from fer_bench.runtimes.keras_runtimes import KerasRuntime
from fer_bench.workers import Event
from fer_bench.workspace import Workspace

QUICK = Plan(runs=3, image_size=16, runtimes=KERAS_RUNTIMES, steady=Steady(window=1, most=2))


@pytest.fixture(scope="module")
def keras():
    backend.configure()
    import keras

    return keras


def _build(image_size: int, classes: int):
    import keras

    inputs = keras.Input((image_size, image_size, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(inputs))
    outputs = keras.layers.Dense(classes, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


SMALL = ModelCard(
    name="small",
    title="Small",
    build=_build,
    reference="test",
    trainable_parameters=(3 * 3 * 3 * 4 + 4) + 2 * 4 + (4 * 7 + 7),
    non_trainable_parameters=2 * 4,
)


@pytest.fixture
def use(keras, monkeypatch: pytest.MonkeyPatch):
    """Register cards, as other packages' entry points would."""

    def register(*cards: ModelCard) -> None:
        models.model_cards.cache_clear()
        for card in cards:
            monkeypatch.setitem(models._BUILT_IN, card.name, card)

    yield register
    models.model_cards.cache_clear()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch):
    """Replace the runtimes by one that answers at once; return what it was called with."""
    seen = []

    def open_fake(model, threads):
        def call(batch):
            seen.append(batch)
            return np.full((len(batch), model.output_shape[-1]), 1 / model.output_shape[-1], np.float32)

        return call

    item = KerasRuntime("fake", open_model=open_fake)
    other = replace(item, name="other")
    monkeypatch.setattr(session, "chosen_runtimes", lambda names: {"fake": item, "other": other})
    monkeypatch.setattr(self_test, "runtime", lambda name: item)
    return seen


# A session


def test_a_profile_in_the_runtimes_of_keras(use, tmp_path) -> None:
    use(SMALL)
    told = []
    (record,) = profile_models(["small"], QUICK, origin="synthetic", progress=lambda *step: told.append(step))
    assert (record.model, record.origin, record.image_size, record.classes) == ("small", "synthetic", 16, 7)
    assert record.backend == backend.name()
    assert (record.trainable_parameters, record.non_trainable_parameters) == (155, 8)
    assert record.weight_bytes == 4 * (155 + 8)
    found = complexity(_build(16, 7))
    assert (record.flops, record.flops_paper_rule) == (found.flops, found.flops_paper_rule)
    assert set(record.latency) == set(KERAS_RUNTIMES)
    assert all(len(taken) == 3 and all(s.seconds > 0 for s in taken) for taken in record.latency.values())
    assert sorted(s.order for taken in record.latency.values() for s in taken) == list(range(6))
    assert record.warmups == dict.fromkeys(KERAS_RUNTIMES, (2,))
    assert record.warmup == 2
    assert record.machine
    assert record.threads["each"] >= 1
    assert [step for step, *_ in told] == ["building", "warming up", "warming up", "timing", "timing", "timing"]
    assert records.load(records.save(tmp_path, record), ProfileRecord) == record


def test_models_of_one_session_take_turns_and_share_its_name(use, fake) -> None:
    use(SMALL, replace(SMALL, name="twin"))
    first, second = profile_models(["twin", "small"], QUICK)
    assert (first.model, second.model) == ("twin", "small")
    assert first.session == second.session
    orders = [s.order for record in (first, second) for taken in record.latency.values() for s in taken]
    assert sorted(orders) == list(range(2 * 2 * 3))
    (alone,) = profile_models(["small"], QUICK)
    assert alone.session != first.session


def test_weights_follow_from_the_seed_alone(use) -> None:
    use(SMALL)
    first = building.built_model("small", QUICK)
    _build(16, 3)
    second = building.built_model("small", QUICK)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_and_whole_pictures_are_timed_on_request(use, fake, tmp_path) -> None:
    use(SMALL)
    (record,) = profile_models(["small"], QUICK)
    assert record.throughput == {}
    assert record.end_to_end == {}
    assert {len(batch) for batch in fake} == {1}
    (record,) = profile_models(["small"], replace(QUICK, throughput=True, end_to_end=True))
    assert list(record.throughput) == ["fake", "other"]
    assert list(record.throughput["fake"]) == ["1", "2", "4", "8", "16", "32", "64"]
    assert max(len(batch) for batch in fake) == 64
    assert {name: len(taken) for name, taken in record.end_to_end.items()} == {"fake": 3, "other": 3}
    assert records.load(records.save(tmp_path, record), ProfileRecord) == record
    told = profile_json(record)
    assert set(told["throughput"]["fake"]["64"]) == {"images_per_second", "seconds"}
    assert told["end_to_end"]["fake"]["frames_per_second"] > 0


def test_pictures_are_faces_from_jpeg_files() -> None:
    (data,) = jpeg_faces(1, seed=2)
    assert data.startswith(b"\xff\xd8")
    assert [data] == jpeg_faces(1, seed=2) != jpeg_faces(1, seed=3)
    image = network_image(data, 24)
    assert image.shape == (1, 24, 24, 3)
    assert image.dtype == np.float32
    assert -1 <= image.min() < 0 < image.max() <= 1
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    assert network_image(data, SIDE).std() > 0.1


def _uncounted(image_size: int, classes: int):
    import keras

    inputs = keras.Input((image_size, image_size, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, activation="elu")(inputs))
    outputs = keras.layers.Dense(classes, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


def test_a_model_whose_operations_cannot_be_counted_is_timed_beside_the_others(use, fake, tmp_path, capsys) -> None:
    use(SMALL, replace(SMALL, name="odd", build=_uncounted))
    odd, small = profile_models(["odd", "small"], QUICK)
    assert (odd.flops, odd.flops_paper_rule, odd.peak_activation_bytes) == (None, None, None)
    assert (odd.trainable_parameters, odd.weight_bytes) == (155, 4 * (155 + 8))
    assert odd.uncounted.startswith("FLOPs of the model 'odd' are not known: layer 'conv2d")
    assert "'elu', which the FLOPs rules do not know" in odd.uncounted
    assert odd.uncounted in capsys.readouterr().err
    assert odd.latency.keys() == small.latency.keys()
    assert small.flops
    assert small.uncounted == ""
    assert records.load(records.save(tmp_path, odd), ProfileRecord) == odd
    assert profile_json(odd)["uncounted"] == odd.uncounted
    with pytest.raises(FerBenchError, match=r"the model 'odd'.*'elu'"):
        _run("--layers", "-m", "odd", tmp_path=tmp_path)


# What is refused


def test_parameters_that_differ_from_the_card_are_refused(use, fake) -> None:
    use(replace(SMALL, trainable_parameters=154))
    with pytest.raises(FerBenchError, match=r"'small' has 155 trainable and 8 other.*154 and 8"):
        profile_models(["small"], QUICK)
    # The card speaks of seven classes only.
    (record,) = profile_models(["small"], replace(QUICK, classes=3))
    assert record.trainable_parameters == 155 - 4 * 5


@pytest.mark.parametrize("answer", [np.full((1, 7), np.nan), np.ones((1, 6))], ids=["not finite", "shape"])
def test_nonsense_is_not_timed(use, monkeypatch: pytest.MonkeyPatch, answer) -> None:
    use(SMALL)
    item = KerasRuntime("odd", open_model=lambda *_: lambda batch: answer)
    monkeypatch.setattr(session, "chosen_runtimes", lambda names: {"odd": item})
    with pytest.raises(FerBenchError, match=r"'small' answers .* in odd; expected 7 finite"):
        profile_models(["small"], QUICK)


@pytest.mark.parametrize(
    ("names", "plan", "message"),
    [
        (["clcm", "clcm"], Plan(), "only once"),
        (["clmc"], Plan(), "'clmc'"),
        ([], Plan(), "name at least one"),
        (["clcm"], Plan(runs=0), "runs = 0"),
        (["clcm"], Plan(processes=0), "processes = 0"),
        (["clcm"], Plan(threads=0), "threads = 0"),
        (["clcm"], Plan(runtimes=()), "no runtime"),
        (["clcm"], Plan(runtimes=("keras-call", "keras-call")), "only once"),
        (["clcm"], Plan(runtimes=("keras-cal",)), "'keras-cal'"),
    ],
)
def test_plans_that_cannot_be_followed_are_refused_before_anything_is_built(names, plan, message: str) -> None:
    with pytest.raises(FerBenchError, match=message):
        profile_models(names, plan)


# Several processes


def test_processes_are_kept_apart_in_one_record(use, fake, monkeypatch: pytest.MonkeyPatch) -> None:
    use(SMALL, replace(SMALL, name="twin"))

    def here(groups, jobs, on_event, advice) -> None:
        assert jobs == 1
        assert "nothing of this session is kept" in advice
        for number, ((stage, work),) in enumerate(groups):
            on_event(Event("begin", number, stage=stage))
            work()
            on_event(Event("end", number, stage=stage))

    monkeypatch.setattr("fer_bench.workers.work_side_by_side", here)
    told = []
    plan = replace(QUICK, processes=3, end_to_end=True)
    first, second = profile_models(["twin", "small"], plan, progress=lambda *step: told.append(step))
    assert (first.model, second.model) == ("twin", "small")
    assert first.session == second.session
    samples = [s for record in (first, second) for taken in record.latency.values() for s in taken]
    assert sorted(s.order for s in samples) == list(range(3 * 12))
    # 12 calls a process, in the order of the processes.
    assert all(s.process == s.order // 12 for s in samples)
    assert first.warmups["fake"] == (2, 2, 2)
    assert {look.process for look in first.machine} == {0, 1, 2}
    assert len(first.end_to_end["fake"]) == 3
    assert told == [("processes", done, 3) for done in (1, 2, 3)]
    assert len(profile_json(first)["latency"]["fake"]["process_means"]) == 3


def test_merging_keeps_the_fewest_warm_ups_and_every_doubt() -> None:
    one = replace(make.profile_record("clcm"), warmup=10, warmups={"keras-call": (10,)}, unsteady=())
    two = replace(one, warmup=5, warmups={"keras-call": (5,)}, unsteady=("keras-call",))
    found = merged([one, two])
    assert (found.warmup, found.warmups, found.unsteady) == (5, {"keras-call": (10, 5)}, ("keras-call",))
    assert len(found.latency["keras-predict"]) == 100


@pytest.mark.slow
def test_fresh_processes_measure_on_their_own(keras) -> None:
    plan = replace(QUICK, runs=2, image_size=32, processes=2, runtimes=("keras-call",))
    (record,) = profile_models(["shufflenetv2-canonical"], plan)
    assert [s.process for s in record.latency["keras-call"]] == [0, 0, 1, 1]
    assert [s.order for s in record.latency["keras-call"]] == [0, 1, 2, 3]


# Records


def test_published_profiles_of_older_versions_still_load() -> None:
    [older] = records.load_all(Path(__file__).parent / "golden" / "older", ProfileRecord)
    told = profile_json(older)
    assert told["latency"]["keras-predict"]["n"] == 50
    assert told["flops_paper_rule"] == 599_396_458


# The command


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Replace the measurement; return what it was asked for."""
    asked: dict[str, object] = {}

    def profile(names, plan, *, origin, progress, externals):
        assert externals == {}
        asked.update(names=list(names), plan=plan, origin=origin)
        found = [make.profile_record(name) for name in names]
        for record in found:
            for runtime, samples in record.latency.items():
                dealt = (replace(sample, process=i * plan.processes // 50) for i, sample in enumerate(samples))
                record.latency[runtime] = tuple(dealt)
        return [replace(r, flops=10**9, weight_bytes=10**7, peak_activation_bytes=10**6) for r in found]

    monkeypatch.setattr(profiling, "profile_models", profile)
    return asked


def _run(*arguments: str, tmp_path: Path):
    return CliRunner().invoke(app, ["profile", *arguments, "--workspace", str(tmp_path / "w")], catch_exceptions=False)


def test_json_has_what_the_issue_names(measured, tmp_path) -> None:
    result = _run("--json", "-m", "clcm", "-m", "mobilenetv2", tmp_path=tmp_path)
    told = json.loads(result.stdout)
    assert [entry["model"] for entry in told] == ["clcm", "mobilenetv2"]
    entry = told[0]
    assert entry["trainable_parameters"] == 2_393_191
    assert entry["total_parameters"] == entry["trainable_parameters"] + entry["non_trainable_parameters"]
    assert (entry["flops"], entry["flops_paper_rule"]) == (10**9, 599_396_458)
    assert (entry["weight_bytes"], entry["peak_activation_bytes"]) == (10**7, 10**6)
    predict = entry["latency"]["keras-predict"]
    assert {"n", "mean", "sd", "median", "median_ci", "p95", "p99", "samples", "warmup", "steady"} <= set(predict)
    assert [sample["order"] for sample in predict["samples"]] == sorted(s["order"] for s in predict["samples"])
    assert "multiply-add" in entry["rules"]["flops"]
    assert measured["plan"] == Plan()
    assert measured["origin"] == "real"


def test_the_tables_show_rules_literature_and_warnings(measured, tmp_path) -> None:
    result = _run("-m", "clcm", "--runs", "7", "--processes", "5", tmp_path=tmp_path)
    text = " ".join(result.stdout.split())
    assert measured["plan"] == Plan(runs=7, processes=5)
    for wanted in ("1.0000", "0.5994", "2,393,191", "FaceChannel", "0.633", "batch norm 2 a value", "process means"):
        assert wanted in text
    assert "FaceChannel │ [89]" in text or "FaceChannel [89]" in text
    assert "Noise that could not be judged: drift (" in text


def test_times_on_an_accelerator_are_not_called_the_processors(measured, tmp_path, monkeypatch) -> None:
    made = make.profile_record

    def on_gpu(name, **changes):
        record = made(name, **changes)
        return replace(record, environment=replace(record.environment, devices=("NVIDIA H100",)))

    monkeypatch.setattr(make, "profile_record", on_gpu)
    text = " ".join(_run("-m", "clcm", tmp_path=tmp_path).stdout.split())
    assert "Keras on NVIDIA H100, the other runtimes on Test CPU" in text
    told = json.loads(_run("--json", "-m", "clcm", tmp_path=tmp_path).stdout)
    assert told[0]["environment"]["devices"] == ["NVIDIA H100"]


@pytest.mark.parametrize(
    "options", [("--layers", "--runs", "9"), ("--layers", "--threads", "1"), ("--experiments", "3")]
)
def test_options_that_would_do_nothing_are_refused(options, tmp_path) -> None:
    with pytest.raises(FerBenchError, match=r"--layers times nothing|--experiments applies only with --self-test"):
        _run("-m", "clcm", *options, tmp_path=tmp_path)


def test_options_reach_the_plan(measured, tmp_path) -> None:
    options = ("--runtime", "keras-call", "--threads", "1", "--throughput", "--end-to-end", "--memory")
    _run("-m", "clcm", *options, tmp_path=tmp_path)
    assert measured["plan"] == Plan(runtimes=("keras-call",), threads=1, throughput=True, end_to_end=True, memory=True)


def test_a_session_is_not_left_without_a_model_or_times_unless_told_to(measured, tmp_path) -> None:
    place = Workspace(tmp_path / "w")
    for name in ("clcm", "mobilenetv2", "shufflenetv2"):
        records.save(place.results.records, make.profile_record(name))
    session_anova.anova(place.results, "keras-predict")
    before = {path: path.read_bytes() for path in place.results.records.rglob("*.json")}
    runtimes = make.profile_record("clcm").latency
    all_of_them = [option for name in runtimes for option in ("--runtime", name)]
    both = ("-m", "clcm", "-m", "mobilenetv2")
    with pytest.raises(FerBenchError) as refused:
        _run(*both, "--runtime", "keras-predict", tmp_path=tmp_path)
    told = str(refused.value)
    assert told.startswith(
        "clcm, mobilenetv2 were profiled before, and this session would replace the comparison with "
    )
    assert f"shufflenetv2 and the times in {', '.join(name for name in runtimes if name != 'keras-predict')};" in told
    (command,) = re.findall(r"\((fer-bench .*?)\)", told)
    with pytest.raises(FerBenchError, match="the comparison with shufflenetv2; measure"):
        _run(*both, *all_of_them, tmp_path=tmp_path)
    assert measured == {}
    assert {path: path.read_bytes() for path in place.results.records.rglob("*.json")} == before
    _run(*command.split()[2:], tmp_path=tmp_path)
    assert measured["names"] == ["clcm", "mobilenetv2", "shufflenetv2"]
    assert measured["plan"].runtime_names == tuple(sorted(runtimes, key="keras-predict".__ne__))
    _run("-m", "clcm", "--runtime", "keras-predict", "--replace", tmp_path=tmp_path)
    assert measured["names"] == ["clcm"]


def test_where_no_model_is_named_the_papers_and_those_of_the_workspace_are(measured, tmp_path, monkeypatch) -> None:
    place = Workspace(tmp_path / "w")
    _run(tmp_path=tmp_path)
    assert measured["names"] == [*paper.MODELS]
    # One that is trained; and the others of a session before this one, which it takes the place of.
    records.save(place.results.records, make.train_record("clcm-128", "fer2013"))
    for name in ("clcm", "resnet50"):
        records.save(place.results.records, make.profile_record(name))
    records.save(place.results.records, make.profile_record("densenet121", session="session-2"))
    _run(tmp_path=tmp_path)
    assert measured["names"] == [*paper.MODELS, "clcm-128", "resnet50"]
    counted = []
    monkeypatch.setattr("fer_bench.cli.profiling._count", lambda names, plan, json: counted.extend(names))
    _run("--layers", tmp_path=tmp_path)  # Takes nothing's place.
    assert counted == [*paper.MODELS, "clcm-128"]
    _run("--all", tmp_path=tmp_path)
    assert measured["names"] == [*models.model_names()]
    for other in (("-m", "clcm"), ("--self-test",)):
        with pytest.raises(FerBenchError, match="--all measures every model: leave out --model and --self-test"):
            _run("--all", *other, tmp_path=tmp_path)


def test_a_model_of_the_session_before_that_is_gone_is_told_with_what_to_do(measured, tmp_path) -> None:
    """It was said that there is no such model, of one that nobody had named."""
    folder = Workspace(tmp_path / "w").results.records
    records.save(folder, make.profile_record("clcm"))
    theirs = records.save(folder, make.profile_record("their-net"))
    for named in ((), ("-m", "clcm"), ("--all",)):
        with pytest.raises(
            FerBenchError, match="their-net: profiled together with clcm before, and no model now"
        ) as told:
            _run(*named, tmp_path=tmp_path)
        assert f"remove {theirs} to give" in str(told.value)
    assert measured == {}
    _run("--replace", tmp_path=tmp_path)
    assert measured["names"] == [*paper.MODELS]
    records.save(folder, make.profile_record("clcm"))
    theirs.unlink()
    _run(tmp_path=tmp_path)


def test_a_mistyped_runtime_is_told_before_what_a_session_would_replace(measured, tmp_path) -> None:
    records.save(Workspace(tmp_path / "w").results.records, make.profile_record("clcm"))
    with pytest.raises(FerBenchError, match="no runtime 'foo'; expected one of keras-predict"):
        _run("-m", "clcm", "--runtime", "foo", tmp_path=tmp_path)
    assert measured == {}


def test_run_all_measures_the_runtimes_of_keras(measured, tmp_path) -> None:
    from fer_bench.workspace import Workspace

    stages.profile(Workspace(tmp_path), ["clcm"], "synthetic")
    assert measured["plan"] == Plan(runs=50, runtimes=KERAS_RUNTIMES)
    assert measured["origin"] == "synthetic"


def test_layers_are_counted_without_timing(use, measured, tmp_path) -> None:
    use(SMALL)
    (told,) = json.loads(_run("--layers", "-m", "small", "--json", tmp_path=tmp_path).stdout)
    assert [layer["kind"] for layer in told["layers"]] == [
        "Conv2D",
        "BatchNormalization",
        "GlobalAveragePooling2D",
        "Dense",
    ]
    assert told["layers"][0]["output_shape"] == [222, 222, 4]
    assert sum(layer["flops"] for layer in told["layers"]) == told["flops"]
    text = _run("--layers", "-m", "small", tmp_path=tmp_path).stdout
    assert "222 x 222 x 4" in text
    assert "total; peak" in text
    assert measured == {}


def test_the_self_test_prints_its_rates_and_fails_with_1(use, fake, monkeypatch, tmp_path) -> None:
    use(SMALL)
    arguments = ("--self-test", "-m", "small", "--runs", "3", "--experiments", "4")
    result = _run(*arguments, "--json", tmp_path=tmp_path)
    told = json.loads(result.stdout)
    assert (told["model"], told["runtime"], told["runs"], told["experiments"]) == ("small", "keras-call", 3, 4)
    assert len(told["rates"]) == 6
    result = _run(*arguments, tmp_path=tmp_path)
    assert "randomised blocks" in result.stdout
    assert result.exit_code == (0 if "The check failed" not in result.stdout else 1)
    monkeypatch.setattr(self_test.SelfTest, "passed", False)
    result = _run(*arguments, tmp_path=tmp_path)
    assert result.exit_code == 1
    assert "not to be believed" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--self-test", "--layers"), "give one of them"),
        (("--layers", "--throughput"), "--layers cannot be combined with"),
        (("--layers", "--memory"), "--layers cannot be combined with .*, --memory and"),
        (("--layers", "--replace"), "--layers cannot be combined with .* and --replace"),
        (("--self-test", "--processes", "2"), "--self-test cannot be combined with"),
        (("--self-test", "--memory"), "--self-test cannot be combined with .*, --memory and"),
        (("--self-test", "-m", "clcm", "-m", "mobilenetv2"), "one --model and one --runtime"),
    ],
)
def test_options_that_exclude_each_other_are_refused(arguments, message: str, tmp_path) -> None:
    with pytest.raises(FerBenchError, match=message):
        _run(*arguments, tmp_path=tmp_path)
