"""Export one trained run: convert, compare with Keras on test images, and only then let the file appear."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_bench import augmentation, backend, grid, predictions
from fer_bench.datasets.prepared import Prepared
from fer_bench.environment import cores
from fer_bench.errors import FerBenchError
from fer_bench.export import Target, parity, recall
from fer_bench.export.contract import contract, finish_onnx
from fer_bench.export.convert import SUFFIXES, convert
from fer_bench.export.packages import require
from fer_bench.export.sessions import Call, open_litert, open_onnx
from fer_bench.files import json_text, replacing, sha256_of
from fer_bench.network import Network
from fer_bench.progress import unheard
from fer_bench.records import TrainRecord
from fer_bench.workspace import Workspace

REPRESENTATIVE = 128
"""Training images by which an 8-bit file's ranges are chosen."""
_BATCH = 32

Progress = Callable[[str, int, int], None]
"""``progress(step, done, total)``."""


def check_target(target: Target, out: Path | None) -> None:
    """Refuse a format or file that cannot be written, before anything is loaded.

    Raises:
        FerBenchError: ``out`` has another ending or is a folder, or a package is missing.
    """
    if out is not None and out.suffix != SUFFIXES[target]:
        raise FerBenchError(f"--out {out}: expected a name that ends in {SUFFIXES[target]}")
    for path in () if out is None else (out, sidecar(out)):
        if path.is_dir():
            raise FerBenchError(
                f"--out {out}: {path} is a folder, and a file of that name is to be written: name another"
            )
    if target == "onnx":
        require("fer-bench export --to onnx", "onnx", "onnx", "onnxruntime", "tf2onnx")
    else:
        require(f"fer-bench export --to {target}", "litert", "ai_edge_litert")


def default_path(workspace: Workspace, cell: grid.Cell, target: Target) -> Path:
    """Return where a cell's file goes: ``exports/<cell>.<format's ending>`` in the workspace."""
    middle = ".int8" if target == "litert-int8" else ""
    return workspace.root / "exports" / f"{cell.id}{middle}{SUFFIXES[target]}"


def sidecar(path: Path) -> Path:
    """Return the JSON file beside an exported one: ``<whole name>.json``."""
    return path.with_name(f"{path.name}.json")


def export_run(
    workspace: Workspace,
    cell: grid.Cell,
    run: TrainRecord,
    prepared: Prepared,
    target: Target,
    out: Path,
    *,
    images: int = 512,
    progress: Progress = unheard,
) -> dict[str, Any]:
    """Write a trained run as a file in another format, with its contract beside it (:func:`sidecar`).

    The file is compared with Keras on test images before it appears; one that fails is not left behind, and what
    ``out`` held before stays. For ``litert-int8`` its accuracy and the recall of each class on the whole test set
    stand beside Keras' in float32. What a run trained in another precision answered when it was tested is compared with
    its answers in float32, which may differ; that is told, not judged.

    Args:
        workspace: where the weights lie.
        cell: the run's.
        run: its record.
        prepared: the dataset that it was trained on.
        target: the format.
        out: the file, with the format's ending.
        images: test images to compare on, spread evenly over the test set; 0 for all.
        progress: see :data:`Progress`.

    Returns:
        The content of the JSON file.

    Raises:
        FerBenchError: a package is missing, there are no test images, the model cannot be converted, or the file
            does not answer as Keras does, or it cannot be told whether it does.
    """
    test = prepared.indices("test")
    if not len(test):
        raise FerBenchError(f"{prepared.dataset}: no test images to compare the exported file with Keras on")
    _exact_products()
    # A file computes in float32, whatever the precision of the training.
    network = Network(cell.model, dataclasses.replace(cell.recipe, precision="float32"))
    network.load_weights(workspace.weights(cell.id), run.weights_sha256)
    pictures = prepared.at_size(cell.recipe.image_size)
    int8 = target == "litert-int8"
    asked = len(test) if images == 0 else min(images, len(test))
    chosen = np.unique(np.linspace(0, len(test) - 1, asked).astype(np.intp))

    progress("Keras", 0, len(chosen))
    reference = network.predict(pictures, test[chosen])
    reason = parity.unprovable(reference)
    if reason:
        raise FerBenchError(
            f"{out}: not written, because it could not be told whether it agrees with Keras: {reason}; train "
            f"{cell.model} further (fer-bench evaluate shows what it answers), or compare on more --images"
        )
    labels = np.asarray(prepared.labels)[test].astype(np.int64)
    content = contract(run, prepared, target)
    other_precision = cell.recipe.precision != "float32"
    stored = _stored_answers(workspace, run, prepared) if int8 or other_precision else None
    if other_precision and stored is not None:
        content["stored_answers"] = _beside_stored(stored[chosen], reference.argmax(axis=1), labels[chosen])
    samples = None
    if int8:
        rows = _representative(prepared, run.seed)
        samples = np.concatenate(list(_inputs(pictures, rows, cell.recipe.image_size)))
        content["representative"] = {"split": "train", "images": len(rows), "seed": run.seed}
    progress("convert", 0, 1)
    with replacing(sidecar(out)) as described, replacing(out) as temporary:
        convert(network.core, target, temporary, samples)
        if target == "onnx":
            finish_onnx(temporary, content)
        call = open_onnx(temporary, cores()) if target == "onnx" else open_litert(temporary, cores())
        rows = test if int8 else test[chosen]
        answers = _answers(call, pictures, rows, cell.recipe.image_size, progress)
        found = parity.compare(reference, answers[chosen] if int8 else answers)
        complaints = parity.failures(found, int8=int8)
        content |= {
            "file": out.name,
            "bytes": temporary.stat().st_size,
            "file_sha256": sha256_of(temporary),
            "parity": {**dataclasses.asdict(found), "test_images": len(test)},
        }
        if int8:
            first = stored
            if first is None or other_precision:
                first = network.predict(pictures, test).argmax(axis=1)
            content["accuracy"], lost = _beside_float(labels, first, answers.argmax(axis=1), run.class_names)
            complaints += lost
        if complaints:
            advice = "; --to litert keeps floats" if int8 else ""
            raise FerBenchError(
                f"{out}: not written, because it does not answer as Keras does on {found.images:,} test images: "
                f"{'; '.join(complaints)}{advice}"
            )
        described.write_text(json_text(content), encoding="utf-8", newline="\n")
        # Between here and the end a kill leaves a file without its description, never one with another file's.
        sidecar(out).unlink(missing_ok=True)
    return content


