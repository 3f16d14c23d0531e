"""The decoders at work: chunks of samples decoded side by side, in order, a bounded number at a time.

Python's interpreter lock makes threads slow at pictures so small that reading one takes as long as its bookkeeping: on
two cores, two threads decode FER-2013 slower than one. Where it is safe, the decoders are therefore processes, forked
from one that has no other threads and no machine-learning framework loaded, and write into memory that both share;
elsewhere they are threads. The images are the same.

Each task has a slot: room for its images, and for the texts of its pictures. From :meth:`start` until its outcome is
taken the slot is the decoder's alone, then the caller's, as :attr:`Chunk.images`, until the next chunk has come.
Tasks get the slots in turn and are taken in the order in which they were started. There is one slot more than tasks may
be pending, so that the next in turn is always free.
"""

import contextlib
import functools
import itertools
import mmap
import multiprocessing
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench.ahead import in_turn
from fer_bench.datasets.card import Flaw, PixelText, Sample
from fer_bench.datasets.decoding import Job, Outcome, Sizes, decode_jobs, job_of, one_opencv_thread
from fer_bench.datasets.folder import Folder
from fer_bench.environment import cores
from fer_bench.errors import FerBenchError

_PIXELS = 1 << 20
"""Of the images of a task."""
_AHEAD = 1 << 23
"""Of the images that wait for the caller, where that is enough to keep every decoder busy."""
_LEAST, _MOST = 8, 64
"""Images a task: enough to make the pool's own cost vanish, few enough to share out a few hundred large pictures."""
_CHARACTERS = 4
"""A pixel of a picture that is text: three digits and a separator, at most, in tables as they are."""
_FRAMEWORKS = ("tensorflow", "jax", "torch")

Span = tuple[int, int, int]
"""Where the text of a picture begins and ends in the memory that is shared, and the picture's height and width."""
Take = Callable[[], Outcome]
"""Waits for the outcome of a task."""


@dataclass
class Chunk:
    """Some samples in a row, decoded."""

    samples: list[Sample] = field(default_factory=list)
    images: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0, 0), np.uint8))
    """(samples, height, width), C-contiguous; overwritten after the next chunk has come."""
    digests: bytes = b""
    """:data:`~fer_bench.datasets.decoding.DIGEST` bytes of the pixels of each image."""
    flaws: list[Flaw] = field(default_factory=list)
    """What the reader or the decoder could not take."""
    remarks: list[tuple[str, str]] = field(default_factory=list)
    """Source and remark of the pictures that needed more than plain decoding."""


def worker_count() -> int:
    """Return the decoders: one a core as processes; as threads two more, since some wait for the disk."""
    return cores() if _may_fork() else min(32, cores() + 2)


