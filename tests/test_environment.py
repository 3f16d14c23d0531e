import hashlib
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

import fer_bench
from fer_bench import backend, environment


def test_describe_names_the_packages_that_are_installed() -> None:
    packages = environment.describe().packages
    assert packages["fer-bench"] == fer_bench.__version__
    assert packages["numpy"] == metadata.version("numpy")
    assert packages["keras"] == metadata.version("keras")
    assert all(re.match(r"\d+\.\d+", version) for version in packages.values())


def test_a_package_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("numpy", "no-such-distribution"))
    assert set(environment.describe().packages) == {"fer-bench", "numpy"}


def test_describe_fills_every_field() -> None:
    described = environment.describe()
    created = datetime.strptime(described.created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    assert described.python == ".".join(map(str, sys.version_info[:3]))
    assert described.processor.strip()
    assert described.cores >= 1
    assert 0.1 < described.memory_gib < 100_000
    assert described.devices == ()


def test_a_container_that_gives_less_than_its_cores_gets_as_few_threads() -> None:
    """What joblib reads from the control group stands here in the variable that it reads as well."""
    if environment.schedulable_cores() < 2:
        pytest.skip("one core: nothing could be fewer")
    program = """
from fer_bench import backend, compute, environment
backend.prepare_training(224)
print(environment.cores(), environment.describe().cores, compute.threads()["intra_op"])
"""
    variables = os.environ | {"LOKY_MAX_CPU_COUNT": "1", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=variables, check=True)
    assert done.stdout.split() == ["1", "1", "1"]


def test_host_is_made_from_the_kind_of_machine_alone() -> None:
    first = environment.describe(["GPU A"])
    # Nothing but what the record shows goes in: no host name, no user.
    shown = (first.processor, str(first.cores), f"{first.memory_gib:.1f}", first.system, "GPU A")
    assert first.host == hashlib.sha256("\n".join(shown).encode()).hexdigest()[:12]
    assert environment.describe(["GPU A"]).host == first.host
    assert environment.describe(["GPU B"]).host != first.host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 7B13\nflags\t: fpu\n", "AMD EPYC 7B13"),
        ("processor\t: 0\nBogoMIPS\t: 48.00\nCPU implementer\t: 0x41\n", ""),
        ("", ""),
    ],
)
def test_processor_name_from_cpuinfo(tmp_path, text: str, expected: str) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text, encoding="utf-8")
    assert environment._cpuinfo_model(path) == expected


def test_describe_imports_no_backend() -> None:
    code = (
        "import sys; from fer_bench.environment import describe; describe(); "
        "print([name for name in ('keras', 'tensorflow', 'jax', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_keras_home_is_where_keras_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert backend.keras_home() == tmp_path / ".keras"
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # As in a container: root may write anywhere.
    assert backend.keras_home() == Path("/tmp/.keras")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "own"))
    assert backend.keras_home() == tmp_path / "own"


def test_a_user_without_a_home_has_one_for_keras() -> None:
    code = "from fer_bench import backend; print(backend.name(), backend.keras_home())"
    user = "import os, pwd; pwd.getpwuid = lambda user: {}[user]; os.environ.pop('HOME', None); "
    done = subprocess.run([sys.executable, "-c", user + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("system", "expected"), [("linux", True), ("darwin", False)])
def test_xla_is_for_the_gpus_that_it_knows(monkeypatch: pytest.MonkeyPatch, system: str, expected: bool) -> None:
    monkeypatch.setattr(backend, "configure", lambda: "tensorflow")
    monkeypatch.setattr(backend, "devices", lambda: ("a GPU",))
    monkeypatch.setattr(sys, "platform", system)
    assert backend.jit_compile() is expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("cpu", ()), ("mps", ("PyTorch's mps",)), ("cuda", ("H100", "H100")), ("xpu", ("PyTorch's xpu",))],
)
def test_pytorchs_devices_are_those_that_keras_chooses(
    monkeypatch: pytest.MonkeyPatch, kind: str, expected: tuple[str, ...]
) -> None:
    zero = SimpleNamespace(device=SimpleNamespace(type=kind))
    cuda = SimpleNamespace(device_count=lambda: 2, get_device_name=lambda number: "H100")
    monkeypatch.setattr(backend, "configure", lambda: "torch")
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(ops=SimpleNamespace(zeros=lambda shape: zero)))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert backend.devices() == expected
