"""One computation on every Keras backend that is installed, each in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_bench import backend
from fer_bench.errors import FerBenchError

PROBE = Path(__file__).with_name("backend_probe.py")
INSTALLED = [name for name in backend.BACKENDS if importlib.util.find_spec(name) is not None]
MISSING = ", ".join(sorted(set(backend.BACKENDS) - set(INSTALLED)))


def probe(name: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROBE), *arguments],
        env={**os.environ, "KERAS_BACKEND": name, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], given: str | None = None) -> str:
    out, errors = process.communicate(given, timeout=900)
    assert process.returncode == 0, errors
    return out


@pytest.fixture(scope="module")
def computed(tmp_path_factory) -> Path:
    if len(INSTALLED) < 2:
        pytest.skip(f"needs two backends; not installed: {MISSING}")
    folder = tmp_path_factory.mktemp("backends")
    processes = [probe(name, "compute", str(folder)) for name in INSTALLED]
    for process in processes:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said == "saved\n", process.communicate()[1]
    for process in processes:
        ended(process, "go\n")
    return folder


def test_a_gpu_that_the_program_has_used_before_is_taken_as_it_is(configured, monkeypatch):
    """As when Python imports and uses TensorFlow, then ``fer_bench.load_model``: it ended in a traceback."""
    if configured != "tensorflow":
        pytest.skip("needs the backend TensorFlow")
    import tensorflow as tf

    def refused(*_arguments):
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: ["GPU:0"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", refused)
    monkeypatch.setattr(tf.config.threading, "set_inter_op_parallelism_threads", refused)
    with pytest.warns(UserWarning, match="TensorFlow has been used in this process before fer-bench"):
        backend._prepare("tensorflow")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in backend.BACKENDS if name != "tensorflow"])
def test_backends_agree_on_the_warp_the_answers_and_a_training_step(name, computed):
    if name not in INSTALLED:
        pytest.skip(f"{name} is not installed")
    with np.load(computed / f"{INSTALLED[0]}.npz") as first, np.load(computed / f"{name}.npz") as other:
        assert first.files == other.files
        # Gray levels of 0 to 255; probabilities; nats; changes of weights. Float32 carries about seven digits.
        tolerances = {"warp": 5e-3, "answers": 1e-6, "loss": 1e-6, "step": 1e-6}
        for key in first.files:
            tolerance = tolerances[key.removeprefix("adam/").partition("/")[0]]
            if key.startswith("adam/step"):
                if key.endswith(("/conv/bias", "/conv_2/bias")):
                    # Batch norm takes them away: their gradient is rounding alone, and Adam scales it up to a step.
                    continue
                tolerance = 1e-3  # Of a step of 0.1: Adam magnifies the rounding of small gradients.
            if key.startswith("step"):
                # Rounding may put a value on the other side of ReLU's kink, as on some processors: of one channel.
                far = np.abs(other[key] - first[key]) > tolerance
                assert far.any(axis=tuple(range(far.ndim - 1))).sum() <= 1, key
                tolerance = 1e-4
            np.testing.assert_allclose(other[key], first[key], rtol=0, atol=tolerance, err_msg=key)
        assert first["loss"] > 0.5
        steps = [key for key in first.files if key.startswith("step/")]
        assert sum(bool(np.any(first[key])) for key in steps) >= 10
        assert not any(np.any(first[key]) for key in steps if "frozen" in key)


@pytest.mark.slow
def test_weights_saved_by_one_backend_are_read_by_every_other(computed):
    answers = {}
    for reader in INSTALLED:
        with np.load(computed / f"{reader}-answers.npz") as found:
            assert sorted(found.files) == sorted(INSTALLED)
            answers[reader] = {writer: found[writer] for writer in found.files}
    for writer in INSTALLED:
        for reader in INSTALLED:
            np.testing.assert_allclose(answers[reader][writer], answers[writer][writer], atol=1e-5)
    different = [answers[INSTALLED[0]][writer] for writer in INSTALLED]
    assert not np.allclose(different[0], different[1], atol=1e-4), "each backend has random weights of its own"


@pytest.mark.slow
@pytest.mark.parametrize("name", backend.BACKENDS)
def test_training_repeats_bit_for_bit_on_a_cpu_also_when_interrupted(name, workspace, tmp_path):
    if name not in INSTALLED:
        pytest.skip(f"{name} is not installed")
    results = []
    for place, stops in (("alone", []), ("interrupted", [0, 1])):
        process = probe(name, "repeat", str(tmp_path / place), str(workspace.prepared("fer2013")), json.dumps(stops))
        results.append(json.loads(ended(process).splitlines()[-1]))
    assert results[0] == results[1]
    assert results[0]["backend"] == name
    assert results[0]["compute"].get("onednn") != "false", "a network sets the backend up, whoever builds it"
    assert results[0]["history"][-1]["loss"] < results[0]["history"][0]["loss"]


@pytest.mark.slow
def test_two_devices_compute_what_one_does():
    if "jax" not in INSTALLED:
        pytest.skip("jax is not installed")
    flags = "--xla_force_host_platform_device_count=2"
    processes = [probe("jax", "devices", count, XLA_FLAGS=flags) for count in ("1", "2")]
    one, two = (json.loads(ended(process).splitlines()[-1]) for process in processes)
    assert one.keys() == two.keys()
    for key in one:
        np.testing.assert_allclose(two[key], one[key], atol=1e-5, err_msg=key)


def test_devices_that_cannot_be_had_are_refused(monkeypatch):
    from fer_bench import devices

    for name in ("tensorflow", "torch"):
        monkeypatch.setenv("KERAS_BACKEND", name)
        with pytest.raises(FerBenchError, match=f"--devices 2 needs KERAS_BACKEND=jax, not {name}"):
            devices.check(2, 64)
        devices.check(1, 63)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    devices.check(2, 64)
    with pytest.raises(
        FerBenchError, match="batch of 64 images cannot be split evenly; choose a number of devices that divides it"
    ):
        devices.check(3, 64)
