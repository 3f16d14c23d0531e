"""The page on the paper's open questions: it holds the published records, all of them, with their figures."""

import itertools
import re
import shlex
from pathlib import Path

from fer_bench import metrics
from fer_bench.accuracy.intervals import wilson
from fer_bench.emotions import EMOTIONS
from fer_bench.lookup import cell_of
from fer_bench.records import EvalRecord, TrainRecord, load_all
from fer_bench.selection.parts import private_test

REPORTS = Path(__file__).parent.parent / "reports"
ROW = re.compile(
    r"^\| `([^`]+)` \|.*\| (ImageNet|random) \| ([\d.]+) \| ([\d.]+ \([\d.]+ to [\d.]+\)) \| ([\d.]+) \|",
    re.MULTILINE,
)


TEXT = (REPORTS / "reproduction.md").read_text(encoding="utf-8")


def figures(run: TrainRecord, test: EvalRecord) -> tuple[str, ...]:
    """Return what a row says of a run, percentages with one decimal."""
    right = sum(row[k] for k, row in enumerate(test.confusion_matrix))
    low, high = wilson(right, test.n)
    private = private_test(test)
    assert private is not None
    of_private = sum(row[k] for k, row in enumerate(private)) / sum(map(sum, private))
    start = "random" if run.start.kind == "random" else "ImageNet"
    values = (
        f"{100 * run.best.val_accuracy:.1f}",
        f"{100 * test.accuracy:.1f} ({100 * low:.1f} to {100 * high:.1f})",
        f"{100 * of_private:.1f}",
    )
    return (start, *values)


def test_its_table_is_what_the_records_say():
    runs = {record.cell_id: record for record in load_all(REPORTS / "records", TrainRecord)}
    tests = [test for test in load_all(REPORTS / "records", EvalRecord) if test.target == test.dataset == "fer2013"]
    ids = {"cpu48": "cpu48-3d7823a6", "paper-bf16": "paper-bf16-cb952ead"}
    expected = sorted((runs[test.cell_id].recipe, *figures(runs[test.cell_id], test)) for test in tests)
    found = sorted((ids.get(row[0], row[0]), *row[1:]) for row in ROW.findall(TEXT))
    assert found == expected


def test_what_was_run_is_every_published_run(tmp_path, monkeypatch):
    """The commands as they stand there, in the words of the cells that they train."""
    for name, content in re.findall(r"`([\w-]+\.toml)`:\n\n```toml\n(.*?)```", TEXT, re.DOTALL):
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    [block] = re.findall(r"## What was run\n\n```sh\n(.*?)```", TEXT, re.DOTALL)
    told = []
    for line in block.replace("\\\n", "").splitlines():
        words = shlex.split(line)
        words = words[words.index("fer-bench") + 1 :]
        options = [(name, value) for name, value in itertools.pairwise(words) if name.startswith("--")]
        one = dict(options)
        recipe = one["--recipe"] + (f"+freeze{one['--freeze-layers']}" if "--freeze-layers" in one else "")
        # A file for run-all is where those models start that the recipe starts from ImageNet weights.
        weights = one.get("--weights") if words[0] == "train" else None
        for model in (value for name, value in options if name == "--model"):
            told.append(cell_of(model, "fer2013", recipe, int(one.get("--seed", 0)), weights).id)
    assert sorted(told) == sorted(record.cell_id for record in load_all(REPORTS / "records", TrainRecord))


def test_how_often_the_usual_head_answers_disgust():
    tests = load_all(REPORTS / "records", EvalRecord)
    shares = {
        test.cell_id: 100 * metrics.recall_per_class(test.confusion_matrix)[EMOTIONS.index("disgust")]
        for test in sorted(tests, key=lambda test: test.seed)
        if test.recipe.startswith("cpu48")
    }
    answered = {cell: share for cell, share in shares.items() if share}
    linear = answered.pop("mobilenetv2-linear__fer2013__cpu48-6f06f77a__s0")
    assert {cell.rpartition("__s")[0] for cell in answered} == {"mobilenetv2-canonical__fer2013__cpu48-3d7823a6"}
    *first, last = [f"{share:.0f}" for share in answered.values()]
    assert f"({', '.join(first)} and {last} % of its\n  images), and with linear outputs ({linear:.0f} %)" in TEXT
