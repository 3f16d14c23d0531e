"""Every form beside the paper's, against published examples, scipy, statsmodels, pingouin and scikit-posthocs."""

import dataclasses
import functools
import inspect
import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from record_factory import profile_record
from scipy import stats
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.oneway import anova_oneway
from statsmodels.tsa.stattools import acf

from fer_bench import paper, records
from fer_bench.errors import FerBenchError
from fer_bench.files import read_json, write_json
from fer_bench.records import LatencySample
from fer_bench.statistics import analyse, analyse_profiles, analyse_summary, differences, to_record, unequal
from fer_bench.statistics.studentized import critical

SIRSTV = {
    "1": [196.3052, 196.1240, 196.1890, 196.2569, 196.3403],
    "2": [196.3042, 196.3825, 196.1669, 196.3257, 196.0422],
    "3": [196.1303, 196.2005, 196.2889, 196.0343, 196.1811],
    "4": [196.2795, 196.1748, 196.1494, 196.1485, 195.9885],
    "5": [196.2119, 196.1051, 196.1850, 196.0052, 196.2090],
}
"""NIST/ITL StRD, lower difficulty: resistance of a silicon wafer, five instruments."""

ATMWTAG = {
    "1": "568 465 572 785 446 903 526 494 616 587 519 486 419 569 508 672 385 518 662 424 360 333 610 477",
    "2": "079 344 513 197 604 385 642 365 151 082 517 448 198 482 334 609 101 512 469 360 254 261 450 368",
}
"""NIST/ITL StRD, average difficulty: atomic weight of silver, the digits after 107.8681."""

HAIR = {
    "light blond": [62, 60, 71, 55, 48],
    "dark blond": [63, 57, 52, 41, 43],
    "light brunette": [42, 50, 41, 37],
    "dark brunette": [32, 39, 51, 30, 35],
}
"""Pain thresholds of McClave and Dietrich (1991), the example of pingouin's manual."""

GAMES_HOWELL = [
    (
        ([24, 23, 31, 51], [34, 18, 18, 26], [17, 68, 59, 7]),
        {
            (0, 1): (8.25, -16.5492749527311, 33.0492749527311, 0.558733632413559),
            (0, 2): (-5.5, -63.6702454316458, 52.6702454316458, 0.941147750599221),
            (1, 2): (-13.75, -74.3174374251372, 46.8174374251372, 0.682983914946841),
        },
    ),
    (
        ([30, 23, 51], [-81, 71, -27, 63], [42, 11, 29, 19, 50], [23, 22, 20, 18, 9]),
        {
            (0, 1): (28.16666667, -141.985416377670, 198.318749711003, 0.872754274788618),
            (0, 3): (16.26666667, -35.0933112382470, 67.6266445715803, 0.426250615130288),
            (1, 3): (-11.9, -188.105478728519, 164.305478728519, 0.986143222500939),
            (2, 3): (11.8, -16.2894857524254, 39.8894857524254, 0.475534443633567),
        },
    ),
]
"""Difference, interval and p-value as SPSS gives them (ONEWAY, POSTHOC=GH), from the tests of scipy."""

DRUGS = {
    "1": [30, 14, 24, 38, 26],
    "2": [28, 18, 20, 34, 28],
    "3": [16, 10, 18, 20, 14],
    "4": [34, 22, 30, 44, 30],
}
"""Reaction times of five persons under four drugs: B. J. Winer, Statistical Principles in Experimental Design
(2nd ed., 1971), p. 268."""


@pytest.fixture
def without_games_howell(monkeypatch):
    """Leave out the slowest part, integrals of the studentized range, where a test is about something else."""
    monkeypatch.setattr(unequal, "games_howell", lambda summary, alpha: unequal.check_variances(summary) or ())


def numbered(groups):
    return {f"m{index}": list(map(float, group)) for index, group in enumerate(groups)}


def random_groups(seed, sizes=(12, 9, 15), spreads=(1.0, 3.0, 0.5), decimals=6):
    rng = np.random.default_rng(seed)
    return numbered(
        np.round(rng.gamma(2.0, spread, size) + index / 2, decimals)
        for index, (size, spread) in enumerate(zip(sizes, spreads, strict=True))
    )


def correlated(rho, size, rng):
    values = [rng.normal()]
    while len(values) < size:
        values.append(rho * values[-1] + math.sqrt(1 - rho**2) * rng.normal())
    return np.array(values)


def in_summary(samples, alpha=0.05):
    return analyse_summary(
        {model: np.mean(values) for model, values in samples.items()},
        {model: np.std(values, ddof=1) for model, values in samples.items()},
        {model: len(values) for model, values in samples.items()},
        alpha=alpha,
    )


def by_pair(pairs):
    return {(pair.a, pair.b): pair for pair in pairs}


def long_frame(samples):
    import pandas as pd

    rows = [(model, block, value) for model, values in samples.items() for block, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["model", "block", "value"])


# One-way ANOVA and effect sizes


@pytest.mark.usefixtures("without_games_howell")
def test_nist_certifies_the_resistance_of_silicon():
    result = analyse(SIRSTV)
    assert result.df == (4, 20)
    assert result.f == pytest.approx(1.18046237440255, rel=1e-9)
    assert result.effect.eta_squared == pytest.approx(0.190999039051129, rel=1e-9)


