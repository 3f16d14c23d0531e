"""What an ONNX file says of itself, read as untrusted data: nothing is run here, and no path is followed out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_bench.errors import FerBenchError, first_line
from fer_bench.files import inside

_LARGEST = 2**31 - 1
"""Bytes of a file with all its weights: protobuf writes no larger one."""
Shape = tuple[int | None, ...]
"""``None`` where a dimension is open."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """An input or output of the graph."""

    name: str
    dtype: str
    """numpy's name of the type."""
    shape: Shape


@dataclass(frozen=True, kw_only=True)
class OnnxFile:
    """A file, read."""

    model: Any
    """``onnx.ModelProto`` that holds all its weights itself."""
    inputs: tuple[Port, ...]
    """Without those that are weights."""
    outputs: tuple[Port, ...]
    external_data: tuple[str, ...]
    """Names of files beside it that held weights, sorted."""


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file, with weights that lie in files beside it.

    Raises:
        FerBenchError: not readable as ONNX, exported in training mode, or its weights lie outside its folder or are
            missing.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf's errors have no name of their own in onnx.
        raise FerBenchError(f"{path}: not readable as an ONNX model ({harmless_line(error)})") from error
    if not model.graph.node or not model.graph.output:
        raise FerBenchError(f"{path}: not an ONNX model: it has no operations or no output")
    if _normalises_by_batch(model):
        raise FerBenchError(
            f"{path}: exported in training mode: its batch norms take the mean of each batch, not that of the training "
            "images; export it for inference (in PyTorch after model.eval())"
        )
    beside = _load_external_data(model, path)
    weights = {tensor.name for tensor in model.graph.initializer}
    return OnnxFile(
        model=model,
        inputs=tuple(_port(value) for value in model.graph.input if value.name not in weights),
        outputs=tuple(_port(value) for value in model.graph.output),
        external_data=beside,
    )


def _normalises_by_batch(model: Any) -> bool:
    """Whether a batch norm is in training mode: with batches of one image no answer would show it."""
    return any(
        item.name == "training_mode" and item.i
        for part in (model.graph, *model.functions)
        for node in part.node
        if node.op_type == "BatchNormalization"
        for item in node.attribute
    )


def harmless_line(error: Exception) -> str:
    """Return the first line of an error, harmless on a terminal: it may repeat names of an untrusted file."""
    line = first_line(error)
    return line if line.isprintable() else repr(line)


def _load_external_data(model: Any, path: Path) -> tuple[str, ...]:
    """Take weights from files beside the model into it; each must lie in the model's own folder, links resolved."""
    from onnx import TensorProto
    from onnx.external_data_helper import load_external_data_for_tensor

    found = set()
    size = path.stat().st_size
    for tensor in tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        try:
            file = inside(path.parent, location)
        except FerBenchError as error:
            raise FerBenchError(
                f"{path}: its weights {tensor.name[:80]!r} lie in {location[:80]!r}, outside its folder; refusing to "
                "follow that"
            ) from error
        if not location or not file.is_file():
            raise FerBenchError(
                f"{path}: its weights {tensor.name!r} lie in {location!r}, which is not beside it; copy that file there"
            )
        length = next((entry.value for entry in tensor.external_data if entry.key == "length"), "")
        size += int(length) if length.isdecimal() else file.stat().st_size
        if size > _LARGEST:
            raise FerBenchError(
                f"{path}: with its weights in files beside it, it has more than 2 GB, the most that one ONNX file "
                "holds; export a smaller model, or its weights in float16"
            )
        try:
            load_external_data_for_tensor(tensor, str(path.parent))
        except Exception as error:  # onnx raises what it likes for offsets and lengths that do not fit.
            reason = harmless_line(error)
            raise FerBenchError(f"{path}: its weights {tensor.name!r} cannot be read ({reason})") from error
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
        found.add(location)
    return tuple(sorted(found))


def tensors(model: Any) -> Iterator[Any]:
    """Yield every tensor of a model, those in attributes, subgraphs and functions too."""
    yield from _graph_tensors(model.graph)
    for part in model.training_info:
        yield from (*_graph_tensors(part.initialization), *_graph_tensors(part.algorithm))
    for function in model.functions:
        yield from _attribute_tensors(function.attribute_proto)
        for node in function.node:
            yield from _attribute_tensors(node.attribute)


def _graph_tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _attribute_tensors(node.attribute)


def _attribute_tensors(attributes: Iterable[Any]) -> Iterator[Any]:
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        sparse = [
            *attribute.sparse_tensors,
            *([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []),
        ]
        for item in sparse:
            yield from (item.values, item.indices)
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            yield from _graph_tensors(graph)


def _port(value: Any) -> Port:
    import onnx

    tensor = value.type.tensor_type
    try:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    except KeyError:
        dtype = "no tensor"
    dims = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in tensor.shape.dim]
    return Port(name=value.name, dtype=dtype, shape=tuple(dims))


def shape_words(shape: Sequence[int | None]) -> str:
    """Return a shape for people, ``?`` where it is open."""
    return f"({', '.join('?' if dim is None else str(dim) for dim in shape)})"
