"""Questions and building share a device's time as they should, whoever submits more."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from memorag_graph.models.compute_threads import SHARES, ComputeThread, in_background


class Clock:
    """A clock that only work moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Load:
    """Streams of work, each of which submits its next step when one ends."""

    def __init__(self, seconds: float) -> None:
        self.clock = Clock()
        self.thread = ComputeThread("cpu", self.clock)
        self.used: Counter[str] = Counter()
        self.order: list[str] = []
        self._until = seconds
        self._left = 0
        self._done = threading.Event()

    def stream(self, name: str, step_seconds: float, background: bool = False) -> Callable[[], None]:
        def step() -> None:
            self.clock.now += step_seconds
            self.used[name] += step_seconds  # type: ignore[assignment]
            self.order.append(name)
            if self.clock.now < self._until:
                submit()
            else:
                self._left -= 1
                if not self._left:
                    self._done.set()

        def submit() -> None:
            if background:
                with in_background():
                    self.thread.submit(step)
            else:
                self.thread.submit(step)

        self._left += 1
        return submit

    def run(self, *streams: Callable[[], None]) -> None:
        started = threading.Event()
        self.thread.submit(started.wait)
        for begin in streams:
            begin()
        started.set()
        assert self._done.wait(30)


@pytest.mark.parametrize("step_seconds", [0.4, 12.0])
@pytest.mark.parametrize("builds", [1, 5])
def test_questions_get_their_share_however_many_memories_are_built(builds: int, step_seconds: float) -> None:
    load = Load(3000)
    questions = load.stream("question", 0.05)
    load.run(questions, *(load.stream(f"build {number}", step_seconds, background=True) for number in range(builds)))
    assert load.used["question"] == pytest.approx(SHARES["question"] * 3000, rel=0.03)
    built = [load.used[f"build {number}"] for number in range(builds)]
    assert min(built) == pytest.approx(max(built), rel=0.1)


def test_alone_each_gets_all_the_time() -> None:
    for background in (False, True):
        load = Load(100)
        load.run(load.stream("alone", 0.5, background))
        assert load.used["alone"] == pytest.approx(100)


def test_after_a_pause_nobody_makes_up_for_all_of_it() -> None:
    load = Load(1000)
    build = load.stream("build", 0.5, background=True)
    question = load.stream("question", 0.5)

    def alone() -> None:
        load.clock.now += 500  # building had the device alone
        with in_background():
            load.thread.submit(together)

    def together() -> None:
        build()
        question()

    with in_background():
        load.run(lambda: load.thread.submit(alone))
    assert load.order[:30].count("build") >= 2


def test_errors_reach_the_caller() -> None:
    def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        ComputeThread("cpu").submit(broken).result(10)
