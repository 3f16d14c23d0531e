"""The page on the paper's open questions: its table holds the published records, all of them, with their figures."""

import re
from pathlib import Path

from fer_bench.accuracy.intervals import wilson
from fer_bench.records import EvalRecord, TrainRecord, load_all
from fer_bench.selection.parts import private_test

REPORTS = Path(__file__).parent.parent / "reports"
ROW = re.compile(
    r"^\| `([^`]+)` \|.*\| (ImageNet|random) \| ([\d.]+) \| ([\d.]+ \([\d.]+ to [\d.]+\)) \| ([\d.]+) \|",
    re.MULTILINE,
)


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
    text = (REPORTS / "reproduction.md").read_text(encoding="utf-8")
    runs = {record.cell_id: record for record in load_all(REPORTS / "records", TrainRecord)}
    tests = [test for test in load_all(REPORTS / "records", EvalRecord) if test.target == test.dataset == "fer2013"]
    ids = {"cpu48": "cpu48-3d7823a6", "paper-bf16": "paper-bf16-cb952ead"}
    expected = sorted((runs[test.cell_id].recipe, *figures(runs[test.cell_id], test)) for test in tests)
    found = sorted((ids.get(row[0], row[0]), *row[1:]) for row in ROW.findall(text))
    assert found == expected
