"""The state of the machine during a measurement: clock frequency and the load of other processes."""

import math
import os
import sys
import time
from pathlib import Path

from fer_bench.records import MachineSample

_PROC = Path("/proc")
_LEAST = 1.0
"""Seconds over which a load is told at least. The system counts processor time in ticks of 10 ms a core: over a few
calls of a small model that would be several times the machine's cores, and what is too much would not be made up for by
what is too little, since no load is below 0."""


class Watch:
    """Looks at the machine from time to time; a look takes about a millisecond and is never within a timed call."""

    def __init__(self, process: int = 0, proc: Path = _PROC) -> None:
        self._process = process
        self._proc = proc
        self._before = self._now()
        self.seen: list[MachineSample] = []

    def look(self, order: int) -> None:
        """Note the frequency now, and the load from others since the last look that told it, where that is a second.

        Args:
            order: calls timed so far.
        """
        now = self._now()
        wall, own, busy = (new - old for new, old in zip(now, self._before, strict=True))
        others = None
        if wall >= _LEAST:
            self._before = now
            others = _load_without(own, wall) if math.isnan(busy) else max(0.0, (busy - own) / wall)
        self.seen.append(
            MachineSample(process=self._process, order=order, mhz=frequency(self._proc / "cpuinfo"), others=others)
        )

    def _now(self) -> tuple[float, float, float]:
        """Return wall time, own processor time and that of the whole machine, seconds."""
        return time.monotonic(), time.process_time(), busy_seconds(self._proc / "stat")


def _load_without(own: float, wall: float) -> float | None:
    """Return the load average without this process's part; ``None`` on Windows, or without a time span."""
    without = None
    if sys.platform != "win32":
        without = max(0.0, os.getloadavg()[0] - own / wall)
    return without


def busy_seconds(path: Path) -> float:
    """Return the processor time that all processes have spent on the cores of this process, seconds.

    Time stolen by other virtual machines counts too. NaN where there is no file in the format of ``/proc/stat``.
    """
    seconds = float("nan")
    if sys.platform == "linux":
        own = {f"cpu{core}" for core in os.sched_getaffinity(0)}
        try:
            lines = path.read_text(encoding="ascii").splitlines()
            ticks = [list(map(int, line.split()[1:9])) for line in lines if line.split(" ", 1)[0] in own]
        except (OSError, ValueError):
            ticks = []
        if ticks:
            # user nice system idle iowait irq softirq steal
            seconds = sum(sum(row) - row[3] - row[4] for row in ticks) / os.sysconf("SC_CLK_TCK")
    return seconds


def frequency(path: Path) -> float | None:
    """Return the cores' mean clock frequency, MHz, from a file in the format of ``/proc/cpuinfo``; else ``None``."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = [line.partition(":")[2] for line in text.splitlines() if line.startswith("cpu MHz")]
    try:
        values = [float(value) for value in found]
    except ValueError:
        return None
    return sum(values) / len(values) if values else None
