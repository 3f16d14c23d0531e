"""Records from JSON: what was saved comes back, whatever else lies there gives a message that names the field."""

import contextlib
import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import record_factory as make
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_bench import records
from fer_bench.errors import FerBenchError
from fer_bench.network import start_from
from fer_bench.presets import PRESETS
from fer_bench.records import EvalRecord, ProfileRecord, StatisticsRecord, TrainRecord
from fer_bench.typed_json import build


@dataclasses.dataclass(frozen=True)
class Inner:
    number: int
    share: float = 0.5


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str
    kind: Literal["a", "b"]
    pair: tuple[int, float]
    many: tuple[Inner, ...]
    by_name: dict[str, tuple[int, ...]]
    maybe: Inner | None = None
    either: int | str = 0
    anything: Any = None
    flag: bool = False


GOOD = {
    "name": "x",
    "kind": "a",
    "pair": [1, 2],
    "many": [{"number": 1}, {"number": 2, "share": 1}],
    "by_name": {"k": [1, 2]},
    "maybe": {"number": 3},
    "either": "text",
    "anything": [{"free": 1}],
    "flag": True,
}


def test_every_kind_of_field_is_read() -> None:
    found = build(Outer, GOOD, "file")
    assert found == Outer(
        "x", "a", (1, 2.0), (Inner(1), Inner(2, 1.0)), {"k": (1, 2)}, Inner(3), "text", [{"free": 1}], True
    )
    assert isinstance(found.pair[1], float)
    assert build(Outer, {**GOOD, "maybe": None}, "file").maybe is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 1}, "file: name = 1, expected"),
        ({"kind": "c"}, "file: kind = 'c'"),
        ({"pair": [1]}, "file: pair"),
        ({"pair": [1, 2, 3]}, "file: pair"),
        ({"pair": [1.5, 2]}, "file: pair"),
        ({"pair": [True, 2]}, "file: pair"),
        ({"many": {"number": 1}}, "file: many"),
        ({"many": [{"number": "1"}]}, "file: many: number = '1'"),
        ({"many": [{}]}, "file: many: field 'number' is missing"),
        ({"many": [3]}, "file: many: expected an object with the fields of Inner"),
        ({"by_name": [1]}, "file: by_name"),
        ({"by_name": {"k": [None]}}, "file: by_name"),
        ({"maybe": 3}, "file: maybe: expected an object"),
        ({"either": 1.5}, "file: either = 1.5"),
        ({"flag": 1}, "file: flag = 1"),
        ({"surplus": 1}, "file: unknown field 'surplus'"),
        ({"name": "a\x1b[31mb"}, r"file: name = 'a\x1b[31mb', expected text in one line, without control characters"),
        ({"name": "two\nlines"}, "expected text in one line"),
        ({"name": "\ud800"}, "expected text in one line"),
        ({"by_name": {"\x07": [1]}}, r"file: by_name = {'\x07': [1]}, expected text in one line"),
    ],
)
def test_anything_else_names_the_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FerBenchError) as caught:
        build(Outer, {**GOOD, **change}, "file")
    assert message in str(caught.value)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(field=st.sampled_from(sorted(GOOD)), value=anything)
@settings(max_examples=100, deadline=None)
def test_no_content_breaks_the_reader(field: str, value: Any) -> None:
    with contextlib.suppress(FerBenchError):
        build(Outer, {**GOOD, field: value}, "file")


@pytest.mark.parametrize("record", [make.train_record("clcm", "fer2013"), make.profile_record("clcm")])
def test_what_was_saved_comes_back(record: TrainRecord | ProfileRecord, tmp_path: Path) -> None:
    assert records.load(records.save(tmp_path, record), type(record)) == record


def test_a_test_and_statistics_come_back(tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    test = dataclasses.replace(
        make.eval_record("clcm", "fer2013", "fer2013", matrix=make.flat("fer2013", 8)),
        parts={"PrivateTest": make.flat("private", 5), "PublicTest": make.flat("public", 3)},
    )
    assert records.load(records.save(results.records, test), EvalRecord) == test
    for model in ("clcm", "mobilenetv2"):
        records.save(results.records, make.profile_record(model))
    statistics = make.save_statistics(results)
    assert records.load_all(results.records, StatisticsRecord) == [statistics]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content.pop("accuracy"), "field 'accuracy' is missing"),
        (lambda content: content.update(accuracy=0.5), "accuracy 0.5 is not the matrix's"),
        (lambda content: content.update(accuracy=float("nan")), "accuracy = nan, expected"),
        (lambda content: content.update(accuracy=float("inf")), "accuracy = inf, expected"),
        (lambda content: content.update(accuracy=10**400), "expected a number"),
        (lambda content: content.update(n="many"), "n = 'many', expected a whole number"),
        (lambda content: content.update(confusion_matrix=3), "confusion_matrix = 3, expected a list"),
        (lambda content: content.update(origin="drawn"), 'origin = \'drawn\', expected one of "real", "synthetic"'),
        (lambda content: content.update(schema=99), "wrote it, or move it away and run fer-bench evaluate again"),
        (lambda content: content.update(kind="train"), "not a eval record"),
        (lambda content: content["confusion_matrix"][0].pop(), "confusion_matrix is not 7 x 7"),
        (lambda content: content.update(parts={"a": [[1]]}), "parts do not add up"),
    ],
)
def test_an_edited_record_is_refused(edit: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    path = records.save(tmp_path, make.eval_record("clcm", "fer2013", "fer2013"))
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FerBenchError, match="fer2013") as caught:
        records.load(path, EvalRecord)
    assert message in str(caught.value)


