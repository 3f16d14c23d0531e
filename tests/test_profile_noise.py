import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import record_factory as make
from scipy import stats

from fer_bench.errors import FerBenchError
from fer_bench.profiling import machine
from fer_bench.profiling.document import self_test_json
from fer_bench.profiling.machine import Watch, busy_seconds, frequency
from fer_bench.profiling.noise import by_process, judged, machine_warnings, series_warnings
from fer_bench.profiling.self_test import (
    ANOVA,
    BLOCKS,
    IN_TURN,
    ONE_COPY,
    REPEATED,
    TWO_COPIES,
    SelfTest,
    false_positives,
)
from fer_bench.profiling.summary import (
    anova_p,
    autocorrelation,
    drift,
    effective_size,
    repeated_measures_p,
    summarise,
    two_modes,
)
from fer_bench.records import LatencySample, MachineSample, ProfileRecord

# Summary


def test_summary_by_hand() -> None:
    found = summarise([1.0, 2.0, 3.0, 4.0, 10.0])
    assert (found.n, found.mean, found.median) == (5, 4.0, 3.0)
    assert found.sd == pytest.approx(math.sqrt((9 + 4 + 1 + 0 + 36) / 4))
    assert found.p95 == pytest.approx(4 + 0.8 * 6)
    assert found.p99 == pytest.approx(4 + 0.96 * 6)


def test_the_interval_of_the_median_follows_from_the_seed_and_covers_it() -> None:
    rng = np.random.default_rng(1)
    assert summarise(rng.normal(5, 1, 50), seed=3) == summarise(np.random.default_rng(1).normal(5, 1, 50), seed=3)
    covered = 0
    for _ in range(100):
        low, high = summarise(rng.normal(5, 1, 50)).median_ci
        covered += low <= 5 <= high
    assert covered >= 85


def test_the_interval_of_the_median_is_of_95_percent() -> None:
    # The median of a bootstrap sample of 17 is at most the 4th value with 0.9 %, at most the 5th with 3.6 %.
    below = [stats.binom.sf(8, 17, place / 17) for place in (4, 5)]
    assert below[0] < 0.025 < below[1] < 0.05
    assert summarise(np.arange(1, 18)).median_ci == (5, 13)


@pytest.mark.parametrize("values", [[2.0], [2.0, 2.0, 2.0]])
def test_equal_times_have_an_interval_of_no_width(values: list[float]) -> None:
    found = summarise(values)
    assert found.median_ci == (2.0, 2.0)
    assert math.isnan(found.sd) == (len(values) == 1)


# What makes a series doubtful


def _noise(n: int, seed: int = 0) -> np.ndarray:
    return 0.02 + 0.0003 * np.random.default_rng(seed).normal(size=n)


def test_drift_is_measured_over_the_run() -> None:
    found = drift(_noise(50) * np.linspace(0.95, 1.05, 50))
    assert found.relative == pytest.approx(0.10, abs=0.03)
    assert found.p < 1e-3
    assert abs(drift(_noise(50)).relative) < 0.05
    assert drift([1.0, 1.0, 1.0]).p == 1.0


def test_drift_of_a_long_run_is_that_of_a_short_one() -> None:
    found = drift(_noise(20_000) * np.linspace(0.95, 1.05, 20_000))
    assert found.relative == pytest.approx(0.10, abs=0.01)


def test_one_interruption_is_no_drift() -> None:
    times = _noise(50)
    times[48] = 1.0
    assert abs(drift(times).relative) < 0.05


def test_autocorrelation_of_waves_and_of_noise() -> None:
    assert autocorrelation(np.sin(np.arange(60) / 6)) > 0.9
    assert abs(autocorrelation(_noise(500))) < 0.15
    assert autocorrelation([1.0, 1.0]) == 0.0
    assert effective_size(50, 0.5) == pytest.approx(50 / 3)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.normal(20, 1, 50),
        lambda rng: np.exp(rng.normal(0, 0.3, 50)),
        lambda rng: 10 + rng.exponential(3, 50),
        lambda rng: rng.uniform(10, 11, 50),
    ],
    ids=["normal", "log-normal", "exponential", "uniform"],
)
def test_one_group_is_not_taken_for_two(draw) -> None:
    rng = np.random.default_rng(5)
    assert sum(two_modes(draw(rng)) is not None for _ in range(200)) <= 5


def test_two_groups_are_seen_with_their_shares() -> None:
    rng = np.random.default_rng(5)
    times = np.concatenate([rng.normal(20, 0.5, 40), rng.normal(30, 0.5, 10)])
    rng.shuffle(times)
    found = two_modes(times)
    assert found is not None
    assert found.low == pytest.approx(20, abs=0.5)
    assert found.high == pytest.approx(30, abs=0.5)
    assert found.share == pytest.approx(0.2)


