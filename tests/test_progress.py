"""What a person sees while work is done."""

import io
import re
import time
from functools import partial

import pytest

from fer_bench import progress
from fer_bench.profiling.steps import shown_steps
from fer_bench.progress import Position, duration
from fer_bench.timetable import Stage, Timetable


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (3600, "1 h 00 min")]
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        @classmethod
        def pass_by(cls, seconds):
            cls.now += seconds

    monkeypatch.setattr(progress.time, "perf_counter", lambda: Clock.now)
    return Clock


def test_the_time_left_follows_how_the_work_goes(clock, capsys):
    stages = [Stage("a", 10), Stage("b", 10), Stage("c", 20)]
    with Timetable(stages) as timetable:
        for stage in stages:
            timetable.work(stage, partial(clock.pass_by, 2 * stage.seconds))  # Twice as slow as expected.
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "[1/3] a: 20 s; about 1 min 00 s left",
        "[2/3] b: 20 s; about 40 s left",
        "[3/3] c: 40 s",
    ]


def test_stages_side_by_side_count_once(clock, capsys):
    stages = [Stage("a", 10), Stage("b", 10), Stage("c", 10), Stage("d", 10)]
    with Timetable(stages) as timetable:
        timetable.began(stages[0])
        timetable.began(stages[1])
        clock.now += 10
        timetable.ended(stages[0])
        timetable.ended(stages[1])
    assert capsys.readouterr().err.splitlines()[-1] == "[2/4] b: 10 s; about 10 s left"


def test_time_in_which_no_stage_runs_is_not_counted(clock, capsys):
    stages = [Stage("a", 10), Stage("b", 10), Stage("c", 10), Stage("d", 10)]
    with Timetable(stages) as timetable:
        timetable.work(stages[0], partial(clock.pass_by, 10))
        clock.pass_by(600)
        timetable.work(stages[1], partial(clock.pass_by, 10))
    assert capsys.readouterr().err.splitlines()[-1] == "[2/4] b: 10 s; about 20 s left"


def test_the_time_left_goes_on_while_a_stage_runs_and_past_its_expected_end(clock, monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())

    def told_after(seconds):
        clock.pass_by(seconds)
        begun = len(progress.sys.stderr.getvalue())
        timetable.show()
        return re.findall(r"about ([^:]*) left", progress.sys.stderr.getvalue()[begun:])[-1]

    with Timetable(stages := [Stage("a", 10), Stage("b", 10), Stage("c", 10), Stage("d", 10)]) as timetable:
        timetable.work(stages[0], partial(clock.pass_by, 10))
        timetable.began(stages[1])
        # 15 of 40 expected seconds have taken 15.
        assert told_after(5) == "25 s"
        # 19.5 have taken 35, as b counts as 9.5 of its 10 however long it runs: 20.5 * 35 / 19.5.
        assert told_after(20) == "37 s"


