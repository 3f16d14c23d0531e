"""``fer-bench doctor``: what it finds, what it advises, and that it downloads nothing."""

import errno
import http.server
import importlib.util
import json
import os
import socket
import threading
from importlib import metadata
from pathlib import Path

import h5py
import numpy as np
import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from fer_bench import doctor
from fer_bench.cli import app
from fer_bench.doctor import imports, machine, packages, weights
from fer_bench.doctor.finding import Finding
from fer_bench.errors import FerBenchError
from fer_bench.interpreter import ANSWER
from fer_bench.workspace import Workspace


@pytest.fixture
def installed(monkeypatch):
    """Versions of distributions instead of the installed ones; ``None`` is not installed."""
    versions: dict[str, str | None] = {}
    real = metadata.version

    def version(name):
        if name not in versions:
            return real(name)
        if versions[name] is None:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(packages.metadata, "version", version)
    return versions


def by_check(findings):
    return {finding.check: finding for finding in findings}


def test_this_installation_has_all_packages_that_pyproject_asks_for():
    found = by_check(packages.check_packages())
    assert {"keras", "tensorflow", "numpy", "packaging", "filelock"} <= set(found)
    assert "pytest" not in found
    assert {finding.state for finding in found.values()} == {"ok"}
    assert packages.check_python()[0].state == "ok"


def test_an_old_package_is_an_error_with_the_command_that_helps(installed):
    installed["keras"] = "3.4.1"
    found = by_check(packages.check_packages())["keras"]
    bound = next(item.specifier for item in packages.declared().packages if item.name == "keras")
    assert (found.state, found.found) == ("error", f"3.4.1, expected {bound}")
    assert found.advice == f'pip install "keras{bound}"'


def test_a_missing_package_is_an_error(installed):
    installed["scipy"] = None
    assert by_check(packages.check_packages())["scipy"].found == "not installed"
    assert by_check(packages.check_packages())["scipy"].state == "error"


def test_tensorflow_cpu_is_tensorflow(installed):
    installed.update({"tensorflow": None, "tensorflow-cpu": "2.21.0"})
    found = by_check(packages.check_packages())["tensorflow"]
    assert (found.state, found.found) == ("ok", "tensorflow-cpu 2.21.0")


def test_onnxruntime_of_another_name_is_onnxruntime(installed):
    installed.update({"onnx": "1.20", "tf2onnx": "1.17.0", "onnxruntime": None, "onnxruntime-gpu": "1.22.0"})
    found = by_check(packages.check_extras())["optional: onnx"]
    assert (found.state, found.found) == ("ok", "onnx 1.20, onnxruntime onnxruntime-gpu 1.22.0, tf2onnx 1.17.0")
    assert packages.is_installed("onnxruntime")


