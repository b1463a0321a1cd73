# SPDX-License-Identifier: Apache-2.0
"""One helper waits, and says what it last saw."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clocks import Clock
from mlflow_conformance.core import waits
from mlflow_conformance.core.waits import TIMEOUTS, Hopeless, TimedOut, Waiter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waits, "time", clock)
    return clock


def look(*seen: object) -> Callable[[], object]:
    values: Iterator[object] = itertools.chain(seen, itertools.repeat(seen[-1]))
    return lambda: next(values)


def test_the_first_look_costs_no_time(clock: Clock) -> None:
    assert Waiter().until("done", look("yes"), done=bool, timeout="pod ready") == "yes"
    assert clock.now == 100


def test_it_looks_until_it_is_done(clock: Clock) -> None:
    observe = look(1, 2, 3)
    seen = Waiter().until("3", observe, done=lambda n: n == 3, timeout="pod ready", interval_s=2)
    assert (seen, clock.now) == (3, 104)


def test_waits_are_counted_by_the_name_of_their_time_out(clock: Clock) -> None:
    waiter = Waiter()
    waiter.until("2", look(1, 2), done=lambda n: n == 2, timeout="rollout", interval_s=3)
    for _ in range(2):
        waiter.until("2", look(1, 2), done=lambda n: n == 2, timeout="pod ready", interval_s=2)
    with pytest.raises(TimedOut):
        waiter.until("up", look(0), done=bool, timeout="api reply", interval_s=5)
    assert waiter.waits.seconds() == {"rollout": 3, "pod ready": 4, "api reply": 10}


def test_successes_must_be_in_a_row(clock: Clock) -> None:
    observe = look(1, 1, 0, 1, 1, 1, 0)
    Waiter().until("up", observe, done=bool, timeout="pod ready", successes=3, interval_s=1)
    assert clock.now == 105


def test_a_time_out_says_what_was_last_seen(clock: Clock) -> None:
    with pytest.raises(TimedOut, match="not ready within 90 s; last seen: Pending") as told:
        Waiter().until("ready", look("Pending"), done=lambda s: s == "up", timeout="pod ready")
    assert told.value.last == "Pending"


def test_of_much_that_was_last_seen_a_time_out_says_the_beginning(clock: Clock) -> None:
    much = ["a record"] * 10_000
    with pytest.raises(
        TimedOut, match=r"last seen: \['a record', .*… \(120000 characters\)"
    ) as told:
        Waiter().until("ready", look(much), done=lambda _: False, timeout="pod ready")
    assert len(str(told.value)) < 2200
    assert told.value.last == much


def test_a_streak_that_time_cuts_short_is_a_time_out(clock: Clock) -> None:
    with pytest.raises(TimedOut):
        Waiter().until("up", look(1), done=bool, timeout="pod ready", successes=10**6)


@given(scale=st.floats(0.1, 20), interval=st.floats(0.01, 5))
def test_it_never_waits_longer_than_promised(scale: float, interval: float) -> None:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waits, "time", clock)
        waiter = Waiter(scale)
        with pytest.raises(TimedOut):
            waiter.until("x", look(0), done=bool, timeout="api reply", interval_s=interval)
    limit = TIMEOUTS["api reply"] * scale
    assert limit - interval - 1e-6 <= clock.now - 100 <= limit + 1e-6


def test_a_profile_scales_every_time_out() -> None:
    assert Waiter(2.5).seconds("pod ready") == 2.5 * TIMEOUTS["pod ready"]


def test_an_unknown_time_out_is_a_defect() -> None:
    with pytest.raises(KeyError):
        Waiter().seconds("for ever")


def test_hopeless_stops_at_once_and_says_why(clock: Clock) -> None:
    with pytest.raises(Hopeless, match="ready: ErrImagePull"):
        Waiter().until(
            "ready",
            look("ErrImagePull"),
            done=lambda s: s == "up",
            hopeless=str,
            timeout="pod ready",
        )
    assert clock.now == 100


def test_what_is_done_is_not_hopeless(clock: Clock) -> None:
    Waiter().until("up", look(1, 1), done=bool, hopeless=str, timeout="pod ready", successes=2)


def test_a_look_that_fails_is_not_hidden(clock: Clock) -> None:
    def observe() -> bool:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError):
        Waiter().until("up", observe, done=bool, timeout="pod ready")


def test_what_was_seen_last_is_there_to_be_judged_also_when_time_is_over(clock: Clock) -> None:
    waiter = Waiter()
    seen = waiter.last_seen("9", look(1, 2), done=lambda n: n == 9, timeout="api reply")
    assert (seen, clock.now > 100) == (2, True)
    assert waiter.last_seen("2", look(1, 2), done=lambda n: n == 2, timeout="api reply") == 2


def test_every_time_out_is_positive() -> None:
    assert [name for name, seconds in TIMEOUTS.items() if seconds <= 0] == []
