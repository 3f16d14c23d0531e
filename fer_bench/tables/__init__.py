"""Records to tables: the paper's Tables 4 to 11 as values; ``fer_bench.render`` writes them.

Needs numpy only: ``fer-bench tables`` stays light.
"""

from fer_bench.selection import Evidence
from fer_bench.tables.accuracy import table4, table5, table10, table11
from fer_bench.tables.complexity import table6, table7
from fer_bench.tables.matrices import table8, table9
from fer_bench.tables.values import Table

__all__ = ["Table", "build_tables"]


def build_tables(evidence: Evidence) -> list[Table]:
    """Return Tables 4 to 11, filled where there are records, in the order of their numbers."""
    makers = (table4, table5, table6, table7, table8, table9, table10, table11)
    return [make(evidence) for make in makers]
