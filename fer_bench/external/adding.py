"""Add an external model to a workspace: what its file tells is read, the rest is asked for, contradictions refused."""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np

from fer_bench.datasets.folder import shown
from fer_bench.emotions import CONTEMPT, EMOTIONS, index_of_name
from fer_bench.errors import FerBenchError
from fer_bench.external import Layout, Values
from fer_bench.external.complexity import cost
from fer_bench.external.model import CONTRACT, LARGEST, MODEL, ExternalModel, Tensor, is_external
from fer_bench.external.onnx_file import OnnxFile, Port, Shape, read_onnx, shape_words
from fer_bench.external.recorded import check_records, correct_records
from fer_bench.external.trial import tried
from fer_bench.files import json_text, replacing, scratch, sha256_of, write_json
from fer_bench.messages import say
from fer_bench.typed_json import build
from fer_bench.workspace import Workspace

NOT_A_CLASS = "-"
"""As a label: an output that is none of the seven classes."""
VALUES: dict[Values, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "0..255": ((1.0,), (0.0,)),
    "0..1": ((1 / 255,), (0.0,)),
    "-1..1": ((1 / 127.5,), (-1.0,)),
}
"""Scale and offset by the name of a range of values."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a person says of a file; ``None`` where the file is to tell."""

    labels: str
    """Names of the outputs in their order, joined by commas."""
    values: Values | None = None
    mean: str | None = None
    """One number or three joined by commas, subtracted from pixels in 0 to 1; goes with ``std``."""
    std: str | None = None
    size: str | None = None
    """``64`` or ``HEIGHTxWIDTH``, pixels."""
    channels: int | None = None
    layout: Layout | None = None
    output: str | None = None
    trained_on: str = ""


def add_onnx(workspace: Workspace, path: Path, name: str, told: Told, *, replace: bool = False) -> ExternalModel:
    """Copy an ONNX file into a workspace with what it takes to use it.

    The records that the workspace has of this very model are made to say of it what is said now.

    Args:
        workspace: where it goes.
        path: the file; weights may lie in files beside it.
        name: what tables call it.
        told: what the file does not tell.
        replace: an external model of that name.

    Raises:
        FerBenchError: a package is missing; the name cannot be used; the file cannot be read or run; something is
            neither in the file nor told, or told against the file; or records of another file have that name.
    """
    from fer_bench.export.packages import require

    require("fer-bench add-onnx", "onnx", "onnx", "onnxruntime")
    _check_name(workspace, name, replace=replace)
    if not path.is_file():
        found = "not a file" if path.exists() else "no such file"
        raise FerBenchError(f"{path}: {found}; expected an ONNX model")
    file = read_onnx(path)
    labels = _labels(told.labels)
    image = _image(path, file, told)
    scale, offset = _values(path, image, told)
    output = _output(path, file, told, labels)
    costs = cost(file.model, image)
    with scratch() as folder:
        candidate = folder / MODEL
        candidate.write_bytes(file.model.SerializeToString() if file.external_data else path.read_bytes())
        model = ExternalModel(
            name=name,
            sha256=sha256_of(candidate),
            source=shown(path.name),
            labels=labels,
            image=image,
            scale=scale,
            offset=offset,
            output=output,
            scores=False,
            parameters=costs.parameters,
            weight_bytes=costs.weight_bytes,
            flops_paper_rule=costs.flops_paper_rule,
            uncounted=costs.uncounted,
            trained_on=" ".join(told.trained_on.split()),
        )
        model = tried(model, candidate)
        # A name in it that no terminal should see would make it unreadable from here on.
        build(ExternalModel, json.loads(json_text(dataclasses.asdict(model))), str(path))
        check_records(workspace, model)
        folder = workspace.external(name)
        with replacing(folder / MODEL) as temporary:
            shutil.copyfile(candidate, temporary)
        # Killed in between, the model is refused as not the one that was added.
        write_json(folder / CONTRACT, dataclasses.asdict(model))
    corrected = correct_records(workspace, model)
    if corrected:
        say(
            f"{name}: what is said of it was corrected in {corrected} of its records; run fer-bench anova where it "
            "was timed, fer-bench tables and fer-bench report again, and fer-bench publish where they were published"
        )
    return model


