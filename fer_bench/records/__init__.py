"""Records: the facts of a run, as frozen dataclasses in JSON files.

What makes records works with pixels, Keras and weights; what reads them, with plain data alone. A record holds counts
and samples, never rounded scores, so that every figure can be computed again. It also says what it was made from, so
that a table never mixes recipes or states of a dataset. Loading checks every field, so that a hand-edited or foreign
file gives a message instead of a wrong table.
"""

from fer_bench.records.environment import Environment, same_place
from fer_bench.records.identity import Identity, cell_id, parsed_cell_id, profile_stem, stem_of
from fer_bench.records.profiling import LatencySample, MachineSample, ProfileRecord
from fer_bench.records.provenance import EXTERNAL, External, Origin, Preparation
from fer_bench.records.robustness import CorruptionResult, Counts, RobustnessRecord
from fer_bench.records.statistics import StatisticsRecord
from fer_bench.records.store import (
    KINDS,
    Record,
    RecordT,
    load,
    load_all,
    path_of,
    paths,
    save,
)
from fer_bench.records.testing import EvalRecord
from fer_bench.records.training import Epoch, Start, TrainRecord

__all__ = [
    "EXTERNAL",
    "KINDS",
    "CorruptionResult",
    "Counts",
    "Environment",
    "Epoch",
    "EvalRecord",
    "External",
    "Identity",
    "LatencySample",
    "MachineSample",
    "Origin",
    "Preparation",
    "ProfileRecord",
    "Record",
    "RecordT",
    "RobustnessRecord",
    "Start",
    "StatisticsRecord",
    "TrainRecord",
    "cell_id",
    "load",
    "load_all",
    "parsed_cell_id",
    "path_of",
    "paths",
    "profile_stem",
    "same_place",
    "save",
    "stem_of",
]
