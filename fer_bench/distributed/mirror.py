"""A folder that stands for the workspace on a machine that does not see it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from fer_bench.files import inside, replacing
from fer_bench.grid import Cell
from fer_bench.records import path_of, stem_of
from fer_bench.training import continuation
from fer_bench.training.checkpoint import STATE
from fer_bench.training.run_folder import remove
from fer_bench.workspace import Workspace

Send = Callable[[Mapping[str, bytes], list[str]], None]
"""Takes the files that were written, by their path below the root, and the paths of those that are gone."""


def files_of(workspace: Workspace, cell: Cell) -> dict[str, bytes]:
    """Return what a workspace holds of a cell, by path below its root: checkpoint, weights, records, predictions.

    And what it holds of a shorter run that the cell can go on from.
    """
    found: dict[str, bytes] = {}
    for place in (workspace, workspace.studies):
        paths = [*place.run(cell.id).glob("[!.]*"), place.weights(cell.id)]
        # Test sets stand between dataset and recipe; seeds end the name, so that s1 is not s10.
        name = f"{stem_of(cell.model, cell.dataset, '*', cell.recipe.id, cell.seed)}.*"
        paths += place.results.records.glob(f"*/{name}")
        found |= {path.relative_to(workspace.root).as_posix(): path.read_bytes() for path in paths if path.is_file()}
    return found | _of_shorter(workspace, cell)


def _of_shorter(workspace: Workspace, cell: Cell) -> dict[str, bytes]:
    """Return the files of the run that a cell can go on from, by path below the workspace's root; none once it has
    begun."""
    begun = (workspace.run(cell.id) / STATE).is_file() or workspace.weights(cell.id).is_file()
    shorter = None if begun else continuation.shorter(workspace, cell)
    if shorter is None:
        return {}
    run, home = shorter
    paths = (home.weights(run.cell_id), home.state(run.cell_id), path_of(home.results.records, run))
    return {path.relative_to(workspace.root).as_posix(): path.read_bytes() for path in paths}


def write(root: Path, written: Mapping[str, bytes], gone: list[str]) -> None:
    """Write files below ``root`` in their order, each whole or not at all, then remove those that are gone.

    Raises:
        FerBenchError: a path leads out of ``root``.
    """
    for name, content in written.items():
        with replacing(inside(root, name)) as temporary:
            temporary.write_bytes(content)
    for name in gone:
        path = inside(root, name)
        if path.name == STATE:
            remove(path.parent)  # The run is finished: what a killed process of another machine left goes, too.
        else:
            path.unlink(missing_ok=True)


class Mirror:
    """Keeps the workspace like the folder: what is new or gone since the last time is sent.

    Args:
        root: of the folder.
        files: that the workspace holds, written to the folder.
        send: takes what changed, in an order that leaves the workspace consistent wherever it stops.
    """

    def __init__(self, root: Path, files: Mapping[str, bytes], send: Send) -> None:
        self._root = root
        self._send = send
        write(root, files, [])
        self._known = self._seen()

    def sync(self) -> None:
        """Send what changed; call it while nothing is being written."""
        now = self._seen()
        changed = sorted((name for name in now if self._known.get(name) != now[name]), key=_order)
        gone = sorted(self._known.keys() - now.keys(), key=_order, reverse=True)
        if changed or gone:
            self._send({name: (self._root / name).read_bytes() for name in changed}, gone)
        self._known = now

    def _seen(self) -> dict[str, tuple[int, int, int]]:
        """Return every file that is not hidden, by path, with what tells its versions apart."""
        found = {}
        for path in self._root.rglob("[!.]*"):
            if path.is_file():
                status = path.stat()
                found[path.relative_to(self._root).as_posix()] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return found


def _order(name: str) -> tuple[int, str]:
    """Best weights before the state that names them, weights and predictions before the records that name them."""
    return (1 if name.endswith(f"/{STATE}") else 2 if name.endswith(".json") else 0), name
