"""Which records form the tables.

A block is a training dataset's rows in Tables 4, 5, 8 to 11, or the latency comparison of Tables 6 and 7. A block
holds records of one recipe, backend, dataset fingerprint and origin (latency: one session and machine). Where several
groups of records could form a block, ``selection.toml`` beside the records names one (see ``choices``). Light:
``fer-bench tables`` uses it.
"""

from fer_bench.selection.choices import Choice, Selection, load_selection, toml_lines
from fer_bench.selection.choosing import CROSS_TEST, choose, naming, select
from fer_bench.selection.evidence import Block, Evidence, Latency, OtherRuns, in_order, place_of

__all__ = [
    "CROSS_TEST",
    "Block",
    "Choice",
    "Evidence",
    "Latency",
    "OtherRuns",
    "Selection",
    "choose",
    "in_order",
    "load_selection",
    "naming",
    "place_of",
    "select",
    "toml_lines",
]
