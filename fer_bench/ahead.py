"""Work begun ahead of where its results are used: side by side, and yet in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def in_turn(begun: Iterable[Callable[[], T]], most: int) -> Iterator[T]:
    """Yield the results of work in the order in which it was begun.

    Args:
        begun: begins the next work when it is asked for it, and yields what waits for its result.
        most: pieces of work that are begun before the first result is waited for, and so with it at any time.
    """
    pending: deque[Callable[[], T]] = deque()
    for take in begun:
        pending.append(take)
        if len(pending) == most:
            yield pending.popleft()()
    while pending:
        yield pending.popleft()()
