"""The memory that a fresh process needs to open a model in a runtime and answer one image.

Not of the measuring process: converters have run in it, and it holds other models. It uses freed memory again, so that
a figure would depend on the order of the models.
"""

import contextlib
import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fer_bench.external.profiling import ExternalSource
from fer_bench.files import read_json, scratch, write_json
from fer_bench.profiling.building import built_model
from fer_bench.profiling.frames import jpeg_faces, network_image
from fer_bench.profiling.latency import Progress
from fer_bench.profiling.plan import Plan
from fer_bench.progress import unheard
from fer_bench.records import ProfileRecord
from fer_bench.runtimes import Call, Runtime, available
from fer_bench.timetable import Stage
from fer_bench.workers import counting, work_side_by_side

MEMORY_RULE = (
    "resident set of a fresh process for each model and runtime, in the machine's main memory, pages of shared "
    "libraries included. The process: its peak from when Python, fer-bench and the runtime had been imported, while it "
    "opened the converted file (in Keras: built the model) and answered one image. Of it the model and runtime: how "
    "far that peak lies above the resident set before the file was opened. Conversion is in neither. Only Linux tells: "
    "elsewhere nothing is measured (–)"
)
"""What the figures mean, for people."""

_ADVICE = (
    "nothing of this session is kept: run it again without --memory, or with fewer models or runtimes if memory was "
    "short"
)
_PROCESS = Path("/proc/self")
_FILES = "files.json"


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A model to be opened in one runtime; can be sent to another process."""

    model: str
    runtime: Runtime
    threads: int
    open: Callable[[], Call]
    image: NDArray[Any]
    """One image, as the call takes it."""

    def held(self) -> tuple[int, int] | None:
        """Open the model in this process and let it answer; see :func:`peak_memory`."""
        self.runtime.load(self.threads)
        return peak_memory(self._answered)

    def _answered(self) -> Call:
        call = self.open()
        call(self.image)
        return call


def peak_memory(work: Callable[[], object], process: Path = _PROCESS) -> tuple[int, int] | None:
    """Return the resident set of this process before some work, and its peak during it, bytes.

    Where the system does not let the peak be reset, and the peak was higher before the work than during it, the
    resident set after the work is returned instead, taken while the result of the work is still held.

    Args:
        work: done once.
        process: folder in the format of Linux's ``/proc/self``.

    Returns:
        Both; the peak is never the lower one. ``None`` where the folder is absent or lacks the figures.
    """
    gc.collect()
    before = _status(process, "VmRSS")
    with contextlib.suppress(OSError):
        (process / "clear_refs").write_text("5", encoding="ascii")  # Resets the peak.
    earlier = _status(process, "VmHWM")
    kept = work()
    after, peak = _status(process, "VmRSS"), _status(process, "VmHWM")
    del kept
    if before is None or earlier is None or after is None or peak is None:
        return None
    return before, max(before, peak if peak > earlier else after)


def _status(process: Path, key: str) -> int | None:
    """Return one value of a process's ``status``, bytes; ``None`` where it is not there."""
    try:
        lines = (process / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    values = [line.split()[1:] for line in lines if line.startswith(f"{key}:")]
    # VmRSS:     8828 kB
    return int(values[0][0]) * 1024 if values and len(values[0]) == 2 and values[0][0].isdecimal() else None


def in_fresh_processes(
    openings: Sequence[Opening], progress: Progress = unheard, process: Path = _PROCESS
) -> list[tuple[int, int] | None]:
    """Let a fresh process open each model, one after the other, and return what each held.

    Args:
        openings: what to open.
        progress: is told of every process that has ended.
        process: folder in which memory figures are looked for before a process is started.

    Returns:
        In the order of ``openings``, bytes before and peak; ``None`` where the system does not tell.

    Raises:
        FerBenchError: a model could not be opened, or a process died.
    """
    if not openings or _status(process, "VmHWM") is None:
        return [None] * len(openings)

    def on_ended(ended: int) -> None:
        progress("memory", ended, len(openings))

    on_ended(0)
    with scratch() as folder:
        places = [folder / f"{number}.json" for number in range(len(openings))]
        work = [
            [(Stage(f"memory of {item.model} in {item.runtime.name}", 1), partial(_note, place, item))]
            for place, item in zip(places, openings, strict=True)
        ]
        work_side_by_side(work, 1, counting(on_ended), _ADVICE)
        found = map(read_json, places)
        return [None if both is None else (both[0], both[1]) for both in found]


def _note(place: Path, item: Opening) -> None:
    write_json(place, item.held())


def note_files(folder: Path, files: Mapping[str, Mapping[str, Path]]) -> None:
    """Leave a list of converted files, by model and runtime, for :func:`with_memory` in another process."""
    write_json(
        folder / _FILES,
        {model: {runtime: str(path) for runtime, path in own.items()} for model, own in files.items()},
    )


def with_memory(
    profiles: Sequence[ProfileRecord],
    plan: Plan,
    *,
    folder: Path,
    progress: Progress,
    externals: Mapping[str, ExternalSource],
) -> list[ProfileRecord]:
    """Return the profiles of a session with the memory of every model in every runtime that it was timed in.

    Args:
        profiles: of the session.
        plan: of the session.
        folder: with the converted files and their list (:func:`note_files`).
        progress: see :data:`fer_bench.profiling.latency.Progress`.
        externals: models from elsewhere, by name.

    Raises:
        FerBenchError: as :func:`in_fresh_processes`.
    """
    files = read_json(folder / _FILES)
    (picture,) = jpeg_faces(1, plan.seed)
    openings = []
    for record in profiles:
        source = externals.get(record.model)
        threads = record.threads["each"]
        for name in record.latency:
            way = available()[name]
            call: Callable[[], Call]
            if source is not None:
                call = partial(source.call, threads)
            elif name in files[record.model]:
                call = partial(way.open, Path(files[record.model][name]), threads)
            else:
                call = partial(_built, record.model, way, plan, threads)
            image = source.image(picture) if source is not None else network_image(picture, plan.image_size)
            openings.append(Opening(model=record.model, runtime=way, threads=threads, open=call, image=image))
    held: dict[str, dict[str, tuple[int, int]]] = {record.model: {} for record in profiles}
    for item, both in zip(openings, in_fresh_processes(openings, progress), strict=True):
        if both is not None:
            held[item.model][item.runtime.name] = both
    return [replace(record, memory=held[record.model]) for record in profiles]


def _built(name: str, way: Runtime, plan: Plan, threads: int) -> Call:
    return way.open(built_model(name, plan), threads)
