# SPDX-License-Identifier: Apache-2.0
"""A restored state against the writes around its backup."""

from mlflow_conformance.ledger.history import Operation, Outcome
from mlflow_conformance.ledger.snapshot import SnapshotFinding, check_snapshot

BEGAN, ENDED = 100, 200


def write(
    value: str, at: int, *, client: str = "a", outcome: Outcome = "acknowledged"
) -> Operation:
    """A write that took 5 ns."""
    done = None if outcome == "open" else at + 5
    return Operation(client, "k", "add", value, at, done, outcome)


HISTORY = [
    write("before 1", 10),
    write("before 2", 20),
    write("during 1", 110),
    write("during 2", 150),
    write("after", 210),
]


def found(*present: str, history: list[Operation] | None = None) -> SnapshotFinding:
    """What a state with these writes is found to be."""
    return check_snapshot(history or HISTORY, present, began_ns=BEGAN, ended_ns=ENDED)


def test_a_moment_while_the_backup_was_made_holds() -> None:
    finding = found("before 1", "before 2", "during 1")
    assert finding.holds
    assert (finding.owed, finding.kept, finding.forgone) == (2, 3, 2)
    assert finding.window_s == 15e-9


def test_a_write_from_before_is_owed() -> None:
    assert found("before 1").lost == ["before 2"]


def test_nothing_from_after_can_be_there() -> None:
    finding = found("before 1", "before 2", "during 1", "during 2", "after")
    assert finding.ghosts == ["after"]
    assert not finding.holds


def test_a_gap_shows_that_it_was_no_single_moment() -> None:
    assert found("before 1", "before 2", "during 2").torn == ["during 2"]


def test_writes_of_different_clients_may_come_in_any_order() -> None:
    history = [*HISTORY, write("other", 120, client="b")]
    assert found("before 1", "before 2", "other", history=history).holds


def test_an_open_write_may_be_there_or_not() -> None:
    history = [*HISTORY[:2], write("open", 30, outcome="open"), *HISTORY[2:]]
    assert found("before 1", "before 2", "open", history=history).holds
    assert found("before 1", "before 2", "during 1", history=history).holds


def test_what_was_refused_or_never_tried_or_is_there_twice_is_noticed() -> None:
    history = [*HISTORY, write("refused", 30, outcome="refused")]
    finding = found("before 1", "before 1", "before 2", "refused", "x", history=history)
    assert finding.ghosts == ["refused", "x"]
    assert finding.doubled == ["before 1"]


def test_a_write_acknowledged_while_the_backup_was_asked_for_is_not_owed() -> None:
    history = [write("on the line", 98)]
    assert found(history=history).lost == []


def test_the_newest_write_is_the_last_that_was_acknowledged() -> None:
    history = [*HISTORY, write("nobody knows", 160, client="b", outcome="open")]
    assert found("before 1", "before 2", "nobody knows", history=history).last_ns == 25
    assert found().last_ns is None
