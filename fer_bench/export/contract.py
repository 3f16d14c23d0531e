"""What a user of an exported file must know: classes, preprocessing, identity, as JSON-ready data."""

import contextlib
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from fer_bench.datasets.prepared import Prepared
from fer_bench.datasets.scaled import is_averaged
from fer_bench.environment import describe
from fer_bench.export import Target
from fer_bench.export.convert import INPUT
from fer_bench.records import TrainRecord

SCHEMA = 1
_PACKAGES = {
    "litert": ("ai-edge-litert",),
    "litert-int8": ("ai-edge-litert",),
    "onnx": ("onnx", "onnxruntime", "tf2onnx"),
}
_PREFIX = "fer_bench."


def contract(run: TrainRecord, prepared: Prepared, target: Target) -> dict[str, Any]:
    """Return the contract of one run's file.

    Args:
        run: the training run.
        prepared: the dataset that it was trained on.
        target: the file's format.

    Returns:
        JSON-ready data: ``class_names`` in the order of the output, ``input``, ``output``, ``preprocessing``, what the
        file was made from (``model``, ``dataset``, ``dataset_fingerprint``, ``recipe``, ``seed``, ``weights_sha256``,
        ``origin``, ``start``, ``training_precision``: the file itself computes in float32 or 8 bits) and ``versions``.
    """
    size = int(run.recipe_content["image_size"])
    height, width = (int(side) for side in prepared.manifest["size"])
    versions = describe(models=[run.model]).packages
    for name in _PACKAGES[target]:
        # onnxruntime has variants under other names.
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "schema": SCHEMA,
        "kind": "export",
        "format": target,
        "model": run.model,
        "dataset": run.dataset,
        "origin": run.origin,
        "recipe": run.recipe,
        "seed": run.seed,
        "training_precision": run.recipe_content.get("precision", "float32"),  # Absent from older records.
        "backend": run.backend,
        "start": {"kind": run.start.kind, "source": run.start.source, "sha256": run.start.sha256},
        "dataset_fingerprint": run.dataset_fingerprint,
        "weights_sha256": run.weights_sha256,
        "class_names": list(run.class_names),
        "input": {"name": INPUT, "dtype": "float32", "layout": "NHWC", "shape": [None, size, size, 3]},
        "output": {"dtype": "float32", "shape": [None, len(run.class_names)], "values": "probabilities"},
        "preprocessing": preprocessing((height, width), size),
        "versions": dict(sorted(versions.items())),
    }


def preprocessing(stored: tuple[int, int], size: int) -> dict[str, Any]:
    """Return what turns a picture into the network's input, for people (``steps``) and for programs (the rest).

    Args:
        stored: height and width of the prepared dataset's images, pixels.
        size: height and width of the network's input, pixels.
    """
    area = is_averaged(stored, size)
    resize = "area" if area else "none" if stored == (size, size) else "bilinear"
    last = {
        "area": _resized((size, size)),
        "bilinear": f"resize to {size} x {size} bilinearly in float, not rounded: pixel centres aligned, edge pixels "
        "repeated (cv2.INTER_LINEAR on float32)",
        "none": "",
    }[resize]
    steps = [
        "the face, cropped as the dataset has it, to 8-bit gray by luminance (0.299 R + 0.587 G + 0.114 B)",
        f"{_resized(stored)}; this is the size of the training images",
        *([last] if last else []),
        "value = pixel / 127.5 - 1",
        "repeat the gray image in three channels",
    ]
    return {
        "steps": steps,
        "gray": True,
        "channels_equal": True,
        "stored_size": list(stored),
        "resize": resize,
        "image_size": [size, size],
        "value_range": [-1.0, 1.0],
    }


def _resized(size: tuple[int, int]) -> str:
    """Return what :func:`fer_bench.datasets.decoding.resize` does, which no single call of OpenCV gives."""
    height, width = size
    return (
        f"resize to {height} x {width} (height x width), rounded to 8 bits after each part: divide both sides by the "
        f"largest whole number from 2 up, if any, that divides both and leaves at least {height} x {width} "
        "(cv2.INTER_AREA); then shrink the sides that are still larger, in one call (cv2.INTER_AREA); then enlarge "
        "those that are smaller (cv2.INTER_LINEAR)"
    )


def finish_onnx(path: Path, content: Mapping[str, Any]) -> None:
    """Put the contract into an ONNX file's ``metadata_props``, each value a text, those that are no text as JSON.

    The open dimension of input and output is named ``batch``.
    """
    import onnx

    model = onnx.load(str(path))
    onnx.helper.set_model_props(
        model,
        {
            _PREFIX + key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for key, value in content.items()
        },
    )
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
