"""Sessions over converted files: each computes in as many threads as it is given."""

import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from fer_bench.export import packages, sessions

IMAGES = np.zeros((2, 8, 8, 3), np.float32)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Every runtime is there, as far as the check for packages can tell."""
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: name)


@pytest.mark.parametrize("threads", [1, 3])
def test_litert_computes_in_the_threads_that_it_is_given(threads, tmp_path, monkeypatch):
    made = MagicMock()
    made.return_value.get_input_details.return_value = [{"index": 0}]
    made.return_value.get_output_details.return_value = [{"index": 1}]
    made.return_value.get_tensor.return_value = np.ones((2, 7), np.float32)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", SimpleNamespace(Interpreter=made))
    (tmp_path / "model.tflite").write_bytes(b"content")
    sessions.open_litert(tmp_path / "model.tflite", threads)(IMAGES)
    made.assert_called_once_with(model_content=b"content", num_threads=threads)


@pytest.mark.parametrize("threads", [1, 3])
def test_onnx_runtime_computes_in_the_threads_that_it_is_given(threads, monkeypatch):
    made, options = MagicMock(), MagicMock()
    runtime = SimpleNamespace(SessionOptions=lambda: options, InferenceSession=made)
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    sessions.onnx_session(b"content", threads)
    made.assert_called_once_with(b"content", options, providers=["CPUExecutionProvider"])
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)


@pytest.mark.parametrize("threads", [1, 3])
def test_openvino_computes_in_the_threads_that_it_is_given(threads, tmp_path, monkeypatch):
    core = MagicMock()
    core.compile_model.return_value.return_value.__getitem__.return_value = np.ones((2, 7))
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Core=lambda: core))
    sessions.open_openvino(tmp_path / "model.onnx", threads)(IMAGES)
    ((_, device, settings), _) = core.compile_model.call_args
    assert (device, settings["INFERENCE_NUM_THREADS"], settings["INFERENCE_PRECISION_HINT"]) == ("CPU", threads, "f32")
