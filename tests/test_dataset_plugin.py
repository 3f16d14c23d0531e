"""A dataset of another package: a real one, built and installed, that fer-bench finds by its entry point."""

import json
import re
from pathlib import Path

import pytest
from plugin_package import README, fer_bench, install, readme_module


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package and install it into a folder of its own."""
    module = readme_module("CARD = DatasetCard(")
    return install(tmp_path_factory.mktemp("plugin"), "my-faces", "datasets", {"my-faces": "CARD"}, module)


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
