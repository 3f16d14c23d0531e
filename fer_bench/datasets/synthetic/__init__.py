"""Faces drawn from parameters, for trials and tests without the real datasets; never for published results."""

from fer_bench.datasets.synthetic.face import action_units, draw_identity
from fer_bench.datasets.synthetic.layouts import LAYOUTS, MARKER, synthesize
from fer_bench.datasets.synthetic.scene import render
from fer_bench.datasets.synthetic.view import draw_view

__all__ = [
    "LAYOUTS",
    "MARKER",
    "action_units",
    "draw_identity",
    "draw_view",
    "render",
    "synthesize",
]
