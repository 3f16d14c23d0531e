"""Ctrl-C that a library swallows ends the work all the same."""

import os
import signal
import threading

import pytest

from fer_bench import interrupt, progress
from fer_bench.cli import main


class Swallowing:
    """Has Ctrl-C pressed in its finalizer, where Python can raise nothing."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # A signal is handled between two instructions.
            pass


def test_a_swallowed_interrupt_is_raised_at_the_next_step_and_printed_nowhere(capsys):
    with interrupt.listening(), progress.bar("work", 3) as shown:
        shown.advance()
        Swallowing()
        with pytest.raises(KeyboardInterrupt):
            shown.advance()
    assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    interrupt.again()  # It is told once.


def test_other_errors_of_finalizers_are_printed_as_ever(capsys, monkeypatch):
    class Failing:
        def __del__(self) -> None:
            raise ValueError("broken")

    told = []
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: told.append(str(unraisable.exc_value)))
    with interrupt.listening():
        Failing()
    assert told == ["broken"]


def test_only_the_main_thread_is_stopped():
    reached = []

    def work() -> None:
        interrupt.again()
        reached.append(True)

    with interrupt.listening():
        Swallowing()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        with pytest.raises(KeyboardInterrupt):
            interrupt.again()
    assert reached == [True]


def test_a_command_that_ctrl_c_cannot_reach_stays_so(monkeypatch):
    """As under ``nohup``."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupt.listening():
            os.kill(os.getpid(), signal.SIGINT)
            interrupt.again()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_command_ends_with_its_last_words(tmp_path, monkeypatch, capsys):
    show = progress.Bar.show

    def swallow_at_ten(bar: progress.Bar, at: progress.Position) -> None:
        if at.done == 10:
            Swallowing()
        show(bar, at)

    monkeypatch.setattr(progress.Bar, "show", swallow_at_ten)
    monkeypatch.setattr("sys.argv", ["fer-bench", "synthesize", "fer2013", str(tmp_path / "faces")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    words = "fer-bench: interrupted; nothing half-written is left, the same command begins again\n"
    assert capsys.readouterr().err == words
    assert not (tmp_path / "faces").exists()