@pytest.mark.parametrize("times", [np.repeat([1.0, 9.0], 10), np.ones(50)], ids=["few", "equal"])
def test_of_few_or_equal_times_nothing_is_said(times) -> None:
    assert two_modes(times) is None


def test_forty_times_are_enough_for_two_groups() -> None:
    assert two_modes(np.repeat([1.0, 1.5], [20, 20])) is not None
    assert two_modes(np.repeat([1.0, 1.5], [20, 19])) is None


def test_two_values_and_nothing_between_are_two_groups() -> None:
    found = two_modes(np.repeat([1.0, 1.5], [30, 20]))
    assert found is not None
    assert (found.low, found.high, found.share) == (pytest.approx(1.0), pytest.approx(1.5), pytest.approx(0.4))


def test_fewer_than_a_tenth_are_counted_as_they_are() -> None:
    found = two_modes(np.repeat([1.0, 1.5], [47, 3]))
    assert found is not None
    assert (found.high, found.share) == (pytest.approx(1.5), pytest.approx(0.06))


@pytest.mark.parametrize(
    ("counts", "two"), [((40, 9, 40), True), ((40, 10, 40), False), ((80, 9, 40), True), ((80, 10, 40), False)]
)
def test_a_valley_holds_fewer_than_a_quarter_of_either_side(counts: tuple[int, int, int], two: bool) -> None:
    found = two_modes(np.exp(np.repeat([0, 1.5, 3], counts)))
    assert (found is not None) == two
    if found is not None:
        assert (found.low, found.high) == pytest.approx((1, math.exp(3)))


# Warnings


def _record(*series: np.ndarray, **changes) -> ProfileRecord:
    """Return a profile of one runtime; one series a process."""
    samples = [
        LatencySample(order=order + 1000 * process, seconds=float(time), process=process)
        for process, times in enumerate(series)
        for order, time in enumerate(times)
    ]
    return replace(make.profile_record("clcm"), latency={"keras-call": tuple(samples)}, **changes)


def test_a_quiet_series_has_no_warnings() -> None:
    assert series_warnings(_record(_noise(50))) == []


def test_what_could_not_be_judged_is_named() -> None:
    looks = (MachineSample(process=0, order=0, mhz=2000.0), MachineSample(process=0, order=9, mhz=2000.0))
    assert judged(_record(_noise(50), machine=looks)) == (
        ["drift", "autocorrelation", "second mode", "change of frequency"],
        ["load (the system does not tell it, or not in so short a time)"],
    )
    rising = _record(np.linspace(0.02, 0.04, 15), np.linspace(0.02, 0.04, 50))
    assert series_warnings(rising)
    seen, unknown = judged(rising)
    assert seen == []
    assert unknown[0] == "drift (15 calls a process, fewer than 20)"
    assert judged(_record(_noise(30), machine=looks))[1][0] == "second mode (30 calls a process, fewer than 40)"


def test_the_order_decides_not_the_place_in_the_file() -> None:
    record = _record(np.linspace(0.02, 0.03, 50))
    shuffled = replace(record, latency={"keras-call": record.latency["keras-call"][::-1]})
    assert series_warnings(shuffled) == series_warnings(record)
    assert by_process(shuffled.latency["keras-call"])[0][0] == 0.02


def test_a_drifting_series_is_named_with_its_drift() -> None:
    lines = series_warnings(_record(_noise(50) * np.linspace(0.9, 1.1, 50)))
    assert any(line.startswith("keras-call: drifts by +2") and "Spearman" in line for line in lines)


def test_calls_that_get_faster_drift_too() -> None:
    slower, faster = np.linspace(0.95, 1.05, 50), np.linspace(1.2, 0.8, 50)
    lines = series_warnings(_record(_noise(50) * faster, _noise(50, 1) * slower))
    (line,) = (line for line in lines if "drifts" in line)
    assert re.match(r"keras-call: drifts by -(3\d|4\d)\.\d%", line)
    assert "(process 0; seen in 2 of 2 processes)" in line


def test_a_wave_is_named_with_the_calls_that_it_leaves() -> None:
    (line,) = series_warnings(_record(0.02 + 0.001 * np.sin(np.arange(100) / 3) + 1e-5 * _noise(100)))
    assert "autocorrelation" in line
    assert "100 calls are worth about" in line