def _check_name(workspace: Workspace, name: str, *, replace: bool) -> None:
    from fer_bench.models import model_names
    from fer_bench.plugins import NAME_RULE, is_name

    if not is_name(name):
        raise FerBenchError(f"--name {name!r}: it becomes part of file names; expected {NAME_RULE}")
    if name in model_names():
        raise FerBenchError(f"--name {name}: that is a model of fer-bench or of an installed package; choose another")
    if is_external(workspace, name) and not replace:
        raise FerBenchError(f"{workspace.external(name)}: there is a model of that name; choose another or --replace")


def _labels(text: str) -> tuple[str, ...]:
    found = []
    for label in (part.strip() for part in text.split(",")):
        index = index_of_name(label)
        if index is None and label.lower() not in (CONTEMPT, NOT_A_CLASS):
            raise FerBenchError(
                f"--labels: {label!r} is none of {', '.join(EMOTIONS)} or {CONTEMPT}; write {NOT_A_CLASS!r} for an "
                "output that is none of them"
            )
        found.append(label.lower() if index is None else EMOTIONS[index])
    missing = [emotion for emotion in EMOTIONS if emotion not in found]
    if missing:
        raise FerBenchError(
            f"--labels: no output is {' or '.join(missing)}; a model that cannot answer a class cannot be compared"
        )
    twice = [emotion for emotion in EMOTIONS if found.count(emotion) > 1]
    if twice:
        raise FerBenchError(f"--labels: {', '.join(twice)} twice; each output has one label, in the order of the file")
    return tuple(found)


def _image(path: Path, file: OnnxFile, told: Told) -> Tensor:
    if len(file.inputs) != 1:
        names = ", ".join(f"{port.name!r} {shape_words(port.shape)}" for port in file.inputs) or "none"
        raise FerBenchError(f"{path}: expected one input, an image; found {names}")
    port = file.inputs[0]
    if port.dtype not in ("float32", "uint8"):
        raise FerBenchError(
            f"{path}: the input {port.name!r} is {port.dtype}; expected float32 or uint8. Weights in float16 may stay: "
            "convert the model with its inputs and outputs kept (keep_io_types=True in onnxconverter-common)"
        )
    if len(port.shape) != 4:
        raise FerBenchError(
            f"{path}: the input {port.name!r} is {shape_words(port.shape)}; expected four axes: batch, and the "
            "channels before or behind height and width"
        )
    batch = port.shape[0]
    if batch not in (None, 1):
        raise FerBenchError(f"{path}: the input takes batches of {batch}; export it with an open batch, or one image")
    layout = _layout(path, port, told)
    channels, height, width = _axes(port.shape, layout)
    channels = _agreed(path, "--channels", channels, told.channels)
    if channels not in (1, 3):
        raise FerBenchError(f"{path}: {channels} channels; expected 1 (gray) or 3 (RGB)")
    wanted = _size(told.size)
    height = _agreed(path, "--size", height, wanted and wanted[0])
    width = _agreed(path, "--size", width, wanted and wanted[1])
    if max(height, width) > LARGEST:
        raise FerBenchError(f"{path}: the input is {height} x {width}; expected at most {LARGEST} pixels a side")
    return Tensor(
        name=port.name,
        layout=layout,
        height=height,
        width=width,
        channels=cast(Literal[1, 3], channels),
        dtype=cast(Literal["float32", "uint8"], port.dtype),
        fixed_batch=batch == 1,
    )


def _axes(shape: Shape, layout: Layout) -> tuple[int | None, int | None, int | None]:
    """Return channels, height, width."""
    return (shape[1], shape[2], shape[3]) if layout == "NCHW" else (shape[3], shape[1], shape[2])


