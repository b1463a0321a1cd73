# SPDX-License-Identifier: Apache-2.0
"""alerts.html: each fault on a time line of its own, with its alerts and the requests meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.report import words
from mlflow_conformance.report.attached import Attached
from mlflow_conformance.report.courses import CourseRecord
from mlflow_conformance.report.html import whole_page
from mlflow_conformance.report.lanes import of_record, span_of
from mlflow_conformance.report.plot import LogAxis, Tick, TimeAxis, failures, seconds, traffic

_HIGH = 240


@dataclass(frozen=True)
class LoadChart:
    """The requests of one record: paths in view boxes of 1000 by 240 and by 100.

    Attributes:
        told, told_times: the same in words.
        band: where the fault was, in percent from the left, and how wide.
    """

    median: str
    slowest: str
    y: Sequence[Tick]
    sent: str
    failed: str
    most: str
    told: str
    told_times: str
    band: tuple[float, float] | None


def render(run: RunVerdict, attached: Sequence[Attached[CourseRecord]]) -> str:
    """The whole page."""
    drawn = [
        (each, of_record(each.record), _load(each.record)) if each.record else (each, None, None)
        for each in attached
    ]
    return whole_page(
        "alerts.html.j2",
        run,
        words.headline(run, whole=False),
        drawn=drawn,
    )


def _load(record: CourseRecord) -> LoadChart | None:
    """None where nothing was sent."""
    if not record.load:
        return None
    span = span_of(record)
    starts = [each.at_s for each in record.load]
    axis = LogAxis.around([v for s in record.load for v in (s.p50_s, s.max_s) if v])

    def stairs(heights: Sequence[float | None]) -> str:
        return span.stairs(starts, record.slice_s, heights)

    most = max(each.sent for each in record.load)
    sent, failed = sum(s.sent for s in record.load), sum(s.failed for s in record.load)
    slowest = max((s.max_s for s in record.load if s.max_s is not None), default=None)
    return LoadChart(
        median=stairs([_over(s.p50_s, axis) for s in record.load]),
        slowest=stairs([_over(s.max_s, axis) for s in record.load]),
        y=[Tick(at, seconds(value)) for at, value in axis.marks()],
        sent=span.bars(starts, record.slice_s, [traffic(s.sent, most) for s in record.load]),
        failed=span.bars(starts, record.slice_s, [failures(s.failed, most) for s in record.load]),
        most=f"{most / record.slice_s:.3g}/s",
        told=f"{words.plural(sent, 'request')}, {failed} failed",
        told_times=f"Latency: the slowest took {seconds(slowest)}",
        band=_band(record, span),
    )


def _over(value: float | None, axis: LogAxis) -> float | None:
    return None if value is None else axis.height(value, _HIGH)


def _band(record: CourseRecord, span: TimeAxis) -> tuple[float, float] | None:
    if record.made_s is None:
        return None
    end_s = record.until_s if record.undoing_s is None else record.undoing_s
    left = span.percent(record.made_s)
    return round(left, 2), round(max(span.percent(end_s) - left, 0.3), 2)