def test_two_groups_are_named_in_milliseconds() -> None:
    rng = np.random.default_rng(0)
    times = np.where(rng.permutation(50) < 15, 0.03, 0.02) + rng.normal(0, 0.0003, 50)
    (line,) = series_warnings(_record(times))
    assert re.search(r"about 20\.\d+ and 30\.\d+ ms, 30% of the calls", line)


def test_the_worst_of_several_processes_is_named() -> None:
    slight, strong = np.linspace(0.95, 1.05, 50), np.linspace(0.8, 1.2, 50)
    lines = series_warnings(_record(_noise(50), _noise(50, 1) * strong, _noise(50, 2) * slight))
    assert any("drifts by +" in line and "(process 1; seen in 2 of 3 processes)" in line for line in lines)


def test_a_call_that_did_not_settle_is_named() -> None:
    record = _record(_noise(50), unsteady=("keras-call",), warmups={"keras-call": (100,)})
    assert series_warnings(record) == ["keras-call: still getting faster after 100 untimed calls"]


def test_the_machine_is_named_with_its_numbers() -> None:
    looks = tuple(
        MachineSample(process=0, order=i, mhz=mhz, others=0.7) for i, mhz in enumerate((2000.0, 2600.0, 2600.0))
    )
    lines = machine_warnings(_record(_noise(50), machine=looks))
    assert len(lines) == 2
    assert "between 2000 and 2600 MHz (23% of its median)" in lines[0]
    assert "other processes kept 0.70 of" in lines[1]
    quiet = tuple(replace(look, mhz=2600.0, others=0.01) for look in looks)
    assert machine_warnings(_record(_noise(50), machine=quiet)) == []
    unknown = tuple(replace(look, mhz=None, others=None) for look in looks)
    assert machine_warnings(_record(_noise(50), machine=unknown)) == []


def test_the_machine_is_named_from_a_twentieth_of_its_clock_and_a_tenth_of_its_cores_on() -> None:
    def lines(clocks: tuple[float, ...], others: tuple[float, ...]) -> list[str]:
        looks = tuple(
            MachineSample(process=0, order=i, mhz=mhz, others=share)
            for i, (mhz, share) in enumerate(zip(clocks, others, strict=True))
        )
        record = _record(_noise(50), machine=looks)
        return machine_warnings(replace(record, environment=replace(record.environment, cores=4)))

    quiet, idle = (2000.0,) * 3, (0.0,) * 3
    assert lines((2000.0, 2000.0, 2100.0), idle) == []
    assert lines((2000.0, 2000.0, 2104.0), idle) == [
        "the clock frequency changed between 2000 and 2104 MHz (5% of its median)"
    ]
    # One busy moment is no load, and 0.4 of a core is a tenth of four.
    assert lines(quiet, (0.0, 0.0, 1.2)) == []
    assert lines(quiet, (0.0, 0.0, 1.26)) == ["other processes kept 0.42 of 4 cores busy on average, 1.26 at most"]


# The machine


def test_processor_time_and_frequency_are_read_from_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: {0, 2}, raising=False)
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine.os, "sysconf", lambda name: 100)
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 10 50 900 5 1 2 37 0 0\ncpu1 7 7 7 7 7 7 7 7 0 0\n"
        "cpu2 200 0 0 900 5 0 0 0 0 0\nintr 1 2 3\n"
    )
    # User, nice, system, irq, softirq and steal of the cores 0 and 2, in hundredths of a second.
    assert busy_seconds(stat) == pytest.approx((100 + 10 + 50 + 1 + 2 + 37 + 200) / 100)
    (tmp_path / "cpuinfo").write_text("model name\t: X\ncpu MHz\t\t: 2000.0\n\ncpu MHz\t\t: 3000.5\n")
    assert frequency(tmp_path / "cpuinfo") == pytest.approx(2500.25)


