import gc
import itertools
import time

import pytest

from fer_bench.errors import FerBenchError
from fer_bench.profiling.latency import Steady, Warmth, measure, measure_in_turn, warm_up
from fer_bench.profiling.throughput import SIZES, measure_throughput


class Clock:
    """A clock that stands still but for what calls take."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def call_taking(self, *milliseconds: float):
        """Return a call that takes these times, and the last of them ever after."""
        left = itertools.chain(milliseconds, itertools.repeat(milliseconds[-1]))

        def call(item) -> None:
            self.now += round(next(left) * 1e6)

        return call


class Recorder:
    """Calls that note who was called with what, and whether the garbage collector was on."""

    def __init__(self, *names: str) -> None:
        self.log: list[tuple[str, object, bool]] = []
        self.calls = {name: self._make(name) for name in names}

    def _make(self, name):
        def call(item) -> None:
            self.log.append((name, item, gc.isenabled()))

        return call


# Taking turns


def test_models_take_turns_in_random_order() -> None:
    recorder = Recorder("a", "b", "c")
    samples = measure(recorder.calls, [0], runs=20)
    timed = [name for name, *_ in recorder.log]
    blocks = [tuple(timed[i : i + 3]) for i in range(0, 60, 3)]
    assert all(sorted(block) == ["a", "b", "c"] for block in blocks)
    assert len(set(blocks)) > 1
    # The stored orders are those of the calls, each once.
    stored = sorted((sample.order, name) for name, taken in samples.items() for sample in taken)
    assert stored == list(enumerate(timed))
    assert {name: len(taken) for name, taken in samples.items()} == {"a": 20, "b": 20, "c": 20}


def test_groups_stay_together_behind_one_untimed_call() -> None:
    recorder = Recorder("a", "b", "x", "y")
    samples = measure(recorder.calls, [0], runs=20, groups=[["a", "b"], ["x", "y"]])
    called = [name for name, *_ in recorder.log]
    blocks = [tuple(called[i : i + 6]) for i in range(0, 120, 6)]
    timed = [[*block[1:3], *block[4:6]] for block in blocks]
    for block, names in zip(blocks, timed, strict=True):
        # The untimed call is that of the group's last, so that no call follows its own.
        assert (block[0], block[3]) == (block[2], block[5])
        assert sorted(names) == ["a", "b", "x", "y"]
        assert set(names[:2]) in ({"a", "b"}, {"x", "y"})
    assert len({tuple(names) for names in timed}) == 8
    stored = sorted((sample.order, name) for name, taken in samples.items() for sample in taken)
    assert stored == list(enumerate(itertools.chain(*timed)))


def test_the_order_follows_from_the_seed() -> None:
    orders = []
    for seed in (1, 1, 2):
        recorder = Recorder("a", "b", "c")
        measure(recorder.calls, [0], runs=10, seed=seed)
        orders.append([name for name, *_ in recorder.log])
    assert orders[0] == orders[1] != orders[2]


def test_every_call_of_a_block_gets_the_same_item() -> None:
    recorder = Recorder("a", "b")
    measure(recorder.calls, ["x", "y", "z"], runs=4)
    assert [item for _, item, _ in recorder.log] == ["x", "x", "y", "y", "z", "z", "x", "x"]


def test_the_garbage_collector_rests_while_timing_and_comes_back() -> None:
    recorder = Recorder("a", "b")
    measure(recorder.calls, [0], runs=3)
    measure_in_turn(list(recorder.calls.values()), [0], runs=3)
    assert {enabled for *_, enabled in recorder.log} == {False}
    assert gc.isenabled()

    def fail(item) -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        measure({"a": fail}, [0], runs=1)
    assert gc.isenabled()

    gc.disable()
    try:
        measure(recorder.calls, [0], runs=1)
        assert not gc.isenabled()  # Who had it off wants it off.
    finally:
        gc.enable()


def test_times_are_seconds_of_the_call_on_the_real_clock() -> None:
    calls = {"slow": lambda item: time.sleep(0.02), "fast": lambda item: None}
    samples = measure(calls, [0], runs=3)
    assert all(sample.seconds >= 0.02 for sample in samples["slow"])
    # Only the fastest: the machine may be busy.
    assert 0 <= min(sample.seconds for sample in samples["fast"]) < 0.02


def test_progress_and_the_look_between_come_after_every_block() -> None:
    told, looked = [], []
    measure(
        Recorder("a", "b").calls,
        [0],
        runs=3,
        progress=lambda *step: told.append(step),
        between=looked.append,
        process=4,
    )
    assert told == [("timing", done, 3) for done in (1, 2, 3)]
    assert looked == [2, 4, 6]


def test_samples_name_their_process() -> None:
    (samples,) = measure(Recorder("a").calls, [0], runs=2, process=4).values()
    assert [sample.process for sample in samples] == [4, 4]


@pytest.mark.parametrize(
    ("items", "runs", "message"), [([], 1, "one image"), ([0], 0, "runs = 0")], ids=["items", "runs"]
)
def test_what_cannot_be_timed_is_refused(items, runs: int, message: str) -> None:
    with pytest.raises(FerBenchError, match=message):
        measure(Recorder("a").calls, items, runs=runs)


def test_one_after_the_other_is_as_the_paper_timed() -> None:
    recorder = Recorder("a", "b")
    measure_in_turn(list(recorder.calls.values()), [0, 1], runs=3)
    assert [(name, item) for name, item, _ in recorder.log] == [
        ("a", 0),
        ("a", 1),
        ("a", 0),
        ("b", 0),
        ("b", 1),
        ("b", 0),
    ]


# Warm-up


def test_a_steady_call_is_warm_after_two_windows() -> None:
    clock = Clock()
    assert warm_up(clock.call_taking(10), [0], Steady(), clock=clock) == Warmth(10, True)


def test_warm_up_goes_on_while_the_median_falls() -> None:
    clock = Clock()
    # 15 calls at 30, 20 and 15 ms a window, then steady: the window after the last fall shows it.
    call = clock.call_taking(*[30.0] * 5, *[20.0] * 5, *[15.0] * 5, 14.9)
    assert warm_up(call, [0], Steady(), clock=clock) == Warmth(20, True)


def test_one_slow_call_in_a_window_does_not_matter() -> None:
    clock = Clock()
    assert warm_up(clock.call_taking(500, 10), [0], Steady(), clock=clock) == Warmth(10, True)


def test_warm_up_that_never_settles_stops_at_its_limit() -> None:
    clock = Clock()
    call = clock.call_taking(*(1000 * 0.9**i for i in range(60)))
    assert warm_up(call, [0], Steady(most=30), clock=clock) == Warmth(30, False)


def test_warm_up_takes_the_items_in_turn() -> None:
    recorder = Recorder("a")
    warm_up(recorder.calls["a"], ["x", "y"], Steady(window=2, fall=1.0, most=4))
    assert [item for _, item, _ in recorder.log] == ["x", "y", "x", "y"]


# Throughput


def test_throughput_times_whole_batches_of_every_size() -> None:
    import numpy as np

    clock = Clock()
    shown = []

    def call(batch) -> None:
        shown.append(batch.ravel().tolist())
        clock.now += 1_000_000 * len(batch)

    images = np.arange(3, dtype=np.float32)[:, None, None, None]
    told = []
    found = measure_throughput({"a": call}, images, clock=clock, progress=lambda *step: told.append(step))
    assert list(found["a"]) == [str(size) for size in SIZES] == ["1", "2", "4", "8", "16", "32", "64"]
    assert all(seconds == pytest.approx([0.001 * int(size)] * 5) for size, seconds in found["a"].items())
    # Two batches untimed and five timed; the images over and over again.
    assert shown == [[i % 3 for i in range(size)] for size in SIZES for _ in range(2 + 5)]
    assert told[-1] == ("throughput", 7, 7)


def test_batches_of_a_new_size_are_warmed_up_and_take_turns_in_an_order_of_their_own() -> None:
    import numpy as np

    clock = Clock()
    orders: dict[int, list[str]] = {}

    def call_of(name: str):
        def call(batch) -> None:
            own = orders.setdefault(len(batch), [])
            own.append(name)
            # Slow until it has had two batches of this size.
            clock.now += 1_000_000 if own.count(name) > 2 else 500_000_000

        return call

    found = measure_throughput({name: call_of(name) for name in "ab"}, np.zeros((1, 1, 1, 1), np.float32), clock=clock)
    assert {seconds for sizes in found.values() for taken in sizes.values() for seconds in taken} == {0.001}
    timed = {size: "".join(own[4:]) for size, own in orders.items()}
    assert all(sorted(order[i : i + 2]) == ["a", "b"] for order in timed.values() for i in range(0, 10, 2))
    assert len(set(timed.values())) > 1
