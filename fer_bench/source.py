"""Which code runs: a checkout that is pulled or edited keeps its version."""

import functools
import hashlib
import shutil
import subprocess
from pathlib import Path

import fer_bench


@functools.cache
def digest() -> str:
    """Return a SHA-256 of fer-bench's modules, as they lie there, their places in the package with them."""
    package = Path(fer_bench.__file__).parent
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        found.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()


@functools.cache
def commit() -> str:
    """Return the git commit of the checkout that runs, with ``+`` where modules differ from it.

    Empty for an installed package, and where git is missing or does not answer.
    """
    package = Path(fer_bench.__file__).resolve().parent
    git = shutil.which("git")
    if git is None or not (package.parent / ".git").exists():
        return ""

    def answer(*words: str) -> str:
        done = subprocess.run(
            [git, "--no-optional-locks", "-C", str(package), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
            errors="replace",
        )
        return done.stdout.strip()

    try:
        head = answer("rev-parse", "HEAD")
        changed = answer("status", "--porcelain", "--untracked-files=all", "--", "*.py")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{head}{'+' if changed else ''}"
