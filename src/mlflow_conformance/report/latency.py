# SPDX-License-Identifier: Apache-2.0
"""The latency report: one file, no script, nothing fetched; a pure function of its evidence."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mlflow_conformance import __version__
from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.load.document import LoadDocument
from mlflow_conformance.load.result import Bin, LoadResult
from mlflow_conformance.report import words
from mlflow_conformance.report.html import Detail, environment

LIMIT = 300_000
"""Bytes that the page stays under: the time line has at most 240 slices, whatever the run."""

_DETAIL = Detail(text=600, value=300, trace=0, rows=60)
_MOST_MARKS = 40
_WIDE, _HIGH = 1000, 240


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, in percent of its length from the left or the bottom."""

    at: float
    text: str


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
    return (
        environment()
        .get_template("latency.html.j2")
        .render(
            run=run,
            start=run.run,
            detail=_DETAIL,
            title=title,
            headline=words.headline(run, whole=whole),
            document=document,
            result=document.result,
            before=document.last_good,
            chart=_chart(document),
            seconds=seconds,
            share=share,
            rate=rate,
            tool_version=__version__,
        )
    )


def seconds(value: float | None) -> str:
    """A latency for a person, three digits: ``0.84 ms``, ``12.3 ms``, ``1.91 s``, ``31.0 s``."""
    if value is None:
        return "-"
    number, unit = (value * 1000, "ms") if value < 0.9995 else (value, "s")
    if number < 0.0005:
        return f"0 {unit}"
    return f"{number:.0f} {unit}" if number >= 99.95 else f"{number:#.3g} {unit}"


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
    seen = [v for b in bins for v in (b.p50_s, b.max_s) if v]
    seen += [document.bound_s] if document.bound_s else []
    low = 10 ** math.floor(math.log10(min(seen, default=0.001)))
    high = max(10 ** math.ceil(math.log10(max(seen, default=1))), low * 10)
    decades = math.log10(high / low)

    def height(value: float) -> float:
        return _HIGH * (1 - math.log10(max(value, low) / low) / decades)

    most = max((max(b.offered, b.sent) for b in bins), default=1) or 1
    return Chart(
        lines=[
            (name, _path(result, [_over(value(b), height) for b in bins])) for name, value in _LINES
        ],
        bound=round(height(document.bound_s), 1) if document.bound_s else None,
        y=[Tick(100 * n / decades, seconds(low * 10**n)) for n in range(round(decades) + 1)],
        x=list(_seconds_axis(result)),
        failed=_bars(result, most),
        offered=_path(result, [_traffic(b.offered, most) for b in bins]),
        sent=_path(result, [_traffic(b.sent, most) for b in bins]),
        most=f"{most / result.bin_s:.3g}/s",
        marks=list(_marks(document)),
        lanes=[_lane(s.name, s.steps, result) for s in document.series],
    )


_LINES: Sequence[tuple[str, Callable[[Bin], float | None]]] = (
    ("max", lambda b: b.max_s),
    ("p50", lambda b: b.p50_s),
    ("p95", lambda b: b.p95_s),
)


def _over(value: float | None, height: Callable[[float], float]) -> float | None:
    return None if value is None else height(value)


def _x(result: LoadResult, at_s: float) -> float:
    return _WIDE * (at_s - result.since_s) / (result.until_s - result.since_s)


def _path(result: LoadResult, heights: Sequence[float | None]) -> str:
    """Steps over the slices, broken where there is nothing to show."""
    parts: list[str] = []
    pen = False
    for b, y in zip(result.timeline, heights, strict=True):
        if y is not None:
            left = _x(result, b.at_s)
            right = min(_x(result, b.at_s + result.bin_s), _WIDE)
            parts.append(f"{'L' if pen else 'M'}{left:.1f} {y:.1f}H{right:.1f}")
        pen = y is not None
    return "".join(parts)


def _traffic(count: int, most: int) -> float:
    # A line along the very edge would be cut in half.
    return 100 - 90 * count / most


def _bars(result: LoadResult, most: int) -> str:
    parts = []
    for b in result.timeline:
        if b.failed:
            left = _x(result, b.at_s)
            right = min(_x(result, b.at_s + result.bin_s), _WIDE)
            # Never lower than can be seen.
            top = min(_traffic(b.failed, most), 94)
            parts.append(f"M{left:.1f} 100V{top:.1f}H{right:.1f}V100Z")
    return "".join(parts)


def _seconds_axis(result: LoadResult) -> Iterator[Tick]:
    length = result.until_s - result.since_s
    steps = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
    step = next((s for s in steps if length / s <= 6), length / 6)
    at = math.ceil(result.since_s / step) * step
    while at <= result.until_s:
        yield Tick(_x(result, at) / 10, _moment(at))
        at += step


def _moment(at: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if at >= size:
            return f"{at / size:g} {unit}"
    return f"{at:g} s"


def _marks(document: LoadDocument) -> Iterator[Mark]:
    result = document.result
    inside = [b for b in document.bands if b.end_s > result.since_s and b.start_s < result.until_s]
    for number, band in enumerate(inside[:_MOST_MARKS], 1):
        left = max(_x(result, band.start_s), 0.0) / 10
        right = min(_x(result, band.end_s), float(_WIDE)) / 10
        yield Mark(
            number=number,
            left=round(left, 2),
            # An instant is still to be seen.
            width=round(max(right - left, 0.3), 2),
            name=band.name,
            span=f"{band.start_s:.1f} s to {band.end_s:.1f} s",
            detail=band.detail,
        )


def _lane(name: str, steps: Sequence[tuple[float, float]], result: LoadResult) -> StepLine:
    most = max((value for _, value in steps), default=0) or 1
    parts: list[str] = []
    for at, value in steps[:2000]:
        x = min(max(_x(result, at), 0.0), float(_WIDE))
        y = 38 - 34 * value / most
        parts.append(f"M{x:.1f} {y:.1f}" if not parts else f"H{x:.1f}V{y:.1f}")
    return StepLine(name, "".join(parts) + f"H{_WIDE}" if parts else "", f"{most:g}")