def changed_sample(content: dict[str, Any], **changes: object) -> None:
    next(iter(content["latency"].values()))[0].update(changes)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content.update(trainable_parameters=-3), "trainable_parameters is -3, expected at least 0"),
        (lambda content: content.update(flops_paper_rule=-1), "flops_paper_rule is -1"),
        (lambda content: content.update(peak_activation_bytes=-1), "peak_activation_bytes is -1"),
        (lambda content: content.update(image_size=0), "images of 0 pixels"),
        (lambda content: content.update(resident_bytes={"build": [-1, 5]}), "resident_bytes of build is -1"),
        (lambda content: content.update(memory={"openvino": [-1, 5]}), "memory of openvino is -1"),
        (lambda content: content.update(memory={"openvino": [9, 5]}), "memory of openvino, peak over before, is -4"),
        (
            lambda content: content.update(throughput={"keras-call": {"8": [0.0]}}),
            "keras-call, batch 8: a time of 0.0 s",
        ),
        (lambda content: changed_sample(content, seconds=-5), "a time of -5.0 s, expected more than 0"),
        (lambda content: changed_sample(content, order=content["latency"]["keras-call"][1]["order"]), "the same order"),
    ],
)
def test_an_edited_profile_is_refused(edit: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    refuses(records.save(tmp_path, make.profile_record("clcm")), ProfileRecord, edit, message)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content["history"][0].update(val_accuracy=7.5), "epoch 0 of the history has an accuracy"),
        (lambda content: content["history"][0].update(loss=-2), "epoch 0 of the history"),
        (lambda content: content["history"][-1].update(val_accuracy=1), "the earliest with the highest validation"),
        (lambda content: content.update(best_epoch=99), "best_epoch is 99, but the history has"),
        (lambda content: content.update(n_train=0), "0 training"),
    ],
)
def test_an_edited_training_is_refused(edit: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    record = make.train_record("clcm", "fer2013")
    first = record.history[0]
    epochs = tuple(dataclasses.replace(first, val_accuracy=value) for value in (0.5, 0.6, 0.6))
    record = dataclasses.replace(record, history=epochs, best_epoch=1)
    refuses(records.save(tmp_path, record), TrainRecord, edit, message)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content.update(p=1.5), "alpha 0.05 and p 1.5"),
        (lambda content: content.update(f=-1), "a negative standard deviation or F"),
        (lambda content: content["sd"].update(clcm=-1), "a negative standard deviation or F"),
        (lambda content: content["mean"].pop("clcm"), "n, mean and sd are not of its models"),
        (lambda content: content["pairs"][0].update(a="resnet"), "resnet and mobilenetv2: a pair of models that are"),
        (lambda content: content["pairs"][0].update(p=-1), "p -1.0, significant"),
        (
            lambda content: content["pairs"][0].update(significant=not content["pairs"][0]["significant"]),
            "at level 0.05",
        ),
    ],
)
def test_edited_statistics_are_refused(edit: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    results = make.results_in(tmp_path)
    for model in ("clcm", "mobilenetv2"):
        records.save(results.records, make.profile_record(model))
    path = records.path_of(results.records, make.save_statistics(results))
    refuses(path, StatisticsRecord, edit, message)


def refuses(path: Path, kind: Any, edit: Callable[[dict[str, Any]], object], message: str) -> None:
    """Require that a record loads, and that it does not once it has been edited."""
    records.load(path, kind)
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FerBenchError, match=re.escape(str(path))) as caught:
        records.load(path, kind)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("record", "command"),
    [
        (make.train_record("clcm", "fer2013"), "train"),
        (make.profile_record("clcm"), "profile"),
    ],
)
def test_a_record_that_is_cut_short_says_what_to_do(
    record: TrainRecord | ProfileRecord, command: str, tmp_path: Path
) -> None:
    path = records.save(tmp_path, record)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FerBenchError, match=rf"not readable as JSON .*; put a copy .* run fer-bench {command} again"):
        records.load(path, type(record))


