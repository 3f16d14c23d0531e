"""The tables that the paper says are missing: how deep to freeze CLCM's backbone, and what its head contributes."""

from fer_bench.ablation.results import Result, ablate, as_json, to_table
from fer_bench.ablation.variants import Variant, freezing, heads

__all__ = ["Result", "Variant", "ablate", "as_json", "freezing", "heads", "to_table"]
