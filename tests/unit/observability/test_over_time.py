# SPDX-License-Identifier: Apache-2.0
"""The record of a course: moments on one clock, and requests in slices."""

import pytest

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.inside import ClosedInside
from mlflow_conformance.doors.many import Outcome
from mlflow_conformance.observability.asking import SentSearch, on_this_clock, statuses
from mlflow_conformance.observability.course import Course
from mlflow_conformance.observability.notices import Notices
from mlflow_conformance.observability.over_time import record_of
from mlflow_conformance.observability.prometheus import Prometheus
from mlflow_conformance.report.courses import MOST_SLICES


def gone_through(until_s: float = 100) -> Course:
    nowhere = Prometheus(lambda *_, **__: None, "", 1)  # type: ignore[arg-type]
    course = Course(
        nowhere, Notices(ClosedInside("none"), 1, ""), ["Down", "Deaf"], Waiter(), clock=1000
    )
    course.made_s, course.undoing_s, course.over_s, course.until_s = 10, 60, 70, until_s
    course.pending["Down"] = 5
    course.seconds["fired"]["Down"] = 20.04
    course.seconds["arrived"]["Down"] = 21
    course.seconds["resolved"]["Down"] = 12
    return course


def outcome(at_s: float, status: int, took_s: float = 0.5) -> Outcome:
    reply = Reply(status, {}, b"", took_s) if status else NoReply("refused", "none", took_s)
    return Outcome(reply, round(at_s * 1e9))


def test_every_moment_counts_from_when_the_fault_began_to_be_made() -> None:
    record = record_of(gone_through(), "it is gone", [])
    down, deaf = record.alerts
    assert (record.made_s, record.undoing_s, record.over_s, record.until_s) == (10, 60, 70, 100)
    assert (down.pending_s, down.fired_s, down.arrived_s, down.resolved_s) == (15, 30, 31, 82)
    assert {deaf.pending_s, deaf.fired_s, deaf.arrived_s, deaf.resolved_s} == {None}
    assert record.load == []


def test_requests_are_counted_in_the_slice_that_they_began_in() -> None:
    sent = [
        SentSearch(999, 9, 200),  # before the course
        SentSearch(1000.2, 0.1, 200), SentSearch(1000.4, 0.3, 503), SentSearch(1000.9, 2, 0),
        SentSearch(1007, 0.2, 201),
        SentSearch(1100, 9, 200),  # after it
    ]  # fmt: skip
    first, last = record_of(gone_through(), "f", sent).load
    assert (first.at_s, first.sent, first.failed, first.p50_s, first.max_s) == (0, 3, 2, 0.3, 2)
    assert (last.at_s, last.sent, last.failed) == (7, 1, 0)


@pytest.mark.parametrize(("until_s", "slice_s"), [(3, 1), (120, 1), (121, 2), (7200, 60)])
def test_a_long_course_has_longer_slices_and_no_more_of_them(until_s: float, slice_s: int) -> None:
    sent = [SentSearch(1000 + at, 0.1, 200) for at in range(int(until_s))]
    record = record_of(gone_through(until_s), "f", sent)
    assert record.slice_s == slice_s
    assert len(record.load) <= MOST_SLICES
    assert sum(s.sent for s in record.load) == int(until_s)


def test_the_clock_of_the_runner_is_told_by_the_batch_that_was_taken_up_the_soonest() -> None:
    slow, quick = [outcome(5003, 200)], [outcome(5001.1, 200), outcome(5001.2, 0)]
    sent = on_this_clock([(2, slow), (1, quick), (3, [])])
    assert [round(s.at, 3) for s in sent] == [2.9, 1, 1.1]
    assert statuses(sent) == {"0": 1, "200": 2}
    assert [s.took_s for s in sent] == [0.5] * 3
    assert on_this_clock([]) == []
