"""Models from elsewhere as ONNX files (issue 7): read with suspicion, evaluated and profiled beside fer-bench's own.

Nothing about their training is known but what people say. Records of them hold :class:`fer_bench.records.External`,
and every table marks them.
"""
