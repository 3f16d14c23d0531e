"""A trained model as a LiteRT or ONNX file, with its labels and the proof that it answers as Keras does."""

from typing import Literal

Target = Literal["litert", "litert-int8", "onnx"]
"""The formats."""
