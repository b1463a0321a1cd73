# SPDX-License-Identifier: Apache-2.0
"""dashboards.html: every dashboard as a picture, from what its panels' queries brought."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.report import words
from mlflow_conformance.report.attached import Attached
from mlflow_conformance.report.dashboards import (
    DashboardShown,
    DashboardsRecord,
    PanelShown,
    SeriesShown,
    has_data,
)
from mlflow_conformance.report.html import whole_page
from mlflow_conformance.report.plot import WIDE, Tick, TimeAxis
from mlflow_conformance.report.units import base, written

LIMIT = 300_000
"""Bytes that the page stays under: of panels with many series fewer are drawn then."""
_FEWER = (20, 8, 3, 1)
_HIGH = 240
_COLORS, _DASHES = 6, 3
_ROUND = {2: (1, 2), 10: (1, 2, 5, 10), 60: (1, 2, 5, 10, 15, 30, 60)}
"""By how much of a power of a base the marks of an axis may be apart."""
_BIG = ("stat", "singlestat", "gauge", "bargauge")
"""Panels that show the last number, large."""
_LINES = ("timeseries", "graph", *_BIG)


@dataclass(frozen=True)
class LineDrawn:
    """One series: its path in a view box of 1000 by 240, how it looks, and its numbers."""

    name: str
    look: str
    path: str
    last: str
    least: str
    most: str


@dataclass(frozen=True)
class PanelDrawn:
    """One panel.

    Attributes:
        told: the picture in words.
        big: what it shows large, if it does.
        left_out: series that are not drawn.
    """

    shown: PanelShown
    lines: Sequence[LineDrawn]
    y: Sequence[Tick]
    told: str
    big: Sequence[LineDrawn]
    left_out: int
    otherwise: str


@dataclass(frozen=True)
class DashboardDrawn:
    """One dashboard: its panels, the axis of time that all of them have, and which are empty."""

    shown: DashboardShown
    panels: Sequence[PanelDrawn]
    x: Sequence[Tick]
    length_s: float
    asked: int
    empty: Sequence[str]


def render(run: RunVerdict, attached: Sequence[Attached[DashboardsRecord]]) -> str:
    """The whole page; see `LIMIT`."""
    pages = (_page(run, attached, most) for most in _FEWER)
    page = next(pages)
    while len(page.encode()) > LIMIT and (fewer := next(pages, None)) is not None:
        page = fewer
    return page


def _page(run: RunVerdict, attached: Sequence[Attached[DashboardsRecord]], most: int) -> str:
    drawn = [
        (each, [_dashboard(d, most) for d in each.record.dashboards] if each.record else [])
        for each in attached
    ]
    return whole_page(
        "dashboards.html.j2",
        run,
        words.headline(run, whole=False),
        drawn=drawn,
    )


def _dashboard(shown: DashboardShown, most: int) -> DashboardDrawn:
    length_s = shown.step_s * max(shown.points - 1, 1)
    asked = [panel for panel in shown.panels if panel.queries]
    return DashboardDrawn(
        shown=shown,
        panels=[_panel(panel, most) for panel in shown.panels],
        x=TimeAxis(0, length_s).ticks(),
        length_s=length_s,
        asked=len(asked),
        empty=[panel.title for panel in asked if not has_data(panel)],
    )


def _panel(shown: PanelShown, most: int) -> PanelDrawn:
    seen = [value for each in shown.series for value in each.values if value is not None]
    marks = _marks(min(seen, default=0), max(seen, default=0), shown.unit)
    low, high = marks[0], marks[-1]
    lines = [_line(n, each, shown.unit, low, high) for n, each in enumerate(shown.series[:most])]
    told = "; ".join(f"{x.name} {x.last}, from {x.least} to {x.most}" for x in lines)
    return PanelDrawn(
        shown=shown,
        lines=lines,
        y=[Tick(100 * (m - low) / (high - low), written(m, shown.unit)) for m in marks],
        told=f"{shown.title}: {told}",
        big=lines if shown.kind in _BIG else [],
        left_out=shown.left_out + len(shown.series) - len(lines),
        otherwise="" if shown.kind in _LINES else shown.kind,
    )


def _line(number: int, series: SeriesShown, unit: str, low: float, high: float) -> LineDrawn:
    seen = [value for value in series.values if value is not None]

    def said(value: float | None) -> str:
        return "no data" if value is None else written(value, unit)

    return LineDrawn(
        name=series.name,
        look=f"c{number % _COLORS} d{number // _COLORS % _DASHES}",
        path="".join(_path(series.values, low, high)),
        last=said(seen[-1] if seen else None),
        least=said(min(seen, default=None)),
        most=said(max(seen, default=None)),
    )


def _path(values: Sequence[float | None], low: float, high: float) -> Iterator[str]:
    """A line through neighbours; one that has none is a short stroke, for a point has no length."""
    apart = WIDE / max(len(values) - 1, 1)
    for n, value in enumerate(values):
        if value is None:
            continue
        y = _HIGH * (1 - (value - low) / (high - low))
        joined = n > 0 and values[n - 1] is not None
        alone = not joined and (n + 1 == len(values) or values[n + 1] is None)
        yield f"{'L' if joined else 'M'}{n * apart:.1f} {y:.1f}{'h4' if alone else ''}"


def _marks(least: float, most: float, unit: str) -> list[float]:
    """The marks of an axis that holds zero and some values, the lowest first: two or more."""
    low, high = min(least, 0.0), max(most, 0.0)
    if high == low:
        high = low + 1
    rough, round_in = (high - low) / 4, base(unit, high - low)
    size = round_in ** math.floor(math.log(rough, round_in))
    step = next(by * size for by in _ROUND[round_in] if by * size >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, last + 1)]
