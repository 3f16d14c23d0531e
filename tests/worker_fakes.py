"""Work for the processes of ``fer_bench.workers``, in a module of its own so that they import little."""

import time
from pathlib import Path

from fer_bench import messages, progress


def counts(note: str) -> None:
    """Get on for a second and a half."""
    with progress.bar(f"counting {note}", 30, unit="step") as shown:
        shown.note(note)
        for _ in range(30):
            time.sleep(0.05)
            shown.advance()


def nothing() -> None:
    """Do nothing."""


def warns() -> None:
    """Say and warn."""
    messages.say("said")
    messages.warn("warned")


def breaks() -> None:
    """Have a defect."""
    raise ValueError("a defect of the program")


def exhausts() -> None:
    """Ask for more memory than there is."""
    raise MemoryError("cannot allocate 64 GiB")


def dies() -> None:
    """End as if killed."""
    import os
    import signal

    time.sleep(0.5)  # What it has told is on its way.
    os.kill(os.getpid(), signal.SIGKILL)


def talks_until(there: Path) -> None:
    """Say something fifty times a second until a file is there, for ten seconds at most."""
    end = time.monotonic() + 10
    while not there.exists():
        assert time.monotonic() < end, f"{there} never came"
        messages.say("still waiting")
        time.sleep(0.02)
