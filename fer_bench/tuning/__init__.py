"""Search for batch size, learning rate and optimizer by validation accuracy (paper, section IV), test images unseen."""

from fer_bench.tuning.outcome import Outcome, outcome
from fer_bench.tuning.search import grid_search, random_search
from fer_bench.tuning.space import PAPER_GRID, RANGES, Setting, Space

__all__ = [
    "PAPER_GRID",
    "RANGES",
    "Outcome",
    "Setting",
    "Space",
    "grid_search",
    "outcome",
    "random_search",
]