@pytest.mark.usefixtures("without_games_howell")
def test_nist_certifies_the_atomic_weight_of_silver():
    samples = {name: [float(f"107.8681{digits}") for digits in text.split()] for name, text in ATMWTAG.items()}
    result = analyse(samples)
    assert result.df == (1, 46)
    assert result.f == pytest.approx(15.9467335677930, rel=1e-6)
    assert result.effect.eta_squared == pytest.approx(0.257426544538321, rel=1e-6)


@pytest.mark.usefixtures("without_games_howell")
def test_omega_squared_is_what_its_definition_says():
    samples = random_groups(3)
    values = list(map(np.array, samples.values()))
    everything = np.concatenate(values)
    within = sum(((group - group.mean()) ** 2).sum() for group in values)
    total = ((everything - everything.mean()) ** 2).sum()
    mean_within = within / (len(everything) - 3)
    omega = analyse(samples).effect.omega_squared
    assert omega == pytest.approx((total - within - 2 * mean_within) / (total + mean_within))


@pytest.mark.usefixtures("without_games_howell")
def test_omega_squared_is_never_negative():
    assert analyse({"a": [1.0, 2.0, 3.0], "b": [1.1, 2.0, 2.9]}).effect.omega_squared == 0


@pytest.mark.usefixtures("without_games_howell")
def test_hedges_g_is_pingouins():
    pingouin = pytest.importorskip("pingouin")
    samples = random_groups(5)
    for pair in analyse(samples).effect.pairs:
        expected = pingouin.compute_effsize(samples[pair.a], samples[pair.b], eftype="hedges")
        assert pair.hedges_g == pytest.approx(expected)


# Unequal variances


