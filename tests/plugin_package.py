"""A package of somebody else's, built and installed for a test as its author would."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from fer_bench import plugins
from fer_bench.datasets import dataset_cards
from fer_bench.models import model_cards

PACKAGE = Path(__file__).parent.parent / "fer_bench"


def readme_module(kind: str) -> str:
    """Return the Python example of ``fer_bench/KIND/README.md``, so that it works."""
    text = (PACKAGE / kind / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return str(block)


def install(folder: Path, name: str, kind: str, points: Mapping[str, str], content: str) -> Path:
    """Build and install a package of one module; return the folder to put on the path.

    Args:
        folder: where to work.
        name: of the distribution; the module is the same with underscores.
        kind: ``models`` or ``datasets``.
        points: object of the module by entry point.
        content: of the module.
    """
    missing = [needed for needed in ("pip", "setuptools", "wheel") if importlib.util.find_spec(needed) is None]
    if missing:
        pytest.skip(f"a package cannot be built without {', '.join(missing)}")
    module = name.replace("-", "_")
    (folder / "package").mkdir()
    (folder / f"package/{module}.py").write_text(content)
    lines = "\n".join(f'{point} = "{module}:{target}"' for point, target in points.items())
    (folder / "package/pyproject.toml").write_text(f"""
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.0"
dependencies = ["fer-bench"]

[project.entry-points."fer_bench.{kind}"]
{lines}

[tool.setuptools]
py-modules = ["{module}"]
""")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--target")
    command = [sys.executable, "-m", "pip", "install", *options, str(folder / "site"), str(folder / "package")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def offer(site: Path, distribution: str, kind: str, points: Mapping[str, str], modules: Mapping[str, str]) -> None:
    """Put a distribution into a folder on the path as an installer leaves it, without the seconds that one takes.

    Args:
        site: the folder.
        distribution: its name; the version is 2.0.
        kind: ``models`` or ``datasets``.
        points: ``module:object`` by entry point.
        modules: content by module.
    """
    folder = site / f"{distribution.replace('-', '_')}-2.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (folder / "entry_points.txt").write_text(f"[fer_bench.{kind}]\n{lines}")
    for module, text in modules.items():
        (site / f"{module}.py").write_text(text)
        sys.modules.pop(module, None)
    forget()


def forget() -> None:
    """Let fer-bench look for other packages anew."""
    for cached in (model_cards, dataset_cards, plugins._offers, plugins._loaded):
        cached.cache_clear()


def fer_bench(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the package is installed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), *filter(None, sys.path)])}
    command = [sys.executable, "-m", "fer_bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=site)
