"""The paper's Tables 1 to 11 as values, and one that it does not have; ``fer_bench.render`` writes them.

Tables 1 to 3 come from the cards of the datasets and the graphs of the models, 4 to 11 from records.

Needs numpy, and one function of scipy where intervals are computed: ``fer-bench tables`` stays light.
"""

from fer_bench.selection import Evidence
from fer_bench.tables.accuracy import table4, table5, table11
from fer_bench.tables.architecture import table2, table3
from fer_bench.tables.complexity import table6
from fer_bench.tables.databases import table1
from fer_bench.tables.differences import table7
from fer_bench.tables.matrices import table8, table9
from fer_bench.tables.per_class import table10
from fer_bench.tables.robustness import robustness_table
from fer_bench.tables.values import Table

__all__ = ["Table", "build_tables"]


def build_tables(evidence: Evidence) -> list[Table]:
    """Return Tables 1 to 11 in the order of their numbers; from 4 on they are filled where there are records.

    Where models were tested on corrupted pictures, a table of that follows, which the paper does not have.
    """
    makers = (table4, table5, table6, table7, table8, table9, table10, table11)
    beyond = [robustness_table(evidence)] if evidence.robustness else []
    return [table1(), table2(), table3(), *(make(evidence) for make in makers), *beyond]
