"""Whether a command can write its answer, told before the work: nobody waits for a file that cannot be written."""

import os
from pathlib import Path

from fer_bench.errors import FerBenchError
from fer_bench.files import require_no_device


def require_file(path: Path) -> None:
    """Require that a file can be written to ``path``, whose folders need not exist yet.

    Raises:
        FerBenchError: a folder, pipe or device is there, or the place takes no files.
    """
    if path.is_dir():
        raise FerBenchError(f"--out {path}: a folder, expected the name of a file; name one in it")
    if path.is_fifo():
        raise FerBenchError(f"--out {path}: a pipe, expected the name of a file; name another")
    require_no_device(path)
    require_folder(path.parent)


def require_folder(folder: Path) -> None:
    """Require that files can be written into ``folder``, which need not exist yet.

    Raises:
        FerBenchError: a file is in its place, or it takes none.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise FerBenchError(f"--out {place}: a file, expected a folder; name another")
    if not os.access(place, os.W_OK | os.X_OK):
        raise FerBenchError(f"{place}: no file can be written there; name one elsewhere with --out")
