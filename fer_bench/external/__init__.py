"""Models from elsewhere as ONNX files: read with suspicion, evaluated and profiled beside fer-bench's own.

Nothing about their training is known but what people say. Records of them hold :class:`fer_bench.records.External`,
and every table marks them.
"""

from typing import Literal

Layout = Literal["NCHW", "NHWC"]
"""Where a file has the channels: before height and width, or behind."""
Values = Literal["0..255", "0..1", "-1..1"]
"""The range of values in which a file takes pixels."""
