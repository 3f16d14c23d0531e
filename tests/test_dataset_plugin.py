"""A dataset of another package: a real one, built and installed, that fer-bench finds by its entry point."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PYPROJECT = """
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "my-faces"
version = "1.0"
dependencies = ["fer-bench"]

[project.entry-points."fer_bench.datasets"]
my-faces = "my_faces:CARD"

[tool.setuptools]
py-modules = ["my_faces"]
"""

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
MODULE = next(
    block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "CARD = DatasetCard(" in block
)
"""The example of the README, so that it works."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package and install it into a folder of its own."""
    missing = [name for name in ("pip", "setuptools", "wheel") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"a package cannot be built without {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "package").mkdir()
    (folder / "package/pyproject.toml").write_text(PYPROJECT)
    (folder / "package/my_faces.py").write_text(MODULE)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--target")
    command = [sys.executable, "-m", "pip", "install", *options, str(folder / "site"), str(folder / "package")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def fer_bench(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(installed), *filter(None, sys.path)])}
    command = [sys.executable, "-m", "fer_bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=installed)


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

    text = next(block for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[splits]" in block)
    (tmp_path / "my-faces.toml").write_text(text, encoding="utf-8")
    card = load_card(tmp_path / "my-faces.toml")
    assert (card.name, card.size, card.trainable) == ("my-faces", (96, 96), True)