def chunk_of(size: tuple[int, int]) -> int:
    """Return the images a task, by their height and width."""
    return max(_LEAST, min(_MOST, _PIXELS // (size[0] * size[1])))


def decoded(
    folder: Folder, items: Iterable[Sample | Flaw], size: tuple[int, int], native: Sizes = ()
) -> Generator[Chunk]:
    """Yield the samples with their images, in order.

    A bounded number of images is in flight, so memory does not grow with the dataset. What cannot be decoded becomes
    a :class:`~fer_bench.datasets.card.Flaw`, and the rest goes on.

    Args:
        folder: the dataset's folder, to which ``Sample.source`` is relative.
        items: read once, in the caller's thread.
        size: height and width of the images, pixels.
        native: heights and widths that the pictures should have before, pixels; others are remarked on.

    Raises:
        FerBenchError: a decoder was killed.
    """
    workers = worker_count()
    chunk = chunk_of(size)
    # Small pictures are decoded fast: enough of them to go on with while the caller lists the next folder.
    most = max(2 * workers + 4, min(16 * workers, _AHEAD // (chunk * size[0] * size[1])))
    shared = mmap.mmap(-1, (most + 1) * chunk * size[0] * size[1])
    arrays = np.frombuffer(shared, np.uint8).reshape(most + 1, chunk, *size)
    slots = itertools.cycle(range(most + 1))
    remaining = iter(items)

    def begun() -> Iterator[Callable[[], Chunk]]:
        while taken := list(itertools.islice(remaining, chunk)):
            slot = next(slots)
            samples = [item for item in taken if isinstance(item, Sample)]
            take = pool.start(slot, list(map(job_of, samples)))
            yield functools.partial(_chunk, taken, samples, take, arrays[slot])

    with one_opencv_thread():
        # Here, as OpenCV: once for all processes, and a missing package is told of once.
        import PIL.Image  # noqa: F401
        import simplejpeg  # noqa: F401

        pool = (_Processes if _may_fork() else _Threads)(folder, arrays, workers, native)
        try:
            yield from in_turn(begun(), most)
        finally:
            pool.stop()


def _may_fork() -> bool:
    return (
        sys.platform == "linux"
        and cores() > 1
        and threading.active_count() == 1
        and not any(name in sys.modules for name in _FRAMEWORKS)
    )


def _chunk(items: list[Sample | Flaw], samples: list[Sample], take: Take, images: NDArray[np.uint8]) -> Chunk:
    """Return the chunk that a task makes of some items, as soon as its outcome is there."""
    outcome = take()
    flaws: list[Flaw] = []
    if len(outcome.kept) < len(items):
        failed = {id(samples[number]): (reason, missing) for number, reason, missing in outcome.flaws}
        for item in items:
            if isinstance(item, Flaw):
                flaws.append(item)
            elif id(item) in failed:
                flaws.append(Flaw(item.source, *failed[id(item)], item.part, item.label))
    return Chunk(
        samples if len(outcome.kept) == len(samples) else [samples[number] for number in outcome.kept],
        images[: len(outcome.kept)],
        outcome.digests,
        flaws,
        [(samples[number].source, remark) for number, remark in outcome.remarks],
    )


class _Threads:
    """Decoders that are threads of this process."""

    def __init__(self, folder: Folder, arrays: NDArray[np.uint8], workers: int, native: Sizes) -> None:
        self._folder, self._arrays, self._native = folder, arrays, native
        self._pool = ThreadPoolExecutor(workers)

    def start(self, slot: int, jobs: list[Job]) -> Take:
        return self._pool.submit(decode_jobs, self._folder, jobs, self._arrays[slot], self._native).result

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)


@dataclass
class _Worker:
    """One decoding process as its parent sees it."""

    process: BaseProcess
    end: Connection
    busy: int = 0
    """Tasks sent whose outcome has not come."""
    outcomes: deque[Outcome] = field(default_factory=deque)
    """Those that have come and are not taken yet, in the order of the tasks."""


class _Processes:
    """Decoders that are processes forked from this one, each fed through a pipe: the next task goes to the idlest.

    No thread of this process takes part: they would wait for the interpreter's lock. What goes through the pipes is
    smaller than they hold, so that nobody waits for anybody but for results. The texts of pictures do not: they go
    through memory that is shared as well, a part for each task, of which the system provides only what is written to.
    """

    _poll: Any
    """Waits for the pipes."""

    def __init__(self, folder: Folder, arrays: NDArray[np.uint8], workers: int, native: Sizes) -> None:
        self._folder, self._arrays, self._native = folder, arrays, native
        self._texts = mmap.mmap(-1, _CHARACTERS * arrays.size)
        self._workers: list[_Worker] = []
        if sys.platform != "win32":  # See _may_fork.
            self._poll = select.poll()
            context = multiprocessing.get_context("fork")
            for _ in range(workers):
                ours, theirs = context.Pipe()
                ends = [ours, *(worker.end for worker in self._workers)]
                process = context.Process(
                    target=_work, args=(folder, arrays, native, self._texts, theirs, ends), daemon=True
                )
                process.start()
                theirs.close()
                self._workers.append(_Worker(process, ours))
                self._poll.register(ours, select.POLLIN)

    def start(self, slot: int, jobs: list[Job]) -> Take:
        spans: list[Span | None] = []  # One for each job, or none at all.
        if [pixels for _, _, pixels in jobs if pixels is not None]:
            shared = self._share(slot, jobs)
            if shared is None:
                outcome = decode_jobs(self._folder, jobs, self._arrays[slot], self._native)
                return lambda: outcome
            spans, jobs = shared, [(source, box, None) for source, box, _ in jobs]
        self._receive()
        worker = min(self._workers, key=lambda worker: worker.busy)
        try:
            worker.end.send((slot, jobs, spans))
        except ConnectionError as error:
            raise self._ended() from error
        worker.busy += 1

        def take() -> Outcome:
            while not worker.outcomes:
                self._receive_from(worker)
            return worker.outcomes.popleft()

        return take

    def _share(self, slot: int, jobs: list[Job]) -> list[Span | None] | None:
        """Put the texts of a task's pictures into its part of the memory; ``None`` where they are too long for it."""
        room = len(self._texts) // len(self._arrays)
        spans: list[Span | None] = []
        at = slot * room
        for _, _, pixels in jobs:
            if pixels is None:
                spans.append(None)
                continue
            text = pixels.text.encode("utf-8", "surrogateescape")
            if at + len(text) > (slot + 1) * room:
                return None
            self._texts[at : at + len(text)] = text
            spans.append((at, at + len(text), pixels.side))
            at += len(text)
        return spans

    def _receive(self) -> None:
        """Take the outcomes that are there already."""
        while ready := self._poll.poll(0):
            for number, _ in ready:
                self._receive_from(next(worker for worker in self._workers if worker.end.fileno() == number))

    def _receive_from(self, worker: _Worker) -> None:
        try:
            worker.outcomes.append(Outcome(*worker.end.recv()))
        except (EOFError, ConnectionError) as error:
            raise self._ended() from error
        worker.busy -= 1

    def _ended(self) -> FerBenchError:
        return FerBenchError(
            f"{self._folder.root}: a process that decoded its pictures was ended from outside, often for want of "
            "memory; nothing half-written is left: run the same command again"
        )

    def stop(self) -> None:
        for worker in self._workers:
            worker.end.close()
        for worker in self._workers:
            worker.process.join()


def _work(
    folder: Folder,
    arrays: NDArray[np.uint8],
    native: Sizes,
    texts: mmap.mmap,
    end: Connection,
    parents: list[Connection],
) -> None:
    """Decode until the parent closes its end of the pipe, were it by its death."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent hears Ctrl-C and stops its workers.
    for other in parents:
        other.close()
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            slot, jobs, spans = end.recv()
            for number, (span, (source, box, _)) in enumerate(zip(spans, jobs, strict=False)):
                if span is not None:
                    text = texts[span[0] : span[1]].decode("utf-8", "surrogateescape")
                    jobs[number] = source, box, PixelText(text, span[2])
            end.send(tuple(decode_jobs(folder, jobs, arrays[slot], native)))