def _representative(prepared: Prepared, seed: int) -> NDArray[np.intp]:
    """Return some training rows, drawn by ``seed``: never test images, on which the file is judged."""
    train = prepared.indices("train")
    drawn = np.random.default_rng(seed).choice(train, min(REPRESENTATIVE, len(train)), replace=False)
    return np.sort(drawn)


def _inputs(pictures: NDArray[np.uint8], rows: NDArray[np.intp], size: int) -> Iterator[NDArray[np.float32]]:
    """Yield the network's input of the given rows, a batch at a time."""
    for start in range(0, len(rows), _BATCH):
        yield augmentation.plain_input(pictures[rows[start : start + _BATCH]], size)


def _answers(
    call: Call, pictures: NDArray[np.uint8], rows: NDArray[np.intp], size: int, progress: Progress
) -> NDArray[np.float32]:
    found = []
    for batch in _inputs(pictures, rows, size):
        found.append(call(batch))
        progress("compare", min(len(found) * _BATCH, len(rows)), len(rows))
    return np.concatenate(found)


def _stored_answers(workspace: Workspace, run: TrainRecord, prepared: Prepared) -> NDArray[np.int64] | None:
    """Return the first answers (n,) to the whole test set that are stored of this very run, in its own precision."""
    record = grid.evaluated(workspace, run, prepared)
    return None if record is None else predictions.read_predictions(workspace.results.records, record).classes


def _beside_stored(
    stored: NDArray[np.int64], float32: NDArray[np.intp], labels: NDArray[np.int64]
) -> dict[str, int | float]:
    """Return what the contract says of first answers (n,) stored in another precision beside those in float32."""
    return {
        "images": len(labels),
        "top1_agreement": float((stored == float32).mean()),
        "stored_accuracy": float((stored == labels).mean()),
        "float32_accuracy": float((float32 == labels).mean()),
    }


def _beside_float(
    labels: NDArray[np.int64], first: NDArray[np.int64], own: NDArray[np.int64], names: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return what the contract says of an 8-bit file's accuracy, and the complaints about what it loses.

    Args:
        labels: true class indices of the whole test set (n,).
        first: first answers of the float model (n,).
        own: first answers of the file (n,).
        names: of the classes.
    """
    before, after = (float((each == labels).mean()) for each in (first, own))
    classes = recall.by_class(labels, first, own, names)
    content = {"test_images": len(labels), "float": before, "int8": after, **recall.recall_content(classes)}
    return content, parity.accuracy_failures(before, after) + recall.recall_failures(classes)


def _exact_products() -> None:
    """Let Keras multiply in float32 on a GPU too, which else rounds to 10 bits (TF32): as much as the check allows."""
    chosen = backend.configure()
    if chosen == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    elif chosen == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
    else:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