def test_another_backend_can_do_without_tensorflow(installed, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    installed.update({"tensorflow": None, "tensorflow-cpu": None})
    assert by_check(packages.check_packages())["tensorflow"].state == "warning"


def test_an_extra_is_optional_but_not_too_old(installed):
    installed.update({"onnx": None, "onnxruntime": None, "tf2onnx": None, "openvino": "2020.1"})
    found = by_check(packages.check_extras())
    extras = ("faces", "jax", "litert", "onnx", "openvino", "ray", "tune")
    assert set(found) == {f"optional: {extra}" for extra in extras}
    assert (found["optional: onnx"].state, found["optional: onnx"].found) == (
        "ok",
        "not installed: onnx, onnxruntime, tf2onnx",
    )
    assert 'pip install "fer-bench[onnx]"' in found["optional: onnx"].advice
    assert found["optional: openvino"].state == "warning"


def test_an_installed_package_declares_the_same_as_the_checkout(monkeypatch, tmp_path):
    checkout = packages.declared()

    class Metadata(dict):
        def get_all(self, name):
            return self[name]

    needed = [str(item) for item in checkout.packages]
    extras = [f'{item}; extra == "{name}"' for name, items in checkout.extras.items() for item in items]
    known = Metadata({"Requires-Dist": [*needed, *extras], "Provides-Extra": list(checkout.extras)})
    known["Requires-Python"] = str(checkout.python)
    monkeypatch.setattr(packages.metadata, "metadata", lambda name: known)
    monkeypatch.setattr(packages.fer_bench, "__file__", str(tmp_path / "fer_bench" / "__init__.py"))
    elsewhere = packages.declared()
    assert elsewhere.packages == checkout.packages
    assert elsewhere.python == checkout.python
    assert {name: [item.name for item in items] for name, items in elsewhere.extras.items()} == {
        name: [item.name for item in items] for name, items in checkout.extras.items()
    }
    assert all(isinstance(item, Requirement) for item in elsewhere.packages)


def test_a_requirement_for_other_machines_is_none_of_this_one(monkeypatch, tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'fer-bench'\nrequires-python = '>=3.11'\n"
        "dependencies = ['numpy>=1', \"absent; python_version < '3'\"]\n"
        "[project.optional-dependencies]\nonnx = [\"absent; sys_platform == 'none'\", 'onnx>=1']\n"
    )
    monkeypatch.setattr(packages.fer_bench, "__file__", str(tmp_path / "fer_bench" / "__init__.py"))
    found = packages.declared()
    assert [item.name for item in found.packages] == ["numpy"]
    assert [item.name for item in found.extras["onnx"]] == ["onnx"]


class Server:
    """A server that answers every request with one code and keeps their methods."""

    def __init__(self, code):
        self.methods = methods = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                methods.append(self.command)
                self.send_response(code)
                self.end_headers()

            do_GET = do_HEAD  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def reach(monkeypatch, server):
    monkeypatch.setattr(weights, "FOLDER", f"http://127.0.0.1:{server.server.server_port}/")


def test_imagenet_weights_in_the_cache_are_found_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_unreachable", pytest.fail)
    kept = tmp_path / "models" / weights.FILE
    kept.parent.mkdir()
    with h5py.File(kept, "w") as file:
        file["kernel"] = np.zeros(10_000)
    assert weights.check_imagenet(tmp_path)[0].found == str(kept)


@pytest.mark.parametrize(("code", "state"), [(200, "ok"), (404, "warning")])
def test_half_a_download_is_not_taken_for_the_weights(code, state, tmp_path, monkeypatch):
    kept = tmp_path / "models" / weights.FILE
    kept.parent.mkdir()
    with h5py.File(kept, "w") as file:
        file["kernel"] = np.zeros(10_000)
    kept.write_bytes(kept.read_bytes()[:40_000])
    with Server(code) as server:
        reach(monkeypatch, server)
        [found] = weights.check_imagenet(tmp_path)
    assert found.state == state
    assert f"{kept} is cut short" in found.found


def test_imagenet_weights_that_could_be_downloaded_are_not(tmp_path, monkeypatch):
    with Server(200) as server:
        reach(monkeypatch, server)
        [found] = weights.check_imagenet(tmp_path)
    assert (found.state, server.methods) == ("ok", ["HEAD"])
    assert list(tmp_path.iterdir()) == []


def test_imagenet_weights_that_cannot_be_had_are_a_warning(tmp_path, monkeypatch):
    with Server(404) as server:
        reach(monkeypatch, server)
        [found] = weights.check_imagenet(tmp_path)
    assert found.state == "warning"
    [gone] = weights.check_imagenet(tmp_path)  # Nobody listens there any more.
    assert gone.state == "warning"
    assert "--weights random" in gone.advice


def test_a_server_that_does_not_speak_http_is_a_warning(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail ready\r\n")

        threading.Thread(target=answer, daemon=True).start()
        monkeypatch.setattr(weights, "FOLDER", f"http://127.0.0.1:{listening.getsockname()[1]}/")
        [found] = weights.check_imagenet(tmp_path)
    assert (found.state, "220 mail ready" in found.found) == ("warning", True)


def test_the_name_of_the_weights_is_keras_own():
    found = importlib.util.find_spec("keras")
    assert found is not None
    source = Path(found.origin).parent / "src" / "applications" / "mobilenet_v2.py"
    text = source.read_text(encoding="utf-8")
    assert weights.FOLDER.rstrip("/") in text
    assert "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_" in text


def test_a_workspace_that_cannot_be_written_to_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    [found] = machine.check_writing(Workspace(tmp_path / "file" / "workspace"))
    assert (found.state, "is no folder" in found.found) == ("error", True)
    [found] = machine.check_writing(Workspace(tmp_path / "new" / "workspace"))
    assert (found.state, "to be made" in found.found) == ("ok", True)
    assert not (tmp_path / "new").exists()

    def refuse(dir):  # noqa: A002
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refuse)
    [found] = machine.check_writing(Workspace(tmp_path))
    assert found.state == "error"
    assert "--workspace" in found.advice


@pytest.mark.parametrize(
    ("free", "state", "words"), [(1e6, "error", ""), (5e9, "warning", "affectnet 14"), (5e11, "ok", "")]
)
def test_the_disk_must_hold_the_datasets(tmp_path, monkeypatch, free, state, words):
    class Usage:
        def __init__(self):
            self.free = free

    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: Usage())
    [found] = machine.check_disk(Workspace(tmp_path))
    assert found.state == state
    assert words in found.advice


