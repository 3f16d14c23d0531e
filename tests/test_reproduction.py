"""The pages on the paper's open questions: they hold the published records, all of them, with their figures."""

import itertools
import re
import shlex
from pathlib import Path

import numpy as np

from fer_bench import metrics, paper
from fer_bench.accuracy.intervals import wilson
from fer_bench.emotions import EMOTIONS
from fer_bench.lookup import cell_of
from fer_bench.records import EvalRecord, RobustnessRecord, TrainRecord, load_all
from fer_bench.robustness.summary import robustness_blocks
from fer_bench.selection.parts import private_test

REPORTS = Path(__file__).parent.parent / "reports"
ROW = re.compile(
    r"^\| `([^`]+)` \|.*\| (ImageNet|random) \| ([\d.]+) \| ([\d.]+ \([\d.]+ to [\d.]+\)) \| ([\d.]+) \|",
    re.MULTILINE,
)


IDS = {"cpu48": "cpu48-3d7823a6", "cpu96": "cpu96-df19f255", "paper-bf16": "paper-bf16-cb952ead"}
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in sorted(REPORTS.glob("reproduction*.md")))


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
    expected = sorted((runs[test.cell_id].recipe, *figures(runs[test.cell_id], test)) for test in tests)
    found = sorted((IDS.get(row[0], row[0]), *row[1:]) for row in ROW.findall(TEXT))
    assert found == expected


def test_what_was_run_is_every_published_run(tmp_path, monkeypatch):
    """The commands as they stand there, in the words of the cells that they train."""
    for name, content in re.findall(r"`([\w+-]+\.toml)`:\n\n```toml\n(.*?)```", TEXT, re.DOTALL):
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    [block] = re.findall(r"# What was run\n.*?```sh\n(.*?)```", TEXT, re.DOTALL)
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


def _listed(numbers: list[str]) -> str:
    *first, last = numbers
    return f"{', '.join(first)} and {last}" if first else last


def test_which_short_runs_have_disgust_right():
    tests = load_all(REPORTS / "records", EvalRecord)
    shares: dict[tuple[str, str], list[str]] = {}
    for test in sorted(tests, key=lambda test: test.seed):
        share = 100 * metrics.recall_per_class(test.confusion_matrix)[EMOTIONS.index("disgust")]
        if test.recipe.startswith("cpu48") and share:
            shares.setdefault((test.model, test.recipe), []).append(f"{share:.0f}")
    head, linear = (
        shares.pop(key)
        for key in (("mobilenetv2-canonical", "cpu48-3d7823a6"), ("mobilenetv2-linear", "cpu48-6f06f77a"))
    )
    others = [
        shares.pop(key)
        for key in (
            ("clcm", "cpu48+dropout0-97e9914c"),
            ("clcm-128", "cpu48-03ef5eb6"),
            ("clcm-plain", "cpu48-890f6d8a"),
        )
    ]
    assert not shares
    for shares_of, of in zip(others, ("without dropout", "with one hidden layer", "with none"), strict=True):
        assert f"{of} ({_listed(shares_of)} %)" in " ".join(TEXT.split())
    assert f"(right in {_listed(head)} % of its images)" in TEXT
    assert f"linear outputs from them ({_listed(linear)} %)" in TEXT


def table(first: str) -> list[list[str]]:
    """Return the rows of the table whose first heading is given."""
    [block] = re.findall(rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]


def evaluations(model: str, recipe: str) -> list[EvalRecord]:
    found = load_all(REPORTS / "records", EvalRecord)
    return sorted((test for test in found if (test.model, test.recipe) == (model, recipe)), key=lambda test: test.seed)


