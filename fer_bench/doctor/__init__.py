"""Is this installation fit for work? Packages, backend, machine, workspace, ImageNet weights.

Nothing is downloaded, and nothing is written but one temporary file that shows that the workspace can be.
"""

from collections.abc import Callable

from fer_bench import backend
from fer_bench.doctor.finding import Finding
from fer_bench.doctor.imports import check_imports
from fer_bench.doctor.machine import check_backend, check_disk, check_memory, check_writing
from fer_bench.doctor.packages import check_extras, check_packages, check_plugins, check_python
from fer_bench.doctor.weights import check_imagenet
from fer_bench.progress import unheard
from fer_bench.workspace import Workspace

__all__ = ["Finding", "examine"]


def examine(workspace: Workspace, on_check: Callable[[str], object] = unheard) -> list[Finding]:
    """Return what was found, in an order that puts causes before their effects.

    Args:
        workspace: need not exist yet.
        on_check: called with what is looked at, before it is.
    """
    checks: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
        ("Python", check_python),
        ("packages", check_packages),
        ("imports", check_imports),
        ("optional packages", check_extras),
        ("models and datasets of other packages", check_plugins),
        ("backend", check_backend),
        ("memory", check_memory),
        ("workspace", lambda: check_writing(workspace)),
        ("disk", lambda: check_disk(workspace)),
        ("ImageNet weights", lambda: check_imagenet(backend.keras_home())),
    )
    found = []
    for name, check in checks:
        on_check(name)
        found += check()
    return found
