"""Records to figures: values first (``values`` and a module a kind), then pictures of them (``files``).

What is drawn stands in ``figures.json`` beside the pictures, and each picture bears the SHA-256 of its values: so
``fer-bench figures --check`` knows without drawing, on any machine, whether the pictures are what the records give.
"""

from itertools import chain

from fer_bench.figures.confusion import confusion
from fer_bench.figures.corrupted_runs import corrupted_runs
from fer_bench.figures.files import check_figures, picture, write_figures
from fer_bench.figures.latency import latency
from fer_bench.figures.learning_curves import learning_curves
from fer_bench.figures.per_class import per_class
from fer_bench.figures.robustness import robustness
from fer_bench.figures.runs import runs
from fer_bench.figures.trade_off import trade_off
from fer_bench.figures.transfer import transfer
from fer_bench.figures.values import Drawing
from fer_bench.selection import Evidence

__all__ = ["Drawing", "build_figures", "check_figures", "picture", "write_figures"]


def build_figures(evidence: Evidence) -> list[Drawing]:
    """Return every figure that the records allow, as values; one without data is left out. Needs no matplotlib."""
    makers = (learning_curves, confusion, per_class, trade_off, transfer, latency, robustness, corrupted_runs, runs)
    return list(chain.from_iterable(make(evidence) for make in makers))
