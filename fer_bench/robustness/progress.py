"""How far a test on corrupted pictures is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fer_bench.datasets.prepared import Prepared
from fer_bench.progress import bar
from fer_bench.robustness.testing import CONDITIONS


@contextmanager
def shown_answers(model: str, target: Prepared) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of the answers; yields what :func:`fer_bench.robustness.testing.test_corrupted` tells it by."""
    answers = CONDITIONS * len(target.indices("test"))
    with bar(f"{model} on worse pictures of {target.dataset}", answers, "img") as shown:

        def on_progress(done: int, known: int) -> None:
            (shown.known if done == known else shown.at)(done)

        yield on_progress
