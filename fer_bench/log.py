"""The log of a workspace, ``fer-bench.log``: which commands changed it, what they said, and how they ended.

One line a message: UTC time, process, text; further lines of a message are indented. The log is a convenience. Where it
cannot be written a command says so once and goes on.
"""

import itertools
import os
import platform
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from fer_bench import __version__, messages
from fer_bench.errors import FerBenchError, harmless, storage_message
from fer_bench.files import printable
from fer_bench.progress import duration

NAME = "fer-bench.log"
LARGEST = 1_000_000
"""Bytes of a log; then it becomes ``fer-bench.log.1``, and the older ones move up."""
KEPT = 3
"""Older logs that are kept."""


class Log:
    """Appends messages to the log of a workspace; safe beside other processes, and never raises.

    The file is opened for each message, so that several processes can write to it and turn it over. A workspace that
    is not there yet is not made for the log's sake: what was said is written once it is there.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / NAME
        self._held_back = ""
        self._failed = False

    def write(self, text: str) -> None:
        """Append one message."""
        if self._failed:
            return
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._held_back += f"{stamp} [{os.getpid()}] " + harmless(text).rstrip("\n").replace("\n", "\n    ") + "\n"
        try:
            if self._path.parent.is_dir():
                self._append(self._held_back.encode("utf-8", "backslashreplace"))
                self._held_back = ""
        except OSError as error:
            self._failed = True
            messages.warn(f"{self._path}: {error.strerror or error}; this command goes on without a log")

    def _append(self, content: bytes) -> None:
        with suppress(FileNotFoundError):
            if self._path.stat().st_size + len(content) > LARGEST:
                self._turn_over()
        # One write to a file opened for appending: lines of several processes do not mix. A pipe that nobody reads
        # is an error instead of waiting.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self._path, flags, 0o666)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    def _turn_over(self) -> None:
        names = [self._path, *(self._path.with_name(f"{NAME}.{number}") for number in range(1, KEPT + 1))]
        for newer, older in reversed(list(itertools.pairwise(names))):
            with suppress(FileNotFoundError):
                newer.replace(older)


@contextmanager
def logged(root: Path, command: str) -> Iterator[None]:
    """Log what is said within the block, the warnings of libraries, and how the block ends.

    Args:
        root: folder of the workspace; where it is absent even at the end, nothing is written.
        command: the command line.
    """
    log, began, show = Log(root), time.monotonic(), warnings.showwarning
    log.write(f"fer-bench {__version__}, Python {platform.python_version()}: {command}")

    def show_and_log(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        show(message, category, filename, lineno, file, line)
        log.write(f"{category.__name__}: {message}")

    messages.log_to(log.write)
    warnings.showwarning = show_and_log
    try:
        yield
    except BaseException as error:
        log.write(f"{_how(error)} after {duration(time.monotonic() - began)}")
        raise
    else:
        log.write(f"done in {duration(time.monotonic() - began)}")
    finally:
        if warnings.showwarning is show_and_log:
            warnings.showwarning = show
        messages.log_to(None)


def _how(error: BaseException) -> str:
    """Return how a command ended: the user's mistake in one line, an error of the program with its traceback."""
    import typer

    if isinstance(error, KeyboardInterrupt | typer.Abort):  # The second one where a question was asked.
        return "interrupted"
    code = error.code if isinstance(error, SystemExit) else getattr(error, "exit_code", None)
    if code is not None:  # Typer's way to end with a code of its own.
        return f"ended with exit code {code}"
    storage = storage_message(error) if isinstance(error, OSError) else None
    if storage is not None or isinstance(error, FerBenchError):
        return f"error: {storage or error}\nended with exit code 2"
    return "".join(traceback.format_exception(error)) + "ended by an error of the program"


def command_line() -> str:
    """Return the command line of this process as one would type it, what is not UTF-8 escaped."""
    import shlex

    program = Path(sys.argv[0]).name
    words = [*(["python", "-m", "fer_bench"] if program == "__main__.py" else [program]), *sys.argv[1:]]
    return printable(shlex.join(words))
