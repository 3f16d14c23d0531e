"""What a person sees while a session measures: one step after the other, each on a bar of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from fer_bench.profiling.latency import Progress
from fer_bench.progress import Bar

_UNITS = {
    "warming up": "call",
    "timing": "round",
    "warming up end to end": "call",
    "throughput": "batch size",
    "processes": "process",
    "memory": "process",
    "experiments": "experiment",
}
"""Units of steps whose parts are alike. Building has none: one network does not tell how long another takes."""


@contextmanager
def shown_steps(title: str) -> Iterator[Progress]:
    """Show the steps of a session for as long as the block runs: the rate of one is no measure of the next.

    Args:
        title: what is done.
    """
    shown, step = Bar(title, None, ""), ""

    def progress(what: str, done: int, total: int) -> None:
        nonlocal shown, step
        if what == step:
            shown.at(done, total)
            return
        shown.close()
        shown, step = Bar(f"{title}, {what}", total, _UNITS.get(what, "")), what
        shown.known(done)  # Its bar has not seen how long the first part took.

    try:
        yield progress
    finally:
        shown.close()
