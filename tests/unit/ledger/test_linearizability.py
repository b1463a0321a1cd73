# SPDX-License-Identifier: Apache-2.0
"""The linearizability checker against histories of known verdict and a brute-force oracle."""

import itertools
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_conformance.ledger.history import Operation, Outcome
from mlflow_conformance.ledger.linearizability import check


def write(
    client: str, value: object, start: int, end: int | None, outcome: Outcome = "acknowledged"
) -> Operation:
    if end is None:
        outcome = "open"
    return Operation(client, "k", "write", value, start, end, outcome)  # type: ignore[arg-type]


def read(client: str, result: object, start: int, end: int) -> Operation:
    return Operation(client, "k", "read", None, start, end, "acknowledged", result)  # type: ignore[arg-type]


def holds(*operations: Operation) -> bool:
    (verdict,) = check(operations, initial=0)
    return verdict.holds


def test_a_read_after_a_write_sees_it() -> None:
    assert holds(write("a", 1, 0, 10), read("b", 1, 11, 20))


def test_a_stale_read_is_found_and_shown() -> None:
    history = [write("a", 1, 0, 10), write("a", 2, 20, 30), read("b", 1, 40, 50)]
    (verdict,) = check(history, initial=0)
    assert not verdict.holds
    assert [o.result for o in verdict.stuck] == [1]
    text = verdict.counter_example()
    assert "impossible: b read 1" in text
    assert "the value is now 2" in text


def test_a_read_beside_a_write_may_see_either() -> None:
    assert holds(write("a", 1, 0, 100), read("b", 0, 10, 20), read("b", 1, 30, 40))


def test_reads_beside_one_write_may_not_go_back() -> None:
    assert not holds(write("a", 1, 0, 100), read("b", 1, 10, 20), read("b", 0, 30, 40))


def test_an_open_write_may_take_effect_late_or_never() -> None:
    assert holds(write("a", 1, 0, None), read("b", 0, 10, 20))
    assert holds(write("a", 1, 0, None), read("b", 0, 10, 20), read("b", 1, 1000, 1010))
    assert not holds(write("a", 1, 50, None), read("b", 1, 10, 20))


def test_a_refused_write_has_no_effect() -> None:
    assert not holds(write("a", 1, 0, 10, "refused"), read("b", 1, 20, 30))


def test_keys_are_judged_by_themselves() -> None:
    other = Operation("a", "other", "read", None, 0, 1, "acknowledged", 7)
    verdicts = check([other, write("a", 1, 2, 3)], initial=0)
    assert {v.key: v.holds for v in verdicts} == {"other": False, "k": True}


def test_too_many_clients_are_refused() -> None:
    with pytest.raises(ValueError, match="9 clients"):
        check([write(f"c{n}", n, 0, 1) for n in range(9)])


def test_a_client_does_one_thing_at_a_time() -> None:
    with pytest.raises(ValueError, match="two things at once"):
        check([write("a", 1, 0, 10), write("a", 2, 5, 20)])


def simulated(rng: random.Random, operations: int, clients: int) -> list[Operation]:
    """What clients of a right register see: each takes effect at one moment of its interval."""
    value, clock, done = 0, 0, []
    free = [0] * clients
    moments: list[tuple[int, int, int, int, bool]] = []
    for n in range(operations):
        client = min(range(clients), key=free.__getitem__)
        start = max(free[client], clock) + rng.randint(0, 3)
        end = start + rng.randint(2, 30)
        moments.append((rng.randint(start, end), n, client, start, rng.random() < 0.5))
        free[client] = end + 1
        done.append(end)
        clock = max(0, start - 10)
    found = []
    for moment, n, client, start, is_write in sorted(moments):
        assert start <= moment
        if is_write:
            value = n
            found.append(write(f"c{client}", n, start, done[n]))
        else:
            found.append(read(f"c{client}", value, start, done[n]))
    return found


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 8))
def test_a_right_register_is_never_blamed(seed: int, operations: int, clients: int) -> None:
    assert all(
        v.holds for v in check(simulated(random.Random(seed), operations, clients), initial=0)
    )


def brute_force(operations: list[Operation]) -> bool:
    """Whether any order of any choice of open operations explains the history."""
    needed = [o for o in operations if o.acknowledged]
    spare = [o for o in operations if not o.acknowledged]
    for size in range(len(spare) + 1):
        for chosen in itertools.combinations(spare, size):
            for order in itertools.permutations([*needed, *chosen]):
                if _explains(order):
                    return True
    return False


def _explains(order: tuple[Operation, ...]) -> bool:
    value: object = 0
    for position, operation in enumerate(order):
        for later in order[position + 1 :]:
            if later.returned_ns is not None and later.returned_ns < operation.invoked_ns:
                return False
        if operation.kind == "read":
            if operation.result != value:
                return False
        else:
            value = operation.value
    return True


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(), st.integers(0, 2), st.integers(0, 20), st.integers(1, 10), st.booleans()
        ),
        min_size=1,
        max_size=5,
    )
)
def test_it_agrees_with_trying_every_order(
    steps: list[tuple[bool, int, int, int, bool]],
) -> None:
    history = []
    for n, (is_write, value, start, length, answered) in enumerate(steps):
        if is_write:
            history.append(write(f"c{n}", value, start, start + length if answered else None))
        else:
            history.append(read(f"c{n}", value, start, start + length))
    (verdict,) = check(history, initial=0)
    assert verdict.holds == brute_force(history)
    assert bool(verdict.counter_example()) != verdict.holds


def test_thousands_of_operations_of_eight_clients_take_seconds_at_most() -> None:
    history = simulated(random.Random(1), 5000, 8)
    started = time.process_time()
    (verdict,) = check(history, initial=0)
    assert verdict.holds
    assert time.process_time() - started < 10
