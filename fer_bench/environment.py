"""Where and when something was measured: package versions, processor, memory, devices.

Reads versions from package metadata, so it imports neither Keras nor TensorFlow. Never records the name of the
machine or of its user.
"""

import contextlib
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import fer_bench
from fer_bench import source
from fer_bench.records import Environment

PACKAGES: tuple[str, ...] = (
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "ai-edge-litert",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "openvino",
    "tf2onnx",
    "numpy",
    "opencv-python-headless",
    "scikit-learn",
    "scipy",
    "statsmodels",
)
"""Distributions, besides fer-bench, whose version can change a figure; one that is not installed is left out."""


def describe(backend_devices: Sequence[str] = (), models: Sequence[str] = ()) -> Environment:
    """Return the environment of this process.

    Args:
        backend_devices: names of the accelerators that the Keras backend sees, as it reports them.
        models: what is trained, tested or measured; the packages of those that are not fer-bench's own are named.

    ``host`` is the same for two machines of the same kind: latencies are compared within one host only.
    """
    from fer_bench.models import PLUGINS

    system = f"{platform.system()}-{platform.release()} {platform.machine()}"
    processor = _processor()
    available = cores()
    memory = round(_memory_bytes() / 2**30, 1)
    devices = tuple(backend_devices)
    identity = "\n".join((processor, str(available), f"{memory:.1f}", system, *devices))
    return Environment(
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        packages=_versions() | PLUGINS.versions(models),
        python=platform.python_version(),
        system=system,
        processor=processor,
        cores=available,
        memory_gib=memory,
        devices=devices,
        host=hashlib.sha256(identity.encode()).hexdigest()[:12],
        code=source.digest(),
        commit=source.commit(),
    )


def _versions() -> dict[str, str]:
    # The version of the code that runs: a checkout has no metadata of its own, or that of an older installation.
    versions = {"fer-bench": fer_bench.__version__}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def cores() -> int:
    """Return the logical cores whose time this process may use: a container often allows fewer than the machine has,
    by the cores it names or by a quota of their time, and ``LOKY_MAX_CPU_COUNT`` in the environment fewer still."""
    import joblib

    return int(joblib.cpu_count())


def schedulable_cores() -> int:
    """Return the logical cores that this process may run on, of which a quota may allow only a share: libraries that
    do not know of quotas start a thread for each."""
    count = os.cpu_count() or 1
    if sys.platform == "linux":
        count = len(os.sched_getaffinity(0))
    return count


def usable_memory_gib() -> float:
    """Return the memory that this process may use, GiB: the machine's, or less where a control group limits it."""
    limit = float("inf")
    with contextlib.suppress(OSError, ValueError):
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8")) / 2**30
    return min(_memory_bytes() / 2**30, limit)


def _processor() -> str:
    """Return the CPU's model name, or the machine type (``aarch64``) where the system does not tell."""
    name = ""
    if sys.platform == "linux":
        name = _cpuinfo_model(Path("/proc/cpuinfo"))
    elif sys.platform == "darwin":
        name = _sysctl("machdep.cpu.brand_string")
    elif sys.platform == "win32":
        import winreg

        # platform.processor() gives family and stepping there, not the model.
        key = winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0")
        with key:
            name = str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
    return " ".join((name or platform.processor() or platform.machine()).split())


def _cpuinfo_model(path: Path) -> str:
    """Return the CPU's name from a file in the format of ``/proc/cpuinfo``, empty where it names none."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return ""


def _memory_bytes() -> int:
    """Return the memory of the machine in bytes."""
    if sys.platform == "win32":
        import ctypes

        kibibytes = ctypes.c_ulonglong(0)
        ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kibibytes))
        size = kibibytes.value * 1024
    elif sys.platform == "darwin":
        size = int(_sysctl("hw.memsize") or 0)
    else:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return size


def _sysctl(name: str) -> str:
    """Return a value of the macOS kernel, empty where it does not tell."""
    result = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False)
    return result.stdout.strip()