def test_a_workspace_that_an_unreadable_folder_hides_is_a_finding(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    real, hidden = os.stat, str(tmp_path / "locked") + os.sep

    def stat(path, *args, **kwargs):
        if str(path).startswith(hidden):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    def refuses(**kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refuses)
    place = Workspace(tmp_path / "locked" / "x" / "y")
    with pytest.raises(PermissionError):
        place.root.exists()
    [found] = machine.check_writing(place)
    assert (found.state, found.found) == ("error", f"{tmp_path}/locked: cannot be written to (Permission denied)")
    [found] = machine.check_disk(place)
    assert found.check == "disk"


def test_little_memory_is_a_warning(monkeypatch):
    monkeypatch.setattr(machine, "usable_memory_gib", lambda: 2.0)
    [found] = machine.check_memory()
    assert (found.state, found.found) == ("warning", "2.0 GiB")
    assert "smaller images" in found.advice


def test_a_backend_that_does_not_start_is_an_error_with_its_last_words(monkeypatch):
    monkeypatch.setattr(machine, "_ASK", "raise ImportError('no such library')")
    [found] = machine.check_backend()
    assert (found.state, found.found) == ("error", "tensorflow: ImportError: no such library")
    assert "KERAS_BACKEND" in found.advice
    monkeypatch.setattr(machine, "_ASK", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    [found] = machine.check_backend()
    assert "ended by signal or code -9" in found.found


def test_what_libraries_print_does_not_hide_the_answer(monkeypatch):
    answer = f'{ANSWER}["jax", "3.15.1", ["an accelerator"]]'
    monkeypatch.setattr(machine, "_ASK", f"print('hello', end=''); print('\\n' + {answer!r}); print('bye')")
    assert [finding.found for finding in machine.check_backend()] == ["jax, Keras 3.15.1", "an accelerator"]
    monkeypatch.setattr(machine, "_ASK", "print('hello')")
    assert machine.check_backend()[0].state == "error"


def test_what_lies_in_the_current_folder_is_not_imported(tmp_path, monkeypatch):
    """The command does not see it either: Python with -c or -m would put it first."""
    (tmp_path / "calendar.py").write_text("raise RuntimeError('mine')")
    monkeypatch.chdir(tmp_path)
    answer = f'{ANSWER}["jax", "3.15.1", ["an accelerator"]]'
    monkeypatch.setattr(machine, "_ASK", f"import calendar; print({answer!r})")
    assert [finding.state for finding in machine.check_backend()] == ["ok", "ok"]


def test_what_is_installed_and_cannot_be_imported_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imports, "MODULES", {"numpy": "numpy", "opencv-python-headless": "cv2"})
    monkeypatch.setattr(imports, "OPTIONAL", {"onnxruntime": "onnxruntime"})
    monkeypatch.setattr(packages, "_version", lambda name: "1.0")
    needed, optional = imports.check_imports()
    assert (needed.check, needed.state) == ("import of opencv-python-headless", "error")
    assert needed.found == "ImportError: libGL.so.1: cannot open shared object file"
    assert (optional.check, optional.state) == ("import of onnxruntime", "warning")
    monkeypatch.setattr(packages, "_version", lambda name: None)
    assert imports.check_imports()[0].state == "ok"  # That it is not there at all is told by another check.


def test_a_broken_tf2onnx_is_found_where_there_is_a_tensorflow_for_it(tmp_path, monkeypatch, installed):
    (tmp_path / "tf2onnx.py").write_text("import numpy; numpy.cast")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imports, "MODULES", {})
    monkeypatch.setattr(imports, "OPTIONAL", {"tf2onnx": imports.OPTIONAL["tf2onnx"]})
    installed.update({"tf2onnx": "1.16.1", "tensorflow": "2.21.0"})
    [found] = imports.check_imports()
    assert (found.check, found.state) == ("import of tf2onnx", "warning")
    assert found.found.startswith("AttributeError")
    installed.update({"tensorflow": None, "tensorflow-cpu": None})
    assert imports.check_imports()[0].state == "ok"


