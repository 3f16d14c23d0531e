"""Which processes there are, and where they listen (Linux)."""

import contextlib
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path


def processes_of(folder: Path) -> list[int]:
    """Return the processes of the Ray cluster whose files lie in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{folder}/".encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def descendants(process: int) -> set[int]:
    """Return a process, and those that it started, and so on."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def listening(processes: set[int]) -> list[IPv4Address | IPv6Address]:
    """Return the addresses of the TCP sockets on which processes listen."""
    sockets = set()
    for process in processes:
        with contextlib.suppress(OSError):
            for opened in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    sockets.add(str(opened.readlink()))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                digits = fields[1].partition(":")[0]  # 32 bits at a time, each in the order of this machine's bytes
                words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
                address = ip_address(struct.pack(f"={len(words)}I", *words))
                found.append(getattr(address, "ipv4_mapped", None) or address)
    return found