def test_a_record_that_must_not_be_read_is_not_said_to_be_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = records.save(tmp_path, make.train_record("clcm", "fer2013"))

    def refuses(self: Path, **kwargs: object) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", refuses)
    with pytest.raises(FerBenchError, match="Permission denied") as caught:
        records.load(path, TrainRecord)
    assert "delete" not in str(caught.value)


@pytest.mark.parametrize("what", ["locked", "a file", "a link to nothing", "in a link to nothing"])
def test_records_that_cannot_be_listed_are_not_taken_for_none(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "records"
    place = folder / "train"
    if what == "in a link to nothing":
        folder.symlink_to(tmp_path / "unmounted", target_is_directory=True)
    else:
        folder.mkdir()
        assert records.load_all(folder, TrainRecord) == []
    if what == "locked":
        records.save(folder, make.train_record("clcm", "fer2013"))

        def locked(path: Path) -> list[str]:
            raise PermissionError(13, "Permission denied", str(path))

        for listing in ("listdir", "scandir"):  # One of them is Path.glob's.
            monkeypatch.setattr(os, listing, locked)
        message = f"{place}: its records cannot be listed (Permission denied)"
    elif what == "a file":
        place.write_text("")
        message = f"{place}: its records cannot be listed (Not a directory)"
    elif what == "a link to nothing":
        place.symlink_to(tmp_path / "unmounted", target_is_directory=True)
        message = f"{place}: a link to {tmp_path}/unmounted, which is not there"
    else:
        message = f"{folder}: a link to {tmp_path}/unmounted, which is not there"
    with pytest.raises(FerBenchError, match=re.escape(message)):
        records.load_all(folder, TrainRecord)


def test_a_record_of_before_parts_still_loads(tmp_path: Path) -> None:
    record = make.eval_record("clcm", "fer2013", "fer2013")
    path = records.save(tmp_path, record)
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["parts"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert records.load(path, EvalRecord) == record


def test_records_of_before_preparations_still_load(tmp_path: Path) -> None:
    train = make.train_record("clcm", "fer2013")
    test = make.eval_record("clcm", "fer2013", "ck-plus")
    for record, field in ((train, "prepared"), (test, "target_prepared")):
        path = records.save(tmp_path, record)
        content = json.loads(path.read_text(encoding="utf-8"))
        del content[field]
        path.write_text(json.dumps(content), encoding="utf-8")
        assert records.load(path, type(record)) == record
    told = dataclasses.replace(train, prepared=(make.preparation("fer2013", complete=None),))
    assert records.load(records.save(tmp_path, told), TrainRecord) == told


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_train": 0, "n_val": 0}, "0 training and 0 validation images"),
        ({"n_val": -1}, "-1 validation images"),
        ({"best_epoch": 12}, "best_epoch is 12, but the history has 12 epochs"),
        ({"best_epoch": -1}, "best_epoch is -1"),
        ({"history": [], "best_epoch": 0}, "the history is empty"),
        ({"recipe_content": {}}, "image_size None"),
        ({"recipe_content": {**PRESETS["paper"].content(), "epochs": 99}}, "recipe_content is not that of paper-0123"),
        ({"recipe_content": {**PRESETS["paper"].content(), "epochs": {"a": 1}}}, "recipe_content is not that of"),
        ({"recipe_content": {"image_size": "48"}}, "image_size '48'"),
    ],
)
def test_a_training_record_that_contradicts_itself_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = records.save(tmp_path, make.train_record("clcm", "fer2013"))
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")
    with pytest.raises(FerBenchError, match="fer2013") as caught:
        records.load(path, TrainRecord)
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", [TrainRecord, EvalRecord, ProfileRecord])
def test_a_record_is_read_under_its_own_name_only(kind: Any, tmp_path: Path) -> None:
    made = {
        TrainRecord: make.train_record("clcm", "fer2013"),
        EvalRecord: make.eval_record("clcm", "fer2013", "ck-plus"),
        ProfileRecord: make.profile_record("clcm"),
    }
    path = records.save(tmp_path, made[kind])
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "model": "mobilenetv2"}), encoding="utf-8")
    for read in (lambda: records.load(path, kind), lambda: records.load_all(tmp_path, kind)):
        with pytest.raises(FerBenchError, match=rf"{path.name}: holds the record mobilenetv2__.*remove it"):
            read()


@pytest.mark.skipif(sys.platform == "win32", reason="names there are text")
def test_the_name_of_a_weights_file_fits_into_a_record_whatever_it_is(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9\n.h5")
    path.write_bytes(b"weights")
    start = start_from(str(path))
    assert (start.kind, start.source) == ("imagenet", r"caf\udce9\n.h5")
    record = dataclasses.replace(make.train_record("clcm", "fer2013"), start=start)
    assert records.load(records.save(tmp_path, record), TrainRecord).start == start