@pytest.mark.usefixtures("without_games_howell")
def test_welch_gives_the_published_example():
    welch = analyse(HAIR).welch
    assert welch.f == pytest.approx(5.890115, abs=1e-6)
    assert welch.df == (3, pytest.approx(8.329841, abs=1e-6))
    assert welch.p == pytest.approx(0.018813, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("without_games_howell")
def test_welch_is_statsmodels_and_pingouins(seed):
    samples = random_groups(seed)
    reference = anova_oneway(list(samples.values()), use_var="unequal")
    for result in (analyse(samples), in_summary(samples)):
        assert result.welch.f == pytest.approx(reference.statistic)
        assert result.welch.p == pytest.approx(reference.pvalue)
        assert result.welch.df == pytest.approx(reference.df)
    pingouin = pytest.importorskip("pingouin")
    table = pingouin.welch_anova(data=long_frame(samples), dv="value", between="model")
    assert result.welch.f == pytest.approx(table["F"].iloc[0])
    assert result.welch.df[1] == pytest.approx(table["ddof2"].iloc[0])


@pytest.mark.parametrize(("groups", "expected"), GAMES_HOWELL, ids=["equal sizes", "unequal sizes"])
def test_games_howell_gives_what_spss_gives(groups, expected):
    samples = numbered(groups)
    for result in (analyse(samples), in_summary(samples)):
        found = by_pair(result.games_howell)
        for (a, b), (difference, low, high, p) in expected.items():
            pair, mirrored = found[f"m{a}", f"m{b}"], found[f"m{b}", f"m{a}"]
            assert pair.difference == pytest.approx(difference, abs=1e-8)
            assert pair.ci == pytest.approx((low, high), abs=1e-5)
            assert pair.p == mirrored.p == pytest.approx(p, abs=1e-8)
            assert mirrored.ci == (-pair.ci[1], -pair.ci[0])


def test_games_howell_is_scipys():
    if "equal_var" not in inspect.signature(stats.tukey_hsd).parameters:
        pytest.skip("this scipy has Tukey's test only")
    samples = random_groups(7, sizes=(8, 20, 5), spreads=(1, 5, 0.2))
    reference = stats.tukey_hsd(*samples.values(), equal_var=False)
    interval = reference.confidence_interval(0.95)
    found = by_pair(analyse(samples).games_howell)
    for a, b in itertools.permutations(range(3), 2):
        pair = found[f"m{a}", f"m{b}"]
        assert pair.difference == pytest.approx(reference.statistic[a, b])
        assert pair.ci == pytest.approx((interval.low[a, b], interval.high[a, b]), rel=1e-6)
        assert pair.p == pytest.approx(reference.pvalue[a, b], abs=1e-9)


@pytest.mark.usefixtures("without_games_howell")
def test_bartlett_needs_no_samples():
    samples = random_groups(1)
    reference = stats.bartlett(*samples.values())
    for result in (analyse(samples), in_summary(samples)):
        assert result.assumptions.bartlett.statistic == pytest.approx(reference.statistic)
        assert result.assumptions.bartlett.p == pytest.approx(reference.pvalue)


def test_a_model_that_does_not_vary_cannot_be_weighed():
    times = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    result = analyse({"a": [0.1] * 8, "b": times})
    assert result.welch is None
    assert result.games_howell is None
    assert "a do not vary" in result.refused["welch"]
    assert result.assumptions.variance_ratio is None
    assert result.recommended.form == "kruskal"
    assert result.recommended.sentence.startswith("Believe Kruskal-Wallis with Dunn: the values of a do not vary")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's overflow, which the message explains
def test_a_model_that_hardly_varies_would_weigh_infinitely_much():
    result = analyse_summary({"a": 1.0, "b": 2.0}, {"a": 1e-160, "b": 1.0}, {"a": 9, "b": 9})
    assert result.welch is None
    assert result.refused["welch"].startswith("Welch's F-statistic is nan: the variances differ too much")


# Ranks


@pytest.mark.parametrize("decimals", [6, 0], ids=["no ties", "ties"])
@pytest.mark.usefixtures("without_games_howell")
def test_dunn_is_scikit_posthocs(decimals):
    posthocs = pytest.importorskip("scikit_posthocs")
    samples = random_groups(11, sizes=(12, 9, 15, 6), spreads=(1, 3, 0.5, 2), decimals=decimals)
    result = analyse(samples)
    reference = stats.kruskal(*samples.values())
    assert (result.kruskal.h, result.kruskal.p) == pytest.approx(tuple(reference))
    assert result.kruskal.df == 3
    expected = posthocs.posthoc_dunn(list(samples.values()), p_adjust="holm")
    names = list(samples)
    for pair in result.dunn:
        assert pair.p == pytest.approx(expected.loc[names.index(pair.a) + 1, names.index(pair.b) + 1])
        mirrored = by_pair(result.dunn)[pair.b, pair.a]
        assert (pair.z, pair.difference) == (-mirrored.z, -mirrored.difference)
        assert math.copysign(1, pair.z) == math.copysign(1, pair.difference)


@pytest.mark.usefixtures("without_games_howell")
def test_dunn_of_two_models_is_kruskal_wallis():
    result = analyse(random_groups(2, sizes=(9, 14), spreads=(1, 2), decimals=1))
    assert result.dunn[0].z ** 2 == pytest.approx(result.kruskal.h)
    assert result.dunn[0].p == pytest.approx(result.kruskal.p)


# Repeated measures


@pytest.mark.usefixtures("without_games_howell")
def test_repeated_measures_give_winers_example():
    result = analyse(DRUGS, blocks=True).repeated_measures
    assert result.df == (3, 12)
    assert result.f == pytest.approx(24.76, abs=0.005)
    assert result.epsilon == pytest.approx(0.6049, abs=5e-5)
    assert result.p_corrected == pytest.approx(0.0006, abs=5e-5)


def _ljung_box(values, lags):
    """Return the p-value by the formula of Ljung and Box, Biometrika 65 (1978) 297."""
    n, centred = len(values), values - np.mean(values)
    r = [(centred[lag:] * centred[:-lag]).sum() / (centred**2).sum() for lag in range(1, lags + 1)]
    return stats.chi2.sf(n * (n + 2) * sum(r[lag - 1] ** 2 / (n - lag) for lag in range(1, lags + 1)), lags)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("without_games_howell")
def test_repeated_measures_are_statsmodels_and_pingouins(seed):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=12)
    samples = {
        name: shared + rng.normal(0.3 * index, 0.5 + index, 12) for index, name in enumerate(("z", "a", "m", "b"))
    }
    result = analyse(samples, blocks=True).repeated_measures
    frame = long_frame(samples)
    table = AnovaRM(frame, "value", "block", within=["model"]).fit().anova_table
    assert result.f == pytest.approx(table["F Value"].iloc[0])
    assert result.p == pytest.approx(table["Pr > F"].iloc[0])
    assert result.df == (table["Num DF"].iloc[0], table["Den DF"].iloc[0])
    for pair in result.pairs:
        assert pair.difference == pytest.approx(np.mean(samples[pair.a] - samples[pair.b]))
    # The same the other way round: blocks compared within the models.
    table = AnovaRM(frame, "value", "model", within=["block"]).fit().anova_table
    assert result.block_effect.statistic == pytest.approx(table["F Value"].iloc[0])
    assert result.block_effect.p == pytest.approx(table["Pr > F"].iloc[0], abs=1e-12)
    # White noise here; the smallest of six p-values, adjusted.
    assert len(samples) == 4
    serial = [_ljung_box(samples[a] - samples[b], 12 // 5) for a, b in itertools.combinations(samples, 2)]
    assert result.ljung_box_p == pytest.approx(min(1, 6 * min(serial)))

    pingouin = pytest.importorskip("pingouin")
    reference = pingouin.rm_anova(data=frame, dv="value", within="model", subject="block", correction=True)
    assert result.f == pytest.approx(reference["F"].iloc[0])
    assert result.epsilon == pytest.approx(reference["eps"].iloc[0])
    assert result.p_corrected == pytest.approx(reference["p_GG_corr"].iloc[0])
    pairs = pingouin.pairwise_tests(data=frame, dv="value", within="model", subject="block", padjust="holm")
    for _, row in pairs.iterrows():
        assert by_pair(result.pairs)[row["A"], row["B"]].p == pytest.approx(row["p_corr"])


@pytest.mark.usefixtures("without_games_howell")
def test_two_models_in_blocks_are_a_paired_t_test():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 15))
    test = stats.ttest_rel(a, b)
    result = analyse({"a": a, "b": b}, blocks=True).repeated_measures
    assert result.f == pytest.approx(test.statistic**2)
    assert result.epsilon == 1
    assert result.p == result.p_corrected == pytest.approx(test.pvalue)
    assert result.pairs[0].p == pytest.approx(test.pvalue)
    assert result.pairs[0].ci == pytest.approx(tuple(test.confidence_interval(0.95)))


