# SPDX-License-Identifier: Apache-2.0
"""What alerts did over one fault, with the requests that were sent meanwhile, for the report."""

import math
from collections.abc import Sequence

from mlflow_conformance.load.analysis import at_rank
from mlflow_conformance.observability.asking import SentSearch
from mlflow_conformance.observability.course import Course
from mlflow_conformance.report.courses import (
    MOST_SLICES,
    AlertMoments,
    CourseRecord,
    LoadSlice,
)


def record_of(course: Course, fault: str, sent: Sequence[SentSearch]) -> CourseRecord:
    """The record of a course that has come to its end.

    Args:
        fault: what was broken, in words.
        sent: those that began outside of it do not count.
    """
    slice_s = float(max(1, math.ceil(course.until_s / MOST_SLICES)))
    return CourseRecord(
        fault=fault,
        started=course.started,
        made_s=_rounded(course.made_s),
        undoing_s=_rounded(course.undoing_s),
        over_s=_rounded(course.over_s),
        until_s=round(course.until_s, 1),
        alerts=[_moments(course, alert) for alert in course.alerts],
        slice_s=slice_s,
        load=_slices(course, sent, slice_s),
    )


def _moments(course: Course, alert: str) -> AlertMoments:
    def since(begin_s: float | None, after_s: float | None) -> float | None:
        return None if begin_s is None or after_s is None else round(begin_s + after_s, 1)

    return AlertMoments(
        alert=alert,
        pending_s=since(course.made_s, course.pending.get(alert)),
        fired_s=since(course.made_s, course.seconds["fired"].get(alert)),
        arrived_s=since(course.made_s, course.seconds["arrived"].get(alert)),
        resolved_s=since(course.over_s, course.seconds["resolved"].get(alert)),
    )


def _slices(course: Course, sent: Sequence[SentSearch], slice_s: float) -> list[LoadSlice]:
    found: dict[int, list[SentSearch]] = {}
    for each in sent:
        at_s = each.at - course.clock
        if 0 <= at_s < course.until_s:
            found.setdefault(int(at_s / slice_s), []).append(each)
    return [_slice(n * slice_s, found[n]) for n in sorted(found)]


def _slice(at_s: float, sent: Sequence[SentSearch]) -> LoadSlice:
    took = sorted(each.took_s for each in sent)
    return LoadSlice(
        at_s=at_s,
        sent=len(sent),
        failed=sum(not 200 <= each.status < 300 for each in sent),
        p50_s=round(at_rank(took, 0.5), 4),
        max_s=round(took[-1], 4),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