def _layout(path: Path, port: Port, told: Told) -> Layout:
    choices: tuple[Layout, ...] = ("NCHW", "NHWC")
    able = [layout for layout in choices if _axes(port.shape, layout)[0] in (None, 1, 3)]
    # A length of 1 or 3 that is given decides over an axis that is open.
    sure = [layout for layout in able if _axes(port.shape, layout)[0] is not None]
    if told.layout is not None:
        if told.layout not in able:
            raise FerBenchError(
                f"{path}: --layout {told.layout} contradicts the file, whose input is {shape_words(port.shape)}"
            )
        return told.layout
    if len(sure) != 1:
        raise FerBenchError(
            f"{path}: the input is {shape_words(port.shape)}, which does not tell where the channels are; give "
            "--layout NCHW or NHWC"
        )
    return sure[0]


def _agreed(path: Path, option: str, found: int | None, asked: int | None) -> int:
    if found is None and asked is None:
        raise FerBenchError(f"{path}: the file does not settle {option}; add that option")
    if found is not None and asked is not None and found != asked:
        raise FerBenchError(f"{path}: {option} {asked} contradicts the file, which says {found}; leave {option} out")
    agreed = asked if found is None else found
    assert agreed is not None
    return agreed


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and 1 <= int(side) <= LARGEST for side in sides):
        raise FerBenchError(f"--size {text}: expected pixels, such as 64 or 48x64 (height x width)")
    return int(sides[0]), int(sides[-1])


def _values(path: Path, image: Tensor, told: Told) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return scale and offset of each channel."""
    if (told.mean is None) != (told.std is None):
        raise FerBenchError("--mean and --std must be given together; add the other one")
    if told.values is not None and told.mean is not None:
        raise FerBenchError("--values and --mean with --std exclude each other; give one of them")
    if image.dtype == "uint8":
        if told.values not in (None, "0..255") or told.mean is not None:
            raise FerBenchError(f"{path}: the input is uint8, which takes pixels as they are, 0..255")
        return (1.0,) * image.channels, (0.0,) * image.channels
    if told.mean is not None and told.std is not None:
        mean, std = _numbers("--mean", told.mean, image.channels), _numbers("--std", told.std, image.channels)
        if min(std) <= 0:
            raise FerBenchError(f"--std {told.std}: expected numbers above 0")
        if not all(0 <= m <= 1 for m in mean):
            raise FerBenchError(
                f"--mean {told.mean}: expected a mean of pixels in 0 to 1; if yours is of 0 to 255, divide both "
                "numbers by 255"
            )
        return tuple(1 / (255 * s) for s in std), tuple(-m / s for m, s in zip(mean, std, strict=True))
    if told.values is None:
        raise FerBenchError(
            f"{path}: the file cannot tell which values of pixels it takes; give --values {', '.join(VALUES)}, or "
            "--mean and --std of pixels in 0 to 1. Its author's code for inference says which; a wrong one costs "
            "accuracy without an error"
        )
    scale, offset = VALUES[told.values]
    return scale * image.channels, offset * image.channels


def _numbers(option: str, text: str, channels: int) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) not in (1, channels) or not np.isfinite(found).all():
        raise FerBenchError(f"{option} {text}: expected one number, or {channels} joined by commas")
    return found * channels if len(found) == 1 else found


def _output(path: Path, file: OnnxFile, told: Told, labels: Sequence[str]) -> str:
    ports = {port.name: port for port in file.outputs}
    listed = ", ".join(f"{port.name!r} {shape_words(port.shape)}" for port in file.outputs)
    if told.output is not None and told.output not in ports:
        raise FerBenchError(f"{path}: no output {told.output!r}; found {listed}")
    if told.output is None and len(ports) > 1:
        raise FerBenchError(f"{path}: several outputs, {listed}; name the one with the emotions by --output")
    port = ports[told.output or file.outputs[0].name]
    if port.dtype not in ("float16", "float32", "float64"):
        raise FerBenchError(f"{path}: the output {port.name!r} is {port.dtype}; expected floating-point scores")
    classes = port.shape[1] if len(port.shape) > 1 else None
    if classes is not None and classes != len(labels):
        raise FerBenchError(
            f"{path}: the output {port.name!r} is {shape_words(port.shape)}; --labels names {len(labels)}"
        )
    return port.name
