"""Checks of what comes after training: FLOPs, heat maps, and files for other runtimes that answer the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_bench.export import Target, parity
from fer_bench.export.convert import SUFFIXES, convert
from fer_bench.export.packages import Extra, missing
from fer_bench.export.sessions import Call, open_litert, open_onnx
from fer_bench.model_check.outcome import BrokenContractError, Check, NotInstalledError, require
from fer_bench.model_check.subject import SIZES, Subject, answers


def _flops(subject: Subject) -> str:
    from fer_bench.profiling.complexity import complexity

    size = max(SIZES[-1], subject.card.min_image_size)
    found = complexity(subject.built(size))
    paper, own = found.flops_paper_rule / 1e9, found.flops / 1e9
    return f"{paper:.4f} GFLOPs by the paper's rule, {own:.4f} by fer-bench's, at {size} pixels"


def _heat_maps(subject: Subject) -> str:
    from fer_bench.explain.gradcam import GradCam

    explained = GradCam(subject.telling, subject.card.name)
    gap = float(np.abs(explained(subject.images).probabilities - answers(subject.telling, subject.images)).max())
    require(gap <= parity.MAX_DIFFERENCE, f"cut at {explained.layer}, it gives other answers, by up to {gap:.3g}")
    height, width = explained.grid
    return f"{height} x {width} places at {subject.size} pixels, of the layer {explained.layer}"


def _onnx(subject: Subject) -> str:
    return _exported(subject, "onnx", "onnx", ("onnx", "onnxruntime", "tf2onnx"), open_onnx)


def _litert(subject: Subject) -> str:
    return _exported(subject, "litert", "litert", ("ai_edge_litert",), open_litert)


def _exported(
    subject: Subject, target: Target, extra: Extra, modules: tuple[str, ...], opened: Callable[[Path, int], Call]
) -> str:
    reason = missing(extra, *modules)
    if reason:
        raise NotInstalledError("not checked", reason)
    path = subject.scratch / f"model{SUFFIXES[target]}"
    convert(subject.telling, target, path)
    reference = answers(subject.telling, subject.images)
    if parity.unprovable(reference):
        raise BrokenContractError(
            "the answers hardly depend on the picture, even with the last weights scaled up",
            "connect the output to the image; without that no file can be told from one without weights",
        )
    found = parity.compare(reference, opened(path, 1)(subject.images))
    complaints = parity.failures(found, int8=False)
    if complaints:
        raise BrokenContractError(f"the file does not answer as Keras does: {'; '.join(complaints)}")
    return f"the file answers as Keras does, within {found.max_difference:.1e}"


CHECKS = (
    Check(
        name="FLOPs",
        make=_flops,
        advice="use operations that the FLOPs rules know, COSTS, FREE and ACTIVATIONS in "
        "fer_bench/profiling/operations.py, in a functional model",
    ),
    Check(
        name="heat maps",
        make=_heat_maps,
        advice="end in a softmax after a convolutional feature map that all of the answer depends on, or do without "
        "explain",
    ),
    Check(name="ONNX", make=_onnx, advice="use operations that tf2onnx converts, or do without export and onnxruntime"),
    Check(name="LiteRT", make=_litert, advice="use LiteRT's built-in operations, or do without export and LiteRT"),
)
