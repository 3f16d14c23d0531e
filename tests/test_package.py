"""The package as a user installs it: built, installed into a fresh environment, run from another folder, typed."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path, **environment: str) -> str:
    """Run a command outside the checkout; return what it prints on stdout."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "FER_BENCH", "MYPY"))}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env={**clean, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def in_the_checkout() -> set[str]:
    """Return the files of the package, without what Python and the system leave behind."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / "fer_bench").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with an sdist, and the wheel that it gives, built by what is installed here."""
    missing = [name for name in ("pip", "setuptools") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"a package cannot be built without {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"  # A build writes beside the sources.
    shutil.copytree(ROOT / "fer_bench", source / "fer_bench", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", code, folder, cwd=source)
    [sdist] = folder.glob("*.tar.gz")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, sdist, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    [found] = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder of the programs of a fresh environment with the wheel, and the dependencies that are here."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", place, cwd=place.parent)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    options = ("--no-deps", "--no-index", "--disable-pip-version-check", "--no-compile", "--ignore-installed")
    run(sys.executable, "-m", "pip", "--python", programs / "python", "install", *options, wheel, cwd=place.parent)
    # A path file's entries come last, and path files in them, such as that of a checkout, are not read.
    here = [path for path in sys.path if Path(path).name == "site-packages"]
    [site] = place.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text("\n".join(here) + "\n", encoding="utf-8")
    return programs


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name and not name.endswith("/")}
    assert names == in_the_checkout()
    assert {"fer_bench/py.typed", "fer_bench/models/architectures.json"} <= names


def test_the_sdist_holds_what_the_wheel_is_built_from(built):
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= in_the_checkout() | {"pyproject.toml", "README.md", "LICENSE"}


def test_the_metadata_says_what_it_is_and_needs(wheel):
    import tomllib

    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(name).decode("utf-8")
        assert any(name.endswith("LICENSE") for name in archive.namelist())
    metadata = HeaderParser().parsestr(text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["Name"] == "fer-bench"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Author"] == "The fer-bench authors"
    assert "Paper, https://doi.org/10.1109/ACCESS.2024.3380847" in metadata.get_all("Project-URL", [])
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in metadata.get_all("Classifier", [])
    assert set(metadata.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])
    needed = {line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert needed == set(project["dependencies"])
    assert "fer-bench run-all" in str(metadata.get_payload())


def test_the_version_is_the_packages(wheel):
    from fer_bench import __version__

    assert wheel.name == f"fer_bench-{__version__}-py3-none-any.whl"
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_it_runs_from_another_folder(installed, tmp_path):
    place = run(installed / "python", "-c", "import fer_bench; print(fer_bench.__file__)", cwd=tmp_path).strip()
    assert Path(place).is_relative_to(installed.parent)
    program = installed / "fer-bench"
    assert run(program, "--version", cwd=tmp_path).startswith("fer-bench ")
    assert "Usage: fer-bench train" in run(program, "train", "--help", cwd=tmp_path)
    assert '"shufflenetv2"' in run(program, "models", "--json", cwd=tmp_path)
    run(program, "synthesize", "ck-plus", "faces", "--test", "7", "--quiet", cwd=tmp_path)
    run(program, "prepare", "ck-plus", "--source", "faces", "--quiet", cwd=tmp_path)
    run(program, "tables", "--local", cwd=tmp_path)  # Tables 2 and 3 come from a data file of the package.
    assert "bottleneck" in (tmp_path / "workspace/tables/table02.md").read_text(encoding="utf-8").lower()
    assert "synthesize" not in (tmp_path / "workspace/fer-bench.log").read_text(encoding="utf-8")
    assert "prepare ck-plus" in (tmp_path / "workspace/fer-bench.log").read_text(encoding="utf-8")
    same = run(installed / "python", "-m", "fer_bench", "--version", cwd=tmp_path)
    assert same == run(program, "--version", cwd=tmp_path)


CONSUMER = """
from pathlib import Path

from fer_bench.presets import load_recipe
from fer_bench.workspace import Workspace

recipe = load_recipe("paper")
reveal_type(recipe.epochs)
reveal_type(Workspace(Path("x")).weights("clcm"))
load_recipe(3)
recipe.epoch
"""


def test_the_types_are_there_for_those_who_use_it(installed, tmp_path):
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    (tmp_path / "consumer.py").write_text(CONSUMER, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(installed / "python")]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache"), "--config-file=", "consumer.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MYPY"))},
    )
    told = [re.sub(r"builtins\.", "", line.partition(": ")[2]) for line in done.stdout.splitlines()[:-1]]
    assert told == [
        'note: Revealed type is "int"',
        'note: Revealed type is "pathlib.Path"',
        'error: Argument 1 to "load_recipe" has incompatible type "int"; expected "str"  [arg-type]',
        'error: "Recipe" has no attribute "epoch"; maybe "epochs"?  [attr-defined]',
    ], done.stdout + done.stderr
