"""ANOVA and Tukey's HSD, against scipy, statsmodels and the paper's Tables 6 and 7."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multicomp import pairwise_tukeyhsd

from fer_bench import paper, records
from fer_bench.errors import FerBenchError
from fer_bench.statistics import analyse_summary, anova_tukey, to_record

MEANS = {model: row.mean_s for model, row in paper.TABLE6.items()}
SDS = {model: row.sd_s for model, row in paper.TABLE6.items()}


def samples_of(means, sds, ns, seed=0):
    """Return random samples that have exactly these means, standard deviations and sizes."""
    rng = np.random.default_rng(seed)
    samples = {}
    for model in means:
        values = rng.normal(size=ns[model])
        samples[model] = (means[model] + sds[model] * (values - values.mean()) / values.std(ddof=1)).tolist()
    return samples


def assert_same(left, right, tolerance):
    assert left.models == right.models
    assert left.df == right.df
    assert left.n == right.n
    assert left.f == pytest.approx(right.f, rel=tolerance)
    assert left.p == pytest.approx(right.p, rel=tolerance)
    for model in left.models:
        assert left.mean[model] == pytest.approx(right.mean[model], rel=tolerance)
        assert left.sd[model] == pytest.approx(right.sd[model], rel=tolerance)
    for ours, theirs in zip(left.pairs, right.pairs, strict=True):
        assert (ours.a, ours.b, ours.significant) == (theirs.a, theirs.b, theirs.significant)
        assert ours.difference == pytest.approx(theirs.difference, rel=tolerance)
        assert ours.ci == pytest.approx(theirs.ci, rel=tolerance)
        # The studentized range is integrated numerically to about 1e-11.
        assert ours.p == pytest.approx(theirs.p, rel=tolerance, abs=1e-11)


def test_table_6_gives_table_7():
    result = analyse_summary(MEANS, SDS, dict.fromkeys(paper.MODELS, paper.TABLE6_N))

    assert result.df == (2, 147)
    assert result.p < 1e-20
    assert [(pair.a, pair.b, pair.significant) for pair in result.pairs] == [
        (pair.model, pair.other, pair.significant) for pair in paper.TABLE7
    ]
    for ours, published in zip(result.pairs, paper.TABLE7, strict=True):
        assert ours.difference == pytest.approx(published.difference, abs=0.0001 + 1e-9)


@pytest.mark.parametrize(
    "ns",
    [(50, 50, 50), (12, 30, 7), (2, 2, 2)],
    ids=["as the paper", "unequal sizes", "smallest"],
)
@pytest.mark.parametrize("spread", [1, 5], ids=["clear", "overlapping"])
def test_the_summary_gives_what_the_samples_give(ns, spread):
    ns = dict(zip(paper.MODELS, ns, strict=True))
    sds = {model: spread * sd for model, sd in SDS.items()}

    from_samples = anova_tukey(samples_of(MEANS, sds, ns))
    from_summary = analyse_summary(MEANS, sds, ns)

    assert_same(from_summary, from_samples, 1e-9)


@pytest.mark.parametrize("ns", [(20, 20, 20, 20), (25, 8, 14, 3)], ids=["equal sizes", "unequal sizes"])
@pytest.mark.parametrize("seed", range(3))
def test_samples_give_what_scipy_and_statsmodels_give(ns, seed):
    rng = np.random.default_rng(seed)
    names = ("shufflenetv2", "clcm", "mobilenetv2", "another")  # neither sorted nor reversed
    samples = {
        name: rng.normal(mean, 0.01, n).tolist()
        for name, mean, n in zip(names, (0.05, 0.055, 0.06, 0.052), ns, strict=True)
    }

    for result in (
        anova_tukey(samples),
        analyse_summary(
            {name: np.mean(values) for name, values in samples.items()},
            {name: np.std(values, ddof=1) for name, values in samples.items()},
            {name: len(values) for name, values in samples.items()},
        ),
    ):
        f, p = stats.f_oneway(*samples.values())
        assert result.f == pytest.approx(f)
        assert result.p == pytest.approx(p)
        assert result.df == (3, sum(ns) - 4)

        reference = pairwise_tukeyhsd(
            np.concatenate(list(samples.values())), np.repeat(list(samples), [len(v) for v in samples.values()])
        )
        # statsmodels sorts the groups and gives "second minus first" of every unordered pair.
        expected = {
            (second, first): (difference, tuple(interval), p)
            for (first, second), difference, interval, p in zip(
                itertools.combinations(reference.groupsunique, 2),
                reference.meandiffs,
                reference.confint,
                reference.pvalues,
                strict=True,
            )
        }
        found = {(pair.a, pair.b): pair for pair in result.pairs}
        assert list(found) == list(itertools.permutations(names, 2))
        theirs = stats.tukey_hsd(*samples.values())
        interval = theirs.confidence_interval(0.95)
        for a, b in itertools.permutations(range(4), 2):
            pair = found[names[a], names[b]]
            assert pair.difference == pytest.approx(theirs.statistic[a, b])
            assert pair.ci == pytest.approx((interval.low[a, b], interval.high[a, b]), rel=1e-9)
            assert pair.p == pytest.approx(theirs.pvalue[a, b], rel=1e-9, abs=1e-11)
        for (a, b), (difference, interval, p) in expected.items():
            assert found[a, b].difference == pytest.approx(difference)
            assert found[a, b].ci == pytest.approx(interval, rel=1e-4)
            assert found[a, b].p == pytest.approx(p, abs=1e-5)


def test_two_models_are_a_t_test():
    samples = samples_of({"a": 1.0, "b": 1.5}, {"a": 0.5, "b": 0.7}, {"a": 9, "b": 14})
    t, p = stats.ttest_ind(samples["a"], samples["b"])

    result = anova_tukey(samples)

    assert result.f == pytest.approx(t**2)
    assert result.p == pytest.approx(p)
    assert [pair.p for pair in result.pairs] == pytest.approx([p, p])


def test_the_order_of_the_models_is_kept():
    for models in itertools.permutations(paper.MODELS):
        means = {model: MEANS[model] for model in models}
        result = analyse_summary(means, SDS, dict.fromkeys(models, 50))
        assert result.models == models
        for pair in result.pairs:
            assert pair.difference == MEANS[pair.a] - MEANS[pair.b]


def test_alpha_decides_stars_and_widths():
    samples = samples_of({"a": 0.0, "b": 1.0}, {"a": 1.0, "b": 1.0}, {"a": 10, "b": 10})
    strict, usual = anova_tukey(samples, alpha=0.01), anova_tukey(samples)

    p = usual.pairs[0].p
    assert 0.01 < p < 0.05
    assert usual.pairs[0].significant
    assert not strict.pairs[0].significant
    assert strict.pairs[0].p == p
    assert strict.pairs[0].ci[0] < usual.pairs[0].ci[0] < usual.pairs[0].ci[1] < 0 < strict.pairs[0].ci[1]


def test_one_model_may_be_constant():
    result = anova_tukey({"a": [0.1, 0.1, 0.1], "b": [0.2, 0.3, 0.4]})
    assert result.sd["a"] == 0
    assert result.f == pytest.approx(stats.f_oneway([0.1, 0.1, 0.1], [0.2, 0.3, 0.4])[0])


@given(
    st.lists(
        st.lists(st.floats(0.001, 10).map(lambda value: round(value, 6)), min_size=2, max_size=8),
        min_size=2,
        max_size=4,
    ).filter(lambda groups: any(len(set(group)) > 1 for group in groups))
)
@settings(max_examples=25, deadline=None)
def test_pairs_mirror_each_other(groups):
    result = anova_tukey({f"m{index}": group for index, group in enumerate(groups)})
    pairs = {(pair.a, pair.b): pair for pair in result.pairs}

    assert 0 <= result.p <= 1
    assert len(pairs) == len(groups) * (len(groups) - 1)
    for (a, b), pair in pairs.items():
        mirrored = pairs[b, a]
        assert pair.difference == -mirrored.difference
        assert pair.ci == pytest.approx((-mirrored.ci[1], -mirrored.ci[0]))
        assert pair.ci[0] < pair.difference < pair.ci[1]
        assert pair.p == mirrored.p
        assert pair.significant == (pair.p < 0.05)
        assert 0 <= pair.p <= 1


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({}, "at least two models, found none"),
        ({"clcm": [1.0, 2.0]}, "at least two models, found clcm"),
        ({"clcm": [1.0, 2.0], "b": [1.0]}, "b has a sample size of 1"),
        ({"clcm": [1.0, 2.0], "b": []}, "b has a sample size of 0"),
        ({"clcm": [1.0, math.nan], "b": [1.0, 2.0]}, "clcm hold a value that is not finite"),
        ({"clcm": [1.0, 2.0], "b": [1.0, math.inf]}, "b hold a value that is not finite"),
        ({"clcm": [0.1, 0.1, 0.1], "b": [0.3, 0.3, 0.3]}, "do not vary"),
        ({"clcm": [1e-200, 2e-200], "b": [3e-200, 4e-200]}, "do not vary"),
        ({"clcm": [1.0, 2.0], "b": [1e200, -1e200]}, "b has the mean .* expected finite numbers"),
        ({"clcm": [1e-150, 2e-150], "b": [1e100, 1e100]}, "the F-statistic is inf"),
        ({"clcm": [[1.0, 2.0], [3.0, 4.0]], "b": [1.0, 2.0]}, r"shape \(2, 2\)"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's overflow, which the message explains
def test_samples_that_cannot_be_compared_are_refused(samples, message):
    with pytest.raises(FerBenchError, match=message):
        anova_tukey(samples)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": {"a": 1.0}, "sds": {"a": 1.0}, "ns": {"a": 5}}, "at least two models"),
        ({"sds": {"a": 1.0}}, "standard deviations of a; expected the same models"),
        ({"ns": {"a": 5, "c": 5}}, "sample sizes of a, c; expected the same models"),
        ({"ns": {"a": 5, "b": 1}}, "b has a sample size of 1"),
        ({"sds": {"a": 1.0, "b": -1.0}}, "b has the mean 2.0 and the standard deviation -1.0"),
        ({"means": {"a": 1.0, "b": math.nan}}, "b has the mean nan"),
        ({"sds": {"a": 0.0, "b": 0.0}}, "do not vary"),
        ({"alpha": 0.0}, "alpha = 0.0"),
        ({"alpha": 1.0}, "alpha = 1.0"),
    ],
)
def test_summaries_that_cannot_be_compared_are_refused(change, message):
    arguments = {"means": {"a": 1.0, "b": 2.0}, "sds": {"a": 1.0, "b": 1.0}, "ns": {"a": 5, "b": 5}} | change
    with pytest.raises(FerBenchError, match=message):
        analyse_summary(**arguments)


def test_a_record_holds_the_result_through_a_file(tmp_path):
    result = anova_tukey(samples_of(MEANS, SDS, dict.fromkeys(paper.MODELS, 20)), alpha=0.01)
    inputs = {model: model[0] * 64 for model in paper.MODELS}

    record = to_record(result, runtime="keras-predict", origin="synthetic", inputs=inputs)
    loaded = records.load(records.save(tmp_path, record), records.StatisticsRecord)

    assert loaded == record
    assert loaded.stem == "anova__keras-predict"
    assert loaded.origin == "synthetic"
    assert loaded.inputs == inputs
    for field in ("models", "alpha", "n", "mean", "sd", "f", "p", "df", "pairs"):
        assert getattr(loaded, field) == getattr(result, field)


@pytest.mark.parametrize("inputs", [{}, {"clcm": "0" * 64}, dict.fromkeys((*paper.MODELS, "another"), "0" * 64)])
def test_a_record_names_the_profile_of_every_model(inputs):
    result = analyse_summary(MEANS, SDS, dict.fromkeys(paper.MODELS, 50))
    with pytest.raises(FerBenchError, match="expected one profile for each model"):
        to_record(result, runtime="keras-predict", origin="real", inputs=inputs)
