# SPDX-License-Identifier: Apache-2.0
"""The latency report: one file, no script, nothing fetched; a pure function of its evidence."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.load.document import LoadDocument
from mlflow_conformance.load.result import Bin
from mlflow_conformance.report import words
from mlflow_conformance.report.html import Detail, whole_page
from mlflow_conformance.report.plot import WIDE, LogAxis, Tick, TimeAxis, failures, seconds, traffic

LIMIT = 300_000
"""Bytes that the page stays under: the time line has at most 240 slices, whatever the run."""

_DETAIL = Detail(text=600, value=300, trace=0, rows=60)
_MOST_MARKS = 40
_PARTS = 200
"""Parts of the axis for which a number that changed in steps is told: a picture shows no more."""
_HIGH = 240


@dataclass(frozen=True)
class Mark:
    """A band as drawn: where it lies in percent, and its number in the legend."""

    number: int
    left: float
    width: float
    name: str
    span: str
    detail: str


@dataclass(frozen=True)
class StepLine:
    """A number that changed in steps, drawn below the latencies."""

    name: str
    path: str
    top: str


@dataclass(frozen=True)
class Chart:
    """Paths in a view box of 1000 by 240, stretched by the page."""

    lines: Sequence[tuple[str, str]]
    bound: float | None
    y: Sequence[Tick]
    x: Sequence[Tick]
    failed: str
    offered: str
    sent: str
    most: str
    marks: Sequence[Mark]
    lanes: Sequence[StepLine]


def render(
    run: RunVerdict, document: LoadDocument, *, title: str = "latency report", whole: bool = True
) -> str:
    """The whole page.

    Args:
        title: what the page is.
        whole: false when the run's checks are not all that the run was about.
    """
    return whole_page(
        "latency.html.j2",
        run,
        words.headline(run, whole=whole),
        detail=_DETAIL,
        title=title,
        document=document,
        result=document.result,
        before=document.last_good,
        earlier={o.name: o for o in document.last_good.operations} if document.last_good else {},
        chart=_chart(document),
        seconds=seconds,
        share=share,
        rate=rate,
    )


def share(value: float | None) -> str:
    """A share in percent that never rounds up to 100 nor down to 0."""
    if value is None:
        return "-"
    if value in (0, 1):
        return f"{value:.0%}"
    for digits in (1, 2, 3, 4):
        text = f"{value * 100:.{digits}f}"
        if 0 < float(text) < 100:
            return f"{text} %"
    return "< 0.0001 %" if value < 0.5 else "> 99.9999 %"


def rate(value: float | None) -> str:
    """A burn rate or a rate a second, two significant digits below 10."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _chart(document: LoadDocument) -> Chart:
    result = document.result
    bins = result.timeline
    span = TimeAxis(result.since_s, result.until_s)
    seen = [v for b in bins for v in (b.p50_s, b.max_s) if v]
    axis = LogAxis.around([*seen, *([document.bound_s] if document.bound_s else [])])
    most = max((max(b.offered, b.sent) for b in bins), default=1) or 1
    starts = [b.at_s for b in bins]

    def stairs(heights: Sequence[float | None]) -> str:
        return span.stairs(starts, result.bin_s, heights)

    return Chart(
        lines=[(name, stairs([_over(value(b), axis) for b in bins])) for name, value in _LINES],
        bound=round(axis.height(document.bound_s, _HIGH), 1) if document.bound_s else None,
        y=[Tick(at, seconds(value)) for at, value in axis.marks()],
        x=span.ticks(),
        failed=span.bars(starts, result.bin_s, [failures(b.failed, most) for b in bins]),
        offered=stairs([traffic(b.offered, most) for b in bins]),
        sent=stairs([traffic(b.sent, most) for b in bins]),
        most=f"{most / result.bin_s:.3g}/s",
        marks=list(_marks(document, span)),
        lanes=[_lane(s.name, s.steps, span) for s in document.series],
    )


_LINES: Sequence[tuple[str, Callable[[Bin], float | None]]] = (
    ("max", lambda b: b.max_s),
    ("p50", lambda b: b.p50_s),
    ("p95", lambda b: b.p95_s),
)


def _over(value: float | None, axis: LogAxis) -> float | None:
    return None if value is None else axis.height(value, _HIGH)


def _marks(document: LoadDocument, span: TimeAxis) -> Iterator[Mark]:
    inside = [b for b in document.bands if b.end_s > span.since_s and b.start_s < span.until_s]
    for number, band in enumerate(inside[:_MOST_MARKS], 1):
        left, right = span.percent(band.start_s), span.percent(band.end_s)
        yield Mark(
            number=number,
            left=round(left, 2),
            # An instant is still to be seen.
            width=round(max(right - left, 0.3), 2),
            name=band.name,
            span=f"{band.start_s:.1f} s to {band.end_s:.1f} s",
            detail=band.detail,
        )


def _thinned(steps: Sequence[tuple[float, float]], span: TimeAxis) -> Iterator[tuple[float, float]]:
    """The first, lowest, highest and last step of every part of the axis, in their order."""
    parts: dict[int, list[tuple[float, float]]] = {}
    for step in steps:
        parts.setdefault(int(span.percent(step[0]) * _PARTS / 100), []).append(step)
    for part in parts.values():
        told = {0, len(part) - 1}
        told |= {choose(range(len(part)), key=lambda n: part[n][1]) for choose in (min, max)}
        yield from (part[n] for n in sorted(told))


def _lane(name: str, steps: Sequence[tuple[float, float]], span: TimeAxis) -> StepLine:
    most = max((value for _, value in steps), default=0) or 1
    parts: list[str] = []
    for at, value in _thinned(steps, span):
        x = span.percent(at) * 10
        y = 38 - 34 * value / most
        parts.append(f"M{x:.1f} {y:.1f}" if not parts else f"H{x:.1f}V{y:.1f}")
    return StepLine(name, "".join(parts) + f"H{WIDE}" if parts else "", f"{most:g}")
