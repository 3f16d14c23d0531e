"""Which code runs, as the records tell."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import fer_bench
from fer_bench import environment, source

GIT = shutil.which("git")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A package of another place that stands for fer-bench's; what was found of it is forgotten."""
    folder = tmp_path / "checkout" / "fer_bench"
    (folder / "part").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "part/module.py").write_text("A = 1\n")
    monkeypatch.setattr(fer_bench, "__file__", str(folder / "__init__.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    forget()
    yield folder
    monkeypatch.undo()
    forget()


def forget() -> None:
    source.digest.cache_clear()
    source.commit.cache_clear()


def told() -> tuple[str, str]:
    forget()
    described = environment.describe()
    return described.code, described.commit


def git(folder: Path, *words: str) -> str:
    assert GIT
    who = {f"GIT_{role}_{item}": "a@b" for role in ("AUTHOR", "COMMITTER") for item in ("NAME", "EMAIL")}
    found = subprocess.run(
        [GIT, "-C", str(folder), *words], env=os.environ | who, check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def test_the_digest_is_of_every_module_and_where_it_lies(package: Path) -> None:
    found = [told()[0]]
    (package / "part/module.py").write_text("A = 2\n")
    found.append(told()[0])
    (package / "part/module.py").rename(package / "module.py")
    found.append(told()[0])
    (package / "more.py").write_text("")
    found.append(told()[0])
    assert len(set(found)) == 4
    # What a run leaves in the folder is no module.
    (package / "__pycache__").mkdir()
    (package / "__pycache__/module.cpython-311.pyc").write_bytes(b"x")
    assert told()[0] == found[-1]
    assert all(len(digest) == 64 for digest in found)


def test_an_installed_package_has_no_commit(package: Path) -> None:
    assert told()[1] == ""


@pytest.mark.skipif(GIT is None, reason="needs git")
def test_a_checkout_tells_its_commit_and_whether_modules_differ_from_it(package: Path) -> None:
    checkout = package.parent
    git(checkout, "init", "-q")
    assert told()[1] == ""  # No commit yet.
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "first")
    head = git(checkout, "rev-parse", "HEAD")
    assert told()[1] == head
    (checkout / "README.md").write_text("What is no code changes no result.\n")
    (package / "notes.txt").write_text("")
    assert told()[1] == head
    (package / "part/module.py").write_text("A = 2\n")
    assert told()[1] == f"{head}+"
    git(checkout, "checkout", "-q", ".")
    (package / "new.py").write_text("")
    assert told()[1] == f"{head}+"


@pytest.mark.skipif(GIT is None, reason="needs git")
def test_a_package_installed_within_another_checkout_is_not_of_its_commit(package: Path) -> None:
    outer = package.parents[1]
    git(outer, "init", "-q")
    git(outer, "commit", "-q", "--allow-empty", "-m", "of something else")
    assert told()[1] == ""


def test_without_git_there_is_no_commit(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package.parent / ".git").mkdir()
    assert told()[1] == ""  # Git refuses that folder.
    monkeypatch.setattr(shutil, "which", lambda name: None)
    code, commit = told()
    assert code
    assert commit == ""
