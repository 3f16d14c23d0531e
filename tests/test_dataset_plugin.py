"""A dataset of another package: a real one, built and installed, that fer-bench finds by its entry point."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plugin_package import PACKAGE, fer_bench, forget, install, offer, readme_module
from typer.testing import CliRunner, Result

from fer_bench.cli import app
from fer_bench.datasets import broken_datasets, card_names, dataset_card, dataset_cards
from fer_bench.datasets.recognition import doubts, inspect, recognise
from fer_bench.doctor.machine import check_disk
from fer_bench.doctor.packages import check_plugins
from fer_bench.errors import FerBenchError
from fer_bench.lookup import open_prepared
from fer_bench.workspace import Workspace

MODULE = readme_module("datasets")
OWN = ["fer2013", "raf-db", "affectnet", "ck-plus"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package and install it into a folder of its own."""
    return install(tmp_path_factory.mktemp("plugin"), "my-faces", "datasets", {"my-faces": "CARD"}, MODULE)


def test_an_installed_dataset_is_listed_like_the_built_in_ones(installed: Path) -> None:
    done = fer_bench(installed, "datasets", "my-faces", "--json")
    assert done.returncode == 0, done.stderr
    (card,) = json.loads(done.stdout)
    assert (card["name"], card["title"], card["trainable"]) == ("my-faces", "My faces", False)
    assert card["licence"] == "CC0."
    assert "tensorflow" not in done.stderr.lower()


