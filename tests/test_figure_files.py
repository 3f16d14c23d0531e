"""Files of the figures: what is written, what goes, and how a stale one is found."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import evidence_factory as given_
import pytest
import record_factory as make
from advice import commands, follow
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from typer.testing import CliRunner

from fer_bench import records
from fer_bench.cli import app
from fer_bench.errors import FerBenchError
from fer_bench.figures import Drawing, build_figures, check_figures, write_figures
from fer_bench.selection import Evidence
from fer_bench.workspace import Workspace


@pytest.mark.skipif(sys.platform == "win32", reason="limits of Unix")
def test_a_full_disk_is_told_with_the_figure_and_no_half_one_is_left(tmp_path: Path) -> None:
    import resource

    make.save_run(Workspace(tmp_path).results, "clcm", "fer2013")
    result = subprocess.run(
        [sys.executable, "-m", "fer_bench", "figures", "--workspace", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert result.returncode == 2, result.stderr
    assert "reports/figures/learning-curves-fer2013.pdf: File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "reports" / "figures").iterdir()) == []


def small() -> Evidence:
    return given_.evidence(given_.block("fer2013", ("clcm",), targets=("",)), profiles=())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Drawing]]:
    folder = tmp_path_factory.mktemp("figures")
    drawings = build_figures(small())
    names = [path.name for path in write_figures(drawings, folder)]
    assert names == [
        "learning-curves-fer2013.pdf",
        "learning-curves-fer2013.png",
        "confusion-fer2013-on-fer2013.pdf",
        "confusion-fer2013-on-fer2013.png",
        "per-class-fer2013-on-fer2013.pdf",
        "per-class-fer2013-on-fer2013.png",
        "figures.json",
    ]
    return folder, drawings


@pytest.fixture
def folder(written: tuple[Path, list[Drawing]], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(written[0], tmp_path / "figures")


def test_the_pictures_are_what_their_names_say_without_dates(written: tuple[Path, list[Drawing]]) -> None:
    for path in written[0].iterdir():
        content = path.read_bytes()
        start = {".png": b"\x89PNG", ".pdf": b"%PDF", ".json": b"{\n"}[path.suffix]
        assert content.startswith(start)
        assert b"CreationDate" not in content
        assert b"matplotlib.org" not in content.lower()


def test_the_values_are_readable_with_a_list_of_numbers_on_a_line(written: tuple[Path, list[Drawing]]) -> None:
    text = (written[0] / "figures.json").read_text(encoding="utf-8")
    content = json.loads(text)
    assert list(content) == [drawing.name for drawing in written[1]]
    loss = content["learning-curves-fer2013"]["models"][0]["runs"][0]["loss"]
    assert f'     "loss": {json.dumps(loss)},\n' in text


def test_fresh_files_pass(written: tuple[Path, list[Drawing]]) -> None:
    assert check_figures(written[1], written[0]) == []


def test_other_pixels_of_the_same_values_pass(folder: Path, written: tuple[Path, list[Drawing]]) -> None:
    """As another matplotlib would draw them."""
    path = folder / "learning-curves-fer2013.png"
    with Image.open(path) as image:
        kept = PngInfo()
        for key, value in image.info.items():
            if isinstance(value, str):
                kept.add_text(key, value)
        image.convert("L").save(path, pnginfo=kept)
    assert check_figures(written[1], folder) == []


def test_a_changed_record_is_told_with_its_place_and_both_values(folder: Path) -> None:
    evidence = small()
    block = evidence.blocks["fer2013"]
    run = block.trains[0]
    history = (run.history[0], replace(run.history[1], loss=1.25), *run.history[2:])
    changed = replace(evidence, blocks={"fer2013": replace(block, trains=(replace(run, history=history),))})
    lines = check_figures(build_figures(changed), folder)
    place = "learning-curves-fer2013: models[0].runs[0].loss[1]"
    assert lines[0] == f"{place}: {run.history[1].loss:.6g} in the file, 1.25 from the records"
    assert [line.partition(" (")[0] for line in lines[1:]] == [
        "learning-curves-fer2013.pdf: drawn from other values",
        "learning-curves-fer2013.png: drawn from other values",
    ]


def test_many_changes_are_counted_not_listed(folder: Path) -> None:
    evidence = small()
    block = evidence.blocks["fer2013"]
    other = replace(block, trains=(replace(given_.train("clcm", "fer2013", seed=1), seed=0),))
    lines = check_figures(build_figures(replace(evidence, blocks={"fer2013": other})), folder)
    assert len([line for line in lines if line.startswith("learning-curves-fer2013:")]) == 4
    assert any("more places" in line for line in lines)


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda f: (f / "figures.json").unlink(), "figures.json: missing"),
        (lambda f: (f / "per-class-fer2013-on-fer2013.png").unlink(), "per-class-fer2013-on-fer2013.png: missing"),
        (
            lambda f: Image.new("RGB", (9, 9)).save(f / "per-class-fer2013-on-fer2013.png"),
            "per-class-fer2013-on-fer2013.png: not drawn by fer-bench figures",
        ),
        (
            lambda f: (f / "per-class-fer2013-on-fer2013.pdf").rename(f / "trade-off-old.pdf"),
            "trade-off-old.pdf: the records no longer give this figure",
        ),
        (
            lambda f: (f / "figures.json").write_text((f / "figures.json").read_text() + "\n"),
            "figures.json: the right values, but not as fer-bench writes them",
        ),
    ],
)
def test_what_is_wrong_with_the_files_is_told(
    folder: Path, written: tuple[Path, list[Drawing]], spoil: Spoil, line: str
) -> None:
    spoil(folder)
    assert line in check_figures(written[1], folder)


def test_a_picture_of_another_figure_is_found_out(folder: Path, written: tuple[Path, list[Drawing]]) -> None:
    (folder / "per-class-fer2013-on-fer2013.png").write_bytes(
        (folder / "confusion-fer2013-on-fer2013.png").read_bytes()
    )
    (line,) = check_figures(written[1], folder)
    assert line.startswith("per-class-fer2013-on-fer2013.png: drawn from other values")


def test_unreadable_values_are_one_clear_message(folder: Path, written: tuple[Path, list[Drawing]]) -> None:
    for text in ("{", "[]"):
        (folder / "figures.json").write_text(text)
        with pytest.raises(FerBenchError, match=r"figures\.json"):
            check_figures(written[1], folder)


def test_figures_that_the_records_no_longer_give_go_and_nothing_else(folder: Path) -> None:
    for name in ("mine.png", "notes.pdf", "latency-notes.png"):
        (folder / name).write_bytes(b"mine")
    block = given_.block("fer2013", ("clcm",), targets=("",))
    paths = write_figures(build_figures(given_.evidence(replace(block, trains=()), profiles=())), folder)
    assert not any("learning" in path.name for path in paths)
    assert {path.name for path in folder.iterdir()} == {
        *(path.name for path in paths),
        "mine.png",
        "notes.pdf",
        "latency-notes.png",
    }
    assert write_figures([], folder) == []
    assert sorted(path.name for path in folder.iterdir()) == ["latency-notes.png", "mine.png", "notes.pdf"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "my runs"
    make.save_eval(Workspace(place).results, make.eval_record("clcm", "fer2013", "fer2013"))
    return place


def command(*arguments: str, workspace: Path) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, [*arguments, "--local", "--workspace", str(workspace)])
    return found.exit_code, found.stdout, found.stderr


def test_the_commands_say_what_is_stale_and_write_nothing(workspace: Path) -> None:
    code, out, err = command("figures", "--check", workspace=workspace)
    assert code == 1
    assert out.startswith("figures.json: missing\n")
    assert commands(err) == [["figures", "--local", "--workspace", str(workspace)]]
    code, _, err = command("report", "--check", workspace=workspace)
    assert code == 1
    assert not (workspace / "reports").exists()
    follow(err)
    for name in ("figures", "report"):
        assert command(name, "--check", workspace=workspace)[0] == 0


def test_a_changed_record_makes_figures_and_report_stale(workspace: Path) -> None:
    command("report", workspace=workspace)
    results = Workspace(workspace).results
    make.save_eval(results, make.eval_record("shufflenetv2", "fer2013", "fer2013"))
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    code, out, _ = command("figures", "--check", workspace=workspace)
    assert code == 1
    assert "confusion-fer2013-on-fer2013: models: 1 in the file, 2 from the records" in out
    code, out, _ = command("report", "--check", workspace=workspace)
    assert code == 1
    assert {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()} == before
    command("figures", workspace=workspace)
    code, out, err = command("report", "--check", workspace=workspace)
    assert code == 1
    assert any(line.startswith("+") and "ShuffleNetV2" in line for line in out.splitlines())
    assert len(out) < 60_000, "pictures stand in the diff by their checksum"
    assert commands(err) == [["report", "--local", "--workspace", str(workspace)]]


def german() -> str:
    """Return a German locale, or the plainest one where there is none: ASCII."""
    found = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    return next((name for name in found if name.lower() in ("de_de.utf8", "de_de.utf-8")), "C")


SCRIPT = """
import sys
from typer.testing import CliRunner
from fer_bench.cli import app
for name in ("figures", "report"):
    found = CliRunner().invoke(app, [name, "--check", "--local", "--workspace", sys.argv[1]])
    assert found.exit_code == 0, found.output
