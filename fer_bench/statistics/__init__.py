"""Statistics of inference times, from samples or from their summary.

Source: paper, section V-E and Table 7: ANOVA and a post-hoc test that it does not name. One-way ANOVA with Tukey's HSD,
the usual pair, gives its stars from its Table 6. Both assume independent observations and equal variances; repeated
calls in one process are not independent, and the paper's standard deviations differ threefold. So the assumptions are
tested, forms of the test that need fewer of them are computed too (Welch with Games-Howell, Kruskal-Wallis with Dunn,
repeated measures over blocks), and one sentence says which form to believe (:data:`fer_bench.anova_result.RULES`).
"""

from fer_bench.statistics.analysis import analyse, analyse_summary, to_record
from fer_bench.statistics.classic import anova_tukey
from fer_bench.statistics.freshness import differences
from fer_bench.statistics.profiles import analyse_profiles

__all__ = [
    "analyse",
    "analyse_profiles",
    "analyse_summary",
    "anova_tukey",
    "differences",
    "to_record",
]
