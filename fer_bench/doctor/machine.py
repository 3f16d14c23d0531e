"""The backend and what it runs on, memory, disk, the workspace."""

import contextlib
import errno
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fer_bench import backend
from fer_bench.datasets import dataset_cards
from fer_bench.datasets.prepared import is_prepared
from fer_bench.doctor.finding import Finding
from fer_bench.environment import usable_memory_gib
from fer_bench.interpreter import ANSWER, run
from fer_bench.workspace import Workspace

TRAINING_GIB = 5.8
"""Peak memory of training MobileNetV2 at 224 x 224 with batches of 64, measured on a CPU."""
LEAST_FREE = 2**30
"""Bytes below which even checkpoints and records have no room."""
START_SECONDS = 300.0
"""In which a backend must have been imported, on however slow a disk."""

_GPU = {
    "linux": ", which PyPI's tensorflow and jax do not see: pip install 'tensorflow[and-cuda]', or 'jax[cuda12]' with "
    "KERAS_BACKEND=jax",
    "win32": " from within WSL 2: on Windows itself neither TensorFlow nor JAX has one",
}.get(sys.platform, " of another machine")
"""How to get one on this system."""
_ASK = (
    "import json; from fer_bench import backend; name = backend.configure(); import keras; "
    f"print('\\n{ANSWER}' + json.dumps([name, keras.__version__, list(backend.devices())]), flush=True)"
)


def check_backend() -> list[Finding]:
    """Start Keras with its backend in a process of its own, where a crash does no harm; then its devices."""
    chosen = backend.name()
    advice = "install it, or choose another with the environment variable KERAS_BACKEND"
    try:
        ended = run("-c", _ASK, timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        found = f"{chosen} did not start within {START_SECONDS:.0f} s"
        return [Finding(check="backend", state="error", found=found, advice="look at the disk and the memory")]
    if ended.code or not ended.answers:
        found = f"{chosen}: {ended.last_words or f'ended by signal or code {ended.code}'}"
        return [Finding(check="backend", state="error", found=found, advice=advice)]
    name, keras, devices = ended.answers[0]
    working = Finding(check="backend", state="ok", found=f"{name}, Keras {keras}")
    if devices:
        return [working, Finding(check="devices", state="ok", found=", ".join(devices))]
    return [
        working,
        Finding(
            check="devices",
            state="warning",
            found="no accelerator",
            advice=f"the paper's 100 epochs at 224 x 224 take days on a CPU: use a smaller recipe, or a GPU{_GPU}",
        ),
    ]


def check_memory() -> list[Finding]:
    """Return whether there is memory to train by the paper's recipe; a container's limit counts."""
    gib = usable_memory_gib()
    if gib >= TRAINING_GIB + 1:
        return [Finding(check="memory", state="ok", found=f"{gib:.1f} GiB")]
    return [
        Finding(
            check="memory",
            state="warning",
            found=f"{gib:.1f} GiB",
            advice=f"training at 224 x 224 in batches of 64 takes about {TRAINING_GIB} GiB on a CPU: choose a recipe "
            "with smaller images or batches",
        )
    ]


def check_writing(workspace: Workspace) -> list[Finding]:
    """Write a temporary file where the workspace is or would be made."""
    folder = _existing(workspace.root)
    try:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is no folder")
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"fer-bench")
    except OSError as error:
        return [
            Finding(
                check="workspace",
                state="error",
                found=f"{folder}: cannot be written to ({error.strerror or error})",
                advice="choose another folder with --workspace or FER_BENCH_WORKSPACE",
            )
        ]
    new = "" if folder == workspace.root else ", to be made"
    return [Finding(check="workspace", state="ok", found=f"{workspace.root}{new}: can be written to")]


def check_disk(workspace: Workspace) -> list[Finding]:
    """Return whether the datasets that are not prepared yet would fit beside the workspace."""
    free = shutil.disk_usage(_existing(workspace.root)).free
    missing = {
        card.name: sum(map(sum, card.counts.values())) * card.size[0] * card.size[1]
        for card in dataset_cards().values()
        if card.counts and not _is_prepared(workspace, card.name)
    }
    room = f"{_size(free)} free"
    if free < LEAST_FREE:
        advice = "free some, or choose another folder with --workspace; fer-bench clean tells what it would free"
        return [Finding(check="disk", state="error", found=room, advice=advice)]
    # The largest first: it decides.
    needs = ", ".join(f"{name} {_size(size)}" for name, size in sorted(missing.items(), key=lambda item: -item[1]))
    if sum(missing.values()) + LEAST_FREE > free:
        advice = f"not all datasets fit, prepared they take: {needs}"
        return [Finding(check="disk", state="warning", found=room, advice=advice)]
    return [Finding(check="disk", state="ok", found=f"{room}; yet to be prepared: {needs or 'nothing'}")]


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest path above it that is seen to exist: what an unreadable folder hides is not."""
    return next(place for place in (folder, *folder.absolute().parents) if _exists(place))


def _exists(place: Path) -> bool:
    with contextlib.suppress(OSError):
        return place.exists()
    return False


def _is_prepared(workspace: Workspace, name: str) -> bool:
    with contextlib.suppress(OSError):  # A folder that cannot be read: check_writing tells of the workspace's.
        return is_prepared(workspace.prepared(name))
    return False


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
