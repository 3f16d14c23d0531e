"""Which form to believe, by :data:`fer_bench.anova_result.RULES`, fixed before any number was known."""

from fer_bench.anova_result import (
    MINIMUM_BLOCKS,
    NORMAL_MEANS,
    AnovaResult,
    Assumptions,
    Form,
    Recommendation,
    RepeatedMeasures,
)
from fer_bench.p_values import p_text

_FORMS: dict[Form, str] = {
    "repeated_measures": "the repeated-measures form",
    "kruskal": "Kruskal-Wallis with Dunn",
    "welch": "Welch's ANOVA with Games-Howell",
    "anova": "one-way ANOVA with Tukey's HSD",
}


def recommend(result: AnovaResult) -> Recommendation:
    """Return which form of a result to believe, and why, in one sentence.

    Args:
        result: with its assumptions; ``kruskal`` and ``repeated_measures`` where they could be computed.
    """
    found = result.assumptions
    if found is None:
        raise ValueError("a result without tested assumptions")
    form, reason = _choose(result, found)
    if form == "none":
        return Recommendation(form=form, sentence=f"Believe none of these: {reason}.")
    return Recommendation(form=form, sentence=f"Believe {_FORMS[form]}: {reason}; {_scope(result)}.")


def _choose(result: AnovaResult, found: Assumptions) -> tuple[Form, str]:
    blocks = result.repeated_measures
    smallest = min(result.n.values())
    if blocks and found.independent is False and result.replicate == "call" and _remains(blocks, result.alpha):
        return "none", (
            f"{_dependence(result, found)}, and so are their differences within blocks of calls "
            f"(p {p_text(blocks.ljung_box_p or 0.0)}); measure in fresh processes: fer-bench profile --processes 5"
        )
    if blocks and found.independent is False:
        taken_out = f"which the repeated measures take out{_doubt(blocks, result.alpha)}"
        return "repeated_measures", f"{_dependence(result, found)}, {taken_out}"
    if blocks and blocks.blocks < MINIMUM_BLOCKS:
        what = "processes" if blocks.block == "process" else "blocks of calls"
        return "repeated_measures", (
            f"the models were measured side by side in {blocks.blocks} {what}, too few to show that these do not matter"
        )
    if found.independent is False:
        why = result.refused.get("repeated_measures", "there are no blocks to take it out")
        return "none", f"{_dependence(result, found)}, and {why}"
    untested = "" if found.independent else ", with independence untested"
    if found.normal is False and smallest < NORMAL_MEANS and result.kruskal:
        p = found.residuals.p if found.residuals else 0.0
        return (
            "kruskal",
            f"the residuals are not normal (Shapiro-Wilk p {p_text(p)}) and {smallest} values are few{untested}",
        )
    if found.equal_variances is not True:
        if result.welch:
            return "welch", f"{_variances(found)}{untested}"
        return "kruskal" if result.kruskal else "none", result.refused["welch"]
    return (
        "anova",
        f"neither unequal variances nor, with {smallest} values, non-normal residuals speak against it{untested}",
    )


def _dependence(result: AnovaResult, found: Assumptions) -> str:
    blocks = result.repeated_measures
    tests = len(found.autocorrelation) + (1 if blocks else 0)
    parts = []
    serial = [
        f"{model} {item.lag1:+.2f}"
        for model, item in found.autocorrelation.items()
        if item.ljung_box.p * tests < result.alpha
    ]
    if serial:
        what = "processes" if result.replicate == "process" else "calls"
        parts.append(f"the {what} are serially correlated (lag 1: {', '.join(serial)})")
    if blocks and blocks.block_effect.p * tests < result.alpha:
        where = "process" if blocks.block == "process" else "block of calls"
        p = p_text(blocks.block_effect.p)
        parts.append(f"the models are slow or fast together within a {where} (p {p})")
    return " and ".join(parts)


def _remains(blocks: RepeatedMeasures, alpha: float) -> bool:
    """Return whether the differences within blocks are serially correlated: blocks do not remove that."""
    return blocks.ljung_box_p is not None and blocks.ljung_box_p < alpha


def _doubt(blocks: RepeatedMeasures, alpha: float) -> str:
    if not _remains(blocks, alpha):
        return ""
    p = p_text(blocks.ljung_box_p or 0.0)
    return f", though not all: differences within blocks are still serially correlated (p {p})"


def _variances(found: Assumptions) -> str:
    if found.equal_variances is None:
        return "equal variances could not be tested, and it does not need them"
    name, test = ("Brown-Forsythe", found.brown_forsythe) if found.brown_forsythe else ("Bartlett", found.bartlett)
    ratio = f"ratio {found.variance_ratio:.1f}, " if found.variance_ratio else ""
    return f"the variances differ ({ratio}{name} p {p_text(test.p)})" if test else "the variances differ"


def _scope(result: AnovaResult) -> str:
    if result.replicate == "process":
        return f"the replicates are {min(result.n.values())} processes of this machine"
    return (
        "it describes one process, since its calls are not independent replicates "
        "(fresh processes would be: fer-bench profile --processes 5)"
    )