def test_a_load_is_told_over_no_shorter_a_time_than_ticks_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick of 10 ms on each of two cores within 5 ms would be four cores busy with others."""
    seconds = {"wall": 0.0, "own": 0.0, "busy": 0.0}
    clocks = {"monotonic": lambda: seconds["wall"], "process_time": lambda: seconds["own"]}
    monkeypatch.setattr(machine, "time", SimpleNamespace(**clocks))
    monkeypatch.setattr(machine, "busy_seconds", lambda path: seconds["busy"])
    watch = Watch(0, tmp_path)
    for wall, own, busy in ((0.005, 0.005, 0.02), (2.0, 1.5, 2.0), (2.1, 1.6, 2.3), (4.0, 3.5, 4.0)):
        seconds.update(wall=wall, own=own, busy=busy)
        watch.look(0)
    assert [look.others for look in watch.seen] == [None, 0.25, None, 0.0]


def test_a_system_without_proc_tells_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert math.isnan(busy_seconds(tmp_path / "stat"))
    assert frequency(tmp_path / "cpuinfo") is None
    (tmp_path / "cpuinfo").write_text("model name : ARM\n")
    assert frequency(tmp_path / "cpuinfo") is None
    watch = Watch(2, tmp_path)
    watch.look(7)
    (look,) = watch.seen
    assert (look.process, look.order, look.mhz) == (2, 7, None)
    assert look.others is None  # After no time at all.
    monkeypatch.setattr(machine, "_LEAST", 0.0)
    watch.look(8)
    if Path("/proc/stat").exists():
        assert watch.seen[1].others is not None
        assert watch.seen[1].others >= 0


# The A/A check


class Machine:
    """A machine with a clock of its own, on which calls take 10 ms with noise, and more and more."""

    def __init__(self, *, drift: float = 0.0, noise: float = 0.02) -> None:
        self.now = 0
        self.calls = 0
        self.drift = drift
        self.noise = noise
        self.rng = np.random.default_rng(0)

    def clock(self) -> int:
        return self.now

    def call(self, factor: float = 1.0):
        def run(item) -> None:
            self.calls += 1
            self.now += round(1e7 * (factor + self.drift * self.calls + self.noise * self.rng.normal()))

        return run


def _rates(machine: Machine, other: float = 1.0, **settings) -> dict[tuple[str, str, str], float]:
    found = false_positives(machine.call(), machine.call(other), [0], clock=machine.clock, **settings)
    return {(rate.copies, rate.design, rate.test): rate.rate for rate in found}


def test_a_quiet_machine_has_about_the_nominal_rate_everywhere() -> None:
    rates = _rates(Machine(), experiments=200)
    assert len(rates) == 6
    assert all(rate < 0.12 for rate in rates.values())


def test_drift_becomes_a_difference_one_after_the_other_and_not_in_blocks() -> None:
    # 2 % more with every 20 calls, the size of the noise.
    rates = _rates(Machine(drift=0.001), experiments=100)
    assert rates[ONE_COPY, IN_TURN, ANOVA] > 0.5
    assert rates[ONE_COPY, BLOCKS, ANOVA] < 0.12
    assert rates[ONE_COPY, BLOCKS, REPEATED] < 0.12


def test_a_copy_that_is_slower_is_told_from_time() -> None:
    rates = _rates(Machine(), other=1.1, experiments=50)
    assert rates[TWO_COPIES, BLOCKS, REPEATED] == 1.0
    assert rates[ONE_COPY, BLOCKS, REPEATED] < 0.2


def test_the_check_follows_from_the_seed() -> None:
    settings = {"experiments": 10, "runs": 5}
    assert _rates(Machine(), seed=4, **settings) == _rates(Machine(), seed=4, **settings)


def test_a_clock_that_stands_still_finds_no_difference() -> None:
    rates = _rates(Machine(noise=0.0), experiments=5, runs=5)
    assert set(rates.values()) == {0.0}


def test_the_verdict_is_that_of_one_copy_in_blocks() -> None:
    def outcome(machine: Machine, **settings) -> SelfTest:
        rates = false_positives(machine.call(), machine.call(1.1), [0], clock=machine.clock, **settings)
        return SelfTest(model="m", runtime="r", experiments=40, runs=20, alpha=settings["alpha"], rates=rates)

    good = outcome(Machine(drift=0.001), experiments=40, alpha=0.05)
    assert good.passed
    told = self_test_json(good)
    assert told["passed"] is True
    assert told["rates"][0]["interval"][0] <= told["rates"][0]["rate"] <= told["rates"][0]["interval"][1]
    # Tests at 60 % judged by 5 % fail.
    assert not replace(outcome(Machine(), experiments=40, alpha=0.6), alpha=0.05).passed


@pytest.mark.parametrize(("experiments", "runs"), [(0, 20), (10, 1)])
def test_experiments_that_no_test_can_judge_are_refused(experiments: int, runs: int) -> None:
    with pytest.raises(FerBenchError, match="expected at least 1 of at least 2"):
        _rates(Machine(), experiments=experiments, runs=runs)


def test_p_values_agree_with_the_single_tests() -> None:
    from scipy.stats import f_oneway, ttest_rel

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4, 20))
    assert anova_p(a, b) == pytest.approx([f_oneway(x, y).pvalue for x, y in zip(a, b, strict=True)])
    assert repeated_measures_p(a, b) == pytest.approx([ttest_rel(x, y).pvalue for x, y in zip(a, b, strict=True)])
