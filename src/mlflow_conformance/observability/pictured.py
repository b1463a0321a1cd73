# SPDX-License-Identifier: Apache-2.0
"""What the panels of dashboards show over time, kept small, for the report to draw."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mlflow_conformance.observability.dashboards import (
    choices_of,
    filled,
    panels_of,
    title_of,
    variables_of,
)
from mlflow_conformance.observability.prometheus import NoAnswer, Prometheus, Track, seconds
from mlflow_conformance.report.dashboards import (
    MOST_PANELS,
    MOST_POINTS,
    MOST_SERIES,
    Chosen,
    DashboardShown,
    DashboardsRecord,
    PanelShown,
    SeriesShown,
)

_SHORTEST_S, _USUAL_S = 60.0, 3600.0
_WIDTH, _COLUMNS = 12, 24
_LONGEST_NAME = 120
_DIGITS = 4
_AGO = re.compile(r"now-(\d+[smhd])")
_LABEL = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def pictured(dashboards: Sequence[Mapping[str, Any]], prometheus: Prometheus) -> DashboardsRecord:
    """What every panel shows, over the time that its dashboard is about and there are data of.

    Panels are drawn for one value of each variable: the one that the dashboard opens with, where
    that is one of them, else the first.

    Raises:
        NoReply, NoAnswer: Prometheus does not answer; what it says of a panel's own query is told.
        Undecided: a variable's values cannot be told.
    """
    now = prometheus.query("time()")[0].value
    shown: list[DashboardShown] = []
    room = MOST_PANELS
    for dashboard in dashboards:
        shown.append(_dashboard(dashboard, prometheus, now, room))
        room -= len(shown[-1].panels)
    panels = sum(len(list(panels_of(dashboard))) for dashboard in dashboards)
    return DashboardsRecord(dashboards=shown, left_out=panels - (MOST_PANELS - room))


def _dashboard(
    dashboard: Mapping[str, Any], prometheus: Prometheus, now: float, most: int
) -> DashboardShown:
    chosen = {str(v["name"]): _chosen(v, prometheus) for v in variables_of(dashboard)}
    values = {name: each.value for name, each in chosen.items()}
    length_s = _length_s(prometheus, now, _range_s(dashboard))
    step_s = float(max(1, math.ceil(length_s / (MOST_POINTS - 1))))
    points = int(length_s // step_s) + 1
    moments = [now - step_s * n for n in range(points - 1, -1, -1)]
    return DashboardShown(
        title=filled(title_of(dashboard), values),
        variables=list(chosen.values()),
        since=datetime.fromtimestamp(moments[0], UTC),
        step_s=step_s,
        points=points,
        panels=[
            _panel(panel, values, prometheus, moments, step_s)
            for panel in list(panels_of(dashboard))[:most]
        ],
    )


def _chosen(variable: Mapping[str, Any], prometheus: Prometheus) -> Chosen:
    label = str(variable.get("label") or variable["name"])
    if variable.get("type") == "datasource":
        return Chosen(label=label, value=str(variable.get("query") or ""), choices=1)
    choices = choices_of(variable, prometheus.values)
    opened = (variable.get("current") or {}).get("value")
    value = opened if opened in choices else next(iter(choices), "")
    return Chosen(label=label, value=str(value), choices=len(choices))


def _range_s(dashboard: Mapping[str, Any]) -> float:
    """How far back a dashboard looks when it is opened, seconds."""
    said = _AGO.fullmatch(str((dashboard.get("time") or {}).get("from") or ""))
    return seconds(said[1]) if said else _USUAL_S


def _length_s(prometheus: Prometheus, now: float, most_s: float) -> float:
    """How far back there is anything, seconds: a new Prometheus would be a picture of nothing.

    By looking at ever shorter times until most of one is there.
    """
    length_s = max(most_s, _SHORTEST_S)
    while True:
        step_s = length_s / MOST_POINTS
        found = prometheus.over("count(up)", now - length_s, now, step_s)
        there_s = max((now - track.points[0][0] + step_s for track in found), default=length_s)
        before_s, length_s = length_s, min(length_s, max(there_s, _SHORTEST_S))
        if length_s > before_s / 2:
            return length_s


def _panel(
    panel: Mapping[str, Any],
    values: Mapping[str, str],
    prometheus: Prometheus,
    moments: Sequence[float],
    step_s: float,
) -> PanelShown:
    place = panel.get("gridPos") or {}
    column = min(max(int(place.get("x") or 0), 0), _COLUMNS - 1)
    targets = [t for t in panel.get("targets") or [] if t.get("expr") and not t.get("hide")]
    series: list[SeriesShown] = []
    problems = []
    for target in targets:
        expression = filled(str(target["expr"]), values)
        try:
            tracks = prometheus.over(expression, moments[0], moments[-1], step_s)
        except NoAnswer as problem:
            problems.append(str(problem))
            continue
        legend = filled(str(target.get("legendFormat") or ""), values)
        series += [
            SeriesShown(
                name=_named(legend, expression, track)[:_LONGEST_NAME],
                values=_on_grid(track, moments, step_s),
            )
            for track in tracks
        ]
    return PanelShown(
        title=filled(str(panel.get("title") or ""), values),
        kind=str(panel.get("type") or "graph"),
        unit=_unit(panel),
        column=column,
        columns=min(max(int(place.get("w") or _WIDTH), 1), _COLUMNS - column),
        queries=len(targets),
        series=series[:MOST_SERIES],
        left_out=max(len(series) - MOST_SERIES, 0),
        problem="; ".join(problems)[:500],
    )


def _unit(panel: Mapping[str, Any]) -> str:
    """Its unit: of the panel, or as graphs of before Grafana 8 keep it, of the left axis."""
    unit = ((panel.get("fieldConfig") or {}).get("defaults") or {}).get("unit")
    left: Mapping[str, Any] = next(iter(panel.get("yaxes") or []), {})
    return str(unit or left.get("format") or panel.get("format") or "")


def _named(legend: str, expression: str, track: Track) -> str:
    """As a legend names a series; without one Grafana shows its labels, and the query without."""
    if legend and legend != "__auto":
        return _LABEL.sub(lambda label: track.labels.get(label[1], ""), legend)
    labels = ", ".join(f'{k}="{v}"' for k, v in track.labels.items() if k != "__name__")
    name = track.labels.get("__name__", "")
    return f"{name}{{{labels}}}" if labels else name or expression


def _on_grid(track: Track, moments: Sequence[float], step_s: float) -> list[float | None]:
    found: list[float | None] = [None] * len(moments)
    for at, value in track.points:
        n = round((at - moments[0]) / step_s)
        if 0 <= n < len(found) and math.isfinite(value):
            found[n] = float(f"{value:.{_DIGITS}g}")
    return found
