"""All forms of the test together, over samples or over their summary, and their record."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from fer_bench.anova_result import ALPHA, AnovaResult, Family, Replicate
from fer_bench.errors import FerBenchError
from fer_bench.records import Origin, StatisticsRecord
from fer_bench.statistics import classic, unequal
from fer_bench.statistics.assumptions import assumptions, assumptions_of_summary
from fer_bench.statistics.effects import effect_size
from fer_bench.statistics.ranks import kruskal_dunn
from fer_bench.statistics.recommendation import recommend
from fer_bench.statistics.repeated import repeated_measures
from fer_bench.statistics.summary import Summary, arrays_of, given_summary, summary_of

Made = TypeVar("Made")


def analyse(
    samples: Mapping[str, Sequence[float]], *, alpha: float = ALPHA, replicate: Replicate = "call", blocks: bool = False
) -> AnovaResult:
    """Compare the means of the samples of two or more models in every form.

    Args:
        samples: at least two finite values of each model, in the order taken; the order of the models is kept.
        alpha: family-wise significance level of every form, and level at which assumptions are rejected.
        replicate: what one value stands for.
        blocks: whether the values at the same position of all models were taken together, as a block.

    Raises:
        FerBenchError: as in :func:`fer_bench.statistics.anova_tukey`; forms that cannot be computed are named in
            ``refused`` instead.
    """
    arrays = arrays_of(samples)
    summary = summary_of(arrays, alpha)
    result = dataclasses.replace(classic.of_summary(summary, alpha), replicate=replicate)
    refused: dict[str, str] = {}
    if blocks:
        repeated = _or_why(refused, ["repeated_measures"], lambda: repeated_measures(arrays, alpha, replicate))
    else:
        repeated = None
        refused["repeated_measures"] = "the values were not taken in blocks, one of every model in turn"
    kruskal, dunn = kruskal_dunn(arrays, alpha)
    return _completed(
        dataclasses.replace(
            result,
            assumptions=assumptions(arrays, summary, alpha, repeated.block_effect if repeated else None),
            kruskal=kruskal,
            dunn=dunn,
            repeated_measures=repeated,
            refused=refused,
        ),
        summary,
    )


def analyse_summary(
    means: Mapping[str, float], sds: Mapping[str, float], ns: Mapping[str, int], *, alpha: float = ALPHA
) -> AnovaResult:
    """Compare means from their summary alone, in the forms that need no more.

    Args:
        means: mean of each model; the order of the models is kept.
        sds: sample standard deviation (n - 1) of each model.
        ns: number of values of each model.
        alpha: as in :func:`analyse`.

    Raises:
        FerBenchError: as in :func:`fer_bench.statistics.anova_tukey`, or the three do not name the same models, or a
            negative standard deviation.
    """
    summary = given_summary(means, sds, ns, alpha)
    ranks = "ranks need the single values; a summary has only sizes, means and deviations"
    return _completed(
        dataclasses.replace(
            classic.of_summary(summary, alpha),
            assumptions=assumptions_of_summary(summary, alpha),
            refused={
                "kruskal": ranks,
                "dunn": ranks,
                "repeated_measures": "blocks need the single values in the order taken; a summary has none",
            },
        ),
        summary,
    )


def to_record(
    result: AnovaResult, *, runtime: str, origin: Origin, inputs: Mapping[str, str], family: Family = "session"
) -> StatisticsRecord:
    """Return the record of an analysis of inference times in seconds.

    Args:
        result: the analysis.
        runtime: the key of ``ProfileRecord.latency`` that the samples come from, e.g. ``keras-predict``.
        origin: ``synthetic`` where any of the profiles is.
        inputs: SHA-256 of each model's ProfileRecord file.
        family: whether the models are all those of the session, or only the paper's.

    Raises:
        FerBenchError: ``inputs`` does not name exactly the models of the result.
    """
    if set(inputs) != set(result.models):
        raise FerBenchError(
            f"statistics of {', '.join(result.models)} with profiles of {', '.join(inputs) or 'no model'}; "
            "expected one profile for each model"
        )
    content = {item.name: getattr(result, item.name) for item in dataclasses.fields(AnovaResult)}
    return StatisticsRecord(
        analysis="anova", origin=origin, runtime=runtime, inputs=dict(inputs), family=family, **content
    )


def _completed(result: AnovaResult, summary: Summary) -> AnovaResult:
    """Add the forms that need only the summary, and the recommendation."""
    refused = dict(result.refused)
    names = ["welch", "games_howell"]
    result = dataclasses.replace(
        result,
        welch=_or_why(refused, names, lambda: unequal.welch(summary)),
        games_howell=_or_why(refused, names[1:], lambda: unequal.games_howell(summary, result.alpha)),
        effect=effect_size(summary, result),
    )
    result = dataclasses.replace(result, refused=refused)
    return dataclasses.replace(result, recommended=recommend(result))


def _or_why(refused: dict[str, str], names: Sequence[str], make: Callable[[], Made]) -> Made | None:
    try:
        return make()
    except FerBenchError as error:
        refused.update(dict.fromkeys(names, str(error)))
        return None
