# SPDX-License-Identifier: Apache-2.0
"""What is kept of dashboards: bounded, on one grid, named as legends name it."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.observability.pictured import pictured
from mlflow_conformance.observability.prometheus import Prometheus
from mlflow_conformance.report.dashboards import (
    MOST_PANELS,
    MOST_POINTS,
    MOST_SERIES,
    has_data,
    line_of,
)

NOW = 1_767_225_600.5


class Answering:
    """A server's API of Prometheus over data that began a while ago.

    `many` series have a value at every moment, `gone` has none, `wild` is not finite at first,
    and `wrong(` is refused; whatever else is asked has one series.
    """

    def __init__(self, began_s: float = 1e9) -> None:
        self.began = NOW - began_s
        self.asked: list[str] = []

    def __call__(self, method: str, url: str, **_: Any) -> Reply:
        """Answer a request."""
        what = urlsplit(url).path.rsplit("/", 1)[-1]
        given = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        if what == "values":
            return self._good(["p1", "p2", "p3"])
        if what == "query":
            return self._good({"resultType": "scalar", "result": [NOW, str(NOW)]})
        self.asked.append(given["query"])
        if "wrong(" in given["query"]:
            said = {"status": "error", "errorType": "bad_data", "error": "parse error"}
            return Reply(400, {}, json.dumps(said).encode(), 0.1)
        series = {"many": 30, "gone": 0}.get(given["query"], 1)
        return self._good({"result": [self._series(n, given) for n in range(series)]})

    def _series(self, n: int, given: Mapping[str, str]) -> dict[str, Any]:
        since, until, step = (float(given[k]) for k in ("start", "end", "step"))
        moments = [since + step * k for k in range(int((until - since) / step + 1e-9) + 1)]
        values = [[at, "1.23456789"] for at in moments if at >= self.began]
        if given["query"] == "wild":
            values[0][1], values[1][1] = "NaN", "+Inf"
        return {"metric": {"__name__": "m", "pod": f"p{n}"}, "values": values}

    def _good(self, data: object) -> Reply:
        return Reply(200, {}, json.dumps({"status": "success", "data": data}).encode(), 0.1)


def asked(server: Answering, *dashboards: dict[str, Any]) -> Any:
    return pictured(dashboards, Prometheus(server, "http://p:9090", 5))


def board(*panels: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "D", "panels": list(panels), **more}


def panel(*targets: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    each = [{"expr": t} if isinstance(t, str) else t for t in targets]
    return {"title": "P", "type": "timeseries", "targets": each, **more}


def test_series_and_points_are_no_more_than_is_said() -> None:
    (shown,) = asked(Answering(), board(panel("many"), time={"from": "now-7d"})).dashboards
    (only,) = shown.panels
    assert len(only.series) == MOST_SERIES
    assert only.left_out == 30 - MOST_SERIES
    assert {len(s.values) for s in only.series} == {shown.points}
    assert shown.points <= MOST_POINTS
    assert only.series[0].values[0] == 1.235


def test_panels_of_all_dashboards_are_no_more_than_is_said() -> None:
    boards = [board(*(panel("x") for _ in range(MOST_PANELS - 1))), board(panel("x"), panel("y"))]
    record = asked(Answering(), *boards)
    assert [len(d.panels) for d in record.dashboards] == [MOST_PANELS - 1, 1]
    assert record.left_out == 1


@pytest.mark.parametrize(
    ("began_s", "from_", "length_s"),
    [
        (1e9, "now-6h", 6 * 3600),  # there all the time
        (1e9, "now/d", 3600),  # no number of anything: an hour
        (1e9, "now-5s", 60),
        (100, "now-6h", 100),  # a new Prometheus
        (100, "now-7d", 100),
        (1, "now-6h", 60),
    ],
)
def test_the_time_is_the_dashboards_where_there_are_data_of_it(
    began_s: float, from_: str, length_s: float
) -> None:
    (shown,) = asked(Answering(began_s), board(panel("x"), time={"from": from_})).dashboards
    found = shown.step_s * (shown.points - 1)
    assert length_s * 0.9 - 2 <= found <= length_s * 1.3
    assert shown.since.timestamp() == pytest.approx(NOW - found, abs=0.01)
    filled = [v for v in shown.panels[0].series[0].values if v is not None]
    assert len(filled) / shown.points > 0.4 or began_s == 1


def test_what_is_not_finite_is_no_number() -> None:
    (shown,) = asked(Answering(), board(panel("wild"))).dashboards
    values = shown.panels[0].series[0].values
    assert values[:3] == [None, None, 1.235]
    assert all(v is None or math.isfinite(v) for v in values)


def test_queries_that_are_refused_or_bring_nothing_are_told() -> None:
    panels = [panel("wrong(", "x"), panel("gone", title="Empty"), {"type": "text", "title": "T"}]
    (shown,) = asked(Answering(), board(*panels)).dashboards
    refused, gone, text = shown.panels
    assert "parse error" in refused.problem
    assert len(refused.series) == 1
    assert (gone.problem, gone.series, has_data(gone)) == ("", [], False)
    assert (text.queries, text.kind) == (0, "text")
    assert line_of(shown) == {"dashboard": "D", "panels": 2, "empty": ["Empty"]}


@pytest.mark.parametrize(
    ("legend", "name"),
    [
        ("{{pod}}", "p0"),
        ("at {{ pod }}, {{none}}", "at p0, "),
        ("of $job", "of j2"),
        ("", 'm{pod="p0"}'),
        ("__auto", 'm{pod="p0"}'),
    ],
)
def test_series_are_called_as_the_legend_says(legend: str, name: str) -> None:
    jobs = {"name": "job", "type": "custom", "query": "j1,j2", "current": {"value": "j2"}}
    dashboard = board(panel({"expr": "x", "legendFormat": legend}), templating={"list": [jobs]})
    (shown,) = asked(Answering(), dashboard).dashboards
    assert shown.panels[0].series[0].name == name


def test_panels_are_drawn_for_the_values_that_the_dashboard_opens_with() -> None:
    variables = [
        {"name": "pod", "type": "query", "query": "label_values(up, pod)", "label": "Pod",
         "current": {"value": "p2"}},
        {"name": "other", "type": "query", "query": "label_values(up, pod)",
         "current": {"value": "of another cluster"}},
        {"name": "source", "type": "datasource", "query": "prometheus"},
    ]  # fmt: skip
    server = Answering()
    dashboard = board(
        panel('a{pod="$pod",other="$other"}', title="Of $pod"), templating={"list": variables}
    )
    (shown,) = asked(server, dashboard).dashboards
    assert 'a{pod="p2",other="p1"}' in server.asked
    assert shown.panels[0].title == "Of p2"
    assert [(v.label, v.value, v.choices) for v in shown.variables] == [
        ("Pod", "p2", 3),
        ("other", "p1", 3),
        ("source", "prometheus", 1),
    ]


def test_hidden_queries_are_not_asked_and_units_and_places_are_grafanas() -> None:
    old = {"title": "Old", "yaxes": [{"format": "bytes"}], "targets": [{"expr": "x"}]}
    new = panel(
        {"expr": "x"}, {"expr": "hidden", "hide": True}, gridPos={"x": 12, "y": 0, "w": 12, "h": 8},
        fieldConfig={"defaults": {"unit": "reqps"}},
    )  # fmt: skip
    server = Answering()
    (shown,) = asked(server, board(new, old)).dashboards
    assert "hidden" not in server.asked
    assert [(p.unit, p.column, p.columns, p.queries) for p in shown.panels] == [
        ("reqps", 12, 12, 1),
        ("bytes", 0, 12, 1),
    ]
    assert [p.kind for p in shown.panels] == ["timeseries", "graph"]


def test_what_is_asked_for_is_bounded_too() -> None:
    server = Answering(100)
    asked(server, board(panel("x"), time={"from": "now-30d"}))
    assert len([q for q in server.asked if re.fullmatch(r"count\(up\)", q)]) <= 5
