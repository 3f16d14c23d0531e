"""Trained and exported models on single pictures: the command ``predict`` and the Python API.

An apparent expression is not a felt emotion: an answer says which of the seven posed or annotated expressions a picture
of a face resembles most, not what the person feels.
"""

from fer_bench.prediction.answers import NoAnswer, Prediction
from fer_bench.prediction.loading import load_model
from fer_bench.prediction.model import Model

__all__ = ["Model", "NoAnswer", "Prediction", "load_model"]
