"""The side of the workspace: what a Ray actor on the command's machine does for the tasks."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fer_bench.datasets.integrity import require_intact
from fer_bench.datasets.prepared import Prepared
from fer_bench.distributed.mirror import files_of, write
from fer_bench.errors import FerBenchError
from fer_bench.grid import Cell
from fer_bench.workers import Event
from fer_bench.workspace import Workspace


class Desk:
    """Keeps what tasks tell until the command asks, and gives and takes files for machines without the workspace.

    Args:
        root: of the workspace, absolute.
    """

    def __init__(self, root: Path) -> None:
        self._workspace = Workspace(root)
        self._events: list[Event] = []
        self._attempts: dict[int, int] = {}
        self._shipped: dict[tuple[str, int], Any] = {}

    def begin(self, number: int) -> int:
        """Note that work begins, again perhaps, and return which attempt it is."""
        self._attempts[number] = self._attempts.get(number, 0) + 1
        self._events.append(Event("begin", number))
        return self._attempts[number]

    def tell(self, event: Event) -> None:
        """Note an event."""
        self._events.append(event)

    def told(self) -> list[Event]:
        """Return the events since the last call, in order."""
        events, self._events = self._events, []
        return events

    def files(self, cell: Cell) -> dict[str, bytes]:
        """Return what the workspace holds of a cell, by path below its root."""
        return files_of(self._workspace, cell)

    def weights(self, path: Path) -> bytes:
        """Return a file of weights to start from."""
        return path.read_bytes()

    def dataset(self, name: str, size: int) -> list[Any]:
        """Return a reference to a prepared dataset in the object store, in a list: Ray would resolve it otherwise.

        It is put there once, and fetched once by every machine, whose tasks share it.

        Args:
            name: of the dataset.
            size: pixels of the recipe's images; larger ones are averaged to it before they are shipped.
        """
        import ray

        if (name, size) not in self._shipped:
            found = Prepared.load(self._workspace.prepared(name))
            require_intact(found)
            plain: Any = np.asarray(found.at_size(size))
            self._shipped[name, size] = ray.put(dataclasses.replace(found, images=plain))
        return [self._shipped[name, size]]

    def keep(self, number: int, attempt: int, written: Mapping[str, bytes], gone: list[str]) -> None:
        """Write and remove files of the workspace for the latest attempt at a piece of work.

        Raises:
            FerBenchError: another attempt has begun meanwhile, since this one's machine was taken for lost.
        """
        if self._attempts.get(number) != attempt:
            raise FerBenchError("the cluster gave this machine up as lost; another one has taken over the cell")
        write(self._workspace.root, written, gone)
