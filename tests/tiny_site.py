"""A package with the model ``tiny``, in a folder for PYTHONPATH: every process of a test finds it."""

from pathlib import Path

RECIPE = """\
base = "demo"
image_size = 32
epochs = 20
batch_size = 16
dropout = 0.2
"""
_MODULE = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
import blank_figures
from tiny_network import build_tiny
from fer_bench.models.card import ModelCard

blank_figures.replace_drawing()
CARD = ModelCard(name="tiny", title="Tiny", build=build_tiny, reference="tests", trainable_parameters=2_363,
                 non_trainable_parameters=184)
"""


def write_site(folder: Path) -> None:
    """Write the package, and the recipe ``mini.toml``."""
    (folder / "tiny_plugin.py").write_text(_MODULE)
    about = folder / "tiny_plugin-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[fer_bench.models]\ntiny = tiny_plugin:CARD\n")
    (folder / "mini.toml").write_text(RECIPE)