@pytest.mark.usefixtures("without_games_howell")
def test_blocks_in_every_order_equally_often_need_no_correction():
    """All covariances are equal: epsilon is 1, which rounding would make 1.0000000000000002."""
    result = analyse(numbered(zip(*itertools.permutations([0, 1, 2]), strict=True)), blocks=True).repeated_measures
    assert result.epsilon == pytest.approx(1)
    assert result.epsilon <= 1


@pytest.mark.usefixtures("without_games_howell")
def test_a_block_without_a_value_of_every_model_is_refused():
    result = analyse({"a": [1.0, 2.0, 4.0], "b": [1.5, 3.0]}, blocks=True)
    assert result.repeated_measures is None
    assert result.refused["repeated_measures"] == "3 of a, 2 of b: a block needs one value of every model"


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ({"a": [1.0, 2.0, 4.0], "b": [2.0, 3.0, 5.0]}, "the differences of a and b within blocks do not vary"),
        ({"a": [1, 5, 2], "b": [0.1, 0.2, 0.5], "c": [0.4, 0.5, 0.8]}, "the differences of b and c within"),
        # As decimals they differ by 0.7 each; as floats, by 0.7000000000000001 and 0.7.
        ({"a": [1.3, 0.9], "b": [0.6, 0.2]}, "the differences of a and b within blocks do not vary"),
        # Squared, the differences are 0.
        ({"a": [1e-155, 2e-155, 3e-155], "b": [1.00000001e-155, 2e-155, 3.00000001e-155]}, "the F-statistic within"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of Welch's weights, for the smallest numbers
@pytest.mark.usefixtures("without_games_howell")
def test_differences_within_blocks_that_do_not_vary_are_no_evidence(samples, why):
    result = analyse(samples, blocks=True)
    assert result.repeated_measures is None
    assert result.refused["repeated_measures"].startswith(why)


def test_intervals_of_three_models_in_blocks_hold_for_all_pairs_at_once():
    rng = np.random.default_rng(4)
    samples = dict(zip("abc", rng.normal(size=(3, 15)), strict=True))
    result = analyse(samples, blocks=True).repeated_measures
    for (a, b), pair in by_pair(result.pairs).items():
        # Bonferroni: three pairs.
        expected = stats.ttest_rel(samples[a], samples[b]).confidence_interval(1 - 0.05 / 3)
        assert pair.ci == pytest.approx(tuple(expected))


def test_blocks_take_out_the_drift_that_hides_a_difference():
    rng = np.random.default_rng(9)
    drift = np.linspace(0, 0.05, 50)
    samples = {name: 0.05 + 0.001 * index + drift + rng.normal(0, 0.001, 50) for index, name in enumerate("abc")}
    result = analyse(samples, blocks=True)
    assert result.p > 0.5
    assert not any(pair.significant for pair in (*result.pairs, *result.games_howell, *result.dunn))
    assert result.repeated_measures.p_corrected < 1e-6
    assert all(pair.significant for pair in result.repeated_measures.pairs)
    assert result.recommended.form == "repeated_measures"


# Assumptions and which form to believe


@pytest.mark.usefixtures("without_games_howell")
def test_serial_correlation_is_seen_and_white_noise_is_not():
    rng = np.random.default_rng(1)
    noise = {name: rng.normal(size=50) for name in "abc"}
    found = analyse(noise).assumptions
    assert (found.independent, found.normal, found.equal_variances) == (True, True, True)
    assert all(item.ci[0] < 0 < item.ci[1] for item in found.autocorrelation.values())

    found = analyse({**noise, "b": correlated(0.8, 50, rng)}).assumptions
    assert found.independent is False
    assert found.autocorrelation["b"].lag1 > 0.5
    assert found.autocorrelation["b"].ci[0] > 0


@pytest.mark.filterwarnings("ignore::FutureWarning")  # acf will return another type
@pytest.mark.usefixtures("without_games_howell")
def test_the_autocorrelation_is_statsmodels():
    rng = np.random.default_rng(2)
    samples = {"a": correlated(0.5, 40, rng), "b": rng.normal(size=23)}
    for model, found in analyse(samples, alpha=0.1).assumptions.autocorrelation.items():
        correlation, interval = acf(samples[model], nlags=1, alpha=0.1)
        assert found.lag1 == pytest.approx(correlation[1])
        assert found.ci == pytest.approx(tuple(interval[1]))


@pytest.mark.usefixtures("without_games_howell")
def test_the_tests_of_the_assumptions_are_scipys_and_ljung_and_boxs():
    rng = np.random.default_rng(3)
    samples = {name: rng.gamma(2.0, scale, size) for name, scale, size in (("a", 1, 57), ("b", 4, 23), ("c", 2, 31))}
    found = analyse(samples).assumptions
    groups = list(samples.values())
    variances = [group.var(ddof=1) for group in groups]
    assert found.variance_ratio == pytest.approx(max(variances) / min(variances))
    for test, expected in (
        (found.levene, stats.levene(*groups, center="mean")),
        (found.brown_forsythe, stats.levene(*groups, center="median")),
        (found.residuals, stats.shapiro(np.concatenate([stats.zscore(group, ddof=1) for group in groups]))),
        *((found.normality[name], stats.shapiro(group)) for name, group in samples.items()),
    ):
        assert (test.statistic, test.p) == pytest.approx(tuple(expected))
    # A fifth of the values, ten at most.
    for name, lags in (("a", 10), ("b", 4), ("c", 6)):
        serial = found.autocorrelation[name]
        assert (serial.lags, serial.ljung_box.p) == (lags, pytest.approx(_ljung_box(samples[name], lags)))


@pytest.mark.usefixtures("without_games_howell")
def test_serial_correlation_is_looked_for_from_ten_values_on():
    rng = np.random.default_rng(0)
    found = analyse({"a": rng.normal(size=9), "b": rng.normal(size=10)}).assumptions.autocorrelation
    assert {name: serial.lags for name, serial in found.items()} == {"b": 2}


@pytest.mark.usefixtures("without_games_howell")
def test_normality_is_looked_for_in_3_to_5000_values():
    """Shapiro and Wilk's test needs three; of more than 5,000 scipy's p-value is not accurate."""
    values = np.random.default_rng(0).normal(size=5001)
    found = analyse({str(size): values[:size] for size in (2, 3, 5000, 5001)}).assumptions
    assert {size: test.p for size, test in found.normality.items()} == {
        str(size): pytest.approx(stats.shapiro(values[:size]).pvalue) for size in (3, 5000)
    }
    assert found.residuals is None


@pytest.mark.usefixtures("without_games_howell")
def test_models_of_unequal_variances_are_not_called_skewed():
    """Together their values have long tails; each model's are as normal as can be."""
    quantiles = stats.norm.ppf(np.arange(1, 26) / 26)
    rng = np.random.default_rng(0)
    found = analyse({name: spread * rng.permutation(quantiles) for name, spread in (("a", 1), ("b", 30))}).assumptions
    assert found.normal
    assert not found.equal_variances


@pytest.mark.parametrize("alpha", [0.3, 0.001])
def test_the_level_asked_for_decides_in_every_form(alpha):
    rng = np.random.default_rng(2)
    samples = {name: np.round(rng.normal(mean, 1, 12), 3) for name, mean in (("a", 0), ("b", 0.8), ("c", 1.6))}
    result, summary = analyse(samples, alpha=alpha, blocks=True), in_summary(samples, alpha=alpha)
    names = list(samples)
    for equal, forms in ((True, (result.pairs, summary.pairs)), (False, (result.games_howell, summary.games_howell))):
        expected = stats.tukey_hsd(*samples.values(), equal_var=equal).confidence_interval(1 - alpha)
        for pair in itertools.chain(*forms):
            a, b = names.index(pair.a), names.index(pair.b)
            assert pair.ci == pytest.approx((expected.low[a, b], expected.high[a, b]), rel=1e-6)
    for pair in result.repeated_measures.pairs:
        interval = stats.ttest_rel(samples[pair.a], samples[pair.b]).confidence_interval(1 - alpha / 3)
        assert pair.ci == pytest.approx(tuple(interval))
    for pairs in (result.pairs, result.games_howell, result.dunn, result.repeated_measures.pairs):
        assert any((pair.p < alpha) != (pair.p < 0.05) for pair in pairs), "the level makes no difference here"
        assert all(pair.significant == (pair.p < alpha) for pair in pairs)


@pytest.mark.usefixtures("without_games_howell")
def test_the_level_asked_for_decides_about_assumptions():
    rng = np.random.default_rng(9)
    samples = {name: np.round(rng.gamma(6.0, spread, 30), 6) for name, spread in (("a", 1), ("b", 1.35), ("c", 1.1))}
    residuals = np.concatenate([stats.zscore(values, ddof=1) for values in samples.values()])
    smallest = min(_ljung_box(values, 6) for values in samples.values())
    p_values = {
        "equal_variances": stats.levene(*samples.values(), center="median").pvalue,
        "normal": stats.shapiro(residuals).pvalue,
        "independent": 3 * smallest,  # Holm's
    }
    for alpha in (0.01, 0.09, 0.3):
        found = analyse(samples, alpha=alpha).assumptions
        for name, p in p_values.items():
            assert getattr(found, name) == (p >= alpha), name
        assert in_summary(samples, alpha=alpha).assumptions.equal_variances == (
            stats.bartlett(*samples.values()).pvalue >= alpha
        )


@pytest.mark.usefixtures("without_games_howell")
def test_what_cannot_be_tested_is_not_called_fulfilled():
    found = analyse({"a": [1.0, 2.0], "b": [1.5, 3.0]}).assumptions
    assert (found.equal_variances, found.normal, found.independent) == (None, None, None)
    assert found.brown_forsythe is None
    assert found.autocorrelation == found.normality == {}


def cases():
    rng = np.random.default_rng(0)
    normal = {name: rng.normal(5 + index, 1, 60) for index, name in enumerate("abc")}
    yield "anova", {"samples": normal}, "neither unequal variances"
    yield "anova", {"samples": normal, "blocks": True}, "neither unequal variances"
    yield "welch", {"samples": {**normal, "b": rng.normal(5, 4, 60)}}, "variances differ"
    skewed = {name: rng.lognormal(0, 1.5, 12) for name in "abc"}
    yield "kruskal", {"samples": skewed}, "not normal"
    quantiles = stats.norm.ppf(np.arange(1, 26) / 26)
    wide = {name: 5 + spread * rng.permutation(quantiles) for name, spread in (("a", 1), ("b", 1), ("c", 6))}
    yield "welch", {"samples": wide}, "variances differ"
    serial = {name: correlated(0.8, 60, rng) for name in "abc"}
    yield "none", {"samples": serial}, "serially correlated"
    yield "none", {"samples": serial, "blocks": True}, "so are their differences within blocks of calls"
    drift = correlated(0.8, 60, rng)
    drifting = {name: drift + rng.normal(0, 0.3, 60) for name in "abc"}
    yield "repeated_measures", {"samples": drifting, "blocks": True}, "serially correlated"
    shared = rng.normal(size=60)
    together = {name: shared + rng.normal(0, 0.3, 60) for name in "abc"}
    yield "repeated_measures", {"samples": together, "blocks": True}, "slow or fast together within a block of calls"
    few = {name: rng.normal(5, 1, 6) for name in "abc"}
    yield "repeated_measures", {"samples": few, "blocks": True, "replicate": "process"}, "6 processes"


@pytest.mark.parametrize(("form", "arguments", "reason"), list(cases()))
@pytest.mark.usefixtures("without_games_howell")
def test_the_rules_choose_the_form_and_say_why(form, arguments, reason):
    found = analyse(**arguments).recommended
    assert found.form == form
    assert reason in found.sentence
    assert found.sentence.endswith(".")
    assert ". " not in found.sentence
    if form != "none":
        replicate = "processes of this machine" if "replicate" in arguments else "not independent replicates"
        assert replicate in found.sentence


@pytest.mark.parametrize(("blocks", "form"), [(19, "repeated_measures"), (20, "anova")])
@pytest.mark.usefixtures("without_games_howell")
def test_twenty_blocks_are_enough_to_show_that_they_do_not_matter(blocks, form):
    rng = np.random.default_rng(3)
    samples = {name: rng.permutation(stats.norm.ppf(np.arange(1, 31) / 31))[:blocks] for name in "abc"}
    result = analyse(samples, blocks=True)
    assert (result.assumptions.independent, result.assumptions.equal_variances) == (True, True)
    assert result.recommended.form == form


@pytest.mark.parametrize(("sizes", "form"), [((29, 29), "kruskal"), ((30, 30), "anova"), ((29, 60), "kruskal")])
@pytest.mark.usefixtures("without_games_howell")
def test_thirty_values_of_each_model_have_means_normal_enough(sizes, form):
    rng = np.random.default_rng(4)
    # Of the same variance, and far from normal.
    samples = {
        name: rng.permutation(stats.expon.ppf((np.arange(n) + 0.5) / n)) for name, n in zip("ab", sizes, strict=True)
    }
    result = analyse(samples)
    found = result.assumptions
    assert (found.independent, found.equal_variances, found.normal) == (True, True, False)
    assert result.recommended.form == form


@pytest.mark.usefixtures("without_games_howell")
def test_variances_that_cannot_be_tested_are_not_taken_for_equal():
    found = analyse({"a": [1.0, 2.0], "b": [1.5, 3.0]}).recommended
    assert found.form == "welch"
    assert "equal variances could not be tested" in found.sentence


@pytest.mark.parametrize(("seed", "blocks", "fewer", "tests"), [(78, False, 1, 3), (22, True, 3, 4)])
@pytest.mark.usefixtures("without_games_howell")
def test_only_models_that_are_serially_correlated_are_named_so(seed, blocks, fewer, tests):
    """The p-value of b would be below 0.05 among fewer tests; that of the blocks is one of them."""
    rng = np.random.default_rng(seed)
    samples = {"a": correlated(0.8, 40, rng), "b": rng.normal(size=40), "c": rng.normal(size=40)}
    assert 0.05 / tests < _ljung_box(samples["b"], 8) < 0.05 / fewer
    result = analyse(samples, blocks=blocks)
    lag1 = result.assumptions.autocorrelation["a"].lag1
    assert f"the calls are serially correlated (lag 1: a {lag1:+.2f}), and" in result.recommended.sentence


@pytest.mark.usefixtures("without_games_howell")
def test_processes_whose_differences_are_correlated_are_doubted_and_not_refused():
    """As fresh as they can be: there is nothing better to measure."""
    rng = np.random.default_rng(0)
    samples = {name: correlated(0.8, 60, rng) for name in "abc"}
    found = analyse(samples, blocks=True, replicate="process").recommended
    assert found.form == "repeated_measures"
    assert "the processes are serially correlated" in found.sentence
    assert "though not all: differences within blocks are still serially correlated" in found.sentence


def test_the_papers_summary_needs_welch_and_keeps_its_stars():
    result = analyse_summary(
        {model: row.mean_s for model, row in paper.TABLE6.items()},
        {model: row.sd_s for model, row in paper.TABLE6.items()},
        dict.fromkeys(paper.TABLE6, paper.TABLE6_N),
    )
    assert result.assumptions.variance_ratio == pytest.approx(9.61)
    assert result.assumptions.equal_variances is False
    assert result.recommended.form == "welch"
    assert all(pair.significant and pair.p < 2e-5 for pair in result.games_howell)
    assert (result.kruskal, result.dunn, result.repeated_measures) == (None, None, None)
    assert set(result.refused) == {"kruskal", "dunn", "repeated_measures"}
    assert "single values" in result.refused["dunn"]


# Processes


def profiles(processes, *, turns=True, calls=10, slow=(0.0, 0.0, 0.0)):
    """Return three profiles; a process of a model has its own level, the same for all models in it."""
    rng = np.random.default_rng(6)
    made = []
    level = rng.normal(0, 0.005, max(processes))
    for index, (model, number) in enumerate(zip(paper.MODELS, processes, strict=True)):
        samples = [
            LatencySample(
                order=3 * call + index if turns else calls * index + call,
                seconds=0.05 + slow[index] + level[process] + abs(rng.normal(0, 0.001)),
                process=process,
            )
            for process in range(number)
            for call in range(calls)
        ]
        made.append(dataclasses.replace(profile_record(model), latency={"keras-predict": tuple(reversed(samples))}))
    return made


@pytest.mark.usefixtures("without_games_howell")
def test_with_five_processes_the_replicate_is_the_process():
    given_profiles = profiles((5, 5, 5), slow=(0, 0.002, 0.004))
    result = analyse_profiles(given_profiles, "keras-predict")
    assert result.models == paper.MODELS
    assert result.replicate == "process"
    assert result.n == dict.fromkeys(paper.MODELS, 5)
    assert result.df == (2, 12)
    for record in given_profiles:
        times = [sample.seconds for sample in record.latency["keras-predict"]]
        assert result.mean[record.model] == pytest.approx(np.mean(times))
    assert (result.repeated_measures.block, result.repeated_measures.blocks) == ("process", 5)
    assert all(pair.significant for pair in result.repeated_measures.pairs)
    assert result.recommended.form == "repeated_measures"
    assert "the models are slow or fast together within a process (p " in result.recommended.sentence
    assert "5 processes of this machine" in result.recommended.sentence

    within = result.within_process
    assert (within.process, within.df) == (0, (2, 27))
    for record in given_profiles:
        times = [sample.seconds for sample in record.latency["keras-predict"] if sample.process == 0]
        assert within.mean[record.model] == pytest.approx(np.mean(times))


@pytest.mark.usefixtures("without_games_howell")
def test_models_are_compared_within_their_own_process_wherever_its_calls_are_stored():
    """The orders begin anew in every process, so that they do not tell which was first."""
    first, *others = profiles((5, 5, 5), slow=(0, 0.0005, 0.001))
    samples = first.latency["keras-predict"]
    turned = dataclasses.replace(first, latency={"keras-predict": samples[::-1]})
    result = analyse_profiles([turned, *others], "keras-predict").repeated_measures
    means = [
        [
            np.mean([sample.seconds for sample in record.latency["keras-predict"] if sample.process == i])
            for i in range(5)
        ]
        for record in (first, *others)
    ]
    assert result.pairs[0].ci == pytest.approx(tuple(stats.ttest_rel(*means[:2]).confidence_interval(1 - 0.05 / 3)))
    frame = long_frame(dict(zip("abc", means, strict=True)))
    table = AnovaRM(frame, "value", "block", within=["model"]).fit().anova_table
    assert result.f == pytest.approx(table["F Value"].iloc[0])


@pytest.mark.usefixtures("without_games_howell")
def test_too_few_processes_are_refused_with_the_reason():
    result = analyse_profiles(profiles((5, 5, 3)), "keras-predict")
    assert result.replicate == "call"
    assert result.n == dict.fromkeys(paper.MODELS, 10)
    assert (
        "3 processes of a model; the test over the means of processes needs at least 5"
        in (result.refused["process_means"])
    )
    assert result.within_process is None


@pytest.mark.usefixtures("without_games_howell")
def test_models_measured_in_other_processes_are_no_blocks():
    result = analyse_profiles(profiles((5, 6, 5)), "keras-predict")
    assert result.n == dict(zip(paper.MODELS, (5, 6, 5), strict=True))
    assert result.repeated_measures is None
    assert "not taken in blocks" in result.refused["repeated_measures"]


@pytest.mark.usefixtures("without_games_howell")
def test_models_timed_one_after_the_other_are_no_blocks():
    assert analyse_profiles(profiles((1, 1, 1)), "keras-predict").repeated_measures.blocks == 10
    result = analyse_profiles(profiles((1, 1, 1), turns=False), "keras-predict")
    assert result.repeated_measures is None
    assert "not taken in blocks" in result.refused["repeated_measures"]


def test_a_single_call_is_refused_and_the_replicate_named():
    with pytest.raises(FerBenchError, match=r"sample size of 1; .* replicate is a process .* else one timed call"):
        analyse_profiles(profiles((1, 1, 1), calls=1), "keras-predict")


def test_a_runtime_that_was_not_measured_is_named():
    with pytest.raises(FerBenchError, match="'onnx' was not measured; expected one of keras-predict"):
        analyse_profiles(profiles((1, 1, 1)), "onnx")


# Records


@functools.cache
def small():
    return analyse({"a": [0.1, 0.3, 0.2], "b": [0.2, 0.5, 0.4]})


def record_of(result):
    inputs = dict.fromkeys(result.models, "0" * 64)
    return to_record(result, runtime="keras-predict", origin="real", inputs=inputs)


@pytest.mark.parametrize("processes", [1, 5])
def test_a_record_holds_every_form_through_a_file(tmp_path, processes):
    result = analyse_profiles(profiles((processes,) * 3), "keras-predict")
    loaded = records.load(records.save(tmp_path, record_of(result)), records.StatisticsRecord)
    assert loaded == record_of(result)
    for field in dataclasses.fields(result):
        assert getattr(loaded, field.name) == getattr(result, field.name)
    assert (loaded.within_process is None) == (processes == 1)


def test_a_record_of_an_earlier_version_still_loads(tmp_path):
    path = records.save(tmp_path, record_of(small()))
    content = read_json(path)
    for name in (
        *("assumptions", "welch", "games_howell", "kruskal", "dunn", "repeated_measures", "effect", "recommended"),
        *("replicate", "within_process", "refused"),
    ):
        del content[name]
    write_json(path, content)
    loaded = records.load(path, records.StatisticsRecord)
    assert loaded.f == small().f
    assert (loaded.replicate, loaded.welch, loaded.recommended) == ("call", None, None)


def test_a_hand_edited_form_is_named(tmp_path):
    path = records.save(tmp_path, record_of(small()))
    content = read_json(path)
    content["welch"]["f"] = "large"
    write_json(path, content)
    with pytest.raises(FerBenchError, match=r"welch: f = 'large', expected a number"):
        records.load(path, records.StatisticsRecord)


def test_two_records_differ_where_a_number_does():
    record = record_of(small())
    assert differences(record, record_of(small())) == []
    moved = record.welch.f * (1 + 1e-8)
    changed = dataclasses.replace(record, welch=dataclasses.replace(record.welch, f=moved))
    assert differences(changed, record) == [f"welch.f: {moved} in the record, {record.welch.f} from the profiles"]
    rounding = dataclasses.replace(record, f=record.f * (1 + 1e-12))
    assert differences(rounding, record) == []


def test_very_small_p_values_are_all_the_same():
    record = record_of(small())
    tiny, smaller, larger = (dataclasses.replace(record, p=p) for p in (9e-12, 1e-30, 1e-6))
    assert differences(tiny, smaller) == []
    assert differences(larger, smaller) == ["p: 1e-06 in the record, 1e-30 from the profiles"]


@pytest.mark.usefixtures("without_games_howell")
def test_so_are_the_p_values_of_blocks():
    rng = np.random.default_rng(5)
    result = analyse({name: rng.normal(size=12) for name in "abc"}, blocks=True)
    record, same = (
        record_of(
            dataclasses.replace(
                result,
                repeated_measures=dataclasses.replace(result.repeated_measures, p_corrected=p, ljung_box_p=p),
            )
        )
        for p in (1e-20, 1e-25)
    )
    assert differences(record, same) == []


def test_pairs_that_are_missing_are_a_difference():
    record = record_of(small())
    fewer = dataclasses.replace(record, pairs=record.pairs[:-1])
    place = f"pairs[{len(record.pairs) - 1}]"
    assert differences(fewer, record) == [f"{place}: nothing in the record, a value from the profiles"]
    assert differences(record, fewer) == [f"{place}: a value in the record, nothing from the profiles"]


def test_a_record_without_the_new_forms_is_not_what_the_profiles_give():
    record = record_of(small())
    older = dataclasses.replace(record, games_howell=None, recommended=None)
    assert differences(older, record) == [
        "games_howell: nothing in the record, a value from the profiles",
        "recommended: nothing in the record, a value from the profiles",
    ]


@pytest.mark.usefixtures("without_games_howell")
@given(
    st.integers(2, 3).flatmap(
        lambda models: st.lists(
            st.lists(st.floats(0.001, 10).map(lambda value: round(value, 3)), min_size=models, max_size=models),
            min_size=2,
            max_size=24,
        )
    ),
    st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_any_times_that_vary_give_a_record(tmp_path_factory, rows, blocks):
    samples = numbered(zip(*rows, strict=True))
    assume(any(len(set(values)) > 1 for values in samples.values()))
    result = analyse(samples, blocks=blocks)
    path = records.save(tmp_path_factory.mktemp("records"), record_of(result))
    assert records.load(path, records.StatisticsRecord) == record_of(result)
    assert result.recommended.form in ("anova", "welch", "kruskal", "repeated_measures", "none")
    for name in ("welch", "games_howell", "kruskal", "dunn", "repeated_measures"):
        assert (getattr(result, name) is None) == (name in result.refused)


@pytest.mark.parametrize("alpha", [0.002, 0.05, 0.9])
@pytest.mark.parametrize(("groups", "freedom"), [(2, 1.0), (3, 9.3), (9, 147.0)])
def test_the_critical_value_is_scipys(alpha, groups, freedom):
    assert critical(alpha, groups, freedom) == pytest.approx(stats.studentized_range.ppf(1 - alpha, groups, freedom))
