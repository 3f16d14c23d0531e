"""What an ONNX graph costs, each kind of node counted by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from fer_bench.external.complexity import Cost, cost  # noqa: E402
from fer_bench.external.model import Tensor  # noqa: E402


def node(kind: str, *names: str, **settings: object) -> onnx.NodeProto:
    """Return a node; the last name is that of its output."""
    return helper.make_node(kind, names[:-1], names[-1:], **settings)


def weights(**shapes: Sequence[int]) -> dict[str, np.ndarray]:
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


def cost_of(
    nodes: Sequence[onnx.NodeProto], values: dict[str, np.ndarray], *, layout: str = "NCHW", batch: int | str = "batch"
) -> Cost:
    """Return the cost of an image of 3 channels, 8 high and 10 wide; the last node gives the output."""
    shape = [batch, 3, 8, 10] if layout == "NCHW" else [batch, 8, 10, 3]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    before = model.SerializeToString()
    image = Tensor(
        name="image", layout=layout, height=8, width=10, channels=3, dtype="float32", fixed_batch=batch != "batch"
    )
    found = cost(model, image)
    assert model.SerializeToString() == before
    return found


CONV = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
"""Gives as many values a filter as the image has places: 80."""
FIRST = node("Conv", "image", "first", "a", **CONV)
OF_FIRST = 2 * (3 * 3 * 3) * (80 * 3)


@pytest.mark.parametrize(
    ("nodes", "values", "expected"),
    [
        pytest.param(
            [node("Conv", "image", "w", "b", "y", strides=[2, 2], **CONV)],
            weights(w=(6, 3, 3, 3), b=(6,)),
            # 4 x 5 places of 6 filters, each from 3 x 3 places of 3 channels, and a bias
            2 * (3 * 3 * 3) * (4 * 5 * 6) + 4 * 5 * 6,
            id="convolution",
        ),
        pytest.param(
            [node("Conv", "image", "w", "y", group=3, kernel_shape=[3, 2])],
            weights(w=(6, 1, 3, 2)),
            # 6 x 9 places of 6 filters, each from 3 x 2 places of one channel
            2 * (3 * 2) * (6 * 9 * 6),
            id="depthwise convolution of a kernel that is no square",
        ),
        pytest.param(
            [node("ConvTranspose", "image", "w", "b", "y", strides=[2, 2], kernel_shape=[2, 3])],
            weights(w=(3, 5, 2, 3), b=(5,)),
            # each value of the image goes into 2 x 3 places of 5 filters; 16 x 21 places get a bias
            2 * (8 * 10 * 3) * (2 * 3 * 5) + 16 * 21 * 5,
            id="transposed convolution",
        ),
        pytest.param(
            [node("ConvTranspose", "image", "w", "y", strides=[2, 2], kernel_shape=[2, 3])],
            weights(w=(3, 5, 2, 3)),
            2 * (8 * 10 * 3) * (2 * 3 * 5),
            id="transposed convolution without bias",
        ),
        pytest.param(
            [node("Flatten", "image", "x"), node("Gemm", "x", "w", "b", "y", transB=1)],
            weights(w=(7, 240), b=(7,)),
            2 * 240 * 7 + 7,
            id="dense",
        ),
        pytest.param(
            [node("Flatten", "image", "x"), node("Gemm", "x", "w", "y")],
            weights(w=(240, 7)),
            2 * 240 * 7,
            id="dense without bias",
        ),
        pytest.param(
            [node("Flatten", "image", "row"), node("Transpose", "row", "x"), node("Gemm", "x", "w", "y", transA=1)],
            weights(w=(240, 7)),
            2 * 240 * 7,
            id="dense on a column",
        ),
        pytest.param(
            [node("Flatten", "image", "x"), node("MatMul", "x", "w", "p"), node("Add", "p", "b", "y")],
            weights(w=(240, 7), b=(7,)),
            2 * 240 * 7 + 7,
            id="product and bias",
        ),
        pytest.param(
            [
                node("Flatten", "image", "x"),
                node("MatMul", "x", "w", "p"),
                node("Constant", "b", value=numpy_helper.from_array(np.ones(7, np.float32))),
                node("Add", "b", "p", "y"),
            ],
            weights(w=(240, 7)),
            2 * 240 * 7 + 7,
            id="a bias that is a constant",
        ),
        pytest.param(
            [FIRST, node("Add", "a", "b", "y")],
            weights(first=(3, 3, 3, 3), b=(3, 1, 1)),
            OF_FIRST + 80 * 3,
            id="a bias of a convolution, added behind it",
        ),
        pytest.param(
            [FIRST, node("Add", "a", "image", "y")],
            weights(first=(3, 3, 3, 3)),
            OF_FIRST,
            id="a residual connection is no bias",
        ),
        pytest.param(
            [FIRST, node("Relu", "a", "r"), node("Add", "r", "b", "y")],
            weights(first=(3, 3, 3, 3), b=(3, 1, 1)),
            OF_FIRST,
            id="an offset of an activation is no bias",
        ),
        pytest.param(
            [FIRST, node("Add", "a", "b", "y")],
            weights(first=(3, 3, 3, 3), b=(1, 3, 8, 10)),
            OF_FIRST,
            id="weights for each place are no bias",
        ),
        pytest.param(
            [node("MaxPool", "image", "y", kernel_shape=[2, 3], strides=[2, 1])], {}, (2 * 3) * (4 * 8 * 3), id="maxima"
        ),
        pytest.param(
            [node("AveragePool", "image", "y", kernel_shape=[4, 2], strides=[4, 2])],
            {},
            (4 * 2) * (2 * 5 * 3),
            id="averages",
        ),
        pytest.param([node("GlobalAveragePool", "image", "y")], {}, 8 * 10 * 3, id="the mean of each channel"),
        pytest.param([node("ReduceMean", "image", "y", axes=[2, 3])], {}, 8 * 10 * 3, id="a mean over two axes"),
        pytest.param([node("Softmax", "image", "y", axis=1)], {}, 5 * 8 * 10 * 3, id="softmax"),
        pytest.param([node("Relu", "image", "r"), node("Mul", "r", "image", "y")], {}, 0, id="what counts nothing"),
    ],
)
def test_a_node_by_hand(nodes, values, expected):
    found = cost_of(nodes, values)
    assert (found.flops_paper_rule, found.uncounted) == (expected, "")


def test_the_channels_stand_where_the_layout_says():
    """As in a graph of Keras: height, width, channels, turned before the convolution."""
    nodes = [
        node("Transpose", "image", "x", perm=[0, 3, 1, 2]),
        node("Conv", "x", "w", "y", kernel_shape=[3, 3], strides=[2, 1]),
    ]
    assert cost_of(nodes, weights(w=(4, 3, 3, 3)), layout="NHWC", batch=1).flops_paper_rule == (
        2 * (3 * 3 * 3) * (3 * 8 * 4)
    )


def test_a_shape_that_depends_on_the_image_gives_no_flops():
    """As many values as the brightest pixel says."""
    nodes = [
        node("ReduceMax", "image", "most", keepdims=0),
        node("Cast", "most", "count", to=TensorProto.INT64),
        node("Range", "zero", "count", "one", "whole"),
        node("Cast", "whole", "x", to=TensorProto.FLOAT),
        node("Softmax", "x", "y", axis=0),
    ]
    found = cost_of(nodes, {"zero": np.array(0), "one": np.array(1)})
    assert (found.flops_paper_rule, found.uncounted) == (
        None,
        "the shape of 'y' at Softmax does not follow from the file",
    )


def test_weights_count_in_their_own_type_and_shapes_and_scalars_do_not():
    values = {
        "floats": np.ones((240, 7), np.float32),
        "halves": np.ones((7, 5), np.float16),
        "bytes": np.ones(11, np.int8),
        "unsigned": np.ones(3, np.uint8),
        "shape": np.array([-1, 240], np.int64),
        "wide": np.ones(4, np.int32),
        "scalar": np.array(2.0, np.float32),
    }
    constant = node("Constant", "b", value=numpy_helper.from_array(np.ones(7, np.float64)))
    nodes = [constant, node("Reshape", "image", "shape", "x"), node("MatMul", "x", "floats", "y")]
    found = cost_of(nodes, values)
    assert found.parameters == 240 * 7 + 7 * 5 + 11 + 3 + 7
    assert found.weight_bytes == 4 * 240 * 7 + 2 * 7 * 5 + 11 + 3 + 8 * 7
