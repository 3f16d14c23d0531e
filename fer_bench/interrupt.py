"""Ctrl-C is never lost: one that was swallowed is raised again where work next tells how far it is.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be. In a finalizer or a callback from C nothing
can be raised: Python prints "Exception ignored in ..." with a traceback, and the work goes on as if nobody had asked.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_heard = False


@contextmanager
def listening() -> Iterator[None]:
    """Remember within the block that Ctrl-C was heard, for :func:`again`.

    Where Python does not raise ``KeyboardInterrupt`` anyway, as in a command that a shell started with ``nohup`` or
    ``&``, nothing is changed.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    show = sys.unraisablehook

    def show_others(unraisable: "sys.UnraisableHookArgs") -> None:
        if not (_heard and issubclass(unraisable.exc_type, KeyboardInterrupt)):
            show(unraisable)

    signal.signal(signal.SIGINT, _hear)
    sys.unraisablehook = show_others
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = show
        _forget()


def again() -> None:
    """Raise the ``KeyboardInterrupt`` that was heard: whoever still works has not been stopped by it.

    Only in the main thread, where Python raises it too.

    Raises:
        KeyboardInterrupt: Ctrl-C was heard within :func:`listening`.
    """
    if _heard and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt


def _hear(number: int, frame: FrameType | None) -> None:
    global _heard
    _heard = True
    signal.default_int_handler(number, frame)


def _forget() -> None:
    global _heard
    _heard = False