def test_an_installed_dataset_is_prepared_like_the_built_in_ones(installed: Path, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    from fer_bench.emotions import EMOTIONS

    (tmp_path / "data/faces").mkdir(parents=True)
    for shade, emotion in enumerate(EMOTIONS):
        assert cv2.imwrite(str(tmp_path / f"data/faces/anna_{emotion}_1.png"), np.full((60, 60), shade * 20, np.uint8))
    options = ("--source", str(tmp_path / "data"), "--workspace", str(tmp_path / "workspace"), "--json")
    done = fer_bench(installed, "prepare", "my-faces", *options)
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert (manifest["dataset"], manifest["layout"], manifest["n"]) == ("my-faces", "pictures", 7)
    assert manifest["counts"]["parts"] == {"faces": [1] * 7}
    (tmp_path / "data/faces/anna_contempt_1.png").write_bytes(b"")
    refused = fer_bench(installed, "prepare", "my-faces", *options)
    assert refused.returncode == 2
    assert "anna_contempt_1.png" in refused.stderr
    assert "emotion 'contempt', expected one of angry" in refused.stderr


def test_the_readmes_card_of_a_folder_is_valid(tmp_path: Path) -> None:
    from fer_bench.datasets.folder_card import load_card

    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    text = next(block for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "[splits]" in block)
    (tmp_path / "my-faces.toml").write_text(text, encoding="utf-8")
    card = load_card(tmp_path / "my-faces.toml")
    assert (card.name, card.size, card.trainable) == ("my-faces", (96, 96), True)


# A broken one harms no other.

Add = Callable[..., None]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """Adds a distribution with one dataset."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def added(distribution: str, point: str, text: str | None) -> None:
        module = distribution.replace("-", "_")
        content = {} if text is None else {module: text}
        offer(site, distribution, "datasets", {point: f"{module}:CARD"}, content)

    yield added
    monkeypatch.undo()
    forget()


def card_of(name: str) -> str:
    return MODULE.replace('name="my-faces"', f'name="{name}"')


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], terminal_width=300)


def test_a_dataset_that_cannot_be_loaded_is_left_out_and_told(add: Add, tmp_path: Path) -> None:
    add("broken-faces", "gone", "import nowhere_at_all\n")
    add("leaving-faces", "leaves", "import sys\nsys.exit('licence expired')\n")
    add("good-faces", "good", card_of("good"))
    assert list(dataset_cards()) == [*OWN, "good"]
    told = broken_datasets()
    assert told == {
        "gone": "dataset 'gone' of the distribution broken-faces 2.0 (entry point broken_faces:CARD) cannot be loaded: "
        "ModuleNotFoundError: No module named 'nowhere_at_all'; repair or uninstall that distribution",
        "leaves": "dataset 'leaves' of the distribution leaving-faces 2.0 (entry point leaving_faces:CARD) cannot be "
        "loaded: SystemExit: licence expired; repair or uninstall that distribution",
    }
    place = Workspace(tmp_path / "w")
    listed = invoke("datasets", "--json", "-w", place.root)
    assert listed.exit_code == 0
    assert [item["name"] for item in json.loads(listed.stdout)] == [*OWN, "good"]
    assert listed.stderr.count("fer-bench: left out: dataset ") == 2
    for name in told:
        for asked in (
            lambda name=name: dataset_card(name),
            lambda name=name: open_prepared(place, name),
        ):
            with pytest.raises(FerBenchError) as caught:
                asked()
            assert str(caught.value) == told[name]
        assert str(invoke("datasets", name, "-w", place.root).exception) == told[name]
    assert check_disk(place)[0].state != "error"
    found = {finding.check: finding for finding in check_plugins()}
    assert [(check, finding.state) for check, finding in found.items()] == [
        ("dataset gone", "warning"),
        ("dataset good", "ok"),
        ("dataset leaves", "warning"),
    ]
    assert (found["dataset gone"].found, found["dataset good"].found) == (told["gone"], "good-faces 2.0")


def test_other_commands_go_on_with_a_broken_dataset_installed(add: Add, workspace: Workspace) -> None:
    add("loud-faces", "loud", "raise RuntimeError('imported')\n")
    assert card_names() == [*OWN, "loud"]
    where = ("-w", workspace.root)
    for command in (("datasets", "raf-db", *where), ("status", *where), ("clean", *where), ("inspect", workspace.root)):
        done = invoke(*command)
        assert "loud-faces" not in str(done.exception), command
        assert done.exit_code == 0 or command[0] == "inspect", done.output
    assert "left out: dataset 'loud' of the distribution loud-faces 2.0" in invoke("inspect", workspace.root).stderr


def test_names_and_orders_of_datasets_import_no_other_package(add: Add, tmp_path: Path) -> None:
    from fer_bench.datasets.joined import parts_of
    from fer_bench.datasets.prepared import prepared_names

    add("loud-faces", "loud", "raise RuntimeError('imported')\n")
    for name in ("a", "loud", "raf-db"):
        (tmp_path / "datasets" / name).mkdir(parents=True)
        (tmp_path / "datasets" / name / "manifest.json").write_text("{}")
    assert prepared_names(tmp_path / "datasets") == ["raf-db", "loud", "a"]
    assert parts_of("a+loud+raf-db") == ("raf-db", "loud", "a")
    assert dataset_card("fer2013").name == "fer2013"
    assert "loud_faces" not in sys.modules


@pytest.mark.parametrize(
    ("point", "text", "reason"),
    [
        ("other", card_of("my-faces"), "its card is named 'my-faces'; name the entry point and the card alike"),
        ("my-faces", "CARD = 7", "found int, expected a fer_bench.datasets.card.DatasetCard"),
        ("../../my__faces", card_of("../../my__faces"), "the name is part of file names"),
        ("my__faces", card_of("my__faces"), "the name is part of file names"),
        ("raf-db", card_of("raf-db"), "the name is that of a dataset of fer-bench"),
        ("external", card_of("external"), "records have that name for something else"),
    ],
)
def test_what_is_no_dataset_is_refused(add: Add, point: str, text: str, reason: str) -> None:
    add("odd-faces", point, text)
    assert reason in broken_datasets()[point]
    assert "odd-faces 2.0" in broken_datasets()[point]
    assert list(dataset_cards()) == OWN
    assert dataset_card("raf-db").title == "RAF-DB"


FAILS = """

def fails(path):
    raise ValueError("never tried")


import dataclasses

LAYOUT = dataclasses.replace(CARD.layouts[0], recognise=fails, doubts=fails)
CARD = dataclasses.replace(CARD, layouts=(LAYOUT, LAYOUT))
"""


SPEAKS = """

import dataclasses


def speaking(function):
    def spoken(*arguments):
        print("Looking!")
        return function(*arguments)

    return spoken


(LAYOUT,) = CARD.layouts
LAYOUT = dataclasses.replace(LAYOUT, recognise=speaking(LAYOUT.recognise), read=speaking(LAYOUT.read))
CARD = dataclasses.replace(CARD, layouts=(LAYOUT,))
"""


def test_what_a_dataset_prints_as_it_is_read_is_no_part_of_an_answer(add: Add, tmp_path: Path) -> None:
    import cv2
    import numpy as np

    add("spoken-faces", "my-faces", MODULE + SPEAKS)
    (tmp_path / "data/faces").mkdir(parents=True)
    assert cv2.imwrite(str(tmp_path / "data/faces/anna_happy_1.png"), np.zeros((60, 60), np.uint8))
    source = ("--source", tmp_path / "data", "--allow-incomplete", "--workspace", tmp_path / "w")
    for command in (("inspect", tmp_path / "data"), ("prepare", "my-faces", *source)):
        done = invoke(*command, "--json")
        assert done.exit_code == 0, done.exception
        assert json.loads(done.stdout)
        assert "Looking!" in done.stderr


def test_a_dataset_that_fails_on_folders_leaves_the_others_to_be_recognised(
    add: Add, synthetic_root: Path, tmp_path: Path
) -> None:
    add("wild-faces", "my-faces", MODULE + FAILS)
    told: list[str] = []
    assert {found.card.name for found in inspect(synthetic_root / "fer2013", told.append)} == {"fer2013"}
    expected = (
        "dataset 'my-faces' of the distribution wild-faces 2.0 (entry point wild_faces:CARD): recognise of its layout "
        "'pictures' fails: ValueError: never tried; repair or uninstall that distribution"
    )
    assert told == [expected]
    with pytest.raises(FerBenchError) as caught:
        recognise(dataset_card("my-faces"), synthetic_root / "fer2013")
    assert str(caught.value) == expected
    (tmp_path / "other").mkdir()
    assert doubts(tmp_path / "other", dataset_cards().values()) == []
    shown = invoke("inspect", synthetic_root / "fer2013")
    assert shown.exit_code == 0
    assert f"fer-bench: left out: {expected}" in shown.stderr
    assert "never tried" not in str(invoke("inspect", tmp_path / "other").exception)


def test_a_dataset_of_fer_benchs_own_that_fails_is_a_bug_and_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path) -> str | None:
        raise ValueError("a bug")

    layout = dataset_card("fer2013").layouts[0]
    monkeypatch.setitem(layout.__dict__, "recognise", fails)
    with pytest.raises(ValueError, match="a bug"):
        inspect(tmp_path)
