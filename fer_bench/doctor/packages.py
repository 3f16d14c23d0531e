"""Python and the packages, against the lower bounds that fer-bench declares; and what other packages add."""

import platform
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import fer_bench
from fer_bench import backend, datasets, models
from fer_bench.doctor.finding import Finding, State
from fer_bench.errors import FerBenchError
from fer_bench.plugins import distribution

SAME_MODULE = {
    "tensorflow": ("tensorflow-cpu",),
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
}
"""Distributions that bring the same module as one that fer-bench names."""
PURPOSE = {
    "faces": "finding faces in predict and web-demo",
    "jax": "training and timing on JAX, and --devices",
    "litert": "exporting to LiteRT and timing it",
    "onnx": "exporting to ONNX and timing it, and add-onnx",
    "openvino": "timing OpenVINO",
    "ray": "the grid on several machines",
    "tune": "tune --search random",
}
"""What an extra is for; one that is not here is a developer's."""


@dataclass(frozen=True)
class Declared:
    """What fer-bench says that it needs."""

    python: SpecifierSet
    packages: tuple[Requirement, ...]
    extras: dict[str, tuple[Requirement, ...]]


def declared() -> Declared:
    """Return the requirements: a checkout's ``pyproject.toml``, else the metadata of the installed package.

    Raises:
        FerBenchError: neither is there.
    """
    file = Path(fer_bench.__file__).parent.parent / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == "fer-bench":
            extras = project.get("optional-dependencies", {})
            return Declared(
                SpecifierSet(project["requires-python"]),
                _parsed(project["dependencies"]),
                {name: _parsed(lines, name) for name, lines in extras.items()},
            )
    try:
        known = metadata.metadata("fer-bench")
    except metadata.PackageNotFoundError:
        raise FerBenchError(f"{file.parent}: neither a checkout nor an installed package; install fer-bench") from None
    lines = known.get_all("Requires-Dist") or []
    needed = _parsed(lines)
    extras = {
        extra: tuple(item for item in _parsed(lines, extra) if item not in needed)
        for extra in known.get_all("Provides-Extra") or []
    }
    return Declared(SpecifierSet(known["Requires-Python"] or ""), needed, extras)


def check_python() -> list[Finding]:
    """Return whether this Python is one that fer-bench runs on."""
    wanted, found = declared().python, platform.python_version()
    if wanted.contains(found, prereleases=True):
        return [Finding(check="Python", state="ok", found=found)]
    return [Finding(check="Python", state="error", found=found, advice=f"install Python {wanted} and fer-bench in it")]


def check_packages() -> list[Finding]:
    """Return one finding a required package: there, and new enough."""
    # Keras on another backend needs no TensorFlow for training.
    spare = {"tensorflow"} if backend.name() != "tensorflow" else set()
    return [_check(item, "warning" if item.name in spare else "error") for item in declared().packages]


def check_extras() -> list[Finding]:
    """Return one finding an extra: all of its packages there and new enough, some too old, or not installed."""
    return [_check_extra(name, items) for name, items in declared().extras.items() if name in PURPOSE]


def check_plugins() -> list[Finding]:
    """Return one finding for each model and dataset that another package offers: it can be used, or why not."""
    found = []
    for plugins in (models.PLUGINS, datasets.PLUGINS):
        broken = plugins.broken()
        for name, entries in plugins.offers().items():
            check = f"{plugins.kind} {name}"
            if name in broken:
                advice = "it is left out, and everything else works without it"
                found.append(Finding(check=check, state="warning", found=broken[name], advice=advice))
            else:
                found.append(Finding(check=check, state="ok", found=distribution(entries[0])))
    return found


def _check_extra(name: str, items: Sequence[Requirement]) -> Finding:
    check = f"optional: {name}"
    install = f'pip install "fer-bench[{name}]" for {PURPOSE[name]}'
    found = [_check(item, "warning") for item in items]
    wrong = [finding for finding in found if finding.state != "ok"]
    if not wrong:
        return Finding(
            check=check, state="ok", found=", ".join(f"{finding.check} {finding.found}" for finding in found)
        )
    old = [finding for finding in wrong if finding.found != "not installed"]
    if old:
        return Finding(
            check=check,
            state="warning",
            found=", ".join(f"{finding.check} {finding.found}" for finding in old),
            advice=install,
        )
    missing = ", ".join(finding.check for finding in wrong)
    return Finding(check=check, state="ok", found=f"not installed: {missing}", advice=install)


def _check(item: Requirement, otherwise: State) -> Finding:
    for name in (item.name, *SAME_MODULE.get(item.name, ())):
        version = _version(name)
        if version is None:
            continue
        if item.specifier.contains(version, prereleases=True):
            return Finding(check=item.name, state="ok", found=version if name == item.name else f"{name} {version}")
        return Finding(
            check=item.name,
            state=otherwise,
            found=f"{version}, expected {item.specifier}",
            advice=f'pip install "{name}{item.specifier}"',
        )
    return Finding(
        check=item.name,
        state=otherwise,
        found="not installed",
        advice=f'pip install "{item.name}{item.specifier}"',
    )


def is_installed(name: str) -> bool:
    """Return whether a package, or another that brings the same module, is installed by its metadata."""
    return any(_version(each) is not None for each in (name, *SAME_MODULE.get(name, ())))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _parsed(lines: Iterable[str], extra: str = "") -> tuple[Requirement, ...]:
    """Return the requirements that hold on this machine, and with an extra where one is named."""
    found = [Requirement(line) for line in lines]
    return tuple(item for item in found if item.marker is None or item.marker.evaluate({"extra": extra}))
