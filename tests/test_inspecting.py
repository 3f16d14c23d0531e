"""The command inspect, on folders that it cannot be sure of."""

import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fer_bench.cli import app
from fer_bench.errors import FerBenchError


def inspect(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["inspect", *arguments])
    if result.exception:
        raise result.exception
    return result.stdout


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"a picture")


def test_class_folders_of_any_dataset_lead_to_a_card(tmp_path: Path) -> None:
    put(tmp_path, "train/happy/1.jpg", "train/sad/1.jpg")
    shown = inspect(str(tmp_path))
    assert "fer-bench prepare affectnet" in shown
    assert "fer-bench prepare --card FILE" in shown


def test_numbers_that_fit_two_datasets_are_neither_of_them(tmp_path: Path) -> None:
    put(tmp_path, *(f"{part}/{code}/im.jpg" for part in ("train", "test") for code in range(7)))
    with pytest.raises(FerBenchError, match=r"no dataset that fer-bench knows.* prepare --card FILE") as error:
        inspect(str(tmp_path))
    assert "may be numbered as AffectNet's are (0 neutral) or FER-2013's (0 angry)" in str(error.value)


def test_a_table_with_another_separator_gets_its_reason(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text("emotion;pixels;Usage\n", encoding="utf-8")
    with pytest.raises(FerBenchError, match="its first line holds: emotion;pixels;Usage"):
        inspect(str(tmp_path))


def commands(shown: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in shown.splitlines() if line.startswith("fer-bench prepare")]


def table(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("emotion,pixels,Usage\n", encoding="utf-8")


def test_the_commands_are_as_the_shell_takes_them(tmp_path: Path) -> None:
    table(tmp_path / "my data (1)/fer2013.csv")
    source = str(tmp_path / "my data (1)")
    assert commands(inspect(source)) == [["prepare", "fer2013", "--source", source]]


def test_two_copies_in_an_archive_must_be_unpacked(tmp_path: Path) -> None:
    for name in ("new", "old"):
        table(tmp_path / "twice" / name / "fer2013.csv")
    archive = shutil.make_archive(str(tmp_path / "both"), "zip", tmp_path / "twice")
    shown = inspect(archive)
    assert commands(shown) == []
    assert "Unpack the archive first, and inspect the folder" in shown


def test_the_commands_choose_between_two_layouts_and_between_two_copies(tmp_path: Path) -> None:
    table(tmp_path / "mixed/fer2013.csv")
    put(tmp_path / "mixed", "train/angry/Training_1.jpg", "test/angry/PublicTest_2.jpg")
    mixed = str(tmp_path / "mixed")
    assert commands(inspect(mixed)) == [
        ["prepare", "fer2013", "--source", mixed, "--layout", "csv"],
        ["prepare", "fer2013", "--source", mixed, "--layout", "folders"],
    ]
    for name in ("new", "old"):
        table(tmp_path / "twice" / name / "fer2013.csv")
    assert commands(inspect(str(tmp_path / "twice"))) == [
        ["prepare", "fer2013", "--source", str(tmp_path / "twice" / name), "--layout", "csv"] for name in ("new", "old")
    ]
