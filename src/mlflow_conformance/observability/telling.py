# SPDX-License-Identifier: Apache-2.0
"""Whether people were told of a fault, and of its end, in time."""

from collections.abc import Iterable, Sequence

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.observability.asking import SentSearch, asking, statuses
from mlflow_conformance.observability.course import EVENTS, Course, silent
from mlflow_conformance.observability.over_time import record_of
from mlflow_conformance.observability.thresholds import AlertedFault
from mlflow_conformance.observability.watching import Watching
from mlflow_conformance.report.alerts import OBSERVATION
from mlflow_conformance.report.courses import RECORD
from mlflow_conformance.target.base import Target


def course_of(evidence: Evidence, row: AlertedFault, watching: Watching, waiter: Waiter) -> Course:
    """The course of a row's alerts, all of which are silent.

    Raises:
        Undecided: one is active before the fault, or it is not known whom alerts reach.
        NoReply, NoAnswer: Prometheus does not answer.
    """
    notices = watching.need_notices()
    need_silence(evidence, row, watching, waiter)
    tested = {a.name: a.for_s for a in watching.prometheus.alerts()}
    return Course(
        watching.prometheus, notices, row.alerts, waiter, shipped=watching.shipped or tested,
        for_s=tested,
    )  # fmt: skip


def need_silence(evidence: Evidence, row: AlertedFault, watching: Watching, waiter: Waiter) -> None:
    """None of a row's alerts is active, or becomes so again, before a fault.

    Raises:
        Undecided: one is.
        NoReply, NoAnswer: Prometheus does not answer.
    """
    if left := silent(watching.prometheus, row.alerts, row.resolves_s, waiter):
        evidence.undecided(f"before the fault there are alerts already: {left}")


def expect_silent(evidence: Evidence, firing: Iterable[str], fault: str) -> None:
    """Of a fault that is less than promised nobody was told.

    Args:
        firing: the alerts that fired meanwhile.
        fault: what was broken, in words.
    """
    evidence.expect(
        "bearable.firing", f"alerts that fire though {fault} and no more", sorted(firing), "==", [],
        door="inside",
    )  # fmt: skip


def until_over(
    evidence: Evidence,
    target: Target,
    doors: Sequence[MlflowApi],
    row: AlertedFault,
    per_s: int,
    course: Course,
    during: Sequence[SentSearch],
) -> list[SentSearch]:
    """Ask until the alerts are over, and return all that was sent.

    Some are about the share of failures among the requests of some minutes.

    Args:
        during: what was sent while the fault was there.
    """
    with asking(target.inside, doors, {"experiments": per_s}) as after:
        course.ended(row.resolves_s)
    evidence.note("statuses of the fault", statuses(during))
    evidence.note("statuses after it", statuses(after))
    return [*during, *after]


def expect_told(
    evidence: Evidence, row: AlertedFault, course: Course, fault: str, sent: Sequence[SentSearch]
) -> None:
    """Hold a course against its row: each alert fired, arrived, and was resolved, in time.

    Args:
        fault: what was broken, in words.
        sent: the requests that were sent meanwhile.
    """
    evidence.attach(
        RECORD, record_of(course, fault, sent).model_dump_json() + "\n", "application/json", ".json"
    )
    for name in row.alerts:
        fired, arrived, resolved = (
            round(course.seconds[event].get(name, course.waited_s[event]), 1) for event in EVENTS
        )
        evidence.note(
            OBSERVATION,
            {
                "alert": name,
                "fault": fault,
                "for_s": course.shipped.get(name),
                "hurried_s": course.for_s.get(name),
                "pending_s": course.pending.get(name),
                "lasted_s": course.lasted_s,
                **{f"{event}_s": course.seconds[event].get(name) for event in EVENTS},
            },
        )
        evidence.expect(
            "fired", f"{name}: time from the fault until it fires", fired, "<=", row.fires_s,
            unit="s", door="inside",
        )  # fmt: skip
        if name in course.seconds["fired"]:
            evidence.expect(
                "arrived", f"{name}: time from then until people are told", arrived - fired, "<=",
                row.arrives_s, unit="s", door="inside",
            )  # fmt: skip
        if name in course.seconds["arrived"]:
            evidence.expect(
                "resolved", f"{name}: time from the fault's end until people are told", resolved,
                "<=", row.resolves_s, unit="s", door="inside",
            )  # fmt: skip
