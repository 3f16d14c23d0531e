"""The command inspect, on folders that it cannot be sure of."""

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
    with pytest.raises(FerBenchError, match=r"no dataset that fer-bench knows.* fer-bench prepare --card FILE"):
        inspect(str(tmp_path))
