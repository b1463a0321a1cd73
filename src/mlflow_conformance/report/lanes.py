# SPDX-License-Identifier: Apache-2.0
"""Alerts as lanes over one time line: the fault, when each waited, fired, was told and resolved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlflow_conformance.report.alerts import AlertTold
from mlflow_conformance.report.courses import AlertMoments, CourseRecord
from mlflow_conformance.report.plot import Tick, TimeAxis
from mlflow_conformance.report.words import duration

_THINNEST = 3.0


@dataclass(frozen=True)
class AlertBar:
    """A span in a lane, in a view box of 1000; `kind` is ``fault``, ``change``, ``pending`` or
    ``firing``."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True)
class AlertMark:
    """A moment in a lane; `kind` is ``arrived`` or ``resolved``."""

    kind: str
    x: float


@dataclass(frozen=True)
class AlertLane:
    """One alert, or the fault itself.

    Attributes:
        told: the same in words.
    """

    name: str
    bars: Sequence[AlertBar]
    lines: Sequence[AlertMark]
    told: str


@dataclass(frozen=True)
class Lanes:
    """Lanes on one axis of seconds."""

    rows: Sequence[AlertLane]
    ticks: Sequence[Tick]


@dataclass(frozen=True)
class _Fault:
    """When a fault was in effect, and what it took to make and to undo it: moments of an axis."""

    making_s: float
    made_s: float | None
    undoing_s: float | None
    over_s: float | None


def since_the_fault(alerts: Sequence[AlertTold]) -> Lanes | None:
    """Alerts of many faults, each from when its own fault was in effect; None where no evidence
    says how long a fault was."""
    found = []
    for told in alerts:
        if (lasted_s := told.lasted_s) is None:
            continue
        resolved_s = None if told.resolved_s is None else lasted_s + told.resolved_s
        moments = AlertMoments(
            alert=told.alert, pending_s=told.pending_s, fired_s=told.fired_s,
            arrived_s=told.arrived_s, resolved_s=resolved_s,
        )  # fmt: skip
        found.append((_Fault(0, 0, lasted_s, lasted_s), moments))
    if not found:
        return None
    last_s = max(max(f.over_s or 0, *filter(None, _all(m))) for f, m in found)
    span = TimeAxis(0, max(last_s * 1.02, 1))
    rows = [_lane(moments, fault, span, with_fault=True) for fault, moments in found]
    return Lanes(rows, span.ticks())


def of_record(record: CourseRecord) -> Lanes:
    """One fault and its alerts, from when the fault began to be made."""
    span = span_of(record)
    fault = _Fault(0, record.made_s, record.undoing_s, record.over_s)
    last_s = record.until_s
    bars = [
        *_bar("change", 0, record.made_s if record.made_s is not None else last_s, span),
        *_bar("fault", record.made_s, _first(record.undoing_s, last_s), span),
        *_bar("change", record.undoing_s, _first(record.over_s, last_s), span),
    ]
    rows = [
        AlertLane("The fault", bars, [], f"The fault: {record.fault}. {_fault_told(fault)}"),
        *(_lane(each, fault, span, with_fault=False) for each in record.alerts),
    ]
    return Lanes(rows, span.ticks())


def span_of(record: CourseRecord) -> TimeAxis:
    """The time that a record is about."""
    return TimeAxis(0, record.until_s)


def _lane(moments: AlertMoments, fault: _Fault, span: TimeAxis, *, with_fault: bool) -> AlertLane:
    over_s = _first(moments.resolved_s, span.until_s)
    bars = [
        *(_bar("fault", fault.made_s, fault.over_s, span) if with_fault else ()),
        *_bar("pending", moments.pending_s, _first(moments.fired_s, over_s), span),
        *_bar("firing", moments.fired_s, over_s, span),
    ]
    lines = [
        AlertMark(kind, round(span.percent(at_s) * 10, 1))
        for kind, at_s in (("arrived", moments.arrived_s), ("resolved", moments.resolved_s))
        if at_s is not None
    ]
    return AlertLane(moments.alert, bars, lines, _alert_told(moments, fault, with_fault=with_fault))


def _bar(
    kind: str, since_s: float | None, until_s: float | None, span: TimeAxis
) -> Iterator[AlertBar]:
    if since_s is not None and until_s is not None and until_s >= since_s:
        left, right = span.percent(since_s) * 10, span.percent(until_s) * 10
        # An instant is still to be seen.
        yield AlertBar(kind, round(left, 1), round(max(right - left, _THINNEST), 1))


def _first(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _all(moments: AlertMoments) -> Sequence[float | None]:
    return moments.pending_s, moments.fired_s, moments.arrived_s, moments.resolved_s


def _fault_told(fault: _Fault) -> str:
    said = [
        ("in effect", fault.made_s),
        ("being undone", fault.undoing_s),
        ("over", fault.over_s),
    ]
    return "; ".join(f"{what} {_at(at_s)}" for what, at_s in said)


def _alert_told(moments: AlertMoments, fault: _Fault, *, with_fault: bool) -> str:
    said = [] if moments.pending_s is None else [f"pending {_at(moments.pending_s)}"]
    said += [
        f"fired {_at(moments.fired_s)}",
        f"arrived at the receiver {_at(moments.arrived_s)}",
        f"resolved there {_at(moments.resolved_s)}",
    ]
    if with_fault:
        said.append(f"the fault was over {_at(fault.over_s)}")
    return f"{moments.alert}: {'; '.join(said)}"


def _at(at_s: float | None) -> str:
    return "never" if at_s is None else f"after {duration(at_s)}"