assert "matplotlib" not in sys.modules
found = CliRunner().invoke(app, ["figures", "--local", "--workspace", sys.argv[1]])
assert found.exit_code == 0, found.output
found = CliRunner().invoke(app, ["report", "--local", "--workspace", sys.argv[1]])
assert found.exit_code == 0, found.output
assert not {"tensorflow", "keras", "scipy"} & set(sys.modules)
"""


@pytest.mark.slow
def test_the_same_bytes_in_any_locale_time_zone_hash_seed_and_matplotlib_configuration(workspace: Path) -> None:
    """A check needs no matplotlib."""
    results = Workspace(workspace).results
    records.save(results.records, make.profile_record("clcm"))
    command("report", workspace=workspace)
    before = {path.name: path.read_bytes() for path in results.reports.rglob("*") if path.is_file()}
    assert len(before) == 2 + 1 + 2 * 4
    settings = workspace / "settings"
    settings.mkdir()
    (settings / "matplotlibrc").write_text("figure.figsize: 3, 3\nfont.size: 20\naxes.formatter.use_locale: True\n")
    environment = {
        **os.environ,
        "LC_ALL": german(),
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "TZ": "Pacific/Chatham",
        "PYTHONHASHSEED": "7",
        "MATPLOTLIBRC": str(settings),
    }
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(workspace)], env=environment, capture_output=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert {path.name: path.read_bytes() for path in results.reports.rglob("*") if path.is_file()} == before