def test_an_import_that_ends_the_process_is_told_of(tmp_path, monkeypatch):
    (tmp_path / "simplejpeg.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(imports, "MODULES", {"simplejpeg": "simplejpeg"})
    monkeypatch.setattr(imports, "OPTIONAL", {})
    [found] = imports.check_imports()
    assert (found.check, found.found) == ("import of simplejpeg", "the process ended")


def shown(monkeypatch, *states, options=()):
    found = [Finding(check=f"check {i}", state=state, found="[so]", advice="that") for i, state in enumerate(states)]
    monkeypatch.setattr(doctor, "examine", lambda workspace, on_check: found)
    return CliRunner().invoke(app, ["doctor", *options])


def test_the_exit_code_tells_of_errors_only(monkeypatch):
    assert shown(monkeypatch, "ok", "warning").exit_code == 0
    result = shown(monkeypatch, "ok", "error")
    assert result.exit_code == 1
    assert "[so]" in result.stdout
    content = json.loads(shown(monkeypatch, "warning", "error", options=("--json",)).stdout)
    assert content["ok"] is False
    assert [finding["state"] for finding in content["findings"]] == ["warning", "error"]


def test_doctor_labels_is_still_there():
    result = CliRunner().invoke(app, ["doctor", "labels", "--help"], terminal_width=200)
    assert result.exit_code == 0
    assert "classes whose labels were swapped" in result.stdout
    help_text = CliRunner().invoke(app, ["doctor", "--help"], terminal_width=200).stdout
    assert "Example: fer-bench doctor" in help_text


@pytest.mark.parametrize("options", [["--json"], ["--workspace", "w"]])
def test_options_before_labels_would_be_lost_and_are_refused(options):
    with pytest.raises(FerBenchError, match="after the subcommand: doctor labels"):
        CliRunner().invoke(app, ["doctor", *options, "labels", "-m", "clcm", "-d", "raf-db"], catch_exceptions=False)


@pytest.mark.slow
def test_the_whole_check_of_this_installation(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_unreachable", lambda address: "no network in tests")
    seen: list[str] = []
    found = by_check(doctor.examine(Workspace(tmp_path / "workspace"), seen.append))
    assert found["backend"].found.startswith("tensorflow, Keras 3")
    assert not [finding for finding in found.values() if finding.state == "error"]
    assert seen[0] == "Python"
    assert list(tmp_path.iterdir()) == []