def test_a_stage_that_fails_is_not_counted(capsys):
    def fail() -> None:
        stage = Stage("a", 1)
        with Timetable([stage]) as timetable:
            timetable.work(stage, lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        fail()
    assert capsys.readouterr().err == ""


def test_without_a_terminal_a_bar_is_a_line_a_minute(clock, capsys):
    with progress.bar("clcm on fer2013", 1000, unit="step") as shown:
        shown.at(400)  # An earlier run's.
        for step in range(400):
            clock.pass_by(0.5)
            shown.advance()
            if step == 150:
                shown.note("epoch 6/10")
    assert capsys.readouterr().err.splitlines() == [
        "clcm on fer2013: 520/1,000 step",
        "clcm on fer2013: 640/1,000 step, 2 step/s, about 3 min 00 s left; epoch 6/10",
        "clcm on fer2013: 760/1,000 step, 2 step/s, about 2 min 00 s left; epoch 6/10",
    ]


def test_a_minute_in_which_little_was_done_does_not_upset_the_time_left(clock, capsys):
    with progress.bar("clcm on fer2013", 10_000, unit="step") as shown:
        for minute in range(1, 30):
            for _ in range(6 if minute in (8, 20) else 120):  # Two minutes with an epoch's end, or other work.
                shown.advance()
                clock.pass_by(60 / (6 if minute in (8, 20) else 120))
    rates = [float(rate) for rate in re.findall(r"([\d.]+) step/s", capsys.readouterr().err)]
    assert len(rates) > 20
    assert min(rates) > 1.6
    assert max(rates) < 2.1


LEFT = ((3, "47 min 47 s"), (4, "46 min 46 s"), (5, "45 min 45 s"))


def test_the_steps_of_a_session_are_told_apart_and_building_tells_no_time_left(clock, capsys):
    with shown_steps("profile") as on_progress:
        for done in range(1, 6):
            clock.pass_by(90)
            on_progress("building", done, 5)
        for done in range(1, 6):
            clock.pass_by(61)
            on_progress("timing", done, 50)
    assert capsys.readouterr().err.splitlines() == [
        *(f"profile, building: {done}/5" for done in range(2, 6)),
        "profile, timing: 2/50 round",
        *(f"profile, timing: {done}/50 round, 0.0164 round/s, about {left} left" for done, left in LEFT),
    ]


def test_on_a_terminal_building_tells_no_rate(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    with shown_steps("profile") as on_progress:
        for done in (1, 2, 3):
            on_progress("building", done, 3)
            time.sleep(0.12)
        on_progress("timing", 1, 50)
    told = re.sub(r"\x1b\[\w", "", progress.sys.stderr.getvalue())
    assert re.search(r"profile, building: .*\| 3/3 \[00:00\]", told)
    assert "s/it" not in told.partition("timing")[0]
    assert "/s" not in told.partition("timing")[0]
    assert "1/50" in told


def test_work_of_less_than_a_minute_says_nothing_without_a_terminal(clock, capsys):
    with progress.bar("test") as shown:
        clock.pass_by(59)
        shown.advance()
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    """What a terminal is shown."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_resumed_run_counts_its_own_steps_only(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    with progress.bar("clcm on fer2013", 35_900, unit="step") as shown:
        for epoch in range(80):
            shown.known((epoch + 1) * 359)
        begun = len(progress.sys.stderr.getvalue())
        for _ in range(10):
            time.sleep(0.12)
            shown.advance()
    told = progress.sys.stderr.getvalue()[begun:]
    drawn = {int(done) for done in re.findall(r"(\d+)/35900", told)}
    assert len(drawn) > 2
    rates = [float(rate) for rate in re.findall(r"([\d.]+)step/s", told)]
    assert rates
    assert max(rates) < 1000


def test_on_a_terminal_a_resumed_worker_counts_its_own_steps_only(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    bars = progress.Bars()
    bars.show(0, Position("clcm on fer2013", 0, 35_900, "step", "", known=0))
    for step in range(10):
        bars.show(0, Position("clcm on fer2013", 28_720 + step, 35_900, "step", "", known=28_720))
        time.sleep(0.12)
    bars.close()
    told = progress.sys.stderr.getvalue()
    assert len(set(re.findall(r"(287\d\d)/35900", told))) > 2
    assert max(float(rate) for rate in re.findall(r"([\d.]+)step/s", told)) < 1000


def test_the_time_left_of_cells_side_by_side_is_in_their_own_measure(clock, capsys):
    stages = [Stage(f"cell {number}", 460_000) for number in range(8)]
    with Timetable(stages) as timetable:
        for stage in stages[:4]:
            timetable.began(stage)
        clock.pass_by(600)
        timetable.ended(stages[0])
    (line,) = capsys.readouterr().err.splitlines()
    left = re.fullmatch(r"\[1/8\] cell 0: 10 min 00 s; about (\d+) min \d\d s left", line)
    assert left
    assert 10 <= int(left[1]) <= 11


def test_bars_of_other_processes_never_share_a_row(monkeypatch):
    rows = []

    class Row(progress.tqdm):
        def __init__(self, **settings):
            super().__init__(**settings)
            rows.append((self.desc.removesuffix(": "), abs(self.pos)))

    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "tqdm", Row)
    bars = progress.Bars()
    with Timetable([Stage("a stage", 1)]):  # In the first row.
        for worker, title in ((0, "a"), (1, "b"), (0, None), (2, "c"), (0, "d"), (1, "e")):
            bars.show(worker, title and Position(title, 1, 9, "step", "", known=0))
        bars.close()
    assert rows == [("a", 1), ("b", 2), ("c", 1), ("d", 3), ("e", 2)]


def test_a_bar_of_another_process_is_one_of_this(clock, capsys):
    bars = progress.Bars()
    bars.show(0, Position("clcm on fer2013", 0, 1000, "step", "", known=0))  # Before it is known what had been done.
    for step in range(400, 801):
        bars.show(0, Position("clcm on fer2013", step, 1000, "step", "epoch 6/10", known=400))
        clock.pass_by(0.5)
    bars.show(0, None)
    assert capsys.readouterr().err.splitlines() == [
        "clcm on fer2013: 520/1,000 step; epoch 6/10",
        "clcm on fer2013: 640/1,000 step, 2 step/s, about 3 min 00 s left; epoch 6/10",
        "clcm on fer2013: 760/1,000 step, 2 step/s, about 2 min 00 s left; epoch 6/10",
    ]