def test_what_start_and_head_are_worth():
    networks = {
        "CLCM": ("clcm", "cpu48-508e220a", "cpu48-3d7823a6"),
        "MobileNetV2, softmax kept": ("mobilenetv2", "cpu48-3d7823a6", "cpu48-7b31fa1e"),
        "MobileNetV2, linear outputs": ("mobilenetv2-linear", "cpu48-3d7823a6", "cpu48-6f06f77a"),
        "MobileNetV2, usual head": ("mobilenetv2-canonical", "cpu48-508e220a", "cpu48-3d7823a6"),
        "ShuffleNetV2": ("shufflenetv2", "cpu48-3d7823a6", None),
    }
    rows = {name: cells for name, *cells in table("network")}
    assert rows.keys() == networks.keys()
    for name, (model, *recipes) in networks.items():
        found = [100 * evaluations(model, recipe)[0].accuracy for recipe in recipes if recipe is not None]
        expected = [f"{value:.1f}" for value in found]
        expected += [f"{found[1] - found[0]:.1f}"] if len(found) == 2 else ["–", "–"]
        assert [cell.split(",")[0] for cell in rows[name]] == expected, name


def test_what_worse_pictures_cost():
    networks = {
        "CLCM, two seeds": ("clcm", "cpu96-df19f255"),
        "MobileNetV2, usual head, two seeds": ("mobilenetv2-canonical", "cpu96-df19f255"),
        "ShuffleNetV2, random start, two seeds": ("shufflenetv2", "cpu96-df19f255"),
        "MobileNetV2, usual head, random start, two seeds": ("mobilenetv2-canonical", "cpu96-412c0658"),
        "MobileNetV2, usual head, one epoch (`cpu96-1`)": ("mobilenetv2-canonical", "cpu96-1-814b7140"),
        "CLCM, 24 epochs (`cpu96-24`)": ("clcm", "cpu96-24-512272d2"),
        "CLCM without dropout (`cpu96+dropout0`)": ("clcm", "cpu96+dropout0-ae1dd65a"),
        "MobileNetV2, usual head, 24 epochs (`cpu96-24`)": ("mobilenetv2-canonical", "cpu96-24-512272d2"),
        "CLCM, trained on three corruptions (`cpu96-worse`)": ("clcm", "cpu96-worse-92bac8ba"),
        "MobileNetV2, usual head, trained on three corruptions (`cpu96-worse`)": (
            "mobilenetv2-canonical",
            "cpu96-worse-92bac8ba",
        ),
    }
    found = {
        (one.first.model, block.recipe): [one.clean, one.corrupted, one.lost]
        for block in robustness_blocks(load_all(REPORTS / "records", RobustnessRecord))
        for one in block.models
    }
    assert set(networks.values()) == found.keys()
    rows = {name: cells for name, *cells in table("worse pictures, 96 x 96")}
    assert rows.keys() == networks.keys()
    for name, key in networks.items():
        assert rows[name] == [", ".join(f"{100 * value:.1f}" for value in values) for values in found[key]], name


def test_how_near_the_runs_are_to_the_published_matrices():
    """Mean absolute difference of the 49 cells, and the correlation of the 42 off the diagonal, of all seeds."""

    def near(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
        off = ~np.eye(len(EMOTIONS), dtype=bool)
        return float(np.abs(first - second).mean()), float(np.corrcoef(first[off], second[off])[0, 1])

    published = {model: np.array(paper.TABLE8["fer2013"][model], float) for model in paper.MODELS}
    for name, *cells in table("matrix"):
        if title := re.fullmatch(r"published (\w+)", name):
            [model] = [key for key, value in paper.MODEL_TITLES.items() if value == title[1]]
            matrices = [published[model]]
        else:
            [(recipe, model)] = re.findall(r"\(`([\w+-]+)`, `([\w-]+)`\)", name)
            counts = [np.array(test.confusion_matrix, float) for test in evaluations(model, IDS.get(recipe, recipe))]
            matrices = [100 * count / count.sum(axis=1, keepdims=True) for count in counts]
        seeds = {"two seeds": 2, "three seeds": 3, "five seeds": 5}.get(name.rpartition(", ")[2], 1)
        assert len(matrices) == seeds, name
        for cell, target in zip(cells, published.values(), strict=True):
            found = sorted(near(matrix, target) for matrix in matrices)
            points, correlations = (
                [f"{value:.{digits}f}" for value in sorted(column)]
                for column, digits in zip(zip(*found, strict=True), (1, 2), strict=True)
            )
            said = [" to ".join(dict.fromkeys((values[0], values[-1]))) for values in (points, correlations)]
            assert cell == ("–" if points == ["0.0"] else f"{said[0]} ({said[1]})"), name
