"""Work in several processes, as a person sees it."""

import io
from functools import partial

import pytest
import worker_fakes as fakes

from fer_bench import progress, verbosity
from fer_bench.errors import FerBenchError
from fer_bench.timetable import Stage, Timetable
from fer_bench.workers import shown_in, work_side_by_side


class Terminal(io.StringIO):
    """What a terminal is shown."""

    def isatty(self) -> bool:
        return True


def group(*works):
    return [(Stage(f"stage {number}", 1), work) for number, work in enumerate(works)]


def test_on_a_terminal_every_worker_has_a_bar(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    groups = [[(Stage(name, 1), partial(fakes.counts, name))] for name in ("one", "two")]
    with Timetable([stage for work in groups for stage, _ in work]) as timetable, shown_in(timetable) as on_event:
        work_side_by_side(groups, 2, on_event)
    told = progress.sys.stderr.getvalue()
    for name in ("one", "two"):
        positions = {
            line.split("|")[2].split("/")[0].strip() for line in told.split("\r") if f"counting {name}:" in line
        }
        assert len(positions) > 2, told
        assert f"step/s, {name}]" in told


def test_warnings_of_workers_are_shown_even_when_quiet(capsys, monkeypatch):
    monkeypatch.setattr(progress, "level", lambda: "quiet")
    with shown_in() as on_event:
        work_side_by_side([group(fakes.warns)], 1, on_event)
    assert capsys.readouterr().err == "warned\n"
    assert verbosity.level() == "normal"


def test_a_defect_in_a_worker_is_a_defect_with_its_traceback():
    with pytest.raises(RuntimeError, match=r"worked on 'stage 1':\n(.|\n)*in breaks\n(.|\n)*a defect of the program"):
        work_side_by_side([group(fakes.nothing, fakes.breaks)], 1, lambda event: None)


def test_too_little_memory_in_a_worker_is_no_defect():
    with pytest.raises(
        FerBenchError, match=r"too little memory for 'stage 0' \(cannot .* 64 GiB\); .*--jobs 1"
    ) as told:
        work_side_by_side([group(fakes.exhausts)], 1, lambda event: None)
    assert "Traceback" not in str(told.value)


def test_a_worker_that_dies_is_named_by_what_it_was_at():
    with pytest.raises(FerBenchError, match="worked on 'stage 2' ended with -9"):
        work_side_by_side([group(fakes.nothing, fakes.nothing, fakes.dies)], 1, lambda event: None)


def test_a_group_begins_in_the_place_of_one_that_has_ended_while_others_talk_without_a_pause(tmp_path):
    there = tmp_path / "there"
    groups = [group(partial(fakes.talks_until, there)), group(fakes.nothing), group(there.touch)]
    work_side_by_side(groups, 2, lambda event: None)
    assert there.exists()


def test_a_worker_that_dies_is_noticed_while_others_talk_without_a_pause(tmp_path):
    never = tmp_path / "never"
    with pytest.raises(FerBenchError, match="worked on 'stage 0' ended with -9"):
        work_side_by_side([group(partial(fakes.talks_until, never)), group(fakes.dies)], 2, lambda event: None)
